#include "sys/ns.h"

#include "base/own.h"
#include "sys/missing_syscall.h"

#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>

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

int ns_loopback_up(void)
{
	AUTO(fd_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	if (fd < 0)
		return -errno;
	return ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ? -errno : 0;
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
