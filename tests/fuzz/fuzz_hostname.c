/*
 * Hosts: what is accepted is canonical, so reading it again changes nothing; getaddrinfo's numeric
 * reading, which is what a careless dialler would use, never differs from ours.
 */
#include "cel/addr_class.h"
#include "net/hostname.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>

static void check_canonical(const struct hostname *h)
{
	enum hostname_from again = h->addr.family == 6 ? HOSTNAME_PLAIN : HOSTNAME_URI;
	struct hostname second;
	struct in_addr lax;

	if (h->n == 0 || h->n > HOSTNAME_MAX || strlen(h->text) != h->n)
		abort();
	if (hostname_parse(hostname_str(h), again, &second) != HOSTNAME_OK ||
	    !hostname_eq(h, &second) || memcmp(&h->addr, &second.addr, sizeof(h->addr)) != 0)
		abort();
	if (h->addr.family != 6 && inet_aton(h->text, &lax) != (h->addr.family == 4))
		abort();
	if (h->addr.family == 4 && memcmp(&lax, h->addr.bytes, 4) != 0)
		abort();
	if (h->addr.family && !addr_class_name(addr_class(&h->addr)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = { .p = (const char *)data, .n = size };
	struct hostname_pattern pattern;
	struct hostname h;
	uint16_t port;

	for (int from = HOSTNAME_URI; from <= HOSTNAME_NAME; from++) {
		if (hostname_parse(s, (enum hostname_from)from, &h) == HOSTNAME_OK)
			check_canonical(&h);
	}
	if (hostname_parse_authority(s, size % 2 ? 443 : 0, &h, &port) == HOSTNAME_OK) {
		check_canonical(&h);
		if (port == 0)
			abort();
	}
	if (hostname_pattern_parse(s, &pattern) == HOSTNAME_OK) {
		check_canonical(&pattern.host);
		if (hostname_pattern_match(&pattern, &pattern.host) == pattern.below)
			abort();
	}
	return 0;
}
