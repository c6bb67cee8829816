/* TOML: whatever is read hangs together, and every byte of every text has a place in the document. */
#include "base/own.h"
#include "codec/toml.h"

#include <errno.h>
#include <stdlib.h>

static void told(void *ctx, const struct toml_problem *p)
{
	if (p->line == 0 || p->col == 0 || p->width == 0 || !p->text[0])
		abort();
	++*(unsigned *)ctx;
}

static void check(const struct toml_doc *doc, struct str text, uint32_t node)
{
	const struct toml_node *n = toml_at(doc, node);
	uint32_t count = 0, last = 0;
	unsigned line, col;

	if (n->depth > TOML_DEPTH_MAX || (n->kind < TOML_ARRAY && n->child))
		abort();
	for (uint32_t i = n->child; i; i = toml_at(doc, i)->next) {
		if (i >= doc->n_nodes || toml_at(doc, i)->parent != node)
			abort();
		check(doc, text, i);
		last = i;
		count++;
	}
	if (count != n->count || last != n->last)
		abort();
	if (n->kind >= TOML_ARRAY)
		return;
	if (n->text + n->len >= doc->n_pool || doc->pool[n->text + n->len] != '\0')
		abort();
	if (n->kind == TOML_STRING) {
		toml_string_where(doc, text, node, n->len, &line, &col);
		if (line < n->line || (line == n->line && col <= n->col))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { .p = (const char *)data, .n = size };
	AUTO(arena_done) struct arena arena = ARENA_INIT(64U << 20);
	struct toml_doc doc;
	unsigned problems = 0;
	int r = toml_parse(&arena, text, told, &problems, &doc);

	if ((r == -EBADMSG) != (problems == 1))
		abort();
	if (r == 0)
		check(&doc, text, 0);
	return 0;
}
