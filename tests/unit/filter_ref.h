/*
 * filter_ref - for tests of the system call filter: what the tables and a policy's rules say, read
 * the slow and plain way, and registers worth trying.
 */
#pragma once

#include "bpf_interp.h"
#include "sandbox/filter.h"
#include "sandbox/filter_rule.h"
#include "sandbox/filter_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct filter filter;

static inline void compile(const struct policy *policy, unsigned use, enum sysc_arch arch)
{
	struct err err = ERR_INIT;

	if (filter_compile_arch(policy, use, arch, &filter, &err) < 0)
		fail_msg("%s", err.text);
}

static inline struct bpf_run run(const struct seccomp_data *data)
{
	return bpf_run(filter.insns, filter.n, data);
}

static inline uint32_t call(enum sysc sysc, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct seccomp_data d = { .nr = sysc_info[sysc].nr[SYSC_X86_64],
				  .arch = sysc_audit_arch(SYSC_X86_64),
				  .args = { a0, a1, a2 } };

	return run(&d).action;
}

/* ---- what the tables and rules say, read the slow way ---- */

static bool holds(const struct filter_cond *c, bool narrow, const struct seccomp_data *d)
{
	uint64_t keep = narrow ? UINT32_MAX : UINT64_MAX, v = d->args[c->arg] & keep;
	uint64_t value = c->value & keep, mask = c->mask & keep;

	switch ((enum filter_op)c->op) {
	case FOP_EQ: return v == value;
	case FOP_NE: return v != value;
	case FOP_LT: return v < value;
	case FOP_LE: return v <= value;
	case FOP_GT: return v > value;
	case FOP_GE: return v >= value;
	case FOP_MASKED_EQ: return (v & mask) == value;
	case FOP_ANY: return v & mask;
	case FOP_IN:
		for (unsigned i = 0; i < c->n_set; i++) {
			if (c->set[i] == (uint32_t)(c->mask ? v & mask : v))
				return true;
		}
		return false;
	}
	return false;
}

static uint32_t say_list(const struct filter_clauses *l, uint8_t narrow,
			 const struct seccomp_data *d)
{
	for (unsigned i = 0; l && i < l->n; i++) {
		bool all = true;

		for (unsigned j = 0; j < l->clauses[i].n_conds; j++) {
			const struct filter_cond *c = &l->clauses[i].conds[j];

			all &= holds(c, narrow >> c->arg & 1, d);
		}
		if (all)
			return l->clauses[i].action;
	}
	return l ? l->otherwise : FILTER_ALLOW;
}

/* The last rule of one kind that matches, or NULL. */
static const struct policy_sysc_rule *say_rule(const struct policy *p, enum sysc sysc, int kind,
					       const struct seccomp_data *d)
{
	for (size_t i = p ? p->n_sysc : 0; i-- > 0;) {
		const struct policy_sysc_rule *r = &p->sysc[i];
		bool all = strcmp(r->name, sysc_info[sysc].name) == 0;
		int k = r->action == POLICY_SYSC_ALLOW ? 1 : r->action == POLICY_SYSC_LOG ? 2 : 0;

		for (size_t j = 0; j < r->n_conds; j++) {
			struct filter_cond c = { .arg = r->conds[j].arg,
						 .op = (uint8_t)r->conds[j].cmp,
						 .mask = r->conds[j].mask,
						 .value = r->conds[j].value };

			all = all && holds(&c, sysc_info[sysc].narrow >> c.arg & 1, d);
		}
		if (all && k == kind)
			return r;
	}
	return NULL;
}

static uint32_t say_call(const struct policy *p, enum sysc sysc, const struct seccomp_data *d)
{
	const struct filter_row *row = &filter_table[sysc];
	enum policy_sysc_preset preset = p ? p->sysc_preset : POLICY_SYSC_DEFAULT;
	uint32_t refusal = FILTER_ERRNO((uint32_t)row->error), r;
	const struct policy_sysc_rule *rule = say_rule(p, sysc, 0, d);
	uint8_t narrow = sysc_info[sysc].narrow;

	if (rule)
		return rule->action == POLICY_SYSC_KILL ? SECCOMP_RET_KILL_PROCESS
							: FILTER_ERRNO((uint32_t)rule->error);
	if (row->level == FILTER_LVL_NEVER)
		return refusal;
	r = say_list(filter_check_hard(row->check, p, 0), narrow, d);
	if (r != FILTER_ALLOW)
		return r;
	if (!say_rule(p, sysc, 1, d)) {
		if (row->level > (uint8_t)preset)
			return refusal;
		r = say_list(filter_check_preset(row->check, preset, 0), narrow, d);
		if (r != FILTER_ALLOW)
			return r;
	}
	return say_rule(p, sysc, 2, d) ? SECCOMP_RET_LOG : FILTER_ALLOW;
}

