/*
 * made - protected names that a session made.
 *
 * A mount can only cover what exists. A rule that protects or denies an optional path (.envrc,
 * .git/commondir) therefore has no hold on one that is not there at the start. What cannot be
 * prevented is at least told: such names are looked for before and after, and those that have
 * appeared are recorded and said, so that nobody trips over them unwarned.
 */
#pragma once

#include "policy/policy.h"

#define MADE_MAX 512 /* names that are kept; more are only counted */

struct made {
	size_t n;                                  /* all of them */
	const struct policy_path *paths[MADE_MAX]; /* the policy's; the first @n or MADE_MAX */
};

/* Optional protect and deny rules whose path is not there now. */
void made_before(const struct policy *policy, struct made *ret_missing);
/* Of those that were missing, the ones that are there now; also what may be an untold rest. */
void made_after(const struct made *missing, struct made *ret_made);
