/*
 * What a live session costs, measured from inside it.
 *
 *	bench_live open FILE CALLS	open(2) and close(2) of it: microseconds, the best of twenty slices
 *	bench_live time RUNS COMMAND...	milliseconds of each run of the command, one a line
 *	bench_live notify CALLS		a bare notification of seccomp and its answer: microseconds, as the
 *					kernel schedules both, and with both on one processor
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1
#endif

#define SLICES 20

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int open_cost(const char *file, long calls)
{
	double best = 1e18;

	for (int slice = 0; slice < SLICES; slice++) {
		double begin = now_us(), each;

		for (long i = 0; i < calls / SLICES; i++) {
			int fd = open(file, O_RDONLY | O_CLOEXEC);

			if (fd < 0)
				return 1;
			(void)close(fd);
		}
		each = (now_us() - begin) / (double)(calls / SLICES);
		best = each < best ? each : best;
	}
	printf("%.3f\n", best);
	return 0;
}

static int time_runs(long runs, char **command)
{
	for (long i = 0; i < runs; i++) {
		double begin = now_us();
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			int null = open("/dev/null", O_RDWR | O_CLOEXEC);

			(void)dup2(null, 0);
			(void)dup2(null, 1);
			(void)execvp(command[0], command);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
			return 1;
		printf("%.3f\n", (now_us() - begin) / 1e3);
	}
	return 0;
}

/* ---- the bare notification ---- */

static int listen_for(int nr)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

static void send_fd(int socket, int fd)
{
	char byte = 0;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.room,
			      .msg_controllen = sizeof(control.room) };

	control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
					   .cmsg_type = SCM_RIGHTS,
					   .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	(void)sendmsg(socket, &msg, 0);
}

static int receive_fd(int socket)
{
	char byte;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.room,
			      .msg_controllen = sizeof(control.room) };
	int fd = -1;

	if (recvmsg(socket, &msg, 0) == 1)
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

static void stay_here(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
}

static _Noreturn void caller(int socket, long calls)
{
	double best = 1e18;
	int listener = listen_for(SYS_getppid);

	if (listener < 0)
		_exit(1);
	send_fd(socket, listener);
	(void)close(listener);
	for (int slice = 0; slice < SLICES; slice++) {
		double begin = now_us(), each;

		for (long i = 0; i < calls / SLICES; i++)
			(void)syscall(SYS_getppid);
		each = (now_us() - begin) / (double)(calls / SLICES);
		best = each < best ? each : best;
	}
	printf("%.3f\n", best);
	(void)fflush(stdout);
	_exit(0);
}

static int notify_cost(long calls, bool here)
{
	int pair[2], listener, status = 1;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || (pid = fork()) < 0)
		return 1;
	if (here)
		stay_here();
	if (pid == 0)
		caller(pair[1], calls);
	(void)close(pair[1]);
	listener = receive_fd(pair[0]);
	if (listener >= 0)
		(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
			    SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	while (listener >= 0) {
		struct seccomp_notif call = { 0 };
		struct seccomp_notif_resp answer = { 0 };

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
			break; /* the last one under the filter has ended */
		answer.id = call.id;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0)
			break;
	}
	(void)close(listener);
	(void)waitpid(pid, &status, 0);
	return status != 0;
}

int main(int argc, char **argv)
{
	long n = argc > 2
			 ? strtol(argv[argc == 4 && strcmp(argv[1], "open") == 0 ? 3 : 2], NULL, 10)
			 : 0;

	if (n <= 0)
		return 2;
	if (strcmp(argv[1], "open") == 0 && argc == 4)
		return open_cost(argv[2], n);
	if (strcmp(argv[1], "time") == 0 && argc > 3)
		return time_runs(n, argv + 3);
	if (strcmp(argv[1], "notify") == 0)
		return notify_cost(n, false) || notify_cost(n, true);
	return 2;
}
