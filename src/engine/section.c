/*
 * Theory of operation
 *
 * The sections filesystem, network and process are enforced by the wall's own layers; here they
 * become rules too, so that any decision can name a line. Each grant allows, at the very end of the
 * order (the default tier, the last priority): it says nothing where any rule speaks. Each denial, and
 * what no line grants, blocks at the very beginning (the first tier, the first priority): no rule can
 * open what the wall has closed.
 *
 * Paths are compared as the event has them, resolved; where a policy grants a link, what it leads to
 * is granted by the wall and not known here.
 */
#include "engine/set.h"

#include "base/buf.h"
#include "base/own.h"
#include "policy/argv.h"
#include "policy/policy.h"

#include <errno.h>

#define ON(type) EVENT_BIT(EVENT_##type)
#define ON_READ (ON(FILE_OPEN) | ON(FILE_READ))
#define ON_WRITE                                                                                \
	(ON(FILE_OPEN) | ON(FILE_WRITE) | ON(FILE_CREATE) | ON(FILE_DELETE) | ON(FILE_RENAME) | \
	 ON(FILE_LINK) | ON(FILE_CHMOD))
#define ON_EXEC (ON(PROCESS_EXEC) | ON(FILE_EXEC_MAP))
#define CHANGES "(file.activity.write || !(common.event_type in ['file.open', 'file.read']))"
#define SOURCE_MAX (4U << 20)

struct sections {
	const struct policy *policy;
	struct arena *arena;
	struct policy_rule *rules;
	size_t n, cap;
	int error;
};

static const char *const kind_names[POLICY_FS_N] = { "read",    "write", "exec", "deny",
						     "protect", "hide",  "ask" };

void set_put_literal(struct buf *out, const char *text)
{
	buf_putc(out, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\u%04x", c);
		else
			buf_putc(out, (char)c);
	}
	buf_putc(out, '"');
}

/* @when is emptied; NULL: always. */
static void add(struct sections *s, enum rule_action action, const char *id, event_types on,
		struct buf *when, const char *reason, struct policy_where where)
{
	struct policy_rule rule = { .id = id,
				    .on = on,
				    .action = action,
				    .phase = RULE_ENFORCE,
				    .section = true,
				    .kernel = true,
				    .lenient = true,
				    .reason = reason,
				    .where = where };
	struct policy_rule *rules =
		arena_grow(s->arena, s->rules, s->n, &s->cap, sizeof(*s->rules));

	rule.tier = action == RULE_BLOCK ? RULE_ORG : RULE_DEFAULT;
	rule.priority = action == RULE_BLOCK ? RULE_PRIORITY_MIN : RULE_PRIORITY_MAX;
	if (when) {
		rule.when = buf_error(when) ? NULL : arena_strdup(s->arena, buf_str(when));
		s->error = s->error ? s->error : buf_error(when);
		buf_reset(when);
	}
	if (!rules || !id || (when && !rule.when)) {
		s->error = s->error ? s->error : -ENOMEM;
		return;
	}
	s->rules = rules;
	s->rules[s->n++] = rule;
}

/* --- filesystem --- */

static void put_under(struct buf *out, const char *field, const char *path)
{
	buf_printf(out, "%s.under(", field);
	set_put_literal(out, path);
	buf_putc(out, ')');
}

static void add_path(struct sections *s, const struct policy_path *path, size_t i)
{
	AUTO(buf_done) struct buf when = BUF_INIT(SOURCE_MAX);
	const char *id = arena_printf(s->arena, "filesystem.%s[%zu]", kind_names[path->kind], i);

	switch (path->kind) {
	case POLICY_FS_READ:
		buf_putz(&when, "!file.activity.write && ");
		put_under(&when, "file.activity.path", path->path);
		add(s, RULE_ALLOW, id, ON_READ, &when, "the policy grants reading", path->where);
		return;
	case POLICY_FS_WRITE:
		put_under(&when, "file.activity.path", path->path);
		add(s, RULE_ALLOW, id, ON_READ | ON_WRITE, &when, "the policy grants writing",
		    path->where);
		return;
	case POLICY_FS_EXEC:
		put_under(&when, "process.activity.executable", path->path);
		buf_putz(&when, " || !file.activity.write && ");
		put_under(&when, "file.activity.path", path->path);
		add(s, RULE_ALLOW, id, ON_READ | ON_EXEC, &when, "the policy grants executing",
		    path->where);
		return;
	case POLICY_FS_READONLY: buf_putz(&when, CHANGES " && ("); break;
	default: buf_putz(&when, "("); break;
	}
	put_under(&when, "file.activity.path", path->path);
	buf_putz(&when, " || ");
	put_under(&when, "file.activity.new_path", path->path);
	buf_putz(&when, " || ");
	put_under(&when, "process.activity.executable", path->path);
	buf_putc(&when, ')');
	add(s, RULE_BLOCK, id,
	    path->kind == POLICY_FS_READONLY ? ON_WRITE : ON_READ | ON_WRITE | ON_EXEC, &when,
	    path->kind == POLICY_FS_READONLY ? "the policy protects it from change"
					     : "the policy denies it",
	    path->where);
}

