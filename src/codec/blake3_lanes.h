/*
 * blake3_lanes - one lane, one message: the body of every SIMD back end. Private.
 *
 * Not a header in the usual sense: each back end includes it once per vector width, after defining
 *	LANES		messages per vector
 *	V		the vector type, of LANES 32-bit words (GCC vector extension: +, ^ work)
 *	NAME(x)		x with a suffix of its own
 *	ROR(v, n)	every word rotated right; n is 16, 12, 8 or 7
 *	NAME(splat)	a word in all lanes
 *	NAME(load)	16 vectors from LANES blocks of 64 bytes: word w of lane i in m[w][i]
 *	NAME(store)	the reverse, for the 8 words of a chaining value
 *	NAME(stage)	64 bytes: prefix byte (if any) ‖ n bytes ‖ zeros
 *
 * Word w of all lanes lies in one vector, so that the compression function reads as the paper has
 * it, with vectors for words: no shuffles but for the transposition of the blocks.
 */

#define INLINE static inline __attribute__((always_inline))

/* clang's UBSan would take minutes over some 3000 array accesses, all with constant indices. */
#ifdef __clang__
#define UNCHECKED __attribute__((no_sanitize("undefined")))
#else
#define UNCHECKED
#endif

#define G(a, b, c, d, x, y)                  \
	do {                                 \
		v[a] += v[b] + m[x];         \
		v[d] = ROR(v[d] ^ v[a], 16); \
		v[c] += v[d];                \
		v[b] = ROR(v[b] ^ v[c], 12); \
		v[a] += v[b] + m[y];         \
		v[d] = ROR(v[d] ^ v[a], 8);  \
		v[c] += v[d];                \
		v[b] = ROR(v[b] ^ v[c], 7);  \
	} while (0)

#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15) \
	do {                                                                        \
		G(0, 4, 8, 12, s0, s1);                                             \
		G(1, 5, 9, 13, s2, s3);                                             \
		G(2, 6, 10, 14, s4, s5);                                            \
		G(3, 7, 11, 15, s6, s7);                                            \
		G(0, 5, 10, 15, s8, s9);                                            \
		G(1, 6, 11, 12, s10, s11);                                          \
		G(2, 7, 8, 13, s12, s13);                                           \
		G(3, 4, 9, 14, s14, s15);                                           \
	} while (0)

/* One block of every lane, at p[i] + off, into h. */
INLINE UNCHECKED void NAME(compress)(V h[8], const uint8_t *const p[LANES], size_t off,
				     V counter_lo, V counter_hi, V len, V flags)
{
	V v[16], m[16];

	NAME(load)(m, p, off);
	for (int i = 0; i < 8; i++)
		v[i] = h[i];
	for (int i = 0; i < 4; i++)
		v[8 + i] = NAME(splat)(blake3_iv[i]);
	v[12] = counter_lo;
	v[13] = counter_hi;
	v[14] = len;
	v[15] = flags;

	ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	ROUND(2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8);
	ROUND(3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1);
	ROUND(10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6);
	ROUND(12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4);
	ROUND(9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7);
	ROUND(11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13);

	for (int i = 0; i < 8; i++)
		h[i] = v[i] ^ v[i + 8];
}

/* 1..LANES inputs of the same number of blocks; lanes that are left over repeat the first. */
static void NAME(wide)(const uint8_t *const *in, size_t count, const struct blake3_wide *w,
		       uint64_t counter, uint8_t *out)
{
	union {
		uint32_t w[LANES];
		V v;
	} lo, hi;
	uint8_t spare[BLAKE3_OUT];
	const uint8_t *p[LANES];
	uint8_t *to[LANES];
	V h[8];

	for (size_t i = 0; i < LANES; i++) {
		uint64_t c = counter + (w->increment ? i : 0);

		p[i] = in[i < count ? i : 0];
		to[i] = i < count ? out + i * BLAKE3_OUT : spare;
		lo.w[i] = (uint32_t)c;
		hi.w[i] = (uint32_t)(c >> 32);
	}
	for (int i = 0; i < 8; i++)
		h[i] = NAME(splat)(w->key[i]);
	for (size_t b = 0; b < w->blocks; b++) {
		uint32_t flags = w->flags | (b == 0 ? w->flags_start : 0U) |
				 (b + 1 == w->blocks ? w->flags_end : 0U);

		NAME(compress)
		(h, p, b * BLAKE3_BLOCK, lo.v, hi.v, NAME(splat)(BLAKE3_BLOCK), NAME(splat)(flags));
	}
	NAME(store)(h, to);
}

