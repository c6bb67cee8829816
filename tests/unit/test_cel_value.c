/* Unit tests of src/cel's values: equality, order, lookup, conversions, time and zones. */
#include "cel/convert.h"
#include "cel/overload.h"
#include "cel/time.h"
#include "cel/zone.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct cel_eval *evaluation(void)
{
	static struct cel_eval eval;
	static char scratch[65536 * 2] __attribute__((aligned(16)));

	cel_eval_init(&eval, scratch, sizeof(scratch), 100000);
	return &eval;
}

static struct cel_value str(const char *z)
{
	return cel_string(str_of(z));
}

static void numbers_meet_by_value(void **state)
{
	int order;

	(void)state;
	assert_true(cel_equal(cel_int(1), cel_uint(1)));
	assert_true(cel_equal(cel_int(1), cel_double(1)));
	assert_true(cel_equal(cel_uint(UINT64_MAX), cel_double(0x1p64)));
	assert_false(cel_equal(cel_int(-1), cel_uint(UINT64_MAX)));
	assert_false(cel_equal(cel_double(NAN), cel_double(NAN)));
	assert_false(cel_equal(cel_int(1), str("1")));
	assert_int_equal(cel_compare(cel_int(-1), cel_uint(0), &order), 0);
	assert_int_equal(order, -1);
	assert_int_equal(cel_compare(cel_uint(UINT64_MAX), cel_int(INT64_MAX), &order), 0);
	assert_int_equal(order, 1);
	assert_int_equal(cel_compare(cel_int(INT64_MAX), cel_double(0x1p63), &order), 0);
	assert_int_equal(order, 0);
	assert_int_equal(cel_compare(cel_double(NAN), cel_int(0), &order), -EINVAL);
	assert_int_equal(cel_compare(str("b"), str("ab"), &order), 0);
	assert_int_equal(order, 1);
	assert_int_equal(cel_compare(CEL_NULL_VALUE, CEL_NULL_VALUE, &order), -EINVAL);
}

static void maps_find_keys_across_kinds(void **state)
{
	struct cel_entry entries[] = {
		{ cel_int(1), str("int") },
		{ cel_uint(5), str("uint") },
		{ str("k"), str("string") },
		{ cel_bool(true), str("bool") },
	};
	struct cel_entry turned[] = { entries[3], entries[2], entries[1], entries[0] };
	struct cel_value m = { .kind = CEL_MAP, .n = COUNT(entries), .entries = entries };
	struct cel_value same = { .kind = CEL_MAP, .n = COUNT(turned), .entries = turned };

	(void)state;
	assert_true(cel_equal(*cel_map_find(m, cel_double(1)), str("int")));
	assert_true(cel_equal(*cel_map_find(m, cel_uint(1)), str("int")));
	assert_true(cel_equal(*cel_map_find(m, cel_int(5)), str("uint")));
	assert_true(cel_equal(*cel_map_find(m, str("k")), str("string")));
	assert_true(cel_equal(*cel_map_find(m, cel_bool(true)), str("bool")));
	assert_null(cel_map_find(m, cel_bool(false)));
	assert_null(cel_map_find(m, cel_double(1.5)));
	assert_null(cel_map_find(m, str("kk")));
	assert_true(cel_equal(m, same));
	turned[0].value = str("other");
	assert_false(cel_equal(m, same));
}

/* 2^60 pairs to compare, in 60 lists of two. */
static void shared_parts_cannot_explode(void **state)
{
	struct cel_value a[60][2], b[60][2], x, y;
	struct cel_eval *eval = evaluation();

	(void)state;
	a[0][0] = a[0][1] = b[0][0] = b[0][1] = cel_int(1);
	for (int i = 1; i < 60; i++) {
		x = (struct cel_value){ .kind = CEL_LIST, .n = 2, .items = a[i - 1] };
		y = (struct cel_value){ .kind = CEL_LIST, .n = 2, .items = b[i - 1] };
		a[i][0] = a[i][1] = x;
		b[i][0] = b[i][1] = y;
	}
	assert_int_equal(cel_equals(eval, x, y), -EDQUOT);
	assert_int_equal(cel_eval_steps(eval), 100000);
}

