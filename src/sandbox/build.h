/*
 * build - what the steps between clone3 and execve share. Internal to the wall; see child.c.
 */
#pragma once

#include "sandbox/plan.h"
#include "sandbox/root.h"
#include "sandbox/setup.h"

#include "sys/ns.h"

#include <sched.h>
#include <sys/resource.h>

struct build {
	struct wall_setup *setup;
	struct plan plan;
	struct root_places places;
	struct ns_net net;    /* in the making, beside the building of the root */
	struct rlimit nofile; /* as it was */
	int tty;              /* the pty slave among stdio, or -EBADF */
	bool pinned;
	cpu_set_t processors;    /* as they were, while the command starts on one */
	struct wall_command own; /* the command, when its arguments are in our own memory */
	pid_t command;
};

/* The start is over: what the supervisor will tell, and the end of this process. */
_Noreturn void child_fail(struct wall_setup *s, enum wall_failure failure, const struct err *err);

/*
 * A step's outcome for the manifest: engaged, or (@r < 0) unavailable, with @detail or else what
 * @why says. Returns only if the start goes on: the layer is engaged, or nothing needs it.
 */
void layer_done(struct wall_setup *s, enum layer layer, int r, const struct err *why,
		const char *detail);

bool layer_wanted(const struct wall_setup *s, enum layer layer);

/* Steps that each back end has in another place: restrict.c. */
void step_rlimits(struct build *c);
void step_landlock(struct build *c);

/* What init does for the command before it makes it; then its own steps, up to its execve: command.c. */
void command_prepare(struct wall_setup *s);
_Noreturn void command_run(struct build *c);