/* What one block of a ragged group looks like, lane by lane. */
struct NAME(step) {
	union {
		uint32_t w[LANES];
		V v;
	} len, flags, live; /* live: all ones while the lane's message lasts */
	const uint8_t *p[LANES];
	uint8_t stage[LANES][BLAKE3_BLOCK] __attribute__((aligned(64)));
};

INLINE void NAME(step_fill)(struct NAME(step) * s, const struct blake3_lane *lane, size_t count,
			    uint32_t b, int prefix)
{
	uint32_t before = prefix >= 0;

	for (size_t i = 0; i < LANES; i++) {
		const struct blake3_lane *l = &lane[i < count ? i : 0];
		uint32_t at = b * BLAKE3_BLOCK;
		uint32_t n = l->n > at ? l->n - at : 0;

		if (n > BLAKE3_BLOCK)
			n = BLAKE3_BLOCK;
		if (b == 0) {
			NAME(stage)(s->stage[i], l->in, n - before, prefix);
			s->p[i] = s->stage[i];
		} else if (n == BLAKE3_BLOCK) {
			s->p[i] = l->in + at - before;
		} else {
			/* nothing to read when the message has ended: then @in may be anything */
			NAME(stage)(s->stage[i], n ? l->in + at - before : l->in, n, -1);
			s->p[i] = s->stage[i];
		}
		s->len.w[i] = n;
		s->flags.w[i] = (b == 0 ? BLAKE3_CHUNK_START : 0U) |
				(b + 1 == l->blocks ? BLAKE3_CHUNK_END | BLAKE3_ROOT : 0U);
		s->live.w[i] = b < l->blocks ? ~0U : 0;
	}
}

/* 1..LANES messages of unlike lengths, sorted by blocks. */
static void NAME(ragged)(const struct blake3_lane *lane, size_t count, int prefix)
{
	uint32_t shortest = lane[0].blocks, longest = lane[count - 1].blocks;
	uint8_t spare[BLAKE3_OUT];
	const V zero = NAME(splat)(0);
	uint8_t *to[LANES];
	struct NAME(step) s;
	V h[8];

	for (int i = 0; i < 8; i++)
		h[i] = NAME(splat)(blake3_iv[i]);
	for (uint32_t b = 0; b < longest; b++) {
		V old[8];

		if (b > 0 && b + 1 < shortest) {
			for (size_t i = 0; i < LANES; i++)
				s.p[i] = lane[i < count ? i : 0].in - (prefix >= 0);
			NAME(compress)
			(h, s.p, (size_t)b * BLAKE3_BLOCK, zero, zero, NAME(splat)(BLAKE3_BLOCK),
			 zero);
			continue;
		}
		NAME(step_fill)(&s, lane, count, b, prefix);
		for (int i = 0; i < 8; i++)
			old[i] = h[i];
		NAME(compress)(h, s.p, 0, zero, zero, s.len.v, s.flags.v);
		if (b >= shortest)
			for (int i = 0; i < 8; i++)
				h[i] = (h[i] & s.live.v) | (old[i] & ~s.live.v);
	}
	for (size_t i = 0; i < LANES; i++)
		to[i] = i < count ? lane[i].out : spare;
	NAME(store)(h, to);
}

#undef INLINE
#undef UNCHECKED
#undef G
#undef ROUND
