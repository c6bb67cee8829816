/*
 * addr_class - what kind of place an IP address is: the value of the event field `ip.class`.
 *
 * By RFC 6890 and the registries of special-purpose addresses that followed it, and by the addresses
 * under which clouds hand out credentials. An IPv6 address that carries an IPv4 one is judged by what
 * it carries: ::ffff:127.0.0.1 is loopback, and so is 64:ff9b::7f00:1. Where only the way is special
 * and the end is public, the class names the way (`6to4`); but a mapped address is no way at all, the
 * kernel speaks IPv4 then. What no registry says to be public is `reserved`: IPv6 outside 2000::/3.
 */
#pragma once

#include "cel/value.h"

enum addr_class {
	ADDR_PUBLIC,
	ADDR_UNSPECIFIED,   /* 0.0.0.0/8, ::; connects to this host */
	ADDR_LOOPBACK,      /* 127.0.0.0/8, ::1 */
	ADDR_METADATA,      /* 169.254.169.254 and its like */
	ADDR_LINK_LOCAL,    /* 169.254.0.0/16, fe80::/10 */
	ADDR_PRIVATE,       /* RFC 1918, fc00::/7, fec0::/10 */
	ADDR_CGNAT,         /* 100.64.0.0/10 */
	ADDR_BENCHMARK,     /* 198.18.0.0/15, 2001:2::/48 */
	ADDR_DOCUMENTATION, /* 192.0.2.0/24, 2001:db8::/32, ... */
	ADDR_BROADCAST,     /* 255.255.255.255 */
	ADDR_MULTICAST,     /* 224.0.0.0/4, ff00::/8 */
	ADDR_RESERVED,      /* 240.0.0.0/4, 192.0.0.0/24, the rest of IPv6 */
	ADDR_NAT64,         /* 64:ff9b::/96 of a public address; all of 64:ff9b:1::/48 */
	ADDR_6TO4,          /* 2002::/16 of a public address; 192.88.99.0/24 */
	ADDR_TEREDO,        /* 2001::/32 */
	ADDR_CLASS_N
};

/* Never fails; an address of no family is ADDR_RESERVED. The prefix of @addr does not count. */
enum addr_class addr_class(const struct cel_addr *addr);

/* "link-local"; NULL for what is no class. */
const char *addr_class_name(enum addr_class class);

/*
 * The IPv4 address that @addr carries: mapped (RFC 4291 2.5.5.2), compatible (2.5.5.1, not :: and
 * ::1), NAT64 (RFC 6052, well-known prefix), 6to4 (RFC 3056). False, *@ret_inner untouched: none.
 */
bool addr_unwrap(const struct cel_addr *addr, struct cel_addr *ret_inner);

/* A mapped address becomes the IPv4 address, which is what is dialled; others stay. */
void addr_unmap(struct cel_addr *addr);
