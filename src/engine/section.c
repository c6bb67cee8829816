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
 *
 * What the wall holds by itself is marked .kernel: no call has to be stopped for it. A mount holds what
 * existed at the start and was named; patterns, what comes later, what is hidden and what a person is
 * asked about are the supervisor's. In a live session with a root of its own, "no line grants it" needs no
 * rule, as it is not there; but for what the wall was built with and the policy in force does not grant
 * (reload.within, and what a reload took back).
 *
 * A folder moved or a link made where a part of a denied path is to be would carry something else under that
 * name, or what is denied out from under it; a file there may say where else to look (.git of a worktree).
 * For them the names above count too.
 */
#include "engine/set.h"

#include "base/buf.h"
#include "base/own.h"
#include "cel/check.h"
#include "cel/parse.h"
#include "event/env.h"
#include "policy/argv.h"
#include "policy/path.h"
#include "policy/policy.h"

#include <errno.h>
#include <limits.h>

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
	const struct policy *launch; /* live: what the wall was built from; else NULL */
	bool mounts;                 /* live: with a root of its own */
	size_t n_withheld;
	struct policy_rule spare;
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

/* @when is emptied; NULL: always. The rule, for what is special about it. */
static struct policy_rule *add(struct sections *s, enum rule_action action, const char *id,
			       event_types on, struct buf *when, const char *reason,
			       struct policy_where where)
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

	rule.tier = action == RULE_ALLOW ? RULE_DEFAULT : RULE_ORG;
	rule.priority = action == RULE_ALLOW ? RULE_PRIORITY_MAX : RULE_PRIORITY_MIN;
	if (when) {
		rule.when = buf_error(when) ? NULL : arena_strdup(s->arena, buf_str(when));
		s->error = s->error ? s->error : buf_error(when);
		buf_reset(when);
	}
	if (!rules || !id || (when && !rule.when)) {
		s->error = s->error ? s->error : -ENOMEM;
		return &s->spare;
	}
	s->rules = rules;
	s->rules[s->n] = rule;
	return &s->rules[s->n++];
}

/* --- filesystem --- */

static void put_under(struct buf *out, const char *field, const char *path)
{
	buf_printf(out, "%s.under(", field);
	set_put_literal(out, path);
	buf_putc(out, ')');
}

/* @field is what the entry names, or below it. */
static void put_entry(struct buf *out, const char *field, const struct policy_path *path)
{
	char mem[PATH_MAX * 2 + 8];

	if (!path->glob) {
		put_under(out, field, path->path);
		if (path->real) {
			buf_putz(out, " || ");
			put_under(out, field, path->real);
		}
		return;
	}
	for (int below = 1; below >= 0; below--) {
		struct buf glob = buf_fixed(mem, sizeof(mem));

		path_put_glob(path->path, below, &glob);
		buf_printf(out, "%s%s.glob(", below ? "" : " || ", field);
		set_put_literal(out, buf_cstr(&glob));
		buf_putc(out, ')');
		if (below && glob.p[glob.n - 1] == '}')
			break; /* both in one */
	}
}

static void put_above_literal(struct buf *out, const char *path, const char *field)
{
	set_put_literal(out, path);
	buf_printf(out, ".under(%s)", field);
}

/* @field is a name above what the pattern matches, where the pattern says anything about that name. */
static void put_above_pattern(struct buf *out, const char *pattern, const char *field)
{
	char mem[PATH_MAX * 2 + 8];

	buf_putz(out, "false");
	for (const char *p = strchr(pattern + 1, '/'); p; p = strchr(p + 1, '/')) {
		size_t n = (size_t)(p - pattern);
		struct buf text = buf_fixed(mem, sizeof(mem));
		char prefix[PATH_MAX];

		if (n >= sizeof(prefix) ||
		    (n >= 2 && memcmp(p - 2, "**", 2) == 0 && (n == 2 || p[-3] == '/')))
			continue;
		memcpy(prefix, pattern, n);
		prefix[n] = '\0';
		path_put_glob(prefix, false, &text);
		buf_printf(out, " || %s.glob(", field);
		set_put_literal(out, buf_cstr(&text));
		buf_putc(out, ')');
	}
}

static void put_above(struct buf *out, const struct policy_path *path, const char *field)
{
	if (path->glob) {
		put_above_pattern(out, path->path, field);
		return;
	}
	put_above_literal(out, path->path, field);
	if (path->real) {
		buf_putz(out, " || ");
		put_above_literal(out, path->real, field);
	}
}

