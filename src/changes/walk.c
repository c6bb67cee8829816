/*
 * How a layer is read.
 *
 * An entry of `upper` is one of: a 0/0 character device, or an empty file marked
 * user.overlay.whiteout (the host's is gone); a directory marked user.overlay.opaque = "y" (nothing of
 * the host's is in it any more); a directory without the mark (merged with the host's); anything else
 * (stands in the place of the host's). A session cannot make these marks itself: through the mount
 * a 0/0 device is refused, and attributes of that name are stored under another.
 *
 * What was changed on the host since the session began is seen from the inode's ctime, which nobody can
 * set: it is compared with that of the session's folder, made before the wall.
 *
 * A file that has been copied up from the host carries user.overlay.origin, also after it was renamed. One
 * that has it, has no counterpart on the host, is not the other half of a rename, and lies in a
 * folder that the host has changed since, is most likely one that was removed there meanwhile: a
 * conflict.
 */
#include "changes/impl.h"

#include "base/own.h"
#include "policy/path.h"
#include "sys/missing_syscall.h"
#include "sys/tree.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define LIST_ARENA_MAX (768U << 20)
#define COMPARE_STEP 65536
#define RENAME_SIZE_MAX (64U << 20) /* larger files are not looked at for renames */

const char *const change_kind_name[CHANGE_N] = { "created", "changed", "deleted", "renamed" };

const char *const change_why_text[CHANGE_WHY_N] = {
	[CHANGE_FREE] = "",
	[CHANGE_CONFLICT] = "the host's was changed since the session began",
	[CHANGE_GUARDED] = "the policy guards this name",
	[CHANGE_OUTWARD] = "a link that leads out of the folder",
	[CHANGE_SPECIAL] = "no file, folder or link",
	[CHANGE_DEEP] = "too deep, or its name too long",
};

struct walk {
	struct change_list *list;
	struct path_matcher *matchers; /* one for each guarded path */
	const struct policy_path **guards;
	size_t n_matchers;
	unsigned layer, depth;
	const char *top;     /* the layer's directory */
	char path[PATH_MAX]; /* below it */
	size_t n;
	bool host_later; /* the host's folder that we are in was changed since */
};

