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
#include "policy/rule.h"
#include "policy/rules.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The single-valued keys, for policy.origin. */
enum policy_key {
	POLICY_KEY_NONE,
	POLICY_KEY_NAME,
	POLICY_KEY_ISOLATION,
	POLICY_KEY_REQUIRE,
	POLICY_KEY_HOME,
	POLICY_KEY_TMP,
	POLICY_KEY_UID,
	POLICY_KEY_GID,
	POLICY_KEY_NETWORK,
	POLICY_KEY_MEMORY,
	POLICY_KEY_CPU,
	POLICY_KEY_PIDS,
	POLICY_KEY_OPEN_FILES,
	POLICY_KEY_FILE_SIZE,
	POLICY_KEY_DISK,
	POLICY_KEY_OUTPUT,
	POLICY_KEY_WALL_TIME,
	POLICY_KEY_SYSCALLS,
	POLICY_KEY_AUDIT_PATH,
	POLICY_KEY_FSYNC,
	POLICY_KEY_STDIO,
	POLICY_KEY_RULES_DEFAULT,
	POLICY_KEY_RECORD,
	POLICY_KEY_ASK_DEFAULT,
	POLICY_KEY_OVERLAY,
	POLICY_KEY_RELOAD,
	POLICY_KEY_WATCH,
	POLICY_KEY_REVOKE,
	POLICY_KEY_N
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
	/*
	 * Nothing said: @require holds what needs no privilege and no choice (capabilities,
	 * no-new-privs, seccomp, fds, rlimits); the wall adds what its back end needs to keep the
	 * policy's promises.
	 */
	bool require_default;

	const char *workspace, *home, *tmp; /* the expanded ${workspace}, ${home}, ${tmp} */
	size_t n_paths;
	struct policy_path *paths;
	/*
	 * A tmpfs there (and, where TMPDIR is elsewhere, at /tmp as well), with what is granted
	 * below it mounted in. A grant of ${home} or ${tmp}
	 * itself then speaks of that tmpfs (exec on ${tmp}: programs may run from the private one),
	 * and never brings in the host's.
	 */
	bool private_home, private_tmp;
	bool overlay; /* changes are kept aside */

	size_t n_env_pass;
	const char **env_pass; /* names, may end in '*' */
	/* Under a ceiling: the names that may pass though they look secret; else all exact ones. */
	bool env_exact_only;
	size_t n_env_exact;
	const char **env_exact;
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

	size_t n_rules;
	struct policy_rule *rules;      /* under `rules:`, of all files that took part */
	enum rule_action rules_default; /* RULE_ALLOW or RULE_BLOCK: where no rule matches */
	enum rule_action ask_default;   /* the same: where there is nobody to ask */
	struct policy_reload reload;

	const char *audit_path; /* NULL: the state folder */
	enum policy_record record;
	enum policy_fsync audit_fsync;
	bool audit_stdio; /* digests of stdout and stderr */
	size_t n_redact;
	const char **redact; /* environment names / patterns whose values never reach the log */

	/* Where single values were said (file NULL: nowhere, it is the default), and list items. */
	struct policy_where origin[POLICY_KEY_N];
	struct policy_where *env_pass_where, *env_set_where, *env_unset_where, *redact_where;
};

/* What the variables mean for this run, and where policies are looked for. All absolute. */
struct policy_vars {
	const char *workspace, *home, *tmp;
	const char *config;   /* the user's configuration folder; NULL: HOME/.config */
	const char *org_file; /* the organisation's file; NULL: /etc/capsule/policy.yaml */
	/* The caller holds events against rules itself; else a rule that nothing enforces is an error. */
	bool rules;
};

/*
 * Load @path: a file, or "preset:NAME". NULL: the nearest of capsule.yaml in the workspace, the
 * user's policy.yaml (CONFIG/capsule), the organisation's, the built-in preset "agent". With
 * everything it extends. docs/POLICY.md says whose word binds whom: a capsule.yaml that was merely
 * found, and any file below an organisation's, may only tighten.
 *
 * On failure nothing is returned; @err holds the first mistake in one line, and @diag (may be NULL)
 * up to ten with the line itself and a caret. Warnings go to @diag too. -EBADMSG: mistakes in a
 * file; else the errno of what could not be read.
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
char **policy_environment(const struct policy *policy, struct arena *arena, char *const environ_[],
			  size_t *ret_stripped);

/* Would a variable of that name and value be taken for a secret? */
bool policy_env_secret(const char *name, const char *value);
/* Does @name match one of the @patterns, in which '*' stands for any characters? (redact, unset) */
bool policy_name_matches(const char *const *patterns, size_t n, const char *name);
/* Each limit of @limits becomes the lower of the two; 0 is no limit. */
void policy_limits_tighten(struct policy_limits *limits, const struct policy_limits *other);

/* The built-in presets: the YAML text of one (p NULL: none of that name), and their names. */
struct str policy_preset_text(const char *name);
const char *policy_preset_name(size_t i); /* NULL after the last */

/*
 * Judge @text alone, as a file of that name would be: nothing else is read, existence of paths is
 * not asked for. For editors and fuzzing.
 */
int policy_load_text(const char *name, struct str text, const struct policy_vars *vars,
		     struct policy **ret_policy, struct buf *diag, struct err *err);

/* One mistake or warning, for those who want more than text. Valid during the call. */
struct policy_problem {
	bool warning;
	struct policy_where where; /* line 0: about the whole file */
	unsigned width;            /* characters */
	const char *text;
};
typedef void policy_told(void *ctx, const struct policy_problem *problem);
/* policy_load(), which also tells each problem to @told. */
int policy_load_told(const char *path, const struct policy_vars *vars, policy_told *told, void *ctx,
		     struct policy **ret_policy, struct buf *diag, struct err *err);
