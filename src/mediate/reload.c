/*
 * Theory of operation
 *
 * A generation is a policy, its rules and the memory of both. The mediator borrows those in force, and decisions
 * and held calls may still name a rule of the one before: so the last generation is kept until the next
 * exchange. The launch's is not ours, and stays.
 *
 * Files are watched by their folders, for editors replace a file rather than write it; what happens to other
 * names there is not looked at. A change starts a timer, every further one starts it anew. Whether anything
 * is different is then seen by digest, and nothing is said when it is not.
 *
 * Watching ends with a wait of some 15 ms (closing an inotify instance waits for its readers all over the
 * system). So it begins only when the session is half a second old, with a look at what changed until then.
 */
#include "mediate/reload.h"

#include "base/own.h"
#include "codec/json_wr.h"
#include "mediate/holders.h"
#include "policy/path.h"
#include "policy/report.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <time.h>

#define RULES_MEMORY_MAX (64U << 20)
#define QUIET_MS 200
#define WATCH_AFTER_MS 500
#define CHANGES (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM)

struct generation {
	struct policy *policy;
	struct arena arena;
	const struct policy_rule *rules;
	size_t n;
};

struct reload {
	struct reload_options o;
	const struct policy *now;
	struct generation *in_force, *before; /* ours; NULL: the launch's */
	struct loop *loop;
	struct loop_watch files, timer;
	struct event event;
};

static struct generation *generation_free(struct generation *g)
{
	if (g) {
		g->policy = policy_free(g->policy);
		arena_done(&g->arena);
		free(g);
	}
	return NULL;
}

static void generation_freep(struct generation **g)
{
	*g = generation_free(*g);
}

const struct policy *reload_policy(const struct reload *reload)
{
	return reload->now;
}

static void tell(const struct reload *reload, const char *text)
{
	if (reload->o.told)
		reload->o.told(reload->o.ctx, text);
}

/* ---- the record ---- */

struct record {
	struct reload *reload;
	struct json_wr *w;
};

static const char *direction_of(int direction)
{
	return direction > 0 ? "loosened" : direction < 0 ? "tightened" : "changed";
}

static void on_change(void *ctx, const struct policy_change *change)
{
	struct record *record = ctx;
	struct json_wr *w = record->w;
	char line[1200];

	json_object(w);
	json_key(w, "direction");
	json_strz(w, direction_of(change->direction));
	json_key(w, "key");
	json_strz(w, change->key);
	json_key(w, "text");
	json_strz(w, change->text);
	if (change->where.file) {
		(void)snprintf(line, sizeof(line), "%s:%u:%u", change->where.file,
			       change->where.line, change->where.col);
		json_key(w, "where");
		json_strz(w, line);
	}
	json_end_object(w);
	(void)snprintf(line, sizeof(line), "policy reloaded: %s: %s %s",
		       direction_of(change->direction), change->key, change->text);
	tell(record->reload, line);
}

