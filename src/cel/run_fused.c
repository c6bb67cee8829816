/* Nodes that compare a variable, or anything, with a constant. */
#include "cel/ast.h"
#include "cel/lib_standard.h"
#include "cel/program.h"

#include <errno.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)

static inline struct cel_value slot(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value v = eval->slots[node->a];

	return LIKELY(v.kind != CEL_ERROR) ? v : node->y->value;
}

static inline bool same_text(struct cel_value a, struct cel_value b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, b.n) == 0);
}

static inline struct cel_value equal(struct cel_eval *eval, const struct cel_node *node,
				     struct cel_value v)
{
	int same;

	if (LIKELY(v.kind == node->value.kind)) {
		if (LIKELY(v.kind == CEL_STRING))
			return cel_bool(same_text(v, node->value) != node->b);
		if (v.kind == CEL_INT)
			return cel_bool((v.i == node->value.i) != node->b);
	}
	if (v.kind == CEL_ERROR)
		return v;
	same = cel_equals(eval, v, node->value);
	return same < 0 ? cel_fail_steps(eval) : cel_bool((uint32_t)same != node->b);
}

struct cel_value cel_run_slot_eq(struct cel_eval *eval, const struct cel_node *node)
{
	return equal(eval, node, slot(eval, node));
}

struct cel_value cel_run_eq(struct cel_eval *eval, const struct cel_node *node)
{
	return equal(eval, node, cel_node_run(eval, node->x));
}

static struct cel_value order_slow(struct cel_eval *eval, const struct cel_node *node,
				   struct cel_value v)
{
	static cel_fn *const by_mask[8] = {
		[1] = cel_fn_lt,
		[3] = cel_fn_le,
		[4] = cel_fn_gt,
		[6] = cel_fn_ge,
	};
	struct cel_value args[2] = { v, node->value };

	return v.kind == CEL_ERROR ? v : by_mask[node->b](eval, args, 2);
}

static inline struct cel_value order(struct cel_eval *eval, const struct cel_node *node,
				     struct cel_value v)
{
	if (LIKELY(v.kind == CEL_INT && node->value.kind == CEL_INT)) {
		int at = (v.i > node->value.i) - (v.i < node->value.i) + 1;

		return cel_bool(node->b >> at & 1);
	}
	return order_slow(eval, node, v);
}

struct cel_value cel_run_slot_order(struct cel_eval *eval, const struct cel_node *node)
{
	return order(eval, node, slot(eval, node));
}

struct cel_value cel_run_order(struct cel_eval *eval, const struct cel_node *node)
{
	return order(eval, node, cel_node_run(eval, node->x));
}

static struct cel_value no_text(struct cel_eval *eval, struct cel_value v, const char *name)
{
	struct cel_value args[2] = { v, { .kind = CEL_STRING } };

	return v.kind == CEL_ERROR ? v : cel_no_overload(eval, name, args, 2);
}

struct cel_value cel_run_slot_starts(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value v = slot(eval, node);

	if (LIKELY(v.kind == CEL_STRING))
		return cel_bool(str_starts(cel_str(v), cel_str(node->value)));
	return no_text(eval, v, "startsWith");
}

struct cel_value cel_run_slot_ends(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value v = slot(eval, node);

	if (LIKELY(v.kind == CEL_STRING))
		return cel_bool(str_ends(cel_str(v), cel_str(node->value)));
	return no_text(eval, v, "endsWith");
}

struct cel_value cel_run_slot_contains(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value args[2] = { slot(eval, node), node->value };

	if (LIKELY(args[0].kind == CEL_STRING))
		return cel_fn_contains(eval, args, 2);
	return no_text(eval, args[0], "contains");
}

int cel_set_order(const struct cel_value *a, const struct cel_value *b)
{
	switch (a->kind) {
	case CEL_STRING:
	case CEL_BYTES:
		/* length first: most strings that are not equal differ there */
		if (a->n != b->n)
			return a->n < b->n ? -1 : 1;
		return a->n ? memcmp(a->p, b->p, a->n) : 0;
	case CEL_UINT: return a->u < b->u ? -1 : a->u > b->u;
	default: return a->i < b->i ? -1 : a->i > b->i;
	}
}

static inline struct cel_value in(struct cel_eval *eval, const struct cel_node *node,
				  struct cel_value v)
{
	const struct cel_value *items = node->value.items;
	uint32_t low = 0, high = node->value.n;
	struct cel_value args[2] = { v, node->value };

	if (v.kind == CEL_ERROR)
		return v;
	if (v.kind != items[0].kind)
		return cel_fn_in(eval, args, 2);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int at = cel_set_order(&v, &items[middle]);

		if (at == 0)
			return cel_bool(true);
		if (at < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return cel_bool(false);
}

struct cel_value cel_run_slot_in(struct cel_eval *eval, const struct cel_node *node)
{
	return in(eval, node, slot(eval, node));
}

struct cel_value cel_run_in(struct cel_eval *eval, const struct cel_node *node)
{
	return in(eval, node, cel_node_run(eval, node->x));
}
