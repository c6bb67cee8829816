/*
 * connect, bind, listen, and sends with an address: done by the supervisor on the session's own socket,
 * fetched with pidfd_getfd(2), with the address that was read and decided.
 *
 * A path of a Unix socket is looked up in the session's root and reached through /proc/self/fd: for
 * connect and sends that names the object; to bind, the place is entered (its folder becomes this
 * thread's for the moment).
 */
#include "mediate/impl.h"

#include "base/own.h"
#include "cel/addr.h"
#include "sys/missing_syscall.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#define PIDFD_THREAD_ O_EXCL /* Linux 6.9 */
#define SEND_MAX (1U << 20)
#define CONTROL_MAX 4096
#define MESSAGES_MAX 64

/* The caller's descriptor @number, as ours. */
static int fetch(const struct call *call, int number, int *ret_fd)
{
	AUTO(fd_closep) int pidfd = sys_pidfd_open(call->who->tgid);
	int fd = pidfd < 0 ? pidfd : sys_result(syscall(SYS_pidfd_getfd, pidfd, number, 0));

	if (fd < 0)
		return fd == -EBADF ? -EBADF : -EACCES;
	*ret_fd = fd;
	return 0;
}

/* ---- the event ---- */

static const char *protocol_of(int fd, int family)
{
	int type = 0;
	socklen_t n = sizeof(type);

	if (family == AF_UNIX)
		return "unix";
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0)
		return "other";
	return type == SOCK_STREAM ? "tcp" : type == SOCK_DGRAM ? "udp" : "other";
}

static void put_port(struct mediator *m, const char *protocol, uint16_t port)
{
	event_set_int(&m->event, protocol[0] == 'u' ? EVENT_F_UDP_PORT : EVENT_F_TCP_PORT, port);
}

static void event_net(struct mediator *m, struct call *call, enum event_type type,
		      const char *operation, int fd, const struct tracee_address *a,
		      const struct object *o)
{
	const char *protocol = protocol_of(fd, a->family);
	struct cel_addr addr = { 0 };
	uint16_t port = 0;

	event_start(m, call, type);
	event_set_str(&m->event, EVENT_F_NET_ACTIVITY_OPERATION, str_of(operation));
	event_set_str(&m->event, EVENT_F_NET_ACTIVITY_PROTOCOL, str_of(protocol));
	event_set_bool(&m->event, EVENT_F_NET_ACTIVITY_INITIATED, type != EVENT_NET_BIND);
	if (o) {
		event_path(m, EVENT_F_NET_ACTIVITY_PATH, o->path, o->n);
	} else if (a->family == AF_UNIX && a->n > offsetof(struct sockaddr_un, sun_path)) {
		/* an abstract name, or none */
		m->text[0] = '@';
		memcpy(m->text + 1, a->un.sun_path + 1,
		       a->n - offsetof(struct sockaddr_un, sun_path) - 1);
		event_path(m, EVENT_F_NET_ACTIVITY_PATH, m->text,
			   a->n - offsetof(struct sockaddr_un, sun_path));
	}
	if (a->family == AF_INET && a->n >= sizeof(struct sockaddr_in)) {
		const struct sockaddr_in *in = (const void *)&a->storage;

		addr.family = 4;
		memcpy(addr.bytes, &in->sin_addr, 4);
		port = ntohs(in->sin_port);
	} else if (a->family == AF_INET6 && a->n >= sizeof(struct sockaddr_in6)) {
		const struct sockaddr_in6 *in = (const void *)&a->storage;

		addr.family = 6;
		memcpy(addr.bytes, &in->sin6_addr, 16);
		port = ntohs(in->sin6_port);
	}
	if (!addr.family)
		return;
	(void)inet_ntop(a->family, addr.bytes, m->text, sizeof(m->text));
	event_set_ip(&m->event, &addr, str_of(m->text));
	event_set_str(&m->event, EVENT_F_IP_CLASS, str_of(net_class(&addr)));
	put_port(m, protocol, port);
}

/* ---- addresses that are paths ---- */

/* The path of a Unix address, NUL-terminated; false: it is not one with a path. */
static bool unix_path(const struct tracee_address *a, char path[sizeof(a->un.sun_path) + 1])
{
	size_t n = a->n - offsetof(struct sockaddr_un, sun_path);

	if (a->family != AF_UNIX || a->n <= offsetof(struct sockaddr_un, sun_path) ||
	    a->un.sun_path[0] == '\0')
		return false;
	memcpy(path, a->un.sun_path, n);
	path[n] = '\0';
	return true;
}

/* Look the socket up, and have the address name what was found. */
static int pin_path(struct mediator *m, struct call *call, struct tracee_address *a,
		    struct object *o)
{
	char path[sizeof(a->un.sun_path) + 1];
	int r;

	o->fd = -EBADF;
	if (!unix_path(a, path))
		return 0;
	session_enter(m);
	r = object_open(&call->caller, AT_FDCWD, path, 0, o);
	session_leave(m);
	if (r < 0)
		return r;
	(void)snprintf(a->un.sun_path, sizeof(a->un.sun_path), "/proc/self/fd/%d", o->fd);
	a->n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(a->un.sun_path) + 1);
	return 1;
}

/* ---- connect ---- */

/* May it make us wait? A stream that is not told not to. */
static bool may_block(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_NONBLOCK);
}

