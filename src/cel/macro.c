/*
 * macro - what the macros of the language expand to.
 *
 * Most become a fold (ast.h) whose accumulator is called "@result", which no text can name. Folds nest
 * without clashing: the parts of an inner one that see its accumulator never need the outer one's.
 * Every argument is used once in what a macro expands to, so that towers of macros stay as big as
 * their text.
 */
#include "cel/macro.h"

#include <stdio.h>

#define ACCU STR("@result")
#define TARGET STR("@target")
#define SORTED STR("@sorted")
#define ANY_NUMBER 0xff

struct macro {
	const char *space; /* "cel": a call cel.name(...) */
	const char *name;
	uint8_t args; /* ANY_NUMBER: .expand looks */
	bool member;  /* of a value: x.name(...) */
	bool optional;
	struct cel_expr *(*expand)(struct cel_tree *t, struct cel_expr *call);
};

static struct cel_expr *complain(struct cel_tree *t, const struct cel_expr *x, const char *text)
{
	cel_problem_add(t->problems, x->at, x->end, "%s", text);
	return NULL;
}

static struct cel_expr *result_of(struct cel_tree *t, struct cel_span span)
{
	return cel_tree_ident(t, span, ACCU);
}

static struct cel_expr *boolean(struct cel_tree *t, struct cel_span span, bool b)
{
	return cel_tree_literal(t, span, cel_bool(b));
}

static struct cel_expr *empty_list(struct cel_tree *t, struct cel_span span)
{
	return cel_tree_list(t, span, NULL, NULL, 0);
}

/* Argument @i as the name of a variable; empty: it was reported. */
static struct str variable(struct cel_tree *t, const struct cel_expr *call, unsigned i)
{
	const struct cel_expr *x = call->call.args[i];

	if (x->kind == CEL_X_IDENT && x->ident.name.p[0] != '.')
		return x->ident.name;
	cel_problem_add(t->problems, x->at, x->end,
			"%.*s() names its variable here: a plain name is expected",
			STR_ARG(call->call.name));
	return (struct str){ 0 };
}

/*
 * The loop of @call with one or two variables, everything but .init, .cond, .step and .result. false:
 * a mistake was reported.
 */
static bool loop(struct cel_tree *t, struct cel_expr *call, unsigned n_vars,
		 struct cel_expr *ret_fold)
{
	struct cel_expr fold = { .fold = { .range = call->call.target, .accu = ACCU } };

	fold.fold.var = variable(t, call, 0);
	if (!fold.fold.var.n)
		return false;
	if (n_vars == 2) {
		fold.fold.var2 = variable(t, call, 1);
		if (!fold.fold.var2.n)
			return false;
		if (str_eq(fold.fold.var, fold.fold.var2)) {
			complain(t, call->call.args[1], "the two variables have the same name");
			return false;
		}
	}
	*ret_fold = fold;
	return true;
}

/* all, exists: they differ in what they start from and in what ends them. */
static struct cel_expr *quantify(struct cel_tree *t, struct cel_expr *call, bool all)
{
	struct cel_span span = cel_span_of(call);
	unsigned n_vars = call->call.n_args - 1;
	struct cel_expr fold, *going = result_of(t, span);

	if (!loop(t, call, n_vars, &fold))
		return NULL;
	if (!all)
		going = cel_tree_call1(t, span, CEL_OP_NOT, going);
	fold.fold.init = boolean(t, span, all);
	fold.fold.cond = cel_tree_call1(t, span, CEL_OP_NOT_STRICTLY_FALSE, going);
	fold.fold.step = cel_tree_call2(t, span, all ? CEL_OP_AND : CEL_OP_OR, result_of(t, span),
					call->call.args[n_vars]);
	fold.fold.result = result_of(t, span);
	return cel_tree_fold(t, span, fold);
}

static struct cel_expr *expand_all(struct cel_tree *t, struct cel_expr *call)
{
	return quantify(t, call, true);
}

static struct cel_expr *expand_exists(struct cel_tree *t, struct cel_expr *call)
{
	return quantify(t, call, false);
}

static struct cel_expr *expand_exists_one(struct cel_tree *t, struct cel_expr *call)
{
	struct cel_span span = cel_span_of(call);
	unsigned n_vars = call->call.n_args - 1;
	struct cel_expr fold, *more;

