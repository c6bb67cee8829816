/*
 * Unit tests of net/dns, dns_wr, dns_measure. Messages are written by hand here, after RFC 1035, and not by
 * the code under test; what that code writes is compared with bytes, or read back.
 */
#include "base/buf.h"
#include "base/own.h"
#include "cel/addr.h"
#include "net/dns_measure.h"
#include "net/dns_wr.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define QUERY_FLAGS 0x0100
#define ANSWER_FLAGS 0x8180
#define WWW "\3www\7example\3com\0"
#define Q_AT 12 /* of the question's name */

static char room[70000];

static struct buf fresh(void)
{
	return buf_fixed(room, sizeof(room));
}

static void put16(struct buf *b, unsigned v)
{
	buf_putc(b, (char)(v >> 8));
	buf_putc(b, (char)v);
}

static void put32(struct buf *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b, v & 0xffff);
}

static void put_header(struct buf *b, unsigned flags, unsigned qd, unsigned an, unsigned ns,
		       unsigned ar)
{
	put16(b, 0x1234);
	put16(b, flags);
	put16(b, qd);
	put16(b, an);
	put16(b, ns);
	put16(b, ar);
}

static void put_question(struct buf *b, struct str name, unsigned type)
{
	buf_puts(b, name);
	put16(b, type);
	put16(b, 1);
}

static void put_record(struct buf *b, struct str name, unsigned type, uint32_t ttl, struct str data)
{
	buf_puts(b, name);
	put16(b, type);
	put16(b, 1);
	put32(b, ttl);
	put16(b, (unsigned)data.n);
	buf_puts(b, data);
}

static void put_opt(struct buf *b, unsigned size, uint32_t ttl, struct str options)
{
	buf_putc(b, 0);
	put16(b, DNS_OPT);
	put16(b, size);
	put32(b, ttl);
	put16(b, (unsigned)options.n);
	buf_puts(b, options);
}

/* Accepted, or refused for the one reason; every shorter message is refused whatever the reason. */
static void query_is(const struct buf *b, enum dns_error expected)
{
	struct dns_message m;
	enum dns_error error = dns_parse_query(b->p, b->n, &m);

	if (error != expected)
		fail_msg("%s, not %s", dns_error_text(error), dns_error_text(expected));
	for (size_t n = 0; error == DNS_OK && n < b->n; n++)
		assert_int_not_equal(dns_parse_query(b->p, n, &m), DNS_OK);
}

static void queries(void **state)
{
	struct buf b = fresh();
	struct dns_message m;
	char text[DNS_TEXT_MAX];

	(void)state;
	put_header(&b, QUERY_FLAGS, 1, 0, 0, 1);
	put_question(&b, STR("\3wWw\7exAMPLE\3com\0"), DNS_A);
	put_opt(&b, 4096, 0x8000, STR("\0\12\0\10abcdefgh")); /* a cookie */
	query_is(&b, DNS_OK);
	assert_int_equal(dns_parse_query(b.p, b.n, &m), DNS_OK);
	assert_int_equal(m.id, 0x1234);
	assert_int_equal(m.type, DNS_A);
	assert_true(m.recursion_desired && m.edns && m.edns_do && !m.response);
	assert_int_equal(m.edns_size, 4096);
	assert_memory_equal(m.name.wire, "\3wWw\7exAMPLE\3com\0", 17);
	dns_name_text(&m.name, text);
	assert_string_equal(text, "www.example.com");
	assert_int_equal(dns_udp_max(&m), 1232);

	b = fresh(); /* with AD and CD, as some ask */
	put_header(&b, QUERY_FLAGS | 0x30, 1, 0, 0, 0);
	put_question(&b, STR("\0"), DNS_NS);
	query_is(&b, DNS_OK);
	assert_int_equal(dns_parse_query(b.p, b.n, &m), DNS_OK);
	assert_int_equal(dns_udp_max(&m), 512);
	assert_int_equal(dns_name_text(&m.name, text), 1);
	assert_string_equal(text, ".");
}

