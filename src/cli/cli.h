/*
 * cli - what the verbs share. A verb gets argv[0] = its own name and returns the exit status.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "policy/policy.h"

#include <limits.h>

#define CLI_USAGE 2    /* exit status for a command line that makes no sense */
#define CLI_FAILED 125 /* Capsule itself failed */

struct cli_verb {
	const char *name;
	const char *what; /* one line for the list */
	int (*run)(int argc, char **argv);
};

int cli_init(int argc, char **argv);
int cli_policy(int argc, char **argv);
int cli_syscalls(int argc, char **argv);
int cli_rules(int argc, char **argv);
int cli_asks(int argc, char **argv);
int cli_answer(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_changes(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_learn(int argc, char **argv);
int cli_ledger(int argc, char **argv);
int cli_log(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_why(int argc, char **argv);
int cli_version(int argc, char **argv);

/* --- places.c --- */

/* All of the file @path ("-": standard input), appended to @to, with a NUL behind it. */
int cli_file_read(const char *path, struct buf *to, struct err *err);

/*
 * What a policy's variables mean here: 0, or CLI_FAILED after saying why under the name of @verb.
 * @workspace NULL: the current folder. The strings are @real's and the environment's.
 */
int cli_policy_vars(const char *verb, const char *workspace, char real[PATH_MAX],
		    struct policy_vars *ret_vars);
