/*
 * dns_type - the shapes of the data of records, for those who read and those who write them.
 */
#pragma once

#include "net/dns.h"

/* @before bytes, then @names names, then @after bytes; or as @kind says. */
struct dns_shape {
	uint16_t type;
	uint8_t before, names, after;
	enum { DNS_FIXED, DNS_STRINGS, DNS_OPAQUE, DNS_SERVICE } kind;
	bool pass; /* a clean answer may have it (dns_wr.h) */
};

/* NULL: not known. */
const struct dns_shape *dns_shape_find(uint16_t type);

/*
 * The name at offset @at of the message of @n bytes at @p; *@ret_next: behind it. @pointers: may it be
 * compressed?
 */
enum dns_error dns_take_name(const uint8_t *p, size_t n, size_t at, bool pointers,
			     struct dns_name *ret, size_t *ret_next);
