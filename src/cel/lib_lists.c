/*
 * The extension "lists".
 *
 * Hostile arguments: values share parts, so what looks like a small list may flatten to an
 * exponential one: items are charged while they are counted, before memory is asked for.
 * distinct()
 * sorts where all items have an order among each other (n log n); else it compares each with each,
 * charged pair by pair.
 */
#include "cel/eval.h"
#include "cel/order.h"
#include "cel/text.h"

#define NEST_MAX 256

static struct cel_value list_of(const struct cel_value *items, uint64_t n)
{
	return (struct cel_value){ .kind = CEL_LIST, .n = (uint32_t)n, .items = items };
}

static struct cel_value list_slice(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	long long from = args[1].i, to = args[2].i;

	(void)n;
	if (from < 0 || to < 0)
		return cel_fail(eval, CEL_E_INDEX,
				"cannot slice(%lld, %lld), negative indexes not supported", from,
				to);
	if (from > to)
		return cel_fail(eval, CEL_E_INDEX,
				"cannot slice(%lld, %lld), start index must be less than or equal "
				"to end index",
				from, to);
	if (to > args[0].n)
		return cel_fail(eval, CEL_E_INDEX, "cannot slice(%lld, %lld), list is length %u",
				from, to, args[0].n);
	return list_of(args[0].items + from, (uint64_t)(to - from));
}

/* Items of @list with lists up to @depth opened; UINT64_MAX: steps used up or too deep. */
static uint64_t flat_count(struct cel_eval *eval, struct cel_value list, uint64_t depth)
{
	uint64_t count = 0, more;

	if (!cel_charge(eval, 1 + (uint64_t)list.n))
		return UINT64_MAX;
	for (uint32_t i = 0; i < list.n; i++) {
		if (list.items[i].kind != CEL_LIST || depth == 0) {
			count++;
			continue;
		}
		more = flat_count(eval, list.items[i], depth - 1);
		if (more == UINT64_MAX)
			return more;
		count += more;
	}
	return count;
}

static struct cel_value *flat_put(struct cel_value *to, struct cel_value list, uint64_t depth)
{
	for (uint32_t i = 0; i < list.n; i++) {
		if (list.items[i].kind != CEL_LIST || depth == 0)
			*to++ = list.items[i];
		else
			to = flat_put(to, list.items[i], depth - 1);
	}
	return to;
}

static struct cel_value list_flatten(struct cel_eval *eval, const struct cel_value *args,
				     unsigned n)
{
	uint64_t depth = n > 1 ? args[1].u : 1, count;
	struct cel_value *items;

	if (n > 1 && args[1].i < 0)
		return cel_fail(eval, CEL_E_ARGUMENT, "level must be non-negative");
	/* no value is nested deeper; the recursion needs a bound of its own */
	if (depth > NEST_MAX)
		depth = NEST_MAX;
	count = flat_count(eval, args[0], depth);
	if (count == UINT64_MAX)
		return cel_fail_steps(eval);
	items = count <= UINT32_MAX ? cel_scratch(eval, count * sizeof(*items)) : NULL;
	if (!items)
		return cel_fail_memory(eval);
	flat_put(items, args[0], depth);
	return list_of(items, count);
}

/* Can all of them be sorted? One kind that has an order, or numbers, none of them NaN. */
static bool ordered(const struct cel_value *items, uint32_t n)
{
	int order;

	for (uint32_t i = 0; i < n; i++) {
		if (cel_compare(items[0], items[i], &order) < 0)
			return false;
	}
	return true;
}

static int value_order(void *ctx, uint32_t a, uint32_t b)
{
	const struct cel_value *items = ctx;
	int order = 0;

	(void)cel_compare(items[a], items[b], &order);
	return order;
}

/* Steps of sorting: n log n comparisons of the longest item. */
static bool charge_sort(struct cel_eval *eval, const struct cel_value *items, uint32_t n)
{
	uint64_t longest = 0;

	for (uint32_t i = 0; i < n; i++) {
		bool text = items[i].kind == CEL_STRING || items[i].kind == CEL_BYTES;

		if (text && items[i].n > longest)
			longest = items[i].n;
	}
	return cel_charge(eval, n * (uint64_t)(33 - __builtin_clz(n | 1)) * (1 + longest / 256));
}

/* The order of @items, which are ordered(); NULL with *ret_error. */
static uint32_t *sorted(struct cel_eval *eval, const struct cel_value *items, uint32_t n,
			struct cel_value *ret_error)
{
	uint32_t *index = NULL;

	if (!charge_sort(eval, items, n)) {
		*ret_error = cel_fail_steps(eval);
		return NULL;
	}
	index = cel_scratch(eval, 2 * (size_t)n * sizeof(*index));
	if (!index) {
		*ret_error = cel_fail_memory(eval);
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++)
		index[i] = i;
	order_sort(index, index + n, n, value_order, (void *)(uintptr_t)items);
	return index;
}

/* @items in the order of @keys, one for each. */
static struct cel_value sort_by(struct cel_eval *eval, const struct cel_value *items,
				const struct cel_value *keys, uint32_t n)
{
	struct cel_value *out, error;
	uint32_t *index;

	if (!cel_charge(eval, n)) /* they are walked before they are known to be few */
		return cel_fail_steps(eval);
	if (n && !ordered(keys, n))
		return cel_fail(eval, CEL_E_ARGUMENT,
				"list elements must have the same type and an order");
	index = sorted(eval, keys, n, &error);
	if (!index)
		return error;
	out = cel_scratch(eval, (size_t)n * sizeof(*out));
	if (!out)
		return cel_fail_memory(eval);
	for (uint32_t i = 0; i < n; i++)
		out[i] = items[index[i]];
	return list_of(out, n);
}

