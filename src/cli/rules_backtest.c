/*
 * capsule rules backtest: recorded events, put to rules.
 */
#include "cli/cli.h"
#include "cli/rules.h"

#include "base/own.h"

#include <stdlib.h>
#include <string.h>

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CAPSEM };

struct backtest {
	struct rules_job *job;
	enum format format;
	struct engine *engine;
	struct buf rows;
	struct json_wr w; /* of rows */
	struct rules_events_count count;
	uint64_t matches, actions[RULE_ACTION_N], compared, changed;
};

static void put_key(struct json_wr *w, const char *key, const char *text)
{
	json_key(w, key);
	json_strz(w, text);
}

static void put_ref(struct json_wr *w, const struct rules_event *e)
{
	json_key(w, "event_ref");
	if (e->ref) {
		json_put(w, e->ref);
		return;
	}
	json_object(w);
	put_key(w, "file", e->file);
	json_key(w, "line");
	json_u64(w, e->line);
	json_end_object(w);
}

/* One rule that matched one event: Capsem's row. */
static void put_match(struct backtest *b, const struct rules_event *e,
		      const struct policy_rule *rule)
{
	json_object(&b->w);
	put_ref(&b->w, e);
	put_key(&b->w, "rule_id", rule->id);
	put_key(&b->w, "pack_id", rule->pack);
	put_key(&b->w, "decision", rule_action_name[rule->action]);
	put_key(&b->w, "reason", rule->reason);
	json_key(&b->w, "matched_fields");
	rules_put_reads(rule, e->event, e->arena, &b->w);
	json_end_object(&b->w);
}

/* What was decided when the event was recorded; NULL: not told. */
static const char *recorded_action(const struct rules_event *e, struct str *ret)
{
	if (!e->decision || !json_get_str(e->decision, "action", ret))
		return NULL;
	for (size_t i = 0; i < RULE_ACTION_N; i++) {
		if (str_eqz(*ret, rule_action_name[i]))
			return rule_action_name[i];
	}
	return NULL;
}

static void put_event(struct backtest *b, const struct rules_event *e,
		      const struct engine_decision *d, const char *before)
{
	struct json_wr *w = &b->w;

	json_object(w);
	put_ref(w, e);
	put_key(w, "type", event_type_info[e->event->type].name);
	put_key(w, "decision", rule_action_name[d->action]);
	put_key(w, "rule_id", d->rule ? d->rule->id : NULL);
	put_key(w, "reason", d->reason);
	put_key(w, "recorded", before);
	json_key(w, "matches");
	json_array(w);
	for (uint32_t i = 0; i < d->n_matches; i++)
		json_strz(w, d->matches[i].rule->id);
	json_end_array(w);
	json_key(w, "errors");
	json_array(w);
	for (uint32_t i = 0; i < d->n_errors; i++) {
		json_object(w);
		put_key(w, "rule_id", d->errors[i].rule->id);
		put_key(w, "text", d->errors[i].text);
		json_end_object(w);
	}
	json_end_array(w);
	json_end_object(w);
}

static void print_event(struct backtest *b, const struct rules_event *e,
			const struct engine_decision *d, const char *before)
{
	bool differs = before && strcmp(before, rule_action_name[d->action]) != 0;

	if (d->action == RULE_ALLOW && d->n_matches == 0 && !differs && d->n_errors == 0 &&
	    !b->job->all)
		return;
	buf_printf(&b->rows, "%s:%u: %s: ", e->file, e->line, event_type_info[e->event->type].name);
	engine_decision_print(d, &b->rows);
	if (differs)
		buf_printf(&b->rows, " [was: %s]", before);
	buf_putc(&b->rows, '\n');
	for (uint32_t i = 0; i < d->n_matches; i++) {
		buf_printf(&b->rows, "  %s %s%s\n", rule_action_name[d->matches[i].rule->action],
			   d->matches[i].rule->id,
			   d->matches[i].failed ? " (could not be evaluated)" : "");
		rules_print_reads(d->matches[i].rule, e->event, e->arena, &b->rows);
	}
	for (uint32_t i = 0; i < d->n_errors; i++)
		buf_printf(&b->rows, "  error in %s: %s\n", d->errors[i].rule->id,
			   d->errors[i].text);
}

