/*
 * check_cache - names and functions that were looked up before.
 *
 * An environment's tables are searched from end to end; an expression says few names often. What a
 * search found, also that it found nothing, is kept by the name for the rest of the check.
 */
#include "cel/check_impl.h"

static uint32_t hash(struct str s)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619U;
	return (h ^ h >> 15) % CEL_CACHE_BUCKETS;
}

/* Is @z @name? Most are told apart by their first character. */
static bool is_named(const char *z, struct str name)
{
	return name.n && z[0] == name.p[0] && strncmp(z, name.p, name.n) == 0 && z[name.n] == '\0';
}

/* A name is kept twice when the arena moves it; so it is copied. */
static struct str keep(struct cel_checker *c, struct str name)
{
	return (struct str){ .p = arena_strdup(c->tree.arena, name), .n = name.n };
}

static void parse_signature(struct cel_checker *c, const char *text, struct cel_signature *ret)
{
	ret->bad = true;
	while (*text != ':') {
		const struct cel_type *type =
			ret->n < CEL_ARGS_MAX ? cel_type_parse(c->tree.arena, &text) : NULL;

		if (!type)
			return;
		ret->args[ret->n++] = type;
	}
	text++;
	ret->result = cel_type_parse(c->tree.arena, &text);
	ret->bad = !ret->result;
}

static void parse_signatures(struct cel_checker *c, struct cel_functions *f)
{
	struct cel_signature *s = arena_array(c->tree.arena, f->n, struct cel_signature);

	if (!s) {
		f->n = 0;
		(void)cel_check_full(c);
		return;
	}
	for (uint32_t i = 0; i < f->n; i++)
		parse_signature(c, f->at[i]->args, &s[i]);
	f->signatures = s;
}

/* One more overload for @f. */
static void add(struct cel_checker *c, struct cel_functions *f, size_t *cap,
		const struct cel_overload *overload)
{
	const struct cel_overload **at = arena_grow(c->tree.arena, f->at, f->n, cap, sizeof(*at));

	if (!at) {
		(void)cel_check_full(c);
		return;
	}
	f->at = at;
	at[f->n++] = overload;
}

/* Both forms of a name, @both[0] the one without receiver, in one walk over the libraries. */
static void collect(struct cel_checker *c, struct cel_functions *both)
{
	size_t cap[2] = { 0, 0 };

	for (size_t i = 0; i < c->env->n_libraries; i++) {
		const struct cel_library *lib = c->env->libraries[i];

		for (size_t j = 0; j < lib->n; j++) {
			const struct cel_overload *o = &lib->overloads[j];
			bool member = (o->flags & CEL_FN_MEMBER) != 0;

			if (is_named(o->name, both->name))
				add(c, &both[member], &cap[member], o);
		}
	}
	for (unsigned form = 0; form < 2; form++) {
		if (both[form].n)
			parse_signatures(c, &both[form]);
	}
}

const struct cel_functions *cel_check_functions(struct cel_checker *c, struct str name, bool member)
{
	static const struct cel_functions none;
	struct cel_functions **bucket = &c->functions[hash(name)], *both;

	for (both = *bucket; both; both = both->next) {
		if (str_eq(both->name, name))
			return &both[member];
	}
	both = arena_array(c->tree.arena, 2, struct cel_functions);
	if (both)
		both->name = keep(c, name);
	if (!both || !both->name.p) {
		(void)cel_check_full(c);
		return &none;
	}
	both->next = *bucket;
	*bucket = both;
	collect(c, both);
	return &both[member];
}

struct cel_match *cel_check_cached(struct cel_checker *c, struct str chain, bool *ret_new)
{
	struct cel_match **bucket = &c->matches[hash(chain)], *m;

	*ret_new = false;
	for (m = *bucket; m; m = m->next) {
		if (str_eq(m->chain, chain))
			return m;
	}
	m = arena_new(c->tree.arena, struct cel_match);
	if (m)
		m->chain = keep(c, chain);
	if (!m || !m->chain.p) {
		(void)cel_check_full(c);
		return NULL;
	}
	m->next = *bucket;
	*bucket = m;
	*ret_new = true;
	return m;
}
