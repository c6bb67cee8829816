/*
 * show - the effective policy as YAML: the same policy gives the same bytes, and the bytes, loaded
 * again, give the same policy. Runs at every start (its hash goes into the log), so it does without
 * printf where lines are many.
 */
#include "policy/show.h"

#include "policy/constants.h"
#include "policy/load.h"
#include "policy/path.h"
#include "policy/report.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define ORIGIN_COLUMN 56
#define TYPICAL_SIZE 8192 /* what the built-in policy needs: no growing on the way */

/* buf_put, in place for the many that fit. */
static inline void put(struct buf *b, const char *p, size_t n)
{
	if (b->error || b->cap - b->n < n) {
		buf_put(b, p, n);
		return;
	}
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static inline void putz(struct buf *b, const char *z)
{
	put(b, z, strlen(z));
}

static inline void putch(struct buf *b, char c)
{
	put(b, &c, 1);
}

struct show {
	struct buf *out;
	bool origins;
	size_t line; /* where the current line begins */
};

static void begin(struct show *s, unsigned indent)
{
	s->line = s->out->n;
	put(s->out, "                ", indent);
}

static void end(struct show *s, struct policy_where where)
{
	if (s->origins && where.file) {
		size_t n = s->out->n - s->line;

		do {
			putch(s->out, ' ');
		} while (n++ < ORIGIN_COLUMN);
		buf_printf(s->out, "# %s", where.file);
		if (where.line)
			buf_printf(s->out, ":%u:%u", where.line, where.col);
	}
	putch(s->out, '\n');
}

static bool plain_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/' ||
	       (!first && ((c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+'));
}

void show_quoted(struct buf *out, struct str text)
{
	putch(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '"' || c == '\\')
			putch(out, '\\');
		if ((unsigned char)c < 0x20 || c == 0x7f)
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)c);
		else
			putch(out, c);
	}
	putch(out, '"');
}

void show_text(struct buf *out, struct str text)
{
	bool plain = text.n > 0 && !load_word_ambiguous(text);

	for (size_t i = 0; i < text.n && plain; i++)
		plain = plain_char(text.p[i], i == 0);
	if (plain)
		put(out, text.p, text.n);
	else
		show_quoted(out, text);
}

static void word(struct show *s, unsigned indent, const char *key, const char *value,
		 struct policy_where where)
{
	begin(s, indent);
	putz(s->out, key);
	putz(s->out, ": ");
	show_text(s->out, str_of(value));
	end(s, where);
}

static void number(struct show *s, unsigned indent, const char *key, uint64_t value,
		   const char *unit, struct policy_where where)
{
	begin(s, indent);
	putz(s->out, key);
	putz(s->out, ": ");
	buf_put_u64(s->out, value);
	putz(s->out, unit);
	end(s, where);
}

static void flag(struct show *s, unsigned indent, const char *key, bool value,
		 struct policy_where where)
{
	begin(s, indent);
	putz(s->out, key);
	putz(s->out, value ? ": true" : ": false");
	end(s, where);
}

static void heading(struct show *s, unsigned indent, const char *key)
{
	begin(s, indent);
	putz(s->out, key);
	putz(s->out, ":\n");
}

static void item(struct show *s, unsigned indent, const char *text, struct policy_where where)
{
	begin(s, indent);
	putz(s->out, "- ");
	show_text(s->out, str_of(text));
	end(s, where);
}

void show_path(struct buf *out, const struct policy_path *path)
{
	char mem[PATH_MAX * 2];
	struct buf text = buf_fixed(mem, sizeof(mem));

	if (path->glob || !strpbrk(path->path, "*?[\\")) {
		show_text(out, str_of(path->path));
		return;
	}
	path_escape(str_of(path->path), &text); /* what means nothing is to mean nothing again */
	show_text(out, buf_str(&text));
}

static void show_paths(struct show *s, unsigned indent, const struct policy_path *paths, size_t n,
		       enum policy_fs kind)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (paths[i].kind != kind)
			continue;
		if (!any)
			heading(s, indent, path_kind_name(kind));
		any = true;
		begin(s, indent + 2);
		putz(s->out, paths[i].optional ? "- { path: " : "- ");
		show_path(s->out, &paths[i]);
		putz(s->out, paths[i].optional ? ", optional: true }" : "");
		end(s, paths[i].where);
	}
}

static void show_filesystem(struct show *s, const struct policy *p)
{
	static const enum policy_fs kinds[] = { POLICY_FS_READ,     POLICY_FS_WRITE, POLICY_FS_EXEC,
						POLICY_FS_READONLY, POLICY_FS_DENY,  POLICY_FS_HIDE,
						POLICY_FS_ASK };

	heading(s, 0, "filesystem");
	word(s, 2, "home", p->private_home ? "private" : "host", p->origin[POLICY_KEY_HOME]);
	word(s, 2, "tmp", p->private_tmp ? "private" : "host", p->origin[POLICY_KEY_TMP]);
	if (p->overlay)
		flag(s, 2, "overlay", true, p->origin[POLICY_KEY_OVERLAY]);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		show_paths(s, 2, p->paths, p->n_paths, kinds[i]);
}