/* The event is about what the entry names: under any of its names, or one above it that is moved or made. */
static void put_touches(struct buf *out, const struct policy_path *path)
{
	static const char *const fields[] = { "file.activity.path", "file.activity.new_path",
					      "process.activity.executable" };

	buf_putc(out, '(');
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		buf_putz(out, i ? " || " : "");
		put_entry(out, fields[i], path);
	}
	buf_putz(out, " || (common.event_type == 'file.rename' || common.event_type == "
		      "'file.create' && file.activity.kind != 'folder') && (");
	put_above(out, path, "file.activity.path");
	buf_putz(out, ") || common.event_type in ['file.rename', 'file.link'] && (");
	put_above(out, path, "file.activity.new_path");
	buf_putz(out, "))");
}

/* May the session make something at @path? What is private is its own. */
static bool may_write(const struct policy *p, const char *path)
{
	const struct policy_reload *r = &p->reload;

	return path_covered(NULL, p->paths, p->n_paths, path, POLICY_FS_WRITE) ||
	       path_covered(NULL, r->within, r->n_within, path, POLICY_FS_WRITE) ||
	       (p->private_home && p->home && path_within(path, p->home)) ||
	       (p->private_tmp && p->tmp && path_within(path, p->tmp)) ||
	       (p->private_tmp && path_within(path, "/tmp"));
}

/*
 * A mount holds it alone; or nobody in the session could make it, and what the host makes there need not be
 * held: there is nothing to change, or the policy says that it may be missing.
 */
static bool held_by_wall(const struct sections *s, const struct policy_path *path)
{
	bool deny = path->kind == POLICY_FS_DENY;

	if (s->launch && !s->mounts)
		return false;
	if (path->glob || path->live || (!deny && path->kind != POLICY_FS_READONLY))
		return false;
	/* a mount was made for it at the launch, or none was */
	if (s->launch && s->launch != s->policy &&
	    !path_listed(s->launch->paths, s->launch->n_paths, path))
		return false;
	if (!path->absent)
		return true;
	return (!deny || path->optional) &&
	       !may_write(s->launch ? s->launch : s->policy, path->real ? path->real : path->path);
}

static void add_taken(struct sections *s, const struct policy_path *path, const char *id)
{
	static const struct {
		enum rule_action action;
		event_types on;
		const char *reason;
	} kinds[POLICY_FS_N] = {
		[POLICY_FS_DENY] = { RULE_BLOCK, ON_READ | ON_WRITE | ON_EXEC,
				     "the policy denies it" },
		[POLICY_FS_READONLY] = { RULE_BLOCK, ON_WRITE,
					 "the policy protects it from change" },
		[POLICY_FS_HIDE] = { RULE_BLOCK, ON_READ | ON_WRITE | ON_EXEC,
				     "not there: the policy hides it" },
		[POLICY_FS_ASK] = { RULE_ASK, ON_READ | ON_WRITE | ON_EXEC,
				    "the policy asks before it is touched" },
	};
	AUTO(buf_done) struct buf when = BUF_INIT(SOURCE_MAX);
	struct policy_rule *rule;

	if (path->kind == POLICY_FS_READONLY)
		buf_putz(&when, CHANGES " && ");
	put_touches(&when, path);
	rule = add(s, kinds[path->kind].action, id, kinds[path->kind].on, &when,
		   kinds[path->kind].reason, path->where);
	rule->changes = path->kind == POLICY_FS_READONLY;
	rule->kernel = held_by_wall(s, path);
	rule->ask.scope = RULE_SESSION;
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
	default: add_taken(s, path, id);
	}
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
	    "no line of the policy grants changing it", where)
		->changes = true;
	buf_putc(&when, '!');
	put_places(s, &when, POLICY_FS_EXEC);
	buf_putz(&when, ".exists(p, process.activity.executable.under(p))");
	add(s, RULE_BLOCK, "filesystem.exec", ON(PROCESS_EXEC), &when,
	    "no line of the policy grants executing it", where);
}

/* --- what the wall was built with, and the policy in force does not grant --- */

