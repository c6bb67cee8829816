/*
 * capsule run - run a command behind the wall, under a policy, with a log.
 *
 * This process becomes the supervisor. docs/RUN.md is the long form of --help.
 */
#include "audit/keys.h"
#include "base/log.h"
#include "base/own.h"
#include "cli/cli.h"
#include "sandbox/host.h"
#include "sandbox/record.h"
#include "sandbox/session.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define RUN_ARENA_MAX (64 << 20)
#define RUN_ENV_MAX 256 /* --env options */
#define RUN_DIAG_MAX (256 << 10)
#define RUN_REPORT_MAX (8 << 20)
#define ORG_FILE "/etc/capsule/policy.yaml"

extern char **environ;

struct run {
	const char *policy_file, *workspace, *tool, *log, *report, *network, *timeout;
	bool best_effort, quiet, help;
	size_t n_env;
	struct policy_env_set env[RUN_ENV_MAX];
	char **argv; /* the command */

	struct arena arena;
	struct policy *policy;
	const char *home, *config_dir, *state_dir, *cwd;
	int report_fd;
	char **envp;
	size_t env_stripped;
	const char *step; /* what failed before a session began */
	bool denied;      /* and it was the policy's word */
	struct session_result result;
	struct err err;
};

struct run_option {
	const char *name, *argument, *what;
	char letter;
};

static const struct run_option options[] = {
	{ "policy", "FILE", "policy to use: a file or preset:NAME", 'p' },
	{ "workspace", "DIR", "the project's folder; without it the current one", 'w' },
	{ "tool", "NAME", "narrow the policy to this one of its tools", 't' },
	{ "log", "FILE", "write the log there", 'l' },
	{ "best-effort", NULL, "run with the layers there are, whatever 'require' says", 'b' },
	{ "network", "none|host", "instead of the policy's", 'n' },
	{ "env", "NAME=VALUE", "set a variable in the session (repeatable)", 'e' },
	{ "timeout", "TIME", "end the session after TIME: 90s, 10m, 1h", 'T' },
	{ "report", "FILE", "write how it ended, as JSON", 'r' },
	{ "quiet", NULL, "no warnings and notices of Capsule's own", 'q' },
	{ "help", NULL, "this text", 'h' },
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static int run_help(void)
{
	puts("usage: capsule run [OPTIONS] [--] COMMAND [ARGUMENTS]\n\n"
	     "Runs COMMAND behind the wall under a policy and keeps a log of it.\n");
	for (size_t i = 0; i < N_OPTIONS; i++) {
		char left[40];

		(void)snprintf(left, sizeof(left), "--%s%s%s", options[i].name,
			       options[i].argument ? " " : "",
			       options[i].argument ? options[i].argument : "");
		printf("  %-22s %s\n", left, options[i].what);
	}
	puts("\nExit status: the command's own; 128+N when signal N ended it; 125 when Capsule "
	     "failed "
	     "or\nthe policy refused; 126 COMMAND cannot be executed; 127 it is not there; 2 "
	     "usage.");
	return 0;
}

static int run_usage(const char *text, const char *what)
{
	log_say(LOG_ERROR, "run: %s%s%s; 'capsule run --help' says more", text, what ? " " : "",
		what ? what : "");
	return CLI_USAGE;
}

/* ---- the command line */

static int parse_env(struct run *run, const char *text)
{
	const char *eq = strchr(text, '=');
	char *name;

	if (!eq || eq == text)
		return run_usage("--env wants NAME=VALUE, not", text);
	if (run->n_env == RUN_ENV_MAX)
		return run_usage("too many --env", NULL);
	name = arena_strdup(&run->arena, (struct str){ .p = text, .n = (size_t)(eq - text) });
	if (!name)
		return CLI_FAILED;
	run->env[run->n_env++] = (struct policy_env_set){ .name = name, .value = eq + 1 };
	return 0;
}

static int parse_option(struct run *run, int letter, const char *value)
{
	const struct {
		char letter;
		const char **text;
		bool *flag;
	} targets[] = {
		{ 'p', &run->policy_file, NULL }, { 'w', &run->workspace, NULL },
		{ 't', &run->tool, NULL },        { 'l', &run->log, NULL },
		{ 'n', &run->network, NULL },     { 'T', &run->timeout, NULL },
		{ 'r', &run->report, NULL },      { 'b', NULL, &run->best_effort },
		{ 'q', NULL, &run->quiet },       { 'h', NULL, &run->help },
	};

	if (letter == 'e')
		return parse_env(run, value);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		if (targets[i].letter != letter)
			continue;
		if (targets[i].flag)
			*targets[i].flag = true;
		else
			*targets[i].text = value;
		return 0;
	}
	return CLI_USAGE; /* getopt has said why */
}

