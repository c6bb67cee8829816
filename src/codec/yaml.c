/*
 * Theory of operation
 *
 * A document is judged before libyaml sees it (size, UTF-8, control characters, tabs), because
 * libyaml reports such bytes without a usable position. Then its events are turned into nodes by a
 * loop over an explicit stack of open containers; hostile nesting ends at YAML_DEPTH_MAX, and as
 * libyaml looks ahead at most 1024 characters for a simple key, its quadratic cost ends there too.
 *
 * A map alternates between key and value: `want_key` of the open container says which is due. A key
 * becomes a node of its own that its value points to, so that an error can name either position.
 */
#include "codec/yaml.h"

#include "base/err.h"
#include "base/own.h"
#include "codec/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct open {
	uint32_t node;
	uint32_t last; /* its last item so far, 0: none */
	uint32_t key;  /* a key that waits for its value, 0: none */
	bool want_key;
};

struct parse {
	struct arena *arena;
	yaml_report *report;
	void *ctx;
	unsigned problems;

	struct yaml_node *nodes;
	size_t n_nodes, cap_nodes;
	char *pool;
	size_t n_pool, cap_pool;

	struct open stack[YAML_DEPTH_MAX];
	unsigned depth;
};

__attribute__((format(printf, 5, 0))) static int problem_va(struct parse *p, size_t line,
							    size_t col, size_t width,
							    const char *fmt, va_list ap)
{
	struct yaml_problem problem = { .line = (unsigned)line,
					.col = (unsigned)col,
					.width = (unsigned)(width ? width : 1) };

	(void)vsnprintf(problem.text, sizeof(problem.text), fmt, ap);
	p->problems++;
	p->report(p->ctx, &problem);
	return -EBADMSG;
}

__attribute__((format(printf, 5, 6))) static int problem_at(struct parse *p, size_t line,
							    size_t col, size_t width,
							    const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = problem_va(p, line, col, width, fmt, ap);
	va_end(ap);
	return r;
}

struct range {
	uint32_t from, to;
	const char *wrong;
};

/* Characters that have no place in a policy, whether YAML allows them or not. */
static const struct range refused[] = {
	{ 0x00, 0x00, "NUL byte" },
	{ 0x01, 0x08, "control character" },
	{ 0x0b, 0x0c, "control character" },
	{ 0x0e, 0x1f, "control character" },
	{ 0x7f, 0x9f, "control character" },
	/* line breaks to YAML 1.1 alone: two readers would see two documents */
	{ 0x2028, 0x2029, "line separator; use a newline" },
	/* what a person sees would not be what is read */
	{ 0x061c, 0x061c, "character that changes the direction of text" },
	{ 0x200e, 0x200f, "character that changes the direction of text" },
	{ 0x202a, 0x202e, "character that changes the direction of text" },
	{ 0x2066, 0x2069, "character that changes the direction of text" },
	{ 0xfeff, 0xfeff, "byte order mark inside the text" },
	{ 0xfffe, 0xffff, "character that YAML does not allow" },
};

static const char *char_wrong(uint32_t c, bool indent)
{
	if (c >= 0x20 && c < 0x7f)
		return NULL;
	if (c == '\t')
		return indent ? "tab in the indentation; use spaces" : NULL;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (c >= refused[i].from && c <= refused[i].to)
			return refused[i].wrong;
	}
	return NULL;
}

static int scan(struct parse *p, struct str text)
{
	unsigned line = 1, col = 1;
	bool indent = true;

	if (text.n > YAML_SIZE_MAX)
		return problem_at(p, 1, 1, 1, "file of %zu bytes; at most %u are read", text.n,
				  YAML_SIZE_MAX);
	for (size_t i = 0; i < text.n;) {
		uint32_t c = 0;
		size_t len = utf8_next(text.p + i, text.n - i, &c);
		const char *wrong = len ? char_wrong(c, indent) : "not UTF-8";

		if (wrong)
			return problem_at(p, line, col, 1, "%s", wrong);
		if (c == '\n' || (c == '\r' && (i + 1 == text.n || text.p[i + 1] != '\n'))) {
			line++;
			col = 0;
			indent = true;
		} else if (c != ' ') {
			indent = false;
		}
		i += len;
		col++;
	}
	return 0;
}

