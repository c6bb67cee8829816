/*
 * init - the session's first process, while the command runs: reaps, passes signals on, tells of
 * stops, and ends the tree when the supervisor is gone. Internal to the wall.
 *
 * It holds nothing of value: no capabilities, no descriptors but its socket (and the terminal),
 * no files it could open. The session, which runs under the same uid, cannot trace it (not
 * dumpable) and, in a pid namespace, not signal it either.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Over the control socket (SOCK_SEQPACKET), one message per packet. */
enum init_request_kind { INIT_SIGNAL, INIT_FOREGROUND };
struct init_request {
	int32_t kind;
	int32_t sig;
};
struct init_event {
	int32_t stopped;     /* 1: stopped, 0: exited */
	int32_t status;      /* as waitpid() gives it */
	struct rusage usage; /* of all that init has reaped */
};

struct init {
	pid_t command;
	int control;
	int signal_fd; /* SIGCHLD, which is blocked */
	int tty;       /* the session's controlling terminal, or -EBADF */
	bool own_tty;
	/*
	 * Without a pid namespace the tree has to be ended by hand: /proc/self/task/<tid>/children,
	 * opened before files went out of reach. -EBADF: the kernel does it.
	 */
	int children;
};

/* Until the command has exited, or the supervisor is gone; then everything is. */
_Noreturn void init_run(const struct init *init);

/*
 * Kill and reap every child of the calling thread, and theirs, until there are none: @children is
 * its /proc/self/task/<tid>/children, and it is the subreaper.
 */
void init_tree_kill(int children);
