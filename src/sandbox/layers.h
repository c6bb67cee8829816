/*
 * layers - which layers a policy asks for, which it cannot do without, and what to do about one
 * that this host does not have.
 */
#pragma once

#include "policy/policy.h"

enum wall_backend {
	WALL_NAMESPACES, /* a root, processes and a network of its own */
	WALL_LANDLOCK,   /* no namespaces: Landlock, seccomp, rlimits, and private folders */
	WALL_N_BACKENDS
};

extern const char *const wall_backend_name[WALL_N_BACKENDS]; /* "namespaces", "landlock" */

/* What limits.pids takes on this host. */
enum wall_pids {
	WALL_PIDS_NONE,   /* no limit asked for */
	WALL_PIDS_RLIMIT, /* RLIMIT_NPROC, counted in the session's own user namespace */
	WALL_PIDS_NS,     /* pid_max of the session's pid namespace (Linux 6.14) */
	WALL_PIDS_CGROUP
};

/*
 * @host_root: the session's uid is 0 outside, whom RLIMIT_NPROC does not bind. A cgroup v1 costs
 * ten milliseconds to enter, so it is the last choice.
 */
enum wall_pids wall_pids_how(const struct policy *policy, enum wall_backend backend,
			     bool host_root);

/* LAYER_BIT()s of what this policy has use for under @backend. */
uint32_t wall_wants(const struct policy *policy, enum wall_backend backend, enum wall_pids pids);

/*
 * LAYER_BIT()s of what its promises rest on: without one of these a strict run is refused. What
 * merely doubles another layer (Landlock behind a mount namespace) or only hides something
 * harmless (the host's name) is not among them.
 */
uint32_t wall_needs(const struct policy *policy, enum wall_backend backend, enum wall_pids pids);

/* One sentence for people: what to do when @layer fails with @error (positive). Never NULL. */
const char *layer_advice(enum layer layer, int error);

/*
 * For tests only: layers in @layers behave as if the kernel had refused them with @error. Not
 * reachable from outside the process.
 */
struct layer_fault {
	uint32_t layers;
	int error;
};
extern struct layer_fault layer_fault;

/* 0, or the negative errno that the test wants from @layer. */
static inline int layer_fault_check(enum layer layer)
{
	return layer_fault.layers & LAYER_BIT(layer) ? -layer_fault.error : 0;
}
