#include "cel/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

enum cel_addr_error cel_addr_parse(struct str s, struct cel_addr *ret_addr)
{
	struct cel_addr addr = { 0 };
	char text[INET6_ADDRSTRLEN];

	if (s.n && memchr(s.p, '%', s.n))
		return CEL_ADDR_ZONE;
	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
		return CEL_ADDR_BAD;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET, text, addr.bytes) == 1) {
		addr.family = 4;
		addr.prefix = 32;
		*ret_addr = addr;
		return CEL_ADDR_OK;
	}
	if (inet_pton(AF_INET6, text, addr.bytes) != 1)
		return CEL_ADDR_BAD;
	addr.family = 6;
	addr.prefix = 128;
	if (memcmp(addr.bytes, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		if (memchr(text, '.', s.n))
			return CEL_ADDR_MAPPED;
		memcpy(addr.bytes, addr.bytes + 12, 4);
		memset(addr.bytes + 4, 0, 12);
		addr.family = 4;
		addr.prefix = 32;
	}
	*ret_addr = addr;
	return CEL_ADDR_OK;
}

enum cel_addr_error cel_cidr_parse(struct str s, struct cel_addr *ret_addr)
{
	const char *slash = s.n ? memchr(s.p, '/', s.n) : NULL;
	size_t at = slash ? (size_t)(slash - s.p) : s.n;
	struct str digits = str_sub(s, at + 1, s.n);
	enum cel_addr_error error;
	struct cel_addr addr;
	bool hex_mapped;
	uint64_t prefix;

	if (s.n && memchr(s.p, '%', s.n))
		return CEL_ADDR_ZONE;
	if (!slash)
		return CEL_ADDR_BAD;
	error = cel_addr_parse(str_sub(s, 0, at), &addr);
	if (error)
		return error;
	if (digits.n > 3 || (digits.n > 1 && digits.p[0] == '0') || str_to_u64(digits, &prefix) < 0)
		return CEL_ADDR_BAD;
	/* a mapped network is an IPv4 network of 96 bits less */
	hex_mapped = addr.family == 4 && memchr(s.p, ':', at);
	if (hex_mapped && prefix < 96)
		return CEL_ADDR_MAPPED;
	if (hex_mapped)
		prefix -= 96;
	if (prefix > addr.prefix)
		return CEL_ADDR_BAD;
	addr.prefix = (uint8_t)prefix;
	*ret_addr = addr;
	return CEL_ADDR_OK;
}

/* The longest run of at least two zero groups, the first of equals: [*start, *start + length). */
static unsigned zero_run(const uint8_t *bytes, unsigned *ret_start)
{
	unsigned best = 1, run = 0;

	*ret_start = 8;
	for (unsigned i = 0; i < 8; i++) {
		run = bytes[2 * i] || bytes[2 * i + 1] ? 0 : run + 1;
		if (run > best) {
			best = run;
			*ret_start = i + 1 - run;
		}
	}
	return best;
}

size_t cel_addr_print(const struct cel_addr *addr, bool cidr, char out[CEL_ADDR_TEXT])
{
	const uint8_t *b = addr->bytes;
	unsigned start, length, n = 0;

	if (addr->family == 4) {
		n = (unsigned)snprintf(out, CEL_ADDR_TEXT, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
	} else {
		length = zero_run(b, &start);
		for (unsigned i = 0; i < 8; i++) {
			if (i == start) {
				n += (unsigned)snprintf(out + n, CEL_ADDR_TEXT - n, "::");
				i += length - 1;
				continue;
			}
			n += (unsigned)snprintf(out + n, CEL_ADDR_TEXT - n, "%s%x",
						i && i != start + length ? ":" : "",
						(unsigned)b[2 * i] << 8 | b[2 * i + 1]);
		}
	}
	if (cidr)
		n += (unsigned)snprintf(out + n, CEL_ADDR_TEXT - n, "/%u", addr->prefix);
	return n;
}

bool cel_addr_within(const struct cel_addr *addr, const struct cel_addr *net, unsigned prefix)
{
	unsigned whole = prefix / 8, rest = prefix % 8;

	if (addr->family != net->family)
		return false;
	if (memcmp(addr->bytes, net->bytes, whole) != 0)
		return false;
	return rest == 0 || ((addr->bytes[whole] ^ net->bytes[whole]) >> (8 - rest)) == 0;
}
