/*
 * ledger - the install's list of sessions: `ledger` in the state folder. docs/LOG.md section 7.
 *
 * A chain like a session's log, signed by the install key. A session is entered when its first
 * record is on its way to the disk, and its head (size and root) when it ends. So a log that vanishes, is
 * cut, rolled back or signed anew is noticed by whoever has the ledger (and the install's public
 * key). Entering takes an exclusive flock for some ten microseconds.
 */
#pragma once

#include "audit/chain.h"
#include "audit/keys.h"
#include "audit/verify.h"
#include "base/arena.h"
#include "codec/blake3.h"

#include <sys/types.h>
#include <time.h>

#define LEDGER_FILE "ledger"

/* What became of what an overlaid session wrote. */
struct ledger_changes {
	const char *session; /* SESSION_ID digits */
	const char *what;    /* "apply", "discard" */
	uint64_t done, left;
	uint8_t hash[BLAKE3_OUT]; /* of what was done: docs/LOG.md section 7 */
};

struct ledger_entry {
	const char *session;                  /* SESSION_ID digits */
	uint8_t hash[MERKLE_HASH];            /* start: leaf of its first record; end: root */
	uint64_t size;                        /* end: records that the root covers */
	const char *log;                      /* start: absolute path */
	const struct ledger_changes *changes; /* neither */
};

/* Where a ledger ended when we last wrote to it: all zero before. */
struct ledger_memory {
	dev_t dev;
	ino_t ino;
	struct timespec written;
	uint64_t bytes;
	struct chain chain;
};

/*
 * Append to the ledger in @state_dir, which is made if missing. @sync: fdatasync before returning.
 * On failure the ledger is as it was. -EBADMSG: its end is damaged, or it is another install's.
 * @memory (may be NULL): if nobody has written since, its end need not be read and hashed again.
 */
int ledger_add_start(const char *state_dir, const struct install_key *key,
		     const struct ledger_entry *entry, bool sync, struct ledger_memory *memory,
		     struct err *err);
int ledger_add_end(const char *state_dir, const struct install_key *key,
		   const struct ledger_entry *entry, bool sync, struct ledger_memory *memory,
		   struct err *err);
/* Signed at once. */
int ledger_add_changes(const char *state_dir, const struct install_key *key,
		       const struct ledger_changes *changes, struct err *err);

/* ---- reading ---- */

/* What the ledger knows of one session. Text is in the list's arena. */
struct ledger_session {
	const char *id;                    /* SESSION_ID digits */
	const char *log;                   /* NULL: no start was entered */
	const char *start_time, *end_time; /* LINE_TIME bytes and NUL; end_time NULL: no end */
	uint8_t genesis[MERKLE_HASH];
	uint64_t size; /* at the end */
	uint8_t root[MERKLE_HASH];
};

struct ledger_list {
	struct arena arena;
	struct ledger_session *session; /* in the order of their starts */
	size_t n, cap;
	uint32_t *index; /* of sessions by id: open addressing, 0 is empty */
	size_t index_cap;
	int error;
	struct verify_report report; /* of the ledger itself */
};

/*
 * Read and verify the ledger @path. 0 whatever verification says; -ENOENT: there is none. @heads as in
 * verify_options. ledger_list_done() in any case.
 */
int ledger_load(const char *path, const struct install_pub *expected,
		const struct verify_head *heads, size_t n_heads, struct ledger_list *ret_list,
		struct err *err);
void ledger_list_done(struct ledger_list *list);

/* By id, or (id NULL) the latest that was written to @log; NULL: unknown. */
const struct ledger_session *ledger_find(const struct ledger_list *list, const char *id,
					 const char *log);
