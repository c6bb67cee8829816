/*
 * evaluators - one expression through the compiled program and through the reference evaluator, over
 * the same variables.
 */
#pragma once

#include "base/str.h"

/*
 * Aborts where the two disagree: one an error and the other not, or different values; where a value
 * is not of the type that was deduced; and where an evaluation took more than its budgets. An
 * evaluation that ends on a budget says nothing about the other.
 */
void evaluators_agree(struct str text);
