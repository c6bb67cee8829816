/*
 * glob - file name patterns as shells have them, matched in time linear in the text.
 *
 *	*        any characters but '/'
 *	?        one character but '/'
 *	**       any characters; as a whole component ("a/ ** /b" without the blanks) any number of
 *	         components, none included
 *	[a-z_]   one of these, [!a-z] or [^a-z] one of the others; never '/'
 *	{a,b*}   either; may nest
 *	\x       x itself
 *
 * A pattern stands for the whole text. Characters are code points; a byte that is no UTF-8 stands
 * for itself and is matched by * and ? alone. A leading dot is nothing special.
 *
 * A pattern is an automaton of at most GLOB_STATES_MAX states of which any number is active at
 * once, as bits: each character of the text costs a few operations on each 64 states. Braces are
 * written out first, so that their product counts against the same limit.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GLOB_PATTERN_MAX 1024 /* bytes, also of each alternative written out */
#define GLOB_STATES_MAX 512
#define GLOB_RANGES_MAX 256 /* of characters beyond ASCII */

struct glob;
struct glob_build;

/*
 * Compile @pattern to memory from malloc(). -EINVAL: no pattern, or over a limit, with the reason
 * of at most @cap bytes in @message; -ENOMEM.
 */
int glob_compile(struct str pattern, struct glob **ret_glob, char *message, size_t cap);
struct glob *glob_free(struct glob *glob); /* NULL-safe, returns NULL */

/*
 * The same in the caller's memory: read @pattern to @build, of glob_build_size() bytes, then make
 * the automaton in @room of glob_size() bytes, both aligned to 8.
 */
size_t glob_build_size(void);
int glob_read(struct str pattern, struct glob_build *build, char *message, size_t cap);
size_t glob_size(const struct glob_build *build);
void glob_make(const struct glob_build *build, struct glob *room);

bool glob_matches(const struct glob *glob, struct str text);
