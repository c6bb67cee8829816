/* Unit tests of codec/inert: nothing that comes from outside acts on, or poses on, a terminal. */
#include "base/own.h"
#include "codec/inert.h"
#include "codec/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void check(struct str in, size_t max, const char *expected)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);

	inert_put(&out, in, max);
	assert_int_equal(buf_error(&out), 0);
	assert_string_equal(buf_cstr(&out), expected);
}

static void inert_escapes(void **state)
{
	(void)state;
	check(STR("/w/plain name.txt"), 0, "/w/plain name.txt");
	check(STR("a\nb\r\tc"), 0, "a\\nb\\r\\tc");
	check(STR("\033[2J\033]0;x\007"), 0, "\\x1b[2J\\x1b]0;x\\a");
	check(STR("a\0b"), 0, "a\\x00b");
	check(STR("\177"), 0, "\\x7f");
	check(STR("C1 \302\233"), 0, "C1 \\u{9b}");
	check(STR("raw \233"), 0, "raw \\x9b");
	check(STR("txt\342\200\256exe"), 0, "txt\\u{202e}exe");
	check(STR("\342\201\246x\342\201\251\341\240\216\330\234"), 0,
	      "\\u{2066}x\\u{2069}\\u{180e}\\u{61c}");
	check(STR("zero\342\200\213width\357\273\277"), 0, "zero\\u{200b}width\\u{feff}");
	check(STR("e\314\201\314\201"), 0, "e\\u{301}\\u{301}");
	check(STR("tag\363\240\201\201"), 0, "tag\\u{e0041}");
	check(STR("line\342\200\250\342\200\251"), 0, "line\\u{2028}\\u{2029}");
	check(STR("\355\240\200\300\257"), 0, "\\xed\\xa0\\x80\\xc0\\xaf");
	check(STR("forged \\u{202e} \\x1b"), 0, "forged \\\\u{202e} \\\\x1b");
	check(STR("\342\200\246(9 bytes)\342\200\246"), 0, "\\u{2026}(9 bytes)\\u{2026}");
	check(STR("gr\303\266\303\237e \346\274\242\345\255\227 \320\264\320\260"), 0,
	      "gr\303\266\303\237e \346\274\242\345\255\227 \320\264\320\260");
}

static void inert_cuts_in_the_middle(void **state)
{
	char name[5000];
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	const char *text;

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name, "/begin/", 7);
	memcpy(name + sizeof(name) - 4, ".end", 4);
	inert_put(&out, (struct str){ name, sizeof(name) }, 60);
	text = buf_cstr(&out);
	assert_memory_equal(text, "/begin/x", 8);
	assert_non_null(strstr(text, "x \342\200\246(5000 bytes)\342\200\246 x"));
	assert_true(str_ends(buf_str(&out), STR("x.end")));
	assert_int_equal(utf8_count(out.p, out.n), 60);
	/* one that just fits is left alone */
	check((struct str){ name, 60 }, 60,
	      "/begin/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

/* Whatever comes in: valid UTF-8 without controls, and never wider than asked for. */
static void inert_of_anything(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
		char in[200];
		size_t n = (size_t)round % sizeof(in), at = 0;

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1664525 + 1013904223;
			in[i] = (char)(seed >> 24);
		}
		inert_put(&out, (struct str){ in, n }, round & 1 ? 50 : 0);
		assert_int_equal(buf_error(&out), 0);
		while (at < out.n) {
			uint32_t point = 0;
			size_t len = utf8_next(out.p + at, out.n - at, &point);

			assert_true(len > 0);
			assert_true(point >= 0x20 && (point < 0x7f || point > 0xa0));
			at += len;
		}
		if (round & 1)
			assert_true(utf8_count(out.p, out.n) <= 50);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inert_escapes),
		cmocka_unit_test(inert_cuts_in_the_middle),
		cmocka_unit_test(inert_of_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
