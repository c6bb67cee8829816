/*
 * blake3 - the BLAKE3 hash (BLAKE3 paper, sections 2.1-2.6; 32-byte keys, extendable output).
 *
 * Our own implementation; the fastest of portable, SSE4.1, AVX2 and AVX-512 is chosen once at run
 * time. blake3_many() hashes independent short inputs side by side, one per SIMD lane: that is the
 * shape of a log whose every line is a leaf.
 */
#pragma once

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

#define BLAKE3_OUT 32 /* bytes of a digest */
#define BLAKE3_KEY 32
#define BLAKE3_BLOCK 64
#define BLAKE3_CHUNK 1024
#define BLAKE3_DEPTH 54 /* 2^54 chunks = 2^64 bytes */

struct blake3 {
	uint32_t key[8];
	uint32_t chunk_cv[8];
	uint64_t chunk_index;
	uint8_t block[BLAKE3_BLOCK];
	uint8_t block_len;
	uint8_t blocks_done;
	uint8_t flags;
	uint8_t stack_len;
	uint8_t stack[(BLAKE3_DEPTH + 1) * BLAKE3_OUT];
};

void blake3_init(struct blake3 *b);
void blake3_init_keyed(struct blake3 *b, const uint8_t key[BLAKE3_KEY]);
void blake3_init_derive_key(struct blake3 *b, struct str context);
void blake3_update(struct blake3 *b, const void *p, size_t n);
/* Does not change @b: more may be added afterwards. @n bytes of output from offset @seek. */
void blake3_final_at(const struct blake3 *b, uint64_t seek, uint8_t *out, size_t n);
void blake3_final(const struct blake3 *b, uint8_t out[BLAKE3_OUT]);

/* One call for one input. */
void blake3(const void *p, size_t n, uint8_t out[BLAKE3_OUT]);

/*
 * @count inputs at once: out[i] = BLAKE3(prefix ‖ in[i]), where the prefix is the single byte
 * @prefix if it is 0..255, nothing if it is -1. Any lengths; fastest for lengths that are alike
 * and at most 1 KiB.
 */
void blake3_many(const struct str *in, size_t count, int prefix, uint8_t (*out)[BLAKE3_OUT]);

/* The name of what was chosen: "portable", "sse41", "avx2", "avx512". */
const char *blake3_backend(void);
/* For tests and benchmarks: force one by name; -ENOTSUP when this CPU lacks it. */
int blake3_backend_set(const char *name);