static void queries_refused(void **state)
{
	static const struct {
		unsigned flags, counts[4];
		enum dns_error error;
	} heads[] = {
		{ 0x0100, { 0, 0, 0, 0 }, DNS_E_QUESTION },
		{ 0x0100, { 2, 0, 0, 0 }, DNS_E_QUESTION },
		{ 0x0100, { 1, 1, 0, 0 }, DNS_E_SECTION },
		{ 0x0100, { 1, 0, 1, 0 }, DNS_E_SECTION },
		{ 0x0100, { 1, 0, 0, 1 }, DNS_E_SHORT },
		{ 0x0100, { 1, 0, 0, 65535 }, DNS_E_SHORT },
		{ 0x8100, { 1, 0, 0, 0 }, DNS_E_HEADER }, /* an answer */
		{ 0x0500, { 1, 0, 0, 0 }, DNS_E_HEADER }, /* AA */
		{ 0x0300, { 1, 0, 0, 0 }, DNS_E_HEADER }, /* TC */
		{ 0x0180, { 1, 0, 0, 0 }, DNS_E_HEADER }, /* RA */
		{ 0x0140, { 1, 0, 0, 0 }, DNS_E_HEADER }, /* Z */
		{ 0x0103, { 1, 0, 0, 0 }, DNS_E_HEADER }, /* an rcode */
		{ 0x2900, { 1, 0, 0, 0 }, DNS_E_OPCODE }, /* update */
		{ 0x0900, { 1, 0, 0, 0 }, DNS_E_OPCODE }, /* inverse query */
	};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		const unsigned *c = heads[i].counts;

		b = fresh();
		put_header(&b, heads[i].flags, c[0], c[1], c[2], c[3]);
		put_question(&b, STR(WWW), DNS_A);
		query_is(&b, heads[i].error);
	}
	b = fresh();
	put_header(&b, QUERY_FLAGS, 1, 0, 0, 0);
	put_question(&b, STR(WWW), DNS_A);
	buf_putc(&b, 'x');
	query_is(&b, DNS_E_TRAILING);

	b = fresh(); /* CHAOS: version.bind */
	put_header(&b, QUERY_FLAGS, 1, 0, 0, 0);
	buf_puts(&b, STR("\7version\4bind\0\0\20\0\3"));
	query_is(&b, DNS_E_CLASS);

	b = fresh(); /* TSIG */
	put_header(&b, QUERY_FLAGS, 1, 0, 0, 1);
	put_question(&b, STR(WWW), DNS_A);
	put_record(&b, STR("\1k\0"), 250, 0, STR("x"));
	query_is(&b, DNS_E_SECTION);
}

static void edns(void **state)
{
	static const struct {
		uint32_t ttl;
		struct str options;
		unsigned times;
		enum dns_error error;
	} rows[] = {
		{ 0, STR_C(""), 2, DNS_E_OPT },          { 1 << 16, STR_C(""), 1, DNS_E_VERSION },
		{ 1 << 24, STR_C(""), 1, DNS_E_HEADER }, /* a query with an rcode */
		{ 0, STR_C("\0"), 1, DNS_E_OPT },        { 0, STR_C("\0\12\0\2a"), 1, DNS_E_OPT },
		{ 0, STR_C("\0\12\0\0"), 1, DNS_OK },
	};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		b = fresh();
		put_header(&b, QUERY_FLAGS, 1, 0, 0, rows[i].times);
		put_question(&b, STR(WWW), DNS_A);
		for (unsigned k = 0; k < rows[i].times; k++)
			put_opt(&b, 1232, rows[i].ttl, rows[i].options);
		query_is(&b, rows[i].error);
	}
	b = fresh(); /* not at the root */
	put_header(&b, QUERY_FLAGS, 1, 0, 0, 1);
	put_question(&b, STR(WWW), DNS_A);
	put_record(&b, STR("\1a\0"), DNS_OPT, 0, STR(""));
	query_is(&b, DNS_E_OPT);
}

static void names_in_questions(void **state)
{
	static const struct {
		struct str name;
		enum dns_error error;
	} rows[] = {
		{ STR_C("\300\14"), DNS_E_POINTER }, /* at itself */
		{ STR_C("\3www\300\0"), DNS_E_POINTER }, { STR_C("\3www\300\14"), DNS_E_POINTER },
		{ STR_C("\100a\0"), DNS_E_NAME },        { STR_C("\200a\0"), DNS_E_NAME },
	};
	char longest[260];
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		b = fresh();
		put_header(&b, QUERY_FLAGS, 1, 0, 0, 0);
		put_question(&b, rows[i].name, DNS_A);
		query_is(&b, rows[i].error);
	}
	for (size_t n = 253; n <= 255; n += 2) { /* 127 labels of one byte make 255 with the root */
		for (size_t i = 0; i < n; i += 2)
			memcpy(longest + i, "\1a", 2);
		longest[n + 1] = '\0';
		b = fresh();
		put_header(&b, QUERY_FLAGS, 1, 0, 0, 0);
		put_question(&b, (struct str){ longest, n + 2 }, DNS_A);
		query_is(&b, n == 253 ? DNS_OK : DNS_E_NAME);
	}
}

