/*
 * utf8 - one character at a time, strictly (RFC 3629): no overlong forms, no surrogates, nothing
 * above U+10FFFF.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The character that starts at @p, of which @n bytes are there: its length 1..4 with the code point
 * in *@ret_point, or 0 when no valid character starts there (then *@ret_point is untouched).
 */
static inline size_t utf8_next(const void *p, size_t n, uint32_t *ret_point)
{
	const uint8_t *s = p;
	uint32_t point;
	size_t len;

	if (n == 0)
		return 0;
	if (s[0] < 0x80) {
		*ret_point = s[0];
		return 1;
	}
	len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || n < len)
		return 0;
	point = s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s[i] & 0x3fu);
	}
	if ((len == 3 && point < 0x800) || (len == 4 && (point < 0x10000 || point > 0x10ffff)) ||
	    (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret_point = point;
	return len;
}

/* Characters of @n bytes of valid UTF-8: all bytes that do not continue one. */
static inline size_t utf8_count(const char *p, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += ((uint8_t)p[i] & 0xc0) != 0x80;
	return count;
}
