/*
 * The system call filter against libseccomp, which others wrote: given the same rules, programs
 * exported from there and ours must give the same answers. Numbers are compared too.
 */
#include "filter_ref.h"

#include <seccomp.h>

/* ---- libseccomp, which others wrote, given the same rules ---- */

static uint32_t scmp_action(uint32_t action)
{
	if (action == SECCOMP_RET_ALLOW)
		return SCMP_ACT_ALLOW;
	if (action == SECCOMP_RET_KILL_PROCESS)
		return SCMP_ACT_KILL_PROCESS;
	return SCMP_ACT_ERRNO(action & SECCOMP_RET_DATA);
}

/* libseccomp knows 64-bit arguments only: equality on 32 bits is a mask there. */
static struct scmp_arg_cmp scmp_cond(const struct filter_cond *c, bool narrow, uint64_t value)
{
	static const enum scmp_compare ops[] = {
		[FOP_EQ] = SCMP_CMP_EQ, [FOP_NE] = SCMP_CMP_NE, [FOP_LT] = SCMP_CMP_LT,
		[FOP_LE] = SCMP_CMP_LE, [FOP_GT] = SCMP_CMP_GT, [FOP_GE] = SCMP_CMP_GE,
	};
	uint64_t low = UINT32_MAX;

	if (c->op == FOP_IN || c->op == FOP_MASKED_EQ)
		return SCMP_CMP64(c->arg, SCMP_CMP_MASKED_EQ,
				  (c->op == FOP_IN && !c->mask ? UINT64_MAX : c->mask) &
					  (narrow ? low : UINT64_MAX),
				  value);
	if (narrow && c->op == FOP_EQ)
		return SCMP_CMP64(c->arg, SCMP_CMP_MASKED_EQ, low, value);
	return SCMP_CMP64(c->arg, ops[c->op], value, 0);
}

/* A clause as rules: the product of its sets. */
static void scmp_clause(scmp_filter_ctx ctx, enum sysc sysc, const struct filter_clause *cl,
			unsigned at, struct scmp_arg_cmp args[3])
{
	const struct filter_cond *c;
	unsigned n;

	if (at >= N(cl->conds) || at == cl->n_conds) {
		assert_int_equal(seccomp_rule_add_exact_array(ctx, scmp_action(cl->action),
							      sysc_info[sysc].nr[SYSC_X86_64], at,
							      args),
				 0);
		return;
	}
	c = &cl->conds[at];
	n = c->op == FOP_IN ? c->n_set : 1;
	for (unsigned i = 0; i < n; i++) {
		args[at] = scmp_cond(c, sysc_info[sysc].narrow >> c->arg & 1,
				     c->op == FOP_IN ? c->set[i] : c->value);
		scmp_clause(ctx, sysc, cl, at + 1, args);
	}
}

struct program {
	unsigned n;
	struct sock_filter insns[16384];
};

static void export_program(scmp_filter_ctx ctx, struct program *p)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	assert_int_equal(seccomp_export_bpf(ctx, fileno(f)), 0);
	rewind(f);
	p->n = (unsigned)fread(p->insns, sizeof(p->insns[0]), N(p->insns), f);
	fclose(f);
	seccomp_release(ctx);
	assert_true(p->n > 0 && p->n < N(p->insns));
}

static bool all_allow(const struct filter_clauses *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (l->clauses[i].action != FILTER_ALLOW)
			return false;
	}
	return true;
}

static bool none_allow(const struct filter_clauses *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (l->clauses[i].action == FILTER_ALLOW)
			return false;
	}
	return l->otherwise == FILTER_ALLOW;
}

static bool has_any(const struct filter_clauses *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		for (unsigned j = 0; j < l->clauses[i].n_conds; j++) {
			if (l->clauses[i].conds[j].op == FOP_ANY)
				return true;
		}
	}
	return false;
}