/* Rules that could not be evaluated did not match; those beyond the array are not known. */
static void put_matches(struct backtest *b, const struct rules_event *e,
			const struct engine_decision *d)
{
	for (uint32_t i = 0; i < d->n_matches; i++) {
		if (!d->matches[i].failed)
			put_match(b, e, d->matches[i].rule);
	}
}

static int on_event(void *ctx, const struct rules_event *e)
{
	struct backtest *b = ctx;
	AUTO(freep) struct engine_decision *d = calloc(1, sizeof(*d));
	struct str recorded = { 0 };
	const char *before = recorded_action(e, &recorded);

	if (!d)
		return -ENOMEM;
	engine_preview(b->engine, e->event, d);
	for (uint32_t i = 0; i < d->n_matches; i++)
		b->matches += !d->matches[i].failed;
	b->matches += d->n_matches_more;
	b->actions[d->action]++;
	b->compared += before != NULL;
	b->changed += before && strcmp(before, rule_action_name[d->action]) != 0;
	if (b->format == FORMAT_CAPSEM)
		put_matches(b, e, d);
	else if (b->format == FORMAT_JSON)
		put_event(b, e, d, before);
	else
		print_event(b, e, d, before);
	return 0;
}

/* --- the answer --- */

static void begin_capsem(struct backtest *b, struct json_wr *w, bool ok)
{
	const struct rules_source *source = &b->job->sources[0];
	const struct pack *pack = source->pack;

	json_object(w);
	put_key(w, "schema", "capsem.enforcement-backtest.v1");
	json_key(w, "ok");
	json_bool(w, ok);
	put_key(w, "pack_id", pack ? pack->id : source->ours ? source->ours->id : NULL);
	put_key(w, "pack_version",
		pack           ? pack->version
		: source->ours ? source->ours->revision
			       : NULL);
	json_key(w, "event_count");
	json_u64(w, b->count.events);
	json_key(w, "rule_count");
	json_u64(w, b->job->n_rules);
	json_key(w, "match_count");
	json_u64(w, b->matches);
}

static void end_json(struct backtest *b, struct json_wr *w)
{
	json_key(w, "rows");
	json_raw(w, buf_str(&b->rows));
}

static int finish_capsem(struct backtest *b)
{
	AUTO(buf_done) struct buf compact = BUF_INIT(RULES_OUT_MAX);
	struct json_wr w = json_wr_init(&compact);

	begin_capsem(b, &w, true);
	end_json(b, &w);
	json_key(&w, "diagnostics");
	json_array(&w);
	json_end_array(&w);
	json_end_object(&w);
	if (buf_error(&compact))
		return CLI_FAILED;
	rules_pretty_json(buf_str(&compact), &b->job->out);
	buf_putc(&b->job->out, '\n');
	return rules_put_out(b->job);
}

static int finish_json(struct backtest *b)
{
	struct json_wr w = json_wr_init(&b->job->out);

	json_object(&w);
	json_key(&w, "events");
	json_u64(&w, b->count.events);
	json_key(&w, "skipped");
	json_u64(&w, b->count.skipped);
	json_key(&w, "rules");
	json_u64(&w, b->job->n_rules);
	json_key(&w, "matches");
	json_u64(&w, b->matches);
	json_key(&w, "compared");
	json_u64(&w, b->compared);
	json_key(&w, "changed");
	json_u64(&w, b->changed);
	json_key(&w, "decisions");
	json_object(&w);
	for (size_t i = 0; i < RULE_ACTION_N; i++) {
		if (b->actions[i]) {
			json_key(&w, rule_action_name[i]);
			json_u64(&w, b->actions[i]);
		}
	}
	json_end_object(&w);
	end_json(b, &w);
	json_end_object(&w);
	buf_putc(&b->job->out, '\n');
	return rules_put_out(b->job);
}

static int finish_text(struct backtest *b)
{
	struct buf *out = &b->job->out;

	buf_puts(out, buf_str(&b->rows));
	buf_printf(out, "%llu events, %llu matches", (unsigned long long)b->count.events,
		   (unsigned long long)b->matches);
	for (size_t i = 0; i < RULE_ACTION_N; i++) {
		if (b->actions[i])
			buf_printf(out, ", %llu %s", (unsigned long long)b->actions[i],
				   rule_action_name[i]);
	}
	if (b->compared)
		buf_printf(out, "; %llu of %llu decided otherwise than recorded",
			   (unsigned long long)b->changed, (unsigned long long)b->compared);
	if (b->count.skipped)
		buf_printf(out, "; %llu records hold no event",
			   (unsigned long long)b->count.skipped);
	buf_putc(out, '\n');
	return rules_put_out(b->job);
}

