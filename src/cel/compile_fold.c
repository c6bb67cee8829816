#include "cel/compile.h"

#include <errno.h>
#include <stdlib.h>

#define FAILED ((struct cel_built){ .node = NULL })

static bool scope_push(struct cel_compile *c, struct str name, uint32_t local)
{
	if (c->n_scopes == c->cap_scopes) {
		size_t cap = c->cap_scopes ? c->cap_scopes * 2 : 16;
		struct cel_scope *more = realloc(c->scopes, cap * sizeof(*more));

		if (!more) {
			c->error = -ENOMEM;
			return false;
		}
		c->scopes = more;
		c->cap_scopes = cap;
	}
	c->scopes[c->n_scopes++] = (struct cel_scope){ .name = name, .local = local };
	return true;
}

/* @n locals from here on: the first of them. */
static uint32_t locals_take(struct cel_compile *c, uint32_t n)
{
	uint32_t first = c->live;

	c->live += n;
	if (c->live > c->program->n_locals)
		c->program->n_locals = c->live;
	return first;
}

static bool is_accu(const struct cel_expr *x, const struct cel_expr *fold)
{
	return x->kind == CEL_X_IDENT && str_eq(x->ident.name, fold->fold.accu);
}

static bool is_bool(const struct cel_expr *x, bool b)
{
	return x->kind == CEL_X_LITERAL && x->literal.kind == CEL_BOOL && x->literal.b == b;
}

/*
 * all(): true; accu && condition; exists(): false; accu || condition. Both end early by
 * themselves. The condition, or NULL: it is neither.
 */
static const struct cel_expr *condition_of(const struct cel_expr *x, cel_node_fn **ret_run)
{
	const struct cel_expr *step = x->fold.step, *cond = x->fold.cond;
	bool all;

	if (step->kind != CEL_X_CALL || step->call.target || step->call.n_args != 2 ||
	    !is_accu(step->call.args[0], x) || !is_accu(x->fold.result, x) ||
	    cond->kind != CEL_X_CALL || !str_eq(cond->call.name, STR(CEL_OP_NOT_STRICTLY_FALSE)))
		return NULL;
	all = str_eq(step->call.name, STR(CEL_OP_AND));
	if (!all && !str_eq(step->call.name, STR(CEL_OP_OR)))
		return NULL;
	if (!is_bool(x->fold.init, all))
		return NULL;
	*ret_run = all ? cel_run_all : cel_run_exists;
	return step->call.args[1];
}

static bool is_bind(const struct cel_expr *x)
{
	return x->fold.range->kind == CEL_X_LIST && x->fold.range->list.n == 0;
}

/* A name for an expression: nothing is walked. */
static struct cel_built build_bind(struct cel_compile *c, const struct cel_expr *x,
				   struct cel_node *node, struct cel_fold *fold)
{
	struct cel_built b = { .node = node, .local = CEL_NO_LOCAL, .size = 1 };
	struct cel_built init = cel_settle(c, cel_build(c, x->fold.init)), result;
	uint32_t live = c->live;
	size_t scopes = c->n_scopes;

	if (!init.node)
		return FAILED;
	node->run = cel_run_bind;
	fold->accu = locals_take(c, 1);
	if (!scope_push(c, x->fold.accu, fold->accu))
		return FAILED;
	result = cel_build(c, x->fold.result);
	if (!result.node)
		return FAILED;
	fold->init = init.node;
	fold->result = result.node;
	/* what it reads of its own name is its own affair */
	if (result.local >= fold->accu)
		result.local = CEL_NO_LOCAL;
	cel_built_join(&b, init);
	cel_built_join(&b, result);
	c->n_scopes = scopes;
	c->live = live;
	return b;
}

/* Those that take no scratch, or give it back themselves. */
static bool is_frugal(cel_node_fn *run)
{
	return run == cel_run_const || run == cel_run_slot || run == cel_run_local ||
	       run == cel_run_has_slot || run == cel_run_slot_eq || run == cel_run_slot_order ||
	       run == cel_run_slot_starts || run == cel_run_slot_ends ||
	       run == cel_run_slot_contains || run == cel_run_slot_in || run == cel_run_all ||
	       run == cel_run_exists;
}

