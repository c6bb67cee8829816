/* Addresses, networks and host names: what is read prints as text that reads as the same. */
#include "cel/addr.h"
#include "cel/domain.h"

#include <stdint.h>
#include <stdlib.h>

static void round_trip(const struct cel_addr *addr, bool cidr)
{
	char text[CEL_ADDR_TEXT];
	size_t n = cel_addr_print(addr, cidr, text);
	struct cel_addr again;
	enum cel_addr_error error;

	if (n >= sizeof(text) || n != strlen(text))
		abort();
	error = cidr ? cel_cidr_parse((struct str){ text, n }, &again)
		     : cel_addr_parse((struct str){ text, n }, &again);
	if (error || again.family != addr->family || again.prefix != addr->prefix ||
	    memcmp(again.bytes, addr->bytes, sizeof(again.bytes)) != 0)
		abort();
	if (!cel_addr_within(addr, &again, addr->prefix))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct cel_addr addr;
	struct str domain;

	if (cel_addr_parse(text, &addr) == CEL_ADDR_OK)
		round_trip(&addr, false);
	if (cel_cidr_parse(text, &addr) == CEL_ADDR_OK)
		round_trip(&addr, true);
	domain = domain_registrable(text);
	if (domain.n > size || (domain.n && !str_eq(domain_registrable(domain), domain)))
		abort();
	return 0;
}