/* A pack that does not load has a backtest too: one that says so. */
static void refused_told(void *ctx, const struct policy_problem *p)
{
	struct json_wr *w = ctx;
	AUTO(buf_done) struct buf where = BUF_INIT(8192);

	buf_printf(&where, "%s:%u:%u", p->where.file, p->where.line, p->where.col);
	json_object(w);
	put_key(w, "severity", p->warning ? "warning" : "error");
	put_key(w, "message", p->text);
	put_key(w, "location", buf_cstr(&where));
	json_end_object(w);
}

static int load_capsem(struct backtest *b, struct engine_set **ret_set)
{
	AUTO(buf_done) struct buf told = BUF_INIT(1 << 20), compact = BUF_INIT(1 << 21);
	struct json_wr tw = json_wr_init(&told), w = json_wr_init(&compact);
	struct err err = ERR_INIT;
	int r;

	json_array(&tw);
	b->job->diag.told = refused_told;
	b->job->diag.ctx = &tw;
	r = rules_load_sources(b->job, &err);
	if (r == 0)
		r = rules_load_set(b->job, ret_set, &err);
	b->job->diag.told = NULL;
	json_end_array(&tw);
	rules_tell(b->job);
	if (r == 0)
		return 0;
	if (b->job->diag.errors == 0)
		return rules_fail(b->job, &err);
	begin_capsem(b, &w, false);
	json_key(&w, "rows");
	json_array(&w);
	json_end_array(&w);
	json_key(&w, "diagnostics");
	json_raw(&w, buf_str(&told));
	json_end_object(&w);
	rules_pretty_json(buf_str(&compact), &b->job->out);
	buf_putc(&b->job->out, '\n');
	return rules_put_out(b->job) ? CLI_FAILED : RULES_FAILED;
}

static bool take_format(struct backtest *b)
{
	const char *f = b->job->format;

	b->format = b->job->json ? FORMAT_JSON : FORMAT_TEXT;
	if (!f || strcmp(f, "text") == 0)
		return true;
	if (strcmp(f, "json") == 0)
		b->format = FORMAT_JSON;
	else if (strcmp(f, "capsem") == 0)
		b->format = FORMAT_CAPSEM;
	else
		fprintf(stderr, "capsule rules backtest: no format '%s'; text, json or capsem\n",
			f);
	if (b->format == FORMAT_CAPSEM && (b->job->n_files != 1 || b->job->policy)) {
		fputs("capsule rules backtest: --format capsem is about one pack: --rules PACK\n",
		      stderr);
		return false;
	}
	return strcmp(f, "json") == 0 || strcmp(f, "capsem") == 0;
}

static int run(struct backtest *b)
{
	struct err err = ERR_INIT;
	int r = 0;

	if (b->format != FORMAT_TEXT)
		json_array(&b->w);
	for (int i = 0; i < b->job->n_args && r == 0; i++)
		r = rules_events_read(b->job->args[i], on_event, b, &b->count, &err);
	if (b->format != FORMAT_TEXT)
		json_end_array(&b->w);
	if (r == 0 && buf_error(&b->rows))
		r = err_text(&err, EFBIG, "more than %u bytes of results", RULES_OUT_MAX / 2);
	if (r < 0)
		return rules_fail(b->job, &err);
	return b->format == FORMAT_CAPSEM ? finish_capsem(b)
	       : b->format == FORMAT_JSON ? finish_json(b)
					  : finish_text(b);
}

int rules_backtest(struct rules_job *job)
{
	AUTO(engine_host_freep) struct engine_host *host = engine_host_new();
	AUTO(engine_freep) struct engine *engine = NULL;
	struct backtest b = { .job = job, .rows = BUF_INIT(RULES_OUT_MAX / 2) };
	struct engine_set *set = NULL;
	int status;

	b.w = json_wr_init(&b.rows);
	if (!take_format(&b))
		return CLI_USAGE;
	status = b.format == FORMAT_CAPSEM ? load_capsem(&b, &set) : rules_load(job, &set);
	if (status)
		return status;
	if (host)
		engine_host_load(host, set);
	engine = host ? engine_new(host, NULL) : NULL;
	if (!engine)
		return CLI_FAILED;
	b.engine = engine;
	status = run(&b);
	buf_done(&b.rows);
	return status;
}
