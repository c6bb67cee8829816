#include "mediate/holders.h"

#include "base/own.h"
#include "codec/json_wr.h"
#include "engine/engine.h"
#include "mediate/address.h"
#include "sys/missing_syscall.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct find {
	struct mediator *m;
	struct audit_log *log;
	bool end;
	holder_told *told;
	void *ctx;
	struct event event;
	int r;
};

static int number(const char *name)
{
	char *end;
	long n = strtol(name, &end, 10);

	return *name && !*end && n >= 0 && n <= INT_MAX ? (int)n : -1;
}

/* The flags that @fd was opened with, or -1. */
static int flags_of(int proc, const char *fd)
{
	char path[64], line[128];
	AUTO(file_closep) FILE *f = NULL;
	unsigned flags;
	int info;

	(void)snprintf(path, sizeof(path), "fdinfo/%s", fd);
	info = openat(proc, path, O_RDONLY | O_CLOEXEC);
	f = info >= 0 ? fdopen(info, "re") : NULL;
	if (!f) {
		fd_close(info);
		return -1;
	}
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "flags: %o", &flags) == 1)
			return (int)flags;
	}
	return -1;
}

static void command_of(int proc, char command[32])
{
	AUTO(fd_closep) int fd = openat(proc, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, command, 31) : -1;

	command[n > 0 ? n : 0] = '\0';
	for (char *c = command; *c; c++) {
		if (*c == '\n')
			*c = '\0';
		else if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
}

/* Its number inside: the last of NSpid. */
static pid_t inner_of(int proc)
{
	AUTO(fd_closep) int fd = openat(proc, "status", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	char *at, *end;

	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "\nNSpid:");
	end = at ? strchr(at + 1, '\n') : NULL;
	if (!end)
		return 0;
	*end = '\0';
	at = strrchr(at, '\t');
	return at ? number(at + 1) : 0;
}

/* The rule that forbids f->event, or NULL. */
static const struct policy_rule *forbidden(struct find *f)
{
	static struct engine_decision d;

	return mediator_forbids(f->m, &f->event, &d) ? d.rule : NULL;
}

static const struct policy_rule *file_forbidden(struct find *f, const char *path, bool write)
{
	struct event *e = &f->event;

	event_begin(e, EVENT_FILE_OPEN);
	event_set_str(e, EVENT_F_FILE_ACTIVITY_OPERATION, STR("open"));
	event_set_text(e, EVENT_F_FILE_ACTIVITY_PATH, str_of(path));
	event_set_bool(e, EVENT_F_FILE_ACTIVITY_WRITE, write);
	return forbidden(f);
}

static int write_record(struct find *f, const struct holder *h)
{
	struct json_wr *w;
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	event_set_time(&f->event, EVENT_F_COMMON_TIME, now.tv_sec, (uint32_t)now.tv_nsec);
	event_set_int(&f->event, EVENT_F_COMMON_PROCESS_PID, h->inner);
	w = audit_begin(f->log, "event");
	json_key(w, "event");
	event_write_json(&f->event, 0, w);
	json_key(w, "decision");
	json_object(w);
	json_key(w, "action");
	json_strz(w, rule_action_name[h->rule->action]);
	json_key(w, "rule");
	json_strz(w, h->rule->id);
	json_key(w, "reason");
	json_strz(w, "open since before the policy was reloaded");
	json_end_object(w);
	json_key(w, "outcome");
	json_object(w);
	json_key(w, "result");
	json_strz(w, h->ended ? "done" : "observed");
	json_key(w, "layer");
	json_strz(w, "supervisor");
	json_end_object(w);
	return audit_end(f->log, NULL) < 0 ? -EIO : 0;
}

static void tell(struct find *f, int proc, struct holder *h)
{
	command_of(proc, h->command);
	h->inner = inner_of(proc);
	f->r = write_record(f, h);
	f->told(f->ctx, h);
}

/*
 * A connection that stands: judged by its other end as connecting there would be, and shut down rather than its
 * process ended. One that was taken, not made, is judged the same way.
 */
static void look_at_socket(struct find *f, int proc, int pidfd, struct holder *h, int number)
{
	AUTO(fd_closep) int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	struct sockaddr_storage peer = { 0 };
	char text[ADDRESS_TEXT_MAX] = "", name[sizeof(text) + 32];
	socklen_t n = sizeof(peer);
	const char *protocol;

	if (fd < 0 || getpeername(fd, (struct sockaddr *)&peer, &n) < 0)
		return;
	protocol = address_protocol(fd, peer.ss_family);
	event_begin(&f->event, EVENT_NET_CONNECT);
	event_set_str(&f->event, EVENT_F_NET_ACTIVITY_OPERATION, STR("connect"));
	event_set_str(&f->event, EVENT_F_NET_ACTIVITY_PROTOCOL, str_of(protocol));
	event_set_bool(&f->event, EVENT_F_NET_ACTIVITY_INITIATED, true);
	address_put(&f->event, protocol, &peer, n, text);
	h->rule = text[0] ? forbidden(f) : NULL;
	if (!h->rule)
		return;
	(void)snprintf(
		name, sizeof(name), "%s %s port %u", protocol, text,
		ntohs(((const struct sockaddr_in *)&peer)->sin_port)); /* IPv6: in the same place */
	h->path = name;
	h->socket = true;
	h->ended = f->end && shutdown(fd, SHUT_RDWR) == 0;
	tell(f, proc, h);
}

/* One descriptor; true: the process was ended. */
static bool look_at(struct find *f, int proc, int pidfd, pid_t pid, const char *fd)
{
	char link[64], path[PATH_MAX];
	struct holder h = { .pid = pid, .path = path };
	int flags = flags_of(proc, fd);
	struct stat st;
	ssize_t n;

	(void)snprintf(link, sizeof(link), "fd/%s", fd);
	n = readlinkat(proc, link, path, sizeof(path) - 1);
	if (flags < 0 || n <= 0)
		return false;
	path[n] = '\0';
	if (strncmp(path, "socket:", 7) == 0)
		look_at_socket(f, proc, pidfd, &h, number(fd));
	if (path[0] != '/' || fstatat(proc, link, &st, 0) < 0 ||
	    !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return false;
	h.write = (flags & O_ACCMODE) != O_RDONLY;
	h.rule = flags & O_PATH ? NULL : file_forbidden(f, path, h.write);
	if (!h.rule)
		return false;
	h.ended = f->end && syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0;
	tell(f, proc, &h);
	return h.ended;
}

static void look_through(struct find *f, pid_t pid, bool is_init)
{
	AUTO(fd_closep) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	AUTO(fd_closep) int proc = -EBADF;
	AUTO(dir_closep) DIR *dir = NULL;
	struct dirent *entry;
	char path[64];
	bool ended = false;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* the number is still its own, for what was opened after it was pinned */
	if (pidfd < 0 || proc < 0 || is_init)
		return;
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && !ended && f->r == 0 && (entry = readdir(dir))) {
		if (number(entry->d_name) >= 0)
			ended = look_at(f, proc, pidfd, pid, entry->d_name);
	}
}

static bool same_namespace(pid_t pid, const struct stat *ns)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	return stat(path, &st) == 0 && st.st_dev == ns->st_dev && st.st_ino == ns->st_ino;
}

int holders_find(struct mediator *m, struct audit_log *log, pid_t init, bool end, holder_told *told,
		 void *ctx)
{
	static struct find f;
	AUTO(dir_closep) DIR *dir = opendir("/proc");
	struct dirent *entry;
	struct stat ns, ours;
	char path[64];

	f.m = m;
	f.log = log;
	f.end = end;
	f.told = told;
	f.ctx = ctx;
	f.r = 0;
	event_init(&f.event);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)init);
	if (!dir || stat(path, &ns) < 0 || stat("/proc/self/ns/pid", &ours) < 0)
		return 0;
	if (ns.st_ino == ours.st_ino && ns.st_dev == ours.st_dev)
		return 0; /* no namespace of its own: everybody's processes are in it */
	while (f.r == 0 && (entry = readdir(dir))) {
		pid_t pid = number(entry->d_name);

		if (pid > 0 && same_namespace(pid, &ns))
			look_through(&f, pid, pid == init);
	}
	return f.r;
}
