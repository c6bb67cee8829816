#include "cel/tree.h"

#include "cel/cel.h"

static struct cel_expr *refuse(struct cel_tree *t, struct cel_span span, const char *why)
{
	cel_problem_full(t->problems, span.at, span.end, why);
	return NULL;
}

/* @below: height of the highest child, 0 without children. */
static struct cel_expr *node(struct cel_tree *t, enum cel_expr_kind kind, struct cel_span span,
			     unsigned below)
{
	struct cel_expr *x;

	if (t->nodes >= CEL_NODES_MAX)
		return refuse(t, span, "the expression has too many parts, over 65536");
	if (below >= CEL_HEIGHT_MAX)
		return refuse(t, span,
			      "the expression is too deep: over 2000 operations, each of "
			      "which needs the one before");
	x = arena_new(t->arena, struct cel_expr);
	if (!x)
		return refuse(t, span, CEL_NO_MEMORY);
	t->nodes++;
	x->kind = (uint8_t)kind;
	x->height = (uint16_t)(below + 1);
	x->at = span.at;
	x->end = span.end > span.at ? span.end : span.at + 1;
	x->type = &cel_type_dyn;
	return x;
}

static unsigned higher(unsigned height, const struct cel_expr *x)
{
	return x->height > height ? x->height : height;
}

/* Highest of @items in *ret_height; false: one is missing. */
static bool height_of(struct cel_expr *const *items, uint32_t n, unsigned *ret_height)
{
	unsigned height = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (!items[i])
			return false;
		height = higher(height, items[i]);
	}
	*ret_height = height;
	return true;
}

struct cel_expr *cel_tree_literal(struct cel_tree *t, struct cel_span span, struct cel_value v)
{
	struct cel_expr *x = node(t, CEL_X_LITERAL, span, 0);

	if (x)
		x->literal = v;
	return x;
}

struct cel_expr *cel_tree_ident(struct cel_tree *t, struct cel_span span, struct str name)
{
	struct cel_expr *x = node(t, CEL_X_IDENT, span, 0);

	if (x)
		x->ident.name = name;
	return x;
}

struct cel_expr *cel_tree_select(struct cel_tree *t, struct cel_span span, struct cel_expr *operand,
				 struct str field, bool test)
{
	struct cel_expr *x = operand ? node(t, CEL_X_SELECT, span, operand->height) : NULL;

	if (!x)
		return NULL;
	x->select.operand = operand;
	x->select.field = field;
	x->select.test = test;
	return x;
}

struct cel_expr *cel_tree_call(struct cel_tree *t, struct cel_span span, const char *name,
			       struct cel_expr **args, uint32_t n_args)
{
	struct cel_expr *x;
	unsigned height;

	if (!height_of(args, n_args, &height))
		return NULL;
	x = node(t, CEL_X_CALL, span, height);
	if (!x)
		return NULL;
	x->call.name = str_of(name);
	x->call.args = args;
	x->call.n_args = n_args;
	return x;
}

struct cel_expr *cel_tree_member(struct cel_tree *t, struct cel_span span, struct cel_expr *target,
				 struct str name, struct cel_expr **args, uint32_t n_args)
{
	struct cel_expr *x;
	unsigned height;

	if (!target || !height_of(args, n_args, &height))
		return NULL;
	x = node(t, CEL_X_CALL, span, higher(height, target));
	if (!x)
		return NULL;
	x->call.name = name;
	x->call.target = target;
	x->call.args = args;
	x->call.n_args = n_args;
	return x;
}

static struct cel_expr *call_n(struct cel_tree *t, struct cel_span span, const char *name,
			       struct cel_expr *const *args, uint32_t n)
{
	struct cel_expr **kept = arena_array(t->arena, n, struct cel_expr *);

	if (!kept)
		return refuse(t, span, CEL_NO_MEMORY);
	memcpy(kept, args, n * sizeof(*kept));
	return cel_tree_call(t, span, name, kept, n);
}

struct cel_expr *cel_tree_call1(struct cel_tree *t, struct cel_span span, const char *name,
				struct cel_expr *a)
{
	return call_n(t, span, name, &a, 1);
}

