/*
 * argv - command patterns: private to src/policy.
 *
 * A pattern is a row of parts, one for each word of the command; a last part "..." stands for any
 * further words. A part is literal text in which ${name:regex} stands for whatever the POSIX
 * extended regular expression matches, and $$ for one '$'. A part matches a whole word or not at
 * all. Expressions are capped (length, repetition, nesting) and have no back-references, so that
 * neither compiling nor matching can be made slow or large by whoever wrote the policy.
 */
#pragma once

#include "base/buf.h"
#include "policy/policy.h"

#define ARGV_PARTS_MAX 64
#define ARGV_REGEX_MAX 256 /* bytes of one expression */
#define ARGV_SIZE_MAX 2048 /* of one expression with its repetitions written out: 0.1 s at worst */
#define ARGV_POLICY_MAX 16384 /* of all of a policy together */
#define ARGV_GROUPS_MAX 16    /* parentheses in parentheses */
#define ARGV_WORD_MAX 16384   /* longer words match no expression */

/*
 * The end of the ${...} that begins at @s (index after its '}'), with its name and expression.
 * 0 and the reason in *@ret_wrong when it is not well-formed.
 */
size_t argv_hole(struct str s, struct str *ret_name, struct str *ret_regex, const char **ret_wrong);

/*
 * Is @part well-formed? NULL, or what is wrong. *@ret_size: its expressions, written out.
 */
const char *argv_part_check(struct str part, size_t *ret_size);

/* The same for one expression; its size is added to *@size. */
const char *argv_regex_check(struct str regex, size_t *size);
/* After the '[' at @i: the index behind the closing ']', or 0. */
size_t argv_bracket_end(struct str s, size_t i);

enum argv_match { ARGV_NO, ARGV_YES, ARGV_TOO_LONG };

/* Does @argv match? With @basename the first word's last component may stand for it. */
enum argv_match argv_matches(const struct policy_argv *pattern, char *const argv[], bool basename);

/* The pattern as one line, for messages. */
void argv_put(struct buf *out, const struct policy_argv *pattern);
