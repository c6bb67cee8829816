/*
 * run_prepare - everything `capsule run` does before a session begins: a table of steps.
 */
#include "audit/keys.h"
#include "base/log.h"
#include "base/own.h"
#include "cli/run.h"
#include "sandbox/host.h"

#include <fcntl.h>
#include <sys/stat.h>

#define RUN_DIAG_MAX (256 << 10)
#define RUN_AGAIN_MAX (16 << 20) /* of what a reload needs while it loads */
#define ORG_FILE "/etc/capsule/policy.yaml"

extern char **environ;

int run_parse_time(const char *text, uint64_t *ret_ms)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = { { "", 1e3 }, { "ms", 1 }, { "s", 1e3 }, { "m", 6e4 }, { "h", 3.6e6 } };
	char *end;
	double value;

	if (!((text[0] >= '0' && text[0] <= '9') || text[0] == '.'))
		return -EINVAL;
	value = strtod(text, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		value *= units[i].ms;
		if (!(value >= 1 && value < 1e13))
			return -ERANGE;
		*ret_ms = (uint64_t)value;
		return 0;
	}
	return -EINVAL;
}

static bool path_is_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strcmp(dir, "/") == 0)
		return true;
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static const char *real_path(struct arena *arena, const char *path)
{
	char real[PATH_MAX];

	return realpath(path, real) ? arena_strdup(arena, str_of(real)) : NULL;
}

