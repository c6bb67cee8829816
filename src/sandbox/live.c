#include "sandbox/live.h"

#include <errno.h>
#include <string.h>

#define LIVE_ARENA_MAX (64U << 20)

static const uint16_t always[] = {
#if defined(__x86_64__)
	SYSC_open,     SYSC_creat,     SYSC_unlink,   SYSC_rmdir,     SYSC_mkdir,
	SYSC_mknod,    SYSC_rename,    SYSC_link,     SYSC_symlink,
#endif
	SYSC_openat,   SYSC_openat2,   SYSC_unlinkat, SYSC_mkdirat,   SYSC_mknodat,
	SYSC_renameat, SYSC_renameat2, SYSC_linkat,   SYSC_symlinkat, SYSC_execve,
	SYSC_execveat, SYSC_connect,   SYSC_bind,     SYSC_listen,
};

static bool stops(const struct policy_rule *rule, enum event_type type)
{
	return rule->action > RULE_ALLOW && rule->on & EVENT_BIT(type);
}

void live_plan(struct live *live, const struct policy *policy)
{
	bool net = false;

	memset(live, 0, sizeof(*live));
	live->arena = ARENA_INIT(LIVE_ARENA_MAX);
	for (size_t i = 0; i < policy->n_rules; i++)
		net |= stops(&policy->rules[i], EVENT_NET_CONNECT);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		live->list[live->traps.n++] = (struct filter_trap){ .sysc = always[i] };
	/* an address is a register: only sends that have one */
	live->list[live->traps.n++] = (struct filter_trap){
		.sysc = SYSC_sendto,
		.n_conds = 1,
		.conds = { { .arg = 4, .cmp = SYSC_NE, .value = 0 } },
	};
	/* those of a message are in memory: all of them, if a rule may say no */
	if (net) {
		live->list[live->traps.n++] = (struct filter_trap){ .sysc = SYSC_sendmsg };
		live->list[live->traps.n++] = (struct filter_trap){ .sysc = SYSC_sendmmsg };
	}
	live->traps.list = live->list;
}

int live_rules(struct live *live, const struct policy *policy, struct err *err)
{
	return engine_session_rules(policy, policy, true, &live->arena, &live->rules,
				    &live->n_rules, err);
}

int live_start(struct live *live, const struct mediate_options *options, struct err *err)
{
	struct mediate_options o = *options;

	if (o.listener < 0)
		return 0;
	o.rules = live->rules;
	o.n_rules = live->n_rules;
	return mediator_new(&o, &live->mediator, err);
}

void live_done(struct live *live)
{
	live->mediator = mediator_free(live->mediator);
	arena_done(&live->arena);
}
