/*
 * value - a CEL value: 16 bytes, passed by value, owning nothing.
 *
 * What a value points to (text, items, entries) belongs to whoever made it: the compiled program's
 * arena, the event, or the evaluation's scratch memory, which lives until the next evaluation.
 * Ranges and semantics are those of the language definition (github.com/google/cel-spec,
 * doc/langdef.md, "Values").
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum cel_kind {
	CEL_NULL,
	CEL_BOOL,
	CEL_INT,
	CEL_UINT,
	CEL_DOUBLE,
	CEL_STRING, /* UTF-8, checked; .p, .n bytes */
	CEL_BYTES,  /* .p, .n */
	CEL_LIST,   /* .items, .n */
	CEL_MAP,    /* .entries, .n; keys are unique, in no particular order */
	CEL_TYPE,   /* .type: `type(1)`, `int` */
	CEL_TIMESTAMP, /* .i seconds since 1970-01-01T00:00:00Z, .nanos 0..999,999,999; years 1 to 9999 */
	CEL_DURATION, /* .i seconds, .nanos of the same sign or 0 (kept as int32 bits); +-315,576,000,000 s */
	CEL_OPTIONAL, /* .boxed; NULL: none */
	CEL_IP,       /* .addr; extension network */
	CEL_CIDR,     /* .addr with prefix */
	CEL_RECORD,   /* a group of the environment's fields (`http.request`): .record */
	CEL_ERROR,    /* .error: what went wrong; never inside a list or a map */
	CEL_KIND_N
};

struct cel_value {
	uint8_t kind; /* enum cel_kind */
	uint8_t flags;
	uint16_t aux; /* free for whoever defines the kind; 0 elsewhere */
	union {
		uint32_t n; /* bytes, items or entries: at most 2^32 - 1 */
		uint32_t nanos;
	};
	union {
		bool b;
		int64_t i;
		uint64_t u;
		double d;
		const char *p;
		const struct cel_value *items;
		const struct cel_entry *entries;
		const struct cel_value *boxed;
		const struct cel_type *type;
		const struct cel_addr *addr;
		const struct cel_record *record;
		const struct cel_error *error;
	};
};

_Static_assert(sizeof(struct cel_value) == 16, "values travel in two registers");

struct cel_entry {
	struct cel_value key, value;
};

/* IPv4 is kept as such (family 4, first four bytes), never as a mapped IPv6 address. */
struct cel_addr {
	uint8_t family; /* 4 or 6 */
	uint8_t prefix; /* CIDR: 0..32 or 0..128 */
	uint8_t bytes[16];
};

/* The reasons for which an evaluation can fail; the text is what a person reads. */
enum cel_error_code {
	CEL_E_NO_SUCH_FIELD = 1,
	CEL_E_NO_SUCH_KEY,
	CEL_E_NO_SUCH_OVERLOAD,
	CEL_E_UNBOUND, /* a variable without a value */
	CEL_E_DIVIDE_BY_ZERO,
	CEL_E_OVERFLOW, /* result or conversion out of range */
	CEL_E_INDEX,    /* out of bounds */
	CEL_E_ARGUMENT, /* a value that the function does not take */
	CEL_E_DUPLICATE_KEY,
	CEL_E_STEPS,  /* the evaluation's step budget is used up: absorbed by nothing */
	CEL_E_MEMORY, /* its memory budget: absorbed by nothing */
};

struct cel_error {
	enum cel_error_code code;
	const char *text; /* NUL-terminated; static, or in the scratch */
};

#define CEL_NULL_VALUE ((struct cel_value){ .kind = CEL_NULL })

static inline struct cel_value cel_bool(bool b)
{
	return (struct cel_value){ .kind = CEL_BOOL, .b = b };
}

static inline struct cel_value cel_int(int64_t i)
{
	return (struct cel_value){ .kind = CEL_INT, .i = i };
}

static inline struct cel_value cel_uint(uint64_t u)
{
	return (struct cel_value){ .kind = CEL_UINT, .u = u };
}

static inline struct cel_value cel_double(double d)
{
	return (struct cel_value){ .kind = CEL_DOUBLE, .d = d };
}

/* @s is valid UTF-8 of less than 4 GiB; the text is not copied. */
static inline struct cel_value cel_string(struct str s)
{
	return (struct cel_value){ .kind = CEL_STRING, .n = (uint32_t)s.n, .p = s.p };
}

static inline struct cel_value cel_bytes(struct str s)
{
	return (struct cel_value){ .kind = CEL_BYTES, .n = (uint32_t)s.n, .p = s.p };
}

/* Of a string or of bytes. */
static inline struct str cel_str(struct cel_value v)
{
	return (struct str){ .p = v.p, .n = v.n };
}

static inline bool cel_is_true(struct cel_value v)
{
	return v.kind == CEL_BOOL && v.b;
}

/* Equality of the language: numbers by value across kinds, NaN != NaN, lists and maps deep;
 * values of kinds that never meet are simply not equal. */
bool cel_equal(struct cel_value a, struct cel_value b);

/* -1, 0, 1; -EINVAL: no order between these (NaN, other kinds). */
int cel_compare(struct cel_value a, struct cel_value b, int *ret_order);

/* Value of @key in the map @m, or NULL; int, uint and double keys meet by value. */
const struct cel_value *cel_map_find(struct cel_value m, struct cel_value key);
