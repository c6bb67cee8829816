/*
 * json_rd - reads one JSON document (RFC 8259), strictly, into a tree in an arena.
 *
 * Refused: duplicate keys, nesting over JSON_DEPTH_MAX, anything after the value, invalid UTF-8,
 * lone surrogates except \udc80-\udcff (which give back the raw byte, see json_wr), raw control
 * characters, numbers that JSON does not know. Strings may hold NUL (as \u0000): they are slices.
 *
 * Slices point into the text wherever it holds the string as it stands, so the text must live as
 * long as the tree. A tree takes about 100 bytes of arena per value.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_kind kind;
	bool boolean;
	struct str text;    /* string: decoded; number: its digits as they stood */
	struct str key;     /* when a member of an object */
	struct json *child; /* first item */
	struct json *next;  /* sibling */
	size_t count;       /* items */
	size_t at;          /* offset in the text: of the value, or of the key when a member */
};

/* -EBADMSG with "line:col: what" in @err (both from 1, col in bytes); -ENOMEM when the arena's ceiling is met. */
int json_parse(struct arena *arena, struct str text, const struct json **ret_value,
	       struct err *err);

/* Member of an object or NULL; NULL-safe. */
const struct json *json_get(const struct json *object, const char *key);
/*
 * Typed access for optional members: false when absent or of another type. Integers are those
 * written as such (no fraction, no exponent) that fit; *ret is untouched otherwise.
 */
bool json_get_str(const struct json *object, const char *key, struct str *ret);
bool json_get_u64(const struct json *object, const char *key, uint64_t *ret);
bool json_get_i64(const struct json *object, const char *key, int64_t *ret);
bool json_get_bool(const struct json *object, const char *key, bool *ret);
bool json_u64_of(const struct json *value, uint64_t *ret);
bool json_i64_of(const struct json *value, int64_t *ret);
