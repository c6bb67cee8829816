/*
 * layer - the independent mechanisms of a wall, by name.
 *
 * One table: `require:` in a policy, the layer manifest in the log, `capsule doctor` and the
 * messages all use these names.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum layer {
	LAYER_USER_NS,
	LAYER_MOUNT_NS,
	LAYER_PID_NS,
	LAYER_NET_NS,
	LAYER_IPC_NS,
	LAYER_UTS_NS,
	LAYER_CGROUP_NS,
	LAYER_ROOT,   /* a root of our own, pivoted into */
	LAYER_CGROUP, /* limits by cgroup v2 or v1 */
	LAYER_RLIMITS,
	LAYER_CAPABILITIES, /* all five sets empty */
	LAYER_NO_NEW_PRIVS,
	LAYER_LANDLOCK_FS,
	LAYER_LANDLOCK_NET,
	LAYER_LANDLOCK_SCOPE, /* signals and abstract Unix sockets */
	LAYER_SECCOMP,
	LAYER_FDS, /* nothing inherited but 0, 1, 2 */
	LAYER_N
};

#define LAYER_BIT(l) (UINT32_C(1) << (l))

enum layer_state { LAYER_NOT_REQUESTED, LAYER_ENGAGED, LAYER_UNAVAILABLE };

/* One row of the layer manifest. */
struct layer_status {
	enum layer_state state;
	int error;       /* positive errno when LAYER_UNAVAILABLE */
	char detail[64]; /* "ABI 7", "v1: memory pids", the failed step; may be empty */
};

struct layer_info {
	const char *name; /* "landlock-fs" */
	const char *what; /* what it keeps out, one line for people */
};

extern const struct layer_info layer_info[LAYER_N];
extern const char *const layer_state_name[3];

/* The layer of that name, or -1. */
int layer_by_name(struct str name);
