/*
 * blake3_ops - what one instruction set brings to BLAKE3. Private to src/codec/blake3*.c.
 *
 * Three shapes of work, each pure and free of state:
 *   compress  one block;
 *   wide      @count inputs of the same whole number of blocks: chunks (16) or parents (1);
 *   ragged    inputs of at most one chunk, each a message of its own, of unlike lengths.
 */
#pragma once

#include "codec/blake3.h"

#include <stdbool.h>

enum {
	BLAKE3_CHUNK_START = 1,
	BLAKE3_CHUNK_END = 2,
	BLAKE3_PARENT = 4,
	BLAKE3_ROOT = 8,
	BLAKE3_KEYED = 16,
	BLAKE3_CONTEXT = 32,
	BLAKE3_MATERIAL = 64,
};

#define BLAKE3_CHUNK_BLOCKS (BLAKE3_CHUNK / BLAKE3_BLOCK)
#define BLAKE3_LANES_MAX 16

/* What every lane of a wide() call has in common. Flags of the first and last block come on top. */
struct blake3_wide {
	const uint32_t *key; /* 8 words */
	size_t blocks;
	uint64_t counter; /* of the first input */
	bool increment; /* each further input has the next counter (chunks), or the same (parents) */
	uint8_t flags, flags_start, flags_end;
};

/* One message of a ragged() call: prefix (if any) ‖ in; @n counts the prefix, 0..BLAKE3_CHUNK. */
struct blake3_lane {
	const uint8_t *in;
	uint8_t *out;
	uint32_t n;
	uint32_t blocks; /* at least 1 */
};

/* Instruction sets, as bits. */
enum { BLAKE3_CPU_SSE41 = 1, BLAKE3_CPU_AVX2 = 2, BLAKE3_CPU_AVX512 = 4 };

/* Those that CPU and kernel both support. */
unsigned blake3_cpu(void);

typedef void blake3_compress_fn(const uint32_t cv[8], const uint8_t block[BLAKE3_BLOCK],
				uint8_t len, uint64_t counter, uint8_t flags, uint32_t out[16]);

struct blake3_ops {
	const char *name;
	unsigned needs; /* BLAKE3_CPU_* */
	size_t lanes;
	/* The whole 16-word output; the first 8 are the next chaining value. */
	blake3_compress_fn *compress;
	/* @in[i] is read in whole; @out gets @count × 32 bytes and may not overlap the inputs. */
	void (*wide)(const uint8_t *const *in, size_t count, const struct blake3_wide *w,
		     uint8_t *out);
	/* 1 <= @count <= lanes, sorted by blocks. @prefix is a byte or -1. */
	void (*ragged)(const struct blake3_lane *lane, size_t count, int prefix);
};

/* The back end in use. */
const struct blake3_ops *blake3_ops_get(void);

extern const uint32_t blake3_iv[8];
extern const struct blake3_ops blake3_portable;
#ifdef __x86_64__
extern const struct blake3_ops blake3_sse41, blake3_avx2, blake3_avx512;
#endif

static inline uint32_t blake3_load32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline void blake3_store32(uint8_t *p, uint32_t w)
{
	p[0] = (uint8_t)w;
	p[1] = (uint8_t)(w >> 8);
	p[2] = (uint8_t)(w >> 16);
	p[3] = (uint8_t)(w >> 24);
}

static inline void blake3_store_cv(uint8_t out[BLAKE3_OUT], const uint32_t cv[8])
{
	for (size_t i = 0; i < 8; i++)
		blake3_store32(out + 4 * i, cv[i]);
}

static inline uint32_t blake3_blocks_of(size_t n)
{
	return n ? (uint32_t)((n + BLAKE3_BLOCK - 1) / BLAKE3_BLOCK) : 1;
}