/* Is @dir one of the system's own folders? Some have nothing below them that is a project. */
static bool system_dir(const char *dir)
{
	static const char *const whole[] = { "/bin",  "/boot",  "/dev",   "/etc",
					     "/lib",  "/lib32", "/lib64", "/libx32",
					     "/proc", "/run",   "/sbin",  "/sys" };
	static const char *const itself[] = { "/home",    "/media",     "/mnt",      "/opt",
					      "/srv",     "/tmp",       "/usr",      "/usr/bin",
					      "/usr/lib", "/usr/local", "/usr/sbin", "/usr/share",
					      "/var",     "/var/lib",   "/var/tmp" };

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		if (path_is_within(dir, whole[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(itself) / sizeof(itself[0]); i++) {
		if (strcmp(dir, itself[i]) == 0)
			return true;
	}
	return false;
}

/*
 * A workspace that nobody named must not be everything: neither / nor the system's folders, nor
 * the home folder nor what is above it. Said with --workspace it is the user's own word.
 */
static int find_workspace(struct run *run)
{
	const char *home = real_path(&run->arena, run->home);
	const char *dir = real_path(&run->arena, run->workspace ? run->workspace : ".");
	const char *cwd = real_path(&run->arena, ".");

	if (!dir)
		return err_set(&run->err, errno, "workspace '%s'",
			       run->workspace ? run->workspace : ".");
	if (!run->workspace && system_dir(dir))
		return err_text(&run->err, EPERM,
				"'%s' as the workspace would make part of the system writable: "
				"change into a project's folder, or say --workspace '%s'",
				dir, dir);
	if (!run->workspace && path_is_within(home ? home : run->home, dir))
		return err_text(&run->err, EPERM,
				"'%s' as the workspace would make the whole home folder writable: "
				"change into a project's folder, or say --workspace '%s'",
				dir, dir);
	run->workspace = dir;
	run->cwd = cwd && path_is_within(cwd, dir) ? cwd : dir;
	return 0;
}

static int find_places(struct run *run)
{
	int r = host_home(&run->arena, &run->home);

	if (r < 0)
		return err_set(&run->err, -r, "no home folder: HOME is not set");
	run->config_dir = host_config_dir(&run->arena, run->home);
	run->state_dir = host_state_dir(&run->arena, run->home);
	if (!run->config_dir || !run->state_dir)
		return err_set(&run->err, ENOMEM, "places");
	return find_workspace(run);
}

/* ---- the policy and what the command line makes of it */

static void note_mistake(void *ctx, const struct policy_problem *problem)
{
	struct run *run = ctx;

	run->told |= !problem->warning;
}

static int load_policy(struct run *run)
{
	AUTO(buf_done) struct buf diag = BUF_INIT(RUN_DIAG_MAX);
	const char *tmp = getenv("TMPDIR"), *config = getenv("XDG_CONFIG_HOME");
	struct policy_vars vars = { .workspace = run->workspace,
				    .home = run->home,
				    .tmp = tmp && tmp[0] == '/' ? tmp : "/tmp",
				    .config = config && config[0] == '/' ? config : NULL };
	int r = policy_load_told(run->policy_file, &vars, note_mistake, run, &run->policy, &diag,
				 &run->err);

	if (diag.n && (r < 0 || !run->quiet))
		log_lines(buf_str(&diag));
	run->told &= r < 0 && run->err.file[0];
	return r;
}

/* Narrower always; wider is the user's word too, unless an organisation's file has the last one. */
static int apply_network(struct run *run)
{
	if (!run->network)
		return 0;
	if (strcmp(run->network, "none") == 0) {
		run->policy->network = POLICY_NET_NONE;
		return 0;
	}
	for (size_t i = 0; run->policy->network == POLICY_NET_NONE && i < run->policy->n_sources;
	     i++) {
		if (strcmp(run->policy->sources[i].name, ORG_FILE) == 0)
			return err_text(&run->err, EACCES, "--network host: %s allows no network",
					ORG_FILE);
	}
	run->policy->network = POLICY_NET_HOST;
	return 0;
}

static int apply_timeout(struct run *run)
{
	uint64_t *limit = &run->policy->limits.wall_ms, ms = 0;

	if (!run->timeout)
		return 0;
	(void)run_parse_time(run->timeout, &ms); /* checked before */
	if (!*limit || ms < *limit)
		*limit = ms;
	return 0;
}

/* The command line's word for a variable takes the place of the policy's. */
static void env_put(struct policy *policy, struct policy_env_set one)
{
	for (size_t i = 0; i < policy->n_env_set; i++) {
		if (strcmp(policy->env_set[i].name, one.name) == 0) {
			policy->env_set[i] = one;
			return;
		}
	}
	policy->env_set[policy->n_env_set++] = one;
}

static int apply_env(struct run *run)
{
	struct policy *policy = run->policy;
	struct policy_env_set *set;

	if (!run->n_env)
		return 0;
	set = arena_array(&policy->arena, policy->n_env_set + run->n_env, struct policy_env_set);
	if (!set)
		return err_set(&run->err, ENOMEM, "environment");
	for (size_t i = 0; i < policy->n_env_set; i++)
		set[i] = policy->env_set[i];
	policy->env_set = set;
	for (size_t i = 0; i < run->n_env; i++)
		env_put(policy, run->env[i]);
	return 0;
}

static int apply_best_effort(struct run *run)
{
	if (run->best_effort) {
		run->policy->best_effort = true;
		run->policy->require = 0;
	}
	return 0;
}

static struct run_place place_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return (struct run_place){ 0 };
	return (struct run_place){ .dev = st.st_dev, .ino = st.st_ino };
}

/*
 * A folder of ours and all that is above it, by identity: one stat() for each of the policy's paths
 * then tells whether it covers the folder, whatever links or bind mounts it is named through.
 */
struct run_chain {
	const char *path; /* real */
	size_t n;
	struct run_place above[PATH_MAX / 2];
};

static bool chain_make(struct run_chain *chain, const char *path)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	chain->path = path;
	chain->n = 0;
	if (n >= sizeof(part) || path[0] != '/')
		return false;
	memcpy(part, path, n + 1);
	for (size_t i = n; i > 0; i--) {
		if (path[i] != '/' && path[i] != '\0' && i != 1)
			continue;
		part[i] = '\0'; /* i == 1 leaves "/" */
		chain->above[chain->n] = place_of(part);
		if (chain->above[chain->n].ino)
			chain->n++;
	}
	return chain->n > 0;
}

static bool chain_covers(const struct run_chain *chain, const struct run_place *place)
{
	for (size_t i = 0; place->ino && i < chain->n; i++) {
		if (chain->above[i].dev == place->dev && chain->above[i].ino == place->ino)
			return true;
	}
	return false;
}

/* What is at each of the policy's grants: looked at once, however many folders of ours are asked for. */
static const struct run_place *granted_places(struct run *run)
{
	struct policy *policy = run->policy;

	if (run->granted)
		return run->granted;
	run->granted = arena_array(&run->arena, policy->n_paths + 1, struct run_place);
	for (size_t i = 0; run->granted && i < policy->n_paths; i++) {
		if (policy->paths[i].kind > POLICY_FS_EXEC)
			continue;
		run->granted[i] = place_of(policy->paths[i].path);
		policy->paths[i].absent = !run->granted[i].ino && errno == ENOENT;
	}
	run->n_granted = policy->n_paths; /* what we add to them is no grant */
	return run->granted;
}

