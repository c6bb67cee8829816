/*
 * check_impl - what the parts of the type checker share.
 */
#pragma once

#include "cel/check.h"
#include "cel/env.h"
#include "cel/overload.h"
#include "cel/problem.h"
#include "cel/tree.h"
#include "cel/unify.h"

/* A variable of a comprehension, innermost first. */
struct cel_scope {
	struct str name;
	const struct cel_type *type;
	const struct cel_scope *up;
};

/* What the longest part of a chain of names that is declared stands for. */
struct cel_match {
	struct str chain;
	const struct cel_decl *decl;
	const struct cel_record *record;
	size_t length;    /* of the part, in bytes; 0: no part is */
	size_t container; /* bytes of the container that it was found in */
	struct cel_match *next;
};

/* An overload's signature. */
struct cel_signature {
	const struct cel_type *args[CEL_ARGS_MAX];
	uint32_t n;
	bool bad; /* no signature */
	const struct cel_type *result;
};

/* The overloads of one name and form, in the libraries' order. They come as two, the second of members;
 * name and next are of the first. */
struct cel_functions {
	struct str name;
	const struct cel_overload **at;
	const struct cel_signature *signatures; /* of each */
	uint32_t n;
	struct cel_functions *next;
};

#define CEL_CACHE_BUCKETS 64

struct cel_checker {
	const struct cel_env *env;
	struct cel_problems problems;
	struct cel_unifier unify;
	struct cel_tree tree;
	const struct cel_scope *scope;
	bool lenient; /* cel_resolve(): nothing is a mistake */
	struct cel_match *matches[CEL_CACHE_BUCKETS];
	struct cel_functions *functions[CEL_CACHE_BUCKETS];
};

/* check_cache.c: never NULL, perhaps of none. */
const struct cel_functions *cel_check_functions(struct cel_checker *c, struct str name,
						bool member);
/* The match of @chain, to be filled when it is new; NULL: no memory, was told. */
struct cel_match *cel_check_cached(struct cel_checker *c, struct str chain, bool *ret_new);

/* check.c: the type of @x, which may be a variable; never NULL. */
const struct cel_type *cel_check_expr(struct cel_checker *c, struct cel_expr *x);
/* A mistake, told unless the checker is lenient; the error type. */
__attribute__((format(printf, 4, 5))) const struct cel_type *cel_check_fail(struct cel_checker *c,
									    uint32_t at,
									    uint32_t end,
									    const char *fmt, ...);
/* Without memory: told; the error type. */
const struct cel_type *cel_check_full(struct cel_checker *c);
/* "int", for a message; in the arena. */
const char *cel_check_type_text(struct cel_checker *c, const struct cel_type *type);

/* check_name.c: identifiers and selections. */
const struct cel_type *cel_check_ident(struct cel_checker *c, struct cel_expr *x);
const struct cel_type *cel_check_select(struct cel_checker *c, struct cel_expr *x);
/* Of a field @name of a value of type @of, for the selection at @x. */
const struct cel_type *cel_check_field(struct cel_checker *c, const struct cel_expr *x,
				       struct str name, const struct cel_type *of);
/* The comprehension's variable of that name, or NULL. */
const struct cel_scope *cel_check_local(const struct cel_checker *c, struct str name);
/* Is @x a chain of names (as text in *ret_chain) that does not start at a comprehension's variable? */
bool cel_check_chain(struct cel_checker *c, const struct cel_expr *x, struct str *ret_chain);
/* Is all of @chain a declared value's name? Then it is no namespace. */
bool cel_check_is_value(struct cel_checker *c, struct str chain);
/* Does @chain start with a name that is declared? */
bool cel_check_known(struct cel_checker *c, struct str chain);
/* FIELD.exists(), when @target is the name of a field or record; false: it is not, nothing was done. */
bool cel_check_presence(struct cel_checker *c, struct cel_expr *x, struct cel_expr *target);

/*
 * The names that @name may mean, by the container, longest first: for "a.b", "a.b.f", "a.f", "f".
 * Starts with *at = 0; empty at the end. A leading '.' leaves only one.
 */
struct str cel_check_candidate(struct cel_checker *c, struct str name, size_t *at);

/* check_suggest.c: what to say about names without a meaning. */
const struct cel_type *cel_suggest_name(struct cel_checker *c, struct cel_expr *const *nodes,
					uint32_t n);
const struct cel_type *cel_suggest_function(struct cel_checker *c, const struct cel_expr *x,
					    struct str name);
/* space.f(...) whose space is no name: perhaps another's was meant. NULL: none comes near. */
const struct cel_type *cel_suggest_space(struct cel_checker *c, const struct cel_expr *x);
/* The arguments fit none of the overloads of @name. */
const struct cel_type *cel_suggest_overload(struct cel_checker *c, const struct cel_expr *x,
					    struct str name, bool member,
					    const struct cel_type *const *types, uint32_t n);

/* check_call.c */
const struct cel_type *cel_check_call(struct cel_checker *c, struct cel_expr *x);
/* Is there a function of that name and form? */
static inline bool cel_check_has_function(struct cel_checker *c, struct str name, bool member)
{
	return cel_check_functions(c, name, member)->n > 0;
}
/* How an operator's function is written: "+" for "_+_"; other names as they are. */
struct str cel_check_operator(struct str name);

/* check_builtin.c: operators that are the language's own. false: @x is none of them. */
bool cel_check_builtin(struct cel_checker *c, struct cel_expr *x, const struct cel_type **ret_type);
