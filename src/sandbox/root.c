/*
 * How the root is put together.
 *
 * One tmpfs serves for everything that is the session's own: the root directory with the mount
 * points, /dev, and the private places (/tmp, /dev/shm, home), which are directories of it bound
 * onto themselves writable while the root mount itself ends up read-only. One superblock, so one
 * size limit, and one thing for the kernel to make and to tear down.
 *
 * The tmpfs is attached on top of "/" first (the calls that mount onto something want it in this
 * namespace): our own root stays the directory underneath, so absolute paths still lead to the
 * host's tree, and the new one is reached through its descriptor alone. Then, parents first:
 *
 *	links and mount points in the tmpfs; every grant of the plan as a recursive clone of the
 *	host's mounts, restricted before it is attached (nosuid, nodev, read-only unless write,
 *	noexec unless exec), or under filesystem.overlay a layer over them (overlay.h); private places; /dev; /proc; pins and covers; the root read-only; pivot.
 *
 * Where names can change under us. A writable grant may be in use by another session at this
 * moment. What is mounted below one is therefore opened without following any link, mounted onto
 * that very descriptor, and looked up once more at the end: if the name no longer leads to a
 * mount point, something was moved in between and the run is refused.
 *
 * A grant of "/" itself: the host's tree, cloned, becomes the root, and the tmpfs only lends its
 * directories. Mount points must then exist on the host.
 */
#include "sandbox/root.h"

#include "base/own.h"
#include "sandbox/overlay.h"
#include "sys/missing_syscall.h"
#include "sys/mnt.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* Statx's mark of a mount's root: Linux 5.8. */
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

/* Entries of the private tmpfs per byte limit: one per 4 KiB, and some to begin with. */
#define INODES_MIN 4096
#define INODES_DEFAULT (1U << 20)

struct builder {
	const struct plan *plan;
	const struct root_options *options;
	int tmpfs;               /* the session's own file system */
	int root;                /* where everything is mounted: usually the same */
	bool host_tree;          /* root is a clone of the host's "/" */
	char made[PATH_MAX];     /* the directory that place_parents() made last */
	unsigned n_layers;       /* of filesystem.overlay, made so far */
	int deny_file, deny_dir; /* a cover in place, to be cloned for the next */
	struct err *err;
};

static int fail(struct builder *b, int r, const char *what, const char *path)
{
	return err_set(b->err, -r, "cannot %s '%s'", what, path);
}

/* ---- places in the tmpfs ----------------------------------------------------------------- */

/* Is @path, or the directory it is to stand in, part of something granted? Then it exists. */
static bool in_grant(const struct builder *b, const char *path)
{
	const struct plan_item *item = plan_above(b->plan, path);

	return item && item->kind == PLAN_GRANT;
}

/* Is the directory that @path stands in part of something granted? */
static bool parent_in_grant(const struct builder *b, const char *path)
{
	char parent[PATH_MAX];
	size_t n = (size_t)(strrchr(path, '/') - path);

	if (n >= sizeof(parent))
		return false;
	memcpy(parent, path, n);
	parent[n] = '\0';
	return in_grant(b, n ? parent : "/");
}

