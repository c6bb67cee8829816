/*
 * Theory of operation
 *
 * The listener becomes readable; one call is received and looked up in the table below. Its handler
 * reads the arguments (sys/tracee.h), finds and pins what they name (object.h), fills the one event
 * and asks mediator_decide(). From there on only what was read and pinned is used: the caller may
 * change its memory and its folders as it likes, it changes nothing of what is done.
 *
 * Every handler answers its call, or leaves it held: a call without an answer would wait for ever.
 * serve() checks that and fails closed.
 *
 * A held call keeps nothing but its number and a hash of what the person is asked about. When the
 * answer comes the call is handled from the start, with fresh reads; it passes only if it is about the
 * same, and is asked about anew if not.
 */
#include "mediate/impl.h"

#include "base/own.h"
#include "policy/path.h"

#include <string.h>
#include <sys/epoll.h>

static const struct {
	uint16_t sysc;
	call_fn *fn;
	enum event_type type; /* that a rule would have to be about */
} handlers[] = {
#if defined(__x86_64__)
	{ SYSC_open, call_open, EVENT_FILE_OPEN },
	{ SYSC_creat, call_creat, EVENT_FILE_OPEN },
	{ SYSC_unlink, call_unlink, EVENT_FILE_DELETE },
	{ SYSC_rmdir, call_rmdir, EVENT_FILE_DELETE },
	{ SYSC_mkdir, call_mkdir, EVENT_FILE_CREATE },
	{ SYSC_mknod, call_mknod, EVENT_FILE_CREATE },
	{ SYSC_rename, call_rename, EVENT_FILE_RENAME },
	{ SYSC_link, call_link, EVENT_FILE_LINK },
	{ SYSC_symlink, call_symlink, EVENT_FILE_LINK },
	{ SYSC_chmod, call_chmod, EVENT_FILE_CHMOD },
	{ SYSC_chown, call_chown, EVENT_FILE_CHMOD },
	{ SYSC_lchown, call_lchown, EVENT_FILE_CHMOD },
	{ SYSC_utime, call_utime, EVENT_FILE_CHMOD },
	{ SYSC_utimes, call_utimes, EVENT_FILE_CHMOD },
	{ SYSC_futimesat, call_futimesat, EVENT_FILE_CHMOD },
#endif
	{ SYSC_truncate, call_truncate, EVENT_FILE_OPEN },
	{ SYSC_fchmod, call_fchmod, EVENT_FILE_CHMOD },
	{ SYSC_fchmodat, call_fchmodat, EVENT_FILE_CHMOD },
	{ SYSC_fchmodat2, call_fchmodat2, EVENT_FILE_CHMOD },
	{ SYSC_fchown, call_fchown, EVENT_FILE_CHMOD },
	{ SYSC_fchownat, call_fchownat, EVENT_FILE_CHMOD },
	{ SYSC_utimensat, call_utimensat, EVENT_FILE_CHMOD },
	{ SYSC_setxattr, call_setxattr, EVENT_FILE_CHMOD },
	{ SYSC_lsetxattr, call_lsetxattr, EVENT_FILE_CHMOD },
	{ SYSC_fsetxattr, call_fsetxattr, EVENT_FILE_CHMOD },
	{ SYSC_removexattr, call_removexattr, EVENT_FILE_CHMOD },
	{ SYSC_lremovexattr, call_lremovexattr, EVENT_FILE_CHMOD },
	{ SYSC_fremovexattr, call_fremovexattr, EVENT_FILE_CHMOD },
	{ SYSC_setxattrat, call_attr_newer, EVENT_FILE_CHMOD },
	{ SYSC_removexattrat, call_attr_newer, EVENT_FILE_CHMOD },
	{ SYSC_file_setattr, call_attr_newer, EVENT_FILE_CHMOD },
	{ SYSC_openat, call_openat, EVENT_FILE_OPEN },
	{ SYSC_openat2, call_openat2, EVENT_FILE_OPEN },
	{ SYSC_unlinkat, call_unlinkat, EVENT_FILE_DELETE },
	{ SYSC_mkdirat, call_mkdirat, EVENT_FILE_CREATE },
	{ SYSC_mknodat, call_mknodat, EVENT_FILE_CREATE },
	{ SYSC_umask, call_umask, EVENT_FILE_CREATE },
	{ SYSC_renameat, call_renameat, EVENT_FILE_RENAME },
	{ SYSC_renameat2, call_renameat2, EVENT_FILE_RENAME },
	{ SYSC_linkat, call_linkat, EVENT_FILE_LINK },
	{ SYSC_symlinkat, call_symlinkat, EVENT_FILE_LINK },
	{ SYSC_execve, call_execve, EVENT_PROCESS_EXEC },
	{ SYSC_execveat, call_execveat, EVENT_PROCESS_EXEC },
	{ SYSC_connect, call_connect, EVENT_NET_CONNECT },
	{ SYSC_bind, call_bind, EVENT_NET_BIND },
	{ SYSC_listen, call_listen, EVENT_NET_BIND },
	{ SYSC_sendto, call_sendto, EVENT_NET_CONNECT },
	{ SYSC_sendmsg, call_sendmsg, EVENT_NET_CONNECT },
	{ SYSC_sendmmsg, call_sendmmsg, EVENT_NET_CONNECT },
};

