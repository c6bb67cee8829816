/*
 * Theory of operation
 *
 * A set is built in one go: rules are copied and checked; each expression is parsed and checked once
 * for its tree, from which come the checks that a type cannot tell and the keys of the index, and
 * compiled; ties are looked for; for each type of event an index is made over its rules. Everything
 * but the programs lives in the set's arena. Nothing is changed afterwards.
 */
#include "engine/set.h"

#include "base/buf.h"
#include "base/own.h"
#include "cel/check.h"
#include "cel/parse.h"
#include "event/env.h"

#include <stdarg.h>

#define ERRORS_MAX 10

static const char *const level_names[] = { "info", "low", "medium", "high", "critical" };

/* --- mistakes --- */

static void tell(struct set_build *b, struct engine_problem *p)
{
	AUTO(buf_done) struct buf where = BUF_INIT(4096);

	if (!p->warning && b->errors++ == 0) {
		engine_rule_where(p->rule, &where);
		(void)err_text(b->err, EBADMSG, "%s: rule '%s': %s", buf_cstr(&where), p->rule->id,
			       p->text);
	}
	if (b->options->report && (p->warning || b->errors <= ERRORS_MAX))
		b->options->report(b->options->ctx, p);
}

void set_problem(struct set_build *b, const struct set_rule *rule, const char *part, bool warning,
		 const char *fmt, ...)
{
	struct engine_problem p = { .rule = &rule->rule, .part = part, .warning = warning };
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p.text = text;
	tell(b, &p);
}

/* --- expressions --- */

struct expression {
	struct set_build *b;
	const struct set_rule *rule;
	const char *part, *source;
};

static void on_problem(void *ctx, const struct cel_problem *problem)
{
	struct expression *x = ctx;
	struct engine_problem p = { .rule = &x->rule->rule,
				    .part = x->part,
				    .source = x->source,
				    .cel = problem,
				    .text = problem->text };

	tell(x->b, &p);
}

/* The checked tree, in the scratch arena; NULL after reports. */
static struct cel_expr *tree_of(struct expression *x, const struct cel_type *want)
{
	const struct cel_type *type;
	struct cel_expr *tree = NULL;
	struct str source = str_of(x->source);

	if (cel_parse(&x->b->scratch, event_env(), source, on_problem, x, &tree) < 0 ||
	    cel_check(&x->b->scratch, event_env(), source, tree, want, on_problem, x, &type) < 0)
		return NULL;
	return tree;
}

static int compile(struct set_build *b, const struct set_rule *rule, const char *part,
		   const char *source, const struct cel_type *want, struct index_terms *terms,
		   struct cel_program **ret)
{
	struct expression x = { .b = b, .rule = rule, .part = part, .source = source };
	struct cel_options options = { .result = want, .report = on_problem, .ctx = &x };
	unsigned before = b->errors;
	struct cel_expr *tree = tree_of(&x, want);
	int r = 0;

	if (tree) {
		set_check_tree(b, rule, part, tree);
		if (terms)
			index_terms_of(&b->set->arena, tree, terms);
		r = cel_compile(event_env(), str_of(source), &options, ret);
		if (r < 0 && r != -ENOMEM && b->errors == before)
			set_problem(b, rule, part, false, "it could not be compiled");
	}
	arena_done(&b->scratch);
	b->scratch = ARENA_INIT(TREE_MEMORY_MAX);
	if (*ret && cel_program_cost(*ret) > STEPS_MAX)
		set_problem(b, rule, part, false,
			    "it may take %llu steps, more than the %d that it has",
			    (unsigned long long)cel_program_cost(*ret), STEPS_MAX);
	return r == -ENOMEM ? r : 0;
}

/* The expressions that the words of a quota's `of` stand for. */
static const char *amount_expression(const char *of)
{
	static const struct {
		const char *word, *expression;
	} words[] = {
		{ "requests", "1" },
		{ "bytes", "http.request.bytes + http.response.bytes + file.activity.byte_count + "
			   "net.activity.bytes + ws.message.size" },
		{ "tokens", "has(model.response.output_tokens) ? model.response.input_tokens + "
			    "model.response.output_tokens : model.request.estimated_input_tokens + "
			    "model.request.estimated_output_tokens" },
		{ "cost", "has(model.response.cost_micros) ? model.response.cost_micros : "
			  "model.request.estimated_cost_micros" },
	};

	for (size_t i = 0; of && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(of, words[i].word) == 0)
			return words[i].expression;
	}
	return of ? of : "1";
}

