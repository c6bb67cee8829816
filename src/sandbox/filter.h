/*
 * filter - the system call layer of the wall: a policy becomes a seccomp BPF program.
 *
 * An allow-list. What may be called comes from one table (filter_table.h: three presets and two
 * lists beyond them), what arguments may be from another (filter_check.h), the rest from the
 * policy's `syscalls:` rules. Programs are compiled at every start: that takes some tens of
 * microseconds, so there is nothing to cache and nothing that can be out of date.
 *
 * What a program answers, in this order:
 *	foreign ABI (another machine, i386, x32)	the process is killed
 *	a policy's deny rule that matches		its action; a later rule before an earlier
 *	what nobody may have (namespaces, mounts, ...)	EPERM, or ENOSYS where callers fall back
 *	a policy's allow rule that matches		allowed
 *	the preset's word on call and arguments		allowed, or EPERM
 *	a policy's log rule that matches what so far is allowed: allowed and logged
 *	a number that the table does not know		ENOSYS, as if the kernel were older
 *
 * Arguments are compared as the kernel will read them: where it takes 32 bits, only those 32 are
 * looked at, whatever the upper half holds. Pointers cannot be followed: open() by path, bind()
 * and connect() by address are for the other layers.
 */
#pragma once

#include "base/err.h"
#include "policy/policy.h"
#include "sys/seccomp.h"
#include "sys/syscall_table.h"

struct buf;

/* For whom, and which layers are missing so that the filter must stand in. Or them together. */
enum filter_use {
	FILTER_SESSION = 0, /* the session's command and all that it starts */
	FILTER_INIT =
		1 << 0, /* the session's pid 1: waits, forwards, exits; the policy is not read */
	/*
	 * No network namespace: under `network: none` no sockets but Unix ones. (Landlock sees
	 * TCP bind and connect only, not UDP, not MSG_FASTOPEN, not MPTCP.)
	 */
	FILTER_NO_NETNS = 1 << 1,
	/*
	 * The host's files, so its Unix sockets too (D-Bus, docker, ssh-agent), can be reached:
	 * no Unix sockets but socketpair(2). Landlock does not see connect() to a path, nor who
	 * changes a file's metadata: by path, owner and attributes cannot be changed. Modes and
	 * times can: compilers, git, tar and pip need that, and a filter cannot see whose they are.
	 */
	FILTER_NO_MOUNTNS = 1 << 2,
	FILTER_NO_IPCNS = 1 << 3, /* no System V IPC, no message queues: they would be the host's */
	FILTER_NO_PIDNS = 1 << 4, /* prlimit64 on oneself only: others are in sight */
};

struct filter {
	const struct sock_filter *insns; /* somewhere in @room */
	uint16_t n;
	struct sock_filter room[SECCOMP_INSNS_MAX]; /* filled from its end: 32 KiB, few touched */
};

/*
 * Compile for the machine that runs this. @policy may be NULL: preset default, no rules. Allocates
 * nothing. -EINVAL: a rule that cannot be had (unknown system call, one that nobody may have, a
 * value wider than the argument), named with its position; -E2BIG: over 4096 instructions.
 */
int filter_compile(const struct policy *policy, unsigned use, struct filter *ret_filter,
		   struct err *err);
/* The same for any machine: for listings and tests. */
int filter_compile_arch(const struct policy *policy, unsigned use, enum sysc_arch arch,
			struct filter *ret_filter, struct err *err);

/*
 * Calls that the supervisor is to be asked about: what the filter would allow is trapped instead,
 * where one of @conds holds, or always if there are none. What it refuses stays refused.
 */
struct filter_trap {
	uint16_t sysc; /* enum sysc */
	uint8_t n_conds;
	struct policy_sysc_cond conds[4];
};
struct filter_traps {
	size_t n;
	const struct filter_trap *list; /* each call once */
};
int filter_compile_traps(const struct policy *policy, unsigned use,
			 const struct filter_traps *traps, struct filter *ret_filter,
			 struct err *err);

/* Engage it in the calling thread, after no_new_privs; @flags and errors as seccomp_filter_load(). */
int filter_load(const struct filter *filter, unsigned flags, struct err *err);

/*
 * Check the policy's rules without compiling, so that `capsule policy check` says the same words
 * as a start would. Rules for calls that only the other machine has are fine.
 */
int filter_check_policy(const struct policy *policy, struct err *err);

enum filter_verdict {
	FILTER_ALLOWED,
	FILTER_CONDITIONAL, /* depends on arguments */
	FILTER_REFUSED,
	FILTER_N_VERDICTS
};
extern const char *const filter_verdict_name[FILTER_N_VERDICTS]; /* "allowed", ... */

/*
 * What the policy makes of one system call, for people: the verdict, and in @text (may be NULL)
 * one line saying which arguments, which errno, and why, rules with their positions.
 */
enum filter_verdict filter_explain(const struct policy *policy, unsigned use, enum sysc sysc,
				   struct buf *text);