/* Ours in a root of our own: whatever is granted above it, it is not the host's. */
static size_t own_places(const struct policy *p, const char *places[5])
{
	size_t n = 0;

	places[n++] = "/dev";
	places[n++] = "/proc";
	if (p->private_home && p->home)
		places[n++] = p->home;
	if (p->private_tmp && p->tmp)
		places[n++] = p->tmp;
	if (p->private_tmp)
		places[n++] = "/tmp";
	return n;
}

static bool is_own(const struct policy *p, const char *path)
{
	const char *places[5];
	size_t n = own_places(p, places);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(path, places[i]) == 0)
			return true;
	}
	return false;
}

static void put_item(struct buf *out, const char *path, const char **join)
{
	buf_putz(out, *join);
	set_put_literal(out, path);
	*join = ", ";
}

/* What below @grant is still given, or our own: as a list. */
static void put_left(struct sections *s, struct buf *out, const struct policy_path *grant,
		     enum policy_fs kind)
{
	const struct policy *p = s->policy;
	const char *places[5], *join = "";
	size_t n = own_places(p, places);

	buf_putc(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (path_within(places[i], grant->path))
			put_item(out, places[i], &join);
	}
	for (size_t i = 0; i < p->n_paths; i++) {
		const struct policy_path *has = &p->paths[i];

		if (path_kind_grants(has->kind) && path_within(has->path, grant->path) &&
		    path_covered(p, has, 1, has->path, kind))
			put_item(out, has->path, &join);
	}
	buf_putc(out, ']');
}

static void add_withheld(struct sections *s, const struct policy_path *grant, enum policy_fs kind)
{
	static const struct {
		const char *id, *reason;
		event_types on;
	} rights[] = {
		[POLICY_FS_READ] = { "filesystem.read", "no line of the policy grants it",
				     ON_READ },
		[POLICY_FS_WRITE] = { "filesystem.write",
				      "no line of the policy grants changing it", ON_WRITE },
		[POLICY_FS_EXEC] = { "filesystem.exec", "no line of the policy grants executing it",
				     ON(PROCESS_EXEC) },
	};
	AUTO(buf_done) struct buf when = BUF_INIT(SOURCE_MAX);
	bool exec = kind == POLICY_FS_EXEC;
	struct policy_rule *rule;

	if (kind == POLICY_FS_WRITE)
		buf_putz(&when, CHANGES " && ");
	buf_putz(&when, "cel.bind(left, ");
	put_left(s, &when, grant, kind);
	for (int other = 0; other < 1 + (kind == POLICY_FS_WRITE); other++) {
		const char *field = exec    ? "process.activity.executable"
				    : other ? "file.activity.new_path"
					    : "file.activity.path";

		buf_putz(&when, other ? " || " : ", ");
		put_under(&when, field, grant->path);
		buf_printf(&when, " && !left.exists(p, %s.under(p))", field);
	}
	buf_putc(&when, ')');
	rule = add(s, RULE_BLOCK,
		   arena_printf(s->arena, "%s[%zu]", rights[kind].id, s->n_withheld++),
		   rights[kind].on, &when, rights[kind].reason, grant->where);
	rule->kernel = false;
	rule->changes = kind == POLICY_FS_WRITE;
}

static void add_withheld_of(struct sections *s, const struct policy_path *paths, size_t n)
{
	const struct policy *p = s->policy;

	for (size_t i = 0; i < n; i++) {
		const struct policy_path *grant = &paths[i];

		if (!path_kind_grants(grant->kind) || is_own(s->launch, grant->path))
			continue;
		for (enum policy_fs kind = POLICY_FS_READ; kind <= POLICY_FS_EXEC; kind++) {
			if ((kind == POLICY_FS_READ || kind == grant->kind) &&
			    !path_covered(p, p->paths, p->n_paths, grant->path, kind))
				add_withheld(s, grant, kind);
		}
	}
}

/* Where what no rule matches is blocked, our own places are to be allowed by one. */
static void add_own(struct sections *s, struct policy_where whole)
{
	AUTO(buf_done) struct buf when = BUF_INIT(SOURCE_MAX);
	const struct policy *l = s->launch;
	const char *join = "";

	if (s->policy->rules_default != RULE_BLOCK)
		return;
	buf_putz(&when, "![");
	for (size_t i = 0; i < l->n_paths + l->reload.n_within; i++) {
		const struct policy_path *path = i < l->n_paths ? &l->paths[i]
								: &l->reload.within[i - l->n_paths];

		if (path_kind_grants(path->kind) && !is_own(l, path->path))
			put_item(&when, path->path, &join);
	}
	buf_putz(&when, "].exists(p, file.activity.path.under(p))");
	add(s, RULE_ALLOW, "filesystem.own", ON_READ | ON_WRITE, &when, "it is the session's own",
	    whole);
}