static void connect_fetched(struct mediator *m, struct call *call, int fd, struct tracee_address *a)
{
	struct object o;
	int named = pin_path(m, call, a, &o), r;

	if (named < 0) {
		call_fail(m, call, named);
		return;
	}
	event_net(m, call, EVENT_NET_CONNECT, "connect", fd, a, named ? &o : NULL);
	if (mediator_decide(m, call) == PASS) {
		if (may_block(fd) && a->family != AF_UNSPEC) {
			mediator_later(m, call, LATER_CONNECT, fd, 0, a, named ? o.fd : -EBADF);
		} else {
			session_enter(m);
			r = connect(fd, (const struct sockaddr *)&a->storage, a->n) < 0 ? -errno : 0;
			session_leave(m);
			mediator_record(m, call, r == -EINPROGRESS ? 0 : r, false);
			call_answer(m, call, r);
		}
	}
	object_done(&o);
}

static int read_address(struct mediator *m, struct call *call, unsigned arg, uint64_t n,
			struct tracee_address *ret)
{
	int r = tracee_address(call->n.tid, call->n.args[arg], n, ret);

	if (r == 0 && !notify_valid(m->o.listener, call->n.id))
		r = -EACCES;
	if (r < 0)
		call_fail(m, call, r == -ESRCH || r == -EPERM ? -EACCES : r);
	return r;
}

void call_connect(struct mediator *m, struct call *call)
{
	AUTO(fd_closep) int fd = -EBADF;
	struct tracee_address a;
	int r;

	if (read_address(m, call, 1, (uint32_t)call->n.args[2], &a) < 0)
		return;
	r = fetch(call, arg_fd(call, 0), &fd);
	if (r < 0)
		call_fail(m, call, r);
	else
		connect_fetched(m, call, fd, &a);
}

/* ---- bind and listen ---- */

/* A socket file is made in the folder that was pinned: reached as /proc/self/fd/N/name. */
static void bind_path(struct mediator *m, struct call *call, int fd, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct object_place place;
	struct object as;
	mode_t mask, before;
	int r, n;

	session_enter(m);
	r = object_place(&call->caller, AT_FDCWD, path, &place);
	session_leave(m);
	if (r < 0) {
		call_fail(m, call, r == -EINVAL ? -EADDRINUSE : r);
		return;
	}
	n = snprintf(un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d/%s", place.parent,
		     place.name);
	if (n < 0 || (size_t)n >= sizeof(un.sun_path)) {
		object_place_done(&place);
		call_fail(m, call, -ENAMETOOLONG);
		return;
	}
	as.n = place.n;
	memcpy(as.path, place.path, place.n + 1);
	event_net(m, call, EVENT_NET_BIND, "bind", fd,
		  &(struct tracee_address){ .n = sizeof(un), .un = un }, &as);
	if (mediator_decide(m, call) == PASS) {
		event_start(m, call, EVENT_FILE_CREATE);
		event_file(m, "create", place.path, place.n, NULL);
		event_set_str(&m->event, EVENT_F_FILE_ACTIVITY_KIND, STR("socket"));
		event_set_bool(&m->event, EVENT_F_FILE_ACTIVITY_WRITE, true);
		if (mediator_decide(m, call) == PASS) {
			mask = who_umask(call->who);
			before = umask(mask);
			session_enter(m);
			r = bind(fd, (const struct sockaddr *)&un, sizeof(un)) < 0 ? -errno : 0;
			session_leave(m);
			(void)umask(before);
			mediator_record(m, call, r, false);
			call_answer(m, call, r);
		}
	}
	object_place_done(&place);
}

void call_bind(struct mediator *m, struct call *call)
{
	AUTO(fd_closep) int fd = -EBADF;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	struct tracee_address a;
	int r;

	if (read_address(m, call, 1, (uint32_t)call->n.args[2], &a) < 0)
		return;
	r = fetch(call, arg_fd(call, 0), &fd);
	if (r < 0) {
		call_fail(m, call, r);
		return;
	}
	if (unix_path(&a, path)) {
		bind_path(m, call, fd, path);
		return;
	}
	event_net(m, call, EVENT_NET_BIND, "bind", fd, &a, NULL);
	if (mediator_decide(m, call) != PASS)
		return;
	r = bind(fd, (const struct sockaddr *)&a.storage, a.n) < 0 ? -errno : 0;
	mediator_record(m, call, r, false);
	call_answer(m, call, r);
}

/* A socket that listens without ever having been bound gets a port: that is a bind as well. */
void call_listen(struct mediator *m, struct call *call)
{
	AUTO(fd_closep) int fd = -EBADF;
	struct tracee_address a = { .n = sizeof(a.storage) };
	int r = fetch(call, arg_fd(call, 0), &fd);

	if (r == 0 && getsockname(fd, (struct sockaddr *)&a.storage, &a.n) < 0)
		r = -errno;
	if (r < 0) {
		call_fail(m, call, r);
		return;
	}
	event_net(m, call, EVENT_NET_BIND, "listen", fd, &a, NULL);
	if (mediator_decide(m, call) != PASS)
		return;
	r = listen(fd, arg_fd(call, 1)) < 0 ? -errno : 0;
	mediator_record(m, call, r, false);
	call_answer(m, call, r);
}