static int compile_throttle(struct set_build *b, struct set_rule *rule)
{
	const struct rule_throttle *t = &rule->rule.throttle;
	const char *of = amount_expression(t->of);
	bool lenient = rule->rule.lenient;
	int r = 0;

	if (rule->rule.action != RULE_THROTTLE)
		return 0;
	if (t->by)
		r = compile(b, rule, "throttle.by", t->by, &cel_type_string, NULL, &rule->by);
	/* the words' expressions name fields of many types */
	rule->rule.lenient |= of != t->of;
	if (r == 0 && t->amount)
		r = compile(b, rule, "throttle.quota.of", of, &cel_type_int, NULL, &rule->of);
	rule->rule.lenient = lenient;
	return r;
}

static int compile_rewrites(struct set_build *b, struct set_rule *rule)
{
	size_t n = rule->rule.n_rewrites;
	int r = 0;

	rule->replace = arena_array(&b->set->arena, n + 1, struct cel_program *);
	if (!rule->replace)
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++) {
		const struct rule_rewrite *w = &rule->rule.rewrites[i];
		AUTO(buf_done) struct buf text = BUF_INIT(CEL_SOURCE_MAX);

		if (w->op != RULE_REPLACE_REGEX || !w->pattern || !w->value)
			continue;
		r = rewrite_expression(w, &text);
		if (r == 0)
			r = compile(b, rule, "rewrite", buf_cstr(&text), &cel_type_string, NULL,
				    &rule->replace[i]);
	}
	return r;
}

/* --- one rule --- */

static int level_of(struct set_build *b, struct set_rule *rule)
{
	const char *level = rule->rule.level;

	for (uint8_t i = 0; level && i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcmp(level, level_names[i]) == 0) {
			rule->level = i;
			return 0;
		}
	}
	if (level)
		set_problem(b, rule, NULL, false,
			    "level '%.40s' is none of info, low, medium, high, critical", level);
	return 0;
}

static int add_rule(struct set_build *b, const struct policy_rule *from, uint32_t i,
		    struct index_terms *terms)
{
	struct set_rule *rule = &b->set->rules[i];
	unsigned before = b->errors;
	int r = set_copy_rule(&b->set->arena, from, &rule->rule);

	if (r < 0)
		return r;
	set_check_rule(b, rule);
	(void)level_of(b, rule);
	if (b->errors != before)
		return 0;
	if (rule->rule.when)
		r = compile(b, rule, "when", rule->rule.when, &cel_type_bool, terms, &rule->when);
	if (r == 0)
		r = compile_throttle(b, rule);
	return r < 0 ? r : compile_rewrites(b, rule);
}

/* --- precedence --- */

static _Thread_local const struct set_rule *sorting; /* qsort takes no context */

static int id_cmp(const void *pa, const void *pb)
{
	const struct policy_rule *a = &sorting[*(const uint32_t *)pa].rule;
	const struct policy_rule *b = &sorting[*(const uint32_t *)pb].rule;
	int order = strcmp(a->id, b->id);

	if (order == 0)
		order = strcmp(a->pack ? a->pack : "", b->pack ? b->pack : "");
	if (order == 0)
		order = (a->tier > b->tier) - (a->tier < b->tier);
	return order;
}

/* Where rules agree in all but their ids, these say which is named: never the order of files. */
static int set_orders(struct set_build *b)
{
	struct engine_set *set = b->set;
	uint32_t *sorted = calloc(set->n + 1, sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->n; i++)
		sorted[i] = i;
	sorting = set->rules;
	qsort(sorted, set->n, sizeof(*sorted), id_cmp);
	for (uint32_t i = 0; i < set->n; i++) {
		struct set_rule *rule = &set->rules[sorted[i]];
		uint64_t priority = (uint64_t)(rule->rule.priority - RULE_PRIORITY_MIN);

		rule->order = order_with((uint64_t)rule->rule.tier << ORDER_TIER_SHIFT |
						 priority << ORDER_PRIORITY_SHIFT | i,
					 rule->rule.action);
		if (i && id_cmp(&sorted[i - 1], &sorted[i]) == 0)
			set_problem(b, rule, NULL, false, "a rule of this id is there already");
	}
	free(sorted);
	return 0;
}

/* --- the index --- */

/* Do types @t and @u have the same rules? Then they share an index. */
static bool same_rules(const struct engine_set *set, int t, int u)
{
	for (uint32_t i = 0; i < set->n; i++) {
		if ((set->rules[i].rule.on >> t & 1) != (set->rules[i].rule.on >> u & 1))
			return false;
	}
	return true;
}

static int index_type(struct engine_set *set, int t, uint32_t *rules)
{
	struct set_type *type;
	uint32_t n = 0;

	for (int u = 0; u < t; u++) {
		if (same_rules(set, t, u)) {
			set->types[t] = set->types[u];
			return 0;
		}
	}
	type = arena_new(&set->arena, struct set_type);
	if (!type)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->n; i++) {
		if (set->rules[i].rule.on >> t & 1) {
			rules[n++] = i;
			type->phases |= (uint8_t)(1 << set->rules[i].rule.phase);
		}
	}
	set->types[t] = type;
	return index_build(&set->arena, rules, n, set->terms, set->chosen, &type->index);
}

