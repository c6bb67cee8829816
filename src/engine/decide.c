/*
 * Theory of operation
 *
 * The index gives the rules that can match; each phase evaluates its own among them. Every match is
 * noted; those that decide compete within their tier by their order (a number: the lowest wins). Then
 * the tiers speak, the highest first: the first that says anything decides, and the lower ones, the
 * defaults excepted, may only make it stricter, unless what they meet is locked. Postprocess rules
 * compete among themselves and may only make the result stricter.
 *
 * Whatever cannot be evaluated decides against: a block or ask counts as matched, a throttle as over,
 * a quarantine as a block.
 */
#include "engine/set.h"

#include "base/buf.h"

#include <time.h>

struct best {
	const struct set_rule *rule;
	uint64_t order;
	bool failed;
};

struct charge {
	uint8_t key[THROTTLE_KEY];
	const struct set_rule *rule;
	uint64_t amount;
};

struct run {
	struct engine *engine;
	const struct engine_set *set;
	struct event *e;
	struct engine_decision *d;
	bool charge;
	uint32_t n_candidates;
	struct best best[RULE_TIER_N]; /* of the phase */
	const struct set_rule *grant;  /* that matched */
	/* order of the first allow that matched; each phase's overrule the rewrites of that phase */
	uint64_t allow[RULE_PHASE_N][RULE_TIER_N];
	uint32_t n_rewrites;
	const struct set_rule *rewrites[ENGINE_REWRITES_MAX];
	uint32_t n_findings;
	uint8_t level;
	uint32_t n_charges;
	struct charge charges[CHARGES_MAX];
	bool overflow; /* more than a decision can hold: decide against */
	const char *overflow_what;
	int64_t unix_ms;
	uint64_t mono_ms;
	bool has_clock;
};

static const char *const levels[] = { "info", "low", "medium", "high", "critical" };

/* --- one rule --- */

static void note_error(struct run *run, const struct set_rule *rule, struct cel_value v)
{
	struct engine_decision *d = run->d;
	struct engine_error *to = &d->errors[d->n_errors];

	if (d->n_errors == ENGINE_ERRORS_MAX)
		return;
	to->rule = &rule->rule;
	to->code = v.kind == CEL_ERROR ? v.error->code : CEL_E_NO_SUCH_OVERLOAD;
	(void)snprintf(to->text, sizeof(to->text), "%s",
		       v.kind == CEL_ERROR ? v.error->text : "not of the type it must have");
	d->n_errors++;
}

static struct engine_match *note_match(struct run *run, const struct set_rule *rule, bool failed)
{
	struct engine_decision *d = run->d;
	struct engine_match *m = &d->matches[d->n_matches];

	if (d->n_matches == ENGINE_MATCHES_MAX) {
		d->n_matches_more++;
		return NULL;
	}
	d->n_matches++;
	*m = (struct engine_match){ .rule = &rule->rule, .failed = failed };
	return m;
}

/* It competes, as @action. */
static void compete(struct run *run, const struct set_rule *rule, enum rule_action action,
		    bool failed)
{
	uint64_t order = order_with(rule->order, action);
	struct best *best = &run->best[rule->rule.tier];

	if (!best->rule || order < best->order)
		*best = (struct best){ .rule = rule, .order = order, .failed = failed };
	if (action == RULE_ALLOW && order < run->allow[rule->rule.phase][rule->rule.tier])
		run->allow[rule->rule.phase][rule->rule.tier] = order;
}

static void clock_once(struct run *run)
{
	if (!run->has_clock)
		host_clock(run->engine->host, &run->unix_ms, &run->mono_ms);
	run->has_clock = true;
}

