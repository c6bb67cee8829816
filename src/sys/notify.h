/*
 * notify - seccomp user notification: system calls of another process that wait for our answer.
 *
 * A filter with SECCOMP_RET_USER_NOTIF, loaded with SECCOMP_FILTER_FLAG_NEW_LISTENER, has one listener.
 * Each trapped call becomes a notification with an id; the caller sleeps until it is answered, or
 * is killed. Source: Documentation/userspace-api/seccomp_filter.rst, seccomp_unotify(2).
 *
 * Waking. A listener with SYNC_WAKE_UP (Linux 6.6) is woken on the caller's processor and the caller on
 * ours, which saves waking a sleeping one: most of what a trap costs. Installing a descriptor does
 * not have that courtesy, so notify_install() keeps the caller on our processor for that moment.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct notify_call {
	uint64_t id;
	pid_t tid; /* as this process sees it; 0: not in our pid namespace */
	int nr;
	uint32_t arch; /* AUDIT_ARCH_* */
	uint64_t args[6];
};

/* Flags for seccomp_filter_load(): a listener, and waiting that only death interrupts if there is that. */
unsigned notify_filter_flags(void);

/* Fetch descriptor @number of the process @pid (its listener, before it runs anything). */
int notify_fetch(pid_t pid, int number, int *ret_listener);

/* SYNC_WAKE_UP, where the kernel has it. */
void notify_tune(int listener);

/* The next call. -ENOENT: whoever called is gone; -EAGAIN: interrupted. */
int notify_receive(int listener, struct notify_call *ret_call);

/* Is it still waiting? What was read of its memory before is its own only if so. */
bool notify_valid(int listener, uint64_t id);

/* Each answers; -ENOENT: the caller is gone, nothing to do. */
int notify_return(int listener, uint64_t id, int64_t value);
int notify_fail(int listener, uint64_t id, int error); /* positive errno */
/* Let the kernel do it, reading the arguments again: never where a decision depends on them. */
int notify_continue(int listener, uint64_t id);
/*
 * Give the caller @fd as its lowest free descriptor, and that number as the result. @flags: O_CLOEXEC
 * or 0. -EMFILE: it may have no more (not answered yet).
 */
int notify_install(int listener, const struct notify_call *call, int fd, int flags);
