#include "sandbox/filter_rule.h"

#include "sandbox/filter.h"
#include "sandbox/filter_table.h"

#include <inttypes.h>

#define ERRNO_MAX 4095 /* the kernel cuts larger ones down to this */

/* -1 and the like, written as 64-bit numbers. */
static bool is_negative_int(uint64_t v)
{
	return v >= UINT64_C(0xffffffff80000000);
}

struct filter_cond filter_rule_cond(const struct policy_sysc_cond *cond, bool narrow)
{
	uint64_t keep = narrow ? UINT32_MAX : UINT64_MAX;

	return (struct filter_cond){
		.arg = cond->arg,
		.op = (uint8_t)cond->cmp,
		.mask = cond->mask & keep,
		.value = cond->value & keep,
	};
}

uint32_t filter_rule_action(const struct policy_sysc_rule *rule)
{
	switch (rule->action) {
	case POLICY_SYSC_ALLOW: return SECCOMP_RET_ALLOW;
	case POLICY_SYSC_LOG: return SECCOMP_RET_LOG;
	case POLICY_SYSC_KILL: return SECCOMP_RET_KILL_PROCESS;
	case POLICY_SYSC_ERRNO: break;
	}
	return FILTER_ERRNO((uint32_t)(rule->error ? rule->error : EPERM));
}

static int cond_check(const struct policy_sysc_rule *rule, const struct policy_sysc_cond *c,
		      enum sysc sysc, struct err *err)
{
	const struct policy_where *w = &rule->where;
	uint64_t never = c->cmp == SYSC_MASKED_EQ ? c->value & ~c->mask : 0;

	if (c->arg > 5)
		return err_text(err, 0, "%s:%u:%u: arg%u: system calls have arguments 0 to 5",
				w->file, w->line, w->col, c->arg);
	if (never)
		return err_text(err, 0,
				"%s:%u:%u: arg%u of '%s': no value has bits 0x%" PRIx64
				" under mask 0x%" PRIx64,
				w->file, w->line, w->col, c->arg, rule->name, c->value, c->mask);
	if ((sysc_info[sysc].narrow & 1 << c->arg) && c->value > UINT32_MAX &&
	    !is_negative_int(c->value))
		return err_text(err, 0,
				"%s:%u:%u: arg%u of '%s' has 32 bits; 0x%" PRIx64 " does not fit",
				w->file, w->line, w->col, c->arg, rule->name, c->value);
	return 0;
}

static int unknown_call(const struct policy_sysc_rule *rule, struct err *err)
{
	const char *near = sysc_nearest(str_of(rule->name));

	return err_text(err, 0, "%s:%u:%u: unknown system call '%s'%s%s%s", rule->where.file,
			rule->where.line, rule->where.col, rule->name,
			near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* An allow (or log) rule that the baseline contradicts, whatever its conditions. */
static int refused_to_all(const struct policy_sysc_rule *rule, enum sysc sysc, unsigned use,
			  struct err *err)
{
	const struct filter_row *row = &filter_table[sysc];
	const struct policy_where *w = &rule->where;

	if (row->level == FILTER_LVL_NEVER)
		return err_text(err, 0, "%s:%u:%u: no policy may allow '%s': %s", w->file, w->line,
				w->col, rule->name, filter_why_text[row->why]);
	if (!filter_row_never(row, use))
		return 0;
	return err_at(err, 0, w->file, w->line, w->col,
		      "'%s' cannot be allowed without %s namespace, which this host does not give: "
		      "it would reach the host's own%s",
		      rule->name, row->why == WHY_IPC ? "an IPC" : "a mount",
		      row->why == WHY_IPC ? "" : " files");
}

int filter_rule_check(const struct policy_sysc_rule *rule, unsigned use, struct err *err)
{
	int sysc = sysc_by_name(str_of(rule->name)), r;

	if (sysc < 0)
		return unknown_call(rule, err);
	if (rule->action == POLICY_SYSC_ALLOW || rule->action == POLICY_SYSC_LOG) {
		r = refused_to_all(rule, (enum sysc)sysc, use, err);
		if (r < 0)
			return r;
	}
	if (rule->error < 0 || rule->error > ERRNO_MAX)
		return err_text(err, 0, "%s:%u:%u: %d is no errno", rule->where.file,
				rule->where.line, rule->where.col, rule->error);
	for (size_t i = 0; i < rule->n_conds; i++) {
		r = cond_check(rule, &rule->conds[i], (enum sysc)sysc, err);
		if (r < 0)
			return r;
	}
	return sysc;
}
