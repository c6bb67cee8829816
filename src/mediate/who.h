/*
 * who - the session's processes as the supervisor knows them, by the number of the calling thread.
 *
 * Looking one up costs the kernel more than most calls do, so what was found is kept: with a
 * descriptor of its folder in /proc, which names this thread and never another that gets its number. Whether
 * it is there still is looked at every WHO_FRESH_MS: no number comes round sooner.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WHO_MAX 256 /* a power of two */
#define WHO_EXE_MAX 1024
#define WHO_FRESH_MS 20

struct who {
	pid_t tid, tgid; /* as the supervisor sees them; tid 0: unused */
	pid_t inner_tid, inner_tgid,
		inner_ppid; /* in the session's pid namespace; ppid 0: outside */
	int proc;           /* O_PATH of /proc/TID */
	uint64_t seen_ms;   /* when it was last seen to be there */
	mode_t mask;        /* as it was at mask_ms; 0: to be looked up */
	uint64_t mask_ms;
	size_t n_exe; /* 0: to be looked up */
	char exe[WHO_EXE_MAX];
};

/* Empty when zeroed. */
struct who_table {
	struct who slot[WHO_MAX];
	uint64_t used[WHO_MAX / 64]; /* what was never used is memory that nobody touched */
	struct {
		pid_t pid, inner;
		uint64_t seen_ms;
	} parent;            /* looked up last: it mostly has more than one child */
	uint64_t masking_ms; /* when a umask was last about to be changed */
};

void who_done(struct who_table *table);
/* -ESRCH: it is gone. Valid until the next call. */
int who_find(struct who_table *table, pid_t tid, struct who **ret);
/* The program it runs; cut to WHO_EXE_MAX. */
struct str who_exe(struct who *who);
/* It is about to run another. */
void who_exec(struct who *who);
/*
 * Its umask, now. 0777 when that cannot be told: nothing for anybody. The kernel takes long to tell, so it is kept
 * until somebody in the session is about to change his, and asked for anew as long as that may still be on its way.
 */
mode_t who_umask(const struct who_table *table, struct who *who);
void who_masks(struct who_table *table);
/* Is it the only thread of its process? Then nobody else has its descriptors: see the filter of clone. */
bool who_alone(const struct who *who);
/*
 * Its ancestors within the session, nearest first, as numbers in there and names: up to @max of them.
 */
struct who_ancestor {
	pid_t pid;
	char name[16]; /* as in /proc/PID/comm: the process chooses it */
};
unsigned who_ancestry(const struct who *who, struct who_ancestor *ret, unsigned max);
