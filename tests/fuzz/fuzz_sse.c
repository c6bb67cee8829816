/* Event streams: however they are cut, the same events; an event never holds more than there is room for. */
#include "base/buf.h"
#include "net/sse.h"

#include <stdint.h>
#include <stdlib.h>

static char whole[1 << 20], pieces[1 << 20];

static void run(struct str in, size_t size, size_t cap, struct buf *out)
{
	char *room = malloc(cap);
	struct sse s;

	sse_init(&s, room, cap);
	for (size_t at = 0; at < in.n;) {
		struct str piece = str_sub(in, at, at + size);
		struct sse_event e;
		size_t used;

		if (sse_next(&s, piece, &used, &e)) {
			if (e.data.n > cap || e.type.n > SSE_NAME_MAX || e.id.n > SSE_NAME_MAX)
				abort();
			buf_puts(out, e.type);
			buf_puts(out, e.id);
			buf_puts(out, e.data);
			buf_putc(out, e.cut ? '!' : '.');
		} else if (used != piece.n) {
			abort();
		}
		at += used;
	}
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf a = buf_fixed(whole, sizeof(whole)), b = buf_fixed(pieces, sizeof(pieces));
	struct str in = { (const char *)data + 2, size > 2 ? size - 2 : 0 };

	if (in.n == 0)
		return 0;
	run(in, in.n, data[0] + 1U, &a);
	run(in, 1U + data[1] % 9, data[0] + 1U, &b);
	if (!str_eq(buf_str(&a), buf_str(&b)))
		abort();
	return 0;
}
