/*
 * check_name - what names mean.
 *
 * A chain of selections a.b.c is a name of the environment as far as one is declared that long: of
 * "a.b.c", "a.b" and "a" the longest, and of each the one in the innermost container. The rest of the
 * chain selects fields of its value. A chain that starts at a comprehension's variable is none of the
 * environment's names, however they are called (langdef.md, "Name Resolution").
 *
 * Records have no values. A record's name in the tree becomes a literal for functions to take; has()
 * of one asks for any of its fields.
 */
#include "cel/check_impl.h"

#include <string.h>

const struct cel_scope *cel_check_local(const struct cel_checker *c, struct str name)
{
	for (const struct cel_scope *s = c->scope; s; s = s->up) {
		if (str_eq(s->name, name))
			return s;
	}
	return NULL;
}

bool cel_check_chain(struct cel_checker *c, const struct cel_expr *x, struct str *ret_chain)
{
	const struct cel_expr *root = x;
	struct str chain;

	while (root->kind == CEL_X_SELECT && !root->select.test)
		root = root->select.operand;
	if (root->kind != CEL_X_IDENT || cel_check_local(c, root->ident.name))
		return false;
	chain = cel_tree_chain(c->tree.arena, x);
	*ret_chain = chain;
	return chain.n > 0;
}

struct str cel_check_candidate(struct cel_checker *c, struct str name, size_t *at)
{
	struct str container = str_of(c->env->container ? c->env->container : "");
	size_t turn = (*at)++;
	char *text;

	if (name.n && name.p[0] == '.')
		return turn == 0 ? str_sub(name, 1, name.n) : (struct str){ 0 };
	for (; container.n && turn > 0; turn--) {
		while (container.n && container.p[container.n - 1] != '.')
			container.n--;
		if (container.n)
			container.n--;
	}
	if (!container.n)
		return turn == 0 ? name : (struct str){ 0 };
	text = arena_printf(c->tree.arena, "%.*s.%.*s", STR_ARG(container), STR_ARG(name));
	return str_of(text);
}

/* Does @name, found in the container's first @container bytes, start @chain? How far: 0 not at all. */
static size_t match_length(const char *name, struct str container, struct str chain)
{
	size_t n = 0;

	if (container.n) {
		if (strncmp(name, container.p, container.n) != 0 || name[container.n] != '.')
			return 0;
		name += container.n + 1;
	}
	while (n < chain.n && name[n] == chain.p[n])
		n++;
	if (name[n] != '\0' || (n < chain.n && chain.p[n] != '.'))
		return 0;
	return n;
}

/* Take @name if it matches better; does it match at all? */
static bool consider(struct cel_match *best, struct str container, struct str chain,
		     const char *name, const struct cel_decl *decl, const struct cel_record *record)
{
	bool matches = false;

	for (struct str in = container;;) {
		size_t length = match_length(name, in, chain);

		matches |= length > 0;
		if (length > best->length ||
		    (length && length == best->length && in.n > best->container)) {
			best->decl = decl;
			best->record = record;
			best->length = length;
			best->container = in.n;
		}
		if (!in.n)
			return matches;
		while (in.n && in.p[in.n - 1] != '.')
			in.n--;
		if (in.n)
			in.n--;
	}
}

/* Names of types, which the environment need not declare. */
static void consider_types(struct cel_checker *c, struct cel_match *best, struct str chain,
			   bool root)
{
	for (size_t n = chain.n; n > best->length; n--) {
		const struct cel_decl *decl = NULL;
		struct str part = str_sub(chain, 0, n), name;

		if (n < chain.n && chain.p[n] != '.')
			continue;
		if (root)
			decl = cel_type_decl(part);
		for (size_t at = 0; !root && !decl && (name = cel_check_candidate(c, part, &at)).n;)
			decl = cel_type_decl(name);
		if (decl) {
			best->decl = decl;
			best->record = NULL;
			best->length = n;
		}
	}
}

static void search(struct cel_checker *c, struct str chain, struct cel_match *best)
{
	struct str container = str_of(c->env->container ? c->env->container : "");
	const struct cel_env *env = c->env;
	bool root = chain.p[0] == '.';

	if (root) {
		chain = str_sub(chain, 1, chain.n);
		container.n = 0;
	}
	for (size_t i = 0; i < env->n_decls; i++)
		(void)consider(best, container, chain, env->decls[i].name, &env->decls[i], NULL);
	for (size_t i = 0; i < env->n_records; i++) {
		const struct cel_record *record = env->records[i];

		if (!consider(best, container, chain, record->name, NULL, record))
			continue; /* the names of its fields begin with its own */
		for (size_t j = 0; j < record->n_fields; j++)
			consider(best, container, chain, record->fields[j].name, &record->fields[j],
				 NULL);
	}
	consider_types(c, best, chain, root);
}

