/*
 * JSON is turned into the tree that the TOML reader makes, so that there is one walk over packs.
 * Positions in JSON come from a pass over the text that only moves forward, as its nodes do.
 */
#include "engine/pack_doc.h"

#include "codec/json_rd.h"
#include "codec/utf8.h"

#include <errno.h>
#include <stdlib.h>

struct convert {
	struct arena *arena;
	struct str text;
	struct toml_node *nodes;
	size_t n, cap;
	char *pool;
	size_t n_pool, cap_pool;
	size_t pos; /* where line and col are known */
	uint32_t line, col;
};

static void move_to(struct convert *c, size_t pos)
{
	const char *from = c->text.p + c->pos, *to = c->text.p + pos, *nl;

	if (from >= to)
		return;
	while ((nl = memchr(from, '\n', (size_t)(to - from)))) {
		c->line++;
		c->col = 1;
		from = nl + 1;
	}
	c->col += (uint32_t)utf8_count(from, (size_t)(to - from));
	c->pos = pos;
}

static bool keep(struct convert *c, struct str s, uint32_t *ret_at, uint32_t *ret_len)
{
	*ret_at = (uint32_t)c->n_pool;
	*ret_len = (uint32_t)s.n;
	if (c->cap_pool - c->n_pool < s.n + 1)
		return false; /* cannot be: it is as large as the text and all NULs */
	if (s.n)
		memcpy(c->pool + c->n_pool, s.p, s.n);
	c->pool[c->n_pool + s.n] = '\0';
	c->n_pool += s.n + 1;
	return true;
}

/* The end of a string that starts with the quote at @at: past its closing quote. */
static size_t string_end(struct str text, size_t at)
{
	for (at++; at < text.n && text.p[at] != '"'; at++)
		at += text.p[at] == '\\';
	return at + 1;
}

static size_t skip_blanks(struct str text, size_t at)
{
	while (at < text.n && memchr(" \t\r\n:", text.p[at], 5))
		at++;
	return at;
}

static void number(struct toml_node *node, const struct json *v)
{
	char digits[64];

	node->kind = TOML_FLOAT;
	if (json_i64_of(v, &node->i)) {
		node->kind = TOML_INT;
	} else if (v->text.n < sizeof(digits)) {
		memcpy(digits, v->text.p, v->text.n);
		digits[v->text.n] = '\0';
		node->d = strtod(digits, NULL);
	}
}

static const uint8_t kinds[] = {
	[JSON_NULL] = TOML_NULL,     [JSON_BOOL] = TOML_BOOL,   [JSON_NUMBER] = TOML_FLOAT,
	[JSON_STRING] = TOML_STRING, [JSON_ARRAY] = TOML_ARRAY, [JSON_OBJECT] = TOML_TABLE,
};

