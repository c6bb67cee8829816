/*
 * schema - the keys of capsule.yaml, version 1: one table.
 *
 * The loader walks a document along it, "did you mean" takes its words from it, `capsule policy
 * schema` prints it as JSON Schema, and docs/POLICY.md is checked against it. A new key is a row.
 */
#pragma once

#include "policy/policy.h"

#include <stdbool.h>
#include <stdint.h>

enum schema_scalar {
	SCALAR_NONE, /* the key takes a list or a map only */
	SCALAR_TEXT,
	SCALAR_BOOL,
	SCALAR_CHOICE,
	SCALAR_COUNT, /* whole number, at least 1 */
	SCALAR_ID,    /* whole number 0..4294967294 */
	SCALAR_SIZE,  /* bytes: 4096, 512MiB, 2GB */
	SCALAR_TIME,  /* 90s, 10m, 1h30m; kept in ms */
	SCALAR_CPU,   /* 1.5 or 150%; kept in thousandths */
	SCALAR_VERSION
};

struct load;
struct load_value;

/*
 * What may stand at one place of the document: any of a scalar, a list of @item, a map with @keys,
 * a map of free names to @each. The last row of an array of keys has no name.
 */
struct schema {
	const char *name;
	const char *doc; /* one line */
	const char
		*refused; /* known, but not enforceable in this build: says why or what instead */
	enum schema_scalar scalar;
	enum policy_key key; /* for single values: where it is remembered */
	unsigned arg;        /* for the functions below */
	bool required;
	bool empty_ok;              /* an empty list, or an empty text in quotes, says something */
	const char *const *choices; /* SCALAR_CHOICE: NULL-terminated */
	const struct schema *item, *keys, *each;

	/* A list or map begins: false skips it. A map ends. A scalar was read. */
	bool (*begin)(struct load *l, const struct schema *s, uint32_t node);
	void (*end)(struct load *l, const struct schema *s, uint32_t node);
	void (*set)(struct load *l, const struct schema *s, uint32_t node,
		    const struct load_value *value);
};

extern const struct schema schema_root;
extern const struct schema schema_rule; /* one of `rules` */
extern const char *const schema_rules_default[];

extern const char *const schema_network[],
	*const schema_syscalls[],
		*const schema_fsync[], *const schema_private_host[],
					       *const schema_isolation[],
						       *const schema_record[],
							       *const schema_stdio[],
								       *const schema_sysc_action[];
