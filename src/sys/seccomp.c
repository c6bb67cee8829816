#include "sys/seccomp.h"

#include "sys/missing_seccomp.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

int seccomp_filter_load(const struct sock_filter *insns, uint16_t n, unsigned flags)
{
	/* The kernel only reads the program; its structure lacks a const. */
	struct sock_fprog prog = { .len = n, .filter = (struct sock_filter *)(uintptr_t)insns };
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);

	return r < 0 ? -errno : (int)r;
}

bool seccomp_filter_has_action(uint32_t action)
{
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}
