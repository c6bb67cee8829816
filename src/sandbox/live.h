/*
 * live - the part of a session that is decided while it runs: which of its calls are trapped, the
 * rules, and the mediator that answers. Between session.c and src/mediate.
 */
#pragma once

#include "mediate/mediate.h"
#include "mediate/reload.h"
#include "mediate/trap.h"
#include "sandbox/filter.h"
#include "sandbox/wall.h"

struct live {
	struct arena arena;
	const struct policy_rule *rules; /* the policy's, in arena */
	size_t n_rules;
	struct trap_plan plan;
	struct filter_trap list[TRAP_CALLS_MAX]; /* the plan, as the filter takes it */
	struct filter_traps traps;
	struct mediator *mediator;
	struct reload *reload;
};

/* Before the launch: the rules, and the calls to trap for them. */
int live_plan(struct live *live, const struct policy *policy, struct err *err);
/*
 * After wall_go(): answer from now on. Nothing to do without traps. @reload: .load, .ctx, .told and .init of
 * it; the rest is known here.
 */
int live_start(struct live *live, const struct mediate_options *options,
	       const struct reload_options *reload, struct err *err);
void live_done(struct live *live);
