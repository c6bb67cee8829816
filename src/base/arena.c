#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_ALIGN 16
#define ARENA_CHUNK 16384

struct arena_chunk {
	struct arena_chunk *next;
	size_t at;
	size_t size;
	alignas(ARENA_ALIGN) char bytes[];
};

void arena_done(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
	a->used = 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c = a->chunks;
	size_t rounded;
	void *p;

	if (__builtin_add_overflow(size, ARENA_ALIGN - 1U, &rounded))
		return NULL;
	rounded &= ~(size_t)(ARENA_ALIGN - 1);
	if (rounded > a->max - a->used)
		return NULL;
	if (!c || c->size - c->at < rounded) {
		size_t bytes = rounded > ARENA_CHUNK / 4 ? rounded : ARENA_CHUNK;

		c = malloc(sizeof(*c) + bytes);
		if (!c)
			return NULL;
		c->size = bytes;
		c->at = 0;
		if (a->chunks && bytes == rounded) {
			/* a chunk of its own must not end the use of the current one */
			c->next = a->chunks->next;
			a->chunks->next = c;
		} else {
			c->next = a->chunks;
			a->chunks = c;
		}
	}
	p = c->bytes + c->at;
	c->at += rounded;
	a->used += rounded;
	/* Piece by piece: what is never handed out is never touched, and costs no page. */
	return memset(p, 0, rounded);
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return arena_alloc(a, bytes);
}

char *arena_strdup(struct arena *a, struct str s)
{
	char *p = s.n < SIZE_MAX ? arena_alloc(a, s.n + 1) : NULL;

	if (p && s.n)
		memcpy(p, s.p, s.n);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	p = arena_alloc(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void *arena_grow(struct arena *a, void *items, size_t count, size_t *cap, size_t elem)
{
	size_t new_cap = *cap ? *cap * 2 : 8;
	void *p;

	if (count < *cap)
		return items;
	p = arena_calloc(a, new_cap, elem);
	if (!p)
		return NULL;
	if (count)
		memcpy(p, items, count * elem);
	*cap = new_cap;
	return p;
}
