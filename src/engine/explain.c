/* Why: each rule of the event's type by itself. Slow and simple: evaluates what decide() skipped too. */
#include "engine/set.h"

#include "base/buf.h"
#include "base/own.h"
#include "codec/json_wr.h"

static void explain_rule(struct engine *engine, const struct set_rule *rule, struct event *e,
			 const struct engine_decision *d, bool candidate, engine_told *told,
			 void *ctx)
{
	struct engine_step step = { .rule = &rule->rule,
				    .considered = candidate,
				    .winner = d->rule == &rule->rule };
	struct cel_value v = cel_bool(true);

	if (candidate && rule->when)
		v = cel_eval_run(engine->eval, rule->when, event_slots(e), e);
	step.matched = candidate && cel_is_true(v);
	if (v.kind == CEL_ERROR) {
		step.failed = true;
		step.error = v.error->text;
	}
	told(ctx, &step);
}

void engine_explain(struct engine *engine, struct event *event, engine_told *told, void *ctx)
{
	static _Thread_local struct engine_decision d;
	const struct engine_set *set;

	engine_preview(engine, event, &d);
	set = atomic_load(&engine->using);
	for (uint32_t i = 0; set && event->type < EVENT_TYPE_N && i < set->n; i++) {
		bool candidate = false;
		uint32_t n;

		if (!(set->rules[i].rule.on >> event->type & 1))
			continue;
		engine->stamp++;
		n = index_find(&set->types[event->type]->index, event, engine->stamps,
			       engine->stamp, engine->candidates);
		for (uint32_t c = 0; c < n && !candidate; c++)
			candidate = engine->candidates[c] == i;
		explain_rule(engine, &set->rules[i], event, &d, candidate, told, ctx);
	}
}

/* --- the resolved event --- */

static void put_rule(const struct policy_rule *rule, struct json_wr *w)
{
	AUTO(buf_done) struct buf where = BUF_INIT(4096);

	json_key(w, "rule");
	json_strz(w, rule->id);
	if (rule->pack) {
		json_key(w, "pack");
		json_strz(w, rule->pack);
	}
	engine_rule_where(rule, &where);
	json_key(w, "where");
	json_strz(w, buf_cstr(&where));
	json_key(w, "tier");
	json_strz(w, rule_tier_name[rule->tier]);
}

static void put_decision(const struct engine_decision *d, struct json_wr *w)
{
	json_object(w);
	json_key(w, "action");
	json_strz(w, rule_action_name[d->action]);
	if (d->rule)
		put_rule(d->rule, w);
	json_key(w, "reason");
	json_strz(w, d->reason);
	if (d->failed) {
		json_key(w, "failed");
		json_bool(w, true);
	}
	if (d->tightened) {
		json_key(w, "tightened");
		json_bool(w, true);
	}
	if (d->retry_after_ms) {
		json_key(w, "retry_after_ms");
		json_u64(w, d->retry_after_ms);
	}
	json_end_object(w);
}

static void put_flag(struct json_wr *w, const char *name, bool value)
{
	if (!value)
		return;
	json_key(w, name);
	json_bool(w, true);
}

static void put_matches(const struct engine_decision *d, struct json_wr *w)
{
	json_key(w, "matches");
	json_array(w);
	for (uint32_t i = 0; i < d->n_matches; i++) {
		const struct engine_match *m = &d->matches[i];

		json_object(w);
		put_rule(m->rule, w);
		json_key(w, "phase");
		json_strz(w, rule_phase_name[m->rule->phase]);
		json_key(w, "action");
		json_strz(w, rule_action_name[m->rule->action]);
		if (m->rule->action == RULE_OBSERVE) {
			json_key(w, "level");
			json_strz(w, m->rule->level ? m->rule->level : "info");
		}
		put_flag(w, "failed", m->failed);
		put_flag(w, "beyond", m->beyond);
		put_flag(w, "applied", m->applied);
		json_end_object(w);
	}
	json_end_array(w);
	if (d->n_matches_more) {
		json_key(w, "matches_more");
		json_u64(w, d->n_matches_more);
	}
}

static void put_rewrites(const struct engine_decision *d, struct json_wr *w)
{
	if (d->n_rewrites == 0)
		return;
	json_key(w, "rewrites");
	json_array(w);
	for (uint32_t i = 0; i < d->n_rewrites; i++) {
		const struct engine_rewrite *r = &d->rewrites[i];

		json_object(w);
		json_key(w, "rule");
		json_strz(w, r->rule->id);
		json_key(w, "op");
		json_strz(w, rule_op_name[r->rewrite->op]);
		json_key(w, "field");
		json_strz(w, event_field_info[r->rewrite->field].name);
		json_key(w, "applied");
		json_bool(w, r->applied);
		if (r->applied) {
			json_key(w, "before");
			json_hex(w, r->before, sizeof(r->before));
			json_key(w, "after");
			json_hex(w, r->after, sizeof(r->after));
		}
		json_end_object(w);
	}
	json_end_array(w);
}

static void put_errors(const struct engine_decision *d, struct json_wr *w)
{
	if (d->n_errors == 0)
		return;
	json_key(w, "errors");
	json_array(w);
	for (uint32_t i = 0; i < d->n_errors; i++) {
		json_object(w);
		json_key(w, "rule");
		json_strz(w, d->errors[i].rule->id);
		json_key(w, "error");
		json_strz(w, d->errors[i].text);
		json_end_object(w);
	}
	json_end_array(w);
}

void engine_write_json(const struct event *event, const struct engine_decision *d, unsigned flags,
		       struct json_wr *w)
{
	json_object(w);
	json_key(w, "event");
	event_write_json(event, flags, w);
	json_key(w, "decision");
	put_decision(d, w);
	put_matches(d, w);
	put_rewrites(d, w);
	put_errors(d, w);
	json_key(w, "considered");
	json_u64(w, d->n_considered);
	json_key(w, "ns");
	json_u64(w, d->ns);
	json_end_object(w);
}
