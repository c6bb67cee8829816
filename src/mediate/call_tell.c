/*
 * Calls that only tell of a file: stat, access, readlink, the reading of extended attributes, and those that
 * take a path for something else that tells of it: chdir, statfs, watches.
 *
 * They come here only where names are hidden. The object is looked up as for any other call (object.h) and
 * not there if its name, or one on the way, is hidden; what the caller is told is then told of the pinned
 * object, and written into its memory at once. By descriptor (fstat) they are not trapped: that was decided
 * when it was opened.
 *
 * Nobody can change another's folder, so a chdir that may be goes on to the kernel. Whoever exchanges the
 * path in that moment can come to stand in a hidden folder, and knows then that it is one: to look around
 * there needs calls that find it hidden.
 *
 * A watch on a folder tells the names of all that happens in it, so there is none where a name could be hidden.
 * What takes its arguments in a struct that may grow, and file handles, are not there.
 */
#include "mediate/impl.h"

#include "base/own.h"
#include "sys/missing_syscall.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#define OVERFLOW_ID 65534 /* of who has no number in the session: /proc/sys/kernel/overflowuid */
#define ROOM (64U << 10)

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

/* One call is handled at a time. */
static char tell_room[ROOM];

/* Find what @arg names; @flags: AT_*. Negative: answered. */
static int tell_find(struct mediator *m, struct call *call, int dirfd, unsigned arg, int flags,
		     struct object *o)
{
	char path[TRACEE_PATH_MAX] = "";
	int r = 0;

	o->fd = -EBADF;
	/* since Linux 6.11 NULL is as good as "" */
	if (!(flags & AT_EMPTY_PATH && call->n.args[arg] == 0))
		r = call_path(m, call, arg, path);
	if (r < 0)
		return r;
	session_enter(m);
	r = object_open(&call->caller, dirfd, path,
			(flags & AT_SYMLINK_NOFOLLOW ? OBJECT_NOFOLLOW : 0) |
				(flags & AT_EMPTY_PATH ? OBJECT_EMPTY : 0),
			o);
	session_leave(m);
	if (r < 0)
		call_cannot(m, call, r);
	return r;
}

/* Write @n bytes to argument @arg and return @value. */
static void tell(struct mediator *m, struct call *call, unsigned arg, const void *from, size_t n,
		 int64_t value)
{
	int r = 0;

	if (!notify_valid(m->o.listener, call->n.id))
		return; /* the number may be another's */
	if (n)
		r = tracee_write(call->n.tid, call->n.args[arg], from, n);
	call_answer(m, call, r < 0 ? -EFAULT : value);
}

/* ---- stat ---- */

/* A session has one user and one group; all others are nobody. */
static uint32_t inner_id(uint32_t id, uint32_t outside, uint32_t inside)
{
	return id == outside ? inside : OVERFLOW_ID;
}

static void tell_stat(struct mediator *m, struct call *call, int dirfd, unsigned arg, int flags)
{
	struct object o;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) {
		call_fail(m, call, -EINVAL);
		return;
	}
	if (tell_find(m, call, dirfd, arg, flags, &o) == 0) {
		/* on 64-bit machines the C library's struct is the kernel's */
		o.st.st_uid = inner_id(o.st.st_uid, m->o.outer_uid, m->o.uid);
		o.st.st_gid = inner_id(o.st.st_gid, m->o.outer_gid, m->o.gid);
		tell(m, call, arg + 1, &o.st, sizeof(o.st), 0);
	}
	object_done(&o);
}

void call_stat(struct mediator *m, struct call *call)
{
	tell_stat(m, call, AT_FDCWD, 0, 0);
}

void call_lstat(struct mediator *m, struct call *call)
{
	tell_stat(m, call, AT_FDCWD, 0, AT_SYMLINK_NOFOLLOW);
}

void call_newfstatat(struct mediator *m, struct call *call)
{
	tell_stat(m, call, arg_fd(call, 0), 1, arg_fd(call, 3));
}

