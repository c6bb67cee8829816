#include "net/dns_measure.h"
#include "base/map.h"

#include <math.h>

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static unsigned label_count(const struct dns_name *name)
{
	unsigned n = 0;

	for (size_t at = 0; name->wire[at]; at += name->wire[at] + 1U)
		n++;
	return n;
}

static bool is_strange(uint8_t c)
{
	return !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_';
}

static unsigned entropy_of(const unsigned counts[256], unsigned n)
{
	double bits = 0;

	for (unsigned i = 0; i < 256; i++) {
		if (counts[i])
			bits -= counts[i] * log2((double)counts[i] / n);
	}
	return n ? (unsigned)(bits * 1000 / n + 0.5) : 0;
}

void dns_measure(const struct dns_name *name, unsigned domain, struct dns_measure *ret)
{
	unsigned total = label_count(name), counts[256] = { 0 };
	struct dns_measure m = { .labels = total > domain ? total - domain : 0 };
	size_t at = 0;

	for (unsigned i = 0; i < m.labels; i++, at += name->wire[at] + 1U) {
		unsigned n = name->wire[at];

		m.bytes += n;
		m.longest = n > m.longest ? n : m.longest;
		for (unsigned k = 1; k <= n; k++) {
			uint8_t c = lower(name->wire[at + k]);

			counts[c]++;
			m.digits += c >= '0' && c <= '9';
			m.strange += is_strange(c);
		}
	}
	m.entropy = entropy_of(counts, m.bytes);
	*ret = m;
}

unsigned dns_unique_add(struct dns_unique *u, const struct dns_name *name, uint64_t now,
			uint64_t length)
{
	uint64_t window = now / length, left = length - now % length;
	uint8_t wire[DNS_NAME_MAX];
	uint64_t bit;

	if (window != u->window) {
		u->n[1] = window == u->window + 1 ? u->n[0] : 0;
		u->n[0] = 0;
		memset(u->seen, 0, sizeof(u->seen));
		u->window = window;
	}
	for (unsigned i = 0; i < name->n; i++)
		wire[i] = lower(name->wire[i]);
	bit = map_hash(u->key, (struct str){ (const char *)wire, name->n }) % DNS_UNIQUE_BITS;
	if (!(u->seen[bit / 8] & 1U << bit % 8)) {
		u->seen[bit / 8] |= (uint8_t)(1U << bit % 8);
		u->n[0]++;
	}
	return u->n[0] + (unsigned)((double)u->n[1] * (double)left / (double)length);
}
