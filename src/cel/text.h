/*
 * text - a string that grows in the evaluation's scratch, for functions that build one.
 *
 * Errors are sticky, as in a buf: after the memory budget is used up further appends do nothing and
 * text_value() returns the error. The scratch cannot give memory back, so a text that outgrows its
 * room moves to one of twice the size: over its life it takes at most four times its length. Where
 * the length is known beforehand say so in text_init() and nothing moves.
 */
#pragma once

#include "cel/fn.h"
#include "cel/value.h"

struct text {
	struct cel_eval *eval;
	char *p;
	size_t n, cap;
	enum cel_error_code error; /* 0, CEL_E_MEMORY or CEL_E_STEPS */
};

/* @expect: bytes that are likely needed; 0: not known. */
struct text text_init(struct cel_eval *eval, size_t expect);

void text_put(struct text *t, const void *p, size_t n);
void text_putc(struct text *t, char c);
void text_puts(struct text *t, struct str s);
/* At most 128 bytes of output. */
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Room for @n bytes that the caller writes itself and then adds to t->n; NULL: error. */
char *text_reserve(struct text *t, size_t n);

/* The string, charged by its length; or the error that happened. */
struct cel_value text_value(struct text *t);

/* Errors that many functions give. */
struct cel_value cel_fail_overload(struct cel_eval *eval);
struct cel_value cel_fail_index(struct cel_eval *eval, int64_t index);

/* One step for every 16 bytes, rounded up. */
static inline bool cel_charge_bytes(struct cel_eval *eval, uint64_t bytes)
{
	return cel_charge(eval, bytes / 16 + 1);
}

/* Byte offset of code point @at in @s, which is valid UTF-8; s.n + 1 when there is none. */
size_t text_offset(struct str s, uint64_t at);
