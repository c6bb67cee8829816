/*
 * filter_table - which system calls the presets allow, and why. The one table: the compiler, the
 * listing (`capsule policy syscalls`), the tests and docs/SYSCALLS.md all read it.
 */
#pragma once

#include "policy/policy.h"
#include "sandbox/filter_check.h"
#include "sys/syscall_table.h"

/* The narrowest preset that has a call; each preset has all of those before it. */
enum filter_level {
	FILTER_LVL_STRICT = POLICY_SYSC_STRICT,   /* shells, coreutils, git, python */
	FILTER_LVL_DEFAULT = POLICY_SYSC_DEFAULT, /* compilers, node, databases, debuggers */
	FILTER_LVL_COMPAT = POLICY_SYSC_COMPAT,   /* unusual, not dangerous */
	FILTER_LVL_POLICY,                        /* in no preset; a policy may allow it by name */
	FILTER_LVL_NEVER                          /* for nobody */
};

enum filter_why {
	WHY_FILES,
	WHY_NAMES,
	WHY_DEVICES,
	WHY_METADATA,
	WHY_ATTRIBUTES,
	WHY_MEMORY,
	WHY_MEMORY_ODD,
	WHY_PROCESS,
	WHY_RLIMITS,
	WHY_CLONE,
	WHY_PRCTL,
	WHY_PERSONALITY,
	WHY_SCHEDULING,
	WHY_SIGNALS,
	WHY_TIME,
	WHY_IDS,
	WHY_WAITING,
	WHY_SOCKETS,
	WHY_IOCTL,
	WHY_RANDOM,
	WHY_OWN_WALLS,
	WHY_UPROBES,
	WHY_IPC,
	WHY_AIO,
	WHY_NUMA,
	WHY_LSM,
	WHY_DEBUG,
	WHY_LDT,
	WHY_WATCHING,
	WHY_UFFD,
	WHY_HANDLES,
	WHY_CLOCKS,
	WHY_CLONE3,
	WHY_IO_URING,
	WHY_NAMESPACES,
	WHY_MOUNTS,
	WHY_KERNEL,
	WHY_KEYS,
	WHY_HOST,
	WHY_GONE,
	WHY_N
};

struct filter_row {
	uint8_t level; /* enum filter_level */
	uint8_t check; /* enum filter_check_id: what the arguments must be */
	uint8_t why;   /* enum filter_why */
	uint8_t error; /* the errno of a refusal */
};

extern const struct filter_row filter_table[SYSC_N];

/* Whether no policy may have it, given the layers that are missing (enum filter_use). */
bool filter_row_never(const struct filter_row *row, unsigned use);

extern const char *const filter_why_text[WHY_N];

/* Whether pid 1 of a session may make this call (FILTER_INIT). */
bool filter_init_has(enum sysc sysc);
