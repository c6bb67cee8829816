#include "sandbox/plan.h"

#include "base/own.h"
#include "sys/missing_syscall.h"
#include "sys/mnt.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAN_ARENA_MAX (8U << 20)
#define LINKS_MAX 40 /* as many as the kernel follows */

/* Paths below these are Capsule's own business: process basics, the same in every session. */
static const char *const own_places[] = { "/proc", "/dev/pts", "/dev/shm", "/dev/fd" };

bool plan_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (n == 1) /* "/" */
		return true;
	return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

int plan_order(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a - (unsigned char)*b;
}

static bool own_place(const char *path)
{
	if (strcmp(path, "/dev") == 0)
		return true;
	for (size_t i = 0; i < sizeof(own_places) / sizeof(own_places[0]); i++) {
		if (plan_within(path, own_places[i]))
			return true;
	}
	return false;
}

/* ---- resolving ------------------------------------------------------------------------- */

/* The state of a walk from the root to what a path of the policy names. */
struct walk {
	struct plan *plan;
	char real[PATH_MAX]; /* where we are; no links in it */
	char rest[PATH_MAX]; /* what is still to be walked */
	int fd;              /* O_PATH at real */
	bool cover; /* deny or protect: links inside writable places are pinned, followed */
	unsigned n_links;
};

/* Inside something that a session under this policy may write? Only grants made so far count. */
static bool writable_at(const struct plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->n_items; i++) {
		const struct plan_item *item = &plan->items[i];

		if (item->kind == PLAN_GRANT && item->rights & PLAN_WRITE &&
		    plan_within(path, item->path))
			return true;
	}
	return false;
}

static struct plan_cover *cover_add(struct plan *plan, const char *path, enum plan_cover_kind kind,
				    mode_t mode)
{
	struct plan_cover *cover;

	plan->covers = arena_grow(&plan->arena, plan->covers, plan->n_covers, &plan->cap_covers,
				  sizeof(*plan->covers));
	if (!plan->covers)
		return NULL;
	cover = &plan->covers[plan->n_covers];
	*cover = (struct plan_cover){ .kind = kind, .mode = mode };
	cover->path = arena_strdup(&plan->arena, str_of(path));
	if (!cover->path)
		return NULL;
	plan->n_covers++;
	return cover;
}

/* Cut the last component off @path: false at "/x". */
static bool path_cut(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return false;
	*slash = '\0';
	return true;
}

/*
 * Pin every directory above @path that stands inside something writable: a cover is tied to the
 * object, not to the name, so "mv .git g; cp -r g .git" would leave an unprotected .git behind. A
 * mount point cannot be renamed or removed.
 */
static int pins_add(struct plan *plan, const char *path)
{
	char up[PATH_MAX], parent[PATH_MAX];

	if (strlen(path) >= sizeof(up))
		return -ENAMETOOLONG;
	memcpy(up, path, strlen(path) + 1);
	for (;;) {
		if (!path_cut(up))
			return 0;
		memcpy(parent, up, sizeof(parent));
		if (!path_cut(parent) || !writable_at(plan, parent))
			return 0;
		if (!cover_add(plan, up, PLAN_PIN, S_IFDIR))
			return -ENOMEM;
	}
}

static int link_add(struct plan *plan, const char *path, const char *target)
{
	for (size_t i = 0; i < plan->n_links; i++) {
		if (strcmp(plan->links[i].path, path) == 0)
			return 0;
	}
	plan->links = arena_grow(&plan->arena, plan->links, plan->n_links, &plan->cap_links,
				 sizeof(*plan->links));
	if (!plan->links)
		return -ENOMEM;
	plan->links[plan->n_links] = (struct plan_link){
		.path = arena_strdup(&plan->arena, str_of(path)),
		.target = arena_strdup(&plan->arena, str_of(target)),
	};
	if (!plan->links[plan->n_links].path || !plan->links[plan->n_links].target)
		return -ENOMEM;
	plan->n_links++;
	return 0;
}

/* Take the next component off @w->rest. NULL: none left. */
static char *walk_next(struct walk *w, char name[NAME_MAX + 1])
{
	const char *at = w->rest;
	size_t n;

	while (*at == '/')
		at++;
	n = strcspn(at, "/");
	if (n == 0 || n > NAME_MAX)
		return NULL;
	memcpy(name, at, n);
	name[n] = '\0';
	memmove(w->rest, at + n, strlen(at + n) + 1);
	return name;
}