static int directory_make(struct builder *b, const char *path)
{
	const struct root_options *o = b->options;

	if (mkdirat(b->root, path + 1, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	/* ~/.config above a granted ~/.config/git is the session's, as its home is. */
	if (o->chown && plan_above(b->plan, path) &&
	    fchownat(b->root, path + 1, o->uid, o->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* The directories above @path ("/a/b" for "/a/b/c"), as far as they are ours to make. */
static int place_parents(struct builder *b, const char *path)
{
	char dir[PATH_MAX];
	size_t n = strlen(path);
	int r;

	if (n >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, n + 1);
	*strrchr(dir, '/') = '\0';
	if (!*dir || strcmp(dir, b->made) == 0)
		return 0;
	for (char *at = dir + 1;; at++) {
		char c = *at;

		if (c != '/' && c != '\0')
			continue;
		*at = '\0';
		r = in_grant(b, dir) ? 0 : directory_make(b, dir);
		if (r < 0)
			return r;
		*at = c;
		if (!c)
			break;
	}
	memcpy(b->made, dir, strlen(dir) + 1);
	return 0;
}

/* A mount point of the right sort at @path, unless a grant already shows one. */
static int place_make(struct builder *b, const char *path, mode_t mode)
{
	int r;

	if (parent_in_grant(b, path))
		return 0;
	r = place_parents(b, path);
	if (r < 0)
		return r;
	if (S_ISDIR(mode))
		r = mkdirat(b->root, path + 1, 0755);
	else
		r = mknodat(b->root, path + 1, S_IFREG, 0);
	return r < 0 && errno != EEXIST ? -errno : 0;
}

/*
 * Attach @tree at @path. Without @strict nobody else can change what is above @path, and the name
 * will do.
 */
static int place_attach(struct builder *b, int tree, const char *path, bool strict)
{
	AUTO(fd_closep) int at = -EBADF;

	if (!strict)
		return mount_attach(tree, b->root, path + 1);
	at = sys_openat2(b->root, path + 1, O_PATH | O_NOFOLLOW,
			 RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH);
	return at < 0 ? at : mount_attach(tree, at, "");
}

/* ---- grants ------------------------------------------------------------------------------ */

static uint64_t grant_attrs(const struct plan_item *item)
{
	/* A device that the policy names stays one; anywhere else a device node is just a file. */
	uint64_t attrs = MOUNT_ATTR_NOSUID;

	if (!plan_within(item->path, "/dev"))
		attrs |= MOUNT_ATTR_NODEV;
	if (!(item->rights & PLAN_WRITE))
		attrs |= MOUNT_ATTR_RDONLY;
	if (!(item->rights & PLAN_EXEC))
		attrs |= MOUNT_ATTR_NOEXEC;
	return attrs;
}

/* The host's mounts; or what keeps changes from them; or a part of that. */
static int grant_source(struct builder *b, const struct plan_item *item, int *ret_tree)
{
	AUTO(fd_closep) int tree = -EBADF;
	int r;

	if (item->aside == PLAN_ASIDE_LAYER)
		return overlay_make(item, b->options->changes, b->n_layers++, grant_attrs(item),
				    ret_tree, b->err);
	if (item->aside == PLAN_ASIDE_BELOW)
		return overlay_part(item, b->root, grant_attrs(item), ret_tree, b->err);
	r = mount_clone(item->fd, true, &tree);
	if (r < 0)
		return fail(b, r, "clone the mounts at", item->named);
	r = mount_restrict(tree, grant_attrs(item), true);
	if (r < 0)
		return fail(b, r, "restrict the mounts at", item->named);
	*ret_tree = take_fd(&tree);
	return 0;
}

static int grant_mount(struct builder *b, const struct plan_item *item)
{
	AUTO(fd_closep) int tree = -EBADF;
	bool strict = parent_in_grant(b, item->path);
	int r;

	r = grant_source(b, item, &tree);
	if (r < 0)
		return r;
	r = place_make(b, item->path, (mode_t)item->mode);
	if (r < 0)
		return fail(b, r, "make a mount point for", item->named);
	r = place_attach(b, tree, item->path, strict);
	return r < 0 ? fail(b, r, "mount", item->named) : 0;
}

/*
 * A directory of the tmpfs, bound onto @path. In the tmpfs itself that is a bind of the directory
 * onto itself, and it stays writable when the root becomes read-only.
 */
static int private_mount(struct builder *b, const char *path, mode_t mode, bool exec)
{
	AUTO(fd_closep) int dir = -EBADF;
	AUTO(fd_closep) int tree = -EBADF;
	const char *name = path + 1;
	char flat[32];
	int r;

	r = place_make(b, path, S_IFDIR);
	if (r == 0 && (b->host_tree || parent_in_grant(b, path))) {
		/* Somewhere in the tmpfs will do: its name is never seen. */
		static unsigned serial;

		(void)snprintf(flat, sizeof(flat), ".private-%u", serial++);
		name = flat;
		r = mkdirat(b->tmpfs, name, 0700) < 0 ? -errno : 0;
	}
	if (r < 0)
		return fail(b, r, "make the private directory", path);
	dir = openat(b->tmpfs, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fchmodat(b->tmpfs, name, mode, 0) < 0 ||
	    (b->options->chown &&
	     fchownat(dir, "", b->options->uid, b->options->gid, AT_EMPTY_PATH) < 0))
		return fail(b, -errno, "set up the private directory", path);
	r = mount_clone(dir, false, &tree);
	if (r == 0 && !exec)
		r = mount_restrict(tree, MOUNT_ATTR_NOEXEC, false);
	if (r == 0)
		r = place_attach(b, tree, path, parent_in_grant(b, path));
	return r < 0 ? fail(b, r, "mount the private directory", path) : 0;
}

/*
 * A link of the host's that leads to something granted. Where a grant shows the directory it is
 * in, it is there already.
 */
static int link_make(struct builder *b, const struct plan_link *link)
{
	int r;

	if (b->host_tree || in_grant(b, link->path))
		return 0;
	r = place_parents(b, link->path);
	if (r == 0 && symlinkat(link->target, b->root, link->path + 1) < 0 && errno != EEXIST)
		r = -errno;
	return r < 0 ? fail(b, r, "make the link", link->path) : 0;
}

static int items_mount(struct builder *b)
{
	const struct plan *plan = b->plan;
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->n_items; i++) {
		const struct plan_item *item = &plan->items[i];

		if (item->redundant || !item->rights || strcmp(item->path, "/") == 0)
			continue;
		if (item->kind == PLAN_GRANT)
			r = grant_mount(b, item);
		else
			r = private_mount(b, item->path, item->mode, item->rights & PLAN_EXEC);
	}
	for (size_t i = 0; r == 0 && i < plan->n_links; i++)
		r = link_make(b, &plan->links[i]);
	return r;
}

/* ---- /dev and /proc ------------------------------------------------------------------------ */

static const char *const devices[] = { "null", "zero", "full", "random", "urandom", "tty" };

static const struct plan_link dev_links[] = {
	{ "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
	{ "ptmx", "pts/ptmx" },
};

/* The host's @source over an empty file of that name in /dev: nobody may make a device node here. */
static int device_mount(int dev, const char *name, const char *source)
{
	AUTO(fd_closep) int tree = -EBADF;

	if (mknodat(dev, name, S_IFREG, 0) < 0 && errno != EEXIST)
		return -errno;
	tree = open_tree(AT_FDCWD, source,
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	if (tree < 0)
		return -errno;
	return mount_attach(tree, dev, name);
}

static int devpts_mount(int dev)
{
	static const struct mount_option options[] = {
		{ "newinstance", NULL },
		{ "ptmxmode", "0666" },
		{ "mode", "0620" },
	};
	AUTO(fd_closep) int tree = -EBADF;
	int r;

	r = mount_new("devpts", options, 3, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, &tree);
	if (r < 0)
		return r;
	if (mkdirat(dev, "pts", 0755) < 0 && errno != EEXIST)
		return -errno;
	return mount_attach(tree, dev, "pts");
}

static int dev_fill(struct builder *b, int dev)
{
	char source[32];
	int r;

	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		(void)snprintf(source, sizeof(source), "/dev/%s", devices[i]);
		r = device_mount(dev, devices[i], source);
		if (r < 0)
			return fail(b, r, "mount the device", source);
	}
	for (size_t i = 0; i < sizeof(dev_links) / sizeof(dev_links[0]); i++) {
		if (symlinkat(dev_links[i].target, dev, dev_links[i].path) < 0)
			return fail(b, -errno, "make /dev's link", dev_links[i].path);
	}
	r = devpts_mount(dev);
	if (r < 0)
		return fail(b, r, "mount", "/dev/pts");
	if (mkdirat(dev, "shm", 01777) < 0)
		return fail(b, -errno, "make", "/dev/shm");
	/* A terminal of the host's devpts has no name in here: let ttyname() find one. */
	if (b->options->tty) {
		r = device_mount(dev, "console", b->options->tty);
		if (r < 0)
			return fail(b, r, "mount the terminal", b->options->tty);
	}
	return 0;
}

/* A fresh /dev, before the items: the policy may name devices below it. */
static int dev_mount(struct builder *b, int *ret_dev)
{
	AUTO(fd_closep) int dev = -EBADF;
	AUTO(fd_closep) int tree = -EBADF;
	int r;

	if (mkdirat(b->tmpfs, "dev", 0755) < 0)
		return fail(b, -errno, "make", "/dev");
	if (b->host_tree) {
		/* Cover the host's with it first; everything below goes into the bind. */
		dev = openat(b->tmpfs, "dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = dev < 0 ? -errno : mount_clone(dev, false, &tree);
		if (r == 0)
			r = mount_attach(tree, b->root, "dev");
		if (r < 0)
			return fail(b, r, "mount", "/dev");
		dev = fd_close(dev);
	}
	dev = openat(b->root, "dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dev < 0)
		return fail(b, -errno, "open", "/dev");
	r = dev_fill(b, dev);
	if (r < 0)
		return r;
	*ret_dev = take_fd(&dev);
	return 0;
}

/*
 * What in /proc tells of the whole host or reaches it. An ordinary user is kept from most of it by
 * permissions; uid 0 is not, capabilities or no. What must not be written is read-only by the
 * mount and by Landlock.
 */
static const struct {
	const char *path;
	mode_t mode;
	bool host_root; /* of interest to uid 0 only */
} proc_masks[] = {
	{ "keys", S_IFREG, false },         { "acpi", S_IFDIR, false },
	{ "scsi", S_IFDIR, false },         { "kcore", S_IFREG, true },
	{ "timer_list", S_IFREG, true },    { "sched_debug", S_IFREG, false },
	{ "latency_stats", S_IFREG, true }, { "kpagecount", S_IFREG, true },
	{ "kpageflags", S_IFREG, true },    { "kpagecgroup", S_IFREG, true },
	{ "kmsg", S_IFREG, true },          { "sysrq-trigger", S_IFREG, true },
	{ "slabinfo", S_IFREG, true },      { "vmallocinfo", S_IFREG, true },
	{ "pagetypeinfo", S_IFREG, true },  { "kallsyms", S_IFREG, true },
	{ "modules", S_IFREG, true },
};

/*
 * Since Linux 6.14 each pid namespace has a pid_max of its own: a limit on processes and threads
 * that costs nothing and holds for uid 0 too. Before, this file is the host's: hands off, which the
 * caller decides by the kernel's version.
 */
static int pid_max_set(int proc, uint64_t limit)
{
	AUTO(fd_closep) int fd = openat(proc, "sys/kernel/pid_max", O_WRONLY | O_CLOEXEC);
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)limit);

	if (fd < 0)
		return -errno;
	return write(fd, text, (size_t)n) < 0 ? -errno : 0;
}

static int proc_mount(struct builder *b, struct root_places *places)
{
	AUTO(fd_closep) int proc = -EBADF;
	int r;

	r = mount_new("proc", NULL, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
		      &proc);
	if (r < 0)
		return fail(b, r, "mount a new", "/proc");
	if (b->options->pid_max)
		places->pid_max = pid_max_set(proc, b->options->pid_max);
	r = mount_restrict(proc, MOUNT_ATTR_RDONLY, false);
	if (r < 0)
		return fail(b, r, "make read-only", "/proc");
	if (!b->host_tree && mkdirat(b->root, "proc", 0555) < 0 && errno != EEXIST)
		return fail(b, -errno, "make", "/proc");
	r = mount_attach(proc, b->root, "proc");
	if (r < 0)
		return fail(b, r, "mount", "/proc");
	places->proc = take_fd(&proc);
	return 0;
}

/* ---- pins and covers ------------------------------------------------------------------------- */

/* The thing itself, mounted on itself; read-only to protect it, as it is to pin it. */
static int self_mount(struct builder *b, const struct plan_cover *cover)
{
	AUTO(fd_closep) int at = -EBADF;
	AUTO(fd_closep) int tree = -EBADF;
	uint64_t resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH;
	int r;

	at = sys_openat2(b->root, cover->path + 1, O_PATH | O_NOFOLLOW, resolve);
	if (at < 0)
		return at;
	r = mount_clone(at, S_ISDIR(cover->mode), &tree);
	if (r == 0 && cover->kind == PLAN_PROTECT)
		r = mount_restrict(tree, MOUNT_ATTR_RDONLY, true);
	return r < 0 ? r : mount_attach(tree, at, "");
}

static const char *const deny_name[2] = { ".deny-file", ".deny-directory" };

/* An empty thing without any permission, detached, that nothing can be done to. */
static int deny_new(struct builder *b, bool dir, int *ret_tree)
{
	static const uint64_t attrs = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				      MOUNT_ATTR_NOEXEC;
	const char *name = deny_name[dir];
	AUTO(fd_closep) int source = -EBADF;
	AUTO(fd_closep) int tree = -EBADF;
	int r;

	r = dir ? mkdirat(b->tmpfs, name, 0) : mknodat(b->tmpfs, name, S_IFREG, 0);
	if (r == 0)
		source = openat(b->tmpfs, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (source < 0)
		return -errno;
	r = mount_clone(source, false, &tree);
	if (r == 0)
		r = mount_restrict(tree, attrs, false);
	if (r == 0)
		*ret_tree = take_fd(&tree);
	return r;
}

/*
 * The mounts keep them alive, their names would only be litter. Not before all is mounted: what
 * has no name any more cannot be attached.
 */
static void deny_forget(struct builder *b)
{
	for (int dir = 0; dir < 2; dir++) {
		if ((dir ? b->deny_dir : b->deny_file) >= 0)
			(void)unlinkat(b->tmpfs, deny_name[dir], dir ? AT_REMOVEDIR : 0);
	}
}

/* Cover @path. The first cover of each sort is made, the next are clones of it, flags and all. */
static int deny_mount(struct builder *b, const char *path, bool dir, bool strict)
{
	int *first = dir ? &b->deny_dir : &b->deny_file;
	AUTO(fd_closep) int tree = -EBADF;
	int r;

	r = *first >= 0 ? mount_clone(*first, false, &tree) : deny_new(b, dir, &tree);
	if (r == 0)
		r = place_attach(b, tree, path, strict);
	if (r == 0 && *first < 0)
		*first = take_fd(&tree);
	return r;
}

static int cover_mount(struct builder *b, const struct plan_cover *cover)
{
	const char *named = cover->named ? cover->named : cover->path;
	int r;

	if (cover->kind != PLAN_DENY)
		r = self_mount(b, cover);
	else
		r = deny_mount(b, cover->path, S_ISDIR(cover->mode), true);
	if (r < 0 && cover->where.file)
		return err_set(b->err, -r, "%s:%u:%u: cannot cover '%s'", cover->where.file,
			       cover->where.line, cover->where.col, named);
	return r < 0 ? fail(b, r, "cover", named) : 0;
}

/*
 * Does each name inside a writable place still lead to its mount? If not, someone renamed
 * something while we built.
 */
static int covers_verify(struct builder *b)
{
	for (size_t i = 0; i < b->plan->n_covers; i++) {
		const struct plan_cover *cover = &b->plan->covers[i];
		struct statx st;

		if (cover->kind == PLAN_DENY && !cover->writable)
			continue;
		if (statx(b->root, cover->path + 1, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, 0,
			  &st) < 0)
			return fail(b, -errno, "find again", cover->path);
		if (!(st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
			return 0; /* an old kernel does not tell */
		if (!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
			return err_text(b->err, EBUSY,
					"'%s' was moved while the wall was being built",
					cover->path);
	}
	return 0;
}

static int covers_mount(struct builder *b)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->plan->n_covers; i++)
		r = cover_mount(b, &b->plan->covers[i]);
	for (size_t i = 0; r == 0 && i < sizeof(proc_masks) / sizeof(proc_masks[0]); i++) {
		char path[64];

		if (proc_masks[i].host_root && !b->options->host_root)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s", proc_masks[i].path);
		if (faccessat(b->root, path + 1, F_OK, AT_EACCESS) < 0 && errno == ENOENT)
			continue;
		r = deny_mount(b, path, S_ISDIR(proc_masks[i].mode), false);
		if (r < 0)
			r = fail(b, r, "mask", path);
	}
	deny_forget(b);
	return r < 0 ? r : covers_verify(b);
}

/* ---- the whole --------------------------------------------------------------------------------- */

static int tmpfs_new(const struct root_options *options, int *ret_tmpfs)
{
	uint64_t inodes = INODES_DEFAULT;
	char size[24], nr_inodes[24];
	struct mount_option list[3] = { { "mode", "0755" }, { "nr_inodes", nr_inodes } };

	if (options->disk)
		inodes = INODES_MIN + options->disk / 4096;
	(void)snprintf(size, sizeof(size), "%llu", (unsigned long long)options->disk);
	(void)snprintf(nr_inodes, sizeof(nr_inodes), "%llu", (unsigned long long)inodes);
	list[2] = (struct mount_option){ "size", size };
	return mount_new("tmpfs", list, options->disk ? 3 : 2, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
			 ret_tmpfs);
}

/* A grant of "/": the clone of the host's tree is taken before the tmpfs hides it. */
static int host_tree_mount(struct builder *b, const struct plan_item *top, int *ret_root)
{
	AUTO(fd_closep) int tree = -EBADF;
	int r;

	r = mount_clone(top->fd, true, &tree);
	if (r == 0)
		r = mount_restrict(tree, grant_attrs(top), true);
	if (r == 0 && mkdirat(b->tmpfs, ".root", 0755) < 0)
		r = -errno;
	if (r == 0)
		r = mount_attach(tree, b->tmpfs, ".root");
	if (r < 0)
		return fail(b, r, "mount", "/");
	b->host_tree = true;
	*ret_root = take_fd(&tree);
	return 0;
}

static int root_fill(struct builder *b, struct root_places *places)
{
	const struct plan *plan = b->plan;
	int r;

	r = dev_mount(b, &places->dev);
	if (r == 0)
		r = items_mount(b);
	if (r == 0)
		r = private_mount(b, "/dev/shm", 01777, false);
	/* Programs that insist on /var/tmp get the private one. */
	if (r == 0 && plan->policy->private_tmp && !in_grant(b, "/var/tmp") && !b->host_tree &&
	    place_parents(b, "/var/tmp") == 0)
		(void)!symlinkat("/tmp", b->root, "var/tmp");
	if (r == 0)
		r = covers_mount(b);
	if (r == 0 && mount_restrict(b->root, MOUNT_ATTR_RDONLY, false) < 0)
		r = fail(b, -errno, "make read-only", "/");
	if (r == 0 && b->host_tree)
		r = mount_restrict(places->dev, MOUNT_ATTR_RDONLY, false);
	return r;
}

static int root_assemble(struct builder *b, struct root_places *places, bool *early)
{
	const struct plan *plan = b->plan;
	AUTO(fd_closep) int host = -EBADF;
	int r;

	r = mount_all_private();
	if (r < 0)
		return fail(b, r, "make private the mounts below", "/");
	r = tmpfs_new(b->options, &b->tmpfs);
	if (r < 0)
		return fail(b, r, "mount a tmpfs for", "/");
	r = mount_attach(b->tmpfs, AT_FDCWD, "/");
	if (r < 0)
		return fail(b, r, "mount a tmpfs over", "/");
	b->root = b->tmpfs;
	if (plan->n_items && strcmp(plan->items[0].path, "/") == 0 && plan->items[0].rights) {
		r = host_tree_mount(b, &plan->items[0], &host);
		if (r < 0)
			return r;
		b->root = host;
	}
	/* /proc early: the one thing that a host may forbid even with namespaces. */
	r = proc_mount(b, places);
	if (r < 0)
		return r;
	*early = false;
	r = root_fill(b, places);
	if (r < 0)
		return r;
	places->root = fcntl(b->root, F_DUPFD_CLOEXEC, 0);
	return places->root < 0 ? fail(b, -errno, "open", "/") : 0;
}

int root_build(const struct plan *plan, const struct root_options *options,
	       struct root_places *ret_places, bool *ret_early, struct err *err)
{
	struct builder b = { .plan = plan, .options = options, .err = err };
	struct root_places places = ROOT_PLACES_INIT;
	mode_t mask = umask(0); /* modes below are meant as they stand */
	int r;

	b.tmpfs = b.root = b.deny_file = b.deny_dir = -EBADF;
	*ret_early = true;
	r = root_assemble(&b, &places, ret_early);
	(void)umask(mask);
	fd_close(b.tmpfs);
	fd_close(b.deny_file);
	fd_close(b.deny_dir);
	if (r < 0) {
		root_places_close(&places);
		return r;
	}
	*ret_places = places;
	return 0;
}

int root_enter(const struct root_places *places, struct err *err)
{
	int r = mount_pivot(places->root);

	return r < 0 ? err_set(err, -r, "cannot pivot into '/'") : 0;
}

void root_places_close(struct root_places *places)
{
	places->root = fd_close(places->root);
	places->dev = fd_close(places->dev);
	places->proc = fd_close(places->proc);
}

static unsigned landlock_rights(const struct plan_item *item)
{
	unsigned rights = LANDLOCK_READ;

	if (item->rights & PLAN_WRITE)
		rights |= LANDLOCK_WRITE;
	if (item->rights & PLAN_EXEC)
		rights |= LANDLOCK_EXEC;
	if (item->kind == PLAN_GRANT && plan_within(item->path, "/dev"))
		rights |= LANDLOCK_IOCTL;
	return rights;
}

/* What is not the host's (a private directory, a layer): rules are tied to inodes, so to those inside. */
static int landlock_inside(const struct landlock *set, const struct plan_item *item)
{
	AUTO(fd_closep) int fd = -EBADF;
	int r = mount_open(AT_FDCWD, item->path, &fd);

	if (r < 0)
		return r;
	return landlock_allow(set, fd, item->kind == PLAN_GRANT ? item->mode : S_IFDIR,
			      landlock_rights(item));
}

int root_landlock(const struct plan *plan, const struct root_places *places,
		  const struct landlock *set)
{
	int r;

	/*
	 * Lists of every directory there is: Landlock's rules only ever add up on the way down, and
	 * without this one "ls /" would fail. What must not be listed is not mounted, or covered.
	 */
	r = landlock_allow(set, places->root, S_IFDIR, LANDLOCK_LIST);
	if (r == 0)
		r = landlock_allow(set, places->proc, S_IFDIR, LANDLOCK_READ);
	if (r == 0)
		r = landlock_allow(set, places->dev, S_IFDIR,
				   LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_IOCTL);
	for (size_t i = 0; r == 0 && i < plan->n_items; i++) {
		const struct plan_item *item = &plan->items[i];

		if (item->redundant || !item->rights)
			continue;
		if (item->kind == PLAN_GRANT && item->aside == PLAN_ASIDE_NOT)
			r = landlock_allow(set, item->fd, item->mode, landlock_rights(item));
		else
			r = landlock_inside(set, item);
	}
	return r;
}