/* A grant of the session's own /tmp or home says what may be done there: the host's is not seen. */
static bool is_private(const struct policy *policy, const char *path)
{
	return (policy->private_tmp && policy->tmp && strcmp(path, policy->tmp) == 0) ||
	       (policy->private_home && policy->home && strcmp(path, policy->home) == 0);
}

/* The first grant that shows @chain's folder; with @writable: through which it can be written. */
static int granted(struct run *run, const struct run_chain *chain, bool writable,
		   const struct policy_path **ret_grant)
{
	const struct policy *policy = run->policy;
	const struct run_place *places = granted_places(run);

	*ret_grant = NULL;
	if (!places)
		return err_set(&run->err, ENOMEM, "policy");
	for (size_t i = 0; i < run->n_granted; i++) {
		const struct policy_path *p = &policy->paths[i];

		if (p->kind > POLICY_FS_EXEC || (writable && p->kind != POLICY_FS_WRITE) ||
		    is_private(policy, p->path))
			continue;
		if (chain_covers(chain, &places[i])) {
			*ret_grant = p;
			break;
		}
	}
	return 0;
}

static int path_put(struct run *run, const char *path, enum policy_fs kind, bool live)
{
	struct policy *policy = run->policy;
	struct policy_path *paths =
		arena_array(&policy->arena, policy->n_paths + 1, struct policy_path);

	path = arena_strdup(&policy->arena,
			    str_of(path)); /* it may outlive @run: run_policy_again() */
	if (!paths || !path)
		return err_set(&run->err, ENOMEM, "policy");
	for (size_t i = 0; i < policy->n_paths; i++)
		paths[i] = policy->paths[i];
	paths[policy->n_paths++] = (struct policy_path){
		.path = path,
		.kind = kind,
		.optional = true,
		.live = live,
		.where = { .file = "capsule run" },
	};
	policy->paths = paths;
	return 0;
}

/*
 * Capsule's own keys and logs are nobody's in a session. Where a grant covers them (a readable
 * home folder), they are denied within it, whatever the policy says.
 */
static int deny_own(struct run *run, const struct run_chain *chain)
{
	const struct policy_path *grant;
	int r = granted(run, chain, false, &grant);

	return r == 0 && grant ? path_put(run, chain->path, POLICY_FS_DENY, false) : r;
}

/*
 * The files that this policy was read from are the next run's too: a session that may write one
 * would write its successor's policy. Editors replace files, and the mount over it goes with the old one:
 * the supervisor holds it too.
 */
static int protect_sources(struct run *run)
{
	static struct run_chain chain;
	int r = 0;

	for (size_t i = 0; r == 0 && i < run->policy->n_sources; i++) {
		const char *name = run->policy->sources[i].name;
		const struct policy_path *grant;
		const char *real;

		if (strncmp(name, "preset:", 7) == 0)
			continue;
		real = real_path(&run->arena, name);
		if (!real || !chain_make(&chain, real))
			continue;
		r = granted(run, &chain, true, &grant);
		if (r == 0 && grant)
			r = path_put(run, real, POLICY_FS_READONLY, true);
	}
	return r;
}

/* Is @dir in one of our own folders? keep_own() denies those to every session. */
static bool is_own(struct run *run, const char *dir)
{
	const char *const own[] = { run->config_dir, run->state_dir };

	for (size_t i = 0; i < 2; i++) {
		const char *real = real_path(&run->arena, own[i]);

		if (real && path_is_within(dir, real))
			return true;
	}
	return false;
}

/* A file that we write must not be where the session can put one of its own in its place. */
static int check_place(struct run *run, const char *what, const char *file)
{
	static struct run_chain chain;
	const char *slash = strrchr(file, '/');
	const struct policy_path *grant;
	const char *dir = ".";
	int r;

	if (slash)
		dir = arena_strdup(
			&run->arena,
			str_sub(str_of(file), 0, slash == file ? 1 : (size_t)(slash - file)));
	dir = dir ? real_path(&run->arena, dir) : NULL;
	if (!dir || !chain_make(&chain, dir))
		return err_set(&run->err, errno, "cannot open the folder of the %s '%s'", what,
			       file);
	if (is_own(run, dir))
		return 0;
	r = granted(run, &chain, true, &grant);
	if (r == 0 && grant)
		return err_text(&run->err, EACCES,
				"the %s '%s' would lie in '%s', which the session may write; its "
				"place must be outside",
				what, file, grant->path);
	return 0;
}

