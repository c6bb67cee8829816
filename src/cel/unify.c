#include "cel/unify.h"

#define WORK_MAX (1U << 19) /* a few milliseconds */
#define COUNT_PARAMS (sizeof(((struct cel_type *)NULL)->param) / sizeof(struct cel_type *))

struct cel_undo {
	uint32_t var;
	const struct cel_type *old;
};

static bool agree(struct cel_unifier *u, const struct cel_type *a, const struct cel_type *b);

const struct cel_type *cel_unify_fresh(struct cel_unifier *u)
{
	struct cel_type *type = arena_new(u->arena, struct cel_type);
	const struct cel_type **bound =
		arena_grow(u->arena, u->bound, u->n, &u->cap, sizeof(*bound));

	if (!type || !bound) {
		u->full = true;
		return &cel_type_error;
	}
	u->bound = bound;
	bound[u->n] = NULL;
	type->kind = CEL_T_VAR;
	type->open = true;
	type->var = (uint32_t)u->n++;
	return type;
}

static void bind(struct cel_unifier *u, const struct cel_type *var, const struct cel_type *type)
{
	struct cel_undo *trail =
		arena_grow(u->arena, u->trail, u->n_trail, &u->trail_cap, sizeof(*trail));

	if (!trail) {
		u->full = true;
		return;
	}
	u->trail = trail;
	trail[u->n_trail++] = (struct cel_undo){ .var = var->var, .old = u->bound[var->var] };
	u->bound[var->var] = type;
}

/* Every look at a type is counted: types share parts, and a tree of them may be far bigger than they. */
static bool spend(struct cel_unifier *u)
{
	if (++u->work > WORK_MAX)
		u->full = true;
	return !u->full;
}

/* Is @var somewhere in @type? Then it must not stand for it. */
static bool occurs(struct cel_unifier *u, const struct cel_type *var, const struct cel_type *type)
{
	if (!type->open || !spend(u))
		return false;
	if (type->kind == CEL_T_VAR) {
		if (type->var == var->var)
			return true;
		return u->bound[type->var] && occurs(u, var, u->bound[type->var]);
	}
	for (size_t i = 0; i < COUNT_PARAMS && type->param[i]; i++) {
		if (occurs(u, var, type->param[i]))
			return true;
	}
	return false;
}

static bool is_dyn(const struct cel_type *type)
{
	return type->kind == CEL_T_DYN || type->kind == CEL_T_ERROR;
}

static bool is_nullable(const struct cel_type *type)
{
	switch (type->kind) {
	case CEL_T_NULL:
	case CEL_T_WRAPPER:
	case CEL_T_TIMESTAMP:
	case CEL_T_DURATION:
	case CEL_T_OPTIONAL:
	case CEL_T_IP:
	case CEL_T_CIDR:
	case CEL_T_ABSTRACT: return true;
	default: return false;
	}
}

/* Of agreeing types: does @a say no more than @b? */
static bool says_less(const struct cel_type *a, const struct cel_type *b)
{
	if (is_dyn(a) || a->kind == CEL_T_VAR)
		return true;
	if (is_dyn(b) || b->kind == CEL_T_VAR)
		return false;
	if (a->kind == CEL_T_NULL && b->kind != CEL_T_NULL)
		return false;
	if (b->kind == CEL_T_NULL && a->kind != CEL_T_NULL)
		return true;
	if (a->kind != b->kind)
		return a->kind == CEL_T_WRAPPER;
	if (a->kind == CEL_T_TYPE)
		return true;
	for (size_t i = 0; i < COUNT_PARAMS && a->param[i] && b->param[i]; i++) {
		if (!says_less(a->param[i], b->param[i]))
			return false;
	}
	return true;
}

const struct cel_type *cel_more_general(const struct cel_type *a, const struct cel_type *b)
{
	return says_less(a, b) ? a : b;
}

/*
 * Let @var stand for @type too. *ret_known: it stood for something before, so that a disagreement is
 * final.
 */
static bool stand_for(struct cel_unifier *u, const struct cel_type *var,
		      const struct cel_type *type, bool *ret_known)
{
	const struct cel_type *now = u->bound[var->var], *both;
	bool fresh = type->kind == CEL_T_VAR && !u->bound[type->var];

	*ret_known = true;
	if (type->kind == CEL_T_VAR && type->var == var->var)
		return true;
	if (now) {
		if (cel_type_equal(type, now))
			return true;
		if (!agree(u, type, now))
			return false;
		if (fresh)
			return true; /* it stands for the same from now on */
		both = cel_more_general(type, now);
		if (both != now && !occurs(u, var, both))
			bind(u, var, both);
		return true;
	}
	*ret_known = false;
	if (occurs(u, var, type))
		return false;
	bind(u, var, type);
	return true;
}

static bool is_unknown(const struct cel_unifier *u, const struct cel_type *type)
{
	return type->kind == CEL_T_VAR && !u->bound[type->var];
}

static bool agree_params(struct cel_unifier *u, const struct cel_type *a, const struct cel_type *b)
{
	for (size_t i = 0; i < COUNT_PARAMS; i++) {
		if (!a->param[i] || !b->param[i])
			return a->param[i] == b->param[i];
		if (!agree(u, a->param[i], b->param[i]))
			return false;
	}
	return true;
}

