/*
 * capsule rules check, list.
 */
#include "cli/cli.h"
#include "cli/rules.h"
#include "event/env.h"
#include "policy/report.h"

#include "base/own.h"

#include <errno.h>
#include <string.h>

/* --- check --- */

static void told_json(void *ctx, const struct policy_problem *p)
{
	policy_problem_json(p, ctx);
}

struct expression {
	struct rules_job *job;
	const char *file;
};

static void on_cel_problem(void *ctx, const struct cel_problem *p)
{
	const struct expression *x = ctx;
	struct policy_where where = { .file = x->file, .line = p->line, .col = p->col };

	diag_add(&x->job->diag, DIAG_ERROR, where, p->width, "%s", p->text);
}

/* A file with one expression, as a rule's condition. */
static int check_expression(struct rules_job *job, const char *path, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_INIT(CEL_SOURCE_MAX + 8192);
	struct expression x = { .job = job, .file = path };
	struct cel_options options = { .result = &cel_type_bool,
				       .report = on_cel_problem,
				       .ctx = &x };
	AUTO(cel_program_freep) struct cel_program *program = NULL;
	const char *copy;
	int r = cli_file_read(path, &text, err);

	if (r < 0)
		return r;
	copy = arena_strdup(&job->arena, buf_str(&text));
	if (!copy)
		return err_set(err, ENOMEM, "%s", path);
	diag_file_add(&job->diag, path, (struct str){ .p = copy, .n = text.n });
	r = cel_compile(event_env(), (struct str){ .p = copy, .n = text.n }, &options, &program);
	if (r < 0 && job->diag.errors)
		return diag_result(&job->diag, err);
	return r < 0 ? err_set(err, -r, "%s", path) : 0;
}

/* The expressions among the files are taken out of the list. */
static int check_expressions(struct rules_job *job, size_t *ret_n, struct err *err)
{
	size_t left = 0, n = job->n_files;
	int first = 0;

	for (size_t i = 0; i < n; i++) {
		struct err more = ERR_INIT;
		int r;

		if (!str_ends(str_of(job->files[i]), STR(".cel"))) {
			job->files[left++] = job->files[i];
			continue;
		}
		r = check_expression(job, job->files[i], &more);
		if (r < 0 && first == 0) {
			first = r;
			*err = more;
		}
	}
	job->n_files = left;
	*ret_n = n - left;
	return first;
}

static int check_all(struct rules_job *job, size_t *ret_n, struct err *err)
{
	AUTO(engine_set_freep) struct engine_set *set = NULL;
	struct err more = ERR_INIT;
	size_t expressions = 0;
	int first = check_expressions(job, &expressions, err), r = 0;

	*ret_n = expressions;
	if (job->n_files || job->policy || expressions == 0)
		r = rules_load_sources(job, &more);
	if (r == 0 && job->n_rules)
		r = rules_load_set(job, &set, &more);
	*ret_n += job->n_rules;
	if (first < 0)
		return first;
	if (r < 0)
		*err = more;
	return r;
}

static void add_args(struct rules_job *job)
{
	for (int i = 0; i < job->n_args && job->n_files < RULES_FILES_MAX; i++)
		job->files[job->n_files++] = job->args[i];
}

static int check_json(struct rules_job *job)
{
	struct json_wr w = json_wr_init(&job->out);
	struct err err = ERR_INIT;
	size_t n = 0;
	int r;

	job->diag.told = told_json;
	job->diag.ctx = &w;
	json_object(&w);
	json_key(&w, "problems");
	json_array(&w);
	r = check_all(job, &n, &err);
	json_end_array(&w);
	json_key(&w, "ok");
	json_bool(&w, r == 0);
	if (r < 0) {
		json_key(&w, "error");
		json_strz(&w, err.text);
	}
	json_key(&w, "rules");
	json_u64(&w, n);
	json_end_object(&w);
	buf_putc(&job->out, '\n');
	return rules_put_out(job) ? CLI_FAILED : r < 0 ? RULES_FAILED : 0;
}