/* @inner such that a plain result leaves no trace in the scratch. NULL: failed. */
static const struct cel_node *scoped(struct cel_compile *c, const struct cel_node *inner)
{
	struct cel_node *node;

	if (is_frugal(inner->run))
		return inner;
	node = cel_node_new(c, cel_run_scoped, 0);
	if (node)
		node->x = inner;
	return node;
}

/* The body: what is evaluated at each turn. What it weighs goes to the fold, not to what is around. */
static bool build_turn(struct cel_compile *c, const struct cel_expr *x,
		       const struct cel_expr *condition, struct cel_fold *fold,
		       struct cel_built *join)
{
	uint64_t weight = c->weight;
	struct cel_built cond = { 0 }, step;

	c->weight = 0;
	if (!condition) {
		cond = cel_build(c, x->fold.cond);
		if (!cond.node)
			return false;
		cel_built_join(join, cond);
		fold->cond = cond.node;
	}
	step = cel_build(c, condition ? condition : x->fold.step);
	if (!step.node)
		return false;
	/* of filters, the condition; what is collected must stay */
	if (step.node->run == cel_run_cond) {
		const struct cel_node **kids = (const struct cel_node **)(uintptr_t)step.node->kids;

		kids[0] = scoped(c, kids[0]);
		if (!kids[0])
			return false;
	}
	cel_built_join(join, step);
	fold->step = step.node;
	fold->weight = c->weight + 1;
	c->weight = weight;
	return true;
}

/* What all turns together cost at most. */
static void fold_cost(struct cel_compile *c, uint64_t before, const struct cel_fold *fold)
{
	uint64_t turn = c->cost, all;
	const struct cel_value *range = &fold->range->value;

	c->cost = UINT64_MAX;
	if (before == UINT64_MAX || turn == UINT64_MAX || !cel_is_const(fold->range) ||
	    (range->kind != CEL_LIST && range->kind != CEL_MAP))
		return;
	if (!__builtin_mul_overflow(turn + 1, (uint64_t)range->n, &all) &&
	    !__builtin_add_overflow(before, all, &all))
		c->cost = all;
}

static struct cel_built build_loop(struct cel_compile *c, const struct cel_expr *x,
				   struct cel_node *node, struct cel_fold *fold)
{
	const struct cel_expr *condition = condition_of(x, &node->run);
	struct cel_built b = { .node = node, .local = CEL_NO_LOCAL, .size = 1 }, range, init,
			 result, inner = b;
	uint32_t live = c->live, first;
	size_t scopes = c->n_scopes;
	uint64_t cost;

	range = cel_settle(c, cel_build(c, x->fold.range));
	if (!range.node)
		return FAILED;
	init = cel_settle(c, cel_build(c, x->fold.init));
	if (!init.node)
		return FAILED;
	fold->range = range.node;
	fold->init = init.node;
	first = locals_take(c, 3);
	fold->var = first;
	fold->var2 = x->fold.var2.n ? first + 1 : UINT32_MAX;
	fold->accu = first + 2;
	if (!scope_push(c, x->fold.accu, fold->accu) || !scope_push(c, x->fold.var, fold->var) ||
	    (x->fold.var2.n && !scope_push(c, x->fold.var2, fold->var2)))
		return FAILED;
	cost = c->cost;
	c->cost = 0;
	if (!build_turn(c, x, condition, fold, &inner))
		return FAILED;
	fold_cost(c, cost, fold);
	c->n_scopes = scopes + 1; /* the result sees the accumulator only */
	if (!condition) {
		result = cel_build(c, x->fold.result);
		if (!result.node)
			return FAILED;
		fold->result = result.node;
		cel_built_join(&inner, result);
	}
	if (inner.local >= first)
		inner.local = CEL_NO_LOCAL;
	cel_built_join(&b, range);
	cel_built_join(&b, init);
	cel_built_join(&b, inner);
	c->n_scopes = scopes;
	c->live = live;
	return b;
}

struct cel_built cel_build_fold(struct cel_compile *c, const struct cel_expr *x)
{
	struct cel_node *node = cel_node_new(c, cel_run_fold, 1);
	struct cel_fold *fold = cel_build_alloc(c, 1, sizeof(*fold));

	if (!node || !fold)
		return FAILED;
	node->fold = fold;
	return is_bind(x) ? build_bind(c, x, node, fold) : build_loop(c, x, node, fold);
}
