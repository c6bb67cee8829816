/*
 * check_suggest - messages about names and overloads that do not exist, with what does.
 */
#include "cel/check_impl.h"
#include "cel/macro.h"

#include <stdio.h>
#include <string.h>

#define LISTED_MAX 12   /* names in a message */
#define OVERLOADS_MAX 5 /* overloads in a message */

/* Words to choose from, each once. */
struct words {
	struct cel_checker *c;
	const char **at;
	size_t n, cap;
};

static void words_add(struct words *w, struct str word)
{
	const char **at;

	for (size_t i = 0; i < w->n; i++) {
		if (str_eqz(word, w->at[i]))
			return;
	}
	at = arena_grow(w->c->tree.arena, w->at, w->n, &w->cap, sizeof(*at));
	if (!at)
		return;
	w->at = at;
	at[w->n] = arena_strdup(w->c->tree.arena, word);
	if (at[w->n])
		w->n++;
}

/* The component of @name after @prefix (empty: its first), if it has that prefix. */
static struct str next_part(const char *name, struct str prefix)
{
	struct str s = str_of(name);
	const char *dot;

	if (prefix.n) {
		if (s.n <= prefix.n + 1 || !str_starts(s, prefix) || s.p[prefix.n] != '.')
			return (struct str){ 0 };
		s = str_sub(s, prefix.n + 1, s.n);
	}
	dot = memchr(s.p, '.', s.n);
	return dot ? (struct str){ .p = s.p, .n = (size_t)(dot - s.p) } : s;
}

static void words_add_part(struct words *w, const char *name, struct str prefix)
{
	struct str part = next_part(name, prefix);

	if (part.n)
		words_add(w, part);
}

/* What may follow @prefix in the environment's names. */
static void words_below(struct words *w, struct str prefix)
{
	const struct cel_env *env = w->c->env;

	for (size_t i = 0; i < env->n_decls; i++)
		words_add_part(w, env->decls[i].name, prefix);
	for (size_t i = 0; i < env->n_records; i++) {
		words_add_part(w, env->records[i]->name, prefix);
		for (size_t j = 0; j < env->records[i]->n_fields; j++)
			words_add_part(w, env->records[i]->fields[j].name, prefix);
	}
}

/* "a, b, c", at most LISTED_MAX of them. */
static const char *words_list(const struct words *w)
{
	char text[256];
	struct buf out = buf_fixed(text, sizeof(text));

	for (size_t i = 0; i < w->n && !buf_error(&out); i++) {
		if (i == LISTED_MAX) {
			buf_putz(&out, ", ...");
			break;
		}
		buf_putz(&out, i ? ", " : "");
		buf_putz(&out, w->at[i]);
	}
	return arena_printf(w->c->tree.arena, "%.*s%s", (int)out.n, text,
			    buf_error(&out) ? ", ..." : "");
}

/* "; did you mean 'x'?" or nothing. */
static const char *did_you_mean(const struct words *w, struct str word)
{
	const char *near = str_nearest(word, w->at, w->n), *text;

	/* "hostname" for "host", "req" for "request": far apart as letters go */
	for (size_t i = 0; !near && word.n >= 3 && i < w->n; i++) {
		struct str other = str_of(w->at[i]);

		if ((other.n >= 3 && str_starts(word, other)) || str_starts(other, word))
			near = w->at[i];
	}
	if (!near)
		return "";
	text = arena_printf(w->c->tree.arena, "; did you mean '%s'?", near);
	return text ? text : "";
}

/* Does @name end with the component or components @tail? */
static bool ends_with(struct str name, struct str tail)
{
	return name.n > tail.n && str_ends(name, tail) && name.p[name.n - tail.n - 1] == '.';
}

/* The one whole name that starts with @start (empty: anything) and ends with @tail, or NULL. */
static const char *only_name(struct cel_checker *c, struct str start, struct str tail)
{
	const struct cel_env *env = c->env;
	const char *found = NULL;

	for (size_t i = 0; i < env->n_records; i++) {
		for (size_t j = 0; j < env->records[i]->n_fields; j++) {
			const char *name = env->records[i]->fields[j].name;

			if (!ends_with(str_of(name), tail) || !str_starts(str_of(name), start))
				continue;
			if (found)
				return NULL;
			found = name;
		}
	}
	return found;
}

