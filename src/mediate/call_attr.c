/*
 * Calls that change what is there without opening it: its length, mode, owner, times, extended attributes.
 *
 * The object is pinned and decided; what is done is done to it, through /proc/self/fd, or by descriptor
 * where it is a symbolic link. By the session's own descriptor the object is looked up in the same way:
 * reading was decided when it was opened, and that is enough to change all of these but the length.
 *
 * What takes its arguments in a struct that may grow (setxattrat, file_setattr) is not there for a
 * session in which it would be decided: ENOSYS, and libraries use the older calls.
 */
#include "mediate/impl.h"

#include "base/own.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define XATTR_NAME_MAX_ 255
#define XATTR_SIZE_MAX_ 65536

/* One call is handled at a time. */
static char xattr_value[XATTR_SIZE_MAX_];

struct attr {
	struct object o;
	char link[32]; /* that names the object */
};

/* Pin what @arg, or with NO_PATH @dirfd alone, names. Negative: answered. */
#define NO_PATH UINT_MAX
static int attr_find(struct mediator *m, struct call *call, int dirfd, unsigned arg, int at_flags,
		     struct attr *ret)
{
	char path[TRACEE_PATH_MAX] = "";
	unsigned flags = (at_flags & AT_SYMLINK_NOFOLLOW ? OBJECT_NOFOLLOW : 0) |
			 (at_flags & AT_EMPTY_PATH ? OBJECT_EMPTY : 0);
	int r = 0;

	ret->o.fd = -EBADF;
	if (at_flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) {
		call_fail(m, call, -EINVAL);
		return -EINVAL;
	}
	if (arg != NO_PATH)
		r = call_path(m, call, arg, path);
	if (r < 0)
		return r;
	session_enter(m);
	r = object_open(&call->caller, dirfd, path, arg == NO_PATH ? OBJECT_EMPTY : flags, &ret->o);
	session_leave(m);
	if (r < 0)
		call_cannot(m, call, r);
	else
		(void)snprintf(ret->link, sizeof(ret->link), "/proc/self/fd/%d", ret->o.fd);
	return r;
}

/* Decide; true: do it. @mode: that it is to get. */
static bool attr_may(struct mediator *m, struct call *call, struct attr *a, const char *what,
		     enum event_type type, const mode_t *mode)
{
	event_start(m, call, type);
	event_file(m, what, a->o.path, a->o.n, &a->o.st);
	event_set_bool(&m->event, EVENT_F_FILE_ACTIVITY_WRITE, true);
	if (mode)
		event_set_int(&m->event, EVENT_F_FILE_ACTIVITY_MODE, *mode & 07777);
	if (type == EVENT_FILE_OPEN)
		event_set_bool(&m->event, EVENT_F_FILE_ACTIVITY_TRUNCATE, true);
	if (mediator_leaves(m, call) || mediator_decide(m, call) != PASS)
		return false;
	if (object_is_inside(&a->o, call->who))
		return true;
	mediator_record(m, call, -EACCES, false);
	call_fail(m, call, -EACCES);
	return false;
}

static void attr_done(struct mediator *m, struct call *call, int r)
{
	mediator_record(m, call, r, false);
	call_answer(m, call, r);
}

/* ---- length ---- */

void call_truncate(struct mediator *m, struct call *call)
{
	struct attr a;
	int r;

	if (attr_find(m, call, AT_FDCWD, 0, 0, &a) == 0 &&
	    attr_may(m, call, &a, "truncate", EVENT_FILE_OPEN, NULL)) {
		session_enter(m);
		r = truncate(a.link, (off_t)call->n.args[1]) < 0 ? -errno : 0;
		session_leave(m);
		attr_done(m, call, r);
	}
	object_done(&a.o);
}

/* ---- mode ---- */

