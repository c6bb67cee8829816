/*
 * rules: each is read, its expressions are checked, and it is kept. Whether it may rewrite what it
 * rewrites, and whether it ties with another, is the engine's to say.
 */
#include "base/own.h"
#include "cel/check.h"
#include "cel/parse.h"
#include "event/env.h"
#include "policy/apply.h"

#include <stdio.h>

#define RULES_MAX 4096
#define CHECK_MEMORY (4U << 20) /* as cel_compile() takes for itself */

/* --- small values --- */

APPLY_SET(apply_rules_default)
{
	l->p->rules_default = value->choice == 0 ? RULE_ALLOW : RULE_BLOCK;
	l->p->origin[s->key] = load_where(l, node);
}

APPLY_SET(apply_rule_name)
{
	(void)s;
	l->rule.rule.where = load_where(l, node);
	l->rule.rule.id = value->text.p;
	for (size_t i = 0; i < value->text.n; i++) {
		char c = value->text.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("_.-", c))
			continue;
		load_error(l, node, "a rule's name has letters, digits, '.', '_' and '-' only");
		return;
	}
	if (value->text.n > 128)
		load_error(l, node, "a name of more than 128 bytes");
}

#define BIT(type) EVENT_BIT(EVENT_##type)
/* What a run asks the rules about, and what belongs to the same families and never comes up in one. */
#define LIVE                                                                       \
	(BIT(FILE_OPEN) | BIT(FILE_CREATE) | BIT(FILE_DELETE) | BIT(FILE_RENAME) | \
	 BIT(FILE_LINK) | BIT(FILE_CHMOD) | BIT(PROCESS_EXEC) | BIT(NET_CONNECT) | BIT(NET_BIND))
#define BESIDE                                                                       \
	(BIT(FILE_READ) | BIT(FILE_WRITE) | BIT(FILE_EXEC_MAP) | BIT(PROCESS_EXIT) | \
	 BIT(PROCESS_SIGNAL) | BIT(PROCESS_PTRACE) | BIT(NET_ACCEPT) | BIT(NET_SEND))

/* Of what one word under `on` stands for, a type that nothing asks the rules about; -1: none. */
static int unenforced(event_types types)
{
	event_types others = types & LIVE ? types & ~(LIVE | BESIDE) : types;

	return others ? __builtin_ctzll(others) : -1;
}

APPLY_SET(apply_rule_on)
{
	event_types types = event_types_find(value->text);
	const char *near = event_type_nearest(value->text);

	(void)s;
	l->rule.rule.on |= types;
	if (types && (l->rule.unenforced < 0 || !l->rule.on_node)) {
		l->rule.unenforced = unenforced(types);
		l->rule.on_node = node;
	}
	if (types)
		return;
	if (near)
		load_error(l, node, "no event type '%.80s'; did you mean '%s'?", value->text.p,
			   near);
	else
		load_error(
			l, node,
			"no event type '%.80s'; docs/events.md lists them, http.* is all of http",
			value->text.p);
}

APPLY_SET(apply_rule_when)
{
	(void)s;
	l->rule.when_node = node;
	l->rule.rule.when = value->text.p;
	l->rule.rule.when_where = load_where_in(l, node, 0);
}

APPLY_SET(apply_rule_action)
{
	(void)s;
	(void)node;
	l->rule.rule.action = (enum rule_action)value->choice;
}

APPLY_SET(apply_rule_phase)
{
	static const enum rule_phase phases[] = { RULE_PREPROCESS, RULE_ENFORCE, RULE_DETECT,
						  RULE_POSTPROCESS, RULE_EMIT };

	(void)s;
	l->rule.phase_node = node;
	l->rule.rule.phase = phases[value->choice];
}

APPLY_SET(apply_rule_priority)
{
	bool negative = value->text.p[0] == '-';
	uint64_t number;

	(void)s;
	if (str_to_u64(str_sub(value->text, negative, value->text.n), &number) < 0 ||
	    number > RULE_PRIORITY_MAX)
		load_error(l, node,
			   "'%.40s' is not a whole number from %d to %d; the lower goes first",
			   value->text.p, RULE_PRIORITY_MIN, RULE_PRIORITY_MAX);
	else
		l->rule.rule.priority = negative ? -(int)number : (int)number;
}

APPLY_SET(apply_rule_lock)
{
	(void)s;
	if (value->number && l->src->trust != TRUST_ORG)
		load_error(l, node, "only the organisation's rules can be locked");
	l->rule.rule.lock = value->number != 0;
}