/* Names whose end was written: "request.host", or "file.path" for "file.activity.path". */
static const char *whole_name(struct cel_checker *c, struct str chain)
{
	const char *dot = memchr(chain.p, '.', chain.n), *found;
	struct str root;

	found = only_name(c, (struct str){ 0 }, chain);
	if (found || !dot)
		return found;
	root = (struct str){ .p = chain.p, .n = (size_t)(dot - chain.p) + 1 };
	return only_name(c, root, str_sub(chain, root.n, chain.n));
}

static const struct cel_type *unknown_root(struct cel_checker *c, const struct cel_expr *root,
					   const char *whole, bool single)
{
	struct words w = { .c = c };
	struct str name = root->ident.name;
	const char *near;

	if (name.p[0] == '.')
		name = str_sub(name, 1, name.n);
	words_below(&w, (struct str){ 0 });
	if (name.p[0] == '@')
		return cel_check_fail(c, root->at, root->end,
				      "this has no meaning here: cel.block() or a macro has to "
				      "define it around here");
	if (str_eq(name, STR("event")) && w.n)
		return cel_check_fail(c, root->at, root->end,
				      "there is no 'event': what happened is under %s",
				      words_list(&w));
	for (const struct cel_scope *s = c->scope; s; s = s->up) {
		if (s->name.p[0] != '@')
			words_add(&w, s->name);
	}
	if (whole && !single)
		return cel_check_fail(c, root->at, root->end,
				      "found no variable '%.*s'; did you mean '%s'?", STR_ARG(name),
				      whole);
	near = did_you_mean(&w, name);
	if (!*near &&
	    (cel_check_has_function(c, name, false) || cel_check_has_function(c, name, true)))
		return cel_check_fail(c, root->at, root->end,
				      "found no variable '%.*s'; it is a function, to be called: "
				      "%.*s(...)",
				      STR_ARG(name), STR_ARG(name));
	if (!*near && whole)
		return cel_check_fail(c, root->at, root->end,
				      "found no variable '%.*s'; did you mean '%s'?", STR_ARG(name),
				      whole);
	if (!*near && w.n && w.n <= LISTED_MAX)
		return cel_check_fail(c, root->at, root->end,
				      "found no variable '%.*s'; there is %s", STR_ARG(name),
				      words_list(&w));
	return cel_check_fail(c, root->at, root->end, "found no variable '%.*s'%s", STR_ARG(name),
			      near);
}

/* Is @prefix, or @prefix in a container, the beginning of names? Its whole form in *ret_prefix. */
static bool is_group(struct cel_checker *c, struct str prefix, struct str *ret_prefix)
{
	struct str name;

	for (size_t at = 0; (name = cel_check_candidate(c, prefix, &at)).n;) {
		struct words w = { .c = c };

		words_below(&w, name);
		if (w.n) {
			*ret_prefix = name;
			return true;
		}
	}
	return false;
}

const struct cel_type *cel_suggest_name(struct cel_checker *c, struct cel_expr *const *nodes,
					uint32_t n)
{
	struct words w = { .c = c };
	struct str prefix = { 0 }, chain;
	const struct cel_expr *bad;
	const char *whole = NULL;
	uint32_t known = 0;

	if (c->lenient)
		return &cel_type_dyn;
	/* from the outermost selection inwards: what follows a field may select from its value */
	for (uint32_t i = n; !whole && i-- > 0;) {
		chain = cel_tree_chain(c->tree.arena, nodes[i]);
		if (chain.n && nodes[0]->kind == CEL_X_IDENT)
			whole = whole_name(c, chain);
	}
	while (known < n && nodes[known]->kind != CEL_X_LITERAL &&
	       is_group(c, cel_tree_chain(c->tree.arena, nodes[known]), &prefix))
		known++;
	if (known == 0)
		return unknown_root(c, nodes[0], whole, n == 1);
	words_below(&w, prefix);
	if (known == n) {
		bad = nodes[n - 1];
		return cel_check_fail(c, bad->at, bad->end,
				      "'%.*s' is no value but a group of them: %s", STR_ARG(prefix),
				      words_list(&w));
	}
	bad = nodes[known];
	if (cel_check_has_function(c, bad->select.field, true))
		return cel_check_fail(c, bad->at, bad->end,
				      "found no field '%.*s' in %.*s; did you mean '%.*s(...)'?",
				      STR_ARG(bad->select.field), STR_ARG(prefix),
				      STR_ARG(bad->select.field));
	if (*did_you_mean(&w, bad->select.field))
		return cel_check_fail(c, bad->at, bad->end, "found no field '%.*s' in %.*s%s",
				      STR_ARG(bad->select.field), STR_ARG(prefix),
				      did_you_mean(&w, bad->select.field));
	if (whole)
		return cel_check_fail(c, bad->at, bad->end,
				      "found no field '%.*s' in %.*s; did you mean '%s'?",
				      STR_ARG(bad->select.field), STR_ARG(prefix), whole);
	return cel_check_fail(c, bad->at, bad->end, "found no field '%.*s' in %.*s; it has %s",
			      STR_ARG(bad->select.field), STR_ARG(prefix), words_list(&w));
}

