/*
 * Unit tests of net/http1: what is understood of good messages, and every way known to us of writing a
 * message that two parsers read differently, each refused for its own reason (ATTACKS D13, D14).
 * tests/unit/net_oracle.py holds it against other parsers.
 */
#include "base/own.h"
#include "net/http1.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define H "Host: a.example\r\n"

static struct http1_head head;

/* At once, and byte by byte with another message behind it: the same. */
static int request(struct str s, enum http1_error *error)
{
	static struct http1_head slow;
	enum http1_error slow_error = HTTP1_OK;
	size_t scanned = 0;
	int r, slow_r = -EAGAIN;

	*error = HTTP1_OK;
	r = http1_parse_request(s, &scanned, 80, &head, error);
	scanned = 0;
	for (size_t n = 0; n <= s.n && slow_r == -EAGAIN; n++)
		slow_r = http1_parse_request(str_sub(s, 0, n), &scanned, 80, &slow, &slow_error);
	assert_int_equal(slow_r, r);
	assert_int_equal(slow_error, *error);
	return r;
}

static int answer(struct str s, struct http1_asked asked, enum http1_error *error)
{
	size_t scanned = 0;

	*error = HTTP1_OK;
	return http1_parse_answer(s, &scanned, asked, &head, error);
}

static void requests(void **state)
{
	enum http1_error error;

	(void)state;
	assert_int_equal(request(STR("GET /a/../b?x=1&y=/? HTTP/1.1\r\nhOST:\tA.Example:8080 \r\n"
				     "X-Empty:\r\nX-T: a\tb \303\274\r\n\r\nGET"),
				 &error),
			 0);
	assert_true(str_eqz(head.method, "GET") && head.form == HTTP1_ORIGIN);
	assert_true(str_eqz(head.path, "/a/../b") && str_eqz(head.query, "x=1&y=/?"));
	assert_string_equal(head.host.text, "a.example");
	assert_int_equal(head.port, 8080);
	assert_int_equal(head.n, 3);
	assert_true(str_eqz(head.fields[2].value, "a\tb \303\274") && head.fields[1].value.n == 0);
	assert_int_equal(head.framing, HTTP1_BODY_NONE);
	assert_true(head.keep_alive && !head.http10 && !head.expect_continue);
	assert_int_equal(head.used, 79); /* without the GET behind */
	assert_true(str_eqz(http1_field(&head, "x-t")->name, "X-T"));
	assert_null(http1_field(&head, "x"));

	assert_int_equal(
		request(STR("POST / HTTP/1.1\r\n" H "Content-Length: 12\r\nExpect: 100-Continue\r\n"
			    "Connection: close\r\n\r\n"),
			&error),
		0);
	assert_true(head.framing == HTTP1_BODY_LENGTH && head.length == 12 && head.has_length);
	assert_true(head.expect_continue && !head.keep_alive && head.port == 80 && !head.has_query);

	assert_int_equal(
		request(STR("POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n"), &error),
		0);
	assert_true(head.framing == HTTP1_BODY_CHUNKED && !head.has_length);

	assert_int_equal(
		request(STR("GET https://A.example?q HTTP/1.1\r\nHost: a.example:443\r\n\r\n"),
			&error),
		0);
	assert_true(head.form == HTTP1_ABSOLUTE && head.https && head.port == 443);
	assert_true(str_eqz(head.path, "/") && str_eqz(head.query, "q"));

	assert_int_equal(
		request(STR("GET HTTP://[::1]:81/x HTTP/1.1\r\nHost: [0::1]:81\r\n\r\n"), &error),
		0);
	assert_true(!head.https && head.port == 81 && str_eqz(head.path, "/x"));
	assert_string_equal(head.host.text, "::1");

	assert_int_equal(
		request(STR("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n"), &error),
		0);
	assert_true(head.form == HTTP1_AUTHORITY && head.port == 443 && http1_asked(&head).connect);

	assert_int_equal(request(STR("OPTIONS * HTTP/1.1\r\n" H "\r\n"), &error), 0);
	assert_true(head.form == HTTP1_ASTERISK && str_eqz(head.path, "*"));

	assert_int_equal(
		request(STR("HEAD / HTTP/1.0\r\n" H "Connection: keep-alive\r\n\r\n"), &error), 0);
	assert_true(head.http10 && !head.keep_alive && http1_asked(&head).head);
	assert_int_equal(request(STR("GET http://a.example/ HTTP/1.0\r\n\r\n"), &error), 0);

	assert_int_equal(request(STR("GET /chat HTTP/1.1\r\n" H "Upgrade: websocket\r\n"
				     "Connection: keep-alive, Upgrade\r\n\r\n"),
				 &error),
			 0);
	assert_true(str_eqz(head.upgrade, "websocket") && http1_asked(&head).upgrade);
	/* without Connection it is nobody's wish */
	assert_int_equal(
		request(STR("GET /chat HTTP/1.1\r\n" H "Upgrade: websocket\r\n\r\n"), &error), 0);
	assert_int_equal(head.upgrade.n, 0);
}

