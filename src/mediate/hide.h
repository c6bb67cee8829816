/*
 * hide - the lines of filesystem.hide, ready to be held against every name that is looked at.
 *
 * A name that a line covers, or that lies below one, is not there for the session. object.h asks of each
 * component of a path; the listing of folders (call_list.c) of each entry.
 */
#pragma once

#include "policy/policy.h"

#include <stdbool.h>

struct hides;

/* *@ret NULL: the policy hides nothing. @policy is borrowed. -ENOMEM. */
int hides_new(const struct policy *policy, struct hides **ret);
struct hides *hides_free(struct hides *h); /* NULL-safe, returns NULL */

/* @path is absolute, as the session sees it. */
bool hides_path(const struct hides *h, const char *path);
/* Could a name in @folder, of now or later, be hidden? It may say so of one that has none. */
bool hides_in(const struct hides *h, const char *folder);
