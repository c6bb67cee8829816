/*
 * wall - the process wall: start a command behind it, and know what is engaged.
 *
 * wall_start() returns when the command has been exec'd behind every layer, or when some step
 * failed: the child tells step and errno over a CLOEXEC pipe. Nothing has run then.
 *
 * Processes: the caller (the supervisor) -> init (pid 1 of the session's pid namespace, or a child
 * subreaper without one; reaps, forwards nothing, dies when the supervisor's lifeline pipe closes)
 * -> the command. killing the supervisor, by whatever means, ends the whole tree.
 */
#pragma once

#include "base/err.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <sys/resource.h>

/* Why a step failed, for the exit status: Capsule itself, or the command as shells tell it. */
enum wall_failure {
	WALL_FAIL_SETUP = 125,
	WALL_FAIL_NOT_EXECUTABLE = 126,
	WALL_FAIL_NOT_FOUND = 127
};

struct wall_command {
	char *const *argv; /* argv[0] is looked up in the session's PATH, inside the wall */
	char *const *envp;
	const char *cwd; /* absolute, as seen inside */
	int stdio[3];    /* become 0, 1, 2 of the command; stay the caller's */
	bool own_tty;    /* stdio is a pty slave: new session, make it the controlling tty */
};

struct wall_exit {
	int status;          /* as waitpid() gives it */
	struct rusage usage; /* of the whole tree */
};

struct wall;

/*
 * -EPERM and the layer's name when a required layer is unavailable; any other errno for a failed
 * step. *@ret_failure is set on failure. The layer manifest in @ret_layers[LAYER_N] is filled in
 * either case as far as it was reached.
 */
int wall_start(const struct policy *policy, const struct wall_command *command,
	       struct layer_status ret_layers[LAYER_N], enum wall_failure *ret_failure,
	       struct wall **ret_wall, struct err *err);

int wall_pidfd(const struct wall *wall); /* becomes readable when init has exited; borrowed */
/*
 * Job control and signals: send @sig to the command's process (group if own_tty). A CLOEXEC'd
 * control pipe to init carries it, so it works whatever the pid namespace. -ESRCH: gone.
 */
int wall_signal(struct wall *wall, int sig);
/* Stop notice from init: the command's process stopped (ret true once per stop). */
int wall_event_fd(const struct wall *wall); /* readable: call wall_event(); borrowed */
struct wall_event {
	enum { WALL_EVENT_STOPPED, WALL_EVENT_EXITED } kind;
	int status;
};
int wall_event(struct wall *wall, struct wall_event *ret_event); /* -EAGAIN: none */

/* End the whole tree now (SIGKILL), reap it, free @wall. */
int wall_finish(struct wall *wall, struct wall_exit *ret_exit);
