/* Rules as YAML, as JSON, and the differences between two policies' rules. */
#include "base/own.h"
#include "codec/json_wr.h"
#include "policy/load.h"
#include "policy/show.h"

#include <string.h>

/* --- YAML: what is shown, loaded again, gives the same rules --- */

static void put_key(struct buf *out, unsigned indent, const char *key)
{
	buf_printf(out, "%*s%s: ", (int)indent, "", key);
}

static void put_pair(struct buf *out, unsigned indent, const char *key, const char *value)
{
	if (!value)
		return;
	put_key(out, indent, key);
	show_quoted(out, str_of(value));
	buf_putc(out, '\n');
}

static void put_on(struct buf *out, event_types on)
{
	const char *join = "";

	put_key(out, 4, "on");
	if (on == EVENT_TYPES_ALL) {
		buf_putz(out, "\"*\"\n");
		return;
	}
	buf_putc(out, '[');
	for (int t = 0; t < EVENT_TYPE_N; t++) {
		if (!(on >> t & 1))
			continue;
		buf_printf(out, "%s%s", join, event_type_info[t].name);
		join = ", ";
	}
	buf_putz(out, "]\n");
}

static void put_rewrites(struct buf *out, const struct policy_rule *r)
{
	if (r->n_rewrites)
		buf_putz(out, "    rewrite:\n");
	for (size_t i = 0; i < r->n_rewrites; i++) {
		const struct rule_rewrite *w = &r->rewrites[i];
		bool regex = w->op == RULE_REPLACE_REGEX;

		buf_printf(out, "      - field: %s\n", event_field_info[w->field].name);
		if (w->op == RULE_REMOVE)
			buf_putz(out, "        remove: true\n");
		else
			put_pair(out, 8, rule_op_name[w->op], regex ? w->pattern : w->value);
		put_pair(out, 8, "with", regex ? w->value : NULL);
	}
}

/* Back to the unit in which the rate was a whole number, the finest first. */
static void put_rate(struct buf *out, const struct rule_throttle *t)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	uint64_t whole = 0;
	size_t u = 0;

	for (u = 0; u < sizeof(units) / sizeof(units[0]) - 1; u++) {
		whole = (t->rate_milli * units[u].seconds + 999) / 1000;
		if (whole && whole * 1000 / units[u].seconds == t->rate_milli)
			break;
	}
	whole = (t->rate_milli * units[u].seconds + 999) / 1000;
	buf_printf(out, "      rate: %llu/%c\n      burst: %llu\n", (unsigned long long)whole,
		   units[u].unit, (unsigned long long)t->burst);
}

static void put_throttle(struct buf *out, const struct policy_rule *r)
{
	const struct rule_throttle *t = &r->throttle;
	bool cost = t->of && strcmp(t->of, "cost") == 0;

	if (r->action != RULE_THROTTLE)
		return;
	buf_putz(out, "    throttle:\n");
	if (t->rate_milli)
		put_rate(out, t);
	put_pair(out, 6, "by", t->by);
	if (t->beyond == RULE_ASK)
		buf_putz(out, "      beyond: ask\n");
	if (!t->amount)
		return;
	buf_putz(out, "      quota:\n");
	if (cost)
		buf_printf(out, "        amount: %llu.%06llu\n",
			   (unsigned long long)(t->amount / 1000000),
			   (unsigned long long)(t->amount % 1000000));
	else
		buf_printf(out, "        amount: %llu\n", (unsigned long long)t->amount);
	put_pair(out, 8, "of", t->of);
	buf_printf(out, "        per: %s\n", rule_per_name[t->per]);
}

static void put_ask(struct buf *out, const struct policy_rule *r)
{
	if (r->action != RULE_ASK || !(r->ask.timeout_ms || r->ask.scope || r->ask.prompt))
		return;
	buf_putz(out, "    ask:\n");
	if (r->ask.timeout_ms)
		buf_printf(out, "      timeout: %llums\n", (unsigned long long)r->ask.timeout_ms);
	buf_printf(out, "      scope: %s\n", rule_scope_name[r->ask.scope]);
	put_pair(out, 6, "prompt", r->ask.prompt);
}

