/*
 * Offsets, not pointers: names are compressed by offsets into the message, so everything that reads
 * a name has the whole message at hand and says where in it it is. Fixed fields go through a cursor
 * (base/cur.h) over the rest of the message, data through one over the record's data alone.
 */
#include "net/dns.h"
#include "base/cur.h"
#include "net/dns_type.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CLASS_IN 1
#define POINTER 0xc0

enum {
	QR = 0x8000,
	OPCODE = 0x7800,
	AA = 0x0400,
	TC = 0x0200,
	RD = 0x0100,
	RA = 0x0080,
	Z = 0x0040,
	CD = 0x0010,
	RCODE = 0x000f
};

static const char *const texts[DNS_ERROR_N] = {
	[DNS_OK] = "no error",
	[DNS_E_SHORT] = "a message that ends before what it promises",
	[DNS_E_LONG] = "a message of over 65535 bytes",
	[DNS_E_TRAILING] = "bytes behind the last record",
	[DNS_E_NAME] = "a name of over 255 bytes, or a label of an unknown type",
	[DNS_E_POINTER] = "a pointer in a name that does not point backwards, or one too many",
	[DNS_E_QUESTION] = "not exactly one question, or not the one that was asked",
	[DNS_E_RECORD] = "a record with data that its type does not have",
	[DNS_E_OPT] = "an OPT record too many, in the wrong place or of the wrong shape",
	[DNS_E_VERSION] = "another version of EDNS than 0",
	[DNS_E_CLASS] = "another class than IN",
	[DNS_E_HEADER] = "flags that such a message cannot have, or another message's id",
	[DNS_E_OPCODE] = "another operation than a query",
	[DNS_E_SECTION] = "a query that brings records",
	[DNS_E_CHAIN] = "CNAME records that fork, loop, have data beside them or are too many",
};

const char *dns_error_text(enum dns_error error)
{
	return (unsigned)error < DNS_ERROR_N ? texts[error] : "an unknown error";
}

static const struct dns_shape shapes[] = {
	{ DNS_A, 4, 0, 0, DNS_FIXED, true },       { DNS_NS, 0, 1, 0, DNS_FIXED, true },
	{ DNS_CNAME, 0, 1, 0, DNS_FIXED, true },   { DNS_SOA, 0, 2, 20, DNS_FIXED, true },
	{ DNS_PTR, 0, 1, 0, DNS_FIXED, true },     { DNS_MX, 2, 1, 0, DNS_FIXED, true },
	{ DNS_TXT, 0, 0, 0, DNS_STRINGS, true },   { DNS_AAAA, 16, 0, 0, DNS_FIXED, true },
	{ DNS_SRV, 6, 1, 0, DNS_FIXED, true },     { DNS_DNAME, 0, 1, 0, DNS_FIXED, false },
	{ DNS_SSHFP, 0, 0, 0, DNS_OPAQUE, true },  { DNS_TLSA, 0, 0, 0, DNS_OPAQUE, true },
	{ DNS_SVCB, 0, 0, 0, DNS_SERVICE, false }, { DNS_HTTPS, 0, 0, 0, DNS_SERVICE, false },
	{ DNS_CAA, 0, 0, 0, DNS_OPAQUE, true },
};

const struct dns_shape *dns_shape_find(uint16_t type)
{
	for (size_t i = 0; i < COUNT(shapes); i++) {
		if (shapes[i].type == type)
			return &shapes[i];
	}
	return NULL;
}

/* ---- reading ---- */

enum dns_error dns_take_name(const uint8_t *p, size_t n, size_t at, bool pointers,
			     struct dns_name *ret, size_t *ret_next)
{
	unsigned jumps = 0, length = 0;
	size_t low = at, next = 0;
	uint8_t label;

	do {
		if (at >= n)
			return DNS_E_SHORT;
		label = p[at];
		if ((label & POINTER) == POINTER) {
			if (at + 1 >= n)
				return DNS_E_SHORT;
			if (jumps++ == 0)
				next = at + 2;
			at = (size_t)(label & ~POINTER) << 8 | p[at + 1];
			/* ever lower, so it ends */
			if (!pointers || jumps > DNS_POINTERS_MAX || at < DNS_HEADER || at >= low)
				return DNS_E_POINTER;
			low = at;
			continue;
		}
		if (label & POINTER || length + label + 1U > DNS_NAME_MAX)
			return DNS_E_NAME;
		if (n - at < label + 1U)
			return DNS_E_SHORT;
		memcpy(ret->wire + length, p + at, label + 1U);
		length += label + 1U;
		at += label + 1U;
	} while (label);
	ret->n = (uint8_t)length;
	*ret_next = jumps ? next : at;
	return DNS_OK;
}

