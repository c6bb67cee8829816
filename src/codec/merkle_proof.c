/*
 * Proofs: made top-down, checked bottom-up.
 *
 * Every proof is a walk from the root to a node; at each step the sibling that the walk passes by
 * goes into the proof, which lists them from the bottom. Consistency of size1 with size2 is the
 * consistency of the subtree [0, size1) with the tree, so one maker and one checker serve both.
 *
 * The checkers follow RFC 9162's loops: fn and sn are a node's and the last node's position in the
 * current row, and everything about the shape of the tree is in their bits. Nothing is allocated
 * and each step consumes one hash of the proof, so that a hostile proof costs what its length
 * costs, and at most 64 hashes after that everything has been shifted out and the proof is refused.
 */
#include "codec/merkle.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* The siblings that a walk passed by, top first. */
struct walk {
	const struct merkle_hash *hash;
	const uint8_t (*leaves)[MERKLE_HASH];
	uint64_t from[MERKLE_PROOF_MAX], to[MERKLE_PROOF_MAX];
	size_t n;
};

static void pass(struct walk *w, uint64_t from, uint64_t to)
{
	w->from[w->n] = from;
	w->to[w->n] = to;
	w->n++;
}

static size_t emit(const struct walk *w, uint8_t (*proof)[MERKLE_HASH])
{
	for (size_t i = 0; i < w->n; i++) {
		size_t at = w->n - 1 - i;

		merkle_root_of(w->hash, w->leaves + w->from[at], w->to[at] - w->from[at], proof[i]);
	}
	return w->n;
}