static void show_names(struct show *s, unsigned indent, const char *key, const char *const *names,
		       const struct policy_where *wheres, size_t n)
{
	if (n)
		heading(s, indent, key);
	for (size_t i = 0; i < n; i++)
		item(s, indent + 2, names[i], wheres[i]);
}

static void show_argv(struct show *s, unsigned indent, const struct policy_argv *argv)
{
	begin(s, indent);
	putz(s->out, "- [");
	for (size_t i = 0; i < argv->n_parts; i++) {
		putz(s->out, i ? ", " : "");
		show_text(s->out, str_of(argv->parts[i]));
	}
	putch(s->out, ']');
	end(s, argv->where);
}

static void show_commands(struct show *s, const char *key, const struct policy_argv *argv, size_t n)
{
	if (n)
		heading(s, 4, key);
	for (size_t i = 0; i < n; i++)
		show_argv(s, 6, &argv[i]);
}

static void show_env(struct show *s, const struct policy *p)
{
	if (p->n_env_pass + p->n_env_set + p->n_env_unset == 0)
		return;
	heading(s, 2, "env");
	show_names(s, 4, "pass", p->env_pass, p->env_pass_where, p->n_env_pass);
	if (p->n_env_set)
		heading(s, 4, "set");
	for (size_t i = 0; i < p->n_env_set; i++) {
		begin(s, 6);
		show_text(s->out, str_of(p->env_set[i].name));
		putz(s->out, ": ");
		show_quoted(s->out, str_of(p->env_set[i].value)); /* numbers and words stay text */
		end(s, p->env_set_where[i]);
	}
	show_names(s, 4, "unset", p->env_unset, p->env_unset_where, p->n_env_unset);
}

static void show_process(struct show *s, const struct policy *p)
{
	bool commands = p->n_commands_allow + p->n_commands_deny > 0;
	bool env = p->n_env_pass + p->n_env_set + p->n_env_unset > 0;

	if (!commands && !env && p->uid < 0 && p->gid < 0)
		return;
	heading(s, 0, "process");
	if (p->uid >= 0)
		number(s, 2, "uid", (uint64_t)p->uid, "", p->origin[POLICY_KEY_UID]);
	if (p->gid >= 0)
		number(s, 2, "gid", (uint64_t)p->gid, "", p->origin[POLICY_KEY_GID]);
	show_env(s, p);
	if (commands)
		heading(s, 2, "commands");
	show_commands(s, "allow", p->commands_allow, p->n_commands_allow);
	show_commands(s, "deny", p->commands_deny, p->n_commands_deny);
}

static void show_limits(struct show *s, unsigned indent, const struct policy_limits *l,
			const struct policy_where *origin)
{
	static const struct policy_where nowhere;
	const struct {
		const char *name;
		uint64_t value;
		enum policy_key key;
		const char *unit;
	} rows[] = {
		{ "memory", l->memory, POLICY_KEY_MEMORY, "" },
		{ "pids", l->pids, POLICY_KEY_PIDS, "" },
		{ "open_files", l->open_files, POLICY_KEY_OPEN_FILES, "" },
		{ "file_size", l->file_size, POLICY_KEY_FILE_SIZE, "" },
		{ "disk", l->disk, POLICY_KEY_DISK, "" },
		{ "output", l->output, POLICY_KEY_OUTPUT, "" },
		{ "wall_time", l->wall_ms, POLICY_KEY_WALL_TIME, "ms" },
	};
	bool any = l->cpu_milli;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		any = any || rows[i].value;
	if (any)
		heading(s, indent, "limits");
	if (l->cpu_milli) {
		begin(s, indent + 2);
		buf_printf(s->out, "cpu: %llu.%03llu", (unsigned long long)(l->cpu_milli / 1000),
			   (unsigned long long)(l->cpu_milli % 1000));
		end(s, origin ? origin[POLICY_KEY_CPU] : nowhere);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].value)
			number(s, indent + 2, rows[i].name, rows[i].value, rows[i].unit,
			       origin ? origin[rows[i].key] : nowhere);
	}
}

void show_cond(struct buf *out, const struct policy_sysc_cond *c)
{
	static const char *const names[] = { "==", "!=", "<", "<=", ">", ">=" };

	if (c->cmp == SYSC_MASKED_EQ)
		buf_printf(out, "arg%u & 0x%llx == 0x%llx", c->arg, (unsigned long long)c->mask,
			   (unsigned long long)c->value);
	else
		buf_printf(out, "arg%u %s %llu", c->arg, names[c->cmp],
			   (unsigned long long)c->value);
}