static bool agree_known(struct cel_unifier *u, const struct cel_type *a, const struct cel_type *b)
{
	if (is_dyn(a) || is_dyn(b))
		return true;
	if (a->kind == CEL_T_NULL)
		return is_nullable(b);
	if (b->kind == CEL_T_NULL)
		return is_nullable(a);
	if (a->kind == CEL_T_WRAPPER && b->kind != CEL_T_WRAPPER)
		return agree(u, a->param[0], b);
	if (b->kind == CEL_T_WRAPPER && a->kind != CEL_T_WRAPPER)
		return agree(u, a, b->param[0]);
	if (a->kind != b->kind)
		return false;
	if (a->kind == CEL_T_TYPE)
		return true;
	if (a->kind == CEL_T_RECORD)
		return !a->record || !b->record || a->record == b->record;
	return str_eq(a->name, b->name) && agree_params(u, a, b);
}

/* The end of a chain of variables that stand for each other; long ones are cut short. */
static const struct cel_type *last_var(struct cel_unifier *u, const struct cel_type *type)
{
	const struct cel_type *first = type;
	unsigned links = 0;

	while (type->kind == CEL_T_VAR && u->bound[type->var] &&
	       u->bound[type->var]->kind == CEL_T_VAR) {
		type = u->bound[type->var];
		links++;
	}
	if (links > 1)
		bind(u, first, type);
	return type;
}

static bool agree(struct cel_unifier *u, const struct cel_type *a, const struct cel_type *b)
{
	bool known;

	if (!spend(u))
		return true;
	a = last_var(u, a);
	b = last_var(u, b);
	if (a == b)
		return true;
	/* of two that are not known, the older stays: chains that others hold do not grow */
	if (is_unknown(u, a) && is_unknown(u, b) && a->var > b->var)
		return stand_for(u, a, b, &known);
	if (b->kind == CEL_T_VAR) {
		if (stand_for(u, b, a, &known))
			return true;
		if (known)
			return false;
	}
	if (a->kind == CEL_T_VAR)
		return stand_for(u, a, b, &known);
	return b->kind != CEL_T_VAR && agree_known(u, a, b);
}

bool cel_agree_all(struct cel_unifier *u, const struct cel_type *const *a,
		   const struct cel_type *const *b, size_t n)
{
	size_t mark = u->n_trail;

	for (size_t i = 0; i < n; i++) {
		if (agree(u, a[i], b[i]))
			continue;
		while (u->n_trail > mark) {
			u->n_trail--;
			u->bound[u->trail[u->n_trail].var] = u->trail[u->n_trail].old;
		}
		return false;
	}
	u->n_trail = mark;
	return true;
}

bool cel_agree(struct cel_unifier *u, const struct cel_type *a, const struct cel_type *b)
{
	return cel_agree_all(u, &a, &b, 1);
}

const struct cel_type *cel_join(struct cel_unifier *u, const struct cel_type *a,
				const struct cel_type *b)
{
	if (!a)
		return b;
	return cel_agree(u, a, b) ? cel_more_general(a, b) : &cel_type_dyn;
}

bool cel_differ(const struct cel_unifier *u, const struct cel_type *a, const struct cel_type *b)
{
	a = cel_type_now(u, a);
	b = cel_type_now(u, b);
	if (a->kind == b->kind || a->kind == CEL_T_VAR || b->kind == CEL_T_VAR ||
	    a->kind == CEL_T_PARAM || b->kind == CEL_T_PARAM || is_dyn(a) || is_dyn(b))
		return false;
	if (a->kind == CEL_T_NULL || b->kind == CEL_T_NULL)
		return false;
	return a->kind != CEL_T_WRAPPER && b->kind != CEL_T_WRAPPER;
}

const struct cel_type *cel_type_now(const struct cel_unifier *u, const struct cel_type *type)
{
	while (type->kind == CEL_T_VAR && u->bound[type->var])
		type = u->bound[type->var];
	return type;
}

/* @type with @param[i] replaced, as @replace says; itself when nothing changes. */
static const struct cel_type *rebuild(struct cel_unifier *u, const struct cel_type *type,
				      const struct cel_type *const *param)
{
	struct cel_type *copy;
	bool same = true;

	for (size_t i = 0; i < COUNT_PARAMS; i++)
		same &= type->param[i] == param[i];
	if (same)
		return type;
	copy = arena_new(u->arena, struct cel_type);
	if (!copy) {
		u->full = true;
		return &cel_type_error;
	}
	*copy = *type;
	copy->open = false;
	for (size_t i = 0; i < COUNT_PARAMS; i++) {
		copy->param[i] = param[i];
		copy->open |= param[i] && param[i]->open;
	}
	return copy;
}

const struct cel_type *cel_type_final(struct cel_unifier *u, const struct cel_type *type)
{
	const struct cel_type *param[COUNT_PARAMS] = { NULL }, *now;

	if (!type->open || !spend(u))
		return type->open ? &cel_type_dyn : type;
	if (type->kind == CEL_T_VAR) {
		now = u->bound[type->var] ? cel_type_final(u, u->bound[type->var]) : &cel_type_dyn;
		if (u->closing)
			u->bound[type->var] = now;
		return now;
	}
	for (size_t i = 0; i < COUNT_PARAMS && type->param[i]; i++)
		param[i] = cel_type_final(u, type->param[i]);
	return rebuild(u, type, param);
}

const struct cel_type *cel_type_instance(struct cel_unifier *u, const struct cel_type *type,
					 const struct cel_type **vars)
{
	const struct cel_type *param[COUNT_PARAMS] = { NULL };

	if (!type->open)
		return type;
	if (type->kind == CEL_T_PARAM) {
		const struct cel_type **var = &vars[(type->var - 'A') % CEL_TYPE_LETTERS];

		if (!*var)
			*var = cel_unify_fresh(u);
		return *var;
	}
	for (size_t i = 0; i < COUNT_PARAMS && type->param[i]; i++)
		param[i] = cel_type_instance(u, type->param[i], vars);
	return rebuild(u, type, param);
}
