/*
 * The session's own numbers of its threads. The kernel's programs tell them with a thread's first record (the
 * return of the clone that made it), since finding them out is not cheap; else /proc does.
 */
#include "base/own.h"
#include "record/impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* The last number of the line that begins with @key: that of the thread's own namespace; 0: there is none. */
static int32_t number_of(const char *text, const char *key)
{
	const char *line = strstr(text, key);
	const char *end = line ? line + 1 + strcspn(line + 1, "\n") : NULL;

	while (end && end > line && end[-1] >= '0' && end[-1] <= '9')
		end--;
	return end ? (int32_t)strtol(end, NULL, 10) : 0;
}

static struct known who_read(pid_t tid)
{
	char path[64], text[4096];
	AUTO(fd_closep) int fd = -EBADF;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return (struct known){ .tid = tid,
			       .tgid = number_of(text, "\nTgid:"),
			       .inner_tid = number_of(text, "\nNSpid:"),
			       .inner_tgid = number_of(text, "\nNStgid:") };
}

static struct known *slot_of(struct recorder *r, pid_t tid)
{
	return &r->known[(uint32_t)tid & (KNOWN_MAX - 1)];
}

void recorder_who(struct recorder *r, struct call *call)
{
	struct known *known = slot_of(r, call->tid);

	if (call->inner_tid) {
		*known = (struct known){ call->tid, call->tgid, call->inner_tid, call->inner_tgid };
		return;
	}
	if (known->tid != call->tid)
		*known = who_read(call->tid);
	call->tgid = known->tgid;
	call->inner_tid = known->inner_tid;
	call->inner_tgid = known->inner_tgid;
}

void recorder_forget(struct recorder *r, pid_t tid)
{
	struct known *known = slot_of(r, tid);

	if (known->tid == tid)
		*known = (struct known){ 0 };
}
