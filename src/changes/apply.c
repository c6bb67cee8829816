/*
 * How changes are carried over.
 *
 *	1 folders whose mode changed get what their owner needs to work in them
 *	2 what is gone goes, from the end of the list: what a folder holds before the folder
 *	3 what is new or changed comes, from the start: folders before what they hold
 *	4 folders get the mode they are to have, from the end
 *
 * The folder that something is done in is opened anew for each change, below the descriptor of the
 * layer's directory, with openat2 and HOST_RESOLVE: a link or a mount that somebody puts into the way
 * makes it fail, and after that the folder is held whatever becomes of its name. In it only the last
 * component is used, by calls that do not follow one.
 *
 * A file is written beside its place under a name of ours, with its mode, owner and time, and renamed:
 * over what it replaces, or (new) over nothing. Whether the host's was changed meanwhile is looked at
 * once more right before.
 */
#include "changes/impl.h"

#include "base/file.h"
#include "base/own.h"
#include "policy/path.h"
#include "sys/missing_syscall.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define COPY_STEP 65536

struct apply {
	struct change_list *list;
	const struct change_choice *choice;
	struct change_applied *done;
	bool is_root;
};

/* Where a change is made: its folder, held, and the name in it. */
struct place {
	int parent;
	const char *name;
};

static void place_done(struct place *p)
{
	p->parent = fd_close(p->parent);
}

static int place_open(const struct apply *a, const struct change *c, struct place *ret)
{
	const struct changes_layer *l = &a->list->session->layers[c->layer];

	ret->parent = -EBADF;
	return l->lower < 0 ? -ENOENT : change_parent(l->lower, c->path, &ret->parent, &ret->name);
}

/* ---- the choice ---- */

static bool listed(const char *const *list, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i], path) == 0)
			return true;
	}
	return false;
}

static bool chosen(const struct change_choice *choice, const char *path)
{
	for (size_t i = 0; i < choice->n_only; i++) {
		if (path_within(path, choice->only[i]))
			return true;
	}
	return choice->n_only == 0;
}

static bool is_free(const struct change_choice *choice, const struct change *c, const char *path)
{
	switch (c->why) {
	case CHANGE_FREE: return true;
	case CHANGE_CONFLICT: return choice->force;
	case CHANGE_GUARDED:
	case CHANGE_OUTWARD:
		return listed(choice->only, choice->n_only, path) ||
		       listed(choice->also, choice->n_also, path);
	default: return false;
	}
}

/* Each is to be applied (for now CHANGE_APPLIED), left, or none of our business. */
static int choose(struct apply *a)
{
	for (size_t i = 0; i < a->list->n; i++) {
		const struct change *c = &a->list->items[i];
		const char *path = change_path(a->list, c);

		if (!path)
			return -ENOMEM;
		a->done->results[i].outcome = !chosen(a->choice, path)      ? CHANGE_NOT_CHOSEN
					      : is_free(a->choice, c, path) ? CHANGE_APPLIED
									    : CHANGE_LEFT;
	}
	return 0;
}

static bool lies_in(const struct change *c, const struct change *folder)
{
	size_t n = strlen(folder->path);

	return c->layer == folder->layer && strncmp(c->path, folder->path, n) == 0 &&
	       c->path[n] == '/';
}

/*
 * A new folder comes with what was chosen in it. The list goes through folders as a walk does, so those
 * that an item lies in are on a stack.
 */
static void choose_folders(struct apply *a)
{
	size_t stack[CHANGES_DEPTH + 1], n = 0;

	for (size_t i = 0; a->choice->n_only && i < a->list->n; i++) {
		const struct change *c = &a->list->items[i];

		while (n && !lies_in(c, &a->list->items[stack[n - 1]]))
			n--;
		for (size_t k = 0; a->done->results[i].outcome == CHANGE_APPLIED && k < n; k++) {
			if (a->list->items[stack[k]].why == CHANGE_FREE)
				a->done->results[stack[k]].outcome = CHANGE_APPLIED;
		}
		if (c->kind == CHANGE_CREATED && S_ISDIR(c->new_mode) && n <= CHANGES_DEPTH)
			stack[n++] = i;
	}
}

/* ---- one thing ---- */