static void names_as_text(void **state)
{
	static const struct {
		struct str wire;
		const char *text;
		enum hostname_error host;
	} rows[] = {
		{ STR_C(WWW), "www.example.com", HOSTNAME_OK },
		{ STR_C("\5a.b\\c\3COM\0"), "a\\.b\\\\c.com", HOSTNAME_E_CHAR },
		{ STR_C("\4a\0\377 \0"), "a\\000\\255\\032", HOSTNAME_E_CHAR },
		{ STR_C("\4evil\13.github.com\0"), "evil.\\.github\\.com", HOSTNAME_E_CHAR },
		{ STR_C("\0"), ".", HOSTNAME_E_LABEL },
		{ STR_C("\1"
			"1\1"
			"2\1"
			"3\1"
			"4\0"),
		  "1.2.3.4", HOSTNAME_E_ADDRESS },
		{ STR_C("\5_http\4_tcp\1a\0"), "_http._tcp.a", HOSTNAME_OK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_name name = { .n = (uint8_t)rows[i].wire.n }, back;
		char text[DNS_TEXT_MAX];
		struct hostname h;

		memcpy(name.wire, rows[i].wire.p, rows[i].wire.n);
		assert_int_equal(dns_name_text(&name, text), strlen(rows[i].text));
		assert_string_equal(text, rows[i].text);
		assert_int_equal(dns_name_host(&name, &h), rows[i].host);
		if (rows[i].host == HOSTNAME_OK) {
			dns_name_of_host(&h, &back);
			assert_true(dns_name_eq(&name, &back));
		}
	}
}

static struct dns_message asked(unsigned type)
{
	static char query_room[512];
	struct buf b = buf_fixed(query_room, sizeof(query_room));
	struct dns_message m;

	put_header(&b, QUERY_FLAGS, 1, 0, 0, 0);
	put_question(&b, STR(WWW), type);
	assert_int_equal(dns_parse_query(b.p, b.n, &m), DNS_OK);
	return m;
}

static void put_answer_head(struct buf *b, unsigned type, unsigned an, unsigned ns, unsigned ar)
{
	put_header(b, ANSWER_FLAGS, 1, an, ns, ar);
	put_question(b, STR(WWW), type);
}

/* Says so when it is another error; follows the chain when it is none. */
static struct dns_message answered(const struct buf *b, const struct dns_message *query,
				   enum dns_error expected)
{
	struct dns_message m = { 0 };
	enum dns_error error = dns_parse_answer(b->p, b->n, query, &m);

	if (error != expected)
		fail_msg("%s, not %s", dns_error_text(error), dns_error_text(expected));
	return m;
}

static void answers_match_their_query(void **state)
{
	struct dns_message q = asked(DNS_A), m;
	struct buf b = fresh();

	(void)state;
	put_answer_head(&b, DNS_A, 0, 0, 0);
	m = answered(&b, &q, DNS_OK);
	b.p[1] ^= 1;
	answered(&b, &q, DNS_E_HEADER); /* another id */
	b.p[1] ^= 1;
	b.p[2] &= 0x7f;
	answered(&b, &q, DNS_E_HEADER); /* a query */
	b = fresh();
	put_answer_head(&b, DNS_AAAA, 0, 0, 0);
	answered(&b, &q, DNS_E_QUESTION);
	b = fresh(); /* the case that was asked with is part of the question */
	put_header(&b, ANSWER_FLAGS, 1, 0, 0, 0);
	put_question(&b, STR("\3Www\7example\3com\0"), DNS_A);
	answered(&b, &q, DNS_E_QUESTION);
	b = fresh(); /* cut off: nothing of it counts */
	put_header(&b, ANSWER_FLAGS | 0x0200, 1, 3, 0, 0);
	put_question(&b, STR(WWW), DNS_A);
	put_record(&b, STR("\300\14"), DNS_A, 60, STR("\1\2\3\4"));
	m = answered(&b, &q, DNS_OK);
	assert_true(m.truncated && m.counts[0] == 0);
}

static void shapes_of_records(void **state)
{
	static const struct {
		unsigned type;
		struct str data;
		enum dns_error error;
	} rows[] = {
		{ DNS_A, STR_C("\1\2\3"), DNS_E_RECORD },
		{ DNS_A, STR_C("\1\2\3\4\5"), DNS_E_RECORD },
		{ DNS_AAAA, STR_C("\1\2\3\4"), DNS_E_RECORD },
		{ DNS_CNAME, STR_C(""), DNS_E_RECORD },
		{ DNS_CNAME, STR_C("\1a\0x"), DNS_E_RECORD },
		{ DNS_CNAME, STR_C("\1a\0"), DNS_OK },
		{ DNS_CNAME, STR_C("\1a\300\14"), DNS_OK },
		{ DNS_CNAME, STR_C("\300\55"), DNS_E_POINTER }, /* at itself: 12 + 17 + 4 + 12 */
		{ DNS_CNAME, STR_C("\377\377"), DNS_E_POINTER },
		{ DNS_CNAME, STR_C("\1a\1b"), DNS_E_RECORD },
		{ DNS_MX, STR_C("\0\12\1a\0"), DNS_OK },
		{ DNS_MX, STR_C("\0"), DNS_E_RECORD },
		{ DNS_SRV, STR_C("\0\1\0\2\0\120\1a\0"), DNS_OK },
		{ DNS_SRV, STR_C("\0\1\0\2\0\120\1a\0\0"), DNS_E_RECORD },
		{ DNS_SOA, STR_C("\1a\0\1b\0aaaabbbbccccddddeeee"), DNS_OK },
		{ DNS_SOA, STR_C("\1a\0\1b\0aaaabbbbccccddddeee"), DNS_E_RECORD },
		{ DNS_TXT, STR_C("\3abc\0\1d"), DNS_OK },
		{ DNS_TXT, STR_C("\4abc"), DNS_E_RECORD },
		{ DNS_TXT, STR_C(""), DNS_E_RECORD },
		{ DNS_HTTPS, STR_C("\0\1\0\0\1\0\3\2h2\0\4\0\4\1\2\3\4"), DNS_OK },
		{ DNS_HTTPS, STR_C("\0\0\1a\0"), DNS_OK },
		{ DNS_HTTPS, STR_C("\0\1\0\0\4\0\4\1\2\3\4\0\1\0\3\2h2"), DNS_E_RECORD },
		{ DNS_HTTPS, STR_C("\0\1\0\0\1\0\4\2h2"), DNS_E_RECORD },
		{ DNS_HTTPS, STR_C("\0\1\300\14"), DNS_E_RECORD },
		{ DNS_HTTPS, STR_C("\0"), DNS_E_RECORD },
		{ 65280, STR_C("anything"), DNS_OK },
	};
	struct dns_message q = asked(DNS_A);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_message m = { 0 };
		struct buf b = fresh();
		enum dns_error error;

		put_answer_head(&b, DNS_A, 0, 0, 1);
		put_record(&b, STR("\300\14"), rows[i].type, 1, rows[i].data);
		error = dns_parse_answer(b.p, b.n, &q, &m);
		if (error != rows[i].error)
			fail_msg("row %zu: %s", i, dns_error_text(error));
		for (size_t n = 0; error == DNS_OK && n < b.n; n++)
			assert_int_not_equal(dns_parse_answer(b.p, n, &q, &m), DNS_OK);
	}
}

