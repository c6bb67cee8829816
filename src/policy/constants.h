/*
 * constants - names for numbers in `syscalls:` conditions and errnos.
 */
#pragma once

#include "base/str.h"

/*
 * "PROT_EXEC", "0x5412", "512": false when unknown, with the nearest name (or NULL) in *@ret_near.
 */
bool constant_value(struct str text, uint64_t *ret_value, const char **ret_near);
/* "EPERM". */
bool constant_errno(struct str text, uint64_t *ret_value, const char **ret_near);
/* NULL: unknown. */
const char *constant_errno_name(int error);