static inline uint32_t say(const struct policy *p, enum sysc_arch arch,
			   const struct seccomp_data *d)
{
	uint32_t nr = (uint32_t)d->nr;
	int sysc;

	if (d->arch != sysc_audit_arch(arch))
		return SECCOMP_RET_KILL_PROCESS;
	if (arch == SYSC_X86_64 && nr >= SYSC_X32_BIT && nr != UINT32_MAX)
		return SECCOMP_RET_KILL_PROCESS;
	sysc = sysc_by_nr(arch, nr);
	return sysc < 0 ? FILTER_ERRNO(ENOSYS) : say_call(p, (enum sysc)sysc, d);
}

/* ---- registers worth trying ---- */

static uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t dice(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

struct values {
	unsigned n;
	uint64_t v[512];
};

static void add(struct values *vs, uint64_t v)
{
	if (vs->n < N(vs->v))
		vs->v[vs->n++] = v;
}

/* At, around and with a dirty upper half beside a value that some condition names. */
static void add_around(struct values *vs, uint64_t v, uint64_t mask)
{
	add(vs, v);
	add(vs, v + 1);
	add(vs, v - 1);
	add(vs, v | UINT64_C(1) << 32);
	add(vs, v ^ UINT64_C(0xffffffff00000000));
	add(vs, v << 32);
	add(vs, v >> 32);
	if (mask) {
		add(vs, v | ~mask);
		add(vs, v ^ (mask & -mask));
		add(vs, mask);
	}
}

static void add_cond(struct values vs[6], const struct filter_cond *c)
{
	add_around(&vs[c->arg], c->value, c->mask);
	for (unsigned i = 0; i < c->n_set; i++) {
		add(&vs[c->arg], c->set[i]);
		add(&vs[c->arg], (uint64_t)c->set[i] + 1);
		add(&vs[c->arg], c->set[i] | UINT64_C(0xdead0000) << 16);
	}
}

static void add_list(struct values vs[6], const struct filter_clauses *l)
{
	for (unsigned i = 0; l && i < l->n; i++) {
		for (unsigned j = 0; j < l->clauses[i].n_conds; j++)
			add_cond(vs, &l->clauses[i].conds[j]);
	}
}

static inline void collect(struct values vs[6], const struct policy *p, enum sysc sysc)
{
	enum policy_sysc_preset preset = p ? p->sysc_preset : POLICY_SYSC_DEFAULT;

	for (unsigned i = 0; i < 6; i++) {
		vs[i].n = 0;
		add(&vs[i], 0);
		add(&vs[i], UINT64_MAX);
		add(&vs[i], dice());
	}
	add_list(vs, filter_check_hard(filter_table[sysc].check, p, 0));
	add_list(vs, filter_check_preset(filter_table[sysc].check, preset, 0));
	for (size_t i = 0; p && i < p->n_sysc; i++) {
		if (strcmp(p->sysc[i].name, sysc_info[sysc].name) != 0)
			continue;
		for (size_t j = 0; j < p->sysc[i].n_conds; j++)
			add_cond(vs, &(struct filter_cond){ .arg = p->sysc[i].conds[j].arg,
							    .mask = p->sysc[i].conds[j].mask,
							    .value = p->sysc[i].conds[j].value });
	}
}

static inline struct policy_sysc_rule random_rule(void)
{
	static const uint64_t values[] = { 0,
					   1,
					   2,
					   7,
					   0x1000,
					   0xffffffff,
					   UINT64_C(0x100000000),
					   UINT64_C(0x1234567800000001),
					   UINT64_MAX,
					   UINT64_C(0xffffffff00000000) };
	struct policy_sysc_rule r = { .error = EACCES };
	enum sysc s;

	do {
		s = (enum sysc)(dice() % 12 ? dice() % SYSC_N : SYSC_mprotect);
	} while (filter_table[s].level == FILTER_LVL_NEVER);
	r.name = sysc_info[s].name;
	r.action = (enum policy_sysc_action)(dice() % 4);
	r.n_conds = dice() % 4;
	for (size_t i = 0; i < r.n_conds; i++) {
		struct policy_sysc_cond *c = &r.conds[i];

		c->arg = (uint8_t)(dice() % 6);
		c->cmp = (enum policy_sysc_cmp)(dice() % 7);
		c->value = values[dice() % N(values)];
		if (sysc_info[s].narrow >> c->arg & 1)
			c->value &= UINT32_MAX;
		c->mask = values[dice() % N(values)];
		if (c->cmp == SYSC_MASKED_EQ)
			c->value &= c->mask;
	}
	return r;
}
