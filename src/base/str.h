/*
 * str - a slice of bytes that somebody else owns.
 *
 * Not NUL-terminated unless a comment says so; may hold any byte. Comparison is bytewise.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

/* A literal's slice, length known at compile time; STR_C in static initialisers. */
#define STR(lit) ((struct str){ .p = "" lit, .n = sizeof(lit) - 1 })
#define STR_C(lit)                                \
	{                                         \
		.p = "" lit, .n = sizeof(lit) - 1 \
	}
/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_of(const char *z)
{
	return (struct str){ .p = z, .n = z ? strlen(z) : 0 };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_eqz(struct str a, const char *z)
{
	return str_eq(a, str_of(z));
}

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* Bytes [from, to) of @s; out-of-range ends are clamped. */
static inline struct str str_sub(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return (struct str){ .p = s.p ? s.p + from : NULL, .n = to - from };
}

/* <0, 0, >0 as memcmp, shorter first among equals. */
int str_cmp(struct str a, struct str b);

/* Decimal, no sign, no spaces, no leading '+': 0 or -EINVAL / -ERANGE. */
int str_to_u64(struct str s, uint64_t *ret_value);

/*
 * Damerau-Levenshtein distance (optimal string alignment), for "did you mean": at most @max, else
 * max + 1. Strings of over 64 bytes are never close to anything.
 */
unsigned str_distance(struct str a, struct str b, unsigned max);

/*
 * Among the @n NUL-terminated @names the nearest to @word within a third of its length, or NULL.
 */
const char *str_nearest(struct str word, const char *const *names, size_t n);