/* Is it over its rate or quota? Within: the quota's charge is noted for later. */
static bool throttle_over(struct run *run, const struct set_rule *rule, bool *ret_failed)
{
	const struct rule_throttle *t = &rule->rule.throttle;
	struct throttle *table = &run->engine->host->throttle;
	struct cel_value by = cel_string(STR("")), amount = cel_int(1);
	struct charge charge = { .rule = rule };
	uint64_t wait = 0;
	bool over;

	if (rule->by)
		by = cel_eval_run(run->engine->eval, rule->by, event_slots(run->e), run->e);
	if (by.kind != CEL_STRING)
		goto failed;
	throttle_key(rule->rule.id,
		     t->amount && t->per == RULE_PER_SESSION
			     ? event_str(run->e, EVENT_F_COMMON_SESSION_ID)
			     : (struct str){ 0 },
		     cel_str(by), charge.key);
	if (rule->of)
		amount = cel_eval_run(run->engine->eval, rule->of, event_slots(run->e), run->e);
	by = amount;
	if (amount.kind != CEL_INT)
		goto failed;
	charge.amount = amount.i > 0 ? (uint64_t)amount.i : 0;
	clock_once(run);
	(void)pthread_mutex_lock(&run->engine->host->lock);
	over = t->amount &&
	       !throttle_within(table, charge.key, t, charge.amount, run->unix_ms, &wait);
	if (!over && run->charge && t->rate_milli)
		over = !throttle_take(table, charge.key, t, run->mono_ms, &wait);
	(void)pthread_mutex_unlock(&run->engine->host->lock);
	if (over && wait > run->d->retry_after_ms)
		run->d->retry_after_ms = wait;
	/* what is asked about may be granted: it counts as spent */
	if ((!over || t->beyond == RULE_ASK) && t->amount && run->charge) {
		if (run->n_charges < CHARGES_MAX) {
			run->charges[run->n_charges++] = charge;
		} else {
			run->overflow = true;
			run->overflow_what = "more quotas than a decision can book";
		}
	}
	return over;
failed:
	note_error(run, rule, by);
	*ret_failed = true;
	return true;
}

static void matched_throttle(struct run *run, const struct set_rule *rule, bool failed)
{
	bool over = failed || throttle_over(run, rule, &failed);
	struct engine_match *m = note_match(run, rule, failed);

	if (m)
		m->beyond = over;
	if (over)
		compete(run, rule,
			rule->rule.throttle.beyond == RULE_ASK && !failed ? RULE_ASK : RULE_BLOCK,
			failed);
}

static void matched_rewrite(struct run *run, const struct set_rule *rule)
{
	(void)note_match(run, rule, false);
	compete(run, rule, RULE_REWRITE, false);
	if (run->n_rewrites < ENGINE_REWRITES_MAX) {
		run->rewrites[run->n_rewrites++] = rule;
	} else {
		run->overflow = true;
		run->overflow_what = "more rewrites than a decision can hold";
	}
}

/* A rule of postprocess that asks for the one which is missing would pass: decide against. */
static void add_finding(struct run *run, struct cel_value id)
{
	if (run->n_findings < FINDINGS_MAX) {
		run->engine->findings[run->n_findings++] = id;
		return;
	}
	if (!(run->set->types[run->e->type]->phases & 1 << RULE_POSTPROCESS))
		return;
	run->overflow = true;
	run->overflow_what = "more findings than an event can hold";
}

static void matched_observe(struct run *run, const struct set_rule *rule)
{
	(void)note_match(run, rule, false);
	if (rule->level > run->level)
		run->level = rule->level;
	if (rule->rule.phase == RULE_DETECT)
		add_finding(run, cel_string(str_of(rule->rule.id)));
}

static void matched(struct run *run, const struct set_rule *rule, bool failed)
{
	switch (rule->rule.action) {
	case RULE_OBSERVE: matched_observe(run, rule); return;
	case RULE_REWRITE: matched_rewrite(run, rule); return;
	case RULE_THROTTLE: matched_throttle(run, rule, failed); return;
	case RULE_QUARANTINE:
		(void)note_match(run, rule, failed);
		compete(run, rule, failed ? RULE_BLOCK : RULE_QUARANTINE, failed);
		return;
	case RULE_ALLOW:
		if (!rule->rule.grant)
			break;
		(void)note_match(run, rule, false);
		run->grant = rule;
		return;
	case RULE_ASK:
	case RULE_BLOCK:
	case RULE_ACTION_N: break;
	}
	(void)note_match(run, rule, failed);
	compete(run, rule, rule->rule.action, failed);
}

