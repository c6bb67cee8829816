/*
 * parse - the text of an expression to its tree (ast.h), macros expanded.
 *
 * The grammar is that of the language definition (cel-spec, doc/langdef.md, "Syntax"), with optional
 * selection (a.?b, a[?b], [?x], {?k: v}) where the environment has it, and `quoted` field names.
 * Macros, where the environment has them: has, all, exists, exists_one, existsOne, map, filter, the
 * forms of these with two variables, sortBy, transformList, transformMap, transformMapEntry, cel.bind,
 * cel.block with cel.index, cel.iterVar and cel.accuVar, optMap and optFlatMap, and math.greatest and
 * math.least of three or more arguments, which become calls of the same name with one list.
 */
#pragma once

#include "base/arena.h"
#include "cel/ast.h"
#include "cel/cel.h"

/*
 * Everything that the tree holds is copied into @arena: @source may go away, though cel_check()
 * wants it once more for positions. @report may be NULL. Names and types are not looked at.
 *
 * 0 with the tree; -EBADMSG: mistakes were reported; -E2BIG: over CEL_SOURCE_MAX, CEL_DEPTH_MAX,
 * CEL_HEIGHT_MAX or CEL_NODES_MAX, or @arena is full; reported too.
 */
int cel_parse(struct arena *arena, const struct cel_env *env, struct str source, cel_report *report,
	      void *ctx, struct cel_expr **ret_expr);
