/*
 * seccomp - load a filter program into the calling thread. What the program should say is not
 * decided here (sandbox/filter.h).
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#define SECCOMP_INSNS_MAX 4096 /* BPF_MAXINSNS: the kernel takes no longer program */

/*
 * Install @n instructions with SECCOMP_FILTER_FLAG_* @flags. The caller has set no_new_privs (or
 * has CAP_SYS_ADMIN in its user namespace). From then on every thread that this one makes, and
 * every program it executes, is under the filter, for good.
 *
 * Returns 0 (with SECCOMP_FILTER_FLAG_NEW_LISTENER: the listener's fd, close-on-exec), -EACCES
 * without no_new_privs, -EINVAL when the kernel does not know a flag or dislikes the program,
 * -EBUSY when there is a listener already, -ENOSYS without seccomp filters.
 */
int seccomp_filter_load(const struct sock_filter *insns, uint16_t n, unsigned flags);

/* Whether the kernel knows SECCOMP_RET_* @action (which needs no privilege to ask). */
bool seccomp_filter_has_action(uint32_t action);
