/*
 * The head is scanned byte by byte as it comes (http1_scan) and parsed once, when its last line is there. First the
 * first line, then every field into the table, with a note in struct noted of those that decide
 * anything; what they mean together is judged at the end, when all of them are known.
 */
#include "base/cur.h"
#include "net/http1_impl.h"

#include <errno.h>

#define LENGTH_DIGITS_MAX 18 /* below 2^63 */

struct noted {
	struct str host, length, coding, upgrade;
	unsigned hosts, lengths, codings, upgrades;
	bool closes, upgrades_connection, h2_settings;
	struct str authority; /* of the target */
};

static struct str take_line(struct cur *c)
{
	struct str line = cur_until(c, '\n');

	return str_sub(line, 0, line.n ? line.n - 1 : 0); /* the CR, which is there */
}

/* ---- the first line ---- */

static enum http1_error take_version(struct str s, bool *ret_http10)
{
	*ret_http10 = str_eqz(s, "HTTP/1.0");
	return *ret_http10 || str_eqz(s, "HTTP/1.1") ? HTTP1_OK : HTTP1_E_VERSION;
}

static bool is_method(struct str s)
{
	if (s.n == 0 || s.n > HTTP1_METHOD_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!(s.p[i] >= 'A' && s.p[i] <= 'Z') && !(s.p[i] == '-' && i > 0))
			return false;
	}
	return true;
}

/* Visible ASCII without '#': a fragment is never sent (RFC 9112 3.2). */
static bool is_target(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '#')
			return false;
	}
	return s.n > 0;
}

static void split_query(struct str s, struct http1_head *h)
{
	const char *mark = s.n ? memchr(s.p, '?', s.n) : NULL;
	size_t n = mark ? (size_t)(mark - s.p) : s.n;

	h->path = str_sub(s, 0, n);
	h->has_query = mark != NULL;
	h->query = str_sub(s, n + 1, s.n);
	if (h->path.n == 0) /* RFC 9112 3.2.1, of an absolute target */
		h->path = STR("/");
}

static enum http1_error take_absolute(struct str s, struct http1_head *h, struct noted *noted)
{
	const char *colon = memchr(s.p, ':', s.n);
	size_t end = 0;

	if (!colon || !str_starts(str_sub(s, (size_t)(colon - s.p), s.n), STR("://")))
		return HTTP1_E_TARGET;
	h->https = http1_is(str_sub(s, 0, (size_t)(colon - s.p)), "https");
	if (!h->https && !http1_is(str_sub(s, 0, (size_t)(colon - s.p)), "http"))
		return HTTP1_E_SCHEME;
	s = str_sub(s, (size_t)(colon - s.p) + 3, s.n);
	while (end < s.n && s.p[end] != '/' && s.p[end] != '?')
		end++;
	noted->authority = str_sub(s, 0, end);
	h->form = HTTP1_ABSOLUTE;
	h->port_default = h->https ? 443 : 80;
	split_query(str_sub(s, end, s.n), h);
	return HTTP1_OK;
}

static enum http1_error take_target(struct str s, struct http1_head *h, struct noted *noted)
{
	if (!is_target(s))
		return HTTP1_E_TARGET;
	if (str_eqz(h->method, "CONNECT")) {
		h->form = HTTP1_AUTHORITY;
		h->port_default = 0; /* RFC 9112 3.2.3: with its port */
		noted->authority = s;
		return HTTP1_OK;
	}
	if (str_eqz(s, "*")) {
		h->form = HTTP1_ASTERISK;
		h->path = s;
		return str_eqz(h->method, "OPTIONS") ? HTTP1_OK : HTTP1_E_TARGET;
	}
	if (s.p[0] != '/')
		return take_absolute(s, h, noted);
	h->form = HTTP1_ORIGIN;
	split_query(s, h);
	return HTTP1_OK;
}

static enum http1_error take_request_line(struct str line, struct http1_head *h,
					  struct noted *noted)
{
	const char *first = line.n ? memchr(line.p, ' ', line.n) : NULL;
	const char *last = line.n ? memrchr(line.p, ' ', line.n) : NULL;
	enum http1_error error;
	struct str target;

	if (!first || first == last)
		return HTTP1_E_LINE; /* HTTP/0.9 too */
	h->method = str_sub(line, 0, (size_t)(first - line.p));
	target = str_sub(line, h->method.n + 1, (size_t)(last - line.p));
	if (target.n == 0 || memchr(target.p, ' ', target.n))
		return HTTP1_E_LINE;
	if (!is_method(h->method))
		return HTTP1_E_METHOD;
	error = take_version(str_sub(line, (size_t)(last - line.p) + 1, line.n), &h->http10);
	return error ? error : take_target(target, h, noted);
}

/* "HTTP/1.1 200 OK"; the second space and the reason may be missing, as they are with some. */
static enum http1_error take_status_line(struct str line, struct http1_head *h)
{
	enum http1_error error = take_version(str_sub(line, 0, 8), &h->http10);
	uint64_t status;

