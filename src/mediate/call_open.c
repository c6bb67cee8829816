/*
 * open, openat, openat2, creat.
 *
 * What is there already is pinned O_PATH, decided, and then opened through /proc/self/fd, which names
 * the object and not a path. What is made is decided by its place, and made there with O_EXCL: should
 * somebody have been faster, it is what is there already.
 *
 * An O_PATH descriptor cannot be handed over, the kernel does not take one (seccomp_unotify(2), fget()). So
 * when it is decided the kernel may open it, by a path that could be another by then: with O_PATH in a
 * register it is nothing but a name again, and whatever is done with it is decided by what it names. Where
 * the flags lie in memory (openat2) a file or folder is opened for reading instead, which was decided too.
 */
#include "mediate/impl.h"

#include "base/own.h"
#include "sys/missing_syscall.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#define TRIES 8
#define TMPFILE (O_TMPFILE & ~O_DIRECTORY)

struct open_args {
	int dirfd;
	uint64_t flags, mode, resolve;
	char path[TRACEE_PATH_MAX];
};

static bool writes(const struct open_args *a)
{
	return (a->flags & O_ACCMODE) != O_RDONLY || a->flags & (O_CREAT | O_TRUNC | TMPFILE);
}

/* The caller's session and its terminal's device, from /proc/TID/stat. */
static int terminal_of(const struct call *call, int *ret_session, unsigned *ret_tty)
{
	AUTO(fd_closep) int stat = openat(call->who->proc, "stat", O_RDONLY | O_CLOEXEC);
	char text[512];
	ssize_t n = stat < 0 ? -1 : read(stat, text, sizeof(text) - 1);
	const char *after;
	int tty = 0;

	if (n <= 0)
		return -ENXIO;
	text[n] = '\0';
	after = strrchr(text, ')');
	/* state ppid pgrp session tty_nr */
	if (!after || sscanf(after + 1, " %*c %*d %*d %d %d", ret_session, &tty) != 2 || tty == 0)
		return -ENXIO;
	*ret_tty = (unsigned)tty;
	return 0;
}

/*
 * /dev/tty is whoever's opens it: for the caller that is the terminal of its session. Either the one that
 * we gave it, or one that was made inside, which has its number in the session's own /dev/pts.
 */
