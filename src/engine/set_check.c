/* Mistakes that a rule shows before any event comes. */
#include "engine/set.h"

#include "base/buf.h"
#include "cel/env.h"
#include "event/env.h"

static const char *first_type(event_types on)
{
	return event_type_info[__builtin_ctzll(on)].name;
}

/* --- the rule --- */

static void check_rewrite(struct set_build *b, const struct set_rule *rule,
			  const struct rule_rewrite *w)
{
	const struct event_field_info *f;
	struct str name, value;

	if ((int)w->field < 0 || w->field >= EVENT_FIELD_N) {
		set_problem(b, rule, "rewrite", false, "no such field");
		return;
	}
	f = &event_field_info[w->field];
	if (!(f->flags & EVENT_WRITABLE)) {
		set_problem(b, rule, "rewrite", false,
			    "%s cannot be rewritten; docs/events.md marks what can with W",
			    f->name);
		return;
	}
	if (rule->rule.on & ~f->on)
		set_problem(b, rule, "rewrite", false, "a %s has no %s to rewrite",
			    first_type(rule->rule.on & ~f->on), f->name);
	if (w->op == RULE_STRIP_HEADER && (f->kind != EVENT_HEADERS || !w->value || !w->value[0]))
		set_problem(b, rule, "rewrite", false,
			    "strip_header takes a header's name, and belongs to headers");
	if (w->op == RULE_REPLACE_REGEX && (f->kind != EVENT_STRING || !w->pattern || !w->value))
		set_problem(b, rule, "rewrite", false,
			    "replace_regex takes a pattern and a text, and belongs to text");
	if (w->op == RULE_SET && !w->value)
		set_problem(b, rule, "rewrite", false, "'set' without a value");
	else if (w->op == RULE_SET && f->kind == EVENT_HEADERS &&
		 !rewrite_header(str_of(w->value), &name, &value))
		set_problem(b, rule, "rewrite", false, "a header is set as 'name: value'");
}

static void check_rewrites(struct set_build *b, const struct set_rule *rule)
{
	const struct policy_rule *r = &rule->rule;

	if (r->action == RULE_REWRITE && r->n_rewrites == 0)
		set_problem(b, rule, NULL, false, "a rewrite that rewrites nothing");
	if (r->action != RULE_REWRITE && r->n_rewrites)
		set_problem(b, rule, "rewrite", false, "'rewrite' belongs to action rewrite alone");
	if (r->n_rewrites > RULE_REWRITES_MAX)
		set_problem(b, rule, "rewrite", false, "more than %d rewrites", RULE_REWRITES_MAX);
	for (size_t i = 0; i < r->n_rewrites && i < RULE_REWRITES_MAX; i++) {
		check_rewrite(b, rule, &r->rewrites[i]);
		for (size_t j = 0; j < i; j++) {
			if (rewrite_conflict(&r->rewrites[i], &r->rewrites[j]))
				set_problem(b, rule, "rewrite", false,
					    "two rewrites of %s in one rule",
					    event_field_info[r->rewrites[i].field].name);
		}
	}
}

static void check_throttle(struct set_build *b, const struct set_rule *rule)
{
	const struct rule_throttle *t = &rule->rule.throttle;
	bool any = t->rate_milli || t->amount;

	if (rule->rule.action != RULE_THROTTLE) {
		if (any || t->by || t->of)
			set_problem(b, rule, "throttle", false,
				    "'throttle' belongs to action throttle alone");
		return;
	}
	if (!any)
		set_problem(b, rule, NULL, false, "a throttle needs a rate or a quota");
	if (t->rate_milli && t->burst == 0)
		set_problem(b, rule, "throttle", false,
			    "a burst of at least 1 is needed, or nothing ever passes");
	if (t->beyond != RULE_OBSERVE && t->beyond != RULE_BLOCK && t->beyond != RULE_ASK)
		set_problem(b, rule, "throttle", false, "beyond a throttle is block or ask");
}

void set_check_rule(struct set_build *b, const struct set_rule *rule)
{
	const struct policy_rule *r = &rule->rule;

	if (!r->id[0])
		set_problem(b, rule, NULL, false, "a rule needs an id");
	if (!(r->on & EVENT_TYPES_ALL))
		set_problem(b, rule, NULL, false, "a rule on no type of event");
	if (!rule_phase_takes(r->phase, r->action))
		set_problem(b, rule, NULL, false, "%s has no place in phase %s",
			    rule_action_name[r->action], rule_phase_name[r->phase]);
	if (r->priority < RULE_PRIORITY_MIN || r->priority > RULE_PRIORITY_MAX)
		set_problem(b, rule, NULL, false, "priority %d is not from %d to %d", r->priority,
			    RULE_PRIORITY_MIN, RULE_PRIORITY_MAX);
	if (r->lock && r->tier != RULE_ORG && r->tier != RULE_PROFILE)
		set_problem(b, rule, NULL, false,
			    "only the organisation's and a profile's rules can be locked");
	if (r->tier == RULE_PROJECT && r->action == RULE_ALLOW)
		set_problem(b, rule, NULL, false,
			    "a project's file can only tighten: it may not allow");
	check_rewrites(b, rule);
	check_throttle(b, rule);
}

/* --- the tree --- */

struct walk {
	struct set_build *b;
	const struct set_rule *rule;
	const char *part;
};

static void check_node(struct walk *w, const struct cel_expr *x)
{
	event_types on = w->rule->rule.on;
	int slot = x->decl ? x->decl->slot : -1;

	if (slot >= 0 && slot < EVENT_FIELD_N && !(event_field_info[slot].on & on) &&
	    !w->rule->rule.lenient)
		set_problem(w->b, w->rule, w->part, false, "a %s never has %s", first_type(on),
			    event_field_info[slot].name);
	if (x->kind == CEL_X_CALL && x->call.target && x->call.target->kind == CEL_X_LITERAL &&
	    x->call.target->literal.kind == CEL_RECORD &&
	    event_record_headers(x->call.target->literal.record->id) == EVENT_FIELD_NONE)
		set_problem(w->b, w->rule, w->part, false, "%s has no %.*s()",
			    x->call.target->literal.record->name, STR_ARG(x->call.name));
}

static void walk(struct walk *w, const struct cel_expr *x)
{
	if (!x)
		return;
	check_node(w, x);
	switch ((enum cel_expr_kind)x->kind) {
	case CEL_X_LITERAL:
	case CEL_X_IDENT: return;
	case CEL_X_SELECT:
		if (!x->decl)
			walk(w, x->select.operand);
		return;
	case CEL_X_CALL:
		if (!x->call.qualified)
			walk(w, x->call.target);
		for (uint32_t i = 0; i < x->call.n_args; i++)
			walk(w, x->call.args[i]);
		return;
	case CEL_X_LIST:
		for (uint32_t i = 0; i < x->list.n; i++)
			walk(w, x->list.items[i]);
		return;
	case CEL_X_MAP:
	case CEL_X_STRUCT:
		for (uint32_t i = 0; i < x->map.n; i++) {
			walk(w, x->map.entries[i].key);
			walk(w, x->map.entries[i].value);
		}
		return;
	case CEL_X_FOLD:
		walk(w, x->fold.range);
		walk(w, x->fold.init);
		walk(w, x->fold.cond);
		walk(w, x->fold.step);
		walk(w, x->fold.result);
		return;
	}
}

void set_check_tree(struct set_build *b, const struct set_rule *rule, const char *part,
		    const struct cel_expr *tree)
{
	struct walk w = { .b = b, .rule = rule, .part = part };

	walk(&w, tree);
}
