/*
 * Calls that make, remove and move names. Folders are pinned, names are single components: between
 * decision and deed nothing is looked up that somebody could have exchanged.
 */
#include "mediate/impl.h"

#include "base/own.h"
#include "sys/missing_syscall.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#ifndef RENAME_EXCHANGE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif
#define RENAME_WHITEOUT_ 4

/* Read a path argument and find its place. Negative: the call has failed. */
static int place_of(struct mediator *m, struct call *call, int dirfd, unsigned arg,
		    struct object_place *ret)
{
	char path[TRACEE_PATH_MAX];
	int r;

	ret->parent = -EBADF;
	r = call_path(m, call, arg, path);
	if (r < 0)
		return r;
	session_enter(m);
	r = object_place(&call->caller, dirfd, path, ret);
	session_leave(m);
	if (r < 0)
		call_cannot(m, call, r);
	return r;
}

/* What the kernel would say of a mount point to those inside; recorded, and answered. */
static void busy(struct mediator *m, struct call *call)
{
	mediator_record(m, call, -EBUSY, false);
	call_fail(m, call, -EBUSY);
}

/* Do @deed as the session, record m->event and answer. */
#define DO(m, call, deed)                            \
	do {                                         \
		int r_;                              \
                                                     \
		session_enter(m);                    \
		r_ = (deed) < 0 ? -errno : 0;        \
		session_leave(m);                    \
		mediator_record(m, call, r_, false); \
		call_answer(m, call, r_);            \
	} while (0)

/* Decide m->event first; the kernel does what no rule can stop. */
#define PERFORM(m, call, deed)                                                     \
	do {                                                                       \
		if (!mediator_leaves(m, call) && mediator_decide(m, call) == PASS) \
			DO(m, call, deed);                                         \
	} while (0)

static void set_write(struct mediator *m)
{
	event_set_bool(&m->event, EVENT_F_FILE_ACTIVITY_WRITE, true);
}

/* ---- remove ---- */

static void remove_name(struct mediator *m, struct call *call, int dirfd, unsigned arg, int flags)
{
	struct object_place place;
	struct object o;
	bool there;

	if (flags & ~AT_REMOVEDIR) {
		call_fail(m, call, -EINVAL);
		return;
	}
	if (place_of(m, call, dirfd, arg, &place) < 0)
		return;
	there = object_at(&place, &o) == 0;
	event_start(m, call, EVENT_FILE_DELETE);
	event_file(m, "delete", place.path, place.n, there ? &o.st : NULL);
	set_write(m);
	if (place.slash && !(flags & AT_REMOVEDIR))
		call_fail(m, call, there && S_ISDIR(o.st.st_mode) ? -EISDIR : -ENOTDIR);
	else if (!mediator_leaves(m, call) && mediator_decide(m, call) == PASS) {
		if (there && object_is_mount(&o))
			busy(m, call);
		else
			DO(m, call, unlinkat(place.parent, place.name, flags));
	}
	object_done(&o);
	object_place_done(&place);
}

void call_unlink(struct mediator *m, struct call *call)
{
	remove_name(m, call, AT_FDCWD, 0, 0);
}

void call_rmdir(struct mediator *m, struct call *call)
{
	remove_name(m, call, AT_FDCWD, 0, AT_REMOVEDIR);
}

void call_unlinkat(struct mediator *m, struct call *call)
{
	remove_name(m, call, arg_fd(call, 0), 1, arg_fd(call, 2));
}

/* ---- make ---- */

static const char *node_kind(mode_t mode)
{
	if (S_ISDIR(mode))
		return "folder";
	if (S_ISFIFO(mode))
		return "fifo";
	if (S_ISSOCK(mode))
		return "socket";
	return S_ISCHR(mode) || S_ISBLK(mode) ? "device" : "file";
}

static void make_node(struct mediator *m, struct call *call, int dirfd, unsigned arg, mode_t mode,
		      dev_t device)
{
	struct object_place place;

	if (place_of(m, call, dirfd, arg, &place) < 0)
		return;
	event_start(m, call, EVENT_FILE_CREATE);
	event_file(m, "create", place.path, place.n, NULL);
	event_set_str(&m->event, EVENT_F_FILE_ACTIVITY_KIND, str_of(node_kind(mode)));
	event_set_int(&m->event, EVENT_F_FILE_ACTIVITY_MODE, mode & 07777);
	event_set_bool(&m->event, EVENT_F_FILE_ACTIVITY_CREATE, true);
	set_write(m);
	mode = (mode & ~(mode_t)0777) | (mode & 0777 & ~who_umask(&m->who, call->who));
	if (place.slash && !S_ISDIR(mode))
		call_fail(m, call, -ENOENT);
	else if (S_ISDIR(mode))
		PERFORM(m, call, mkdirat(place.parent, place.name, mode & 07777));
	else
		PERFORM(m, call, mknodat(place.parent, place.name, mode, device));
	object_place_done(&place);
}

void call_mkdir(struct mediator *m, struct call *call)
{
	make_node(m, call, AT_FDCWD, 0, S_IFDIR | ((mode_t)call->n.args[1] & 07777), 0);
}

