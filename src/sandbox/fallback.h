/*
 * fallback - the second back end's own parts: a wall without namespaces. Internal to the wall.
 *
 * Files by Landlock, system calls by seccomp (no sockets at all under `network: none`, none by
 * path either way), the tree by a subreaper, HOME and TMPDIR in fresh folders on the host. What
 * cannot be said this way is refused: deny or protect inside something writable, a private
 * directory inside a grant, a size for private file systems, other ids.
 *
 * What differs for the session even so: it sees the host's process list (not into the processes:
 * Landlock forbids tracing out of its domain), /tmp and /dev/shm are out of reach, and a directory
 * with something denied in it cannot be listed. And Landlock does not see changes of mode, owner,
 * times and attributes: those of every file of the user are in reach (SECURITY.md says so).
 */
#pragma once

#include "sandbox/plan.h"
#include "sandbox/setup.h"
#include "sys/landlock.h"

/* Can @plan be enforced this way? -EOPNOTSUPP and what cannot. Always, when nothing is needed. */
int fallback_check(const struct plan *plan, const struct wall_setup *setup, struct err *err);

/* The plan's grants as rules; a grant with something denied below goes in piecemeal. */
int fallback_landlock(const struct plan *plan, const struct wall_setup *setup,
		      const struct landlock *set);

/* The command's environment with HOME and TMPDIR changed; NULL without memory. */
char **fallback_environment(const struct wall_setup *setup);

/*
 * Fresh folders, in *@ret_dir (malloc'ed; "home" and "tmp" in it), and their removal with all that
 * the session left there: no link is followed, depth is capped. Those of supervisors that were
 * killed go when the next are made: *@ret_lock, while open, tells that these are in use.
 */
int fallback_folders_make(char **ret_dir, int *ret_lock, struct err *err);
void fallback_folders_remove(const char *dir);