static int node_new(struct parse *p, enum yaml_kind kind, const yaml_event_t *ev, uint32_t *ret)
{
	const yaml_mark_t *at = &ev->start_mark, *end = &ev->end_mark;
	struct yaml_node *nodes;
	size_t width = 1;

	if (p->n_nodes >= YAML_NODES_MAX)
		return problem_at(p, at->line + 1, at->column + 1, 1, "more than %d values",
				  YAML_NODES_MAX);
	nodes = arena_grow(p->arena, p->nodes, p->n_nodes, &p->cap_nodes, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	p->nodes = nodes;
	if (kind == YAML_SCALAR && end->line == at->line && end->column > at->column)
		width = end->column - at->column;
	nodes[p->n_nodes] = (struct yaml_node){ .kind = (uint8_t)kind,
						.width = (uint16_t)(width < 500 ? width : 500),
						.line = (uint32_t)at->line + 1,
						.col = (uint32_t)at->column + 1 };
	*ret = (uint32_t)p->n_nodes++;
	return 0;
}

static int pool_put(struct parse *p, const void *text, size_t n, uint32_t *ret_at)
{
	while (p->cap_pool - p->n_pool < n + 1) {
		size_t cap = p->cap_pool ? p->cap_pool * 2 : 2048;
		char *pool = arena_alloc(p->arena, cap);

		if (!pool)
			return -ENOMEM;
		if (p->n_pool)
			memcpy(pool, p->pool, p->n_pool);
		p->pool = pool;
		p->cap_pool = cap;
	}
	if (n)
		memcpy(p->pool + p->n_pool, text, n);
	p->pool[p->n_pool + n] = '\0';
	*ret_at = (uint32_t)p->n_pool;
	p->n_pool += n + 1;
	return 0;
}

static struct str text_of(const struct parse *p, uint32_t node)
{
	if (p->nodes[node].kind != YAML_SCALAR || p->nodes[node].len == 0)
		return (struct str){ 0 }; /* without any text there is no pool yet */
	return (struct str){ .p = p->pool + p->nodes[node].text, .n = p->nodes[node].len };
}

/* A key is due in the open map: hold @node until its value comes. */
static int take_key(struct parse *p, struct open *o, uint32_t node)
{
	const struct yaml_node *n = &p->nodes[node];
	struct str key = text_of(p, node);

	if (n->kind != YAML_SCALAR)
		return problem_at(p, n->line, n->col, 1, "a key must be text, not %s",
				  yaml_kind_name(n));
	if (n->plain && str_eqz(key, "<<"))
		return problem_at(p, n->line, n->col, 2,
				  "merge keys are not part of a policy; write it out");
	for (uint32_t i = p->nodes[o->node].child; i; i = p->nodes[i].next) {
		if (!str_eq(text_of(p, p->nodes[i].key), key))
			continue;
		(void)problem_at(
			p, n->line, n->col, n->width, "duplicate key '%.*s' (first on line %u)",
			(int)(key.n < 80 ? key.n : 80), key.p, p->nodes[p->nodes[i].key].line);
		break;
	}
	o->key = node;
	o->want_key = false;
	return 0;
}

/* Put @node where it belongs: root, item, key or value. */
static int attach(struct parse *p, uint32_t node)
{
	struct open *o = p->depth ? &p->stack[p->depth - 1] : NULL;
	const struct yaml_node *n = &p->nodes[node];
	struct yaml_node *to;

	if (!o)
		return 0;
	to = &p->nodes[o->node];
	if (to->kind == YAML_MAP && o->want_key)
		return take_key(p, o, node);
	if (to->count >= YAML_ITEMS_MAX)
		return problem_at(p, n->line, n->col, 1, "more than %d items", YAML_ITEMS_MAX);
	p->nodes[node].key = o->key;
	if (o->last)
		p->nodes[o->last].next = node;
	else
		to->child = node;
	to->count++;
	o->last = node;
	o->key = 0;
	o->want_key = to->kind == YAML_MAP;
	return 0;
}

static int refuse_anchor(struct parse *p, const yaml_event_t *ev, bool anchor, bool tag)
{
	size_t line = ev->start_mark.line + 1, col = ev->start_mark.column + 1;

	if (anchor)
		return problem_at(p, line, col, 1,
				  "anchors are not part of a policy; write the value out");
	if (tag)
		return problem_at(p, line, col, 1, "tags are not part of a policy");
	return 0;
}

const char *yaml_text_wrong(struct str text, size_t *ret_at)
{
	for (size_t i = 0; i < text.n;) {
		uint32_t c = 0;
		size_t len;
		const char *wrong;

		if (text.p[i] >= ' ' && text.p[i] < 0x7f) {
			i++;
			continue;
		}
		len = utf8_next(text.p + i, text.n - i, &c);
		wrong = len ? char_wrong(c, false) : "a character that is none";

		if (wrong) {
			if (ret_at)
				*ret_at = i;
			return wrong;
		}
		i += len;
	}
	return NULL;
}

static int on_scalar(struct parse *p, const yaml_event_t *ev)
{
	const char *value = (const char *)ev->data.scalar.value;
	size_t n = ev->data.scalar.length;
	const char *wrong;
	uint32_t node, at;
	int r;

	r = refuse_anchor(p, ev, ev->data.scalar.anchor, ev->data.scalar.tag);
	if (r == 0)
		r = node_new(p, YAML_SCALAR, ev, &node);
	if (r < 0)
		return r;
	/* what escapes in quotes could bring in: "\u202e" is no better than the character */
	wrong = yaml_text_wrong((struct str){ .p = value, .n = n }, NULL);
	if (wrong)
		return problem_at(p, p->nodes[node].line, p->nodes[node].col, p->nodes[node].width,
				  "%s in the text", wrong);
	r = pool_put(p, value, n, &at);
	if (r < 0)
		return r;
	p->nodes[node].text = at;
	p->nodes[node].len = (uint32_t)n;
	p->nodes[node].plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return attach(p, node);
}

static int on_open(struct parse *p, const yaml_event_t *ev, enum yaml_kind kind)
{
	bool map = kind == YAML_MAP;
	uint32_t node;
	int r;

	r = refuse_anchor(p, ev,
			  map ? ev->data.mapping_start.anchor : ev->data.sequence_start.anchor,
			  map ? ev->data.mapping_start.tag : ev->data.sequence_start.tag);
	if (r == 0)
		r = node_new(p, kind, ev, &node);
	if (r == 0)
		r = attach(p, node);
	if (r < 0)
		return r;
	if (p->depth == YAML_DEPTH_MAX)
		return problem_at(p, p->nodes[node].line, p->nodes[node].col, 1,
				  "nested more than %d deep", YAML_DEPTH_MAX);
	p->stack[p->depth++] = (struct open){ .node = node, .want_key = map };
	return 0;
}

static int on_document(struct parse *p, const yaml_event_t *ev)
{
	size_t line = ev->start_mark.line + 1, col = ev->start_mark.column + 1;

	if (p->n_nodes)
		return problem_at(p, line, col, 3, "a second document; a policy is one");
	if (ev->data.document_start.version_directive ||
	    ev->data.document_start.tag_directives.start !=
		    ev->data.document_start.tag_directives.end)
		return problem_at(p, line, col, 1, "directives are not part of a policy");
	return 0;
}

static int on_event(struct parse *p, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT: return on_document(p, ev);
	case YAML_SCALAR_EVENT: return on_scalar(p, ev);
	case YAML_SEQUENCE_START_EVENT: return on_open(p, ev, YAML_LIST);
	case YAML_MAPPING_START_EVENT: return on_open(p, ev, YAML_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: p->depth--; return 0;
	case YAML_ALIAS_EVENT:
		return problem_at(p, ev->start_mark.line + 1, ev->start_mark.column + 1, 1,
				  "aliases are not part of a policy; write the value out");
	default: return 0;
	}
}

static int syntax_problem(struct parse *p, const yaml_parser_t *parser)
{
	const char *what = parser->problem ? parser->problem : "not YAML";
	const yaml_mark_t *at = &parser->problem_mark;

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->context)
		return problem_at(p, at->line + 1, at->column + 1, 1,
				  "%s %s, which began at %zu:%zu", what, parser->context,
				  parser->context_mark.line + 1, parser->context_mark.column + 1);
	return problem_at(p, at->line + 1, at->column + 1, 1, "%s", what);
}