	if (!loop(t, call, n_vars, &fold))
		return NULL;
	more = cel_tree_call2(t, span, CEL_OP_ADD, result_of(t, span),
			      cel_tree_literal(t, span, cel_int(1)));
	fold.fold.init = cel_tree_literal(t, span, cel_int(0));
	fold.fold.cond = boolean(t, span, true);
	fold.fold.step = cel_tree_call3(t, span, CEL_OP_COND, call->call.args[n_vars], more,
					result_of(t, span));
	fold.fold.result = cel_tree_call2(t, span, CEL_OP_EQ, result_of(t, span),
					  cel_tree_literal(t, span, cel_int(1)));
	return cel_tree_fold(t, span, fold);
}

/* A loop that collects from @init: @step where @filter (NULL: always) holds. */
static struct cel_expr *collect(struct cel_tree *t, struct cel_span span, struct cel_expr fold,
				struct cel_expr *init, struct cel_expr *filter,
				struct cel_expr *step)
{
	fold.fold.init = init;
	fold.fold.cond = boolean(t, span, true);
	fold.fold.step =
		filter ? cel_tree_call3(t, span, CEL_OP_COND, filter, step, result_of(t, span))
		       : step;
	fold.fold.result = result_of(t, span);
	return cel_tree_fold(t, span, fold);
}

/* map(x, value), map(x, filter, value), transformList(i, x, [filter,] value). */
static struct cel_expr *to_list(struct cel_tree *t, struct cel_expr *call, unsigned n_vars)
{
	struct cel_span span = cel_span_of(call);
	struct cel_expr fold, **args = call->call.args;
	unsigned n = call->call.n_args;

	if (!loop(t, call, n_vars, &fold))
		return NULL;
	return collect(t, span, fold, empty_list(t, span), n > n_vars + 1 ? args[n_vars] : NULL,
		       cel_tree_call2(t, span, CEL_OP_APPEND, result_of(t, span), args[n - 1]));
}

static struct cel_expr *expand_map(struct cel_tree *t, struct cel_expr *call)
{
	return to_list(t, call, 1);
}

static struct cel_expr *expand_transform_list(struct cel_tree *t, struct cel_expr *call)
{
	return to_list(t, call, 2);
}

/* sortBy(x, key): the list is named, its keys are collected, and a function sorts by them. */
static struct cel_expr *expand_sort_by(struct cel_tree *t, struct cel_expr *call)
{
	struct cel_span span = cel_span_of(call);
	struct cel_expr **args = arena_array(t->arena, 1, struct cel_expr *), fold;

	if (!args || !loop(t, call, 1, &fold))
		return NULL;
	fold.fold.range = cel_tree_ident(t, span, SORTED);
	args[0] = collect(
		t, span, fold, empty_list(t, span), NULL,
		cel_tree_call2(t, span, CEL_OP_APPEND, result_of(t, span), call->call.args[1]));
	return cel_tree_bind(t, span, SORTED, call->call.target,
			     cel_tree_member(t, span, cel_tree_ident(t, span, SORTED),
					     STR("@sortByAssociatedKeys"), args, 1));
}

static struct cel_expr *expand_filter(struct cel_tree *t, struct cel_expr *call)
{
	struct cel_span span = cel_span_of(call);
	struct cel_expr fold, *item;

	if (!loop(t, call, 1, &fold))
		return NULL;
	item = cel_tree_ident(t, cel_span_of(call->call.args[0]), fold.fold.var);
	return collect(t, span, fold, empty_list(t, span), call->call.args[1],
		       cel_tree_call2(t, span, CEL_OP_APPEND, result_of(t, span), item));
}

/* transformMap(k, v, [filter,] value), transformMapEntry(k, v, [filter,] {key: value}). */
static struct cel_expr *to_map(struct cel_tree *t, struct cel_expr *call, bool entries)
{
	struct cel_span span = cel_span_of(call);
	struct cel_expr fold, *step, **args = call->call.args;
	unsigned n = call->call.n_args;

	if (!loop(t, call, 2, &fold))
		return NULL;
	if (entries)
		step = cel_tree_call2(t, span, CEL_OP_INSERT_ALL, result_of(t, span), args[n - 1]);
	else
		step = cel_tree_call3(t, span, CEL_OP_INSERT, result_of(t, span),
				      cel_tree_ident(t, span, fold.fold.var), args[n - 1]);
	return collect(t, span, fold, cel_tree_map(t, span, (struct str){ 0 }, NULL, 0),
		       n > 3 ? args[2] : NULL, step);
}

static struct cel_expr *expand_transform_map(struct cel_tree *t, struct cel_expr *call)
{
	return to_map(t, call, false);
}

static struct cel_expr *expand_transform_entry(struct cel_tree *t, struct cel_expr *call)
{
	return to_map(t, call, true);
}

static struct cel_expr *expand_has(struct cel_tree *t, struct cel_expr *call)
{
	struct cel_expr *x = call->call.args[0];

