/*
 * Theory of operation
 *
 * Whose word binds whom:
 *
 *	asked for			ceiling
 *	--policy FILE or preset:NAME	the organisation's file, if there is one
 *	capsule.yaml, merely found	the user's file; else the organisation's; else preset:agent
 *	the user's file			the organisation's file, if there is one
 *	the organisation's file		none
 *	preset:agent (nothing found)	none
 *
 * Each is loaded by itself, with what it extends, into a policy of its own; the ceiling is loaded
 * first, by the same rule. Then the policy is held against the ceiling (narrow.c): a grant beyond
 * it is an error, what it denies is denied, what it limits is limited. All of it lives in one
 * arena, that of the policy which is handed out, so that positions in errors outlive the ceiling.
 */
#include "policy/load.h"
#include "base/own.h"
#include "policy/path.h"
#include "policy/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>

#define REQUIRE_DEFAULT                                                  \
	(LAYER_BIT(LAYER_CAPABILITIES) | LAYER_BIT(LAYER_NO_NEW_PRIVS) | \
	 LAYER_BIT(LAYER_SECCOMP) | LAYER_BIT(LAYER_FDS) | LAYER_BIT(LAYER_RLIMITS))

/* Room for what a preset brings, so that the arrays need not grow and be copied. */
static void make_room(struct load *l)
{
	static const struct {
		enum load_list list;
		size_t offset, count, elem;
	} rooms[] = {
#define ROOM(list, field, count) \
	{ list, offsetof(struct policy, field), count, sizeof(*((struct policy *)0)->field) }
		ROOM(LIST_PATHS, paths, 80),
		ROOM(LIST_ENV_PASS, env_pass, 56),
		ROOM(LIST_ENV_PASS_WHERE, env_pass_where, 56),
#undef ROOM
	};

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		void *room = arena_calloc(l->arena, rooms[i].count, rooms[i].elem);

		if (!room)
			return;
		memcpy((char *)l->p + rooms[i].offset, &room, sizeof(room));
		l->cap[rooms[i].list] = rooms[i].count;
	}
}

struct request {
	const char *path; /* a file, or "preset:NAME" */
	enum load_trust trust;
};

struct job {
	const struct policy_vars *vars;
	struct arena *arena;
	struct diag diag;
	struct load load;
};

static int apply_source(struct load *l, struct load_source *s, struct err *err);

/* @name as the file of @from means it: absolute, or beside that file. */
static const char *extends_path(struct load *l, const struct load_source *from, uint32_t node,
				struct str name)
{
	char mem[PATH_MAX * 2];
	struct buf raw = buf_fixed(mem, sizeof(mem));
	const char *slash, *path;

	if (name.n && strchr("/~$", name.p[0]))
		return load_path_expand(l, node, name, &path) ? path : NULL;
	slash = from->path ? strrchr(from->path, '/') : NULL;
	if (!from->path) {
		load_error(l, node,
			   "'%.200s' is relative to nothing; write preset:NAME or an absolute path",
			   name.p);
		return NULL;
	}
	if (slash)
		buf_put(&raw, from->path, (size_t)(slash - from->path) + 1);
	buf_puts(&raw, name);
	if (buf_error(&raw) || raw.n >= PATH_MAX) {
		load_error(l, node, "a path of more than %d bytes", PATH_MAX - 1);
		return NULL;
	}
	path = arena_strdup(l->arena, buf_str(&raw));
	if (!path)
		l->no_memory = true;
	return path;
}

