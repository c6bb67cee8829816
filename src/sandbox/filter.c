/*
 * From tables and rules to a BPF program.
 *
 * Shape of a program, in the order it runs:
 *
 *	load arch; not ours: kill
 *	load nr
 *	a binary tree of comparisons over ranges of numbers with the same answer
 *	blocks that look at arguments, one per check or per call that a policy has rules for
 *	returns
 *
 * x86-64 uses nearly all numbers from 0 to 334 and neighbours mostly share an answer, so some 130
 * ranges cover everything and any call is found in about eight comparisons. For calls whose answer
 * depends on nothing but their number the kernel does not even run these: since 5.11 it runs the
 * program once per number at load, with loads of nr and arch and constant comparisons only, and
 * remembers in a bitmap which calls are allowed outright. The tree is made of just those
 * instructions; nothing that ends in a plain "allow" may load an argument before.
 *
 * The x32 ABI has the native arch and a bit in the number: its numbers are a range like any other,
 * killed. -1, which tracers use for "no call", is above it and gets ENOSYS.
 *
 * Everything is written backwards (filter_emit.h), so the code below reads from the answers to the
 * questions.
 */
#include "sandbox/filter.h"

#include "sandbox/filter_emit.h"
#include "sandbox/filter_rule.h"
#include "sandbox/filter_table.h"

#include <stddef.h>

#define RETS_MAX \
	32 /* different answers kept for sharing; more just get instructions of their own */
#define RANGES_MAX (SYSC_NR_MAX + 4)

struct range {
	uint32_t start;
	uint16_t to;
};

struct compile {
	struct emit e;
	const struct policy *policy;
	enum policy_sysc_preset preset;
	unsigned use;
	enum sysc_arch arch;
	const struct filter_traps *traps;

	unsigned n_rets;
	struct {
		uint32_t action;
		uint16_t at;
	} rets[RETS_MAX];
	uint16_t shared[FCHECK_N];       /* blocks of calls without rules; 0: not written yet */
	uint16_t entry[SYSC_NR_MAX];     /* where a number's answer is */
	uint16_t rule[FILTER_RULES_MAX]; /* enum sysc of each of the policy's rules */
	size_t n_rules;
	unsigned n_ranges;
	struct range ranges[RANGES_MAX];
	uint16_t near[SECCOMP_INSNS_MAX + 1];
};

static uint16_t ret_at(struct compile *c, uint32_t action)
{
	uint16_t at;

	for (unsigned i = 0; i < c->n_rets; i++) {
		if (c->rets[i].action == action)
			return c->rets[i].at;
	}
	at = emit_ret(&c->e, action);
	if (c->n_rets < RETS_MAX) {
		c->rets[c->n_rets].action = action;
		c->rets[c->n_rets++].at = at;
	}
	return at;
}

static bool is_narrow(enum sysc sysc, uint8_t arg)
{
	return sysc_info[sysc].narrow & 1 << arg;
}

/* @list in front of @pass, which is where its "allow" leads. */
static uint16_t put_clauses(struct compile *c, enum sysc sysc, const struct filter_clauses *list,
			    uint16_t pass)
{
	uint16_t next;

	if (!list)
		return pass;
	next = list->otherwise == FILTER_ALLOW ? pass : ret_at(c, list->otherwise);
	for (unsigned i = list->n; i-- > 0;) {
		const struct filter_clause *cl = &list->clauses[i];
		uint16_t yes = cl->action == FILTER_ALLOW ? pass : ret_at(c, cl->action);

		for (unsigned j = cl->n_conds; j-- > 0;)
			yes = emit_cond(&c->e, &cl->conds[j], is_narrow(sysc, cl->conds[j].arg),
					yes, next);
		next = yes;
	}
	return next;
}

