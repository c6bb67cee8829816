/*
 * ws - frames of the WebSocket protocol (RFC 6455 section 5), once an upgrade was allowed.
 *
 * One struct ws for each direction. It reads headers and judges the order of frames; payload passes as it
 * comes, unmasked in place, in pieces of any size, so a message of any length costs no memory. Refused, with the
 * close code that the RFC has for it: reserved bits (no extension is ever negotiated: the handshake is
 * to leave Sec-WebSocket-Extensions out), reserved opcodes, control frames in fragments or over 125 bytes, a length
 * that is not in its shortest form or over 2^63, a client's frame without a mask and a server's with one, a
 * continuation of nothing, a new message within another, text that is not UTF-8, a close frame of one
 * byte or of a code that may not be sent, anything behind a close frame.
 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define WS_CONTROL_MAX 125
#define WS_HEADER_MAX 14

enum ws_opcode { WS_CONTINUATION, WS_TEXT, WS_BINARY, WS_CLOSE = 8, WS_PING, WS_PONG };

enum ws_error {
	WS_OK,
	WS_E_RESERVED, /* a bit or an opcode */
	WS_E_CONTROL,  /* a control frame in fragments, or too long */
	WS_E_LENGTH,   /* not the shortest form, or over 2^63 */
	WS_E_MASK,     /* missing from a client, or there from a server */
	WS_E_ORDER, /* a continuation of nothing, a message within another, a frame behind the close */
	WS_E_UTF8,
	WS_E_CLOSE, /* a close frame that is malformed */
	WS_ERROR_N
};

/* "a frame of a client without a mask"; never NULL. */
const char *ws_error_text(enum ws_error error);

/* The code that the answer closes with: 1002, or 1007 for what is not UTF-8 (RFC 6455 7.4.1). */
unsigned ws_error_code(enum ws_error error);

struct ws {
	bool from_client;
	/* the header, as far as it came */
	uint8_t header[WS_HEADER_MAX], have;
	/* the frame */
	uint8_t opcode;
	bool final, in_frame;
	uint64_t left;
	uint8_t mask[4], masked; /* @masked: bytes of it used, modulo 4 */
	/* the message that is under way; 0: none */
	uint8_t message;
	bool closed;
	uint8_t utf8[4], utf8_n; /* a character that is cut off */
	uint8_t close[WS_CONTROL_MAX], close_n;
};

/* What ws_next() found. */
struct ws_part {
	uint8_t opcode; /* of the frame; of a continuation that of its message: never WS_CONTINUATION */
	bool starts;     /* the message, or the control frame, begins with this part */
	bool ends;       /* it ends with this part */
	struct str data; /* unmasked, in the memory that was given; may be empty */
};

void ws_init(struct ws *ws, bool from_client);

/*
 * Take from the @n bytes at @p: *@ret_used are done with. 1: *@ret has a part, come again with the
 * rest; -EAGAIN: all is taken, more must come; -EBADMSG. Payload is unmasked where it lies.
 */
int ws_next(struct ws *ws, char *p, size_t n, size_t *ret_used, struct ws_part *ret,
	    enum ws_error *ret_error);

/* After a close frame: its code, 1005 where it has none (RFC 6455 7.1.5). */
unsigned ws_close_code(const struct ws *ws);

/*
 * The header of a frame of @n bytes, which follow: of a client with @mask of 4 bytes, with which ws_mask() has
 * to go over them; of a server @mask is NULL.
 */
void ws_put_header(struct buf *out, enum ws_opcode opcode, bool final, uint64_t n,
		   const uint8_t *mask);

/* @data from its byte @at on, modulo 4, is masked, or unmasked. */
void ws_mask(char *data, size_t n, const uint8_t mask[4], size_t at);
