/*
 * DNS: what a parsed message says can be walked and written again; what is written is read again as the
 * same; and the C library's resolver, which programs behind us use, reads the same records in it.
 * The first byte chooses: a query, or an answer to the question that it repeats.
 */
#include "base/buf.h"
#include "net/dns_measure.h"
#include "net/dns_wr.h"

#include <arpa/nameser.h>
#include <resolv.h>
#include <stdint.h>
#include <stdlib.h>

static char room[1 << 17], again[1 << 17];
static struct dns_chain chain, second;

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* glibc's view of the record that we are at. */
static void check_second_opinion(ns_msg *msg, const struct dns_message *m,
				 const struct dns_record *r)
{
	static const ns_sect sections[] = { ns_s_an, ns_s_ns, ns_s_ar };
	unsigned before = r->section == DNS_ANSWER      ? 0
			  : r->section == DNS_AUTHORITY ? m->counts[0]
							: (unsigned)m->counts[0] + m->counts[1];
	char text[NS_MAXDNAME];
	unsigned char wire[NS_MAXCDNAME];
	struct dns_name name;
	ns_rr rr;

	check(ns_parserr(msg, sections[r->section], (int)(r->index - before), &rr) == 0);
	check(ns_rr_type(rr) == r->type && ns_rr_rdlen(rr) == r->data.n);
	check((const char *)ns_rr_rdata(rr) == r->data.p || r->data.n == 0);
	check(ns_rr_ttl(rr) == r->ttl || (ns_rr_ttl(rr) >> 31 && r->ttl == 0));
	check(ns_name_pton(ns_rr_name(rr), wire, sizeof(wire)) >= 0);
	check(memcmp(wire, r->name.wire, r->name.n) == 0);
	if (r->type == DNS_CNAME && dns_record_name(m, r, &name)) {
		check(dn_expand(m->p, m->p + m->n, ns_rr_rdata(rr), text, sizeof(text)) ==
		      (int)r->data.n);
		check(ns_name_pton(text, wire, sizeof(wire)) >= 0);
		check(memcmp(wire, name.wire, name.n) == 0);
	}
}

static void check_walk(const struct dns_message *m)
{
	unsigned expected = (unsigned)m->counts[0] + m->counts[1] + m->counts[2], n = 0;
	struct dns_record r = { 0 };
	char text[DNS_TEXT_MAX];
	struct dns_name name;
	ns_msg msg;

	if (m->truncated) { /* for us it has no records, whatever it promises */
		check(expected == 0 && !dns_next(m, &r));
		return;
	}
	check(ns_initparse(m->p, (int)m->n, &msg) == 0);
	while (dns_next(m, &r)) {
		check_second_opinion(&msg, m, &r);
		check(dns_name_text(&r.name, text) < DNS_TEXT_MAX);
		check(dns_name_eq(&r.name, &r.name) && dns_name_within(&m->name, &m->name));
		if (dns_record_name(m, &r, &name))
			check(name.n >= 1 && name.wire[name.n - 1] == 0);
		n++;
	}
	check(n == expected);
}

static void check_clean(const struct dns_message *query, const struct dns_message *answer)
{
	struct buf out = buf_fixed(room, sizeof(room)), twice = buf_fixed(again, sizeof(again));
	struct dns_message clean, cleaner;
	struct dns_record r = { 0 };

	if (dns_follow(answer, &chain) != DNS_OK)
		return;
	check(dns_put_clean(&out, query, answer, &chain, 300, DNS_MESSAGE_MAX) == 0);
	check(out.n <= DNS_MESSAGE_MAX);
	check(dns_parse_answer(out.p, out.n, query, &clean) == DNS_OK);
	while (dns_next(&clean, &r))
		check(r.type != DNS_HTTPS && r.type != DNS_SVCB && r.ttl <= 300);
	check(dns_follow(&clean, &second) == DNS_OK);
	if (clean.rcode == DNS_NOERROR || clean.rcode == DNS_NXDOMAIN) {
		check(second.n == chain.n && second.last == chain.last);
		check(memcmp(second.addrs, chain.addrs, chain.n * sizeof(chain.addrs[0])) == 0);
	}
	check(dns_put_clean(&twice, query, &clean, &second, 300, DNS_MESSAGE_MAX) == 0);
	check(dns_parse_answer(twice.p, twice.n, query, &cleaner) == DNS_OK);
	check(str_eq(buf_str(&out), buf_str(&twice)));
}

static void check_query(const struct dns_message *m)
{
	struct buf out = buf_fixed(room, sizeof(room));
	struct dns_message back;
	struct dns_measure measure;
	struct hostname h;
	struct dns_name name;

	dns_measure(&m->name, 2, &measure);
	check(measure.entropy <= 8000 && measure.longest <= 63);
	if (dns_name_host(&m->name, &h) == HOSTNAME_OK) {
		dns_name_of_host(&h, &name);
		check(dns_name_eq(&name, &m->name));
	}
	check(dns_put_query(&out, m->id, &m->name, m->type) == 0);
	check(dns_parse_query(out.p, out.n, &back) == DNS_OK);
	check(back.id == m->id && back.type == m->type && back.name.n == m->name.n);
	buf_reset(&out);
	check(dns_put_status(&out, m, DNS_NXDOMAIN, DNS_EDE_BLOCKED, STR("why")) == 0);
	check(dns_parse_answer(out.p, out.n, m, &back) == DNS_OK && back.rcode == DNS_NXDOMAIN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_message m, query = { 0 };
	struct buf out = buf_fixed(room, sizeof(room));
	enum dns_error error;

	if (size == 0)
		return 0;
	if (data[0] & 1) {
		error = dns_parse_query(data + 1, size - 1, &m);
		if (error == DNS_OK) {
			check_walk(&m);
			check_query(&m);
		} else {
			(void)dns_put_rejection(&out, data + 1, size - 1, error);
		}
		return 0;
	}
	/* the question it answers is its own */
	if (size - 1 > 12) {
		uint8_t head[300] = { 0 };
		size_t n = size - 1 < sizeof(head) ? size - 1 : sizeof(head);

		memcpy(head, data + 1, n);
		memset(head + 2, 0, 10);
		head[5] = 1;
		for (size_t k = 12; k <= n; k++) {
			if (dns_parse_query(head, k, &query) == DNS_OK)
				break;
		}
		query.edns = data[0] & 2;
	}
	if (query.name.n && dns_parse_answer(data + 1, size - 1, &query, &m) == DNS_OK) {
		check_walk(&m);
		check_clean(&query, &m);
	}
	return 0;
}
