/*
 * unify - type variables and what they stand for, while one expression is checked.
 *
 * A variable stands for a type that is not known yet: the items of [], a parameter of an overload
 * that is being tried. Two types agree when variables can be given types that make them the same, up to
 * what gradual typing allows: dyn agrees with anything, null with what can be null, a wrapper with what
 * it wraps. A variable that meets several agreeing types stands for the most general of them.
 */
#pragma once

#include "base/arena.h"
#include "cel/type.h"

struct cel_unifier {
	struct arena *arena;
	const struct cel_type **bound; /* by number of variable; NULL: not known yet */
	size_t n, cap;
	struct cel_undo *trail; /* what cel_agree() changed */
	size_t n_trail, trail_cap;
	uint64_t work; /* types looked at */
	bool closing;  /* nothing more will become known: cel_type_final() may settle variables */
	bool full;     /* no memory, or too much work: everything agrees from now on */
};

/* A new variable. Never NULL: after a failure the error type, which agrees with anything. */
const struct cel_type *cel_unify_fresh(struct cel_unifier *u);

/* Make @a and @b agree; false: they cannot, nothing was changed. */
bool cel_agree(struct cel_unifier *u, const struct cel_type *a, const struct cel_type *b);

/* The same for @n pairs at once. */
bool cel_agree_all(struct cel_unifier *u, const struct cel_type *const *a,
		   const struct cel_type *const *b, size_t n);

/* Can @a and @b certainly not agree? A glance, which changes nothing; parameters agree with anything. */
bool cel_differ(const struct cel_unifier *u, const struct cel_type *a, const struct cel_type *b);

/* Of two that agree, the more general one. */
const struct cel_type *cel_more_general(const struct cel_type *a, const struct cel_type *b);

/* The type of a list of @a (NULL: of nothing yet) that is given an item of @b: dyn when they disagree. */
const struct cel_type *cel_join(struct cel_unifier *u, const struct cel_type *a,
				const struct cel_type *b);

/* What a variable stands for now, if @type is one that is known. */
const struct cel_type *cel_type_now(const struct cel_unifier *u, const struct cel_type *type);

/* @type with variables replaced by what they stand for; unknown ones by dyn. */
const struct cel_type *cel_type_final(struct cel_unifier *u, const struct cel_type *type);

/* @type with a variable of @vars for each parameter; @vars by letter, NULL at first. */
const struct cel_type *cel_type_instance(struct cel_unifier *u, const struct cel_type *type,
					 const struct cel_type **vars);
#define CEL_TYPE_LETTERS 26
