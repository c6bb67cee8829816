#include "mediate/address.h"

#include "cel/addr_class.h"

#include <string.h>

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
	addr_unmap(&addr); /* the kernel speaks IPv4 to it, and so do rules */
	event_set_ip(event, &addr, (struct str){ text, cel_addr_print(&addr, false, text) });
	event_set_str(event, EVENT_F_IP_CLASS, str_of(addr_class_name(addr_class(&addr))));
	event_set_int(event, protocol[0] == 'u' ? EVENT_F_UDP_PORT : EVENT_F_TCP_PORT, port);
}
