/* impl - what both ways of recording share. Internal to src/record. */
#pragma once

#include "record/call.h"
#include "record/recorder.h"

#include <stddef.h>

#define PENDING_MAX 1024 /* calls that have entered and not returned; a power of two */
#define PENDING_REACH 64 /* slots that are looked at for one of them */

#define KNOWN_MAX 65536 /* threads whose numbers are kept in mind; a power of two */

/* A thread, out here and in the session. */
struct known {
	pid_t tid, tgid, inner_tid, inner_tgid;
};

struct by_kernel;
struct by_ptrace;

struct recorder {
	enum recorder_how how;
	struct recorder_session session;
	struct call_table table;
	uint64_t begin_ns;
	bool begun; /* the command's first execve was seen: what was before is Capsule's own */
	uint64_t recorded, lost, unreturned;
	struct by_kernel *kernel;
	struct by_ptrace *ptrace;
	struct known *known;  /* [KNOWN_MAX], by the low bits of tid */
	struct call *pending; /* [PENDING_MAX], tid 0: free */
};

/* Half a call: on its entry (@call->returned is false) or its return. 0, or the log's error. */
int recorder_take(struct recorder *r, struct call *call);
/* @total calls were lost so far: what of it the log does not know yet becomes a gap. */
int recorder_lost(struct recorder *r, uint64_t total);

/* When all else was told: as many calls, at most, went by unseen. */
int recorder_missed(struct recorder *r, uint64_t count);
/* Half a call of @tid that has entered, or NULL. */
const struct call *recorder_entry(struct recorder *r, pid_t tid);
/* Thread @tid has ended: what it was in the middle of does not return. 0, or the log's error. */
int recorder_gone(struct recorder *r, pid_t tid);
/* By an exec the thread @before has become @tid. */
void recorder_renamed(struct recorder *r, pid_t before, pid_t tid);

/* tgid and the inner numbers of @call's thread: noted if they are there, filled in if not. */
void recorder_who(struct recorder *r, struct call *call);
void recorder_forget(struct recorder *r, pid_t tid);

int by_ptrace_start(struct recorder *r, struct err *err);
int by_ptrace_fd(const struct recorder *r);
int by_ptrace_serve(struct recorder *r);
int by_ptrace_stopped(struct recorder *r, pid_t tid, int status);
int by_ptrace_finish(struct recorder *r);
struct by_ptrace *by_ptrace_free(struct by_ptrace *p);

/* -errno and a sentence. */
int by_kernel_new(struct recorder *r, char ret_why[RECORDER_WHY_MAX]);
struct by_kernel *by_kernel_free(struct by_kernel *k);
int by_kernel_group_fd(const struct by_kernel *k);
int by_kernel_start(struct recorder *r, struct err *err);
/* All that is in the ring, and no more from now on. */
int by_kernel_finish(struct recorder *r);
