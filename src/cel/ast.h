/*
 * ast - an expression as a tree, as the parser makes it and the checker annotates it.
 *
 * Macros are expanded by the parser: the tree has comprehensions instead. Nodes and all that they
 * point to live in the arena of the compilation. Positions are byte offsets into the source.
 *
 * Names that only macros can make begin with '@': "@result" (an accumulator), "@unused" (the
 * variable of cel.bind's loop over nothing, which only gives a name to .init), "@target" (optMap).
 */
#pragma once

#include "cel/type.h"
#include "cel/value.h"

enum cel_expr_kind {
	CEL_X_LITERAL, /* .literal */
	CEL_X_IDENT,   /* .ident */
	CEL_X_SELECT,  /* .select */
	CEL_X_CALL,    /* .call */
	CEL_X_LIST,    /* .list */
	CEL_X_MAP,     /* .map: also google.protobuf.Struct{...} */
	CEL_X_STRUCT,  /* .map with .name: Type{field: value} */
	CEL_X_FOLD,    /* .fold: a comprehension */
};

/* Operators are calls of these names. The unary minus is "-_", index "_[_]", optional index
 * "_[?_]", optional select "_?._", the ternary "_?_:_", membership "@in". */
#define CEL_OP_AND "_&&_"
#define CEL_OP_OR "_||_"
#define CEL_OP_NOT "!_"
#define CEL_OP_COND "_?_:_"
#define CEL_OP_EQ "_==_"
#define CEL_OP_NE "_!=_"
#define CEL_OP_LT "_<_"
#define CEL_OP_LE "_<=_"
#define CEL_OP_GT "_>_"
#define CEL_OP_GE "_>=_"
#define CEL_OP_ADD "_+_"
#define CEL_OP_SUB "_-_"
#define CEL_OP_MUL "_*_"
#define CEL_OP_DIV "_/_"
#define CEL_OP_MOD "_%_"
#define CEL_OP_NEG "-_"
#define CEL_OP_INDEX "_[_]"
#define CEL_OP_OPT_INDEX "_[?_]"
#define CEL_OP_OPT_SELECT "_?._"
#define CEL_OP_IN "@in"
/* Inside comprehensions: false only for false, so that an error does not end the loop early. */
#define CEL_OP_NOT_STRICTLY_FALSE "@not_strictly_false"
/* Only as the step of a comprehension, with its accumulator as first argument, which the evaluator
 * may therefore grow in place: (list, item) -> list; (map, key, value) -> map; (map, map) -> map,
 * one that refuses a key which is there (CEL_E_DUPLICATE_KEY). */
#define CEL_OP_APPEND "@append"
#define CEL_OP_INSERT "@insert"
#define CEL_OP_INSERT_ALL "@insert_all"

/*
 * Levels of a tree. Chains of one left-associative operator count here, not in CEL_DEPTH_MAX; those
 * of && and || are balanced. Walkers may recurse.
 */
#define CEL_HEIGHT_MAX 2000

struct cel_entry_expr {
	struct cel_expr *key; /* CEL_X_STRUCT: a string literal, the field's name */
	struct cel_expr *value;
	bool optional; /* ?key: value */
};

struct cel_expr {
	uint8_t kind;    /* enum cel_expr_kind */
	uint16_t height; /* levels from here down, 1 for a leaf; at most CEL_HEIGHT_MAX */
	uint32_t at;  /* byte offset of what stands for the node: an operator, the name of a call */
	uint32_t end; /* one past the last byte of that, for underlining; > at */

	/* Checker: deduced type; dyn in an unchecked tree. */
	const struct cel_type *type;
	/*
	 * Checker: what an identifier, or a chain of selections that names one, stands for: then
	 * what is below the node does not matter. NULL: a variable of an enclosing comprehension,
	 * or, in an unchecked tree, a name without a meaning.
	 */
	const struct cel_decl *decl;

	union {
		struct cel_value literal;
		struct {
			struct str name; /* may begin with '.': the root namespace */
		} ident;
		struct {
			struct cel_expr *operand;
			struct str field;
			bool test; /* has(operand.field); with .decl: has that a value? */
		} select;
		struct {
			struct str name;
			struct cel_expr *target; /* x.f(): x; NULL for f() */
			struct cel_expr **args;
			uint32_t n_args;
			/* Checker: the overloads that can apply; several when arguments are dyn. */
			const struct cel_overload **overloads;
			uint32_t n_overloads;
			/* Checker: f belongs to a namespace (math.abs): @target is not a value. */
			bool qualified;
		} call;
		struct {
			struct cel_expr **items;
			bool *optional; /* per item: [?x]; NULL when none is */
			uint32_t n;
		} list;
		struct {
			struct str name; /* CEL_X_STRUCT: the type's name */
			struct cel_entry_expr *entries;
			uint32_t n;
		} map;
		/*
		 * accu = init; for (var, var2) in range { if (!cond) break; accu = step; } result
		 * One variable: list items or map keys. Two: index and item, or key and value.
		 * @range and @init see neither accu nor var; @result sees accu.
		 */
		struct {
			struct str var, var2; /* var2.n == 0: one variable */
			struct str accu;
			struct cel_expr *range, *init, *cond, *step, *result;
		} fold;
	};
};
