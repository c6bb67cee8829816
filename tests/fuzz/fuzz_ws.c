/*
 * WebSocket frames: however the stream is cut, the same messages and the same verdict; text is whole UTF-8. The
 * first byte: from whom, and the size of pieces.
 */
#include "base/buf.h"
#include "codec/utf8.h"
#include "net/ws.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define PARTS_MAX (1 << 16)

static char room[PARTS_MAX], whole[4 * PARTS_MAX], pieces[4 * PARTS_MAX], text[PARTS_MAX];

static void check(bool holds)
{
	if (!holds)
		abort();
}

static bool is_utf8(struct str s)
{
	uint32_t point;
	size_t n;

	for (; s.n; s = str_sub(s, n, s.n)) {
		n = utf8_next(s.p, s.n, &point);
		if (n == 0)
			return false;
	}
	return true;
}

static int run(bool from_client, struct str in, size_t size, struct buf *out, enum ws_error *error)
{
	struct buf message = buf_fixed(text, sizeof(text));
	int r = -EAGAIN;
	struct ws ws;

	memcpy(room, in.p, in.n);
	ws_init(&ws, from_client);
	for (size_t at = 0; at < in.n;) {
		size_t n = in.n - at < size ? in.n - at : size, used;
		struct ws_part part;

		r = ws_next(&ws, room + at, n, &used, &part, error);
		if (r == -EBADMSG)
			return r;
		check(used <= n && (r == 1 || (r == -EAGAIN && used == n)));
		at += used;
		if (r != 1)
			continue;
		check(part.opcode != WS_CONTINUATION && part.data.p + part.data.n == room + at);
		buf_putc(out, part.starts ? '<' : '.');
		if (!part.starts && !part.ends && out->n)
			out->n--; /* where it was cut does not count */
		buf_puts(out, part.data);
		if (part.ends)
			buf_putc(out, '>');
		if (part.opcode != WS_TEXT)
			continue;
		if (part.starts)
			buf_reset(&message);
		buf_puts(&message, part.data);
		check(!part.ends || is_utf8(buf_str(&message)));
	}
	return r == 1 ? -EAGAIN : r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf a = buf_fixed(whole, sizeof(whole)), b = buf_fixed(pieces, sizeof(pieces));
	enum ws_error error = WS_OK, other = WS_OK;
	struct str in = { (const char *)data + 1, size ? size - 1 : 0 };
	int r, p;

	if (in.n == 0 || in.n > PARTS_MAX)
		return 0;
	r = run(data[0] & 1, in, in.n, &a, &error);
	p = run(data[0] & 1, in, 1U + (data[0] >> 1) % 13, &b, &other);
	check(r == p && error == other);
	return 0;
}