static struct cel_value list_sort(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return sort_by(eval, args[0].items, args[0].items, args[0].n);
}

static struct cel_value list_sort_by(struct cel_eval *eval, const struct cel_value *args,
				     unsigned n)
{
	(void)n;
	if (args[0].n != args[1].n)
		return cel_fail(eval, CEL_E_ARGUMENT, "sortBy: %u items but %u keys", args[0].n,
				args[1].n);
	return sort_by(eval, args[0].items, args[1].items, args[0].n);
}

/* Mark in @twin (zeroed) those of ordered @items that an equal one stands before. */
static struct cel_value mark_sorted(struct cel_eval *eval, const struct cel_value *items,
				    uint32_t n, bool *twin)
{
	struct cel_value error;
	uint32_t *index = sorted(eval, items, n, &error);

	if (!index)
		return error;
	/* the sort is stable: the first of equals comes first */
	for (uint32_t i = 1; i < n; i++)
		twin[index[i]] = value_order((void *)(uintptr_t)items, index[i - 1], index[i]) == 0;
	return CEL_NULL_VALUE;
}

static struct cel_value mark_pairs(struct cel_eval *eval, const struct cel_value *items, uint32_t n,
				   bool *twin)
{
	for (uint32_t i = 1; i < n; i++) {
		for (uint32_t k = 0; k < i && !twin[i]; k++) {
			int same;

			if (twin[k])
				continue;
			same = cel_equals(eval, items[k], items[i]);
			if (same < 0)
				return cel_fail_steps(eval);
			twin[i] = same;
		}
	}
	return CEL_NULL_VALUE;
}

static struct cel_value list_distinct(struct cel_eval *eval, const struct cel_value *args,
				      unsigned n)
{
	const struct cel_value *items = args[0].items;
	uint32_t count = args[0].n, kept = 0;
	struct cel_value *out, error;
	bool *twin;

	(void)n;
	if (count < 2)
		return args[0];
	out = cel_scratch(eval, (size_t)count * sizeof(*out));
	twin = cel_scratch(eval, count);
	if (!out || !twin)
		return cel_fail_memory(eval);
	memset(twin, 0, count);
	error = ordered(items, count) ? mark_sorted(eval, items, count, twin)
				      : mark_pairs(eval, items, count, twin);
	if (error.kind == CEL_ERROR)
		return error;
	for (uint32_t i = 0; i < count; i++) {
		if (!twin[i])
			out[kept++] = items[i];
	}
	return list_of(out, kept);
}

static struct cel_value list_reverse(struct cel_eval *eval, const struct cel_value *args,
				     unsigned n)
{
	uint32_t count = args[0].n;
	struct cel_value *out;

	(void)n;
	if (!cel_charge(eval, count))
		return cel_fail_steps(eval);
	out = cel_scratch(eval, (size_t)count * sizeof(*out));
	if (!out)
		return cel_fail_memory(eval);
	for (uint32_t i = 0; i < count; i++)
		out[i] = args[0].items[count - 1 - i];
	return list_of(out, count);
}

static struct cel_value list_range(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	uint64_t count = args[0].i > 0 ? args[0].u : 0;
	struct cel_value *out;

	(void)n;
	if (!cel_charge(eval, count))
		return cel_fail_steps(eval);
	out = count <= UINT32_MAX ? cel_scratch(eval, count * sizeof(*out)) : NULL;
	if (!out)
		return cel_fail_memory(eval);
	for (uint64_t i = 0; i < count; i++)
		out[i] = cel_int((int64_t)i);
	return list_of(out, count);
}

static struct cel_value list_first(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)eval;
	(void)n;
	return (struct cel_value){ .kind = CEL_OPTIONAL,
				   .boxed = args[0].n ? args[0].items : NULL };
}

static struct cel_value list_last(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)eval;
	(void)n;
	return (struct cel_value){ .kind = CEL_OPTIONAL,
				   .boxed = args[0].n ? args[0].items + args[0].n - 1 : NULL };
}

#define SORT(t)                                                \
	{                                                      \
		"sort", "L" t ":L" t, list_sort, CEL_FN_MEMBER \
	}
/* What the macro sortBy() calls: the items, and the key of each. */
#define SORT_BY(t)                                                                  \
	{                                                                           \
		"@sortByAssociatedKeys", "LAL" t ":LA", list_sort_by, CEL_FN_MEMBER \
	}

static const struct cel_overload lists[] = {
	{ "slice", "LAii:LA", list_slice, CEL_FN_MEMBER },
	{ "flatten", "LLA:LA", list_flatten, CEL_FN_MEMBER },
	{ "flatten", "L*i:L*", list_flatten, CEL_FN_MEMBER },
	SORT("i"),
	SORT("u"),
	SORT("d"),
	SORT("b"),
	SORT("s"),
	SORT("y"),
	SORT("t"),
	SORT("D"),
	SORT_BY("i"),
	SORT_BY("u"),
	SORT_BY("d"),
	SORT_BY("b"),
	SORT_BY("s"),
	SORT_BY("y"),
	SORT_BY("t"),
	SORT_BY("D"),
	{ "distinct", "LA:LA", list_distinct, CEL_FN_MEMBER },
	{ "reverse", "LA:LA", list_reverse, CEL_FN_MEMBER },
	{ "lists.range", "i:Li", list_range },
	{ "first", "LA:OA", list_first, CEL_FN_MEMBER },
	{ "last", "LA:OA", list_last, CEL_FN_MEMBER },
};

const struct cel_library cel_lib_lists = { "lists", lists, sizeof(lists) / sizeof(lists[0]) };
