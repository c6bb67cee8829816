#include "policy/apply.h"
#include "policy/path.h"

#include <string.h>

static void said(struct load *l, const struct schema *s, uint32_t node)
{
	if (!l->tool)
		l->p->origin[s->key] = load_where(l, node);
}

APPLY_SET(apply_name)
{
	l->p->name = value->text.p;
	said(l, s, node);
}

APPLY_SET(apply_isolation)
{
	if (value->choice != 0)
		load_error(l, node, "isolation: vm is not in this build; only process");
	said(l, s, node);
}

APPLY_BEGIN(apply_require_begin)
{
	struct policy *p = l->p;

	if (p->require_default)
		p->require = 0;
	p->require_default = false;
	p->best_effort = yaml_at(&l->src->doc, node)->count == 0;
	if (p->best_effort)
		p->require = 0;
	said(l, s, node);
	return true;
}

APPLY_SET(apply_require)
{
	const char *names[LAYER_N], *near;
	int layer = layer_by_name(value->text);

	(void)s;
	if (layer >= 0) {
		l->p->require |= LAYER_BIT(layer);
		return;
	}
	for (int i = 0; i < LAYER_N; i++)
		names[i] = layer_info[i].name;
	near = str_nearest(value->text, names, LAYER_N);
	if (near)
		load_error(l, node, "unknown layer '%.60s'; did you mean '%s'?", value->text.p,
			   near);
	else
		load_error(l, node, "unknown layer '%.60s'; 'capsule doctor' lists them",
			   value->text.p);
}

/* Nothing was said before, and a preset does not repeat itself (the unit tests see to it). */
static bool preset_alone(const struct load *l)
{
	return l->n_sources == 1 && l->src->trust == TRUST_BUILTIN;
}

/* --- paths --- */

/* Said twice: once is enough, and the one that must exist wins. */
static bool said_before(struct policy_path *paths, size_t n, const struct policy_path *path)
{
	for (size_t i = 0; i < n; i++) {
		if (paths[i].kind == path->kind && paths[i].glob == path->glob &&
		    strcmp(paths[i].path, path->path) == 0) {
			paths[i].optional = paths[i].optional && path->optional;
			return true;
		}
	}
	return false;
}

/* The list that paths go to at this place of the document. */
struct path_list {
	enum load_list list;
	struct policy_path **paths;
	size_t *n;
};

static void add_path(struct load *l, struct path_list to, uint32_t node, enum policy_fs kind,
		     bool optional)
{
	struct policy_path path = { .kind = kind,
				    .optional = optional,
				    .where = load_where(l, node),
				    .nofollow = l->src->trust == TRUST_PROJECT };
	struct str text = yaml_str(&l->src->doc, node);

	if (path_kind_grants(kind) ? !load_path_expand(l, node, text, &path.path)
				   : !load_path_pattern(l, node, text, &path.path, &path.glob))
		return;
	if (*to.n >= LOAD_PATHS_MAX)
		load_error(l, node, "more than %d paths", LOAD_PATHS_MAX);
	else if (to.list == LIST_TOOL_PATHS || preset_alone(l) ||
		 !said_before(*to.paths, *to.n, &path))
		load_append(l, to.list, to.paths, to.n, &path, sizeof(path));
}

static struct path_list paths_here(struct load *l)
{
	if (l->tool)
		return (struct path_list){ LIST_TOOL_PATHS, &l->tool->paths, &l->tool->n_paths };
	return (struct path_list){ LIST_PATHS, &l->p->paths, &l->p->n_paths };
}

static struct path_list within_here(struct load *l)
{
	return (struct path_list){ LIST_WITHIN, &l->p->reload.within, &l->p->reload.n_within };
}

APPLY_BEGIN(apply_path_begin)
{
	(void)s;
	(void)node;
	l->path = (struct load_path_draft){ 0 };
	return true;
}

APPLY_SET(apply_path_text)
{
	(void)s;
	(void)value;
	l->path.node = node;
}

APPLY_SET(apply_path_optional)
{
	(void)s;
	(void)node;
	l->path.optional = value->number != 0;
}

APPLY_END(apply_path_end)
{
	(void)node;
	if (l->path.node)
		add_path(l, paths_here(l), l->path.node, (enum policy_fs)s->arg, l->path.optional);
}

APPLY_SET(apply_path)
{
	(void)value;
	add_path(l, paths_here(l), node, (enum policy_fs)s->arg, false);
}

APPLY_END(apply_within_end)
{
	(void)node;
	if (l->path.node)
		add_path(l, within_here(l), l->path.node, (enum policy_fs)s->arg, l->path.optional);
}

APPLY_SET(apply_within)
{
	(void)value;
	add_path(l, within_here(l), node, (enum policy_fs)s->arg, false);
}

