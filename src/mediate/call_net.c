/*
 * connect, bind, listen, and sends with an address: done by the supervisor on the session's own socket,
 * fetched with pidfd_getfd(2), with the address that was read and decided.
 *
 * A path of a Unix socket is looked up in the session's root and reached through /proc/self/fd: for
 * connect and sends that names the object; to bind, the place is entered (its folder becomes this
 * thread's for the moment).
 */
#include "mediate/address.h"
#include "mediate/impl.h"

#include "base/own.h"
#include "cel/addr.h"
#include "sys/missing_syscall.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* Linux 6.9 */
#endif
#define SEND_MAX (1U << 20)
#define CONTROL_MAX 4096
#define MESSAGES_MAX 64
#define RIGHTS_MAX 253 /* SCM_MAX_FD */
#define CONNECT_MS 50

/* One call is handled at a time: what a session sends, and its control data. */
static char send_room[SEND_MAX];
static _Alignas(struct cmsghdr) char control_room[CONTROL_MAX];

/* The caller's descriptor @number, as ours. */
static int fetch(const struct call *call, int number, int *ret_fd)
{
	AUTO(fd_closep)
	int pidfd = sys_result(syscall(SYS_pidfd_open, call->n.tid, PIDFD_THREAD));
	int fd;

	if (pidfd ==
	    -EINVAL) /* older: threads that do not share their descriptors are not told apart */
		pidfd = sys_pidfd_open(call->who->tgid);
	fd = pidfd < 0 ? pidfd : sys_result(syscall(SYS_pidfd_getfd, pidfd, number, 0));

	if (fd < 0)
		return fd == -EBADF ? -EBADF : -EACCES;
	*ret_fd = fd;
	return 0;
}

/* ---- the event ---- */

static void event_net(struct mediator *m, struct call *call, enum event_type type,
		      const char *operation, int fd, const struct tracee_address *a,
		      const struct object *o)
{
	const char *protocol = address_protocol(fd, a->family);

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
	address_put(&m->event, protocol, &a->storage, a->n, m->text);
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

/*
 * An abstract name on the host's network is the host's: Landlock keeps the session from it, but looks at
 * who calls, and that would be us.
 */
static bool stays_out(const struct mediator *m, const struct tracee_address *a)
{
	return m->o.policy->network == POLICY_NET_HOST && a->family == AF_UNIX &&
	       a->n > offsetof(struct sockaddr_un, sun_path) && a->un.sun_path[0] == '\0';
}

/* ---- connect ---- */

/* May it make us wait? A stream that is not told not to. */
static bool may_block(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_NONBLOCK);
}

/* It does not block; or did not a moment ago: the session may have changed that since. */
static int connect_at_once(struct mediator *m, int fd, const struct tracee_address *a)
{
	int r;

	if (!bell_on(m, CONNECT_MS))
		return -EAGAIN;
	r = connect(fd, (const struct sockaddr *)&a->storage, a->n) < 0 ? -errno : 0;
	bell_off(m);
	return r;
}