APPLY_SET(apply_rule_reason)
{
	(void)s;
	(void)l;
	(void)node;
	l->rule.rule.reason = value->text.p;
}

APPLY_SET(apply_rule_level)
{
	(void)node;
	l->rule.rule.level = s->choices[value->choice];
}

APPLY_SET(apply_rule_tag)
{
	(void)s;
	if (l->rule.rule.n_tags == RULE_TAGS_MAX)
		load_error(l, node, "more than %d tags", RULE_TAGS_MAX);
	else
		load_append(l, LIST_RULE_TAGS, &l->rule.rule.tags, &l->rule.rule.n_tags,
			    &value->text.p, sizeof(value->text.p));
}

/* --- rewrite --- */

APPLY_BEGIN(apply_rewrite_begin)
{
	(void)s;
	l->rule.rewrite =
		(struct rule_rewrite){ .field = EVENT_FIELD_NONE, .where = load_where(l, node) };
	l->rule.n_ops = 0;
	return true;
}

APPLY_SET(apply_rewrite_field)
{
	const char *near = event_field_nearest(value->text);

	(void)s;
	l->rule.rewrite.field = event_field_find(value->text);
	if (l->rule.rewrite.field == EVENT_FIELD_NONE && near)
		load_error(l, node, "no field '%.80s'; did you mean '%s'?", value->text.p, near);
	else if (l->rule.rewrite.field == EVENT_FIELD_NONE)
		load_error(l, node, "no field '%.80s'; docs/events.md lists them", value->text.p);
	else if (!(event_field_info[l->rule.rewrite.field].flags & EVENT_WRITABLE))
		load_error(l, node, "%s cannot be rewritten; docs/events.md marks what can with W",
			   value->text.p);
}

APPLY_SET(apply_rewrite_op)
{
	struct rule_rewrite *w = &l->rule.rewrite;

	if (s->arg == RULE_REMOVE && !value->number)
		load_error(l, node, "'remove' is true, or is not there");
	w->op = (enum rule_rewrite_op)s->arg;
	l->rule.n_ops++;
	if (w->op == RULE_REPLACE_REGEX)
		w->pattern = value->text.p;
	else if (w->op != RULE_REMOVE)
		w->value = value->text.p;
}

APPLY_SET(apply_rewrite_with)
{
	(void)s;
	(void)node;
	l->rule.with = value->text.p;
}

APPLY_END(apply_rewrite_end)
{
	struct load_rule_draft *d = &l->rule;

	(void)s;
	if (d->n_ops != 1)
		load_error(l, node, "one of set, remove, replace_regex and strip_header is needed");
	else if ((d->rewrite.op == RULE_REPLACE_REGEX) != (d->with != NULL))
		load_error(l, node, "'replace_regex' and 'with' belong together");
	else if (d->rule.n_rewrites == RULE_REWRITES_MAX)
		load_error(l, node, "more than %d rewrites", RULE_REWRITES_MAX);
	if (d->with)
		d->rewrite.value = d->with;
	d->with = NULL;
	load_append(l, LIST_RULE_REWRITES, &d->rule.rewrites, &d->rule.n_rewrites, &d->rewrite,
		    sizeof(d->rewrite));
}

/* --- throttle, ask --- */

/* "10/s", "1.5/s", "100/m", "5000/h", "20/d": thousandths a second, rounded down but for 0. */
APPLY_SET(apply_throttle_rate)
{
	const char *slash = strchr(value->text.p, '/');
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	uint64_t whole = 0, rate = 0;
	struct str number = str_sub(value->text, 0, slash ? (size_t)(slash - value->text.p) : 0);

	(void)s;
	l->rule.rate_node = node;
	for (size_t i = 0; slash && i < sizeof(units) / sizeof(units[0]); i++) {
		if (slash[1] == units[i].unit && !slash[2] && str_to_u64(number, &whole) == 0 &&
		    whole <= 1000000000)
			rate = whole * 1000 / units[i].seconds;
	}
	if (whole && !rate && slash)
		rate = 1;
	if (!rate || !whole)
		load_error(l, node, "'%.40s' is no rate; write, for example, 10/s, 100/m or 5000/h",
			   value->text.p);
	l->rule.rule.throttle.rate_milli = rate;
	if (!l->rule.rule.throttle.burst)
		l->rule.rule.throttle.burst = whole > rate / 1000 && rate >= 1000 ? rate / 1000 : 1;
}