static void show_rule(struct show *s, const struct policy_sysc_rule *rule)
{
	begin(s, 4);
	buf_printf(s->out, "- { name: %s", rule->name);
	for (size_t i = 0; i < rule->n_conds; i++) {
		putz(s->out, i ? ", \"" : ", when: [\"");
		show_cond(s->out, &rule->conds[i]);
		putch(s->out, '"');
	}
	putz(s->out, rule->n_conds ? "]" : "");
	if (rule->action == POLICY_SYSC_ERRNO)
		buf_printf(s->out, ", action: errno, errno: %s", constant_errno_name(rule->error));
	else if (rule->action != POLICY_SYSC_ALLOW)
		buf_printf(s->out, ", action: %s",
			   rule->action == POLICY_SYSC_KILL ? "kill" : "log");
	putz(s->out, " }");
	end(s, rule->where);
}

static void show_syscalls(struct show *s, const struct policy *p)
{
	for (int deny = -1; deny < 2; deny++) {
		bool any = false;

		if (deny < 0) {
			heading(s, 0, "syscalls");
			word(s, 2, "preset", schema_syscalls[p->sysc_preset],
			     p->origin[POLICY_KEY_SYSCALLS]);
			continue;
		}
		for (size_t i = 0; i < p->n_sysc; i++) {
			if ((p->sysc[i].action == POLICY_SYSC_ALLOW) == deny)
				continue;
			if (!any)
				heading(s, 2, deny ? "deny" : "allow");
			any = true;
			show_rule(s, &p->sysc[i]);
		}
	}
}

static void show_tools(struct show *s, const struct policy *p)
{
	static const struct policy_where nowhere;

	if (p->n_tools)
		heading(s, 0, "tools");
	for (size_t i = 0; i < p->n_tools; i++) {
		const struct policy_tool *t = &p->tools[i];

		begin(s, 2);
		show_text(s->out, str_of(t->name));
		putch(s->out, ':');
		end(s, t->where);
		heading(s, 4, "argv");
		for (size_t k = 0; k < t->n_argv; k++)
			show_argv(s, 6, &t->argv[k]);
		for (enum policy_fs kind = POLICY_FS_READ; kind <= POLICY_FS_EXEC; kind++)
			show_paths(s, 4, t->paths, t->n_paths, kind);
		if (t->has_paths && t->n_paths == 0)
			putz(s->out, "    read: []\n");
		if (t->has_network)
			word(s, 4, "network", schema_network[t->network], nowhere);
		show_limits(s, 4, &t->limits, NULL);
	}
}

static void show_audit(struct show *s, const struct policy *p)
{
	heading(s, 0, "audit");
	if (p->audit_path)
		word(s, 2, "path", p->audit_path, p->origin[POLICY_KEY_AUDIT_PATH]);
	word(s, 2, "fsync", schema_fsync[p->audit_fsync], p->origin[POLICY_KEY_FSYNC]);
	word(s, 2, "stdio", schema_stdio[p->audit_stdio], p->origin[POLICY_KEY_STDIO]);
	word(s, 2, "record", schema_record[p->record], p->origin[POLICY_KEY_RECORD]);
	show_names(s, 2, "redact", p->redact, p->redact_where, p->n_redact);
}

static void show_reload(struct show *s, const struct policy *p)
{
	const struct policy_reload *r = &p->reload;

	if (r->off) {
		flag(s, 0, "reload", false, p->origin[POLICY_KEY_RELOAD]);
		return;
	}
	if (r->watch && !r->revoke && !r->n_within)
		return;
	heading(s, 0, "reload");
	flag(s, 2, "watch", r->watch, p->origin[POLICY_KEY_WATCH]);
	flag(s, 2, "revoke", r->revoke, p->origin[POLICY_KEY_REVOKE]);
	if (r->n_within)
		heading(s, 2, "within");
	for (enum policy_fs kind = POLICY_FS_READ; kind <= POLICY_FS_EXEC; kind++)
		show_paths(s, 4, r->within, r->n_within, kind);
}

static void show_require(struct show *s, const struct policy *p)
{
	struct policy_where where = p->origin[POLICY_KEY_REQUIRE];

	if (p->require_default && !where.file)
		return;
	begin(s, 0);
	putz(s->out, "require: [");
	for (unsigned i = 0, n = 0; i < LAYER_N; i++) {
		if (p->require & LAYER_BIT(i))
			buf_printf(s->out, "%s%s", n++ ? ", " : "", layer_info[i].name);
	}
	putch(s->out, ']');
	end(s, where);
}

void policy_show(const struct policy *policy, bool origins, struct buf *out)
{
	struct show s = { .out = out, .origins = origins };

	(void)buf_reserve(out, TYPICAL_SIZE);
	putz(out, "version: 1\n");
	word(&s, 0, "name", policy->name, policy->origin[POLICY_KEY_NAME]);
	show_require(&s, policy);
	show_filesystem(&s, policy);
	show_process(&s, policy);
	word(&s, 0, "network", schema_network[policy->network], policy->origin[POLICY_KEY_NETWORK]);
	show_limits(&s, 0, &policy->limits, policy->origin);
	show_syscalls(&s, policy);
	show_tools(&s, policy);
	show_audit(&s, policy);
	if (policy->ask_default == RULE_ALLOW)
		word(&s, 0, "ask_default", "allow", policy->origin[POLICY_KEY_ASK_DEFAULT]);
	show_reload(&s, policy);
	show_rules(policy, origins, out);
}
