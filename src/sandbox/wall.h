/*
 * wall - the process wall: start a command behind it, and know what is engaged.
 *
 * Starting has four stages, so that the log is safely on disk before anything runs and so that
 * the supervisor can make keys and write while the child builds its root:
 *
 *	wall_launch()	forks; returns when the child has its namespaces and builds
 *	wall_ready()	waits until the child stands behind every layer, or a step failed; fills the
 *			layer manifest. Nothing of the command has run: the child waits for one byte
 *			on its go pipe (end of file there instead: it exits)
 *	wall_go()	writes that byte
 *	wall_running()	waits until the command is exec'd or exec failed
 *
 * wall_start() is all of it in one. The child tells step and errno over a CLOEXEC pipe.
 *
 * Processes: the caller (the supervisor) -> init (pid 1 of the session's pid namespace, or a child
 * subreaper without one; reaps, forwards nothing, dies when the supervisor's lifeline pipe closes)
 * -> the command. Killing the supervisor, by whatever means, ends the whole tree.
 *
 * Terminals and job control: init always calls setsid(), so the host's terminal is never the
 * session's controlling terminal. The command is in a process group of its own (setpgid), whose
 * parent, init, is in the same session but another group: so it is no orphaned group, and SIGTSTP
 * can stop it. With own_tty init makes the pty slave its controlling terminal (TIOCSCTTY) and the
 * command's group the foreground group (tcsetpgrp). init waits with WUNTRACED and reports stops.
 */
#pragma once

#include "base/err.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Why a step failed, for the exit status: Capsule itself, or the command as shells tell it. */
enum wall_failure {
	WALL_FAIL_SETUP = 125,
	WALL_FAIL_NOT_EXECUTABLE = 126,
	WALL_FAIL_NOT_FOUND = 127
};

struct filter_traps;

struct wall_command {
	char *const *argv; /* argv[0] is looked up in the session's PATH, inside the wall */
	char *const *envp;
	const char *cwd; /* absolute, as seen inside */
	int stdio[3];    /* become 0, 1, 2 of the command; stay the caller's */
	/* stdio's pty (whichever of the three is a tty) becomes the controlling tty */
	bool own_tty;
	/*
	 * With own_tty: leave the command's group in the background. Its first read of the terminal
	 * then stops it with SIGTTIN, reported as WALL_EVENT_STOPPED; wall_foreground() goes on.
	 */
	bool start_background;
	/*
	 * Calls that are to wait for the caller's answer (sandbox/filter.h); NULL or none: no call does.
	 * wall_go() then fetches their listener before the command may run.
	 */
	const struct filter_traps *traps;
	/*
	 * A cgroup v2 directory that the session is born into, unless its limits need one of its own;
	 * 0 or less: none. wall_group() tells which it is.
	 */
	int group_fd;
	/* With filesystem.overlay: the folder that layers are made in (changes/store.h). */
	const char *changes;
};

struct wall_exit {
	int status;           /* as waitpid() gives it; -1: the command never ran */
	struct rusage usage;  /* of the whole tree */
	uint64_t oom_kills;   /* by the cgroup's memory limit; 0 when there is no cgroup */
	uint64_t pids_hits;   /* forks that the pids limit refused */
	uint64_t memory_peak; /* bytes; 0: not known */
};

struct wall;

/*
 * @policy, @command and what they point to must stay until wall_ready() has returned: it may start
 * over with the second back end. init is a copy of the caller: launch before keys are in memory.
 * The caller is single-threaded and has reaped nothing but its own children.
 *
 * Strictness: every layer is required that a promise of the policy rests on (wall_needs() in
 * sandbox/layers.h), and those that `require:` lists besides. With `require: []` (best effort)
 * nothing is required: the wall has what there is, and the manifest says what is missing.
 *
 * A layer that is needed and unavailable is told by wall_ready(), even if it was found out here:
 * so the caller always has the manifest to go with the refusal.
 */
int wall_launch(const struct policy *policy, const struct wall_command *command,
		struct wall **ret_wall, struct err *err);
