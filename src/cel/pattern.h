/*
 * pattern - regular expressions as functions of the language take them: compiled at load where they
 * are constant, in the evaluation where they are not.
 *
 * Most expressions in rules are plain text, perhaps with ^ in front or $ behind it and with escaped
 * dots: those are compared as text and never reach RE2. Others are compiled and matched once at
 * load, so that the first event does not pay for the start of the automaton.
 *
 * An expression that is not constant is compiled for each call: within PATTERN_DYNAMIC_MAX bytes and
 * PATTERN_DYNAMIC_MEMORY, charged PATTERN_DYNAMIC_STEPS, and with memory from the heap: the one case
 * in which an evaluation always allocates.
 */
#pragma once

#include "cel/fn.h"

#define PATTERN_DYNAMIC_MAX 512
#define PATTERN_DYNAMIC_MEMORY (64U * 1024)
#define PATTERN_DYNAMIC_STEPS 2000

/* cel_overload's .prepare, for functions that ask whether, or what, an expression matches, and its
 * .release. */
int pattern_prepare(struct str pattern, void **ret_prepared, char *message, size_t cap);
int pattern_prepare_groups(struct str pattern, void **ret_prepared, char *message, size_t cap);
void pattern_release(void *prepared);

/* (text, pattern) -> bool: the standard function matches(), in both its forms. */
struct cel_value cel_fn_matches(struct cel_eval *eval, const struct cel_value *args, unsigned n);
