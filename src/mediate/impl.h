/*
 * impl - what the files of the mediator share: private to src/mediate.
 */
#pragma once

#include "mediate/calls.h"
#include "mediate/mediate.h"
#include "mediate/object.h"
#include "mediate/question.h"
#include "sys/notify.h"
#include "sys/syscall_table.h"
#include "sys/tracee.h"

#include <pthread.h>
#include <time.h>

#define HELD_MAX ASKS_MAX  /* calls that wait for a person */
#define HELD_ANSWERS_MAX 6 /* questions that one call may lead to */
#define LATER_MAX 64       /* calls that the supervisor cannot do without waiting itself */
#define LEFT_MAX 64        /* processes that were killed and have not ended yet */
/* A trapped call while it is handled. */
struct call {
	struct notify_call n;
	enum sysc sysc;
	struct object_caller caller;
	struct who *who;
	bool decides; /* some rule could stop it: else the kernel may have it whatever happens here */
	const struct held *held; /* it was, and has been answered; or NULL */
};

/*
 * A held call: what was asked, and what was answered before. It is read afresh when the answer comes,
 * and the answer goes for the same question only.
 */
struct held {
	bool used;
	uint64_t ask;
	struct notify_call n;
	const struct mediate_start *start; /* the command's own execve */
	uint8_t question[BLAKE3_OUT];
	unsigned n_answers;
	struct held_answer {
		enum ask_answer answer;
		uint8_t question[BLAKE3_OUT];
	} answers[HELD_ANSWERS_MAX];
};

/* A call that a thread does, because it may take its time: later.c. */
enum later_kind {
	LATER_FIFO,
	LATER_CONNECT,
	LATER_WRITABLE /* a send: wait until there is room, then do it all over */
};
struct later {
	bool used;
	enum later_kind kind;
	struct mediator *mediator;
	struct notify_call n;
	enum sysc sysc;
	pthread_t thread;
	int fd;  /* the FIFO, O_PATH; or the socket */
	int pin; /* what a Unix address names, or -EBADF */
	uint64_t flags;
	struct tracee_address address;
	int result; /* a descriptor, 0, or a negative errno */
};

enum verdict {
	PASS,    /* do it */
	STOPPED, /* answered */
	HELD     /* somebody will answer */
};

struct mediator {
	struct mediate_options o;
	struct loop *loop;
	struct loop_watch watch;
	struct engine_host *host; /* NULL until a rule is asked */
	struct engine *engine;
	struct object_view view;
	struct mediate_counts counts;
	int log_error;
	/* Some rule could stop an event of the type: [0] reading (opens alone), [1] anything else. */
	bool decides[EVENT_TYPE_N][2];
	bool asks_env; /* some rule looks at the names of a program's environment */
	bool asks_exe; /* ... at who calls */
	bool other_ids;
	unsigned depth;      /* of session_enter() */
	bool serving, stays; /* for the loop: entered, from one served call to the next */
	mode_t mask;         /* our own, meanwhile */
	struct engine_decision decision;
	struct event event;
	struct who_table who;
	const struct mediate_start *start; /* of the command's own execve */
	char text[512];
	bool moving;     /* m->event is part of a rename */
	bool git_config; /* which makes a .git/config, that is to be looked at */
	struct asks *asks;
	struct question question;
	unsigned n_held;
	bool withdrawn; /* the command's execve is asked about no more */
	struct held held[HELD_MAX];
	int later_pipe[2];
	struct loop_watch later_watch, later_timer;
	struct later later[LATER_MAX];
	bool has_bell;
	timer_t bell; /* rings while something is waited for that a session could make last */
	pid_t left[LEFT_MAX];
	unsigned n_left;
};

/* ---- answers: each ends the call ---- */

