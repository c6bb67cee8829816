/*
 * Comprehensions. Each turn charges what its body weighs before it runs, so that a loop over much
 * data ends on time whatever is in it.
 *
 * Scratch that a turn used is given back where nothing can point to it: when what came out is a
 * plain value. So all() and exists() over long lists live in little memory. Lists and maps that a
 * comprehension collects are grown in place: only the comprehension's own step can name them. Room
 * is doubled, and extended without a copy while they are the last thing in the scratch.
 */
#include "cel/access.h"
#include "cel/ast.h"
#include "cel/program.h"

#define GROWING 0x80 /* cel_value.flags of an accumulator: room for @n .. a multiple follows */
#define ROOM_FIRST 8

static bool is_plain(struct cel_value v)
{
	return v.kind <= CEL_DOUBLE || v.kind == CEL_TIMESTAMP || v.kind == CEL_DURATION;
}

struct cel_value cel_run_scoped(struct cel_eval *eval, const struct cel_node *node)
{
	char *mark = eval->at;
	struct cel_value v = cel_node_run(eval, node->x);

	if (is_plain(v))
		eval->at = mark;
	return v;
}

/* Room for @n items of @size: capacities are ROOM_FIRST times powers of two, so @n tells it. */
static bool is_full(uint32_t n)
{
	return n >= ROOM_FIRST && (n & (n - 1)) == 0;
}

/* Memory of the accumulator @from of @n items, with room for one more. NULL: out of memory. */
static void *room(struct cel_eval *eval, const void *from, bool growing, uint32_t n, size_t size)
{
	uint64_t cap = ROOM_FIRST;
	void *to;

	if (growing && !is_full(n))
		return (void *)(uintptr_t)from;
	while (cap <= n)
		cap *= 2;
	if (growing && (const char *)from + n * size == eval->at) {
		/* nothing came behind it: it grows where it is */
		return cel_scratch(eval, (cap - n) * size) ? (void *)(uintptr_t)from : NULL;
	}
	to = cap <= UINT32_MAX ? cel_scratch(eval, cap * size) : NULL;
	if (to && n)
		memcpy(to, from, n * size);
	return to;
}

struct cel_value cel_run_append(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value *accu = &eval->locals[node->a], list, item;
	struct cel_value *items;

	if (accu->kind == CEL_ERROR)
		return *accu;
	item = cel_node_run(eval, node->x);
	if (item.kind == CEL_ERROR)
		return item;
	list = *accu;
	if (list.kind != CEL_LIST)
		return cel_no_overload(eval, CEL_OP_APPEND, &list, 1);
	items = room(eval, list.items, list.flags & GROWING, list.n, sizeof(*items));
	if (!items)
		return cel_fail_memory(eval);
	items[list.n] = item;
	list.items = items;
	list.flags |= GROWING;
	list.n++;
	return list;
}

static struct cel_value insert(struct cel_eval *eval, struct cel_value map, struct cel_value key,
			       struct cel_value value)
{
	struct cel_entry *entries;

	if (!cel_key_ok(key))
		return cel_fail(eval, CEL_E_NO_SUCH_OVERLOAD, "unsupported key type: %s",
				cel_kind_name(key.kind));
	if (!cel_charge(eval, map.n / 8))
		return cel_fail_steps(eval);
	if (cel_map_find(map, key))
		return cel_fail(eval, CEL_E_DUPLICATE_KEY, "repeated key in a map");
	entries = room(eval, map.entries, map.flags & GROWING, map.n, sizeof(*entries));
	if (!entries)
		return cel_fail_memory(eval);
	entries[map.n] = (struct cel_entry){ .key = key, .value = value };
	map.entries = entries;
	map.flags |= GROWING;
	map.n++;
	return map;
}

struct cel_value cel_run_insert(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value *accu = &eval->locals[node->a], key, value;

	if (accu->kind == CEL_ERROR)
		return *accu;
	key = cel_node_run(eval, node->x);
	if (key.kind == CEL_ERROR)
		return key;
	value = cel_node_run(eval, node->y);
	if (value.kind == CEL_ERROR)
		return value;
	if (accu->kind != CEL_MAP)
		return cel_no_overload(eval, CEL_OP_INSERT, accu, 1);
	return insert(eval, *accu, key, value);
}

struct cel_value cel_run_insert_all(struct cel_eval *eval, const struct cel_node *node)
{
	struct cel_value *accu = &eval->locals[node->a], map, more;

