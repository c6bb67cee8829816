/*
 * pack_doc - the document of a pack, TOML or JSON, as one kind of tree with positions. Private to
 * src/engine.
 */
#pragma once

#include "codec/toml.h"
#include "policy/diag.h"

struct pack_doc {
	struct toml_doc tree; /* from JSON too; there null is TOML_NULL */
	const char *file;
	struct str text;
	bool json;
};

/* @text lives as long as the arena. -EBADMSG: told to @diag; -ENOMEM. */
int pack_doc_parse(struct arena *arena, const char *file, struct str text, struct diag *diag,
		   struct pack_doc *ret_doc);

/* Where a node's value, its key, and byte @offset of its text stand. */
struct policy_where pack_doc_at(const struct pack_doc *doc, uint32_t node);
struct policy_where pack_doc_key_at(const struct pack_doc *doc, uint32_t node);
struct policy_where pack_doc_text_at(const struct pack_doc *doc, uint32_t node, size_t offset);