static void smuggling(void **state)
{
	static const struct {
		struct str head;
		enum http1_error error;
	} rows[] = {
#define ROW(text, error)           \
	{                          \
		STR_C(text), error \
	}
#define POST(fields, error)                                         \
	{                                                           \
		STR_C("POST / HTTP/1.1\r\n" H fields "\r\n"), error \
	}
		/* two lengths */
		POST("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
		     HTTP1_E_LENGTH_AND_CODING),
		POST("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
		     HTTP1_E_LENGTH_AND_CODING),
		POST("Content-Length: 1\r\nContent-Length: 1\r\n", HTTP1_E_LENGTH_TWICE),
		POST("Content-Length: 1\r\ncontent-length: 2\r\n", HTTP1_E_LENGTH_TWICE),
		POST("Content-Length: 1, 1\r\n", HTTP1_E_LENGTH),
		POST("Content-Length: 1,2\r\n", HTTP1_E_LENGTH),
		POST("Content-Length: +1\r\n", HTTP1_E_LENGTH),
		POST("Content-Length: -1\r\n", HTTP1_E_LENGTH),
		POST("Content-Length: 0x1\r\n", HTTP1_E_LENGTH),
		POST("Content-Length: 01\r\n", HTTP1_E_LENGTH),
		POST("Content-Length: 1 1\r\n", HTTP1_E_LENGTH),
		POST("Content-Length: 1.0\r\n", HTTP1_E_LENGTH),
		POST("Content-Length: 1e1\r\n", HTTP1_E_LENGTH),
		POST("Content-Length: 1_0\r\n", HTTP1_E_LENGTH),
		POST("Content-Length:\r\n", HTTP1_E_LENGTH),
		POST("Content-Length: 18446744073709551617\r\n", HTTP1_E_LENGTH),
		POST("Content-Length: 9999999999999999999\r\n", HTTP1_E_LENGTH),
		POST("Content-Length: \302\2671\r\n", HTTP1_E_LENGTH),
		/* transfer codings in disguise */
		POST("Transfer-Encoding: xchunked\r\n", HTTP1_E_CODING),
		POST("Transfer-Encoding: chunked, identity\r\n", HTTP1_E_CODING),
		POST("Transfer-Encoding: identity\r\n", HTTP1_E_CODING),
		POST("Transfer-Encoding: gzip, chunked\r\n", HTTP1_E_CODING),
		POST("Transfer-Encoding: chunked, chunked\r\n", HTTP1_E_CODING),
		POST("Transfer-Encoding: chunked;q=1\r\n", HTTP1_E_CODING),
		POST("Transfer-Encoding: \"chunked\"\r\n", HTTP1_E_CODING),
		POST("Transfer-Encoding: ,chunked\r\n", HTTP1_E_CODING),
		POST("Transfer-Encoding:\r\n", HTTP1_E_CODING),
		POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		     HTTP1_E_CODING_TWICE),
		POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
		     HTTP1_E_CODING_TWICE),
		POST("Transfer-Encoding: \vchunked\r\n", HTTP1_E_CONTROL),
		POST("Transfer-Encoding: chunked\f\r\n", HTTP1_E_CONTROL),
		POST("Transfer-Encoding: \302\240chunked\r\n", HTTP1_E_CODING),
		POST("Transfer-Encoding : chunked\r\n", HTTP1_E_SPACE),
		POST("Transfer-Encoding\t: chunked\r\n", HTTP1_E_SPACE),
		POST(" Transfer-Encoding: chunked\r\n", HTTP1_E_FOLD),
		POST("X: y\r\n Transfer-Encoding: chunked\r\n", HTTP1_E_FOLD),
		POST("Transfer-Encoding:\r\n chunked\r\n", HTTP1_E_FOLD),
		POST("X: y\r\n\tz\r\n", HTTP1_E_FOLD),
		POST("Transfer_Encoding: chunked\r\n", HTTP1_E_ALIAS),
		POST("content_length: 5\r\n", HTTP1_E_ALIAS),
		POST("X\0: y\r\n", HTTP1_E_CONTROL),
		POST("Transfer-Encoding\0: chunked\r\n", HTTP1_E_CONTROL),
		POST("Transfer-Encoding: chun\0ked\r\n", HTTP1_E_CONTROL),
		POST("Transfer-Encod\303\257ng: chunked\r\n", HTTP1_E_NAME),
		POST(": y\r\n", HTTP1_E_NAME),
		POST("X\r\n", HTTP1_E_NAME),
		POST("X(: y\r\n", HTTP1_E_NAME),
		POST("\"X\": y\r\n", HTTP1_E_NAME),
		/* ends of lines */
		ROW("GET / HTTP/1.1\nHost: a\n\n", HTTP1_E_BARE_LF),
		ROW("GET / HTTP/1.1\r\nHost: a\n\r\n", HTTP1_E_BARE_LF),
		ROW("GET / HTTP/1.1\r\nHost: a\r\n\n", HTTP1_E_BARE_LF),
		POST("X: y\nTransfer-Encoding: chunked\r\n", HTTP1_E_BARE_LF),
		POST("X: y\rTransfer-Encoding: chunked\r\n", HTTP1_E_BARE_CR),
		POST("X: y\r\r\n", HTTP1_E_BARE_CR),
		ROW("\r\nGET / HTTP/1.1\r\n" H "\r\n", HTTP1_E_EMPTY_LINE),
		ROW("\nGET / HTTP/1.1\r\n" H "\r\n", HTTP1_E_BARE_LF),
		/* the first line */
		ROW("GET /\r\n\r\n", HTTP1_E_LINE),
		ROW("GET\r\n\r\n", HTTP1_E_LINE),
		ROW("GET  / HTTP/1.1\r\n" H "\r\n", HTTP1_E_LINE),
		ROW("GET /  HTTP/1.1\r\n" H "\r\n", HTTP1_E_LINE),
		ROW("GET / x HTTP/1.1\r\n" H "\r\n", HTTP1_E_LINE),
		ROW(" GET / HTTP/1.1\r\n" H "\r\n", HTTP1_E_LINE),
		ROW("GET / HTTP/1.1 \r\n" H "\r\n", HTTP1_E_LINE),
		ROW("GET\t/\tHTTP/1.1\r\n" H "\r\n", HTTP1_E_LINE),
		ROW("GET /a\tb HTTP/1.1\r\n" H "\r\n", HTTP1_E_TARGET),
		ROW("get / HTTP/1.1\r\n" H "\r\n", HTTP1_E_METHOD),
		ROW("G\"T / HTTP/1.1\r\n" H "\r\n", HTTP1_E_METHOD),
		ROW("GET / HTTP/1.2\r\n" H "\r\n", HTTP1_E_VERSION),
		ROW("GET / HTTP/2.0\r\n" H "\r\n", HTTP1_E_VERSION),
		ROW("GET / http/1.1\r\n" H "\r\n", HTTP1_E_VERSION),
		ROW("GET / HTTP/1.10\r\n" H "\r\n", HTTP1_E_VERSION),
		ROW("GET / HTTP/01.1\r\n" H "\r\n", HTTP1_E_VERSION),
		ROW("GET / HTTP/0.9\r\n" H "\r\n", HTTP1_E_VERSION),
		ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP1_E_VERSION),
		ROW("GET /\303\274 HTTP/1.1\r\n" H "\r\n", HTTP1_E_TARGET),
		ROW("GET /a#b HTTP/1.1\r\n" H "\r\n", HTTP1_E_TARGET),
		ROW("GET a HTTP/1.1\r\n" H "\r\n", HTTP1_E_TARGET),
		ROW("GET a.example:80 HTTP/1.1\r\n" H "\r\n", HTTP1_E_TARGET),
		ROW("GET ?x HTTP/1.1\r\n" H "\r\n", HTTP1_E_TARGET),
		ROW("GET * HTTP/1.1\r\n" H "\r\n", HTTP1_E_TARGET),
		ROW("OPTIONS *x HTTP/1.1\r\n" H "\r\n", HTTP1_E_TARGET),
		ROW("GET http:/a HTTP/1.1\r\n" H "\r\n", HTTP1_E_TARGET),
		ROW("GET ftp://a.example/ HTTP/1.1\r\n" H "\r\n", HTTP1_E_SCHEME),
		ROW("GET file:///etc/passwd HTTP/1.1\r\n" H "\r\n", HTTP1_E_SCHEME),
		/* hosts */
		ROW("GET / HTTP/1.1\r\n\r\n", HTTP1_E_HOST_MISSING),
		ROW("GET / HTTP/1.0\r\n\r\n", HTTP1_E_HOST_MISSING),
		ROW("GET http://a.example/ HTTP/1.1\r\n\r\n", HTTP1_E_HOST_MISSING),
		ROW("GET / HTTP/1.1\r\n" H H "\r\n", HTTP1_E_HOST_TWICE),
		ROW("GET / HTTP/1.1\r\n" H "Host: b.example\r\n\r\n", HTTP1_E_HOST_TWICE),
		ROW("GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTP1_E_HOST),
		ROW("GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n", HTTP1_E_HOST),
		ROW("GET / HTTP/1.1\r\nHost: a.example b\r\n\r\n", HTTP1_E_HOST),
		ROW("GET / HTTP/1.1\r\nHost: good@a.example\r\n\r\n", HTTP1_E_HOST),
		ROW("GET / HTTP/1.1\r\nHost: a.example/x\r\n\r\n", HTTP1_E_HOST),
		ROW("GET / HTTP/1.1\r\nHost: http://a.example\r\n\r\n", HTTP1_E_HOST),
		ROW("GET / HTTP/1.1\r\nHost: 0x7f.1\r\n\r\n", HTTP1_E_HOST),
		ROW("GET / HTTP/1.1\r\nHost: a.example:\r\n\r\n", HTTP1_E_HOST),
		ROW("GET http://b.example/ HTTP/1.1\r\n" H "\r\n", HTTP1_E_HOST_DIFFERS),
		ROW("GET http://a.example:81/ HTTP/1.1\r\n" H "\r\n", HTTP1_E_HOST_DIFFERS),
		ROW("GET https://a.example/ HTTP/1.1\r\nHost: a.example:80\r\n\r\n",
		    HTTP1_E_HOST_DIFFERS),
		ROW("GET http://x@a.example/ HTTP/1.1\r\n" H "\r\n", HTTP1_E_HOST),
		ROW("GET http:///x HTTP/1.1\r\n" H "\r\n", HTTP1_E_HOST),
		ROW("GET http://a.example\\@b/ HTTP/1.1\r\n" H "\r\n", HTTP1_E_HOST),
		ROW("CONNECT a.example HTTP/1.1\r\n" H "\r\n", HTTP1_E_HOST),
		ROW("CONNECT /x HTTP/1.1\r\n" H "\r\n", HTTP1_E_HOST),
		ROW("CONNECT http://a.example:80 HTTP/1.1\r\n" H "\r\n", HTTP1_E_HOST),
		ROW("CONNECT a.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n",
		    HTTP1_E_HOST_DIFFERS),
		ROW("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:80\r\n\r\n",
		    HTTP1_E_HOST_DIFFERS),
		/* versions, connections, upgrades, bodies */
		ROW("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n",
		    HTTP1_E_CODING_VERSION),
		POST("Connection: Content-Length\r\nContent-Length: 5\r\n", HTTP1_E_CONNECTION),
		POST("Connection: close, transfer-encoding\r\n", HTTP1_E_CONNECTION),
		POST("Connection: Host\r\n", HTTP1_E_CONNECTION),
		POST("Connection: Authorization\r\n", HTTP1_E_CONNECTION),
		POST("Connection: a b\r\n", HTTP1_E_CONNECTION),
		POST("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
		     "AA\r\n",
		     HTTP1_E_H2C),
		POST("Connection: Upgrade\r\nUpgrade: websocket, H2C\r\n", HTTP1_E_H2C),
		POST("Upgrade: h2c\r\n", HTTP1_E_H2C),
		POST("HTTP2-Settings: AA\r\n", HTTP1_E_H2C),
		POST("Connection: Upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n", HTTP1_E_UPGRADE),
		POST("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n",
		     HTTP1_E_BODY),
		POST("Expect: 200-ok\r\n", HTTP1_E_EXPECT),
		POST("Expect:\r\n", HTTP1_E_EXPECT),
		ROW("CONNECT a.example:1 HTTP/1.1\r\nHost: a.example:1\r\nContent-Length: "
		    "5\r\n\r\n",
		    HTTP1_E_BODY),
		ROW("TRACE / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n", HTTP1_E_BODY),
		POST("", HTTP1_OK),
		POST("Content-Length: 999999999999999999\r\n", HTTP1_OK),
#undef POST
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum http1_error error;

		if (request(rows[i].head, &error) != (rows[i].error ? -EBADMSG : 0) ||
		    error != rows[i].error)
			fail_msg("%.*s\n%s", STR_ARG(rows[i].head), http1_error_text(error));
	}
}

