/*
 * Unit tests of net/client_hello: hellos of real clients (tests/fuzz/corpus/client_hello), whole and in
 * pieces, and hellos written by hand that must be refused. tests/unit/net_oracle.py holds it against
 * OpenSSL.
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/own.h"
#include "net/client_hello.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct client_hello_room room;

static void put16(struct buf *b, size_t v)
{
	buf_putc(b, (char)(v >> 8));
	buf_putc(b, (char)v);
}

/* What a hello is made of here; a field that is NULL has its usual content. */
struct made {
	const char *version; /* two bytes */
	struct str session, ciphers, compression;
	struct str extensions;
	bool no_extensions;
};

#define RANDOM "0123456789abcdef0123456789abcdef"
#define SNI_A "\0\0\0\12\0\10\0\0\5a.com"
#define VERSIONS "\0\53\0\3\2\3\4"
#define ALPN_H2 "\0\20\0\5\0\3\2h2"
#define PSK "\0\51\0\13\0\3\1x\0\0\4\3bin"

static void put_message(struct buf *b, const struct made *m)
{
	struct str ciphers = m->ciphers.p ? m->ciphers : STR("\23\1");
	struct str compression = m->compression.p ? m->compression : STR("\0");
	size_t length_at = b->n + 2;

	buf_puts(b, STR("\1\0\0\0"));
	buf_put(b, m->version ?: "\3\3", 2);
	buf_puts(b, STR(RANDOM));
	buf_putc(b, (char)m->session.n);
	buf_puts(b, m->session);
	put16(b, ciphers.n);
	buf_puts(b, ciphers);
	buf_putc(b, (char)compression.n);
	buf_puts(b, compression);
	if (!m->no_extensions) {
		put16(b, m->extensions.n);
		buf_puts(b, m->extensions);
	}
	b->p[length_at] = (char)((b->n - length_at - 2) >> 8);
	b->p[length_at + 1] = (char)(b->n - length_at - 2);
}

/* @message in records of @size bytes. */
static void put_records(struct buf *b, struct str message, size_t size)
{
	for (size_t at = 0; at < message.n; at += size) {
		struct str part = str_sub(message, at, at + size);

		buf_puts(b, STR("\26\3\1"));
		put16(b, part.n);
		buf_puts(b, part);
	}
}

static int parse(struct str stream, struct client_hello *h, enum client_hello_error *error)
{
	*error = CLIENT_HELLO_OK;
	return client_hello_parse(stream, &room, h, error);
}

/* Any start of it asks for more. */
static void good(struct str stream, struct client_hello *h)
{
	enum client_hello_error error;

	for (size_t n = 0; n < stream.n; n++)
		assert_int_equal(parse(str_sub(stream, 0, n), h, &error), -EAGAIN);
	if (parse(stream, h, &error) != 0)
		fail_msg("%s", client_hello_error_text(error));
	assert_int_equal(h->used, stream.n);
}

static void bad(struct str stream, enum client_hello_error expected)
{
	struct client_hello h = { .used = 77 };
	enum client_hello_error error;

	assert_int_equal(parse(stream, &h, &error), -EBADMSG);
	if (error != expected)
		fail_msg("%s, not: %s", client_hello_error_text(error),
			 client_hello_error_text(expected));
	assert_int_equal(h.used, 77);
}

