/*
 * lex_text - string and bytes literals: prefixes, quotes, escapes.
 */
#pragma once

#include "cel/lex.h"

/* Does a string or bytes literal start here, prefix included? */
bool cel_lex_is_text(const struct cel_lexer *lex);

/* Take it. */
struct cel_token cel_lex_text(struct cel_lexer *lex);