/* The host's as it is now: as when the list was made, and not changed since? */
static int host_check(const struct apply *a, const struct change *c, const struct place *p)
{
	struct stat st;

	if (fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT && !c->old_mode ? 0 : -errno;
	if (!c->old_mode)
		return a->choice->force && !S_ISDIR(st.st_mode) ? 0 : -EEXIST;
	if ((st.st_mode & S_IFMT) != (c->old_mode & S_IFMT))
		return -EBUSY;
	if (!a->choice->force && !S_ISDIR(st.st_mode) && change_is_later(a->list->session, &st))
		return -EBUSY;
	return 0;
}

static int gone_apply(const struct apply *a, const struct change *c, const struct place *p)
{
	int r = host_check(a, c, p);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return unlinkat(p->parent, p->name, S_ISDIR(c->old_mode) ? AT_REMOVEDIR : 0) < 0 ? -errno
											 : 0;
}

static int data_copy(int from, int to, off_t at, off_t end, struct blake3 *hash)
{
	static char room[COPY_STEP];

	while (at < end) {
		size_t want = end - at < COPY_STEP ? (size_t)(end - at) : COPY_STEP;
		ssize_t n = pread(from, room, want, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		blake3_update(hash, room, (size_t)n);
		for (ssize_t put = 0; put < n;) {
			ssize_t w = pwrite(to, room + put, (size_t)(n - put), at + put);

			if (w < 0 && errno == EINTR)
				continue;
			if (w <= 0)
				return w < 0 ? -errno : -EIO;
			put += w;
		}
		at += n;
	}
	return 0;
}

/* A hole stays one; for the digest it is zeros. */
static void hole_hash(struct blake3 *hash, off_t n)
{
	static const char zeros[COPY_STEP];

	while (n > 0) {
		size_t step = n < COPY_STEP ? (size_t)n : COPY_STEP;

		blake3_update(hash, zeros, step);
		n -= (off_t)step;
	}
}

static int file_copy(int from, int to, off_t size, uint8_t ret_hash[BLAKE3_OUT])
{
	struct blake3 hash;
	int r = 0;

	blake3_init(&hash);
	for (off_t at = 0; r == 0 && at < size;) {
		off_t data = lseek(from, at, SEEK_DATA), end;

		if (data < 0 && errno != ENXIO)
			data = at; /* a file system that knows no holes */
		else if (data < 0 || data > size)
			data = size;
		hole_hash(&hash, data - at);
		end = data < size ? lseek(from, data, SEEK_HOLE) : size;
		if (end < 0 || end > size)
			end = size;
		r = data_copy(from, to, data, end, &hash);
		at = end;
	}
	if (r == 0 && ftruncate(to, size) < 0)
		r = -errno;
	blake3_final(&hash, ret_hash);
	return r;
}

static int temporary(int parent, char name[40], int *ret_fd)
{
	for (int i = 0; i < 16; i++) {
		uint64_t random;
		int fd;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		(void)snprintf(name, 40, ".capsule-%016llx", (unsigned long long)random);
		fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0600);
		if (fd >= 0) {
			*ret_fd = fd;
			return 0;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

/* Root gives it to whom the session's belongs; anybody else can only have it himself. */
static int owner_set(const struct apply *a, int fd, const struct stat *st)
{
	if (!a->is_root || (st->st_uid == geteuid() && st->st_gid == getegid()))
		return 0;
	return fchown(fd, st->st_uid, st->st_gid) < 0 ? -errno : 0;
}

/* @temp takes its place: over the host's, or over nothing. */
static int name_take(const struct apply *a, const struct change *c, const struct place *p,
		     const char *temp)
{
	bool replace = c->old_mode || a->choice->force;
	int r = host_check(a, c, p);

	if (r == 0 && S_ISDIR(c->old_mode) && unlinkat(p->parent, p->name, AT_REMOVEDIR) < 0)
		r = -errno;
	if (r == 0 &&
	    renameat2(p->parent, temp, p->parent, p->name, replace ? 0 : RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(p->parent, temp, 0);
	return r;
}

static int file_apply(const struct apply *a, const struct change *c, const struct place *p,
		      struct change_result *result)
{
	const struct changes_layer *l = &a->list->session->layers[c->layer];
	AUTO(fd_closep) int from = -EBADF;
	AUTO(fd_closep) int to = -EBADF;
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	char temp[40];
	struct stat st;
	int r = change_open(l->upper, c->path, true, &from);

	if (r == 0 && fstat(from, &st) < 0)
		r = -errno;
	if (r == 0)
		r = temporary(p->parent, temp, &to);
	if (r < 0)
		return r;
	r = file_copy(from, to, st.st_size, result->hash);
	if (r == 0)
		r = owner_set(a, to, &st);
	times[1] = st.st_mtim;
	/* the last, and by the list: opening may have needed a right that it does not have */
	if (r == 0 && (futimens(to, times) < 0 || fchmod(to, c->new_mode & 0777) < 0))
		r = -errno;
	if (r < 0) {
		(void)unlinkat(p->parent, temp, 0);
		return r;
	}
	result->hashed = true;
	return name_take(a, c, p, temp);
}

static int link_apply(const struct apply *a, const struct change *c, const struct place *p)
{
	const struct changes_layer *l = &a->list->session->layers[c->layer];
	AUTO(fd_closep) int from = -EBADF;
	char target[PATH_MAX], temp[40];
	const char *name;
	uint64_t random;
	ssize_t n;
	int r = change_parent(l->upper, c->path, &from, &name);

	if (r < 0)
		return r;
	n = readlinkat(from, name, target, sizeof(target) - 1);
	if (n < 0 || getrandom(&random, sizeof(random), 0) != sizeof(random))
		return n < 0 ? -errno : -EIO;
	target[n] = '\0';
	(void)snprintf(temp, sizeof(temp), ".capsule-%016llx", (unsigned long long)random);
	if (symlinkat(target, p->parent, temp) < 0)
		return -errno;
	return name_take(a, c, p, temp);
}

static int folder_new(const struct apply *a, const struct change *c, const struct place *p)
{
	int r = host_check(a, c, p);

	if (r < 0)
		return r;
	if (c->old_mode && unlinkat(p->parent, p->name, 0) < 0) /* a file was there */
		return -errno;
	return mkdirat(p->parent, p->name, 0700) < 0 ? -errno : 0;
}

/* Give the host's folder of @c the mode @mode; bits above 0777 stay as they are. */
static int folder_mode(const struct apply *a, const struct change *c, mode_t mode)
{
	const struct changes_layer *l = &a->list->session->layers[c->layer];
	AUTO(fd_closep) int fd = -EBADF;
	char self[40];
	struct stat st;

	fd = l->lower < 0 ? -ENOENT
			  : sys_openat2(l->lower, c->path, O_PATH | O_DIRECTORY | O_NOFOLLOW,
					HOST_RESOLVE);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	mode = (mode & 0777) | (st.st_mode & 07000);
	if (mode == (st.st_mode & 07777))
		return 0;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return chmod(self, mode) < 0 ? -errno : 0;
}

/* ---- the passes ---- */

static bool is_gone(const struct change *c)
{
	return c->kind == CHANGE_DELETED;
}

static bool is_folder(const struct change *c)
{
	return !is_gone(c) && S_ISDIR(c->new_mode);
}

/* There before and after: only its mode is another. */
static bool is_folder_kept(const struct change *c)
{
	return is_folder(c) && S_ISDIR(c->old_mode);
}

/* A folder of the layer that the session has closed even to itself: open while we work, then as it was. */
static int layer_mode(struct apply *a, const struct change *c, mode_t mode)
{
	const struct changes_layer *l = &a->list->session->layers[c->layer];
	AUTO(fd_closep) int fd = -EBADF;
	char self[40];

	if (!is_folder(c) || (c->new_mode & 0500) == 0500)
		return 0;
	fd = sys_openat2(l->upper, c->path, O_PATH | O_DIRECTORY | O_NOFOLLOW, HOST_RESOLVE);
	if (fd < 0)
		return fd;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return chmod(self, mode) < 0 ? -errno : 0;
}

static int pass_enter(struct apply *a, const struct change *c, struct change_result *result)
{
	(void)result;
	return layer_mode(a, c, (c->new_mode & 07777) | 0500);
}

static int pass_leave(struct apply *a, const struct change *c, struct change_result *result)
{
	(void)result;
	return layer_mode(a, c, c->new_mode & 07777);
}

static int pass_open(struct apply *a, const struct change *c, struct change_result *result)
{
	(void)result;
	return is_folder_kept(c) ? folder_mode(a, c, c->new_mode | 0700) : 0;
}

static int pass_gone(struct apply *a, const struct change *c, struct change_result *result)
{
	AUTO(place_done) struct place p = { .parent = -EBADF };
	int r;

	(void)result;
	if (!is_gone(c))
		return 0;
	r = place_open(a, c, &p);
	return r == -ENOENT ? 0 : r < 0 ? r : gone_apply(a, c, &p);
}

static int pass_come(struct apply *a, const struct change *c, struct change_result *result)
{
	AUTO(place_done) struct place p = { .parent = -EBADF };
	int r;

	if (is_gone(c) || is_folder_kept(c))
		return 0;
	r = place_open(a, c, &p);
	if (r < 0)
		return r;
	switch (c->new_mode & S_IFMT) {
	case S_IFREG: return file_apply(a, c, &p, result);
	case S_IFLNK: return link_apply(a, c, &p);
	case S_IFDIR: return folder_new(a, c, &p);
	default: return -EOPNOTSUPP;
	}
}

static int folder_owner(const struct apply *a, const struct change *c)
{
	const struct changes_layer *l = &a->list->session->layers[c->layer];
	AUTO(fd_closep) int ours = -EBADF;
	AUTO(fd_closep) int fd = -EBADF;
	struct stat st;

	if (!a->is_root || is_folder_kept(c))
		return 0;
	ours = sys_openat2(l->upper, c->path, O_PATH | O_DIRECTORY | O_NOFOLLOW, HOST_RESOLVE);
	fd = sys_openat2(l->lower, c->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, HOST_RESOLVE);
	if (ours < 0 || fd < 0 || fstat(ours, &st) < 0)
		return ours < 0 ? ours : fd < 0 ? fd : -errno;
	return owner_set(a, fd, &st);
}

static int pass_mode(struct apply *a, const struct change *c, struct change_result *result)
{
	int r;

	(void)result;
	if (!is_folder(c))
		return 0;
	r = folder_owner(a, c);
	return r < 0 ? r : folder_mode(a, c, c->new_mode);
}

static const struct {
	int (*run)(struct apply *a, const struct change *c, struct change_result *result);
	bool backwards;
} passes[] = { { pass_enter, false }, { pass_open, false }, { pass_gone, true },
	       { pass_come, false },  { pass_mode, true },  { pass_leave, true } };

static void pass_run(struct apply *a, size_t pass)
{
	size_t n = a->list->n;

	for (size_t i = 0; i < n; i++) {
		size_t at = passes[pass].backwards ? n - 1 - i : i;
		struct change_result *result = &a->done->results[at];
		int r;

		if (result->outcome != CHANGE_APPLIED)
			continue;
		r = passes[pass].run(a, &a->list->items[at], result);
		if (r < 0) {
			result->outcome = CHANGE_LEFT;
			result->error = -r;
		}
	}
}

int changes_apply(struct change_list *list, const struct change_choice *choice,
		  struct change_applied *ret_applied, struct err *err)
{
	struct change_applied done = { 0 };
	struct apply a = {
		.list = list, .choice = choice, .done = &done, .is_root = geteuid() == 0
	};
	mode_t mask;
	int r;

	if (list->session->running)
		return err_text(err, EBUSY, "session %s is still running", list->session->id);
	done.results = arena_array(&list->arena, list->n + 1, struct change_result);
	r = done.results ? choose(&a) : -ENOMEM;
	if (r < 0)
		return err_set(err, -r, "changes");
	choose_folders(&a);
	mask = umask(0);
	for (size_t pass = 0; pass < sizeof(passes) / sizeof(passes[0]); pass++)
		pass_run(&a, pass);
	(void)umask(mask);
	for (size_t i = 0; i < list->n; i++) {
		enum change_outcome outcome = done.results[i].outcome;

		done.applied += outcome == CHANGE_APPLIED;
		done.left += outcome == CHANGE_LEFT;
		done.not_chosen += outcome == CHANGE_NOT_CHOSEN;
	}
	*ret_applied = done;
	return 0;
}