static void change_mode(struct mediator *m, struct call *call, int dirfd, unsigned arg, int flags,
			mode_t mode)
{
	struct attr a;
	int r = -EOPNOTSUPP;

	if (attr_find(m, call, dirfd, arg, flags, &a) == 0 &&
	    attr_may(m, call, &a, "chmod", EVENT_FILE_CHMOD, &mode)) {
		session_enter(m);
		if (!S_ISLNK(a.o.st.st_mode))
			r = chmod(a.link, mode & 07777) < 0 ? -errno : 0;
		session_leave(m);
		attr_done(m, call, r);
	}
	object_done(&a.o);
}

void call_chmod(struct mediator *m, struct call *call)
{
	change_mode(m, call, AT_FDCWD, 0, 0, (mode_t)call->n.args[1]);
}

void call_fchmod(struct mediator *m, struct call *call)
{
	change_mode(m, call, arg_fd(call, 0), NO_PATH, 0, (mode_t)call->n.args[1]);
}

void call_fchmodat(struct mediator *m, struct call *call)
{
	change_mode(m, call, arg_fd(call, 0), 1, 0, (mode_t)call->n.args[2]);
}

void call_fchmodat2(struct mediator *m, struct call *call)
{
	change_mode(m, call, arg_fd(call, 0), 1, arg_fd(call, 3), (mode_t)call->n.args[2]);
}

/* ---- owner ---- */

/* A session has one user and one group, which outside may have other numbers; -1 leaves it. */
static bool outer_id(uint32_t inner, uint32_t of_session, uint32_t outside, uint32_t *ret)
{
	*ret = inner == of_session ? outside : inner;
	return inner == of_session || inner == UINT32_MAX;
}

