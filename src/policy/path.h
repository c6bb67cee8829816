/*
 * path - policy paths as text: absolute, without ".", ".." and double slashes.
 */
#pragma once

#include "base/buf.h"
#include "policy/policy.h"

/* @path is @dir or lies below it. */
bool path_within(const char *path, const char *dir);

/* Append @path (absolute) without ".", "..", "//"; false when it is too long. */
bool path_normalise(struct str path, struct buf *out);

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