static int open_tty(struct mediator *m, struct call *call, uint64_t flags)
{
	int session = 0, leader = 0, r;
	char name[32];
	unsigned tty;

	r = terminal_of(call, &session, &tty);
	if (r < 0)
		return r;
	if (m->o.tty_master >= 0 && ioctl(m->o.tty_master, TIOCGSID, &leader) == 0 &&
	    leader == session) {
		(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", m->o.tty_slave);
		r = open(name, (int)(flags | O_NOCTTY));
		return r < 0 ? -errno : r;
	}
	if (major(tty) < 136 || major(tty) > 143)
		return -ENXIO;
	(void)snprintf(name, sizeof(name), "dev/pts/%u", minor(tty));
	return sys_openat2(m->view.root, name, flags | O_NOCTTY,
			   RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

/* The object, with the access that was asked for. */
static int open_object(struct mediator *m, struct call *call, const struct open_args *a,
		       const struct object *o)
{
	uint64_t keep = O_ACCMODE | O_APPEND | O_NONBLOCK | O_TRUNC | O_DIRECTORY | O_SYNC |
			O_DSYNC | O_DIRECT | O_NOATIME | O_ASYNC | TMPFILE;
	uint64_t flags = (a->flags & keep) | O_CLOEXEC | O_NOCTTY;
	mode_t mode = 0;

	if (S_ISCHR(o->st.st_mode) && o->st.st_rdev == makedev(5, 0))
		return open_tty(m, call, flags);
	if (a->flags & TMPFILE)
		mode = (mode_t)a->mode & ~who_umask(&m->who, call->who) & 07777;
	return object_reopen(o, (int)flags, mode);
}

static void give(struct mediator *m, struct call *call, const struct open_args *a, int fd)
{
	int r;

	if (fd < 0) {
		mediator_record(m, call, fd, false);
		call_fail(m, call, fd);
		return;
	}
	r = call_give(m, call, fd, a->flags & O_CLOEXEC ? O_CLOEXEC : 0);
	mediator_record(m, call, r, false);
}

static void event_open(struct mediator *m, struct call *call, const struct open_args *a,
		       const struct object *o)
{
	event_start(m, call, EVENT_FILE_OPEN);
	event_file(m, "open", o->path, o->n, &o->st);
	event_set_bool(&m->event, EVENT_F_FILE_ACTIVITY_WRITE, writes(a));
	event_set_bool(&m->event, EVENT_F_FILE_ACTIVITY_TRUNCATE, (a->flags & O_TRUNC) != 0);
}

/* Decided; see above. True: it is answered. */
static bool open_path_only(struct mediator *m, struct call *call, const struct open_args *a,
			   const struct object *o)
{
	if (!(a->flags & O_PATH))
		return false;
	if (call->sysc != SYSC_openat2) {
		mediator_record(m, call, 0, true);
		call_continue(m, call);
		return true;
	}
	if (!S_ISREG(o->st.st_mode) && !S_ISDIR(o->st.st_mode)) {
		mediator_record(m, call, -ENOSYS, false);
		call_fail(m, call, -ENOSYS);
		return true;
	}
	return false; /* open_object() leaves O_PATH out */
}

/* What is there, pinned. */
static void open_existing(struct mediator *m, struct call *call, const struct open_args *a,
			  const struct object *o)
{
	int fd;

	event_open(m, call, a, o);
	if (!call->decides) {
		call_continue(m, call); /* who is woken can begin while we write */
		mediator_observed(m, call);
		return;
	}
	if (mediator_decide(m, call) != PASS)
		return;
	if (!object_is_inside(o, call->who)) {
		give(m, call, a, -EACCES);
		return;
	}
	if (open_path_only(m, call, a, o))
		return;
	if (S_ISLNK(o->st.st_mode)) {
		give(m, call, a, -ELOOP);
		return;
	}
	if (S_ISFIFO(o->st.st_mode) && !(a->flags & O_NONBLOCK) &&
	    (a->flags & O_ACCMODE) != O_RDWR) {
		mediator_later(m, call, LATER_FIFO, o->fd, a->flags, NULL);
		return;
	}
	session_enter(m);
	fd = open_object(m, call, a, o);
	session_leave(m);
	give(m, call, a, fd);
	fd_close(fd);
}

static int look_up(struct mediator *m, struct call *call, const struct open_args *a,
		   struct object *o)
{
	unsigned flags = (a->flags & O_NOFOLLOW ? OBJECT_NOFOLLOW : 0) |
			 (a->flags & O_DIRECTORY ? OBJECT_DIRECTORY : 0);
	int r;

	session_enter(m);
	r = a->resolve ? object_open_resolve(&call->caller, a->dirfd, a->path, flags, a->resolve, o)
		       : object_open(&call->caller, a->dirfd, a->path, flags, o);
	session_leave(m);
	return r;
}

static void open_plain(struct mediator *m, struct call *call, const struct open_args *a)
{
	struct object o;
	int r = look_up(m, call, a, &o);

	if (r < 0) {
		call_cannot(m, call, r);
		return;
	}
	open_existing(m, call, a, &o);
	object_done(&o);
}

/* ---- what is made ---- */

/* 1: it was made or denied, the call is over; 0: it is there by now; negative: failed. */
static int create_new(struct mediator *m, struct call *call, const struct open_args *a,
		      const struct object_place *place)
{
	uint64_t flags = (a->flags & ~(uint64_t)(O_CLOEXEC | O_TRUNC)) | O_CREAT | O_EXCL |
			 O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
	AUTO(fd_closep) int fd = -EBADF;

	event_start(m, call, EVENT_FILE_CREATE);
	event_file(m, "create", place->path, place->n, NULL);
	event_set_str(&m->event, EVENT_F_FILE_ACTIVITY_KIND, STR("file"));
	event_set_bool(&m->event, EVENT_F_FILE_ACTIVITY_WRITE, true);
	event_set_bool(&m->event, EVENT_F_FILE_ACTIVITY_CREATE, true);
	event_set_int(&m->event, EVENT_F_FILE_ACTIVITY_MODE, (int64_t)(a->mode & 07777));
	if (mediator_leaves(m, call) || mediator_decide(m, call) != PASS)
		return 1;
	session_enter(m);
	fd = openat(place->parent, place->name, (int)flags,
		    (mode_t)a->mode & ~who_umask(&m->who, call->who) & 07777);
	session_leave(m);
	if (fd < 0 && errno == EEXIST && !(a->flags & O_EXCL))
		return 0;
	give(m, call, a, fd < 0 ? -errno : fd);
	return 1;
}

static int create_or_open(struct mediator *m, struct call *call, const struct open_args *a,
			  const struct object_place *place)
{
	struct object o;
	int r;

	session_enter(m);
	r = object_at(place, &o);
	session_leave(m);
	if (r == -ENOENT)
		return place->slash ? -EISDIR : create_new(m, call, a, place);
	if (r < 0)
		return r;
	if (a->flags & O_EXCL)
		r = -EEXIST;
	else if (S_ISLNK(o.st.st_mode))
		r = a->flags & O_NOFOLLOW ? -ELOOP : 0; /* made a moment ago: once more */
	else if (S_ISDIR(o.st.st_mode))
		r = -EISDIR;
	else
		r = 1;
	if (r == 1)
		open_existing(m, call, a, &o);
	object_done(&o);
	return r;
}

static void open_create(struct mediator *m, struct call *call, const struct open_args *a)
{
	int r = 0;

	for (int i = 0; r == 0 && i < TRIES; i++) {
		struct object_place place;

		session_enter(m);
		r = a->flags & (O_EXCL | O_NOFOLLOW)
			    ? object_place(&call->caller, a->dirfd, a->path, &place)
			    : object_create_place(&call->caller, a->dirfd, a->path, &place);
		session_leave(m);
		if (r == 0)
			r = create_or_open(m, call, a, &place);
		object_place_done(&place);
	}
	if (r <= 0)
		call_cannot(m, call, r == -EINVAL ? -EISDIR : r < 0 ? r : -EAGAIN);
}

/* A file without a name, in a folder. */
static void open_tmpfile(struct mediator *m, struct call *call, struct open_args *a)
{
	char path[PATH_MAX];
	struct object o;
	int fd, r;

	a->flags |= O_DIRECTORY;
	r = look_up(m, call, a, &o);
	if (r < 0) {
		call_cannot(m, call, r);
		return;
	}
	event_start(m, call, EVENT_FILE_CREATE);
	/* it is in the folder, by no name that a rule could mean */
	r = snprintf(path, sizeof(path), "%s/#unnamed", o.path);
	event_file(m, "create", path, r < (int)sizeof(path) ? (size_t)r : sizeof(path) - 1, NULL);
	event_set_bool(&m->event, EVENT_F_FILE_ACTIVITY_WRITE, true);
	event_set_bool(&m->event, EVENT_F_FILE_ACTIVITY_CREATE, true);
	if (!mediator_leaves(m, call) && mediator_decide(m, call) == PASS) {
		session_enter(m);
		fd = open_object(m, call, a, &o);
		session_leave(m);
		give(m, call, a, fd);
		fd_close(fd);
	}
	object_done(&o);
}

/* ---- the calls ---- */

static void open_call(struct mediator *m, struct call *call, struct open_args *a, unsigned path_arg)
{
	/* the flags of openat2 lie in memory: the kernel would read them again */
	call->decides =
		mediator_decides(m, EVENT_FILE_OPEN, writes(a) || call->sysc == SYSC_openat2);
	if (call_path(m, call, path_arg, a->path) < 0)
		return;
	/* as the kernel reads them: with O_PATH nothing else counts */
	if (a->flags & O_PATH)
		a->flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if ((a->flags & TMPFILE) && (a->flags & O_TMPFILE) == O_TMPFILE)
		open_tmpfile(m, call, a);
	else if (a->flags & O_CREAT)
		open_create(m, call, a);
	else
		open_plain(m, call, a);
}

void call_open(struct mediator *m, struct call *call)
{
	struct open_args a = { .dirfd = AT_FDCWD,
			       .flags = (uint32_t)call->n.args[1],
			       .mode = (uint32_t)call->n.args[2] };

	open_call(m, call, &a, 0);
}

void call_openat(struct mediator *m, struct call *call)
{
	struct open_args a = { .dirfd = arg_fd(call, 0),
			       .flags = (uint32_t)call->n.args[2],
			       .mode = (uint32_t)call->n.args[3] };

	open_call(m, call, &a, 1);
}

void call_creat(struct mediator *m, struct call *call)
{
	struct open_args a = { .dirfd = AT_FDCWD,
			       .flags = O_CREAT | O_WRONLY | O_TRUNC,
			       .mode = (uint32_t)call->n.args[1] };

	open_call(m, call, &a, 0);
}

/* struct open_how, which may grow: what we do not know must be zero. */
void call_openat2(struct mediator *m, struct call *call)
{
	struct open_args a = { .dirfd = arg_fd(call, 0) };
	uint64_t size = call->n.args[3];
	struct open_how how = { 0 };
	uint8_t more[256] = { 0 };
	int r = 0;

	if (size < sizeof(how))
		r = -EINVAL;
	else if (size > sizeof(how) + sizeof(more))
		r = -E2BIG;
	if (r == 0)
		r = tracee_read(call->n.tid, call->n.args[2], &how, sizeof(how));
	if (r == 0)
		r = tracee_read(call->n.tid, call->n.args[2] + sizeof(how), more,
				(size_t)size - sizeof(how));
	for (size_t i = 0; r == 0 && i < sizeof(more); i++)
		r = more[i] ? -E2BIG : 0;
	if (r < 0) {
		call_cannot(m, call, r);
		return;
	}
	a.flags = how.flags;
	a.mode = how.mode;
	a.resolve = how.resolve;
	open_call(m, call, &a, 1);
}
