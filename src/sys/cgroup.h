/*
 * cgroup - limits on a whole tree of processes: control groups v2, else v1, controller by
 * controller (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/).
 *
 * The groups are made next to where this process is (v2: in the nearest ancestor that may have
 * such children), named capsule-<pid>-<start time>-<n>, and removed afterwards. A supervisor that was
 * killed leaves empty ones behind; the next that makes groups in the same place sweeps them: their
 * names tell that their maker is gone.
 *
 * Entering: v2 by clone3(CLONE_INTO_CGROUP), at no cost. v1 by writing a pid, which waits for
 * other processors: ten milliseconds and more for the first, so v1 is only for limits that nothing
 * else can hold.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* 0: no such limit. */
struct cgroup_limits {
	uint64_t memory;    /* bytes, swap included where that can be had */
	uint64_t cpu_milli; /* thousandths of a processor */
	uint64_t pids;      /* processes and threads */
};

enum cgroup_controller { CGROUP_MEMORY, CGROUP_CPU, CGROUP_PIDS, CGROUP_N };

struct cgroup {
	char *v2;           /* the group's directory, or NULL */
	char *v1[CGROUP_N]; /* one per controller that v2 does not have */
	unsigned by_v2;     /* 1 << controller */
	int v2_fd;
};

void cgroup_init(struct cgroup *group); /* empty: every function below takes that */

/*
 * Groups for @limits. -ENOENT: some controller is nowhere to be had; -EACCES: none that this user
 * may use. All or nothing.
 */
int cgroup_make(const struct cgroup_limits *limits, struct cgroup *ret_group);

/*
 * A v2 group without limits, below this process's own: to tell its members from everybody else.
 * -ENOENT: v2 is not mounted; -EACCES, -EROFS: no group may be made there.
 */
int cgroup_make_plain(struct cgroup *ret_group);

/* For ns_clone(): the v2 group's descriptor, or -1. */
int cgroup_clone_fd(const struct cgroup *group);
/* Is there a v1 group? Then cgroup_attach() has to be waited for before @pid forks. */
bool cgroup_attaches(const struct cgroup *group);
/* Move @pid (and what it will fork) into the v1 groups; nothing to do for v2. */
int cgroup_attach(const struct cgroup *group, pid_t pid);

/* "v2: memory cpu", "v1: memory; v2: pids" */
void cgroup_describe(const struct cgroup *group, char *text, size_t size);

/* Counters before removal; untouched where there is no such group. */
void cgroup_usage(const struct cgroup *group, uint64_t *oom_kills, uint64_t *pids_hits,
		  uint64_t *memory_peak);

/* Kill whoever is left in it (v2), and remove it. */
void cgroup_remove(struct cgroup *group);
