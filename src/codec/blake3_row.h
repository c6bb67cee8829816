/*
 * blake3_row - one block by itself, a row of the state per 128-bit vector. Private.
 *
 * Included once by each SIMD back end, after defining ROR4(v, n) and PICK_A..PICK_D (below). The
 * four column Gs run side by side, then the four diagonal ones; between them rows 0, 2 and 3 turn,
 * rather than 1, 2 and 3: row 1 is what the next G waits for. That chain is all there is to time
 * here, so the message word is added before row 1, and the empty asm keeps compilers from adding
 * them the other way round.
 *
 * The message is kept in the order of use: a = words 0 2 4 6 of the round's schedule, b = 1 3 5 7
 * (columns, first and second half of G), c = 14 8 10 12, d = 15 9 11 13 (diagonals, as the rows
 * stand after their turn). With P the permutation of the paper, the next round's vectors are
 *	a' = a1 b1 b3 a2	b' = a3 c2 a0 d3	c' = d0 b0 c3 d1	d' = c1 d2 b2 c0
 * which is what PICK_A(a, b, c, d) .. PICK_D() yield.
 */

typedef uint32_t row __attribute__((vector_size(16)));

#define TURN(v, x, y, z, w) ((row)_mm_shuffle_epi32((__m128i)(v), _MM_SHUFFLE(w, z, y, x)))
/* words x and y of @p, then z and w of @q */
#define TWO(p, q, x, y, z, w) \
	((row)_mm_shuffle_ps((__m128)(p), (__m128)(q), _MM_SHUFFLE(w, z, y, x)))

#define HALF_G(m, n1, n2)               \
	do {                            \
		r0 += (m);              \
		__asm__("" : "+x"(r0)); \
		r0 += r1;               \
		r3 = ROR4(r3 ^ r0, n1); \
		r2 += r3;               \
		r1 = ROR4(r1 ^ r2, n2); \
	} while (0)

static void row_compress(const uint32_t cv[8], const uint8_t block[BLAKE3_BLOCK], uint8_t len,
			 uint64_t counter, uint8_t flags, uint32_t out[16])
{
	row w0 = (row)_mm_loadu_si128((const __m128i *)(const void *)block);
	row w1 = (row)_mm_loadu_si128((const __m128i *)(const void *)(block + 16));
	row w2 = (row)_mm_loadu_si128((const __m128i *)(const void *)(block + 32));
	row w3 = (row)_mm_loadu_si128((const __m128i *)(const void *)(block + 48));
	row h0 = (row)_mm_loadu_si128((const __m128i *)(const void *)cv);
	row h1 = (row)_mm_loadu_si128((const __m128i *)(const void *)(cv + 4));
	row r0 = h0, r1 = h1, r2 = { blake3_iv[0], blake3_iv[1], blake3_iv[2], blake3_iv[3] };
	row r3 = { (uint32_t)counter, (uint32_t)(counter >> 32), len, flags };
	row a = TWO(w0, w1, 0, 2, 0, 2), b = TWO(w0, w1, 1, 3, 1, 3);
	row c = TWO(w2, w3, 0, 2, 0, 2), d = TWO(w2, w3, 1, 3, 1, 3);

	c = TURN(c, 3, 0, 1, 2);
	d = TURN(d, 3, 0, 1, 2);
	for (int round = 0;; round++) {
		row a1, b1, c1, d1;

		HALF_G(a, 16, 12);
		HALF_G(b, 8, 7);
		r0 = TURN(r0, 3, 0, 1, 2);
		r3 = TURN(r3, 2, 3, 0, 1);
		r2 = TURN(r2, 1, 2, 3, 0);
		HALF_G(c, 16, 12);
		HALF_G(d, 8, 7);
		r0 = TURN(r0, 1, 2, 3, 0);
		r3 = TURN(r3, 2, 3, 0, 1);
		r2 = TURN(r2, 3, 0, 1, 2);
		if (round == 6)
			break;
		a1 = PICK_A(a, b, c, d);
		b1 = PICK_B(a, b, c, d);
		c1 = PICK_C(a, b, c, d);
		d1 = PICK_D(a, b, c, d);
		a = a1;
		b = b1;
		c = c1;
		d = d1;
	}
	_mm_storeu_si128((__m128i *)(void *)out, (__m128i)(r0 ^ r2));
	_mm_storeu_si128((__m128i *)(void *)(out + 4), (__m128i)(r1 ^ r3));
	_mm_storeu_si128((__m128i *)(void *)(out + 8), (__m128i)(r2 ^ h0));
	_mm_storeu_si128((__m128i *)(void *)(out + 12), (__m128i)(r3 ^ h1));
}

#undef HALF_G