APPLY_SET(apply_throttle_burst)
{
	(void)s;
	(void)node;
	l->rule.rule.throttle.burst = value->number;
}

APPLY_SET(apply_throttle_by)
{
	(void)s;
	l->rule.by_node = node;
	l->rule.rule.throttle.by = value->text.p;
	l->rule.rule.throttle.by_where = load_where_in(l, node, 0);
}

APPLY_SET(apply_throttle_beyond)
{
	(void)s;
	(void)node;
	l->rule.rule.throttle.beyond = value->choice == 0 ? RULE_BLOCK : RULE_ASK;
}

APPLY_SET(apply_quota_amount)
{
	(void)s;
	(void)value;
	l->rule.amount_node = node;
}

APPLY_SET(apply_quota_of)
{
	static const char *const words[] = { "requests", "bytes", "tokens", "cost" };

	(void)s;
	l->rule.rule.throttle.of = value->text.p;
	l->rule.rule.throttle.of_where = load_where_in(l, node, 0);
	l->rule.of_node = node;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_eqz(value->text, words[i]))
			l->rule.of_node = 0; /* no expression */
	}
}

APPLY_SET(apply_quota_per)
{
	(void)s;
	(void)node;
	l->rule.rule.throttle.per = (enum rule_per)value->choice;
}

APPLY_SET(apply_ask_timeout)
{
	(void)s;
	(void)node;
	l->rule.rule.ask.timeout_ms = value->number;
	l->rule.has_ask = true;
}

APPLY_SET(apply_ask_scope)
{
	(void)s;
	(void)node;
	l->rule.rule.ask.scope = (enum rule_scope)value->choice;
	l->rule.has_ask = true;
}

APPLY_SET(apply_ask_prompt)
{
	(void)s;
	(void)node;
	l->rule.rule.ask.prompt = value->text.p;
	l->rule.has_ask = true;
}

/* Money "12.50" in millionths; else a number, with a size's unit where bytes are counted. */
static bool read_amount(struct load *l)
{
	struct rule_throttle *t = &l->rule.rule.throttle;
	static const struct schema size = { .scalar = SCALAR_SIZE },
				   count = { .scalar = SCALAR_COUNT };
	bool bytes = t->of && strcmp(t->of, "bytes") == 0;
	bool cost = t->of && strcmp(t->of, "cost") == 0;
	struct str text = yaml_str(&l->src->doc, l->rule.amount_node);
	const char *dot = memchr(text.p, '.', text.n);
	struct str whole = str_sub(text, 0, dot ? (size_t)(dot - text.p) : text.n);
	uint64_t units = 0, parts = 0, scale = 1000000;
	struct load_value value;

	if (!cost) {
		if (!load_value_parse(l, bytes ? &size : &count, l->rule.amount_node, &value))
			return false;
		t->amount = value.number;
		return true;
	}
	for (const char *p = dot ? dot + 1 : text.p + text.n; p < text.p + text.n; p++) {
		if (*p < '0' || *p > '9' || scale == 1)
			goto wrong;
		scale /= 10;
		parts += (uint64_t)(*p - '0') * scale;
	}
	if (str_to_u64(whole, &units) < 0 || units > 1000000000 || units + parts == 0)
		goto wrong;
	t->amount = units * 1000000 + parts;
	return true;
wrong:
	load_error(l, l->rule.amount_node,
		   "'%.40s' is no sum of US dollars; write, for example, 12.50", text.p);
	return false;
}

/* --- the whole rule --- */

APPLY_BEGIN(apply_rule_begin)
{
	static const enum rule_tier tiers[] = { [TRUST_BUILTIN] = RULE_DEFAULT,
						[TRUST_ORG] = RULE_ORG,
						[TRUST_USER] = RULE_USER,
						[TRUST_PROJECT] = RULE_PROJECT };

	(void)s;
	l->rule = (struct load_rule_draft){
		.rule = { .tier = tiers[l->src->trust],
			  .action = RULE_ACTION_N,
			  .phase = RULE_PHASE_N,
			  .priority = RULE_PRIORITY_DEFAULT,
			  .where = load_where(l, node) },
		.unenforced = -1,
	};
	l->cap[LIST_RULE_TAGS] = l->cap[LIST_RULE_REWRITES] = 0;
	return true;
}

struct expression {
	struct load *l;
	uint32_t node;
};

