/*
 * reload - another policy while the session runs.
 *
 * It is loaded and compiled whole, held against what the session's wall was built with and against the calls
 * that are trapped, and only then exchanged for the one before: the next call meets the new rules. On any
 * mistake the old policy stays, and what is wrong is told and logged. What needs another wall (a grant
 * beyond it, a higher limit, a mount that would have to go) is such a mistake, with its line.
 */
#pragma once

#include "base/loop.h"
#include "mediate/mediate.h"
#include "mediate/trap.h"

struct reload;

struct reload_options {
	const struct policy *launch; /* in force, and what the wall was built from; borrowed */
	const struct trap_plan *plan;
	struct mediator *mediator;
	struct audit_log *log;
	pid_t init; /* the session's first process */
	/* Load the policy again, from the same sources and with the same word of the command line. */
	int (*load)(void *ctx, struct policy **ret_policy, struct err *err);
	void *ctx;
	/* What a person should read, line by line; may be NULL. */
	void (*told)(void *ctx, const char *text);
};

int reload_new(const struct reload_options *options, struct reload **ret, struct err *err);
struct reload *reload_free(struct reload *reload); /* NULL-safe, returns NULL */

/*
 * Watch the files of the policy, if it says so: a change, once it has been quiet for 200 ms, is a reload.
 * Editors that write a new file and rename it are understood. Changes in the first half second are found
 * at its end.
 */
int reload_watch(struct reload *reload, struct loop *loop);

/*
 * Reload now. 0: the new policy is in force, or says the same. -EBADMSG, -EPERM (needs a restart) or another
 * errno: the old one stays, and @err says why. Either is logged. A log that fails is -EIO, and the end.
 */
int reload_now(struct reload *reload, struct err *err);

/* The policy in force. */
const struct policy *reload_policy(const struct reload *reload);

/* Does @policy stay within a wall built from @launch? Else -EPERM, @err names the line. For tests. */
int reload_check(const struct policy *launch, const struct policy *policy, struct err *err);
