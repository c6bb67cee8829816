#include "cli/remote.h"

#include "base/file.h"
#include "base/own.h"
#include "cli/evidence.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

static int run_folder(void)
{
	char path[PATH_MAX];
	int fd;

	evidence_state_path(path, CONTROL_FOLDER);
	fd = path[0] ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	return fd < 0 ? -ENOENT : fd;
}

static bool is_id(const char *name, size_t n)
{
	return n == 32 && strspn(name, "0123456789abcdef") >= 32;
}

struct found {
	char id[33];
	struct timespec since;
};

static int newest_first(const void *a, const void *b)
{
	const struct timespec *x = &((const struct found *)a)->since;
	const struct timespec *y = &((const struct found *)b)->since;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? 1 : -1;
	return (x->tv_nsec < y->tv_nsec) - (x->tv_nsec > y->tv_nsec);
}

size_t remote_sessions(char ids[REMOTE_MAX][33])
{
	struct found found[REMOTE_MAX];
	AUTO(dir_closep) DIR *dir = NULL;
	struct dirent *entry;
	int fd = run_folder();
	size_t n = 0;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		(void)fd_close(fd);
		return 0;
	}
	while (n < REMOTE_MAX && (entry = readdir(dir))) {
		const char *dot = strchr(entry->d_name, '.');
		struct stat st;

		if (!dot || strcmp(dot, ".sock") != 0 ||
		    !is_id(entry->d_name, (size_t)(dot - entry->d_name)) ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		(void)snprintf(found[n].id, sizeof(found[n].id), "%.32s", entry->d_name);
		found[n++].since = st.st_mtim;
	}
	qsort(found, n, sizeof(*found), newest_first);
	for (size_t i = 0; i < n; i++)
		memcpy(ids[i], found[i].id, sizeof(ids[i]));
	return n;
}

/* -ESTALE: its session is no more, and its files are removed. */
static int dial(int folder, const char *id)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	AUTO(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char name[48];

	/* by our own descriptor: the folder may be deeper than an address is long */
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d/%.32s.sock", folder, id);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&un, sizeof(un)) == 0)
		return take_fd(&fd);
	if (errno != ECONNREFUSED)
		return errno == ENOENT ? -ESTALE : -errno;
	(void)snprintf(name, sizeof(name), "%.32s.sock", id);
	(void)unlinkat(folder, name, 0);
	(void)snprintf(name, sizeof(name), "%.32s.key", id);
	(void)unlinkat(folder, name, 0);
	return -ESTALE;
}

static int greet(struct remote *remote, int folder, struct err *err)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
	AUTO(fd_closep) int fd = -EBADF;
	char name[48], key[CONTROL_KEY_LEN], line[256];
	const struct json *reply;
	size_t n = 0;
	int r;

	(void)snprintf(name, sizeof(name), "%.32s.key", remote->session);
	fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? -errno : fd_read_small(fd, key, sizeof(key), &n);
	if (r < 0 || n != sizeof(key))
		return err_set(err, r < 0 ? -r : EIO, "the key of session %.8s", remote->session);
	(void)snprintf(line, sizeof(line), "{\"do\":\"hello\",\"version\":%d,\"key\":\"%.*s\"}",
		       CONTROL_VERSION, (int)sizeof(key), key);
	r = remote_send(remote, str_of(line), err);
	return r < 0 ? r : remote_reply(remote, &arena, &reply, err);
}

/* Which of them is meant? */
static int choose(char ids[REMOTE_MAX][33], size_t n, const char *session, struct err *err)
{
	int found = -1;

	for (size_t i = 0; i < n; i++) {
		if (session && strncmp(ids[i], session, strlen(session)) != 0)
			continue;
		if (found >= 0)
			return err_text(err, ENOTUNIQ, "several running sessions %s%s: name one",
					session ? "begin with " : "are there",
					session ? session : "");
		found = (int)i;
	}
	if (found < 0)
		return err_text(err, ENOENT, "no running session%s%s can be asked",
				session ? " that begins with " : "", session ? session : "");
	return found;
}

int remote_open(const char *session, struct remote *ret, struct err *err)
{
	AUTO(fd_closep) int folder = run_folder();
	char ids[REMOTE_MAX][33];
	size_t n = remote_sessions(ids);
	int fds[REMOTE_MAX], which, r;
	size_t live = 0;

	ret->fd = -EBADF;
	ret->start = ret->n = 0;
	/* only those that answer count: connecting is what tells */
	for (size_t i = 0; i < n; i++) {
		if (session && strncmp(ids[i], session, strlen(session)) != 0)
			continue;
		fds[live] = dial(folder, ids[i]);
		if (fds[live] < 0)
			continue;
		memmove(ids[live++], ids[i], sizeof(ids[i]));
	}
	which = choose(ids, live, session, err);
	for (size_t i = 0; i < live; i++) {
		if ((int)i != which)
			(void)close(fds[i]);
	}
	if (which < 0)
		return which;
	ret->fd = fds[which];
	memcpy(ret->session, ids[which], sizeof(ret->session));
	r = greet(ret, folder, err);
	if (r < 0)
		remote_close(ret);
	return r;
}

void remote_close(struct remote *remote)
{
	remote->fd = fd_close(remote->fd);
}

int remote_send(struct remote *remote, struct str line, struct err *err)
{
	char text[CONTROL_LINE_MAX];
	size_t at = 0;

	if (line.n >= sizeof(text))
		return err_set(err, EMSGSIZE, "request");
	memcpy(text, line.p, line.n);
	text[line.n] = '\n';
	while (at <= line.n) {
		ssize_t n = send(remote->fd, text + at, line.n + 1 - at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "session %.8s", remote->session);
		at += (size_t)n;
	}
	return 0;
}

int remote_line(struct remote *remote, int ms, struct str *ret_line)
{
	for (;;) {
		char *from = remote->in + remote->start;
		char *end = memchr(from, '\n', remote->n - remote->start);
		struct pollfd pfd = { .fd = remote->fd, .events = POLLIN };
		ssize_t n;

		if (end) {
			*ret_line = (struct str){ from, (size_t)(end - from) };
			remote->start += ret_line->n + 1;
			return 0;
		}
		memmove(remote->in, from, remote->n - remote->start);
		remote->n -= remote->start;
		remote->start = 0;
		if (remote->n == sizeof(remote->in))
			return -EBADMSG;
		if (poll(&pfd, 1, ms) == 0)
			return -EAGAIN;
		n = recv(remote->fd, remote->in + remote->n, sizeof(remote->in) - remote->n,
			 MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return -EPIPE;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		remote->n += n > 0 ? (size_t)n : 0;
	}
}

int remote_reply(struct remote *remote, struct arena *arena, const struct json **ret,
		 struct err *err)
{
	struct str line, text = STR("refused");
	bool ok = false;
	int r = remote_line(remote, REMOTE_WAIT_MS, &line);

	if (r < 0)
		return err_set(err, r == -EAGAIN ? ETIMEDOUT : -r, "session %.8s", remote->session);
	r = json_parse(arena, line, ret, err);
	if (r < 0)
		return r;
	if (json_get_bool(*ret, "ok", &ok) && !ok) {
		(void)json_get_str(*ret, "error", &text);
		return err_text(err, EPROTO, "%.*s", STR_ARG(text));
	}
	return 0;
}