static int index_types(struct engine_set *set)
{
	int8_t *chosen = arena_array(&set->arena, set->n + 1, int8_t);
	uint32_t *rules = calloc(set->n + 1, sizeof(*rules));
	int r = chosen && rules ? index_choose(&set->arena, set->terms, set->n, chosen) : -ENOMEM;

	set->chosen = chosen;
	for (int t = 0; t < EVENT_TYPE_N && r == 0; t++)
		r = index_type(set, t, rules);
	free(rules);
	return r;
}

/* --- the whole --- */

static int build(struct set_build *b, const struct policy_rule *rules)
{
	struct engine_set *set = b->set;
	struct index_terms *terms = arena_array(&set->arena, set->n + 1, struct index_terms);
	int r = 0;

	set->rules = arena_array(&set->arena, set->n + 1, struct set_rule);
	if (!terms || !set->rules)
		return -ENOMEM;
	set->terms = terms;
	for (uint32_t i = 0; i < set->n && r == 0 && b->errors < ERRORS_MAX; i++)
		r = add_rule(b, &rules[i], i, &terms[i]);
	if (r == 0 && b->errors == 0)
		r = set_orders(b);
	if (r == 0 && b->errors == 0)
		r = set_check_ties(b);
	if (r == 0 && b->errors == 0)
		r = index_types(set);
	return r == 0 && b->errors ? -EBADMSG : r;
}

static int set_digest(struct engine_set *set)
{
	AUTO(buf_done) struct buf text = BUF_INIT(SET_MEMORY_MAX);
	int r = set_write(set, &text);

	if (r == 0)
		blake3(text.p, text.n, set->digest);
	return r;
}

int engine_set_new(const struct policy_rule *rules, size_t n, const struct engine_options *options,
		   struct engine_set **ret_set, struct err *err)
{
	static const struct engine_options defaults = { .otherwise = RULE_ALLOW };
	AUTO(engine_set_freep) struct engine_set *set = NULL;
	struct set_build b = { .options = options ? options : &defaults,
			       .err = err,
			       .scratch = ARENA_INIT(TREE_MEMORY_MAX) };
	int r;

	if (n > ENGINE_RULES_MAX)
		return err_text(err, E2BIG, "more than %d rules", ENGINE_RULES_MAX);
	if (b.options->otherwise != RULE_ALLOW && b.options->otherwise != RULE_BLOCK)
		return err_text(err, EINVAL, "without a rule, allow or block");
	set = calloc(1, sizeof(*set));
	if (!set)
		return err_set(err, ENOMEM, "rules");
	set->arena = ARENA_INIT(b.options->memory_max ? b.options->memory_max : SET_MEMORY_MAX);
	set->n = (uint32_t)n;
	set->otherwise = b.options->otherwise;
	b.set = set;
	r = build(&b, rules);
	arena_done(&b.scratch);
	if (r == 0)
		r = set_digest(set);
	if (r < 0)
		return err_is_set(err) ? r : err_set(err, -r, "rules");
	*ret_set = take_ptr(&set);
	return 0;
}

struct engine_set *engine_set_free(struct engine_set *set)
{
	if (!set)
		return NULL;
	for (uint32_t i = 0; set->rules && i < set->n; i++) {
		struct set_rule *rule = &set->rules[i];

		rule->when = cel_program_free(rule->when);
		rule->by = cel_program_free(rule->by);
		rule->of = cel_program_free(rule->of);
		for (size_t w = 0; rule->replace && w < rule->rule.n_rewrites; w++)
			rule->replace[w] = cel_program_free(rule->replace[w]);
	}
	arena_done(&set->arena);
	free(set);
	return NULL;
}

void engine_set_freep(struct engine_set **set)
{
	*set = engine_set_free(*set);
}

size_t engine_set_count(const struct engine_set *set)
{
	return set->n;
}

const struct policy_rule *engine_set_rule(const struct engine_set *set, size_t i)
{
	return &set->rules[i].rule;
}

enum rule_action engine_set_otherwise(const struct engine_set *set)
{
	return set->otherwise;
}

const uint8_t *engine_set_digest(const struct engine_set *set)
{
	return set->digest;
}

void engine_set_explain_index(const struct engine_set *set, size_t i, struct buf *out)
{
	if (set->terms[i].never)
		buf_putz(out, "never");
	else if (set->chosen[i] < 0)
		buf_putz(out, "every event of its types");
	else
		index_alternative_print(&set->terms[i].alternative[set->chosen[i]], out);
}