/* The places that a grant of @kind gives, as a list; private ones and our own included. */
static void put_places(struct sections *s, struct buf *out, enum policy_fs kind)
{
	const struct policy *p = s->policy;
	const char *const own[] = { "/dev", "/proc", p->private_home ? p->home : NULL,
				    p->private_tmp ? p->tmp : NULL,
				    p->private_tmp ? "/tmp" : NULL };
	const char *join = "";

	buf_putc(out, '[');
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]) && kind != POLICY_FS_EXEC; i++) {
		if (!own[i])
			continue;
		buf_putz(out, join);
		set_put_literal(out, own[i]);
		join = ", ";
	}
	for (size_t i = 0; i < p->n_paths; i++) {
		enum policy_fs has = p->paths[i].kind;

		if (has != kind &&
		    !(kind == POLICY_FS_READ && (has == POLICY_FS_WRITE || has == POLICY_FS_EXEC)))
			continue;
		buf_putz(out, join);
		set_put_literal(out, p->paths[i].path);
		join = ", ";
	}
	buf_putc(out, ']');
}

/* What no line grants. The lists may be long, hence exists() and not a long chain of ||. */
static void add_ceiling(struct sections *s, struct policy_where where)
{
	AUTO(buf_done) struct buf when = BUF_INIT(SOURCE_MAX);

	buf_putz(&when, "!" CHANGES " && !");
	put_places(s, &when, POLICY_FS_READ);
	buf_putz(&when, ".exists(p, file.activity.path.under(p))");
	add(s, RULE_BLOCK, "filesystem.read", ON_READ, &when, "no line of the policy grants it",
	    where);
	buf_putz(&when, CHANGES " && !cel.bind(w, ");
	put_places(s, &when, POLICY_FS_WRITE);
	buf_putz(&when,
		 ", w.exists(p, file.activity.path.under(p)) && (file.activity.new_path == '' "
		 "|| w.exists(p, file.activity.new_path.under(p))))");
	add(s, RULE_BLOCK, "filesystem.write", ON_WRITE, &when,
	    "no line of the policy grants changing it", where);
	buf_putc(&when, '!');
	put_places(s, &when, POLICY_FS_EXEC);
	buf_putz(&when, ".exists(p, process.activity.executable.under(p))");
	add(s, RULE_BLOCK, "filesystem.exec", ON(PROCESS_EXEC), &when,
	    "no line of the policy grants executing it", where);
}

static void add_filesystem(struct sections *s, struct policy_where whole)
{
	const struct policy *p = s->policy;
	size_t counts[POLICY_FS_N] = { 0 };

	for (size_t i = 0; i < p->n_paths; i++)
		add_path(s, &p->paths[i], counts[p->paths[i].kind]++);
	add_ceiling(s, whole);
}

/* --- network --- */

static void add_network(struct sections *s, struct policy_where whole)
{
	static const char *const families[] = { "net.*", "dns.*", "http.*", "tls.*",
						"ws.*",  "mcp.*", "model.*" };
	struct policy_where where = s->policy->origin[POLICY_KEY_NETWORK];
	AUTO(buf_done) struct buf when = BUF_INIT(4096);
	event_types on = 0;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		on |= event_types_find(str_of(families[i]));
	if (!where.file)
		where = whole;
	if (s->policy->network == POLICY_NET_HOST) {
		add(s, RULE_ALLOW, "network.mode", on, NULL, "the policy gives the host's network",
		    where);
		return;
	}
	buf_putz(&when, "net.activity.protocol != 'unix' && ip.class != 'loopback'");
	add(s, RULE_BLOCK, "network.mode", on, &when, "the policy gives no network", where);
}

