/*
 * arena - memory for one document, one request, one policy: freed all at once, with a ceiling.
 *
 * Allocation past the ceiling returns NULL, as does malloc's own failure; the caller turns that
 * into -ENOMEM. Memory is zeroed and aligned to 16 bytes.
 */
#pragma once

#include "base/str.h"

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* newest first */
	size_t used;                /* bytes handed out, alignment included */
	size_t max;
};

#define ARENA_INIT(max_bytes) ((struct arena){ .max = (max_bytes) })

void arena_done(struct arena *a); /* also usable as AUTO(arena_done) */

void *arena_alloc(struct arena *a, size_t size);
void *arena_calloc(struct arena *a, size_t count, size_t size); /* checked multiplication */
char *arena_strdup(struct arena *a, struct str s);              /* NUL-terminated copy */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, count, type) ((type *)arena_calloc((a), (count), sizeof(type)))

/*
 * Grow an array of @elem-sized items in the arena so that item *count has room: returns the
 * (possibly moved) array or NULL. *cap is kept by this function, 0 at the start.
 */
void *arena_grow(struct arena *a, void *items, size_t count, size_t *cap, size_t elem);
