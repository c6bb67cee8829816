/*
 * Theory of operation
 *
 * The document is judged first (size, UTF-8, control characters), then read in one pass. A value
 * becomes a node of its table or array as soon as it begins; a syntax error ends the parse, so a
 * half-made tree is never seen.
 *
 * What TOML forbids about tables follows from how each came to be:
 *
 *	ORIGIN_HEADER	[a] or an element of [[a]]: neither another header nor a dotted key may
 *			define it again; headers may still add tables inside it
 *	ORIGIN_PATH	only passed through, by [a.b] over a: one header may still define it
 *	ORIGIN_DOTTED	made by a dotted key of one section: closed when that section ends, but for
 *			headers of tables inside it
 *	ORIGIN_INLINE	{ ... } and all in it, and plain arrays: closed for good at the bracket
 *
 * A section is what stands under one header, or between two braces; each has a number.
 *
 * Members are found through one hash index over (table, key), keyed by SipHash under a random key,
 * so that hostile keys cost no more than others. Positions are computed from byte offsets by a
 * cursor that only moves forward.
 */
#include "codec/toml.h"

#include "base/buf.h"
#include "base/map.h"
#include "codec/json_wr.h"
#include "codec/toml_scan.h"
#include "codec/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>

enum origin {
	ORIGIN_NONE,
	ORIGIN_HEADER,
	ORIGIN_PATH,
	ORIGIN_DOTTED,
	ORIGIN_INLINE,
	ORIGIN_TABLES
};

struct place {
	size_t pos;
	unsigned line, col;
};

struct part {
	uint32_t text, len; /* in the pool */
	struct place place;
	unsigned width;
};

struct parse {
	struct arena *arena;
	toml_report *report;
	void *ctx;

	struct str text;
	size_t pos;
	struct place last; /* of the position that was asked for last */

	struct toml_node *nodes;
	size_t n_nodes, cap_nodes;
	char *pool;
	size_t n_pool, cap_pool;
	uint32_t *slots; /* nodes by (parent, key); 0: free */
	size_t cap_slots, used_slots;
	uint64_t hash_key[2];

	uint32_t section, sections;
	struct part parts[TOML_DEPTH_MAX]; /* of the key being read */
	unsigned n_parts;
};

/* --- where, and what is wrong --- */

static struct place place_from(struct str text, struct place p, size_t pos)
{
	const char *from = text.p + p.pos, *to = text.p + (pos < text.n ? pos : text.n), *nl;

	if (from >= to)
		return p;
	while ((nl = memchr(from, '\n', (size_t)(to - from)))) {
		p.line++;
		p.col = 1;
		from = nl + 1;
	}
	p.col += (unsigned)utf8_count(from, (size_t)(to - from));
	p.pos = (size_t)(to - text.p);
	return p;
}

static struct place place_of(struct parse *p, size_t pos)
{
	static const struct place start = { .line = 1, .col = 1 };

	p->last = place_from(p->text, pos < p->last.pos ? start : p->last, pos);
	return p->last;
}

__attribute__((format(printf, 4, 5))) static int bad(struct parse *p, struct place at,
						     unsigned width, const char *fmt, ...)
{
	struct toml_problem problem = { .line = at.line,
					.col = at.col,
					.width = width ? width : 1 };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(problem.text, sizeof(problem.text), fmt, ap);
	va_end(ap);
	p->report(p->ctx, &problem);
	return -EBADMSG;
}

/* The character at @p->pos, for a message. */
static const char *seen(const struct parse *p, char room[16])
{
	uint32_t c = 0;

	if (p->pos >= p->text.n)
		return "the end of the file";
	(void)utf8_next(p->text.p + p->pos, p->text.n - p->pos, &c);
	if (c == '\n' || c == '\r')
		return "the end of the line";
	(void)snprintf(room, 16, c > ' ' && c < 0x7f ? "'%c'" : "U+%04X", (int)c);
	return room;
}

static int expected(struct parse *p, const char *what)
{
	char room[16];

	return bad(p, place_of(p, p->pos), 1, "expected %s, found %s", what, seen(p, room));
}