static void pointers_point_back(void **state)
{
	struct dns_message q = asked(DNS_A);
	struct buf b = fresh();

	(void)state;
	put_answer_head(&b, DNS_A, 1, 0, 0); /* forwards, at a good name in the record's own data */
	put_record(&b, STR("\300\55"), 65280, 1, STR("\1b\0"));
	answered(&b, &q, DNS_E_POINTER);
	b = fresh();
	/* 40 pointers, each at the one before, in data that nothing else looks into */
	put_answer_head(&b, DNS_A, 2, 0, 0);
	buf_puts(&b, STR("\300\14"));
	put16(&b, 65280);
	put16(&b, 1);
	put32(&b, 1);
	put16(&b, 80);
	for (unsigned i = 0, at = Q_AT; i < 40; i++) {
		unsigned here = (unsigned)b.n;

		put16(&b, 0xc000 | at);
		at = here;
	}
	put16(&b, 0xc000 | (unsigned)(b.n - 80 + 2 * 30));
	put16(&b, DNS_A);
	put16(&b, 1);
	put32(&b, 1);
	put16(&b, 4);
	put32(&b, 0x01020304);
	answered(&b, &q, DNS_OK);
	b.p[b.n - 15] = (char)(b.p[b.n - 15] + 6);
	answered(&b, &q, DNS_E_POINTER);
}