	if (error)
		return error;
	if (line.n < 12 || line.p[8] != ' ' || (line.n > 12 && line.p[12] != ' '))
		return HTTP1_E_LINE;
	if (str_to_u64(str_sub(line, 9, 12), &status) < 0 || status < 100 || status > 599)
		return HTTP1_E_STATUS;
	h->status = (unsigned)status;
	h->reason = str_sub(line, 13, line.n);
	return HTTP1_OK;
}

/* ---- fields ---- */

static enum http1_error note_connection(struct str value, struct noted *noted)
{
	struct str element;

	while (http1_list_next(&value, &element)) {
		if (element.n == 0)
			continue;
		if (!http1_is_token(element) || http1_is_among(element, http1_end_to_end))
			return HTTP1_E_CONNECTION;
		noted->closes |= http1_is(element, "close");
		noted->upgrades_connection |= http1_is(element, "upgrade");
	}
	return HTTP1_OK;
}

static enum http1_error note(const struct http1_field *f, struct http1_head *h, struct noted *noted)
{
	if (http1_is(f->name, "host")) {
		noted->host = f->value;
		return noted->hosts++ ? HTTP1_E_HOST_TWICE : HTTP1_OK;
	}
	if (http1_is(f->name, "content-length")) {
		noted->length = f->value;
		return noted->lengths++ ? HTTP1_E_LENGTH_TWICE : HTTP1_OK;
	}
	if (http1_is(f->name, "transfer-encoding")) {
		noted->coding = f->value;
		return noted->codings++ ? HTTP1_E_CODING_TWICE : HTTP1_OK;
	}
	if (http1_is(f->name, "upgrade")) {
		noted->upgrade = f->value;
		noted->upgrades++;
	}
	if (http1_is(f->name, "connection"))
		return note_connection(f->value, noted);
	if (http1_is(f->name, "http2-settings"))
		noted->h2_settings = true;
	if (http1_is(f->name, "expect") && h->method.n) {
		h->expect_continue = http1_is(f->value, "100-continue");
		return h->expect_continue ? HTTP1_OK : HTTP1_E_EXPECT;
	}
	return HTTP1_OK;
}

static enum http1_error take_fields(struct cur *c, struct http1_head *h, struct noted *noted)
{
	enum http1_error error;
	struct str line;

	for (line = take_line(c); line.n; line = take_line(c)) {
		if (h->n == HTTP1_FIELDS_MAX)
			return HTTP1_E_FIELDS;
		error = http1_take_field(line, &h->fields[h->n]);
		if (!error)
			error = note(&h->fields[h->n], h, noted);
		if (error)
			return error;
		h->n++;
	}
	return HTTP1_OK;
}

/* ---- what they mean together ---- */

static enum http1_error judge_length(struct str s, struct http1_head *h)
{
	if (s.n == 0 || s.n > LENGTH_DIGITS_MAX || (s.n > 1 && s.p[0] == '0') ||
	    str_to_u64(s, &h->length) < 0)
		return HTTP1_E_LENGTH;
	h->has_length = true;
	return HTTP1_OK;
}

/* RFC 9112 6.3, without what it allows to repair. */
static enum http1_error judge_framing(struct http1_head *h, const struct noted *noted)
{
	if (noted->codings) {
		if (noted->lengths)
			return HTTP1_E_LENGTH_AND_CODING;
		if (h->http10)
			return HTTP1_E_CODING_VERSION;
		if (!http1_is(noted->coding, "chunked"))
			return HTTP1_E_CODING;
		h->framing = HTTP1_BODY_CHUNKED;
		return HTTP1_OK;
	}
	if (!noted->lengths)
		return HTTP1_OK;
	h->framing = HTTP1_BODY_LENGTH;
	return judge_length(noted->length, h);
}

static bool has_content(const struct http1_head *h)
{
	return h->framing == HTTP1_BODY_CHUNKED ||
	       (h->framing == HTTP1_BODY_LENGTH && h->length > 0);
}

static bool names_h2c(struct str list)
{
	struct str element;

	while (http1_list_next(&list, &element)) {
		if (http1_is(element, "h2c"))
			return true;
	}
	return false;
}

static enum http1_error judge_host(struct http1_head *h, const struct noted *noted)
{
	struct hostname host;
	uint16_t port;

	if (!noted->hosts && (noted->authority.p == NULL || !h->http10))
		return HTTP1_E_HOST_MISSING;
	if (noted->authority.p) {
		h->host_error = hostname_parse_authority(noted->authority, h->port_default,
							 &h->host, &h->port);
		if (h->host_error)
			return HTTP1_E_HOST;
		if (h->form == HTTP1_AUTHORITY)
			h->port_default = h->port;
	}
	if (!noted->hosts)
		return HTTP1_OK;
	h->host_error = hostname_parse_authority(noted->host, h->port_default, &host, &port);
	if (h->host_error)
		return HTTP1_E_HOST;
	if (noted->authority.p)
		return port == h->port && hostname_eq(&host, &h->host) ? HTTP1_OK
								       : HTTP1_E_HOST_DIFFERS;
	h->host = host;
	h->port = port;
	return HTTP1_OK;
}