static int walk_reopen(struct walk *w)
{
	w->fd = fd_close(w->fd);
	return mount_open(AT_FDCWD, *w->real ? w->real : "/", &w->fd);
}

/* ".." of a link's target. real holds no links, so its textual parent is its parent. */
static int walk_up(struct walk *w)
{
	char *slash = strrchr(w->real, '/');

	if (slash)
		*slash = '\0';
	return walk_reopen(w);
}

/* @fd is the symbolic link @path, met in the directory w->real. */
static int walk_link(struct walk *w, int fd, const char *path)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target) - 1);
	bool writable = writable_at(w->plan, *w->real ? w->real : "/");
	int r;

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (++w->n_links > LINKS_MAX || n == 0)
		return -ELOOP;
	if (writable && !w->cover)
		return -EXDEV; /* planted, for all we know */
	if (writable) {
		/* The link is part of what the path means: nobody may put another in its place. */
		if (!cover_add(w->plan, path, PLAN_PIN, S_IFLNK))
			return -ENOMEM;
		r = pins_add(w->plan, path);
		if (r < 0)
			return r;
	}
	r = link_add(w->plan, path, target);
	if (r < 0)
		return r;
	n = snprintf(rest, sizeof(rest), "%s%s", target, w->rest);
	if (n >= (ssize_t)sizeof(rest))
		return -ENAMETOOLONG;
	memcpy(w->rest, rest, (size_t)n + 1);
	if (*target != '/')
		return 0;
	w->real[0] = '\0';
	return walk_reopen(w);
}

static int walk_step(struct walk *w, const char *name)
{
	AUTO(fd_closep) int fd = -EBADF;
	size_t n = strlen(w->real);
	char path[PATH_MAX];
	struct stat st;

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return walk_up(w);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", w->real, name) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return walk_link(w, fd, path);
	memcpy(w->real + n, path + n, strlen(path + n) + 1);
	fd_close(w->fd);
	w->fd = take_fd(&fd);
	return 0;
}

/*
 * "/bin -> usr/bin" and its like, in three system calls instead of ten: a link in the root directory,
 * which the session cannot write, to something below it that has no link in its path.
 */
static int resolve_top(struct walk *w, const char *path)
{
	ssize_t n;

	if (strchr(path + 1, '/') || writable_at(w->plan, "/"))
		return -ELOOP;
	w->real[0] = '/';
	n = readlink(path, w->real + 1, sizeof(w->real) - 2);
	if (n <= 0 || n >= (ssize_t)sizeof(w->real) - 2 || w->real[1] == '/')
		return -ELOOP;
	w->real[n + 1] = '\0';
	/* "..", "." and doubled slashes are the long way's */
	if (strstr(w->real, "/.") || strstr(w->real, "//") || w->real[n] == '/' ||
	    mount_open(AT_FDCWD, w->real, &w->fd) < 0)
		return -ELOOP;
	return link_add(w->plan, path, w->real + 1);
}

/*
 * What @path names, without its links: an O_PATH descriptor and the real path. The common case, no
 * link in it, is one system call. For a cover that cannot be reached all the way (-EACCES: nobody
 * may search the directory today, its owner could again tomorrow; -ENOTDIR: the `.git` of a
 * worktree is a file) @w holds the deepest thing that was reached.
 */
static int resolve(struct plan *plan, const char *path, bool cover, struct walk *w)
{
	char name[NAME_MAX + 1];
	int r;

	/* Field by field: clearing two path buffers for each of the policy's paths would show. */
	w->plan = plan;
	w->fd = -EBADF;
	w->cover = cover;
	w->n_links = 0;
	w->real[0] = '\0';
	w->rest[0] = '\0';
	if (strlen(path) >= sizeof(w->rest))
		return -ENAMETOOLONG;
	r = mount_open(AT_FDCWD, path, &w->fd);
	if (r == 0) {
		memcpy(w->real, path, strlen(path) + 1);
		return 0;
	}
	if (r == -ELOOP && resolve_top(w, path) == 0)
		return 0;
	if (r != -ELOOP && !(cover && (r == -EACCES || r == -ENOTDIR)))
		return r;
	w->fd = fd_close(w->fd);
	w->real[0] = '\0';
	memcpy(w->rest, path, strlen(path) + 1);
	r = walk_reopen(w);
	while (r == 0 && walk_next(w, name))
		r = walk_step(w, name);
	if (r == 0 && !*w->real)
		memcpy(w->real, "/", 2);
	return r;
}

