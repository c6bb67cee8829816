/*
 * Trees: the frontier and roots. Proofs are in merkle_proof.c.
 *
 * A tree of n leaves is a row of full subtrees, one per set bit of n, largest first; peaks[] holds
 * their roots by level. Appending is binary addition with carry; the root folds the peaks from the
 * smallest up, which is RFC 9162's split at the largest power of two, read from the other end.
 */
#include "codec/merkle.h"

#include "codec/blake3.h"

#include <string.h>

#define RUN 256 /* leaves reduced at once; 12 KiB of stack */

static void blake3_empty(uint8_t out[MERKLE_HASH])
{
	blake3(NULL, 0, out);
}

static void blake3_leaf(const void *data, size_t n, uint8_t out[MERKLE_HASH])
{
	struct str in = { .p = data, .n = n };

	blake3_many(&in, 1, 0x00, (uint8_t(*)[MERKLE_HASH])out);
}

static void blake3_node(const uint8_t left[MERKLE_HASH], const uint8_t right[MERKLE_HASH],
			uint8_t out[MERKLE_HASH])
{
	uint8_t both[2 * MERKLE_HASH];
	struct str in = { .p = (const char *)both, .n = sizeof(both) };

	memcpy(both, left, MERKLE_HASH);
	memcpy(both + MERKLE_HASH, right, MERKLE_HASH);
	blake3_many(&in, 1, 0x01, (uint8_t(*)[MERKLE_HASH])out);
}

static void blake3_leaves(const struct str *data, size_t count, uint8_t (*out)[MERKLE_HASH])
{
	blake3_many(data, count, 0x00, out);
}

static void blake3_nodes(const uint8_t (*pairs)[MERKLE_HASH], size_t count,
			 uint8_t (*out)[MERKLE_HASH])
{
	struct str in[RUN / 2];

	while (count) {
		size_t some = count < RUN / 2 ? count : RUN / 2;

		for (size_t i = 0; i < some; i++)
			in[i] = (struct str){ .p = (const char *)pairs[2 * i],
					      .n = sizeof(pairs[0]) * 2 };
		blake3_many(in, some, 0x01, out);
		pairs += 2 * some;
		out += some;
		count -= some;
	}
}

const struct merkle_hash merkle_blake3 = {
	.name = "blake3",
	.empty = blake3_empty,
	.leaf = blake3_leaf,
	.node = blake3_node,
	.leaves = blake3_leaves,
	.nodes = blake3_nodes,
};

void merkle_leaves(const struct merkle_hash *hash, const struct str *data, size_t count,
		   uint8_t (*out)[MERKLE_HASH])
{
	if (hash->leaves) {
		hash->leaves(data, count, out);
		return;
	}
	for (size_t i = 0; i < count; i++)
		hash->leaf(data[i].p, data[i].n, out[i]);
}

static void nodes_of(const struct merkle_hash *hash, const uint8_t (*pairs)[MERKLE_HASH],
		     size_t count, uint8_t (*out)[MERKLE_HASH])
{
	if (hash->nodes) {
		hash->nodes(pairs, count, out);
		return;
	}
	for (size_t i = 0; i < count; i++)
		hash->node(pairs[2 * i], pairs[2 * i + 1], out[i]);
}

void merkle_init(struct merkle_tree *t, const struct merkle_hash *hash)
{
	/* peaks of levels that size does not name are never read */
	t->hash = hash;
	t->size = 0;
}

/* Add a full subtree of 2^@level leaves; size must be a multiple of that. */
static void push(struct merkle_tree *t, const uint8_t root[MERKLE_HASH], unsigned level)
{
	uint8_t carry[MERKLE_HASH];
	unsigned at = level;

	memcpy(carry, root, MERKLE_HASH);
	for (; t->size >> at & 1; at++)
		t->hash->node(t->peaks[at], carry, carry);
	memcpy(t->peaks[at], carry, MERKLE_HASH);
	t->size += (uint64_t)1 << level;
}

void merkle_append(struct merkle_tree *t, const uint8_t leaf[MERKLE_HASH])
{
	push(t, leaf, 0);
}

/* Reduce @count leaves, a power of two, 2..RUN, to their root. */
static void reduce(const struct merkle_hash *hash, const uint8_t (*leaves)[MERKLE_HASH],
		   size_t count, uint8_t root[MERKLE_HASH])
{
	uint8_t level[2][RUN / 2][MERKLE_HASH];
	const uint8_t(*from)[MERKLE_HASH] = leaves;
	unsigned side = 0;

	while (count > 1) {
		count /= 2;
		nodes_of(hash, from, count, level[side]);
		from = (const uint8_t(*)[MERKLE_HASH])level[side];
		side ^= 1;
	}
	memcpy(root, from[0], MERKLE_HASH);
}

void merkle_append_many(struct merkle_tree *t, const uint8_t (*leaves)[MERKLE_HASH], size_t count)
{
	while (count) {
		size_t run = count < RUN ? count : RUN;
		unsigned level = 63U - (unsigned)__builtin_clzll(run);
		uint8_t root[MERKLE_HASH];

		while (t->size & (((uint64_t)1 << level) - 1))
			level--;
		run = (size_t)1 << level;
		if (level == 0) {
			push(t, leaves[0], 0);
		} else {
			reduce(t->hash, leaves, run, root);
			push(t, root, level);
		}
		leaves += run;
		count -= run;
	}
}

void merkle_root(const struct merkle_tree *t, uint8_t root[MERKLE_HASH])
{
	uint64_t rest = t->size;
	uint8_t at[MERKLE_HASH];

	if (rest == 0) {
		t->hash->empty(root);
		return;
	}
	memcpy(at, t->peaks[__builtin_ctzll(rest)], MERKLE_HASH);
	for (rest &= rest - 1; rest; rest &= rest - 1)
		t->hash->node(t->peaks[__builtin_ctzll(rest)], at, at);
	memcpy(root, at, MERKLE_HASH);
}

void merkle_root_of(const struct merkle_hash *hash, const uint8_t (*leaves)[MERKLE_HASH],
		    uint64_t size, uint8_t root[MERKLE_HASH])
{
	struct merkle_tree t;

	merkle_init(&t, hash);
	merkle_append_many(&t, leaves, size);
	merkle_root(&t, root);
}
