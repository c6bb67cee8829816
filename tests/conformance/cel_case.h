/*
 * cel_case - one test of the language's conformance data as an environment, values and types.
 *
 * The data are the JSON form of cel.expr.conformance.test.SimpleTest: 64-bit integers are strings,
 * bytes are base64.
 */
#pragma once

#include "cel/cel.h"
#include "codec/json_rd.h"

#define CASE_DECLS_MAX 64

struct cel_case {
	struct arena *arena;
	const struct json *json;
	struct cel_decl decls[CASE_DECLS_MAX];
	struct cel_value slots[CASE_DECLS_MAX];
	size_t n_decls;
	struct cel_library own; /* functions that type_env declares; none can be called */
	const struct cel_library *libraries[12];
	struct cel_env env;
};

/* false: something in it is beyond us; @what says what. */
bool cel_case_init(struct cel_case *c, struct arena *arena, const struct json *test,
		   const char **what);

bool cel_case_value(struct arena *arena, const struct json *json, struct cel_value *ret);
const struct cel_type *cel_case_type(struct arena *arena, const struct json *json);

void cel_case_print(struct buf *out, struct cel_value v);
