/* BLAKE3 with SSE4.1: four lanes; compiled with -msse4.1, called only where the CPU has it. */
#include "codec/blake3_x86.h"

typedef uint32_t vec4 __attribute__((vector_size(16)));

/* Whole-byte rotations are a byte shuffle; the others two shifts. */
X86_INLINE vec4 ror(vec4 v, int n)
{
	const __m128i by16 = _mm_set_epi8(13, 12, 15, 14, 9, 8, 11, 10, 5, 4, 7, 6, 1, 0, 3, 2);
	const __m128i by8 = _mm_set_epi8(12, 15, 14, 13, 8, 11, 10, 9, 4, 7, 6, 5, 0, 3, 2, 1);

	if (n == 16)
		return (vec4)_mm_shuffle_epi8((__m128i)v, by16);
	if (n == 8)
		return (vec4)_mm_shuffle_epi8((__m128i)v, by8);
	return v >> n | v << (32 - n);
}

X86_INLINE vec4 splat_4(uint32_t w)
{
	return (vec4)_mm_set1_epi32((int)w);
}

X86_INLINE void load_4(vec4 m[16], const uint8_t *const p[4], size_t off)
{
	for (size_t q = 0; q < 4; q++) {
		__m128i r[4];

		for (size_t i = 0; i < 4; i++)
			r[i] = x86_load128(p[i] + off + 16 * q);
		x86_transpose4(r);
		for (size_t i = 0; i < 4; i++)
			m[4 * q + i] = (vec4)r[i];
	}
}

X86_INLINE void store_4(const vec4 h[8], uint8_t *const to[4])
{
	for (size_t q = 0; q < 2; q++) {
		__m128i r[4];

		for (size_t i = 0; i < 4; i++)
			r[i] = (__m128i)h[4 * q + i];
		x86_transpose4(r);
		for (size_t i = 0; i < 4; i++)
			x86_store128(to[i] + 16 * q, r[i]);
	}
}

#define stage_4 x86_stage
#define LANES 4
#define V vec4
#define NAME(x) x##_4
#define ROR(v, n) ror(v, n)
#include "codec/blake3_lanes.inc"

#define STAGE x86_stage
#define ROR4(v, n) ((row)ror((vec4)(v), n))
#define MIX(p, q, mask) ((row)_mm_blend_epi16((__m128i)(p), (__m128i)(q), mask))
#define PICK_A(a, b, c, d) TURN(TWO(a, b, 1, 2, 1, 3), 0, 2, 3, 1)
#define PICK_B(a, b, c, d) TURN(TWO(a, MIX(c, d, 0xc0), 3, 0, 2, 3), 0, 2, 1, 3)
#define PICK_C(a, b, c, d) TURN(TWO(d, MIX(b, c, 0xc0), 0, 1, 0, 3), 0, 2, 3, 1)
#define PICK_D(a, b, c, d) \
	TURN(TWO(c, _mm_unpackhi_epi32((__m128i)(d), (__m128i)(b)), 1, 0, 0, 1), 0, 2, 3, 1)
#include "codec/blake3_row.inc"

static void wide(const uint8_t *const *in, size_t count, const struct blake3_wide *w, uint8_t *out)
{
	for (size_t at = 0; at < count; at += 4)
		wide_4(in + at, count - at < 4 ? count - at : 4, w,
		       w->counter + (w->increment ? at : 0), out + at * BLAKE3_OUT);
}

static void ragged(const struct blake3_lane *lane, size_t count, int prefix)
{
	if (count == 1)
		row_message(lane, prefix);
	else
		ragged_4(lane, count, prefix);
}

const struct blake3_ops blake3_sse41 = {
	.name = "sse41",
	.needs = BLAKE3_CPU_SSE41,
	.lanes = 4,
	.compress = row_compress,
	.wide = wide,
	.ragged = ragged,
};