static int check_log(struct run *run)
{
	const char *log = run->log ? run->log : run->policy->audit_path;
	int r = log ? check_place(run, "log", log) : 0;

	if (r == 0 && log)
		run->log = log;
	return r;
}

static int check_report(struct run *run)
{
	return run->report ? check_place(run, "report", run->report) : 0;
}

static int check_command(struct run *run)
{
	int r = run->tool ? policy_select_tool(run->policy, run->tool, run->argv, &run->err)
			  : policy_check_command(run->policy, run->argv, &run->err);

	run->denied = r == -EACCES;
	return r;
}

static int make_env(struct run *run)
{
	run->envp = policy_environment(run->policy, &run->arena, environ, &run->env_stripped);
	return run->envp ? 0 : err_set(&run->err, ENOMEM, "environment");
}

static int open_report(struct run *run)
{
	if (!run->report)
		return 0;
	/* now, and not when the session may have put a link there */
	run->report_fd =
		open(run->report, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (run->report_fd < 0)
		return err_set(&run->err, errno, "cannot open the report '%s'", run->report);
	return 0;
}

/* A grant inside Capsule's own folders would have to be meant: it cannot be. */
static int refuse_own(struct run *run, const char *dir)
{
	for (size_t i = 0; i < run->policy->n_paths; i++) {
		const struct policy_path *p = &run->policy->paths[i];

		if (p->kind <= POLICY_FS_EXEC && path_is_within(p->path, dir))
			return err_at(&run->err, EACCES, p->where.file, p->where.line, p->where.col,
				      "'%s' is Capsule's own: no session can have it", p->path);
	}
	return 0;
}

static int keep_own(struct run *run)
{
	const char *const dirs[] = { run->config_dir, run->state_dir };
	static struct run_chain chain;
	int r = 0;

	for (size_t i = 0; r == 0 && i < 2; i++) {
		const char *real;

		r = refuse_own(run, dirs[i]);
		if (r == 0)
			r = dir_make(dirs[i], &run->err); /* what is not there cannot be covered */
		if (r < 0)
			break;
		real = real_path(&run->arena, dirs[i]);
		if (!real || !chain_make(&chain, real))
			return err_set(&run->err, errno, "cannot resolve '%s'", dirs[i]);
		r = deny_own(run, &chain);
	}
	return r;
}

static const struct {
	const char *step;
	int (*run)(struct run *run);
} steps[] = {
	{ "report", open_report },        { "places", find_places },
	{ "policy", load_policy },        { "command", check_command },
	{ "options", apply_best_effort }, { "options", apply_network },
	{ "options", apply_timeout },     { "options", apply_env },
	{ "environment", make_env },      { "log", check_log },
	{ "report", check_report },       { "log", keep_own },
	{ "policy", protect_sources },
};

/* The same steps, as far as they make a policy, in a room of its own. */
int run_policy_again(const struct run *run, struct policy **ret_policy, struct err *err)
{
	static int (*const parts[])(struct run *) = {
		find_places,   load_policy, check_command, apply_best_effort, apply_network,
		apply_timeout, apply_env,   check_log,     keep_own,          protect_sources
	};
	struct run again = { .policy_file = run->policy_file,
			     .workspace = run->workspace,
			     .tool = run->tool,
			     .log = run->log,
			     .network = run->network,
			     .timeout = run->timeout,
			     .best_effort = run->best_effort,
			     .quiet = run->quiet,
			     .n_env = run->n_env,
			     .argv = run->argv,
			     .arena = ARENA_INIT(RUN_AGAIN_MAX),
			     .report_fd = -EBADF };
	int r = 0;

	memcpy(again.env, run->env, sizeof(again.env));
	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		r = parts[i](&again);
	if (r == 0)
		*ret_policy = take_ptr(&again.policy);
	else
		*err = again.err;
	again.policy = policy_free(again.policy);
	arena_done(&again.arena);
	return r;
}

int run_prepare(struct run *run)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(steps) / sizeof(steps[0]); i++) {
		r = steps[i].run(run);
		if (r < 0)
			run->step = steps[i].step;
	}
	return r;
}
