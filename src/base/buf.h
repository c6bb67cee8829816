/*
 * buf - a growing byte buffer that was born with its maximum.
 *
 * Errors are sticky: after an append that does not fit (-ENOBUFS) or cannot be allocated (-ENOMEM)
 * every further append does nothing, and buf_error() tells the first failure. So a long series of
 * appends is checked once, at its end. A buf may also live on memory that the caller owns
 * (buf_fixed): then it never allocates and never frees.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *p;
	size_t n;   /* bytes used */
	size_t cap; /* bytes allocated */
	size_t max; /* bytes it may ever hold */
	int error;  /* 0, -ENOBUFS or -ENOMEM */
	bool fixed; /* @p belongs to the caller */
};

#define BUF_INIT(max_bytes) ((struct buf){ .max = (max_bytes) })

/* A buf over caller's memory of @n bytes. */
static inline struct buf buf_fixed(void *p, size_t n)
{
	return (struct buf){ .p = p, .cap = n, .max = n, .fixed = true };
}

void buf_done(struct buf *b); /* also usable as AUTO(buf_done) */

/* Empty it, keep the memory, clear the error. */
static inline void buf_reset(struct buf *b)
{
	b->n = 0;
	b->error = 0;
}

static inline int buf_error(const struct buf *b)
{
	return b->error;
}

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ .p = b->p, .n = b->n };
}

/* Room for @n more bytes, or NULL (error set). The bytes count once buf_commit()ted. */
char *buf_reserve(struct buf *b, size_t n);

static inline void buf_commit(struct buf *b, size_t n)
{
	b->n += n;
}

void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, struct str s);
void buf_putz(struct buf *b, const char *z);
void buf_putc(struct buf *b, char c);
void buf_put_u64(struct buf *b, uint64_t value);          /* decimal */
void buf_put_hex(struct buf *b, const void *p, size_t n); /* lower case, 2n digits */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* NUL-terminate without counting the NUL and return the text; "" after an error. */
const char *buf_cstr(struct buf *b);