/* What the longest part of @chain that is a name stands for. */
static struct cel_match find(struct cel_checker *c, struct str chain)
{
	bool is_new;
	struct cel_match *match = cel_check_cached(c, chain, &is_new);

	if (!match)
		return (struct cel_match){ 0 };
	if (is_new)
		search(c, chain, match);
	return *match;
}

bool cel_check_is_value(struct cel_checker *c, struct str chain)
{
	struct cel_match found = find(c, chain);

	return found.decl && found.decl->slot >= 0 && found.length == chain.n - (chain.p[0] == '.');
}

bool cel_check_known(struct cel_checker *c, struct str chain)
{
	return find(c, chain).length > 0;
}

/* has(RECORD): any field of it, and of the records below it. */
static struct cel_expr *any_field(struct cel_checker *c, const struct cel_expr *x,
				  const struct cel_record *of)
{
	struct cel_span span = cel_span_of(x);
	struct str name = str_of(of->name);
	struct cel_expr **terms = NULL;
	struct cel_span *spans = NULL;
	size_t n = 0, cap = 0, spans_cap = 0;

	for (size_t i = 0; i < c->env->n_records; i++) {
		const struct cel_record *record = c->env->records[i];
		struct str other = str_of(record->name);

		if (record != of && !(str_starts(other, name) && other.p[name.n] == '.'))
			continue;
		for (size_t j = 0; j < record->n_fields; j++) {
			struct cel_expr *test = cel_tree_select(
				&c->tree, span, cel_tree_ident(&c->tree, span, name),
				str_of(record->fields[j].name), true);

			terms = arena_grow(c->tree.arena, terms, n, &cap, sizeof(*terms));
			spans = arena_grow(c->tree.arena, spans, n, &spans_cap, sizeof(*spans));
			if (!test || !terms || !spans)
				return NULL;
			test->decl = &record->fields[j];
			test->type = &cel_type_bool;
			spans[n] = span;
			terms[n++] = test;
		}
	}
	if (n == 0)
		return cel_tree_literal(&c->tree, span, cel_bool(false));
	return cel_tree_balanced(&c->tree, CEL_OP_OR, terms, spans, (uint32_t)n);
}

/* Every && and || of a tree made here. */
static void set_bool(struct cel_expr *x)
{
	x->type = &cel_type_bool;
	if (x->kind == CEL_X_CALL) {
		set_bool(x->call.args[0]);
		set_bool(x->call.args[1]);
	}
}

/* Make @x, which names what was found, that. @test: it is asked for presence. */
static const struct cel_type *settle(struct cel_checker *c, struct cel_expr *x,
				     struct cel_match found, bool test)
{
	struct cel_type *type;
	struct cel_expr *any;

	if (found.decl) {
		x->decl = found.decl;
		return test ? &cel_type_bool : found.decl->type;
	}
	if (test) {
		any = any_field(c, x, found.record);
		if (!any)
			return cel_check_full(c);
		set_bool(any);
		*x = *any;
		return &cel_type_bool;
	}
	type = arena_new(c->tree.arena, struct cel_type);
	if (!type)
		return cel_check_full(c);
	type->kind = CEL_T_RECORD;
	type->record = found.record;
	x->kind = CEL_X_LITERAL;
	x->literal = (struct cel_value){ .kind = CEL_RECORD, .record = found.record };
	return type;
}

const struct cel_type *cel_check_ident(struct cel_checker *c, struct cel_expr *x)
{
	const struct cel_scope *local = cel_check_local(c, x->ident.name);
	struct cel_match found;

	if (local)
		return local->type;
	found = find(c, x->ident.name);
	if (!found.length)
		return cel_suggest_name(c, &x, 1);
	return settle(c, x, found, false);
}

/* The type of the items that a selection goes into: optionals are looked through. */
static const struct cel_type *unwrap(struct cel_checker *c, const struct cel_type *type,
				     bool *ret_optional)
{
	*ret_optional = type->kind == CEL_T_OPTIONAL;
	return *ret_optional ? cel_type_now(&c->unify, type->param[0]) : type;
}

const struct cel_type *cel_check_field(struct cel_checker *c, const struct cel_expr *x,
				       struct str name, const struct cel_type *of)
{
	const struct cel_type *field = NULL;
	bool optional;