void call_statx(struct mediator *m, struct call *call)
{
	int flags = arg_fd(call, 2), r;
	struct statx st;
	struct object o;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) {
		call_fail(m, call, -EINVAL);
		return;
	}
	if (tell_find(m, call, arg_fd(call, 0), 1, flags, &o) == 0) {
		session_enter(m);
		r = statx(o.fd, "", AT_EMPTY_PATH | (flags & AT_STATX_SYNC_TYPE),
			  (unsigned)call->n.args[3], &st) < 0
			    ? -errno
			    : 0;
		session_leave(m);
		if (r < 0) {
			call_fail(m, call, r);
		} else {
			st.stx_uid = inner_id(st.stx_uid, m->o.outer_uid, m->o.uid);
			st.stx_gid = inner_id(st.stx_gid, m->o.outer_gid, m->o.gid);
			tell(m, call, 4, &st, sizeof(st), 0);
		}
	}
	object_done(&o);
}

void call_statfs(struct mediator *m, struct call *call)
{
	struct statfs fs;
	struct object o;

	if (tell_find(m, call, AT_FDCWD, 0, 0, &o) == 0) {
		if (fstatfs(o.fd, &fs) < 0)
			call_fail(m, call, -errno);
		else
			tell(m, call, 1, &fs, sizeof(fs), 0);
	}
	object_done(&o);
}

/* ---- access ---- */

static void tell_access(struct mediator *m, struct call *call, int dirfd, unsigned arg, int flags)
{
	struct object o;
	int r;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EACCESS | AT_EMPTY_PATH)) {
		call_fail(m, call, -EINVAL);
		return;
	}
	if (tell_find(m, call, dirfd, arg, flags, &o) == 0) {
		session_enter(m);
		/* real and effective ids are the same in a session; here only the latter are its own */
		r = sys_result(syscall(SYS_faccessat2, o.fd, "", (int)call->n.args[arg + 1],
				       AT_EMPTY_PATH | AT_EACCESS));
		session_leave(m);
		call_answer(m, call, r);
	}
	object_done(&o);
}

void call_access(struct mediator *m, struct call *call)
{
	tell_access(m, call, AT_FDCWD, 0, 0);
}

void call_faccessat(struct mediator *m, struct call *call)
{
	tell_access(m, call, arg_fd(call, 0), 1, 0);
}

void call_faccessat2(struct mediator *m, struct call *call)
{
	tell_access(m, call, arg_fd(call, 0), 1, arg_fd(call, 3));
}

/* ---- links and folders ---- */

/* What the link @o says to the caller: /proc/self is who asks. */
static int read_link(const struct call *call, const struct object *o, char to[PATH_MAX])
{
	const struct who *who = call->who;
	ssize_t n;

	if (o->st.st_dev == call->caller.view->proc_dev && strcmp(o->path, "/proc/self") == 0)
		return snprintf(to, PATH_MAX, "%d", who->inner_tgid);
	if (o->st.st_dev == call->caller.view->proc_dev &&
	    strcmp(o->path, "/proc/thread-self") == 0)
		return snprintf(to, PATH_MAX, "%d/task/%d", who->inner_tgid, who->inner_tid);
	n = readlinkat(o->fd, "", to, PATH_MAX);
	return n < 0 ? -errno : (int)n;
}

static void tell_link(struct mediator *m, struct call *call, int dirfd, unsigned arg, int flags)
{
	int size = arg_fd(call, arg + 2), n;
	char to[PATH_MAX];
	struct object o;

	if (size <= 0) {
		call_fail(m, call, -EINVAL);
		return;
	}
	if (tell_find(m, call, dirfd, arg, flags | AT_SYMLINK_NOFOLLOW, &o) == 0) {
		session_enter(m);
		n = S_ISLNK(o.st.st_mode) ? read_link(call, &o, to) : -EINVAL;
		session_leave(m);
		n = n > size ? size : n;
		if (n < 0)
			call_fail(m, call, n);
		else
			tell(m, call, arg + 1, to, (size_t)n, n);
	}
	object_done(&o);
}

void call_readlink(struct mediator *m, struct call *call)
{
	tell_link(m, call, AT_FDCWD, 0, 0);
}