static int run(struct parse *p, yaml_parser_t *parser)
{
	bool done = false;
	int r = 0;

	while (r == 0 && !done) {
		yaml_event_t ev;

		if (!yaml_parser_parse(parser, &ev))
			return syntax_problem(p, parser);
		done = ev.type == YAML_STREAM_END_EVENT;
		r = on_event(p, &ev);
		yaml_event_delete(&ev);
	}
	return r;
}

static void parser_done(yaml_parser_t **parser)
{
	if (*parser)
		yaml_parser_delete(*parser);
}

int yaml_parse(struct arena *arena, struct str text, yaml_report *report, void *ctx,
	       struct yaml_doc *ret_doc)
{
	struct parse p = { .arena = arena, .report = report, .ctx = ctx };
	AUTO(parser_done) yaml_parser_t *parser = NULL;
	yaml_parser_t memory;
	int r;

	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_sub(text, 3, text.n);
	r = scan(&p, text);
	if (r < 0)
		return r;
	if (!yaml_parser_initialize(&memory))
		return -ENOMEM;
	parser = &memory;
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, (const unsigned char *)(text.n ? text.p : ""), text.n);
	r = run(&p, parser);
	if (r < 0)
		return r;
	if (p.n_nodes == 0)
		return problem_at(&p, 1, 1, 1, "nothing in it");
	if (p.problems)
		return -EBADMSG;
	*ret_doc = (struct yaml_doc){ .nodes = p.nodes,
				      .n_nodes = (uint32_t)p.n_nodes,
				      .n_pool = (uint32_t)p.n_pool,
				      .pool = p.pool };
	return 0;
}

uint32_t yaml_get(const struct yaml_doc *doc, uint32_t node, const char *key)
{
	if (doc->nodes[node].kind != YAML_MAP)
		return 0;
	for (uint32_t i = doc->nodes[node].child; i; i = doc->nodes[i].next) {
		if (str_eqz(yaml_str(doc, doc->nodes[i].key), key))
			return i;
	}
	return 0;
}

const char *yaml_kind_name(const struct yaml_node *node)
{
	static const char *const names[] = { "text", "a list", "a map" };

	return names[node->kind];
}