	of = unwrap(c, cel_type_now(&c->unify, of), &optional);
	if (of->kind == CEL_T_VAR)
		(void)cel_agree(&c->unify, of, &cel_type_dyn);
	switch (of->kind) {
	case CEL_T_VAR:
	case CEL_T_DYN: field = &cel_type_dyn; break;
	case CEL_T_ERROR: return &cel_type_error;
	case CEL_T_MAP:
		if (cel_agree(&c->unify, of->param[0], &cel_type_string))
			field = of->param[1];
		break;
	default: break;
	}
	if (!field && c->lenient)
		field = &cel_type_dyn;
	if (!field && of->kind == CEL_T_MAP)
		return cel_check_fail(c, x->at, x->end,
				      "the keys of this map are %s; '.%.*s' looks for a string",
				      cel_check_type_text(c, of->param[0]), STR_ARG(name));
	if (!field && cel_check_has_function(c, name, true))
		return cel_check_fail(c, x->at, x->end,
				      "found no field '%.*s' in %s; did you mean '%.*s()'?",
				      STR_ARG(name), cel_check_type_text(c, of), STR_ARG(name));
	if (!field)
		return cel_check_fail(c, x->at, x->end, "found no field '%.*s': %s has no fields",
				      STR_ARG(name), cel_check_type_text(c, of));
	if (optional)
		field = cel_type_of(c->tree.arena, CEL_T_OPTIONAL, field);
	return field ? field : cel_check_full(c);
}

/* The selections from @x down to where they start, outermost last. */
static struct cel_expr **spine_of(struct cel_checker *c, struct cel_expr *x, uint32_t *ret_n)
{
	struct cel_expr **nodes, *at;
	uint32_t n = 1;

	for (at = x; at->kind == CEL_X_SELECT && (at == x || !at->select.test);
	     at = at->select.operand)
		n++;
	nodes = arena_array(c->tree.arena, n, struct cel_expr *);
	if (!nodes)
		return NULL;
	*ret_n = n;
	for (at = x; n > 0; n--) {
		nodes[n - 1] = at;
		if (n > 1)
			at = at->select.operand;
	}
	return nodes;
}

/* The name that starts the spine: the node it ends at in *ret_at; false: it starts with none. */
static bool settle_name(struct cel_checker *c, struct cel_expr *const *nodes, uint32_t n,
			uint32_t *ret_at, const struct cel_type **ret_type)
{
	struct cel_expr *last = nodes[n - 1];
	bool test = last->select.test;
	struct cel_match found;
	struct str chain;
	size_t length;
	uint32_t at;

	last->select.test = false;
	if (!cel_check_chain(c, last, &chain)) {
		last->select.test = test;
		return false;
	}
	last->select.test = test;
	found = find(c, chain);
	*ret_at = n - 1;
	if (!found.length) {
		*ret_type = cel_suggest_name(c, nodes, n);
		return true;
	}
	length = nodes[0]->ident.name.n - (nodes[0]->ident.name.p[0] == '.');
	for (at = 0; length < found.length; at++)
		length += nodes[at + 1]->select.field.n + 1;
	*ret_at = at;
	/* a field that a record does not have: its message knows what the record has */
	if (found.record && at < n - 1) {
		*ret_type = cel_suggest_name(c, nodes, n);
		*ret_at = n - 1;
		return true;
	}
	*ret_type = settle(c, nodes[at], found, test && at == n - 1);
	nodes[at]->type = *ret_type;
	return true;
}

const struct cel_type *cel_check_select(struct cel_checker *c, struct cel_expr *x)
{
	const struct cel_type *type = &cel_type_error;
	uint32_t n = 0, at = 0;
	struct cel_expr **nodes = spine_of(c, x, &n);

	if (!nodes)
		return cel_check_full(c);
	if (!settle_name(c, nodes, n, &at, &type))
		type = cel_check_expr(c, nodes[0]);
	for (at++; at < n; at++) {
		type = cel_check_field(c, nodes[at], nodes[at]->select.field, type);
		if (nodes[at]->select.test && type->kind != CEL_T_ERROR)
			type = &cel_type_bool;
		nodes[at]->type = type;
	}
	return type;
}

bool cel_check_presence(struct cel_checker *c, struct cel_expr *x, struct cel_expr *target)
{
	struct cel_expr test = { .kind = CEL_X_SELECT, .height = x->height };
	struct cel_match found;
	struct str chain;

	if (!cel_check_chain(c, target, &chain))
		return false;
	found = find(c, chain);
	if (found.length != chain.n - (chain.p[0] == '.') || (found.decl && found.decl->slot < 0))
		return false;
	test.at = target->at;
	test.end = x->end;
	test.select.operand = target;
	test.select.test = true;
	if (target->kind == CEL_X_SELECT)
		test.select.field = target->select.field;
	*x = test;
	x->type = settle(c, x, found, true);
	return true;
}