static int convert_value(struct convert *c, const struct json *v, uint32_t parent, bool member)
{
	struct toml_node n = {
		.kind = kinds[v->kind], .parent = parent, .width = 1, .count = (uint32_t)v->count
	};
	uint32_t node = (uint32_t)c->n, *link;
	size_t at = v->at;

	move_to(c, at);
	n.key_line = c->line;
	n.key_col = c->col;
	if (member && !keep(c, v->key, &n.key, &n.key_len))
		return -ENOMEM;
	at = member ? skip_blanks(c->text, string_end(c->text, at)) : at;
	move_to(c, at);
	n.at = (uint32_t)at;
	n.line = c->line;
	n.col = c->col;
	n.b = v->kind == JSON_BOOL && v->boolean;
	if (v->kind == JSON_NUMBER)
		number(&n, v);
	if (v->kind == JSON_STRING) {
		/* no more is ever underlined */
		n.width = (uint16_t)(string_end(str_sub(c->text, 0, at + 500), at) - at);
	}
	if ((v->kind == JSON_STRING || v->kind == JSON_NUMBER) &&
	    !keep(c, v->text, &n.text, &n.len))
		return -ENOMEM;
	if (c->n >= TOML_NODES_MAX)
		return -E2BIG;
	c->nodes = arena_grow(c->arena, c->nodes, c->n, &c->cap, sizeof(n));
	if (!c->nodes)
		return -ENOMEM;
	c->nodes[c->n++] = n;
	if (node) {
		link = c->nodes[parent].last ? &c->nodes[c->nodes[parent].last].next
					     : &c->nodes[parent].child;
		*link = node;
		c->nodes[parent].last = node;
	}
	for (const struct json *i = v->child; i; i = i->next) {
		int r = convert_value(c, i, node, v->kind == JSON_OBJECT);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Bytes that the pool can need: every text is no longer than it was written, and has a NUL. */
static size_t pool_need(const struct json *v)
{
	size_t n = v->text.n + v->key.n + 2;

	for (const struct json *i = v->child; i; i = i->next)
		n += pool_need(i);
	return n;
}

/* "3:14: what": the reader's own form. */
static void tell_json(struct diag *diag, const char *file, const struct err *err)
{
	struct policy_where where = { .file = file };
	char *end = NULL;
	const char *text = err->text;

	where.line = (unsigned)strtoul(text, &end, 10);
	if (*end == ':') {
		where.col = (unsigned)strtoul(end + 1, &end, 10);
		text = strncmp(end, ": ", 2) == 0 ? end + 2 : text;
	}
	diag_add(diag, DIAG_ERROR, where, 1, "%s", text);
}

static int parse_json(struct arena *arena, struct pack_doc *doc, struct diag *diag)
{
	struct convert c = { .arena = arena, .text = doc->text, .line = 1, .col = 1 };
	struct err err = ERR_INIT;
	const struct json *root;
	int r;

	if (doc->text.n > TOML_SIZE_MAX) {
		diag_add(diag, DIAG_ERROR, (struct policy_where){ .file = doc->file }, 1,
			 "file of %zu bytes; at most %u are read", doc->text.n, TOML_SIZE_MAX);
		return -EBADMSG;
	}
	r = json_parse(arena, doc->text, &root, &err);
	if (r < 0) {
		tell_json(diag, doc->file, &err);
		return -EBADMSG;
	}
	c.cap_pool = pool_need(root);
	c.pool = arena_alloc(arena, c.cap_pool);
	if (!c.pool)
		return -ENOMEM;
	r = convert_value(&c, root, 0, false);
	if (r == -E2BIG)
		diag_add(diag, DIAG_ERROR, (struct policy_where){ .file = doc->file }, 1,
			 "more than %d values", TOML_NODES_MAX);
	if (r < 0)
		return r == -E2BIG ? -EBADMSG : r;
	doc->tree = (struct toml_doc){ .nodes = c.nodes,
				       .n_nodes = (uint32_t)c.n,
				       .n_pool = (uint32_t)c.n_pool,
				       .pool = c.pool };
	return 0;
}

struct telling {
	struct diag *diag;
	const char *file;
};

static void tell_toml(void *ctx, const struct toml_problem *p)
{
	const struct telling *t = ctx;
	struct policy_where where = { .file = t->file, .line = p->line, .col = p->col };

	diag_add(t->diag, DIAG_ERROR, where, p->width, "%s", p->text);
}

int pack_doc_parse(struct arena *arena, const char *file, struct str text, struct diag *diag,
		   struct pack_doc *ret_doc)
{
	struct telling telling = { .diag = diag, .file = file };
	struct pack_doc doc = { .file = file, .text = text };
	size_t at = 0;
	int r;

	while (at < text.n && memchr(" \t\r\n", text.p[at], 4))
		at++;
	doc.json = at < text.n && text.p[at] == '{';
	r = doc.json ? parse_json(arena, &doc, diag)
		     : toml_parse(arena, text, tell_toml, &telling, &doc.tree);
	if (r == 0)
		*ret_doc = doc;
	return r;
}

struct policy_where pack_doc_at(const struct pack_doc *doc, uint32_t node)
{
	const struct toml_node *n = toml_at(&doc->tree, node);

	return (struct policy_where){ .file = doc->file, .line = n->line, .col = n->col };
}

struct policy_where pack_doc_key_at(const struct pack_doc *doc, uint32_t node)
{
	const struct toml_node *n = toml_at(&doc->tree, node);

	if (n->key_line == 0)
		return pack_doc_at(doc, node);
	return (struct policy_where){ .file = doc->file, .line = n->key_line, .col = n->key_col };
}

/* Bytes that the escape after the backslash at @at stands for, and its length as written. */
static size_t json_escape(struct str text, size_t at, size_t *ret_written)
{
	char hex[5] = { 0 };
	unsigned long u;

	*ret_written = 2;
	if (at + 5 >= text.n || text.p[at + 1] != 'u')
		return 1;
	memcpy(hex, text.p + at + 2, 4);
	u = strtoul(hex, NULL, 16);
	*ret_written = 6;
	if (u >= 0xd800 && u < 0xdc00) {
		*ret_written = 12; /* and its other half */
		return 4;
	}
	if (u >= 0xdc80 && u <= 0xdcff)
		return 1; /* a raw byte, see json_wr.h */
	return u < 0x80 ? 1 : u < 0x800 ? 2 : 3;
}

/* JSON strings stand on one line. */
static struct policy_where json_text_at(const struct pack_doc *doc, uint32_t node, size_t offset)
{
	struct policy_where where = pack_doc_at(doc, node);
	size_t at = toml_at(&doc->tree, node)->at + 1, done = 0;

	where.col++;
	while (at < doc->text.n && doc->text.p[at] != '"') {
		bool escape = doc->text.p[at] == '\\';
		size_t written = 1, n = escape ? json_escape(doc->text, at, &written) : 1;

		if (done + n > offset)
			break;
		done += n;
		if (((uint8_t)doc->text.p[at] & 0xc0) != 0x80)
			where.col += (unsigned)written;
		at += written;
	}
	return where;
}

struct policy_where pack_doc_text_at(const struct pack_doc *doc, uint32_t node, size_t offset)
{
	struct policy_where where = { .file = doc->file };

	if (doc->json)
		return json_text_at(doc, node, offset);
	toml_string_where(&doc->tree, doc->text, node, offset, &where.line, &where.col);
	return where;
}
