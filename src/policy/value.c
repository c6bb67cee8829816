/*
 * Scalars: YAML 1.2's meaning, strictly. A plain `yes` is text to YAML 1.2 and a boolean to YAML 1.1;
 * wherever the two could be meant differently the writer is asked to say which.
 */
#include "policy/load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "B", 1 },
	{ "KB", 1000 },
	{ "MB", 1000000 },
	{ "GB", 1000000000 },
	{ "TB", 1000000000000 },
	{ "KiB", UINT64_C(1) << 10 },
	{ "MiB", UINT64_C(1) << 20 },
	{ "GiB", UINT64_C(1) << 30 },
	{ "TiB", UINT64_C(1) << 40 },
};

static const struct unit time_units[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
};

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

const char *load_word_ambiguous(struct str text)
{
	static const char *const booleans[] = { "y",    "Y",     "n",     "N",    "yes",  "Yes",
						"YES",  "no",    "No",    "NO",   "on",   "On",
						"ON",   "off",   "Off",   "OFF",  "true", "True",
						"TRUE", "false", "False", "FALSE" };
	static const char *const nulls[] = { "~", "null", "Null", "NULL" };

	if (text.n == 0 || text.n > 5 || !strchr("yYnNoOtTfF~", text.p[0]))
		return NULL;
	for (size_t i = 0; i < N_OF(booleans); i++) {
		if (str_eqz(text, booleans[i]))
			return "a boolean to some YAML readers";
	}
	for (size_t i = 0; i < N_OF(nulls); i++) {
		if (str_eqz(text, nulls[i]))
			return "null to YAML";
	}
	return NULL;
}

static bool wrong(struct load *l, uint32_t node, const char *want)
{
	const char *got = yaml_cstr(&l->src->doc, node);

	load_error(l, node, "'%.80s' is not %s", got, want);
	return false;
}

static bool parse_bool(struct load *l, uint32_t node, struct load_value *v)
{
	static const char *const yes[] = { "y", "yes", "on", "true" };
	static const char *const no[] = { "n", "no", "off", "false" };
	bool plain = yaml_at(&l->src->doc, node)->plain;
	const char *mean = NULL;

	if (plain && (str_eqz(v->text, "true") || str_eqz(v->text, "false"))) {
		v->number = v->text.n == 4;
		return true;
	}
	for (size_t i = 0; i < N_OF(yes) && v->text.n < 6; i++) {
		if (strcasecmp(v->text.p, yes[i]) == 0)
			mean = "true";
		if (strcasecmp(v->text.p, no[i]) == 0)
			mean = "false";
	}
	if (mean && !plain)
		load_error(l, node, "quoted text where true or false is needed; write %s", mean);
	else if (mean)
		load_error(l, node, "'%s' is not a boolean in YAML 1.2; write %s", v->text.p, mean);
	else
		wrong(l, node, "true or false");
	return false;
}

static bool parse_choice(struct load *l, const struct schema *s, uint32_t node,
			 struct load_value *v)
{
	char list[256] = "";
	size_t n = 0, at = 0;
	const char *near;

	for (; s->choices[n]; n++) {
		if (str_eqz(v->text, s->choices[n])) {
			v->choice = (unsigned)n;
			return true;
		}
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", n ? ", " : "",
				       s->choices[n]);
		if (at >= sizeof(list))
			at = sizeof(list) - 1;
	}
	near = str_nearest(v->text, s->choices, n);
	if (near)
		load_error(l, node, "unknown value '%.80s'; did you mean '%s'?", v->text.p, near);
	else
		load_error(l, node, "unknown value '%.80s'; one of %s", v->text.p, list);
	return false;
}

static bool parse_whole(struct load *l, uint32_t node, uint64_t min, uint64_t max,
			struct load_value *v)
{
	char want[96];
	int r = str_to_u64(v->text, &v->number);

	/* 010 is 8 to YAML 1.1 and 10 to YAML 1.2 */
	if (r == 0 && (v->text.n == 1 || v->text.p[0] != '0') && v->number >= min &&
	    v->number <= max)
		return true;
	if (max == INT64_MAX)
		(void)snprintf(want, sizeof(want), "a whole number of at least %llu",
			       (unsigned long long)min);
	else
		(void)snprintf(want, sizeof(want), "a whole number from %llu to %llu",
			       (unsigned long long)min, (unsigned long long)max);
	return wrong(l, node, want);
}

/* Digits, then perhaps a point and up to three decimals: in thousandths. Returns bytes taken. */
static size_t parse_milli(struct str s, uint64_t *ret)
{
	uint64_t value = 0;
	unsigned decimals = 0;
	size_t i = 0;
	bool point = false;

	for (; i < s.n; i++) {
		if (s.p[i] == '.' && !point && i > 0) {
			point = true;
			continue;
		}
		if (!is_digit(s.p[i]))
			break;
		if (point && ++decimals > 3)
			return 0;
		if (__builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value))
			return 0;
	}
	if (i == 0 || (point && decimals == 0))
		return 0;
	for (; decimals < 3; decimals++) {
		if (__builtin_mul_overflow(value, 10U, &value))
			return 0;
	}
	*ret = value;
	return i;
}

