/*
 * trap - which system calls of a session reach the supervisor, and why.
 *
 * Decided at launch, from the rules and from what is to be recorded; the filter is fixed then. A policy that
 * may be reloaded is planned for what a reload may need. One table says what events each call makes; what is
 * in neither that table nor the table of exceptions takes no name of a file, no address and no other
 * process.
 */
#pragma once

#include "policy/policy.h"
#include "sys/syscall_table.h"

#define TRAP_CONDS 4
#define TRAP_CALLS_MAX 128

enum trap_why {
	TRAP_RECORD,  /* to be recorded: the kernel does it */
	TRAP_CHANGES, /* decided where it may change something; else as its .reads says */
	TRAP_DECISION /* the supervisor decides, and does it */
};

enum trap_cause {
	TRAP_BY_RULE,    /* .rule could stop it */
	TRAP_BY_DEFAULT, /* rules_default: block */
	TRAP_BY_RELOAD,  /* a reload could bring a rule that stops it */
	TRAP_BY_LEVEL,   /* audit.record */
};

struct trap_call {
	uint16_t sysc; /* enum sysc */
	uint8_t why;   /* enum trap_why */
	uint8_t cause; /* enum trap_cause, of .why */
	bool reads;    /* TRAP_CHANGES: recorded where it changes nothing */
	/* Any of these must hold; none: always. */
	uint8_t n_conds;
	struct policy_sysc_cond conds[TRAP_CONDS];
	const struct policy_rule *rule; /* TRAP_BY_RULE */
};

struct trap_plan {
	uint64_t bits[(SYSC_N + 63) / 64];
	size_t n;
	struct trap_call calls[TRAP_CALLS_MAX]; /* in order of name */
};

/*
 * The plan for a session under @policy, whose rules (engine_session_rules()) are @rules, which must outlive
 * it. Of calls that this machine has.
 */
void trap_plan(const struct policy *policy, const struct policy_rule *rules, size_t n,
	       struct trap_plan *ret_plan);
/*
 * Would @rules need a call decided that @launch does not bring to the supervisor? NULL: no. What only tells
 * of a file (stat) is needed to hide, not to deny.
 */
const struct trap_call *trap_plan_lacks(const struct trap_plan *launch, const struct policy *policy,
					const struct policy_rule *rules, size_t n,
					struct trap_plan *scratch);

static inline bool trap_plan_has(const struct trap_plan *plan, enum sysc sysc)
{
	return plan->bits[sysc / 64] >> (sysc % 64) & 1;
}

/* May the policy be another during a run? It has files, and does not say `reload: false`. */
bool trap_may_reload(const struct policy *policy);

/* For people, and as data. */
struct buf;
struct json_wr;
void trap_plan_print(const struct trap_plan *plan, const struct policy *policy, struct buf *out);
void trap_plan_json(const struct trap_plan *plan, struct json_wr *w);

/* For tests: is the call in the table; and if it is excepted, why. */
bool trap_knows(enum sysc sysc);
const char *trap_exempt(enum sysc sysc);