/* RFC 9460 2.2: a priority, a target that is not compressed, parameters by ascending key. */
static bool is_service(struct str data)
{
	struct cur c = cur_init(data.p, data.n);
	struct dns_name target;
	size_t next = 0;
	int last = -1;

	(void)cur_be16(&c);
	if (cur_error(&c) ||
	    dns_take_name((const uint8_t *)data.p, data.n, 2, false, &target, &next) != DNS_OK)
		return false;
	c = cur_init(data.p + next, data.n - next);
	while (c.n) {
		uint16_t key = cur_be16(&c);

		(void)cur_str(&c, cur_be16(&c));
		if (cur_error(&c) || key <= last)
			return false;
		last = key;
	}
	return true;
}

/* RFC 1035 3.3.14: one string or more. RFC 6891 6.1.2: options, each with its length; or none. */
static bool is_series(struct str data, unsigned head, bool empty)
{
	struct cur c = cur_init(data.p, data.n);

	if (c.n == 0)
		return empty;
	while (c.n) {
		if (head == 1) {
			(void)cur_str(&c, cur_u8(&c));
		} else {
			(void)cur_be16(&c);
			(void)cur_str(&c, cur_be16(&c));
		}
	}
	return !cur_error(&c);
}

static enum dns_error check_fixed(const struct dns_message *m, const struct dns_record *r,
				  const struct dns_shape *shape)
{
	size_t end = r->next_at, at = end - r->data.n + shape->before;
	enum dns_error error;
	struct dns_name name;

	for (unsigned i = 0; i < shape->names; i++) {
		if (at > end)
			return DNS_E_RECORD;
		error = dns_take_name(m->p, end, at, true, &name, &at);
		if (error)
			return error == DNS_E_SHORT ? DNS_E_RECORD : error;
	}
	return at + shape->after == end ? DNS_OK : DNS_E_RECORD;
}

static enum dns_error check_data(const struct dns_message *m, const struct dns_record *r)
{
	const struct dns_shape *shape = dns_shape_find(r->type);

	if (!shape)
		return DNS_OK;
	switch (shape->kind) {
	case DNS_FIXED: return check_fixed(m, r, shape);
	case DNS_STRINGS: return is_series(r->data, 1, false) ? DNS_OK : DNS_E_RECORD;
	case DNS_SERVICE: return is_service(r->data) ? DNS_OK : DNS_E_RECORD;
	default: return r->data.n ? DNS_OK : DNS_E_RECORD;
	}
}

/* RFC 6891 6.1: in an OPT record the class is a size, and the TTL version, flags and more of rcode. */
static enum dns_error take_opt(struct dns_message *m, const struct dns_record *r, uint32_t ttl)
{
	if (m->edns || r->section != DNS_ADDITIONAL || r->name.n != 1 ||
	    !is_series(r->data, 4, true))
		return DNS_E_OPT;
	m->edns = true;
	m->edns_size = r->class;
	m->edns_do = ttl & 0x8000;
	m->rcode = (uint16_t)(m->rcode | ttl >> 24 << 4);
	return ttl >> 16 & 0xff ? DNS_E_VERSION : DNS_OK;
}

/* The record at @at; @ret_ttl: as it stands there. */
static enum dns_error take_record(const struct dns_message *m, size_t at, struct dns_record *r,
				  uint32_t *ret_ttl)
{
	enum dns_error error = dns_take_name(m->p, m->n, at, true, &r->name, &at);
	struct cur c;

	if (error)
		return error;
	c = cur_init(m->p + at, m->n - at);
	r->type = cur_be16(&c);
	r->class = cur_be16(&c);
	*ret_ttl = cur_be32(&c);
	r->ttl = *ret_ttl >> 31 ? 0 : *ret_ttl;
	r->data = cur_str(&c, cur_be16(&c));
	if (cur_error(&c))
		return DNS_E_SHORT;
	r->next_at = (size_t)(c.p - m->p);
	return DNS_OK;
}

static enum dns_section section_of(const struct dns_message *m, unsigned index)
{
	if (index < m->counts[DNS_ANSWER])
		return DNS_ANSWER;
	index -= m->counts[DNS_ANSWER];
	return index < m->counts[DNS_AUTHORITY] ? DNS_AUTHORITY : DNS_ADDITIONAL;
}

static unsigned record_count(const struct dns_message *m)
{
	return (unsigned)m->counts[DNS_ANSWER] + m->counts[DNS_AUTHORITY] +
	       m->counts[DNS_ADDITIONAL];
}

static enum dns_error check_records(struct dns_message *m)
{
	unsigned count = record_count(m);
	size_t at = m->records_at;

