/* BLAKE3 with AVX2: eight lanes; compiled with -mavx2, called only where the CPU has it. */
#include "codec/blake3_x86.h"

typedef uint32_t vec8 __attribute__((vector_size(32)));

#define BY16 13, 12, 15, 14, 9, 8, 11, 10, 5, 4, 7, 6, 1, 0, 3, 2
#define BY8 12, 15, 14, 13, 8, 11, 10, 9, 4, 7, 6, 5, 0, 3, 2, 1

/* Whole-byte rotations are a byte shuffle; the others two shifts. */
X86_INLINE vec8 ror8(vec8 v, int n)
{
	if (n == 16)
		return (vec8)_mm256_shuffle_epi8((__m256i)v, _mm256_set_epi8(BY16, BY16));
	if (n == 8)
		return (vec8)_mm256_shuffle_epi8((__m256i)v, _mm256_set_epi8(BY8, BY8));
	return v >> n | v << (32 - n);
}

X86_INLINE __m128i ror4(__m128i v, int n)
{
	if (n == 16)
		return _mm_shuffle_epi8(v, _mm_set_epi8(BY16));
	if (n == 8)
		return _mm_shuffle_epi8(v, _mm_set_epi8(BY8));
	return _mm_or_si128(_mm_srli_epi32(v, n), _mm_slli_epi32(v, 32 - n));
}

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

#define stage_8 x86_stage
#define LANES 8
#define V vec8
#define NAME(x) x##_8
#define ROR(v, n) ror8(v, n)
#include "codec/blake3_lanes.inc"

#define STAGE x86_stage
#define ROR4(v, n) ((row)ror4((__m128i)(v), n))
#define MIX(p, q, mask) ((row)_mm_blend_epi16((__m128i)(p), (__m128i)(q), mask))
#define PICK_A(a, b, c, d) TURN(TWO(a, b, 1, 2, 1, 3), 0, 2, 3, 1)
#define PICK_B(a, b, c, d) TURN(TWO(a, MIX(c, d, 0xc0), 3, 0, 2, 3), 0, 2, 1, 3)
#define PICK_C(a, b, c, d) TURN(TWO(d, MIX(b, c, 0xc0), 0, 1, 0, 3), 0, 2, 3, 1)
#define PICK_D(a, b, c, d) \
	TURN(TWO(c, _mm_unpackhi_epi32((__m128i)(d), (__m128i)(b)), 1, 0, 0, 1), 0, 2, 3, 1)
#include "codec/blake3_row.inc"

static void wide(const uint8_t *const *in, size_t count, const struct blake3_wide *w, uint8_t *out)
{
	for (size_t at = 0; at < count; at += 8)
		wide_8(in + at, count - at < 8 ? count - at : 8, w,
		       w->counter + (w->increment ? at : 0), out + at * BLAKE3_OUT);
}

/* A message alone is quicker by rows: eight lanes take as long for one as for eight. */
static void ragged(const struct blake3_lane *lane, size_t count, int prefix)
{
	if (count == 1)
		row_message(lane, prefix);
	else
		ragged_8(lane, count, prefix);
}

const struct blake3_ops blake3_avx2 = {
	.name = "avx2",
	.needs = BLAKE3_CPU_AVX2,
	.lanes = 8,
	.compress = row_compress,
	.wide = wide,
	.ragged = ragged,
};
