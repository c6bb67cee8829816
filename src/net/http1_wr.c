#include "net/http1_impl.h"

#include <errno.h>

/* Of the connection, and so ours to write; or written from what was understood. */
static const char *const not_passed[] = {
	"host",
	"content-length",
	"transfer-encoding",
	"connection",
	"close", /* our own "Connection: close" names it */
	"keep-alive",
	"te",
	"trailer",
	"upgrade",
	"http2-settings",
	"proxy-connection",
	"proxy-authorization",
	"proxy-authenticate",
	"proxy-authentication-info",
	NULL,
};

/* RFC 7838: another way to the same, which would not be looked at. */
static const char *const answers_alone[] = { "alt-svc", NULL };

/* Does one of the Connection fields name it? */
static bool is_nominated(const struct http1_head *h, struct str name)
{
	for (unsigned i = 0; i < h->n; i++) {
		struct str list = h->fields[i].value, element;

		if (!http1_is(h->fields[i].name, "connection"))
			continue;
		while (http1_list_next(&list, &element)) {
			/* both are tokens: without case they are the same, or not */
			if (element.n == name.n && element.n &&
			    strncasecmp(element.p, name.p, name.n) == 0)
				return true;
		}
	}
	return false;
}

static void put_field(struct buf *out, struct str name, struct str value)
{
	buf_puts(out, name);
	buf_puts(out, STR(": "));
	buf_puts(out, value);
	buf_puts(out, STR("\r\n"));
}

static void put_fields(struct buf *out, const struct http1_head *h)
{
	bool answer = h->method.n == 0;

	for (unsigned i = 0; i < h->n; i++) {
		struct str name = h->fields[i].name;

		if (http1_is_among(name, not_passed) || is_nominated(h, name) ||
		    (answer && http1_is_among(name, answers_alone)))
			continue;
		put_field(out, name, h->fields[i].value);
	}
}

static void put_framing(struct buf *out, const struct http1_head *h, bool upgrade, bool keep_alive)
{
	if (h->framing == HTTP1_BODY_CHUNKED) {
		put_field(out, STR("Transfer-Encoding"), STR("chunked"));
	} else if (h->has_length) {
		buf_puts(out, STR("Content-Length: "));
		buf_put_u64(out, h->length);
		buf_puts(out, STR("\r\n"));
	}
	if (upgrade && h->upgrade.n) {
		put_field(out, STR("Connection"), STR("Upgrade"));
		put_field(out, STR("Upgrade"), h->upgrade);
	} else if (h->status / 100 != 1) {
		put_field(out, STR("Connection"), keep_alive ? STR("keep-alive") : STR("close"));
	}
	buf_puts(out, STR("\r\n"));
}

static void put_host(struct buf *out, const struct http1_head *h)
{
	bool brackets = h->host.addr.family == 6;

	buf_puts(out, brackets ? STR("Host: [") : STR("Host: "));
	buf_puts(out, hostname_str(&h->host));
	if (brackets)
		buf_putc(out, ']');
	if (h->port != h->port_default) {
		buf_putc(out, ':');
		buf_put_u64(out, h->port);
	}
	buf_puts(out, STR("\r\n"));
}

void http1_put_request(struct buf *out, const struct http1_head *head, struct str path,
		       bool upgrade, bool keep_alive)
{
	if (head->form == HTTP1_AUTHORITY) {
		out->error = out->error ?: -ENOBUFS;
		return;
	}
	buf_puts(out, head->method);
	buf_putc(out, ' ');
	buf_puts(out, path);
	if (head->has_query) {
		buf_putc(out, '?');
		buf_puts(out, head->query);
	}
	buf_puts(out, STR(" HTTP/1.1\r\n"));
	put_host(out, head);
	put_fields(out, head);
	put_framing(out, head, upgrade, keep_alive);
}

void http1_put_answer(struct buf *out, const struct http1_head *head, bool upgrade, bool keep_alive)
{
	buf_puts(out, STR("HTTP/1.1 "));
	buf_put_u64(out, head->status);
	buf_putc(out, ' ');
	buf_puts(out, head->reason);
	buf_puts(out, STR("\r\n"));
	put_fields(out, head);
	put_framing(out, head, upgrade, keep_alive);
}

void http1_put_chunk_size(struct buf *out, uint64_t n)
{
	buf_printf(out, "%llx\r\n", (unsigned long long)n);
}