static void conversions(void **state)
{
	static const struct {
		struct cel_value (*convert)(struct cel_eval *eval, struct cel_value v);
		struct cel_value from, to; /* to: an error when of kind CEL_ERROR */
	} t[] = {
#define S(z) { .kind = CEL_STRING, .n = sizeof(z) - 1, .p = z }
#define I(v)                            \
	{                               \
		.kind = CEL_INT, .i = v \
	}
#define U(v)                             \
	{                                \
		.kind = CEL_UINT, .u = v \
	}
#define D(v)                               \
	{                                  \
		.kind = CEL_DOUBLE, .d = v \
	}
#define E                         \
	{                         \
		.kind = CEL_ERROR \
	}
		{ cel_to_int, S("-9223372036854775808"), I(INT64_MIN) },
		{ cel_to_int, S("-9223372036854775809"), E },
		{ cel_to_int, S("9223372036854775808"), E },
		{ cel_to_int, S("007"), I(7) },
		{ cel_to_int, S(""), E },
		{ cel_to_int, S("-"), E },
		{ cel_to_int, S("1 "), E },
		{ cel_to_int, D(-7.9), I(-7) },
		{ cel_to_int, D(0x1p63), E },
		{ cel_to_int, D(-0x1p63), E },
		{ cel_to_int, D(NAN), E },
		{ cel_to_uint, D(-0.5), U(0) },
		{ cel_to_uint, D(NAN), E },
		{ cel_to_uint, I(-1), E },
		{ cel_to_uint, S("18446744073709551615"), U(UINT64_MAX) },
		{ cel_to_uint, S("-1"), E },
		{ cel_to_double, S("-84.32e7"), D(-843200000) },
		{ cel_to_double, S(".5"), D(.5) },
		{ cel_to_double, S("0x10"), E },
		{ cel_to_double, S("1e"), E },
		{ cel_to_double, S("1e999"), E },
		{ cel_to_double, S("nan(1)"), E },
		{ cel_to_double, S("-Infinity"), D(-INFINITY) },
		{ cel_to_string, D(123.456), S("123.456") },
		{ cel_to_string, D(0.1 + 0.2), S("0.30000000000000004") },
		{ cel_to_string, I(INT64_MIN), S("-9223372036854775808") },
		{ cel_to_string, { .kind = CEL_BYTES, .n = 2, .p = "\xc3\xbf" }, S("\xc3\xbf") },
		{ cel_to_string, { .kind = CEL_BYTES, .n = 1, .p = "\xff" }, E },
		{ cel_to_bool, S("True"), { .kind = CEL_BOOL, .b = true } },
		{ cel_to_bool, S("TrUe"), E },
		{ cel_to_bool, I(1), E },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct cel_value got = t[i].convert(evaluation(), t[i].from);

		if (got.kind != t[i].to.kind || (got.kind != CEL_ERROR && !cel_equal(got, t[i].to)))
			fail_msg("row %zu: kind %d", i, got.kind);
	}
}

