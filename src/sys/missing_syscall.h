/*
 * missing_syscall - system calls and constants that this C library or these kernel headers lack.
 *
 * Each wrapper returns a negative errno instead of setting errno. Numbers that the build's headers
 * do not know are written out here: a binary built on an old system must still use what the
 * kernel under it offers.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int sys_result(long r)
{
	return r < 0 ? -errno : (int)r;
}

static inline int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };

	return sys_result(syscall(SYS_openat2, dirfd, path, &how, sizeof(how)));
}

static inline int sys_clone3(struct clone_args *args)
{
	return sys_result(syscall(SYS_clone3, args, sizeof(*args)));
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return sys_result(syscall(SYS_pivot_root, new_root, put_old));
}

static inline int sys_pidfd_open(pid_t pid)
{
	return sys_result(syscall(SYS_pidfd_open, pid, 0));
}

static inline int sys_pidfd_send_signal(int pidfd, int sig)
{
	return sys_result(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
}

/* clone3 (Linux 5.5, 5.7) */
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
