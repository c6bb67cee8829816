/*
 * The walk along the schema table: which keys there are, what may stand where, and "did you mean".
 * It stops early only when enough was said (diag_full) or memory ran out.
 */
#include "policy/load.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define KEYS_MAX 64

struct policy_where load_where(const struct load *l, uint32_t node)
{
	const struct yaml_node *n = yaml_at(&l->src->doc, node);

	return (struct policy_where){ .file = l->src->name, .line = n->line, .col = n->col };
}

__attribute__((format(printf, 4, 0))) static void complain(struct load *l, enum diag_level level,
							   uint32_t node, const char *fmt,
							   va_list ap)
{
	char text[900];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	diag_add(l->diag, level, load_where(l, node), yaml_at(&l->src->doc, node)->width, "%s",
		 text);
}

void load_error(struct load *l, uint32_t node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(l, DIAG_ERROR, node, fmt, ap);
	va_end(ap);
}

void load_warning(struct load *l, uint32_t node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(l, DIAG_WARNING, node, fmt, ap);
	va_end(ap);
}

void load_append(struct load *l, enum load_list list, void *array_p, size_t *count,
		 const void *item, size_t elem)
{
	void *items;
	char *grown;

	memcpy(&items, array_p, sizeof(items));
	grown = arena_grow(l->arena, items, *count, &l->cap[list], elem);
	if (!grown) {
		l->no_memory = true;
		return;
	}
	memcpy(grown + *count * elem, item, elem);
	memcpy(array_p, &grown, sizeof(grown));
	(*count)++;
}

static void walk(struct load *l, const struct schema *s, uint32_t node);

/* "a list", "text or a map", ... : what @s may be. */
static void kinds_of(const struct schema *s, char *out, size_t size)
{
	bool scalar = s->scalar != SCALAR_NONE, list = s->item, map = s->keys || s->each;
	static const char *const words[] = {
		[SCALAR_NONE] = "",
		[SCALAR_TEXT] = "text",
		[SCALAR_BOOL] = "true or false",
		[SCALAR_CHOICE] = "a word",
		[SCALAR_COUNT] = "a number",
		[SCALAR_ID] = "a number",
		[SCALAR_SIZE] = "a size",
		[SCALAR_TIME] = "a time",
		[SCALAR_CPU] = "a number of processors",
		[SCALAR_VERSION] = "a number",
	};

	(void)snprintf(out, size, "%s%s%s%s%s", words[s->scalar],
		       scalar && (list || map) ? " or " : "", list ? "a list" : "",
		       list && map ? " or " : "", map ? "a map" : "");
}

static void wrong_kind(struct load *l, const struct schema *s, uint32_t node)
{
	const struct yaml_node *n = yaml_at(&l->src->doc, node);
	char want[64];

	kinds_of(s, want, sizeof(want));
	if (n->kind == YAML_SCALAR && n->plain && n->len == 0) {
		load_error(l, n->key ? n->key : node, "%s%s%sno value; %s is needed here",
			   s->name ? "'" : "", s->name ? s->name : "", s->name ? "' has " : "",
			   want);
		return;
	}
	load_error(l, node, "%s%s%s%s is needed here, not %s", s->name ? "'" : "",
		   s->name ? s->name : "", s->name ? "': " : "", want, yaml_kind_name(n));
}

static const struct schema *key_find(const struct schema *keys, struct str name)
{
	/* @name is NUL-terminated too: no lengths are counted on the way */
	for (; keys->name; keys++) {
		if (keys->name[0] == name.p[0] && strcmp(keys->name, name.p) == 0)
			return keys;
	}
	return NULL;
}

static void unknown_key(struct load *l, const struct schema *s, uint32_t key)
{
	const char *names[KEYS_MAX];
	size_t n = 0;
	struct str word = yaml_str(&l->src->doc, key);
	const char *near;

	for (const struct schema *k = s->keys; k->name && n < KEYS_MAX; k++)
		names[n++] = k->name;
	near = str_nearest(word, names, n);
	if (near)
		load_error(l, key, "unknown key '%.80s'; did you mean '%s'?", word.p, near);
	else if (s->name)
		load_error(l, key, "unknown key '%.80s' in '%s'", word.p, s->name);
	else
		load_error(l, key, "unknown key '%.80s'", word.p);
}

static void walk_keys(struct load *l, const struct schema *s, uint32_t node)
{
	const struct yaml_doc *doc = &l->src->doc;

	for (uint32_t i = yaml_at(doc, node)->child; i; i = yaml_at(doc, i)->next) {
		uint32_t key = yaml_at(doc, i)->key;
		const struct schema *k = s->keys ? key_find(s->keys, yaml_str(doc, key)) : s->each;

		if (diag_full(l->diag) || l->no_memory)
			return;
		if (!k)
			unknown_key(l, s, key);
		else if (k->refused)
			load_error(l, key, "'%s' is not enforceable in this build: %s", k->name,
				   k->refused);
		else
			walk(l, k, i);
	}
	for (const struct schema *k = s->keys; k && k->name; k++) {
		if (k->required && !yaml_get(doc, node, k->name))
			load_error(l, node, "'%s' is missing", k->name);
	}
}

static void walk(struct load *l, const struct schema *s, uint32_t node)
{
	const struct yaml_doc *doc = &l->src->doc;
	const struct yaml_node *n = yaml_at(doc, node);
	struct load_value value;

	if (n->kind == YAML_SCALAR) {
		if (s->scalar == SCALAR_NONE)
			wrong_kind(l, s, node);
		else if (load_value_parse(l, s, node, &value) && s->set)
			s->set(l, s, node, &value);
		return;
	}
	if (n->kind == YAML_LIST ? !s->item : !s->keys && !s->each) {
		wrong_kind(l, s, node);
		return;
	}
	if (s->begin && !s->begin(l, s, node))
		return;
	if (n->kind == YAML_LIST && n->count == 0 && !s->empty_ok)
		load_warning(l, node, "an empty list says nothing");
	if (n->kind == YAML_MAP)
		walk_keys(l, s, node);
	else
		for (uint32_t i = n->child; i && !diag_full(l->diag); i = yaml_at(doc, i)->next)
			walk(l, s->item, i);
	if (s->end)
		s->end(l, s, node);
}

void load_apply_as(struct load *l, const struct schema *root)
{
	walk(l, root, 0);
}

void load_apply(struct load *l)
{
	load_apply_as(l, &schema_root);
}
