/*
 * BLAKE3 with AVX-512 (F, VL, BW): sixteen lanes, whose state and message fill the 32 registers
 * exactly; eight lanes (with its one-instruction rotation) for what is left over. Compiled with the
 * matching -m flags, called only where CPU and kernel have it.
 */
#include "codec/blake3_x86.h"

typedef uint32_t vec8 __attribute__((vector_size(32)));
typedef uint32_t vec16 __attribute__((vector_size(64)));

X86_INLINE vec8 splat_8(uint32_t w)
{
	return (vec8)_mm256_set1_epi32((int)w);
}

X86_INLINE void load_8(vec8 m[16], const uint8_t *const p[8], size_t off)
{
	x86_load8((__m256i *)m, p, off);
}

X86_INLINE void store_8(const vec8 h[8], uint8_t *const to[8])
{
	x86_store8((const __m256i *)h, to);
}

X86_INLINE vec16 splat_16(uint32_t w)
{
	return (vec16)_mm512_set1_epi32((int)w);
}

/* Four 4x4 transpositions at once, in each quarter of the vectors by itself. */
X86_INLINE void transpose4x4(__m512i r[4])
{
	X86_TRANSPOSE4(__m512i, r, _mm512_unpacklo_epi32, _mm512_unpackhi_epi32,
		       _mm512_unpacklo_epi64, _mm512_unpackhi_epi64);
}

/*
 * Lanes i, i + 4, i + 8 and i + 12 meet in one vector on their way in from memory, 16 bytes at a
 * time. That is more instructions than a transposition of whole rows, but those of them that need
 * the one port that shuffles are half as many.
 */
X86_INLINE void load_16(vec16 m[16], const uint8_t *const p[16], size_t off)
{
	for (size_t q = 0; q < 4; q++) {
		__m512i r[4];

		for (size_t i = 0; i < 4; i++) {
			size_t at = off + 16 * q;

			r[i] = _mm512_castsi128_si512(x86_load128(p[i] + at));
			r[i] = _mm512_inserti32x4(r[i], x86_load128(p[i + 4] + at), 1);
			r[i] = _mm512_inserti32x4(r[i], x86_load128(p[i + 8] + at), 2);
			r[i] = _mm512_inserti32x4(r[i], x86_load128(p[i + 12] + at), 3);
		}
		transpose4x4(r);
		for (size_t i = 0; i < 4; i++)
			m[4 * q + i] = (vec16)r[i];
	}
}

X86_INLINE void store_16(const vec16 h[8], uint8_t *const to[16])
{
	__m256i half[8];

	for (size_t i = 0; i < 8; i++)
		half[i] = _mm512_castsi512_si256((__m512i)h[i]);
	x86_store8(half, to);
	for (size_t i = 0; i < 8; i++)
		half[i] = _mm512_extracti64x4_epi64((__m512i)h[i], 1);
	x86_store8(half, to + 8);
}

/* Masked loads read nothing where the mask is zero, so the shift by one byte costs nothing. */
X86_INLINE void stage(uint8_t *to, const uint8_t *in, uint32_t n, int prefix)
{
	unsigned have = prefix >= 0;
	__mmask64 mask = n ? (~0ULL >> (BLAKE3_BLOCK - n)) << have : 0;
	const void *from = (const void *)((uintptr_t)in - have);
	__m512i v = _mm512_maskz_loadu_epi8(mask, from);

	if (have)
		v = _mm512_mask_set1_epi8(v, 1, (char)prefix);
	_mm512_store_si512((void *)to, v);
}

#define stage_16 stage
#define LANES 16
#define V vec16
#define NAME(x) x##_16
#define ROR(v, n) ((vec16)_mm512_ror_epi32((__m512i)(v), n))
#include "codec/blake3_lanes.inc"
#undef LANES
#undef V
#undef NAME
#undef ROR

#define stage_8 stage
#define LANES 8
#define V vec8
#define NAME(x) x##_8
#define ROR(v, n) ((vec8)_mm256_ror_epi32((__m256i)(v), n))
#include "codec/blake3_lanes.inc"

/* Any four words of two vectors: i of @p as i, i of @q as 4 + i. */
#define ANY(p, x, y, z, w, q) \
	((row)_mm_permutex2var_epi32((__m128i)(p), _mm_set_epi32(w, z, y, x), (__m128i)(q)))
#define STAGE stage
#define ROR4(v, n) ((row)_mm_ror_epi32((__m128i)(v), n))
#define PICK_A(a, b, c, d) ANY(a, 1, 5, 7, 2, b)
#define PICK_B(a, b, c, d) ANY(ANY(a, 3, 6, 0, 0, c), 0, 1, 2, 7, d)
#define PICK_C(a, b, c, d) ANY(ANY(b, 0, 0, 7, 0, c), 4, 1, 2, 5, d)
#define PICK_D(a, b, c, d) ANY(ANY(c, 1, 0, 6, 0, b), 0, 6, 2, 3, d)
#include "codec/blake3_row.inc"

static void wide(const uint8_t *const *in, size_t count, const struct blake3_wide *w, uint8_t *out)
{
	for (size_t at = 0; at < count; at += 16) {
		size_t some = count - at < 16 ? count - at : 16;
		uint64_t counter = w->counter + (w->increment ? at : 0);

		if (some > 8)
			wide_16(in + at, some, w, counter, out + at * BLAKE3_OUT);
		else
			wide_8(in + at, some, w, counter, out + at * BLAKE3_OUT);
	}
}

static void ragged(const struct blake3_lane *lane, size_t count, int prefix)
{
	if (count == 1)
		row_message(lane, prefix);
	else if (count <= 8)
		ragged_8(lane, count, prefix);
	else
		ragged_16(lane, count, prefix);
}

const struct blake3_ops blake3_avx512 = {
	.name = "avx512",
	.needs = BLAKE3_CPU_AVX512,
	.lanes = 16,
	.compress = row_compress,
	.wide = wide,
	.ragged = ragged,
};
