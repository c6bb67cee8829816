/*
 * map - strings to pointers, for keys that a hostile peer may choose, with a ceiling.
 *
 * Open addressing with linear probing. The hash is SipHash-2-4 under a key of this process, so that
 * nobody outside can make keys collide. Keys are copied; values are the caller's. Everything that
 * the map allocates counts against the maximum it was born with.
 *
 *	AUTO(map_done) struct map m = MAP_INIT(1 << 20);
 *	r = map_put(&m, name, rule);
 *	rule = map_get(&m, name);
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot;

struct map {
	struct map_slot *slots;
	size_t count; /* keys */
	size_t cap;   /* slots: 0 or a power of two */
	size_t bytes; /* allocated, keys included */
	size_t max;
	uint64_t key[2];
};

#define MAP_INIT(max_bytes) ((struct map){ .max = (max_bytes) })

/* Frees keys and slots, not values; the map is empty and usable afterwards. */
void map_done(struct map *m);

/*
 * A new key. @value must not be NULL. -EEXIST: the key is there, nothing was changed; -ENOBUFS: past
 * the maximum; -ENOMEM. Moves slots: pointers from map_at() and positions of map_next() are void.
 */
int map_put(struct map *m, struct str key, void *value);

/* The value, or NULL. */
void *map_get(const struct map *m, struct str key);
/* Where the value is kept, to change it in place (not to NULL); or NULL. */
void **map_at(const struct map *m, struct str key);
/* Forget the key: its value, or NULL when there was none. Moves slots. */
void *map_del(struct map *m, struct str key);

/*
 * Every pair once, in no order: start with *at = 0, go on until false. The key is the map's own.
 *	for (size_t at = 0; map_next(&m, &at, &key, &value);)
 */
bool map_next(const struct map *m, size_t *at, struct str *ret_key, void **ret_value);

/* SipHash-2-4 (Aumasson and Bernstein, 2012), 64 bits. */
uint64_t map_hash(const uint64_t key[2], struct str s);
