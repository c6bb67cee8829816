/*
 * Theory of operation
 *
 * A policy under a ceiling may only tighten. Two things are done, for each kind of promise:
 *
 * 1. What the policy *says* beyond the ceiling is an error where it says so. What it gets through a
 *    preset is reported at the entry of `extends` that brought it.
 * 2. What the ceiling takes away is taken away: its denials, protections, limits, filter rules,
 *    required layers and redactions are added. What the policy does not say, the ceiling says.
 *
 * Paths are compared twice: as written, and resolved. A clone may hold `docs -> /home/me/.ssh`; the
 * words "read: ${workspace}/docs" are within the ceiling, the place is not. The resolved path is
 * what the wall gets, with the order to follow no symlink on the way (nofollow), so that what is
 * swapped after this check leads nowhere.
 */
#include "policy/load.h"
#include "policy/path.h"

#include <string.h>

struct narrow {
	struct load *l;
	struct policy *p;
	const struct policy *ceiling;
	bool project;                 /* the policy is a project's own file */
	struct policy_path *resolved; /* the ceiling's grants, resolved */
	size_t n_resolved;
};

static const struct load_source *source_of(const struct load *l, const char *file)
{
	for (unsigned i = 0; i < l->n_sources; i++) {
		if (l->sources[i].name == file)
			return &l->sources[i];
	}
	return NULL;
}

static const char *ceiling_name(const struct narrow *n)
{
	return n->ceiling->sources[n->ceiling->n_sources - 1].name;
}

__attribute__((format(printf, 3, 4))) static void beyond(struct narrow *n,
							 struct policy_where where, const char *fmt,
							 ...)
{
	const struct load_source *source = source_of(n->l, where.file);
	char what[600], through[200] = "";
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (source && source->trust == TRUST_BUILTIN && source->via.file) {
		(void)snprintf(through, sizeof(through), " (through %s:%u)", where.file,
			       where.line);
		where = source->via;
	}
	if (n->project)
		diag_add(n->l->diag, DIAG_ERROR, where, 1,
			 "a project's file may only tighten what %s allows: %s%s; put it into your "
			 "own policy.yaml, or take this file at your word: --policy %s",
			 ceiling_name(n), what, through, n->l->sources[0].name);
	else
		diag_add(n->l->diag, DIAG_ERROR, where, 1,
			 "the organisation's policy %s does not allow it: %s%s", ceiling_name(n),
			 what, through);
}

/* --- paths --- */

static bool resolve_ceiling(struct narrow *n)
{
	const struct policy *c = n->ceiling;

	n->resolved = arena_array(n->l->arena, c->n_paths + 1, struct policy_path);
	if (!n->resolved)
		return false;
	for (size_t i = 0; i < c->n_paths; i++) {
		struct policy_path path = c->paths[i];

		if (n->l->offline || path.glob)
			continue;
		path.path = path_resolve(n->l->arena, path.path);
		if (!path.path)
			return false;
		n->resolved[n->n_resolved++] = path;
	}
	return true;
}

static const struct policy_path *denial_of(const struct policy_path *paths, size_t n_paths,
					   const char *path, enum policy_fs kind)
{
	for (size_t i = 0; i < n_paths; i++) {
		const struct policy_path *d = &paths[i];

		if ((d->kind == POLICY_FS_DENY || d->kind == POLICY_FS_HIDE ||
		     (d->kind == POLICY_FS_READONLY && kind == POLICY_FS_WRITE)) &&
		    path_entry_matches(d, path))
			return d;
	}
	return NULL;
}

/* One grant, under one spelling. */
static bool grant_within(struct narrow *n, const struct policy_path *grant, const char *path)
{
	const struct policy *c = n->ceiling;
	const struct policy_path *denial = denial_of(c->paths, c->n_paths, path, grant->kind);
	const char *kind = path_kind_name(grant->kind);
	const char *leads = strcmp(path, grant->path) == 0 ? "" : ", which leads to ";
	const char *to = *leads ? path : "";

	if (!denial)
		denial = denial_of(n->resolved, n->n_resolved, path, grant->kind);
	if (denial) {
		beyond(n, grant->where, "%s '%.200s'%s%.200s is denied at %.100s:%u", kind,
		       grant->path, leads, to, denial->where.file, denial->where.line);
		return false;
	}
	if (path_covered(c, c->paths, c->n_paths, path, grant->kind) ||
	    path_covered(c, n->resolved, n->n_resolved, path, grant->kind))
		return true;
	beyond(n, grant->where, "%s '%.200s'%s%.200s is not granted there", kind, grant->path,
	       leads, to);
	return false;
}

