/* Unit tests of codec/json_wr: exact bytes. */
#include "codec/json_wr.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static char *written(const char *p, size_t n)
{
	static char out[8192];
	struct buf b = buf_fixed(out, sizeof(out));
	struct json_wr w = json_wr_init(&b);

	json_str(&w, (struct str){ .p = p, .n = n });
	assert_int_equal(buf_error(&b), 0);
	return (char *)(uintptr_t)buf_cstr(&b);
}

#define WRITTEN(lit) written(lit, sizeof(lit) - 1)

static void values_and_commas(void **state)
{
	struct buf b = BUF_INIT(4096);
	struct json_wr w = json_wr_init(&b);

	(void)state;
	json_object(&w);
	json_key(&w, "a");
	json_u64(&w, UINT64_MAX);
	json_key(&w, "b");
	json_array(&w);
	json_i64(&w, INT64_MIN);
	json_i64(&w, 0);
	json_bool(&w, true);
	json_null(&w);
	json_array(&w);
	json_end_array(&w);
	json_object(&w);
	json_end_object(&w);
	json_end_array(&w);
	json_key_str(&w, STR("\"k\n"));
	json_strz(&w, NULL);
	json_key(&w, "h");
	json_hex(&w, "\x00\xff", 2);
	json_key(&w, "r");
	json_raw(&w, STR("[1]"));
	json_end_object(&w);
	assert_int_equal(buf_error(&b), 0);
	assert_string_equal(buf_cstr(&b),
			    "{\"a\":18446744073709551615,\"b\":[-9223372036854775808,0,true,null,"
			    "[],{}],\"\\\"k\\n\":null,\"h\":\"00ff\",\"r\":[1]}");
	buf_done(&b);
}

static void strings_are_escaped(void **state)
{
	(void)state;
	assert_string_equal(WRITTEN(""), "\"\"");
	assert_string_equal(WRITTEN("plain text of some length, 0123456789"),
			    "\"plain text of some length, 0123456789\"");
	assert_string_equal(WRITTEN("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
	assert_string_equal(WRITTEN("\n\r\t\b\f"), "\"\\n\\r\\t\\b\\f\"");
	assert_string_equal(WRITTEN("\0\x01\x1b[31m\x7f"), "\"\\u0000\\u0001\\u001b[31m\\u007f\"");
	assert_string_equal(WRITTEN("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
			    "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"");
}

static void every_byte_in_every_place_of_a_word(void **state)
{
	char in[17], *out;

	(void)state;
	for (unsigned c = 0; c < 128; c++) {
		for (size_t at = 0; at < sizeof(in); at++) {
			bool plain = c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;

			memset(in, 'x', sizeof(in));
			in[at] = (char)c;
			out = written(in, sizeof(in));
			if (plain) {
				assert_int_equal(strlen(out), sizeof(in) + 2);
				assert_int_equal(out[1 + at], (int)c);
			} else {
				assert_int_equal(out[1 + at], '\\');
			}
		}
	}
}

static void bad_utf8_is_kept_byte_by_byte(void **state)
{
	(void)state;
	assert_string_equal(WRITTEN("\xff\xfe"), "\"\\udcff\\udcfe\"");
	assert_string_equal(WRITTEN("\xc0\xaf"), "\"\\udcc0\\udcaf\"");            /* overlong */
	assert_string_equal(WRITTEN("\xe0\x80\xaf"), "\"\\udce0\\udc80\\udcaf\""); /* overlong */
	assert_string_equal(WRITTEN("\xed\xa0\x80"), "\"\\udced\\udca0\\udc80\""); /* surrogate */
	assert_string_equal(WRITTEN("\xf4\x90\x80\x80"), "\"\\udcf4\\udc90\\udc80\\udc80\"");
	assert_string_equal(WRITTEN("a\xe2\x82"), "\"a\\udce2\\udc82\""); /* cut short */
}

static void treacherous_characters_are_named(void **state)
{
	(void)state;
	assert_string_equal(WRITTEN("\xe2\x80\xae"), "\"\\u202e\"");
	assert_string_equal(WRITTEN("\xe2\x81\xa6"), "\"\\u2066\"");
	assert_string_equal(WRITTEN("\xd8\x9c"), "\"\\u061c\"");
	assert_string_equal(WRITTEN("\xc2\x9b"), "\"\\u009b\"");
	assert_string_equal(WRITTEN("\xe2\x80\xa8"), "\"\\u2028\"");
	assert_string_equal(WRITTEN("\xf3\xa0\x81\x81"), "\"\\udb40\\udc41\""); /* tag 'A' */
}

static void depth_has_a_limit(void **state)
{
	char out[512];
	struct buf b = buf_fixed(out, sizeof(out));
	struct json_wr w = json_wr_init(&b);

	(void)state;
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		json_array(&w);
	assert_int_equal(buf_error(&b), 0);
	json_array(&w);
	assert_int_equal(buf_error(&b), -EOVERFLOW);

	buf_reset(&b);
	w = json_wr_init(&b);
	json_end_object(&w);
	assert_int_equal(buf_error(&b), -EINVAL);
}

static void a_full_buffer_is_an_error(void **state)
{
	char out[10];
	struct buf b = buf_fixed(out, sizeof(out));
	struct json_wr w = json_wr_init(&b);

	(void)state;
	json_strz(&w, "123456");
	assert_int_equal(buf_error(&b), 0);
	json_strz(&w, "");
	json_strz(&w, "7");
	assert_int_equal(buf_error(&b), -ENOBUFS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_commas),
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(every_byte_in_every_place_of_a_word),
		cmocka_unit_test(bad_utf8_is_kept_byte_by_byte),
		cmocka_unit_test(treacherous_characters_are_named),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(a_full_buffer_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
