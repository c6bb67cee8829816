/*
 * capsule rules explain, bench.
 */
#include "cli/cli.h"
#include "cli/rules.h"

#include "base/own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* An engine over the rules of @job. 0, or an exit status. */
static int start(struct rules_job *job, struct engine_host **ret_host, struct engine **ret_engine)
{
	AUTO(engine_host_freep) struct engine_host *host = engine_host_new();
	struct engine_set *set = NULL;
	int status = rules_load(job, &set);

	if (status)
		return status;
	if (!host) {
		engine_set_free(set);
		return CLI_FAILED;
	}
	engine_host_load(host, set);
	*ret_engine = engine_new(host, NULL);
	if (!*ret_engine)
		return CLI_FAILED;
	*ret_host = take_ptr(&host);
	return 0;
}

/* --- explain --- */

struct explain {
	struct rules_job *job;
	const struct event *event;
	struct json_wr w;
	size_t passed_over;
};

static const char *step_word(const struct engine_step *step)
{
	if (!step->considered)
		return "not tried";
	if (step->failed)
		return step->matched ? "failed, counts as matched" : "failed";
	return step->winner ? "decides" : step->matched ? "matches" : "does not match";
}

static void put_step(struct explain *x, const struct engine_step *step)
{
	struct json_wr *w = &x->w;

	json_object(w);
	json_key(w, "rule");
	json_strz(w, step->rule->id);
	json_key(w, "pack");
	json_strz(w, step->rule->pack);
	json_key(w, "tier");
	json_strz(w, rule_tier_name[step->rule->tier]);
	json_key(w, "action");
	json_strz(w, rule_action_name[step->rule->action]);
	json_key(w, "when");
	json_strz(w, step->rule->when);
	json_key(w, "considered");
	json_bool(w, step->considered);
	json_key(w, "matched");
	json_bool(w, step->matched);
	json_key(w, "decides");
	json_bool(w, step->winner);
	json_key(w, "error");
	json_strz(w, step->failed ? step->error : NULL);
	json_key(w, "fields");
	rules_put_reads(step->rule, x->event, &x->job->arena, w);
	json_end_object(w);
}

static void print_step(struct explain *x, const struct engine_step *step)
{
	struct buf *out = &x->job->out;

	if (!step->considered && !x->job->all) {
		x->passed_over++;
		return;
	}
	buf_printf(out, "  %-14s %-10s %s (", step_word(step), rule_action_name[step->rule->action],
		   step->rule->id);
	engine_rule_where(step->rule, out);
	buf_putz(out, ")\n");
	if (step->failed && step->error)
		buf_printf(out, "      error: %s\n", step->error);
	if (step->considered)
		rules_print_reads(step->rule, x->event, &x->job->arena, out);
}

static void on_step(void *ctx, const struct engine_step *step)
{
	struct explain *x = ctx;

	if (x->job->json)
		put_step(x, step);
	else
		print_step(x, step);
}

static int explain_json(struct explain *x, struct engine *engine, struct event *event,
			const struct engine_decision *d)
{
	x->w = json_wr_init(&x->job->out);
	json_object(&x->w);
	json_key(&x->w, "resolved");
	engine_write_json(event, d, EVENT_JSON_SENSITIVE, &x->w);
	json_key(&x->w, "rules");
	json_array(&x->w);
	engine_explain(engine, event, on_step, x);
	json_end_array(&x->w);
	json_end_object(&x->w);
	buf_putc(&x->job->out, '\n');
	return rules_put_out(x->job);
}

static int explain_text(struct explain *x, struct engine *engine, struct event *event,
			const struct engine_decision *d)
{
	struct buf *out = &x->job->out;

	buf_printf(out, "%s: ", event_type_info[event->type].name);
	engine_decision_print(d, out);
	if (!d->rule && !(d->reason && d->reason[0]))
		buf_putz(out, d->failed ? ": something failed" : ": no rule decides");
	buf_putc(out, '\n');
	engine_explain(engine, event, on_step, x);
	if (x->passed_over)
		buf_printf(out,
			   "  and %zu rule%s that cannot match such an event; --all shows them\n",
			   x->passed_over, x->passed_over == 1 ? "" : "s");
	return rules_put_out(x->job);
}

int rules_explain(struct rules_job *job)
{
	AUTO(engine_host_freep) struct engine_host *host = NULL;
	AUTO(engine_freep) struct engine *engine = NULL;
	AUTO(freep) struct engine_decision *d = calloc(1, sizeof(*d));
	AUTO(freep) struct event *event = calloc(1, sizeof(*event));
	struct explain x = { .job = job, .event = event };
	struct err err = ERR_INIT;
	int status;

	if (!d || !event)
		return CLI_FAILED;
	event_init(event);
	if (rules_event_load(job->event ? job->event : "-", event, &job->arena, &err) < 0)
		return rules_fail(job, &err);
	status = start(job, &host, &engine);
	if (status)
		return status;
	engine_preview(engine, event, d);
	return job->json ? explain_json(&x, engine, event, d) : explain_text(&x, engine, event, d);
}

