/*
 * compile - from a checked tree to a program, inside: what the parts of it share.
 *
 * Whatever depends on nothing but constants is evaluated here, once, on a budget of its own; an error
 * there is no mistake of the text and stays for the evaluation to find. So is anything that comes out
 * larger than is worth keeping.
 */
#pragma once

#include "cel/ast.h"
#include "cel/problem.h"
#include "cel/program.h"

#define CEL_NO_LOCAL UINT32_MAX

/* A piece of program, and what it depends on. */
struct cel_built {
	struct cel_node *node; /* NULL: failed */
	bool varies;           /* on variables, or on the world */
	uint32_t local;        /* the outermost local that it reads; CEL_NO_LOCAL: none */
	uint32_t size;         /* nodes, about: what evaluating it once may take */
};

struct cel_scope {
	struct str name;
	uint32_t local;
};

struct cel_compile {
	const struct cel_env *env;
	struct cel_program *program;
	struct cel_problems *problems;
	bool unchecked;
	struct cel_scope *scopes; /* innermost last */
	size_t n_scopes, cap_scopes;
	uint32_t live;           /* locals in use */
	uint64_t weight, cost;   /* cost UINT64_MAX: depends on data */
	struct cel_eval *folder; /* NULL: not needed yet */
	size_t computed;         /* bytes that computed constants take */
	int error;
};

/* 0, -EBADMSG (reported), -ENOMEM. Fills everything in c->program but its .type. */
int cel_compile_tree(struct cel_compile *c, const struct cel_expr *tree);

/* compile.c */
struct cel_built cel_build(struct cel_compile *c, const struct cel_expr *x);
/* A node of weight @steps; NULL: -ENOMEM is set. */
struct cel_node *cel_node_new(struct cel_compile *c, cel_node_fn *run, uint64_t steps);
/* What a node may take beyond its weight, for the bound only. */
void cel_cost_add(struct cel_compile *c, uint64_t steps);
void *cel_build_alloc(struct cel_compile *c, size_t count, size_t size);
struct cel_built cel_built_const(struct cel_compile *c, struct cel_value v);
/* Dependencies of @b added to those of @to. */
void cel_built_join(struct cel_built *to, struct cel_built b);

/* A constant that is no error. */
static inline bool cel_is_const(const struct cel_node *node)
{
	return node->run == cel_run_const && node->value.kind != CEL_ERROR;
}

/* compile_const.c: evaluate now what can be. */
struct cel_built cel_settle(struct cel_compile *c, struct cel_built b);
/* A copy of @v, all of it, in the program. false: too large, or no memory. */
bool cel_value_keep(struct cel_compile *c, struct cel_value v, struct cel_value *ret);

/* compile_fold.c */
struct cel_built cel_build_fold(struct cel_compile *c, const struct cel_expr *x);

/* compile_fused.c: a node of run_fused.c in place of a call of @op with settled operands, or NULL
 * where none fits. */
struct cel_node *cel_fuse_operator(struct cel_compile *c, struct str op, struct cel_node *x,
				   struct cel_node *y);
struct cel_node *cel_fuse_member(struct cel_compile *c, cel_fn *fn, struct cel_node *x,
				 struct cel_node *y);
/* The conditions without which the finished program is not true. */
int cel_program_find_atoms(struct cel_program *program);
