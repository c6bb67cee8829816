/*
 * missing_landlock - Landlock's user interface up to ABI 7 (Linux 6.15), whatever the build's
 * headers know. Values from Documentation/userspace-api/landlock.rst and include/uapi/linux/landlock.h.
 */
#pragma once

#include "sys/missing_syscall.h"

#include <linux/landlock.h>

/* File system rights that younger ABIs added: 2, 3 and 5. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
/* ABI 4 */
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
/* ABI 6 */
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif

/* The ruleset as of ABI 6; an older kernel takes it as long as the fields it lacks are 0. */
struct landlock_ruleset_abi6 {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

static inline int sys_landlock_create_ruleset(const void *attr, size_t size, uint32_t flags)
{
	return sys_result(syscall(SYS_landlock_create_ruleset, attr, size, flags));
}

static inline int sys_landlock_add_rule(int ruleset_fd, int type, const void *attr)
{
	return sys_result(syscall(SYS_landlock_add_rule, ruleset_fd, type, attr, 0));
}

static inline int sys_landlock_restrict_self(int ruleset_fd, uint32_t flags)
{
	return sys_result(syscall(SYS_landlock_restrict_self, ruleset_fd, flags));
}
