/*
 * diff - what changes in meaning between two policies: each difference is loosened, tightened or
 * neither. A grant within another grant is no difference; neither is the order of anything.
 */
#include "base/own.h"
#include "policy/argv.h"
#include "policy/load.h"
#include "policy/path.h"
#include "policy/report.h"
#include "policy/show.h"

#include <stdarg.h>
#include <stdio.h>

struct diff {
	policy_changed *changed;
	void *ctx;
	size_t n;
};

__attribute__((format(printf, 5, 6))) static void tell(struct diff *d, int direction,
						       const char *key, struct policy_where where,
						       const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->n++;
	d->changed(d->ctx,
		   &(struct policy_change){
			   .direction = direction, .key = key, .text = text, .where = where });
}

/* Every grant of @from that @to lacks; @direction says whether that loosens or tightens. */
static void diff_grants(struct diff *d, const struct policy *from, const struct policy *to,
			int direction, const char *verb)
{
	for (size_t i = 0; i < from->n_paths; i++) {
		const struct policy_path *p = &from->paths[i];

		if (path_kind_grants(p->kind) &&
		    !path_covered(to, to->paths, to->n_paths, p->path, p->kind))
			tell(d, direction, "filesystem", p->where, "%s %s %s", verb,
			     path_kind_name(p->kind), p->path);
	}
}

/* Does @d take all that @path takes? A pattern within a folder is within it as text, too. */
static bool takes_all(const struct policy_path *d, const struct policy_path *path)
{
	if (d->glob && path->glob)
		return strcmp(d->path, path->path) == 0;
	return d->glob ? path_entry_matches(d, path->path) : path_within(path->path, d->path);
}

static bool denied(const struct policy *policy, const struct policy_path *path)
{
	for (size_t i = 0; i < policy->n_paths; i++) {
		const struct policy_path *p = &policy->paths[i];

		if (path_kind_grants(p->kind) || !takes_all(p, path))
			continue;
		if (p->kind == path->kind || p->kind == POLICY_FS_DENY || p->kind == POLICY_FS_HIDE)
			return true;
	}
	return false;
}

/* Is there anything that a denial of @path's kind would take from @policy? */
static bool granted(const struct policy *policy, const struct policy_path *path)
{
	if (path->glob)
		return true;
	return path_covered(policy, policy->paths, policy->n_paths, path->path,
			    path->kind == POLICY_FS_READONLY ? POLICY_FS_WRITE : POLICY_FS_READ);
}

static void diff_denials(struct diff *d, const struct policy *from, const struct policy *to,
			 int direction, const char *verb)
{
	for (size_t i = 0; i < from->n_paths; i++) {
		const struct policy_path *p = &from->paths[i];

		if (!path_kind_grants(p->kind) && !denied(to, p) && granted(to, p))
			tell(d, direction, "filesystem", p->where, "%s %s %s", verb,
			     path_kind_name(p->kind), p->path);
	}
}

static void diff_names(struct diff *d, const char *key, const char *const *from,
		       const struct policy_where *where, size_t n, const char *const *to,
		       size_t n_to, int direction, const char *verb)
{
	for (size_t i = 0; i < n; i++) {
		bool found = false;

		for (size_t k = 0; k < n_to && !found; k++)
			found = strcmp(from[i], to[k]) == 0;
		if (!found)
			tell(d, direction, key, where[i], "%s %s", verb, from[i]);
	}
}

static void diff_env(struct diff *d, const struct policy *a, const struct policy *b)
{
	diff_names(d, "process.env.pass", b->env_pass, b->env_pass_where, b->n_env_pass,
		   a->env_pass, a->n_env_pass, 1, "passed:");
	diff_names(d, "process.env.pass", a->env_pass, a->env_pass_where, a->n_env_pass,
		   b->env_pass, b->n_env_pass, -1, "no longer passed:");
	diff_names(d, "process.env.unset", b->env_unset, b->env_unset_where, b->n_env_unset,
		   a->env_unset, a->n_env_unset, -1, "unset:");
	diff_names(d, "process.env.unset", a->env_unset, a->env_unset_where, a->n_env_unset,
		   b->env_unset, b->n_env_unset, 1, "no longer unset:");
	diff_names(d, "audit.redact", b->redact, b->redact_where, b->n_redact, a->redact,
		   a->n_redact, 0, "redacted:");
	diff_names(d, "audit.redact", a->redact, a->redact_where, a->n_redact, b->redact,
		   b->n_redact, 0, "no longer redacted:");
}

static const char *env_value(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_env_set; i++) {
		if (strcmp(p->env_set[i].name, name) == 0)
			return p->env_set[i].value;
	}
	return NULL;
}