static int extend(struct load *l, struct load_source *from, uint32_t node, struct err *err)
{
	struct str name = yaml_str(&from->doc, node);
	struct load_source *base = NULL;
	const char *path;
	int r;

	l->src = from;
	if (str_starts(name, STR("preset:"))) {
		r = load_source_preset(l, str_sub(name, 7, name.n), from, node, &base);
	} else if (l->offline) {
		load_error(l, node, "files are not followed here");
		r = -EBADMSG;
	} else if (preset_find(name)) {
		load_error(l, node, "'%s' names a file; did you mean 'preset:%s'?", name.p, name.p);
		r = -EBADMSG;
	} else {
		path = extends_path(l, from, node, name);
		r = path ? load_source_file(l, path, from->trust, from, node, &base, err)
			 : -EBADMSG;
	}
	if (r == 0 && base)
		r = apply_source(l, base, err);
	return r;
}

/* The bases first. Errors in one do not keep the others from being told. */
static int extend_all(struct load *l, struct load_source *s, struct err *err)
{
	uint32_t node = yaml_get(&s->doc, 0, "extends");
	int r = 0;

	if (!node)
		return 0;
	if (yaml_at(&s->doc, node)->kind == YAML_SCALAR)
		return yaml_at(&s->doc, node)->len ? extend(l, s, node, err) : 0;
	if (yaml_at(&s->doc, node)->kind == YAML_MAP)
		return 0; /* the walk says what is wrong with it */
	for (uint32_t i = yaml_at(&s->doc, node)->child; i; i = yaml_at(&s->doc, i)->next) {
		int one = yaml_at(&s->doc, i)->kind == YAML_SCALAR ? extend(l, s, i, err) : 0;

		if (one < 0 && r == 0)
			r = one;
	}
	return r;
}

static int apply_source(struct load *l, struct load_source *s, struct err *err)
{
	int r;

	s->busy = true;
	l->depth++;
	r = extend_all(l, s, err);
	l->depth--;
	s->busy = false;
	if (r < 0 && r != -EBADMSG && !l->diag->errors)
		return r;
	l->src = s;
	l->p->name = NULL;
	load_apply(l);
	return l->no_memory ? -ENOMEM : r;
}

