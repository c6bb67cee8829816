/* From a rule's checked tree to the keys of which one must hold. */
#include "base/buf.h"
#include "cel/env.h"
#include "engine/index.h"

#include <errno.h>

struct terms {
	struct arena *arena;
	bool no_memory;
};

static void terms_of(struct terms *t, const struct cel_expr *x, struct index_terms *ret);

/*
 * The field that a node names, when its value can be a key. Findings change while a decision is
 * made, after the look-up.
 */
static int field_of(const struct cel_expr *x)
{
	int f;

	if ((x->kind != CEL_X_IDENT && x->kind != CEL_X_SELECT) || !x->decl || x->decl->slot < 0 ||
	    x->decl->slot >= EVENT_FIELD_N || (x->kind == CEL_X_SELECT && x->select.test))
		return -1;
	f = x->decl->slot;
	if (f == EVENT_F_COMMON_FINDING_LEVEL)
		return -1;
	switch ((enum event_kind)event_field_info[f].kind) {
	case EVENT_STRING:
	case EVENT_INT:
	case EVENT_BOOL: return f;
	default: return -1;
	}
}

static void put_key(struct terms *t, struct index_terms *ret, enum key_kind kind, int field,
		    struct cel_value literal)
{
	struct index_key *k = arena_new(t->arena, struct index_key);

	if (!k) {
		t->no_memory = true;
		return;
	}
	*k = (struct index_key){ .kind = (uint8_t)kind, .field = (uint16_t)field };
	if (literal.kind == CEL_STRING)
		k->text = cel_str(literal);
	else
		k->number = literal.kind == CEL_BOOL ? literal.b : literal.i;
	if (kind == KEY_PREFIX || kind == KEY_PART)
		k->text = str_sub(k->text, 0, KEY_BYTES_MAX);
	if (kind == KEY_SUFFIX && k->text.n > KEY_BYTES_MAX)
		k->text = str_sub(k->text, k->text.n - KEY_BYTES_MAX, k->text.n);
	/* the tree goes, the keys stay */
	k->text.p = arena_strdup(t->arena, k->text);
	if (!k->text.p) {
		t->no_memory = true;
		return;
	}
	k->next = ret->alternative[0].keys;
	ret->alternative[0].keys = k;
	ret->alternative[0].n++;
	ret->n = 1;
}

/* Is the literal of the field's own type, and short enough? */
static bool literal_fits(int field, const struct cel_expr *x)
{
	enum event_kind kind = (enum event_kind)event_field_info[field].kind;

	if (x->kind != CEL_X_LITERAL)
		return false;
	switch (x->literal.kind) {
	case CEL_STRING: return kind == EVENT_STRING && x->literal.n <= KEY_BYTES_MAX;
	case CEL_INT: return kind == EVENT_INT;
	case CEL_BOOL: return kind == EVENT_BOOL;
	default: return false;
	}
}

static void equal_of(struct terms *t, const struct cel_expr *field, const struct cel_expr *literal,
		     struct index_terms *ret)
{
	int f = field_of(field);

	if (f >= 0 && literal_fits(f, literal))
		put_key(t, ret, literal->literal.kind == CEL_STRING ? KEY_EQUAL : KEY_NUMBER, f,
			literal->literal);
}

static void in_of(struct terms *t, const struct cel_expr *field, const struct cel_expr *list,
		  struct index_terms *ret)
{
	int f = field_of(field);

	if (f < 0 || list->kind != CEL_X_LIST || list->list.n > KEYS_MAX || list->list.optional)
		return;
	for (uint32_t i = 0; i < list->list.n; i++) {
		if (!literal_fits(f, list->list.items[i]))
			return;
	}
	for (uint32_t i = 0; i < list->list.n; i++)
		equal_of(t, field, list->list.items[i], ret);
	ret->never = list->list.n == 0;
}

static void part_of(struct terms *t, const struct cel_expr *x, enum key_kind kind,
		    struct index_terms *ret)
{
	int f = field_of(x->call.target);

	if (f >= 0 && event_field_info[f].kind == EVENT_STRING &&
	    x->call.args[0]->kind == CEL_X_LITERAL && x->call.args[0]->literal.kind == CEL_STRING &&
	    x->call.args[0]->literal.n >= (kind == KEY_PART ? PART_BYTES : 1))
		put_key(t, ret, kind, f, x->call.args[0]->literal);
}

/* Both must hold: what either needs, the whole needs. */
static void and_of(struct terms *t, const struct cel_expr *x, struct index_terms *ret)
{
	for (uint32_t i = 0; i < x->call.n_args; i++) {
		struct index_terms one;

		terms_of(t, x->call.args[i], &one);
		for (uint32_t a = 0; a < one.n && ret->n < ALTERNATIVES_MAX; a++)
			ret->alternative[ret->n++] = one.alternative[a];
		ret->never |= one.never;
	}
}

static const struct index_alternative *shortest(const struct index_terms *t)
{
	const struct index_alternative *best = NULL;

	for (uint32_t a = 0; a < t->n; a++) {
		if (!best || t->alternative[a].n < best->n)
			best = &t->alternative[a];
	}
	return best;
}

/* An alternative of @from about the same field and in the same way as @like, or the shortest. */
static const struct index_alternative *like(const struct index_terms *from,
					    const struct index_alternative *model)
{
	for (uint32_t a = 0; a < from->n; a++) {
		if (from->alternative[a].keys->field == model->keys->field &&
		    from->alternative[a].keys->kind == model->keys->kind)
			return &from->alternative[a];
	}
	return shortest(from);
}