static void diff_env_set(struct diff *d, const struct policy *a, const struct policy *b)
{
	for (size_t i = 0; i < b->n_env_set; i++) {
		const char *old = env_value(a, b->env_set[i].name);

		if (!old || strcmp(old, b->env_set[i].value) != 0)
			tell(d, 0, "process.env.set", b->env_set_where[i], "%s=%.200s",
			     b->env_set[i].name, b->env_set[i].value);
	}
	for (size_t i = 0; i < a->n_env_set; i++) {
		if (!env_value(b, a->env_set[i].name))
			tell(d, 0, "process.env.set", a->env_set_where[i], "no longer set: %s",
			     a->env_set[i].name);
	}
}

/* Patterns of @from that are not in @to. */
static void diff_argv(struct diff *d, const char *key, const struct policy_argv *from, size_t n,
		      const struct policy_argv *to, size_t n_to, int direction, const char *verb)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_done) struct buf mine = BUF_INIT(65536);
		bool found = false;

		argv_put(&mine, &from[i]);
		for (size_t k = 0; k < n_to && !found; k++) {
			AUTO(buf_done) struct buf other = BUF_INIT(65536);

			argv_put(&other, &to[k]);
			found = str_eq(buf_str(&mine), buf_str(&other));
		}
		if (!found)
			tell(d, direction, key, from[i].where, "%s %.300s", verb, buf_cstr(&mine));
	}
}

static void diff_commands(struct diff *d, const struct policy *a, const struct policy *b)
{
	bool was = a->n_commands_allow, is = b->n_commands_allow;

	if (was && !is)
		tell(d, 1, "process.commands.allow", a->commands_allow[0].where,
		     "any command may be started");
	else if (is && !was)
		tell(d, -1, "process.commands.allow", b->commands_allow[0].where,
		     "only listed commands may be started");
	else {
		diff_argv(d, "process.commands.allow", b->commands_allow, b->n_commands_allow,
			  a->commands_allow, a->n_commands_allow, 1, "allowed:");
		diff_argv(d, "process.commands.allow", a->commands_allow, a->n_commands_allow,
			  b->commands_allow, b->n_commands_allow, -1, "no longer allowed:");
	}
	diff_argv(d, "process.commands.deny", b->commands_deny, b->n_commands_deny,
		  a->commands_deny, a->n_commands_deny, -1, "denied:");
	diff_argv(d, "process.commands.deny", a->commands_deny, a->n_commands_deny,
		  b->commands_deny, b->n_commands_deny, 1, "no longer denied:");
}

static void diff_limits(struct diff *d, const struct policy *a, const struct policy *b)
{
	const struct {
		const char *key;
		uint64_t from, to;
		enum policy_key id;
	} rows[] = {
#define ROW(name, field, id) { "limits." name, a->limits.field, b->limits.field, id }
		ROW("memory", memory, POLICY_KEY_MEMORY),
		ROW("cpu", cpu_milli, POLICY_KEY_CPU),
		ROW("pids", pids, POLICY_KEY_PIDS),
		ROW("open_files", open_files, POLICY_KEY_OPEN_FILES),
		ROW("file_size", file_size, POLICY_KEY_FILE_SIZE),
		ROW("disk", disk, POLICY_KEY_DISK),
		ROW("output", output, POLICY_KEY_OUTPUT),
		ROW("wall_time", wall_ms, POLICY_KEY_WALL_TIME),
#undef ROW
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t from = rows[i].from, to = rows[i].to;
		const struct policy *who = b->origin[rows[i].id].file ? b : a;

		if (from == to)
			continue;
		if (!to)
			tell(d, 1, rows[i].key, who->origin[rows[i].id], "no limit any more");
		else if (!from)
			tell(d, -1, rows[i].key, who->origin[rows[i].id], "limited to %llu",
			     (unsigned long long)to);
		else
			tell(d, to > from ? 1 : -1, rows[i].key, who->origin[rows[i].id],
			     "%llu, was %llu", (unsigned long long)to, (unsigned long long)from);
	}
}

static void diff_flag(struct diff *d, const char *key, const struct policy *b, enum policy_key id,
		      int from, int to, const char *const *names)
{
	if (from != to)
		tell(d, to > from ? 1 : -1, key, b->origin[id], "%s, was %s", names[to],
		     names[from]);
}

static void rule_put(struct buf *out, const struct policy_sysc_rule *r)
{
	static const char *const actions[] = { "allow", "errno", "kill", "log" };

	buf_printf(out, "%s %s", actions[r->action], r->name);
	if (r->action == POLICY_SYSC_ERRNO)
		buf_printf(out, " (%d)", r->error);
	for (size_t i = 0; i < r->n_conds; i++) {
		buf_putz(out, i ? " and " : " when ");
		show_cond(out, &r->conds[i]);
	}
}

