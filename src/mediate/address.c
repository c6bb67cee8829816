#include "mediate/address.h"

#include "cel/addr.h"

#include <arpa/inet.h>
#include <string.h>

/* RFC 6890 and its registries, the narrower before the wider. */
static const struct {
	const char *name;
	struct cel_addr net;
} net_classes[] = {
	{ "metadata", { 4, 32, { 169, 254, 169, 254 } } },
	{ "metadata", { 6, 128, { 0xfd, 0, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 } } },
	{ "unspecified", { 4, 8, { 0 } } },
	{ "unspecified", { 6, 128, { 0 } } },
	{ "loopback", { 4, 8, { 127 } } },
	{ "loopback", { 6, 128, { [15] = 1 } } },
	{ "mapped", { 6, 96, { [10] = 0xff, [11] = 0xff } } },
	{ "nat64", { 6, 96, { 0, 0x64, 0xff, 0x9b } } },
	{ "6to4", { 6, 16, { 0x20, 0x02 } } },
	{ "link-local", { 4, 16, { 169, 254 } } },
	{ "link-local", { 6, 10, { 0xfe, 0x80 } } },
	{ "private", { 4, 8, { 10 } } },
	{ "private", { 4, 12, { 172, 16 } } },
	{ "private", { 4, 16, { 192, 168 } } },
	{ "private", { 6, 7, { 0xfc } } },
	{ "cgnat", { 4, 10, { 100, 64 } } },
	{ "benchmark", { 4, 15, { 198, 18 } } },
	{ "broadcast", { 4, 32, { 255, 255, 255, 255 } } },
	{ "multicast", { 4, 4, { 224 } } },
	{ "multicast", { 6, 8, { 0xff } } },
	{ "reserved", { 4, 4, { 240 } } },
};

static const char *net_class(const struct cel_addr *addr)
{
	for (size_t i = 0; i < sizeof(net_classes) / sizeof(net_classes[0]); i++) {
		if (cel_addr_within(addr, &net_classes[i].net, net_classes[i].net.prefix))
			return net_classes[i].name;
	}
	return "public";
}

const char *address_protocol(int fd, int family)
{
	int type = 0;
	socklen_t n = sizeof(type);

	if (family == AF_UNIX)
		return "unix";
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0)
		return "other";
	return type == SOCK_STREAM ? "tcp" : type == SOCK_DGRAM ? "udp" : "other";
}

void address_put(struct event *event, const char *protocol, const struct sockaddr_storage *address,
		 socklen_t n, char *text)
{
	struct cel_addr addr = { 0 };
	uint16_t port = 0;

	if (address->ss_family == AF_INET && n >= sizeof(struct sockaddr_in)) {
		const struct sockaddr_in *in = (const void *)address;

		addr.family = 4;
		memcpy(addr.bytes, &in->sin_addr, 4);
		port = ntohs(in->sin_port);
	} else if (address->ss_family == AF_INET6 && n >= sizeof(struct sockaddr_in6)) {
		const struct sockaddr_in6 *in = (const void *)address;

		addr.family = 6;
		memcpy(addr.bytes, &in->sin6_addr, 16);
		port = ntohs(in->sin6_port);
	}
	if (!addr.family)
		return;
	(void)inet_ntop(address->ss_family, addr.bytes, text, ADDRESS_TEXT_MAX);
	event_set_ip(event, &addr, str_of(text));
	event_set_str(event, EVENT_F_IP_CLASS, str_of(net_class(&addr)));
	event_set_int(event, protocol[0] == 'u' ? EVENT_F_UDP_PORT : EVENT_F_TCP_PORT, port);
}
