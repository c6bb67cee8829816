/*
 * Tools and commands: narrowing a policy to one tool call, and what a run may start.
 */
#include "base/own.h"
#include "policy/argv.h"
#include "policy/load.h"
#include "policy/path.h"

#include <errno.h>
#include <string.h>

/* Could a session that has @policy's write grants change what lies at @path? */
static bool writable(const struct policy *policy, const char *path)
{
	for (size_t i = 0; i < policy->n_paths; i++) {
		const struct policy_path *w = &policy->paths[i];

		if (w->kind == POLICY_FS_WRITE &&
		    (path_within(path, w->path) || path_within(w->path, path)))
			return true;
	}
	return false;
}

static void check_tool_path(struct load *l, const struct policy_tool *tool,
			    const struct policy_path *path)
{
	if (path_covered(l->p, l->p->paths, l->p->n_paths, path->path, path->kind))
		return;
	diag_add(l->diag, DIAG_ERROR, path->where, 1,
		 "tool '%s' may only tighten: the policy does not grant %s '%.300s'", tool->name,
		 path_kind_name(path->kind), path->path);
}

/*
 * A tool that names paths names its reads and writes; programs stay executable from where the
 * policy has them, except from what a session may write, unless `exec` says otherwise.
 */
static size_t find_programs(struct load *l, struct policy_path *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < l->p->n_paths; i++) {
		const struct policy_path *path = &l->p->paths[i];

		if (path->kind == POLICY_FS_EXEC && !writable(l->p, path->path))
			ret[n++] = *path;
	}
	return n;
}

static void complete_tool(struct load *l, struct policy_tool *tool,
			  const struct policy_path *programs, size_t n)
{
	l->cap[LIST_TOOL_PATHS] = tool->n_paths; /* full: the next append moves it */
	for (size_t i = 0; i < n; i++)
		load_append(l, LIST_TOOL_PATHS, &tool->paths, &tool->n_paths, &programs[i],
			    sizeof(programs[i]));
}

void load_tools_check(struct load *l)
{
	struct policy *p = l->p;
	struct policy_path *programs;
	size_t n;

	if (p->n_tools == 0)
		return;
	programs = arena_array(l->arena, p->n_paths + 1, struct policy_path);
	if (!programs) {
		l->no_memory = true;
		return;
	}
	n = find_programs(l, programs);
	for (size_t i = 0; i < p->n_tools && !diag_full(l->diag) && !l->no_memory; i++) {
		struct policy_tool *tool = &p->tools[i];

		for (size_t j = 0; j < tool->n_paths; j++)
			check_tool_path(l, tool, &tool->paths[j]);
		if (tool->has_network && tool->network > p->network)
			diag_add(l->diag, DIAG_ERROR, tool->where, 1,
				 "tool '%s' may only tighten: the policy has no network",
				 tool->name);
		if (tool->has_paths && !tool->has_exec)
			complete_tool(l, tool, programs, n);
	}
}

static void limit_min(uint64_t *limit, uint64_t other)
{
	if (other && (*limit == 0 || other < *limit))
		*limit = other;
}

void policy_limits_tighten(struct policy_limits *limits, const struct policy_limits *other)
{
	limit_min(&limits->memory, other->memory);
	limit_min(&limits->cpu_milli, other->cpu_milli);
	limit_min(&limits->pids, other->pids);
	limit_min(&limits->open_files, other->open_files);
	limit_min(&limits->file_size, other->file_size);
	limit_min(&limits->disk, other->disk);
	limit_min(&limits->output, other->output);
	limit_min(&limits->wall_ms, other->wall_ms);
}

static const struct policy_tool *tool_find(const struct policy *policy, const char *name,
					   struct err *err)
{
	const char *names[256], *near;
	size_t n = 0;

	for (size_t i = 0; i < policy->n_tools; i++) {
		if (strcmp(policy->tools[i].name, name) == 0)
			return &policy->tools[i];
		if (n < sizeof(names) / sizeof(names[0]))
			names[n++] = policy->tools[i].name;
	}
	near = str_nearest(str_of(name), names, n);
	err_text(err, ENOENT, "the policy has no tool '%s'%s%s%s", name,
		 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return NULL;
}

static int tool_argv_check(const struct policy_tool *tool, char *const argv[], struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_INIT(512);

	for (size_t i = 0; i < tool->n_argv; i++) {
		if (argv_matches(&tool->argv[i], argv, false) == ARGV_YES)
			return 0;
	}
	argv_put(&text, &tool->argv[0]);
	return err_at(err, EACCES, tool->where.file, tool->where.line, tool->where.col,
		      "the command is not what tool '%s' allows: %s%s", tool->name, buf_cstr(&text),
		      tool->n_argv > 1 ? ", ..." : "");
}

/* The tool's grants, then what the policy takes away from them. */
static int replace_paths(struct policy *policy, const struct policy_tool *tool)
{
	struct policy_path *paths;
	size_t n = tool->n_paths;

	paths = arena_array(&policy->arena, n + policy->n_paths, struct policy_path);
	if (!paths)
		return -ENOMEM;
	if (n)
		memcpy(paths, tool->paths, n * sizeof(*paths));
	for (size_t i = 0; i < policy->n_paths; i++) {
		const struct policy_path *path = &policy->paths[i];

		if (!path_kind_grants(path->kind) &&
		    (path->glob || path_covered(NULL, tool->paths, tool->n_paths, path->path,
						path->kind == POLICY_FS_READONLY ? POLICY_FS_WRITE
										 : POLICY_FS_READ)))
			paths[n++] = *path;
	}
	policy->paths = paths;
	policy->n_paths = n;
	return 0;
}

int policy_select_tool(struct policy *policy, const char *name, char *const argv[], struct err *err)
{
	const struct policy_tool *tool = tool_find(policy, name, err);
	int r;

	if (!tool)
		return -ENOENT;
	r = tool_argv_check(tool, argv, err);
	if (r < 0)
		return r;
	if (tool->has_paths) {
		r = replace_paths(policy, tool);
		if (r < 0)
			return err_set(err, -r, "tool '%s'", name);
	}
	if (tool->has_network && tool->network < policy->network)
		policy->network = tool->network;
	policy_limits_tighten(&policy->limits, &tool->limits);
	return 0;
}

int policy_check_command(const struct policy *policy, char *const argv[], struct err *err)
{
	bool allowed = policy->n_commands_allow == 0;
	struct policy_where at;

	for (size_t i = 0; i < policy->n_commands_deny; i++) {
		at = policy->commands_deny[i].where;
		/* too long to be judged: then it is not let through */
		if (argv_matches(&policy->commands_deny[i], argv, true) != ARGV_NO)
			return err_at(err, EACCES, at.file, at.line, at.col,
				      "the policy denies this command");
	}
	for (size_t i = 0; i < policy->n_commands_allow && !allowed; i++)
		allowed = argv_matches(&policy->commands_allow[i], argv, false) == ARGV_YES;
	if (allowed)
		return 0;
	at = policy->commands_allow[0].where;
	return err_at(err, EACCES, at.file, at.line, at.col,
		      "the command is none of those that the policy allows");
}