static bool took_part(const struct policy *p, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(p->sources[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Those of the ceiling first: they took part too. */
static int put_sources(struct load *l, const struct load_source *first,
		       const struct policy *ceiling)
{
	struct policy *p = l->p;
	size_t n = ceiling ? ceiling->n_sources : 0;

	p->sources = arena_array(l->arena, n + l->n_sources, struct policy_source);
	if (!p->sources)
		return -ENOMEM;
	if (n)
		memcpy(p->sources, ceiling->sources, n * sizeof(*p->sources));
	/* they were opened from the one asked for down to its bases */
	for (unsigned i = l->n_sources; i-- > 0;) {
		if (took_part(p, n, l->sources[i].name))
			continue;
		p->sources[n].name = l->sources[i].name;
		memcpy(p->sources[n++].digest, l->sources[i].digest, BLAKE3_OUT);
	}
	p->n_sources = n;
	memcpy(p->digest, first->digest, BLAKE3_OUT);
	return 0;
}

static void defaults(struct policy *p, const struct policy_vars *vars)
{
	p->private_home = true;
	p->private_tmp = true;
	p->uid = -1;
	p->gid = -1;
	p->sysc_preset = POLICY_SYSC_DEFAULT;
	p->rules_default = RULE_ALLOW;
	p->ask_default = RULE_BLOCK;
	p->record = POLICY_RECORD_SECURITY;
	p->reload.watch = true;
	p->require = REQUIRE_DEFAULT;
	p->require_default = true;
	p->workspace = vars->workspace;
	p->home = vars->home;
	p->tmp = vars->tmp;
}

static void warn_useless(struct load *l)
{
	struct policy_where where = { .file = l->sources[0].name, .line = 1, .col = 1 };

	for (size_t i = 0; i < l->p->n_paths; i++) {
		if (l->p->paths[i].kind == POLICY_FS_EXEC)
			return;
	}
	diag_add(l->diag, DIAG_WARNING, where, 1,
		 "no 'exec' anywhere, so no command can start; did you mean 'extends: "
		 "preset:agent'?");
}

/* All that the loaded source says and extends, into @p; then the checks of the whole. */
static int finish(struct load *l, struct load_source *first, const struct policy *ceiling,
		  struct err *err)
{
	bool preset_alone;
	int r = apply_source(l, first, err);

	if (r < 0 && r != -EBADMSG && l->diag->errors)
		return diag_first(l->diag, -r, err);
	if (r < 0 && r != -EBADMSG)
		return err_is_set(err) ? r : err_set(err, -r, "%s", first->name);
	if (!l->p->name)
		l->p->name = first->name;
	r = put_sources(l, first, ceiling);
	if (r < 0)
		return err_set(err, -r, "%s", first->name);
	load_paths_look(l);
	/* presets are checked by the unit tests, not at every start */
	preset_alone = first->trust == TRUST_BUILTIN;
	if (!preset_alone && l->diag->errors == 0) {
		load_paths_check(l);
		load_tools_check(l);
		if (l->diag->errors == 0)
			warn_useless(l);
	}
	if (l->no_memory)
		return err_set(err, ENOMEM, "%s", first->name);
	return diag_result(l->diag, err);
}

static int load_one(struct job *job, struct policy *p, const struct request *request,
		    const struct policy *ceiling, struct err *err)
{
	struct load *l = &job->load;
	struct load_source *first = NULL;
	struct str path = str_of(request->path);
	int r;

	*l = (struct load){ .p = p, .vars = job->vars, .diag = &job->diag, .arena = job->arena };
	defaults(p, job->vars);
	make_room(l);
	if (str_starts(path, STR("preset:")))
		r = load_source_preset(l, str_sub(path, 7, path.n), NULL, 0, &first);
	else
		r = load_source_file(l, request->path, request->trust, NULL, 0, &first, err);
	if (r < 0)
		return job->diag.errors ? diag_first(&job->diag, -r, err) : r;
	return finish(l, first, ceiling, err);
}

static bool exists(const char *path)
{
	struct stat st;

	/* anything but "not there" is found, and opening it will say what is wrong */
	return lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static const char *user_file(const struct policy_vars *vars, struct arena *arena)
{
	if (vars->config)
		return arena_printf(arena, "%s/capsule/policy.yaml", vars->config);
	return vars->home ? arena_printf(arena, "%s/.config/capsule/policy.yaml", vars->home)
			  : NULL;
}

/*
 * What is to be loaded, the ceiling of each before it: at most organisation, user, project.
 * Returns how many.
 */
static size_t plan(const char *path, const struct policy_vars *vars, struct arena *arena,
		   struct request plan[3])
{
	const char *org = vars->org_file ? vars->org_file : "/etc/capsule/policy.yaml";
	const char *user = user_file(vars, arena);
	const char *project =
		vars->workspace ? arena_printf(arena, "%s/capsule.yaml", vars->workspace) : NULL;
	size_t n = 0;

	if (exists(org))
		plan[n++] = (struct request){ org, TRUST_ORG };
	if (path) {
		plan[n++] = (struct request){ path, TRUST_USER };
		return n;
	}
	if (user && exists(user))
		plan[n++] = (struct request){ user, TRUST_USER };
	if (n == 0)
		plan[n++] = (struct request){ "preset:agent", TRUST_BUILTIN };
	if (project && exists(project))
		plan[n++] = (struct request){ project, TRUST_PROJECT };
	return n;
}

static int set_effective(struct policy *p)
{
	AUTO(buf_done) struct buf text = BUF_INIT(16U << 20);

	policy_show(p, false, &text);
	if (buf_error(&text))
		return buf_error(&text);
	blake3(text.p, text.n, p->effective);
	return 0;
}

static int copy_vars(struct policy_vars *vars, struct arena *arena, const struct policy_vars *from)
{
	const char *const all[] = { from->workspace, from->home, from->tmp, from->config,
				    from->org_file };
	const char **to[] = { &vars->workspace, &vars->home, &vars->tmp, &vars->config,
			      &vars->org_file };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		*to[i] = all[i] ? arena_strdup(arena, str_of(all[i])) : NULL;
		if (all[i] && !*to[i])
			return -ENOMEM;
	}
	vars->rules = from->rules;
	return 0;
}

static struct policy *policy_new(void)
{
	struct policy *p = calloc(1, sizeof(*p));

	if (p)
		p->arena = ARENA_INIT(LOAD_ARENA_MAX);
	return p;
}

int policy_load(const char *path, const struct policy_vars *vars, struct policy **ret_policy,
		struct buf *diag, struct err *err)
{
	return policy_load_told(path, vars, NULL, NULL, ret_policy, diag, err);
}

int policy_load_told(const char *path, const struct policy_vars *vars_, policy_told *told,
		     void *ctx, struct policy **ret_policy, struct buf *diag, struct err *err)
{
	AUTO(policy_freep) struct policy *p = policy_new();
	struct policy *ceiling = NULL;
	struct policy_vars vars;
	struct request steps[3];
	struct job job = { .diag = { .out = diag, .told = told, .ctx = ctx } };
	size_t n;
	int r = 0;

	if (!p || copy_vars(&vars, &p->arena, vars_) < 0)
		return err_set(err, ENOMEM, "policy");
	job.vars = &vars;
	job.arena = &p->arena;
	n = plan(path, &vars, job.arena, steps);
	for (size_t i = 0; i < n && r == 0; i++) {
		struct policy *to = i + 1 == n ? p : arena_new(&p->arena, struct policy);

		if (!to)
			return err_set(err, ENOMEM, "policy");
		r = load_one(&job, to, &steps[i], ceiling, err);
		if (r == 0 && ceiling) {
			load_narrow(&job.load, ceiling);
			r = job.load.no_memory ? err_set(err, ENOMEM, "policy")
					       : diag_result(&job.diag, err);
		}
		ceiling = to;
	}
	if (r == 0)
		r = load_grants(&job.load, err);
	if (r == 0)
		r = set_effective(p);
	if (r < 0)
		return err_is_set(err) ? r : err_set(err, -r, "policy");
	*ret_policy = take_ptr(&p);
	return 0;
}

int policy_load_text(const char *name, struct str text, const struct policy_vars *vars_,
		     struct policy **ret_policy, struct buf *diag, struct err *err)
{
	AUTO(policy_freep) struct policy *p = policy_new();
	struct job job = { .diag = { .out = diag } };
	struct load_source *first = NULL;
	struct policy_vars vars;
	char *copy;
	int r;

	if (!p || copy_vars(&vars, &p->arena, vars_) < 0)
		return err_set(err, ENOMEM, "policy");
	name = arena_strdup(&p->arena, str_of(name));
	copy = text.n <= YAML_SIZE_MAX ? arena_strdup(&p->arena, text) : NULL;
	if (!name || (!copy && text.n <= YAML_SIZE_MAX))
		return err_set(err, ENOMEM, "policy");
	if (copy)
		text.p = copy;
	job.vars = &vars;
	job.load = (struct load){
		.p = p, .vars = &vars, .diag = &job.diag, .arena = &p->arena, .offline = true
	};
	defaults(p, &vars);
	r = load_source_text(&job.load, name, text, &first);
	if (r < 0)
		return job.diag.errors ? diag_result(&job.diag, err) : err_set(err, -r, "%s", name);
	r = finish(&job.load, first, NULL, err);
	if (r == 0)
		r = set_effective(p);
	if (r < 0)
		return err_is_set(err) ? r : err_set(err, -r, "%s", name);
	*ret_policy = take_ptr(&p);
	return 0;
}

struct policy *policy_free(struct policy *policy)
{
	if (policy) {
		struct arena arena = policy->arena;

		arena_done(&arena);
		free(policy);
	}
	return NULL;
}

void policy_freep(struct policy **policy)
{
	*policy = policy_free(*policy);
}
