/*
 * capsule policy - check, show, explain, compare and import policies.
 */
#include "base/buf.h"
#include "base/own.h"
#include "cli/cli.h"
#include "codec/json_wr.h"
#include "engine/engine.h"
#include "mediate/trap.h"
#include "policy/path.h"
#include "policy/report.h"
#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define OUT_MAX (16U << 20)
#define DIAG_MAX (1U << 20)
#define OLD_FILE_MAX (256U << 10)
#define MISTAKES 1 /* exit status: the policy is wrong, or two differ */

struct job {
	const struct sub *sub;
	const char *workspace;
	const char *policy;
	bool json, plain, markdown, traps;
	char **args;
	int n_args;
	char workspace_mem[PATH_MAX];
	struct policy_vars vars;
	struct buf out;
};

struct sub {
	const char *name, *args, *what;
	int min_args, max_args;
	int (*run)(struct job *job);
};

struct option_text {
	struct option option;
	const char *text;
};

static const struct option_text options[] = {
	{ { "policy", required_argument, NULL, 'p' },
	  "  --policy FILE    this policy (or preset:NAME) instead of the one found here" },
	{ { "workspace", required_argument, NULL, 'w' },
	  "  --workspace DIR  what ${workspace} means; the default is the current folder" },
	{ { "json", no_argument, NULL, 'j' }, "  --json           data instead of text" },
	{ { "plain", no_argument, NULL, 'P' },
	  "  --plain          show: without where each line comes from" },
	{ { "markdown", no_argument, NULL, 'm' }, "  --markdown       schema: as a table of keys" },
	{ { "traps", no_argument, NULL, 't' },
	  "  --traps          explain: which system calls reach the supervisor, and why" },
	{ { "help", no_argument, NULL, 'h' }, "  --help           this text" },
};

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static int fail(const char *what, const struct err *err)
{
	fprintf(stderr, "capsule policy: %s%s%s\n", what ? what : "", what ? ": " : "", err->text);
	return CLI_FAILED;
}

static int put_out(struct job *job)
{
	if (buf_error(&job->out) || fwrite(job->out.p, 1, job->out.n, stdout) != job->out.n ||
	    fflush(stdout) != 0) {
		fputs("capsule policy: cannot write the answer\n", stderr);
		return CLI_FAILED;
	}
	return 0;
}

/* --- loading --- */

static void told_json(void *ctx, const struct policy_problem *p)
{
	policy_problem_json(p, ctx);
}

/* A policy for the verbs that only report: what is wrong with it goes to stderr. */
static int load(struct job *job, const char *path, struct policy **ret)
{
	AUTO(buf_done) struct buf diag = BUF_INIT(DIAG_MAX);
	struct err err = ERR_INIT;
	int r = policy_load(path, &job->vars, ret, &diag, &err);

	if (diag.n)
		(void)fwrite(diag.p, 1, diag.n, stderr);
	if (r < 0 && diag.n == 0)
		fprintf(stderr, "capsule policy: %s\n", err.text);
	return r;
}

/* --- check --- */

static void json_summary(struct json_wr *w, const struct policy *policy)
{
	if (!policy)
		return;
	json_key(w, "name");
	json_strz(w, policy->name);
	json_key(w, "effective");
	json_hex(w, policy->effective, BLAKE3_OUT);
	json_key(w, "sources");
	json_array(w);
	for (size_t i = 0; i < policy->n_sources; i++)
		json_strz(w, policy->sources[i].name);
	json_end_array(w);
}

static int check_json(struct job *job, const char *path)
{
	AUTO(policy_freep) struct policy *policy = NULL;
	struct json_wr w = json_wr_init(&job->out);
	struct err err = ERR_INIT;
	int r;

	json_object(&w);
	json_key(&w, "problems");
	json_array(&w);
	r = policy_load_told(path, &job->vars, told_json, &w, &policy, NULL, &err);
	if (r == 0)
		r = filter_check_policy(policy, &err);
	json_end_array(&w);
	json_key(&w, "ok");
	json_bool(&w, r == 0);
	if (r < 0) {
		json_key(&w, "error");
		json_strz(&w, err.text);
	}
	json_summary(&w, policy);
	json_end_object(&w);
	buf_putc(&job->out, '\n');
	return put_out(job) ? CLI_FAILED : r < 0 ? MISTAKES : 0;
}