static void connect_fetched(struct mediator *m, struct call *call, int fd, struct tracee_address *a)
{
	struct object o;
	int named = pin_path(m, call, a, &o), r;

	if (named < 0) {
		call_cannot(m, call, named);
		return;
	}
	event_net(m, call, EVENT_NET_CONNECT, "connect", fd, a, named ? &o : NULL);
	if (!call->decides) {
		mediator_observed(m, call);
		call_continue(m, call);
	} else if (stays_out(m, a)) {
		mediator_record(m, call, -EPERM, false);
		call_fail(m, call, -EPERM);
	} else if (mediator_decide(m, call) == PASS) {
		if (may_block(fd) && a->family != AF_UNSPEC) {
			mediator_later(m, call, LATER_CONNECT, fd, 0, a);
		} else {
			session_enter(m);
			r = connect_at_once(m, fd, a);
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

	if (r < 0)
		call_cannot(m, call, r == -ESRCH || r == -EPERM ? -EACCES : r);
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
		call_cannot(m, call, r);
	else
		connect_fetched(m, call, fd, &a);
}

/* ---- bind and listen ---- */

/*
 * The name that a socket is bound by is what its owner is told of it later, and done by us it would be
 * /proc/self/fd/N/name. So where no rule is about binding the kernel does it: what could be swapped in
 * that moment is the name of a socket, which holds nothing that anybody would read or run.
 */
static void bind_place(struct mediator *m, struct call *call, int fd, const struct sockaddr_un *un)
{
	mode_t before;
	int r;

	if (!call->decides) {
		mediator_observed(m, call);
		call_continue(m, call);
		return;
	}
	before = umask(who_umask(&m->who, call->who));
	session_enter(m);
	r = bind(fd, (const struct sockaddr *)un, sizeof(*un)) < 0 ? -errno : 0;
	session_leave(m);
	(void)umask(before);
	mediator_record(m, call, r, false);
	call_answer(m, call, r);
}

/* A socket file is made in the folder that was pinned: reached as /proc/self/fd/N/name. */
static void bind_path(struct mediator *m, struct call *call, int fd, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct object_place place;
	struct object as;
	int r, n;

	session_enter(m);
	r = object_place(&call->caller, AT_FDCWD, path, &place);
	session_leave(m);
	if (r < 0) {
		call_cannot(m, call, r == -EINVAL ? -EADDRINUSE : r);
		return;
	}
	n = snprintf(un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d/%s", place.parent,
		     place.name);
	if (n < 0 || (size_t)n >= sizeof(un.sun_path)) {
		object_place_done(&place);
		call_cannot(m, call, -ENAMETOOLONG);
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
		if (mediator_decide(m, call) == PASS)
			bind_place(m, call, fd, &un);
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
		call_cannot(m, call, r);
		return;
	}
	if (unix_path(&a, path)) {
		bind_path(m, call, fd, path);
		return;
	}
	event_net(m, call, EVENT_NET_BIND, "bind", fd, &a, NULL);
	if (!call->decides) {
		mediator_observed(m, call);
		call_continue(m, call);
		return;
	}
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
		call_cannot(m, call, r);
		return;
	}
	event_net(m, call, EVENT_NET_BIND, "listen", fd, &a, NULL);
	if (!call->decides) {
		mediator_observed(m, call);
		call_continue(m, call);
		return;
	}
	if (mediator_decide(m, call) != PASS)
		return;
	r = listen(fd, arg_fd(call, 1)) < 0 ? -errno : 0;
	mediator_record(m, call, r, false);
	call_answer(m, call, r);
}

/* ---- sends with an address ---- */

/* Bytes of the session, gathered: what is sent is what was read. @cut: as much as there is room for. */
static int gather(const struct call *call, uint64_t iov, uint64_t n_iov, bool cut, size_t *ret_n)
{
	struct iovec part;
	size_t n = 0;

	if (n_iov > IOV_MAX)
		return -EMSGSIZE;
	for (uint64_t i = 0; i < n_iov; i++) {
		int r = tracee_read(call->n.tid, iov + i * sizeof(part), &part, sizeof(part));

		if (r == 0 && part.iov_len > SEND_MAX - n) {
			r = cut ? 0 : -EMSGSIZE;
			part.iov_len = SEND_MAX - n;
		}
		if (r == 0)
			r = tracee_read(call->n.tid, (uint64_t)(uintptr_t)part.iov_base,
					send_room + n, part.iov_len);
		if (r < 0)
			return r;
		n += part.iov_len;
	}
	*ret_n = n;
	return 0;
}

/* Decide about one datagram and send it; bytes sent, a negative errno, or -ECANCELED: answered. */
static ssize_t send_one(struct mediator *m, struct call *call, int fd, struct tracee_address *a,
			size_t n, int flags)
{
	struct object o;
	int named = pin_path(m, call, a, &o);
	ssize_t r = -ECANCELED;

	if (named < 0)
		return named;
	event_net(m, call, EVENT_NET_CONNECT, "send", fd, a, named ? &o : NULL);
	event_set_int(&m->event, EVENT_F_NET_ACTIVITY_BYTES, (int64_t)n);
	if (stays_out(m, a)) {
		r = -EPERM;
	} else if (mediator_decide(m, call) == PASS) {
		session_enter(m);
		r = sendto(fd, send_room, n, flags | MSG_DONTWAIT | MSG_NOSIGNAL,
			   (const struct sockaddr *)&a->storage, a->n);
		r = r < 0 ? -errno : r;
		session_leave(m);
		mediator_record(m, call, r < 0 ? (int)r : 0, false);
	}
	object_done(&o);
	return r;
}

/* For the record alone: the address, and the kernel does the rest. */
static void send_observed(struct mediator *m, struct call *call, int fd,
			  const struct tracee_address *a)
{
	event_net(m, call, EVENT_NET_CONNECT, "send", fd, a, NULL);
	mediator_observed(m, call);
	call_continue(m, call);
}

/*
 * On a stream an address in the message counts for nothing, but with MSG_FASTOPEN, which is a register.
 * So the kernel may do it, unless some other thread could put a socket for datagrams in the stream's place
 * before the kernel looks: then it is sent here, on the socket that was looked at.
 */
static bool is_stream(int fd, int flags)
{
	int type = 0;
	socklen_t n = sizeof(type);

	return !(flags & MSG_FASTOPEN) && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
	       (type == SOCK_STREAM || type == SOCK_SEQPACKET);
}

/* What a stream carries beside its bytes: descriptors, which are made ours for the moment. */
struct rights {
	unsigned n;
	int fds[RIGHTS_MAX];
};

static void rights_done(struct rights *rights)
{
	while (rights->n)
		fd_close(rights->fds[--rights->n]);
}

static int take_descriptors(const struct call *call, struct cmsghdr *c, struct rights *rights)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	unsigned char *at = CMSG_DATA(c);

	for (size_t i = 0; i < n; i++, at += sizeof(int)) {
		int number, fd = -EBADF, r;

		if (rights->n == RIGHTS_MAX)
			return -EINVAL;
		memcpy(&number, at, sizeof(number));
		r = fetch(call, number, &fd);
		if (r < 0)
			return r;
		rights->fds[rights->n++] = fd;
		memcpy(at, &fd, sizeof(fd));
	}
	return 0;
}

