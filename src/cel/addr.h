/*
 * addr - IP addresses and networks as text, both ways.
 *
 * Text is what people write and nothing more: dotted decimal without leading zeros (an octal look),
 * RFC 4291 for IPv6 without a zone. A mapped address written in hexadecimal (::ffff:c0a8:1) is the
 * IPv4 address that it stands for, so that no rule is passed by another spelling; written with dots
 * it is refused, as the language's tests want it.
 */
#pragma once

#include "base/str.h"
#include "cel/value.h"

#define CEL_ADDR_TEXT 52 /* bytes: 39 of an address, "/128" and room */

enum cel_addr_error {
	CEL_ADDR_OK,
	CEL_ADDR_BAD,    /* no address */
	CEL_ADDR_ZONE,   /* fe80::1%eth0 */
	CEL_ADDR_MAPPED, /* ::ffff:1.2.3.4 */
};

enum cel_addr_error cel_addr_parse(struct str s, struct cel_addr *ret_addr);
/* "10.0.0.0/8"; bits behind the prefix are kept as written. */
enum cel_addr_error cel_cidr_parse(struct str s, struct cel_addr *ret_addr);

/* The canonical form (RFC 5952), NUL-terminated; its length. @cidr: with the prefix. */
size_t cel_addr_print(const struct cel_addr *addr, bool cidr, char out[CEL_ADDR_TEXT]);

/* Are the first @prefix bits of both the same? False for different families. */
bool cel_addr_within(const struct cel_addr *addr, const struct cel_addr *net, unsigned prefix);