static void narrow_grant(struct narrow *n, struct policy_path *grant)
{
	const char *real = grant->path;

	if (!n->l->offline)
		real = path_resolve(n->l->arena, grant->path);
	if (!real) {
		n->l->no_memory = true;
		return;
	}
	if (!grant_within(n, grant, grant->path) || strcmp(real, grant->path) == 0) {
		grant->nofollow = true;
		return;
	}
	if (grant_within(n, grant, real)) {
		/* the system's own links (/bin -> usr/bin) are made again by the wall */
		grant->nofollow = source_of(n->l, grant->where.file)->trust != TRUST_BUILTIN;
		if (grant->nofollow)
			grant->path = real;
	}
}

static void narrow_paths(struct narrow *n)
{
	struct policy *p = n->p;
	const struct policy *c = n->ceiling;

	for (size_t i = 0; i < p->n_paths && !diag_full(n->l->diag); i++) {
		if (path_kind_grants(p->paths[i].kind))
			narrow_grant(n, &p->paths[i]);
	}
	for (size_t i = 0; i < p->reload.n_within && !diag_full(n->l->diag); i++)
		narrow_grant(n, &p->reload.within[i]);
	for (size_t i = 0; i < p->n_tools; i++) {
		for (size_t k = 0; k < p->tools[i].n_paths; k++)
			narrow_grant(n, &p->tools[i].paths[k]);
	}
	for (size_t i = 0; i < c->n_paths; i++) {
		if (!path_kind_grants(c->paths[i].kind) &&
		    !path_listed(p->paths, p->n_paths, &c->paths[i]))
			load_append(n->l, LIST_PATHS, &p->paths, &p->n_paths, &c->paths[i],
				    sizeof(c->paths[i]));
	}
	if (c->overlay && !p->overlay) {
		if (p->origin[POLICY_KEY_OVERLAY].file)
			beyond(n, p->origin[POLICY_KEY_OVERLAY], "overlay: false");
		p->overlay = true;
		p->origin[POLICY_KEY_OVERLAY] = c->origin[POLICY_KEY_OVERLAY];
	}
	if (!p->private_home && c->private_home)
		beyond(n, p->origin[POLICY_KEY_HOME], "home: host");
	if (!p->private_tmp && c->private_tmp)
		beyond(n, p->origin[POLICY_KEY_TMP], "tmp: host");
}

/* --- environment and commands --- */

/* Does the ceiling pass all that @name (perhaps ending in '*') passes? */
static bool pass_covered(const struct policy *c, const char *name)
{
	size_t n = strlen(name);
	bool star = n && name[n - 1] == '*';

	for (size_t i = 0; i < c->n_env_pass; i++) {
		const char *have = c->env_pass[i];
		size_t m = strlen(have);

		if (strcmp(have, name) == 0)
			return true;
		if (m && have[m - 1] == '*' && strncmp(have, name, m - 1) == 0 &&
		    (star || !policy_env_secret(name, "")))
			return true;
	}
	return false;
}

