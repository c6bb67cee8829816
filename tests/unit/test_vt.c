/* Unit tests of codec/vt: what passes, what does not, in one piece and byte by byte. */
#include "base/own.h"
#include "codec/vt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct vt_case {
	const char *what;
	struct str in, out, reply;
};

#define PASS(what, in)                                \
	{                                             \
		what, STR_C(in), STR_C(in), STR_C("") \
	}
#define DROP(what, in)                                \
	{                                             \
		what, STR_C(in), STR_C(""), STR_C("") \
	}
#define CASE(what, in, out, reply)                        \
	{                                                 \
		what, STR_C(in), STR_C(out), STR_C(reply) \
	}

static const struct vt_case cases[] = {
	PASS("text", "hello, world\r\n\ttab\b\a"),
	PASS("UTF-8", "\xc3\xa9 \xe2\x94\x80 \xf0\x9f\x98\x80 \xc2\xa0 \xc4\x9b"),
	PASS("colours", "\033[1;38;5;208mx\033[48:2::1:2:3m\033[m"),
	PASS("cursor movement", "\033[H\033[2J\033[10;20H\033[K\033[3A\0337\0338\033M"),
	PASS("alternate screen, mouse, paste", "\033[?1049h\033[?1000;1006h\033[?2004h"),
	PASS("cursor shape", "\033[4 q"),
	PASS("charset", "\033(B\033)0\016x\017\033%G"),
	PASS("scroll region, soft reset", "\033[2;20r\033[!p"),
	PASS("kitty keyboard", "\033[>1u\033[<u\033[>4;2m"),
	PASS("title", "\033]0;caf\xc3\xa9\033\\"),
	CASE("title, BEL", "\033]2;x\a", "\033]2;x\033\\", ""),
	PASS("hyperlink", "\033]8;;http://x/?q\033\\y\033]8;;\033\\"),
	PASS("set colour", "\033]11;#112233\033\\"),
	PASS("picture", "\033P0;1q#0;2;0;0;0~-\033\\"),
	CASE("control inside CSI acts first", "\033[3\n1m", "\n\033[31m", ""),
	DROP("ENQ", "\005"),
	DROP("XON, XOFF", "\021\023"),
	CASE("DA1", "\033[c", "", "\033[?62;22c"),
	CASE("DA1 0", "\033[0c", "", "\033[?62;22c"),
	CASE("DECID", "\033Z", "", "\033[?62;22c"),
	CASE("DA2", "\033[>c", "", "\033[>0;0;0c"),
	DROP("DA3", "\033[=c"),
	CASE("DSR 5", "\033[5n", "", "\033[0n"),
	CASE("CPR", "\033[6n", "", "\033[24;1R"),
	DROP("DECXCPR", "\033[?6n"),
	DROP("printer status", "\033[?15n"),
	DROP("title report", "\033[21t"),
	DROP("window moves", "\033[3;0;0t"),
	PASS("title stack", "\033[22;0t\033[23t"),
	DROP("DECRQM", "\033[?2026$p"),
	DROP("DECREQTPARM", "\033[x"),
	DROP("DECRQCRA", "\033[1;1;1;1;9;9*y"),
	DROP("DECRQPSR", "\033[1$w"),
	DROP("locator", "\033[1'z\033['|"),
	DROP("XTVERSION", "\033[>0q"),
	DROP("kitty query", "\033[?u"),
	DROP("xterm modify query", "\033[?4m"),
	DROP("sixel query", "\033[?1;1;0S"),
	DROP("SGR report", "\033[#|"),
	DROP("media copy", "\033[5i"),
	DROP("DECRQSS", "\033P$qm\033\\"),
	DROP("XTGETTCAP", "\033P+q544e\033\\"),
	DROP("function keys", "\033P0;1|17/726d202d7266\033\\"),
	DROP("macro", "\033P1;0;1!z1b5b366e\033\\\033[1*z"),
	CASE("tmux pass-through", "\033Ptmux;\033\033[6n\033\\", "\033\\", "\033[24;1R"),
	DROP("clipboard read", "\033]52;c;?\a"),
	DROP("clipboard write", "\033]52;c;cm0gLXJm\033\\"),
	DROP("colour query", "\033]11;?\a\033]4;1;?\033\\"),
	DROP("font query", "\033]50;?\a"),
	DROP("iTerm2", "\033]1337;File=name=eA==:eA==\a"),
	DROP("editor call", "\033]51;[\"call\",\"x\",[]]\a"),
	DROP("APC", "\033_Gi=1,a=q;AAAA\033\\"),
	DROP("PM, SOS", "\033^x\033\\\033Xy\033\\"),
	DROP("Linux console", "\033[[\033[12;2]"),
	CASE("leave UTF-8",
	     "\033%@\xc4\x9b"
	     "6n",
	     "\xc4\x9b"
	     "6n",
	     ""),
	DROP("8-bit answers", "\033 G"),
	DROP("VT52", "\033[?2l"),
	DROP("VT52 among others", "\033[?25;2l"),
	DROP("Tektronix", "\033[?38h"),
	DROP("keyboard lock", "\033[2h"),
	CASE("C1 as UTF-8",
	     "\xc2\x9b"
	     "6n",
	     "6n", ""),
	CASE("C1 raw",
	     "\x9b"
	     "6n",
	     "\xef\xbf\xbd"
	     "6n",
	     ""),
	CASE("C1 overlong",
	     "\xe0\x82\x9b"
	     "6n",
	     "\xe0\xef\xbf\xbd\xef\xbf\xbd"
	     "6n",
	     ""),
	CASE("C1 split by a sequence",
	     "\xc4\033[c\x9b"
	     "6n",
	     "\xc4\xef\xbf\xbd"
	     "6n",
	     "\033[?62;22c"),
	DROP("C1 in a title", "\033]0;x\xc2\x9c\xc2\x9b"
			      "6n\a"),
	CASE("ESC in a title", "\033]0;x\033[6n\033[m", "\033]0;x\033\\\033[m", "\033[24;1R"),
	CASE("ESC in a picture", "\033Pq~\033[6n", "\033Pq~\033\\", "\033[24;1R"),
	CASE("controls in a picture", "\033Pq~\005\n\xc2\x9b~\033\\", "\033Pq~~\033\\", ""),
	CASE("cancel", "\033[6\030n", "n", ""),
	CASE("ESC ESC", "\033\033[6n\033[1m", "\033[1m", "\033[24;1R"),
	CASE("malformed", "\033[1 2mx", "x", ""),
	CASE("prefix in the middle", "\033[1?6nx", "x", ""),
};

