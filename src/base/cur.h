/*
 * cur - the one cursor that hostile bytes go through.
 *
 * A read past the end sets a sticky error and returns zeros; check cur_error() once, after a whole
 * message. Conventions of every decoder: -EAGAIN needs more bytes, -EBADMSG can never be valid.
 */
#pragma once

#include "base/str.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct cur {
	const uint8_t *p;
	size_t n;  /* bytes left */
	int error; /* 0, -EAGAIN, -EBADMSG */
};

static inline struct cur cur_init(const void *p, size_t n)
{
	return (struct cur){ .p = p, .n = n };
}

static inline int cur_error(const struct cur *c)
{
	return c->error;
}

static inline void cur_fail(struct cur *c, int error)
{
	if (!c->error)
		c->error = error;
	c->n = 0;
}

/* The next @n bytes, or NULL with -EAGAIN. */
static inline const uint8_t *cur_take(struct cur *c, size_t n)
{
	const uint8_t *p = c->p;

	if (n > c->n) {
		cur_fail(c, -EAGAIN);
		return NULL;
	}
	if (n) { /* an empty cursor may be of no memory at all, to which not even 0 is added */
		c->p += n;
		c->n -= n;
	}
	return p;
}

static inline uint8_t cur_u8(struct cur *c)
{
	const uint8_t *p = cur_take(c, 1);

	return p ? *p : 0;
}

static inline uint16_t cur_be16(struct cur *c)
{
	const uint8_t *p = cur_take(c, 2);

	return p ? (uint16_t)((uint32_t)p[0] << 8 | p[1]) : 0;
}

static inline uint32_t cur_be32(struct cur *c)
{
	const uint8_t *p = cur_take(c, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint32_t cur_le32(struct cur *c)
{
	const uint8_t *p = cur_take(c, 4);

	return p ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0] : 0;
}

static inline struct str cur_str(struct cur *c, size_t n)
{
	const uint8_t *p = cur_take(c, n);

	return (struct str){ .p = (const char *)p, .n = p ? n : 0 };
}

/* Skip @lit if it is next; else -EBADMSG. */
static inline bool cur_expect(struct cur *c, struct str lit)
{
	if (c->n < lit.n || memcmp(c->p, lit.p, lit.n) != 0) {
		cur_fail(c, -EBADMSG);
		return false;
	}
	c->p += lit.n;
	c->n -= lit.n;
	return true;
}

/* Bytes up to, not including, @stop, which is skipped; without one: -EAGAIN. */
static inline struct str cur_until(struct cur *c, char stop)
{
	const uint8_t *end = c->n ? memchr(c->p, stop, c->n) : NULL;
	struct str s = { .p = (const char *)c->p };

	if (!end) {
		cur_fail(c, -EAGAIN);
		return (struct str){ 0 };
	}
	s.n = (size_t)(end - c->p);
	c->p = end + 1;
	c->n -= s.n + 1;
	return s;
}
