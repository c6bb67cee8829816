/*
 * A frame is a header, read byte by byte into ws->header until it says itself how long it is, and a payload
 * that is counted down. Text is checked as it passes: at most three bytes of a character that is not
 * whole are kept from one piece to the next.
 */
#include "net/ws.h"
#include "codec/utf8.h"

#include <errno.h>

enum { FIN = 0x80, RESERVED = 0x70, OPCODE = 0x0f, MASKED = 0x80, LENGTH = 0x7f };

#define LENGTH_16 126
#define LENGTH_64 127

static const char *const texts[WS_ERROR_N] = {
	[WS_OK] = "no error",
	[WS_E_RESERVED] = "a reserved bit or opcode of a WebSocket frame",
	[WS_E_CONTROL] = "a WebSocket control frame in fragments or of over 125 bytes",
	[WS_E_LENGTH] = "a length of a WebSocket frame that is not in its shortest form",
	[WS_E_MASK] = "a WebSocket frame of a client without a mask, or of a server with one",
	[WS_E_ORDER] = "a WebSocket frame that cannot come here",
	[WS_E_UTF8] = "WebSocket text that is not UTF-8",
	[WS_E_CLOSE] = "a malformed WebSocket close frame",
};

const char *ws_error_text(enum ws_error error)
{
	return (unsigned)error < WS_ERROR_N ? texts[error] : "an unknown error";
}

unsigned ws_error_code(enum ws_error error)
{
	return error == WS_E_UTF8 ? 1007 : 1002;
}

void ws_init(struct ws *ws, bool from_client)
{
	*ws = (struct ws){ .from_client = from_client };
}

/* ---- headers ---- */

static unsigned header_length(const struct ws *ws)
{
	unsigned length = ws->header[1] & LENGTH;

	if (ws->have < 2)
		return 2;
	return 2 +
	       (length == LENGTH_16   ? 2U
		: length == LENGTH_64 ? 8U
				      : 0U) +
	       (ws->from_client ? 4U : 0U);
}

static bool is_control(uint8_t opcode)
{
	return opcode & 8;
}

/* What the first two bytes tell. */
static enum ws_error judge_start(const struct ws *ws)
{
	uint8_t opcode = ws->header[0] & OPCODE, length = ws->header[1] & LENGTH;

	if (ws->closed)
		return WS_E_ORDER;
	if (ws->header[0] & RESERVED || (opcode > WS_BINARY && opcode < WS_CLOSE) ||
	    opcode > WS_PONG)
		return WS_E_RESERVED;
	if (!!(ws->header[1] & MASKED) != ws->from_client)
		return WS_E_MASK;
	if (is_control(opcode))
		return ws->header[0] & FIN && length <= WS_CONTROL_MAX ? WS_OK : WS_E_CONTROL;
	return (opcode == WS_CONTINUATION) == (ws->message != 0) ? WS_OK : WS_E_ORDER;
}

/* The header is whole. */
static enum ws_error take_header(struct ws *ws)
{
	unsigned length = ws->header[1] & LENGTH, n = header_length(ws), at = 2;
	uint64_t value = length, least = 0;

	if (length >= LENGTH_16) {
		unsigned bytes = length == LENGTH_16 ? 2 : 8;

		least = length == LENGTH_16 ? LENGTH_16 : UINT16_MAX + 1UL;
		for (value = 0; at < 2 + bytes; at++)
			value = value << 8 | ws->header[at];
	}
	if (value < least || value >> 63)
		return WS_E_LENGTH;
	ws->left = value;
	ws->final = ws->header[0] & FIN;
	ws->opcode = ws->header[0] & OPCODE;
	ws->masked = 0;
	if (ws->from_client)
		memcpy(ws->mask, ws->header + n - 4, 4);
	if (ws->opcode == WS_CLOSE && value == 1)
		return WS_E_CLOSE;
	return WS_OK;
}

/* ---- payload ---- */

void ws_mask(char *data, size_t n, const uint8_t mask[4], size_t at)
{
	for (size_t i = 0; i < n; i++)
		data[i] = (char)((uint8_t)data[i] ^ mask[(at + i) % 4]);
}

/* Could @n bytes, 1..3 of them, be the start of a character? Then some continuation makes it one. */
static bool is_prefix(const uint8_t *p, size_t n)
{
	static const uint8_t tails[] = { 0x80, 0x90, 0xbf };
	uint8_t room[4] = { 0 };
	uint32_t point;

	memcpy(room, p, n);
	for (size_t length = n + 1; length <= 4; length++) {
		for (unsigned i = 0; i < sizeof(tails); i++) {
			memset(room + n, 0x80, 4 - n);
			room[n] = tails[i];
			if (utf8_next(room, length, &point) == length)
				return true;
		}
	}
	return false;
}