static void chains_are_pinned(void **state)
{
	struct dns_message q = asked(DNS_A), m;
	static struct dns_chain chain;
	struct buf b = fresh(), clean;
	static char clean_room[4096];
	char text[DNS_TEXT_MAX];
	struct dns_record r = { 0 };

	(void)state;
	put_answer_head(&b, DNS_A, 6, 1, 1); /* in no order */
	put_record(&b, STR("\1b\3cdn\0"), DNS_A, 50, STR("\1\2\3\4"));
	put_record(&b, STR("\1A\3cdn\0"), DNS_CNAME, 70, STR("\1b\3cdn\0"));
	put_record(&b, STR("\300\14"), DNS_CNAME, 80, STR("\1a\3CDN\0"));
	put_record(&b, STR("\4evil\0"), DNS_A, 1, STR("\11\11\11\11")); /* nobody's */
	put_record(&b, STR("\1b\3cdn\0"), DNS_AAAA, 1, STR("0123456789abcdef"));
	put_record(&b, STR("\1b\3cdn\0"), DNS_A, 60, STR("\5\6\7\10"));
	put_record(&b, STR("\3cdn\0"), DNS_NS, 60, STR("\2ns\3cdn\0"));
	put_record(&b, STR("\2ns\3cdn\0"), DNS_A, 60, STR("\5\6\7\10"));
	m = answered(&b, &q, DNS_OK);
	assert_int_equal(dns_follow(&m, &chain), DNS_OK);
	assert_int_equal(chain.last, 2);
	assert_int_equal(chain.n, 2);
	assert_int_equal(chain.ttl, 50);
	assert_memory_equal(chain.addrs[0].bytes, "\1\2\3\4", 4);
	assert_memory_equal(chain.addrs[1].bytes, "\5\6\7\10", 4);
	dns_name_text(&chain.names[2], text);
	assert_string_equal(text, "b.cdn");

	clean = buf_fixed(clean_room, sizeof(clean_room));
	assert_int_equal(dns_put_clean(&clean, &q, &m, &chain, 55, 512), 0);
	b = clean;
	m = answered(&b, &q, DNS_OK);
	assert_int_equal(m.counts[DNS_ANSWER], 4);
	assert_int_equal(m.counts[DNS_AUTHORITY] + m.counts[DNS_ADDITIONAL], 0);
	assert_true(dns_next(&m, &r) && r.type == DNS_CNAME && r.ttl == 55);
	assert_true(dns_next(&m, &r) && r.type == DNS_CNAME);
	assert_true(dns_next(&m, &r) && r.type == DNS_A && r.ttl == 50);
	assert_true(dns_next(&m, &r) && r.type == DNS_A && r.ttl == 55);
	assert_false(dns_next(&m, &r));

	clean = buf_fixed(clean_room, sizeof(clean_room)); /* what does not fit is asked by TCP */
	m = answered(&b, &q, DNS_OK);
	assert_int_equal(dns_put_clean(&clean, &q, &m, &chain, 55, 60), 0);
	m = answered(&clean, &q, DNS_OK);
	assert_true(m.truncated);
}

