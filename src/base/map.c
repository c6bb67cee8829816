#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#define CAP_MIN 16

struct map_slot {
	uint64_t hash;
	char *key;
	size_t n;
	void *value; /* NULL: the slot is free */
};

static inline uint64_t rol(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void sip_rounds(uint64_t v[4], int rounds)
{
	while (rounds--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rol(v[1], 13) ^ v[0];
		v[3] = rol(v[3], 16) ^ v[2];
		v[0] = rol(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rol(v[1], 17) ^ v[2];
		v[3] = rol(v[3], 21) ^ v[0];
		v[2] = rol(v[2], 32);
	}
}

/* Up to eight bytes, least significant first. */
static uint64_t little(const char *p, size_t n)
{
	uint64_t w = 0;

	for (size_t i = 0; i < n; i++)
		w |= (uint64_t)(uint8_t)p[i] << 8 * i;
	return w;
}

uint64_t map_hash(const uint64_t key[2], struct str s)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
			  key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };
	size_t whole = s.n & ~(size_t)7;
	uint64_t w;

	for (size_t at = 0; at < whole; at += 8) {
		w = little(s.p + at, 8);
		v[3] ^= w;
		sip_rounds(v, 2);
		v[0] ^= w;
	}
	w = (whole < s.n ? little(s.p + whole, s.n - whole) : 0) | (uint64_t)s.n << 56;
	v[3] ^= w;
	sip_rounds(v, 2);
	v[0] ^= w;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_done(struct map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].value)
			free(m->slots[i].key);
	free(m->slots);
	*m = MAP_INIT(m->max);
}

/* The slot that holds @key, or the free one where it belongs. There is always a free one. */
static struct map_slot *slot_of(const struct map *m, uint64_t hash, struct str key)
{
	size_t mask = m->cap - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct map_slot *s = &m->slots[i];

		if (!s->value ||
		    (s->hash == hash && str_eq((struct str){ .p = s->key, .n = s->n }, key)))
			return s;
	}
}

/* The kernel gives every process 16 random bytes; taking them costs no system call. */
static void key_make(struct map *m)
{
	const void *random = (const void *)getauxval(AT_RANDOM);

	if (random)
		memcpy(m->key, random, sizeof(m->key));
}

/* At most three quarters of the slots are in use. */
static int make_room(struct map *m)
{
	size_t cap = m->cap ? m->cap * 2 : CAP_MIN;
	struct map grown = *m;
	size_t bytes;

	if (m->count + 1 <= m->cap / 4 * 3)
		return 0;
	if (__builtin_mul_overflow(cap, sizeof(struct map_slot), &bytes) || bytes > m->max ||
	    bytes - m->cap * sizeof(struct map_slot) > m->max - m->bytes)
		return -ENOBUFS;
	grown.slots = calloc(cap, sizeof(struct map_slot));
	if (!grown.slots)
		return -ENOMEM;
	grown.cap = cap;
	grown.bytes += bytes - m->cap * sizeof(struct map_slot);
	if (!m->cap)
		key_make(&grown);
	for (size_t i = 0; i < m->cap; i++) {
		struct map_slot *s = &m->slots[i];

		if (s->value)
			*slot_of(&grown, s->hash, (struct str){ .p = s->key, .n = s->n }) = *s;
	}
	free(m->slots);
	*m = grown;
	return 0;
}

int map_put(struct map *m, struct str key, void *value)
{
	struct map_slot *s;
	uint64_t hash;
	char *copy;
	int r;

	if (!value)
		return -EINVAL;
	if (map_at(m, key))
		return -EEXIST;
	r = make_room(m);
	if (r < 0)
		return r;
	if (key.n > m->max - m->bytes)
		return -ENOBUFS;
	copy = malloc(key.n ? key.n : 1);
	if (!copy)
		return -ENOMEM;
	if (key.n)
		memcpy(copy, key.p, key.n);

	hash = map_hash(m->key, key);
	s = slot_of(m, hash, key);
	*s = (struct map_slot){ .hash = hash, .key = copy, .n = key.n, .value = value };
	m->count++;
	m->bytes += key.n;
	return 0;
}

void **map_at(const struct map *m, struct str key)
{
	struct map_slot *s;

	if (m->count == 0)
		return NULL;
	s = slot_of(m, map_hash(m->key, key), key);
	return s->value ? &s->value : NULL;
}

void *map_get(const struct map *m, struct str key)
{
	void **at = map_at(m, key);

	return at ? *at : NULL;
}

void *map_del(struct map *m, struct str key)
{
	size_t mask = m->cap - 1, hole;
	struct map_slot *s;
	void *value;

	if (m->count == 0)
		return NULL;
	s = slot_of(m, map_hash(m->key, key), key);
	if (!s->value)
		return NULL;
	value = s->value;
	free(s->key);
	m->count--;
	m->bytes -= s->n;

	/* close the gap: what probed past the hole on its way from home moves back into it */
	hole = (size_t)(s - m->slots);
	for (size_t i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
		size_t home = m->slots[i].hash & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct map_slot){ 0 };
	return value;
}

bool map_next(const struct map *m, size_t *at, struct str *ret_key, void **ret_value)
{
	for (; *at < m->cap; (*at)++) {
		const struct map_slot *s = &m->slots[*at];

		if (!s->value)
			continue;
		*ret_key = (struct str){ .p = s->key, .n = s->n };
		*ret_value = s->value;
		(*at)++;
		return true;
	}
	return false;
}
