/*
 * capsule rules - check, list, try, test and measure rules. One file for each group of sub-verbs.
 */
#include "cli/rules.h"

#include "base/own.h"
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))
#define ARENA_MAX (512U << 20)
#define DIAG_MAX (1U << 20)

static const struct rules_sub subs[] = {
	{ "check", "[FILE...]", "say what is wrong with packs, policies and expressions", 0,
	  RULES_FILES_MAX, rules_check, "",
	  "FILE is a rule pack (.toml, .json, .yaml), a policy, or one expression (.cel)." },
	{ "list", "[FILE...]", "the rules in the order in which they are heard", 0, RULES_FILES_MAX,
	  rules_list, "a", NULL },
	{ "eval", "EXPR", "evaluate an expression, over an event if one is given", 1, 1, rules_eval,
	  "e", "EXPR as a CEL expression, or @FILE." },
	{ "test", "[FILE...]", "run the tests beside a policy, and report what they cover", 0, 64,
	  rules_test, "ac", "FILE is a file of tests; without one, capsule.test.yaml." },
	{ "backtest", "FILE...", "put recorded events to rules: what matches, what differs", 1, 64,
	  rules_backtest, "fa",
	  "FILE holds an event a line: a capsule.log, Capsem policy contexts, or bare events." },
	{ "explain", "", "why an event gets its decision, rule by rule", 0, 0, rules_explain, "ea",
	  NULL },
	{ "bench", "FILE...", "decisions per second over recorded events", 1, 64, rules_bench, "s",
	  NULL },
};

struct option_text {
	struct option option;
	const char *text;
};

static const struct option_text options[] = {
	{ { "rules", required_argument, NULL, 'R' },
	  "  --rules FILE     the rules of a pack, or those under rules: of a policy; several "
	  "times" },
	{ { "policy", required_argument, NULL, 'p' },
	  "  --policy FILE    a whole policy (or preset:NAME), its filesystem, network and process "
	  "too" },
	{ { "workspace", required_argument, NULL, 'w' },
	  "  --workspace DIR  what ${workspace} means; the default is the current folder" },
	{ { "event", required_argument, NULL, 'e' },
	  "  --event FILE     the event, as JSON or YAML; - for standard input" },
	{ { "format", required_argument, NULL, 'f' },
	  "  --format FORMAT  text, json, or capsem: capsem.enforcement-backtest.v1" },
	{ { "all", no_argument, NULL, 'a' },
	  "  --all            also the rules made from filesystem, network and process; also what "
	  "passed" },
	{ { "coverage", required_argument, NULL, 'c' },
	  "  --coverage N     fail when fewer than N percent of the rules were seen to match" },
	{ { "seconds", required_argument, NULL, 's' },
	  "  --seconds N      how long to measure; the default is 2" },
	{ { "json", no_argument, NULL, 'j' }, "  --json           data instead of text" },
	{ { "help", no_argument, NULL, 'h' }, "  --help           this text" },
};

static bool takes(const struct rules_sub *sub, int letter)
{
	return !sub || strchr("pwRhj", letter) || strchr(sub->options, letter);
}

static int usage(const struct rules_sub *sub, FILE *to, int status)
{
	if (!sub) {
		fputs("usage: capsule rules VERB [OPTIONS] [ARGUMENTS]\n\n", to);
		for (size_t i = 0; i < N_OF(subs); i++)
			fprintf(to, "  %-9s %-10s %s\n", subs[i].name, subs[i].args, subs[i].what);
		fputc('\n', to);
	} else {
		fprintf(to, "usage: capsule rules %s [OPTIONS] %s\n\n%s%s%s\n\n", sub->name,
			sub->args, sub->what, sub->more ? "\n" : "", sub->more ? sub->more : "");
	}
	for (size_t i = 0; i < N_OF(options); i++) {
		if (takes(sub, options[i].option.val))
			fprintf(to, "%s\n", options[i].text);
	}
	fputs("\nWithout --rules and --policy they are those of the policy that counts here.\n"
	      "Exit status: 0; 1 for mistakes, failed tests, failed evaluations; 2 for a command\n"
	      "line that makes no sense.\n",
	      to);
	return status;
}