static void change_owner(struct mediator *m, struct call *call, int dirfd, unsigned arg, int flags,
			 unsigned ids)
{
	struct attr a;
	uid_t uid;
	gid_t gid;
	int r = -EINVAL;

	if (attr_find(m, call, dirfd, arg, flags, &a) == 0 &&
	    attr_may(m, call, &a, "chown", EVENT_FILE_CHMOD, NULL)) {
		session_enter(m);
		if (outer_id((uint32_t)call->n.args[ids], m->o.uid, m->o.outer_uid, &uid) &&
		    outer_id((uint32_t)call->n.args[ids + 1], m->o.gid, m->o.outer_gid, &gid))
			r = fchownat(a.o.fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
		session_leave(m);
		attr_done(m, call, r);
	}
	object_done(&a.o);
}

void call_chown(struct mediator *m, struct call *call)
{
	change_owner(m, call, AT_FDCWD, 0, 0, 1);
}

void call_lchown(struct mediator *m, struct call *call)
{
	change_owner(m, call, AT_FDCWD, 0, AT_SYMLINK_NOFOLLOW, 1);
}

void call_fchown(struct mediator *m, struct call *call)
{
	change_owner(m, call, arg_fd(call, 0), NO_PATH, 0, 1);
}

void call_fchownat(struct mediator *m, struct call *call)
{
	change_owner(m, call, arg_fd(call, 0), 1, arg_fd(call, 4), 2);
}

/* ---- times ---- */

enum time_form { SECONDS, MICROSECONDS, NANOSECONDS };

/* Two times from @address; NULL: now. */
static int read_times(const struct call *call, uint64_t address, enum time_form form,
		      struct timespec ret[2])
{
	int64_t raw[4];
	int r;

	ret[0] = ret[1] = (struct timespec){ .tv_nsec = UTIME_NOW };
	if (!address)
		return 0;
	r = tracee_read(call->n.tid, address, raw, form == SECONDS ? 16 : 32);
	for (int i = 0; i < 2 && r == 0; i++) {
		int64_t part = form == SECONDS ? 0 : raw[2 * i + 1];

		if (form == MICROSECONDS && (part < 0 || part >= 1000000))
			return -EINVAL;
		ret[i].tv_sec = form == SECONDS ? raw[i] : raw[2 * i];
		ret[i].tv_nsec = form == MICROSECONDS ? part * 1000 : part;
	}
	return r;
}

static void change_times(struct mediator *m, struct call *call, int dirfd, unsigned arg, int flags,
			 unsigned times_arg, enum time_form form)
{
	struct timespec times[2];
	struct attr a;
	int r;

	if (attr_find(m, call, dirfd, arg, flags, &a) == 0 &&
	    attr_may(m, call, &a, "utimes", EVENT_FILE_CHMOD, NULL)) {
		r = read_times(call, call->n.args[times_arg], form, times);
		session_enter(m);
		if (r == 0)
			r = utimensat(AT_FDCWD, a.link, times, 0) < 0 ? -errno : 0;
		session_leave(m);
		attr_done(m, call, r);
	}
	object_done(&a.o);
}

void call_utime(struct mediator *m, struct call *call)
{
	change_times(m, call, AT_FDCWD, 0, 0, 1, SECONDS);
}

void call_utimes(struct mediator *m, struct call *call)
{
	change_times(m, call, AT_FDCWD, 0, 0, 1, MICROSECONDS);
}

void call_futimesat(struct mediator *m, struct call *call)
{
	change_times(m, call, arg_fd(call, 0), call->n.args[1] ? 1 : NO_PATH, 0, 2, MICROSECONDS);
}

void call_utimensat(struct mediator *m, struct call *call)
{
	change_times(m, call, arg_fd(call, 0), call->n.args[1] ? 1 : NO_PATH, arg_fd(call, 3), 2,
		     NANOSECONDS);
}

/* ---- extended attributes ---- */

static int read_name(const struct call *call, uint64_t address, char name[TRACEE_PATH_MAX])
{
	size_t n;
	int r = tracee_path(call->n.tid, address, name, &n);

	return r == 0 && (n == 0 || n > XATTR_NAME_MAX_) ? -ERANGE : r;
}

static void change_xattr(struct mediator *m, struct call *call, int dirfd, unsigned arg, int flags,
			 bool set)
{
	char name[TRACEE_PATH_MAX];
	struct attr a;
	size_t n = set ? (size_t)call->n.args[3] : 0;
	int r;

	if (attr_find(m, call, dirfd, arg, flags, &a) == 0 &&
	    attr_may(m, call, &a, set ? "setxattr" : "removexattr", EVENT_FILE_CHMOD, NULL)) {
		r = read_name(call, call->n.args[1], name);
		if (r == 0 && n > XATTR_SIZE_MAX_)
			r = -E2BIG;
		if (r == 0)
			r = tracee_read(call->n.tid, call->n.args[2], xattr_value, n);
		session_enter(m);
		if (r == 0)
			r = (set ? setxattr(a.link, name, xattr_value, n, arg_fd(call, 4))
				 : removexattr(a.link, name)) < 0
				    ? -errno
				    : 0;
		session_leave(m);
		attr_done(m, call, r);
	}
	object_done(&a.o);
}

void call_setxattr(struct mediator *m, struct call *call)
{
	change_xattr(m, call, AT_FDCWD, 0, 0, true);
}

void call_lsetxattr(struct mediator *m, struct call *call)
{
	change_xattr(m, call, AT_FDCWD, 0, AT_SYMLINK_NOFOLLOW, true);
}

void call_fsetxattr(struct mediator *m, struct call *call)
{
	change_xattr(m, call, arg_fd(call, 0), NO_PATH, 0, true);
}

void call_removexattr(struct mediator *m, struct call *call)
{
	change_xattr(m, call, AT_FDCWD, 0, 0, false);
}

void call_lremovexattr(struct mediator *m, struct call *call)
{
	change_xattr(m, call, AT_FDCWD, 0, AT_SYMLINK_NOFOLLOW, false);
}

void call_fremovexattr(struct mediator *m, struct call *call)
{
	change_xattr(m, call, arg_fd(call, 0), NO_PATH, 0, false);
}

/* setxattrat, removexattrat, file_setattr. */
void call_attr_newer(struct mediator *m, struct call *call)
{
	if (mediator_decides(m, EVENT_FILE_CHMOD, true))
		call_fail(m, call, -ENOSYS);
	else
		call_continue(m, call);
}