/* By number; filled once. */
static struct {
	call_fn *fn;
	uint16_t sysc;
	enum event_type type;
} by_nr[SYSC_NR_MAX];

static void table_fill(void)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		int nr = sysc_info[handlers[i].sysc].nr[SYSC_NATIVE];

		if (nr >= 0) {
			by_nr[nr].fn = handlers[i].fn;
			by_nr[nr].sysc = handlers[i].sysc;
			by_nr[nr].type = handlers[i].type;
		}
	}
}

bool mediator_handles(enum sysc sysc)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].sysc == sysc)
			return true;
	}
	return false;
}

/* ---- rules ---- */

/* @set in force, and ours. */
static int mediator_load(struct mediator *m, struct engine_set *set)
{
	if (!m->host)
		m->host = engine_host_new();
	if (m->host && !m->engine)
		m->engine = engine_new(m->host, NULL);
	if (!m->engine) {
		engine_set_free(set);
		return -ENOMEM;
	}
	engine_host_load(m->host, set);
	return 0;
}

/*
 * Compile the rules: at once when somebody wrote some, who is then told of mistakes; those of the
 * policy's own lines, which have none, when the first call asks for them. Most runs never do.
 */
int mediator_compile(struct mediator *m, struct err *err)
{
	struct engine_options options = { .otherwise = m->o.policy->rules_default };
	struct engine_set *set;
	int r;

	if (m->engine)
		return 0;
	r = engine_set_new(m->o.rules, m->o.n_rules, &options, &set, err);
	if (r < 0)
		return r;
	r = mediator_load(m, set);
	return r < 0 ? err_set(err, -r, "rules") : 0;
}

/* ---- answers ---- */

void call_fail(struct mediator *m, const struct call *call, int error)
{
	(void)notify_fail(m->o.listener, call->n.id, -error);
}

void call_return(struct mediator *m, const struct call *call, int64_t value)
{
	(void)notify_return(m->o.listener, call->n.id, value);
}

void call_continue(struct mediator *m, const struct call *call)
{
	(void)notify_continue(m->o.listener, call->n.id);
}

void call_cannot(struct mediator *m, const struct call *call, int error)
{
	if (call->decides)
		call_fail(m, call, error);
	else
		call_continue(m, call);
}

void call_answer(struct mediator *m, const struct call *call, int64_t r)
{
	if (r < 0)
		call_fail(m, call, (int)r);
	else
		call_return(m, call, r);
}

int call_give(struct mediator *m, const struct call *call, int fd, int flags)
{
	int r = notify_install(m->o.listener, &call->n, fd, flags);

	if (r < 0 && r != -ENOENT)
		call_fail(m, call, r);
	return r;
}

int call_path(struct mediator *m, const struct call *call, unsigned arg, char path[TRACEE_PATH_MAX])
{
	size_t n;
	int r = tracee_path(call->n.tid, call->n.args[arg], path, &n);

	if (r < 0)
		call_cannot(m, call, r == -ESRCH || r == -EPERM ? -EACCES : r);
	return r;
}