/* Put copies of @from's keys before those of @to. */
static bool put_copy(struct terms *t, const struct index_alternative *from,
		     struct index_alternative *to)
{
	for (const struct index_key *k = from->keys; k; k = k->next) {
		struct index_key *copy = arena_new(t->arena, struct index_key);

		if (!copy || to->n == KEYS_MAX) {
			t->no_memory |= !copy;
			return false;
		}
		*copy = *k;
		copy->next = to->keys;
		to->keys = copy;
		to->n++;
	}
	return true;
}

/* One must hold: a key of either; a branch that needs nothing frees the whole. */
static void or_of(struct terms *t, const struct cel_expr *x, struct index_terms *ret)
{
	struct index_terms left, right;

	terms_of(t, x->call.args[0], &left);
	terms_of(t, x->call.args[1], &right);
	if (left.never || right.never) {
		*ret = left.never ? right : left;
		ret->never = left.never && right.never;
		return;
	}
	for (uint32_t a = 0; a < left.n && right.n; a++) {
		struct index_alternative both = left.alternative[a];

		if (put_copy(t, like(&right, &both), &both))
			ret->alternative[ret->n++] = both;
	}
}

static void terms_of(struct terms *t, const struct cel_expr *x, struct index_terms *ret)
{
	struct str name = x->kind == CEL_X_CALL ? x->call.name : (struct str){ 0 };
	uint32_t n = x->kind == CEL_X_CALL ? x->call.n_args : 0;
	int f = field_of(x);

	*ret = (struct index_terms){ .n = 0 };
	if (t->no_memory)
		return;
	if (f >= 0 && event_field_info[f].kind == EVENT_BOOL) {
		put_key(t, ret, KEY_NUMBER, f, cel_bool(true));
	} else if (x->kind == CEL_X_LITERAL) {
		ret->never = x->literal.kind == CEL_BOOL && !x->literal.b;
	} else if (n == 2 && !x->call.target && str_eqz(name, CEL_OP_AND)) {
		and_of(t, x, ret);
	} else if (n == 2 && !x->call.target && str_eqz(name, CEL_OP_OR)) {
		or_of(t, x, ret);
	} else if (n == 2 && !x->call.target && str_eqz(name, CEL_OP_EQ)) {
		equal_of(t, x->call.args[0], x->call.args[1], ret);
		if (ret->n == 0)
			equal_of(t, x->call.args[1], x->call.args[0], ret);
	} else if (n == 2 && !x->call.target && str_eqz(name, CEL_OP_IN)) {
		in_of(t, x->call.args[0], x->call.args[1], ret);
	} else if (n == 1 && x->call.target && str_eqz(name, "endsWith")) {
		part_of(t, x, KEY_SUFFIX, ret);
	} else if (n == 1 && x->call.target && str_eqz(name, "startsWith")) {
		part_of(t, x, KEY_PREFIX, ret);
	} else if (n == 1 && x->call.target && str_eqz(name, "contains")) {
		part_of(t, x, KEY_PART, ret);
	} else if (n == 1 && !x->call.target && str_eqz(name, CEL_OP_NOT)) {
		f = field_of(x->call.args[0]);
		if (f >= 0 && event_field_info[f].kind == EVENT_BOOL)
			put_key(t, ret, KEY_NUMBER, f, cel_bool(false));
	}
}

void index_terms_of(struct arena *arena, const struct cel_expr *expr, struct index_terms *ret)
{
	struct terms t = { .arena = arena };

	terms_of(&t, expr, ret);
	if (t.no_memory)
		*ret = (struct index_terms){ .n = 0 };
}

/* Do two keys of one field exclude each other? */
static bool keys_apart(const struct index_key *a, const struct index_key *b)
{
	bool a_whole = a->kind == KEY_EQUAL, b_whole = b->kind == KEY_EQUAL;
	struct str x = a->text, y = b->text;

	if (a->kind == KEY_NUMBER || b->kind == KEY_NUMBER)
		return a->kind == b->kind && a->number != b->number;
	if (a_whole && b_whole)
		return !str_eq(x, y);
	if (a->kind == KEY_PREFIX && (b_whole || b->kind == KEY_PREFIX))
		return !str_starts(y, x) && (b_whole || !str_starts(x, y));
	if (a->kind == KEY_SUFFIX && (b_whole || b->kind == KEY_SUFFIX))
		return !str_ends(y, x) && (b_whole || !str_ends(x, y));
	if (a_whole)
		return keys_apart(b, a);
	return false;
}

static bool alternatives_apart(const struct index_alternative *a, const struct index_alternative *b)
{
	for (const struct index_key *x = a->keys; x; x = x->next) {
		for (const struct index_key *y = b->keys; y; y = y->next) {
			if (x->field != y->field || !keys_apart(x, y))
				return false;
		}
	}
	return true;
}

bool index_terms_apart(const struct index_terms *a, const struct index_terms *b)
{
	if (a->never || b->never)
		return true;
	for (uint32_t i = 0; i < a->n; i++) {
		for (uint32_t j = 0; j < b->n; j++) {
			if (alternatives_apart(&a->alternative[i], &b->alternative[j]))
				return true;
		}
	}
	return false;
}

void index_alternative_print(const struct index_alternative *a, struct buf *out)
{
	static const char *const verbs[KEY_KIND_N] = { "==", "==", "begins with", "ends in",
						       "contains" };
	const struct index_key *k = a->keys;

	buf_printf(out, "%s %s ", event_field_info[k->field].name, verbs[k->kind]);
	if (k->kind == KEY_NUMBER)
		buf_printf(out, "%lld", (long long)k->number);
	else
		buf_printf(out, "'%.*s'", STR_ARG(k->text));
	if (a->n > 1)
		buf_printf(out, " or %u more", a->n - 1);
}