static uint16_t put_rule(struct compile *c, enum sysc sysc, const struct policy_sysc_rule *rule,
			 uint16_t yes, uint16_t next)
{
	for (size_t i = rule->n_conds; i-- > 0;) {
		bool narrow = is_narrow(sysc, rule->conds[i].arg);
		struct filter_cond cond = filter_rule_cond(&rule->conds[i], narrow);

		yes = emit_cond(&c->e, &cond, narrow, yes, next);
	}
	return yes;
}

static bool is_deny(enum policy_sysc_action action)
{
	return action == POLICY_SYSC_ERRNO || action == POLICY_SYSC_KILL;
}

enum stage { DENY_RULES, ALLOW_RULES, LOG_RULES };

static bool in_stage(enum policy_sysc_action action, enum stage stage)
{
	switch (stage) {
	case DENY_RULES: return is_deny(action);
	case ALLOW_RULES: return action == POLICY_SYSC_ALLOW;
	case LOG_RULES: return action == POLICY_SYSC_LOG;
	}
	return false;
}

/* All the policy's rules of one stage for one call, the last written asked first. */
static uint16_t put_rules(struct compile *c, enum sysc sysc, enum stage stage, uint16_t allowed,
			  uint16_t next)
{
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct policy_sysc_rule *rule = &c->policy->sysc[i];

		if (c->rule[i] != sysc || !in_stage(rule->action, stage))
			continue;
		next = put_rule(
			c, sysc, rule,
			stage == ALLOW_RULES ? allowed : ret_at(c, filter_rule_action(rule)), next);
	}
	return next;
}

/* A call's row as it stands for this use. */
struct answer {
	bool allowed;
	bool never; /* nor may a rule change that */
	uint8_t check;
	uint32_t refusal;
};

static struct answer answer_of(const struct compile *c, enum sysc sysc)
{
	const struct filter_row *row = &filter_table[sysc];
	struct answer a = { .check = row->check, .refusal = FILTER_ERRNO((uint32_t)row->error) };

	if (c->use & FILTER_INIT) {
		a.allowed = filter_init_has(sysc);
		if (sysc == SYSC_mmap || sysc == SYSC_mprotect)
			a.check = FCHECK_INIT_MAP;
		return a;
	}
	a.never = filter_row_never(row, c->use);
	a.allowed = !a.never && row->level <= (uint8_t)c->preset;
	return a;
}

static uint16_t put_preset(struct compile *c, enum sysc sysc, const struct answer *a, uint16_t pass)
{
	if (!a->allowed)
		return ret_at(c, a->refusal);
	return put_clauses(c, sysc, filter_check_preset(a->check, c->preset, c->use), pass);
}

static const struct filter_trap *trap_of(const struct compile *c, enum sysc sysc)
{
	for (size_t i = 0; c->traps && i < c->traps->n; i++) {
		if (c->traps->list[i].sysc == sysc)
			return &c->traps->list[i];
	}
	return NULL;
}

/* Where an allowed call goes: on its way, or to the supervisor. */
static uint16_t put_pass(struct compile *c, enum sysc sysc, const struct filter_trap *trap)
{
	uint16_t pass = ret_at(c, FILTER_ALLOW), ask;

	if (!trap)
		return pass;
	ask = ret_at(c, SECCOMP_RET_USER_NOTIF);
	if (trap->n_conds == 0)
		return ask;
	for (unsigned i = trap->n_conds; i-- > 0;) {
		bool narrow = is_narrow(sysc, trap->conds[i].arg);
		struct filter_cond cond = filter_rule_cond(&trap->conds[i], narrow);

		pass = emit_cond(&c->e, &cond, narrow, ask, pass);
	}
	return pass;
}

static uint16_t put_plain(struct compile *c, enum sysc sysc)
{
	struct answer a = answer_of(c, sysc);
	uint16_t at;

	if (!a.allowed)
		return ret_at(c, a.refusal);
	if (a.check == FCHECK_NONE)
		return ret_at(c, FILTER_ALLOW);
	if (c->shared[a.check])
		return c->shared[a.check];
	at = put_preset(c, sysc, &a, ret_at(c, FILTER_ALLOW));
	at = put_clauses(c, sysc, filter_check_hard(a.check, c->policy, c->use), at);
	c->shared[a.check] = at;
	return at;
}

