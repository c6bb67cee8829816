/*
 * merkle_conformance FOLDER - holds src/codec/merkle against proofs that others made.
 *
 * Inclusion and consistency proofs of trees and of subtrees, good and corrupted (wantErr), over
 * SHA-256. A file's members say which kind it is; each file is one test. A hash of the wrong length
 * can never verify, so it counts as refused.
 */
#include "codec/base64.h"
#include "codec/merkle.h"
#include "folder.h"

#include <sodium.h>

#define PROOF_MAX 300

static void sha256_empty(uint8_t out[MERKLE_HASH])
{
	crypto_hash_sha256(out, NULL, 0);
}

static void sha256_of(uint8_t prefix, const void *a, size_t a_n, const void *b, size_t b_n,
		      uint8_t out[MERKLE_HASH])
{
	crypto_hash_sha256_state s;

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, &prefix, 1);
	crypto_hash_sha256_update(&s, a, a_n);
	crypto_hash_sha256_update(&s, b, b_n);
	crypto_hash_sha256_final(&s, out);
}

static void sha256_leaf(const void *data, size_t n, uint8_t out[MERKLE_HASH])
{
	sha256_of(0, data, n, NULL, 0, out);
}

static void sha256_node(const uint8_t left[MERKLE_HASH], const uint8_t right[MERKLE_HASH],
			uint8_t out[MERKLE_HASH])
{
	sha256_of(1, left, MERKLE_HASH, right, MERKLE_HASH, out);
}

static const struct merkle_hash sha256 = {
	.name = "sha256",
	.empty = sha256_empty,
	.leaf = sha256_leaf,
	.node = sha256_node,
};

struct proof {
	uint8_t hash[PROOF_MAX][MERKLE_HASH];
	size_t n;
};

/* 1: a hash; 0: base64 of something else; -1: not base64. */
static int hash_of(struct str text, uint8_t out[MERKLE_HASH])
{
	uint8_t bytes[256];
	size_t n;

	if (base64_decode(text, bytes, sizeof(bytes), &n) < 0)
		return -1;
	if (n != MERKLE_HASH)
		return 0;
	memcpy(out, bytes, n);
	return 1;
}

static int hash_get(const struct json *d, const char *key, uint8_t out[MERKLE_HASH])
{
	struct str text;

	return json_get_str(d, key, &text) ? hash_of(text, out) : -1;
}

/* As hash_of(), for the whole of the proof; null is an empty one. */
static int proof_get(const struct json *d, struct proof *p)
{
	const struct json *list = json_get(d, "proof");
	int worst = 1;

	p->n = 0;
	if (!list || (list->kind != JSON_ARRAY && list->kind != JSON_NULL) ||
	    list->count > PROOF_MAX)
		return -1;
	for (const struct json *item = list->child; item; item = item->next) {
		int one = item->kind == JSON_STRING ? hash_of(item->text, p->hash[p->n++]) : -1;

		if (one < worst)
			worst = one;
	}
	return worst;
}

/* 0 or -EBADMSG from the code under test; -EINVAL: the file is of no known kind. */
static int verify(const struct json *d)
{
	uint64_t index = 0, start = 0, end = 0, size = 0, size1 = 0, size2 = 0;
	bool has_index = json_get_u64(d, "leafIdx", &index);
	bool has_range = json_get_u64(d, "start", &start) && json_get_u64(d, "end", &end);
	uint8_t a[MERKLE_HASH], root[MERKLE_HASH];
	const uint8_t(*proof)[MERKLE_HASH];
	static struct proof p;
	int whole = proof_get(d, &p), part;

	proof = (const uint8_t(*)[MERKLE_HASH])p.hash;
	part = has_index ? hash_get(d, "leafHash", a) : hash_get(d, "root1", a);
	whole = part < whole ? part : whole;
	part = has_index ? hash_get(d, "root", root) : hash_get(d, "root2", root);
	if (part == 0 && has_range && start == end) {
		/* a subtree of no leaves says nothing of the tree: its root may be any bytes */
		memset(root, 0, sizeof(root));
		part = 1;
	}
	whole = part < whole ? part : whole;
	if (whole < 0)
		return -EINVAL;
	if (whole == 0)
		return -EBADMSG;
	if (has_index && has_range)
		return merkle_verify_subtree_inclusion(&sha256, a, index, start, end, proof, p.n,
						       root);
	if (has_index && json_get_u64(d, "treeSize", &size))
		return merkle_verify_inclusion(&sha256, a, index, size, proof, p.n, root);
	if (has_range && json_get_u64(d, "size", &size))
		return merkle_verify_subtree_consistency(&sha256, start, end, size, proof, p.n, a,
							 root);
	if (json_get_u64(d, "size1", &size1) && json_get_u64(d, "size2", &size2))
		return merkle_verify_consistency(&sha256, size1, size2, proof, p.n, a, root);
	return -EINVAL;
}

static void run_document(const char *path, const struct json *d, struct tally *t)
{
	bool want_err;
	int rc;

	if (!json_get_bool(d, "wantErr", &want_err)) {
		tally_add(t, false, path, "says not whether it should verify");
		return;
	}
	rc = verify(d);
	if (rc == -EINVAL)
		tally_add(t, false, path, "not a proof of a known kind");
	else
		tally_add(t, (rc < 0) == want_err, path, want_err ? "was accepted" : "was refused");
}

int main(int argc, char **argv)
{
	return folder_main(argc, argv, run_document);
}
