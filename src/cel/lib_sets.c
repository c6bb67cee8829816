/*
 * The extension "sets": lists looked at without order and repetition. Each item is compared with
 * each, charged pair by pair (cel_equals() charges what lies deeper).
 */
#include "cel/eval.h"
#include "cel/text.h"

/* Is @item in @list? 1, 0; < 0: steps used up. */
static int has(struct cel_eval *eval, struct cel_value list, struct cel_value item)
{
	for (uint32_t i = 0; i < list.n; i++) {
		int same = cel_equals(eval, list.items[i], item);

		if (same)
			return same;
	}
	return 0;
}

/* Are all items of @part in @whole? */
static int has_all(struct cel_eval *eval, struct cel_value whole, struct cel_value part)
{
	for (uint32_t i = 0; i < part.n; i++) {
		int found = has(eval, whole, part.items[i]);

		if (found != 1)
			return found;
	}
	return 1;
}

static struct cel_value answer(struct cel_eval *eval, int found)
{
	return found < 0 ? cel_fail_steps(eval) : cel_bool(found);
}

static struct cel_value sets_contains(struct cel_eval *eval, const struct cel_value *args,
				      unsigned n)
{
	(void)n;
	return answer(eval, has_all(eval, args[0], args[1]));
}

static struct cel_value sets_equivalent(struct cel_eval *eval, const struct cel_value *args,
					unsigned n)
{
	int found = has_all(eval, args[0], args[1]);

	(void)n;
	return answer(eval, found == 1 ? has_all(eval, args[1], args[0]) : found);
}

static struct cel_value sets_intersects(struct cel_eval *eval, const struct cel_value *args,
					unsigned n)
{
	int found = 0;

	(void)n;
	for (uint32_t i = 0; i < args[1].n && found == 0; i++)
		found = has(eval, args[0], args[1].items[i]);
	return answer(eval, found);
}

static const struct cel_overload overloads[] = {
	{ "sets.contains", "LALA:b", sets_contains },
	{ "sets.equivalent", "LALA:b", sets_equivalent },
	{ "sets.intersects", "LALA:b", sets_intersects },
};

const struct cel_library cel_lib_sets = { "sets", overloads,
					  sizeof(overloads) / sizeof(overloads[0]) };
