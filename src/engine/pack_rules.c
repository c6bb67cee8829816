/*
 * A pack's rules as the engine takes them.
 *
 * Whose word a pack is, is what its owner says: corp is the organisation's tier, vendor the
 * profile's, user the user's. A corp or vendor pack that does not let its user disable it is locked.
 */
#include "engine/pack_rules.h"

#include <errno.h>

struct making {
	const struct pack *pack;
	struct arena *arena;
	struct diag *diag;
	enum rule_tier tier;
	bool no_memory;
};

static const uint8_t actions[] = {
	[PACK_ALLOW] = RULE_ALLOW,
	[PACK_BLOCK] = RULE_BLOCK,
	[PACK_ASK] = RULE_ASK,
	[PACK_REWRITE] = RULE_REWRITE,
};
static const uint8_t tiers[] = {
	[PACK_CORP] = RULE_ORG,
	[PACK_VENDOR] = RULE_PROFILE,
	[PACK_USER] = RULE_USER,
};

static void wrong(struct making *m, const struct pack_rule *rule, struct policy_where where,
		  const char *what, const char *name, const char *near)
{
	diag_add(m->diag, DIAG_ERROR, where, (unsigned)(strlen(name) + 2),
		 "rule '%s': %s '%s'%s%s%s", rule->id, what, name, near ? "; did you mean '" : "",
		 near ? near : "", near ? "'?" : "");
}

/* A value is put into the field that the target names. */
static void make_set(struct making *m, const struct pack_rule *rule, struct rule_rewrite *to)
{
	const struct pack_rewrite *rw = &rule->rewrite;
	enum event_field field = event_field_find(str_of(rw->target));

	if (field == EVENT_FIELD_NONE) {
		wrong(m, rule, rw->target_where, "no field", rw->target,
		      event_field_nearest(str_of(rw->target)));
		return;
	}
	if (!(event_field_info[field].flags & EVENT_WRITABLE)) {
		wrong(m, rule, rw->target_where, "a rule cannot rewrite", rw->target, NULL);
		return;
	}
	*to = (struct rule_rewrite){
		.op = RULE_SET, .field = field, .value = rw->value, .where = rw->target_where
	};
}

static void make_rewrites(struct making *m, const struct pack_rule *rule, struct policy_rule *to)
{
	const struct pack_rewrite *rw = &rule->rewrite;
	const struct pack_list *strip[] = { &rw->strip_request_headers,
					    &rw->strip_response_headers };
	static const enum event_field headers[] = { EVENT_F_HTTP_REQUEST_HEADERS,
						    EVENT_F_HTTP_RESPONSE_HEADERS };
	size_t n = strip[0]->n + strip[1]->n + (rw->value != NULL);
	struct rule_rewrite *list = arena_array(m->arena, n + 1, struct rule_rewrite);

	if (!list) {
		m->no_memory = true;
		return;
	}
	if (n > RULE_REWRITES_MAX) {
		diag_add(m->diag, DIAG_ERROR, rw->where, 1,
			 "rule '%s': %zu rewrites; at most %d are made by one rule", rule->id, n,
			 RULE_REWRITES_MAX);
		return;
	}
	to->rewrites = list;
	to->n_rewrites = n;
	if (rw->value)
		make_set(m, rule, list++);
	else if (event_field_find(str_of(rw->target)) == EVENT_FIELD_NONE &&
		 !event_group_exists(str_of(rw->target)))
		wrong(m, rule, rw->target_where, "no field", rw->target,
		      event_field_nearest(str_of(rw->target)));
	for (size_t s = 0; s < 2; s++) {
		for (size_t i = 0; i < strip[s]->n; i++)
			*list++ = (struct rule_rewrite){ .op = RULE_STRIP_HEADER,
							 .field = headers[s],
							 .value = strip[s]->items[i],
							 .where = rw->where };
	}
}

static void make_rule(struct making *m, const struct pack_rule *rule, struct policy_rule *to)
{
	*to = (struct policy_rule){
		.id = rule->id,
		.name = rule->name,
		.pack = m->pack->id,
		.on = EVENT_BIT(rule->type),
		.when = rule->condition,
		.action = (enum rule_action)actions[rule->decision],
		.tier = m->tier,
		.priority = (int)rule->priority,
		.lock = m->tier < RULE_USER && !m->pack->locks.allow_user_disable,
		.lenient = true,
		.reason = rule->reason,
		.n_tags = rule->tags.n < RULE_TAGS_MAX ? rule->tags.n : RULE_TAGS_MAX,
		.tags = rule->tags.items,
		.where = rule->where,
		.when_where = pack_where(m->pack, rule, 0),
	};
	to->phase = rule_phase_default(to->action);
	if (rule->tags.n > RULE_TAGS_MAX)
		diag_add(m->diag, DIAG_WARNING, rule->where, 1,
			 "rule '%s': %zu tags; the first %d are kept", rule->id, rule->tags.n,
			 RULE_TAGS_MAX);
	if (rule->decision == PACK_REWRITE)
		make_rewrites(m, rule, to);
}

int pack_rules(const struct pack *pack, struct arena *arena, struct diag *diag,
	       const struct policy_rule **ret_rules, size_t *ret_n)
{
	struct making m = { .pack = pack,
			    .arena = arena,
			    .diag = diag,
			    .tier = (enum rule_tier)tiers[pack->owner] };
	struct policy_rule *rules = arena_array(arena, pack->n_rules + 1, struct policy_rule);
	unsigned errors = diag->errors;
	size_t n = 0;

	if (!rules)
		return -ENOMEM;
	for (size_t i = 0; i < pack->n_rules; i++) {
		if (pack->rules[i].enabled)
			make_rule(&m, &pack->rules[i], &rules[n++]);
	}
	if (m.no_memory)
		return -ENOMEM;
	if (pack->scope.profile_ids.n || pack->scope.profile_types.n)
		diag_add(diag, DIAG_WARNING, pack->scope.where, 1,
			 "pack '%s' is meant for some profiles only; here it counts for all",
			 pack->id);
	if (diag->errors > errors)
		return -EBADMSG;
	*ret_rules = rules;
	*ret_n = n;
	return 0;
}