bool change_is_later(const struct changes_session *session, const struct stat *host)
{
	const struct timespec *a = &host->st_ctim, *b = &session->start;

	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

int change_parent(int dir, const char *path, int *ret_fd, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char up[PATH_MAX] = ".";
	int fd;

	if (slash) {
		if ((size_t)(slash - path) >= sizeof(up))
			return -ENAMETOOLONG;
		memcpy(up, path, (size_t)(slash - path));
		up[slash - path] = '\0';
	}
	fd = sys_openat2(dir, up, O_PATH | O_DIRECTORY | O_NOFOLLOW, HOST_RESOLVE);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	*ret_name = slash ? slash + 1 : path;
	return 0;
}

int change_open(int dir, const char *path, bool ours, int *ret_fd)
{
	AUTO(fd_closep) int parent = -EBADF;
	AUTO(fd_closep) int fd = -EBADF;
	const char *name;
	struct stat st;
	int r = change_parent(dir, path, &parent, &name);

	if (r == 0 && ours)
		r = tree_open(parent, name, &fd);
	else if (r == 0) /* a FIFO of the host's would block */
		r = fd = sys_openat2(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
				     HOST_RESOLVE);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -ENXIO;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* ---- items ---- */

/* A link out of the layer's directory: absolute, or up beyond it. @depth: folders it lies in. */
static bool leads_out(int dir, const char *name, unsigned depth)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
	int left = (int)depth;

	if (n <= 0 || target[0] == '/')
		return true;
	target[n] = '\0';
	for (const char *at = target; *at;) {
		size_t len = strcspn(at, "/");

		if (len == 2 && at[0] == '.' && at[1] == '.') {
			if (--left < 0)
				return true;
		} else if (len && !(len == 1 && at[0] == '.')) {
			left++;
		}
		at += len;
		while (*at == '/')
			at++;
	}
	return false;
}

static const struct policy_path *guard_of(const struct walk *w)
{
	char full[2 * PATH_MAX];
	size_t top = strcmp(w->top, "/") == 0 ? 0 : strlen(w->top);

	memcpy(full, w->top, top);
	full[top] = '/';
	memcpy(full + top + 1, w->path, w->n + 1);
	for (size_t i = 0; i < w->n_matchers; i++) {
		if (path_matches(&w->matchers[i], full))
			return w->guards[i];
	}
	return NULL;
}

static struct change *item_add(struct walk *w, enum change_kind kind)
{
	struct change_list *list = w->list;
	struct change *c;

	if (list->n >= CHANGES_MAX)
		return NULL;
	list->items =
		arena_grow(&list->arena, list->items, list->n, &list->cap, sizeof(*list->items));
	if (!list->items)
		return NULL;
	c = &list->items[list->n];
	*c = (struct change){ .kind = kind, .layer = w->layer };
	c->path = w->n ? arena_strdup(&list->arena, (struct str){ w->path, w->n }) : ".";
	if (!c->path)
		return NULL;
	c->guard = w->n ? guard_of(w) : NULL;
	if (c->guard)
		c->why = CHANGE_GUARDED;
	list->n++;
	return c;
}

static bool enter(struct walk *w, const char *name, size_t *ret_was)
{
	size_t n = strlen(name);

	*ret_was = w->n;
	if (w->depth >= CHANGES_DEPTH || strlen(w->top) + w->n + n + 2 >= PATH_MAX)
		return false;
	if (w->n)
		w->path[w->n++] = '/';
	memcpy(w->path + w->n, name, n + 1);
	w->n += n;
	w->depth++;
	return true;
}

static void leave(struct walk *w, size_t was)
{
	w->n = was;
	w->path[was] = '\0';
	w->depth--;
}

/* What cannot be entered is told once, by the folder it is in. */
static int too_deep(struct walk *w)
{
	struct change *c;

	if (w->list->n && w->list->items[w->list->n - 1].why == CHANGE_DEEP)
		return 0;
	c = item_add(w, CHANGE_CREATED);
	if (!c)
		return -E2BIG;
	c->why = CHANGE_DEEP;
	c->new_mode = S_IFDIR;
	return 0;
}

/* ---- names ---- */

struct names {
	struct arena arena;
	const char **list;
	size_t n, cap;
};

static void names_done(struct names *names)
{
	arena_done(&names->arena);
}

static int name_order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int names_read(int fd, struct names *names)
{
	AUTO(dir_closep) DIR *dir = NULL;
	struct dirent *entry;
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	names->arena = ARENA_INIT(LIST_ARENA_MAX);
	dir = own < 0 ? NULL : fdopendir(own);
	if (!dir) {
		fd_close(own);
		return -errno;
	}
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (names->n >= CHANGES_MAX)
			return -E2BIG;
		names->list = arena_grow(&names->arena, names->list, names->n, &names->cap,
					 sizeof(*names->list));
		if (!names->list)
			return -ENOMEM;
		names->list[names->n] = arena_strdup(&names->arena, str_of(entry->d_name));
		if (!names->list[names->n++])
			return -ENOMEM;
	}
	if (names->n)
		qsort(names->list, names->n, sizeof(*names->list), name_order);
	return 0;
}

static bool names_have(const struct names *names, const char *name)
{
	return names->n && bsearch(&name, names->list, names->n, sizeof(*names->list), name_order);
}

/* ---- comparing ---- */

static bool has_mark(int dir, const char *name, const char *mark)
{
	AUTO(fd_closep) int fd = -EBADF;

	return tree_open(dir, name, &fd) == 0 && fgetxattr(fd, mark, NULL, 0) >= 0;
}

