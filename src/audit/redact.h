/*
 * redact - secret values, looked for in a finished line and taken out of it.
 *
 * Values are kept in the form that the JSON writer gives them, so that one memmem() over the line
 * finds them; they live in memory of their own that is not dumped, not inherited over fork(), and
 * wiped at the end.
 */
#pragma once

#include "base/buf.h"

#include <stddef.h>

struct redact;

/* -ENOMEM. @min: shorter values are left out. *@ret is NULL when nothing remains. */
int redact_new(const char *const *values, size_t n, size_t min, struct redact **ret);
struct redact *redact_free(struct redact *r);

/*
 * Replace every secret that stands within a JSON string of @b's bytes from @from on, where a member
 * list of an object starts (",\"key\":..."). Returns how many; errors stick in @b.
 */
size_t redact_apply(struct redact *r, struct buf *b, size_t from);
