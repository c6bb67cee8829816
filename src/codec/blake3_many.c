/*
 * blake3_many: many short messages side by side.
 *
 * A SIMD lane is busy for as long as the longest message among its neighbours, so messages are
 * sorted by their number of blocks (a counting sort: there are 16 possible numbers) within tiles of
 * TILE, and lanes are filled in that order. Only the few groups that straddle two numbers waste
 * anything. Messages of over one chunk gain nothing here; they go the long way, one at a time, and
 * are wide in themselves.
 */
#include "codec/blake3_ops.h"

#define TILE 512

static void long_one(struct str in, int prefix, uint8_t out[BLAKE3_OUT])
{
	uint8_t byte = (uint8_t)prefix;
	struct blake3 b;

	blake3_init(&b);
	if (prefix >= 0)
		blake3_update(&b, &byte, 1);
	blake3_update(&b, in.p, in.n);
	blake3_final(&b, out);
}

static void lane_of(const struct str *in, int prefix, uint8_t *out, struct blake3_lane *lane)
{
	size_t n = in->n + (prefix >= 0);

	*lane = (struct blake3_lane){
		.in = (const uint8_t *)in->p,
		.out = out,
		.n = (uint32_t)n,
		.blocks = blake3_blocks_of(n),
	};
}

static void tile_hash(const struct blake3_ops *ops, const struct str *in, size_t count, int prefix,
		      uint8_t (*out)[BLAKE3_OUT])
{
	/* start[k]: where messages of k blocks begin; turns into where they end */
	size_t start[BLAKE3_CHUNK_BLOCKS + 2] = { 0 };
	struct blake3_lane lane[TILE];
	size_t extra = prefix >= 0;
	size_t shorts;

	for (size_t i = 0; i < count; i++)
		if (in[i].n <= BLAKE3_CHUNK - extra)
			start[blake3_blocks_of(in[i].n + extra) + 1]++;
	for (size_t k = 1; k < BLAKE3_CHUNK_BLOCKS + 2; k++)
		start[k] += start[k - 1];
	shorts = start[BLAKE3_CHUNK_BLOCKS + 1];

	for (size_t i = 0; i < count; i++) {
		if (in[i].n > BLAKE3_CHUNK - extra) {
			long_one(in[i], prefix, out[i]);
			continue;
		}
		lane_of(&in[i], prefix, out[i], &lane[start[blake3_blocks_of(in[i].n + extra)]++]);
	}
	for (size_t at = 0; at < shorts; at += ops->lanes)
		ops->ragged(lane + at, shorts - at < ops->lanes ? shorts - at : ops->lanes, prefix);
}

void blake3_many(const struct str *in, size_t count, int prefix, uint8_t (*out)[BLAKE3_OUT])
{
	const struct blake3_ops *ops = blake3_ops_get();
	struct blake3_lane one;

	if (count == 1 && in->n < BLAKE3_CHUNK) {
		/* what appending to a log needs: no tile to sort */
		lane_of(in, prefix, *out, &one);
		ops->ragged(&one, 1, prefix);
		return;
	}
	for (size_t at = 0; at < count; at += TILE)
		tile_hash(ops, in + at, count - at < TILE ? count - at : TILE, prefix, out + at);
}
