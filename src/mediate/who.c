#include "mediate/who.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STATUS_MAX 4096

/* Of a line "Key:\ta\tb\tc" the last number: the innermost pid namespace's. */
static pid_t last_number(const char *text, const char *key)
{
	const char *line = strstr(text, key), *end;
	long value = 0;

	if (!line)
		return 0;
	line += strlen(key);
	end = line + strcspn(line, "\n");
	while (line < end) {
		char *next;
		long got = strtol(line, &next, 10);

		if (next == line)
			break;
		value = got;
		line = next;
	}
	return (pid_t)value;
}

static int status_read(int proc, char text[STATUS_MAX])
{
	AUTO(fd_closep) int fd = openat(proc, "status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, STATUS_MAX - 1);

	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	return 0;
}

static int proc_open(pid_t tid)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d", tid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The number inside of the process @pid; 0 where it is not in the session's namespace. */
static pid_t inner_of(pid_t pid, pid_t *ret_parent, char name[16])
{
	AUTO(fd_closep) int proc = proc_open(pid);
	char text[STATUS_MAX];
	size_t n;

	*ret_parent = 0;
	if (proc < 0 || status_read(proc, text) < 0)
		return 0;
	*ret_parent = last_number(text, "\nPPid:");
	if (name && strncmp(text, "Name:\t", 6) == 0) {
		n = strcspn(text + 6, "\n");
		n = n < 15 ? n : 15;
		memcpy(name, text + 6, n);
		name[n] = '\0';
	}
	return last_number(text, "\nNStgid:");
}

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static pid_t parent_find(struct who_table *table, pid_t pid, uint64_t now)
{
	pid_t unused;

	if (table->parent.pid != pid || now - table->parent.seen_ms >= WHO_FRESH_MS) {
		table->parent.pid = pid;
		table->parent.inner = inner_of(pid, &unused, NULL);
		table->parent.seen_ms = now;
	}
	return table->parent.inner;
}

static int who_read(struct who_table *table, struct who *who, pid_t tid, uint64_t now)
{
	char text[STATUS_MAX];
	pid_t parent;

	who->proc = proc_open(tid);
	if (who->proc < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	if (status_read(who->proc, text) < 0)
		return -ESRCH;
	who->tgid = last_number(text, "\nTgid:");
	who->inner_tgid = last_number(text, "\nNStgid:");
	who->inner_tid = last_number(text, "\nNSpid:");
	parent = last_number(text, "\nPPid:");
	/* init's parent is not in there: its number would be ours */
	who->inner_ppid = parent && who->inner_tgid != 1 ? parent_find(table, parent, now) : 0;
	if (!who->tgid || !who->inner_tgid || !who->inner_tid)
		return -ESRCH;
	who->n_exe = 0;
	who->mask_ms = 0;
	who->tid = tid;
	return 0;
}

static void who_forget(struct who *who)
{
	if (who->tid)
		who->proc = fd_close(who->proc);
	who->tid = 0;
}

void who_done(struct who_table *table)
{
	for (unsigned i = 0; i < WHO_MAX; i++) {
		if (table->used[i / 64] >> (i % 64) & 1)
			who_forget(&table->slot[i]);
	}
}

int who_find(struct who_table *table, pid_t tid, struct who **ret)
{
	uint32_t at = (uint32_t)tid % WHO_MAX;
	struct who *who = &table->slot[at];
	uint64_t now = now_ms();
	int r;

	/* its folder's entries are gone with it */
	if (who->tid == tid &&
	    (now - who->seen_ms < WHO_FRESH_MS || faccessat(who->proc, "comm", F_OK, 0) == 0)) {
		who->seen_ms = now;
		*ret = who;
		return 0;
	}
	who_forget(who);
	table->used[at / 64] |= UINT64_C(1) << (at % 64);
	r = who_read(table, who, tid, now);
	if (r < 0) {
		who->proc = fd_close(who->proc);
		return r;
	}
	who->seen_ms = now;
	*ret = who;
	return 0;
}

struct str who_exe(struct who *who)
{
	if (who->n_exe == 0) {
		ssize_t n = readlinkat(who->proc, "exe", who->exe, sizeof(who->exe));

		who->n_exe = n > 0 ? (size_t)n : 0;
	}
	return (struct str){ .p = who->exe, .n = who->n_exe };
}

void who_exec(struct who *who)
{
	who->n_exe = 0;
}

void who_masks(struct who_table *table)
{
	table->masking_ms = now_ms();
}

mode_t who_umask(const struct who_table *table, struct who *who)
{
	char text[STATUS_MAX];
	uint64_t now = now_ms();
	const char *line;

	if (who->mask_ms > table->masking_ms + WHO_FRESH_MS)
		return who->mask;
	line = status_read(who->proc, text) < 0 ? NULL : strstr(text, "\nUmask:");
	if (!line)
		return 0777;
	who->mask = (mode_t)strtoul(line + 7, NULL, 8) & 0777;
	who->mask_ms = now;
	return who->mask;
}

bool who_alone(const struct who *who)
{
	char text[STATUS_MAX];

	return status_read(who->proc, text) == 0 && last_number(text, "\nThreads:") == 1;
}

unsigned who_ancestry(const struct who *who, struct who_ancestor *ret, unsigned max)
{
	pid_t pid = who->tgid, parent;
	unsigned n = 0;

	while (n < max && pid > 0) {
		ret[n].name[0] = '\0';
		ret[n].pid = inner_of(pid, &parent, ret[n].name);
		if (!ret[n].pid)
			break;
		if (ret[n++].pid == 1)
			break;
		pid = parent;
	}
	return n;
}
