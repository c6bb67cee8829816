/*
 * overload - which overload takes the values at hand.
 *
 * A signature's argument becomes the set of kinds of values that it takes, a bit per kind: enough to
 * tell overloads apart at run time, as lists and maps are not looked into.
 */
#pragma once

#include "cel/fn.h"

#define CEL_ARGS_MAX 8 /* of an overload */

/*
 * The kinds that each argument of @overload takes, to @masks of CEL_ARGS_MAX; how many arguments.
 * -EINVAL: that is no signature.
 */
int cel_overload_masks(const struct cel_overload *overload, uint32_t *masks);

static inline bool cel_masks_take(const uint32_t *masks, const struct cel_value *args, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!(masks[i] >> args[i].kind & 1))
			return false;
	return true;
}
