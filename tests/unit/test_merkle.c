/*
 * Unit tests of src/codec/merkle, held against the definitions of RFC 9162 section 2.1 written down
 * as they stand: recursive, slow, and sharing no code with what they check.
 */
#include "codec/blake3.h"
#include "codec/merkle.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define LEAVES 600

static uint8_t leaves[LEAVES][MERKLE_HASH];

/* The same hash without its batch functions: the other way through the code. */
static struct merkle_hash plain;

static void ref_node(const uint8_t *l, const uint8_t *r, uint8_t *out)
{
	uint8_t bytes[65] = { 1 };

	memcpy(bytes + 1, l, 32);
	memcpy(bytes + 33, r, 32);
	blake3(bytes, 65, out);
}

static size_t ref_split(size_t n)
{
	size_t k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

static void ref_root(size_t lo, size_t hi, uint8_t *out)
{
	uint8_t l[32], r[32];
	size_t k;

	if (hi - lo == 0) {
		blake3("", 0, out);
		return;
	}
	if (hi - lo == 1) {
		memcpy(out, leaves[lo], 32);
		return;
	}
	k = ref_split(hi - lo);
	ref_root(lo, lo + k, l);
	ref_root(lo + k, hi, r);
	ref_node(l, r, out);
}

/* RFC 9162 2.1.3.1 */
static size_t ref_path(size_t m, size_t lo, size_t hi, uint8_t (*proof)[32])
{
	size_t k, n;

	if (hi - lo == 1)
		return 0;
	k = ref_split(hi - lo);
	if (m < k) {
		n = ref_path(m, lo, lo + k, proof);
		ref_root(lo + k, hi, proof[n]);
	} else {
		n = ref_path(m - k, lo + k, hi, proof);
		ref_root(lo, lo + k, proof[n]);
	}
	return n + 1;
}

/* RFC 9162 2.1.4.1 */
static size_t ref_subproof(size_t m, size_t lo, size_t hi, bool known, uint8_t (*proof)[32])
{
	size_t k, n;

	if (m == hi - lo) {
		if (known)
			return 0;
		ref_root(lo, hi, proof[0]);
		return 1;
	}
	k = ref_split(hi - lo);
	if (m <= k) {
		n = ref_subproof(m, lo, lo + k, known, proof);
		ref_root(lo + k, hi, proof[n]);
	} else {
		n = ref_subproof(m - k, lo + k, hi, false, proof);
		ref_root(lo, lo + k, proof[n]);
	}
	return n + 1;
}

/*
 * The sides that a walk turns to, bottom first; sizes with the same sides take the same proof, and
 * no others may: a checkpoint's size is only as good as this.
 */
static size_t ref_sides(bool leaf, size_t m, size_t n, char *sides)
{
	size_t k, at;

	if (leaf ? n == 1 : m == n)
		return 0;
	k = ref_split(n);
	if (leaf ? m < k : m <= k) {
		at = ref_sides(leaf, m, k, sides);
		sides[at] = 'r';
	} else {
		at = ref_sides(leaf, m - k, n - k, sides);
		sides[at] = 'l';
	}
	return at + 1;
}

static bool same_sides(bool leaf, size_t m, size_t n1, size_t n2)
{
	char a[64] = { 0 }, b[64] = { 0 };
	size_t n = ref_sides(leaf, m, n1, a);

	return n == ref_sides(leaf, m, n2, b) && memcmp(a, b, n) == 0;
}

/* Leaf @m1 of @n1 is reached as leaf @m2 of @n2 is. */
static bool same_path(size_t m1, size_t n1, size_t m2, size_t n2)
{
	char a[64] = { 0 }, b[64] = { 0 };
	size_t n = ref_sides(true, m1, n1, a);

	return n == ref_sides(true, m2, n2, b) && memcmp(a, b, n) == 0;
}

static int fill(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEAVES; i++) {
		uint8_t data[3] = { 0, (uint8_t)(i >> 8), (uint8_t)i };

		blake3(data, sizeof(data), leaves[i]);
	}
	plain = merkle_blake3;
	plain.leaves = NULL;
	plain.nodes = NULL;
	return 0;
}

#define CONST(a) ((const uint8_t(*)[MERKLE_HASH])(a))

static void leaf_and_node_are_apart(void **state)
{
	uint8_t a[32], b[32], both[64];
	struct str data[3] = { STR("x"), STR(""), STR("yy") };
	uint8_t many[3][32];

	(void)state;
	memcpy(both, leaves, 64);
	merkle_blake3.node(leaves[0], leaves[1], a);
	ref_node(leaves[0], leaves[1], b);
	assert_memory_equal(a, b, 32);
	merkle_blake3.leaf(both, 64, b);
	assert_memory_not_equal(a, b, 32);
	merkle_leaves(&merkle_blake3, data, 3, many);
	for (size_t i = 0; i < 3; i++) {
		plain.leaf(data[i].p, data[i].n, a);
		assert_memory_equal(a, many[i], 32);
	}
	merkle_leaves(&plain, data, 3, many);
	assert_memory_equal(a, many[2], 32);
}