/* ---- items ------------------------------------------------------------------------------- */

static struct plan_item *item_at(struct plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->n_items; i++) {
		if (strcmp(plan->items[i].path, path) == 0)
			return &plan->items[i];
	}
	return NULL;
}

static struct plan_item *item_add(struct plan *plan, const char *path, enum plan_kind kind)
{
	struct plan_item *item;

	plan->items = arena_grow(&plan->arena, plan->items, plan->n_items, &plan->cap_items,
				 sizeof(*plan->items));
	if (!plan->items)
		return NULL;
	item = &plan->items[plan->n_items];
	*item = (struct plan_item){ .kind = kind, .fd = -EBADF };
	item->path = arena_strdup(&plan->arena, str_of(path));
	item->named = item->path;
	if (!item->path)
		return NULL;
	plan->n_items++;
	return item;
}

static unsigned rights_of(enum policy_fs kind)
{
	switch (kind) {
	case POLICY_FS_READ: return PLAN_READ;
	case POLICY_FS_WRITE: return PLAN_READ | PLAN_WRITE;
	case POLICY_FS_EXEC: return PLAN_READ | PLAN_EXEC;
	default: return 0;
	}
}

static int path_err(struct err *err, const struct policy_path *path, int r, const char *what)
{
	if (path->where.file)
		return err_set(err, -r, "%s:%u:%u: %s '%s'", path->where.file, path->where.line,
			       path->where.col, what, path->path);
	return err_set(err, -r, "%s '%s'", what, path->path);
}

static int grant_add(struct plan *plan, const struct policy_path *path, struct err *err)
{
	unsigned rights = rights_of(path->kind);
	struct plan_item *item;
	struct walk w;
	struct stat st;
	int r;

	if (own_place(path->path) || (path->absent && path->optional))
		return 0;
	/* Granting the session's own /tmp or home says what may be done there, not: the host's. */
	item = item_at(plan, path->path);
	if (item && item->kind == PLAN_PRIVATE) {
		item->rights |= rights;
		return 0;
	}
	r = resolve(plan, path->path, false, &w);
	if (r == 0)
		item = item_at(plan, w.real);
	if (r == 0 && (item || own_place(w.real))) {
		if (item)
			item->rights |= rights;
		fd_close(w.fd);
		return 0;
	}
	if (r == 0 && fstat(w.fd, &st) < 0)
		r = -errno;
	if (r < 0) {
		fd_close(w.fd);
		if (r == -EXDEV)
			return path_err(err, path, -ELOOP,
					"a symbolic link in a directory that the session may "
					"write leads elsewhere: refusing to grant");
		/* Loading the policy has warned already. */
		if (path->optional || (path->kind != POLICY_FS_WRITE &&
				       (r == -ENOENT || r == -ENOTDIR || r == -EACCES)))
			return 0;
		return path_err(err, path, r, "cannot open");
	}
	item = item_add(plan, w.real, PLAN_GRANT);
	if (!item) {
		fd_close(w.fd);
		return -ENOMEM;
	}
	item->fd = w.fd;
	item->rights = rights;
	item->mode = st.st_mode;
	item->named = path->path;
	item->where = path->where;
	return 0;
}

/* A directory of the session's own at @path; where the host has a link there, at its target. */
static int private_add(struct plan *plan, const char *path, unsigned mode, struct err *err)
{
	struct plan_item *item;
	struct walk w;
	int r = resolve(plan, path, false, &w);

	if (r < 0 && r != -ENOENT && r != -ENOTDIR && r != -EACCES)
		return err_set(err, -r, "cannot place a private directory at '%s'", path);
	if (strcmp(r < 0 ? path : w.real, "/") == 0)
		r = err_text(err, EINVAL, "'/' cannot be a private directory");
	else if (item_at(plan, r < 0 ? path : w.real))
		r = 0;
	else {
		item = item_add(plan, r < 0 ? path : w.real, PLAN_PRIVATE);
		r = item ? 0 : -ENOMEM;
		if (item) {
			item->mode = mode;
			item->rights = PLAN_READ | PLAN_WRITE;
		}
	}
	fd_close(w.fd);
	return r;
}

