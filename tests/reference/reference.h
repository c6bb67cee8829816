/*
 * reference - evaluates a checked tree by walking it, as the language definition reads.
 *
 * Tests hold the compiled evaluator against it. It shares with that only values (equality, scratch)
 * and the tables of functions; there is nothing quick in it, and nothing clever.
 */
#pragma once

#include "cel/ast.h"
#include "cel/eval.h"

/* @eval: fresh, cel_eval_init(); steps are charged per node. */
struct cel_value reference_eval(struct cel_eval *eval, const struct cel_env *env,
				const struct cel_expr *tree, const struct cel_value *slots,
				void *user);

/* Of the same kind and the same all the way down; NaN is the same as itself. */
bool reference_same(struct cel_value a, struct cel_value b);