static bool is_word(struct str name)
{
	return name.n && name.p[0] != '_' && name.p[0] != '@' && name.p[0] != '-' &&
	       name.p[0] != '!' && !memchr(name.p, '@', name.n);
}

/* Names of functions of the form. */
static void words_functions(struct words *w, bool member)
{
	for (size_t i = 0; i < w->c->env->n_libraries; i++) {
		const struct cel_library *lib = w->c->env->libraries[i];

		for (size_t j = 0; j < lib->n; j++) {
			struct str name = str_of(lib->overloads[j].name);

			if (((lib->overloads[j].flags & CEL_FN_MEMBER) != 0) == member &&
			    is_word(name))
				words_add(w, name);
		}
	}
}

const struct cel_type *cel_suggest_function(struct cel_checker *c, const struct cel_expr *x,
					    struct str name)
{
	struct words w = { .c = c };
	bool member = x->call.target != NULL;
	const char *usage = cel_macro_usage(name);

	if (c->lenient)
		return &cel_type_dyn;
	if (usage && c->env->macros)
		return cel_check_fail(c, x->at, x->end, "%.*s() is called like this: %s",
				      STR_ARG(name), usage);
	if (cel_check_has_function(c, name, !member))
		return cel_check_fail(c, x->at, x->end,
				      member ? "'%.*s' is no function of a value; write %.*s(...)"
					     : "'%.*s' is a function of a value; write x.%.*s(...)",
				      STR_ARG(name), STR_ARG(name));
	words_functions(&w, member);
	return cel_check_fail(c, x->at, x->end, "found no function '%.*s'%s", STR_ARG(name),
			      did_you_mean(&w, name));
}

const struct cel_type *cel_suggest_space(struct cel_checker *c, const struct cel_expr *x)
{
	struct words w = { .c = c };
	struct str chain, prefix;
	const char *text;

	if (c->lenient || !cel_check_chain(c, x->call.target, &chain) ||
	    cel_check_known(c, chain) || is_group(c, chain, &prefix))
		return NULL;
	words_functions(&w, false);
	text = arena_printf(c->tree.arena, "%.*s.%.*s", STR_ARG(chain), STR_ARG(x->call.name));
	text = str_nearest(str_of(text), w.at, w.n);
	if (!text || !strchr(text, '.'))
		return NULL;
	return cel_check_fail(c, x->call.target->at, x->end,
			      "found no function '%.*s.%.*s'; did you mean '%s'?", STR_ARG(chain),
			      STR_ARG(x->call.name), text);
}

static void put_types(struct cel_checker *c, struct buf *out, const struct cel_type *const *types,
		      uint32_t n)
{
	buf_putc(out, '(');
	for (uint32_t i = 0; i < n; i++) {
		buf_putz(out, i ? ", " : "");
		cel_problem_put_type(out, cel_type_final(&c->unify, types[i]));
	}
	buf_putc(out, ')');
}

/* "(string, string) -> bool" */
static void put_signature(struct cel_checker *c, struct buf *out, const char *signature)
{
	const struct cel_type *type;
	const char *p = signature;

	buf_putc(out, '(');
	while (*p && *p != ':') {
		buf_putz(out, p == signature ? "" : ", ");
		type = cel_type_parse(c->tree.arena, &p);
		if (!type)
			return;
		cel_problem_put_type(out, type);
	}
	buf_putz(out, ") -> ");
	p++;
	type = cel_type_parse(c->tree.arena, &p);
	if (type)
		cel_problem_put_type(out, type);
}