static void put_rule(struct buf *out, const struct policy_rule *r, bool origins)
{
	buf_putz(out, "  - name: ");
	show_text(out, str_of(r->id));
	if (origins && r->where.file)
		buf_printf(out, "  # %s:%u:%u, %s", r->where.file, r->where.line, r->where.col,
			   rule_tier_name[r->tier]);
	buf_putc(out, '\n');
	put_on(out, r->on);
	put_pair(out, 4, "when", r->when);
	buf_printf(out, "    action: %s\n    phase: %s\n    priority: %d\n",
		   rule_action_name[r->action], rule_phase_name[r->phase], r->priority);
	if (r->lock)
		buf_putz(out, "    lock: true\n");
	put_pair(out, 4, "reason", r->reason);
	if (r->level)
		buf_printf(out, "    level: %s\n", r->level);
	for (size_t i = 0; i < r->n_tags; i++) {
		buf_putz(out, i ? ", " : "    tags: [");
		show_quoted(out, str_of(r->tags[i]));
	}
	buf_putz(out, r->n_tags ? "]\n" : "");
	put_rewrites(out, r);
	put_throttle(out, r);
	put_ask(out, r);
}

/* They are no part of the policy's text: loaded again they would be rules like any other. */
static void put_grants(struct buf *out, const struct policy *p)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct policy_rule *r = &p->rules[i];

		if (r->grant)
			buf_printf(out, "# granted (%s): on %s, when %s\n", r->id,
				   event_type_info[__builtin_ctzll(r->on)].name, r->when);
	}
}

void show_rules(const struct policy *p, bool origins, struct buf *out)
{
	bool any = false;

	/* said only where it says something: policies without rules stay as they were */
	if (p->rules_default != RULE_ALLOW)
		buf_putz(out, "rules_default: block\n");
	for (size_t i = 0; i < p->n_rules; i++) {
		if (p->rules[i].grant)
			continue;
		buf_putz(out, any ? "" : "rules:\n");
		any = true;
		put_rule(out, &p->rules[i], origins);
	}
	put_grants(out, p);
}

/* --- JSON --- */

static void key_str(struct json_wr *w, const char *key, const char *value)
{
	if (!value)
		return;
	json_key(w, key);
	json_strz(w, value);
}

void show_rules_json(const struct policy *p, struct json_wr *w)
{
	json_key(w, "rules_default");
	json_strz(w, rule_action_name[p->rules_default]);
	json_key(w, "rules");
	json_array(w);
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct policy_rule *r = &p->rules[i];

		json_object(w);
		key_str(w, "name", r->id);
		json_key(w, "on");
		json_array(w);
		for (int t = 0; t < EVENT_TYPE_N; t++) {
			if (r->on >> t & 1)
				json_strz(w, event_type_info[t].name);
		}
		json_end_array(w);
		key_str(w, "when", r->when);
		key_str(w, "action", rule_action_name[r->action]);
		key_str(w, "phase", rule_phase_name[r->phase]);
		key_str(w, "tier", rule_tier_name[r->tier]);
		if (r->grant) {
			json_key(w, "grant");
			json_bool(w, true);
		}
		json_key(w, "priority");
		json_i64(w, r->priority);
		json_key(w, "lock");
		json_bool(w, r->lock);
		key_str(w, "reason", r->reason);
		key_str(w, "level", r->level);
		json_key(w, "where");
		show_json_where(w, r->where);
		json_end_object(w);
	}
	json_end_array(w);
}

/* --- differences --- */

static const struct policy_rule *rule_of(const struct policy *p, const struct policy_rule *like)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		if (p->rules[i].tier == like->tier && strcmp(p->rules[i].id, like->id) == 0)
			return &p->rules[i];
	}
	return NULL;
}

static bool rule_same(const struct policy_rule *a, const struct policy_rule *b)
{
	AUTO(buf_done) struct buf x = BUF_INIT(1 << 20), y = BUF_INIT(1 << 20);

	put_rule(&x, a, false);
	put_rule(&y, b, false);
	return str_eq(buf_str(&x), buf_str(&y));
}

/* Does it hold something back? */
static int strictness(const struct policy_rule *r)
{
	return r->action >= RULE_THROTTLE ? 1 : r->action == RULE_ALLOW ? -1 : 0;
}

void show_rules_diff(const struct policy *a, const struct policy *b, show_rule_told *told,
		     void *ctx)
{
	for (size_t i = 0; i < b->n_rules; i++) {
		const struct policy_rule *r = &b->rules[i], *old = rule_of(a, r);

		if (!old)
			told(ctx, -strictness(r), r, "new");
		else if (!rule_same(old, r))
			told(ctx, 0, r, "changed");
	}
	for (size_t i = 0; i < a->n_rules; i++) {
		if (!rule_of(b, &a->rules[i]))
			told(ctx, strictness(&a->rules[i]), &a->rules[i], "gone");
	}
}
