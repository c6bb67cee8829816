/*
 * secret - what credentials look like: the one table of it.
 *
 * Shapes are those that issuers document for finding them: a fixed beginning and a least length.
 * A password without a shape is found by nobody.
 */
#pragma once

#include "base/str.h"

/*
 * The kind of credential ("github", "aws", "private-key", "url-password") that @value as a whole
 * begins like, or NULL. For variables, whose whole value is one thing: errs towards yes.
 */
const char *secret_value(struct str value);

/*
 * The first credential anywhere in @text: its kind, and in *ret_where (may be NULL) its place; NULL:
 * none. Errs towards no: it begins where a word begins, and what follows must be its alphabet
 * and hold a digit. Time is linear in @text.
 */
const char *secret_find(struct str text, struct str *ret_where);
