/*
 * yaml - one YAML 1.2 document as a tree of nodes that know where they stand.
 *
 * The subset that a policy needs, read strictly: block and flow maps, lists, scalars. Refused, each
 * with its position: anchors and aliases, tags, directives, several documents, keys that are not
 * plain text, merge keys, duplicate keys, tabs in the indentation, control characters, NUL, bytes
 * that are not UTF-8, and whatever passes a cap below. libyaml tokenises; it is quadratic in the
 * nesting, which the depth cap and its own limit on simple keys bound.
 *
 * Nodes refer to each other and to their text by index, not by pointer: a document parsed at build
 * time (the presets) is then constant data without relocations.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define YAML_SIZE_MAX (256U * 1024) /* bytes of a document */
#define YAML_DEPTH_MAX 16           /* nested lists and maps */
#define YAML_NODES_MAX 16384
#define YAML_ITEMS_MAX 2048 /* in one list or map */

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	uint8_t kind;       /* enum yaml_kind */
	uint8_t plain;      /* scalar written without quotes */
	uint16_t width;     /* characters of the scalar as written, on its first line; at least 1 */
	uint32_t line, col; /* from 1; columns are characters */
	uint32_t text, len; /* scalar: offset into the pool, bytes; NUL-terminated there */
	uint32_t key;       /* member of a map: node of its key; else 0 */
	uint32_t child;     /* first item; 0: none */
	uint32_t next;      /* next sibling; 0: none */
	uint32_t count;     /* items */
};

/* Node 0 is the root, hence 0 means "none" everywhere else. */
struct yaml_doc {
	const struct yaml_node *nodes;
	uint32_t n_nodes;
	uint32_t n_pool;
	const char *pool;
};

struct yaml_problem {
	unsigned line, col, width; /* width: how much to underline, at least 1 */
	char text[240];
};
typedef void yaml_report(void *ctx, const struct yaml_problem *problem);

/*
 * Parse @text; nodes and pool live in @arena. -EBADMSG after one or more reports (duplicate keys
 * are all told, a syntax error ends the parse), -ENOMEM. An empty document is a problem.
 */
int yaml_parse(struct arena *arena, struct str text, yaml_report *report, void *ctx,
	       struct yaml_doc *ret_doc);

static inline const struct yaml_node *yaml_at(const struct yaml_doc *doc, uint32_t node)
{
	return &doc->nodes[node];
}

/* A scalar's text: NUL-terminated, without a NUL inside. */
static inline const char *yaml_cstr(const struct yaml_doc *doc, uint32_t node)
{
	return doc->pool + doc->nodes[node].text;
}

static inline struct str yaml_str(const struct yaml_doc *doc, uint32_t node)
{
	return (struct str){ .p = yaml_cstr(doc, node), .n = doc->nodes[node].len };
}

/* Value of @key in the map @node, or 0. */
uint32_t yaml_get(const struct yaml_doc *doc, uint32_t node, const char *key);

/* "text", "a list", "a map": for messages. */
const char *yaml_kind_name(const struct yaml_node *node);

/*
 * Characters that no text of a policy may hold, in whatever format it comes: control characters but
 * tab and line ends, those that change the direction of text, foreign line separators. What is wrong
 * and its byte offset (@ret_at may be NULL), or NULL.
 */
const char *yaml_text_wrong(struct str text, size_t *ret_at);
