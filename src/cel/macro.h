/*
 * macro - calls that are expanded while the text is parsed.
 */
#pragma once

#include "cel/tree.h"

/*
 * What @call, whose arguments are parsed and expanded, stands for: a new tree, or @call itself when it
 * is no macro. NULL: a mistake in its arguments was reported, or a cap was reached.
 */
struct cel_expr *cel_macro_expand(struct cel_tree *t, struct cel_expr *call, bool optional);

/* How a macro of that name is written, for those who gave it the wrong number of arguments; or NULL. */
const char *cel_macro_usage(struct str name);