static void check(const struct vt_case *c, size_t step)
{
	static struct vt vt;
	AUTO(buf_done) struct buf out = BUF_INIT(65536), reply = BUF_INIT(4096);

	vt_init(&vt, false);
	for (size_t i = 0; i < c->in.n; i += step)
		vt_feed(&vt, c->in.p + i, step < c->in.n - i ? step : c->in.n - i, &out, &reply);
	if (!str_eq(buf_str(&out), c->out) || !str_eq(buf_str(&reply), c->reply))
		fail_msg("%s (by %zu): got %zu bytes '%s', answer '%s'", c->what, step, out.n,
			 buf_cstr(&out), buf_cstr(&reply));
}

static void vt_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check(&cases[i], 1);
		check(&cases[i], 3);
		check(&cases[i], cases[i].in.n);
	}
}

static void vt_overlong_is_dropped(void **state)
{
	static struct vt vt;
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	char big[VT_SEQ_MAX + 100];

	(void)state;
	vt_init(&vt, false);
	memset(big, 'a', sizeof(big));
	vt_feed(&vt, "\033]0;", 4, &out, NULL);
	vt_feed(&vt, big, sizeof(big), &out, NULL);
	vt_feed(&vt, "\a.\033[", 4, &out, NULL);
	memset(big, '1', sizeof(big));
	vt_feed(&vt, big, sizeof(big), &out, NULL);
	vt_feed(&vt, "m!", 2, &out, NULL);
	assert_int_equal(out.n, 2);
	assert_memory_equal(out.p, ".!", 2);
	assert_int_equal(vt.dropped, 2);
}

static void vt_puts_modes_back(void **state)
{
	static const char in[] = "\033[?1000;1006h\033[?25l\033[?1049h\033[?1049l\033Pq~";
	static struct vt vt;
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16);

	(void)state;
	vt_init(&vt, false);
	vt_feed(&vt, in, sizeof(in) - 1, &out, NULL);
	assert_true(vt_reports(&vt));
	buf_reset(&out);
	vt_end(&vt, &out);
	assert_string_equal(buf_cstr(&out), "\033\\\033[?25h\033[?1000l\033[?1006l");
	assert_false(vt_reports(&vt));
}

/* While something else is drawn nothing reports; then all is as it was. */
static void vt_pauses(void **state)
{
	static const char in[] = "\033[?1003;2004h\033[?25l\033[?1hx\033[3";
	static struct vt vt;
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16);

	(void)state;
	vt_init(&vt, false);
	vt_feed(&vt, in, sizeof(in) - 1, &out, NULL);
	assert_false(vt_alternate(&vt));
	buf_reset(&out);
	vt_pause(&vt, &out);
	assert_string_equal(buf_cstr(&out), "\033[?1003l\033[?2004l");
	buf_reset(&out);
	vt_resume(&vt, &out);
	assert_string_equal(buf_cstr(&out), "\033[?25l\033[?1003h\033[?2004h");
	buf_reset(&out);
	vt_feed(&vt, "1m.", 3, &out, NULL); /* a sequence that was cut by it is whole */
	assert_string_equal(buf_cstr(&out), "\033[31m.");
	/* a picture is closed, and its rest goes nowhere */
	buf_reset(&out);
	vt_feed(&vt, "\033[?1049h\033Pq~~", 13, &out, NULL);
	assert_true(vt_alternate(&vt));
	buf_reset(&out);
	vt_pause(&vt, &out);
	assert_true(str_starts(buf_str(&out), STR("\033\\")));
	buf_reset(&out);
	vt_feed(&vt, "~~~\033\\text", 9, &out, NULL);
	assert_string_equal(buf_cstr(&out), "text");
}

static void vt_eight_bit_terminal(void **state)
{
	static struct vt vt;
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16);

	(void)state;
	vt_init(&vt, true);
	vt_feed(&vt, "\xe9\xc4\x9b\x36n\033]0;\x9b\a", 11, &out, NULL);
	assert_string_equal(buf_cstr(&out), "\xe9\xc4\x36n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vt_table),
		cmocka_unit_test(vt_overlong_is_dropped),
		cmocka_unit_test(vt_puts_modes_back),
		cmocka_unit_test(vt_pauses),
		cmocka_unit_test(vt_eight_bit_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