static int item_order(const void *a, const void *b)
{
	const struct plan_item *x = a, *y = b;

	return plan_order(x->path, y->path);
}

const struct plan_item *plan_above(const struct plan *plan, const char *path)
{
	for (size_t i = plan->n_items; i-- > 0;) {
		if (plan->items[i].rights && plan_within(path, plan->items[i].path))
			return &plan->items[i];
	}
	return NULL;
}

/* The nearest item above item @i, itself excluded: sorted, it is among those before. */
static const struct plan_item *item_parent(const struct plan *plan, size_t i)
{
	for (size_t j = i; j-- > 0;) {
		if (plan_within(plan->items[i].path, plan->items[j].path))
			return &plan->items[j];
	}
	return NULL;
}

/* Rights flow down from grant to grant: what a directory's grant allows holds below it too. */
static void items_merge(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_items; i++) {
		struct plan_item *item = &plan->items[i];
		const struct plan_item *up = item_parent(plan, i);

		if (!up || item->kind != PLAN_GRANT || up->kind != PLAN_GRANT)
			continue;
		item->rights |= up->rights;
		item->redundant = item->rights == up->rights;
	}
}

static int aside_refuse(const struct plan_item *item, const char *what, struct err *err)
{
	return err_at(err, EOPNOTSUPP, item->where.file, item->where.line, item->where.col,
		      "filesystem.overlay: '%s' %s", item->named, what);
}

/*
 * What may be written gets a layer. A single file cannot have one (it would be replaced, not
 * written to, and its folder is not the session's); what is no file has nothing to keep aside.
 */
static int items_aside(struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->n_items; i++) {
		struct plan_item *item = &plan->items[i];
		const struct plan_item *up = item_parent(plan, i);

		if (item->kind != PLAN_GRANT || !(item->rights & PLAN_WRITE))
			continue;
		if (strcmp(item->path, "/") == 0)
			return aside_refuse(item, "cannot be laid over: grant folders below it",
					    err);
		if (up && up->aside != PLAN_ASIDE_NOT)
			item->aside = PLAN_ASIDE_BELOW;
		else if (S_ISDIR(item->mode))
			item->aside = PLAN_ASIDE_LAYER;
		else if (S_ISREG(item->mode))
			return aside_refuse(item,
					    "is a single file, whose changes cannot be kept aside: "
					    "grant the folder it is in, or reading alone",
					    err);
		else if (S_ISBLK(item->mode))
			return aside_refuse(
				item, "is a disk: what is written there is not kept aside", err);
	}
	return 0;
}

/* ---- covers ------------------------------------------------------------------------------ */

/* Something at or below @path granted although it is denied: the denial wins. */
static void grants_drop(struct plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->n_items; i++) {
		struct plan_item *item = &plan->items[i];

		if (item->kind == PLAN_GRANT && plan_within(item->path, path)) {
			item->fd = fd_close(item->fd);
			item->rights = 0;
		}
	}
}

static int cover_resolved(struct plan *plan, const struct policy_path *path, struct walk *w)
{
	enum plan_cover_kind kind = path->kind == POLICY_FS_READONLY ? PLAN_PROTECT : PLAN_DENY;
	const struct plan_item *top;
	struct plan_cover *cover;
	struct stat st;

	if (kind == PLAN_DENY)
		grants_drop(plan, w->real);
	top = plan_above(plan, w->real);
	/* Not visible: nothing to cover. Read-only already: nothing to protect. */
	if (!top || top->kind == PLAN_PRIVATE)
		return 0;
	if (kind == PLAN_PROTECT && !(top->rights & PLAN_WRITE))
		return 0;
	if (fstat(w->fd, &st) < 0)
		return -errno;
	cover = cover_add(plan, w->real, kind, st.st_mode);
	if (!cover)
		return -ENOMEM;
	cover->named = path->path;
	cover->where = path->where;
	cover->writable = top->rights & PLAN_WRITE;
	return cover->writable ? pins_add(plan, w->real) : 0;
}

