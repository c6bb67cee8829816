/*
 * root - the session's root directory, built mount by mount from a plan and pivoted into.
 */
#pragma once

#include "base/err.h"
#include "sandbox/plan.h"
#include "sys/landlock.h"

#include <errno.h>
#include <sys/types.h>

struct root_options {
	uint64_t
		disk; /* bytes of the private file system; 0: half of memory, the kernel's own default */
	uint64_t pid_max; /* where the kernel has one per pid namespace; 0: leave */
	uid_t uid;        /* the session's user and group: own the private directories */
	gid_t gid;
	bool chown;      /* ... which are not the ids it is being built with */
	bool host_root;  /* uid 0 inside is uid 0 outside: mask what /proc shows to it alone */
	int *old_root;   /* where the taking down of the old root tells its result, see mnt.h */
	const char *tty; /* appears as /dev/console; NULL: none */
};

/* Descriptors of places that Landlock has to grant besides the plan's own. All O_PATH. */
struct root_places {
	int root, dev, proc;
	int old_root; /* end of file: the old root is gone, and mount_pivot_done() says so */
	int pid_max;  /* 0, or the negative errno of setting it */
};

#define ROOT_PLACES_INIT \
	((struct root_places){ .root = -EBADF, .dev = -EBADF, .proc = -EBADF, .old_root = -EBADF })

/*
 * Build and pivot. The calling process is alone in a fresh mount namespace that it may change.
 * Afterwards its working directory and root are the new root; @ret_places is open. The old root is
 * being taken down: mount_pivot_done() before anything but Capsule runs.
 * *@ret_early: the failure came before anything of the policy took part; a wall without
 * namespaces may still work on this host.
 */
int root_build(const struct plan *plan, const struct root_options *options,
	       struct root_places *ret_places, bool *ret_early, struct err *err);
void root_places_close(struct root_places *places);

/* Everything that the plan and the root grant, as Landlock rules. */
int root_landlock(const struct plan *plan, const struct root_places *places,
		  const struct landlock *set);
