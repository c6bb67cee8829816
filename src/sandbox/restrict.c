/*
 * Restrictions that init sets for itself and the command in one back end, the command alone in the
 * other: rlimits and Landlock. And how every step tells of its outcome.
 */
#include "sandbox/build.h"

#include "sandbox/fallback.h"
#include "sys/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The exit status of a child that failed: never looked at, the report says it all. */
#define CHILD_FAILED 125

/* ---- telling ------------------------------------------------------------------------------ */

_Noreturn void child_fail(struct wall_setup *s, enum wall_failure failure, const struct err *err)
{
	struct wall_report *report = s->report;

	report->failure = (int)failure;
	report->error = err->code;
	memcpy(report->text, err->text, sizeof(report->text));
	report->failed = 1;
	_exit(CHILD_FAILED);
}

void layer_done(struct wall_setup *s, enum layer layer, int r, const struct err *why,
		const char *detail)
{
	struct layer_status *status = &s->report->layers[layer];
	struct err err = ERR_INIT;

	*status = (struct layer_status){ .state = r < 0 ? LAYER_UNAVAILABLE : LAYER_ENGAGED,
					 .error = r < 0 ? -r : 0 };
	if (detail)
		(void)snprintf(status->detail, sizeof(status->detail), "%s", detail);
	else if (why && err_is_set(why))
		(void)snprintf(status->detail, sizeof(status->detail), "%.*s",
			       (int)sizeof(status->detail) - 1, why->text);
	if (r >= 0 || !(s->needs & LAYER_BIT(layer)))
		return;
	if (why && err_is_set(why))
		(void)err_text(&err, -r, "layer %s is needed and unavailable: %s (%s)",
			       layer_info[layer].name, why->text, layer_advice(layer, -r));
	else
		(void)err_text(&err, -r, "layer %s is needed and unavailable: %s (%s)",
			       layer_info[layer].name, strerror(-r), layer_advice(layer, -r));
	child_fail(s, WALL_FAIL_SETUP, &err);
}

bool layer_wanted(const struct wall_setup *s, enum layer layer)
{
	return s->wants & LAYER_BIT(layer);
}

/* ---- Landlock ---- */

/* What the session may open again through /proc/self/fd (/dev/stdout): what it has been given. */
static int landlock_stdio(const struct landlock *set, const int stdio[3])
{
	int r = 0;

	for (int i = 0; r == 0 && i < 3; i++) {
		unsigned rights = 0;
		struct stat st;
		int flags = fcntl(stdio[i], F_GETFL);

		if (flags < 0 || fstat(stdio[i], &st) < 0)
			continue;
		if (S_ISCHR(st.st_mode))
			rights = LANDLOCK_IOCTL;
		else if (!S_ISREG(st.st_mode))
			continue;
		if ((flags & O_ACCMODE) != O_WRONLY)
			rights |= LANDLOCK_READ;
		if ((flags & O_ACCMODE) != O_RDONLY)
			rights |= LANDLOCK_WRITE;
		r = landlock_allow(set, stdio[i], st.st_mode, rights);
	}
	return r;
}

static int landlock_fill(struct build *c, const struct landlock *set)
{
	struct wall_setup *s = c->setup;
	int r;

	if (s->backend == WALL_NAMESPACES)
		r = root_landlock(&c->plan, &c->places, set);
	else
		r = fallback_landlock(&c->plan, s, set);
	return r < 0 ? r : landlock_stdio(set, s->command->stdio);
}

void step_landlock(struct build *c)
{
	struct wall_setup *s = c->setup;
	struct landlock set = LANDLOCK_INIT;
	bool net = layer_wanted(s, LAYER_LANDLOCK_NET);
	bool scope = layer_wanted(s, LAYER_LANDLOCK_SCOPE);
	int fault_fs = layer_fault_check(LAYER_LANDLOCK_FS);
	int fault_net = net ? layer_fault_check(LAYER_LANDLOCK_NET) : 0;
	int fault_scope = layer_fault_check(LAYER_LANDLOCK_SCOPE);
	char detail[64] = "";
	int r, net_r = fault_net;

	r = landlock_open(!fault_fs, net && !fault_net, scope && !fault_scope, &set);
	if (r == -EOPNOTSUPP && net && landlock_abi() > 0) {
		net_r = r;
		r = landlock_open(!fault_fs, false, scope && !fault_scope, &set);
	}
	if (r == 0 && !fault_fs)
		r = landlock_fill(c, &set);
	if (r == 0)
		r = landlock_enforce(&set);
	if (r == 0)
		(void)snprintf(detail, sizeof(detail), "ABI %d%s", set.abi,
			       s->backend == WALL_NAMESPACES
				       ? ""
				       : "; modes and times of all files can be changed");
	layer_done(s, LAYER_LANDLOCK_FS, fault_fs ? fault_fs : r, NULL, *detail ? detail : NULL);
	if (net)
		layer_done(s, LAYER_LANDLOCK_NET, net_r ? net_r : r, NULL, NULL);
	if (scope) {
		if (r == 0 && set.abi < 6)
			r = -EOPNOTSUPP;
		layer_done(s, LAYER_LANDLOCK_SCOPE, fault_scope ? fault_scope : r, NULL, NULL);
	}
	landlock_close(&set);
}

/* ---- rlimits ------------------------------------------------------------------------------ */

static int limit_set(__rlimit_resource_t resource, uint64_t value)
{
	struct rlimit now;

	if (getrlimit(resource, &now) < 0)
		return -errno;
	/* Down only, whatever the policy would allow. */
	if (value < now.rlim_max)
		now.rlim_max = value;
	now.rlim_cur = now.rlim_max;
	return setrlimit(resource, &now) < 0 ? -errno : 0;
}

void step_rlimits(struct build *c)
{
	struct wall_setup *s = c->setup;
	const struct policy_limits *limits = &s->policy->limits;
	char detail[64] = "core";
	size_t n = strlen(detail);
	int r = layer_fault_check(LAYER_RLIMITS);

	/* Found out while planning: more descriptors than usual may have been needed. */
	(void)setrlimit(RLIMIT_NOFILE, &c->nofile);
	if (r == 0)
		r = limit_set(RLIMIT_CORE, 0);
	if (r == 0 && limits->open_files) {
		r = limit_set(RLIMIT_NOFILE, limits->open_files);
		n += (size_t)snprintf(detail + n, sizeof(detail) - n, " open_files");
	}
	if (r == 0 && limits->file_size) {
		r = limit_set(RLIMIT_FSIZE, limits->file_size);
		n += (size_t)snprintf(detail + n, sizeof(detail) - n, " file_size");
	}
	if (r == 0 && s->pids == WALL_PIDS_RLIMIT) {
		r = limit_set(RLIMIT_NPROC, limits->pids + 1); /* init counts */
		n += (size_t)snprintf(detail + n, sizeof(detail) - n, " pids%s",
				      s->backend == WALL_NAMESPACES ? "" : " (all of the user's)");
	}
	if (r == 0 && s->pids == WALL_PIDS_NS) {
		r = c->places.pid_max;
		n += (size_t)snprintf(detail + n, sizeof(detail) - n, " pids (pid_max)");
	}
	/* Without a cgroup, best effort: per process instead of for the tree. */
	if (r == 0 && limits->memory &&
	    s->report->layers[LAYER_CGROUP].state == LAYER_UNAVAILABLE) {
		r = limit_set(RLIMIT_DATA, limits->memory);
		(void)snprintf(detail + n, sizeof(detail) - n, " memory (per process)");
	}
	layer_done(s, LAYER_RLIMITS, r, NULL, r < 0 ? NULL : detail);
}
