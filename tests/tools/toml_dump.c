/*
 * Reads TOML documents from standard input, each after a line with its length in bytes, and prints
 * one line for each: the tree as JSON with every value's type, or "!line:col: what is wrong".
 */
#include "base/own.h"
#include "codec/json_wr.h"
#include "codec/toml.h"

#include <stdio.h>

static const char *const kinds[] = {
	[TOML_STRING] = "string",         [TOML_INT] = "integer",
	[TOML_FLOAT] = "float",           [TOML_BOOL] = "bool",
	[TOML_DATETIME] = "datetime",     [TOML_LOCAL_DATETIME] = "datetime-local",
	[TOML_LOCAL_DATE] = "date-local", [TOML_LOCAL_TIME] = "time-local",
};

static void put(struct json_wr *w, const struct toml_doc *doc, uint32_t node)
{
	const struct toml_node *n = toml_at(doc, node);
	char room[40];

	if (n->kind == TOML_TABLE)
		json_object(w);
	else
		json_array(w);
	if (n->kind < TOML_ARRAY)
		json_strz(w, kinds[n->kind]);
	switch (n->kind) {
	case TOML_INT: json_i64(w, n->i); break;
	case TOML_BOOL: json_bool(w, n->b); break;
	case TOML_FLOAT:
		(void)snprintf(room, sizeof(room), "%.17g", n->d);
		json_strz(w, room);
		break;
	case TOML_ARRAY:
	case TOML_TABLE:
		if (n->kind == TOML_ARRAY)
			json_strz(w, "array");
		for (uint32_t i = n->child; i; i = toml_at(doc, i)->next) {
			if (n->kind == TOML_TABLE)
				json_key_str(w, toml_key(doc, i));
			put(w, doc, i);
		}
		break;
	default: json_str(w, toml_str(doc, node)); break;
	}
	if (n->kind == TOML_TABLE)
		json_end_object(w);
	else
		json_end_array(w);
}

static void wrong(void *ctx, const struct toml_problem *p)
{
	(void)ctx;
	printf("!%u:%u: %s\n", p->line, p->col, p->text);
}

static int one(struct str text)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(64U << 20);
	AUTO(buf_done) struct buf out = BUF_INIT(64U << 20);
	struct json_wr w = json_wr_init(&out);
	struct toml_doc doc;
	int r = toml_parse(&arena, text, wrong, NULL, &doc);

	if (r < 0)
		return r == -EBADMSG ? 0 : 1;
	put(&w, &doc, 0);
	puts(buf_cstr(&out));
	return buf_error(&out) != 0;
}

int main(void)
{
	size_t n;

	while (scanf("%zu", &n) == 1 && getchar() == '\n' && n <= TOML_SIZE_MAX + 1) {
		AUTO(freep) char *text = malloc(n + 1);

		if (!text || fread(text, 1, n, stdin) != n || one((struct str){ text, n }) != 0)
			return 1;
	}
	return 0;
}
