/* Unit tests of net/ws: frames by hand (RFC 6455 5.7 and on), whole and in pieces, and those refused. */
#include "base/own.h"
#include "net/ws.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* All parts of @in, given in pieces of @size, as text: "text(Hello)", "ping()", "text(Hel-lo)". */
static int told(bool from_client, struct str in, size_t size, struct buf *out, enum ws_error *error)
{
	static const char *const names[] = { [WS_TEXT] = "text",
					     [WS_BINARY] = "binary",
					     [WS_CLOSE] = "close",
					     [WS_PING] = "ping",
					     [WS_PONG] = "pong" };
	char room[70000];
	struct ws ws;
	int r = -EAGAIN;

	ws_init(&ws, from_client);
	memcpy(room, in.p, in.n);
	*error = WS_OK;
	for (size_t at = 0; at < in.n;) {
		size_t n = in.n - at < size ? in.n - at : size, used;
		struct ws_part part;

		r = ws_next(&ws, room + at, n, &used, &part, error);
		if (r == -EBADMSG)
			return r;
		assert_true(used <= n && (r == 1 || used == n));
		at += used;
		if (r != 1)
			continue;
		if (part.starts)
			buf_printf(out, "%s(", names[part.opcode]);
		buf_puts(out, part.data);
		if (part.ends)
			buf_putz(out, ")");
	}
	return r;
}

static void becomes(bool from_client, struct str in, const char *expected)
{
	for (size_t size = 1; size <= in.n; size++) {
		AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
		enum ws_error error;

		(void)told(from_client, in, size, &out, &error);
		if (error)
			fail_msg("%s", ws_error_text(error));
		assert_string_equal(buf_cstr(&out), expected);
	}
}

static void refused(bool from_client, struct str in, enum ws_error expected)
{
	for (size_t size = 1; size <= in.n; size++) {
		AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
		enum ws_error error;

		assert_int_equal(told(from_client, in, size, &out, &error), -EBADMSG);
		if (error != expected)
			fail_msg("%s", ws_error_text(error));
	}
}

static void frames(void **state)
{
	(void)state;
	becomes(false, STR("\201\5Hello"), "text(Hello)");
	becomes(true, STR("\201\205\67\372\41\75\177\237\115\121\130"), "text(Hello)");
	becomes(false, STR("\1\3Hel\200\2lo"), "text(Hello)");
	becomes(false, STR("\1\3Hel\211\2hi\0\0\212\0\200\2lo"), "text(Helping(hi)pong()lo)");
	becomes(false, STR("\201\0\202\0\1\0\200\0"), "text()binary()text()");
	becomes(false, STR("\2\2\377\376\200\1\200"), "binary(\377\376\200)");
	becomes(false, STR("\210\0"), "close()");
	becomes(false, STR("\210\5\3\350bye"), "close(\3\350bye)");
	becomes(false, STR("\201\5gr\303\274n"), "text(gr\303\274n)");
	becomes(false, STR("\1\1\360\0\1\237\0\2\230\200\200\0"), "text(\360\237\230\200)");
	becomes(true, STR("\211\200abcd\201\201\1\2\3\4@"), "ping()text(A)");
}

static void longer_ones(void **state)
{
	static const size_t lengths[] = { 125, 126, 65535, 65536 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		AUTO(buf_done) struct buf in = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
		const uint8_t mask[4] = { 1, 2, 3, 0xff };
		enum ws_error error;

		for (unsigned masked = 0; masked < 2; masked++) {
			size_t at;

			buf_reset(&in);
			buf_reset(&out);
			ws_put_header(&in, WS_BINARY, true, lengths[i], masked ? mask : NULL);
			at = in.n;
			while (in.n < at + lengths[i])
				buf_putc(&in, (char)('a' + in.n % 20));
			if (masked)
				ws_mask(in.p + at, lengths[i], mask, 0);
			assert_int_equal(told(masked, buf_str(&in), 777, &out, &error), 1);
			assert_int_equal(out.n, lengths[i] + strlen("binary()"));
			if (masked)
				ws_mask(in.p + at, lengths[i], mask, 0);
			assert_memory_equal(out.p + strlen("binary("), in.p + at, lengths[i]);
		}
	}
}

static void refusals(void **state)
{
	(void)state;
	refused(false, STR("\301\0"), WS_E_RESERVED); /* compressed */
	refused(false, STR("\241\0"), WS_E_RESERVED);
	refused(false, STR("\203\0"), WS_E_RESERVED);
	refused(false, STR("\213\0"), WS_E_RESERVED);
	refused(false, STR("\217\0"), WS_E_RESERVED);
	refused(true, STR("\201\5Hello"), WS_E_MASK);
	refused(false, STR("\201\205\67\372\41\75\177\237\115\121\130"), WS_E_MASK);
	refused(false, STR("\11\0"), WS_E_CONTROL);
	refused(false, STR("\211\176\0\176"), WS_E_CONTROL);
	refused(false, STR("\210\177"), WS_E_CONTROL);
	refused(false, STR("\202\176\0\175"), WS_E_LENGTH);
	refused(false, STR("\202\177\0\0\0\0\0\0\377\377"), WS_E_LENGTH);
	refused(false, STR("\202\177\200\0\0\0\0\1\0\0"), WS_E_LENGTH);
	refused(false, STR("\200\0"), WS_E_ORDER);
	refused(false, STR("\1\1a\201\1b"), WS_E_ORDER);
	refused(false, STR("\201\1a\200\1b"), WS_E_ORDER);
	refused(false, STR("\210\0\201\1a"), WS_E_ORDER);
	refused(false, STR("\210\0\210\0"), WS_E_ORDER);
	refused(false, STR("\201\1\377"), WS_E_UTF8);
	refused(false, STR("\201\2\300\256"), WS_E_UTF8);
	refused(false, STR("\201\3\355\240\200"), WS_E_UTF8);
	refused(false, STR("\201\1\303"), WS_E_UTF8);
	refused(false, STR("\1\1\303\200\1a"), WS_E_UTF8);
	refused(false, STR("\1\1\303\200\0"), WS_E_UTF8);
	refused(false, STR("\1\4\364\220\200\200"), WS_E_UTF8);
	refused(false, STR("\210\1\3"), WS_E_CLOSE);
	refused(false, STR("\210\2\3\347"), WS_E_CLOSE);  /* 999 */
	refused(false, STR("\210\2\3\355"), WS_E_CLOSE);  /* 1005 */
	refused(false, STR("\210\2\3\367"), WS_E_CLOSE);  /* 1015 */
	refused(false, STR("\210\2\23\210"), WS_E_CLOSE); /* 5000 */
	refused(false, STR("\210\3\3\350\377"), WS_E_UTF8);
	assert_int_equal(ws_error_code(WS_E_UTF8), 1007);
	assert_int_equal(ws_error_code(WS_E_MASK), 1002);
}

static void closing(void **state)
{
	char none[] = "\210\0", some[] = "\210\4\17\240no";
	struct ws ws;
	struct ws_part part;
	enum ws_error error;
	size_t used;

	(void)state;
	ws_init(&ws, false);
	assert_int_equal(ws_next(&ws, none, 2, &used, &part, &error), 1);
	assert_int_equal(ws_close_code(&ws), 1005);
	ws_init(&ws, false);
	assert_int_equal(ws_next(&ws, some, 6, &used, &part, &error), 1);
	assert_int_equal(ws_close_code(&ws), 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames),
		cmocka_unit_test(longer_ones),
		cmocka_unit_test(refusals),
		cmocka_unit_test(closing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
