/*
 * run - what the files of `capsule run` share: run.c (command line, session), run_prepare.c (all that
 * comes before a session), run_report.c (the report).
 */
#pragma once

#include "base/arena.h"
#include "cli/cli.h"
#include "sandbox/session.h"

#define RUN_ENV_MAX 256 /* --env options */

/* A file by identity; ino 0: it is not there. */
struct run_place {
	dev_t dev;
	ino_t ino;
};

struct run {
	const char *policy_file, *workspace, *tool, *log, *report, *network, *timeout;
	bool best_effort, quiet, no_prompt, help;
	size_t n_env;
	struct policy_env_set env[RUN_ENV_MAX];
	char **argv; /* the command */

	struct arena arena;
	struct policy *policy;
	const char *home, *config_dir, *state_dir, *cwd;
	const char *changes_dir; /* for what is kept aside, in place of state_dir */
	int report_fd;
	char **envp;
	size_t env_stripped;
	struct run_place *granted; /* of each of the policy's first @n_granted paths */
	size_t n_granted;
	const char *step; /* what failed before a session began */
	bool denied;      /* and it was the policy's word */
	bool told;        /* and the person has read it already, with its line and caret */
	struct session_result result;
	struct err err;
};

/* "90s", "1.5h", "250ms"; a bare number is seconds. -EINVAL, -ERANGE. */
int run_parse_time(const char *text, uint64_t *ret_ms);
/*
 * Places, policy, command, environment: on failure run->err and run->step say what went wrong, and
 * run->denied whether that was the policy's word.
 */
int run_prepare(struct run *run);
/* The policy as run_prepare() would make it now; its mistakes are told as they were then. */
int run_policy_again(const struct run *run, struct policy **ret_policy, struct err *err);
/* A descriptor 0, 1 or 2 that is closed stays useless, but no other file may get its number. */
void run_fds_fill(void);
/* The session itself, after run_prepare(): run->result, and run->err when Capsule failed. */
int run_session(struct run *run);
/* Write the report, if one was asked for. */
void run_report(const struct run *run);