/*
 * One list of clauses for one call as a libseccomp filter of its own. False where it has no words
 * for it: "any bit of a mask" and lists that both allow and refuse.
 */
static bool scmp_list(enum sysc sysc, const struct filter_clauses *l, struct program *p)
{
	struct scmp_arg_cmp args[3];
	scmp_filter_ctx ctx;

	if (has_any(l) || (!all_allow(l) && !none_allow(l)))
		return false;
	ctx = seccomp_init(scmp_action(l->otherwise));
	assert_non_null(ctx);
	assert_int_equal(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), 0);
	assert_int_equal(seccomp_arch_add(ctx, SCMP_ARCH_X86_64), 0);
	assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 1), 0);
	for (unsigned i = 0; i < l->n; i++)
		scmp_clause(ctx, sysc, &l->clauses[i], 0, args);
	export_program(ctx, p);
	return true;
}

/* Calls and their fixed answers; those whose arguments matter are allowed here. */
static void scmp_numbers(enum policy_sysc_preset preset, struct program *p)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));

	assert_non_null(ctx);
	assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), 0);
	for (enum sysc s = 0; s < SYSC_N; s++) {
		const struct filter_row *row = &filter_table[s];
		bool ok = row->level <= (uint8_t)preset;

		if (sysc_info[s].nr[SYSC_X86_64] >= 0 && (ok || row->error != ENOSYS))
			assert_int_equal(seccomp_rule_add_exact(
						 ctx, ok ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM),
						 sysc_info[s].nr[SYSC_X86_64], 0),
					 0);
	}
	export_program(ctx, p);
}

/* The harsher of two answers, as the kernel combines filters. */
static uint32_t harsher(uint32_t a, uint32_t b)
{
	return (int32_t)(a & SECCOMP_RET_ACTION_FULL) <= (int32_t)(b & SECCOMP_RET_ACTION_FULL) ? a
												: b;
}

static void same_as_libseccomp(enum sysc sysc, const struct program *numbers,
			       const struct filter_clauses *lists[2], unsigned *told)
{
	static struct program progs[2];
	static struct values vs[6];
	struct seccomp_data d = { .nr = sysc_info[sysc].nr[SYSC_X86_64],
				  .arch = sysc_audit_arch(SYSC_X86_64) };

	for (unsigned i = 0; i < 2; i++) {
		progs[i].n = 0;
		if (lists[i] && !scmp_list(sysc, lists[i], &progs[i]))
			return;
	}
	for (unsigned t = 0; t < 20000; t++) {
		uint32_t want;

		if (t == 0)
			collect(vs, NULL, sysc);
		for (unsigned i = 0; i < 6; i++)
			d.args[i] = vs[i].v[dice() % vs[i].n];
		want = bpf_run(numbers->insns, numbers->n, &d).action;
		for (unsigned i = 0; i < 2; i++) {
			if (progs[i].n)
				want = harsher(want,
					       bpf_run(progs[i].insns, progs[i].n, &d).action);
		}
		if (run(&d).action != want)
			fail_msg("%s(%llx, %llx, %llx): %x, libseccomp says %x",
				 sysc_info[sysc].name, d.args[0], d.args[1], d.args[2],
				 run(&d).action, want);
	}
	(*told)++;
}

static void presets_agree_with_libseccomp(void **state)
{
	static struct program numbers;
	unsigned told = 0;

	(void)state;
	for (int preset = 0; preset < 3; preset++) {
		struct policy p = { .sysc_preset = (enum policy_sysc_preset)preset };
		struct seccomp_data d = { .arch = sysc_audit_arch(SYSC_X86_64) };

		compile(&p, 0, SYSC_X86_64);
		scmp_numbers(p.sysc_preset, &numbers);
		for (int nr = -1; nr < 2 * SYSC_NR_MAX; nr++) {
			int sysc = sysc_by_nr(SYSC_X86_64, (uint32_t)nr);

			d.nr = nr;
			if (sysc >= 0 && filter_table[sysc].check)
				continue;
			assert_int_equal(run(&d).action,
					 bpf_run(numbers.insns, numbers.n, &d).action);
		}
		for (enum sysc s = 0; s < SYSC_N; s++) {
			const struct filter_clauses *lists[2] = {
				filter_check_hard(filter_table[s].check, &p, 0),
				filter_check_preset(filter_table[s].check, p.sysc_preset, 0)
			};

			if ((lists[0] || lists[1]) && filter_table[s].level <= preset)
				same_as_libseccomp(s, &numbers, lists, &told);
		}
	}
	assert_true(told >= 15);
}

