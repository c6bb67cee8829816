/*
 * From what a handler found to the engine's word and the record of it.
 */
#include "mediate/impl.h"

#include "base/buf.h"
#include "base/own.h"
#include "engine/denial.h"

#include "sys/caps.h"

#include <fcntl.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <time.h>

/* ---- the event ---- */

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return "file";
	case S_IFDIR: return "folder";
	case S_IFLNK: return "symlink";
	case S_IFSOCK: return "socket";
	case S_IFIFO: return "fifo";
	default: return "device";
	}
}

static bool within(const char *path, const char *dir)
{
	size_t n = dir ? strlen(dir) : 0;

	return n && strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static const char *class_of(const struct policy *p, const char *path)
{
	if (within(path, p->workspace))
		return "workspace";
	if (within(path, p->tmp) || within(path, "/tmp"))
		return "tmp";
	return within(path, p->home) ? "home" : "system";
}

void event_start(struct mediator *m, const struct call *call, enum event_type type)
{
	struct event *e = &m->event;
	struct timespec now;
	struct str exe;

	event_begin(e, type);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	event_set_int(e, EVENT_F_COMMON_TIMESTAMP_UNIX_MS,
		      (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	event_set_str(e, EVENT_F_COMMON_SESSION_ID, str_of(m->o.session));
	event_set_str(e, EVENT_F_COMMON_WORKSPACE, str_of(m->o.policy->workspace));
	if (m->o.tool)
		event_set_str(e, EVENT_F_COMMON_TOOL, str_of(m->o.tool));
	event_set_str(e, EVENT_F_COMMON_ACTOR, STR("session"));
	event_set_str(e, EVENT_F_COMMON_SOURCE_ENGINE, STR("wall"));
	event_set_str(e, EVENT_F_COMMON_ENFORCEABILITY, STR("inline_blockable"));
	event_set_int(e, EVENT_F_COMMON_PROCESS_PID, call->who->inner_tgid);
	event_set_int(e, EVENT_F_COMMON_PROCESS_PPID, call->who->inner_ppid);
	if (m->asks_exe) /* it may have become another without a call that we saw */
		who_exec(call->who);
	exe = who_exe(call->who);
	if (exe.n)
		event_set_text(e, EVENT_F_COMMON_PROCESS_EXECUTABLE, exe);
}

void event_path(struct mediator *m, enum event_field field, const char *path, size_t n)
{
	event_set_text(&m->event, field, (struct str){ .p = path, .n = n });
}

void event_file(struct mediator *m, const char *operation, const char *path, size_t n,
		const struct stat *st)
{
	const char *slash = memrchr(path, '/', n);
	size_t from = slash ? (size_t)(slash - path) + 1 : 0;
	struct event *e = &m->event;

	event_set_str(e, EVENT_F_FILE_ACTIVITY_OPERATION, str_of(operation));
	event_path(m, EVENT_F_FILE_ACTIVITY_PATH, path, n);
	event_path(m, EVENT_F_FILE_ACTIVITY_NAME, path + from, n - from);
	event_set_str(e, EVENT_F_FILE_ACTIVITY_PATH_CLASS, str_of(class_of(m->o.policy, path)));
	if (!st)
		return;
	event_set_str(e, EVENT_F_FILE_ACTIVITY_KIND, str_of(kind_of(st->st_mode)));
	event_set_int(e, EVENT_F_FILE_ACTIVITY_MODE, st->st_mode & 07777);
}

/* ---- the decision ---- */

enum verdict mediator_stop(struct mediator *m, const struct call *call, int error)
{
	m->counts.denied++;
	mediator_record(m, call, error, false);
	call_fail(m, call, error);
	return STOPPED;
}

/* The rules could not be had: nothing is allowed that one of them could stop. */
static enum verdict stop_failed(struct mediator *m, struct call *call)
{
	m->decision.action = RULE_BLOCK;
	m->decision.rule = NULL;
	m->decision.reason = "the rules could not be compiled: there is no memory";
	return mediator_stop(m, call, -EACCES);
}

/*
 * What the wall's own layers hold is left to them: the kernel refuses it with its own errno, and the
 * record names the rule.
 */
enum verdict mediator_decide(struct mediator *m, struct call *call)
{
	struct engine_decision *d = &m->decision;

	/* is what was read of its memory its own? the number might be another's by now */
	if (!notify_valid(m->o.listener, call->n.id))
		return STOPPED;
	if (mediator_compile(m, NULL) < 0)
		return stop_failed(m, call);
	engine_decide(m->engine, &m->event, d);
	if (d->action <= RULE_REWRITE || (d->rule && d->rule->kernel))
		return PASS;
	if (d->action == RULE_ASK)
		return mediator_ask(m, call);
	if (git_makes(m)) {
		m->git_config |= m->moving && m->event.type == EVENT_FILE_CREATE;
		d->action = RULE_ALLOW;
		return PASS;
	}
	return mediator_stop(m, call, -EACCES); /* what is hidden was not even found */
}

/* ---- the record ---- */

static void put_decision(struct mediator *m, struct json_wr *w)
{
	const struct engine_decision *d = &m->decision;
	char room[512];
	struct buf where = buf_fixed(room, sizeof(room));

	json_key(w, "decision");
	json_object(w);
	json_key(w, "action");
	json_strz(w, rule_action_name[d->action]);
	if (d->rule) {
		json_key(w, "rule");
		json_strz(w, d->rule->id);
		engine_rule_where(d->rule, &where);
		json_key(w, "where");
		json_str(w, buf_str(&where));
	}
	if (d->reason && d->reason[0] && d->action > RULE_ALLOW) {
		json_key(w, "reason");
		json_strz(w, d->reason);
	}
	json_end_object(w);
}

static void put_outcome(const struct call *call, int r, const char *result, const char *layer,
			struct json_wr *w)
{
	json_key(w, "outcome");
	json_object(w);
	json_key(w, "result");
	json_strz(w, result);
	if (r < 0) {
		json_key(w, "errno");
		json_strz(w, strerrorname_np(-r));
	}
	json_key(w, "syscall");
	json_strz(w, sysc_info[call->sysc].name);
	json_key(w, "layer");
	json_strz(w, layer);
	json_end_object(w);
}

static void put_denial(struct mediator *m, struct json_wr *w)
{
	struct denial denial;

	denial_make(&m->event, &m->decision, &denial);
	json_key(w, "denial");
	denial_write_json(&denial, w);
}

void mediator_record(struct mediator *m, const struct call *call, int r, bool observed)
{
	bool denied = m->decision.action > RULE_REWRITE && r < 0;
	bool kernel = m->decision.rule && m->decision.rule->kernel;
	struct json_wr *w;

	if (kernel && r >= 0) { /* the wall knows better */
		m->decision.action = RULE_ALLOW;
		m->decision.rule = NULL;
	}
	m->counts.denied += denied && kernel;

	if (m->log_error)
		return;
	if (m->o.record_denials_only && !denied)
		return;
	if (observed)
		event_set_str(&m->event, EVENT_F_COMMON_ENFORCEABILITY, STR("observed"));
	w = audit_begin(m->o.log, "event");
	json_key(w, "event");
	event_write_json(&m->event, EVENT_JSON_SENSITIVE, w);
	put_decision(m, w);
	put_outcome(call, r,
		    denied     ? "denied"
		    : observed ? "observed"
		    : r < 0    ? "failed"
			       : "done",
		    kernel || observed ? "kernel" : "supervisor", w);
	if (denied)
		put_denial(m, w);
	m->log_error = audit_end(m->o.log, NULL);
	m->counts.recorded++;
}

void mediator_observed(struct mediator *m, const struct call *call)
{
	m->decision.action = RULE_ALLOW;
	m->decision.rule = NULL;
	m->decision.reason = NULL;
	mediator_record(m, call, 0, true);
}

bool mediator_leaves(struct mediator *m, const struct call *call)
{
	if (mediator_decides(m, m->event.type, true))
		return false;
	mediator_observed(m, call);
	call_continue(m, call);
	return true;
}

/* ---- on whose behalf ---- */

/*
 * As whoever the session runs for, and without capabilities: where it may not look, we do not look on its
 * behalf. The raw system calls: these are the thread's own, and the C library would change all threads.
 */
void session_enter(struct mediator *m)
{
	if (m->depth++ || m->stays)
		return;
	m->mask = umask(0); /* modes are made with the caller's */
	if (!m->other_ids) {
		(void)caps_use(false);
		return;
	}
	(void)setfsgid(m->o.outer_gid);
	(void)setfsuid(m->o.outer_uid);
}

void session_leave(struct mediator *m)
{
	if (--m->depth)
		return;
	m->stays = m->serving;
	if (m->stays)
		return;
	(void)umask(m->mask);
	if (!m->other_ids) {
		(void)caps_use(true);
		return;
	}
	(void)setfsuid(geteuid());
	(void)setfsgid(getegid());
}

void session_quit(struct mediator *m)
{
	if (!m->stays)
		return;
	m->stays = m->serving = false;
	m->depth++;
	session_leave(m);
}
