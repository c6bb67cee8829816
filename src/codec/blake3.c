/*
 * BLAKE3: the tree over the compression function, and the choice of its back end.
 *
 * Input is cut into chunks of 1 KiB; chunks are the leaves of a binary tree whose left subtrees
 * are the largest powers of two (paper, section 2.1). Only what the input's end has not yet decided
 * is kept: the current chunk, and a stack with one chaining value per finished subtree.
 *
 * The merge of two subtrees is lazy. Whether a node is the root (and takes the ROOT flag) is known
 * only when the input ends, so the top two of the stack may be a pair that could be merged; it is
 * merged when the next byte shows that it was not the root. After that the stack holds exactly one
 * value per set bit of chunk_index.
 *
 * Long input is taken in aligned power-of-two runs of up to RUN chunks. A run's chunks are hashed
 * side by side, and so are the parents of each level above them, down to the last two values, which
 * go on the stack as a pair, for the reason given above.
 */
#include "codec/blake3_ops.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>

#define RUN 256 /* chunks; 8 KiB of chaining values on the stack */

static const struct blake3_ops *const backends[] = {
#ifdef __x86_64__
	&blake3_avx512,
	&blake3_avx2,
	&blake3_sse41,
#endif
	&blake3_portable,
};
#define BACKENDS (sizeof(backends) / sizeof(backends[0]))

static _Atomic(const struct blake3_ops *) chosen;

/* Racing threads find the same answer, so there is nothing to lock. */
const struct blake3_ops *blake3_ops_get(void)
{
	const struct blake3_ops *ops = atomic_load_explicit(&chosen, memory_order_relaxed);
	unsigned cpu;

	if (__builtin_expect(ops != NULL, 1))
		return ops;
	cpu = blake3_cpu();
	for (size_t i = 0; i < BACKENDS && !ops; i++)
		if ((backends[i]->needs & ~cpu) == 0)
			ops = backends[i];
	atomic_store_explicit(&chosen, ops, memory_order_relaxed);
	return ops;
}

const char *blake3_backend(void)
{
	return blake3_ops_get()->name;
}

int blake3_backend_set(const char *name)
{
	for (size_t i = 0; i < BACKENDS; i++)
		if (strcmp(backends[i]->name, name) == 0 &&
		    (backends[i]->needs & ~blake3_cpu()) == 0) {
			atomic_store_explicit(&chosen, backends[i], memory_order_relaxed);
			return 0;
		}
	return -ENOTSUP;
}

/* A node whose flags still lack ROOT: what is left to do is one compression. */
struct node {
	uint32_t cv[8];
	uint64_t counter;
	uint8_t block[BLAKE3_BLOCK];
	uint8_t len;
	uint8_t flags;
};

static void node_cv(const struct blake3_ops *ops, const struct node *node, uint8_t out[BLAKE3_OUT])
{
	uint32_t words[16];

	ops->compress(node->cv, node->block, node->len, node->counter, node->flags, words);
	blake3_store_cv(out, words);
}

static void node_of_parent(struct node *node, const uint32_t key[8], const uint8_t *left,
			   const uint8_t *right, uint8_t flags)
{
	memcpy(node->cv, key, BLAKE3_KEY);
	memcpy(node->block, left, BLAKE3_OUT);
	memcpy(node->block + BLAKE3_OUT, right, BLAKE3_OUT);
	node->counter = 0;
	node->len = BLAKE3_BLOCK;
	node->flags = flags | BLAKE3_PARENT;
}

static void chunk_start(struct blake3 *b)
{
	memcpy(b->chunk_cv, b->key, BLAKE3_KEY);
	b->block_len = 0;
	b->blocks_done = 0;
}

static size_t chunk_len(const struct blake3 *b)
{
	return (size_t)b->blocks_done * BLAKE3_BLOCK + b->block_len;
}

static uint8_t chunk_flags(const struct blake3 *b)
{
	return b->flags | (b->blocks_done == 0 ? BLAKE3_CHUNK_START : 0);
}

static void chunk_block(struct blake3 *b, const struct blake3_ops *ops, const uint8_t *block)
{
	uint32_t words[16];

	ops->compress(b->chunk_cv, block, BLAKE3_BLOCK, b->chunk_index, chunk_flags(b), words);
	memcpy(b->chunk_cv, words, sizeof(b->chunk_cv));
	b->blocks_done++;
}

