/*
 * eval - inside an evaluation: scratch memory, steps, variables. Not for users of the library.
 *
 * The scratch is one block that is handed out from its start and forgotten as a whole when the
 * next evaluation begins. Once a budget is used up, @fatal holds that error and stays: whatever the
 * expression makes of it, the evaluation ends with it.
 */
#pragma once

#include "cel/cel.h"
#include "cel/fn.h"

struct cel_eval {
	char *at, *end;                /* scratch not handed out yet */
	uint64_t steps;                /* left */
	const struct cel_value *slots; /* the user's variables */
	struct cel_value *locals;      /* of comprehensions, by number */
	void *user;
	const struct cel_error *fatal;
	char *start;
	uint64_t steps_max;
};

/* Over memory that the caller owns, aligned to 16. */
void cel_eval_init(struct cel_eval *eval, void *scratch, size_t size, uint64_t steps);

/* An error value without text of its own: @error is static. */
static inline struct cel_value cel_error_value(const struct cel_error *error)
{
	return (struct cel_value){ .kind = CEL_ERROR, .error = error };
}

/* Steps or memory: neither && nor || nor ?: nor a loop goes on after it. */
static inline bool cel_is_fatal(struct cel_value v)
{
	return v.kind == CEL_ERROR && v.error->code >= CEL_E_STEPS;
}

struct cel_value cel_no_overload(struct cel_eval *eval, const char *name,
				 const struct cel_value *args, unsigned n);

/* "string", "list", "google.protobuf.Timestamp": the name of a kind of value as a type. */
const char *cel_kind_name(enum cel_kind kind);
