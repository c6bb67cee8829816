/*
 * pack_rules - the rules of a pack for the engine.
 */
#pragma once

#include "engine/pack.h"
#include "policy/rule.h"

/*
 * The enabled rules of @pack, in its order; they live in @arena, their strings in the pack. -EBADMSG
 * after at least one error in @diag; -ENOMEM.
 */
int pack_rules(const struct pack *pack, struct arena *arena, struct diag *diag,
	       const struct policy_rule **ret_rules, size_t *ret_n);
