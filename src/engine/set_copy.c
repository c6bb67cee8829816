#include "engine/set.h"

#include <errno.h>

static const char *copy_text(struct arena *arena, const char *text, bool *failed)
{
	const char *copy = text ? arena_strdup(arena, str_of(text)) : NULL;

	*failed |= text && !copy;
	return copy;
}

static void copy_where(struct arena *arena, struct policy_where *where, bool *failed)
{
	where->file = copy_text(arena, where->file, failed);
}

static void copy_lists(struct arena *arena, struct policy_rule *to, bool *failed)
{
	const char **tags = arena_array(arena, to->n_tags + 1, const char *);
	struct rule_rewrite *rewrites = arena_array(arena, to->n_rewrites + 1, struct rule_rewrite);

	*failed |= !tags || !rewrites;
	for (size_t i = 0; i < to->n_tags && !*failed; i++)
		tags[i] = copy_text(arena, to->tags[i], failed);
	for (size_t i = 0; i < to->n_rewrites && !*failed; i++) {
		rewrites[i] = to->rewrites[i];
		rewrites[i].pattern = copy_text(arena, rewrites[i].pattern, failed);
		rewrites[i].value = copy_text(arena, rewrites[i].value, failed);
		copy_where(arena, &rewrites[i].where, failed);
	}
	to->tags = tags;
	to->rewrites = rewrites;
}

int set_copy_rule(struct arena *arena, const struct policy_rule *from, struct policy_rule *to)
{
	bool failed = false;

	*to = *from;
	to->id = copy_text(arena, from->id ? from->id : "", &failed);
	to->name = copy_text(arena, from->name, &failed);
	to->pack = copy_text(arena, from->pack, &failed);
	to->when = copy_text(arena, from->when, &failed);
	to->reason = copy_text(arena, from->reason, &failed);
	to->level = copy_text(arena, from->level, &failed);
	to->throttle.of = copy_text(arena, from->throttle.of, &failed);
	to->throttle.by = copy_text(arena, from->throttle.by, &failed);
	to->ask.prompt = copy_text(arena, from->ask.prompt, &failed);
	copy_where(arena, &to->where, &failed);
	copy_where(arena, &to->when_where, &failed);
	copy_where(arena, &to->throttle.by_where, &failed);
	copy_where(arena, &to->throttle.of_where, &failed);
	copy_lists(arena, to, &failed);
	return failed ? -ENOMEM : 0;
}
