/*
 * tree - making nodes: under the caps on their number and height, with NULL going up.
 *
 * Every function here returns NULL when one of the nodes that it is given is NULL, when a cap is
 * reached (reported once) or when there is no memory: a long expression of calls is checked once.
 */
#pragma once

#include "base/arena.h"
#include "cel/ast.h"
#include "cel/problem.h"

struct cel_tree {
	struct arena *arena;
	struct cel_problems *problems;
	uint32_t nodes;
};

/* What a node is underlined with. */
struct cel_span {
	uint32_t at, end;
};

static inline struct cel_span cel_span_of(const struct cel_expr *x)
{
	return (struct cel_span){ .at = x->at, .end = x->end };
}

struct cel_expr *cel_tree_literal(struct cel_tree *t, struct cel_span span, struct cel_value v);
struct cel_expr *cel_tree_ident(struct cel_tree *t, struct cel_span span, struct str name);
struct cel_expr *cel_tree_select(struct cel_tree *t, struct cel_span span, struct cel_expr *operand,
				 struct str field, bool test);

/* @args is kept, not copied. @target may be NULL: a call without one; for member calls see
 * cel_tree_member(). */
struct cel_expr *cel_tree_call(struct cel_tree *t, struct cel_span span, const char *name,
			       struct cel_expr **args, uint32_t n_args);
struct cel_expr *cel_tree_member(struct cel_tree *t, struct cel_span span, struct cel_expr *target,
				 struct str name, struct cel_expr **args, uint32_t n_args);
/* @a NULL is an error; one and two arguments. */
struct cel_expr *cel_tree_call1(struct cel_tree *t, struct cel_span span, const char *name,
				struct cel_expr *a);
struct cel_expr *cel_tree_call2(struct cel_tree *t, struct cel_span span, const char *name,
				struct cel_expr *a, struct cel_expr *b);
struct cel_expr *cel_tree_call3(struct cel_tree *t, struct cel_span span, const char *name,
				struct cel_expr *a, struct cel_expr *b, struct cel_expr *c);

/* @items and @optional (NULL: none is) are kept. */
struct cel_expr *cel_tree_list(struct cel_tree *t, struct cel_span span, struct cel_expr **items,
			       bool *optional, uint32_t n);
/* @name.n == 0: a map, else a struct. */
struct cel_expr *cel_tree_map(struct cel_tree *t, struct cel_span span, struct str name,
			      struct cel_entry_expr *entries, uint32_t n);

/* The fields of a fold, all but .var2 set. */
struct cel_expr *cel_tree_fold(struct cel_tree *t, struct cel_span span, struct cel_expr fold);

/* Give an expression a name: a fold over nothing (see ast.h). */
struct cel_expr *cel_tree_bind(struct cel_tree *t, struct cel_span span, struct str name,
			       struct cel_expr *init, struct cel_expr *result);

/* The operator @name over @terms[0..n), which is associative, as a tree of height log n; ops[i] stands
 * between terms i and i + 1. */
struct cel_expr *cel_tree_balanced(struct cel_tree *t, const char *name, struct cel_expr **terms,
				   const struct cel_span *ops, uint32_t n);

/* "a.b.c" when @x is a chain of selections from an identifier, else empty; in the arena. */
struct str cel_tree_chain(struct arena *arena, const struct cel_expr *x);
