/*
 * dns_wr - messages of the DNS, written: queries of our own and answers to the session.
 *
 * What a client or a server sent is never passed on as it is. Upstream goes a query made of the name
 * and the type alone: no options, no client subnet, no cookies, in which bytes could leave. To the
 * session goes an answer made of what was understood: the chain from the name asked, the records of the
 * type asked at its end, the SOA of a negative answer. Signatures, glue, additional records, and every
 * type that could tell a client of another way (SVCB, HTTPS and the ECH keys in them, RFC 9460, 9848)
 * are not in it, so such questions have an answer without data.
 *
 * Each function appends one message to @out, which must be empty, and returns 0 or -ENOBUFS. What goes
 * by UDP and does not fit is replaced by the same header and question with TC (RFC 2181 9), so that
 * the client asks by TCP; what does not even fit there becomes SERVFAIL. Nothing is compressed but names that are the question's.
 */
#pragma once

#include "base/buf.h"
#include "net/dns.h"

#define DNS_UDP_MIN 512  /* RFC 1035 4.2.1 */
#define DNS_UDP_MAX 1232 /* what passes everywhere unfragmented; ours, and the most we send */

/* Extended DNS errors (RFC 8914) that a refusal may carry. */
enum dns_ede {
	DNS_EDE_NONE,
	DNS_EDE_BLOCKED = 15,
	DNS_EDE_CENSORED = 16,
	DNS_EDE_FILTERED = 17,
	DNS_EDE_PROHIBITED = 18,
	DNS_EDE_UNREACHABLE = 22, /* no authority */
	DNS_EDE_NETWORK = 23,
};
#define DNS_EDE_TEXT_MAX 255 /* bytes of a reason; what is longer is cut */

/* Bytes that an answer to @query may have by UDP: 512..1232 by what its EDNS says. By TCP 65535. */
size_t dns_udp_max(const struct dns_message *query);

/* A query for upstream: RD, EDNS of DNS_UDP_MAX. */
int dns_put_query(struct buf *out, uint16_t id, const struct dns_name *name, uint16_t type);

/*
 * An answer without records: NXDOMAIN, REFUSED, SERVFAIL, or NOERROR for "no such data". Where the
 * client has EDNS, @ede and @why (UTF-8, for people) say the reason.
 */
int dns_put_status(struct buf *out, const struct dns_message *query, enum dns_rcode rcode,
		   enum dns_ede ede, struct str why);

/*
 * The answer to bytes that dns_parse_query() refused with @error: FORMERR, NOTIMP, REFUSED or
 * BADVERS, header alone. -EBADMSG: to this nothing is answered (no header, or itself an answer).
 */
int dns_put_rejection(struct buf *out, const void *p, size_t n, enum dns_error error);

/* Addresses of our own choice: those of the @n that the query's type asks for; none: no such data. */
int dns_put_addresses(struct buf *out, const struct dns_message *query,
		      const struct cel_addr *addrs, size_t n, uint32_t ttl, size_t max);

/*
 * What @answer says about @chain, which dns_follow() made of it, as an answer to @query; TTLs are at most
 * @ttl_max. It has the addresses that @chain has, no more. @max: bytes, as dns_udp_max(). What is neither
 * NOERROR nor NXDOMAIN, or truncated, becomes SERVFAIL (REFUSED stays).
 */
int dns_put_clean(struct buf *out, const struct dns_message *query,
		  const struct dns_message *answer, const struct dns_chain *chain, uint32_t ttl_max,
		  size_t max);