static int cover_make(struct plan *plan, const struct policy_path *path, struct err *err)
{
	struct walk w;
	int r;

	/* the supervisor's to hold: there is no one thing to mount over, or none yet; or it would be seen */
	if (path->glob || path->kind == POLICY_FS_ASK || path->kind == POLICY_FS_HIDE ||
	    path->absent)
		return 0;
	r = resolve(plan, path->path, true, &w);
	/* A directory nobody may search, a file where a directory was meant: cover that. */
	if ((r == -EACCES || r == -ENOTDIR) && *w.real && strcmp(w.real, "/") != 0)
		r = r == -ENOTDIR && path->kind == POLICY_FS_DENY ? -ENOENT : 0;
	if (r == 0)
		r = cover_resolved(plan, path, &w);
	else if (r == -ENOENT || r == -ENOTDIR)
		/* it was there a moment ago, and the rules count on the mount */
		r = path_err(err, path, -ENOENT, "cannot cover");
	if (r < 0 && !err_is_set(err))
		r = path_err(err, path, r, "cannot cover");
	fd_close(w.fd);
	return r;
}

static int cover_order(const void *a, const void *b)
{
	const struct plan_cover *x = a, *y = b;
	int order = plan_order(x->path, y->path);

	return order ? order : (int)x->kind - (int)y->kind;
}

/* One mount per place and kind; whatever lies under a denied directory needs none. */
static void covers_merge(struct plan *plan)
{
	const char *denied = NULL;
	size_t n = 0;

	for (size_t i = 0; i < plan->n_covers; i++) {
		struct plan_cover *cover = &plan->covers[i];
		struct plan_cover *last = n ? &plan->covers[n - 1] : NULL;

		if (denied && strcmp(cover->path, denied) != 0 && plan_within(cover->path, denied))
			continue;
		if (cover->kind == PLAN_DENY)
			denied = cover->path;
		if (last && strcmp(last->path, cover->path) == 0)
			*last = *cover; /* the stronger kind sorts last */
		else
			plan->covers[n++] = *cover;
	}
	plan->n_covers = n;
}

/* ---- the whole --------------------------------------------------------------------------- */

/* Those that may be written; or, @later, the others. */
static int grants_add(struct plan *plan, const struct policy_path *paths, size_t n, bool later,
		      struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (rights_of(paths[i].kind) && (paths[i].kind != POLICY_FS_WRITE) == later)
			r = grant_add(plan, &paths[i], err);
	}
	return r;
}

static int plan_grants(struct plan *plan, struct err *err)
{
	const struct policy *policy = plan->policy;
	int r = 0;

	if (policy->private_tmp)
		r = private_add(plan, "/tmp", 01777, err);
	/* TMPDIR was elsewhere: there too, but half the world writes to /tmp whatever it says. */
	if (r == 0 && policy->private_tmp && policy->tmp)
		r = private_add(plan, policy->tmp, 01777, err);
	if (r == 0 && policy->private_home && policy->home)
		r = private_add(plan, policy->home, 0700, err);
	/* What may be written first: links found later are judged by it. */
	for (unsigned later = 0; later < 2; later++) {
		if (r == 0)
			r = grants_add(plan, policy->paths, policy->n_paths, later, err);
		if (r == 0)
			r = grants_add(plan, policy->reload.within, policy->reload.n_within, later,
				       err);
	}
	return r;
}

int plan_make(const struct policy *policy, struct plan *ret_plan, struct err *err)
{
	struct plan plan = { .arena = ARENA_INIT(PLAN_ARENA_MAX), .policy = policy };
	int r = plan_grants(&plan, err);

	if (r == 0) {
		if (plan.n_items)
			qsort(plan.items, plan.n_items, sizeof(*plan.items), item_order);
		items_merge(&plan);
		r = policy->overlay ? items_aside(&plan, err) : 0;
	}
	for (size_t i = 0; r == 0 && i < policy->n_paths; i++) {
		enum policy_fs kind = policy->paths[i].kind;

		if (kind != POLICY_FS_READ && kind != POLICY_FS_WRITE && kind != POLICY_FS_EXEC)
			r = cover_make(&plan, &policy->paths[i], err);
	}
	if (r < 0) {
		plan_done(&plan);
		return err_is_set(err) ? r : err_set(err, -r, "cannot resolve the policy's paths");
	}
	if (plan.n_covers)
		qsort(plan.covers, plan.n_covers, sizeof(*plan.covers), cover_order);
	covers_merge(&plan);
	*ret_plan = plan;
	return 0;
}

void plan_done(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_items; i++)
		plan->items[i].fd = fd_close(plan->items[i].fd);
	arena_done(&plan->arena);
	*plan = (struct plan){ 0 };
}
