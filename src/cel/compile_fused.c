#include "cel/compile.h"

#include "cel/lib_standard.h"

#include <errno.h>
#include <stdlib.h>

static const struct {
	struct str op;
	uint8_t mask; /* bit 0: less is true, 1: equal, 2: greater */
} orders[] = {
	{ STR_C(CEL_OP_LT), 1 },
	{ STR_C(CEL_OP_LE), 3 },
	{ STR_C(CEL_OP_GT), 4 },
	{ STR_C(CEL_OP_GE), 6 },
};

/* The same comparison with its operands exchanged. */
static uint8_t mirrored(uint8_t mask)
{
	return (uint8_t)((mask & 2) | (mask & 1) << 2 | (mask & 4) >> 2);
}

/* A node that compares @x with the constant @y; @by_slot where @x is a variable. */
static struct cel_node *fused(struct cel_compile *c, cel_node_fn *by_slot, cel_node_fn *by_node,
			      struct cel_node *x, struct cel_value y)
{
	bool slot = x->run == cel_run_slot;
	struct cel_node *node =
		cel_node_new(c, slot ? by_slot : by_node,
			     1 + (y.kind == CEL_STRING || y.kind == CEL_BYTES ? y.n / 64 : 0));

	if (!node)
		return NULL;
	if (slot) {
		node->a = x->a;
		node->y = x; /* its .value stands for a missing one */
	} else {
		node->x = x;
	}
	node->value = y;
	return node;
}

static int order_items(const void *a, const void *b)
{
	return cel_set_order(a, b);
}

/* Items of one kind, for which equal means cel_set_order() is 0. */
static bool is_set(struct cel_value v)
{
	uint8_t kind;

	if (v.kind != CEL_LIST || v.n == 0)
		return false;
	kind = v.items[0].kind;
	if (kind != CEL_STRING && kind != CEL_BYTES && kind != CEL_INT && kind != CEL_UINT)
		return false;
	for (uint32_t i = 1; i < v.n; i++)
		if (v.items[i].kind != kind)
			return false;
	return true;
}

static struct cel_node *fuse_in(struct cel_compile *c, struct cel_node *x, struct cel_value list)
{
	struct cel_value *sorted;

	if (!is_set(list))
		return NULL;
	sorted = cel_build_alloc(c, list.n, sizeof(*sorted));
	if (!sorted)
		return NULL;
	memcpy(sorted, list.items, list.n * sizeof(*sorted));
	qsort(sorted, list.n, sizeof(*sorted), order_items);
	list.items = sorted;
	return fused(c, cel_run_slot_in, cel_run_in, x, list);
}

static struct cel_node *fuse_equal(struct cel_compile *c, bool negated, struct cel_node *x,
				   struct cel_node *y)
{
	struct cel_node *node;

	if (!cel_is_const(y)) {
		struct cel_node *swap = x;

		x = y;
		y = swap;
	}
	/* a constant that is walked for long must be charged as it is walked */
	if (!cel_is_const(y) || y->value.kind > CEL_BYTES)
		return NULL;
	node = fused(c, cel_run_slot_eq, cel_run_eq, x, y->value);
	if (node)
		node->b = negated;
	return node;
}

struct cel_node *cel_fuse_operator(struct cel_compile *c, struct str op, struct cel_node *x,
				   struct cel_node *y)
{
	if (!x || !y)
		return NULL;
	if (str_eq(op, STR(CEL_OP_EQ)))
		return fuse_equal(c, false, x, y);
	if (str_eq(op, STR(CEL_OP_NE)))
		return fuse_equal(c, true, x, y);
	if (str_eq(op, STR(CEL_OP_IN)))
		return cel_is_const(y) ? fuse_in(c, x, y->value) : NULL;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct cel_node *node;

		if (!str_eq(op, orders[i].op))
			continue;
		if (cel_is_const(y)) {
			node = fused(c, cel_run_slot_order, cel_run_order, x, y->value);
			if (node)
				node->b = orders[i].mask;
			return node;
		}
		if (!cel_is_const(x))
			return NULL;
		node = fused(c, cel_run_slot_order, cel_run_order, y, x->value);
		if (node)
			node->b = mirrored(orders[i].mask);
		return node;
	}
	return NULL;
}

struct cel_node *cel_fuse_member(struct cel_compile *c, cel_fn *fn, struct cel_node *x,
				 struct cel_node *y)
{
	cel_node_fn *run;

	if (x->run != cel_run_slot || !cel_is_const(y) || y->value.kind != CEL_STRING)
		return NULL;
	if (fn == cel_fn_starts)
		run = cel_run_slot_starts;
	else if (fn == cel_fn_ends)
		run = cel_run_slot_ends;
	else if (fn == cel_fn_contains)
		run = cel_run_slot_contains;
	else
		return NULL;
	return fused(c, run, NULL, x, y->value);
}

static const struct cel_value truth[2] = {
	{ .kind = CEL_BOOL, .b = false },
	{ .kind = CEL_BOOL, .b = true },
};

static bool indexable(struct cel_value v)
{
	return v.kind >= CEL_BOOL && v.kind <= CEL_BYTES;
}

/* x == "a" || x == "b": one condition on x. */
static bool atom_of_or(struct cel_program *program, const struct cel_node *term,
		       struct cel_atom *ret)
{
	struct cel_value *values;

	for (uint32_t i = 0; i < term->a; i++) {
		const struct cel_node *kid = term->kids[i];

		if (kid->run != cel_run_slot_eq || kid->b || kid->a != term->kids[0]->a ||
		    !indexable(kid->value))
			return false;
	}
	values = cel_program_alloc(program, term->a * sizeof(*values));
	if (!values)
		return false;
	for (uint32_t i = 0; i < term->a; i++)
		values[i] = term->kids[i]->value;
	*ret = (struct cel_atom){ CEL_ATOM_EQUAL, term->kids[0]->a, values, term->a };
	return true;
}

static bool atom_of(struct cel_program *program, const struct cel_node *term, struct cel_atom *ret)
{
	struct cel_atom atom = { .slot = term->a, .values = &term->value, .n = 1 };

	if (term->run == cel_run_slot) {
		atom.values = &truth[1];
	} else if (term->run == cel_run_not && term->x->run == cel_run_slot) {
		atom.slot = term->x->a;
		atom.values = &truth[0];
	} else if (term->run == cel_run_slot_eq && !term->b && indexable(term->value)) {
		atom.kind = CEL_ATOM_EQUAL;
	} else if (term->run == cel_run_slot_in) {
		atom.values = term->value.items;
		atom.n = term->value.n;
	} else if (term->run == cel_run_slot_starts) {
		atom.kind = CEL_ATOM_PREFIX;
	} else if (term->run == cel_run_slot_ends) {
		atom.kind = CEL_ATOM_SUFFIX;
	} else {
		return term->run == cel_run_or && atom_of_or(program, term, ret);
	}
	*ret = atom;
	return true;
}

int cel_program_find_atoms(struct cel_program *program)
{
	const struct cel_node *root = program->root, *const *terms = &root;
	uint32_t n = 1, found = 0;
	struct cel_atom *atoms;

	if (root->run == cel_run_and) {
		terms = root->kids;
		n = root->a;
	}
	atoms = cel_program_alloc(program, n * sizeof(*atoms));
	if (!atoms)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		found += atom_of(program, terms[i], &atoms[found]);
	program->atoms = atoms;
	program->n_atoms = found;
	return 0;
}
