/*
 * check - a tree against its environment: names, types, overloads.
 *
 * Afterwards every node has its .type (without type variables), names have their .decl, calls their
 * .overloads. The tree is changed in place where the environment gives a text another meaning:
 *
 *	http.request                 a record: a literal of kind CEL_RECORD
 *	FIELD.exists()               has(FIELD)
 *	X.header(n).exists()         X.hasHeader(n)
 *	has(RECORD)                  has() of any of its fields
 *	math.abs(x)                  .qualified, .name "math.abs"
 *	a.b.c                        a node with .decl, when that is a name
 *
 * && || ?: @not_strictly_false @append @insert @insert_all and _?._ are the language's own: they need
 * no overloads and may have none.
 *
 * Types follow the language definition ("Gradual Type Checking"): dyn agrees with anything, a literal
 * list or map of several types is one of dyn, null agrees with wrappers, timestamps, durations,
 * optionals and abstract types.
 */
#pragma once

#include "base/arena.h"
#include "cel/ast.h"
#include "cel/cel.h"

/*
 * @want: the type that must come out; NULL: any. @source: the text that @expr was parsed from, for
 * positions. *ret_type, in @arena or constant, is the deduced type. -EBADMSG: mistakes were reported,
 * at most 10; -E2BIG: @arena is full; reported too.
 */
int cel_check(struct arena *arena, const struct cel_env *env, struct str source,
	      struct cel_expr *expr, const struct cel_type *want, cel_report *report, void *ctx,
	      const struct cel_type **ret_type);

/*
 * Names and overloads without types, for an unchecked program: every type is dyn, calls get all
 * overloads of their name, form and number of arguments (perhaps none: an error when evaluated), names
 * without a meaning keep .decl NULL. The changes above are made. -E2BIG: @arena is full.
 */
int cel_resolve(struct arena *arena, const struct cel_env *env, struct str source,
		struct cel_expr *expr, cel_report *report, void *ctx);