struct cel_expr *cel_tree_call2(struct cel_tree *t, struct cel_span span, const char *name,
				struct cel_expr *a, struct cel_expr *b)
{
	return call_n(t, span, name, (struct cel_expr *[]){ a, b }, 2);
}

struct cel_expr *cel_tree_call3(struct cel_tree *t, struct cel_span span, const char *name,
				struct cel_expr *a, struct cel_expr *b, struct cel_expr *c)
{
	return call_n(t, span, name, (struct cel_expr *[]){ a, b, c }, 3);
}

struct cel_expr *cel_tree_list(struct cel_tree *t, struct cel_span span, struct cel_expr **items,
			       bool *optional, uint32_t n)
{
	struct cel_expr *x;
	unsigned height;

	if (!height_of(items, n, &height))
		return NULL;
	x = node(t, CEL_X_LIST, span, height);
	if (!x)
		return NULL;
	x->list.items = items;
	x->list.optional = optional;
	x->list.n = n;
	return x;
}

struct cel_expr *cel_tree_map(struct cel_tree *t, struct cel_span span, struct str name,
			      struct cel_entry_expr *entries, uint32_t n)
{
	struct cel_expr *x;
	unsigned height = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (!entries[i].key || !entries[i].value)
			return NULL;
		height = higher(higher(height, entries[i].key), entries[i].value);
	}
	x = node(t, name.n ? CEL_X_STRUCT : CEL_X_MAP, span, height);
	if (!x)
		return NULL;
	x->map.name = name;
	x->map.entries = entries;
	x->map.n = n;
	return x;
}

struct cel_expr *cel_tree_fold(struct cel_tree *t, struct cel_span span, struct cel_expr fold)
{
	struct cel_expr *const parts[] = { fold.fold.range, fold.fold.init, fold.fold.cond,
					   fold.fold.step, fold.fold.result };
	struct cel_expr *x;
	unsigned height;

	if (!height_of(parts, 5, &height))
		return NULL;
	x = node(t, CEL_X_FOLD, span, height);
	if (x)
		x->fold = fold.fold;
	return x;
}

struct cel_expr *cel_tree_bind(struct cel_tree *t, struct cel_span span, struct str name,
			       struct cel_expr *init, struct cel_expr *result)
{
	return cel_tree_fold(
		t, span,
		(struct cel_expr){ .fold = { .var = STR("@unused"),
					     .accu = name,
					     .range = cel_tree_list(t, span, NULL, NULL, 0),
					     .init = init,
					     .cond = cel_tree_literal(t, span, cel_bool(false)),
					     .step = cel_tree_ident(t, span, name),
					     .result = result } });
}

struct cel_expr *cel_tree_balanced(struct cel_tree *t, const char *name, struct cel_expr **terms,
				   const struct cel_span *ops, uint32_t n)
{
	uint32_t left = (n + 1) / 2;

	if (n == 1)
		return terms[0];
	return cel_tree_call2(t, ops[left - 1], name, cel_tree_balanced(t, name, terms, ops, left),
			      cel_tree_balanced(t, name, terms + left, ops + left, n - left));
}

static bool is_plain(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		      (c >= '0' && c <= '9')))
			return false;
	}
	return true;
}

struct str cel_tree_chain(struct arena *arena, const struct cel_expr *x)
{
	const struct cel_expr *root = x;
	size_t n = 0, at;
	char *text;

	for (; root->kind == CEL_X_SELECT && !root->select.test; root = root->select.operand) {
		if (!is_plain(root->select.field))
			return (struct str){ 0 };
		n += root->select.field.n + 1;
	}
	if (root->kind != CEL_X_IDENT)
		return (struct str){ 0 };
	n += root->ident.name.n;
	text = arena_alloc(arena, n);
	if (!text)
		return (struct str){ 0 };
	at = n;
	for (; x->kind == CEL_X_SELECT; x = x->select.operand) {
		at -= x->select.field.n;
		memcpy(text + at, x->select.field.p, x->select.field.n);
		text[--at] = '.';
	}
	memcpy(text, root->ident.name.p, root->ident.name.n);
	return (struct str){ .p = text, .n = n };
}