static enum http1_error judge_request(struct http1_head *h, const struct noted *noted)
{
	enum http1_error error = judge_host(h, noted);

	if (!error)
		error = judge_framing(h, noted);
	if (error)
		return error;
	if (noted->h2_settings || names_h2c(noted->upgrade))
		return HTTP1_E_H2C;
	if (noted->upgrades > 1)
		return HTTP1_E_UPGRADE;
	if (noted->upgrades_connection && !h->http10)
		h->upgrade = noted->upgrade;
	h->keep_alive = !noted->closes && !h->http10;
	if (has_content(h) &&
	    (h->form == HTTP1_AUTHORITY || h->upgrade.n || str_eqz(h->method, "TRACE")))
		return HTTP1_E_BODY;
	return HTTP1_OK;
}

static enum http1_error judge_answer(struct http1_head *h, const struct noted *noted,
				     struct http1_asked asked)
{
	enum http1_error error = judge_framing(h, noted);
	bool interim = h->status / 100 == 1, switches = h->status == 101;

	if (error)
		return error;
	h->keep_alive = !noted->closes && !h->http10;
	h->tunnel = switches || (asked.connect && h->status / 100 == 2);
	if ((interim || h->status == 204 || h->tunnel) && has_content(h))
		return HTTP1_E_BODY;
	if (switches &&
	    (!asked.upgrade || noted->upgrades != 1 || h->http10 || !noted->upgrades_connection))
		return HTTP1_E_UPGRADE;
	if (switches && names_h2c(noted->upgrade))
		return HTTP1_E_H2C;
	if (switches)
		h->upgrade = noted->upgrade;
	if (interim || h->status == 204 || h->status == 304 || h->tunnel || asked.head)
		h->framing = HTTP1_BODY_NONE;
	else if (h->framing == HTTP1_BODY_NONE)
		h->framing = HTTP1_BODY_CLOSE;
	if (h->framing == HTTP1_BODY_CLOSE)
		h->keep_alive = false;
	return HTTP1_OK;
}

/* ---- the whole ---- */

static int find_end(struct str stream, size_t *scanned, enum http1_error *ret_error)
{
	int r;

	if (stream.n > HTTP1_HEAD_MAX)
		stream.n = HTTP1_HEAD_MAX;
	r = http1_scan(stream, scanned, ret_error);
	if (r == -EAGAIN && stream.n == HTTP1_HEAD_MAX)
		*ret_error = HTTP1_E_LONG;
	else if (r == 0 && *scanned == 2)
		*ret_error = HTTP1_E_EMPTY_LINE;
	else
		return r;
	return -EBADMSG;
}

static int give(enum http1_error error, enum http1_error *ret_error)
{
	*ret_error = error;
	return error ? -EBADMSG : 0;
}

int http1_parse_request(struct str stream, size_t *scanned, uint16_t port_default,
			struct http1_head *ret, enum http1_error *ret_error)
{
	int r = find_end(stream, scanned, ret_error);
	struct noted noted = { .hosts = 0 };
	enum http1_error error;
	struct cur c;

	if (r < 0)
		return r;
	memset(ret, 0, offsetof(struct http1_head, fields));
	ret->used = *scanned;
	ret->port_default = port_default;
	c = cur_init(stream.p, ret->used);
	error = take_request_line(take_line(&c), ret, &noted);
	if (!error)
		error = take_fields(&c, ret, &noted);
	return give(error ? error : judge_request(ret, &noted), ret_error);
}

int http1_parse_answer(struct str stream, size_t *scanned, struct http1_asked asked,
		       struct http1_head *ret, enum http1_error *ret_error)
{
	int r = find_end(stream, scanned, ret_error);
	struct noted noted = { .hosts = 0 };
	enum http1_error error;
	struct cur c;

	if (r < 0)
		return r;
	memset(ret, 0, offsetof(struct http1_head, fields));
	ret->used = *scanned;
	c = cur_init(stream.p, ret->used);
	error = take_status_line(take_line(&c), ret);
	if (!error)
		error = take_fields(&c, ret, &noted);
	return give(error ? error : judge_answer(ret, &noted, asked), ret_error);
}

struct http1_asked http1_asked(const struct http1_head *request)
{
	return (struct http1_asked){ .head = str_eqz(request->method, "HEAD"),
				     .connect = request->form == HTTP1_AUTHORITY,
				     .upgrade = request->upgrade.n > 0 };
}

const struct http1_field *http1_field(const struct http1_head *head, const char *name)
{
	for (unsigned i = 0; i < head->n; i++) {
		if (http1_is(head->fields[i].name, name))
			return &head->fields[i];
	}
	return NULL;
}