static void put_hex(const uint8_t digest[BLAKE3_OUT], char hex[2 * BLAKE3_OUT + 1])
{
	for (size_t i = 0; i < BLAKE3_OUT; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

/* The event, with what is different or what is wrong. @next NULL: there is no new one. */
static int record(struct reload *reload, const struct policy *next, const struct err *why)
{
	char old[2 * BLAKE3_OUT + 1], new[2 * BLAKE3_OUT + 1];
	struct event *e = &reload->event;
	struct record rec = { .reload = reload };
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	event_begin(e, EVENT_POLICY_RELOAD);
	event_set_time(e, EVENT_F_COMMON_TIME, now.tv_sec, (uint32_t)now.tv_nsec);
	event_set_str(e, EVENT_F_POLICY_ACTIVITY_RESULT, why ? STR("refused") : STR("loaded"));
	put_hex(reload->now->effective, old);
	event_set_str(e, EVENT_F_POLICY_ACTIVITY_PREVIOUS_DIGEST, str_of(old));
	if (next) {
		put_hex(next->effective, new);
		event_set_str(e, EVENT_F_POLICY_ACTIVITY_DIGEST, str_of(new));
	}
	if (why)
		event_set_text(e, EVENT_F_POLICY_ACTIVITY_MESSAGE, str_of(why->text));
	rec.w = audit_begin(reload->o.log, "event");
	json_key(rec.w, "event");
	event_write_json(e, 0, rec.w);
	json_key(rec.w, "outcome");
	json_object(rec.w);
	json_key(rec.w, "result");
	json_strz(rec.w, why ? "failed" : "done");
	json_key(rec.w, "layer");
	json_strz(rec.w, "supervisor");
	json_end_object(rec.w);
	if (!why) {
		json_key(rec.w, "changes");
		json_array(rec.w);
		(void)policy_diff(reload->now, next, on_change, &rec);
		json_end_array(rec.w);
	}
	return audit_end(reload->o.log, NULL) < 0 ? -EIO : 0;
}

/* ---- exchange ---- */

static int refuse(struct reload *reload, const struct policy *next, int r, struct err *err)
{
	char line[ERR_TEXT_MAX + 64];

	if (!err_is_set(err))
		(void)err_set(err, -r, "policy");
	(void)snprintf(line, sizeof(line), "policy not reloaded, the one before stays: %s",
		       err->text);
	tell(reload, line);
	return record(reload, next, err) < 0 ? -EIO : r;
}

static int make_rules(struct reload *reload, struct generation *g, struct engine_set **ret,
		      struct err *err)
{
	struct engine_options options = { .otherwise = g->policy->rules_default };
	static struct trap_plan scratch;
	const struct trap_call *lacks;
	int r = reload_check(reload->o.launch, g->policy, err);

	if (r == 0)
		r = engine_session_rules(g->policy, reload->o.launch, true, &g->arena, &g->rules,
					 &g->n, err);
	if (r < 0)
		return r;
	lacks = trap_plan_lacks(reload->o.plan, g->policy, g->rules, g->n, &scratch);
	if (lacks)
		return err_at(err, EPERM, lacks->rule ? lacks->rule->where.file : NULL,
			      lacks->rule ? lacks->rule->where.line : 0,
			      lacks->rule ? lacks->rule->where.col : 0,
			      "'%s' needs the system call %s to be stopped, which it was not "
			      "when the session began: needs a restart",
			      lacks->rule ? lacks->rule->id : "rules_default",
			      sysc_info[lacks->sysc].name);
	return engine_set_new(g->rules, g->n, &options, ret, err);
}

static void told_holder(void *ctx, const struct holder *h)
{
	struct reload *reload = ctx;
	char line[PATH_MAX + 256];

	if (h->socket)
		(void)snprintf(line, sizeof(line),
			       "%s %d is connected to %s, which '%s' now forbids%s", h->command,
			       (int)h->pid, h->path, h->rule->id,
			       h->ended ? ": the connection is ended" : "");
	else
		(void)snprintf(line, sizeof(line),
			       "%s %d has '%s' open%s, which '%s' now forbids%s", h->command,
			       (int)h->pid, h->path, h->write ? " for writing" : "", h->rule->id,
			       h->ended ? ": ended" : "");
	tell(reload, line);
}

static int exchange(struct reload *reload, struct generation **g, struct err *err)
{
	struct engine_set *set = NULL;
	int r = make_rules(reload, *g, &set, err);

	if (r < 0)
		return refuse(reload, (*g)->policy, r, err);
	r = mediator_exchange(reload->o.mediator, (*g)->policy, (*g)->rules, (*g)->n, set);
	if (r < 0)
		return refuse(reload, (*g)->policy, r, err);
	r = record(reload, (*g)->policy, NULL);
	(void)generation_free(reload->before);
	reload->before = reload->in_force;
	reload->in_force = take_ptr(g);
	reload->now = reload->in_force->policy;
	if (r == 0)
		r = holders_find(reload->o.mediator, reload->o.log, reload->o.init,
				 reload->now->reload.revoke, told_holder, reload);
	return r;
}

static int watch_files(struct reload *reload);

int reload_now(struct reload *reload, struct err *err)
{
	AUTO(generation_freep) struct generation *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return err_set(err, ENOMEM, "policy");
	g->arena = ARENA_INIT(RULES_MEMORY_MAX);
	r = reload->now->reload.off ? err_text(err, EPERM, "the policy says 'reload: false'")
				    : reload->o.load(reload->o.ctx, &g->policy, err);
	if (r < 0)
		return refuse(reload, NULL, r, err);
	if (memcmp(g->policy->effective, reload->now->effective, BLAKE3_OUT) == 0)
		return 0;
	r = exchange(reload, &g, err);
	if (r == 0)
		r = watch_files(reload); /* perhaps others now */
	return r;
}

/* ---- watching ---- */

/* The folder of @file, and its name in it. */
static const char *split(const char *file, char folder[PATH_MAX])
{
	const char *slash = strrchr(file, '/');
	size_t n = slash ? (size_t)(slash - file) : 0;

	if (!slash) {
		memcpy(folder, ".", 2);
		return file;
	}
	if (n >= PATH_MAX)
		return NULL;
	memcpy(folder, file, n);
	folder[n] = '\0';
	if (n == 0)
		memcpy(folder, "/", 2);
	return slash + 1;
}

static int watch_files(struct reload *reload)
{
	char folder[PATH_MAX];

	if (!reload->files.added || !reload->now->reload.watch)
		return 0;
	for (size_t i = 0; i < reload->now->n_sources; i++) {
		const char *name = reload->now->sources[i].name;

		if (strncmp(name, "preset:", 7) == 0 || !split(name, folder))
			continue;
		if (inotify_add_watch(reload->files.fd, folder, CHANGES | IN_ONLYDIR) < 0)
			return -errno;
	}
	return 0;
}

static bool is_source(const struct reload *reload, const char *name)
{
	char folder[PATH_MAX];

	for (size_t i = 0; i < reload->now->n_sources; i++) {
		const char *last = split(reload->now->sources[i].name, folder);

		if (last && strcmp(last, name) == 0)
			return true;
	}
	return false;
}

static int files_changed(struct loop_watch *watch, uint32_t revents)
{
	struct reload *reload = loop_owner(watch, struct reload, files);
	_Alignas(struct inotify_event) char room[4096];
	bool ours = false;
	ssize_t n;

	(void)revents;
	while ((n = read(watch->fd, room, sizeof(room))) > 0) {
		for (char *p = room; p < room + n;) {
			const struct inotify_event *e = (const void *)p;

			/* events were lost: it may have been ours */
			ours |= e->mask & IN_Q_OVERFLOW || (e->len && is_source(reload, e->name));
			p += sizeof(*e) + e->len;
		}
	}
	return ours ? loop_timer_set(reload->timer.fd, QUIET_MS, 0) : 0;
}

static int watch_begin(struct reload *reload)
{
	int r;

	reload->files.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (reload->files.fd < 0)
		return -errno;
	reload->files.fn = files_changed;
	reload->files.events = EPOLLIN;
	r = loop_add(reload->loop, &reload->files);
	return r == 0 ? watch_files(reload) : r;
}

/* The policy in force stays, and can be exchanged by hand. */
static void unwatched(struct reload *reload, int error)
{
	char text[160];

	(void)snprintf(text, sizeof(text),
		       "the policy's files are not watched (%s): 'capsule reload' loads them again",
		       strerrordesc_np(error));
	if (reload->o.told)
		reload->o.told(reload->o.ctx, text);
}

/* No change for a while; or the session is old enough. */
static int quiet_now(struct loop_watch *watch, uint32_t revents)
{
	struct reload *reload = loop_owner(watch, struct reload, timer);
	struct err err = ERR_INIT;
	int r;

	(void)revents;
	(void)loop_timer_read(watch->fd);
	if (!reload->now->reload.watch)
		return 0;
	if (reload->files.fd < 0) {
		r = watch_begin(reload);
		if (r < 0)
			unwatched(reload, -r);
	}
	r = reload_now(reload, &err);
	return r == -EIO ? r : 0; /* the log's failure ends the session; a mistake was told */
}

int reload_watch(struct reload *reload, struct loop *loop)
{
	if (!trap_may_reload(reload->now) || !reload->now->reload.watch)
		return 0;
	reload->loop = loop;
	reload->timer.fd = loop_timer(WATCH_AFTER_MS, 0);
	if (reload->timer.fd < 0)
		return reload->timer.fd;
	reload->timer.fn = quiet_now;
	reload->timer.events = EPOLLIN;
	return loop_add(loop, &reload->timer);
}

int reload_new(const struct reload_options *options, struct reload **ret, struct err *err)
{
	struct reload *reload = calloc(1, sizeof(*reload));

	if (!reload)
		return err_set(err, ENOMEM, "reload");
	reload->o = *options;
	reload->now = options->launch;
	reload->files.fd = reload->timer.fd = -EBADF;
	event_init(&reload->event);
	*ret = reload;
	return 0;
}

struct reload *reload_free(struct reload *reload)
{
	if (!reload)
		return NULL;
	if (reload->loop) {
		loop_remove(reload->loop, &reload->files);
		loop_remove(reload->loop, &reload->timer);
	}
	fd_close(reload->files.fd);
	fd_close(reload->timer.fd);
	reload->in_force = generation_free(reload->in_force);
	reload->before = generation_free(reload->before);
	free(reload);
	return NULL;
}
