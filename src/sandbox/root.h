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
	bool chown;     /* ... which are not the ids it is being built with */
	bool host_root; /* uid 0 inside is uid 0 outside: mask what /proc shows to it alone */
	int changes; /* with filesystem.overlay: the folder that layers are made in; else -EBADF */
	const char *tty; /* appears as /dev/console; NULL: none */
};

/* Descriptors of places that Landlock has to grant besides the plan's own. All O_PATH. */
struct root_places {
	int root, dev, proc;
	int pid_max; /* 0, or the negative errno of setting it */
};

#define ROOT_PLACES_INIT ((struct root_places){ .root = -EBADF, .dev = -EBADF, .proc = -EBADF })

/*
 * Build it. The calling process is alone in a fresh mount namespace that it may change. Afterwards
 * @ret_places is open, and paths still lead to the host's files.
 * *@ret_early: the failure came before anything of the policy took part; a wall without
 * namespaces may still work on this host.
 */
int root_build(const struct plan *plan, const struct root_options *options,
	       struct root_places *ret_places, bool *ret_early, struct err *err);
/*
 * Make it the root and the working directory; the host's is gone. The kernel waits for all
 * processors here: let none be busy with something long of ours.
 */
int root_enter(const struct root_places *places, struct err *err);
void root_places_close(struct root_places *places);

/* Everything that the plan and the root grant, as Landlock rules. */
int root_landlock(const struct plan *plan, const struct root_places *places,
		  const struct landlock *set);