static const struct rules_sub *sub_find(const char *name)
{
	const char *names[N_OF(subs)], *near;
	AUTO(buf_done) struct buf safe = BUF_INIT(1 << 20);

	for (size_t i = 0; i < N_OF(subs); i++) {
		if (strcmp(name, subs[i].name) == 0)
			return &subs[i];
		names[i] = subs[i].name;
	}
	near = str_nearest(str_of(name), names, N_OF(subs));
	rules_put_safe(str_of(name), &safe);
	fprintf(stderr, "capsule rules: unknown verb '%s'%s%s%s\n", buf_cstr(&safe),
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return NULL;
}

static bool add_file(struct rules_job *job, const char *file)
{
	if (job->n_files == RULES_FILES_MAX) {
		fprintf(stderr, "capsule rules: more than %d files of rules\n", RULES_FILES_MAX);
		return false;
	}
	job->files[job->n_files++] = file;
	return true;
}

/* < 0: go on; else leave with that status. */
static int take_option(struct rules_job *job, int letter)
{
	switch (letter) {
	case 'R': return add_file(job, optarg) ? -1 : CLI_USAGE;
	case 'p': job->policy = optarg; return -1;
	case 'w': job->workspace = optarg; return -1;
	case 'e': job->event = optarg; return -1;
	case 'f': job->format = optarg; return -1;
	case 'c': job->coverage = optarg; return -1;
	case 's': job->seconds = optarg; return -1;
	case 'a': job->all = true; return -1;
	case 'j': job->json = true; return -1;
	case 'h': return usage(job->sub, stdout, 0);
	default: return usage(job->sub, stderr, CLI_USAGE);
	}
}

/* < 0: go on; else leave with that status. @argv[0] is the sub-verb. */
static int parse(struct rules_job *job, int argc, char **argv)
{
	struct option list[N_OF(options) + 1] = { 0 };
	int c, status = -1;

	for (size_t i = 0; i < N_OF(options); i++)
		list[i] = options[i].option;
	optind = 1;
	while (status < 0 && (c = getopt_long(argc, argv, "", list, NULL)) != -1) {
		if (c != '?' && !takes(job->sub, c)) {
			fprintf(stderr, "capsule rules %s: %s does not take that option\n",
				job->sub->name, job->sub->name);
			return CLI_USAGE;
		}
		status = take_option(job, c);
	}
	if (status >= 0)
		return status;
	job->args = argv + optind;
	job->n_args = argc - optind;
	if (job->n_args < job->sub->min_args || job->n_args > job->sub->max_args) {
		fprintf(stderr, "usage: capsule rules %s [OPTIONS] %s\n", job->sub->name,
			job->sub->args);
		return CLI_USAGE;
	}
	return -1;
}

void rules_job_init(struct rules_job *job, const struct rules_job *outer)
{
	if (outer) {
		job->sub = outer->sub;
		memcpy(job->files, outer->files, sizeof(job->files));
		job->n_files = outer->n_files;
		job->policy = outer->policy;
		job->json = outer->json;
		job->all = outer->all;
		job->vars = outer->vars; /* its strings are the outer one's */
	}
	job->arena = ARENA_INIT(ARENA_MAX);
	job->out = BUF_INIT(RULES_OUT_MAX);
	job->diag_text = BUF_INIT(DIAG_MAX);
	job->diag.out = &job->diag_text;
}

void rules_job_done(struct rules_job *job)
{
	for (size_t i = 0; i < job->n_sources; i++) {
		pack_free(job->sources[i].pack);
		rule_pack_free(job->sources[i].ours);
		policy_freep(&job->sources[i].policy);
	}
	buf_done(&job->diag_text);
	buf_done(&job->out);
	arena_done(&job->arena);
}

int cli_rules(int argc, char **argv)
{
	AUTO(freep) struct rules_job *job = calloc(1, sizeof(*job));
	int status;

	if (!job)
		return CLI_FAILED;
	if (argc < 2)
		return usage(NULL, stderr, CLI_USAGE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(NULL, stdout, 0);
	job->sub = sub_find(argv[1]);
	if (!job->sub)
		return CLI_USAGE;
	rules_job_init(job, NULL);
	status = parse(job, argc - 1, argv + 1);
	if (status < 0) {
		status = cli_policy_vars("rules", job->workspace, job->workspace_mem, &job->vars);
		job->vars.rules = true;
		if (status == 0)
			status = job->sub->run(job);
	}
	rules_job_done(job);
	return status;
}