static int run_check(struct job *job)
{
	AUTO(policy_freep) struct policy *policy = NULL;
	const char *path = job->n_args ? job->args[0] : job->policy;
	struct err err = ERR_INIT;

	if (job->json)
		return check_json(job, path);
	if (load(job, path, &policy) < 0)
		return MISTAKES;
	if (filter_check_policy(policy, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return MISTAKES;
	}
	printf("%s: good (", policy->name);
	for (size_t i = 0; i < policy->n_sources; i++)
		printf("%s%s", i ? " <- " : "", policy->sources[i].name);
	puts(")");
	return 0;
}

/* --- show, explain --- */

static int run_show(struct job *job)
{
	AUTO(policy_freep) struct policy *policy = NULL;

	if (load(job, job->n_args ? job->args[0] : job->policy, &policy) < 0)
		return MISTAKES;
	if (job->json) {
		policy_show_json(policy, &job->out);
		buf_putc(&job->out, '\n');
		return put_out(job);
	}
	if (!job->plain) {
		buf_putz(&job->out, "# effective ");
		buf_put_hex(&job->out, policy->effective, BLAKE3_OUT);
		buf_putz(&job->out, " (BLAKE3 of --plain)\n");
	}
	policy_show(policy, !job->plain, &job->out);
	return put_out(job);
}

static int explain_one(struct job *job, const struct policy *policy, const char *path)
{
	struct policy_verdict verdict = policy_explain_path(policy, path);

	if (job->json) {
		policy_verdict_json(path, &verdict, &job->out);
		buf_putc(&job->out, '\n');
	} else {
		policy_verdict_text(policy, path, &verdict, &job->out);
	}
	return 0;
}

/* As written; and, where symlinks lead elsewhere, the place they lead to. */
static int explain_path(struct job *job, const struct policy *policy, const char *arg)
{
	char raw[PATH_MAX * 2], clean[PATH_MAX + 8], real[PATH_MAX];
	struct buf out = buf_fixed(clean, sizeof(clean));
	int n = arg[0] == '/' ? snprintf(raw, sizeof(raw), "%s", arg)
			      : snprintf(raw, sizeof(raw), "%s/%s", job->vars.workspace, arg);

	if (n < 0 || (size_t)n >= sizeof(raw) || !path_normalise(str_of(raw), &out)) {
		fprintf(stderr, "capsule policy explain: path too long\n");
		return CLI_USAGE;
	}
	explain_one(job, policy, buf_cstr(&out));
	if (!realpath(clean, real) || strcmp(real, clean) == 0)
		return 0;
	if (!job->json)
		buf_printf(&job->out, "it is, or lies behind, a symlink to\n");
	return explain_one(job, policy, real);
}

static int explain_traps(struct job *job, const struct policy *policy)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(64U << 20);
	const struct policy_rule *rules;
	struct err err = ERR_INIT;
	struct trap_plan plan;
	size_t n;

	if (engine_session_rules(policy, policy, true, &arena, &rules, &n, &err) < 0)
		return fail("explain", &err);
	trap_plan(policy, rules, n, &plan);
	if (job->json) {
		struct json_wr w = json_wr_init(&job->out);

		trap_plan_json(&plan, &w);
		buf_putc(&job->out, '\n');
	} else {
		trap_plan_print(&plan, policy, &job->out);
	}
	return 0;
}

static int run_explain(struct job *job)
{
	AUTO(policy_freep) struct policy *policy = NULL;
	int r = 0;

	if (load(job, job->policy, &policy) < 0)
		return MISTAKES;
	if (job->traps) {
		r = explain_traps(job, policy);
		return r ? r : put_out(job);
	}
	for (int i = 0; i < job->n_args && r == 0; i++)
		r = explain_path(job, policy, job->args[i]);
	if (job->n_args == 0 && job->json) {
		policy_show_json(policy, &job->out);
		buf_putc(&job->out, '\n');
	} else if (job->n_args == 0) {
		policy_explain(policy, &job->out);
	}
	return r ? r : put_out(job);
}

/* --- diff --- */