/* The start of a key, quoted and escaped. */
static const char *shown(const struct parse *p, const struct part *part, char room[200])
{
	struct buf out = buf_fixed(room, 200);
	struct json_wr w = json_wr_init(&out);
	uint32_t n = part->len < 30 ? part->len : 30;

	while (n < part->len && n && ((uint8_t)p->pool[part->text + n] & 0xc0) == 0x80)
		n--;
	json_str(&w, (struct str){ .p = p->pool + part->text, .n = n });
	return buf_cstr(&out);
}

static int scan(struct parse *p)
{
	for (size_t i = 0; i < p->text.n;) {
		uint32_t c = 0;
		size_t len = utf8_next(p->text.p + i, p->text.n - i, &c);

		if (!len)
			return bad(p, place_of(p, i), 1, "not UTF-8");
		if (c == '\r' && (i + 1 == p->text.n || p->text.p[i + 1] != '\n'))
			return bad(p, place_of(p, i), 1, "carriage return without a newline");
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
			return bad(p, place_of(p, i), 1, "%s",
				   c ? "control character" : "NUL byte");
		i += len;
	}
	return 0;
}

/* --- pool, nodes, index --- */

static int pool_put(struct parse *p, const char *text, size_t n)
{
	while (p->cap_pool - p->n_pool < n) {
		size_t cap = p->cap_pool ? p->cap_pool * 2 : 4096;
		char *pool = arena_alloc(p->arena, cap);

		if (!pool)
			return -ENOMEM;
		if (p->n_pool)
			memcpy(pool, p->pool, p->n_pool);
		p->pool = pool;
		p->cap_pool = cap;
	}
	memcpy(p->pool + p->n_pool, text, n);
	p->n_pool += n;
	return 0;
}

static struct str key_of(const struct parse *p, uint32_t node)
{
	return (struct str){ .p = p->pool + p->nodes[node].key, .n = p->nodes[node].key_len };
}

static size_t slot_of(const struct parse *p, uint32_t parent, struct str key)
{
	const uint64_t seed[2] = { p->hash_key[0] ^ parent, p->hash_key[1] };
	size_t mask = p->cap_slots - 1, i = (size_t)map_hash(seed, key) & mask;

	while (p->slots[i] &&
	       !(p->nodes[p->slots[i]].parent == parent && str_eq(key_of(p, p->slots[i]), key)))
		i = (i + 1) & mask;
	return i;
}

static uint32_t find(const struct parse *p, uint32_t parent, const struct part *part)
{
	struct str key = { .p = p->pool + part->text, .n = part->len };

	return p->slots[slot_of(p, parent, key)];
}

static int index_grow(struct parse *p)
{
	uint32_t *old = p->slots;
	size_t n = p->cap_slots;

	if (old && p->used_slots * 2 < n)
		return 0;
	p->cap_slots = n ? n * 2 : 256;
	p->slots = arena_array(p->arena, p->cap_slots, uint32_t);
	if (!p->slots)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		uint32_t node = old[i];

		if (node)
			p->slots[slot_of(p, p->nodes[node].parent, key_of(p, node))] = node;
	}
	return 0;
}