int rules_check(struct rules_job *job)
{
	struct err err = ERR_INIT;
	size_t n = 0;
	bool told;
	int r;

	add_args(job);
	if (job->json)
		return check_json(job);
	r = check_all(job, &n, &err);
	told = job->diag_text.n > 0;
	rules_tell(job);
	if (r < 0)
		return told && r == -EBADMSG ? RULES_FAILED : rules_fail(job, &err);
	buf_printf(&job->out, "good: %zu rule%s\n", n, n == 1 ? "" : "s");
	return rules_put_out(job);
}

/* --- list --- */

static void print_types(event_types on, struct buf *out)
{
	size_t n = 0;

	if (on == EVENT_TYPES_ALL || on == 0) {
		buf_putc(out, '*');
		return;
	}
	for (unsigned i = 0; i < EVENT_TYPE_N; i++) {
		if (on & EVENT_BIT(i))
			buf_printf(out, "%s%s", n++ ? "," : "", event_type_info[i].name);
	}
}

static void put_types(event_types on, struct json_wr *w)
{
	json_array(w);
	for (unsigned i = 0; i < EVENT_TYPE_N; i++) {
		if (on & EVENT_BIT(i))
			json_strz(w, event_type_info[i].name);
	}
	json_end_array(w);
}

static void put_key(struct json_wr *w, const char *key, const char *text)
{
	json_key(w, key);
	json_strz(w, text);
}

static void put_rule(const struct policy_rule *rule, struct str found, struct json_wr *w)
{
	json_object(w);
	put_key(w, "id", rule->id);
	put_key(w, "name", rule->name ? rule->name : rule->id);
	put_key(w, "pack", rule->pack);
	put_key(w, "tier", rule_tier_name[rule->tier]);
	put_key(w, "phase", rule_phase_name[rule->phase]);
	json_key(w, "priority");
	json_i64(w, rule->priority);
	put_key(w, "action", rule_action_name[rule->action]);
	json_key(w, "on");
	put_types(rule->on, w);
	put_key(w, "when", rule->when);
	put_key(w, "reason", rule->reason);
	json_key(w, "lock");
	json_bool(w, rule->lock);
	json_key(w, "section");
	json_bool(w, rule->section);
	json_key(w, "found");
	json_str(w, found);
	json_key(w, "where");
	if (rule->where.line) {
		json_object(w);
		put_key(w, "file", rule->where.file);
		json_key(w, "line");
		json_u64(w, rule->where.line);
		json_key(w, "column");
		json_u64(w, rule->where.col);
		json_end_object(w);
	} else {
		json_null(w);
	}
	json_end_object(w);
}

static void print_rule(const struct policy_rule *rule, struct buf *out)
{
	buf_printf(out, "%-12s %5d  %-10s %-28s ", rule_tier_name[rule->tier], rule->priority,
		   rule_action_name[rule->action], rule->id);
	print_types(rule->on, out);
	buf_putz(out, "  (");
	engine_rule_where(rule, out);
	buf_putz(out, ")\n");
}

int rules_list(struct rules_job *job)
{
	AUTO(engine_set_freep) struct engine_set *set = NULL;
	struct json_wr w = json_wr_init(&job->out);
	size_t hidden = 0;
	int status;

	add_args(job);
	status = rules_load(job, &set);
	if (status)
		return status;
	if (job->json)
		json_array(&w);
	for (size_t i = 0; i < engine_set_count(set); i++) {
		const struct policy_rule *rule = engine_set_rule(set, i);
		AUTO(buf_done) struct buf found = BUF_INIT(4096);

		if (rule->section && !job->all && !job->json) {
			hidden++;
			continue;
		}
		if (!job->json) {
			print_rule(rule, &job->out);
			continue;
		}
		engine_set_explain_index(set, i, &found);
		put_rule(rule, buf_str(&found), &w);
	}
	if (job->json) {
		json_end_array(&w);
		buf_putc(&job->out, '\n');
	}
	if (hidden)
		buf_printf(&job->out,
			   "and %zu made from filesystem, network and process; --all shows them\n",
			   hidden);
	return rules_put_out(job);
}
