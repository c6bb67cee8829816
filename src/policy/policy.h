/*
 * policy - what a session may do, compiled from capsule.yaml (schema version 1).
 *
 * A policy is immutable once loaded and owns all it points to. Paths are absolute, variables are
 * expanded, "." and ".." and double slashes are gone; existence was checked at load for the keys
 * that need it, but whoever uses a path opens it afresh and checks again.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "codec/blake3.h"
#include "policy/layer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

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
	POLICY_FS_HIDE,     /* not there at all */
	POLICY_FS_ASK,      /* needs the supervisor: refused in this build */
	POLICY_FS_N
};

struct policy_path {
	const char *path;
	enum policy_fs kind;
	bool optional; /* may be missing without a word */
	bool glob;     /* holds *, ? or [: needs the supervisor: refused in this build */
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
	uint64_t disk;       /* bytes in each private file system (home, tmp, /dev/shm) */
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
	struct policy_path
		*paths; /* replace the policy's when @has_paths: a tool may only tighten */
	bool has_paths;
	enum policy_network network;
	bool has_network;
	struct policy_limits limits; /* 0: the policy's */
	struct policy_where where;
};

enum policy_fsync { POLICY_FSYNC_CHECKPOINT, POLICY_FSYNC_ALWAYS, POLICY_FSYNC_NEVER };

/* A file that took part, in the order of `extends`, the base first. */
struct policy_source {
	const char *name;           /* path, or "preset:agent" */
	uint8_t digest[BLAKE3_OUT]; /* of its bytes */
};

struct policy {
	struct arena arena;

	const char *name;
	size_t n_sources;
	struct policy_source *sources; /* the last is the one that was asked for */
	uint8_t digest[BLAKE3_OUT];    /* of that last file's bytes */
	uint8_t effective[BLAKE3_OUT]; /* of the effective policy as `policy show` prints it */

	uint32_t require; /* LAYER_BIT()s: without one of these a run is refused */
	bool best_effort; /* require: [] */

	const char *workspace, *home; /* the expanded ${workspace}, ${home} */
	size_t n_paths;
	struct policy_path *paths;
	bool private_home, private_tmp; /* tmpfs there, with what is granted below it mounted in */

	size_t n_env_pass;
	const char **env_pass; /* names, may end in '*' */
	size_t n_env_set;
	struct policy_env_set *env_set;
	size_t n_env_unset;
	const char **env_unset; /* names, may hold '*' */
	size_t n_commands_allow, n_commands_deny;
	struct policy_argv *commands_allow, *commands_deny; /* for the command a run starts */
	int64_t uid, gid;                                   /* inside; -1: the caller's own */

	enum policy_network network;
	struct policy_limits limits;

	enum policy_sysc_preset sysc_preset;
	size_t n_sysc;
	struct policy_sysc_rule
		*sysc; /* in the order written; later beats earlier, deny beats allow */

	size_t n_tools;
	struct policy_tool *tools;

	const char *audit_path; /* NULL: the state folder */
	enum policy_fsync audit_fsync;
	bool audit_stdio; /* digests of stdout and stderr */
	size_t n_redact;
	const char **redact; /* environment names / patterns whose values never reach the log */
};

/* What the variables mean for this run. All absolute. */
struct policy_vars {
	const char *workspace, *home, *tmp;
};

/*
 * Load @path (NULL: capsule.yaml in the workspace if there is one, else the built-in default),
 * with everything it extends. On failure nothing is returned and @err (and, in full, with the
 * line itself and a caret, @diag, which may be NULL) says what is wrong. Warnings go to @diag too.
 */
struct buf;
int policy_load(const char *path, const struct policy_vars *vars, struct policy **ret_policy,
		struct buf *diag, struct err *err);
struct policy *policy_free(struct policy *policy);
void policy_freep(struct policy **policy);

/*
 * Narrow @policy to tool @name for the command @argv: -ENOENT no such tool (with the nearest name),
 * -EACCES argv does not match. The policy itself is changed; it is the caller's own.
 */
int policy_select_tool(struct policy *policy, const char *name, char *const argv[],
		       struct err *err);
/* process.commands: 0, or -EACCES with the rule's position. */
int policy_check_command(const struct policy *policy, char *const argv[], struct err *err);
/*
 * The environment for the session, NULL-terminated, in @arena: passed, set and stripped as the
 * policy says. Names that were stripped as secrets are counted in *@ret_stripped.
 */
char **policy_environment(const struct policy *policy, struct arena *arena, char *const environ[],
			  size_t *ret_stripped);