static void limits(void **state)
{
	AUTO(buf_done) struct buf b = BUF_INIT(1 << 20);
	enum http1_error error;
	size_t scanned = 0;

	(void)state;
	for (unsigned n = HTTP1_FIELDS_MAX; n <= HTTP1_FIELDS_MAX + 1; n++) {
		buf_reset(&b);
		buf_putz(&b, "GET / HTTP/1.1\r\n" H);
		for (unsigned i = 1; i < n; i++)
			buf_putz(&b, "X: y\r\n");
		buf_putz(&b, "\r\n");
		assert_int_equal(request(buf_str(&b), &error),
				 n == HTTP1_FIELDS_MAX ? 0 : -EBADMSG);
		assert_int_equal(error, n == HTTP1_FIELDS_MAX ? HTTP1_OK : HTTP1_E_FIELDS);
	}
	buf_reset(&b);
	buf_putz(&b, "GET / HTTP/1.1\r\n" H "X: ");
	while (b.n < HTTP1_HEAD_MAX - 4)
		buf_putc(&b, 'x');
	assert_int_equal(http1_parse_request(buf_str(&b), &scanned, 80, &head, &error), -EAGAIN);
	buf_putz(&b, "\r\n\r\nmore");
	assert_int_equal(http1_parse_request(buf_str(&b), &scanned, 80, &head, &error), 0);
	assert_int_equal(head.used, HTTP1_HEAD_MAX);
	b.n -= 8;
	buf_putz(&b, "x\r\n\r\n");
	scanned = 0;
	assert_int_equal(http1_parse_request(buf_str(&b), &scanned, 80, &head, &error), -EBADMSG);
	assert_int_equal(error, HTTP1_E_LONG);
}