/* The largest power of two smaller than @n, which is at least 2. */
static uint64_t split(uint64_t n)
{
	return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

int merkle_prove_inclusion(const struct merkle_hash *hash, const uint8_t (*leaves)[MERKLE_HASH],
			   uint64_t size, uint64_t index, uint8_t (*proof)[MERKLE_HASH],
			   size_t *ret_n)
{
	struct walk w = { .hash = hash, .leaves = leaves };
	uint64_t lo = 0, hi = size;

	if (index >= size)
		return -EINVAL;
	while (hi - lo > 1) {
		uint64_t mid = lo + split(hi - lo);

		if (index < mid) {
			pass(&w, mid, hi);
			hi = mid;
		} else {
			pass(&w, lo, mid);
			lo = mid;
		}
	}
	*ret_n = emit(&w, proof);
	return 0;
}

/* @start is a multiple of the smallest power of two that holds @end - @start leaves. */
static bool is_subtree(uint64_t start, uint64_t end)
{
	uint64_t n = end - start;

	if (start > end)
		return false;
	if (n <= 1 || start == 0)
		return true;
	/* no power of two holds more than 2^63 leaves: the mask is then all ones */
	return (start & (2 * split(n) - 1)) == 0;
}

int merkle_prove_subtree(const struct merkle_hash *hash, const uint8_t (*leaves)[MERKLE_HASH],
			 uint64_t size, uint64_t start, uint64_t end, uint8_t (*proof)[MERKLE_HASH],
			 size_t *ret_n)
{
	struct walk w = { .hash = hash, .leaves = leaves };
	uint64_t lo = 0, hi = size;
	bool known = true; /* the subtree is a node of the tree, and the verifier has its hash */

	if (end > size || !is_subtree(start, end) || start == end)
		return -EINVAL;
	while (start > lo || end < hi) {
		uint64_t mid = lo + split(hi - lo);

		if (end <= mid) {
			pass(&w, mid, hi);
			hi = mid;
			continue;
		}
		pass(&w, lo, mid);
		if (start < mid) {
			/* its left part is a node; go on with the right part alone */
			known = false;
			start = mid;
		}
		lo = mid;
	}
	if (!known)
		pass(&w, lo, hi);
	*ret_n = emit(&w, proof);
	return 0;
}

int merkle_prove_consistency(const struct merkle_hash *hash, const uint8_t (*leaves)[MERKLE_HASH],
			     uint64_t size1, uint64_t size2, uint8_t (*proof)[MERKLE_HASH],
			     size_t *ret_n)
{
	return merkle_prove_subtree(hash, leaves, size2, 0, size1, proof, ret_n);
}

int merkle_verify_inclusion(const struct merkle_hash *hash, const uint8_t leaf[MERKLE_HASH],
			    uint64_t index, uint64_t size, const uint8_t (*proof)[MERKLE_HASH],
			    size_t n, const uint8_t root[MERKLE_HASH])
{
	uint64_t fn = index, sn = size - 1;
	uint8_t r[MERKLE_HASH];

	if (index >= size)
		return -EBADMSG;
	memcpy(r, leaf, MERKLE_HASH);
	for (size_t i = 0; i < n; i++) {
		if (sn == 0)
			return -EBADMSG;
		if ((fn & 1) || fn == sn) {
			hash->node(proof[i], r, r);
			/* the last node of its row has no sibling below the one just met */
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			hash->node(r, proof[i], r);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && memcmp(r, root, MERKLE_HASH) == 0 ? 0 : -EBADMSG;
}

int merkle_verify_subtree_inclusion(const struct merkle_hash *hash, const uint8_t leaf[MERKLE_HASH],
				    uint64_t index, uint64_t start, uint64_t end,
				    const uint8_t (*proof)[MERKLE_HASH], size_t n,
				    const uint8_t root[MERKLE_HASH])
{
	if (!is_subtree(start, end) || index < start || index >= end)
		return -EBADMSG;
	return merkle_verify_inclusion(hash, leaf, index - start, end - start, proof, n, root);
}

/* The part of the check that climbs; @fr, @sr: hashes of the subtree and of the tree so far. */
static bool climb(const struct merkle_hash *hash, uint64_t fn, uint64_t sn, uint64_t tn,
		  const uint8_t (*proof)[MERKLE_HASH], size_t n, uint8_t fr[MERKLE_HASH],
		  uint8_t sr[MERKLE_HASH])
{
	for (size_t i = 0; i < n; i++) {
		if (tn == 0)
			return false;
		if ((sn & 1) || sn == tn) {
			if (fn < sn)
				hash->node(proof[i], fr, fr);
			hash->node(proof[i], sr, sr);
			while (!(sn & 1) && sn) {
				fn >>= 1;
				sn >>= 1;
				tn >>= 1;
			}
		} else {
			hash->node(sr, proof[i], sr);
		}
		fn >>= 1;
		sn >>= 1;
		tn >>= 1;
	}
	return tn == 0;
}

int merkle_verify_subtree_consistency(const struct merkle_hash *hash, uint64_t start, uint64_t end,
				      uint64_t size, const uint8_t (*proof)[MERKLE_HASH], size_t n,
				      const uint8_t subtree[MERKLE_HASH],
				      const uint8_t root[MERKLE_HASH])
{
	uint64_t fn = start, sn = end - 1, tn = size - 1;
	uint8_t fr[MERKLE_HASH], sr[MERKLE_HASH];

	if (end > size || !is_subtree(start, end))
		return -EBADMSG;
	if (start == end) {
		/* no leaves: consistent with every tree */
		hash->empty(fr);
		return n == 0 && memcmp(fr, subtree, MERKLE_HASH) == 0 ? 0 : -EBADMSG;
	}

	/* down to the node that the maker's walk ended at */
	while (fn != sn && (sn == tn || (sn & 1))) {
		fn >>= 1;
		sn >>= 1;
		tn >>= 1;
	}
	/*
	 * A subtree that is a node of the tree may stand for itself, with no hash in the proof. Full
	 * ones (fn == sn above) are; so is a ragged one at the tree's right edge (sn == tn).
	 */
	if (fn == sn) {
		memcpy(fr, subtree, MERKLE_HASH);
	} else {
		if (n == 0)
			return -EBADMSG;
		memcpy(fr, proof[0], MERKLE_HASH);
		proof++;
		n--;
	}
	memcpy(sr, fr, MERKLE_HASH);
	if (!climb(hash, fn, sn, tn, proof, n, fr, sr))
		return -EBADMSG;
	return memcmp(fr, subtree, MERKLE_HASH) == 0 && memcmp(sr, root, MERKLE_HASH) == 0
		       ? 0
		       : -EBADMSG;
}

int merkle_verify_consistency(const struct merkle_hash *hash, uint64_t size1, uint64_t size2,
			      const uint8_t (*proof)[MERKLE_HASH], size_t n,
			      const uint8_t root1[MERKLE_HASH], const uint8_t root2[MERKLE_HASH])
{
	if (size1 == 0)
		return -EBADMSG;
	return merkle_verify_subtree_consistency(hash, 0, size1, size2, proof, n, root1, root2);
}
