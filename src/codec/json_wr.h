/*
 * json_wr - writes JSON (RFC 8259) straight into a buf: exact bytes, no allocation of its own.
 *
 * Output is compact (no spaces) and always valid UTF-8. Strings: control characters, '"' and '\'
 * are escaped; bytes that are not UTF-8 become U+FFFD ... never: each such byte B becomes
 * "\udcBB" (lone low surrogate U+DC00+B, as Python's surrogateescape), so that nothing is lost
 * and the reader gets the exact bytes back. Bidirectional controls (U+202A-202E, U+2066-2069,
 * U+200E/F, U+061C) and U+007F-009F, U+2028/9 are written as \uXXXX, so that a log can be shown on a terminal.
 *
 *	json_object(&w); json_key(&w, "pid"); json_u64(&w, 7); json_end_object(&w);
 *
 * Commas are the writer's business. Nesting over JSON_DEPTH_MAX sets -EOVERFLOW in the buf's error.
 */
#pragma once

#include "base/buf.h"

#define JSON_DEPTH_MAX 64

struct json_wr {
	struct buf *out;
	unsigned depth;
	uint64_t has_item; /* bit d: the container at depth d has an item */
	bool after_key;
};

static inline struct json_wr json_wr_init(struct buf *out)
{
	return (struct json_wr){ .out = out };
}

void json_object(struct json_wr *w);
void json_end_object(struct json_wr *w);
void json_array(struct json_wr *w);
void json_end_array(struct json_wr *w);
void json_key(struct json_wr *w, const char *key);
void json_key_str(struct json_wr *w, struct str key);
void json_str(struct json_wr *w, struct str s);
void json_strz(struct json_wr *w, const char *z); /* NULL: null */
void json_u64(struct json_wr *w, uint64_t value);
void json_i64(struct json_wr *w, int64_t value);
void json_bool(struct json_wr *w, bool value);
void json_null(struct json_wr *w);
void json_hex(struct json_wr *w, const void *p, size_t n); /* a string of hex digits */
void json_raw(struct json_wr *w, struct str json);         /* already JSON */

/* A tree as it was read (json_rd.h): compact, in its order, numbers as they stood. */
struct json;
void json_put(struct json_wr *w, const struct json *value);
