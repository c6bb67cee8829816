/*
 * rules - what a policy is made of: grants, limits, system call rules, command patterns, tools.
 *
 * All strings are NUL-terminated and belong to the policy.
 */
#pragma once

#include "codec/blake3.h"
#include "policy/layer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a value stands: "capsule.yaml:12:9". Line and column count from 1; 0: no position. */
struct policy_where {
	const char *file;
	unsigned line, col;
};

enum policy_fs {
	POLICY_FS_READ,     /* visible, readable */
	POLICY_FS_WRITE,    /* and writable; implies read */
	POLICY_FS_EXEC,     /* programs may be executed from here; implies read */
	POLICY_FS_DENY,     /* inside something granted: not accessible */
	POLICY_FS_READONLY, /* inside something writable: readable, not changeable ("protect:") */
	POLICY_FS_HIDE,     /* not there at all: neither opened nor seen */
	POLICY_FS_ASK,      /* inside something granted: a person is asked first */
	POLICY_FS_N
};

struct policy_path {
	const char *path;
	enum policy_fs kind;
	bool optional; /* may be missing without a word; also set after the warning was given */
	bool glob;     /* a pattern (path.h): deny, protect, hide and ask only; never looked for */
	/*
	 * The grant was held against a ceiling: @path is resolved, and a symlink that appears in it
	 * later is not the writer's to make. Open with RESOLVE_NO_SYMLINKS.
	 */
	bool nofollow;
	/*
	 * Looked for and not there a moment ago. An optional grant need not try again; what is denied,
	 * protected or hidden is the supervisor's to hold, for there is nothing to mount over.
	 */
	bool absent;
	bool live; /* for the supervisor to hold, though a mount covers it: the host will replace it, or it
			has other names */
	/* Of a file that has several names (hard links), by which it is known as well; else 0. */
	uint64_t dev, ino;
	const char *real; /* what takes away: @path with its symlinks followed; NULL: the same */
	struct policy_where where;
};

enum policy_network { POLICY_NET_NONE, POLICY_NET_HOST };

/* 0 means: no limit asked for. */
struct policy_limits {
	uint64_t memory;     /* bytes, whole tree */
	uint64_t cpu_milli;  /* thousandths of a processor */
	uint64_t pids;       /* processes and threads */
	uint64_t open_files; /* per process */
	uint64_t file_size;  /* bytes, largest single file */
	uint64_t disk;       /* bytes in the private file systems (home, tmp, /dev/shm) together */
	uint64_t output;     /* bytes on stdout and stderr together */
	uint64_t wall_ms;    /* milliseconds from start to SIGTERM; SIGKILL follows after 2 s */
};

enum policy_sysc_preset { POLICY_SYSC_STRICT, POLICY_SYSC_DEFAULT, POLICY_SYSC_COMPAT };
enum policy_sysc_action { POLICY_SYSC_ALLOW, POLICY_SYSC_ERRNO, POLICY_SYSC_KILL, POLICY_SYSC_LOG };
enum policy_sysc_cmp { SYSC_EQ, SYSC_NE, SYSC_LT, SYSC_LE, SYSC_GT, SYSC_GE, SYSC_MASKED_EQ };

/* One condition on argument @arg: all of a rule's conditions must hold. */
struct policy_sysc_cond {
	uint8_t arg; /* 0..5 */
	enum policy_sysc_cmp cmp;
	uint64_t mask; /* for SYSC_MASKED_EQ: (arg & mask) == value */
	uint64_t value;
};

struct policy_sysc_rule {
	const char *name; /* "mprotect" */
	enum policy_sysc_action action;
	int error; /* errno for POLICY_SYSC_ERRNO, EPERM unless said */
	size_t n_conds;
	struct policy_sysc_cond conds[6];
	struct policy_where where;
};

struct policy_env_set {
	const char *name, *value;
};

/* A command pattern: words; each matches one argument; a last "..." matches any rest. */
struct policy_argv {
	size_t n_parts;
	const char **parts; /* as written: "git", "${branch:[a-z0-9/_-]+}", "..." */
	struct policy_where where;
};

struct policy_tool {
	const char *name;
	size_t n_argv;
	struct policy_argv *argv; /* any one must match */
	size_t n_paths;
	/* The tool's own grants, complete; they take the place of the policy's when @has_paths. */
	struct policy_path *paths;
	bool has_paths;
	bool has_exec; /* `exec` was said */
	enum policy_network network;
	bool has_network;
	struct policy_limits limits; /* 0: the policy's */
	struct policy_where where;
};

enum policy_record {
	POLICY_RECORD_INVOCATIONS, /* start and end of the run, and what is stopped */
	POLICY_RECORD_SECURITY,    /* and what opens, changes, executes, connects, signals */
	POLICY_RECORD_ALL          /* and every system call */
};

/* How the policy may change while a session runs under it. */
struct policy_reload {
	bool off;    /* `reload: false`: not at all */
	bool watch;  /* when one of its files changes (there are none: never) */
	bool revoke; /* end processes that hold open what the new policy forbids */
	/* Grants that the wall is built with and that no rule gives until a reload does. */
	size_t n_within;
	struct policy_path *within;
};

enum policy_fsync { POLICY_FSYNC_CHECKPOINT, POLICY_FSYNC_ALWAYS, POLICY_FSYNC_NEVER };

/* A file that took part, in the order of `extends`, the base first. */
struct policy_source {
	const char *name;           /* path, or "preset:agent" */
	uint8_t digest[BLAKE3_OUT]; /* of its bytes */
};
