/*
 * blake3_x86 - what the x86-64 back ends share: 128- and 256-bit pieces. Private.
 *
 * Each includer is compiled for its own instruction set (meson.build); everything is static, so
 * that no function compiled for a newer CPU can be linked in for an older one.
 */
#pragma once

#include "codec/blake3_ops.h"

#include <immintrin.h>

#define X86_INLINE static inline __attribute__((always_inline, unused))

X86_INLINE __m128i x86_load128(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

X86_INLINE void x86_store128(uint8_t *p, __m128i v)
{
	_mm_storeu_si128((__m128i *)(void *)p, v);
}

/* 64 bytes: the prefix (if it is one), @n bytes, zeros. */
X86_INLINE void x86_stage(uint8_t *to, const uint8_t *in, uint32_t n, int prefix)
{
	size_t have = prefix >= 0;

	if (have)
		to[0] = (uint8_t)prefix;
	if (have + n == BLAKE3_BLOCK) {
		/* the usual case, in pieces that need no call; the second overlaps the first */
		memcpy(to + have, in, 32);
		memcpy(to + BLAKE3_BLOCK - 32, in + n - 32, 32);
		return;
	}
	memset(to + have, 0, BLAKE3_BLOCK - have);
	if (n)
		memcpy(to + have, in, n);
}

/* Rows of four words become columns; in 256-bit vectors, in each half by itself. */
#define X86_TRANSPOSE4(set, r, lo32, hi32, lo64, hi64) \
	do {                                           \
		set t0_ = lo32((r)[0], (r)[1]);        \
		set t1_ = hi32((r)[0], (r)[1]);        \
		set t2_ = lo32((r)[2], (r)[3]);        \
		set t3_ = hi32((r)[2], (r)[3]);        \
		(r)[0] = lo64(t0_, t2_);               \
		(r)[1] = hi64(t0_, t2_);               \
		(r)[2] = lo64(t1_, t3_);               \
		(r)[3] = hi64(t1_, t3_);               \
	} while (0)

X86_INLINE void x86_transpose4(__m128i r[4])
{
	X86_TRANSPOSE4(__m128i, r, _mm_unpacklo_epi32, _mm_unpackhi_epi32, _mm_unpacklo_epi64,
		       _mm_unpackhi_epi64);
}

#ifdef __AVX2__
X86_INLINE void x86_transpose4x2(__m256i r[4])
{
	X86_TRANSPOSE4(__m256i, r, _mm256_unpacklo_epi32, _mm256_unpackhi_epi32,
		       _mm256_unpacklo_epi64, _mm256_unpackhi_epi64);
}

/*
 * Sixteen vectors of eight lanes. Lanes i and i + 4 meet in one vector on their way in from memory,
 * 16 bytes at a time, which leaves only the cheap shuffles within halves.
 */
X86_INLINE void x86_load8(__m256i m[16], const uint8_t *const p[8], size_t off)
{
	for (size_t q = 0; q < 4; q++) {
		for (size_t i = 0; i < 4; i++)
			m[4 * q + i] = _mm256_inserti128_si256(
				_mm256_castsi128_si256(x86_load128(p[i] + off + 16 * q)),
				x86_load128(p[i + 4] + off + 16 * q), 1);
		x86_transpose4x2(m + 4 * q);
	}
}

X86_INLINE void x86_store8(const __m256i h[8], uint8_t *const to[8])
{
	for (size_t q = 0; q < 2; q++) {
		__m256i r[4] = { h[4 * q], h[4 * q + 1], h[4 * q + 2], h[4 * q + 3] };

		x86_transpose4x2(r);
		for (size_t i = 0; i < 4; i++) {
			x86_store128(to[i] + 16 * q, _mm256_castsi256_si128(r[i]));
			x86_store128(to[i + 4] + 16 * q, _mm256_extracti128_si256(r[i], 1));
		}
	}
}
#endif
