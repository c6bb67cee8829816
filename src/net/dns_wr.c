#include "net/dns_wr.h"
#include "net/dns_type.h"

#include <errno.h>

enum { QR = 0x8000, TC = 0x0200, RD = 0x0100, RA = 0x0080, CD = 0x0010 };

#define CLASS_IN 1
#define OPTION_EDE 15

static void put16(struct buf *out, unsigned value)
{
	uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	buf_put(out, bytes, sizeof(bytes));
}

static void put32(struct buf *out, uint32_t value)
{
	put16(out, value >> 16);
	put16(out, value & 0xffff);
}

/* For counts and lengths that are known later; @at is where put16() was. */
static void set16(struct buf *out, size_t at, unsigned value)
{
	if (out->error)
		return;
	out->p[at] = (char)(value >> 8);
	out->p[at + 1] = (char)value;
}

static void put_question(struct buf *out, const struct dns_name *name, uint16_t type)
{
	buf_put(out, name->wire, name->n);
	put16(out, type);
	put16(out, CLASS_IN);
}

/* Header and question of an answer; counts are zero still. */
static void put_head(struct buf *out, const struct dns_message *query, unsigned rcode,
		     unsigned flags)
{
	put16(out, query->id);
	put16(out, QR | RA | (query->recursion_desired ? RD : 0) |
			   (query->checking_disabled ? CD : 0) | flags | (rcode & 0xf));
	put16(out, 1);
	put16(out, 0);
	put16(out, 0);
	put16(out, 0);
	put_question(out, &query->name, query->type);
}

static void put_opt(struct buf *out, unsigned rcode, enum dns_ede ede, struct str why)
{
	size_t length = why.n < DNS_EDE_TEXT_MAX ? why.n : DNS_EDE_TEXT_MAX;

	while (length < why.n && length && ((uint8_t)why.p[length] & 0xc0) == 0x80)
		length--; /* not in the middle of a character */
	buf_putc(out, 0);
	put16(out, DNS_OPT);
	put16(out, DNS_UDP_MAX);
	put32(out, rcode >> 4 << 24);
	if (ede == DNS_EDE_NONE) {
		put16(out, 0);
		return;
	}
	put16(out, (unsigned)length + 6);
	put16(out, OPTION_EDE);
	put16(out, (unsigned)length + 2);
	put16(out, ede);
	buf_put(out, why.p, length);
}

size_t dns_udp_max(const struct dns_message *query)
{
	size_t size = query->edns ? query->edns_size : 0;

	return size < DNS_UDP_MIN ? DNS_UDP_MIN : size > DNS_UDP_MAX ? DNS_UDP_MAX : size;
}

/* Counts, OPT, and what becomes of a message that outgrew @max. */
static int finish(struct buf *out, const struct dns_message *query, unsigned answers,
		  unsigned authorities, size_t max)
{
	bool fits;

	if (query->edns)
		put_opt(out, 0, DNS_EDE_NONE, (struct str){ 0 });
	fits = out->error == 0 && out->n <= max;
	if (!fits) {
		buf_reset(out);
		/* there is nothing larger than TCP to ask by */
		put_head(out, query, max < DNS_MESSAGE_MAX ? DNS_NOERROR : DNS_SERVFAIL,
			 max < DNS_MESSAGE_MAX ? TC : 0);
		if (query->edns)
			put_opt(out, 0, DNS_EDE_NONE, (struct str){ 0 });
		answers = authorities = 0;
	}
	set16(out, 6, answers);
	set16(out, 8, authorities);
	set16(out, 10, query->edns);
	return buf_error(out);
}

int dns_put_query(struct buf *out, uint16_t id, const struct dns_name *name, uint16_t type)
{
	put16(out, id);
	put16(out, RD);
	put16(out, 1);
	put16(out, 0);
	put16(out, 0);
	put16(out, 1);
	put_question(out, name, type);
	put_opt(out, 0, DNS_EDE_NONE, (struct str){ 0 });
	return buf_error(out);
}

int dns_put_status(struct buf *out, const struct dns_message *query, enum dns_rcode rcode,
		   enum dns_ede ede, struct str why)
{
	put_head(out, query, rcode, 0);
	if (query->edns) {
		put_opt(out, rcode, ede, why);
		set16(out, 10, 1);
	}
	return buf_error(out);
}

int dns_put_rejection(struct buf *out, const void *p, size_t n, enum dns_error error)
{
	const uint8_t *b = p;
	unsigned flags, rcode;

	if (n < DNS_HEADER || b[2] & QR >> 8)
		return -EBADMSG;
	flags = (unsigned)b[2] << 8 | b[3];
	switch (error) {
	case DNS_E_OPCODE: rcode = DNS_NOTIMP; break;
	case DNS_E_CLASS: rcode = DNS_REFUSED; break;
	case DNS_E_VERSION: rcode = DNS_BADVERS; break;
	default: rcode = DNS_FORMERR; break;
	}
	buf_put(out, b, 2);
	put16(out, QR | RA | (flags & (0x7800 | RD | CD)) | (rcode & 0xf));
	put16(out, 0);
	put32(out, 0);
	put16(out, rcode == DNS_BADVERS);
	if (rcode == DNS_BADVERS)
		put_opt(out, rcode, DNS_EDE_NONE, (struct str){ 0 });
	return buf_error(out);
}