/* Deny rules with every comparison on 64-bit arguments, ours and libseccomp's. */
static void rules_agree_with_libseccomp(void **state)
{
	static struct program prog;
	static struct values vs[6];

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct policy_sysc_rule rule;
		struct policy p = { .sysc_preset = POLICY_SYSC_COMPAT, .sysc = &rule, .n_sysc = 1 };
		struct scmp_arg_cmp args[6];
		struct seccomp_data d = { .arch = sysc_audit_arch(SYSC_X86_64) };
		scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
		unsigned n = 0;

		rule = random_rule();
		rule.name = "mremap"; /* five wide arguments, no check of ours */
		rule.action = POLICY_SYSC_ERRNO;
		for (size_t i = 0; i < rule.n_conds; i++) {
			struct filter_cond c = { .arg = (uint8_t)i,
						 .op = (uint8_t)rule.conds[i].cmp,
						 .mask = rule.conds[i].mask };

			rule.conds[i].arg = (uint8_t)i;
			args[n++] = scmp_cond(&c, false, rule.conds[i].value);
		}
		assert_int_equal(seccomp_rule_add_exact_array(ctx, SCMP_ACT_ERRNO(EACCES),
							      SCMP_SYS(mremap), n, args),
				 0);
		export_program(ctx, &prog);
		compile(&p, 0, SYSC_X86_64);
		collect(vs, &p, SYSC_mremap);
		d.nr = sysc_info[SYSC_mremap].nr[SYSC_X86_64];
		for (unsigned t = 0; t < 2000; t++) {
			for (unsigned i = 0; i < 6; i++)
				d.args[i] = vs[i].v[dice() % vs[i].n];
			if (run(&d).action == bpf_run(prog.insns, prog.n, &d).action)
				continue;
			for (size_t i = 0; i < rule.n_conds; i++)
				print_error("arg%zu op %d mask %llx value %llx: %llx\n", i,
					    (int)rule.conds[i].cmp,
					    (unsigned long long)rule.conds[i].mask,
					    (unsigned long long)rule.conds[i].value, d.args[i]);
			fail_msg("round %u: %x, libseccomp says %x", round, run(&d).action,
				 bpf_run(prog.insns, prog.n, &d).action);
		}
	}
}

static void numbers_agree_with_libseccomp(void **state)
{
	unsigned known = 0;

	(void)state;
	for (enum sysc s = 0; s < SYSC_N; s++) {
		static const uint32_t archs[] = { SCMP_ARCH_X86_64, SCMP_ARCH_AARCH64 };

		if (s)
			assert_true(strcmp(sysc_info[s - 1].name, sysc_info[s].name) < 0);
		for (int a = 0; a < SYSC_ARCH_N; a++) {
			int theirs = seccomp_syscall_resolve_name_arch(archs[a], sysc_info[s].name);

			if (theirs == __NR_SCMP_ERROR || sysc_info[s].nr[a] > 450)
				continue; /* newer than this libseccomp */
			known++;
			assert_int_equal(sysc_info[s].nr[a], theirs < 0 ? -1 : theirs);
		}
	}
	assert_true(known > 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presets_agree_with_libseccomp),
		cmocka_unit_test(rules_agree_with_libseccomp),
		cmocka_unit_test(numbers_agree_with_libseccomp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
