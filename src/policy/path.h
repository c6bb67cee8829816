/*
 * path - policy paths as text: absolute, without ".", ".." and double slashes.
 */
#pragma once

#include "base/buf.h"
#include "policy/policy.h"

#include <limits.h>

/* @path is @dir or lies below it. */
bool path_within(const char *path, const char *dir);

/* Append @path (absolute) without ".", "..", "//"; false when it is too long. */
bool path_normalise(struct str path, struct buf *out);

/*
 * Patterns, of deny, protect, hide and ask. '*' '?' '**' and '[' are those of cel/glob.h; braces are
 * just characters; a backslash before one of '*' '?' '[' ']' and itself takes the meaning from it, and is
 * a character elsewhere. A pattern is absolute, or begins with "**" as its first component.
 */

/* Does @text hold a '*', '?' or '[' that means something? *@ret: the first. */
bool path_has_pattern(struct str text, char *ret);
/* Is there a '/' in a bracket? It would be no '/'. */
bool path_splits_bracket(struct str text);
/* @text with a backslash before all that would mean something, and back. */
void path_escape(struct str text, struct buf *out);
void path_unescape(struct str text, struct buf *out);
/* Pattern @path in the language of cel/glob.h; @below: so that it matches what lies below, too. */
void path_put_glob(const char *path, bool below, struct buf *out);

/* One entry, ready to be held against many paths. */
struct glob;
struct path_matcher {
	const struct policy_path *entry;
	struct glob *at, *below; /* of a pattern */
};
int path_matcher_init(struct path_matcher *m, const struct policy_path *entry); /* -errno */
void path_matcher_done(struct path_matcher *m);
/* Is @path what the entry names, or below it? */
bool path_matches(const struct path_matcher *m, const char *path);
/* The same for one path. */
bool path_entry_matches(const struct policy_path *entry, const char *path);

/* @path with its symlinks followed as far as it exists, in @arena; NULL: no memory. */
const char *path_resolve(struct arena *arena, const char *path);

/* The same for one path after another: neighbours have their folder followed once. */
struct path_folder {
	char path[PATH_MAX], real[PATH_MAX]; /* path "" to begin with */
};
const char *path_resolve_next(struct path_folder *last, struct arena *arena, const char *path);

/* "read", "protect", ...: the key of the schema. */
const char *path_kind_name(enum policy_fs kind);
/* read, write and exec grant; the others take away. */
bool path_kind_grants(enum policy_fs kind);

/*
 * Does a grant of @kind among @paths cover @path? Write and exec cover read. In a private home or
 * tmp of @policy (may be NULL) a grant of the folder itself, or of one above it, covers nothing of
 * the host's below it.
 */
bool path_covered(const struct policy *policy, const struct policy_path *paths, size_t n,
		  const char *path, enum policy_fs kind);

/* Is a path of that spelling and kind among @paths already? */
bool path_listed(const struct policy_path *paths, size_t n, const struct policy_path *path);
