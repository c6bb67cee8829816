/* Unit tests of net/sse: streams of the HTML Standard's examples and of model providers, cut anywhere. */
#include "base/buf.h"
#include "base/own.h"
#include "net/sse.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void becomes(struct str in, size_t cap, const char *expected)
{
	for (size_t size = 1; size <= in.n; size++) {
		AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
		char room[4096];
		struct sse s;

		sse_init(&s, room, cap);
		for (size_t at = 0; at < in.n;) {
			struct sse_event e;
			size_t used;

			if (sse_next(&s, str_sub(in, at, at + size), &used, &e))
				buf_printf(&out, "%.*s[%.*s](%.*s)%s", STR_ARG(e.type),
					   STR_ARG(e.id), STR_ARG(e.data), e.cut ? "..." : "");
			at += used;
		}
		assert_string_equal(buf_cstr(&out), expected);
	}
}

static void events(void **state)
{
	(void)state;
	becomes(STR("data: a\n\ndata: b\ndata: c\n\n"), 4096, "message[](a)message[](b\nc)");
	becomes(STR("event: add\r\ndata:1\r\n\r\nevent: x\r\rdata: 2\r\r"), 4096,
		"add[](1)message[](2)");
	becomes(STR(": hi\n\ndata\n\ndata\ndata\n\ndata:"), 4096, "message[]()message[](\n)");
	becomes(STR("data: x\nid: 1\n\ndata: y\nid\n\ndata: z\n\n"), 4096,
		"message[1](x)message[](y)message[](z)");
	becomes(STR("id: 7\n\ndata:  y\nretry: 3\nother: 1\ndatax: 1\n\n"), 4096, "message[7]( y)");
	becomes(STR("id: a\0b\ndata: x\n\n"), 4096, "message[](x)");
	becomes(STR("\357\273\277data: x\n\n\357\273\277data: y\n\n"), 4096, "message[](x)");
	becomes(STR("\357\273data: x\n\ndata: y\n\n"), 4096, "message[](y)");
	becomes(STR("\357\n\ndata: x\n\n"), 4096, "message[](x)");
	becomes(STR("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\ndata: [DONE]\n\n"),
		4096, "message_stop[]({\"type\":\"message_stop\"})message[]([DONE])");
	becomes(STR("data: a\n\r\ndata: b\r\n\r\n"), 4096, "message[](a)message[](b)");
}

static void no_room(void **state)
{
	(void)state;
	becomes(STR("data: 0123456789\n\ndata: 1\n\n"), 16, "message[](0123456789)message[](1)");
	becomes(STR("data: 0123456789a\n\ndata: 1\n\n"), 16,
		"message[](0123456789)...message[](1)");
	becomes(STR("data: 01234567\ndata: 89\ndata: a\n\ndata: 1\n\n"), 16,
		"message[](01234567\n89\n)...message[](1)");
	becomes(STR("data: 0123456789\n: comments that are too long\n\n"), 16,
		"message[](0123456789)...");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(events), cmocka_unit_test(no_room) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
