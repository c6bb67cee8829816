/*
 * cel - Common Expression Language: compile once, evaluate often, without allocating.
 *
 *	struct cel_program *program;
 *	cel_compile(&env, STR("host.endsWith('.example.com') && port == 443"), &options, &program, &problems);
 *	struct cel_eval *eval = cel_eval_new(&limits);
 *	struct cel_value v = cel_eval_run(eval, program, slots);
 *
 * The language is that of github.com/google/cel-spec without protobuf messages. A program is
 * immutable and may be used by several evaluations at once; an evaluation belongs to one thread.
 */
#pragma once

#include "base/str.h"
#include "cel/env.h"
#include "cel/value.h"

#include <stdbool.h>
#include <stdint.h>

#define CEL_SOURCE_MAX (64U * 1024) /* bytes of one expression */
#define CEL_DEPTH_MAX 250           /* nesting of the tree, macros expanded */
#define CEL_NODES_MAX 65536

struct cel_problem {
	unsigned line, col, width; /* from 1, columns in characters; width: how much to underline */
	uint32_t at;               /* byte offset into the source */
	char text[400]; /* "found no field 'hosst' in http.request; did you mean 'host'?" */
};
typedef void cel_report(void *ctx, const struct cel_problem *problem);

struct cel_options {
	const struct cel_type *result; /* what must come out; NULL: anything */
	bool unchecked;                /* skip the type checker: everything is dyn */
	size_t memory_max;             /* bytes for tree and program; 0: 4 MiB */
	cel_report *report;            /* every mistake, at most 10; may be NULL */
	void *ctx;
};

struct cel_program;
struct cel_eval;

/* 0; -EBADMSG after reports; -E2BIG: over a cap above, reported too; -ENOMEM. */
int cel_compile(const struct cel_env *env, struct str source, const struct cel_options *options,
		struct cel_program **ret_program);
struct cel_program *cel_program_free(struct cel_program *program); /* NULL-safe, returns NULL */
void cel_program_freep(struct cel_program **program);

/* The deduced type of the result. */
const struct cel_type *cel_program_type(const struct cel_program *program);
/*
 * Upper bound of the steps of one evaluation, when the program has no loop over data; else 0. What
 * functions charge in proportion to the data they read (a step per 16 bytes or so), and what errors
 * take (8 each), comes on top.
 */
uint64_t cel_program_cost(const struct cel_program *program);

/*
 * A condition without which the program cannot come out true: one of the terms of its outermost
 * "&&", of the form variable-against-constants. For indexes: where the variable has a value and
 * the atom does not hold, the program's value is not true (false, or an error of its budgets). Where the
 * variable has none (its slot is of kind CEL_ERROR) nothing follows.
 */
enum cel_atom_kind {
	CEL_ATOM_EQUAL,  /* x == values[0], or x in values: equal to one of them */
	CEL_ATOM_PREFIX, /* x.startsWith(values[0]) */
	CEL_ATOM_SUFFIX, /* x.endsWith(values[0]) */
};

struct cel_atom {
	enum cel_atom_kind kind;
	uint32_t slot;
	const struct cel_value
		*values; /* bool, numbers, strings, bytes; live as long as the program */
	uint32_t n;
};

/* How many there are, the array in *ret_atoms. */
size_t cel_program_atoms(const struct cel_program *program, const struct cel_atom **ret_atoms);

struct cel_limits {
	uint64_t steps; /* 0: 100,000 */
	size_t memory;  /* bytes of scratch, reserved at once; 0: 256 KiB */
};

struct cel_eval *cel_eval_new(const struct cel_limits *limits);
struct cel_eval *cel_eval_free(struct cel_eval *eval);
void cel_eval_freep(struct cel_eval **eval);

/*
 * @slots: the variables' values by slot; a slot of kind CEL_ERROR is a variable without a value. The
 * result, and what it points to, is valid until the next run of the same @eval. Errors come back as a value of kind CEL_ERROR.
 * @user is for the environment's own functions (cel_eval_user()).
 */
struct cel_value cel_eval_run(struct cel_eval *eval, const struct cel_program *program,
			      const struct cel_value *slots, void *user);
void *cel_eval_user(const struct cel_eval *eval);
/* Steps that the last run took. */
uint64_t cel_eval_steps(const struct cel_eval *eval);