/* --- process.commands --- */

/* A part of a pattern as an anchored expression: text as it is, ${name:regex} as a group. */
static void put_part(struct buf *out, struct str part, bool program)
{
	static const char special[] = "\\^$.|?*+()[]{}";

	/* a program may be called by its path */
	buf_putz(out, program ? "^(?:.*/)?(?:" : "^(?:");
	while (part.n) {
		struct str name, regex;
		const char *wrong;
		size_t end;

		if (str_starts(part, STR("$$"))) {
			buf_putz(out, "\\$");
			part = str_sub(part, 2, part.n);
			continue;
		}
		end = str_starts(part, STR("${")) ? argv_hole(part, &name, &regex, &wrong) : 0;
		if (end) {
			buf_printf(out, "(?:%.*s)", STR_ARG(regex));
			part = str_sub(part, end, part.n);
			continue;
		}
		if (strchr(special, part.p[0]))
			buf_putc(out, '\\');
		buf_putc(out, part.p[0]);
		part = str_sub(part, 1, part.n);
	}
	buf_putz(out, ")$");
}

static void put_command(struct buf *out, const struct policy_argv *argv)
{
	bool rest = argv->n_parts && strcmp(argv->parts[argv->n_parts - 1], "...") == 0;
	size_t n = argv->n_parts - rest;

	buf_printf(out, "(session.activity.argv.size() %s %zu", rest ? ">=" : "==", n);
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_done) struct buf regex = BUF_INIT(65536);

		put_part(&regex, str_of(argv->parts[i]), i == 0 && !strchr(argv->parts[0], '/'));
		buf_printf(out, " && session.activity.argv[%zu].matches(", i);
		set_put_literal(out, buf_cstr(&regex));
		buf_putc(out, ')');
	}
	buf_putc(out, ')');
}

static void add_commands(struct sections *s)
{
	AUTO(buf_done) struct buf when = BUF_INIT(SOURCE_MAX), any = BUF_INIT(SOURCE_MAX);
	const struct policy *p = s->policy;

	for (size_t i = 0; i < p->n_commands_deny; i++) {
		put_command(&when, &p->commands_deny[i]);
		add(s, RULE_BLOCK, arena_printf(s->arena, "process.commands.deny[%zu]", i),
		    ON(SESSION_START), &when, "the policy denies this command",
		    p->commands_deny[i].where);
	}
	buf_putz(&any, "![");
	for (size_t i = 0; i < p->n_commands_allow; i++) {
		put_command(&when, &p->commands_allow[i]);
		buf_putz(&any, i ? ", " : "");
		buf_puts(&any, buf_str(&when));
		add(s, RULE_ALLOW, arena_printf(s->arena, "process.commands.allow[%zu]", i),
		    ON(SESSION_START), &when, "the policy allows this command",
		    p->commands_allow[i].where);
	}
	buf_putz(&any, "].exists(matches, matches)");
	if (p->n_commands_allow)
		add(s, RULE_BLOCK, "process.commands.allow", ON(SESSION_START), &any,
		    "the policy allows other commands only", p->commands_allow[0].where);
}

int engine_policy_rules(const struct policy *policy, struct arena *arena,
			const struct policy_rule **ret_rules, size_t *ret_n, struct err *err)
{
	struct sections s = { .policy = policy, .arena = arena };
	struct policy_where whole = { 0 };

	if (policy->n_sources)
		whole.file = policy->sources[policy->n_sources - 1].name;
	add_filesystem(&s, whole);
	add_network(&s, whole);
	add_commands(&s);
	for (size_t i = 0; i < policy->n_rules && !s.error; i++) {
		struct policy_rule *rules =
			arena_grow(arena, s.rules, s.n, &s.cap, sizeof(*s.rules));

		if (!rules)
			s.error = -ENOMEM;
		else
			(s.rules = rules)[s.n++] = policy->rules[i];
	}
	if (s.error)
		return err_set(err, -s.error, "rules of the policy's sections");
	*ret_rules = s.rules;
	*ret_n = s.n;
	return 0;
}