static void timestamps_as_text(void **state)
{
	static const struct {
		const char *text;
		int rc;
		int64_t seconds;
		uint32_t nanos;
		const char *printed; /* NULL: as it was */
	} t[] = {
		{ "1970-01-01T00:00:00Z", 0, 0, 0, NULL },
		{ "2009-02-13T23:31:30Z", 0, 1234567890, 0, NULL },
		{ "2009-02-14T00:31:30.500+01:00", 0, 1234567890, 500000000,
		  "2009-02-13T23:31:30.5Z" },
		{ "0001-01-01T00:00:00Z", 0, CEL_TIME_MIN, 0, NULL },
		{ "9999-12-31T23:59:59.999999999Z", 0, CEL_TIME_MAX, 999999999, NULL },
		{ "1600-02-29T12:00:00Z", 0, -11670955200, 0, NULL },
		{ "0001-01-01T00:00:00+00:01", -ERANGE, 0, 0, NULL },
		{ "0000-12-31T23:59:59Z", -ERANGE, 0, 0, NULL },
		{ "10000-01-01T00:00:00Z", -ERANGE, 0, 0, NULL },
		{ "1900-02-29T00:00:00Z", -EINVAL, 0, 0, NULL },
		{ "2009-02-13t23:31:30Z", -EINVAL, 0, 0, NULL },
		{ "2009-02-13 23:31:30Z", -EINVAL, 0, 0, NULL },
		{ "2009-02-13T23:31:60Z", -EINVAL, 0, 0, NULL },
		{ "2009-02-13T24:00:00Z", -EINVAL, 0, 0, NULL },
		{ "2009-02-13T23:31:30.Z", -EINVAL, 0, 0, NULL },
		{ "2009-02-13T23:31:30.1234567891Z", -EINVAL, 0, 0, NULL },
		{ "2009-02-13T23:31:30", -EINVAL, 0, 0, NULL },
		{ "2009-02-13T23:31:30+24:00", -EINVAL, 0, 0, NULL },
		{ "2009-02-13T23:31:30Z ", -EINVAL, 0, 0, NULL },
		{ "2009-13-01T00:00:00Z", -EINVAL, 0, 0, NULL },
		{ "", -EINVAL, 0, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct cel_value v = { 0 };
		int rc = cel_timestamp_parse(str_of(t[i].text), &v);
		char text[CEL_TIME_TEXT];

		if (rc != t[i].rc || v.i != t[i].seconds || v.nanos != t[i].nanos)
			fail_msg("%s: %d, %lld.%u", t[i].text, rc, (long long)v.i, v.nanos);
		if (rc == 0)
			assert_true(str_eqz((struct str){ text, cel_timestamp_print(v, text) },
					    t[i].printed ? t[i].printed : t[i].text));
	}
}

static void durations_as_text(void **state)
{
	static const struct {
		const char *text;
		int rc;
		int64_t seconds;
		int32_t nanos;
		const char *printed;
	} t[] = {
		{ "0", 0, 0, 0, "0s" },
		{ "1h30m", 0, 5400, 0, "5400s" },
		{ "-1.5s", 0, -1, -500000000, "-1.5s" },
		{ "-0.5s", 0, 0, -500000000, "-0.5s" },
		{ "100ms", 0, 0, 100000000, "0.1s" },
		{ "1us2ns", 0, 0, 1002, "0.000001002s" },
		{ "1\xc2\xb5s", 0, 0, 1000, "0.000001s" },
		{ "+.5h", 0, 1800, 0, "1800s" },
		{ "315576000000s", 0, 315576000000, 0, "315576000000s" },
		{ "315576000000.000000001s", -ERANGE, 0, 0, NULL },
		{ "-315576000001s", -ERANGE, 0, 0, NULL },
		{ "99999999999999999999999999999999999999999999h", -ERANGE, 0, 0, NULL },
		{ "1", -EINVAL, 0, 0, NULL },
		{ "", -EINVAL, 0, 0, NULL },
		{ "s", -EINVAL, 0, 0, NULL },
		{ "1d", -EINVAL, 0, 0, NULL },
		{ ".s", -EINVAL, 0, 0, NULL },
		{ "1s ", -EINVAL, 0, 0, NULL },
		{ "--1s", -EINVAL, 0, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct cel_value v = { 0 };
		int rc = cel_duration_parse(str_of(t[i].text), &v);
		char text[CEL_TIME_TEXT];

		if (rc != t[i].rc || v.i != t[i].seconds || (int32_t)v.nanos != t[i].nanos)
			fail_msg("%s: %d, %lld.%d", t[i].text, rc, (long long)v.i, (int)v.nanos);
		if (rc == 0)
			assert_true(str_eqz((struct str){ text, cel_duration_print(v, text) },
					    t[i].printed));
	}
}

/* Every day of years 1 to 9999 follows the one before it. */
static void the_calendar_is_whole(void **state)
{
	struct cel_civil last, c;
	int64_t days = 1;

	(void)state;
	cel_civil_of(CEL_TIME_MIN, &last);
	assert_true(last.year == 1 && last.month == 1 && last.day == 1 && last.week_day == 1);
	for (int64_t at = CEL_TIME_MIN + 86400; at <= CEL_TIME_MAX; at += 86400, days++) {
		cel_civil_of(at, &c);
		if (cel_days_of(c.year, c.month, c.day) * 86400 != at ||
		    c.week_day != (last.week_day + 1) % 7 ||
		    !((c.day == last.day + 1 && c.month == last.month) || c.day == 1) ||
		    (c.year == last.year ? c.year_day != last.year_day + 1 : c.year_day != 0))
			fail_msg("day %lld", (long long)days);
		last = c;
	}
	assert_int_equal(days, 3652059);
}

static int32_t offset_of(const char *name, int64_t at)
{
	static char file[CEL_ZONE_MAX];
	struct cel_zone zone;
	int64_t n;

	if (cel_zone_fixed(str_of(name), &zone) == 0)
		return cel_zone_offset(&zone, at);
	n = cel_zone_read(str_of(name), file, sizeof(file));
	if (n < 0 || cel_zone_parse((struct str){ file, (size_t)n }, &zone) < 0)
		return -1;
	return cel_zone_offset(&zone, at);
}

static void fixed_zones(void **state)
{
	(void)state;
	assert_int_equal(offset_of("UTC", 0), 0);
	assert_int_equal(offset_of("-02:30", 0), -9000);
	assert_int_equal(offset_of("02:00", 0), 7200);
	assert_int_equal(offset_of("+24:00", 0), -1);
	assert_int_equal(offset_of("+2:00", 0), -1);
	assert_int_equal(offset_of("../../etc/passwd", 0), -1);
	assert_int_equal(offset_of("/etc/passwd", 0), -1);
	assert_int_equal(offset_of("Europe//Berlin", 0), -1);
	assert_int_equal(offset_of("Europe", 0), -1);
}

static void zones_of_the_host(void **state)
{
	(void)state;
	if (offset_of("Europe/Berlin", 0) == -1)
		skip(); /* no time zones are installed */
	assert_int_equal(offset_of("Europe/Berlin", 0), 3600);
	/* the last Sunday of March 2009, 01:00 UTC */
	assert_int_equal(offset_of("Europe/Berlin", 1238288399), 3600);
	assert_int_equal(offset_of("Europe/Berlin", 1238288400), 7200);
	/* by the rule behind the table: 2100-07-01 and 2100-12-01 */
	assert_int_equal(offset_of("Europe/Berlin", 4118083200), 7200);
	assert_int_equal(offset_of("Europe/Berlin", 4131302400), 3600);
	/* daylight time over the new year; half an hour of it */
	assert_int_equal(offset_of("Australia/Lord_Howe", 4102444800), 39600);
	assert_int_equal(offset_of("Australia/Lord_Howe", 4118083200), 37800);
	assert_int_equal(offset_of("Asia/Kathmandu", 1234567890), 20700);
	assert_int_equal(offset_of("America/New_York", -3000000000), -17762);
}

static void broken_zone_files(void **state)
{
	static char file[CEL_ZONE_MAX];
	int64_t n = cel_zone_read(STR("America/New_York"), file, sizeof(file));
	struct cel_zone zone;

	(void)state;
	assert_int_equal(cel_zone_read(STR("America/New_York"), file, 64),
			 n < 0 ? -ENOENT : -EMSGSIZE);
	if (n < 0)
		skip(); /* no time zones are installed */
	n = cel_zone_read(STR("America/New_York"), file, sizeof(file));
	assert_int_equal(cel_zone_parse((struct str){ file, (size_t)n }, &zone), 0);
	for (int64_t i = 0; i < n; i++) {
		if (cel_zone_parse((struct str){ file, (size_t)i }, &zone) == 0)
			fail_msg("cut after %lld bytes", (long long)i);
	}
	file[0] = 'X';
	assert_int_equal(cel_zone_parse((struct str){ file, (size_t)n }, &zone), -EBADMSG);
}

static void budgets_stay_used_up(void **state)
{
	struct cel_eval *eval = evaluation();
	struct cel_value v;

	(void)state;
	assert_null(cel_scratch(eval, SIZE_MAX));
	assert_non_null(cel_scratch(eval, 65536 * 2));
	assert_null(cel_scratch(eval, 1));
	v = cel_fail(eval, CEL_E_ARGUMENT, "no room for this");
	assert_int_equal(v.error->code, CEL_E_MEMORY);
	assert_true(cel_is_fatal(v));
	assert_true(cel_charge(eval, 5));
	assert_false(cel_charge(eval, UINT64_MAX));
	assert_false(cel_charge(eval, 1));
	assert_int_equal(cel_fail_steps(eval).error->code, CEL_E_MEMORY);
}

static void signatures_as_kinds(void **state)
{
	uint32_t m[CEL_ARGS_MAX];
	struct cel_overload o = { .name = "f", .args = "sWiLMABOA:b" };

	(void)state;
	assert_int_equal(cel_overload_masks(&o, m), 4);
	assert_int_equal(m[0], 1U << CEL_STRING);
	assert_int_equal(m[1], 1U << CEL_INT | 1U << CEL_NULL);
	assert_int_equal(m[2], 1U << CEL_LIST);
	for (const char *const *bad =
		     (const char *const[]){ "s", "L:b", "?:b", "sssssssss:b", NULL };
	     *bad; bad++) {
		o.args = *bad;
		assert_int_equal(cel_overload_masks(&o, m), -EINVAL);
	}
	for (size_t i = 0; i < cel_lib_standard.n; i++)
		assert_true(cel_overload_masks(&cel_lib_standard.overloads[i], m) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_meet_by_value),
		cmocka_unit_test(maps_find_keys_across_kinds),
		cmocka_unit_test(shared_parts_cannot_explode),
		cmocka_unit_test(conversions),
		cmocka_unit_test(timestamps_as_text),
		cmocka_unit_test(durations_as_text),
		cmocka_unit_test(the_calendar_is_whole),
		cmocka_unit_test(fixed_zones),
		cmocka_unit_test(zones_of_the_host),
		cmocka_unit_test(broken_zone_files),
		cmocka_unit_test(budgets_stay_used_up),
		cmocka_unit_test(signatures_as_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