/* @ends: nothing of the text comes behind it. */
static bool check_utf8(struct ws *ws, struct str s, bool ends)
{
	uint32_t point;

	for (size_t i = 0; i < s.n;) {
		size_t n = ws->utf8_n ? 0 : utf8_next(s.p + i, s.n - i, &point);

		if (n) {
			i += n;
			continue;
		}
		ws->utf8[ws->utf8_n++] = (uint8_t)s.p[i++];
		if (utf8_next(ws->utf8, ws->utf8_n, &point) == ws->utf8_n)
			ws->utf8_n = 0;
		else if (ws->utf8_n == 4 || !is_prefix(ws->utf8, ws->utf8_n))
			return false;
	}
	return !ends || ws->utf8_n == 0;
}

/* RFC 6455 7.4, and the registry that it made. */
static bool is_close_code(unsigned code)
{
	return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
	       (code >= 3000 && code <= 4999);
}

unsigned ws_close_code(const struct ws *ws)
{
	return ws->close_n < 2 ? 1005 : (unsigned)ws->close[0] << 8 | ws->close[1];
}

/* A close frame is kept until it is whole. */
static enum ws_error take_close(struct ws *ws, struct str data, bool ends)
{
	struct ws reason = { .utf8_n = 0 };
	uint32_t n;

	memcpy(ws->close + ws->close_n, data.p, data.n);
	ws->close_n = (uint8_t)(ws->close_n + data.n);
	if (!ends)
		return WS_OK;
	ws->closed = true;
	n = ws->close_n;
	if (n == 0)
		return WS_OK;
	if (!is_close_code(ws_close_code(ws)))
		return WS_E_CLOSE;
	return check_utf8(&reason, (struct str){ (const char *)ws->close + 2, n - 2 }, true)
		       ? WS_OK
		       : WS_E_UTF8;
}

/* The part of the frame's payload that lies at @p. */
static enum ws_error take_payload(struct ws *ws, char *p, size_t n, struct ws_part *part)
{
	bool control = is_control(ws->opcode);

	if (ws->from_client)
		ws_mask(p, n, ws->mask, ws->masked);
	ws->masked = (uint8_t)((ws->masked + n) % 4);
	ws->left -= n;
	ws->in_frame = ws->left > 0;
	part->data = (struct str){ p, n };
	part->opcode = control ? ws->opcode : ws->message;
	part->ends = ws->left == 0 && ws->final;
	if (ws->opcode == WS_CLOSE)
		return take_close(ws, part->data, part->ends);
	if (control)
		return WS_OK;
	if (ws->message == WS_TEXT && !check_utf8(ws, part->data, part->ends))
		return WS_E_UTF8;
	if (part->ends)
		ws->message = 0;
	return WS_OK;
}

/* The next byte of the header; the frame begins when it was the last. */
static enum ws_error take_byte(struct ws *ws, uint8_t c)
{
	enum ws_error error = WS_OK;

	ws->header[ws->have++] = c;
	if (ws->have == 2)
		error = judge_start(ws);
	if (error || ws->have < header_length(ws))
		return error;
	error = take_header(ws);
	ws->have = 0;
	ws->in_frame = true;
	return error;
}

int ws_next(struct ws *ws, char *p, size_t n, size_t *ret_used, struct ws_part *ret,
	    enum ws_error *ret_error)
{
	struct ws_part part = { .starts = false };
	size_t at = 0;

	while (!ws->in_frame && at < n) {
		*ret_error = take_byte(ws, (uint8_t)p[at++]);
		if (*ret_error)
			return -EBADMSG;
		if (ws->in_frame) {
			part.starts = ws->opcode != WS_CONTINUATION;
			if (part.starts && !is_control(ws->opcode))
				ws->message = ws->opcode;
		}
	}
	*ret_used = at;
	if (!ws->in_frame || (at == n && ws->left && !part.starts))
		return -EAGAIN;
	n = n - at < ws->left ? n - at : (size_t)ws->left;
	*ret_error = take_payload(ws, p + at, n, &part);
	if (*ret_error)
		return -EBADMSG;
	*ret_used = at + n;
	*ret = part;
	return 1;
}

void ws_put_header(struct buf *out, enum ws_opcode opcode, bool final, uint64_t n,
		   const uint8_t *mask)
{
	unsigned bytes = n < LENGTH_16 ? 0 : n <= UINT16_MAX ? 2 : 8;
	unsigned length = bytes == 0 ? (unsigned)n : bytes == 2 ? LENGTH_16 : LENGTH_64;

	buf_putc(out, (char)((final ? FIN : 0) | opcode));
	buf_putc(out, (char)((mask ? MASKED : 0) | length));
	while (bytes--)
		buf_putc(out, (char)(n >> 8 * bytes));
	if (mask)
		buf_put(out, mask, 4);
}
