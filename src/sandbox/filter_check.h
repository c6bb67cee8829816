/*
 * filter_check - conditions on the arguments of system calls, as data.
 *
 * A check is a list of clauses. The first clause whose conditions all hold gives the answer; when
 * none does, the list's `otherwise` does. The same data is compiled to BPF (filter.c), told to
 * people (filter_explain.c) and held against other implementations in the tests.
 */
#pragma once

#include "policy/policy.h"
#include "sys/missing_seccomp.h"
#include "sys/syscall_table.h"

#include <errno.h>

#define FILTER_ALLOW SECCOMP_RET_ALLOW
#define FILTER_ERRNO(e) (SECCOMP_RET_ERRNO | (e))

enum filter_op {
	FOP_EQ = SYSC_EQ,
	FOP_NE = SYSC_NE,
	FOP_LT = SYSC_LT,
	FOP_LE = SYSC_LE,
	FOP_GT = SYSC_GT,
	FOP_GE = SYSC_GE,
	FOP_MASKED_EQ = SYSC_MASKED_EQ,
	FOP_ANY, /* arg & mask != 0 */
	FOP_IN /* (arg & mask, if there is one) in @set, sorted, up to 64 runs; narrow arguments */
};

struct filter_cond {
	uint8_t arg;
	uint8_t op;     /* enum filter_op; comparisons are unsigned */
	uint16_t n_set; /* FOP_IN */
	uint64_t mask;  /* FOP_MASKED_EQ, FOP_ANY; FOP_IN: 0 for none */
	uint64_t value;
	const uint32_t *set;
};

struct filter_clause {
	struct filter_cond conds[3];
	uint8_t n_conds;
	uint32_t action;  /* SECCOMP_RET_* with its errno */
	const char *what; /* for people: what this clause is about */
};

struct filter_clauses {
	const struct filter_clause *clauses;
	uint8_t n;
	uint32_t otherwise;
	const char *what; /* what `otherwise` stands for */
};

enum filter_check_id {
	FCHECK_NONE,
	FCHECK_CLONE,
	FCHECK_UNSHARE,
	FCHECK_SOCKET,
	FCHECK_SOCKETPAIR,
	FCHECK_IOCTL,
	FCHECK_PRCTL,
	FCHECK_PERSONALITY,
	FCHECK_MKNOD,
	FCHECK_MKNODAT,
	FCHECK_SECCOMP,
	FCHECK_PRLIMIT,
	FCHECK_FCNTL,
	FCHECK_MEMFD,
	FCHECK_INIT_MAP, /* mmap and mprotect of a session's pid 1 */
	FCHECK_N
};

/* What nobody may do. "Allow" here means: not refused to everyone; the policy goes on from there. */
const struct filter_clauses *filter_check_hard(enum filter_check_id id, const struct policy *policy,
					       unsigned use);
/* What the preset makes of the rest. NULL: no opinion, allowed. */
const struct filter_clauses *filter_check_preset(enum filter_check_id id,
						 enum policy_sysc_preset preset, unsigned use);