static void chains_that_lead_nowhere(void **state)
{
	struct dns_message q = asked(DNS_A), m;
	static struct dns_chain chain;
	struct buf b = fresh();
	char from[] = "\1a\0", to[] = "\1b\0";

	(void)state;
	put_answer_head(&b, DNS_A, 2, 0, 0); /* a loop */
	put_record(&b, STR("\300\14"), DNS_CNAME, 80, STR("\1a\0"));
	put_record(&b, STR("\1a\0"), DNS_CNAME, 80, STR("\300\14"));
	m = answered(&b, &q, DNS_OK);
	assert_int_equal(dns_follow(&m, &chain), DNS_E_CHAIN);

	b = fresh();
	put_answer_head(&b, DNS_A, 2, 0, 0); /* a fork */
	put_record(&b, STR("\300\14"), DNS_CNAME, 80, STR("\1a\0"));
	put_record(&b, STR("\300\14"), DNS_CNAME, 80, STR("\1b\0"));
	m = answered(&b, &q, DNS_OK);
	assert_int_equal(dns_follow(&m, &chain), DNS_E_CHAIN);

	b = fresh();
	put_answer_head(&b, DNS_A, 2, 0, 0); /* RFC 1034 3.6.2: no other data */
	put_record(&b, STR("\300\14"), DNS_CNAME, 80, STR("\1a\0"));
	put_record(&b, STR("\300\14"), DNS_A, 80, STR("\1\2\3\4"));
	m = answered(&b, &q, DNS_OK);
	assert_int_equal(dns_follow(&m, &chain), DNS_E_CHAIN);

	for (unsigned links = DNS_CHAIN_MAX; links <= DNS_CHAIN_MAX + 1; links++) {
		b = fresh();
		put_answer_head(&b, DNS_A, links, 0, 0);
		put_record(&b, STR("\300\14"), DNS_CNAME, 80, STR("\1a\0"));
		for (unsigned i = 1; i < links; i++) {
			from[1] = (char)('a' + i - 1);
			to[1] = (char)('a' + i);
			put_record(&b, (struct str){ from, 3 }, DNS_CNAME, 80,
				   (struct str){ to, 3 });
		}
		m = answered(&b, &q, DNS_OK);
		assert_int_equal(dns_follow(&m, &chain),
				 links == DNS_CHAIN_MAX ? DNS_OK : DNS_E_CHAIN);
	}
}

static void ways_around_are_stripped(void **state)
{
	static const unsigned types[] = { DNS_HTTPS, DNS_SVCB, DNS_ANY, 65280 };
	static struct dns_chain chain;
	static char clean_room[512];

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct dns_message q = asked(types[i]), m;
		struct buf b = fresh(), clean = buf_fixed(clean_room, sizeof(clean_room));

		put_answer_head(&b, types[i], 2, 0, 0);
		put_record(&b, STR("\300\14"), DNS_HTTPS, 60, STR("\0\1\0\0\5\0\3ech"));
		put_record(&b, STR("\300\14"), 65280, 60, STR("\0\1\0"));
		m = answered(&b, &q, DNS_OK);
		assert_int_equal(dns_follow(&m, &chain), DNS_OK);
		assert_int_equal(dns_put_clean(&clean, &q, &m, &chain, 60, 512), 0);
		m = answered(&clean, &q, DNS_OK);
		assert_int_equal(m.rcode, DNS_NOERROR);
		assert_int_equal(m.counts[DNS_ANSWER], 0);
	}
}

static void negative_answers_keep_their_soa(void **state)
{
	struct dns_message q = asked(DNS_AAAA), m;
	static struct dns_chain chain;
	static char clean_room[512];
	struct buf b = fresh(), clean = buf_fixed(clean_room, sizeof(clean_room));
	struct dns_record r = { 0 };

	(void)state;
	put_header(&b, ANSWER_FLAGS | DNS_NXDOMAIN, 1, 0, 3, 0);
	put_question(&b, STR(WWW), DNS_AAAA);
	put_record(&b, STR("\5other\0"), DNS_SOA, 900, STR("\1a\0\1b\0aaaabbbbccccdddd\0\0\0\7"));
	put_record(&b, STR("\300\20"), DNS_SOA, 900,
		   STR("\1a\300\20\1b\0aaaabbbbccccdddd\0\0\0\5"));
	put_record(&b, STR("\300\20"), 46, 900, STR("signature"));
	m = answered(&b, &q, DNS_OK);
	assert_int_equal(dns_follow(&m, &chain), DNS_OK);
	assert_int_equal(chain.ttl, UINT32_MAX);
	assert_int_equal(dns_put_clean(&clean, &q, &m, &chain, 600, 512), 0);
	m = answered(&clean, &q, DNS_OK);
	assert_int_equal(m.rcode, DNS_NXDOMAIN);
	assert_int_equal(m.counts[DNS_AUTHORITY], 1);
	assert_true(dns_next(&m, &r) && r.type == DNS_SOA && r.ttl == 5);
	assert_memory_equal(r.data.p, "\1a\7example\3com\0\1b\0", 17);
}

