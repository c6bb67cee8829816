/*
 * Unit tests of the system call filter, by running its programs in an interpreter: against a plain
 * evaluation of the same tables, against libseccomp, and against the list of attacks.
 */
#include "base/buf.h"
#include "base/own.h"
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

static void compile(const struct policy *policy, unsigned use, enum sysc_arch arch)
{
	struct err err = ERR_INIT;

	if (filter_compile_arch(policy, use, arch, &filter, &err) < 0)
		fail_msg("%s", err.text);
}

static struct bpf_run run(const struct seccomp_data *data)
{
	return bpf_run(filter.insns, filter.n, data);
}

static uint32_t call(enum sysc sysc, uint64_t a0, uint64_t a1, uint64_t a2)
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

static uint32_t say(const struct policy *p, enum sysc_arch arch, const struct seccomp_data *d)
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

static void collect(struct values vs[6], const struct policy *p, enum sysc sysc)
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

static void agree_on(const struct policy *p, enum sysc_arch arch, const struct seccomp_data *d)
{
	uint32_t want = say(p, arch, d), got = run(d).action;

	if (want != got)
		fail_msg("arch %x nr %d (%llx, %llx, %llx, %llx): %x, tables say %x", d->arch,
			 d->nr, d->args[0], d->args[1], d->args[2], d->args[3], got, want);
}

/* The compiled program and the tables agree on every number with telling registers. */
static void agree(const struct policy *p, enum sysc_arch arch, unsigned tries)
{
	static struct values vs[6];
	struct seccomp_data d = { .arch = sysc_audit_arch(arch) };

	compile(p, 0, arch);
	for (int nr = -3; nr < SYSC_NR_MAX + 10; nr++) {
		d.nr = nr;
		memset(d.args, 0, sizeof(d.args));
		agree_on(p, arch, &d);
	}
	for (enum sysc s = 0; s < SYSC_N; s++) {
		if (sysc_info[s].nr[arch] < 0)
			continue;
		collect(vs, p, s);
		d.nr = sysc_info[s].nr[arch];
		for (unsigned i = 0; i < 6; i++) {
			for (unsigned j = 0; j < vs[i].n; j++) {
				memset(d.args, 0, sizeof(d.args));
				d.args[i] = vs[i].v[j];
				agree_on(p, arch, &d);
			}
		}
		for (unsigned t = 0; t < tries; t++) {
			for (unsigned i = 0; i < 6; i++)
				d.args[i] = vs[i].v[dice() % vs[i].n];
			agree_on(p, arch, &d);
		}
	}
}

static void presets_agree_with_tables(void **state)
{
	(void)state;
	for (int preset = 0; preset < 3; preset++) {
		struct policy p = { .sysc_preset = (enum policy_sysc_preset)preset };

		agree(&p, SYSC_X86_64, 400);
		agree(&p, SYSC_AARCH64, 400);
	}
}

static struct policy_sysc_rule random_rule(void)
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

static void rules_agree_with_tables(void **state)
{
	static struct policy_sysc_rule rules[200];

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		struct policy p = { .sysc_preset = (enum policy_sysc_preset)(round % 3),
				    .sysc = rules,
				    .n_sysc = round < 50 ? 1 + dice() % 40 : N(rules) };

		for (size_t i = 0; i < p.n_sysc; i++)
			rules[i] = random_rule();
		agree(&p, round % 4 ? SYSC_X86_64 : SYSC_AARCH64, 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presets_agree_with_tables),
		cmocka_unit_test(rules_agree_with_tables),
	};

	(void)call;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