static void real_clients(void **state)
{
	static const struct {
		const char *file, *name, *alpn;
		bool tls12, tls13;
	} rows[] = {
		{ "curl", "curl.example", "h2", true, true },
		{ "node", "node.example", "http/1.1", true, true },
		{ "openssl", "www.example.net", "h2", true, true },
		{ "openssl_tls1", NULL, NULL, true, false },
		{ "python_12", "example.org", NULL, true, false },
		{ "python_h2", "api.example.com", "h2", true, true },
		{ "python_no_sni", NULL, NULL, true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO(buf_done) struct buf b = BUF_INIT(1 << 16), split = BUF_INIT(1 << 17);
		struct client_hello h;
		struct str rest, protocol = { 0 };
		char path[4096];
		AUTO(fd_closep) int fd = -EBADF;

		(void)snprintf(path, sizeof(path), HELLOS "/%s", rows[i].file);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_int_equal(fd_read_all(fd, &b), 0);
		good(buf_str(&b), &h);
		assert_int_equal(h.has_name, rows[i].name != NULL);
		assert_string_equal(h.name.text, rows[i].name ?: "");
		rest = h.alpn;
		assert_int_equal(client_hello_alpn(&rest, &protocol), rows[i].alpn != NULL);
		assert_true(str_eqz(protocol, rows[i].alpn));
		assert_int_equal(h.tls12, rows[i].tls12);
		assert_int_equal(h.tls13, rows[i].tls13);
		assert_false(h.ech || h.esni || h.early_data || h.psk);
		/* in pieces it is the same */
		for (size_t size = 9; size < b.n; size += 13) {
			struct client_hello again;

			buf_reset(&split);
			put_records(&split, str_sub(buf_str(&b), 5, b.n), size);
			good(buf_str(&split), &again);
			assert_string_equal(again.name.text, h.name.text);
			assert_true(str_eq(again.message, str_sub(buf_str(&b), 5, b.n)));
		}
	}
}

static void extensions_by_hand(void **state)
{
	static const struct {
		struct made made;
		enum client_hello_error error;
	} rows[] = {
		{ { .extensions = STR_C(SNI_A VERSIONS ALPN_H2) }, CLIENT_HELLO_OK },
		{ { .no_extensions = true }, CLIENT_HELLO_OK },
		{ { .no_extensions = true, .version = "\3\0" }, CLIENT_HELLO_E_VERSION },
		{ { .version = "\3\4", .extensions = STR_C(VERSIONS) }, CLIENT_HELLO_E_VERSION },
		{ { .extensions = STR_C("\0\53\0\3\2\3\0") }, CLIENT_HELLO_E_VERSION },
		{ { .extensions = STR_C("\0\53\0\1\0") }, CLIENT_HELLO_E_LENGTH },
		{ { .extensions = STR_C("\0\53\0\4\3\3\4\3") }, CLIENT_HELLO_E_LENGTH },
		{ { .extensions = STR_C("\0\53\0\4\2\3\4\3") }, CLIENT_HELLO_E_LENGTH },
		{ { .ciphers = STR_C("") }, CLIENT_HELLO_E_LENGTH },
		{ { .ciphers = STR_C("\23\1\1") }, CLIENT_HELLO_E_LENGTH },
		{ { .compression = STR_C("") }, CLIENT_HELLO_E_LENGTH },
		{ { .compression = STR_C("\1") }, CLIENT_HELLO_E_COMPRESS },
		{ { .compression = STR_C("\0\1") }, CLIENT_HELLO_E_COMPRESS },
		{ { .session = STR_C(RANDOM "x") }, CLIENT_HELLO_E_LENGTH },
		{ { .session = STR_C(RANDOM) }, CLIENT_HELLO_OK },
		{ { .extensions = STR_C("\0\27\0") }, CLIENT_HELLO_E_LENGTH },
		{ { .extensions = STR_C("\0\27\0\1") }, CLIENT_HELLO_E_LENGTH },
		{ { .extensions = STR_C("\0\27\0\0\0\27\0\0") }, CLIENT_HELLO_E_TWICE },
		{ { .extensions = STR_C(SNI_A SNI_A) }, CLIENT_HELLO_E_TWICE },
		/* names */
		{ { .extensions = STR_C("\0\0\0\0") }, CLIENT_HELLO_E_SNI },
		{ { .extensions = STR_C("\0\0\0\2\0\0") }, CLIENT_HELLO_E_SNI },
		{ { .extensions = STR_C("\0\0\0\12\0\10\1\0\5a.com") }, CLIENT_HELLO_E_SNI },
		{ { .extensions = STR_C("\0\0\0\11\0\10\0\0\5a.com") }, CLIENT_HELLO_E_SNI },
		{ { .extensions = STR_C("\0\0\0\12\0\7\0\0\5a.com") }, CLIENT_HELLO_E_SNI },
		{ { .extensions = STR_C("\0\0\0\12\0\10\0\0\4a.com") }, CLIENT_HELLO_E_SNI },
		{ { .extensions = STR_C("\0\0\0\12\0\10\0\0\6a.com") }, CLIENT_HELLO_E_SNI },
		{ { .extensions = STR_C("\0\0\0\22\0\20\0\0\5a.com\0\0\5b.com") },
		  CLIENT_HELLO_E_SNI },
		{ { .extensions = STR_C("\0\0\0\12\0\10\0\0\5a.com\0") }, CLIENT_HELLO_E_LENGTH },
		{ { .extensions = STR_C("\0\0\0\12\0\10\0\0\5a\0com") }, CLIENT_HELLO_E_HOST },
		{ { .extensions = STR_C("\0\0\0\12\0\10\0\0\5.....") }, CLIENT_HELLO_E_HOST },
		{ { .extensions = STR_C("\0\0\0\12\0\10\0\0\5a.co.") }, CLIENT_HELLO_E_HOST },
		{ { .extensions = STR_C("\0\0\0\14\0\12\0\0\7"
					"1.2.3.4") },
		  CLIENT_HELLO_E_HOST },
		{ { .extensions = STR_C("\0\0\0\5\0\3\0\0\0") }, CLIENT_HELLO_E_HOST },
		/* protocols */
		{ { .extensions = STR_C("\0\20\0\2\0\0") }, CLIENT_HELLO_E_ALPN },
		{ { .extensions = STR_C("\0\20\0\3\0\1\0") }, CLIENT_HELLO_E_ALPN },
		{ { .extensions = STR_C("\0\20\0\5\0\3\3h2") }, CLIENT_HELLO_E_ALPN },
		{ { .extensions = STR_C("\0\20\0\6\0\3\2h2x") }, CLIENT_HELLO_E_ALPN },
		/* what comes early, or hides */
		{ { .extensions = STR_C(VERSIONS PSK) }, CLIENT_HELLO_OK },
		{ { .extensions = STR_C(PSK VERSIONS) }, CLIENT_HELLO_E_PSK },
		{ { .extensions = STR_C("\0\51\0\4\0\0\0\0") }, CLIENT_HELLO_E_LENGTH },
		{ { .extensions = STR_C("\0\52\0\0" PSK) }, CLIENT_HELLO_OK },
		{ { .extensions = STR_C("\0\52\0\1x" PSK) }, CLIENT_HELLO_E_EARLY },
		{ { .extensions = STR_C("\0\52\0\0") }, CLIENT_HELLO_E_EARLY },
		{ { .extensions = STR_C("\376\15\0\13\0\0\1\0\1\7\0\0\0\1p") }, CLIENT_HELLO_OK },
		{ { .extensions = STR_C("\376\15\0\1\1") }, CLIENT_HELLO_E_ECH },
		{ { .extensions = STR_C("\376\15\0\12\0\0\1\0\1\7\0\0\0\0") }, CLIENT_HELLO_E_ECH },
		{ { .extensions = STR_C("\0\71\0\0") }, CLIENT_HELLO_E_QUIC },
		{ { .extensions = STR_C("\377\245\0\0") }, CLIENT_HELLO_E_QUIC },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO(buf_done) struct buf m = BUF_INIT(1 << 16), b = BUF_INIT(1 << 16);
		enum client_hello_error error;
		struct client_hello h;

		put_message(&m, &rows[i].made);
		put_records(&b, buf_str(&m), 16384);
		(void)parse(buf_str(&b), &h, &error);
		if (error != rows[i].error)
			fail_msg("row %zu: %s", i, client_hello_error_text(error));
		if (error == CLIENT_HELLO_OK)
			good(buf_str(&b), &h);
		else
			bad(buf_str(&b), error);
		buf_reset(&b); /* one message of one byte more, with nothing in it */
		buf_putc(&m, 0);
		m.p[3] = (char)(m.p[3] + 1);
		put_records(&b, buf_str(&m), 16384);
		assert_int_equal(parse(buf_str(&b), &h, &error), -EBADMSG);
	}
}

static void what_is_found(void **state)
{
	AUTO(buf_done) struct buf m = BUF_INIT(1 << 16), b = BUF_INIT(1 << 16);
	const struct made made = {
		.extensions = STR(SNI_A
				  "\0\53\0\7\6\32\32\3\4\3\3\0\20\0\16\0\14\2h2\10http/1.1"
				  "\376\15\0\13\0\0\1\0\1\7\0\0\0\1p\377\316\0\0\0\52\0\0" PSK),
	};
	struct client_hello h;
	struct str rest, p;

	(void)state;
	put_message(&m, &made);
	put_records(&b, buf_str(&m), 16384);
	good(buf_str(&b), &h);
	assert_string_equal(h.name.text, "a.com");
	assert_true(h.tls12 && h.tls13 && !h.tls11 && !h.tls10);
	assert_true(h.ech && h.esni && h.early_data && h.psk);
	rest = h.alpn;
	assert_true(client_hello_alpn(&rest, &p) && str_eqz(p, "h2"));
	assert_true(client_hello_alpn(&rest, &p) && str_eqz(p, "http/1.1"));
	assert_false(client_hello_alpn(&rest, &p));
	/* early data behind it is the caller's */
	buf_puts(&b, STR("\27\3\3\0\1x"));
	{
		enum client_hello_error error;

		assert_int_equal(parse(buf_str(&b), &h, &error), 0);
		assert_int_equal(h.used, b.n - 6);
	}
}

static void streams(void **state)
{
	AUTO(buf_done) struct buf m = BUF_INIT(1 << 16), b = BUF_INIT(1 << 16);
	const struct made made = { .extensions = STR(SNI_A VERSIONS) };
	struct client_hello h;
	enum client_hello_error error;

	(void)state;
	bad(STR("GET / HTTP/1.1\r\n"), CLIENT_HELLO_E_NOT_TLS);
	bad(STR("G"), CLIENT_HELLO_E_NOT_TLS);
	bad(STR("SSH-2.0-OpenSSH"), CLIENT_HELLO_E_NOT_TLS);
	bad(STR("\200\56\1\3\1"), CLIENT_HELLO_E_NOT_TLS); /* SSL 2 */
	bad(STR("\26\3\0"), CLIENT_HELLO_E_NOT_TLS);       /* SSL 3 */
	bad(STR("\26\376\377"), CLIENT_HELLO_E_NOT_TLS);   /* DTLS */
	bad(STR("\26\3\4"), CLIENT_HELLO_E_NOT_TLS);
	bad(STR("\27\3\3\0\1"), CLIENT_HELLO_E_NOT_TLS);
	bad(STR("\26\3\1\0\0"), CLIENT_HELLO_E_RECORD);
	bad(STR("\26\3\1\100\1"), CLIENT_HELLO_E_RECORD);
	bad(STR("\26\3\1\0\4\2\0\0\0"), CLIENT_HELLO_E_MESSAGE);
	bad(STR("\26\3\1\0\4\1\0\77\375"), CLIENT_HELLO_E_LONG);
	bad(STR("\26\3\1\0\5\1\0\0\0x"), CLIENT_HELLO_E_TRAILING);
	bad(STR("\26\3\1\0\4\1\0\0\0"), CLIENT_HELLO_E_LENGTH);
	/* another record in between, or an empty one */
	bad(STR("\26\3\1\0\4\1\0\0\2\24\3\3\0\1\1"), CLIENT_HELLO_E_RECORD);
	bad(STR("\26\3\1\0\4\1\0\0\2\26\3\3\0\0"), CLIENT_HELLO_E_RECORD);
	bad(STR("\26\3\1\0\4\1\0\0\2\25"), CLIENT_HELLO_E_RECORD);

	put_message(&m, &made);
	put_records(&b, buf_str(&m), 1); /* 66 records */
	assert_true(m.n > CLIENT_HELLO_RECORDS_MAX);
	bad(buf_str(&b), CLIENT_HELLO_E_LONG);
	buf_reset(&b);
	put_records(&b, buf_str(&m), 2);
	good(buf_str(&b), &h);
	/* a second message in the record is refused as soon as its length is seen */
	buf_reset(&b);
	buf_puts(&m, STR("\13\0\0\0"));
	put_records(&b, buf_str(&m), 16384);
	bad(str_sub(buf_str(&b), 0, 9), CLIENT_HELLO_E_TRAILING);
	/* nothing of what is promised makes it wait for more than it may read */
	assert_int_equal(parse(STR("\26\3\1\100\0\1\0\77\374"), &h, &error), -EAGAIN);
}

static void the_largest(void **state)
{
	AUTO(buf_done) struct buf m = BUF_INIT(1 << 16), b = BUF_INIT(1 << 16);
	static char padding[CLIENT_HELLO_MAX];
	struct made made = { .extensions = { padding, 0 } };
	enum client_hello_error error;
	struct client_hello h;
	size_t n;

	(void)state;
	put_message(&m, &made);
	n = CLIENT_HELLO_MAX - m.n; /* room for extensions */
	padding[1] = 21;
	padding[2] = (char)((n - 4) >> 8);
	padding[3] = (char)(n - 4);
	made.extensions.n = n;
	buf_reset(&m);
	put_message(&m, &made);
	assert_int_equal(m.n, CLIENT_HELLO_MAX);
	put_records(&b, buf_str(&m), 300);
	assert_int_equal(parse(buf_str(&b), &h, &error), 0);
	assert_int_equal(h.used, b.n);
	assert_int_equal(h.message.n, CLIENT_HELLO_MAX);
}

static void many_extensions(void **state)
{
	AUTO(buf_done) struct buf m = BUF_INIT(1 << 16), b = BUF_INIT(1 << 16);
	char list[4 * (CLIENT_HELLO_EXTENSIONS_MAX + 1)] = { 0 };

	(void)state;
	for (unsigned i = 0; i <= CLIENT_HELLO_EXTENSIONS_MAX; i++) {
		list[4 * i] = 0x7f;
		list[4 * i + 1] = (char)i;
	}
	for (unsigned n = CLIENT_HELLO_EXTENSIONS_MAX; n <= CLIENT_HELLO_EXTENSIONS_MAX + 1; n++) {
		struct made made = { .extensions = { list, 4UL * n } };
		struct client_hello h;

		buf_reset(&m);
		buf_reset(&b);
		put_message(&m, &made);
		put_records(&b, buf_str(&m), 16384);
		if (n == CLIENT_HELLO_EXTENSIONS_MAX)
			good(buf_str(&b), &h);
		else
			bad(buf_str(&b), CLIENT_HELLO_E_EXTENSIONS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_clients),  cmocka_unit_test(extensions_by_hand),
		cmocka_unit_test(what_is_found), cmocka_unit_test(streams),
		cmocka_unit_test(the_largest),   cmocka_unit_test(many_extensions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
