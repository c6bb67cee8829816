/*
 * env - what an expression may name: variables with types, records of fields, functions, constants.
 *
 * An environment is constant data made by its user (the event table, the conformance runner) and
 * outlives everything compiled against it.
 */
#pragma once

#include "cel/fn.h"
#include "cel/type.h"
#include "cel/value.h"

struct cel_record;

/*
 * A name. Names may have dots ("http.request.host"): a chain of selections that spells one out is
 * that name (langdef.md, "Name Resolution": the longest match wins). A slot is the index of its
 * value among those that an evaluation is given; a constant has no slot.
 */
struct cel_decl {
	const char *name;
	const struct cel_type *type;
	int32_t slot;                     /* -1: not a variable */
	const struct cel_value *constant; /* with slot -1; also for type names */
	const char *doc;                  /* one line, for messages; may be NULL */
};

/*
 * A group of fields that can be asked for presence (has(http.request.body)) and handed to member
 * functions (http.request.header("x")), but is no value that can be compared or listed. An unset
 * field reads as its type's default ("" 0 false [] {}), as an unset field of a message does; has()
 * and .exists() tell.
 */
struct cel_record {
	const char *name;              /* "http.request" */
	const struct cel_decl *fields; /* whole names: "http.request.host", all below @name */
	size_t n_fields;
	uint32_t id; /* the user's own */
};

struct cel_env {
	const char *container; /* names are looked up here first: "a.b"; NULL: none */
	const struct cel_decl *decls;
	size_t n_decls;
	const struct cel_record *const *records;
	size_t n_records;
	const struct cel_library *const *libraries;
	size_t n_libraries;
	bool macros;   /* has, all, exists, ... are expanded */
	bool optional; /* a?.b, a[?b], [?c] */
};