/*
 * -EPERM and the layer's name when a required layer is unavailable; any other errno for a failed
 * step. *@ret_failure is set on failure. The layer manifest in @ret_layers[LAYER_N] is filled in
 * either case as far as it was reached. After a failure only wall_finish() is left to call.
 */
int wall_ready(struct wall *wall, struct layer_status ret_layers[LAYER_N],
	       enum wall_failure *ret_failure, struct err *err);
/*
 * Take over what the command's trapped calls are answered through. It stands before its exec then, and may
 * be traced. wall_go() does it, too.
 */
int wall_listen(struct wall *wall, struct err *err);
pid_t wall_command(
	const struct wall *wall); /* as this process sees it; 0: not known, without traps */
/* Let it exec the command. */
int wall_go(struct wall *wall, struct err *err);
/*
 * After wall_go(): the listener of the trapped calls, for sys/notify.h; -EBADF without traps. Borrowed.
 * The command's own execve may be the first of them, so it has to be attended while wall_running()
 * is waited for: wall_running_fd() is readable when that will not block.
 */
int wall_listener(const struct wall *wall);
int wall_root(const struct wall *wall); /* O_PATH, the session's root; as wall_listener() */
int wall_running_fd(const struct wall *wall);
/*
 * Until then: what its trapped execve is about; valid until the next call. Each attempt is told once, and
 * NULL after that: what is trapped then is the session's own, which may run before the descriptor above
 * says so.
 */
const char *wall_executing(struct wall *wall);
const char *wall_trying(const struct wall *wall); /* the path it is at, however often asked */
/* The number of the session's cgroup v2, or 0: it has none of its own. */
uint64_t wall_group(const struct wall *wall);
/* init, as this process sees it; the session's ids inside, and what they are outside. */
pid_t wall_init(const struct wall *wall);
void wall_ids(const struct wall *wall, uid_t *ret_uid, uid_t *ret_outer_uid, gid_t *ret_gid,
	      gid_t *ret_outer_gid);
/* 0 once that has succeeded; errors as wall_ready(), 126 and 127 included. */
int wall_running(struct wall *wall, enum wall_failure *ret_failure, struct err *err);

/* All of it; after a failure nothing is left. */
int wall_start(const struct policy *policy, const struct wall_command *command,
	       struct layer_status ret_layers[LAYER_N], enum wall_failure *ret_failure,
	       struct wall **ret_wall, struct err *err);

int wall_pidfd(const struct wall *wall); /* becomes readable when init has exited; borrowed */
/*
 * Job control and signals: send @sig to the command's process (its group if own_tty, and for
 * SIGTSTP, SIGCONT and SIGWINCH always). A CLOEXEC'd control pipe to init carries it, so it works
 * whatever the pid namespace. -ESRCH: gone.
 */
int wall_signal(struct wall *wall, int sig);
/* Make the command's group the foreground group of its pty and continue it (start_background). */
int wall_foreground(struct wall *wall);
/* Stop notice from init: the command's process stopped (ret true once per stop). */
int wall_event_fd(const struct wall *wall); /* readable: call wall_event(); borrowed */
struct wall_event {
	enum { WALL_EVENT_STOPPED, WALL_EVENT_EXITED } kind;
	int status;
	/*
	 * Of all that has ended so far. With WALL_EVENT_EXITED that is the whole tree: init has killed
	 * and reaped what the command left running, and only its own end is still to come. So a
	 * record can be written while the kernel takes the namespaces down.
	 */
	struct rusage usage;
};
/* -EAGAIN: none now. -EPIPE: init is ending and has said all; stop watching. */
int wall_event(struct wall *wall, struct wall_event *ret_event);

/* What the cgroup has counted so far: oom_kills, pids_hits and memory_peak of *@ended. */
void wall_counters(const struct wall *wall, struct wall_exit *ended);

/*
 * End the whole tree now (SIGKILL), reap it and whatever else is this process's to reap, free @wall. After wall_pidfd() became readable:
 * collect the command's own status.
 */
int wall_finish(struct wall *wall, struct wall_exit *ret_exit);