static int read_rights(const struct call *call, const struct tracee_message *message,
		       struct rights *rights)
{
	struct msghdr look = { .msg_control = control_room, .msg_controllen = message->n_control };
	int r;

	if (message->n_control > CONTROL_MAX)
		return -ENOBUFS;
	r = tracee_read(call->n.tid, message->control, control_room, message->n_control);
	for (struct cmsghdr *c = r == 0 ? CMSG_FIRSTHDR(&look) : NULL; c && r == 0;
	     c = CMSG_NXTHDR(&look, c)) {
		if (c->cmsg_len < CMSG_LEN(0) ||
		    c->cmsg_len > (size_t)(control_room + message->n_control - (char *)c))
			r = -EINVAL;
		else if (c->cmsg_level == SOL_SOCKET)
			r = c->cmsg_type == SCM_RIGHTS ? take_descriptors(call, c, rights) : -EPERM;
	}
	return r;
}

/* Bytes sent, a negative errno, or -ECANCELED: it waits for room. */
static ssize_t send_stream(struct mediator *m, const struct call *call, int fd, size_t n,
			   size_t n_control, int flags)
{
	struct iovec iov = { .iov_base = send_room, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = n_control ? control_room : NULL,
			      .msg_controllen = n_control };
	ssize_t r;

	if (!notify_valid(m->o.listener, call->n.id))
		return -ECANCELED;
	session_enter(m);
	r = sendmsg(fd, &msg, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
	r = r < 0 ? -errno : r;
	session_leave(m);
	if (r != -EAGAIN || flags & MSG_DONTWAIT || !may_block(fd))
		return r;
	mediator_later(m, call, LATER_WRITABLE, fd, 0, NULL);
	return -ECANCELED;
}

static ssize_t stream_message(struct mediator *m, const struct call *call, int fd,
			      const struct tracee_message *message, int flags)
{
	struct rights rights = { 0 };
	size_t n = 0;
	ssize_t r = read_rights(call, message, &rights);

	if (r == 0)
		r = gather(call, message->iov, message->n_iov, true, &n);
	if (r == 0)
		r = send_stream(m, call, fd, n, message->n_control, flags);
	rights_done(&rights);
	return r;
}

/* The caller would not be told when it may write there again. */
static int check_flags(int flags)
{
	return flags & MSG_ZEROCOPY ? -ENOBUFS : 0;
}

void call_sendto(struct mediator *m, struct call *call)
{
	AUTO(fd_closep) int fd = -EBADF;
	struct tracee_address a;
	uint64_t n = call->n.args[2];
	bool streams;
	ssize_t r;

	if (!call->n.args[4]) { /* no address, and that is a register: the socket's own */
		call_continue(m, call);
		return;
	}
	if (read_address(m, call, 4, (uint32_t)call->n.args[5], &a) < 0)
		return;
	r = fetch(call, arg_fd(call, 0), &fd);
	if (r == 0 && !call->decides) {
		send_observed(m, call, fd, &a);
		return;
	}
	if (r == 0)
		r = check_flags(arg_fd(call, 3));
	streams = r == 0 && is_stream(fd, arg_fd(call, 3));
	if (streams && who_alone(call->who)) {
		call_continue(m, call);
		return;
	}
	if (streams && n > SEND_MAX)
		n = SEND_MAX;
	if (r == 0 && n > SEND_MAX)
		r = -EMSGSIZE;
	if (r == 0)
		r = tracee_read(call->n.tid, call->n.args[1], send_room, (size_t)n);
	if (r == 0)
		r = streams ? send_stream(m, call, fd, (size_t)n, 0, arg_fd(call, 3))
			    : send_one(m, call, fd, &a, (size_t)n, arg_fd(call, 3));
	if (r != -ECANCELED)
		call_answer(m, call, r);
}

/* Control data that is about the packet is passed on; what speaks of the caller would speak of us. */
static int read_control(const struct call *call, const struct tracee_message *message)
{
	struct msghdr look = { .msg_control = control_room, .msg_controllen = message->n_control };
	int r;

	if (message->n_control > CONTROL_MAX)
		return -ENOBUFS;
	r = tracee_read(call->n.tid, message->control, control_room, message->n_control);
	for (struct cmsghdr *c = r == 0 && message->n_control ? CMSG_FIRSTHDR(&look) : NULL; c;
	     c = CMSG_NXTHDR(&look, c)) {
		if (c->cmsg_len < sizeof(*c) || c->cmsg_level == SOL_SOCKET ||
		    c->cmsg_len > (size_t)(control_room + message->n_control - (char *)c))
			return -EPERM;
	}
	return r;
}

/* A datagram to where its socket is connected: what is read as an address later counts for nothing. */
static ssize_t send_connected(const struct call *call, int fd, const struct tracee_message *message,
			      size_t n, int flags)
{
	struct iovec iov = { .iov_base = send_room, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = message->n_control ? control_room : NULL,
			      .msg_controllen = message->n_control };
	ssize_t r = sendmsg(fd, &msg, flags | MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)call;
	return r < 0 ? -errno : r;
}

/* One message: bytes sent, a negative errno, or -ECANCELED: answered. */
static ssize_t send_message(struct mediator *m, struct call *call, int fd,
			    struct tracee_message *message, int flags)
{
	size_t n = 0;
	int r = read_control(call, message);

	if (r == 0)
		r = gather(call, message->iov, message->n_iov, false, &n);
	if (r < 0)
		return r;
	if (!message->named)
		return send_connected(call, fd, message, n, flags);
	return message->n_control ? -EOPNOTSUPP : send_one(m, call, fd, &message->name, n, flags);
}

void call_sendmsg(struct mediator *m, struct call *call)
{
	AUTO(fd_closep) int fd = -EBADF;
	struct tracee_message message;
	int flags = arg_fd(call, 2);
	bool streams;
	ssize_t r = tracee_message(call->n.tid, call->n.args[1], &message);

	if (r == 0)
		r = fetch(call, arg_fd(call, 0), &fd);
	if (r < 0) {
		call_cannot(m, call, (int)r);
		return;
	}
	if (!call->decides && message.named) {
		send_observed(m, call, fd, &message.name);
		return;
	}
	streams = is_stream(fd, flags);
	if (!call->decides || (streams && who_alone(call->who))) {
		call_continue(m, call);
		return;
	}
	r = check_flags(flags);
	if (r == 0)
		r = streams ? stream_message(m, call, fd, &message, flags)
			    : send_message(m, call, fd, &message, flags);
	if (r != -ECANCELED)
		call_answer(m, call, r);
}

/* struct mmsghdr: a message, and the number of bytes that were sent of it. */
#define MMSG_SIZE 64
#define MMSG_SENT 56

void call_sendmmsg(struct mediator *m, struct call *call)
{
	AUTO(fd_closep) int fd = -EBADF;
	uint64_t at = call->n.args[1], n = (uint32_t)call->n.args[2], sent = 0;
	int flags = arg_fd(call, 3);
	bool streams;
	ssize_t r = fetch(call, arg_fd(call, 0), &fd);

	if (r < 0) {
		call_cannot(m, call, (int)r);
		return;
	}
	/* the addresses of many messages are not worth a record each */
	streams = is_stream(fd, flags);
	if (!call->decides || (streams && who_alone(call->who))) {
		call_continue(m, call);
		return;
	}
	n = streams && n ? 1 : n; /* should it have to wait, it is the only one */
	for (r = check_flags(flags); r >= 0 && sent < n && sent < MESSAGES_MAX;
	     sent++, at += MMSG_SIZE) {
		struct tracee_message message;
		uint32_t bytes;

		r = tracee_message(call->n.tid, at, &message);
		if (r == 0)
			r = streams ? stream_message(m, call, fd, &message, flags)
				    : send_message(m, call, fd, &message, flags);
		bytes = r > 0 ? (uint32_t)r : 0;
		if (r >= 0)
			r = tracee_write(call->n.tid, at + MMSG_SENT, &bytes, sizeof(bytes));
		if (r < 0)
			break;
	}
	if (r != -ECANCELED)
		call_answer(m, call, sent ? (int64_t)sent : r);
}
