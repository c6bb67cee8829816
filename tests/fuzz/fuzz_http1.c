/*
 * HTTP/1: a head that passes is written anew and read again as the same, with the same end and the same body;
 * the answer does not depend on how the stream is cut. The first byte chooses: a request, or an answer and
 * what it answers.
 */
#include "net/http1.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define OUT_MAX (4 * HTTP1_HEAD_MAX)

static struct http1_head head, again, cut;
static char out[OUT_MAX], twice[OUT_MAX];

static void check(bool holds)
{
	if (!holds)
		abort();
}

static int parse(bool request, struct str s, size_t *scanned, struct http1_asked asked,
		 struct http1_head *h, enum http1_error *error)
{
	return request ? http1_parse_request(s, scanned, 80, h, error)
		       : http1_parse_answer(s, scanned, asked, h, error);
}

static void put(bool request, struct buf *b, const struct http1_head *h)
{
	if (request)
		http1_put_request(b, h, h->path, true, h->keep_alive);
	else
		http1_put_answer(b, h, true, h->keep_alive);
}

static bool same(const struct http1_head *a, const struct http1_head *b)
{
	return str_eq(a->method, b->method) && str_eq(a->path, b->path) &&
	       str_eq(a->query, b->query) && a->has_query == b->has_query &&
	       hostname_eq(&a->host, &b->host) && a->port == b->port && a->status == b->status &&
	       str_eq(a->reason, b->reason) && a->framing == b->framing && a->length == b->length &&
	       a->has_length == b->has_length && str_eq(a->upgrade, b->upgrade) &&
	       a->expect_continue == b->expect_continue;
}

static void check_written(bool request, struct http1_asked asked)
{
	struct buf b = buf_fixed(out, OUT_MAX), c = buf_fixed(twice, OUT_MAX);
	enum http1_error error;
	size_t scanned = 0;
	int r;

	put(request, &b, &head);
	if (head.form == HTTP1_AUTHORITY) {
		check(buf_error(&b) && b.n == 0);
		return;
	}
	check(!buf_error(&b));
	/* of another default port, when the target was of https: that is the connection's to say */
	if (request)
		r = http1_parse_request(buf_str(&b), &scanned, head.port_default, &again, &error);
	else
		r = http1_parse_answer(buf_str(&b), &scanned, asked, &again, &error);
	if (b.n > HTTP1_HEAD_MAX || again.n == HTTP1_FIELDS_MAX || head.n >= HTTP1_FIELDS_MAX - 2)
		return; /* it may have grown by a field or two */
	check(r == 0 && again.used == b.n);
	/* the body of an answer to HEAD is in neither, but in the first it may have been chunked */
	check(same(&head, &again));
	put(request, &c, &again);
	check(str_eq(buf_str(&b), buf_str(&c)));
}

static void check_body(struct str rest)
{
	struct http1_body whole, piecewise;
	size_t used = 0, n = 0, m = 0, at = 0;
	enum http1_error error = HTTP1_OK, piece_error = HTTP1_OK;
	struct str data, left = rest;
	int r, p = -EAGAIN;

	http1_body_init(&whole, &head);
	http1_body_init(&piecewise, &head);
	do {
		r = http1_body_next(&whole, left, &used, &data, &error);
		if (r == -EBADMSG)
			break;
		check(used <= left.n &&
		      (data.n == 0 || (data.p >= left.p && data.p + data.n == left.p + used)));
		left = str_sub(left, used, left.n);
		n += data.n;
	} while (r == 1);
	check(r != -EAGAIN || left.n == 0);
	for (size_t i = 0; i < rest.n && (p == -EAGAIN || p == 1); i++) {
		p = http1_body_next(&piecewise, str_sub(rest, i, i + 1), &used, &data,
				    &piece_error);
		if (p == -EBADMSG)
			break;
		m += data.n;
		at += used;
	}
	if (r == -EBADMSG || p == -EBADMSG) {
		check(r == p && error == piece_error);
		return;
	}
	check(n == m && at == rest.n - left.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = size ? data[0] : 0;
	struct str s = { .p = (const char *)data + 1, .n = size ? size - 1 : 0 };
	struct http1_asked asked = { .head = how & 2, .connect = how & 4, .upgrade = how & 8 };
	enum http1_error error = HTTP1_OK, cut_error = HTTP1_OK;
	size_t scanned = 0, cut_scanned = 0, n = 0;
	bool request = how & 1;
	int r, c = -EAGAIN;

	r = parse(request, s, &scanned, asked, &head, &error);
	check(r == 0 || r == -EAGAIN || (r == -EBADMSG && error != HTTP1_OK));
	while (c == -EAGAIN && n <= s.n) {
		c = parse(request, str_sub(s, 0, n), &cut_scanned, asked, &cut, &cut_error);
		n = n == s.n ? n + 1 : n + 1 + n % 7 > s.n ? s.n : n + 1 + n % 7;
	}
	check(c == r && cut_error == error);
	if (r < 0)
		return 0;
	check(same(&head, &cut) && head.used == cut.used && head.used <= s.n);
	check_written(request, asked);
	check_body(str_sub(s, head.used, s.n));
	return 0;
}
