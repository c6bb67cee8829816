/*
 * inert - bytes that somebody else chose, made fit to be shown to a person on a terminal.
 *
 * What comes out is one line that cannot act and cannot pose as anything else: control characters
 * (ANSI sequences, newlines), bidirectional and invisible characters, combining marks, private-use
 * and unassigned planes, and bytes that are not UTF-8 are written as escapes (\n, \x1b, \u{202e}); a
 * backslash is doubled, so an escape cannot be forged. What is too wide is cut in the middle, and
 * the cut says how many bytes there are: "/very/long ...(5000 bytes)... /name"; the three dots there
 * are U+2026, which is itself escaped when it comes from outside. So a mark that is seen is ours.
 *
 * Letters of all scripts pass, right-to-left ones included: those order themselves within their own
 * line, so show what is inert on a line of its own.
 */
#pragma once

#include "base/buf.h"

#include <stddef.h>

#define INERT_COLUMNS_MIN 40 /* of a cut: less is taken as this */

/* Columns that @s takes when it is made inert and not cut. */
size_t inert_columns(struct str s);

/* Append @s, at most @max columns wide (0: uncut). @out's error says whether it fitted. */
void inert_put(struct buf *out, struct str s, size_t max);
