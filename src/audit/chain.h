/*
 * chain - the growing end of a log: next number, hash of the last line, Merkle frontier.
 *
 * Session logs and the ledger are both chains; they differ in who signs. Lines are built at the end
 * of a buf that the caller owns and writes out. Nothing here does I/O or allocates.
 */
#pragma once

#include "audit/line.h"
#include "base/buf.h"

#include <stdbool.h>

#define CHAIN_PENDING 256 /* leaves that wait to be hashed into the tree side by side */

struct chain {
	uint64_t seq; /* of the next line = lines so far */
	char sid[LINE_SID];
	char prev[LINE_HASH];
	char origin[ORIGIN_MAX];
	size_t n_pending;
	uint8_t pending[CHAIN_PENDING][MERKLE_HASH];
	struct merkle_tree tree; /* without the pending leaves */

	char time[LINE_TIME];
	time_t time_sec; /* the second that @time was made for */
	size_t start;    /* where the line being built starts in the buf */
	bool open;
};

void chain_init(struct chain *c, const char *sid, const char *origin);

/*
 * Start a line: head up to the type. The caller appends ",\"key\":value" pairs. @now is shared by
 * callers that need the time themselves.
 */
void chain_begin(struct chain *c, struct buf *out, struct str type, const struct timespec *now);
/* "}", newline, hash, next. -errno of the buf, which is cut back to before the line, on failure. */
int chain_end(struct chain *c, struct buf *out);
void chain_cancel(struct chain *c, struct buf *out);

/* Root over all lines so far. */
void chain_root(struct chain *c, uint8_t root[MERKLE_HASH]);

/*
 * Append a checkpoint line that signs all lines so far as (origin, size, root, time). With @peaks
 * the frontier goes with it, so that whoever appends next need not read the whole file.
 */
int chain_checkpoint(struct chain *c, struct buf *out, struct str key_name,
		     const struct ed25519_key *key, bool peaks);

/*
 * The rest of a checkpoint line behind its head: what the writer writes and what verification
 * expects, byte for byte. @tree NULL: no peaks.
 */
void checkpoint_body_put(struct buf *out, struct str note, const struct merkle_tree *tree);
/* The note's text: ORIGIN, SIZE, ROOT, "time T". */
void checkpoint_text_put(struct buf *out, struct str origin, uint64_t size,
			 const uint8_t root[MERKLE_HASH], struct str time);
