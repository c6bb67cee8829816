/*
 * fn - the functions of an environment: tables of overloads, constant data.
 *
 * The checker picks among the overloads of one name by the types of the arguments; with dynamic
 * arguments the evaluator picks by the values' kinds, in the table's order. A function reads its
 * arguments, never changes them, and takes memory only from the evaluation's scratch.
 */
#pragma once

#include "cel/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cel_eval;

/* @args: @n values, never errors: those were propagated before (unless CEL_FN_LAZY). A result of
 * kind CEL_ERROR ends the evaluation unless && || ?: absorb it. */
typedef struct cel_value cel_fn(struct cel_eval *eval, const struct cel_value *args, unsigned n);

enum cel_fn_flags {
	CEL_FN_MEMBER = 1 << 0,  /* x.f(y): the receiver is the first argument */
	CEL_FN_IMPURE = 1 << 1,  /* reads the event or the clock: never folded at compile time */
	CEL_FN_PATTERN = 1 << 2, /* one argument is compiled when it is constant: .prepare */
};

struct cel_overload {
	const char *name; /* "indexOf", "math.greatest"; operators by the names of ast.h */
	const char *args; /* signature, see type.h */
	cel_fn *call;
	uint32_t flags;
	uint32_t cost; /* steps beside what the function charges itself by cel_charge(); 0: 1 */
	/*
	 * CEL_FN_PATTERN: compile the constant @pattern at load. *ret_prepared is freed by @release
	 * with the program and handed to the call as a value of kind CEL_NULL + .p in place of the
	 * pattern (kind CEL_BYTES, flags CEL_PREPARED, .p = prepared). -EINVAL with a message of
	 * at most @cap bytes when it cannot be a pattern.
	 */
	int (*prepare)(struct str pattern, void **ret_prepared, char *message, size_t cap);
	void (*release)(void *prepared);
	uint8_t pattern; /* which argument it is, the receiver being 0; 0: the last */
};

#define CEL_PREPARED 1 /* cel_value.flags of a compiled pattern */

struct cel_library {
	const char *name; /* "strings" */
	const struct cel_overload *overloads;
	size_t n;
};

extern const struct cel_library cel_lib_standard, cel_lib_strings, cel_lib_math, cel_lib_lists,
	cel_lib_sets, cel_lib_encoders, cel_lib_network, cel_lib_regex, cel_lib_optional,
	cel_lib_capsule;

/* For functions: an error value; @fmt as printf's, at most 256 bytes, in the scratch. */
struct cel_value cel_fail(struct cel_eval *eval, enum cel_error_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Scratch memory for a result, aligned to 16 bytes, not zeroed; NULL: the budget is used up, return
 * cel_fail_memory(). */
void *cel_scratch(struct cel_eval *eval, size_t size);
struct cel_value cel_fail_memory(struct cel_eval *eval);

/* Count work in proportion to data: one step per 16 bytes or per item. false: the budget is used
 * up; return cel_fail_steps(). */
bool cel_charge(struct cel_eval *eval, uint64_t steps);
struct cel_value cel_fail_steps(struct cel_eval *eval);

/* cel_equal() with its work charged: 1, 0, or -EDQUOT: return cel_fail_steps(). Values share parts, so
 * that only this one is safe on values of an expression's making. @eval may be NULL: not charged. */
int cel_equals(struct cel_eval *eval, struct cel_value a, struct cel_value b);

/* Code points of valid UTF-8, and its byte offset of code point @at (n bytes when at the end). */
size_t cel_utf8_length(struct str s);