static void roots_of_every_size(void **state)
{
	struct merkle_tree t;

	(void)state;
	merkle_init(&t, &merkle_blake3);
	for (size_t n = 0; n <= LEAVES; n++) {
		uint8_t want[32], got[32];

		ref_root(0, n, want);
		merkle_root(&t, got);
		assert_memory_equal(got, want, 32);
		merkle_root_of(n % 2 ? &plain : &merkle_blake3, CONST(leaves), n, got);
		assert_memory_equal(got, want, 32);
		if (n < LEAVES)
			merkle_append(&t, leaves[n]);
	}
}

static void batches_of_every_size(void **state)
{
	(void)state;
	for (size_t first = 0; first < 70; first++) {
		for (size_t step = 1; step < 400; step = step * 3 / 2 + 1) {
			uint8_t want[32], got[32];
			struct merkle_tree t;
			size_t at = first;

			merkle_init(&t, &merkle_blake3);
			merkle_append_many(&t, CONST(leaves), first);
			for (; at + step <= LEAVES; at += step)
				merkle_append_many(&t, CONST(leaves + at), step);
			assert_int_equal(t.size, at);
			merkle_root(&t, got);
			merkle_root_of(&plain, CONST(leaves), at, want);
			assert_memory_equal(got, want, 32);
		}
	}
}

/* A changed proof must fail: every hash, a hash more, a hash less, both ends. */
static void spoil(uint8_t (*proof)[32], size_t n,
		  int (*check)(const uint8_t (*)[32], size_t, void *), void *arg)
{
	uint8_t copy[MERKLE_PROOF_MAX + 1][32];

	for (size_t i = 0; i < n; i++) {
		memcpy(copy, proof, n * 32);
		copy[i][i % 32] ^= 4;
		assert_int_equal(check(CONST(copy), n, arg), -EBADMSG);
	}
	memcpy(copy, proof, n * 32);
	memcpy(copy[n], leaves[0], 32);
	assert_int_equal(check(CONST(copy), n + 1, arg), -EBADMSG);
	if (n) {
		assert_int_equal(check(CONST(copy), n - 1, arg), -EBADMSG);
		assert_int_equal(check(CONST(copy + 1), n - 1, arg), -EBADMSG);
	}
}

struct claim {
	uint64_t start, a, b;
	uint8_t one[32], root[32];
};

static int check_inclusion(const uint8_t (*proof)[32], size_t n, void *arg)
{
	struct claim *c = arg;

	return merkle_verify_inclusion(&merkle_blake3, c->one, c->a, c->b, proof, n, c->root);
}

static int check_consistency(const uint8_t (*proof)[32], size_t n, void *arg)
{
	struct claim *c = arg;

	return merkle_verify_consistency(&merkle_blake3, c->a, c->b, proof, n, c->one, c->root);
}

static int check_subtree(const uint8_t (*proof)[32], size_t n, void *arg)
{
	struct claim *c = arg;

	return merkle_verify_subtree_consistency(&merkle_blake3, c->start, c->a, c->b, proof, n,
						 c->one, c->root);
}

static void inclusion_of_every_leaf(void **state)
{
	uint8_t want[MERKLE_PROOF_MAX][32], got[MERKLE_PROOF_MAX][32];
	size_t n;

	(void)state;
	assert_int_equal(merkle_prove_inclusion(&plain, CONST(leaves), 3, 3, got, &n), -EINVAL);
	assert_int_equal(merkle_prove_inclusion(&plain, CONST(leaves), 0, 0, got, &n), -EINVAL);
	for (size_t size = 1; size < 70; size++) {
		for (size_t i = 0; i < size; i++) {
			struct claim c = { .a = i, .b = size };
			size_t want_n = ref_path(i, 0, size, want);

			ref_root(0, size, c.root);
			memcpy(c.one, leaves[i], 32);
			assert_int_equal(merkle_prove_inclusion(&merkle_blake3, CONST(leaves), size,
								i, got, &n),
					 0);
			assert_int_equal(n, want_n);
			assert_memory_equal(got, want, n * 32);
			assert_int_equal(check_inclusion(CONST(got), n, &c), 0);
			spoil(got, n, check_inclusion, &c);
			for (c.a = 0; c.a < size + 3; c.a++)
				assert_int_equal(check_inclusion(CONST(got), n, &c),
						 c.a == i ? 0 : -EBADMSG);
			c.a = i;
			for (c.b = i + 1; c.b < 2 * size + 3; c.b++)
				assert_int_equal(check_inclusion(CONST(got), n, &c),
						 same_sides(true, i, size, c.b) ? 0 : -EBADMSG);
		}
	}
}