static void no_answer_is_half_an_answer(void **state)
{
	static const struct {
		unsigned flags, rcode;
	} rows[] = {
		{ 0x0200, DNS_SERVFAIL }, /* TC */
		{ DNS_NXDOMAIN, DNS_NXDOMAIN }, { DNS_SERVFAIL, DNS_SERVFAIL },
		{ DNS_REFUSED, DNS_REFUSED },   { DNS_NOTIMP, DNS_SERVFAIL },
	};
	struct dns_message q = asked(DNS_A), m;
	static struct dns_chain chain;
	static char clean_room[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b = fresh(), clean = buf_fixed(clean_room, sizeof(clean_room));

		put_header(&b, ANSWER_FLAGS | rows[i].flags, 1, 1, 0, 0);
		put_question(&b, STR(WWW), DNS_A);
		put_record(&b, STR("\300\14"), DNS_A, 60, STR("\1\2\3\4"));
		m = answered(&b, &q, DNS_OK);
		assert_int_equal(dns_follow(&m, &chain), DNS_OK);
		assert_int_equal(chain.n, 0);
		assert_int_equal(dns_put_clean(&clean, &q, &m, &chain, 60, 512), 0);
		m = answered(&clean, &q, DNS_OK);
		assert_int_equal(m.rcode, rows[i].rcode);
		assert_int_equal(m.counts[DNS_ANSWER], 0);
	}
}

static void answers_of_our_own(void **state)
{
	struct dns_message q = asked(DNS_A), m;
	struct cel_addr addrs[2] = { { 6, 128, { 1 } }, { 4, 32, { 192, 0, 2, 1 } } };
	static char own_room[512];
	struct buf b = buf_fixed(own_room, sizeof(own_room));

	(void)state;
	assert_int_equal(dns_put_addresses(&b, &q, addrs, 2, 300, 512), 0);
	assert_int_equal(b.n, 49);
	assert_memory_equal(b.p,
			    "\x12\x34\x81\x80\0\1\0\1\0\0\0\0" WWW "\0\1\0\1"
			    "\300\14\0\1\0\1\0\0\1\54\0\4\300\0\2\1",
			    49);
	buf_reset(&b);
	assert_int_equal(dns_put_status(&b, &q, DNS_NXDOMAIN, DNS_EDE_BLOCKED, STR("no")), 0);
	assert_int_equal(b.n, 33);
	assert_memory_equal(b.p, "\x12\x34\x81\x83\0\1\0\0\0\0\0\0" WWW "\0\1\0\1", 33);
	q.edns = true; /* RFC 8914 2 */
	buf_reset(&b);
	assert_int_equal(dns_put_status(&b, &q, DNS_REFUSED, DNS_EDE_BLOCKED, STR("no")), 0);
	assert_memory_equal(b.p + 33, "\0\0\51\4\320\0\0\0\0\0\10\0\17\0\4\0\17no", 19);
	assert_int_equal(b.n, 52);
	m = answered(&b, &q, DNS_OK);
	assert_true(m.edns && m.rcode == DNS_REFUSED);
	b = buf_fixed(own_room, 20);
	assert_int_equal(dns_put_status(&b, &q, DNS_REFUSED, DNS_EDE_NONE, STR("")), -ENOBUFS);

	b = buf_fixed(own_room, sizeof(own_room));
	assert_int_equal(dns_put_query(&b, 0x4321, &q.name, DNS_AAAA), 0);
	assert_int_equal(dns_parse_query(b.p, b.n, &m), DNS_OK);
	assert_true(m.id == 0x4321 && m.recursion_desired && m.edns_size == 1232);
}

