/*
 * Merkle proofs. The input is a kind byte, three numbers and hashes; no such proof may verify unless
 * it is the one that the tree itself would give. The tree is small, so that the fuzzer can hit its
 * sizes, and its hash is weak, so that it costs nothing, but not so weak that it collides by chance.
 */
#include "base/cur.h"
#include "codec/merkle.h"

#include <stdint.h>
#include <stdlib.h>

#define LEAVES 64

static void toy(uint8_t seed, const uint8_t *p, size_t n, uint8_t out[MERKLE_HASH])
{
	uint64_t h[4] = { seed + 1u, 2, 3, 4 };

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < 4; k++)
			h[k] = (h[k] ^ p[i] ^ (h[k] >> 29)) * (0x9e3779b97f4a7c15 + 2 * k);
	memcpy(out, h, MERKLE_HASH);
}

static void toy_empty(uint8_t out[MERKLE_HASH])
{
	toy(2, NULL, 0, out);
}

static void toy_leaf(const void *p, size_t n, uint8_t out[MERKLE_HASH])
{
	toy(0, p, n, out);
}

static void toy_node(const uint8_t left[MERKLE_HASH], const uint8_t right[MERKLE_HASH],
		     uint8_t out[MERKLE_HASH])
{
	uint8_t both[2 * MERKLE_HASH];

	memcpy(both, left, MERKLE_HASH);
	memcpy(both + MERKLE_HASH, right, MERKLE_HASH);
	toy(1, both, sizeof(both), out);
}

static const struct merkle_hash hash = {
	.name = "toy",
	.empty = toy_empty,
	.leaf = toy_leaf,
	.node = toy_node,
};

static uint8_t leaves[LEAVES][MERKLE_HASH];
#define CONST(a) ((const uint8_t(*)[MERKLE_HASH])(a))

/* A proof that verified against a tree of ours must be the tree's own, bit for bit. */
static void must_be(int made, const uint8_t (*want)[MERKLE_HASH], size_t want_n,
		    const uint8_t (*proof)[MERKLE_HASH], size_t n)
{
	if (made < 0 || n != want_n || (n && memcmp(want, proof, n * MERKLE_HASH) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t want[MERKLE_PROOF_MAX][MERKLE_HASH], root[MERKLE_HASH], part[MERKLE_HASH];
	struct cur c = cur_init(data, size);
	uint64_t kind = cur_u8(&c), x = cur_be16(&c), y = cur_be16(&c), z = cur_be16(&c);
	/* past the tree's sizes on purpose, and far past */
	uint64_t a = x < 0xff00 ? x % (LEAVES + 2) : (uint64_t)x << 48;
	uint64_t b = y < 0xff00 ? y % (LEAVES + 2) : (uint64_t)y << 48;
	uint64_t s = z < 0xff00 ? z % (LEAVES + 2) : (uint64_t)z << 48;
	size_t want_n = 0, n = c.n / MERKLE_HASH;
	const uint8_t(*proof)[MERKLE_HASH] = CONST(c.p);
	int made = -1;

	for (size_t i = 0; leaves[0][0] == 0 && i < LEAVES; i++)
		toy_leaf(&(uint8_t){ (uint8_t)i }, 1, leaves[i]);
	merkle_root_of(&hash, CONST(leaves), s < LEAVES ? s : LEAVES, root);
	if (kind & 4) {
		/* start from the right proof, with the rest of the input to spoil it */
		uint8_t mine[MERKLE_PROOF_MAX][MERKLE_HASH];

		if (s <= LEAVES &&
		    merkle_prove_inclusion(&hash, CONST(leaves), s, a, mine, &n) == 0) {
			for (size_t i = 0; n && i + 1 < c.n; i += 2)
				mine[c.p[i] % n][c.p[i] / 8] ^= c.p[i + 1];
			if (merkle_verify_inclusion(&hash, leaves[a], a, s, CONST(mine), n, root) ==
			    0) {
				made = merkle_prove_inclusion(&hash, CONST(leaves), s, a, want,
							      &want_n);
				must_be(made, CONST(want), want_n, CONST(mine), n);
			}
		}
		return 0;
	}
	if ((kind & 3) == 0 &&
	    merkle_verify_inclusion(&hash, leaves[a % LEAVES], a, s, proof, n, root) == 0) {
		if (s <= LEAVES)
			made = merkle_prove_inclusion(&hash, CONST(leaves), s, a, want, &want_n);
		must_be(made, CONST(want), want_n, proof, n);
	}
	merkle_root_of(&hash, CONST(leaves + (a < LEAVES ? a : 0)),
		       a < b && b <= LEAVES ? b - a : 0, part);
	if ((kind & 3) == 1 &&
	    merkle_verify_subtree_consistency(&hash, a, b, s, proof, n, part, root) == 0 &&
	    a != b) {
		if (s <= LEAVES)
			made = merkle_prove_subtree(&hash, CONST(leaves), s, a, b, want, &want_n);
		must_be(made, CONST(want), want_n, proof, n);
	}
	if ((kind & 3) == 2)
		(void)merkle_verify_subtree_inclusion(&hash, leaves[0], s, a, b, proof, n, part);
	return 0;
}
