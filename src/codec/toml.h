/*
 * toml - one TOML 1.0 document (toml.io/en/v1.0.0) as a tree of nodes that know where they stand.
 *
 * The whole language, read strictly: every form of key, string, number and date, arrays of tables,
 * inline tables, dotted keys. Refused, each with its position: whatever the specification forbids
 * (a key or table defined twice, a closed table extended, leading zeros, stray control characters,
 * bytes that are not UTF-8), and whatever passes a cap below. Dates and times are checked and kept
 * as the text that they are.
 *
 * Two liberties that the specification leaves open: CRLF inside a multi-line string reads as LF, and
 * a byte order mark at the very start is skipped.
 *
 * Nodes refer to each other and to their text by index. Node 0 is the root table, hence 0 means
 * "none" everywhere else.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define TOML_SIZE_MAX (4U * 1024 * 1024) /* bytes of a document */
#define TOML_DEPTH_MAX 32                /* tables and arrays inside each other; parts of one key */
#define TOML_NODES_MAX 131072            /* values, tables and arrays */

enum toml_kind {
	TOML_STRING,
	TOML_INT,            /* .i */
	TOML_FLOAT,          /* .d; may be inf or nan */
	TOML_BOOL,           /* .b */
	TOML_DATETIME,       /* with offset; text as written */
	TOML_LOCAL_DATETIME, /* text as written */
	TOML_LOCAL_DATE,
	TOML_LOCAL_TIME,
	TOML_ARRAY, /* also an array of tables */
	TOML_TABLE,
	TOML_NULL, /* never read from TOML; for documents that were made from JSON */
};

struct toml_node {
	uint8_t kind;          /* enum toml_kind */
	uint8_t depth;         /* of the root: 0 */
	uint8_t origin;        /* private to the parser: how a table came to be */
	uint16_t width;        /* characters as written, on the first line; at least 1 */
	uint32_t line, col;    /* from 1; columns are characters */
	uint32_t at;           /* byte offset in the document: a string's opening quotes */
	uint32_t text, len;    /* scalars: offset into the pool, bytes; NUL-terminated there */
	uint32_t key, key_len; /* member of a table: its key, in the pool */
	uint32_t key_line, key_col;
	uint32_t child, last; /* first and last item; 0: none */
	uint32_t next;        /* next sibling; 0: none */
	uint32_t parent;
	uint32_t count;   /* items */
	uint32_t section; /* private to the parser */
	union {
		int64_t i;
		double d;
		bool b;
	};
};

struct toml_doc {
	const struct toml_node *nodes;
	uint32_t n_nodes;
	uint32_t n_pool;
	const char *pool;
};

struct toml_problem {
	unsigned line, col, width; /* width: how much to underline, at least 1 */
	char text[240];            /* printable: what it quotes from the document is escaped */
};
typedef void toml_report(void *ctx, const struct toml_problem *problem);

/*
 * Parse @text; nodes and pool live in @arena, about 100 bytes a value and twice that while it grows.
 * -EBADMSG after one report: the first mistake ends the parse; -ENOMEM. An empty document is an
 * empty table.
 */
int toml_parse(struct arena *arena, struct str text, toml_report *report, void *ctx,
	       struct toml_doc *ret_doc);

static inline const struct toml_node *toml_at(const struct toml_doc *doc, uint32_t node)
{
	return &doc->nodes[node];
}

/* A scalar's text: decoded string; number, boolean and date as written. A string may hold NUL. */
static inline struct str toml_str(const struct toml_doc *doc, uint32_t node)
{
	return (struct str){ .p = doc->pool + doc->nodes[node].text, .n = doc->nodes[node].len };
}

static inline struct str toml_key(const struct toml_doc *doc, uint32_t node)
{
	return (struct str){ .p = doc->pool + doc->nodes[node].key, .n = doc->nodes[node].key_len };
}

/* Value of @key in the table @node, or 0. */
uint32_t toml_get(const struct toml_doc *doc, uint32_t node, const char *key);

/*
 * Where byte @offset of the decoded string @node stands in @text, the document: for mistakes inside
 * a string. Escapes, line continuations and line breaks are accounted for.
 */
void toml_string_where(const struct toml_doc *doc, struct str text, uint32_t node, size_t offset,
		       unsigned *ret_line, unsigned *ret_col);

/* "text", "a whole number", "a table": for messages. */
const char *toml_kind_name(const struct toml_node *node);