/* A node at the end of @parent; with @part, under that key, which is not there yet. */
static int node_new(struct parse *p, uint32_t parent, const struct part *part,
		    const struct toml_node *init, uint32_t *ret)
{
	struct place at = { .pos = init->at, .line = init->line, .col = init->col };
	struct toml_node *nodes, *to;
	uint32_t node = (uint32_t)p->n_nodes;
	unsigned depth = p->nodes[parent].depth + 1u;

	if (depth > TOML_DEPTH_MAX)
		return bad(p, at, 1, "nested more than %d deep", TOML_DEPTH_MAX);
	if (node >= TOML_NODES_MAX)
		return bad(p, at, 1, "more than %d values", TOML_NODES_MAX);
	nodes = arena_grow(p->arena, p->nodes, p->n_nodes, &p->cap_nodes, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	p->nodes = nodes;
	nodes[node] = *init;
	nodes[node].depth = (uint8_t)depth;
	nodes[node].parent = parent;
	nodes[node].section = p->section;
	p->n_nodes++;
	to = &nodes[parent];
	if (to->last)
		nodes[to->last].next = node;
	else
		to->child = node;
	to->last = node;
	to->count++;
	*ret = node;
	if (!part)
		return 0;
	nodes[node].key = part->text;
	nodes[node].key_len = part->len;
	nodes[node].key_line = part->place.line;
	nodes[node].key_col = part->place.col;
	p->slots[slot_of(p, parent, key_of(p, node))] = node;
	p->used_slots++;
	return index_grow(p);
}

static struct toml_node node_init(struct place at, enum toml_kind kind, enum origin origin)
{
	return (struct toml_node){ .kind = (uint8_t)kind,
				   .origin = (uint8_t)origin,
				   .width = 1,
				   .line = at.line,
				   .col = at.col,
				   .at = (uint32_t)at.pos };
}

/* A table (or array of tables) at the place of the key that names it. */
static int table_new(struct parse *p, uint32_t parent, const struct part *part, enum toml_kind kind,
		     enum origin origin, uint32_t *ret)
{
	struct toml_node init = node_init(part->place, kind, origin);

	init.width = (uint16_t)(part->width < 500 ? part->width : 500);
	return node_new(p, parent,
			kind == TOML_TABLE && p->nodes[parent].kind == TOML_ARRAY ? NULL : part,
			&init, ret);
}

/* --- blanks, keys --- */

static char look(const struct parse *p)
{
	return p->pos < p->text.n ? p->text.p[p->pos] : '\0';
}

static void skip_blanks(struct parse *p)
{
	while (look(p) == ' ' || look(p) == '\t')
		p->pos++;
}

static void skip_comment(struct parse *p)
{
	const char *end;

	if (look(p) != '#')
		return;
	end = memchr(p->text.p + p->pos, '\n', p->text.n - p->pos);
	p->pos = end ? (size_t)(end - p->text.p) : p->text.n;
}

/* Blanks, comments and line ends: between the items of an array. */
static void skip_lines(struct parse *p)
{
	for (;;) {
		skip_blanks(p);
		skip_comment(p);
		if (look(p) != '\n' && look(p) != '\r')
			return;
		p->pos++;
	}
}

static int end_of_line(struct parse *p)
{
	skip_blanks(p);
	skip_comment(p);
	if (look(p) == '\r')
		p->pos++;
	if (p->pos < p->text.n && look(p) != '\n')
		return expected(p, "the end of the line");
	p->pos++;
	return 0;
}

static int string_take(struct parse *p, uint32_t *ret_text, uint32_t *ret_len)
{
	struct toml_chars chars = toml_chars_open(p->text, p->pos);
	size_t start = p->n_pool;
	char c[4];
	int n;

	while ((n = toml_chars_next(&chars, c)) > 0) {
		if (pool_put(p, c, (size_t)n) < 0)
			return -ENOMEM;
	}
	if (n < 0)
		return bad(p, place_of(p, chars.pos), 1, "%s", chars.wrong);
	*ret_text = (uint32_t)start;
	*ret_len = (uint32_t)(p->n_pool - start);
	p->pos = chars.pos;
	return pool_put(p, "", 1);
}

static bool is_bare_key(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

static int key_part(struct parse *p, struct part *part)
{
	size_t from = p->pos;
	int r;

	part->place = place_of(p, from);
	if (look(p) == '"' || look(p) == '\'') {
		if (str_starts(str_sub(p->text, from, p->text.n), STR("\"\"\"")) ||
		    str_starts(str_sub(p->text, from, p->text.n), STR("'''")))
			return bad(p, part->place, 3, "a key cannot be a multi-line text");
		r = string_take(p, &part->text, &part->len);
	} else {
		while (is_bare_key(look(p)))
			p->pos++;
		if (p->pos == from)
			return expected(p, "a key");
		part->text = (uint32_t)p->n_pool;
		part->len = (uint32_t)(p->pos - from);
		r = pool_put(p, p->text.p + from, p->pos - from);
		r = r < 0 ? r : pool_put(p, "", 1);
	}
	part->width = (unsigned)(p->pos - from);
	return r;
}

/* A key of one or more parts into p->parts; blanks around it are skipped. */
static int key_take(struct parse *p)
{
	int r;

	p->n_parts = 0;
	for (;;) {
		skip_blanks(p);
		if (p->n_parts == TOML_DEPTH_MAX)
			return bad(p, place_of(p, p->pos), 1, "a key of more than %d parts",
				   TOML_DEPTH_MAX);
		r = key_part(p, &p->parts[p->n_parts]);
		if (r < 0)
			return r;
		p->n_parts++;
		skip_blanks(p);
		if (look(p) != '.')
			return 0;
		p->pos++;
	}
}

static int twice(struct parse *p, const struct part *part, uint32_t first)
{
	char room[200];

	return bad(p, part->place, part->width, "%s is defined twice (first on line %u)",
		   shown(p, part, room),
		   p->nodes[first].key_line ? p->nodes[first].key_line : p->nodes[first].line);
}

static int closed(struct parse *p, const struct part *part, uint32_t first, const char *why)
{
	char room[200];

	return bad(p, part->place, part->width, "%s %s (line %u)", shown(p, part, room), why,
		   p->nodes[first].line);
}

/* --- values --- */

static int value_take(struct parse *p, uint32_t parent, const struct part *part);

static int array_take(struct parse *p, uint32_t parent, const struct part *part)
{
	struct toml_node init = node_init(place_of(p, p->pos), TOML_ARRAY, ORIGIN_INLINE);
	uint32_t node;
	int r = node_new(p, parent, part, &init, &node);

	p->pos++;
	while (r == 0) {
		skip_lines(p);
		if (look(p) == ']')
			break;
		r = value_take(p, node, NULL);
		if (r < 0)
			break;
		skip_lines(p);
		if (look(p) == ',')
			p->pos++;
		else if (look(p) != ']')
			r = expected(p, "',' or ']'");
	}
	p->pos++;
	return r;
}

static int pair_take(struct parse *p, uint32_t table);

static int inline_items(struct parse *p, uint32_t table)
{
	int r;

	skip_blanks(p);
	if (look(p) == '}')
		return 0;
	for (;;) {
		r = pair_take(p, table);
		if (r < 0)
			return r;
		skip_blanks(p);
		if (look(p) == '}')
			return 0;
		if (look(p) != ',')
			return expected(p, "',' or '}'");
		p->pos++;
	}
}

static int inline_take(struct parse *p, uint32_t parent, const struct part *part)
{
	struct toml_node init = node_init(place_of(p, p->pos), TOML_TABLE, ORIGIN_INLINE);
	uint32_t outer = p->section, node;
	int r = node_new(p, parent, part, &init, &node);

	p->section = ++p->sections;
	p->pos++;
	if (r == 0)
		r = inline_items(p, node);
	p->section = outer;
	p->pos++;
	return r;
}

/* Characters that were written from @from up to here, on the first line. */
static uint16_t width_from(const struct parse *p, size_t from)
{
	unsigned n = 0;

	for (size_t i = from; i < p->pos && p->text.p[i] != '\n' && p->text.p[i] != '\r' && n < 500;
	     i++)
		n += ((uint8_t)p->text.p[i] & 0xc0) != 0x80;
	return (uint16_t)(n ? n : 1);
}

static int scalar_take(struct parse *p, uint32_t parent, const struct part *part)
{
	size_t from = p->pos, end = from;
	struct toml_node init = node_init(place_of(p, from), TOML_STRING, ORIGIN_NONE);
	const char *wrong = NULL;
	uint32_t node;
	int r = 0;

	if (look(p) == '"' || look(p) == '\'') {
		r = string_take(p, &init.text, &init.len);
	} else if (toml_bare(p->text, from, &init, &end, &wrong) < 0) {
		return bad(p, place_of(p, from), 1, "%s", wrong);
	} else {
		init.text = (uint32_t)p->n_pool;
		init.len = (uint32_t)(end - from);
		r = pool_put(p, p->text.p + from, end - from);
		r = r < 0 ? r : pool_put(p, "", 1);
		p->pos = end;
	}
	init.width = width_from(p, from);
	return r < 0 ? r : node_new(p, parent, part, &init, &node);
}

static int value_take(struct parse *p, uint32_t parent, const struct part *part)
{
	if (look(p) == '[')
		return array_take(p, parent, part);
	if (look(p) == '{')
		return inline_take(p, parent, part);
	return scalar_take(p, parent, part);
}

/* --- key = value --- */

/* One part of a dotted key, not the last: the table it names, made if need be. */
static int dotted_step(struct parse *p, const struct part *part, uint32_t *table)
{
	uint32_t node = find(p, *table, part);
	struct toml_node *n = node ? &p->nodes[node] : NULL;

	if (!node)
		return table_new(p, *table, part, TOML_TABLE, ORIGIN_DOTTED, table);
	if (n->kind != TOML_TABLE)
		return closed(p, part, node,
			      n->origin == ORIGIN_TABLES ? "is an array of tables"
							 : "is a value, not a table");
	if (n->origin == ORIGIN_INLINE)
		return closed(p, part, node, "is an inline table, which nothing can be added to");
	if (n->origin == ORIGIN_HEADER || (n->origin == ORIGIN_DOTTED && n->section != p->section))
		return closed(p, part, node, "is a table that was defined before");
	n->origin = ORIGIN_DOTTED;
	n->section = p->section;
	*table = node;
	return 0;
}

static int pair_take(struct parse *p, uint32_t table)
{
	struct part last;
	uint32_t first;
	int r = key_take(p);

	if (r == 0 && look(p) != '=')
		r = expected(p, "'=' after the key");
	for (unsigned i = 0; r == 0 && i + 1 < p->n_parts; i++)
		r = dotted_step(p, &p->parts[i], &table);
	if (r < 0)
		return r;
	last = p->parts[p->n_parts - 1];
	first = find(p, table, &last);
	if (first)
		return twice(p, &last, first);
	p->pos++;
	skip_blanks(p);
	return value_take(p, table, &last);
}

/* --- headers --- */

/* One part of a header, not the last. */
static int header_step(struct parse *p, const struct part *part, uint32_t *table)
{
	uint32_t node = find(p, *table, part);
	const struct toml_node *n = node ? &p->nodes[node] : NULL;

	if (!node)
		return table_new(p, *table, part, TOML_TABLE, ORIGIN_PATH, table);
	if (n->origin == ORIGIN_TABLES)
		node = n->last;
	else if (n->kind != TOML_TABLE)
		return closed(p, part, node, "is a value, not a table");
	else if (n->origin == ORIGIN_INLINE)
		return closed(p, part, node, "is an inline table, which nothing can be added to");
	*table = node;
	return 0;
}

static int header_table(struct parse *p, const struct part *part, uint32_t *table)
{
	uint32_t node = find(p, *table, part);

	if (!node)
		return table_new(p, *table, part, TOML_TABLE, ORIGIN_HEADER, table);
	if (p->nodes[node].kind != TOML_TABLE || p->nodes[node].origin != ORIGIN_PATH)
		return twice(p, part, node);
	p->nodes[node].origin = ORIGIN_HEADER;
	p->nodes[node].line = part->place.line;
	p->nodes[node].col = part->place.col;
	*table = node;
	return 0;
}

static int header_element(struct parse *p, const struct part *part, uint32_t *table)
{
	uint32_t node = find(p, *table, part);
	int r = 0;

	if (!node)
		r = table_new(p, *table, part, TOML_ARRAY, ORIGIN_TABLES, &node);
	else if (p->nodes[node].origin != ORIGIN_TABLES)
		return closed(p, part, node, "is not an array of tables");
	return r < 0 ? r : table_new(p, node, part, TOML_TABLE, ORIGIN_HEADER, table);
}

/* At '[': the table that the following lines fill. */
static int header_take(struct parse *p, uint32_t *ret_table)
{
	bool element = str_starts(str_sub(p->text, p->pos, p->text.n), STR("[["));
	uint32_t table = 0;
	int r;

	p->pos += element ? 2 : 1;
	p->section = ++p->sections;
	r = key_take(p);
	if (r < 0)
		return r;
	if (look(p) != ']' ||
	    (element && !str_starts(str_sub(p->text, p->pos, p->text.n), STR("]]"))))
		return expected(p, element ? "']]'" : "']'");
	p->pos += element ? 2 : 1;
	for (unsigned i = 0; r == 0 && i + 1 < p->n_parts; i++)
		r = header_step(p, &p->parts[i], &table);
	if (r == 0)
		r = element ? header_element(p, &p->parts[p->n_parts - 1], &table)
			    : header_table(p, &p->parts[p->n_parts - 1], &table);
	if (r == 0)
		*ret_table = table;
	return r;
}

/* --- the document --- */

static int document(struct parse *p)
{
	uint32_t table = 0;
	int r = 0;

	while (r == 0) {
		skip_lines(p);
		if (p->pos >= p->text.n)
			break;
		r = look(p) == '[' ? header_take(p, &table) : pair_take(p, table);
		if (r == 0)
			r = end_of_line(p);
	}
	return r;
}

static int begin(struct parse *p)
{
	p->nodes = arena_grow(p->arena, NULL, 0, &p->cap_nodes, sizeof(*p->nodes));
	if (!p->nodes)
		return -ENOMEM;
	p->nodes[0] = (struct toml_node){
		.kind = TOML_TABLE, .origin = ORIGIN_HEADER, .width = 1, .line = 1, .col = 1
	};
	p->n_nodes = 1;
	if (getrandom(p->hash_key, sizeof(p->hash_key), 0) != sizeof(p->hash_key))
		return -EIO;
	return index_grow(p);
}

int toml_parse(struct arena *arena, struct str text, toml_report *report, void *ctx,
	       struct toml_doc *ret_doc)
{
	struct parse p = { .arena = arena,
			   .report = report,
			   .ctx = ctx,
			   .text = text,
			   .last = { .line = 1, .col = 1 } };
	int r;

	if (text.n > TOML_SIZE_MAX)
		return bad(&p, p.last, 1, "file of %zu bytes; at most %u are read", text.n,
			   TOML_SIZE_MAX);
	if (str_starts(text, STR("\xef\xbb\xbf")))
		p.pos = p.last.pos = 3;
	r = scan(&p);
	if (r == 0) {
		p.last = (struct place){ .pos = p.pos, .line = 1, .col = 1 };
		r = begin(&p);
	}
	if (r == 0)
		r = document(&p);
	if (r == 0)
		r = pool_put(&p, "", 1); /* so that there is one */
	if (r < 0)
		return r;
	*ret_doc = (struct toml_doc){ .nodes = p.nodes,
				      .n_nodes = (uint32_t)p.n_nodes,
				      .n_pool = (uint32_t)p.n_pool,
				      .pool = p.pool };
	return 0;
}

/* --- reading the tree --- */

uint32_t toml_get(const struct toml_doc *doc, uint32_t node, const char *key)
{
	if (doc->nodes[node].kind != TOML_TABLE)
		return 0;
	for (uint32_t i = doc->nodes[node].child; i; i = doc->nodes[i].next) {
		if (str_eqz(toml_key(doc, i), key))
			return i;
	}
	return 0;
}

void toml_string_where(const struct toml_doc *doc, struct str text, uint32_t node, size_t offset,
		       unsigned *ret_line, unsigned *ret_col)
{
	const struct toml_node *n = &doc->nodes[node];
	struct place place = { .pos = n->at, .line = n->line, .col = n->col };
	struct toml_chars chars = toml_chars_open(text, n->at);
	size_t done = 0;
	char c[4];
	int r;

	for (r = toml_chars_next(&chars, c); r > 0; r = toml_chars_next(&chars, c)) {
		done += (size_t)r;
		if (done > offset)
			break;
	}
	place = place_from(text, place, chars.from);
	*ret_line = place.line;
	*ret_col = place.col;
}

const char *toml_kind_name(const struct toml_node *node)
{
	static const char *const names[] = {
		[TOML_STRING] = "text",
		[TOML_INT] = "a whole number",
		[TOML_FLOAT] = "a number",
		[TOML_BOOL] = "true or false",
		[TOML_DATETIME] = "a date and time",
		[TOML_LOCAL_DATETIME] = "a local date and time",
		[TOML_LOCAL_DATE] = "a date",
		[TOML_LOCAL_TIME] = "a time",
		[TOML_ARRAY] = "a list",
		[TOML_TABLE] = "a table",
		[TOML_NULL] = "null",
	};

	return names[node->kind];
}
