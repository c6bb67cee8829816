/*
 * program - a compiled expression: a tree of nodes that run themselves.
 *
 * Every node begins with the function that evaluates it, so that evaluation is one indirect call
 * per node and what a node does was decided when it was made: a comparison of a variable with a
 * constant is one node with a function of its own (run_fused.c), everything else is put together
 * from run.c. Nodes are constant once made and never point into the tree they came from.
 *
 * Errors are values and travel up; whoever may swallow one (&& || ?: loops) asks cel_is_fatal().
 */
#pragma once

#include "cel/eval.h"
#include "cel/overload.h"

struct cel_node;
typedef struct cel_value cel_node_fn(struct cel_eval *eval, const struct cel_node *node);

struct cel_node {
	cel_node_fn *run;
	uint32_t a, b;
	const struct cel_node *x, *y;
	struct cel_value value;
	union {
		const void *p;
		const struct cel_node *const *kids; /* @a of them */
		const struct cel_call *call;
		const struct cel_fold *fold;
		const struct cel_make *make;
		cel_fn *fn;
	};
};

static inline struct cel_value cel_node_run(struct cel_eval *eval, const struct cel_node *node)
{
	return node->run(eval, node);
}

/* A call that picks its overload when it runs. */
struct cel_call {
	const char *name;
	uint32_t n_args, n_refs;
	const struct cel_node **args;
	struct cel_call_ref {
		cel_fn *call;
		void *prepared; /* instead of argument @pattern; NULL: none */
		uint32_t pattern;
		uint32_t masks[CEL_ARGS_MAX];
	} refs[];
};

/* A comprehension; locals are numbered within an evaluation. */
struct cel_fold {
	const struct cel_node *range, *init, *cond, *step, *result;
	uint32_t var, var2, accu; /* UINT32_MAX: not used */
	uint64_t weight;          /* steps of one turn */
};

/* A list, map or message that is put together. */
struct cel_make {
	const char *name; /* of a message's type */
	uint32_t n;
	const struct cel_node **keys; /* maps; messages: strings */
	const struct cel_node **values;
	const bool *optional; /* NULL: none is */
};

struct cel_prepared {
	struct cel_prepared *next;
	void (*release)(void *prepared);
	void *prepared;
};

struct cel_program {
	const struct cel_node *root;
	uint32_t n_locals;
	uint64_t weight; /* charged at once when an evaluation begins */
	uint64_t cost;   /* UINT64_MAX: depends on data */
	const struct cel_type *type;
	const struct cel_atom *atoms;
	uint32_t n_atoms;
	struct cel_prepared *prepared;
	struct cel_chunk *chunks;
	size_t bytes, bytes_max;
};

/* Memory that lives as long as the program, zeroed, aligned to 16; NULL: over its maximum. */
void *cel_program_alloc(struct cel_program *program, size_t size);

/* run.c. In parentheses: the members used. */
cel_node_fn cel_run_const;    /* value */
cel_node_fn cel_run_slot;     /* a; value: what stands for a missing one */
cel_node_fn cel_run_local;    /* a */
cel_node_fn cel_run_has_slot; /* a */
cel_node_fn cel_run_select, cel_run_has, cel_run_optional_select; /* x, value: the field */
cel_node_fn cel_run_optional_index;                               /* x, y */
cel_node_fn cel_run_and, cel_run_or;                              /* kids */
cel_node_fn cel_run_not, cel_run_not_strictly_false;              /* x */
cel_node_fn cel_run_cond;                                         /* kids: 3 */
cel_node_fn cel_run_operator1, cel_run_operator2;      /* x, y; fn takes values of any kind */
cel_node_fn cel_run_call;                              /* call */
cel_node_fn cel_run_list, cel_run_map, cel_run_struct; /* make */

/* run_fold.c */
cel_node_fn cel_run_fold;
cel_node_fn cel_run_all, cel_run_exists; /* fold, of which step is the condition */
cel_node_fn cel_run_bind;                /* fold: init, accu, result */
cel_node_fn cel_run_scoped; /* x: forgets the scratch that a plain result does not need */
cel_node_fn cel_run_append, cel_run_insert, cel_run_insert_all; /* a: the accumulator; x, y */

/* run_fused.c: variable @a (when missing: y->value) against the constant value. */
cel_node_fn cel_run_slot_eq;                   /* b: negated */
cel_node_fn cel_run_eq;                        /* x instead of a variable */
cel_node_fn cel_run_slot_order, cel_run_order; /* b: bit 0 less, 1 equal, 2 greater is true */
cel_node_fn cel_run_slot_starts, cel_run_slot_ends, cel_run_slot_contains;
/* a or x; value: a list, sorted by cel_set_order(), of one kind */
cel_node_fn cel_run_slot_in, cel_run_in;

/* An order for sets: any total one among values of one kind will do. */
int cel_set_order(const struct cel_value *a, const struct cel_value *b);