static bool is_opaque(int fd)
{
	char value = 0;

	return fgetxattr(fd, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

static bool is_whiteout(int dir, const char *name, const struct stat *st)
{
	if (S_ISCHR(st->st_mode))
		return st->st_rdev == makedev(0, 0);
	return S_ISREG(st->st_mode) && st->st_size == 0 &&
	       has_mark(dir, name, "user.overlay.whiteout");
}

static ssize_t read_full(int fd, char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = read(fd, p + done, n - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

/* Sizes are equal. What cannot be read counts as different. */
static bool bytes_differ(int upper, int lower, const char *name)
{
	static char a[COMPARE_STEP], b[COMPARE_STEP];
	AUTO(fd_closep) int ufd = -EBADF;
	AUTO(fd_closep) int lfd = -EBADF;
	ssize_t n;

	if (tree_open(upper, name, &ufd) < 0)
		return true;
	lfd = openat(lower, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (lfd < 0)
		return true;
	do {
		n = read_full(ufd, a, sizeof(a));
		if (n < 0 || read_full(lfd, b, sizeof(b)) != n || memcmp(a, b, (size_t)n) != 0)
			return true;
	} while (n == COMPARE_STEP);
	return false;
}

static bool targets_differ(int upper, int lower, const char *name)
{
	char a[PATH_MAX], b[PATH_MAX];
	ssize_t n = readlinkat(upper, name, a, sizeof(a));

	return n < 0 || readlinkat(lower, name, b, sizeof(b)) != n || memcmp(a, b, (size_t)n) != 0;
}

static bool content_differs(int upper, int lower, const char *name, const struct stat *u,
			    const struct stat *l)
{
	if ((u->st_mode & S_IFMT) != (l->st_mode & S_IFMT))
		return true;
	if (S_ISLNK(u->st_mode))
		return targets_differ(upper, lower, name);
	if (!S_ISREG(u->st_mode))
		return true; /* not to be opened: it is told, and stays */
	return u->st_size != l->st_size || bytes_differ(upper, lower, name);
}

/* ---- the host's that is gone ---- */

static int gone(struct walk *w, int lower, const char *name, const struct stat *st, bool itself);

static int gone_below(struct walk *w, int lower, const char *name)
{
	AUTO(names_done) struct names names = { 0 };
	AUTO(fd_closep)
	int fd = openat(lower, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? 0 : names_read(fd, &names); /* what we may not look into stays */

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		struct stat st;
		size_t was;

		if (fstatat(fd, names.list[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!enter(w, names.list[i], &was))
			return too_deep(w);
		r = gone(w, fd, names.list[i], &st, true);
		leave(w, was);
	}
	return r;
}

/* @itself: and not just what is in it. */
static int gone(struct walk *w, int lower, const char *name, const struct stat *st, bool itself)
{
	if (itself) {
		struct change *c = item_add(w, CHANGE_DELETED);

		if (!c)
			return -E2BIG;
		c->old_mode = st->st_mode;
		c->old_size = (uint64_t)st->st_size;
		if (!c->why && !S_ISDIR(st->st_mode) && change_is_later(w->list->session, st))
			c->why = CHANGE_CONFLICT;
	}
	return S_ISDIR(st->st_mode) ? gone_below(w, lower, name) : 0;
}

/* ---- the layer's ---- */

static int folder(struct walk *w, int upper, int lower);

static int item_new(struct walk *w, int upper, const char *name, const struct stat *u,
		    const struct stat *l, bool content)
{
	struct change *c = item_add(w, l ? CHANGE_CHANGED : CHANGE_CREATED);

	if (!c)
		return -E2BIG;
	c->content = content;
	c->mode = !l || (u->st_mode & 07777) != (l->st_mode & 07777);
	c->new_mode = u->st_mode;
	c->new_size = (uint64_t)u->st_size;
	c->old_mode = l ? l->st_mode : 0;
	c->old_size = l ? (uint64_t)l->st_size : 0;
	c->set_id = !S_ISDIR(u->st_mode) && u->st_mode & 07000;
	if (!l && w->host_later && S_ISREG(u->st_mode))
		c->was_here = has_mark(upper, name, "user.overlay.origin");
	if (!S_ISREG(u->st_mode) && !S_ISDIR(u->st_mode) && !S_ISLNK(u->st_mode))
		c->why = CHANGE_SPECIAL;
	else if (!c->why && S_ISLNK(u->st_mode) && leads_out(upper, name, w->depth - 1))
		c->why = CHANGE_OUTWARD;
	else if (!c->why && l && !S_ISDIR(l->st_mode) && change_is_later(w->list->session, l))
		c->why = CHANGE_CONFLICT;
	return 0;
}

static int entry_folder(struct walk *w, int upper, int lower, const char *name)
{
	AUTO(fd_closep) int ufd = -EBADF;
	AUTO(fd_closep) int lfd = -EBADF;
	bool later = w->host_later;
	struct stat st = { .st_mode = 0700 };
	int r = tree_open(upper, name, &ufd);

	if (r < 0)
		return r;
	if (lower >= 0)
		lfd = openat(lower, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	w->host_later = lfd >= 0 && fstat(lfd, &st) == 0 && change_is_later(w->list->session, &st);
	/* one that the session has closed even to itself */
	if (fstat(ufd, &st) == 0 && (st.st_mode & 0500) != 0500)
		(void)!fchmod(ufd, (st.st_mode & 07777) | 0500);
	r = folder(w, ufd, lfd);
	if ((st.st_mode & 0500) != 0500)
		(void)!fchmod(ufd, st.st_mode & 07777);
	w->host_later = later;
	return r;
}

static int entry(struct walk *w, int upper, int lower, const char *name)
{
	struct stat u, l;
	bool there, differs;
	int r = 0;

	if (fstatat(upper, name, &u, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	there = lower >= 0 && fstatat(lower, name, &l, AT_SYMLINK_NOFOLLOW) == 0;
	if (is_whiteout(upper, name, &u))
		return there ? gone(w, lower, name, &l, true) : 0;
	if (S_ISDIR(u.st_mode)) {
		bool merged = there && S_ISDIR(l.st_mode);

		if (!merged || (u.st_mode & 07777) != (l.st_mode & 07777))
			r = item_new(w, upper, name, &u, there ? &l : NULL, !merged);
		return r < 0 ? r : entry_folder(w, upper, merged ? lower : -1, name);
	}
	differs = !there || content_differs(upper, lower, name, &u, &l);
	if (!differs && (S_ISLNK(u.st_mode) || (u.st_mode & 07777) == (l.st_mode & 07777)))
		return 0;
	r = item_new(w, upper, name, &u, there ? &l : NULL, differs);
	if (r == 0 && there && S_ISDIR(l.st_mode))
		r = gone(w, lower, name, &l, false);
	return r;
}

/* @lower < 0: the host has no such folder. */
static int folder(struct walk *w, int upper, int lower)
{
	AUTO(names_done) struct names names = { 0 };
	AUTO(names_done) struct names theirs = { 0 };
	bool opaque = lower >= 0 && is_opaque(upper);
	struct stat st;
	size_t was;
	int r = names_read(upper, &names);

	if (r == 0 && opaque)
		r = names_read(lower, &theirs);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		if (!enter(w, names.list[i], &was))
			return too_deep(w);
		r = entry(w, upper, lower, names.list[i]);
		leave(w, was);
	}
	for (size_t i = 0; r == 0 && i < theirs.n; i++) {
		if (names_have(&names, theirs.list[i]) ||
		    fstatat(lower, theirs.list[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!enter(w, theirs.list[i], &was))
			return too_deep(w);
		r = gone(w, lower, theirs.list[i], &st, true);
		leave(w, was);
	}
	return r;
}

static int layer(struct walk *w, const struct changes_layer *l)
{
	AUTO(fd_closep) int upper = openat(l->upper, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(fd_closep) int lower = -EBADF;
	struct stat u, st;
	int r = 0;

	/* the session may have taken its own rights from the top, too */
	if (fstat(l->upper, &u) < 0)
		return -errno;
	if (upper < 0 && errno == EACCES) {
		AUTO(fd_closep) int up = openat(l->upper, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		r = up < 0 ? -EACCES : tree_open(up, "upper", &upper);
	}
	if (upper < 0)
		return r < 0 ? r : -errno;
	if (l->lower >= 0)
		lower = openat(l->lower, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->top = l->path;
	w->n = w->depth = 0;
	w->path[0] = '\0';
	if (lower >= 0 && fstat(lower, &st) == 0) {
		w->host_later = change_is_later(w->list->session, &st);
		if ((u.st_mode & 07777) != (st.st_mode & 07777))
			r = item_new(w, upper, ".", &u, &st, false);
	}
	return r < 0 ? r : folder(w, upper, lower);
}

/* ---- renames ---- */

struct half {
	struct change *item;
	bool hashed, readable;
	uint8_t hash[BLAKE3_OUT];
};

static int half_order(const void *a, const void *b)
{
	const struct half *x = a, *y = b;

	if (x->item->old_size != y->item->old_size)
		return x->item->old_size < y->item->old_size ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

static bool hash_file(int dir, const char *path, bool ours, uint8_t out[BLAKE3_OUT])
{
	static char room[COMPARE_STEP];
	AUTO(fd_closep) int fd = -EBADF;
	struct blake3 hash;
	ssize_t n;

	if (change_open(dir, path, ours, &fd) < 0)
		return false;
	blake3_init(&hash);
	while ((n = read_full(fd, room, sizeof(room))) > 0)
		blake3_update(&hash, room, (size_t)n);
	blake3_final(&hash, out);
	return n == 0;
}

static bool half_hash(struct change_list *list, struct half *half)
{
	const struct changes_layer *l = &list->session->layers[half->item->layer];

	if (!half->hashed)
		half->readable = hash_file(l->lower, half->item->path, false, half->hash);
	half->hashed = true;
	return half->readable;
}

/* The first of that size among the sorted @halves. */
static size_t half_first(const struct half *halves, size_t n, uint64_t size)
{
	size_t from = 0, to = n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (halves[mid].item->old_size < size)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static void rename_find(struct change_list *list, struct half *halves, size_t n, struct change *c)
{
	const struct changes_layer *l = &list->session->layers[c->layer];
	uint8_t hash[BLAKE3_OUT];
	size_t i = half_first(halves, n, c->new_size);

	if (i == n || halves[i].item->old_size != c->new_size ||
	    !hash_file(l->upper, c->path, true, hash))
		return;
	for (; i < n && halves[i].item->old_size == c->new_size; i++) {
		struct half *half = &halves[i];

		if (half->item->layer != c->layer || half->item->moved || !half_hash(list, half) ||
		    memcmp(hash, half->hash, sizeof(hash)) != 0)
			continue;
		c->kind = CHANGE_RENAMED;
		c->from = half->item->path;
		half->item->moved = true;
		c->was_here = false;
		return;
	}
}

static int renames_find(struct change_list *list)
{
	struct half *halves = arena_array(&list->arena, list->n + 1, struct half);
	size_t n = 0;

	if (!halves)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		struct change *c = &list->items[i];

		if (c->kind == CHANGE_DELETED && S_ISREG(c->old_mode) && c->old_size &&
		    c->old_size <= RENAME_SIZE_MAX)
			halves[n++].item = c;
	}
	if (n)
		qsort(halves, n, sizeof(*halves), half_order);
	for (size_t i = 0; n && i < list->n; i++) {
		struct change *c = &list->items[i];

		if (c->kind == CHANGE_CREATED && S_ISREG(c->new_mode) && c->new_size)
			rename_find(list, halves, n, c);
	}
	return 0;
}

/* ---- the whole ---- */

static int guards_make(struct walk *w)
{
	const struct changes_session *s = w->list->session;
	int r = 0;

	w->matchers = calloc(2 * s->n_guarded + 1, sizeof(*w->matchers));
	w->guards = calloc(2 * s->n_guarded + 1, sizeof(*w->guards));
	if (!w->matchers || !w->guards)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < s->n_guarded; i++) {
		struct policy_path *real;

		r = path_matcher_init(&w->matchers[w->n_matchers], &s->guarded[i]);
		if (r < 0)
			break;
		w->guards[w->n_matchers++] = &s->guarded[i];
		if (!s->guarded[i].real)
			continue;
		real = arena_new(&w->list->arena, struct policy_path);
		if (!real)
			return -ENOMEM;
		*real = s->guarded[i];
		real->path = real->real;
		r = path_matcher_init(&w->matchers[w->n_matchers], real);
		if (r == 0)
			w->guards[w->n_matchers++] = &s->guarded[i];
	}
	return r;
}

static void guards_done(struct walk *w)
{
	for (size_t i = 0; i < w->n_matchers; i++)
		path_matcher_done(&w->matchers[i]);
	free(w->matchers);
	free(w->guards);
}

static void list_count(struct change_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct change *c = &list->items[i];

		if (c->was_here && !c->why)
			c->why = CHANGE_CONFLICT;
		list->count[c->kind] += !c->moved;
		list->held += c->why != CHANGE_FREE;
	}
}

int change_list_make(struct changes_session *session, struct change_list *ret_list, struct err *err)
{
	struct walk *w = calloc(1, sizeof(*w));
	int r;

	*ret_list = (struct change_list){ .arena = ARENA_INIT(LIST_ARENA_MAX), .session = session };
	if (!w)
		return err_set(err, ENOMEM, "changes");
	w->list = ret_list;
	r = guards_make(w);
	for (size_t i = 0; r == 0 && i < session->n_layers; i++) {
		w->layer = (unsigned)i;
		r = layer(w, &session->layers[i]);
	}
	guards_done(w);
	free(w);
	if (r == 0)
		r = renames_find(ret_list);
	if (r == -E2BIG)
		return err_text(err, E2BIG,
				"session %s made more than %u changes: too many to be told apart; "
				"what it wrote is in '%s'",
				session->id, CHANGES_MAX, session->folder);
	if (r < 0)
		return err_set(err, -r, "cannot read the changes of session %s", session->id);
	list_count(ret_list);
	return 0;
}

void change_list_done(struct change_list *list)
{
	arena_done(&list->arena);
	*list = (struct change_list){ 0 };
}

const char *change_path(struct change_list *list, const struct change *change)
{
	const char *top = list->session->layers[change->layer].path;

	if (strcmp(change->path, ".") == 0)
		return top;
	return arena_printf(&list->arena, "%s/%s", top, change->path);
}

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return "file";
	case S_IFDIR: return "folder";
	case S_IFLNK: return "link";
	case S_IFIFO: return "fifo";
	case S_IFSOCK: return "socket";
	default: return "device";
	}
}

void change_put(struct change_list *list, const struct change *change, struct json_wr *w)
{
	static const char *const why[CHANGE_WHY_N] = { NULL,      "conflict", "guarded",
						       "outward", "special",  "deep" };
	mode_t now = change->kind == CHANGE_DELETED ? change->old_mode : change->new_mode;

	json_key(w, "change");
	json_strz(w, change_kind_name[change->kind]);
	json_key(w, "type");
	json_strz(w, type_name(now));
	json_key(w, "path");
	json_strz(w, change_path(list, change));
	if (change->from) {
		struct change from = { .layer = change->layer, .path = change->from };

		json_key(w, "from");
		json_strz(w, change_path(list, &from));
	}
	if (change->kind == CHANGE_CHANGED && change->content) {
		json_key(w, "content");
		json_bool(w, true);
	}
	if (change->kind == CHANGE_CHANGED && change->mode) {
		json_key(w, "old_mode");
		json_u64(w, change->old_mode & 07777);
	}
	if (change->kind != CHANGE_DELETED) {
		json_key(w, "mode");
		json_u64(w, change->new_mode & 07777);
	}
	json_key(w, "size");
	json_u64(w, change->kind == CHANGE_DELETED ? change->old_size : change->new_size);
	if (change->set_id) {
		json_key(w, "set_id");
		json_bool(w, true);
	}
	if (change->why) {
		json_key(w, "held");
		json_strz(w, why[change->why]);
	}
	if (change->guard) {
		json_key(w, "guard");
		json_strz(w, change->guard->path);
	}
}