/* At most what the chunk still takes; its last block stays uncompressed, for it may be the end. */
static void chunk_add(struct blake3 *b, const struct blake3_ops *ops, const uint8_t *p, size_t n)
{
	while (n) {
		size_t take = BLAKE3_BLOCK - (size_t)b->block_len;

		if (take == 0) {
			chunk_block(b, ops, b->block);
			b->block_len = 0;
			continue;
		}
		while (b->block_len == 0 && n > BLAKE3_BLOCK) {
			chunk_block(b, ops, p);
			p += BLAKE3_BLOCK;
			n -= BLAKE3_BLOCK;
		}
		if (take > n)
			take = n;
		memcpy(b->block + b->block_len, p, take);
		b->block_len = (uint8_t)(b->block_len + take);
		p += take;
		n -= take;
	}
}

static void chunk_node(const struct blake3 *b, struct node *node)
{
	memcpy(node->cv, b->chunk_cv, sizeof(node->cv));
	memcpy(node->block, b->block, b->block_len);
	memset(node->block + b->block_len, 0, BLAKE3_BLOCK - (size_t)b->block_len);
	node->counter = b->chunk_index;
	node->len = b->block_len;
	node->flags = chunk_flags(b) | BLAKE3_CHUNK_END;
}

/* The @b->chunk_index chunks on the stack are not all of the input: merge every pair. */
static void stack_settle(struct blake3 *b, const struct blake3_ops *ops)
{
	unsigned want = (unsigned)__builtin_popcountll(b->chunk_index);
	struct node node;

	while (b->stack_len > want) {
		uint8_t *left = b->stack + (b->stack_len - 2U) * BLAKE3_OUT;

		node_of_parent(&node, b->key, left, left + BLAKE3_OUT, b->flags);
		node_cv(ops, &node, left);
		b->stack_len--;
	}
}

/* The value of the next @chunks chunks. */
static void stack_push(struct blake3 *b, const struct blake3_ops *ops, const uint8_t *cv,
		       uint64_t chunks)
{
	stack_settle(b, ops);
	assert(b->stack_len <= BLAKE3_DEPTH);
	memcpy(b->stack + (size_t)b->stack_len * BLAKE3_OUT, cv, BLAKE3_OUT);
	b->stack_len++;
	b->chunk_index += chunks;
}

/* @chunks whole chunks, a power of two of at least 2: the chaining values of the two halves. */
static void run_hash(const struct blake3 *b, const struct blake3_ops *ops, const uint8_t *p,
		     size_t chunks, uint8_t pair[2 * BLAKE3_OUT])
{
	struct blake3_wide w = {
		.key = b->key,
		.blocks = BLAKE3_CHUNK_BLOCKS,
		.counter = b->chunk_index,
		.increment = true,
		.flags = b->flags,
		.flags_start = BLAKE3_CHUNK_START,
		.flags_end = BLAKE3_CHUNK_END,
	};
	uint8_t cvs[2][RUN * BLAKE3_OUT];
	const uint8_t *in[RUN];
	unsigned side = 0;

	assert(chunks >= 2 && chunks <= RUN);
	for (size_t i = 0; i < chunks; i++)
		in[i] = p + i * BLAKE3_CHUNK;
	ops->wide(in, chunks, &w, cvs[0]);

	w = (struct blake3_wide){ .key = b->key, .blocks = 1, .flags = b->flags | BLAKE3_PARENT };
	while (chunks > 2) {
		chunks /= 2;
		for (size_t i = 0; i < chunks; i++)
			in[i] = cvs[side] + i * 2 * BLAKE3_OUT;
		side ^= 1;
		ops->wide(in, chunks, &w, cvs[side]);
	}
	memcpy(pair, cvs[side], 2 * BLAKE3_OUT);
}

/* The largest aligned run at the current position within @n bytes: a power of two of chunks. */
static size_t run_size(const struct blake3 *b, size_t n)
{
	size_t chunks = n / BLAKE3_CHUNK < RUN ? n / BLAKE3_CHUNK : RUN;

	chunks = (size_t)1 << (63 - __builtin_clzll(chunks));
	while (b->chunk_index & (chunks - 1))
		chunks /= 2;
	return chunks;
}

static void chunk_finish(struct blake3 *b, const struct blake3_ops *ops)
{
	uint8_t cv[BLAKE3_OUT];
	struct node node;

	chunk_node(b, &node);
	node_cv(ops, &node, cv);
	stack_push(b, ops, cv, 1);
	chunk_start(b);
}