struct differ {
	struct job *job;
	struct json_wr w;
	size_t looser, tighter;
};

static const char *const direction_names[] = { "tightened", "changed", "loosened" };

static void on_change(void *ctx, const struct policy_change *c)
{
	struct differ *d = ctx;
	const char *direction = direction_names[(c->direction > 0) - (c->direction < 0) + 1];
	struct buf *out = &d->job->out;

	d->looser += c->direction > 0;
	d->tighter += c->direction < 0;
	if (!d->job->json) {
		buf_printf(out, "%-9s  %-22s %s", direction, c->key, c->text);
		if (c->where.file)
			buf_printf(out, "  (%s:%u:%u)", c->where.file, c->where.line, c->where.col);
		buf_putc(out, '\n');
		return;
	}
	json_object(&d->w);
	json_key(&d->w, "direction");
	json_strz(&d->w, direction);
	json_key(&d->w, "key");
	json_strz(&d->w, c->key);
	json_key(&d->w, "text");
	json_strz(&d->w, c->text);
	json_key(&d->w, "file");
	json_strz(&d->w, c->where.file);
	json_key(&d->w, "line");
	json_u64(&d->w, c->where.line);
	json_key(&d->w, "column");
	json_u64(&d->w, c->where.col);
	json_end_object(&d->w);
}

static int run_diff(struct job *job)
{
	AUTO(policy_freep) struct policy *a = NULL, *b = NULL;
	struct differ d = { .job = job, .w = json_wr_init(&job->out) };
	size_t n;

	/* 125, as 1 would say that they differ */
	if (load(job, job->args[0], &a) < 0 || load(job, job->args[1], &b) < 0)
		return CLI_FAILED;
	if (job->json) {
		json_object(&d.w);
		json_key(&d.w, "changes");
		json_array(&d.w);
	}
	n = policy_diff(a, b, on_change, &d);
	if (job->json) {
		json_end_array(&d.w);
		json_key(&d.w, "loosened");
		json_u64(&d.w, d.looser);
		json_key(&d.w, "tightened");
		json_u64(&d.w, d.tighter);
		json_end_object(&d.w);
		buf_putc(&job->out, '\n');
	} else if (n) {
		buf_printf(&job->out, "%zu loosened, %zu tightened, %zu changed\n", d.looser,
			   d.tighter, n - d.looser - d.tighter);
	}
	return put_out(job) ? CLI_FAILED : n ? MISTAKES : 0;
}

/* --- schema, presets, import --- */

static int run_schema(struct job *job)
{
	if (job->markdown) {
		policy_schema_markdown(&job->out);
	} else {
		policy_schema_json(&job->out);
		buf_putc(&job->out, '\n');
	}
	return put_out(job);
}

static int run_presets(struct job *job)
{
	if (job->n_args) {
		struct str text = policy_preset_text(job->args[0]);

		if (!text.p) {
			fprintf(stderr, "capsule policy: no preset '%s'\n", job->args[0]);
			return CLI_USAGE;
		}
		buf_puts(&job->out, text);
		return put_out(job);
	}
	if (job->json) {
		struct json_wr w = json_wr_init(&job->out);

		json_array(&w);
		for (size_t i = 0; policy_preset_name(i); i++)
			json_strz(&w, policy_preset_name(i));
		json_end_array(&w);
		buf_putc(&job->out, '\n');
		return put_out(job);
	}
	for (size_t i = 0; policy_preset_name(i); i++) {
		struct str text = policy_preset_text(policy_preset_name(i));
		const char *end = memchr(text.p, '\n', text.n);

		/* its first line says what it is for */
		buf_printf(&job->out, "preset:%-10s %.*s\n", policy_preset_name(i),
			   end ? (int)(end - text.p) - 2 : 0, text.p + 2);
	}
	return put_out(job);
}

