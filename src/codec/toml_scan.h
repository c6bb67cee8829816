/*
 * toml_scan - the tokens of TOML: characters of strings, numbers, dates. Private to src/codec.
 *
 * Everything here reads text that toml.c found to be UTF-8 without stray control characters.
 */
#pragma once

#include "codec/toml.h"

/* The characters of one string, decoded one after the other. */
struct toml_chars {
	struct str text;
	size_t pos;  /* where reading goes on; at the end: past the closing quotes */
	size_t from; /* where the character that was read last is written */
	char quote;
	bool multi;
	bool closing;    /* three quotes together were seen... */
	unsigned quotes; /* ...before which so many still belong to the text */
	const char *wrong;
};

/* @pos: at the opening quotes. */
struct toml_chars toml_chars_open(struct str text, size_t pos);
/*
 * The next character into @ret: its length, 1..4 bytes, of which a longer character takes several
 * calls; 0 at the end of the string; -EBADMSG with .wrong, and .pos at what is wrong.
 */
int toml_chars_next(struct toml_chars *c, char ret[4]);

/*
 * A bare value (number, date, boolean) that starts at @pos: kind and value into @ret, its end into
 * *@ret_end. -EBADMSG with *@ret_wrong.
 */
int toml_bare(struct str text, size_t pos, struct toml_node *ret, size_t *ret_end,
	      const char **ret_wrong);