static void consistency_of_every_pair(void **state)
{
	uint8_t want[MERKLE_PROOF_MAX][32], got[MERKLE_PROOF_MAX][32];
	size_t n;

	(void)state;
	assert_int_equal(merkle_prove_consistency(&plain, CONST(leaves), 0, 3, got, &n), -EINVAL);
	assert_int_equal(merkle_prove_consistency(&plain, CONST(leaves), 4, 3, got, &n), -EINVAL);
	for (size_t size = 1; size < 70; size++) {
		for (size_t old = 1; old <= size; old++) {
			struct claim c = { .a = old, .b = size };
			size_t want_n = ref_subproof(old, 0, size, true, want);

			ref_root(0, old, c.one);
			ref_root(0, size, c.root);
			assert_int_equal(merkle_prove_consistency(&merkle_blake3, CONST(leaves),
								  old, size, got, &n),
					 0);
			assert_int_equal(n, want_n);
			assert_memory_equal(got, want, n * 32);
			assert_int_equal(check_consistency(CONST(got), n, &c), 0);
			spoil(got, n, check_consistency, &c);
			for (c.b = old; c.b < 2 * size + 3; c.b++)
				assert_int_equal(check_consistency(CONST(got), n, &c),
						 same_sides(false, old, size, c.b) ? 0 : -EBADMSG);
			c.b = size;
			c.one[0] ^= 1;
			assert_int_equal(check_consistency(CONST(got), n, &c), -EBADMSG);
		}
	}
}

static void consistency_of_every_subtree(void **state)
{
	uint8_t proof[MERKLE_PROOF_MAX][32];
	size_t n, proven = 0;

	(void)state;
	for (size_t size = 1; size < 40; size++) {
		for (size_t start = 0; start < size; start++) {
			for (size_t end = start + 1; end <= size; end++) {
				struct claim c = { .start = start, .a = end, .b = size };
				size_t ceil = 1;

				while (ceil < end - start)
					ceil *= 2;
				ref_root(start, end, c.one);
				ref_root(0, size, c.root);
				if (start % ceil) {
					assert_int_equal(merkle_prove_subtree(&plain, CONST(leaves),
									      size, start, end,
									      proof, &n),
							 -EINVAL);
					continue;
				}
				assert_int_equal(merkle_prove_subtree(&plain, CONST(leaves), size,
								      start, end, proof, &n),
						 0);
				assert_int_equal(check_subtree(CONST(proof), n, &c), 0);
				spoil(proof, n, check_subtree, &c);
				proven++;
			}
		}
	}
	assert_true(proven > 1000);
}

/* A proof of a larger tree must not be taken further than the root of a smaller one. */
static void nothing_above_the_root(void **state)
{
	uint8_t proof[MERKLE_PROOF_MAX][32];
	size_t n;

	(void)state;
	for (size_t size = 2; size < 40; size++) {
		struct claim c = { .start = size - 1, .a = size, .b = size };

		memcpy(c.one, leaves[size - 1], 32);
		ref_root(0, size, c.root);
		assert_int_equal(merkle_prove_subtree(&plain, CONST(leaves), size, size - 1, size,
						      proof, &n),
				 0);
		assert_int_equal(check_subtree(CONST(proof), n, &c), 0);
		c = (struct claim){ .start = 0, .a = 1, .b = 1 };
		memcpy(c.one, leaves[size - 1], 32);
		ref_root(0, size, c.root);
		assert_int_equal(check_subtree(CONST(proof), n, &c), -EBADMSG);

		assert_int_equal(
			merkle_prove_inclusion(&plain, CONST(leaves), size, size - 1, proof, &n),
			0);
		for (c.b = 1; c.b < size + 3; c.b++)
			for (c.a = 0; c.a < c.b; c.a++)
				assert_int_equal(check_inclusion(CONST(proof), n, &c),
						 same_path(size - 1, size, c.a, c.b) ? 0
										     : -EBADMSG);
	}
}

static void sizes_at_the_edge(void **state)
{
	static const uint64_t sizes[] = { 0, 1, (uint64_t)1 << 63, UINT64_MAX };
	static uint8_t proof[MERKLE_PROOF_MAX * 2][32];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		for (size_t k = 0; k < 4; k++) {
			for (size_t n = 0; n <= MERKLE_PROOF_MAX * 2; n++) {
				struct claim c = { .a = sizes[i], .b = sizes[k], .root = { 9 } };

				assert_int_equal(check_inclusion(CONST(proof), n, &c), -EBADMSG);
				assert_int_equal(check_consistency(CONST(proof), n, &c), -EBADMSG);
				c.start = sizes[i] / 2;
				assert_int_equal(check_subtree(CONST(proof), n, &c), -EBADMSG);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaf_and_node_are_apart),
		cmocka_unit_test(roots_of_every_size),
		cmocka_unit_test(batches_of_every_size),
		cmocka_unit_test(inclusion_of_every_leaf),
		cmocka_unit_test(consistency_of_every_pair),
		cmocka_unit_test(consistency_of_every_subtree),
		cmocka_unit_test(nothing_above_the_root),
		cmocka_unit_test(sizes_at_the_edge),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
