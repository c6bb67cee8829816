/*
 * capsule rules eval: one expression, over an event or over none.
 */
#include "cli/cli.h"
#include "cli/rules.h"
#include "event/env.h"

#include "base/own.h"

#include <errno.h>
#include <stdlib.h>

#define EXPRESSION "(expression)"

static void on_problem(void *ctx, const struct cel_problem *p)
{
	struct rules_job *job = ctx;
	struct policy_where where = { .file = job->diag.files[0].name,
				      .line = p->line,
				      .col = p->col };

	diag_add(&job->diag, DIAG_ERROR, where, p->width, "%s", p->text);
}

/* The expression, or the file that "@FILE" names. */
static int read_source(struct rules_job *job, struct str *ret, struct err *err)
{
	const char *arg = job->args[0];
	AUTO(buf_done) struct buf text = BUF_INIT(CEL_SOURCE_MAX + 8192);
	int r;

	*ret = str_of(arg);
	if (arg[0] != '@') {
		diag_file_add(&job->diag, EXPRESSION, *ret);
		return 0;
	}
	r = cli_file_read(arg + 1, &text, err);
	if (r < 0)
		return r;
	*ret = (struct str){ .p = arena_strdup(&job->arena, buf_str(&text)), .n = text.n };
	if (!ret->p)
		return err_set(err, ENOMEM, "%s", arg + 1);
	diag_file_add(&job->diag, arg + 1, *ret);
	return 0;
}

static void put_json(struct rules_job *job, struct cel_value v, const struct cel_program *program,
		     uint64_t steps)
{
	struct json_wr w = json_wr_init(&job->out);
	AUTO(buf_done) struct buf type = BUF_INIT(4096), text = BUF_INIT(RULES_OUT_MAX);

	cel_type_print(cel_program_type(program), &type);
	json_object(&w);
	json_key(&w, "ok");
	json_bool(&w, v.kind != CEL_ERROR);
	if (v.kind == CEL_ERROR) {
		json_key(&w, "error");
		json_strz(&w, v.error->text);
	} else {
		json_key(&w, "value");
		rules_put_value(v, &w);
		rules_print_value(v, &text);
		json_key(&w, "text");
		json_str(&w, buf_str(&text));
	}
	json_key(&w, "type");
	json_str(&w, buf_str(&type));
	json_key(&w, "steps");
	json_u64(&w, steps);
	json_end_object(&w);
	buf_putc(&job->out, '\n');
}

static void put_text(struct rules_job *job, struct cel_value v, const struct cel_program *program)
{
	rules_print_value(v, &job->out);
	buf_putz(&job->out, " : ");
	cel_type_print(cel_program_type(program), &job->out);
	buf_putc(&job->out, '\n');
}

static int evaluate(struct rules_job *job, const struct cel_program *program, struct event *event)
{
	AUTO(cel_eval_freep) struct cel_eval *eval = cel_eval_new(NULL);
	struct cel_value v;
	int status;

	if (!eval)
		return CLI_FAILED;
	v = cel_eval_run(eval, program, event_slots(event), event);
	if (job->json) {
		put_json(job, v, program, cel_eval_steps(eval));
	} else if (v.kind == CEL_ERROR) {
		struct err err = ERR_INIT;

		(void)err_text(&err, 0, "%s", v.error->text);
		return rules_fail(job, &err);
	} else {
		put_text(job, v, program);
	}
	status = rules_put_out(job);
	return status ? status : v.kind == CEL_ERROR ? RULES_FAILED : 0;
}

/* Where it failed to compile: with --json as data, too. */
static int refused(struct rules_job *job, const struct err *err)
{
	struct json_wr w = json_wr_init(&job->out);

	if (!job->json) {
		bool told = job->diag_text.n > 0;

		rules_tell(job);
		return told ? RULES_FAILED : rules_fail(job, err);
	}
	json_object(&w);
	json_key(&w, "ok");
	json_bool(&w, false);
	json_key(&w, "error");
	json_strz(&w, job->diag.errors ? job->diag.first : err->text);
	json_end_object(&w);
	buf_putc(&job->out, '\n');
	return rules_put_out(job) ? CLI_FAILED : RULES_FAILED;
}

int rules_eval(struct rules_job *job)
{
	AUTO(cel_program_freep) struct cel_program *program = NULL;
	AUTO(freep) struct event *event = calloc(1, sizeof(*event));
	struct cel_options options = { .report = on_problem, .ctx = job };
	struct err err = ERR_INIT;
	struct str source;
	int r;

	if (!event)
		return CLI_FAILED;
	event_init(event);
	r = read_source(job, &source, &err);
	if (r == 0 && job->event)
		r = rules_event_load(job->event, event, &job->arena, &err);
	if (r == 0) {
		r = cel_compile(event_env(), source, &options, &program);
		if (r < 0 && r != -EBADMSG)
			(void)err_set(&err, -r, "cannot compile the expression");
	}
	return r < 0 ? refused(job, &err) : evaluate(job, program, event);
}
