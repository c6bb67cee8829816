#include "sys/mnt.h"

#include "base/own.h"
#include "sys/missing_syscall.h"

#include <stdio.h>
#include <sys/mount.h>

int mount_open(int dirfd, const char *path, int *ret_fd)
{
	int fd = sys_openat2(dirfd, path, O_PATH, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int mount_clone(int fd, bool recursive, int *ret_tree)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
	int tree = open_tree(fd, "", flags | (recursive ? AT_RECURSIVE : 0));

	if (tree < 0)
		return -errno;
	*ret_tree = tree;
	return 0;
}

int mount_restrict(int tree, uint64_t attrs, bool recursive)
{
	struct mount_attr attr = { .attr_set = attrs };

	return sys_result(mount_setattr(tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
					&attr, sizeof(attr)));
}

int mount_change(int tree, uint64_t set, uint64_t clear)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear };

	return sys_result(mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)));
}

int mount_attach(int tree, int dirfd, const char *path)
{
	unsigned flags = MOVE_MOUNT_F_EMPTY_PATH;

	if (!*path)
		flags |= MOVE_MOUNT_T_EMPTY_PATH;
	return sys_result(move_mount(tree, "", dirfd, path, flags));
}

int mount_new(const char *type, const struct mount_option *options, size_t n_options,
	      uint64_t attrs, int *ret_tree)
{
	AUTO(fd_closep) int fs = fsopen(type, FSOPEN_CLOEXEC);
	int tree;

	if (fs < 0)
		return -errno;
	for (size_t i = 0; i < n_options; i++) {
		unsigned how = options[i].value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

		if (fsconfig(fs, how, options[i].key, options[i].value, 0) < 0)
			return -errno;
	}
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	tree = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attrs);
	if (tree < 0)
		return -errno;
	*ret_tree = tree;
	return 0;
}

int mount_overlay(int lower, int upper, int work, uint64_t attrs, int *ret_tree)
{
	const int fds[3] = { lower, upper, work };
	char paths[3][32];
	struct mount_option options[] = { { "source", "changes" },
					  { "lowerdir", paths[0] },
					  { "upperdir", paths[1] },
					  { "workdir", paths[2] },
					  { "userxattr", NULL } };

	/* By descriptor: no name is looked up again, and mountinfo tells the session none. */
	for (int i = 0; i < 3; i++)
		(void)snprintf(paths[i], sizeof(paths[i]), "/proc/self/fd/%d", fds[i]);
	return mount_new("overlay", options, sizeof(options) / sizeof(options[0]), attrs, ret_tree);
}

int mount_all_private(void)
{
	struct mount_attr attr = { .propagation = MS_PRIVATE };

	return sys_result(mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof(attr)));
}

int mount_pivot(int root_fd)
{
	int r;

	if (fchdir(root_fd) < 0)
		return -errno;
	/*
	 * With both names the same the old root ends up mounted on top of the new one, and no
	 * directory for it has to exist. "." names what is topmost there.
	 */
	r = sys_pivot_root(".", ".");
	if (r == 0 && umount2(".", MNT_DETACH) < 0)
		r = -errno;
	return r;
}
