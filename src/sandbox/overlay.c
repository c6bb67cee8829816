#include "sandbox/overlay.h"

#include "base/file.h"
#include "base/own.h"
#include "sys/missing_syscall.h"
#include "sys/mnt.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

static int refuse(const struct plan_item *item, int r, const char *why, struct err *err)
{
	return err_at(err, -r, item->where.file, item->where.line, item->where.col,
		      "filesystem.overlay: '%s': %s", item->named, why);
}

/* What the kernel answers to a mount that cannot be, in words. */
static const char *mount_why(int r)
{
	switch (r) {
	case -EINVAL:
		return "its file system, or that of the state folder, cannot take part in an "
		       "overlay "
		       "(a network file system, another overlay, one without extended attributes?)";
	case -EPERM:
		return "this kernel lets no ordinary user lay one file system over another "
		       "(Linux 5.11 does)";
	case -ENODEV: return "this kernel has no overlayfs";
	default: return strerror(-r);
	}
}

/* ---- mounts of the host's inside ---- */

/* Undo the octal escapes of mountinfo, in place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' &&
		    at[3] >= '0' && at[3] <= '7') {
			*to++ = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
			at += 3;
		} else {
			*to++ = *at;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 /mnt1 /mnt2 rw ...": the fifth word is the mount point. */
static char *mount_point(char *line)
{
	for (int i = 0; i < 4; i++) {
		line = strchr(line, ' ');
		if (!line)
			return NULL;
		line++;
	}
	line[strcspn(line, " \n")] = '\0';
	unescape(line);
	return line;
}

static int submounts_refuse(const struct plan_item *item, struct err *err)
{
	AUTO(file_closep) FILE *file = fopen("/proc/self/mountinfo", "re");
	AUTO(freep) char *line = NULL;
	char why[PATH_MAX + 128];
	size_t cap = 0;

	if (!file)
		return refuse(item, -errno, "the list of mounts cannot be read", err);
	while (getline(&line, &cap, file) > 0) {
		const char *point = mount_point(line);

		if (!point || strcmp(point, item->path) == 0 || !plan_within(point, item->path))
			continue;
		(void)snprintf(why, sizeof(why),
			       "another file system is mounted inside it, at '%.*s'", PATH_MAX - 1,
			       point);
		return refuse(item, -EOPNOTSUPP, why, err);
	}
	return 0;
}

/* ---- a layer ---- */

/* A layer over the folder that layers are kept in would be over itself; kernels only warn. */
static int state_refuse(const struct plan_item *item, int changes, struct err *err)
{
	char self[32], path[PATH_MAX];
	ssize_t n;

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", changes);
	n = readlink(self, path, sizeof(path) - 1);
	if (n < 0)
		return refuse(item, -errno, "the folder for changes cannot be found", err);
	path[n] = '\0';
	if (plan_within(path, item->path) || plan_within(item->path, path))
		return refuse(
			item, -ELOOP,
			"Capsule's state folder is inside it, and no layer can lie over itself",
			err);
	return 0;
}

static uint64_t host_attrs(int fd)
{
	static const struct {
		unsigned long host;
		uint64_t attr;
	} flags[] = { { ST_RDONLY, MOUNT_ATTR_RDONLY },
		      { ST_NOSUID, MOUNT_ATTR_NOSUID },
		      { ST_NODEV, MOUNT_ATTR_NODEV },
		      { ST_NOEXEC, MOUNT_ATTR_NOEXEC } };
	struct statvfs st;
	uint64_t attrs = 0;

	if (fstatvfs(fd, &st) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (st.f_flag & flags[i].host)
			attrs |= flags[i].attr;
	}
	return attrs;
}

static int path_put(int dir, const char *path)
{
	AUTO(fd_closep) int fd = openat(dir, "path", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd_write_all(fd, path, strlen(path));
}

static int sub_make(int dir, const char *name, int *ret_fd)
{
	int fd;

	if (mkdirat(dir, name, 0700) < 0)
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* The layer's top is what the session sees: it belongs to whom the host's does. */
static int upper_like(int upper, int lower)
{
	struct stat st;

	if (fstat(lower, &st) < 0)
		return -errno;
	/* Of an owner that this user namespace does not know it becomes the session's own. */
	if (fchown(upper, st.st_uid, st.st_gid) < 0 && errno != EPERM && errno != EINVAL)
		return -errno;
	return fchmod(upper, st.st_mode & 07777) < 0 ? -errno : 0;
}

static int folders_make(const struct plan_item *item, int changes, unsigned n, int *ret_upper,
			int *ret_work)
{
	AUTO(fd_closep) int dir = -EBADF;
	char name[16];
	int r;

	(void)snprintf(name, sizeof(name), "%u", n);
	r = sub_make(changes, name, &dir);
	if (r == 0)
		r = path_put(dir, item->path);
	if (r == 0)
		r = sub_make(dir, "upper", ret_upper);
	if (r == 0)
		r = sub_make(dir, "work", ret_work);
	return r < 0 ? r : upper_like(*ret_upper, item->fd);
}

int overlay_make(const struct plan_item *item, int changes, unsigned n, uint64_t attrs,
		 int *ret_tree, struct err *err)
{
	AUTO(fd_closep) int upper = -EBADF;
	AUTO(fd_closep) int work = -EBADF;
	int r = state_refuse(item, changes, err);

	if (r == 0)
		r = submounts_refuse(item, err);
	if (r < 0)
		return r;
	r = folders_make(item, changes, n, &upper, &work);
	if (r < 0)
		return refuse(item, r, strerror(-r), err);
	r = mount_overlay(item->fd, upper, work, attrs | host_attrs(item->fd), ret_tree);
	return r < 0 ? refuse(item, r, mount_why(r), err) : 0;
}

int overlay_part(const struct plan_item *item, int root, uint64_t attrs, int *ret_tree,
		 struct err *err)
{
	AUTO(fd_closep) int at = -EBADF;
	AUTO(fd_closep) int tree = -EBADF;
	uint64_t set = attrs | host_attrs(item->fd);
	int r;

	at = sys_openat2(root, item->path + 1, O_PATH | O_NOFOLLOW,
			 RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH);
	r = at < 0 ? at : mount_clone(at, true, &tree);
	if (r == 0)
		r = mount_change(tree, set, MOUNT_ATTR_NOEXEC & ~set);
	if (r < 0)
		return refuse(item, r, strerror(-r), err);
	*ret_tree = take_fd(&tree);
	return 0;
}