static const struct unit *unit_find(const struct unit *units, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eqz(name, units[i].name))
			return &units[i];
	}
	return NULL;
}

static bool parse_size(struct load *l, uint32_t node, struct load_value *v)
{
	uint64_t milli;
	size_t n = parse_milli(v->text, &milli);
	struct str name = str_sub(v->text, n, v->text.n);
	const struct unit *unit;

	while (name.n && name.p[0] == ' ')
		name = str_sub(name, 1, name.n);
	if (n == 0)
		return wrong(l, node, "a size; write bytes or, for example, 512MiB");
	if (name.n == 0 && milli % 1000 == 0 && milli > 0) {
		v->number = milli / 1000;
		return true;
	}
	unit = unit_find(size_units, N_OF(size_units), name);
	if (!unit && name.n) {
		char unit_char = (char)(name.p[0] & ~0x20);

		if (strchr("KMGT", unit_char))
			load_error(l, node,
				   "size '%.40s': unit '%.20s' is %ciB (1024) or %cB (1000)?",
				   v->text.p, name.p, unit_char, unit_char);
		else
			wrong(l, node, "a size; units are B, KB, MB, GB, TB, KiB, MiB, GiB, TiB");
		return false;
	}
	if (!unit || milli == 0 || __builtin_mul_overflow(milli, unit->factor, &milli))
		return wrong(l, node, "a size that can be");
	v->number = milli / 1000;
	return v->number > 0 || wrong(l, node, "a size of at least one byte");
}

static bool parse_time(struct load *l, uint32_t node, struct load_value *v)
{
	static const char want[] = "a time; write, for example, 90s, 10m or 1h30m";
	struct str rest = v->text;
	uint64_t total = 0, last = UINT64_MAX;

	while (rest.n) {
		uint64_t milli, part;
		size_t n = parse_milli(rest, &milli), m = n;
		const struct unit *unit;

		while (m < rest.n && !is_digit(rest.p[m]))
			m++;
		unit = n ? unit_find(time_units, N_OF(time_units), str_sub(rest, n, m)) : NULL;
		if (!unit || unit->factor >= last)
			return wrong(l, node, want);
		last = unit->factor;
		if (__builtin_mul_overflow(milli, unit->factor, &part) ||
		    __builtin_add_overflow(total, part / 1000, &total))
			return wrong(l, node, "a time that can be");
		rest = str_sub(rest, m, rest.n);
	}
	v->number = total;
	return total > 0 || wrong(l, node, want);
}

static bool parse_cpu(struct load *l, uint32_t node, struct load_value *v)
{
	uint64_t milli;
	size_t n = parse_milli(v->text, &milli);

	if (n && n + 1 == v->text.n && v->text.p[n] == '%')
		milli /= 100;
	else if (n != v->text.n)
		n = 0;
	if (n == 0 || milli == 0 || milli > 100000000)
		return wrong(l, node, "a number of processors; write, for example, 1.5 or 150%");
	v->number = milli;
	return true;
}

static bool parse_text(struct load *l, const struct schema *s, uint32_t node, struct load_value *v)
{
	const char *what = yaml_at(&l->src->doc, node)->plain ? load_word_ambiguous(v->text) : NULL;

	if (v->text.n == 0 && !s->empty_ok) {
		load_error(l, node, "empty; a value is needed here");
		return false;
	}
	if (!what)
		return true;
	load_error(l, node, "%s is %s; write \"%s\" if the text is meant", v->text.p, what,
		   v->text.p);
	return false;
}

bool load_value_parse(struct load *l, const struct schema *s, uint32_t node, struct load_value *ret)
{
	struct load_value v = { .text = yaml_str(&l->src->doc, node) };
	bool ok = false;

	if (v.text.n == 0 && yaml_at(&l->src->doc, node)->plain) {
		load_error(l, node, "no value; write one or take the line out");
		return false;
	}
	switch (s->scalar) {
	case SCALAR_NONE: break;
	case SCALAR_TEXT: ok = parse_text(l, s, node, &v); break;
	case SCALAR_BOOL: ok = parse_bool(l, node, &v); break;
	case SCALAR_CHOICE: ok = parse_choice(l, s, node, &v); break;
	case SCALAR_COUNT: ok = parse_whole(l, node, 1, INT64_MAX, &v); break;
	case SCALAR_ID: ok = parse_whole(l, node, 0, UINT32_MAX - 1U, &v); break;
	case SCALAR_SIZE: ok = parse_size(l, node, &v); break;
	case SCALAR_TIME: ok = parse_time(l, node, &v); break;
	case SCALAR_CPU: ok = parse_cpu(l, node, &v); break;
	case SCALAR_VERSION:
		ok = str_eqz(v.text, "1");
		if (!ok)
			load_error(l, node,
				   "version '%.40s' is not known; this build reads version 1",
				   v.text.p);
		break;
	}
	if (ok)
		*ret = v;
	return ok;
}