void blake3_update(struct blake3 *b, const void *data, size_t n)
{
	const struct blake3_ops *ops = blake3_ops_get();
	const uint8_t *p = data;
	uint8_t pair[2 * BLAKE3_OUT];

	if (n == 0)
		return;
	if (chunk_len(b)) {
		size_t take = BLAKE3_CHUNK - chunk_len(b);

		if (take > n)
			take = n;
		chunk_add(b, ops, p, take);
		p += take;
		n -= take;
		if (n == 0)
			return;
		chunk_finish(b, ops);
	}
	while (n > BLAKE3_CHUNK) {
		size_t chunks = run_size(b, n);

		if (chunks == 1) {
			chunk_add(b, ops, p, BLAKE3_CHUNK);
			chunk_finish(b, ops);
		} else {
			run_hash(b, ops, p, chunks, pair);
			stack_push(b, ops, pair, chunks / 2);
			stack_push(b, ops, pair + BLAKE3_OUT, chunks / 2);
		}
		p += chunks * BLAKE3_CHUNK;
		n -= chunks * BLAKE3_CHUNK;
	}
	if (n) {
		chunk_add(b, ops, p, n);
		stack_settle(b, ops);
	}
}

/* The root, short of its last compression. */
static void root_node(const struct blake3 *b, const struct blake3_ops *ops, struct node *node)
{
	size_t left = b->stack_len;
	uint8_t cv[BLAKE3_OUT];

	if (left == 0 || chunk_len(b)) {
		chunk_node(b, node);
	} else {
		/* the input ended with a run: its pair is still apart */
		left -= 2;
		node_of_parent(node, b->key, b->stack + left * BLAKE3_OUT,
			       b->stack + (left + 1) * BLAKE3_OUT, b->flags);
	}
	while (left) {
		left--;
		node_cv(ops, node, cv);
		node_of_parent(node, b->key, b->stack + left * BLAKE3_OUT, cv, b->flags);
	}
	node->flags |= BLAKE3_ROOT;
}

void blake3_final_at(const struct blake3 *b, uint64_t seek, uint8_t *out, size_t n)
{
	const struct blake3_ops *ops = blake3_ops_get();
	uint64_t counter = seek / BLAKE3_BLOCK;
	size_t skip = seek % BLAKE3_BLOCK;
	struct node node;

	root_node(b, ops, &node);
	while (n) {
		uint8_t bytes[BLAKE3_BLOCK];
		uint32_t words[16];
		size_t take = BLAKE3_BLOCK - skip < n ? BLAKE3_BLOCK - skip : n;

		/* output blocks differ from one another in the counter alone (section 2.6) */
		ops->compress(node.cv, node.block, node.len, counter++, node.flags, words);
		for (size_t i = 0; i < 16; i++)
			blake3_store32(bytes + 4 * i, words[i]);
		memcpy(out, bytes + skip, take);
		out += take;
		n -= take;
		skip = 0;
	}
}

void blake3_final(const struct blake3 *b, uint8_t out[BLAKE3_OUT])
{
	blake3_final_at(b, 0, out, BLAKE3_OUT);
}

/* The stack is left as it is: nothing of it is read before it is written. */
static void init(struct blake3 *b, const uint32_t key[8], uint8_t flags)
{
	memcpy(b->key, key, sizeof(b->key));
	b->flags = flags;
	b->chunk_index = 0;
	b->stack_len = 0;
	chunk_start(b);
}

static void init_bytes(struct blake3 *b, const uint8_t key[BLAKE3_KEY], uint8_t flags)
{
	uint32_t words[8];

	for (size_t i = 0; i < 8; i++)
		words[i] = blake3_load32(key + 4 * i);
	init(b, words, flags);
}

void blake3_init(struct blake3 *b)
{
	init(b, blake3_iv, 0);
}

void blake3_init_keyed(struct blake3 *b, const uint8_t key[BLAKE3_KEY])
{
	init_bytes(b, key, BLAKE3_KEYED);
}

void blake3_init_derive_key(struct blake3 *b, struct str context)
{
	uint8_t key[BLAKE3_KEY];

	init(b, blake3_iv, BLAKE3_CONTEXT);
	blake3_update(b, context.p, context.n);
	blake3_final(b, key);
	init_bytes(b, key, BLAKE3_MATERIAL);
}

void blake3(const void *p, size_t n, uint8_t out[BLAKE3_OUT])
{
	struct str in = { .p = p, .n = n };

	blake3_many(&in, 1, -1, (uint8_t(*)[BLAKE3_OUT])out);
}
