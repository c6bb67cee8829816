/*
 * session - one run from beginning to end: the wall is started, the log written, bytes, signals
 * and time looked after, and the end recorded.
 *
 * Nothing runs without a log: the command is executed only after the genesis record, with the
 * layer manifest in it, and invocation.start have been written. The wall is built by the child
 * meanwhile. The caller is the supervisor: single-threaded, and from session_run() on its signals
 * INT, TERM, HUP, QUIT, USR1, USR2, WINCH, CONT and TSTP are the session's.
 */
#pragma once

#include "audit/audit.h"
#include "changes/changes.h"
#include "policy/policy.h"
#include "sandbox/made.h"
#include "sandbox/wall.h"

#include <limits.h>

struct session_options {
	const struct policy *policy; /* a tool, if any, is chosen */
	struct audit_options audit;
	char *const *argv, *const *envp;
	const char *cwd;
	const char *tool;        /* its name, or NULL */
	size_t env_stripped;     /* variables that were taken out as secrets */
	bool eight_bit;          /* the terminal does not speak UTF-8 */
	const char *changes_dir; /* what is kept aside goes to its folder "changes" */
	/* Called with what a person should know before the command runs; may be NULL. */
	void (*notice)(const char *text);
	/* For mediate/reload.h; NULL: the policy stays. */
	int (*load_again)(void *ctx, struct policy **ret_policy, struct err *err);
	void (*told)(void *ctx, const char *line);
	void *ctx;
	bool no_prompt; /* nobody is asked at this terminal */
};

/* What went over one of the descriptors 1 and 2, when it was carried and not given directly. */
struct session_stream {
	bool carried;
	bool digested;
	uint64_t bytes;
	uint8_t digest[BLAKE3_OUT];
};

/* With filesystem.overlay: what waits in the session's folder for changes. */
struct session_changes {
	bool kept;    /* the folder is there: something waits */
	bool counted; /* else it could not be read to its end */
	size_t count[CHANGE_N], held;
};

struct session_result {
	int exit_status;  /* for the shell: the command's, 128+N, 125, 126, 127 */
	const char *step; /* what Capsule failed at, NULL: the command ran */
	int error;        /* positive errno with @step */
	struct layer_status layers[LAYER_N];
	struct wall_exit end;
	uint64_t duration_us; /* from the command's start to the end of its tree */
	uint64_t
		denials; /* calls that the supervisor refused, or saw refused by a rule that the wall holds */
	bool ran, timed_out, output_exceeded;
	bool same_output; /* stdout and stderr are one stream: both in streams[0] */
	struct session_stream streams[2];
	struct session_stream terminal;
	uint64_t terminal_dropped; /* control sequences that vt took out */
	struct made made;          /* protected names that were not there before */
	struct session_changes changes;
	char id[33];        /* 32 hex digits, "" if there was no log */
	char log[PATH_MAX]; /* its name, "" likewise */
};

/*
 * Run it. *@ret_result is filled in any case. Negative errno with @err: Capsule failed, before
 * (ret_result->ran false) or after the command ran (the log could not be finished).
 */
int session_run(const struct session_options *options, struct session_result *ret_result,
		struct err *err);
