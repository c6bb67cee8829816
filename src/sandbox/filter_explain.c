/*
 * What a policy makes of a system call, in words. Reads the same tables as the compiler does
 * (filter.c), in the same order; the tests hold the verdicts against the compiled programs.
 */
#include "base/buf.h"
#include "sandbox/filter.h"
#include "sandbox/filter_rule.h"
#include "sandbox/filter_table.h"

#include <inttypes.h>

const char *const filter_verdict_name[FILTER_N_VERDICTS] = {
	[FILTER_ALLOWED] = "allowed",
	[FILTER_CONDITIONAL] = "conditional",
	[FILTER_REFUSED] = "refused",
};

struct explain {
	const struct policy *policy;
	enum policy_sysc_preset preset;
	unsigned use;
	enum sysc sysc;
	const struct filter_row *row;
	const struct filter_clauses *hard, *list; /* NULL: nothing to say */
	bool never, allowed;
	struct buf *text; /* may be NULL */
};

static void put_action(struct buf *b, uint32_t action)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW: buf_putz(b, "allowed"); return;
	case SECCOMP_RET_LOG: buf_putz(b, "allowed and logged"); return;
	case SECCOMP_RET_KILL_PROCESS: buf_putz(b, "killed"); return;
	default: break;
	}
	if (strerrorname_np((int)(action & SECCOMP_RET_DATA)))
		buf_putz(b, strerrorname_np((int)(action & SECCOMP_RET_DATA)));
	else
		buf_printf(b, "errno %u", action & SECCOMP_RET_DATA);
}

static void put_cond(struct buf *b, const struct policy_sysc_cond *c)
{
	static const char *const ops[] = {
		[SYSC_EQ] = "==", [SYSC_NE] = "!=", [SYSC_LT] = "<",
		[SYSC_LE] = "<=", [SYSC_GT] = ">",  [SYSC_GE] = ">=",
	};

	if (c->cmp == SYSC_MASKED_EQ)
		buf_printf(b, "arg%u & 0x%" PRIx64 " == 0x%" PRIx64, c->arg, c->mask, c->value);
	else
		buf_printf(b, "arg%u %s 0x%" PRIx64, c->arg, ops[c->cmp], c->value);
}

static void put_rule(struct buf *b, const struct policy_sysc_rule *rule)
{
	if (rule->where.file)
		buf_printf(b, "%s:%u:%u: ", rule->where.file, rule->where.line, rule->where.col);
	for (size_t i = 0; i < rule->n_conds; i++) {
		buf_putz(b, i ? " and " : "when ");
		put_cond(b, &rule->conds[i]);
	}
	buf_putz(b, rule->n_conds ? " " : "");
	put_action(b, filter_rule_action(rule));
}

/* "TCP: allowed; UDP: allowed; other types: EPERM"; @more: whoever passes meets the next list. */
static void put_list(struct buf *b, const struct filter_clauses *l, bool more)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (more && l->clauses[i].action == FILTER_ALLOW)
			continue;
		buf_printf(b, "%s: ", l->clauses[i].what);
		put_action(b, l->clauses[i].action);
		buf_putz(b, "; ");
	}
	if (l->otherwise != FILTER_ALLOW) {
		buf_printf(b, "%s: ", l->what);
		put_action(b, l->otherwise);
		buf_putz(b, "; ");
	}
}

static enum filter_verdict weigh_rules(const struct explain *x, enum filter_verdict v, bool deny)
{
	for (size_t i = 0; x->policy && i < x->policy->n_sysc; i++) {
		const struct policy_sysc_rule *r = &x->policy->sysc[i];
		bool denies = r->action == POLICY_SYSC_ERRNO || r->action == POLICY_SYSC_KILL;

		if (r->action == POLICY_SYSC_LOG || denies != deny ||
		    strcmp(r->name, sysc_info[x->sysc].name) != 0)
			continue;
		if (r->n_conds && v != (deny ? FILTER_REFUSED : FILTER_ALLOWED))
			v = FILTER_CONDITIONAL;
		else if (!r->n_conds)
			v = deny ? FILTER_REFUSED : x->hard ? FILTER_CONDITIONAL : FILTER_ALLOWED;
	}
	return v;
}

static enum filter_verdict verdict(const struct explain *x)
{
	enum filter_verdict v = FILTER_REFUSED;

	if (x->never)
		return v;
	if (x->allowed)
		v = x->hard || x->list ? FILTER_CONDITIONAL : FILTER_ALLOWED;
	if (!(x->use & FILTER_INIT)) {
		v = weigh_rules(x, v, false);
		v = weigh_rules(x, v, true);
	}
	return v;
}

static void put_text(const struct explain *x)
{
	struct buf *b = x->text;

	for (size_t i = x->policy && !(x->use & FILTER_INIT) ? x->policy->n_sysc : 0; i-- > 0;) {
		if (strcmp(x->policy->sysc[i].name, sysc_info[x->sysc].name) != 0)
			continue;
		put_rule(b, &x->policy->sysc[i]);
		buf_putz(b, "; ");
	}
	if (x->allowed && x->hard)
		put_list(b, x->hard, x->list != NULL);
	if (x->allowed && x->list)
		put_list(b, x->list, false);
	if (!x->allowed) {
		put_action(b, FILTER_ERRNO((uint32_t)x->row->error));
		buf_putz(b, "; ");
	}
	buf_putz(b, filter_why_text[x->row->why]);
}

enum filter_verdict filter_explain(const struct policy *policy, unsigned use, enum sysc sysc,
				   struct buf *text)
{
	const struct filter_row *row = &filter_table[sysc];
	struct explain x = { .policy = policy,
			     .preset = policy ? policy->sysc_preset : POLICY_SYSC_DEFAULT,
			     .use = use,
			     .sysc = sysc,
			     .row = row,
			     .text = text };
	enum filter_check_id check = (enum filter_check_id)row->check;

	if (use & FILTER_INIT) {
		x.preset = POLICY_SYSC_STRICT;
		x.allowed = filter_init_has(sysc);
		x.never = !x.allowed;
		if (sysc == SYSC_mmap || sysc == SYSC_mprotect)
			check = FCHECK_INIT_MAP;
	} else {
		x.never = filter_row_never(row, use);
		x.allowed = !x.never && row->level <= (uint8_t)x.preset;
	}
	x.hard = filter_check_hard(check, policy, use);
	x.list = filter_check_preset(check, x.preset, use);
	if (text)
		put_text(&x);
	return verdict(&x);
}