static void diff_rules(struct diff *d, const struct policy *from, const struct policy *to, int sign,
		       const char *verb)
{
	for (size_t i = 0; i < from->n_sysc; i++) {
		const struct policy_sysc_rule *r = &from->sysc[i];
		bool lets = r->action == POLICY_SYSC_ALLOW || r->action == POLICY_SYSC_LOG;
		AUTO(buf_done) struct buf mine = BUF_INIT(4096);
		bool found = false;

		rule_put(&mine, r);
		for (size_t k = 0; k < to->n_sysc && !found; k++) {
			AUTO(buf_done) struct buf other = BUF_INIT(4096);

			rule_put(&other, &to->sysc[k]);
			found = str_eq(buf_str(&mine), buf_str(&other));
		}
		if (!found)
			tell(d, lets ? sign : -sign, "syscalls", r->where, "%s %s", verb,
			     buf_cstr(&mine));
	}
}

static void diff_layers(struct diff *d, const struct policy *a, const struct policy *b)
{
	struct policy_where where = b->origin[POLICY_KEY_REQUIRE];

	if (a->best_effort != b->best_effort) {
		tell(d, b->best_effort ? 1 : -1, "require", where,
		     b->best_effort ? "runs with whatever layers there are"
				    : "refused where layers are missing");
		return;
	}
	for (int i = 0; i < LAYER_N; i++) {
		uint32_t bit = LAYER_BIT(i);

		if ((a->require ^ b->require) & bit)
			tell(d, b->require & bit ? -1 : 1, "require", where, "%s%s",
			     b->require & bit ? "" : "no longer: ", layer_info[i].name);
	}
}

static bool same_id(int64_t a, int64_t b)
{
	return a == b || (a < 0 && b < 0);
}

static const struct policy_tool *tool_of(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_tools; i++) {
		if (strcmp(p->tools[i].name, name) == 0)
			return &p->tools[i];
	}
	return NULL;
}

static bool tool_same(const struct policy_tool *a, const struct policy_tool *b)
{
	bool same = a->n_argv == b->n_argv && a->n_paths == b->n_paths &&
		    a->has_paths == b->has_paths && a->has_network == b->has_network &&
		    a->network == b->network &&
		    memcmp(&a->limits, &b->limits, sizeof(a->limits)) == 0;

	for (size_t i = 0; same && i < a->n_paths; i++)
		same = path_listed(b->paths, b->n_paths, &a->paths[i]);
	for (size_t i = 0; same && i < a->n_argv; i++) {
		same = a->argv[i].n_parts == b->argv[i].n_parts;
		for (size_t k = 0; same && k < a->argv[i].n_parts; k++)
			same = strcmp(a->argv[i].parts[k], b->argv[i].parts[k]) == 0;
	}
	return same;
}

/* A tool narrows one call; whether a changed one is looser is for a person to say. */
static void diff_tools(struct diff *d, const struct policy *a, const struct policy *b)
{
	for (size_t i = 0; i < b->n_tools; i++) {
		const struct policy_tool *old = tool_of(a, b->tools[i].name);

		if (!old)
			tell(d, 0, "tools", b->tools[i].where, "new: %s", b->tools[i].name);
		else if (!tool_same(old, &b->tools[i]))
			tell(d, 0, "tools", b->tools[i].where, "changed: %s", b->tools[i].name);
	}
	for (size_t i = 0; i < a->n_tools; i++) {
		if (!tool_of(b, a->tools[i].name))
			tell(d, 0, "tools", a->tools[i].where, "gone: %s", a->tools[i].name);
	}
}

static void diff_audit(struct diff *d, const struct policy *a, const struct policy *b)
{
	const char *from = a->audit_path ? a->audit_path : "the state folder";
	const char *to = b->audit_path ? b->audit_path : "the state folder";
	/* loosened: never beats checkpoint beats always */
	static const int looseness[] = { 1, 0, 2 };

	if (strcmp(from, to) != 0)
		tell(d, 0, "audit.path", b->origin[POLICY_KEY_AUDIT_PATH], "%s, was %s", to, from);
	if (a->audit_fsync != b->audit_fsync)
		tell(d, looseness[b->audit_fsync] > looseness[a->audit_fsync] ? 1 : -1,
		     "audit.fsync", b->origin[POLICY_KEY_FSYNC], "%s, was %s",
		     schema_fsync[b->audit_fsync], schema_fsync[a->audit_fsync]);
	if (a->record != b->record)
		tell(d, b->record > a->record ? -1 : 1, "audit.record",
		     b->origin[POLICY_KEY_RECORD], "%s, was %s", schema_record[b->record],
		     schema_record[a->record]);
	if (a->audit_stdio != b->audit_stdio)
		tell(d, b->audit_stdio ? -1 : 1, "audit.stdio", b->origin[POLICY_KEY_STDIO],
		     "%s, was %s", schema_stdio[b->audit_stdio], schema_stdio[a->audit_stdio]);
}