static void evaluate(struct run *run, const struct set_rule *rule)
{
	struct cel_value v = cel_bool(true);

	run->d->n_considered++;
	if (rule->when)
		v = cel_eval_run(run->engine->eval, rule->when, event_slots(run->e), run->e);
	if (v.kind == CEL_BOOL) {
		if (v.b)
			matched(run, rule, false);
		return;
	}
	note_error(run, rule, v);
	if (rule->rule.action >= RULE_THROTTLE)
		matched(run, rule, true);
}

/* --- phases --- */

static void find_candidates(struct run *run, const struct set_type *type)
{
	struct engine *engine = run->engine;

	if (++engine->stamp == 0) {
		memset(engine->stamps, 0, ENGINE_RULES_MAX * sizeof(*engine->stamps));
		engine->stamp = 1;
	}
	run->n_candidates =
		index_find(&type->index, run->e, engine->stamps, engine->stamp, engine->candidates);
}

static void run_phase(struct run *run, enum rule_phase phase)
{
	for (uint32_t i = 0; i < run->n_candidates; i++) {
		const struct set_rule *rule = &run->set->rules[run->engine->candidates[i]];

		if (rule->rule.phase == phase)
			evaluate(run, rule);
	}
}

static void forget_best(struct run *run)
{
	for (int t = 0; t < RULE_TIER_N; t++)
		run->best[t] = (struct best){ 0 };
}

static struct best stricter(const struct run *run, struct best winner, bool *ret_tightened)
{
	enum rule_action base = run->set->otherwise;
	struct best last = run->best[RULE_PROJECT];

	if (winner.rule)
		base = ORDER_ACTION(winner.order);
	if (!last.rule || ORDER_ACTION(last.order) <= base ||
	    (winner.rule && winner.rule->rule.lock))
		return winner;
	*ret_tightened = winner.rule != NULL;
	return last;
}

/* A person was asked that before and said "always". It opens nothing else. */
static struct best answered(const struct run *run, struct best winner)
{
	const struct policy_rule *rule = winner.rule ? &winner.rule->rule : NULL;

	if (!run->grant || !rule || rule->action != RULE_ASK || rule->tier < RULE_USER ||
	    winner.failed)
		return winner;
	return (struct best){ .rule = run->grant, .order = run->grant->order };
}

/* What the tiers make of the phase's matches. */
static struct best resolve(struct run *run, bool *ret_tightened)
{
	struct best winner = { 0 };

	for (int t = 0; t < RULE_PROJECT; t++) {
		struct best here = run->best[t];

		if (!here.rule)
			continue;
		if (!winner.rule) {
			winner = here;
		} else if (t != RULE_DEFAULT && !winner.rule->rule.lock &&
			   ORDER_ACTION(here.order) > ORDER_ACTION(winner.order)) {
			winner = here;
			*ret_tightened = true;
		}
	}
	return answered(run, stricter(run, winner, ret_tightened));
}

static struct best run_postprocess(struct run *run, struct best winner)
{
	enum rule_action base = winner.rule ? ORDER_ACTION(winner.order) : run->set->otherwise;
	bool tightened = false;
	struct best after;

	forget_best(run);
	run->grant = NULL; /* what was found may be why one wants to know again */
	run_phase(run, RULE_POSTPROCESS);
	/* below a lock nobody speaks, nor hides what a tier above it says */
	for (int t = 0; t < RULE_TIER_N; t++) {
		if (winner.rule && winner.rule->rule.lock && t > (int)winner.rule->rule.tier)
			run->best[t] = (struct best){ 0 };
	}
	after = resolve(run, &tightened);
	if (!after.rule || ORDER_ACTION(after.order) <= base)
		return winner;
	run->d->tightened |= winner.rule != NULL;
	return after;
}

static void put_findings(struct run *run)
{
	if (run->n_findings == 0)
		return;
	event_set_list(run->e, EVENT_F_COMMON_FINDINGS, run->engine->findings, run->n_findings);
	event_set_str(run->e, EVENT_F_COMMON_FINDING_LEVEL, str_of(levels[run->level]));
}