static void put_owner(struct buf *out, const struct dns_name *name, const struct dns_message *query)
{
	if (dns_name_eq(name, &query->name))
		put16(out, 0xc000 | DNS_HEADER);
	else
		buf_put(out, name->wire, name->n);
}

int dns_put_addresses(struct buf *out, const struct dns_message *query,
		      const struct cel_addr *addrs, size_t n, uint32_t ttl, size_t max)
{
	unsigned family = query->type == DNS_A ? 4 : query->type == DNS_AAAA ? 6 : 0;
	unsigned length = family == 4 ? 4 : 16, count = 0;

	put_head(out, query, DNS_NOERROR, 0);
	for (size_t i = 0; i < n; i++) {
		if (addrs[i].family != family || count == UINT16_MAX)
			continue;
		put16(out, 0xc000 | DNS_HEADER);
		put16(out, query->type);
		put16(out, CLASS_IN);
		put32(out, ttl);
		put16(out, length);
		buf_put(out, addrs[i].bytes, length);
		count++;
	}
	return finish(out, query, count, 0, max);
}

/* One record of a known shape, its names written out. */
static void put_record(struct buf *out, const struct dns_message *query,
		       const struct dns_message *answer, const struct dns_record *r, uint32_t ttl)
{
	const struct dns_shape *shape = dns_shape_find(r->type);
	size_t data_at = r->next_at - r->data.n, at = data_at + shape->before, length_at;
	struct dns_name name;

	put_owner(out, &r->name, query);
	put16(out, r->type);
	put16(out, CLASS_IN);
	put32(out, ttl);
	length_at = out->n;
	put16(out, 0);
	if (shape->names == 0) {
		buf_puts(out, r->data);
	} else {
		buf_put(out, answer->p + data_at, shape->before);
		for (unsigned i = 0; i < shape->names; i++) {
			(void)dns_take_name(answer->p, answer->n, at, true, &name, &at);
			buf_put(out, name.wire, name.n);
		}
		buf_put(out, answer->p + at, shape->after);
	}
	set16(out, length_at, (unsigned)(out->n - length_at - 2));
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The CNAME at the chain's name @i. */
static void put_link(struct buf *out, const struct dns_message *query,
		     const struct dns_message *answer, const struct dns_chain *chain, unsigned i,
		     uint32_t ttl_max)
{
	struct dns_record r = { 0 };

	while (dns_next(answer, &r) && r.section == DNS_ANSWER) {
		if (r.type == DNS_CNAME && dns_name_eq(&r.name, &chain->names[i])) {
			put_record(out, query, answer, &r, least(r.ttl, ttl_max));
			return;
		}
	}
}

/* The records of the type asked at the chain's end; addresses as far as the chain has them. */
static unsigned put_data(struct buf *out, const struct dns_message *query,
			 const struct dns_message *answer, const struct dns_chain *chain,
			 uint32_t ttl_max)
{
	const struct dns_shape *shape = dns_shape_find(query->type);
	struct dns_record r = { 0 };
	unsigned count = 0;

	if (!shape || !shape->pass || answer->rcode != DNS_NOERROR)
		return 0;
	while (dns_next(answer, &r) && r.section == DNS_ANSWER) {
		if (r.type != query->type || !dns_name_eq(&r.name, &chain->names[chain->last]))
			continue;
		if ((r.type == DNS_A || r.type == DNS_AAAA) && count == chain->n)
			break;
		put_record(out, query, answer, &r, least(r.ttl, ttl_max));
		count++;
	}
	return count;
}

/* RFC 2308 3: how long it is not there is told by the zone's SOA. */
static unsigned put_negative(struct buf *out, const struct dns_message *query,
			     const struct dns_message *answer, const struct dns_chain *chain,
			     uint32_t ttl_max)
{
	struct dns_record r = { 0 };

	while (dns_next(answer, &r)) {
		const uint8_t *minimum = answer->p + r.next_at - 4;

		if (r.section != DNS_AUTHORITY || r.type != DNS_SOA ||
		    !dns_name_within(&chain->names[chain->last], &r.name))
			continue;
		ttl_max = least(ttl_max, (uint32_t)minimum[0] << 24 | (uint32_t)minimum[1] << 16 |
						 (uint32_t)minimum[2] << 8 | minimum[3]);
		put_record(out, query, answer, &r, least(r.ttl, ttl_max));
		return 1;
	}
	return 0;
}

int dns_put_clean(struct buf *out, const struct dns_message *query,
		  const struct dns_message *answer, const struct dns_chain *chain, uint32_t ttl_max,
		  size_t max)
{
	unsigned data, authorities = 0;

	/* a part of an answer is none: whoever got it is to ask again by TCP, not to say that there is nothing */
	if (answer->truncated || (answer->rcode != DNS_NOERROR && answer->rcode != DNS_NXDOMAIN))
		return dns_put_status(out, query,
				      answer->rcode == DNS_REFUSED ? DNS_REFUSED : DNS_SERVFAIL,
				      DNS_EDE_NONE, (struct str){ 0 });
	put_head(out, query, answer->rcode, 0);
	for (unsigned i = 0; i < chain->last; i++)
		put_link(out, query, answer, chain, i, ttl_max);
	data = put_data(out, query, answer, chain, ttl_max);
	if (data == 0)
		authorities = put_negative(out, query, answer, chain, ttl_max);
	return finish(out, query, chain->last + data, authorities, max);
}