	if (x->kind == CEL_X_CALL && x->call.target)
		return complain(t, call,
				"has() asks for the presence of a field, has(a.b); of what a "
				"function gives, a.f(x).exists() asks");
	if (x->kind != CEL_X_SELECT || x->select.test)
		return complain(t, call, "has() asks for the presence of a field: has(a.b)");
	return cel_tree_select(t, cel_span_of(x), x->select.operand, x->select.field, true);
}

static struct cel_expr *expand_bind(struct cel_tree *t, struct cel_expr *call)
{
	struct str name = variable(t, call, 0);

	if (!name.n)
		return NULL;
	return cel_tree_bind(t, cel_span_of(call), name, call->call.args[1], call->call.args[2]);
}

/*
 * A name that only a macro can make, from the numbers that are the arguments: cel.index(3) is
 * "@index:3".
 */
static struct cel_expr *numbered(struct cel_tree *t, struct cel_expr *call, const char *prefix)
{
	uint32_t n = call->call.n_args;
	struct cel_expr **args = call->call.args;
	char *name;

	for (uint32_t i = 0; i < n; i++) {
		if (args[i]->kind != CEL_X_LITERAL || args[i]->literal.kind != CEL_INT ||
		    args[i]->literal.i < 0 || args[i]->literal.i > INT32_MAX)
			return complain(t, args[i], "a whole number is expected here");
	}
	name = arena_printf(t->arena, "%s:%d:%d", prefix, (int)args[0]->literal.i,
			    n > 1 ? (int)args[1]->literal.i : 0);
	return name ? cel_tree_ident(t, cel_span_of(call), str_of(name)) : NULL;
}

static struct cel_expr *expand_index(struct cel_tree *t, struct cel_expr *call)
{
	return numbered(t, call, "@index");
}

static struct cel_expr *expand_iter_var(struct cel_tree *t, struct cel_expr *call)
{
	return numbered(t, call, "@iter");
}

static struct cel_expr *expand_accu_var(struct cel_tree *t, struct cel_expr *call)
{
	return numbered(t, call, "@accu");
}

/* cel.block([a, b], x): a gets the name cel.index(0), b the name cel.index(1), in x. */
static struct cel_expr *expand_block(struct cel_tree *t, struct cel_expr *call)
{
	struct cel_expr *list = call->call.args[0], *x = call->call.args[1];

	if (list->kind != CEL_X_LIST || list->list.optional)
		return complain(t, list, "cel.block() takes a list of expressions here");
	for (uint32_t i = list->list.n; i > 0; i--) {
		char *name = arena_printf(t->arena, "@index:%u:0", i - 1);

		if (!name)
			return NULL;
		x = cel_tree_bind(t, cel_span_of(call), str_of(name), list->list.items[i - 1], x);
	}
	return x;
}

/* @target.optMap(v, x): none stays none; else @wrap (optMap) or nothing (optFlatMap) around x. */
static struct cel_expr *opt_map(struct cel_tree *t, struct cel_expr *call, bool wrap)
{
	struct cel_span span = cel_span_of(call);
	struct str name = variable(t, call, 0);
	struct cel_expr *there, *value, *x, *space;

	if (!name.n)
		return NULL;
	space = cel_tree_ident(t, span, STR("optional"));
	there = cel_tree_member(t, span, cel_tree_ident(t, span, TARGET), STR("hasValue"), NULL, 0);
	value = cel_tree_member(t, span, cel_tree_ident(t, span, TARGET), STR("value"), NULL, 0);
	x = cel_tree_bind(t, span, name, value, call->call.args[1]);
	if (wrap) {
		struct cel_expr **args = arena_array(t->arena, 1, struct cel_expr *);

		if (!args)
			return NULL;
		args[0] = x;
		x = cel_tree_member(t, span, space, STR("of"), args, 1);
	}
	return cel_tree_bind(
		t, span, TARGET, call->call.target,
		cel_tree_call3(t, span, CEL_OP_COND, there, x,
			       cel_tree_member(t, span, cel_tree_ident(t, span, STR("optional")),
					       STR("none"), NULL, 0)));
}

static struct cel_expr *expand_opt_map(struct cel_tree *t, struct cel_expr *call)
{
	return opt_map(t, call, true);
}

static struct cel_expr *expand_opt_flat_map(struct cel_tree *t, struct cel_expr *call)
{
	return opt_map(t, call, false);
}

/* math.greatest(a, b, c): one list; of one or two arguments it is an ordinary function. */
static struct cel_expr *expand_extreme(struct cel_tree *t, struct cel_expr *call)
{
	struct cel_span span = cel_span_of(call);
	struct cel_expr **args;

