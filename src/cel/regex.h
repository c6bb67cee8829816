/*
 * regex - regular expressions in RE2's syntax, matched in time linear in the text.
 *
 * The one door to RE2: nothing else in the tree is C++, and no exception leaves this door. A compiled
 * expression is immutable for its user and may be matched by several threads at once.
 *
 * Memory. An expression has at most REGEX_PATTERN_MAX bytes, its program some thousand
 * instructions; program and automata, which matching builds, have at most the @memory that it was
 * compiled with. An automaton that reaches it is dropped and begun anew. So matching takes memory when
 * it comes to a state for the first time, and in the steady state none; but regex_find() with groups
 * may take some at each match, where the expression leaves it open which group a character is of.
 *
 * Time. Compiling is refused what would take over some milliseconds. A match that needs more than one
 * new start of its automaton, or cannot be made with one at all, ends with -E2BIG: no expression
 * costs more than some milliseconds and a few nanoseconds for each byte, whatever the text.
 */
#pragma once

#include "base/str.h"

#include <stddef.h>

#define REGEX_PATTERN_MAX 4096
#define REGEX_MEMORY_MAX (1U << 20)
#define REGEX_GROUPS_MAX 10 /* that regex_find() tells: the whole match and nine more */

#ifdef __cplusplus
extern "C" {
#endif

struct regex;

/*
 * Compile @pattern. @memory: bytes, 0: REGEX_MEMORY_MAX. -EINVAL: no expression, or one that is over
 * a limit, with a reason of at most @cap bytes, NUL included, in @message; -ENOMEM.
 */
int regex_compile(struct str pattern, size_t memory, struct regex **ret_regex, char *message,
		  size_t cap);
struct regex *regex_free(struct regex *regex); /* NULL-safe, returns NULL */

/* Does it match anywhere in @text? 1, 0, -ENOMEM; -E2BIG: costs too much. */
int regex_matches(const struct regex *regex, struct str text);

/* Capturing groups, the whole match not counted. */
unsigned regex_groups(const struct regex *regex);

/*
 * The leftmost match that starts at byte @from or behind, as above. ret_groups[0] is the whole
 * match, the others its groups; a group that took no part has .p NULL. @n is 1..REGEX_GROUPS_MAX.
 */
int regex_find(const struct regex *regex, struct str text, size_t from, struct str *ret_groups,
	       unsigned n);

#ifdef __cplusplus
}
#endif
