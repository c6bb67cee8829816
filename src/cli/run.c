/*
 * capsule run - run a command behind the wall, under a policy, with a log.
 *
 * This process becomes the supervisor. docs/RUN.md is the long form of --help.
 */
#include "cli/run.h"
#include "base/log.h"
#include "sandbox/record.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>

#define RUN_ARENA_MAX (64 << 20)

extern char **environ;

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
	{ "no-prompt", NULL, "ask nobody at this terminal; 'capsule asks' still can", 'P' },
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
		{ 'q', NULL, &run->quiet },       { 'P', NULL, &run->no_prompt },
		{ 'h', NULL, &run->help },
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

/* A descriptor 0, 1 or 2 that is closed stays useless, but no other file may get its number. */
void run_fds_fill(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
	}
}

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
		if (strlen(value) < AUDIT_REDACT_MIN)
			continue;
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

static void run_notice(const char *text)
{
	log_say(LOG_WARNING, "%s", text);
}

static int load_again(void *ctx, struct policy **ret_policy, struct err *err)
{
	return run_policy_again(ctx, ret_policy, err);
}

static void told(void *ctx, const char *line)
{
	const struct run *run = ctx;

	if (!run->quiet)
		log_say(LOG_NOTICE, "%s", line);
}

int run_session(struct run *run)
{
	struct session_options session = {
		.policy = run->policy,
		.audit = { .path = run->log,
			   .config_dir = run->config_dir,
			   .state_dir = run->state_dir,
			   .fsync = run->policy->audit_fsync,
			   .publish_later = true },
		.argv = run->argv,
		.envp = run->envp,
		.cwd = run->cwd,
		.tool = run->tool,
		.env_stripped = run->env_stripped,
		.eight_bit = locale_is_eight_bit(),
		.notice = run_notice,
		.load_again = load_again,
		.told = told,
		.ctx = run,
		.no_prompt = run->no_prompt,
		.changes_dir = run->changes_dir ? run->changes_dir : run->state_dir,
	};

	session.audit.redact = secrets(run, &session.audit.n_redact);
	if (!session.audit.redact)
		return err_set(&run->err, ENOMEM, "session");
	return session_run(&session, &run->result, &run->err);
}

/*
 * What no rule could hold back: a protected name that was not there. Said by name, because the next
 * program that is run outside may obey it.
 */
static void made_notice(const struct made *made)
{
	for (size_t i = 0; i < made->n && i < MADE_MAX; i++) {
		const struct policy_path *path = made->paths[i];

		log_say(LOG_WARNING,
			"'%s' was made during the session; %s:%u protects that name, but could not "
			"before it was there. Look at it before you run anything there",
			path->path, path->where.file, path->where.line);
	}
}

/* What an overlaid run left aside, and how to look at it. */
static void changes_notice(const struct session_result *result)
{
	const struct session_changes *c = &result->changes;
	size_t all = 0;

	if (!c->kept)
		return;
	for (int i = 0; i < CHANGE_N; i++)
		all += c->count[i];
	if (!c->counted)
		log_say(LOG_NOTICE,
			"changes wait, nothing of them is on the host; "
			"'capsule changes list %.8s' shows them",
			result->id);
	else
		log_say(LOG_NOTICE,
			"%zu change%s wait%s (%zu created, %zu changed, %zu deleted, %zu renamed), "
			"nothing of them is on the host; 'capsule changes list %.8s' shows them",
			all, all == 1 ? "" : "s", all == 1 ? "s" : "", c->count[CHANGE_CREATED],
			c->count[CHANGE_CHANGED], c->count[CHANGE_DELETED],
			c->count[CHANGE_RENAMED], result->id);
}

static void denials_notice(const struct run *run)
{
	const struct session_result *result = &run->result;
	char session[9];

	if (!result->denials)
		return;
	(void)snprintf(session, sizeof(session), "%.8s", result->id);
	log_say(LOG_NOTICE, "%llu call%s %s denied: 'capsule why --last-denied %s' says why",
		(unsigned long long)result->denials, result->denials == 1 ? "" : "s",
		result->denials == 1 ? "was" : "were", run->log ? result->log : session);
}

static int run_prepared(struct run *run)
{
	const char *notice;

	if (run_prepare(run) < 0)
		run->result.exit_status = CLI_FAILED;
	else
		(void)run_session(run);
	if (err_is_set(&run->err) && !run->told)
		log_say(LOG_ERROR, "%s", run->err.text);
	notice = run->step ? NULL : record_notice(&run->result);
	if (notice)
		log_say(LOG_NOTICE, "%s", notice);
	denials_notice(run);
	made_notice(&run->result.made);
	changes_notice(&run->result);
	run_report(run);
	return run->result.exit_status;
}

static int check_options(const struct run *run)
{
	uint64_t ms;

	if (run->network && strcmp(run->network, "none") != 0 && strcmp(run->network, "host") != 0)
		return run_usage("--network is 'none' or 'host', not", run->network);
	if (run->timeout && run_parse_time(run->timeout, &ms) < 0)
		return run_usage("--timeout wants a time such as 90s or 10m, not", run->timeout);
	return 0;
}

int cli_run(int argc, char **argv)
{
	static struct run run;
	int r;

	run_fds_fill();
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