static int run_import(struct job *job)
{
	AUTO(buf_done) struct buf text = BUF_INIT(OLD_FILE_MAX + 4096);
	AUTO(buf_done) struct buf notes = BUF_INIT(OUT_MAX), diag = BUF_INIT(DIAG_MAX);
	AUTO(policy_freep) struct policy *policy = NULL;
	struct err err = ERR_INIT;
	int r = cli_file_read(job->args[0], &text, &err);

	if (r == 0)
		r = policy_import(job->args[0], buf_str(&text), &job->out, &notes, &err);
	if (r < 0) {
		fail(NULL, &err);
		return MISTAKES;
	}
	if (notes.n)
		(void)fwrite(notes.p, 1, notes.n, stderr);
	if (put_out(job))
		return CLI_FAILED;
	r = policy_load_text("(imported)", buf_str(&job->out), &job->vars, &policy, &diag, &err);
	if (diag.n)
		(void)fwrite(diag.p, 1, diag.n, stderr);
	return r < 0 ? MISTAKES : 0;
}

/* --- the verb --- */

static const struct sub subs[] = {
	{ "check", "[FILE]", "say what is wrong with a policy, or that it is good", 0, 1,
	  run_check },
	{ "show", "[FILE]", "the effective policy, and where each line comes from", 0, 1,
	  run_show },
	{ "explain", "[PATH...]", "what a session may do, or which rule decides on a path", 0, 64,
	  run_explain },
	{ "diff", "A B", "what B loosens and tightens against A", 2, 2, run_diff },
	{ "schema", "", "the JSON Schema of capsule.yaml, for editors", 0, 0, run_schema },
	{ "presets", "[NAME]", "the built-in presets, or the text of one", 0, 1, run_presets },
	{ "import", "FILE", "rewrite a file of an older Capsule", 1, 1, run_import },
};

static int usage(FILE *to, int status)
{
	fputs("usage: capsule policy VERB [OPTIONS] [ARGUMENTS]\n\n", to);
	for (size_t i = 0; i < N_OF(subs); i++)
		fprintf(to, "  %-8s %-10s %s\n", subs[i].name, subs[i].args, subs[i].what);
	fputc('\n', to);
	for (size_t i = 0; i < N_OF(options); i++)
		fprintf(to, "%s\n", options[i].text);
	fputs("\nWithout FILE or --policy it is the policy that 'capsule run' would use here.\n"
	      "Exit status: 0; 1 the policy has mistakes, or the two differ; 2 usage.\n",
	      to);
	return status;
}

static const struct sub *sub_find(const char *name)
{
	const char *names[N_OF(subs)], *near;

	for (size_t i = 0; i < N_OF(subs); i++) {
		if (strcmp(name, subs[i].name) == 0)
			return &subs[i];
		names[i] = subs[i].name;
	}
	near = str_nearest(str_of(name), names, N_OF(subs));
	fprintf(stderr, "capsule policy: unknown verb '%s'%s%s%s\n", name,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return NULL;
}

/* >= 0: leave with that status. */
static int parse(struct job *job, int argc, char **argv)
{
	struct option list[N_OF(options) + 1] = { 0 };
	int c;

	for (size_t i = 0; i < N_OF(options); i++)
		list[i] = options[i].option;
	while ((c = getopt_long(argc, argv, "hp:w:", list, NULL)) != -1) {
		switch (c) {
		case 'p': job->policy = optarg; break;
		case 'w': job->workspace = optarg; break;
		case 'j': job->json = true; break;
		case 'P': job->plain = true; break;
		case 'm': job->markdown = true; break;
		case 't': job->traps = true; break;
		case 'h': return usage(stdout, 0);
		default: return usage(stderr, CLI_USAGE);
		}
	}
	if (optind >= argc)
		return usage(stderr, CLI_USAGE);
	job->sub = sub_find(argv[optind]);
	if (!job->sub)
		return CLI_USAGE;
	job->args = argv + optind + 1;
	job->n_args = argc - optind - 1;
	if (job->n_args < job->sub->min_args || job->n_args > job->sub->max_args) {
		fprintf(stderr, "usage: capsule policy %s %s\n", job->sub->name, job->sub->args);
		return CLI_USAGE;
	}
	return -1;
}

int cli_policy(int argc, char **argv)
{
	struct job job = { .out = BUF_INIT(OUT_MAX) };
	int status = parse(&job, argc, argv);

	if (status < 0)
		status = cli_policy_vars("policy", job.workspace, job.workspace_mem, &job.vars);
	else
		return status;
	if (status == 0)
		status = job.sub->run(&job);
	buf_done(&job.out);
	return status;
}
