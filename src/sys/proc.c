#include "sys/proc.h"

#include "base/own.h"

#include <fcntl.h>
#include <string.h>

int proc_start_time(pid_t pid, uint64_t *ret_time)
{
	char path[48], text[1024];
	AUTO(fd_closep) int fd = -EBADF;
	unsigned long long time;
	const char *at;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	/* Field 22, counted from behind the name, which may hold anything. */
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1,
			  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			  "%*d %*d %llu",
			  &time) != 1)
		return -ESRCH;
	*ret_time = time;
	return 0;
}

void proc_name_make(char ret_name[PROC_NAME_MAX])
{
	uint64_t time = 0;

	(void)proc_start_time(getpid(), &time);
	(void)snprintf(ret_name, PROC_NAME_MAX, "capsule-%d-%llu-", getpid(),
		       (unsigned long long)time);
}

bool proc_name_is_stale(const char *name)
{
	unsigned long long time;
	uint64_t now;
	int pid, end = 0;

	if (sscanf(name, "capsule-%d-%llu-%n", &pid, &time, &end) != 2 || end == 0)
		return false;
	return proc_start_time(pid, &now) < 0 || now != time;
}

int proc_children_open(void)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
