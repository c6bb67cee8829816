/*
 * hostname - the one place where a host as somebody wrote it becomes the host that is meant.
 *
 * Rules, pins and certificates are compared byte by byte, so every host that a client names (Host,
 * the authority of a URL, CONNECT, SOCKS, SNI, a DNS question) comes through here first and is either
 * made canonical or refused with a reason. Nothing is repaired that two programs could read differently.
 *
 * Canonical: a name is in lower case, without the root's dot, of labels of letters, digits, hyphens
 * (not at an end) and underscores, each 1..63 bytes, 253 in all (RFC 1035 2.3.4, RFC 1123 2.1; the
 * underscore because hosts in use have it). An IPv4 address is dotted decimal; an IPv6 address is
 * text of RFC 5952 without brackets; a mapped one (::ffff:1.2.3.4) is the IPv4 address.
 *
 * International names count as they travel, in ASCII: labels "xn--..." pass as they are and
 * nothing here decodes them; letters beyond ASCII are refused (no two programs map them alike).
 *
 * What ends in a number is an IPv4 address or nothing (URL Standard, "ends in a number"): 127.1,
 * 0x7f000001, 0177.0.0.1, 2130706433 are refused, for getaddrinfo(3) takes them for addresses.
 */
#pragma once

#include "base/str.h"
#include "cel/value.h"

#define HOSTNAME_MAX 253      /* bytes of a name in text, without the root's dot */
#define HOSTNAME_LABEL_MAX 63 /* RFC 1035 2.3.4 */

struct hostname {
	struct cel_addr addr; /* family 0: it is a name */
	uint8_t n;
	char text[HOSTNAME_MAX + 1]; /* canonical, NUL-terminated */
};

/* How the place where it stood writes hosts. */
enum hostname_from {
	HOSTNAME_URI,   /* names, IPv4, [IPv6]: Host, URLs, CONNECT (RFC 3986 3.2.2) */
	HOSTNAME_PLAIN, /* names, IPv4, IPv6 without brackets: SOCKS, policies */
	HOSTNAME_NAME,  /* names alone: SNI (RFC 6066 3), DNS */
};

enum hostname_error {
	HOSTNAME_OK,
	HOSTNAME_E_EMPTY,
	HOSTNAME_E_LONG,    /* over 253 bytes, or a label over 63 */
	HOSTNAME_E_LABEL,   /* an empty label, a second dot at the end, a hyphen at a label's end */
	HOSTNAME_E_CONTROL, /* NUL, a control character, a space */
	HOSTNAME_E_UNICODE, /* a byte beyond ASCII */
	HOSTNAME_E_PERCENT, /* percent-encoding */
	HOSTNAME_E_USERINFO, /* user@host */
	HOSTNAME_E_BRACKET,  /* brackets where none belong, or not closed */
	HOSTNAME_E_ZONE,     /* fe80::1%eth0 */
	HOSTNAME_E_NUMBER,   /* ends in a number and is no dotted decimal IPv4 address */
	HOSTNAME_E_ADDRESS,  /* a bad IPv6 address; or any address, where only a name may stand */
	HOSTNAME_E_CHAR,     /* another character that no host has */
	HOSTNAME_E_PORT,     /* no number 1..65535, or none where one is needed */
	HOSTNAME_E_PATTERN,  /* "*" anywhere but as the whole first label, or before an address */
	HOSTNAME_ERROR_N
};

/* *@ret is set on HOSTNAME_OK only. Never allocates, reads @s once. */
enum hostname_error hostname_parse(struct str s, enum hostname_from from, struct hostname *ret);

/*
 * "host[:port]" as Host, CONNECT and URLs have it. @port_default 0: a port must be there. A port is
 * decimal without leading zeros; "host:" with nothing behind is refused.
 */
enum hostname_error hostname_parse_authority(struct str s, uint16_t port_default,
					     struct hostname *ret, uint16_t *ret_port);

/* An address as a host. A mapped one becomes IPv4. @addr has family 4 or 6. */
void hostname_of_addr(const struct cel_addr *addr, struct hostname *ret);

/* "a NUL, control character or space in the host"; for people and logs, never NULL. */
const char *hostname_error_text(enum hostname_error error);

static inline struct str hostname_str(const struct hostname *h)
{
	return (struct str){ .p = h->text, .n = h->n };
}

/* Canonical, hence plain bytes. */
static inline bool hostname_eq(const struct hostname *a, const struct hostname *b)
{
	return a->addr.family == b->addr.family && str_eq(hostname_str(a), hostname_str(b));
}

/*
 * What a policy writes for hosts: `host`, or `*.host` for every name below it, however deep, and not
 * host itself. Borders of labels count: *.github.com is not evil-github.com nor github.com.evil.io.
 */
struct hostname_pattern {
	struct hostname host;
	bool below;
};

enum hostname_error hostname_pattern_parse(struct str s, struct hostname_pattern *ret);
bool hostname_pattern_match(const struct hostname_pattern *pattern, const struct hostname *host);