void call_readlinkat(struct mediator *m, struct call *call)
{
	tell_link(m, call, arg_fd(call, 0), 1, AT_EMPTY_PATH);
}

void call_chdir(struct mediator *m, struct call *call)
{
	struct object o;

	if (tell_find(m, call, AT_FDCWD, 0, 0, &o) == 0)
		call_continue(m, call);
	object_done(&o);
}

/* ---- extended attributes ---- */

/* @arg: of the path, then perhaps a name, then room and its size. */
static void tell_xattr(struct mediator *m, struct call *call, int flags, bool list)
{
	unsigned at = list ? 1 : 2;
	size_t size = call->n.args[at + 1] < ROOM ? (size_t)call->n.args[at + 1] : ROOM, n_name;
	char name[TRACEE_PATH_MAX], link[32];
	struct object o;
	ssize_t n = 0;

	if (tell_find(m, call, AT_FDCWD, 0, flags, &o) < 0)
		return;
	if (!list)
		n = tracee_path(call->n.tid, call->n.args[1], name, &n_name);
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", o.fd);
	session_enter(m);
	if (n == 0 && S_ISLNK(o.st.st_mode))
		n = list ? 0
			 : -ENODATA; /* cannot be reached by descriptor; users' there are none */
	else if (n == 0 && list)
		n = listxattr(link, size ? tell_room : NULL, size);
	else if (n == 0)
		n = getxattr(link, name, size ? tell_room : NULL, size);
	n = n == -1 ? -errno : n;
	session_leave(m);
	if (n < 0)
		call_fail(m, call, (int)n);
	else
		tell(m, call, at, tell_room, size ? (size_t)n : 0, n);
	object_done(&o);
}

void call_getxattr(struct mediator *m, struct call *call)
{
	tell_xattr(m, call, 0, false);
}

void call_lgetxattr(struct mediator *m, struct call *call)
{
	tell_xattr(m, call, AT_SYMLINK_NOFOLLOW, false);
}

void call_listxattr(struct mediator *m, struct call *call)
{
	tell_xattr(m, call, 0, true);
}

void call_llistxattr(struct mediator *m, struct call *call)
{
	tell_xattr(m, call, AT_SYMLINK_NOFOLLOW, true);
}

/* ---- what else takes a path ---- */

static void watch(struct mediator *m, struct call *call, const struct object *o, uint32_t mask)
{
	AUTO(fd_closep) int fd = -EBADF;
	char link[32];
	int r = call_fetch(call, arg_fd(call, 0), &fd);

	if (r == 0) {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", o->fd);
		session_enter(m);
		r = inotify_add_watch(fd, link, mask & ~(uint32_t)IN_DONT_FOLLOW);
		r = r < 0 ? -errno : r;
		session_leave(m);
	}
	call_answer(m, call, r);
}

void call_watch(struct mediator *m, struct call *call)
{
	uint32_t mask = (uint32_t)call->n.args[2];
	struct object o;

	if (tell_find(m, call, AT_FDCWD, 1, mask & IN_DONT_FOLLOW ? AT_SYMLINK_NOFOLLOW : 0, &o) <
	    0)
		return;
	if (mask & IN_ONLYDIR && !S_ISDIR(o.st.st_mode)) {
		call_fail(m, call, -ENOTDIR);
	} else if (S_ISDIR(o.st.st_mode) && hides_in(m->hides, o.path)) {
		event_start(m, call, EVENT_FILE_OPEN);
		event_file(m, "watch", o.path, o.n, &o.st);
		m->decision = (struct engine_decision){
			.action = RULE_BLOCK,
			.reason = "a watch on this folder would tell of names that the policy hides"
		};
		(void)mediator_stop(m, call, -EACCES);
	} else {
		watch(m, call, &o, mask);
	}
	object_done(&o);
}

void call_tell_newer(struct mediator *m, struct call *call)
{
	call_fail(m, call, call->sysc == SYSC_name_to_handle_at ? -EOPNOTSUPP : -ENOSYS);
}