static void rejections(void **state)
{
	static char own_room[64];
	struct buf b = buf_fixed(own_room, sizeof(own_room));

	(void)state;
	assert_int_equal(dns_put_rejection(&b, "\1\2\1\0\0\2junk", 10, DNS_E_SHORT), -EBADMSG);
	assert_int_equal(dns_put_rejection(&b, "\1\2\201\0\0\2\0\0\0\0\0\0", 12, DNS_E_HEADER),
			 -EBADMSG);
	assert_int_equal(b.n, 0);
	assert_int_equal(dns_put_rejection(&b, "\1\2\1\20\0\2\0\7\0\0\0\0", 12, DNS_E_QUESTION), 0);
	assert_int_equal(b.n, 12);
	assert_memory_equal(b.p, "\1\2\201\221\0\0\0\0\0\0\0\0", 12);
	buf_reset(&b);
	assert_int_equal(dns_put_rejection(&b, "\1\2\51\0\0\2\0\7\0\0\0\0", 12, DNS_E_OPCODE), 0);
	assert_memory_equal(b.p, "\1\2\251\204\0\0\0\0\0\0\0\0", 12);
	buf_reset(&b);
	assert_int_equal(dns_put_rejection(&b, "\1\2\1\0\0\1\0\0\0\0\0\1", 12, DNS_E_VERSION), 0);
	assert_memory_equal(b.p, "\1\2\201\200\0\0\0\0\0\0\0\1\0\0\51\4\320\1\0\0\0\0\0", 23);
}

static struct dns_name name_of(const char *text)
{
	struct dns_name name = { 0 };
	struct hostname h;

	assert_int_equal(hostname_parse(str_of(text), HOSTNAME_NAME, &h), HOSTNAME_OK);
	dns_name_of_host(&h, &name);
	return name;
}

static void measures(void **state)
{
	struct dns_name plain = name_of("www.example.com");
	struct dns_name leak = name_of("0123456789abcdef.fedcba9876543210.example.com");
	struct dns_name flat = name_of("AaaaaAAA.example.com"), apex = name_of("example.com");
	struct dns_measure m;

	(void)state;
	dns_measure(&plain, 2, &m);
	assert_true(m.bytes == 3 && m.labels == 1 && m.longest == 3 && m.entropy == 0);
	dns_measure(&leak, 2, &m);
	assert_true(m.bytes == 32 && m.labels == 2 && m.longest == 16 && m.digits == 20);
	assert_int_equal(m.entropy, 4000);
	dns_measure(&flat, 2, &m);
	assert_true(m.bytes == 8 && m.entropy == 0);
	dns_measure(&apex, 2, &m);
	assert_true(m.labels == 0 && m.bytes == 0 && m.entropy == 0);
	dns_measure(&apex, 9, &m);
	assert_int_equal(m.labels, 0);
}

static void unique_names(void **state)
{
	static struct dns_unique u = { .key = { 1, 2 } };
	unsigned n = 0;
	char text[64];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) { /* the same name costs nothing */
		struct dns_name name = name_of(i % 2 ? "a.example" : "A.EXAMPLE");

		n = dns_unique_add(&u, &name, 5, 60);
	}
	assert_int_equal(n, 1);
	for (unsigned i = 0; i < 400; i++) {
		struct dns_name name;

		(void)snprintf(text, sizeof(text), "x%u.example", i);
		name = name_of(text);
		n = dns_unique_add(&u, &name, 59, 60);
	}
	assert_in_range(n, 370, 401);
	{
		struct dns_name name = name_of("b.example");
		unsigned later = dns_unique_add(&u, &name, 60, 60);

		assert_int_equal(later, n + 1); /* the window before counts wholly yet */
		later = dns_unique_add(&u, &name, 90, 60);
		assert_int_equal(later, n / 2 + 1);
		assert_int_equal(dns_unique_add(&u, &name, 600, 60), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries),
		cmocka_unit_test(queries_refused),
		cmocka_unit_test(edns),
		cmocka_unit_test(names_in_questions),
		cmocka_unit_test(names_as_text),
		cmocka_unit_test(answers_match_their_query),
		cmocka_unit_test(shapes_of_records),
		cmocka_unit_test(pointers_point_back),
		cmocka_unit_test(chains_are_pinned),
		cmocka_unit_test(chains_that_lead_nowhere),
		cmocka_unit_test(ways_around_are_stripped),
		cmocka_unit_test(negative_answers_keep_their_soa),
		cmocka_unit_test(no_answer_is_half_an_answer),
		cmocka_unit_test(answers_of_our_own),
		cmocka_unit_test(rejections),
		cmocka_unit_test(measures),
		cmocka_unit_test(unique_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