/* Findings that came with the event stay, those of the decision before do not. */
static void take_findings(struct run *run)
{
	struct cel_value v = run->e->value[EVENT_F_COMMON_FINDINGS];

	if (v.kind != CEL_LIST)
		return;
	if (v.items == run->engine->findings) {
		event_unset(run->e, EVENT_F_COMMON_FINDINGS);
		event_unset(run->e, EVENT_F_COMMON_FINDING_LEVEL);
		return;
	}
	for (uint32_t i = 0; i < v.n; i++)
		add_finding(run, v.items[i]);
	for (uint8_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (str_eqz(event_str(run->e, EVENT_F_COMMON_FINDING_LEVEL), levels[i]))
			run->level = i;
	}
}

/* --- rewrites --- */

/* Does another rule overrule this rewrite? */
static bool rewrite_overruled(const struct run *run, const struct set_rule *rule,
			      const struct best *winner)
{
	enum rule_tier tier = rule->rule.tier;

	if (run->allow[rule->rule.phase][tier] < rule->order)
		return true;
	if (!winner->rule || winner->rule->rule.tier >= tier)
		return false;
	return winner->rule->rule.lock || tier == RULE_DEFAULT;
}

static bool target_taken(const struct engine_decision *d, const struct rule_rewrite *w)
{
	for (uint32_t i = 0; i < d->n_rewrites; i++) {
		if (!d->rewrites[i].applied && rewrite_same_target(d->rewrites[i].rewrite, w))
			return true;
	}
	return false;
}

static struct engine_rewrite *note_rewrite(struct run *run, const struct set_rule *rule, size_t i)
{
	struct engine_decision *d = run->d;
	struct engine_rewrite *to = &d->rewrites[d->n_rewrites];

	if (d->n_rewrites == ENGINE_REWRITES_MAX) {
		run->overflow = true;
		run->overflow_what = "more rewrites than a decision can hold";
		return NULL;
	}
	d->n_rewrites++;
	*to = (struct engine_rewrite){ .rule = &rule->rule, .rewrite = &rule->rule.rewrites[i] };
	for (uint32_t m = 0; m < d->n_matches; m++)
		d->matches[m].applied |= d->matches[m].rule == &rule->rule;
	return to;
}

static void sort_rewrites(struct run *run)
{
	for (uint32_t i = 1; i < run->n_rewrites; i++) {
		const struct set_rule *rule = run->rewrites[i];
		uint32_t at = i;

		for (; at > 0 && run->rewrites[at - 1]->order > rule->order; at--)
			run->rewrites[at] = run->rewrites[at - 1];
		run->rewrites[at] = rule;
	}
}

static void collect_rewrites(struct run *run, const struct best *winner)
{
	sort_rewrites(run);
	for (uint32_t i = 0; i < run->n_rewrites; i++) {
		const struct set_rule *rule = run->rewrites[i];

		if (rewrite_overruled(run, rule, winner))
			continue;
		for (size_t w = 0; w < rule->rule.n_rewrites; w++) {
			if (!target_taken(run->d, &rule->rule.rewrites[w]))
				(void)note_rewrite(run, rule, w);
		}
	}
}

/* Those of preprocess are done at once, in order: what follows sees their work. */
static void run_preprocess(struct run *run, const struct set_type *type)
{
	run_phase(run, RULE_PREPROCESS);
	sort_rewrites(run);
	for (uint32_t i = 0; i < run->n_rewrites; i++) {
		const struct set_rule *rule = run->rewrites[i];

		for (size_t w = 0; w < rule->rule.n_rewrites; w++) {
			struct engine_rewrite *note = note_rewrite(run, rule, w);

			if (note && rewrite_one(run->engine, rule, w, run->e, note) < 0) {
				run->overflow = true;
				run->overflow_what = "a rewrite could not be done";
			}
			if (note)
				note->applied = true;
		}
	}
	run->n_rewrites = 0;
	forget_best(run);
	find_candidates(run, type);
}

/* --- the decision --- */

static void against(struct engine_decision *d, const char *why)
{
	d->action = RULE_BLOCK;
	d->failed = true;
	d->reason = why;
}

