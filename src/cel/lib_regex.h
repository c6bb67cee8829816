/*
 * lib_regex - inside the regular expressions of the language: a compiled pattern. Not for users of
 * the library.
 */
#pragma once

#include "cel/fn.h"
#include "cel/pattern.h"
#include "cel/regex.h"

struct pattern {
	struct regex *regex; /* NULL: plain text, below */
	bool start, end;     /* ^text, text$ */
	size_t n;
	char text[];
};

/*
 * The pattern that the argument @v is: the one prepared at load, or one compiled now into @room,
 * for which the caller calls pattern_done() in any case but an error. An error: of kind CEL_ERROR.
 */
struct cel_value pattern_of(struct cel_eval *eval, struct cel_value v, struct pattern *room,
			    const struct pattern **ret_pattern);
void pattern_done(struct pattern *room);

/* As regex_find(). A pattern of plain text has no groups: @groups[0] alone is set. */
int pattern_find(const struct pattern *pattern, struct str text, size_t from, struct str *groups,
		 unsigned n);

/* Capturing groups. */
static inline unsigned pattern_groups(const struct pattern *pattern)
{
	return pattern->regex ? regex_groups(pattern->regex) : 0;
}
