/*
 * mnt - the kernel's mount calls by file descriptor (fsopen(2), open_tree(2), move_mount(2),
 * mount_setattr(2)): a mount is made detached, gets its flags while nobody can reach it, and is
 * attached last. No path is looked up twice.
 *
 * (Not mount.h: with src on the include path that would hide the C library's <sys/mount.h>.)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mount_option {
	const char *key, *value; /* value NULL: a flag */
};

/*
 * O_PATH @path below @dirfd, no symbolic link anywhere in it: -ELOOP if there is one. With
 * AT_FDCWD and an absolute path: from the process's root.
 */
int mount_open(int dirfd, const char *path, int *ret_fd);

/* A detached copy of the mount(s) at @fd (O_PATH): that directory or file becomes its root. */
int mount_clone(int fd, bool recursive, int *ret_tree);

/*
 * Add MOUNT_ATTR_* flags to the tree. Only adds: a flag that the source has and that this user
 * namespace may not clear ("locked") is thereby never touched, so that it cannot make this fail.
 */
int mount_restrict(int tree, uint64_t attrs, bool recursive);

/* Attach @tree at @path below @dirfd; "" is @dirfd itself. The last component is not followed. */
int mount_attach(int tree, int dirfd, const char *path);

/* A new file system, detached. */
int mount_new(const char *type, const struct mount_option *options, size_t n_options,
	      uint64_t attrs, int *ret_tree);

/* The same with flags taken away. Only where nobody but us has set them. */
int mount_change(int tree, uint64_t set, uint64_t clear);

/*
 * A new overlay (Documentation/filesystems/overlayfs.rst), detached: @lower as it is, what is changed
 * goes to @upper; @work is the kernel's and on the same file system. All are directories, opened in
 * this mount namespace. Marks are user.overlay.* attributes, so that an ordinary user who owns his
 * mount namespace can have one (Linux 5.11). Needs /proc.
 */
int mount_overlay(int lower, int upper, int work, uint64_t attrs, int *ret_tree);

/* Nothing mounted or unmounted here is seen elsewhere, nor the other way round. */
int mount_all_private(void);

/*
 * Make @root_fd (a mount's root) the root of this mount namespace, and the working directory, and
 * take the old root down, with all that is mounted in it.
 */
int mount_pivot(int root_fd);