void call_fail(struct mediator *m, const struct call *call, int error); /* a negative errno */
void call_return(struct mediator *m, const struct call *call, int64_t value);
void call_continue(struct mediator *m, const struct call *call);
/* What it is about could not be found out: it fails with @error, or goes to the kernel if no rule cares. */
void call_cannot(struct mediator *m, const struct call *call, int error);
/* The result of an operation: 0 or more is returned, negative fails. */
void call_answer(struct mediator *m, const struct call *call, int64_t r);
/* Hand over @fd, which stays the caller's of this. 0, or the errno the session got. */
int call_give(struct mediator *m, const struct call *call, int fd, int flags);

/* ---- decide and record ---- */

/* Begin m->event: type, time, process. */
void event_start(struct mediator *m, struct call *call, enum event_type type);
void event_path(struct mediator *m, enum event_field field, const char *path, size_t n);
/* Path, last part, kind of what is there. @st NULL: nothing yet. */
void event_file(struct mediator *m, const char *operation, const char *path, size_t n,
		const struct stat *st);

bool mediator_decides(const struct mediator *m, enum event_type type, bool changes);
/* No rule can stop m->event, a change: it is recorded, and the call left to the kernel. */
bool mediator_leaves(struct mediator *m, const struct call *call);
/* Have the rules in force; once they are, nothing to do. */
int mediator_compile(struct mediator *m, struct err *err);
/* m->event to the engine. STOPPED: the call has failed, and that is recorded. */
enum verdict mediator_decide(struct mediator *m, struct call *call);
/* What became of m->event: done (0), or failed with a negative errno; @observed: by the kernel. */
void mediator_record(struct mediator *m, const struct call *call, int r, bool observed);
/* The same for a call that no rule could stop, on its way to the kernel. */
void mediator_observed(struct mediator *m, const struct call *call);

/* As the session's user, without capabilities, around what is done on its behalf. */
void session_enter(struct mediator *m);
void session_leave(struct mediator *m);
void session_quit(struct mediator *m); /* for those served one after another, not left in between */

/* ---- git.c ---- */

/* Is m->event, which a protect line forbids, what git does in a repository of the session's own? */
bool git_makes(const struct mediator *m);
/*
 * Put what @o, at @from, holds at @to: a .git/config. -EPERM: it holds what may not stand there, and
 * m->decision.reason says what.
 */
int git_config_install(struct mediator *m, const struct object_place *from, const struct object *o,
		       const struct object_place *to);

/* ---- held.c ---- */

/* m->event, which the rules ask about: PASS or STOPPED when that is known, else HELD. */
enum verdict mediator_ask(struct mediator *m, struct call *call);
/* The call fails with @error for the reason in m->decision, which is recorded. */
enum verdict mediator_stop(struct mediator *m, struct call *call, int error);
void mediator_answered(void *owner, void *cookie, enum ask_answer answer);
/* Let go of those whose callers are gone. */
void held_look(struct mediator *m);
/* Handle a call; @held: with the answers it has. In mediate.c. */
void mediator_handle(struct mediator *m, const struct notify_call *n, const struct held *held);

/* ---- later.c ---- */

int later_start(struct mediator *m, struct loop *loop);
void later_stop(struct mediator *m);
/* Have it done on @fd, which stays the caller's; recorded now, answered when it is through. */
void mediator_later(struct mediator *m, const struct call *call, enum later_kind kind, int fd,
		    uint64_t flags, const struct tracee_address *address);

/*
 * What should be through at once, and might be made to last by the session: from @after_ms on a wait is
 * interrupted (EINTR) every so often, until bell_off(). False: it cannot be, so do not wait.
 */
bool bell_on(struct mediator *m, unsigned after_ms);
void bell_off(struct mediator *m);
/* A process that we trace and have killed: wait for its end when there is time. */
bool later_has_room(const struct mediator *m);
void later_reap(struct mediator *m, pid_t pid);

/* Arguments. */
static inline int arg_fd(const struct call *call, unsigned i)
{
	return (int)(uint32_t)call->n.args[i];
}

/* A path: 0 or the negative errno with which the call failed. */
int call_path(struct mediator *m, const struct call *call, unsigned arg,
	      char path[TRACEE_PATH_MAX]);