/* How well @signature fits: 2 when its first argument does, 1 with the right number of arguments. */
static unsigned fit(struct cel_checker *c, const char *signature,
		    const struct cel_type *const *types, uint32_t n)
{
	const struct cel_type *vars[CEL_TYPE_LETTERS] = { NULL };
	unsigned points = 0;
	const char *p = signature;

	for (uint32_t i = 0; *p && *p != ':'; i++) {
		const struct cel_type *type = cel_type_parse(c->tree.arena, &p);

		if (!type)
			return 0;
		if (i == 0 && n > 0 &&
		    cel_agree(&c->unify, cel_type_instance(&c->unify, type, vars), types[0]))
			points += 2;
		if (i + 1 == n && *p == ':')
			points += 1;
	}
	return points;
}

struct listing {
	struct buf *out;
	unsigned listed, more;
};

/* The overloads of @name that fit with @points. */
static void list_overloads(struct cel_checker *c, struct listing *l, struct str name, bool member,
			   const struct cel_type *const *types, uint32_t n, unsigned points)
{
	const struct cel_functions *functions = cel_check_functions(c, name, member);

	for (uint32_t i = 0; i < functions->n; i++) {
		if (fit(c, functions->at[i]->args, types, n) != points)
			continue;
		if (l->listed == OVERLOADS_MAX) {
			l->more++;
			continue;
		}
		buf_putz(l->out, l->listed++ ? ", " : "");
		put_signature(c, l->out, functions->at[i]->args);
	}
}

static bool is_number(const struct cel_type *type)
{
	return type->kind == CEL_T_INT || type->kind == CEL_T_UINT || type->kind == CEL_T_DOUBLE;
}

/* What may be done about the operator @name between @a and @b, or "". */
static const char *operator_hint(struct str name, const struct cel_type *a,
				 const struct cel_type *b, bool equal)
{
	bool strings = a->kind == CEL_T_STRING && b->kind == CEL_T_STRING;

	if (str_eqz(name, CEL_OP_INDEX) && a->kind == CEL_T_RECORD)
		return "; fields are selected: .name";
	if (str_eqz(name, CEL_OP_IN) && strings)
		return "; text.contains(part) looks into text";
	if (str_eqz(name, CEL_OP_ADD) && a->kind != b->kind &&
	    (a->kind == CEL_T_STRING || b->kind == CEL_T_STRING))
		return "; string() converts";
	if (is_number(a) && is_number(b))
		return "; int(), uint() and double() convert";
	if (equal && (a->kind == CEL_T_NULL || b->kind == CEL_T_NULL))
		return "; .exists() asks whether there is a value";
	return "";
}

const struct cel_type *cel_suggest_overload(struct cel_checker *c, const struct cel_expr *x,
					    struct str name, bool member,
					    const struct cel_type *const *types, uint32_t n)
{
	char found_text[200], there_text[400];
	struct buf found = buf_fixed(found_text, sizeof(found_text));
	struct buf there = buf_fixed(there_text, sizeof(there_text));
	struct listing l = { .out = &there };
	struct str shown = cel_check_operator(name);
	bool equal = n == 2 && (str_eqz(name, CEL_OP_EQ) || str_eqz(name, CEL_OP_NE));
	const char *hint = "";

	if (c->lenient)
		return &cel_type_dyn;
	if (n == 2)
		hint = operator_hint(name, cel_type_now(&c->unify, types[0]),
				     cel_type_now(&c->unify, types[1]), equal);
	if (equal)
		return cel_check_fail(c, x->at, x->end,
				      "'%.*s' compares two of one type, found %s and %s%s",
				      STR_ARG(shown), cel_check_type_text(c, types[0]),
				      cel_check_type_text(c, types[1]), hint);
	put_types(c, &found, types, n);
	for (unsigned points = 4; points-- > 0;)
		list_overloads(c, &l, name, member, types, n, points);
	if (l.more)
		buf_printf(&there, ", and %u more", l.more);
	return cel_check_fail(
		c, x->at, x->end, "found no overload of '%.*s' for %.*s; there is %.*s%s",
		STR_ARG(shown), (int)found.n, found_text, (int)there.n, there_text, hint);
}
