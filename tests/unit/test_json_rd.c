/* Unit tests of src/codec/json_rd: what is JSON, what is not, and where; and back from json_wr. */
#include "base/own.h"
#include "codec/json_rd.h"
#include "codec/json_wr.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct json *parse(struct arena *a, struct str text)
{
	struct err err = ERR_INIT;
	const struct json *v = NULL;
	int rc = json_parse(a, text, &v, &err);

	if (rc < 0)
		print_message("%s\n", err.text);
	assert_int_equal(rc, 0);
	assert_false(err_is_set(&err));
	return v;
}

static void values_of_every_kind(void **state)
{
	AUTO(arena_done) struct arena a = ARENA_INIT(1 << 20);
	const struct json *v, *list;
	struct str s;
	uint64_t u;
	int64_t i;
	bool b;

	(void)state;
	v = parse(&a,
		  STR(" { \"s\" : \"x\\u0000y\" ,\t\"n\":-0.5e+3,\r\n\"u\":18446744073709551615,"
		      "\"i\":-9223372036854775808, \"t\":true,\"f\":false,\"z\":null,"
		      "\"l\":[1,[],{}, \"\"]} \n"));
	assert_int_equal(v->kind, JSON_OBJECT);
	assert_int_equal(v->count, 8);
	assert_true(json_get_str(v, "s", &s) && s.n == 3 && memcmp(s.p, "x\0y", 3) == 0);
	assert_true(str_eqz(json_get(v, "n")->text, "-0.5e+3"));
	assert_true(json_get_u64(v, "u", &u) && u == UINT64_MAX);
	assert_true(json_get_i64(v, "i", &i) && i == INT64_MIN);
	assert_true(json_get_bool(v, "t", &b) && b);
	assert_true(json_get_bool(v, "f", &b) && !b);
	assert_int_equal(json_get(v, "z")->kind, JSON_NULL);
	assert_int_equal(v->at, 1);
	assert_int_equal(json_get(v, "n")->at, strlen(" { \"s\" : \"x\\u0000y\" ,\t"));

	list = json_get(v, "l");
	assert_int_equal(list->kind, JSON_ARRAY);
	assert_int_equal(list->count, 4);
	assert_int_equal(list->child->next->kind, JSON_ARRAY);
	assert_int_equal(list->child->next->next->kind, JSON_OBJECT);
	assert_int_equal(list->child->next->next->next->text.n, 0);
	assert_null(list->child->next->next->next->next);
}

static void wrong_types_are_absent(void **state)
{
	AUTO(arena_done) struct arena a = ARENA_INIT(1 << 20);
	const struct json *v = parse(&a, STR("{\"s\":\"1\",\"f\":1.0,\"e\":1e0,\"m\":-1,"
					     "\"b\":18446744073709551616,\"c\":9223372036854775808,"
					     "\"d\":-9223372036854775809}"));
	struct str s = STR("kept");
	uint64_t u = 7;
	int64_t i = 7;
	bool b = true;

	(void)state;
	assert_false(json_get_u64(v, "s", &u) || json_get_u64(v, "f", &u) ||
		     json_get_u64(v, "e", &u) || json_get_u64(v, "m", &u) ||
		     json_get_u64(v, "b", &u) || json_get_u64(v, "absent", &u));
	assert_false(json_get_i64(v, "c", &i) || json_get_i64(v, "d", &i) ||
		     json_get_i64(v, "s", &i));
	assert_true(json_get_i64(v, "m", &i) && i == -1);
	assert_false(json_get_str(v, "f", &s) || json_get_bool(v, "f", &b));
	assert_null(json_get(json_get(v, "s"), "x"));
	assert_null(json_get(NULL, "x"));
	assert_true(u == 7 && b && str_eqz(s, "kept"));
}