	if (call->call.n_args == 0) {
		cel_problem_add(t->problems, span.at, span.end,
				"math.%.*s() takes at least one argument",
				STR_ARG(call->call.name));
		return NULL;
	}
	if (call->call.n_args <= 2)
		return call;
	args = arena_array(t->arena, 1, struct cel_expr *);
	if (!args)
		return NULL;
	args[0] = cel_tree_list(t, span, call->call.args, NULL, call->call.n_args);
	return cel_tree_member(t, span, call->call.target, call->call.name, args, 1);
}

static const struct macro macros[] = {
	{ NULL, "has", 1, false, false, expand_has },
	{ NULL, "all", 2, true, false, expand_all },
	{ NULL, "all", 3, true, false, expand_all },
	{ NULL, "exists", 2, true, false, expand_exists },
	{ NULL, "exists", 3, true, false, expand_exists },
	{ NULL, "exists_one", 2, true, false, expand_exists_one },
	{ NULL, "exists_one", 3, true, false, expand_exists_one },
	{ NULL, "existsOne", 2, true, false, expand_exists_one },
	{ NULL, "existsOne", 3, true, false, expand_exists_one },
	{ NULL, "map", 2, true, false, expand_map },
	{ NULL, "map", 3, true, false, expand_map },
	{ NULL, "filter", 2, true, false, expand_filter },
	{ NULL, "sortBy", 2, true, false, expand_sort_by },
	{ NULL, "transformList", 3, true, false, expand_transform_list },
	{ NULL, "transformList", 4, true, false, expand_transform_list },
	{ NULL, "transformMap", 3, true, false, expand_transform_map },
	{ NULL, "transformMap", 4, true, false, expand_transform_map },
	{ NULL, "transformMapEntry", 3, true, false, expand_transform_entry },
	{ NULL, "transformMapEntry", 4, true, false, expand_transform_entry },
	{ NULL, "optMap", 2, true, true, expand_opt_map },
	{ NULL, "optFlatMap", 2, true, true, expand_opt_flat_map },
	{ "cel", "bind", 3, false, false, expand_bind },
	{ "cel", "block", 2, false, false, expand_block },
	{ "cel", "index", 1, false, false, expand_index },
	{ "cel", "iterVar", 2, false, false, expand_iter_var },
	{ "cel", "accuVar", 2, false, false, expand_accu_var },
	{ "math", "greatest", ANY_NUMBER, false, false, expand_extreme },
	{ "math", "least", ANY_NUMBER, false, false, expand_extreme },
};

static bool macro_is(const struct macro *m, const struct cel_expr *call, bool optional)
{
	const struct cel_expr *target = call->call.target;

	if (!str_eqz(call->call.name, m->name) || (m->optional && !optional))
		return false;
	if (m->args != ANY_NUMBER && m->args != call->call.n_args)
		return false;
	if (m->space)
		return target && target->kind == CEL_X_IDENT &&
		       str_eqz(target->ident.name, m->space);
	return m->member == (target != NULL);
}

struct cel_expr *cel_macro_expand(struct cel_tree *t, struct cel_expr *call, bool optional)
{
	for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]); i++) {
		if (macro_is(&macros[i], call, optional))
			return macros[i].expand(t, call);
	}
	return call;
}

static const struct {
	const char *name, *usage;
} usages[] = {
	{ "has", "has(a.b)" },
	{ "all", "list.all(x, condition), or .all(index, x, condition)" },
	{ "exists", "list.exists(x, condition), or .exists(index, x, condition); "
		    "FIELD.exists() asks for presence" },
	{ "exists_one", "list.exists_one(x, condition), or .exists_one(index, x, condition)" },
	{ "existsOne", "list.existsOne(x, condition), or .existsOne(index, x, condition)" },
	{ "map", "list.map(x, value), or .map(x, condition, value)" },
	{ "filter", "list.filter(x, condition)" },
	{ "sortBy", "list.sortBy(x, key)" },
	{ "transformList", "list.transformList(index, x, value), or (index, x, condition, value)" },
	{ "transformMap", "map.transformMap(key, x, value), or (key, x, condition, value)" },
	{ "transformMapEntry", "map.transformMapEntry(key, x, {new_key: value})" },
	{ "optMap", "optional.optMap(x, value)" },
	{ "optFlatMap", "optional.optFlatMap(x, optional)" },
	{ "bind", "cel.bind(x, value, expression)" },
	{ "block", "cel.block([value, ...], expression)" },
};

const char *cel_macro_usage(struct str name)
{
	for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
		if (str_eqz(name, usages[i].name))
			return usages[i].usage;
	}
	return NULL;
}
