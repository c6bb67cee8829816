/*
 * dns - messages of the DNS, read strictly (RFC 1035 section 4, RFC 2181, RFC 6891, RFC 9460).
 *
 * A message is read once and wholly: every record of every section is held against the shape of its
 * type before anything is said about the message, and every byte is accounted for. Afterwards it is
 * walked without errors. Nothing is allocated and nothing is copied but names; the message must stay
 * in place and unchanged for as long as it is looked at.
 *
 * Refused, whoever sends it: other than one question; pointers that do not point backwards, or more
 * than 32 of them in a name; names over 255 bytes; labels of the other two types; counts that promise
 * more records than there are; bytes behind the last record; data that its type does not have
 * (an A of three bytes, a CNAME with something behind it, strings that overrun their TXT, parameters of
 * SVCB out of order); OPT twice, outside the additional section, or not at the root; classes other
 * than IN.
 *
 * A name keeps its case as it came, because answers must echo the question byte by byte (that a server
 * does is what 0x20 mixing asks for); it is compared without regard to case (RFC 4343).
 */
#pragma once

#include "net/hostname.h"

#include <stdbool.h>
#include <stdint.h>

#define DNS_HEADER 12
#define DNS_MESSAGE_MAX 65535
#define DNS_NAME_MAX 255  /* bytes on the wire, lengths and the root included */
#define DNS_TEXT_MAX 1016 /* bytes of a name as text, every byte escaped, NUL included */
#define DNS_CHAIN_MAX 16  /* CNAMEs that are followed */
#define DNS_ADDRESSES_MAX 64
#define DNS_POINTERS_MAX 32

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_DNAME = 39,
	DNS_OPT = 41,
	DNS_SSHFP = 44,
	DNS_TLSA = 52,
	DNS_SVCB = 64,
	DNS_HTTPS = 65,
	DNS_ANY = 255,
	DNS_CAA = 257,
};

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16, /* RFC 6891 9 */
};

enum dns_error {
	DNS_OK,
	DNS_E_SHORT,    /* it ends before what it promises */
	DNS_E_LONG,     /* over 65535 bytes */
	DNS_E_TRAILING, /* bytes behind the last record */
	DNS_E_NAME,     /* over 255 bytes, or a label of an unknown type */
	DNS_E_POINTER,  /* forwards, at itself, into the header, too many, or where none may be */
	DNS_E_QUESTION, /* not exactly one; in an answer: not the one that was asked */
	DNS_E_RECORD,   /* data that its type does not have */
	DNS_E_OPT,      /* twice, in the wrong section, of the wrong shape */
	DNS_E_VERSION,  /* of EDNS, not 0 */
	DNS_E_CLASS,    /* not IN */
	DNS_E_HEADER, /* a query that says it is an answer or the reverse, flags that it cannot have */
	DNS_E_OPCODE,  /* not QUERY */
	DNS_E_SECTION, /* a query that brings records */
	DNS_E_CHAIN,   /* CNAMEs that fork, loop, have data beside them, or are more than 16 */
	DNS_ERROR_N
};

/* "a pointer that does not point backwards"; never NULL. */
const char *dns_error_text(enum dns_error error);

/* Labels with their lengths and the root's zero: @n >= 1 bytes, not compressed. */
struct dns_name {
	uint8_t n;
	uint8_t wire[DNS_NAME_MAX];
};

enum dns_section { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL, DNS_SECTION_N };

struct dns_message {
	const uint8_t *p;
	size_t n;
	uint16_t id;
	bool response, truncated, recursion_desired, recursion_available, checking_disabled;
	uint16_t rcode; /* with the upper bits that EDNS brings */
	struct dns_name name;
	uint16_t type;
	uint16_t counts[DNS_SECTION_N];
	size_t records_at; /* of the first record */
	bool edns, edns_do;
	uint16_t edns_size; /* of datagrams that the sender takes, as it said */
};

struct dns_record {
	enum dns_section section;
	struct dns_name name;
	uint16_t type;
	uint16_t class;
	uint32_t ttl; /* 0 where the top bit is set (RFC 2181 8) */
	struct str data;
	size_t next_at;
	uint16_t index; /* from 0, over all sections */
};

/*
 * A query as a client may send it: opcode QUERY, class IN, no records but one OPT of version 0, and none
 * of the flags that only answers have. *@ret is set on DNS_OK alone.
 */
enum dns_error dns_parse_query(const void *p, size_t n, struct dns_message *ret);

/*
 * An answer to @query: its id and, byte by byte, its question. A truncated one (TC) is read as far as
 * the question and has no records: ask again by TCP.
 */
enum dns_error dns_parse_answer(const void *p, size_t n, const struct dns_message *query,
				struct dns_message *ret);

/*
 * The record after *@r, the first for a *@r of zeros; false after the last. For messages that were
 * parsed, and only those.
 */
bool dns_next(const struct dns_message *m, struct dns_record *r);

/* The name that the data of a CNAME, DNAME, NS, PTR, MX, SRV or SOA begins with; false: another type. */
bool dns_record_name(const struct dns_message *m, const struct dns_record *r, struct dns_name *ret);

/*
 * Where an answer leads: from the name that was asked along CNAMEs, in whatever order they stand, and
 * the addresses at the end of the chain when addresses were asked for. Records of any other name are
 * nobody's answer and are passed over, and so are all where the answer is an error. At most DNS_ADDRESSES_MAX addresses count, the first ones.
 */
struct dns_chain {
	struct dns_name names[DNS_CHAIN_MAX + 1]; /* [0] is the name asked */
	unsigned last;                            /* index of the end */
	uint32_t ttl;                             /* the least; UINT32_MAX: no record at all */
	unsigned n;
	struct cel_addr addrs[DNS_ADDRESSES_MAX];
};

enum dns_error dns_follow(const struct dns_message *answer, struct dns_chain *ret);

/* ---- names ---- */

bool dns_name_eq(const struct dns_name *a, const struct dns_name *b);

/* Is @name @zone or below it? The root is above everything. */
bool dns_name_within(const struct dns_name *name, const struct dns_name *zone);

/*
 * In lower case, without the root's dot ("." is the root), NUL-terminated; what could be mistaken for
 * something else is escaped as in zone files ("\.", "\000"). The length.
 */
size_t dns_name_text(const struct dns_name *name, char out[DNS_TEXT_MAX]);

/* As a host, by hostname.h: what is no host name is an error there. */
enum hostname_error dns_name_host(const struct dns_name *name, struct hostname *ret);

/* The other way; @host is a name, not an address. */
void dns_name_of_host(const struct hostname *host, struct dns_name *ret);
