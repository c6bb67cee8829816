/*
 * landlock - a second opinion of the kernel on every file access (Documentation/userspace-api/
 * landlock.rst), and on TCP ports, signals and abstract sockets.
 *
 * What it does not mediate, as of ABI 7: chmod, chown, utimes, setxattr, stat, chdir, O_PATH; UDP,
 * MPTCP and TCP fast open; connecting to a Unix socket by its path. Mounts and seccomp do those.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum landlock_right {
	LANDLOCK_READ = 1,  /* files and directory lists */
	LANDLOCK_WRITE = 2, /* contents, names, links, sockets, fifos; never device nodes */
	LANDLOCK_EXEC = 4,
	LANDLOCK_IOCTL = 8, /* of device files */
	LANDLOCK_LIST = 16, /* directory lists only */
};

/* The ABI that this kernel offers (1...), or -ENOSYS, -EOPNOTSUPP (built in but switched off). */
int landlock_abi(void);

struct landlock {
	int fd;
	int abi;
	uint64_t fs; /* the rights that this ruleset handles */
};

#define LANDLOCK_INIT ((struct landlock){ .fd = -EBADF })

/*
 * A new ruleset that denies every file access; with @net also TCP bind and connect (-EOPNOTSUPP
 * before ABI 4), with @scope also signals and abstract Unix sockets to the outside (before ABI 6
 * it is left out: look at .abi).
 */
int landlock_open(bool fs, bool net, bool scope, struct landlock *ret_set);
void landlock_close(struct landlock *set);

/* Allow LANDLOCK_* @rights at and below @fd (O_PATH will do). @mode: its st_mode. */
int landlock_allow(const struct landlock *set, int fd, mode_t mode, unsigned rights);

/* Restrict the calling thread and all its descendants, for good. Needs no_new_privs. */
int landlock_enforce(const struct landlock *set);
