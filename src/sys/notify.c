#include "sys/notify.h"

#include "base/own.h"
#include "sys/missing_seccomp.h"
#include "sys/missing_syscall.h"

#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438 /* Linux 5.6; one number on all machines */
#endif

unsigned notify_filter_flags(void)
{
	return SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
}

int notify_fetch(pid_t pid, int number, int *ret_listener)
{
	AUTO(fd_closep) int pidfd = sys_pidfd_open(pid);
	int fd;

	if (pidfd < 0)
		return pidfd;
	fd = sys_result(syscall(SYS_pidfd_getfd, pidfd, number, 0));
	if (fd < 0)
		return fd;
	*ret_listener = fd;
	return 0;
}

void notify_tune(int listener)
{
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

int notify_receive(int listener, struct notify_call *ret_call)
{
	struct seccomp_notif n;

	memset(&n, 0, sizeof(n)); /* the kernel insists */
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n) < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	*ret_call = (struct notify_call){
		.id = n.id, .tid = (pid_t)n.pid, .nr = n.data.nr, .arch = n.data.arch
	};
	for (int i = 0; i < 6; i++)
		ret_call->args[i] = n.data.args[i];
	return 0;
}

bool notify_valid(int listener, uint64_t id)
{
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static int answer(int listener, uint64_t id, int64_t value, int error, uint32_t flags)
{
	struct seccomp_notif_resp resp = {
		.id = id, .val = value, .error = -error, .flags = flags
	};

	while (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int notify_return(int listener, uint64_t id, int64_t value)
{
	return answer(listener, id, value, 0, 0);
}

int notify_fail(int listener, uint64_t id, int error)
{
	return answer(listener, id, 0, error, 0);
}

int notify_continue(int listener, uint64_t id)
{
	return answer(listener, id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

/* Hold @tid on this processor; what it was allowed before in @ret_before. False: it may roam. */
static bool hold_here(pid_t tid, cpu_set_t *ret_before)
{
	int here = sched_getcpu();
	cpu_set_t only;

	if (here < 0 || here >= CPU_SETSIZE || tid <= 0 ||
	    sched_getaffinity(tid, sizeof(*ret_before), ret_before) < 0 ||
	    CPU_COUNT(ret_before) < 2 || !CPU_ISSET((size_t)here, ret_before))
		return false;
	CPU_ZERO(&only);
	CPU_SET((size_t)here, &only);
	return sched_setaffinity(tid, sizeof(only), &only) == 0;
}

int notify_install(int listener, const struct notify_call *call, int fd, int flags)
{
	struct seccomp_notif_addfd add = {
		.id = call->id,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (uint32_t)fd,
		.newfd_flags = (uint32_t)(flags & O_CLOEXEC),
	};
	cpu_set_t before;
	bool held = hold_here(call->tid, &before);
	int r;

	do {
		r = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -errno : 0;
	} while (r == -EINTR);
	if (held)
		(void)sched_setaffinity(call->tid, sizeof(before), &before);
	return r;
}