static uint16_t put_ruled(struct compile *c, enum sysc sysc)
{
	struct answer a = answer_of(c, sysc);
	uint16_t at, pass = put_pass(c, sysc, trap_of(c, sysc));

	if (a.never)
		return put_rules(c, sysc, DENY_RULES, pass, ret_at(c, a.refusal));
	pass = put_rules(c, sysc, LOG_RULES, pass, pass);
	at = put_preset(c, sysc, &a, pass);
	at = put_rules(c, sysc, ALLOW_RULES, pass, at);
	at = put_clauses(c, sysc, filter_check_hard(a.check, c->policy, c->use), at);
	return put_rules(c, sysc, DENY_RULES, pass, at);
}

static int read_rules(struct compile *c, struct err *err)
{
	size_t n = c->policy && !(c->use & FILTER_INIT) ? c->policy->n_sysc : 0;

	if (n > FILTER_RULES_MAX)
		return err_text(err, E2BIG, "%zu system call rules; %d are the most", n,
				FILTER_RULES_MAX);
	for (size_t i = 0; i < n; i++) {
		int sysc = filter_rule_check(&c->policy->sysc[i], c->use, err);

		if (sysc < 0)
			return sysc;
		c->rule[i] = (uint16_t)sysc;
	}
	c->n_rules = n;
	return 0;
}

/* Every number's answer. */
static void put_answers(struct compile *c)
{
	uint16_t unknown = ret_at(c, FILTER_ERRNO(ENOSYS));
	bool ruled[SYSC_N] = { false };

	for (size_t i = 0; i < c->n_rules; i++)
		ruled[c->rule[i]] = true;
	for (size_t i = 0; c->traps && i < c->traps->n; i++)
		ruled[c->traps->list[i].sysc] = true; /* an answer of its own, not a shared one */
	for (unsigned i = 0; i < SYSC_NR_MAX; i++)
		c->entry[i] = unknown;
	for (unsigned i = 0; i < SYSC_N; i++) {
		int nr = sysc_info[i].nr[c->arch];

		if (nr >= 0)
			c->entry[nr] = ruled[i] ? put_ruled(c, i) : put_plain(c, i);
	}
}

/*
 * Ranges become groups: one answer for a stretch of numbers with up to EXCEPTIONS single numbers
 * in it that have another. An exception costs one comparison, a range of its own would cost two,
 * and shorter programs load faster: the kernel's compiler takes 0.2 us for each instruction.
 */
#define EXCEPTIONS 4

struct group {
	uint32_t start;
	uint16_t to;
	uint16_t n;
	struct range but[EXCEPTIONS];
};

static void add_range(struct compile *c, uint32_t start, uint16_t to)
{
	if (c->n_ranges && c->ranges[c->n_ranges - 1].to == to)
		return;
	c->ranges[c->n_ranges++] = (struct range){ .start = start, .to = to };
}

/* Whether range @i is one number between two stretches with answer @to. */
static bool is_exception(const struct compile *c, unsigned i, uint16_t to)
{
	return i + 1 < c->n_ranges && c->ranges[i + 1].start == c->ranges[i].start + 1 &&
	       c->ranges[i + 1].to == to;
}

static unsigned make_groups(const struct compile *c, struct group groups[RANGES_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_ranges;) {
		struct group *g = &groups[n++];

		g->start = c->ranges[i].start;
		g->to = c->ranges[i].to;
		g->n = 0;
		for (i++; g->n < EXCEPTIONS && is_exception(c, i, g->to); i += 2)
			g->but[g->n++] = c->ranges[i];
	}
	return n;
}