void call_mkdirat(struct mediator *m, struct call *call)
{
	make_node(m, call, arg_fd(call, 0), 1, S_IFDIR | ((mode_t)call->n.args[2] & 07777), 0);
}

/* No type means a regular file; a folder cannot be made that way. */
static void make_mknod(struct mediator *m, struct call *call, int dirfd, unsigned arg, mode_t mode,
		       dev_t device)
{
	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	if (S_ISDIR(mode))
		call_fail(m, call, -EPERM);
	else
		make_node(m, call, dirfd, arg, mode, device);
}

void call_mknod(struct mediator *m, struct call *call)
{
	make_mknod(m, call, AT_FDCWD, 0, (mode_t)call->n.args[1], (dev_t)call->n.args[2]);
}

void call_mknodat(struct mediator *m, struct call *call)
{
	make_mknod(m, call, arg_fd(call, 0), 1, (mode_t)call->n.args[2], (dev_t)call->n.args[3]);
}

/* ---- move ---- */

static void event_rename(struct mediator *m, struct call *call, const struct object_place *from,
			 const struct object_place *to, const struct stat *st)
{
	event_start(m, call, EVENT_FILE_RENAME);
	event_file(m, "rename", from->path, from->n, st);
	event_path(m, EVENT_F_FILE_ACTIVITY_NEW_PATH, to->path, to->n);
	set_write(m);
}

/* A name comes into being: whoever guards it has said so of making it. */
static enum verdict decide_made(struct mediator *m, struct call *call,
				const struct object_place *to, const struct stat *st)
{
	event_start(m, call, EVENT_FILE_CREATE);
	event_file(m, "create", to->path, to->n, st);
	event_set_bool(&m->event, EVENT_F_FILE_ACTIVITY_CREATE, true);
	set_write(m);
	return mediator_decide(m, call);
}

/* One name moves: it is gone there, and made here. m->event is the rename afterwards. */
static enum verdict decide_move(struct mediator *m, struct call *call,
				const struct object_place *from, const struct object_place *to,
				const struct stat *st)
{
	enum verdict v = decide_made(m, call, to, st);

	if (v != PASS)
		return v;
	event_start(m, call, EVENT_FILE_DELETE);
	event_file(m, "delete", from->path, from->n, st);
	set_write(m);
	v = mediator_decide(m, call);
	if (v != PASS)
		return v;
	event_rename(m, call, from, to, st);
	return mediator_decide(m, call);
}

/* Of the session's own repository: not the file itself, but what it holds. */
static void move_git_config(struct mediator *m, struct call *call, const struct object_place *from,
			    const struct object *o, const struct object_place *to, unsigned flags)
{
	int r = -EPERM;

	if (flags == 0 && strcmp(to->name, "config") == 0) {
		session_enter(m);
		r = git_config_install(m, from, o, to);
		session_leave(m);
	}
	if (r == -EPERM)
		m->decision.action = RULE_BLOCK;
	m->counts.denied += r == -EPERM;
	mediator_record(m, call, r, false);
	call_answer(m, call, r);
}

static void move_places(struct mediator *m, struct call *call, const struct object_place *from,
			const struct object_place *to, unsigned flags)
{
	char left[NAME_MAX + 2], right[NAME_MAX + 2];
	struct object o, other = { .fd = -EBADF };
	int r = object_at(from, &o);

	/* a slash behind a name is the kernel's to judge */
	(void)snprintf(left, sizeof(left), "%s%s", from->name, from->slash ? "/" : "");
	(void)snprintf(right, sizeof(right), "%s%s", to->name, to->slash ? "/" : "");
	if (r == 0 && object_at(to, &other) < 0 && flags & RENAME_EXCHANGE)
		r = -ENOENT;
	if (r < 0) {
		object_done(&o);
		object_done(&other);
		call_cannot(m, call, r);
		return;
	}
	event_rename(m, call, from, to, &o.st);
	m->moving = true;
	m->git_config = false;
	/* an exchange moves both: the other way must be allowed as well */
	if (!mediator_leaves(m, call) &&
	    (!(flags & RENAME_EXCHANGE) || decide_move(m, call, to, from, &other.st) == PASS) &&
	    decide_move(m, call, from, to, &o.st) == PASS) {
		if (object_is_mount(&o) || object_is_mount(&other))
			busy(m, call);
		else if (m->git_config)
			move_git_config(m, call, from, &o, to, flags);
		else
			DO(m, call, renameat2(from->parent, left, to->parent, right, flags));
	}
	m->moving = false;
	object_done(&o);
	object_done(&other);
}

static void move_name(struct mediator *m, struct call *call, int from_fd, unsigned from_arg,
		      int to_fd, unsigned to_arg, unsigned flags)
{
	struct object_place from, to = { .parent = -EBADF };

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE)) {
		call_fail(m, call, flags & RENAME_WHITEOUT_ ? -EPERM : -EINVAL);
		return;
	}
	if (place_of(m, call, from_fd, from_arg, &from) < 0)
		return;
	if (place_of(m, call, to_fd, to_arg, &to) == 0)
		move_places(m, call, &from, &to, flags);
	object_place_done(&from);
	object_place_done(&to);
}

