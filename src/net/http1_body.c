/*
 * A body is a state and a count. Content is handed on where it lies in the input; only trailers are
 * kept, for they are lines and a line is judged whole. (RFC 9112 sections 6 and 7)
 */
#include "base/cur.h"
#include "net/http1_impl.h"

#include <errno.h>

#define SIZE_DIGITS_MAX 15 /* below 2^60 */
#define TRAILERS_MAX 32

/* All but PLAIN and UNTIL_CLOSE are chunked. */
enum { DONE, PLAIN, UNTIL_CLOSE, SIZE, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILERS };

void http1_body_init(struct http1_body *body, const struct http1_head *head)
{
	static const uint8_t starts[] = {
		[HTTP1_BODY_NONE] = DONE,
		[HTTP1_BODY_LENGTH] = PLAIN,
		[HTTP1_BODY_CHUNKED] = SIZE,
		[HTTP1_BODY_CLOSE] = UNTIL_CLOSE,
	};

	body->framing = head->framing;
	body->state = starts[head->framing];
	body->left = head->framing == HTTP1_BODY_LENGTH ? head->length : 0;
	if (body->state == PLAIN && body->left == 0)
		body->state = DONE;
	body->digits = 0;
	body->n = 0;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

static enum http1_error take_size(struct http1_body *b, char c)
{
	int digit = digit_of(c);

	if (digit >= 0) {
		if (b->digits++ == SIZE_DIGITS_MAX)
			return HTTP1_E_CHUNK_SIZE;
		b->left = b->left << 4 | (unsigned)digit;
		return HTTP1_OK;
	}
	if (b->digits && c == ';')
		return HTTP1_E_CHUNK_EXTENSION;
	if (!b->digits || c != '\r')
		return HTTP1_E_CHUNK_SIZE;
	b->state = SIZE_LF;
	return HTTP1_OK;
}

/* All trailers are there, with the empty line behind. */
static enum http1_error judge_trailers(const struct http1_body *b)
{
	struct cur c = cur_init(b->trailer, b->n);
	struct http1_field field;

	for (unsigned n = 0;; n++) {
		struct str line = cur_until(&c, '\n');

		line.n--; /* the CR */
		if (line.n == 0)
			return HTTP1_OK;
		if (n == TRAILERS_MAX || http1_take_field(line, &field) != HTTP1_OK ||
		    http1_is_among(field.name, http1_end_to_end))
			return HTTP1_E_TRAILER;
	}
}

static enum http1_error take_trailer(struct http1_body *b, char c)
{
	size_t at = b->n;
	enum http1_error error;
	int r;

	if (b->n == HTTP1_TRAILER_MAX)
		return HTTP1_E_TRAILER;
	b->trailer[b->n++] = c;
	r = http1_scan((struct str){ b->trailer, b->n }, &at, &error);
	if (r == -EAGAIN)
		return HTTP1_OK;
	if (r < 0)
		return HTTP1_E_TRAILER;
	b->state = DONE;
	return judge_trailers(b);
}

/* One byte that is not content. */
static enum http1_error take_byte(struct http1_body *b, char c)
{
	switch (b->state) {
	case SIZE: return take_size(b, c);
	case SIZE_LF:
		b->state = b->left ? DATA : TRAILERS;
		return c == '\n' ? HTTP1_OK : HTTP1_E_CHUNK_SIZE;
	case DATA_CR: b->state = DATA_LF; return c == '\r' ? HTTP1_OK : HTTP1_E_CHUNK_END;
	case DATA_LF:
		b->state = SIZE;
		b->digits = 0;
		return c == '\n' ? HTTP1_OK : HTTP1_E_CHUNK_END;
	default: return take_trailer(b, c);
	}
}

static struct str take_content(struct http1_body *b, struct str in)
{
	struct str data = b->state == UNTIL_CLOSE || in.n < b->left ? in : str_sub(in, 0, b->left);

	if (b->state == UNTIL_CLOSE)
		return data;
	b->left -= data.n;
	if (b->left == 0)
		b->state = b->state == PLAIN ? DONE : DATA_CR;
	return data;
}

int http1_body_next(struct http1_body *body, struct str in, size_t *ret_used, struct str *ret_data,
		    enum http1_error *ret_error)
{
	size_t at = 0;

	*ret_data = (struct str){ 0 };
	for (; body->state != DONE && at < in.n; at++) {
		if (body->state == PLAIN || body->state == UNTIL_CLOSE || body->state == DATA) {
			*ret_data = take_content(body, str_sub(in, at, in.n));
			*ret_used = at + ret_data->n;
			return 1;
		}
		*ret_error = take_byte(body, in.p[at]);
		if (*ret_error)
			return -EBADMSG;
	}
	*ret_used = at;
	return body->state == DONE ? 0 : -EAGAIN;
}

int http1_body_eof(const struct http1_body *body, enum http1_error *ret_error)
{
	if (body->state == DONE || body->state == UNTIL_CLOSE)
		return 0;
	*ret_error = HTTP1_E_CUT;
	return -EBADMSG;
}
