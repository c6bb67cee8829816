#include "cel/addr_class.h"
#include "cel/addr.h"

static const char *const names[ADDR_CLASS_N] = {
	[ADDR_PUBLIC] = "public",
	[ADDR_UNSPECIFIED] = "unspecified",
	[ADDR_LOOPBACK] = "loopback",
	[ADDR_METADATA] = "metadata",
	[ADDR_LINK_LOCAL] = "link-local",
	[ADDR_PRIVATE] = "private",
	[ADDR_CGNAT] = "cgnat",
	[ADDR_BENCHMARK] = "benchmark",
	[ADDR_DOCUMENTATION] = "documentation",
	[ADDR_BROADCAST] = "broadcast",
	[ADDR_MULTICAST] = "multicast",
	[ADDR_RESERVED] = "reserved",
	[ADDR_NAT64] = "nat64",
	[ADDR_6TO4] = "6to4",
	[ADDR_TEREDO] = "teredo",
};

/* The narrower before the wider: the first that holds the address is its class. */
static const struct {
	enum addr_class class;
	struct cel_addr net;
} nets[] = {
	/* Amazon, Google, Microsoft, ...; its containers; its pods; Alibaba; Azure's host; Oracle */
	{ ADDR_METADATA, { 4, 32, { 169, 254, 169, 254 } } },
	{ ADDR_METADATA, { 4, 32, { 169, 254, 170, 2 } } },
	{ ADDR_METADATA, { 4, 32, { 169, 254, 170, 23 } } },
	{ ADDR_METADATA, { 4, 32, { 100, 100, 100, 200 } } },
	{ ADDR_METADATA, { 4, 32, { 168, 63, 129, 16 } } },
	{ ADDR_METADATA, { 4, 32, { 192, 0, 0, 192 } } },
	/* fd00:ec2::254, fd00:ec2::23 (Amazon), fd20:ce::254 (Google) */
	{ ADDR_METADATA, { 6, 128, { 0xfd, 0, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 } } },
	{ ADDR_METADATA, { 6, 128, { 0xfd, 0, 0x0e, 0xc2, [15] = 0x23 } } },
	{ ADDR_METADATA, { 6, 128, { 0xfd, 0x20, 0, 0xce, [14] = 0x02, [15] = 0x54 } } },
	{ ADDR_UNSPECIFIED, { 4, 8, { 0 } } },
	{ ADDR_UNSPECIFIED, { 6, 128, { 0 } } },
	{ ADDR_LOOPBACK, { 4, 8, { 127 } } },
	{ ADDR_LOOPBACK, { 6, 128, { [15] = 1 } } },
	{ ADDR_LINK_LOCAL, { 4, 16, { 169, 254 } } },
	{ ADDR_LINK_LOCAL, { 6, 10, { 0xfe, 0x80 } } },
	{ ADDR_PRIVATE, { 4, 8, { 10 } } },
	{ ADDR_PRIVATE, { 4, 12, { 172, 16 } } },
	{ ADDR_PRIVATE, { 4, 16, { 192, 168 } } },
	{ ADDR_PRIVATE, { 6, 7, { 0xfc } } },
	{ ADDR_PRIVATE, { 6, 10, { 0xfe, 0xc0 } } },
	{ ADDR_CGNAT, { 4, 10, { 100, 64 } } },
	{ ADDR_BENCHMARK, { 4, 15, { 198, 18 } } },
	{ ADDR_BENCHMARK, { 6, 48, { 0x20, 0x01, 0, 0x02 } } },
	{ ADDR_DOCUMENTATION, { 4, 24, { 192, 0, 2 } } },
	{ ADDR_DOCUMENTATION, { 4, 24, { 198, 51, 100 } } },
	{ ADDR_DOCUMENTATION, { 4, 24, { 203, 0, 113 } } },
	{ ADDR_DOCUMENTATION, { 6, 32, { 0x20, 0x01, 0x0d, 0xb8 } } },
	{ ADDR_DOCUMENTATION, { 6, 20, { 0x3f, 0xff } } },
	{ ADDR_BROADCAST, { 4, 32, { 255, 255, 255, 255 } } },
	{ ADDR_MULTICAST, { 4, 4, { 224 } } },
	{ ADDR_MULTICAST, { 6, 8, { 0xff } } },
	{ ADDR_6TO4, { 4, 24, { 192, 88, 99 } } },
	{ ADDR_RESERVED, { 4, 4, { 240 } } },
	{ ADDR_RESERVED, { 4, 24, { 192, 0, 0 } } },
	{ ADDR_TEREDO, { 6, 32, { 0x20, 0x01, 0, 0 } } },
	{ ADDR_NAT64, { 6, 96, { 0, 0x64, 0xff, 0x9b } } },
	{ ADDR_NAT64, { 6, 48, { 0, 0x64, 0xff, 0x9b, 0, 1 } } },
	{ ADDR_6TO4, { 6, 16, { 0x20, 0x02 } } },
	{ ADDR_RESERVED, { 6, 23, { 0x20, 0x01 } } }, /* protocol assignments */
	{ ADDR_PUBLIC, { 6, 3, { 0x20 } } },
};

/* Where in an IPv6 address under which prefix an IPv4 one stands. */
static const struct {
	struct cel_addr net;
	uint8_t at;
} carriers[] = {
	{ { 6, 96, { [10] = 0xff, [11] = 0xff } }, 12 },
	{ { 6, 96, { 0, 0x64, 0xff, 0x9b } }, 12 },
	{ { 6, 16, { 0x20, 0x02 } }, 2 },
	{ { 6, 96, { 0 } }, 12 },
};
#define MAPPED 0

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct cel_addr inner_at(const struct cel_addr *addr, unsigned at)
{
	struct cel_addr inner = { .family = 4, .prefix = 32 };

	memcpy(inner.bytes, addr->bytes + at, 4);
	return inner;
}

bool addr_unwrap(const struct cel_addr *addr, struct cel_addr *ret_inner)
{
	static const struct cel_addr low = { 6, 120, { 0 } }; /* ::, ::1 */

	if (cel_addr_within(addr, &low, low.prefix) && addr->bytes[15] <= 1)
		return false;
	for (size_t i = 0; i < COUNT(carriers); i++) {
		if (cel_addr_within(addr, &carriers[i].net, carriers[i].net.prefix)) {
			*ret_inner = inner_at(addr, carriers[i].at);
			return true;
		}
	}
	return false;
}

void addr_unmap(struct cel_addr *addr)
{
	if (cel_addr_within(addr, &carriers[MAPPED].net, carriers[MAPPED].net.prefix))
		*addr = inner_at(addr, carriers[MAPPED].at);
}

static enum addr_class class_of(const struct cel_addr *addr)
{
	for (size_t i = 0; i < COUNT(nets); i++) {
		if (cel_addr_within(addr, &nets[i].net, nets[i].net.prefix))
			return nets[i].class;
	}
	return addr->family == 4 ? ADDR_PUBLIC : ADDR_RESERVED;
}

enum addr_class addr_class(const struct cel_addr *addr)
{
	struct cel_addr end = *addr, inner;
	enum addr_class class;

	addr_unmap(&end);
	if (addr_unwrap(&end, &inner)) {
		class = class_of(&inner);
		if (class != ADDR_PUBLIC)
			return class;
	}
	return class_of(&end);
}

const char *addr_class_name(enum addr_class class)
{
	return (unsigned)class < ADDR_CLASS_N ? names[class] : NULL;
}