void call_rename(struct mediator *m, struct call *call)
{
	move_name(m, call, AT_FDCWD, 0, AT_FDCWD, 1, 0);
}

void call_renameat(struct mediator *m, struct call *call)
{
	move_name(m, call, arg_fd(call, 0), 1, arg_fd(call, 2), 3, 0);
}

void call_renameat2(struct mediator *m, struct call *call)
{
	move_name(m, call, arg_fd(call, 0), 1, arg_fd(call, 2), 3, (unsigned)call->n.args[4]);
}

/* ---- link ---- */

static void event_link(struct mediator *m, struct call *call, const char *path, size_t n,
		       const struct object_place *to, const struct stat *st)
{
	event_start(m, call, EVENT_FILE_LINK);
	event_file(m, "link", path, n, st);
	event_path(m, EVENT_F_FILE_ACTIVITY_NEW_PATH, to->path, to->n);
	set_write(m);
}

/*
 * Under filesystem.overlay an ordinary user's second name of a file that the host has comes out with a
 * number of its own, and who compares them (git) takes it for an attack. Across file systems there are no
 * hard links, and everybody knows what to do then.
 */
static int link_aside(const char *link, const struct object_place *to)
{
	struct stat from_st, to_st;

	if (linkat(AT_FDCWD, link, to->parent, to->name, AT_SYMLINK_FOLLOW) < 0)
		return -1;
	if (stat(link, &from_st) == 0 &&
	    fstatat(to->parent, to->name, &to_st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    from_st.st_ino == to_st.st_ino)
		return 0;
	(void)unlinkat(to->parent, to->name, 0);
	errno = EXDEV;
	return -1;
}

static void link_name(struct mediator *m, struct call *call, int from_fd, unsigned from_arg,
		      int to_fd, unsigned to_arg, int flags)
{
	char path[TRACEE_PATH_MAX], link[32];
	struct object_place to;
	struct object o;
	int r;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) {
		call_fail(m, call, -EINVAL);
		return;
	}
	if (call_path(m, call, from_arg, path) < 0)
		return;
	session_enter(m);
	r = object_open(&call->caller, from_fd, path,
			(flags & AT_SYMLINK_FOLLOW ? 0 : OBJECT_NOFOLLOW) |
				(flags & AT_EMPTY_PATH ? OBJECT_EMPTY : 0),
			&o);
	session_leave(m);
	if (r < 0) {
		call_cannot(m, call, r);
		return;
	}
	if (place_of(m, call, to_fd, to_arg, &to) == 0) {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", o.fd);
		event_link(m, call, o.path, o.n, &to, &o.st);
		if (m->o.policy->overlay && !S_ISLNK(o.st.st_mode)) {
			if (decide_made(m, call, &to, &o.st) == PASS) {
				event_link(m, call, o.path, o.n, &to, &o.st);
				if (mediator_decide(m, call) == PASS)
					DO(m, call, link_aside(link, &to));
			}
		} else if (!mediator_leaves(m, call) && decide_made(m, call, &to, &o.st) == PASS) {
			event_link(m, call, o.path, o.n, &to, &o.st);
			PERFORM(m, call,
				linkat(AT_FDCWD, link, to.parent, to.name, AT_SYMLINK_FOLLOW));
		}
	}
	object_done(&o);
	object_place_done(&to);
}

void call_link(struct mediator *m, struct call *call)
{
	link_name(m, call, AT_FDCWD, 0, AT_FDCWD, 1, 0);
}

void call_linkat(struct mediator *m, struct call *call)
{
	link_name(m, call, arg_fd(call, 0), 1, arg_fd(call, 2), 3, arg_fd(call, 4));
}

/* What a symbolic link says is decided where it is followed: here it is a name that is made. */
static void link_symbolic(struct mediator *m, struct call *call, unsigned target_arg, int dirfd,
			  unsigned arg)
{
	char target[TRACEE_PATH_MAX];
	struct object_place place;

	if (call_path(m, call, target_arg, target) < 0 || place_of(m, call, dirfd, arg, &place) < 0)
		return;
	event_link(m, call, place.path, place.n, &place, NULL);
	event_set_str(&m->event, EVENT_F_FILE_ACTIVITY_KIND, STR("symlink"));
	if (!mediator_leaves(m, call) && decide_made(m, call, &place, NULL) == PASS) {
		event_link(m, call, place.path, place.n, &place, NULL);
		event_set_str(&m->event, EVENT_F_FILE_ACTIVITY_KIND, STR("symlink"));
		PERFORM(m, call, symlinkat(target, place.parent, place.name));
	}
	object_place_done(&place);
}

void call_symlink(struct mediator *m, struct call *call)
{
	link_symbolic(m, call, 0, AT_FDCWD, 1);
}

void call_symlinkat(struct mediator *m, struct call *call)
{
	link_symbolic(m, call, 0, arg_fd(call, 1), 2);
}

/* What it becomes is asked for when something is made: who_umask(). */
void call_umask(struct mediator *m, struct call *call)
{
	who_masks(&m->who);
	call_continue(m, call);
}
