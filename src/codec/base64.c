#include "codec/base64.h"

#include <errno.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(struct buf *b, const void *p, size_t n)
{
	const uint8_t *in = p;
	char *to;

	if (n > SIZE_MAX / 2 || n == 0 || !(to = buf_reserve(b, BASE64_LEN(n))))
		return;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t w = (uint32_t)in[i] << 16 | (i + 1 < n ? (uint32_t)in[i + 1] << 8 : 0) |
			     (i + 2 < n ? in[i + 2] : 0);

		*to++ = alphabet[w >> 18];
		*to++ = alphabet[w >> 12 & 63];
		*to++ = i + 1 < n ? alphabet[w >> 6 & 63] : '=';
		*to++ = i + 2 < n ? alphabet[w & 63] : '=';
	}
	buf_commit(b, BASE64_LEN(n));
}

/* 0..63, or -1 */
static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(struct str s, uint8_t *out, size_t cap, size_t *ret_n)
{
	size_t pad = 0, n, at = 0;
	uint32_t w = 0;

	if (s.n % 4)
		return -EBADMSG;
	while (pad < 2 && pad < s.n && s.p[s.n - 1 - pad] == '=')
		pad++;
	n = s.n / 4 * 3 - pad;

	for (size_t i = 0; i < s.n - pad; i++)
		if (value_of(s.p[i]) < 0)
			return -EBADMSG;
	if (n > cap)
		return -ENOBUFS;
	/* the bits that the padding leaves over must be zero: one text per value */
	if (pad && value_of(s.p[s.n - 1 - pad]) & (pad == 1 ? 3 : 15))
		return -EBADMSG;

	for (size_t i = 0; i < s.n; i++) {
		w = w << 6 | (i < s.n - pad ? (uint32_t)value_of(s.p[i]) : 0);
		if (i % 4 != 3)
			continue;
		for (unsigned k = 0; k < 3 && at < n; k++)
			out[at++] = (uint8_t)(w >> (16 - 8 * k));
	}
	*ret_n = n;
	return 0;
}
