#include "sandbox/live.h"

#include <errno.h>
#include <string.h>

#define LIVE_ARENA_MAX (64U << 20)

int live_plan(struct live *live, const struct policy *policy, struct err *err)
{
	int r;

	memset(live, 0, sizeof(*live));
	live->arena = ARENA_INIT(LIVE_ARENA_MAX);
	r = engine_session_rules(policy, policy, true, &live->arena, &live->rules, &live->n_rules,
				 err);
	if (r < 0)
		return r;
	trap_plan(policy, live->rules, live->n_rules, &live->plan);
	for (size_t i = 0; i < live->plan.n; i++) {
		const struct trap_call *call = &live->plan.calls[i];
		struct filter_trap *trap = &live->list[live->traps.n++];

		trap->sysc = call->sysc;
		trap->n_conds = call->n_conds;
		memcpy(trap->conds, call->conds, sizeof(trap->conds));
	}
	live->traps.list = live->list;
	return 0;
}

int live_start(struct live *live, const struct mediate_options *options,
	       const struct reload_options *reload, struct err *err)
{
	struct mediate_options o = *options;
	struct reload_options again = *reload;
	int r;

	if (o.listener < 0)
		return 0;
	o.rules = live->rules;
	o.n_rules = live->n_rules;
	r = mediator_new(&o, &live->mediator, err);
	if (r < 0 || !again.load)
		return r;
	again.launch = o.policy;
	again.plan = &live->plan;
	again.mediator = live->mediator;
	again.log = o.log;
	return reload_new(&again, &live->reload, err);
}

void live_done(struct live *live)
{
	live->reload = reload_free(live->reload);
	live->mediator = mediator_free(live->mediator);
	arena_done(&live->arena);
}
