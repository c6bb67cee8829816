/*
 * BLAKE3's compression function in plain C: the reference for the SIMD back ends, and what runs
 * where there is none. Names follow section 2.2 of the paper: a 4x4 state v, a message m, the
 * quarter round G on columns and then on diagonals, 7 rounds with m permuted between them.
 */
#include "codec/blake3_ops.h"

const uint32_t blake3_iv[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

/* Row r: which message words round r uses, in order; row r+1 is row r through the permutation. */
static const uint8_t schedule[7][16] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8 },
	{ 3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1 },
	{ 10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6 },
	{ 12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4 },
	{ 9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7 },
	{ 11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13 },
};

static inline uint32_t ror(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

#define G(a, b, c, d, x, y)                  \
	do {                                 \
		v[a] += v[b] + (x);          \
		v[d] = ror(v[d] ^ v[a], 16); \
		v[c] += v[d];                \
		v[b] = ror(v[b] ^ v[c], 12); \
		v[a] += v[b] + (y);          \
		v[d] = ror(v[d] ^ v[a], 8);  \
		v[c] += v[d];                \
		v[b] = ror(v[b] ^ v[c], 7);  \
	} while (0)

static inline void round_of(uint32_t v[16], const uint32_t m[16], const uint8_t s[16])
{
	G(0, 4, 8, 12, m[s[0]], m[s[1]]);
	G(1, 5, 9, 13, m[s[2]], m[s[3]]);
	G(2, 6, 10, 14, m[s[4]], m[s[5]]);
	G(3, 7, 11, 15, m[s[6]], m[s[7]]);
	G(0, 5, 10, 15, m[s[8]], m[s[9]]);
	G(1, 6, 11, 12, m[s[10]], m[s[11]]);
	G(2, 7, 8, 13, m[s[12]], m[s[13]]);
	G(3, 4, 9, 14, m[s[14]], m[s[15]]);
}

static void compress(const uint32_t cv[8], const uint8_t block[BLAKE3_BLOCK], uint8_t len,
		     uint64_t counter, uint8_t flags, uint32_t out[16])
{
	uint32_t v[16], m[16];

	for (size_t i = 0; i < 16; i++)
		m[i] = blake3_load32(block + 4 * i);
	for (size_t i = 0; i < 8; i++)
		v[i] = cv[i];
	for (size_t i = 0; i < 4; i++)
		v[8 + i] = blake3_iv[i];
	v[12] = (uint32_t)counter;
	v[13] = (uint32_t)(counter >> 32);
	v[14] = len;
	v[15] = flags;

	round_of(v, m, schedule[0]);
	round_of(v, m, schedule[1]);
	round_of(v, m, schedule[2]);
	round_of(v, m, schedule[3]);
	round_of(v, m, schedule[4]);
	round_of(v, m, schedule[5]);
	round_of(v, m, schedule[6]);

	for (size_t i = 0; i < 8; i++) {
		uint32_t old = cv[i]; /* @out may be @cv */

		out[i] = v[i] ^ v[i + 8];
		out[i + 8] = v[i + 8] ^ old;
	}
}

static void wide(const uint8_t *const *in, size_t count, const struct blake3_wide *w, uint8_t *out)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t cv[16];

		memcpy(cv, w->key, BLAKE3_KEY);
		for (size_t b = 0; b < w->blocks; b++) {
			uint8_t flags = (uint8_t)(w->flags | (b == 0 ? w->flags_start : 0) |
						  (b + 1 == w->blocks ? w->flags_end : 0));

			compress(cv, in[i] + b * BLAKE3_BLOCK, BLAKE3_BLOCK,
				 w->counter + (w->increment ? i : 0), flags, cv);
		}
		blake3_store_cv(out + i * BLAKE3_OUT, cv);
	}
}

static void message(const struct blake3_lane *l, int prefix)
{
	uint32_t cv[16];
	size_t at = 0; /* bytes of in[] used */

	memcpy(cv, blake3_iv, sizeof(blake3_iv));
	for (uint32_t b = 0; b < l->blocks; b++) {
		size_t have = b == 0 && prefix >= 0; /* bytes of the block */
		size_t left = l->n - (size_t)b * BLAKE3_BLOCK - have;
		uint8_t flags = b == 0 ? BLAKE3_CHUNK_START : 0;
		uint8_t block[BLAKE3_BLOCK];
		const uint8_t *from = block;
		size_t take = left < BLAKE3_BLOCK - have ? left : BLAKE3_BLOCK - have;

		if (take == BLAKE3_BLOCK) {
			from = l->in + at;
		} else {
			memset(block, 0, sizeof(block));
			if (have)
				block[0] = (uint8_t)prefix;
			if (take)
				memcpy(block + have, l->in + at, take);
		}
		at += take;
		if (b + 1 == l->blocks)
			flags |= BLAKE3_CHUNK_END | BLAKE3_ROOT;
		compress(cv, from, (uint8_t)(have + take), 0, flags, cv);
	}
	blake3_store_cv(l->out, cv);
}

static void ragged(const struct blake3_lane *lane, size_t count, int prefix)
{
	for (size_t i = 0; i < count; i++)
		message(&lane[i], prefix);
}

const struct blake3_ops blake3_portable = {
	.name = "portable",
	.lanes = 1,
	.compress = compress,
	.wide = wide,
	.ragged = ragged,
};
