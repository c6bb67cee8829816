/*
 * net_lines - the decoders of src/net on lines of standard input, for tests that hold them against other
 * programs.
 *
 *	hello HEX		ok NAME HEX,... (protocols) | again | bad WHY
 *	request HEX		ok HEX: all requests in it written anew, bodies in chunks as they were | again | bad WHY
 *	answer FOR HEX		likewise, of answers to GET (FOR is g) or HEAD (h)
 *	path ALLOW HEX		ok HEX | bad WHY
 *	host FROM HEX		ok TEXT | bad WHY
 */
#include "base/buf.h"
#include "base/own.h"
#include "net/client_hello.h"
#include "net/http1.h"
#include "net/path.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define BYTES_MAX (1 << 20)

static unsigned char bytes[BYTES_MAX];

static void say_hex(struct str s)
{
	printf("ok ");
	for (size_t i = 0; i < s.n; i++)
		printf("%02x", (unsigned char)s.p[i]);
	putchar('\n');
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct str from_hex(const char *hex)
{
	size_t n = 0;

	for (; n < BYTES_MAX && digit_of(hex[0]) >= 0 && digit_of(hex[1]) >= 0; hex += 2)
		bytes[n++] = (unsigned char)(digit_of(hex[0]) << 4 | digit_of(hex[1]));
	return (struct str){ (const char *)bytes, n };
}

static void hello(const char *arg)
{
	static struct client_hello_room room;
	enum client_hello_error error;
	struct client_hello h;
	struct str p;
	int r = client_hello_parse(from_hex(arg), &room, &h, &error);

	if (r == -EAGAIN) {
		puts("again");
	} else if (r < 0) {
		printf("bad %s\n", client_hello_error_text(error));
	} else {
		printf("ok %s ", h.has_name ? h.name.text : "-");
		while (client_hello_alpn(&h.alpn, &p)) {
			for (size_t i = 0; i < p.n; i++)
				printf("%02x", (unsigned char)p.p[i]);
			putchar(',');
		}
		putchar('\n');
	}
}

/* The body behind @head at the start of @s, to @out; its bytes in *@ret_used. */
static int pass_body(const struct http1_head *head, struct str s, struct buf *out, size_t *ret_used,
		     enum http1_error *error)
{
	static struct http1_body body;
	bool chunked = head->framing == HTTP1_BODY_CHUNKED;
	struct str data;
	size_t used;
	int r;

	*ret_used = 0;
	http1_body_init(&body, head);
	do {
		r = http1_body_next(&body, s, &used, &data, error);
		if (r < 0)
			return r;
		if (chunked && data.n)
			http1_put_chunk_size(out, data.n);
		buf_puts(out, data);
		if (chunked && data.n)
			buf_puts(out, STR("\r\n"));
		*ret_used += used;
		s = str_sub(s, used, s.n);
	} while (r == 1);
	if (chunked)
		buf_puts(out, STR("0\r\n\r\n"));
	return 0;
}

static void say(int r, enum http1_error error, const struct buf *out)
{
	if (r == -EAGAIN)
		puts("again");
	else if (r < 0)
		printf("bad %s\n", http1_error_text(error));
	else
		say_hex(buf_str(out));
}

static void request(const char *arg)
{
	AUTO(buf_done) struct buf out = BUF_INIT(4 * BYTES_MAX);
	static struct http1_head head;
	char path[PATH_MAX_BYTES];
	struct str s = from_hex(arg);
	enum http1_error error = HTTP1_OK;
	int r = 0;

	while (s.n && r == 0) {
		enum path_error path_error = PATH_OK;
		size_t scanned = 0, used = 0, n = head.path.n;

		r = http1_parse_request(s, &scanned, 80, &head, &error);
		if (r < 0)
			break;
		n = head.path.n;
		if (head.form == HTTP1_ASTERISK)
			path[0] = '*';
		else if (head.form != HTTP1_AUTHORITY)
			path_error = path_canon(head.path, PATH_SLASHES | PATH_PARAMS, path, &n);
		if (path_error || head.form == HTTP1_AUTHORITY) {
			printf("bad %s\n", path_error_text(path_error));
			return;
		}
		http1_put_request(&out, &head, (struct str){ path, n }, false, true);
		r = pass_body(&head, str_sub(s, head.used, s.n), &out, &used, &error);
		s = str_sub(s, head.used + used, s.n);
	}
	say(r, error, &out);
}

static void answer(const char *arg)
{
	AUTO(buf_done) struct buf out = BUF_INIT(4 * BYTES_MAX);
	static struct http1_head head;
	struct http1_asked asked = { .head = arg[0] == 'h' };
	struct str s = from_hex(arg + 2);
	enum http1_error error = HTTP1_OK;
	int r = 0;

	while (s.n && r == 0) {
		size_t scanned = 0, used = 0;

		r = http1_parse_answer(s, &scanned, asked, &head, &error);
		if (r < 0)
			break;
		http1_put_answer(&out, &head, false, true);
		r = pass_body(&head, str_sub(s, head.used, s.n), &out, &used, &error);
		s = str_sub(s, head.used + used, s.n);
		if (head.framing == HTTP1_BODY_CLOSE)
			r = 0; /* the end of the line is the end of the connection */
	}
	say(r, error, &out);
}

static void path(const char *arg)
{
	char out[PATH_MAX_BYTES];
	enum path_error error;
	size_t n;

	error = path_canon(from_hex(arg + 2), (unsigned)(arg[0] - '0'), out, &n);
	if (error)
		printf("bad %s\n", path_error_text(error));
	else
		say_hex((struct str){ out, n });
}

static void host(const char *arg)
{
	struct hostname h;
	enum hostname_error error;

	error = hostname_parse(from_hex(arg + 2), (enum hostname_from)(arg[0] - '0'), &h);
	if (error)
		printf("bad %s\n", hostname_error_text(error));
	else
		printf("ok %s\n", h.text);
}

static const struct {
	const char *word;
	void (*run)(const char *arg);
} kinds[] = { { "hello ", hello },
	      { "request ", request },
	      { "answer ", answer },
	      { "path ", path },
	      { "host ", host } };

int main(void)
{
	AUTO(freep) char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			if (strncmp(line, kinds[i].word, strlen(kinds[i].word)) == 0)
				kinds[i].run(line + strlen(kinds[i].word));
		}
	}
	return 0;
}