/* ---- serving ---- */

void mediator_handle(struct mediator *m, const struct notify_call *n, const struct held *held)
{
	struct call call = { .n = *n, .held = held };

	m->counts.calls++;
	if (n->arch != sysc_audit_arch(SYSC_NATIVE) || n->nr < 0 || n->nr >= SYSC_NR_MAX ||
	    !by_nr[n->nr].fn) {
		call_fail(m, &call, -EPERM); /* trapped, and nobody knows what it means */
		return;
	}
	call.sysc = by_nr[n->nr].sysc;
	call.decides = mediator_decides(m, by_nr[n->nr].type, true);
	if (who_find(&m->who, n->tid, &call.who) < 0) {
		call_cannot(m, &call,
			    -EACCES); /* gone, or not to be looked at: nothing to decide by */
		return;
	}
	call.caller = (struct object_caller){ .view = &m->view, .who = call.who };
	session_enter(m);
	by_nr[n->nr].fn(m, &call);
	session_leave(m);
}

int mediator_serve(struct mediator *m)
{
	struct notify_call n;
	int r = notify_receive(m->o.listener, &n);

	if (r == -ENOENT || r == -EAGAIN)
		return 0;
	if (r < 0)
		return r;
	mediator_handle(m, &n, NULL);
	return m->log_error;
}

int mediator_serve_start(struct mediator *m, const struct mediate_start *start)
{
	int r;

	m->start = start;
	r = mediator_serve(m);
	m->start = NULL;
	return r;
}

static int readable(struct loop_watch *watch, uint32_t revents)
{
	struct mediator *m = loop_owner(watch, struct mediator, watch);
	int r;

	if (revents & EPOLLIN) {
		m->serving = true;
		r = mediator_serve(m);
		m->serving = false;
		return r;
	}
	/* EPOLLERR alone: the kernel was interrupted while it looked, and will look again */
	if (revents & EPOLLHUP)
		loop_remove(m->loop, watch); /* the last process under the filter has ended */
	return 0;
}

static void other_work(struct loop_watch *watch)
{
	session_quit(loop_owner(watch, struct mediator, watch));
}

int mediator_start(struct mediator *m, struct loop *loop)
{
	int r = later_start(m, loop);

	m->loop = loop;
	if (r == 0)
		r = asks_start(m->asks, loop);
	m->watch = (struct loop_watch){
		.fd = m->o.listener, .events = EPOLLIN, .fn = readable, .leave = other_work
	};
	return r < 0 ? r : loop_add(loop, &m->watch);
}

static void rules_note(struct mediator *m, const struct policy_rule *rules, size_t n)
{
	m->o.rules = rules;
	m->o.n_rules = n;
	memset(m->decides, 0, sizeof(m->decides));
	m->asks_env = m->asks_exe = false;
	for (size_t i = 0; i < m->o.n_rules; i++) {
		const struct policy_rule *rule = &m->o.rules[i];

		if (rule->kernel || rule->action <= RULE_ALLOW ||
		    (m->view.host_root && rule->section))
			continue;
		m->asks_env |= rule->when && strstr(rule->when, "env_names");
		m->asks_exe |= !rule->section && rule->when && strstr(rule->when, "executable");
		for (int t = 0; t < EVENT_TYPE_N; t++) {
			if (!(rule->on & EVENT_BIT(t)))
				continue;
			m->decides[t][0] |= !rule->changes;
			m->decides[t][1] = true;
		}
	}
	/* what no rule matches is stopped */
	for (int t = 0; t < EVENT_TYPE_N && m->o.policy->rules_default == RULE_BLOCK; t++)
		m->decides[t][0] = m->decides[t][1] = !m->view.host_root;
	/* a name is made or opened: which of the two is found out on the way */
	m->decides[EVENT_FILE_OPEN][1] |= m->decides[EVENT_FILE_CREATE][1];
	m->decides[EVENT_FILE_CREATE][1] |= m->decides[EVENT_FILE_OPEN][1];
	/* a rename makes and removes names, a link makes one */
	m->decides[EVENT_FILE_RENAME][1] |= m->decides[EVENT_FILE_CREATE][1] ||
					    m->decides[EVENT_FILE_DELETE][1];
	m->decides[EVENT_FILE_LINK][1] |= m->decides[EVENT_FILE_CREATE][1];
}

