/*
 * ledger - the install's list of sessions: `ledger` in the state folder. docs/LOG.md section 7.
 *
 * A chain like a session's log, signed by the install key. A session is entered when its first
 * record is on its way to the disk, and its head (size and root) when it ends. So a log that vanishes, is
 * cut, rolled back or signed anew is noticed by whoever has the ledger (and the install's public
 * key). Entering takes an exclusive flock for some ten microseconds.
 */
#pragma once

#include "audit/keys.h"
#include "base/arena.h"

#define LEDGER_FILE "ledger"

struct ledger_entry {
	const char *session;       /* SESSION_ID digits */
	uint8_t hash[MERKLE_HASH]; /* start: leaf of its first record; end: root */
	uint64_t size;             /* end: records that the root covers */
	const char *log;           /* start: absolute path */
};

/*
 * Append to the ledger in @state_dir, which is made if missing. @sync: fdatasync before returning.
 * On failure the ledger is as it was. -EBADMSG: its end is damaged, or it is another install's.
 */
int ledger_add_start(const char *state_dir, const struct install_key *key,
		     const struct ledger_entry *entry, bool sync, struct err *err);
int ledger_add_end(const char *state_dir, const struct install_key *key,
		   const struct ledger_entry *entry, bool sync, struct err *err);