/* --- bench --- */

#define BENCH_EVENTS_MAX 2000
#define BENCH_BATCH 64 /* decisions between two looks at the clock */

struct bench {
	struct event **events;
	size_t n;
	struct arena arena; /* what the events' values point to */
};

/* A line is forgotten after the call: each event is read once more, into memory that stays. */
static int keep_event(void *ctx, const struct rules_event *e)
{
	struct bench *b = ctx;
	AUTO(buf_done) struct buf text = BUF_INIT(RULES_LINE_MAX * 6);
	struct json_wr w = json_wr_init(&text);
	struct event *copy;
	const char *kept;

	if (b->n == BENCH_EVENTS_MAX)
		return 0;
	event_write_json(e->event, EVENT_JSON_SENSITIVE, &w);
	kept = buf_error(&text) ? NULL : arena_strdup(&b->arena, buf_str(&text));
	copy = arena_new(&b->arena, struct event);
	if (!kept || !copy)
		return -ENOMEM;
	event_init(copy);
	b->events[b->n++] = copy;
	return event_parse_json(copy, (struct str){ .p = kept, .n = text.n }, &b->arena, NULL);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void report(struct rules_job *job, const struct bench *b, uint64_t count, uint64_t ns,
		   uint64_t best)
{
	double per = (double)ns / (double)count;
	struct json_wr w = json_wr_init(&job->out);

	if (!job->json) {
		buf_printf(
			&job->out,
			"%.0f decisions/s, %.0f ns each (%.0f in the best run of %d); %zu rules, "
			"%zu events\n",
			1e9 / per, per, (double)best / BENCH_BATCH, BENCH_BATCH, job->n_rules,
			b->n);
		return;
	}
	json_object(&w);
	json_key(&w, "rules");
	json_u64(&w, job->n_rules);
	json_key(&w, "events");
	json_u64(&w, b->n);
	json_key(&w, "decisions");
	json_u64(&w, count);
	json_key(&w, "ns");
	json_u64(&w, ns);
	json_key(&w, "decisions_per_second");
	json_u64(&w, (uint64_t)(1e9 / per));
	json_key(&w, "best_ns");
	json_u64(&w, best / BENCH_BATCH);
	json_end_object(&w);
	buf_putc(&job->out, '\n');
}

static int measure(struct rules_job *job, const struct bench *b, struct engine *engine,
		   uint64_t budget_ns)
{
	AUTO(freep) struct engine_decision *d = calloc(1, sizeof(*d));
	uint64_t begin, last, count = 0, best = UINT64_MAX;
	size_t at = 0;

	if (!d)
		return CLI_FAILED;
	for (size_t i = 0; i < b->n; i++)
		engine_preview(engine, b->events[i], d); /* once, to warm up */
	begin = last = now_ns();
	while (last - begin < budget_ns) {
		uint64_t t;

		for (int i = 0; i < BENCH_BATCH; i++) {
			engine_preview(engine, b->events[at], d);
			at = at + 1 < b->n ? at + 1 : 0;
		}
		count += BENCH_BATCH;
		t = now_ns();
		best = t - last < best ? t - last : best;
		last = t;
	}
	report(job, b, count, last - begin, best);
	return rules_put_out(job);
}

int rules_bench(struct rules_job *job)
{
	AUTO(engine_host_freep) struct engine_host *host = NULL;
	AUTO(engine_freep) struct engine *engine = NULL;
	struct bench b = { .arena = ARENA_INIT(1U << 30) };
	struct rules_events_count count = { 0 };
	struct err err = ERR_INIT;
	uint64_t seconds = 2;
	int status, r = 0;

	if (job->seconds &&
	    (str_to_u64(str_of(job->seconds), &seconds) < 0 || seconds == 0 || seconds > 3600)) {
		fputs("capsule rules bench: --seconds is 1 to 3600\n", stderr);
		return CLI_USAGE;
	}
	status = start(job, &host, &engine);
	if (status)
		return status;
	b.events = calloc(BENCH_EVENTS_MAX, sizeof(*b.events));
	for (int i = 0; i < job->n_args && r == 0; i++)
		r = b.events ? rules_events_read(job->args[i], keep_event, &b, &count, &err)
			     : -ENOMEM;
	if (r == 0 && b.n == 0)
		r = err_text(&err, 0, "no event in these files");
	if (r < 0 && !err_is_set(&err))
		(void)err_set(&err, -r, "cannot keep the events");
	status = r < 0 ? rules_fail(job, &err) : measure(job, &b, engine, seconds * 1000000000u);
	free(b.events);
	arena_done(&b.arena);
	return status;
}