static void diff_within(struct diff *d, const struct policy *from, const struct policy *to,
			int direction, const char *verb)
{
	for (size_t i = 0; i < from->reload.n_within; i++) {
		const struct policy_path *p = &from->reload.within[i];

		if (!path_covered(to, to->reload.within, to->reload.n_within, p->path, p->kind))
			tell(d, direction, "reload.within", p->where, "%s %s %s", verb,
			     path_kind_name(p->kind), p->path);
	}
}

static void diff_live(struct diff *d, const struct policy *a, const struct policy *b)
{
	static const char *const words[] = { "false", "true" };
	static const char *const answers[] = { "deny", "allow" };

	if (a->overlay != b->overlay)
		tell(d, b->overlay ? -1 : 1, "filesystem.overlay", b->origin[POLICY_KEY_OVERLAY],
		     "%s, was %s", words[b->overlay], words[a->overlay]);
	diff_flag(d, "ask_default", b, POLICY_KEY_ASK_DEFAULT, a->ask_default == RULE_ALLOW,
		  b->ask_default == RULE_ALLOW, answers);
	if (a->reload.off != b->reload.off)
		tell(d, 0, "reload", b->origin[POLICY_KEY_RELOAD], "%s, was %s",
		     words[!b->reload.off], words[!a->reload.off]);
	if (a->reload.watch != b->reload.watch)
		tell(d, 0, "reload.watch", b->origin[POLICY_KEY_WATCH], "%s, was %s",
		     words[b->reload.watch], words[a->reload.watch]);
	if (a->reload.revoke != b->reload.revoke)
		tell(d, b->reload.revoke ? -1 : 1, "reload.revoke", b->origin[POLICY_KEY_REVOKE],
		     "%s, was %s", words[b->reload.revoke], words[a->reload.revoke]);
	diff_within(d, b, a, 0, "may be granted:");
	diff_within(d, a, b, 0, "may no longer be granted:");
}

static void diff_engine_rule(void *ctx, int loosens, const struct policy_rule *rule,
			     const char *what)
{
	tell(ctx, loosens, "rules", rule->where, "%s: %s %s", what, rule_action_name[rule->action],
	     rule->id);
}

size_t policy_diff(const struct policy *a, const struct policy *b, policy_changed *changed,
		   void *ctx)
{
	struct diff d = { .changed = changed, .ctx = ctx };

	diff_grants(&d, b, a, 1, "granted:");
	diff_grants(&d, a, b, -1, "no longer granted:");
	diff_denials(&d, b, a, -1, "taken:");
	diff_denials(&d, a, b, 1, "no longer taken:");
	diff_flag(&d, "filesystem.home", b, POLICY_KEY_HOME, !a->private_home, !b->private_home,
		  schema_private_host);
	diff_flag(&d, "filesystem.tmp", b, POLICY_KEY_TMP, !a->private_tmp, !b->private_tmp,
		  schema_private_host);
	diff_env(&d, a, b);
	diff_env_set(&d, a, b);
	diff_commands(&d, a, b);
	if (!same_id(a->uid, b->uid))
		tell(&d, 0, "process.uid", b->origin[POLICY_KEY_UID], "%lld, was %lld",
		     (long long)b->uid, (long long)a->uid);
	if (!same_id(a->gid, b->gid))
		tell(&d, 0, "process.gid", b->origin[POLICY_KEY_GID], "%lld, was %lld",
		     (long long)b->gid, (long long)a->gid);
	diff_flag(&d, "network", b, POLICY_KEY_NETWORK, (int)a->network, (int)b->network,
		  schema_network);
	diff_limits(&d, a, b);
	diff_flag(&d, "syscalls.preset", b, POLICY_KEY_SYSCALLS, (int)a->sysc_preset,
		  (int)b->sysc_preset, schema_syscalls);
	diff_rules(&d, b, a, 1, "rule:");
	diff_rules(&d, a, b, -1, "rule gone:");
	diff_layers(&d, a, b);
	diff_tools(&d, a, b);
	diff_audit(&d, a, b);
	diff_live(&d, a, b);
	show_rules_diff(a, b, diff_engine_rule, &d);
	if (a->rules_default != b->rules_default)
		tell(&d, b->rules_default == RULE_ALLOW ? 1 : -1, "rules_default",
		     b->origin[POLICY_KEY_RULES_DEFAULT], "%s, was %s",
		     rule_action_name[b->rules_default], rule_action_name[a->rules_default]);
	return d.n;
}
