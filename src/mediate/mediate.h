/*
 * mediate - the supervisor's live half: answers the session's trapped system calls.
 *
 * Each call is read once, what it is about is looked up and pinned, the engine decides, and then the
 * supervisor does it itself, or lets it fail. A call that nothing in the policy could stop, and that is
 * trapped for the record alone, goes on to the kernel; its record says that it was only observed.
 *
 * One notification at a time, in the caller's event loop, without allocation. Whatever goes wrong
 * while a call is handled makes that call fail; what goes wrong with the log ends the session.
 */
#pragma once

#include "audit/audit.h"
#include "base/loop.h"
#include "engine/engine.h"
#include "mediate/ask.h"
#include "policy/policy.h"
#include "sys/syscall_table.h"

#include <sys/types.h>

struct mediator;

struct mediate_options {
	const struct policy *policy;
	/* The rules it begins with; borrowed, for as long as no others are loaded. */
	const struct policy_rule *rules;
	size_t n_rules;
	struct audit_log *log; /* borrowed */
	const char *session;   /* its id */
	const char *tool;      /* or NULL */
	int listener;          /* borrowed */
	int root;              /* O_PATH, the session's root; borrowed */
	/* The session's ids inside, and what they are outside, where files are made. */
	uid_t uid, outer_uid;
	gid_t gid, outer_gid;
	/* The session's terminal, both ends, borrowed; or -EBADF. */
	int tty_master, tty_slave;
	/*
	 * This process traces the session already: what waitpid() says of it goes there, who continues it.
	 * Returns 0, or the log's error. NULL: it does not.
	 */
	int (*stopped)(void *owner, pid_t tid, int status);
	void *stopped_owner;
	enum rule_action ask_default; /* where nobody can be asked: RULE_BLOCK or RULE_ALLOW */
	const char *config_dir;       /* CONFIG/capsule, where "always" is kept; NULL: it is not */
	bool record_denials_only;     /* recording level `invocations` */
};

/* -ENOMEM, or the errno of what could not be opened. */
int mediator_new(const struct mediate_options *options, struct mediator **ret, struct err *err);
struct mediator *mediator_free(struct mediator *m); /* NULL-safe, returns NULL */
void mediator_freep(struct mediator **m);

/* Is there a handler for the call? What has none must not be trapped. */
bool mediator_handles(enum sysc sysc);

/* Answer in @loop from now on. A negative return of the loop: the log failed. */
int mediator_start(struct mediator *m, struct loop *loop);
/* One notification, which the listener's being readable promises; 0, or the log's error. */
int mediator_serve(struct mediator *m);

/*
 * The same before the command runs: its first execve, which is ours still and whose memory nobody may
 * read. So what it executes is told here.
 */
struct mediate_start {
	const char *path, *cwd;
	char *const *argv, *const *envp;
};
int mediator_serve_start(struct mediator *m, const struct mediate_start *start);
/*
 * Such a call is held: @start must stay what and where it is, and further calls are not to be taken by the
 * loop, which stops when the answer is given. Run it between the two.
 */
void mediator_start_held(struct mediator *m, bool held);
/* The session is to end: the answer to such a call is no, and so for the next ones. */
void mediator_withdraw(struct mediator *m);

/*
 * Others from now on; @set is what they were compiled to, and the mediator's afterwards. @policy and @rules:
 * borrowed as the first were.
 */
int mediator_exchange(struct mediator *m, const struct policy *policy,
		      const struct policy_rule *rules, size_t n, struct engine_set *set);
/* Would the rules in force stop that? Nothing is counted, held or recorded. */
bool mediator_forbids(struct mediator *m, struct event *event,
		      struct engine_decision *ret_decision);

/* Its questions, for front ends; they are its own. */
struct asks *mediator_asks(struct mediator *m);
/* Calls that wait for a person. */
unsigned mediator_held(const struct mediator *m);

struct mediate_counts {
	uint64_t calls, denied, asked, recorded;
};
const struct mediate_counts *mediator_counts(const struct mediator *m);