static int parse_args(struct run *run, int argc, char **argv)
{
	struct option longs[N_OPTIONS + 1] = { 0 };
	char *own_name = argv[0];
	int letter, r = 0;

	for (size_t i = 0; i < N_OPTIONS; i++) {
		longs[i] = (struct option){ .name = options[i].name,
					    .has_arg = options[i].argument ? required_argument
									   : no_argument,
					    .val = options[i].letter };
	}
	argv[0] = (char *)(uintptr_t) "capsule run"; /* as getopt's messages name it */
	while (r == 0 && (letter = getopt_long(argc, argv, "+h", longs, NULL)) != -1)
		r = parse_option(run, letter, optarg);
	argv[0] = own_name;
	if (r || run->help)
		return r;
	if (optind >= argc)
		return run_usage("no command", NULL);
	if (!argv[optind][0])
		return run_usage("the command is empty", NULL);
	run->argv = argv + optind;
	return 0;
}

/* "90s", "1.5h", "250ms"; a bare number is seconds. */
static int parse_time(const char *text, uint64_t *ret_ms)
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

/* ---- where things are */

/* A descriptor 0, 1 or 2 that is closed stays useless, but no other file may get its number. */
static void fds_fill(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
	}
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
		return err_text(
			&run->err, EPERM,
			"'%s' as the workspace would make part of the system writable: change "
			"into a project's folder, or say --workspace '%s'",
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

static int load_policy(struct run *run)
{
	AUTO(buf_done) struct buf diag = BUF_INIT(RUN_DIAG_MAX);
	const char *tmp = getenv("TMPDIR"), *config = getenv("XDG_CONFIG_HOME");
	struct policy_vars vars = { .workspace = run->workspace,
				    .home = run->home,
				    .tmp = tmp && tmp[0] == '/' ? tmp : "/tmp",
				    .config = config && config[0] == '/' ? config : NULL };
	int r = policy_load(run->policy_file, &vars, &run->policy, &diag, &run->err);

	if (diag.n && (r < 0 || !run->quiet))
		log_lines(buf_str(&diag));
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
	(void)parse_time(run->timeout, &ms); /* checked before */
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
	set = arena_array(&run->arena, policy->n_env_set + run->n_env, struct policy_env_set);
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

/* A grant of the session's own /tmp or home says what may be done there: the host's is not seen. */
static bool is_private(const struct policy *policy, const char *path)
{
	return (policy->private_tmp && policy->tmp && strcmp(path, policy->tmp) == 0) ||
	       (policy->private_home && policy->home && strcmp(path, policy->home) == 0);
}

/* Does the session see @dir, and may it write there? By the policy's grants alone. */
static const struct policy_path *granted(const struct policy *policy, const char *dir,
					 bool writable)
{
	for (size_t i = 0; i < policy->n_paths; i++) {
		const struct policy_path *p = &policy->paths[i];
		char real[PATH_MAX];

		if (p->kind > POLICY_FS_EXEC || (writable && p->kind != POLICY_FS_WRITE) ||
		    is_private(policy, p->path))
			continue;
		if (path_is_within(dir, realpath(p->path, real) ? real : p->path))
			return p;
	}
	return NULL;
}

/*
 * Capsule's own keys and logs are nobody's in a session. Where a grant covers them (a readable
 * home folder), they are denied within it, whatever the policy says.
 */
static int deny_own(struct run *run, const char *dir)
{
	struct policy *policy = run->policy;
	const char *real;
	struct policy_path *paths;
	int r = dir_make(dir, &run->err); /* what is not there cannot be covered */

	if (r < 0)
		return r;
	real = real_path(&run->arena, dir);
	if (!real)
		return err_set(&run->err, errno, "cannot resolve '%s'", dir);
	if (!granted(policy, real, false))
		return 0;
	paths = arena_array(&run->arena, policy->n_paths + 1, struct policy_path);
	if (!paths)
		return err_set(&run->err, ENOMEM, "policy");
	for (size_t i = 0; i < policy->n_paths; i++)
		paths[i] = policy->paths[i];
	paths[policy->n_paths++] = (struct policy_path){ .path = real,
							 .kind = POLICY_FS_DENY,
							 .optional = true,
							 .where = { .file = "capsule run" } };
	policy->paths = paths;
	return 0;
}

/* A file that we write must not be where the session can put one of its own in its place. */
static int check_place(struct run *run, const char *what, const char *file)
{
	const char *slash = strrchr(file, '/');
	const struct policy_path *grant;
	const char *dir = ".";

	if (slash)
		dir = arena_strdup(
			&run->arena,
			str_sub(str_of(file), 0, slash == file ? 1 : (size_t)(slash - file)));
	dir = dir ? real_path(&run->arena, dir) : NULL;
	if (!dir)
		return err_set(&run->err, errno, "cannot open the folder of the %s '%s'", what,
			       file);
	grant = granted(run->policy, dir, true);
	if (grant)
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

static int deny_keys(struct run *run)
{
	return deny_own(run, run->config_dir);
}

static int deny_state(struct run *run)
{
	return deny_own(run, run->state_dir);
}

static const struct {
	const char *step;
	int (*run)(struct run *run);
} steps[] = {
	{ "report", open_report },
	{ "places", find_places },
	{ "policy", load_policy },
	{ "command", check_command },
	{ "options", apply_best_effort },
	{ "options", apply_network },
	{ "options", apply_timeout },
	{ "options", apply_env },
	{ "environment", make_env },
	{ "log", check_log },
	{ "report", check_report },
	{ "log", deny_keys },
	{ "log", deny_state },
};

/* ---- the session */

/* Values that must not reach the log: what the policy names, and whatever looks like a secret. */
static const char *const *secrets(struct run *run, size_t *ret_n)
{
	const struct policy *policy = run->policy;
	const char **values;
	size_t n = 0, given = 0;

	while (environ[given])
		given++;
	values = arena_array(&run->arena, given + run->n_env + 1, const char *);
	if (!values)
		return NULL;
	for (size_t i = 0; i < given + run->n_env; i++) {
		const char *entry = i < given ? environ[i] : NULL;
		const char *value = entry ? strchr(entry, '=') : run->env[i - given].value;
		char name[256];

		if (!value)
			continue;
		value += entry != NULL;
		(void)snprintf(name, sizeof(name), "%.*s",
			       entry ? (int)(value - entry) - 1 : (int)sizeof(name),
			       entry ? entry : run->env[i - given].name);
		if (policy_env_secret(name, value) ||
		    policy_name_matches(policy->redact, policy->n_redact, name))
			values[n++] = value;
	}
	*ret_n = n;
	return values;
}

/* An explicit codeset that is not UTF-8. None at all ("C") says nothing: UTF-8 it is. */
static bool locale_is_eight_bit(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *value = NULL, *dot;

	for (size_t i = 0; i < 3 && !(value && *value); i++)
		value = getenv(names[i]);
	dot = value ? strchr(value, '.') : NULL;
	return dot && strncasecmp(dot, ".utf-8", 6) != 0 && strncasecmp(dot, ".utf8", 5) != 0;
}

static int run_session(struct run *run)
{
	struct session_options session = {
		.policy = run->policy,
		.audit = { .path = run->log,
			   .config_dir = run->config_dir,
			   .state_dir = run->state_dir,
			   .fsync = run->policy->audit_fsync },
		.argv = run->argv,
		.envp = run->envp,
		.cwd = run->cwd,
		.tool = run->tool,
		.env_stripped = run->env_stripped,
		.eight_bit = locale_is_eight_bit(),
	};

	session.audit.redact = secrets(run, &session.audit.n_redact);
	if (!session.audit.redact)
		return err_set(&run->err, ENOMEM, "session");
	return session_run(&session, &run->result, &run->err);
}

/* ---- afterwards */

static void report_policy_denial(struct json_wr *w, const struct run *run)
{
	json_key(w, "denied");
	json_array(w);
	if (run->denied) {
		json_object(w);
		json_key(w, "event");
		json_strz(w, "process.exec");
		json_key(w, "object");
		json_strz(w, run->argv[0]);
		json_key(w, "layer");
		json_strz(w, "policy");
		json_key(w, "rule");
		json_strz(w, run->tool ? "tools" : "process.commands");
		json_key(w, "reason");
		json_strz(w, run->err.text);
		json_key(w, "retry");
		json_bool(w, false);
		json_end_object(w);
	}
	json_end_array(w);
}

static void report_error(struct json_wr *w, const struct run *run)
{
	const char *step = run->step ? run->step : run->result.step;

	json_key(w, "error");
	if (!step) {
		json_null(w);
		return;
	}
	json_object(w);
	json_key(w, "step");
	json_strz(w, step);
	json_key(w, "errno");
	json_u64(w, (uint64_t)run->err.code);
	json_key(w, "message");
	json_strz(w, run->err.text);
	json_end_object(w);
}

static void report_session(struct json_wr *w, const struct run *run)
{
	json_key(w, "session");
	json_strz(w, run->result.id);
	json_key(w, "log");
	json_strz(w, run->result.log[0] ? run->result.log : NULL);
	json_key(w, "policy");
	json_object(w);
	json_key(w, "name");
	json_strz(w, run->policy->name);
	json_key(w, "digest");
	json_hex(w, run->policy->digest, BLAKE3_OUT);
	json_end_object(w);
	json_key(w, "ran");
	json_bool(w, run->result.ran);
	record_end(w, &run->result);
	record_layers(w, run->result.layers);
}

static void write_report(const struct run *run)
{
	AUTO(buf_done) struct buf out = BUF_INIT(RUN_REPORT_MAX);
	struct json_wr w = json_wr_init(&out);
	size_t done = 0;

	if (run->report_fd < 0)
		return;
	json_object(&w);
	json_key(&w, "version");
	json_u64(&w, 1);
	if (run->step) {
		json_key(&w, "exit");
		json_u64(&w, CLI_FAILED);
		report_policy_denial(&w, run);
	} else {
		report_session(&w, run);
	}
	report_error(&w, run);
	json_end_object(&w);
	buf_putc(&out, '\n');
	while (!buf_error(&out) && done < out.n) {
		ssize_t n = pwrite(run->report_fd, out.p + done, out.n - done, (off_t)done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done != out.n || ftruncate(run->report_fd, (off_t)out.n) < 0)
		log_say(LOG_WARNING, "the report '%s' could not be written", run->report);
}

static int run_prepared(struct run *run)
{
	const char *notice;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].run(run) < 0) {
			run->step = steps[i].step;
			run->result.exit_status = CLI_FAILED;
			break;
		}
	}
	if (!run->step)
		(void)run_session(run);
	if (err_is_set(&run->err))
		log_say(LOG_ERROR, "%s", run->err.text);
	notice = run->step ? NULL : record_notice(&run->result);
	if (notice)
		log_say(LOG_NOTICE, "%s", notice);
	write_report(run);
	return run->result.exit_status;
}

static int check_options(const struct run *run)
{
	uint64_t ms;

	if (run->network && strcmp(run->network, "none") != 0 && strcmp(run->network, "host") != 0)
		return run_usage("--network is 'none' or 'host', not", run->network);
	if (run->timeout && parse_time(run->timeout, &ms) < 0)
		return run_usage("--timeout wants a time such as 90s or 10m, not", run->timeout);
	return 0;
}

int cli_run(int argc, char **argv)
{
	static struct run run;
	int r;

	fds_fill();
	run.report_fd = -EBADF;
	run.arena = ARENA_INIT(RUN_ARENA_MAX);
	r = parse_args(&run, argc, argv);
	if (r == 0 && run.help)
		return run_help();
	if (r == 0)
		r = check_options(&run);
	if (r)
		return r;
	if (run.quiet)
		log_level_set(LOG_ERROR);
	return run_prepared(&run); /* what it holds ends with the process */
}
