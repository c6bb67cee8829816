#include "sys/ns.h"

#include "base/own.h"
#include "sys/missing_syscall.h"
#include "sys/raw.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>

pid_t ns_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd)
{
	int pidfd = -EBADF;
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	int pid;

	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)cgroup_fd;
	}
	pid = sys_clone3(&args);
	/*
	 * Containers answer ENOSYS so that they can filter clone's flags: so be it. (Stack 0: as
	 * fork. The pidfd goes where the parent's tid would, in every machine's order of arguments.)
	 */
	if (pid == -ENOSYS && cgroup_fd < 0)
		pid = sys_result(syscall(SYS_clone, args.flags | SIGCHLD, 0, &pidfd, 0, 0));
	if (pid > 0)
		*ret_pidfd = pidfd;
	return pid;
}

static int file_write(int dirfd, const char *name, const char *text)
{
	AUTO(fd_closep) int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* One write(): the kernel takes a map whole or not at all. */
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int ns_map_self(int proc_self_fd, uid_t uid, uid_t outer_uid, gid_t gid, gid_t outer_gid)
{
	char line[40];
	int r;

	r = file_write(proc_self_fd, "setgroups", "deny");
	if (r < 0)
		return r;
	(void)snprintf(line, sizeof(line), "%u %u 1", uid, outer_uid);
	r = file_write(proc_self_fd, "uid_map", line);
	if (r < 0)
		return r;
	(void)snprintf(line, sizeof(line), "%u %u 1", gid, outer_gid);
	return file_write(proc_self_fd, "gid_map", line);
}

/* In raw calls, for net_make(). */
static int loopback_up(int *ret_fd)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	long fd = raw_call(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return (int)fd;
	r = raw_call(SYS_ioctl, fd, SIOCGSKNS, 0);
	if (ret_fd && r >= 0)
		*ret_fd = (int)r;
	r = raw_call(SYS_ioctl, fd, SIOCSIFFLAGS, (long)&ifr);
	(void)raw_call(SYS_close, fd, 0, 0);
	return (int)r;
}

int ns_loopback_up(void)
{
	return loopback_up(NULL);
}

/* In a process of its own, but in our memory, and at the same time: raw calls only. */
static int net_make(void *arg)
{
	struct ns_net *net = arg;
	long r = raw_call(SYS_unshare, CLONE_NEWNET, 0, 0);

	if (r == 0)
		net->loopback = loopback_up(&net->fd);
	if (r == 0 && net->fd < 0)
		net->fd = (int)(r = raw_call(SYS_openat, AT_FDCWD, (long)"/proc/thread-self/ns/net",
					     O_RDONLY | O_CLOEXEC));
	net->error = r < 0 ? (int)r : 0;
	__atomic_store_n(&net->made, 1, __ATOMIC_RELEASE);
	(void)raw_call(SYS_futex, (long)&net->made, FUTEX_WAKE_PRIVATE, 1);
	if (net->tell >= 0)
		(void)raw_call(SYS_write, net->tell, (long)"", 1);
	return 0;
}

void ns_net_begin(struct ns_net *net, int tell)
{
	static char stack[16384] __attribute__((aligned(64)));

	*net = (struct ns_net){ .fd = -EBADF, .tell = tell };
	net->pid = clone(net_make, stack + sizeof(stack), CLONE_VM | CLONE_FILES, net);
	if (net->pid < 0)
		(void)net_make(net); /* then it is made here, and entered */
}

int ns_net_enter(struct ns_net *net)
{
	int r;

	/* Not until it is gone: its going takes the kernel as long again. */
	while (net->pid > 0 && !__atomic_load_n(&net->made, __ATOMIC_ACQUIRE))
		(void)syscall(SYS_futex, &net->made, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	r = net->error;
	if (r == 0 && net->pid > 0 && setns(net->fd, CLONE_NEWNET) < 0)
		r = -errno;
	net->fd = fd_close(net->fd);
	return r;
}

void ns_net_end(struct ns_net *net)
{
	while (net->pid > 0 && waitpid(net->pid, NULL, (int)__WCLONE) < 0 && errno == EINTR)
		;
	net->pid = 0;
}

bool ns_host_root(void)
{
	char line[64];
	unsigned inside, outside;
	AUTO(fd_closep) int fd = -EBADF;
	ssize_t n;

	if (geteuid() != 0)
		return false;
	fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (n <= 0)
		return true;
	line[n] = '\0';
	/* Only the parent namespace's number can be seen: 0 there may well be the host's. */
	return sscanf(line, "%u %u", &inside, &outside) != 2 || inside != 0 || outside == 0;
}

unsigned ns_kernel_version(void)
{
	struct utsname name;
	unsigned major, minor;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return 0;
	return major * 1000 + minor;
}