	for (unsigned i = 0; i < count; i++) {
		struct dns_record r = { .section = section_of(m, i) };
		enum dns_error error;
		uint32_t ttl;

		error = take_record(m, at, &r, &ttl);
		if (error)
			return error;
		if (r.type == DNS_OPT)
			error = take_opt(m, &r, ttl);
		else
			error = r.class == CLASS_IN ? check_data(m, &r) : DNS_E_CLASS;
		if (error)
			return error;
		at = r.next_at;
	}
	return at == m->n ? DNS_OK : DNS_E_TRAILING;
}

/* Header and question; *@ret_flags as they stand there. */
static enum dns_error take_head(const void *p, size_t n, struct dns_message *m, uint16_t *ret_flags)
{
	struct cur c = cur_init(p, n);
	uint16_t questions, class;
	enum dns_error error;
	size_t at;

	if (n > DNS_MESSAGE_MAX)
		return DNS_E_LONG;
	*m = (struct dns_message){ .p = p, .n = n, .id = cur_be16(&c) };
	*ret_flags = cur_be16(&c);
	questions = cur_be16(&c);
	for (unsigned i = 0; i < DNS_SECTION_N; i++)
		m->counts[i] = cur_be16(&c);
	if (cur_error(&c))
		return DNS_E_SHORT;
	m->response = *ret_flags & QR;
	m->truncated = *ret_flags & TC;
	m->recursion_desired = *ret_flags & RD;
	m->recursion_available = *ret_flags & RA;
	m->checking_disabled = *ret_flags & CD;
	m->rcode = *ret_flags & RCODE;
	if (*ret_flags & OPCODE)
		return DNS_E_OPCODE;
	if (questions != 1)
		return DNS_E_QUESTION;
	error = dns_take_name(m->p, n, DNS_HEADER, false, &m->name, &at);
	if (error)
		return error;
	c = cur_init(m->p + at, n - at);
	m->type = cur_be16(&c);
	class = cur_be16(&c);
	if (cur_error(&c))
		return DNS_E_SHORT;
	m->records_at = at + 4;
	return class == CLASS_IN ? DNS_OK : DNS_E_CLASS;
}

enum dns_error dns_parse_query(const void *p, size_t n, struct dns_message *ret)
{
	struct dns_message m;
	enum dns_error error;
	uint16_t flags;

	error = take_head(p, n, &m, &flags);
	if (error)
		return error;
	if (flags & (QR | AA | TC | RA | Z | RCODE))
		return DNS_E_HEADER;
	if (m.counts[DNS_ANSWER] || m.counts[DNS_AUTHORITY])
		return DNS_E_SECTION;
	error = check_records(&m);
	if (error)
		return error;
	if (m.counts[DNS_ADDITIONAL] != m.edns) /* signatures too: we could not keep them */
		return DNS_E_SECTION;
	if (m.rcode)
		return DNS_E_HEADER;
	*ret = m;
	return DNS_OK;
}

enum dns_error dns_parse_answer(const void *p, size_t n, const struct dns_message *query,
				struct dns_message *ret)
{
	struct dns_message m;
	enum dns_error error;
	uint16_t flags;

	error = take_head(p, n, &m, &flags);
	if (error)
		return error;
	if (!(flags & QR) || m.id != query->id)
		return DNS_E_HEADER;
	if (m.type != query->type || m.name.n != query->name.n ||
	    memcmp(m.name.wire, query->name.wire, m.name.n) != 0)
		return DNS_E_QUESTION;
	if (m.truncated)
		memset(m.counts, 0, sizeof(m.counts));
	else
		error = check_records(&m);
	if (error)
		return error;
	*ret = m;
	return DNS_OK;
}

/* ---- looking ---- */

bool dns_next(const struct dns_message *m, struct dns_record *r)
{
	bool first = r->next_at == 0;
	unsigned index = first ? 0 : r->index + 1U;
	uint32_t ttl;

	if (index >= record_count(m) ||
	    take_record(m, first ? m->records_at : r->next_at, r, &ttl) != DNS_OK)
		return false;
	r->index = (uint16_t)index;
	r->section = section_of(m, index);
	return true;
}

bool dns_record_name(const struct dns_message *m, const struct dns_record *r, struct dns_name *ret)
{
	const struct dns_shape *shape = dns_shape_find(r->type);
	size_t next;

	return shape && shape->names &&
	       dns_take_name(m->p, m->n, r->next_at - r->data.n + shape->before, true, ret,
			     &next) == DNS_OK;
}

