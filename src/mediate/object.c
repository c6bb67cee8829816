/*
 * Theory of operation
 *
 * The fast way: one openat2(2). Absolute paths with RESOLVE_IN_ROOT below the session's root, relative
 * ones below the caller's folder without any symbolic link (".." ends at the session's root by itself: it
 * is the root of its mount namespace). Both without magic links.
 *
 * The slow way: a walk of our own, a component at a time, each opened O_PATH without following, links
 * read and put in front of what is left. It is taken where the fast one cannot know better: a relative
 * path with a symbolic link in it, and everything that leads into /proc, where "self" is whoever asks
 * (the kernel would take us for that) and the links in fd, cwd, exe and root do not say where they
 * lead. Those are followed by the kernel, but one at a time and only in the session's own /proc.
 *
 * In the second back end /proc is the host's, and we could open what its owner alone may: there
 * only the caller's own folder in it can be looked up on its behalf.
 */
#include "mediate/object.h"

#include "base/own.h"
#include "base/str.h"
#include "sys/missing_syscall.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#define LINKS_MAX 40 /* as the kernel's */
#define PROC_ROOT_INO 1

/* ---- views ---- */

int object_view_open(int root, struct object_view *ret)
{
	struct stat ours, theirs, proc;
	struct statfs fs;

	if (fstat(root, &theirs) < 0 || stat("/", &ours) < 0)
		return -errno;
	*ret = (struct object_view){ .root = root };
	if (fstatat(root, "proc", &proc, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(proc.st_mode) &&
	    proc.st_ino == PROC_ROOT_INO) {
		AUTO(fd_closep) int fd = openat(root, "proc", O_PATH | O_CLOEXEC | O_NOFOLLOW);

		if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
			ret->proc_dev = proc.st_dev;
	}
	ret->host_root = ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
	return 0;
}

/* Our own /proc/self/fd: from there a descriptor is one step away. Once opened it stays. */
static int own_fds(void)
{
	static int fds = -EBADF;

	if (fds < 0)
		fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fds;
}

int object_reopen(const struct object *o, int flags, mode_t mode)
{
	char number[16];
	int fd;

	(void)snprintf(number, sizeof(number), "%d", o->fd);
	fd = openat(own_fds(), number, flags | O_CLOEXEC, mode);
	return fd < 0 ? -errno : fd;
}

int object_name(int fd, char path[PATH_MAX], size_t *ret_n)
{
	char number[16];
	ssize_t n;

	(void)snprintf(number, sizeof(number), "%d", fd);
	n = readlinkat(own_fds(), number, path, PATH_MAX - 1);
	if (n < 0)
		return -errno;
	if (n == PATH_MAX - 1)
		return -ENAMETOOLONG;
	path[n] = '\0';
	*ret_n = (size_t)n;
	return 0;
}

/* ---- where a path starts ---- */

/* O_PATH of the caller's working folder or descriptor. */
static int base_open(struct object_caller *c, int dirfd, int *ret_fd)
{
	char name[24] = "cwd";
	int fd;

	if (dirfd != AT_FDCWD) {
		if (dirfd < 0)
			return -EBADF;
		(void)snprintf(name, sizeof(name), "fd/%d", dirfd);
	}
	fd = openat(c->who->proc, name, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? (dirfd == AT_FDCWD ? -ESRCH : -EBADF) : -errno;
	*ret_fd = fd;
	return 0;
}

/* ---- the slow way ---- */

struct walk {
	struct object_caller *c;
	int at; /* O_PATH, owned */
	unsigned links;
	unsigned flags;
	bool magic; /* the kernel followed a link that says nothing of where it leads */
	char left[2 * PATH_MAX];
	size_t n_left;
};

static int walk_move(struct walk *w, int fd)
{
	w->at = fd_close(w->at);
	w->at = fd;
	return 0;
}

static int walk_to_root(struct walk *w)
{
	int fd = fcntl(w->c->view->root, F_DUPFD_CLOEXEC, 3);

	return fd < 0 ? -errno : walk_move(w, fd);
}

/* @target takes the place of the component that was just taken off. */
static int walk_link(struct walk *w, const char *target, size_t n)
{
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (n == 0)
		return -ENOENT;
	if (n + 1 + w->n_left >= sizeof(w->left))
		return -ENAMETOOLONG;
	memmove(w->left + n + 1, w->left, w->n_left + 1);
	memcpy(w->left, target, n);
	w->left[n] = '/';
	w->n_left += n + 1;
	if (w->left[n + 1] == '\0') { /* nothing stood behind it: no slash either */
		w->left[n] = '\0';
		w->n_left = n;
	}
	return w->left[0] == '/' ? walk_to_root(w) : 0;
}

static bool in_proc(const struct walk *w, struct stat *ret_at)
{
	return w->c->view->proc_dev && fstat(w->at, ret_at) == 0 &&
	       ret_at->st_dev == w->c->view->proc_dev;
}

/* A link in /proc: "self" is the caller; in a process's folder the kernel knows where it leads. */
static int walk_proc_link(struct walk *w, const char *name, const struct stat *at)
{
	char target[64];
	const struct who *who = w->c->who;
	bool top = at->st_ino == PROC_ROOT_INO;
	int fd, n = 0;

	if (top && strcmp(name, "self") == 0)
		n = snprintf(target, sizeof(target), "%d", who->inner_tgid);
	else if (top && strcmp(name, "thread-self") == 0)
		n = snprintf(target, sizeof(target), "%d/task/%d", who->inner_tgid, who->inner_tid);
	else if (top) /* "mounts", "net": plain ones */
		n = (int)readlinkat(w->at, name, target, sizeof(target));
	if (n == sizeof(target))
		return -ENAMETOOLONG;
	if (n > 0)
		return walk_link(w, target, (size_t)n);
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	w->magic = true;
	fd = openat(w->at, name, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : walk_move(w, fd);
}

/* In the host's /proc only the caller's own folder: the numbers of others are none of its business. */
static int walk_proc_check(struct walk *w, const char *name, const struct stat *at)
{
	const struct who *who = w->c->who;
	char *end;
	long pid = strtol(name, &end, 10);

	if (!w->c->view->host_root || at->st_ino != PROC_ROOT_INO || end == name || *end)
		return 0;
	return pid == who->tgid || pid == who->tid ? 0 : -EACCES;
}

static int walk_step(struct walk *w, const char *name, bool last)
{
	AUTO(fd_closep) int fd = -EBADF;
	char target[PATH_MAX];
	struct stat at, st;
	bool proc = in_proc(w, &at);
	ssize_t n;
	int r;

	if (strcmp(name, ".") == 0 || name[0] == '\0')
		return 0;
	r = proc ? walk_proc_check(w, name, &at) : 0;
	if (r < 0)
		return r;
	fd = sys_openat2(w->at, name, O_PATH | O_NOFOLLOW, RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode) || (last && w->flags & OBJECT_NOFOLLOW))
		return walk_move(w, take_fd(&fd));
	if (proc)
		return walk_proc_link(w, name, &at);
	n = readlinkat(fd, "", target, sizeof(target));
	if (n < 0)
		return -errno;
	return (size_t)n == sizeof(target) ? -ENAMETOOLONG : walk_link(w, target, (size_t)n);
}

/* Take the next component off what is left. */
static int walk_next(struct walk *w, char name[NAME_MAX + 1], bool *ret_last)
{
	size_t skip = strspn(w->left, "/"), n = strcspn(w->left + skip, "/"), rest;

	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, w->left + skip, n);
	name[n] = '\0';
	rest = skip + n;
	rest += strspn(w->left + rest, "/");
	*ret_last = w->left[rest] == '\0';
	/* "a/" means what a leads to */
	if (*ret_last && rest > skip + n)
		w->flags = (w->flags & ~(unsigned)OBJECT_NOFOLLOW) | OBJECT_DIRECTORY;
	memmove(w->left, w->left + rest, w->n_left - rest + 1);
	w->n_left -= rest;
	return 0;
}

static int walk_run(struct walk *w)
{
	char name[NAME_MAX + 1];
	bool last;
	int r = 0;

	while (r == 0 && w->n_left) {
		r = walk_next(w, name, &last);
		if (r == 0)
			r = walk_step(w, name, last);
	}
	return r;
}

static int walk(struct object_caller *c, int dirfd, const char *path, unsigned flags, int *ret_fd,
		bool *ret_magic)
{
	struct walk w = { .c = c, .at = -EBADF, .flags = flags, .n_left = strlen(path) };
	int r;

	if (w.n_left >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(w.left, path, w.n_left + 1);
	r = path[0] == '/' ? walk_to_root(&w) : base_open(c, dirfd, &w.at);
	if (r == 0)
		r = walk_run(&w);
	if (r < 0) {
		w.at = fd_close(w.at);
		return r;
	}
	*ret_fd = w.at;
	*ret_magic = w.magic;
	return w.flags & OBJECT_DIRECTORY ? 1 : 0;
}

/* ---- both ways ---- */

static uint64_t path_flags(unsigned flags)
{
	return O_PATH | (flags & OBJECT_NOFOLLOW ? O_NOFOLLOW : 0) |
	       (flags & OBJECT_DIRECTORY ? O_DIRECTORY : 0);
}

/* An absolute path that could be an object's own name: nothing in it but names. */
static bool is_name(const char *path)
{
	size_t n;

	for (; *path == '/'; path += n + 1) {
		n = strcspn(path + 1, "/");
		if (n == 0 || strncmp(path + 1, ".", n) == 0 || strncmp(path + 1, "..", n) == 0)
			return false;
	}
	return *path == '\0';
}

static int fast(struct object_caller *c, int dirfd, const char *path, unsigned flags)
{
	uint64_t open_flags = path_flags(flags);
	AUTO(fd_closep) int base = -EBADF;
	int r;

	if (path[0] == '/')
		return sys_openat2(c->view->root, path, open_flags,
				   RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	r = base_open(c, dirfd, &base);
	if (r < 0)
		return r;
	if (strcmp(path, ".") == 0) /* of every name in the working folder: it is pinned already */
		return take_fd(&base);
	return sys_openat2(base, path, open_flags, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

/* Is there a symbolic link on the way to where @path ends or fails? */
static bool has_links(const struct object_caller *c, const char *path)
{
	AUTO(fd_closep)
	int fd = sys_openat2(c->view->root, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);

	return fd == -ELOOP;
}

/* Did the kernel's way end (at what @st says), or fail, where only the walk knows? */
static bool needs_walk(const struct object_caller *c, int fd, const char *path,
		       const struct stat *st)
{
	if (fd == -ELOOP)
		return true;
	if (!c->view->proc_dev)
		return false;
	if (fd < 0) /* "self" is not there for us, who are nobody in the session's /proc */
		return fd == -ENOENT && path[0] == '/' && has_links(c, path);
	return st->st_dev == c->view->proc_dev;
}

/* Check and name @fd, of which @ret->st is known, and make it @ret's. @path: its name, if that is known. */
static int object_take(int *fd, const char *path, unsigned flags, struct object *ret)
{
	int r = 0;

	if (flags & OBJECT_DIRECTORY && !S_ISDIR(ret->st.st_mode))
		return -ENOTDIR;
	if (path) {
		ret->n = strlen(path);
		memcpy(ret->path, path, ret->n + 1);
	} else {
		r = object_name(*fd, ret->path, &ret->n);
	}
	if (r < 0)
		return r;
	ret->fd = take_fd(fd);
	return 0;
}

int object_open_resolve(struct object_caller *c, int dirfd, const char *path, unsigned flags,
			uint64_t resolve, struct object *ret)
{
	uint64_t own = RESOLVE_BENEATH | RESOLVE_IN_ROOT,
		 known = own | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS |
			 0x20 /* CACHED */;
	bool from_root = path[0] == '/' && !(resolve & own);
	AUTO(fd_closep) int base = -EBADF, fd = -EBADF;
	int r;

	ret->fd = -EBADF;
	ret->magic = false;
	if (resolve & ~known || (resolve & own) == own)
		return -EINVAL;
	if (!*path)
		return -ENOENT;
	if (!from_root) {
		r = base_open(c, dirfd, &base);
		if (r < 0)
			return r;
		/* else the links would be followed from our root */
		resolve |= resolve & own ? 0 : RESOLVE_NO_SYMLINKS;
	}
	fd = sys_openat2(from_root ? c->view->root : base, path,
			 O_PATH | (flags & OBJECT_NOFOLLOW ? O_NOFOLLOW : 0),
			 resolve | RESOLVE_NO_MAGICLINKS | (from_root ? RESOLVE_IN_ROOT : 0));
	if (fd < 0)
		return fd;
	r = fstat(fd, &ret->st) < 0 ? -errno : object_take(&fd, NULL, flags, ret);
	/* "self" is not us: such a path has to be asked for without flags */
	if (r == 0 && c->view->proc_dev && ret->st.st_dev == c->view->proc_dev) {
		object_done(ret);
		return -EXDEV;
	}
	return r;
}

/*
 * Most absolute paths are the name of what they lead to. 1: this is one, and @ret is done; 0: another way;
 * or it fails as the call itself would.
 */
static int open_by_name(struct object_caller *c, const char *path, unsigned flags,
			struct object *ret)
{
	AUTO(fd_closep) int fd = -EBADF;
	int r;

	if (!is_name(path) || strlen(path) >= PATH_MAX)
		return 0;
	fd = sys_openat2(c->view->root, path, path_flags(flags),
			 RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return fd == -ELOOP ? 0 : fd;
	if (fstat(fd, &ret->st) < 0)
		return -errno;
	if (c->view->proc_dev && ret->st.st_dev == c->view->proc_dev)
		return 0; /* "self" is not us */
	r = object_take(&fd, path, flags, ret);
	return r < 0 ? r : 1;
}

int object_open(struct object_caller *c, int dirfd, const char *path, unsigned flags,
		struct object *ret)
{
	AUTO(fd_closep) int fd = -EBADF;
	int r;

	ret->fd = -EBADF;
	ret->magic = false;
	r = open_by_name(c, path, flags, ret);
	if (r)
		return r < 0 ? r : 0;
	if (!*path) {
		if (!(flags & OBJECT_EMPTY))
			return -ENOENT;
		r = base_open(c, dirfd, &fd);
		if (r < 0)
			return r;
	} else {
		fd = fast(c, dirfd, path, flags);
		flags |= strcmp(path, ".") == 0 ? OBJECT_DIRECTORY : 0;
	}
	if (fd >= 0 && fstat(fd, &ret->st) < 0)
		return -errno;
	if (*path && needs_walk(c, fd, path, &ret->st)) {
		int found = -EBADF;

		r = walk(c, dirfd, path, flags, &found, &ret->magic);
		fd = fd_close(fd);
		if (r < 0)
			return r;
		fd = found;
		flags |= r == 1 ? OBJECT_DIRECTORY : 0;
		if (fstat(fd, &ret->st) < 0)
			return -errno;
	}
	return fd < 0 ? fd : object_take(&fd, NULL, flags, ret);
}

void object_done(struct object *object)
{
	object->fd = fd_close(object->fd);
}

/* ---- places ---- */

/* Split off the last component; -EINVAL for "/", "." and ".." as last ones. */
static int split(const char *path, char folder[PATH_MAX], char name[NAME_MAX + 1], bool *ret_slash)
{
	size_t end = strlen(path), start;

	*ret_slash = end && path[end - 1] == '/';
	while (end && path[end - 1] == '/')
		end--;
	for (start = end; start && path[start - 1] != '/';)
		start--;
	if (end == start)
		return -EINVAL;
	if (end - start > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, path + start, end - start);
	name[end - start] = '\0';
	if (start == 0) {
		memcpy(folder, ".", 2);
	} else {
		memcpy(folder, path, start);
		folder[start] = '\0';
	}
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? -EINVAL : 0;
}

int object_place(struct object_caller *c, int dirfd, const char *path, struct object_place *ret)
{
	char folder[PATH_MAX], name[NAME_MAX + 1];
	struct object parent;
	size_t n;
	int r;

	ret->parent = -EBADF;
	if (!*path)
		return -ENOENT;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = split(path, folder, name, &ret->slash);
	if (r < 0)
		return r;
	r = object_open(c, dirfd, folder, OBJECT_DIRECTORY, &parent);
	if (r < 0)
		return r;
	n = parent.n == 1 ? 0 : parent.n; /* "/" */
	if (n + 1 + strlen(name) >= PATH_MAX) {
		object_done(&parent);
		return -ENAMETOOLONG;
	}
	memcpy(ret->path, parent.path, n);
	ret->path[n] = '/';
	memcpy(ret->path + n + 1, name, strlen(name) + 1);
	ret->name = ret->path + n + 1;
	ret->n = n + 1 + strlen(name);
	ret->parent = parent.fd;
	return 0;
}

int object_create_place(struct object_caller *c, int dirfd, const char *path,
			struct object_place *ret)
{
	char next[PATH_MAX];
	int r = object_place(c, dirfd, path, ret);

	for (unsigned links = 0; r == 0; links++) {
		char target[PATH_MAX];
		ssize_t n = readlinkat(ret->parent, ret->name, target, sizeof(target) - 1);

		if (n < 0) /* EINVAL: no link; ENOENT: nothing there */
			return 0;
		if (links == LINKS_MAX || n == (ssize_t)sizeof(target) - 1) {
			object_place_done(ret);
			return links == LINKS_MAX ? -ELOOP : -ENAMETOOLONG;
		}
		target[n] = '\0';
		if (target[0] == '/') {
			memcpy(next, target, (size_t)n + 1);
		} else {
			size_t folder = (size_t)(ret->name - ret->path);

			if (folder + (size_t)n >= sizeof(next)) {
				object_place_done(ret);
				return -ENAMETOOLONG;
			}
			memcpy(next, ret->path, folder);
			memcpy(next + folder, target, (size_t)n + 1);
		}
		object_place_done(ret);
		r = object_place(c, AT_FDCWD, next, ret);
	}
	return r;
}

/*
 * A descriptor may be open on a file of the host's, given to the command as its input: on a mount that none
 * of the session's flags reach. What has no name at all (memfd) is the session's own.
 */
bool object_is_inside(const struct object *o, const struct who *who)
{
	AUTO(file_closep) FILE *f = NULL;
	AUTO(fd_closep) int fd = -EBADF;
	struct statfs fs;
	struct statx st;
	char line[8192];
	unsigned long id;

	if (!o->magic || !(S_ISREG(o->st.st_mode) || S_ISDIR(o->st.st_mode)) ||
	    strncmp(o->path, "/memfd:", 7) == 0)
		return true;
	if (fstatfs(o->fd, &fs) == 0 && fs.f_type == NSFS_MAGIC)
		return true; /* a namespace of a process in the session's own /proc */
	if (statx(o->fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID))
		return false;
	fd = openat(who->proc, "mountinfo", O_RDONLY | O_CLOEXEC);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f)
		return false;
	(void)take_fd(&fd);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lu ", &id) == 1 && id == st.stx_mnt_id)
			return true;
	}
	return false;
}

int object_at(const struct object_place *place, struct object *ret)
{
	AUTO(fd_closep)
	int fd = sys_openat2(place->parent, place->name, O_PATH | O_NOFOLLOW,
			     RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);

	ret->fd = -EBADF;
	ret->magic = false;
	if (fd < 0)
		return fd;
	if (fstat(fd, &ret->st) < 0)
		return -errno;
	if (place->slash && !S_ISDIR(ret->st.st_mode))
		return -ENOTDIR;
	memcpy(ret->path, place->path, place->n + 1);
	ret->n = place->n;
	ret->fd = take_fd(&fd);
	return 0;
}

bool object_is_mount(const struct object *object)
{
	struct statx stx;

	return object->fd >= 0 &&
	       (statx(object->fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &stx) < 0 ||
		!(stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) ||
		stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

void object_place_done(struct object_place *place)
{
	place->parent = fd_close(place->parent);
}