	if (accu->kind == CEL_ERROR)
		return *accu;
	more = cel_node_run(eval, node->x);
	if (more.kind == CEL_ERROR)
		return more;
	map = *accu;
	if (map.kind != CEL_MAP || more.kind != CEL_MAP)
		return cel_no_overload(eval, CEL_OP_INSERT_ALL, (struct cel_value[]){ map, more },
				       2);
	for (uint32_t i = 0; i < more.n && map.kind == CEL_MAP; i++)
		map = insert(eval, map, more.entries[i].key, more.entries[i].value);
	return map;
}

/* Set the variables for turn @i. */
static inline void turn(struct cel_eval *eval, const struct cel_fold *fold, struct cel_value range,
			uint32_t i)
{
	if (range.kind == CEL_MAP) {
		eval->locals[fold->var] = range.entries[i].key;
		if (fold->var2 != UINT32_MAX)
			eval->locals[fold->var2] = range.entries[i].value;
	} else if (fold->var2 != UINT32_MAX) {
		eval->locals[fold->var] = cel_int(i);
		eval->locals[fold->var2] = range.items[i];
	} else {
		eval->locals[fold->var] = range.items[i];
	}
}

/* The list or map to walk, or an error. */
static struct cel_value range_of(struct cel_eval *eval, const struct cel_fold *fold)
{
	struct cel_value range = cel_node_run(eval, fold->range);

	if (range.kind == CEL_LIST || range.kind == CEL_MAP || range.kind == CEL_ERROR)
		return range;
	return cel_fail(eval, CEL_E_NO_SUCH_OVERLOAD, "cannot iterate over a %s",
			cel_kind_name(range.kind));
}

struct cel_value cel_run_fold(struct cel_eval *eval, const struct cel_node *node)
{
	const struct cel_fold *fold = node->fold;
	struct cel_value range = range_of(eval, fold), accu;

	if (range.kind == CEL_ERROR)
		return range;
	accu = cel_node_run(eval, fold->init);
	eval->locals[fold->accu] = accu;
	for (uint32_t i = 0; i < range.n; i++) {
		struct cel_value more;

		if (!cel_charge(eval, fold->weight))
			return cel_fail_steps(eval);
		turn(eval, fold, range, i);
		more = cel_node_run(eval, fold->cond);
		if (!cel_is_true(more)) {
			if (more.kind != CEL_BOOL)
				eval->locals[fold->accu] =
					more.kind == CEL_ERROR
						? more
						: cel_no_overload(eval, CEL_OP_AND, &more, 1);
			break;
		}
		accu = cel_node_run(eval, fold->step);
		eval->locals[fold->accu] = accu;
		if (eval->fatal)
			return cel_error_value(eval->fatal);
	}
	/* whatever reads it from now on must not see that it could grow */
	if (eval->locals[fold->accu].flags & GROWING)
		eval->locals[fold->accu].flags = 0;
	return cel_node_run(eval, fold->result);
}

/* exists() with @stop true, all() with false: the first condition that is @stop decides. */
static inline struct cel_value search(struct cel_eval *eval, const struct cel_fold *fold, bool stop)
{
	struct cel_value range = range_of(eval, fold), error = { .kind = CEL_NULL };

	if (range.kind == CEL_ERROR)
		return range;
	for (uint32_t i = 0; i < range.n; i++) {
		struct cel_value v;
		char *mark;

		if (!cel_charge(eval, fold->weight))
			return cel_fail_steps(eval);
		turn(eval, fold, range, i);
		mark = eval->at;
		v = cel_node_run(eval, fold->step);
		if (v.kind == CEL_BOOL) {
			eval->at = mark;
			if (v.b == stop)
				return v;
			continue;
		}
		if (eval->fatal)
			return cel_error_value(eval->fatal);
		if (error.kind == CEL_NULL)
			error = v.kind == CEL_ERROR
					? v
					: cel_no_overload(eval, stop ? CEL_OP_OR : CEL_OP_AND, &v,
							  1);
		else
			eval->at = mark;
	}
	return error.kind == CEL_ERROR ? error : cel_bool(!stop);
}

struct cel_value cel_run_all(struct cel_eval *eval, const struct cel_node *node)
{
	return search(eval, node->fold, false);
}

struct cel_value cel_run_exists(struct cel_eval *eval, const struct cel_node *node)
{
	return search(eval, node->fold, true);
}

/* An error of the bound expression is one only of whoever uses it. */
struct cel_value cel_run_bind(struct cel_eval *eval, const struct cel_node *node)
{
	const struct cel_fold *fold = node->fold;

	eval->locals[fold->accu] = cel_node_run(eval, fold->init);
	if (eval->fatal)
		return cel_error_value(eval->fatal);
	return cel_node_run(eval, fold->result);
}