static void answers(void **state)
{
	static const struct http1_asked get = { 0 }, for_head = { .head = true };
	static const struct http1_asked connect = { .connect = true },
					upgrade = { .upgrade = true };
	static const struct {
		struct str head;
		const struct http1_asked *asked;
		enum http1_error error;
		enum http1_framing framing;
		bool tunnel;
	} rows[] = {
#define A(text, asked, ...) { STR_C("HTTP/1.1 " text "\r\n"), &asked, __VA_ARGS__ }
		A("200 OK\r\nContent-Length: 5\r\n", get, HTTP1_OK, HTTP1_BODY_LENGTH),
		A("200 OK\r\nTransfer-Encoding: chunked\r\n", get, HTTP1_OK, HTTP1_BODY_CHUNKED),
		A("200 OK\r\n", get, HTTP1_OK, HTTP1_BODY_CLOSE),
		A("200 \r\n", get, HTTP1_OK, HTTP1_BODY_CLOSE),
		A("200\r\n", get, HTTP1_OK, HTTP1_BODY_CLOSE),
		A("200 OK\r\nContent-Length: 5\r\n", for_head, HTTP1_OK, HTTP1_BODY_NONE),
		A("200 OK\r\nTransfer-Encoding: chunked\r\n", for_head, HTTP1_OK, HTTP1_BODY_NONE),
		A("304 Not Modified\r\nContent-Length: 5\r\n", get, HTTP1_OK, HTTP1_BODY_NONE),
		A("204 No Content\r\nContent-Length: 0\r\n", get, HTTP1_OK, HTTP1_BODY_NONE),
		A("204 No Content\r\nContent-Length: 5\r\n", get, HTTP1_E_BODY),
		A("204 No Content\r\nTransfer-Encoding: chunked\r\n", get, HTTP1_E_BODY),
		A("100 Continue\r\n", get, HTTP1_OK, HTTP1_BODY_NONE),
		A("103 Early Hints\r\nContent-Length: 3\r\n", get, HTTP1_E_BODY),
		A("200 OK\r\n", connect, HTTP1_OK, HTTP1_BODY_NONE, true),
		A("200 OK\r\nContent-Length: 5\r\n", connect, HTTP1_E_BODY),
		A("403 No\r\nContent-Length: 5\r\n", connect, HTTP1_OK, HTTP1_BODY_LENGTH),
		A("101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n", upgrade, HTTP1_OK,
		  HTTP1_BODY_NONE, true),
		A("101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n", get, HTTP1_E_UPGRADE),
		A("101 S\r\nConnection: upgrade\r\n", upgrade, HTTP1_E_UPGRADE),
		A("101 S\r\nUpgrade: websocket\r\n", upgrade, HTTP1_E_UPGRADE),
		A("101 S\r\nUpgrade: h2c\r\nConnection: upgrade\r\n", upgrade, HTTP1_E_H2C),
		A("200 OK\r\nUpgrade: h2,h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n", get,
		  HTTP1_OK, HTTP1_BODY_LENGTH),
		A("200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", get,
		  HTTP1_E_LENGTH_AND_CODING),
		A("200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n", get,
		  HTTP1_E_LENGTH_TWICE),
		A("200 OK\r\nContent-Length: 5, 5\r\n", get, HTTP1_E_LENGTH),
		A("200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n", for_head,
		  HTTP1_E_LENGTH_TWICE),
		A("200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", get, HTTP1_E_CODING),
		A("200 OK\r\nX : y\r\n", get, HTTP1_E_SPACE),
		A("200 OK\r\nX: y\r\n z\r\n", get, HTTP1_E_FOLD),
		A("200 OK\r\nX: y\nZ: z\r\n", get, HTTP1_E_BARE_LF),
		A("099 x\r\n", get, HTTP1_E_STATUS),
		A("600 x\r\n", get, HTTP1_E_STATUS),
		A("2x0 x\r\n", get, HTTP1_E_STATUS),
		A("20\r\n", get, HTTP1_E_LINE),
		A("2000 x\r\n", get, HTTP1_E_LINE),
		A(" 200 x\r\n", get, HTTP1_E_LINE),
#undef A
		{ STR_C("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), &get,
		  HTTP1_E_CODING_VERSION },
		{ STR_C("HTTP/1.0 200 OK\r\n\r\n"), &get, HTTP1_OK, HTTP1_BODY_CLOSE },
		{ STR_C("HTTP/2.0 200 OK\r\n\r\n"), &get, HTTP1_E_VERSION },
		{ STR_C("ICY 200 OK\r\n\r\n"), &get, HTTP1_E_VERSION },
		{ STR_C("<html>\r\n\r\n"), &get, HTTP1_E_VERSION },
		{ STR_C("\r\nHTTP/1.1 200 OK\r\n\r\n"), &get, HTTP1_E_EMPTY_LINE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum http1_error error;
		int r = answer(rows[i].head, *rows[i].asked, &error);

		if (error != rows[i].error)
			fail_msg("%.*s\n%s", STR_ARG(rows[i].head), http1_error_text(error));
		assert_int_equal(r, error ? -EBADMSG : 0);
		if (r < 0)
			continue;
		assert_int_equal(head.framing, rows[i].framing);
		assert_int_equal(head.tunnel, rows[i].tunnel);
		assert_int_equal(head.used, rows[i].head.n);
		assert_true(!head.keep_alive || head.framing != HTTP1_BODY_CLOSE);
	}
}

/* The content of @in given in pieces of @size; what is left in *@ret_rest. */
static int drain(struct http1_body *body, struct str in, size_t size, struct buf *content,
		 size_t *ret_used, enum http1_error *error)
{
	size_t at = 0, used;
	int r = -EAGAIN;

	while (r == -EAGAIN && at < in.n) {
		struct str piece = str_sub(in, at, at + size);

		do {
			struct str data;

			r = http1_body_next(body, piece, &used, &data, error);
			if (r < 0 && r != -EAGAIN)
				return r;
			buf_puts(content, data);
			piece = str_sub(piece, used, piece.n);
			at += used;
		} while (r == 1);
	}
	*ret_used = at;
	return r;
}

static void chunked(void **state)
{
	static const struct {
		struct str in;
		enum http1_error error;
		const char *content;
	} rows[] = {
		{ STR_C("5\r\nhello\r\n0\r\n\r\n"), HTTP1_OK, "hello" },
		{ STR_C("5\r\nhel\r\n\r\nA\r\n0123456789\r\n00\r\n\r\n"), HTTP1_OK,
		  "hel\r\n0123456789" },
		{ STR_C("0\r\n\r\n"), HTTP1_OK, "" },
		{ STR_C("1\r\na\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n"), HTTP1_OK, "a" },
		{ STR_C("000000000000001\r\na\r\n0\r\n\r\n"), HTTP1_OK, "a" },
		{ STR_C("0000000000000001\r\na\r\n0\r\n\r\n"), HTTP1_E_CHUNK_SIZE },
		{ STR_C("1000000000000000\r\n"), HTTP1_E_CHUNK_SIZE },
		{ STR_C("ffffffffffffffff1\r\n"), HTTP1_E_CHUNK_SIZE },
		{ STR_C("0x5\r\nhello\r\n"), HTTP1_E_CHUNK_SIZE },
		{ STR_C("5 \r\nhello\r\n"), HTTP1_E_CHUNK_SIZE },
		{ STR_C(" 5\r\nhello\r\n"), HTTP1_E_CHUNK_SIZE },
		{ STR_C("+5\r\nhello\r\n"), HTTP1_E_CHUNK_SIZE },
		{ STR_C("-5\r\nhello\r\n"), HTTP1_E_CHUNK_SIZE },
		{ STR_C("5_0\r\n"), HTTP1_E_CHUNK_SIZE },
		{ STR_C("g\r\n"), HTTP1_E_CHUNK_SIZE },
		{ STR_C("\r\n"), HTTP1_E_CHUNK_SIZE },
		{ STR_C("5\nhello\n0\n\n"), HTTP1_E_CHUNK_SIZE },
		{ STR_C("5\rhello"), HTTP1_E_CHUNK_SIZE },
		{ STR_C("5\0\r\nhello"), HTTP1_E_CHUNK_SIZE },
		{ STR_C("5;a=b\r\nhello\r\n"), HTTP1_E_CHUNK_EXTENSION },
		{ STR_C("5;\nx\r\nhello\r\n"), HTTP1_E_CHUNK_EXTENSION },
		{ STR_C("5\r\nhello0\r\n\r\n"), HTTP1_E_CHUNK_END },
		{ STR_C("5\r\nhello\n0\r\n\r\n"), HTTP1_E_CHUNK_END },
		{ STR_C("5\r\nhello\rx0\r\n\r\n"), HTTP1_E_CHUNK_END },
		{ STR_C("0\r\nX\r\n\r\n"), HTTP1_E_TRAILER },
		{ STR_C("0\r\nX: y\n\r\n"), HTTP1_E_TRAILER },
		{ STR_C("0\r\n\n"), HTTP1_E_TRAILER },
		{ STR_C("0\r\n X: y\r\n\r\n"), HTTP1_E_TRAILER },
		{ STR_C("0\r\nContent-Length: 5\r\n\r\n"), HTTP1_E_TRAILER },
		{ STR_C("0\r\ntransfer-encoding: chunked\r\n\r\n"), HTTP1_E_TRAILER },
		{ STR_C("0\r\nHost: b\r\n\r\n"), HTTP1_E_TRAILER },
		{ STR_C("0\r\nAuthorization: b\r\n\r\n"), HTTP1_E_TRAILER },
		{ STR_C("0\r\nGET / HTTP/1.1\r\nX: y\r\n\r\n"), HTTP1_E_TRAILER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t size = 1; size <= rows[i].in.n + 4; size++) {
			AUTO(buf_done)
			struct buf content = BUF_INIT(1 << 16), in = BUF_INIT(1 << 16);
			struct http1_body body;
			enum http1_error error = HTTP1_OK;
			size_t used = 0;
			int r;

			head.framing = HTTP1_BODY_CHUNKED;
			http1_body_init(&body, &head);
			buf_puts(&in, rows[i].in);
			buf_putz(&in, "GET ");
			r = drain(&body, buf_str(&in), size, &content, &used, &error);
			if (error != rows[i].error)
				fail_msg("%.*s\n%s", STR_ARG(rows[i].in), http1_error_text(error));
			assert_int_equal(r, error ? -EBADMSG : 0);
			if (r < 0)
				continue;
			assert_int_equal(used, rows[i].in.n);
			assert_true(str_eqz(buf_str(&content), rows[i].content));
		}
	}
}

static void bodies_end(void **state)
{
	AUTO(buf_done) struct buf content = BUF_INIT(1 << 16);
	struct http1_body body;
	enum http1_error error = HTTP1_OK;
	struct str data;
	size_t used;

	(void)state;
	head.framing = HTTP1_BODY_LENGTH;
	head.length = 5;
	http1_body_init(&body, &head);
	assert_int_equal(http1_body_next(&body, STR("hel"), &used, &data, &error), 1);
	assert_true(str_eqz(data, "hel") && used == 3);
	assert_int_equal(http1_body_next(&body, STR(""), &used, &data, &error), -EAGAIN);
	assert_int_equal(http1_body_eof(&body, &error), -EBADMSG);
	assert_int_equal(error, HTTP1_E_CUT);
	assert_int_equal(http1_body_next(&body, STR("loGET"), &used, &data, &error), 1);
	assert_true(str_eqz(data, "lo") && used == 2);
	assert_int_equal(http1_body_next(&body, STR("GET"), &used, &data, &error), 0);
	assert_int_equal(used, 0);
	assert_int_equal(http1_body_eof(&body, &error), 0);
	head.length = 0;
	http1_body_init(&body, &head);
	assert_int_equal(http1_body_next(&body, STR("GET"), &used, &data, &error), 0);
	head.framing = HTTP1_BODY_NONE;
	http1_body_init(&body, &head);
	assert_int_equal(http1_body_next(&body, STR("GET"), &used, &data, &error), 0);
	assert_int_equal(used, 0);
	head.framing = HTTP1_BODY_CLOSE;
	http1_body_init(&body, &head);
	assert_int_equal(http1_body_next(&body, STR("x"), &used, &data, &error), 1);
	assert_int_equal(http1_body_eof(&body, &error), 0);
	head.framing = HTTP1_BODY_CHUNKED;
	http1_body_init(&body, &head);
	assert_int_equal(drain(&body, STR("1\r\na\r\n0\r\n"), 99, &content, &used, &error),
			 -EAGAIN);
	assert_int_equal(http1_body_eof(&body, &error), -EBADMSG);
	/* trailers have a ceiling */
	http1_body_init(&body, &head);
	assert_int_equal(drain(&body, STR("0\r\nX: "), 99, &content, &used, &error), -EAGAIN);
	for (unsigned i = 3; i < HTTP1_TRAILER_MAX; i++)
		assert_int_equal(http1_body_next(&body, STR("x"), &used, &data, &error), -EAGAIN);
	assert_int_equal(http1_body_next(&body, STR("x"), &used, &data, &error), -EBADMSG);
	assert_int_equal(error, HTTP1_E_TRAILER);
}

static void written(struct str in, struct str path, bool upgrade, const char *expected)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16), again = BUF_INIT(1 << 16);
	enum http1_error error;

	assert_int_equal(request(in, &error), 0);
	http1_put_request(&out, &head, path.n ? path : head.path, upgrade, head.keep_alive);
	assert_string_equal(buf_cstr(&out), expected);
	/* what was written is read as the same */
	assert_int_equal(request(buf_str(&out), &error), 0);
	http1_put_request(&again, &head, head.path, upgrade, head.keep_alive);
	assert_string_equal(buf_cstr(&again), expected);
}