static void strings_come_back(void **state)
{
	static const struct {
		struct str text, want;
	} cases[] = {
		{ STR_C("\"\""), STR_C("") },
		{ STR_C("\"plain text of more than eight\""),
		  STR_C("plain text of more than eight") },
		{ STR_C("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), STR_C("\"\\/\b\f\n\r\t") },
		{ STR_C("\"\\u00e9\\u20AC\\ud83d\\ude00\""),
		  STR_C("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") },
		{ STR_C("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\""),
		  STR_C("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f") },
		{ STR_C("\"a\\udc80b\\udcffc\""), STR_C("a\x80"
							"b\xff"
							"c") },
		{ STR_C("\"\\ud800\\udc80\""), STR_C("\xf0\x90\x82\x80") },
		{ STR_C("\"before the escape\\n\xc3\xa9 and much more after it\\\\\""),
		  STR_C("before the escape\n\xc3\xa9 and much more after it\\") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(arena_done) struct arena a = ARENA_INIT(1 << 16);
		const struct json *v = parse(&a, cases[i].text);

		assert_int_equal(v->kind, JSON_STRING);
		assert_true(str_eq(v->text, cases[i].want));
	}
}

static void assert_refused(struct str text, const char *where)
{
	AUTO(arena_done) struct arena a = ARENA_INIT(1 << 20);
	/* exactly as long as it is: a read past the end shows under ASan */
	AUTO(freep) char *copy = malloc(text.n ? text.n : 1);
	const struct json *v = (const void *)1;
	struct err err = ERR_INIT;

	assert_non_null(copy);
	if (text.n)
		memcpy(copy, text.p, text.n);
	text.p = copy;
	if (json_parse(&a, text, &v, &err) != -EBADMSG)
		fail_msg("accepted: %.*s", STR_ARG(text));
	assert_ptr_equal(v, (const void *)1);
	if (where && strncmp(err.text, where, strlen(where)) != 0)
		fail_msg("'%s' does not start with '%s'", err.text, where);
}

static void what_is_not_json(void **state)
{
	static const struct {
		struct str text;
		const char *where;
	} cases[] = {
		{ STR_C(""), "1:1: the text ends too early" },
		{ STR_C(" \n "), "2:2: " },
		{ STR_C("nul"), "1:1: expected a value" },
		{ STR_C("True"), "1:1: " },
		{ STR_C("\xef\xbb\xbf{}"), "1:1: " },
		{ STR_C("1 2"), "1:3: there is more" },
		{ STR_C("{}}"), "1:3: " },
		{ STR_C("[1,]"), "1:4: expected a value" },
		{ STR_C("[,1]"), "1:2: " },
		{ STR_C("[1 2]"), "1:4: expected ','" },
		{ STR_C("[1"), "1:3: the text ends" },
		{ STR_C("{\"a\" 1}"), "1:6: expected ':'" },
		{ STR_C("{a:1}"), "1:2: expected a key" },
		{ STR_C("{\"a\":1,}"), "1:8: expected a key" },
		{ STR_C("{\"a\":1\n,\"b\":2,\n \"a\":3}"), "3:2: duplicate key 'a'" },
		{ STR_C("{\"\\u0061\":1,\"a\":3}"), "1:13: duplicate key 'a'" },
		{ STR_C("{\"\\u001b\":1,\"\\u001b\":3}"), "1:13: duplicate key '?'" },
		{ STR_C("01"), NULL },
		{ STR_C("-"), NULL },
		{ STR_C("+1"), NULL },
		{ STR_C(".5"), NULL },
		{ STR_C("1."), NULL },
		{ STR_C("1e"), NULL },
		{ STR_C("1e+"), NULL },
		{ STR_C("0x1"), NULL },
		{ STR_C("NaN"), NULL },
		{ STR_C("-Infinity"), NULL },
		{ STR_C("'a'"), NULL },
		{ STR_C("\"a"), "1:3: the text ends" },
		{ STR_C("\"a\\"), "1:4: the text ends" },
		{ STR_C("\"a\\\""), NULL },
		{ STR_C("\"\\x41\""), "1:3: no such escape" },
		{ STR_C("\"\\\0\""), NULL },
		{ STR_C("\"\\u12\""), NULL },
		{ STR_C("\"\\u12g4\""), "1:6: \\u takes" },
		{ STR_C("\"\\ud800\""), "1:2: half" },
		{ STR_C("\"\\ud800\\u0041\""), "1:2: half" },
		{ STR_C("\"\\ud800\\ud800\""), "1:2: half" },
		{ STR_C("\"\\udc00\""), "1:2: half" },
		{ STR_C("\"\\udd00\""), "1:2: half" },
		{ STR_C("\"a\tb\""), "1:3: a control character" },
		{ STR_C("\"12345678\n\""), "1:10: a control character" },
		{ STR_C("\"\\n\n\""), "1:4: a control character" },
		{ STR_C("\"\xff\""), "1:2: not UTF-8" },
		{ STR_C("\"\\n\xc3\""), "1:4: not UTF-8" },
		{ STR_C("\"\xed\xa0\x80\""), "1:2: not UTF-8" },
		{ STR_C("\"\xc0\x80\""), "1:2: not UTF-8" },
		{ STR_C("\"1234567\xe2\x82"), NULL },
		{ STR_C("[1]/**/"), NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_refused(cases[i].text, cases[i].where);
}

static void nesting_has_a_limit(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 2];

	(void)state;
	for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
		AUTO(arena_done) struct arena a = ARENA_INIT(1 << 20);
		struct str s = { .p = text, .n = 2 * depth };

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		if (depth <= JSON_DEPTH_MAX)
			(void)parse(&a, s);
		else
			assert_refused(s, "1:65: nested too deeply");
	}
	/* side by side is not deep */
	{
		AUTO(arena_done) struct arena a = ARENA_INIT(1 << 20);
		AUTO(buf_done) struct buf b = BUF_INIT(1 << 10);

		buf_putc(&b, '[');
		for (int i = 0; i < 2 * JSON_DEPTH_MAX; i++)
			buf_putz(&b, i ? ",[]" : "{}");
		buf_putc(&b, ']');
		assert_int_equal(parse(&a, buf_str(&b))->count, 2 * JSON_DEPTH_MAX);
	}
}

/* Objects beyond the size at which keys are sorted. */
static void duplicates_in_big_objects(void **state)
{
	(void)state;
	for (unsigned n = 10; n < 3000; n = n < 40 ? n + 1 : n * 3 / 2) {
		AUTO(buf_done) struct buf b = BUF_INIT(1 << 20);
		AUTO(arena_done) struct arena a = ARENA_INIT(1 << 20);
		const struct json *v;
		uint64_t got;
		size_t end;

		buf_putz(&b, "{\n");
		for (unsigned i = 0; i < n; i++)
			buf_printf(&b, "%s\"k%u\":%u", i ? ",\n" : "", i * 7919 % n + n, i);
		end = b.n;
		buf_putz(&b, "}");
		v = parse(&a, buf_str(&b));
		assert_int_equal(v->count, n);
		assert_true(json_get_u64(v, "k100000", &got) == false);
		b.n = end;
		buf_printf(&b, ",\n\"k%u\":0}", n + 5);
		{
			char where[64];

			(void)snprintf(where, sizeof(where), "%u:1: duplicate key 'k%u'", n + 2,
				       n + 5);
			assert_refused(buf_str(&b), where);
		}
	}
}

static void memory_has_a_ceiling(void **state)
{
	AUTO(arena_done) struct arena a = ARENA_INIT(1024);
	const struct json *v = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(json_parse(&a, STR("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]"), &v, &err),
			 -ENOMEM);
	assert_null(v);
	assert_true(err_is_set(&err));
}

static void writer_and_reader_agree(void **state)
{
	uint64_t seed = 88172645463325252;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		AUTO(arena_done) struct arena a = ARENA_INIT(1 << 16);
		AUTO(buf_done) struct buf b = BUF_INIT(1 << 16);
		struct json_wr w = json_wr_init(&b);
		char bytes[200];
		struct str raw = { .p = bytes, .n = i % sizeof(bytes) };
		const struct json *v;
		struct str s;
		int64_t n;

		for (size_t k = 0; k < raw.n; k++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			bytes[k] = (char)(i % 3 == 0   ? seed
					  : i % 3 == 1 ? seed % 128
						       : 32 + seed % 90);
		}
		json_object(&w);
		json_key_str(&w, raw);
		json_str(&w, raw);
		json_key(&w,
			 "a member that the random key cannot be, for it is too long and has this "
			 "end: "
			 "0123456789012345678901234567890123456789012345678901234567890123456789012"
			 "345678"
			 "0123456789012345678901234567890123456789012345678901234567890123456789");
		json_array(&w);
		json_i64(&w, (int64_t)seed);
		json_end_array(&w);
		json_end_object(&w);
		assert_int_equal(buf_error(&b), 0);

		v = parse(&a, buf_str(&b));
		assert_int_equal(v->count, 2);
		assert_true(str_eq(v->child->key, raw));
		assert_true(str_eq(v->child->text, raw));
		assert_true(json_i64_of(v->child->next->child, &n) && n == (int64_t)seed);
		assert_false(json_get_str(v->child, "x", &s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_every_kind), cmocka_unit_test(wrong_types_are_absent),
		cmocka_unit_test(strings_come_back),    cmocka_unit_test(what_is_not_json),
		cmocka_unit_test(nesting_has_a_limit),  cmocka_unit_test(duplicates_in_big_objects),
		cmocka_unit_test(memory_has_a_ceiling), cmocka_unit_test(writer_and_reader_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