/* 1: the only CNAME of @name leads to *@ret; 0: there is none; -1: no single answer. */
static int cname_of(const struct dns_message *m, const struct dns_name *name, struct dns_name *ret,
		    uint32_t *ttl)
{
	struct dns_record r = { 0 };
	bool found = false, data = false;
	struct dns_name target;

	while (dns_next(m, &r) && r.section == DNS_ANSWER) {
		if (!dns_name_eq(&r.name, name))
			continue;
		data |= r.type == m->type;
		if (r.type != DNS_CNAME || !dns_record_name(m, &r, &target))
			continue;
		if (found && !dns_name_eq(&target, ret))
			return -1;
		*ret = target;
		*ttl = r.ttl < *ttl ? r.ttl : *ttl;
		found = true;
	}
	return found && data ? -1 : found;
}

static void take_addresses(const struct dns_message *m, struct dns_chain *chain)
{
	const struct dns_name *end = &chain->names[chain->last];
	struct dns_record r = { 0 };

	while (dns_next(m, &r) && r.section == DNS_ANSWER) {
		struct cel_addr *addr = &chain->addrs[chain->n];

		if (r.type != m->type || !dns_name_eq(&r.name, end))
			continue;
		chain->ttl = r.ttl < chain->ttl ? r.ttl : chain->ttl;
		if ((r.type != DNS_A && r.type != DNS_AAAA) || chain->n == DNS_ADDRESSES_MAX)
			continue;
		*addr = (struct cel_addr){ .family = r.type == DNS_A ? 4 : 6,
					   .prefix = r.type == DNS_A ? 32 : 128 };
		memcpy(addr->bytes, r.data.p, r.data.n);
		chain->n++;
	}
}

enum dns_error dns_follow(const struct dns_message *answer, struct dns_chain *ret)
{
	int r = answer->type == DNS_CNAME ? 0 : 1;

	ret->names[0] = answer->name;
	ret->ttl = UINT32_MAX;
	ret->last = ret->n = 0;
	while (r > 0) {
		struct dns_name to;

		r = cname_of(answer, &ret->names[ret->last], &to, &ret->ttl);
		if (r < 0 || (r > 0 && ret->last == DNS_CHAIN_MAX))
			return DNS_E_CHAIN;
		if (r > 0)
			ret->names[++ret->last] = to;
	}
	if (answer->rcode == 0) /* who says that there is no such name gives it no address */
		take_addresses(answer, ret);
	return DNS_OK;
}

/* ---- names ---- */

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* Lengths are below 64, hence no letters. */
static bool same_wire(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (lower(a[i]) != lower(b[i]))
			return false;
	}
	return true;
}

bool dns_name_eq(const struct dns_name *a, const struct dns_name *b)
{
	return a->n == b->n && same_wire(a->wire, b->wire, a->n);
}

bool dns_name_within(const struct dns_name *name, const struct dns_name *zone)
{
	size_t at = 0;

	while (name->n - at > zone->n)
		at += name->wire[at] + 1U;
	return name->n - at == zone->n && same_wire(name->wire + at, zone->wire, zone->n);
}

static size_t put_byte(char *out, uint8_t c)
{
	if (c <= ' ' || c >= 0x7f) {
		out[0] = '\\';
		out[1] = (char)('0' + c / 100);
		out[2] = (char)('0' + c / 10 % 10);
		out[3] = (char)('0' + c % 10);
		return 4;
	}
	if (strchr(".\\\"();@$", c)) {
		out[0] = '\\';
		out[1] = (char)c;
		return 2;
	}
	out[0] = (char)lower(c);
	return 1;
}

size_t dns_name_text(const struct dns_name *name, char out[DNS_TEXT_MAX])
{
	size_t n = 0;

	for (size_t at = 0; name->wire[at]; at += name->wire[at] + 1U) {
		if (at)
			out[n++] = '.';
		for (unsigned i = 1; i <= name->wire[at]; i++)
			n += put_byte(out + n, name->wire[at + i]);
	}
	if (n == 0)
		out[n++] = '.';
	out[n] = '\0';
	return n;
}

enum hostname_error dns_name_host(const struct dns_name *name, struct hostname *ret)
{
	char text[DNS_TEXT_MAX];

	return hostname_parse((struct str){ text, dns_name_text(name, text) }, HOSTNAME_NAME, ret);
}

void dns_name_of_host(const struct hostname *host, struct dns_name *ret)
{
	uint8_t *length = ret->wire;

	*length = 0;
	for (unsigned i = 0; i < host->n; i++) {
		if (host->text[i] == '.') {
			length = ret->wire + i + 1;
			*length = 0;
		} else {
			ret->wire[i + 1] = (uint8_t)host->text[i];
			++*length;
		}
	}
	ret->wire[host->n + 1] = 0;
	ret->n = (uint8_t)(host->n + 2);
}