static void heads_are_written_anew(void **state)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16);
	enum http1_error error;

	(void)state;
	written(STR("GET HTTP://A.example:80/x/../y?q HTTP/1.1\r\nX-A:  b \r\nhost: a.example\r\n"
		    "Connection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
		    "Proxy-Authorization: Basic x\r\nProxy-Connection: x\r\nUpgrade: y\r\n\r\n"),
		STR("/y"), false,
		"GET /y?q HTTP/1.1\r\nHost: a.example\r\nX-A: b\r\nConnection: close\r\n\r\n");
	written(STR("POST /p HTTP/1.1\r\nTransfer-Encoding: CHUNKED\r\nHost: [::0]:8080\r\nExpect: "
		    "100-continue\r\n\r\n"),
		STR(""), false,
		"POST /p HTTP/1.1\r\nHost: [::]:8080\r\nExpect: 100-continue\r\nTransfer-Encoding: "
		"chunked\r\n"
		"Connection: keep-alive\r\n\r\n");
	written(STR("PUT /p? HTTP/1.0\r\nContent-Length: 0\r\nHost: a\r\n\r\n"), STR(""), false,
		"PUT /p? HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	written(STR("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), STR(""), false,
		"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
	written(STR("GET /c HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: x, "
		    "upgrade\r\nX: 1\r\n\r\n"),
		STR(""), true,
		"GET /c HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");

	assert_int_equal(request(STR("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), &error), 0);
	http1_put_request(&out, &head, STR("/"), false, true);
	assert_true(buf_error(&out) && out.n == 0);

	buf_reset(&out);
	assert_int_equal(answer(STR("HTTP/1.0 200\r\nServer: x\r\nAlt-Svc: "
				    "h3=\":443\"\r\nContent-Length: 3\r\n"
				    "Proxy-Authenticate: x\r\n\r\n"),
				(struct http1_asked){ 0 }, &error),
			 0);
	http1_put_answer(&out, &head, false, true);
	assert_string_equal(buf_cstr(&out), "HTTP/1.1 200 \r\nServer: x\r\nContent-Length: 3\r\n"
					    "Connection: keep-alive\r\n\r\n");
	buf_reset(&out); /* to HEAD: the length of what would be there */
	assert_int_equal(answer(STR("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"),
				(struct http1_asked){ .head = true }, &error),
			 0);
	http1_put_answer(&out, &head, false, false);
	assert_string_equal(buf_cstr(&out),
			    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n");
	buf_reset(&out);
	assert_int_equal(
		answer(STR("HTTP/1.1 100 Continue\r\n\r\n"), (struct http1_asked){ 0 }, &error), 0);
	http1_put_answer(&out, &head, false, true);
	assert_string_equal(buf_cstr(&out), "HTTP/1.1 100 Continue\r\n\r\n");
	buf_reset(&out);
	http1_put_chunk_size(&out, 0x1fe);
	assert_string_equal(buf_cstr(&out), "1fe\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(smuggling),
		cmocka_unit_test(limits),
		cmocka_unit_test(answers),
		cmocka_unit_test(chunked),
		cmocka_unit_test(bodies_end),
		cmocka_unit_test(heads_are_written_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