static uint16_t put_tree(struct compile *c, const struct group *groups, unsigned lo, unsigned hi)
{
	unsigned mid = (lo + hi) / 2;
	uint16_t right, left;

	if (hi - lo == 1) {
		right = groups[lo].to;
		for (unsigned i = groups[lo].n; i-- > 0;)
			right = emit_jump(&c->e, BPF_JMP | BPF_JEQ | BPF_K, groups[lo].but[i].start,
					  groups[lo].but[i].to, right);
		return right;
	}
	right = put_tree(c, groups, mid, hi);
	left = put_tree(c, groups, lo, mid);
	return emit_jump(&c->e, BPF_JMP | BPF_JGE | BPF_K, groups[mid].start, right, left);
}

static void put_program(struct compile *c)
{
	uint16_t kill = ret_at(c, SECCOMP_RET_KILL_PROCESS), unknown, numbers;
	struct group groups[RANGES_MAX];

	put_answers(c);
	unknown = ret_at(c, FILTER_ERRNO(ENOSYS));
	for (uint32_t nr = 0; nr < SYSC_NR_MAX; nr++)
		add_range(c, nr, c->entry[nr]);
	add_range(c, SYSC_NR_MAX, unknown);
	if (c->arch == SYSC_X86_64) {
		add_range(c, SYSC_X32_BIT, kill);
		add_range(c, UINT32_MAX, unknown);
	}
	put_tree(c, groups, 0, make_groups(c, groups));
	numbers = emit_load(&c->e, offsetof(struct seccomp_data, nr));
	emit_jump(&c->e, BPF_JMP | BPF_JEQ | BPF_K, sysc_audit_arch(c->arch), numbers, kill);
	emit_load(&c->e, offsetof(struct seccomp_data, arch));
}

static int compile(const struct policy *policy, unsigned use, enum sysc_arch arch,
		   const struct filter_traps *traps, struct filter *ret_filter, struct err *err)
{
	struct compile c;
	int r;

	/* Not all of it: the large arrays are written before they are read. */
	memset(&c, 0, offsetof(struct compile, entry));
	memset(c.near, 0, sizeof(c.near));
	c.n_rules = 0;
	c.n_ranges = 0;
	c.e = (struct emit){ .room = ret_filter->room, .max = SECCOMP_INSNS_MAX, .near = c.near };
	c.policy = policy;
	c.preset = use & FILTER_INIT ? POLICY_SYSC_STRICT
		   : policy          ? policy->sysc_preset
				     : POLICY_SYSC_DEFAULT;
	c.use = use;
	c.arch = arch;
	c.traps = traps;
	r = read_rules(&c, err);
	if (r < 0)
		return r;
	put_program(&c);
	if (emit_error(&c.e))
		return err_text(err, E2BIG,
				"the system call rules make a filter of over %d instructions",
				SECCOMP_INSNS_MAX);
	ret_filter->n = c.e.n;
	ret_filter->insns = &ret_filter->room[SECCOMP_INSNS_MAX - c.e.n];
	return 0;
}

int filter_compile_arch(const struct policy *policy, unsigned use, enum sysc_arch arch,
			struct filter *ret_filter, struct err *err)
{
	return compile(policy, use, arch, NULL, ret_filter, err);
}

int filter_compile(const struct policy *policy, unsigned use, struct filter *ret_filter,
		   struct err *err)
{
	return compile(policy, use, SYSC_NATIVE, NULL, ret_filter, err);
}

int filter_compile_traps(const struct policy *policy, unsigned use,
			 const struct filter_traps *traps, struct filter *ret_filter,
			 struct err *err)
{
	return compile(policy, use, SYSC_NATIVE, traps, ret_filter, err);
}

int filter_load(const struct filter *filter, unsigned flags, struct err *err)
{
	int r = seccomp_filter_load(filter->insns, filter->n, flags);

	if (r < 0)
		return err_set(err, -r, "cannot load the system call filter");
	return r;
}

int filter_check_policy(const struct policy *policy, struct err *err)
{
	for (size_t i = 0; i < policy->n_sysc; i++) {
		int r = filter_rule_check(&policy->sysc[i], FILTER_SESSION, err);

		if (r < 0)
			return r;
	}
	return 0;
}
