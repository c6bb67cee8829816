/*
 * recorder - recording level `all`: every system call of a session, with its arguments and result,
 * into the log.
 *
 * In the kernel where that may be had (CAP_BPF and a cgroup v2 group: kernel.c), else by ptrace
 * (by_ptrace.c), which is slow and keeps the session from having debuggers.
 *
 *	recorder_new()		before the wall is launched: what can be had is found out, nobody
 *				is recorded yet
 *	recorder_start()	before wall_go(): everything that happens from the command's first
 *				execve on is recorded
 *	recorder_finish()	when the tree has ended: the rest, and the count
 *
 * What could not be recorded is counted and told in a "gap" record, and in the last one, "syscall.end".
 */
#pragma once

#include "audit/audit.h"
#include "base/loop.h"

#include <sys/types.h>

enum recorder_how { RECORDER_KERNEL, RECORDER_PTRACE, RECORDER_N };

extern const char *const recorder_how_name[RECORDER_N]; /* "ebpf", "ptrace" */

struct recorder;

/*
 * @ret_why: one sentence, why it is not the kernel that records; "" if it does. Not more than
 * RECORDER_WHY_MAX bytes. Fails for want of memory only.
 */
#define RECORDER_WHY_MAX 256
int recorder_new(struct recorder **ret, char ret_why[RECORDER_WHY_MAX]);
struct recorder *recorder_free(struct recorder *r); /* NULL-safe, returns NULL */

/* Can the kernel record for this user, here? 0, or a negative errno and why not. */
int recorder_probe(char ret_why[RECORDER_WHY_MAX]);

enum recorder_how recorder_how(const struct recorder *r);
/* The group to be born into: for struct wall_command; 0: none. */
int recorder_group_fd(const struct recorder *r);

struct recorder_session {
	struct audit_log *log; /* borrowed, as is the loop */
	struct loop *loop;
	uint64_t group;      /* the number of its cgroup v2 */
	pid_t init, command; /* as this process sees them */
	/* What the command tries to execute, before anybody may read its memory. */
	const char *(*executing)(void *owner);
	void *executing_owner;
};

/* From now on; in @session->loop, whose negative return means that the log failed. */
int recorder_start(struct recorder *r, const struct recorder_session *session, struct err *err);
/*
 * By ptrace nobody goes on without us. Whoever waits for the session outside of the loop watches this
 * descriptor as well (-EBADF: by other means), and serves it when it is readable; who waits for
 * one of its processes gives away all he hears: waitpid()'s number and status.
 */
int recorder_fd(const struct recorder *r);
int recorder_serve(struct recorder *r);
int recorder_stopped(struct recorder *r, pid_t tid, int status);
/* Nothing of the tree is left. 0, or the log's error. */
int recorder_finish(struct recorder *r, struct err *err);
