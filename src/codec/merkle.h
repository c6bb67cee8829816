/*
 * merkle - the tree of RFC 9162 section 2.1, over any 32-byte hash.
 *
 * The hash of an empty tree is the hash of the empty string; a leaf is H(0x00 ‖ data), a node is
 * H(0x01 ‖ left ‖ right); the left subtree of n leaves holds the largest power of two below n.
 * Sizes and indices are leaf counts. Proofs are arrays of hashes in RFC 9162's order.
 */
#pragma once

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

#define MERKLE_HASH 32
#define MERKLE_DEPTH 64
#define MERKLE_PROOF_MAX (2 * MERKLE_DEPTH) /* hashes in the longest valid proof */

/*
 * A hash to build trees with. All functions are pure. leaves() and nodes() may be NULL: they do the
 * work of leaf() and node() for many at once, side by side. @out never overlaps the input.
 */
struct merkle_hash {
	const char *name;
	void (*empty)(uint8_t out[MERKLE_HASH]);
	void (*leaf)(const void *data, size_t n, uint8_t out[MERKLE_HASH]);
	void (*node)(const uint8_t left[MERKLE_HASH], const uint8_t right[MERKLE_HASH],
		     uint8_t out[MERKLE_HASH]);
	void (*leaves)(const struct str *data, size_t count, uint8_t (*out)[MERKLE_HASH]);
	/* out[i] = node(pairs[2i], pairs[2i + 1]) */
	void (*nodes)(const uint8_t (*pairs)[MERKLE_HASH], size_t count,
		      uint8_t (*out)[MERKLE_HASH]);
};

extern const struct merkle_hash merkle_blake3;

/* The frontier: enough of a tree to append to it and know its root. 2 KiB, no allocation. */
struct merkle_tree {
	const struct merkle_hash *hash;
	uint64_t size;
	uint8_t peaks[MERKLE_DEPTH][MERKLE_HASH]; /* peaks[i]: a full subtree of 2^i leaves */
};

void merkle_init(struct merkle_tree *t, const struct merkle_hash *hash);
void merkle_append(struct merkle_tree *t, const uint8_t leaf[MERKLE_HASH]); /* a leaf *hash* */
/* The same tree as @count appends, several times faster: levels are hashed side by side. */
void merkle_append_many(struct merkle_tree *t, const uint8_t (*leaves)[MERKLE_HASH], size_t count);
/* Leaf hashes of @count pieces of data; any @hash, fastest with leaves(). */
void merkle_leaves(const struct merkle_hash *hash, const struct str *data, size_t count,
		   uint8_t (*out)[MERKLE_HASH]);
void merkle_root(const struct merkle_tree *t, uint8_t root[MERKLE_HASH]);

/*
 * Roots and proofs from all leaf hashes in memory: @leaves[@size]. Proofs go to @proof, which has
 * room for MERKLE_PROOF_MAX hashes. -EINVAL: index or size out of range.
 */
void merkle_root_of(const struct merkle_hash *hash, const uint8_t (*leaves)[MERKLE_HASH],
		    uint64_t size, uint8_t root[MERKLE_HASH]);
int merkle_prove_inclusion(const struct merkle_hash *hash, const uint8_t (*leaves)[MERKLE_HASH],
			   uint64_t size, uint64_t index, uint8_t (*proof)[MERKLE_HASH],
			   size_t *ret_n);
int merkle_prove_consistency(const struct merkle_hash *hash, const uint8_t (*leaves)[MERKLE_HASH],
			     uint64_t size1, uint64_t size2, uint8_t (*proof)[MERKLE_HASH],
			     size_t *ret_n);

/*
 * 0 when the proof holds (RFC 9162 sections 2.1.3.2 and 2.1.4.2); -EBADMSG when it does not,
 * whatever is wrong with it: length, order, a hash, an index or a size that cannot be.
 */
int merkle_verify_inclusion(const struct merkle_hash *hash, const uint8_t leaf[MERKLE_HASH],
			    uint64_t index, uint64_t size, const uint8_t (*proof)[MERKLE_HASH],
			    size_t n, const uint8_t root[MERKLE_HASH]);
int merkle_verify_consistency(const struct merkle_hash *hash, uint64_t size1, uint64_t size2,
			      const uint8_t (*proof)[MERKLE_HASH], size_t n,
			      const uint8_t root1[MERKLE_HASH], const uint8_t root2[MERKLE_HASH]);

/*
 * Subtrees, as in Merkle Tree Certificates (draft-ietf-plants-merkle-tree-certs, section 4): the
 * tree over leaves [@start, @end) alone, where @start is a multiple of the smallest power of two
 * that is >= @end - @start. Inclusion in a subtree is inclusion of leaf @index - @start in a tree
 * of @end - @start leaves; consistency says that the subtree's leaves stand at [@start, @end) of
 * the tree of @size leaves. Return values as above; -EINVAL: no such subtree.
 */
int merkle_prove_subtree(const struct merkle_hash *hash, const uint8_t (*leaves)[MERKLE_HASH],
			 uint64_t size, uint64_t start, uint64_t end, uint8_t (*proof)[MERKLE_HASH],
			 size_t *ret_n);
int merkle_verify_subtree_inclusion(const struct merkle_hash *hash, const uint8_t leaf[MERKLE_HASH],
				    uint64_t index, uint64_t start, uint64_t end,
				    const uint8_t (*proof)[MERKLE_HASH], size_t n,
				    const uint8_t root[MERKLE_HASH]);
int merkle_verify_subtree_consistency(const struct merkle_hash *hash, uint64_t start, uint64_t end,
				      uint64_t size, const uint8_t (*proof)[MERKLE_HASH], size_t n,
				      const uint8_t subtree[MERKLE_HASH],
				      const uint8_t root[MERKLE_HASH]);
