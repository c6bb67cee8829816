/* access - selection, indexing and presence, of plain and of optional values. */
#pragma once

#include "cel/eval.h"

/* v.field */
struct cel_value cel_select(struct cel_eval *eval, struct cel_value v, struct str field);
/* has(v.field) */
struct cel_value cel_has(struct cel_eval *eval, struct cel_value v, struct str field);
/* v.?field and v[?key]: an optional */
struct cel_value cel_optional_index(struct cel_eval *eval, struct cel_value v,
				    struct cel_value key);
/* optional.of(v) */
struct cel_value cel_optional_of(struct cel_eval *eval, struct cel_value v);

static inline struct cel_value cel_optional_none(void)
{
	return (struct cel_value){ .kind = CEL_OPTIONAL };
}

struct cel_value cel_no_key(struct cel_eval *eval, struct cel_value key);

/* Kinds that a key of a map may have. */
static inline bool cel_key_ok(struct cel_value key)
{
	return key.kind == CEL_BOOL || key.kind == CEL_INT || key.kind == CEL_UINT ||
	       key.kind == CEL_STRING;
}