static bool in_list(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static void add_names(struct narrow *n, enum load_list list, const char ***names, size_t *count,
		      struct policy_where **wheres, const char *const *more, size_t n_more,
		      const struct policy_where *more_where)
{
	for (size_t i = 0; i < n_more; i++) {
		size_t at = *count;

		if (in_list(*names, at, more[i]))
			continue;
		load_append(n->l, list, names, count, &more[i], sizeof(more[i]));
		load_append(n->l, (enum load_list)(list + 1), wheres, &at, &more_where[i],
			    sizeof(more_where[i]));
	}
}

static void narrow_env(struct narrow *n)
{
	struct policy *p = n->p;
	const struct policy *c = n->ceiling;
	const char *const *exact = c->env_exact_only ? c->env_exact : c->env_pass;
	size_t n_exact = c->env_exact_only ? c->n_env_exact : c->n_env_pass;

	p->env_exact_only = true;
	p->env_exact = arena_array(n->l->arena, p->n_env_pass + 1, const char *);
	if (!p->env_exact) {
		n->l->no_memory = true;
		return;
	}
	for (size_t i = 0; i < p->n_env_pass; i++) {
		const char *name = p->env_pass[i];

		if (!pass_covered(c, name))
			beyond(n, p->env_pass_where[i], "the variable %s is not passed there",
			       name);
		else if (in_list(exact, n_exact, name))
			p->env_exact[p->n_env_exact++] = name;
	}
	add_names(n, LIST_ENV_UNSET, &p->env_unset, &p->n_env_unset, &p->env_unset_where,
		  c->env_unset, c->n_env_unset, c->env_unset_where);
	/* what is redacted is lost as evidence: not a project's to say */
	for (size_t i = 0; i < p->n_redact && n->project; i++) {
		if (!in_list(c->redact, c->n_redact, p->redact[i]))
			beyond(n, p->redact_where[i], "redaction of %s hides it from the log",
			       p->redact[i]);
	}
	add_names(n, LIST_REDACT, &p->redact, &p->n_redact, &p->redact_where, c->redact,
		  c->n_redact, c->redact_where);
}

static bool argv_same(const struct policy_argv *a, const struct policy_argv *b)
{
	if (a->n_parts != b->n_parts)
		return false;
	for (size_t i = 0; i < a->n_parts; i++) {
		if (strcmp(a->parts[i], b->parts[i]) != 0)
			return false;
	}
	return true;
}

static bool argv_listed(const struct policy_argv *list, size_t n, const struct policy_argv *argv)
{
	for (size_t i = 0; i < n; i++) {
		if (argv_same(&list[i], argv))
			return true;
	}
	return false;
}

static void narrow_commands(struct narrow *n)
{
	struct policy *p = n->p;
	const struct policy *c = n->ceiling;

	for (size_t i = 0; i < p->n_commands_allow && c->n_commands_allow; i++) {
		if (!argv_listed(c->commands_allow, c->n_commands_allow, &p->commands_allow[i]))
			beyond(n, p->commands_allow[i].where,
			       "the command is none of those allowed there");
	}
	if (p->n_commands_allow == 0) {
		p->commands_allow = c->commands_allow;
		p->n_commands_allow = c->n_commands_allow;
	}
	for (size_t i = 0; i < c->n_commands_deny; i++) {
		if (!argv_listed(p->commands_deny, p->n_commands_deny, &c->commands_deny[i]))
			load_append(n->l, LIST_COMMANDS_DENY, &p->commands_deny,
				    &p->n_commands_deny, &c->commands_deny[i],
				    sizeof(c->commands_deny[i]));
	}
}

/* --- single values --- */

static void narrow_id(struct narrow *n, int64_t *id, int64_t ceiling, enum policy_key key,
		      const char *what)
{
	if (*id >= 0 && *id != ceiling)
		beyond(n, n->p->origin[key], "%s %lld", what, (long long)*id);
	else if (ceiling >= 0) {
		*id = ceiling;
		n->p->origin[key] = n->ceiling->origin[key];
	}
}

/*
 * A number or a list that came with a preset, not in the writer's own words, is lowered without a
 * word: `extends: preset:agent` is to work below a stricter ceiling as well.
 */
static bool from_preset(const struct narrow *n, struct policy_where where)
{
	const struct load_source *source = source_of(n->l, where.file);

	return source && source->trust == TRUST_BUILTIN && source != &n->l->sources[0];
}

static void narrow_limit(struct narrow *n, size_t offset, enum policy_key key, const char *what)
{
	uint64_t *limit = (uint64_t *)(void *)((char *)&n->p->limits + offset);
	uint64_t max =
		*(const uint64_t *)(const void *)((const char *)&n->ceiling->limits + offset);

	if (max && *limit > max && !from_preset(n, n->p->origin[key]))
		beyond(n, n->p->origin[key], "%s: more than the limit at %.100s:%u", what,
		       n->ceiling->origin[key].file, n->ceiling->origin[key].line);
	if (max && (*limit == 0 || *limit > max)) {
		*limit = max;
		n->p->origin[key] = n->ceiling->origin[key];
	}
}

static void narrow_limits(struct narrow *n)
{
#define LIMIT(field, key) narrow_limit(n, offsetof(struct policy_limits, field), key, #field)
	LIMIT(memory, POLICY_KEY_MEMORY);
	narrow_limit(n, offsetof(struct policy_limits, cpu_milli), POLICY_KEY_CPU, "cpu");
	LIMIT(pids, POLICY_KEY_PIDS);
	LIMIT(open_files, POLICY_KEY_OPEN_FILES);
	LIMIT(file_size, POLICY_KEY_FILE_SIZE);
	LIMIT(disk, POLICY_KEY_DISK);
	LIMIT(output, POLICY_KEY_OUTPUT);
	narrow_limit(n, offsetof(struct policy_limits, wall_ms), POLICY_KEY_WALL_TIME, "wall_time");
#undef LIMIT
}

static void narrow_require(struct narrow *n)
{
	struct policy *p = n->p;
	const struct policy *c = n->ceiling;

	if (c->best_effort)
		return;
	if (p->best_effort)
		beyond(n, p->origin[POLICY_KEY_REQUIRE], "require: []");
	p->require |= c->require;
	p->require_default = p->require_default || c->require_default;
}

static void narrow_audit(struct narrow *n)
{
	struct policy *p = n->p;
	const struct policy *c = n->ceiling;
	/* how much is forced to disk: never, checkpoint, always */
	static const int strength[] = {
		[POLICY_FSYNC_NEVER] = 0, [POLICY_FSYNC_CHECKPOINT] = 1, [POLICY_FSYNC_ALWAYS] = 2
	};

	if (p->audit_path && (n->project || c->audit_path) &&
	    (!c->audit_path || strcmp(p->audit_path, c->audit_path) != 0))
		beyond(n, p->origin[POLICY_KEY_AUDIT_PATH], "where the log goes");
	if (!p->audit_path) {
		p->audit_path = c->audit_path;
		p->origin[POLICY_KEY_AUDIT_PATH] = c->origin[POLICY_KEY_AUDIT_PATH];
	}
	if (strength[p->audit_fsync] < strength[c->audit_fsync]) {
		if (p->origin[POLICY_KEY_FSYNC].file)
			beyond(n, p->origin[POLICY_KEY_FSYNC], "less is forced to disk");
		p->audit_fsync = c->audit_fsync;
		p->origin[POLICY_KEY_FSYNC] = c->origin[POLICY_KEY_FSYNC];
	}
	if (p->record < c->record) {
		if (p->origin[POLICY_KEY_RECORD].file)
			beyond(n, p->origin[POLICY_KEY_RECORD], "record: %s is less than %s",
			       schema_record[p->record], schema_record[c->record]);
		p->record = c->record;
		p->origin[POLICY_KEY_RECORD] = c->origin[POLICY_KEY_RECORD];
	}
	if (c->audit_stdio && !p->audit_stdio) {
		if (p->origin[POLICY_KEY_STDIO].file)
			beyond(n, p->origin[POLICY_KEY_STDIO], "less is recorded");
		p->audit_stdio = true;
		p->origin[POLICY_KEY_STDIO] = c->origin[POLICY_KEY_STDIO];
	}
}

/* --- system calls --- */

static bool cond_same(const struct policy_sysc_cond *a, const struct policy_sysc_cond *b)
{
	return a->arg == b->arg && a->cmp == b->cmp && a->mask == b->mask && a->value == b->value;
}

static bool rule_same(const struct policy_sysc_rule *a, const struct policy_sysc_rule *b)
{
	if (strcmp(a->name, b->name) != 0 || a->action != b->action || a->error != b->error ||
	    a->n_conds != b->n_conds)
		return false;
	for (size_t i = 0; i < a->n_conds; i++) {
		if (!cond_same(&a->conds[i], &b->conds[i]))
			return false;
	}
	return true;
}

static bool rule_listed(const struct policy *p, const struct policy_sysc_rule *rule)
{
	for (size_t i = 0; i < p->n_sysc; i++) {
		if (rule_same(&p->sysc[i], rule))
			return true;
	}
	return false;
}

/* A call that is only logged is allowed. */
static bool rule_lets(const struct policy_sysc_rule *rule)
{
	return rule->action == POLICY_SYSC_ALLOW || rule->action == POLICY_SYSC_LOG;
}

static void narrow_syscalls(struct narrow *n)
{
	struct policy *p = n->p;
	const struct policy *c = n->ceiling;

	if (p->sysc_preset > c->sysc_preset) {
		if (p->origin[POLICY_KEY_SYSCALLS].file &&
		    !from_preset(n, p->origin[POLICY_KEY_SYSCALLS]))
			beyond(n, p->origin[POLICY_KEY_SYSCALLS], "a wider list of system calls");
		p->sysc_preset = c->sysc_preset;
		p->origin[POLICY_KEY_SYSCALLS] = c->origin[POLICY_KEY_SYSCALLS];
	}
	for (size_t i = 0; i < p->n_sysc; i++) {
		if (rule_lets(&p->sysc[i]) && !rule_listed(c, &p->sysc[i]))
			beyond(n, p->sysc[i].where, "system call %s is not allowed there",
			       p->sysc[i].name);
	}
	for (size_t i = 0; i < c->n_sysc; i++) {
		if (!rule_lets(&c->sysc[i])) /* last, so that it beats what was said before */
			load_append(n->l, LIST_SYSC, &p->sysc, &p->n_sysc, &c->sysc[i],
				    sizeof(c->sysc[i]));
	}
}

/* The ceiling's rules hold below it too, in their own tier. What nobody decides stays decided so. */
static void narrow_rules(struct narrow *n)
{
	struct policy *p = n->p;
	const struct policy *c = n->ceiling;

	if (c->rules_default == RULE_BLOCK && p->rules_default == RULE_ALLOW) {
		if (p->origin[POLICY_KEY_RULES_DEFAULT].file)
			beyond(n, p->origin[POLICY_KEY_RULES_DEFAULT], "rules_default: allow");
		p->rules_default = RULE_BLOCK;
		p->origin[POLICY_KEY_RULES_DEFAULT] = c->origin[POLICY_KEY_RULES_DEFAULT];
	}
	if (!p->origin[POLICY_KEY_ASK_DEFAULT].file) {
		p->ask_default = c->ask_default;
		p->origin[POLICY_KEY_ASK_DEFAULT] = c->origin[POLICY_KEY_ASK_DEFAULT];
	} else if (p->ask_default == RULE_ALLOW && c->ask_default == RULE_BLOCK) {
		beyond(n, p->origin[POLICY_KEY_ASK_DEFAULT], "ask_default: allow");
	}
	for (size_t i = 0; i < c->n_rules; i++)
		load_append(n->l, LIST_RULES, &p->rules, &p->n_rules, &c->rules[i],
			    sizeof(c->rules[i]));
}

/* One switch of `reload`: @strict is the value that binds those below. */
static void narrow_switch(struct narrow *n, bool *value, bool ceiling, bool strict,
			  enum policy_key key, const char *what)
{
	if (ceiling != strict || *value == strict)
		return;
	if (n->p->origin[key].file)
		beyond(n, n->p->origin[key], "%s", what);
	*value = strict;
	n->p->origin[key] = n->ceiling->origin[key];
}

static void narrow_reload(struct narrow *n)
{
	struct policy_reload *r = &n->p->reload;
	const struct policy_reload *c = &n->ceiling->reload;

	narrow_switch(n, &r->off, c->off, true, POLICY_KEY_RELOAD, "a reload");
	narrow_switch(n, &r->watch, c->watch, false, POLICY_KEY_WATCH, "reload.watch: true");
	narrow_switch(n, &r->revoke, c->revoke, true, POLICY_KEY_REVOKE, "reload.revoke: false");
}

void load_narrow(struct load *l, const struct policy *ceiling)
{
	struct policy *p = l->p;
	struct narrow n = {
		.l = l, .p = p, .ceiling = ceiling, .project = l->sources[0].trust == TRUST_PROJECT
	};

	if (!resolve_ceiling(&n)) {
		l->no_memory = true;
		return;
	}
	narrow_paths(&n);
	if (p->network > ceiling->network)
		beyond(&n, p->origin[POLICY_KEY_NETWORK], "network: host");
	narrow_env(&n);
	narrow_commands(&n);
	narrow_id(&n, &p->uid, ceiling->uid, POLICY_KEY_UID, "uid");
	narrow_id(&n, &p->gid, ceiling->gid, POLICY_KEY_GID, "gid");
	narrow_limits(&n);
	narrow_require(&n);
	narrow_syscalls(&n);
	narrow_audit(&n);
	narrow_rules(&n);
	narrow_reload(&n);
}