APPLY_SET(apply_home)
{
	l->p->private_home = value->choice == 0;
	said(l, s, node);
}

APPLY_SET(apply_tmp)
{
	l->p->private_tmp = value->choice == 0;
	said(l, s, node);
}

APPLY_SET(apply_overlay)
{
	l->p->overlay = value->number != 0;
	said(l, s, node);
}

/* --- process --- */

/* A name of a variable, perhaps with stars: at the end only, or anywhere. */
static bool env_name(struct load *l, uint32_t node, struct str name, bool stars_inside)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool ok = c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			  (c >= '0' && c <= '9' && i > 0);

		if (ok || (c == '*' && (stars_inside || i + 1 == name.n)))
			continue;
		if (c == '*')
			load_error(l, node, "'*' may only end the name");
		else if (c == '=')
			load_error(l, node, "a name alone is needed here; values go under 'set'");
		else
			load_error(l, node, "'%.80s' is not a variable's name", name.p);
		return false;
	}
	return true;
}

static void add_name(struct load *l, enum load_list list, const char ***names, size_t *n,
		     struct policy_where **wheres, uint32_t node, const char *name)
{
	struct policy_where where = load_where(l, node);
	size_t count = *n;

	for (size_t i = 0; i < count && !preset_alone(l); i++) {
		if (strcmp((*names)[i], name) == 0)
			return;
	}
	load_append(l, list, names, n, &name, sizeof(name));
	load_append(l, (enum load_list)(list + 1), wheres, &count, &where, sizeof(where));
}

APPLY_SET(apply_env_pass)
{
	(void)s;
	if (env_name(l, node, value->text, false))
		add_name(l, LIST_ENV_PASS, &l->p->env_pass, &l->p->n_env_pass,
			 &l->p->env_pass_where, node, value->text.p);
}

APPLY_SET(apply_env_unset)
{
	(void)s;
	if (env_name(l, node, value->text, true))
		add_name(l, LIST_ENV_UNSET, &l->p->env_unset, &l->p->n_env_unset,
			 &l->p->env_unset_where, node, value->text.p);
}

APPLY_SET(apply_redact)
{
	(void)s;
	if (env_name(l, node, value->text, true))
		add_name(l, LIST_REDACT, &l->p->redact, &l->p->n_redact, &l->p->redact_where, node,
			 value->text.p);
}

APPLY_SET(apply_env_set)
{
	struct policy *p = l->p;
	uint32_t key = yaml_at(&l->src->doc, node)->key;
	struct str name = yaml_str(&l->src->doc, key);
	struct policy_env_set set = { .name = name.p, .value = value->text.p };
	struct policy_where where = load_where(l, key);
	size_t n = p->n_env_set;

	(void)s;
	if (name.n == 0 || memchr(name.p, '*', name.n)) {
		load_error(l, key, "'%.80s' is not a variable's name", name.p);
		return;
	}
	if (!env_name(l, key, name, false))
		return;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(p->env_set[i].name, set.name) == 0) {
			p->env_set[i] = set;
			p->env_set_where[i] = where;
			return;
		}
	}
	load_append(l, LIST_ENV_SET, &p->env_set, &p->n_env_set, &set, sizeof(set));
	load_append(l, LIST_ENV_SET_WHERE, &p->env_set_where, &n, &where, sizeof(where));
}

APPLY_BEGIN(apply_allow_begin)
{
	(void)s;
	if (yaml_at(&l->src->doc, node)->count)
		return true;
	load_error(l, node,
		   "an empty 'allow' would let nothing start; take the line out or name a command");
	return false;
}

static void add_command(struct load *l, enum load_list list, const struct policy_argv *argv)
{
	if (list == LIST_COMMANDS_ALLOW)
		load_append(l, list, &l->p->commands_allow, &l->p->n_commands_allow, argv,
			    sizeof(*argv));
	else
		load_append(l, list, &l->p->commands_deny, &l->p->n_commands_deny, argv,
			    sizeof(*argv));
}

APPLY_BEGIN(apply_command_list)
{
	struct policy_argv argv;

	if (load_argv_list(l, node, &argv))
		add_command(l, (enum load_list)s->arg, &argv);
	return false;
}

APPLY_SET(apply_command_text)
{
	struct policy_argv argv;

	(void)value;
	if (load_argv_text(l, node, &argv))
		add_command(l, (enum load_list)s->arg, &argv);
}

APPLY_SET(apply_uid)
{
	l->p->uid = (int64_t)value->number;
	said(l, s, node);
}

APPLY_SET(apply_gid)
{
	l->p->gid = (int64_t)value->number;
	said(l, s, node);
}

/* --- network, limits, audit --- */

