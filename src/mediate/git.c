/*
 * What git itself does in a repository that a session makes, though its names are protected.
 *
 * Hooks and configuration of a repository are run or obeyed later, outside. A policy protects their names,
 * also where they are not there yet; and then `git init` and `git clone` would fail. So, where nothing
 * but a protect line says no, this much is let through:
 *
 *  - the folder .git/hooks is made or removed, and in it the samples, which git never runs;
 *  - .git/config comes into being by a rename of what git wrote beside it, if gitconf_check() finds
 *    nothing in it. What is put there is a new file with just the bytes that were looked at: a
 *    descriptor that is still open on the other one changes nothing any more.
 */
#include "mediate/gitconf.h"
#include "mediate/impl.h"

#include "base/own.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define HOOKS STR("/.git/hooks")
#define CONFIG STR("/.git/config")
#define SAMPLE STR(".sample")

static bool by_protection(const struct policy_rule *rule)
{
	return rule && rule->section && strncmp(rule->id, "filesystem.protect", 18) == 0;
}

static bool is_hook_sample(struct str path)
{
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;

	return slash && str_ends(path, SAMPLE) &&
	       str_ends((struct str){ .p = path.p, .n = (size_t)(slash - path.p) }, HOOKS);
}

bool git_makes(const struct mediator *m)
{
	const struct event *e = &m->event;
	struct str path = event_str(e, EVENT_F_FILE_ACTIVITY_PATH);
	struct str other = event_str(e, EVENT_F_FILE_ACTIVITY_NEW_PATH);
	bool folder = str_eqz(event_str(e, EVENT_F_FILE_ACTIVITY_KIND), "folder");

	if (!by_protection(m->decision.rule) || m->event.damaged)
		return false;
	switch (e->type) {
	case EVENT_FILE_CREATE:
		return (folder && str_ends(path, HOOKS) && !m->moving) || is_hook_sample(path) ||
		       (m->moving && !folder && str_ends(path, CONFIG));
	case EVENT_FILE_DELETE:
		return (folder && str_ends(path, HOOKS) && !m->moving) || is_hook_sample(path);
	case EVENT_FILE_OPEN:
	case EVENT_FILE_CHMOD: return is_hook_sample(path);
	case EVENT_FILE_RENAME:
		return m->moving && (str_ends(other, CONFIG) || is_hook_sample(other)) &&
		       (!is_hook_sample(other) || is_hook_sample(path));
	default: return false;
	}
}

/* The bytes of @o, all of them; -EPERM: no plain file of a reasonable size. */
static int read_all(const struct object *o, char *to, size_t cap, size_t *ret_n)
{
	char link[32];
	AUTO(fd_closep) int fd = -EBADF;
	size_t n = 0;
	ssize_t got;

	if (!S_ISREG(o->st.st_mode))
		return -EPERM;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", o->fd);
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	while (n < cap && (got = read(fd, to + n, cap - n)) > 0)
		n += (size_t)got;
	*ret_n = n;
	return n == cap ? -EPERM : 0;
}

static int write_all(int fd, const char *from, size_t n)
{
	while (n) {
		ssize_t put = write(fd, from, n);

		if (put < 0 && errno != EINTR)
			return -errno;
		from += put > 0 ? put : 0;
		n -= put > 0 ? (size_t)put : 0;
	}
	return 0;
}

int git_config_install(struct mediator *m, const struct object_place *from, const struct object *o,
		       const struct object_place *to)
{
	static char bytes[GITCONF_MAX + 1];
	struct gitconf_finding finding;
	char name[64];
	AUTO(fd_closep) int fd = -EBADF;
	size_t n = 0;
	int r = read_all(o, bytes, sizeof(bytes), &n);

	if (r < 0)
		return r;
	if (gitconf_check((struct str){ .p = bytes, .n = n }, &finding) < 0) {
		(void)snprintf(m->text, sizeof(m->text), "git configuration, line %u: %s",
			       finding.line, finding.text);
		m->decision.reason = m->text;
		return -EPERM;
	}
	(void)snprintf(name, sizeof(name), "config.capsule-%d", getpid());
	fd = openat(to->parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, bytes, n);
	if (r == 0 && fchmod(fd, o->st.st_mode & 0777) < 0)
		r = -errno;
	if (r == 0 && renameat(to->parent, name, to->parent, to->name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(to->parent, name, 0);
	else
		(void)unlinkat(from->parent, from->name, 0);
	return r;
}