static void put_winner(struct run *run, struct best winner)
{
	struct engine_decision *d = run->d;
	const struct engine_error *error = &d->errors[0];

	d->action = run->set->otherwise;
	d->reason = "no rule matches";
	if (!winner.rule)
		return;
	d->action = ORDER_ACTION(winner.order);
	d->rule = &winner.rule->rule;
	d->failed = winner.failed;
	d->reason = d->rule->reason;
	for (uint32_t i = 0; winner.failed && i < d->n_errors; i++) {
		if (d->errors[i].rule == d->rule)
			error = &d->errors[i];
	}
	if (winner.failed) {
		(void)snprintf(d->text, sizeof(d->text), "the rule could not be evaluated: %s",
			       error->text);
		d->reason = d->text;
	} else if (!d->reason) {
		d->reason = d->rule->action == RULE_THROTTLE ? "the rate or quota is used up" : "";
	}
}

static void book(struct run *run)
{
	struct engine_host *host = run->engine->host;

	(void)pthread_mutex_lock(&host->lock);
	for (uint32_t i = 0; i < run->n_charges; i++)
		throttle_charge(&host->throttle, run->charges[i].key,
				&run->charges[i].rule->rule.throttle, run->charges[i].amount,
				run->unix_ms);
	(void)pthread_mutex_unlock(&host->lock);
}

static void decide_with(struct run *run, const struct set_type *type)
{
	struct engine_decision *d = run->d;
	struct best winner;

	forget_best(run);
	run->grant = NULL;
	memset(run->allow, 0xff, sizeof(run->allow));
	take_findings(run);
	find_candidates(run, type);
	if (type->phases & 1 << RULE_PREPROCESS)
		run_preprocess(run, type);
	run_phase(run, RULE_ENFORCE);
	winner = resolve(run, &d->tightened);
	if (type->phases & 1 << RULE_DETECT)
		run_phase(run, RULE_DETECT);
	put_findings(run);
	if (type->phases & 1 << RULE_POSTPROCESS)
		winner = run_postprocess(run, winner);
	put_winner(run, winner);
	if (d->action < RULE_BLOCK && run->n_rewrites)
		collect_rewrites(run, &winner);
	if (run->overflow && d->action < RULE_BLOCK)
		against(d, run->overflow_what);
	if (type->phases & 1 << RULE_EMIT)
		run_phase(run, RULE_EMIT);
	if (d->action < RULE_BLOCK && run->n_charges)
		book(run);
	if (d->action >= RULE_BLOCK || d->action == RULE_ASK)
		return;
	d->retry_after_ms = 0;
}

static void decision_init(struct engine_decision *d)
{
	d->action = RULE_BLOCK;
	d->rule = NULL;
	d->reason = "";
	d->failed = d->tightened = false;
	d->n_considered = d->n_matches = d->n_matches_more = d->n_errors = d->n_rewrites = 0;
	d->retry_after_ms = d->ns = 0;
	d->text[0] = '\0';
}

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void decide(struct engine *engine, struct event *e, struct engine_decision *d, bool charge)
{
	struct run run;
	uint64_t start = now_ns();
	const struct engine_set *set = host_acquire(engine);

	decision_init(d);
	engine->n_rewritten = 0;
	/* the large arrays of @run are filled as their counts grow */
	run.engine = engine;
	run.set = set;
	run.e = e;
	run.d = d;
	run.charge = charge;
	run.n_rewrites = run.n_findings = run.n_charges = 0;
	run.level = 0;
	run.overflow = run.has_clock = false;
	if (!set)
		against(d, "no rules are in force");
	else if (e->type >= EVENT_TYPE_N || e->damaged)
		against(d, "the event could not be read whole");
	else if (host_is_quarantined(engine->host, e))
		against(d, "the session is in quarantine");
	else
		decide_with(&run, set->types[e->type]);
	if (charge && d->action == RULE_QUARANTINE)
		host_quarantine(engine->host, e);
	d->ns = now_ns() - start;
}

void engine_decide(struct engine *engine, struct event *event, struct engine_decision *ret_decision)
{
	decide(engine, event, ret_decision, true);
}

void engine_preview(struct engine *engine, struct event *event,
		    struct engine_decision *ret_decision)
{
	decide(engine, event, ret_decision, false);
}
