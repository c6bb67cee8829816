/*
 * filter_rule - the policy's own `syscalls:` rules, made ready for the compiler.
 */
#pragma once

#include "sandbox/filter_check.h"

#define FILTER_RULES_MAX 1024

/* A rule's condition as the compiler has it, trimmed to what the kernel reads of the argument. */
struct filter_cond filter_rule_cond(const struct policy_sysc_cond *cond, bool narrow);

/*
 * The system call that @rule is about, as enum sysc; or -EINVAL and in @err, with the rule's
 * position, what is wrong with it: the call is unknown, nobody may have it, a condition can never
 * hold.
 */
int filter_rule_check(const struct policy_sysc_rule *rule, unsigned use, struct err *err);

/* SECCOMP_RET_* for the rule's action. */
uint32_t filter_rule_action(const struct policy_sysc_rule *rule);