APPLY_SET(apply_network)
{
	enum policy_network network = (enum policy_network)value->choice;

	if (l->tool) {
		l->tool->network = network;
		l->tool->has_network = true;
		return;
	}
	l->p->network = network;
	said(l, s, node);
}

APPLY_SET(apply_limit)
{
	struct policy_limits *limits = l->tool ? &l->tool->limits : &l->p->limits;

	memcpy((char *)limits + s->arg, &value->number, sizeof(value->number));
	said(l, s, node);
}

APPLY_SET(apply_audit_path)
{
	if (load_path_expand(l, node, value->text, &l->p->audit_path))
		said(l, s, node);
}

APPLY_SET(apply_fsync)
{
	l->p->audit_fsync = (enum policy_fsync)value->choice;
	said(l, s, node);
}

APPLY_SET(apply_stdio)
{
	l->p->audit_stdio = value->choice == 1;
	said(l, s, node);
}

APPLY_SET(apply_record)
{
	l->p->record = (enum policy_record)value->choice;
	said(l, s, node);
}

/* --- ask, reload --- */

APPLY_SET(apply_ask_default)
{
	l->p->ask_default = value->choice == 0 ? RULE_BLOCK : RULE_ALLOW;
	said(l, s, node);
}

APPLY_BEGIN(apply_reload_begin)
{
	l->p->reload.off = false;
	said(l, s, node);
	return true;
}

APPLY_SET(apply_reload)
{
	l->p->reload.off = value->number == 0;
	said(l, s, node);
}

APPLY_SET(apply_reload_watch)
{
	l->p->reload.watch = value->number != 0;
	said(l, s, node);
}

APPLY_SET(apply_reload_revoke)
{
	l->p->reload.revoke = value->number != 0;
	said(l, s, node);
}

/* --- tools --- */

APPLY_BEGIN(apply_tool_begin)
{
	uint32_t key = yaml_at(&l->src->doc, node)->key;
	struct str name = yaml_str(&l->src->doc, key);
	struct policy *p = l->p;
	struct policy_tool tool = { .name = name.p, .where = load_where(l, key) };

	(void)s;
	if (name.n == 0 || name.n > 64 || strchr(name.p, '/') || strchr(name.p, ' ')) {
		load_error(l, key, "'%.80s' cannot be the name of a tool", name.p);
		return false;
	}
	l->cap[LIST_TOOL_PATHS] = 0;
	l->cap[LIST_TOOL_ARGV] = 0;
	for (size_t i = 0; i < p->n_tools; i++) {
		if (strcmp(p->tools[i].name, name.p) == 0) {
			p->tools[i] = tool; /* a tool is replaced as a whole */
			l->tool = &p->tools[i];
			return true;
		}
	}
	if (p->n_tools >= LOAD_TOOLS_MAX) {
		load_error(l, key, "more than %d tools", LOAD_TOOLS_MAX);
		return false;
	}
	load_append(l, LIST_TOOLS, &p->tools, &p->n_tools, &tool, sizeof(tool));
	if (l->no_memory)
		return false;
	l->tool = &p->tools[p->n_tools - 1];
	return true;
}

APPLY_BEGIN(apply_tool_kind)
{
	(void)node;
	l->tool->has_paths = true;
	if (s->arg == POLICY_FS_EXEC)
		l->tool->has_exec = true;
	return true;
}

APPLY_END(apply_tool_end)
{
	(void)s;
	(void)node;
	l->tool = NULL;
}

static void add_tool_argv(struct load *l, const struct policy_argv *argv)
{
	load_append(l, LIST_TOOL_ARGV, &l->tool->argv, &l->tool->n_argv, argv, sizeof(*argv));
}

APPLY_SET(apply_tool_argv_text)
{
	struct policy_argv argv;

	(void)s;
	(void)value;
	if (load_argv_text(l, node, &argv))
		add_tool_argv(l, &argv);
}

/* A list of words is one pattern; a list of lists is several. */
APPLY_BEGIN(apply_tool_argv_list)
{
	const struct yaml_doc *doc = &l->src->doc;
	uint32_t first = yaml_at(doc, node)->child;
	struct policy_argv argv;

	(void)s;
	if (first && yaml_at(doc, first)->kind != YAML_LIST) {
		if (load_argv_list(l, node, &argv))
			add_tool_argv(l, &argv);
		return false;
	}
	if (!first)
		load_error(l, node, "'argv' needs at least one word");
	for (uint32_t i = first; i; i = yaml_at(doc, i)->next) {
		if (yaml_at(doc, i)->kind != YAML_LIST)
			load_error(l, i, "text among lists: write each pattern as a list of words");
		else if (load_argv_list(l, i, &argv))
			add_tool_argv(l, &argv);
	}
	return false;
}