static void on_problem(void *ctx, const struct cel_problem *problem)
{
	struct expression *x = ctx;
	struct policy_where where = load_where_in(x->l, x->node, problem->at);

	diag_add(x->l->diag, DIAG_ERROR, where, problem->width, "rule '%.60s': %s",
		 x->l->rule.rule.id, problem->text);
}

static void check_expression(struct load *l, uint32_t node, const struct cel_type *want)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(CHECK_MEMORY);
	struct expression x = { .l = l, .node = node };
	struct str source = yaml_str(&l->src->doc, node);
	const struct cel_type *type;
	struct cel_expr *tree = NULL;

	if (cel_parse(&arena, event_env(), source, on_problem, &x, &tree) == 0)
		(void)cel_check(&arena, event_env(), source, tree, want, on_problem, &x, &type);
}

static void check_parts(struct load *l, uint32_t node)
{
	struct load_rule_draft *d = &l->rule;
	struct policy_rule *r = &d->rule;
	bool throttle = r->throttle.rate_milli || d->amount_node || d->by_node || d->of_node;

	if (r->phase == RULE_PHASE_N)
		r->phase = rule_phase_default(r->action);
	if (!rule_phase_takes(r->phase, r->action))
		load_error(l, d->phase_node ? d->phase_node : node,
			   "action %s has no place in phase %s", rule_action_name[r->action],
			   rule_phase_name[r->phase]);
	if (r->tier == RULE_PROJECT && r->action == RULE_ALLOW)
		load_error(l, node, "a project's file may only tighten: a rule in it cannot allow");
	if ((r->action == RULE_REWRITE) != (r->n_rewrites > 0))
		load_error(l, node,
			   r->n_rewrites ? "'rewrite' belongs to action rewrite"
					 : "action rewrite needs a 'rewrite'");
	if ((r->action == RULE_THROTTLE) != throttle)
		load_error(l, node,
			   throttle ? "'throttle' belongs to action throttle"
				    : "action throttle needs a 'throttle'");
	if (d->has_ask && r->action != RULE_ASK)
		load_error(l, node, "'ask' belongs to action ask");
	if (r->action == RULE_THROTTLE && !r->throttle.rate_milli && !d->amount_node)
		load_error(l, node, "a throttle needs a 'rate', or a 'quota' with an 'amount'");
}

/* The supervisor asks the rules during a run; a rule that would be ignored is a mistake. */
static void check_enforced(struct load *l)
{
	const struct policy_rule *r = &l->rule.rule;
	int type = l->rule.unenforced;

	if (l->vars->rules || type < 0)
		return;
	load_error(l, l->rule.on_node,
		   "rule '%.60s' is not enforceable in this build: %s events would be stopped by "
		   "%s, which does not ask the rules yet; 'capsule rules' works on it",
		   r->id ? r->id : "", event_type_info[type].name,
		   event_by_name[event_type_info[type].enforce]);
}

static bool id_taken(const struct load *l, const struct policy_rule *r)
{
	for (size_t i = 0; i < l->p->n_rules; i++) {
		if (l->p->rules[i].tier == r->tier && strcmp(l->p->rules[i].id, r->id) == 0)
			return true;
	}
	return false;
}

APPLY_END(apply_rule_end)
{
	struct load_rule_draft *d = &l->rule;
	unsigned errors = l->diag->errors;

	(void)s;
	if (!d->rule.id || !d->rule.on || d->rule.action == RULE_ACTION_N)
		return; /* told as missing or wrong */
	check_parts(l, node);
	if (d->amount_node)
		(void)read_amount(l);
	if (d->when_node)
		check_expression(l, d->when_node, &cel_type_bool);
	if (d->by_node)
		check_expression(l, d->by_node, &cel_type_string);
	if (d->of_node)
		check_expression(l, d->of_node, &cel_type_int);
	check_enforced(l);
	if (l->grants) {
		d->rule.grant = true;
		if (d->rule.action != RULE_ALLOW || d->rule.phase != RULE_ENFORCE || !d->rule.when)
			load_error(l, node, "a grant is of action allow and has a 'when'");
	}
	if (id_taken(l, &d->rule))
		load_error(l, node, "a rule '%.60s' is there already", d->rule.id);
	if (l->p->n_rules >= RULES_MAX)
		load_error(l, node, "more than %d rules", RULES_MAX);
	if (l->diag->errors == errors)
		load_append(l, LIST_RULES, &l->p->rules, &l->p->n_rules, &d->rule, sizeof(d->rule));
}
