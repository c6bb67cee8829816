/*
 * address - what a socket and an address on the network say in an event.
 */
#pragma once

#include "cel/addr.h"
#include "event/event.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define ADDRESS_TEXT_MAX CEL_ADDR_TEXT

/* "tcp", "udp", "unix" or "other"; @family is its address's. */
const char *address_protocol(int fd, int family);

/*
 * The fields of an IPv4 or IPv6 address of @n bytes: ip.*, its class, the port. Of another family: nothing.
 * @text has ADDRESS_TEXT_MAX bytes and stays what it is for as long as @event is used.
 */
void address_put(struct event *event, const char *protocol, const struct sockaddr_storage *address,
		 socklen_t n, char *text);