int mediator_exchange(struct mediator *m, const struct policy *policy,
		      const struct policy_rule *rules, size_t n, struct engine_set *set)
{
	int r = mediator_load(m, set);

	if (r < 0)
		return r;
	m->o.policy = policy;
	m->o.ask_default = policy->ask_default;
	rules_note(m, rules, n);
	asks_forget(m->asks);
	return 0;
}

bool mediator_forbids(struct mediator *m, struct event *event, struct engine_decision *ret_decision)
{
	engine_preview(m->engine, event, ret_decision);
	return ret_decision->action >= RULE_BLOCK;
}

/*
 * Without a root of its own the session is kept in by Landlock alone, which looks at who opens, and
 * that would be us. So there nothing is done on its behalf.
 */
static int check_root(const struct mediator *m, struct err *err)
{
	const struct policy *p = m->o.policy;

	for (size_t i = 0; m->view.host_root && i < p->n_paths; i++) {
		const struct policy_path *path = &p->paths[i];

		if (path->glob || path->kind == POLICY_FS_HIDE || path->kind == POLICY_FS_ASK ||
		    (path->absent && !path->optional && !path_kind_grants(path->kind)))
			return err_at(err, ENOTSUP, path->where.file, path->where.line,
				      path->where.col,
				      "%s '%s' needs user namespaces, which this host does not "
				      "give: here files are only kept by Landlock",
				      path_kind_name(path->kind), path->path);
	}
	if (m->view.host_root && p->reload.n_within)
		return err_at(err, ENOTSUP, p->reload.within[0].where.file,
			      p->reload.within[0].where.line, p->reload.within[0].where.col,
			      "reload.within needs user namespaces, which this host does not give");
	for (size_t i = 0; m->view.host_root && i < m->o.n_rules; i++) {
		const struct policy_rule *rule = &m->o.rules[i];

		if (!rule->kernel && !rule->section && rule->action > RULE_ALLOW)
			return err_text(err, ENOTSUP,
					"rule '%s' (%s:%u) needs user namespaces, which this host "
					"does not give: here files are only kept by Landlock",
					rule->id, rule->where.file ? rule->where.file : "",
					rule->where.line);
	}
	return 0;
}

bool mediator_decides(const struct mediator *m, enum event_type type, bool changes)
{
	return m->decides[type][changes];
}

int mediator_new(const struct mediate_options *options, struct mediator **ret, struct err *err)
{
	AUTO(mediator_freep) struct mediator *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return err_set(err, ENOMEM, "supervisor");
	m->o = *options;
	m->later_pipe[0] = m->later_pipe[1] = m->later_timer.fd = -EBADF;
	r = asks_new(&(struct asks_options){ .otherwise = options->ask_default,
					     .config_dir = options->config_dir,
					     .answered = mediator_answered,
					     .owner = m },
		     &m->asks);
	if (r < 0)
		return err_set(err, -r, "supervisor");
	m->other_ids = options->outer_uid != geteuid() || options->outer_gid != getegid();
	r = object_view_open(options->root, &m->view);
	if (r < 0)
		return err_set(err, -r, "cannot look at the session's root");
	r = check_root(m, err);
	if (r == 0 && options->policy->n_rules)
		r = mediator_compile(m, err);
	if (r < 0)
		return r;
	event_init(&m->event);
	table_fill();
	rules_note(m, options->rules, options->n_rules);
	*ret = take_ptr(&m);
	return 0;
}

struct mediator *mediator_free(struct mediator *m)
{
	if (!m)
		return NULL;
	later_stop(m);
	m->asks = asks_free(m->asks);
	who_done(&m->who);
	engine_free(m->engine);
	engine_host_free(m->host);
	free(m);
	return NULL;
}

void mediator_freep(struct mediator **m)
{
	*m = mediator_free(*m);
}

const struct mediate_counts *mediator_counts(const struct mediator *m)
{
	return &m->counts;
}
