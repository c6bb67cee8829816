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

int live_plan(struct live *live, const struct policy *policy, struct err *err)
{
	bool net = false;
	int r;

	memset(live, 0, sizeof(*live));
	live->arena = ARENA_INIT(LIVE_ARENA_MAX);
	r = engine_policy_rules(policy, &live->arena, &live->rules, &live->n_rules, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < live->n_rules; i++) {
		live->decides |= !live->rules[i].kernel;
		net |= !live->rules[i].kernel && live->rules[i].on & EVENT_BIT(EVENT_NET_CONNECT);
	}
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
	return 0;
}

int live_rules(struct live *live, struct err *err)
{
	struct engine_options options = { .otherwise = RULE_ALLOW };
	struct engine_set *set;
	int r;

	live->host = engine_host_new();
	if (!live->host)
		return err_set(err, ENOMEM, "rules");
	r = engine_set_new(live->rules, live->n_rules, &options, &set, err);
	if (r < 0)
		return r;
	engine_host_load(live->host, set);
	return 0;
}

int live_start(struct live *live, const struct mediate_options *options, struct err *err)
{
	struct mediate_options o = *options;

	if (o.listener < 0)
		return 0;
	o.host = live->host;
	return mediator_new(&o, &live->mediator, err);
}

void live_done(struct live *live)
{
	live->mediator = mediator_free(live->mediator);
	live->host = engine_host_free(live->host);
	arena_done(&live->arena);
}