static void add_filesystem(struct sections *s, struct policy_where whole)
{
	const struct policy *p = s->policy;
	size_t counts[POLICY_FS_N] = { 0 };

	for (size_t i = 0; i < p->n_paths; i++)
		add_path(s, &p->paths[i], counts[p->paths[i].kind]++);
	if (!s->launch || !s->mounts) {
		size_t first = s->n;

		add_ceiling(s, whole);
		for (size_t i = first; i < s->n && s->launch; i++)
			s->rules[i].kernel = false; /* Landlock knows no metadata, and no sockets */
		return;
	}
	add_withheld_of(s, s->launch->paths, s->launch->n_paths);
	add_withheld_of(s, s->launch->reload.within, s->launch->reload.n_within);
	add_own(s, whole);
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
	add(s, RULE_BLOCK, "network.mode", on, &when, "the policy gives no network", where)
		->kernel = !s->launch || s->launch->network == POLICY_NET_NONE;
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

/* Must `file.activity.write` hold for @x to hold? The tree is at most CEL_DEPTH_MAX deep. */
static bool wants_write(const struct cel_expr *x)
{
	if (!x)
		return false;
	if (x->decl)
		return x->decl->slot == EVENT_F_FILE_ACTIVITY_WRITE;
	if (x->kind != CEL_X_CALL || x->call.n_args != 2)
		return false;
	if (str_eqz(x->call.name, CEL_OP_AND))
		return wants_write(x->call.args[0]) || wants_write(x->call.args[1]);
	return str_eqz(x->call.name, CEL_OP_OR) && wants_write(x->call.args[0]) &&
	       wants_write(x->call.args[1]);
}

/* Is @rule about changes only, as far as its expression shows? */
static bool about_changes(const struct policy_rule *rule)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(TREE_MEMORY_MAX);
	struct cel_expr *tree = NULL;
	const struct cel_type *type;

	if (!(rule->on & ON_READ))
		return true;
	if (!rule->when ||
	    cel_parse(&arena, event_env(), str_of(rule->when), NULL, NULL, &tree) < 0 ||
	    cel_check(&arena, event_env(), str_of(rule->when), tree, &cel_type_bool, NULL, NULL,
		      &type) < 0)
		return false;
	return wants_write(tree);
}

static void add_written(struct sections *s)
{
	const struct policy *policy = s->policy;

	for (size_t i = 0; i < policy->n_rules && !s->error; i++) {
		struct policy_rule *rules =
			arena_grow(s->arena, s->rules, s->n, &s->cap, sizeof(*s->rules));

		if (!rules) {
			s->error = -ENOMEM;
			return;
		}
		s->rules = rules;
		rules[s->n] = policy->rules[i];
		rules[s->n].changes = s->launch && about_changes(&policy->rules[i]);
		s->n++;
	}
}

static int make(struct sections *s, const struct policy_rule **ret_rules, size_t *ret_n,
		struct err *err)
{
	struct policy_where whole = { 0 };

	if (s->policy->n_sources)
		whole.file = s->policy->sources[s->policy->n_sources - 1].name;
	add_filesystem(s, whole);
	add_network(s, whole);
	add_commands(s);
	add_written(s);
	if (s->error)
		return err_set(err, -s->error, "rules of the policy's sections");
	*ret_rules = s->rules;
	*ret_n = s->n;
	return 0;
}

int engine_policy_rules(const struct policy *policy, struct arena *arena,
			const struct policy_rule **ret_rules, size_t *ret_n, struct err *err)
{
	struct sections s = { .policy = policy, .arena = arena };

	return make(&s, ret_rules, ret_n, err);
}

int engine_session_rules(const struct policy *policy, const struct policy *launch, bool mounts,
			 struct arena *arena, const struct policy_rule **ret_rules, size_t *ret_n,
			 struct err *err)
{
	struct sections s = {
		.policy = policy, .arena = arena, .launch = launch, .mounts = mounts
	};

	return make(&s, ret_rules, ret_n, err);
}
