/*
 * throttle - token buckets and quota accounts: private to src/engine.
 *
 * Both tables have a fixed number of places, found by the digest of rule and key, in sets of
 * THROTTLE_WAYS. A place whose bucket is full again, or whose account's time is over, says no more
 * than an empty one and is given away. When a whole set is in use the answer is "beyond": whoever
 * can choose the keys gains nothing by choosing many.
 */
#pragma once

#include "base/err.h"
#include "policy/rule.h"

#include <pthread.h>

#define THROTTLE_KEY 16
#define THROTTLE_WAYS 16
#define THROTTLE_PLACES 8192
#define THROTTLE_STATE_MAX (4U << 20) /* bytes of a state file */

struct throttle_bucket {
	uint8_t key[THROTTLE_KEY];
	uint64_t micro; /* millionths of a token */
	uint64_t at_ms; /* when that was so, on the clock that never jumps */
	uint64_t full;  /* micro of a full one; 0: the place is free */
	uint64_t rate_milli;
};

struct throttle_account {
	uint8_t key[THROTTLE_KEY];
	int64_t window; /* number of the hour or day since 1970; a session's: day of last use */
	uint64_t used;
	uint8_t per; /* enum rule_per + 1; 0: the place is free */
};

struct throttle {
	struct throttle_bucket *buckets;
	struct throttle_account *accounts;
	bool changed; /* accounts, since they were saved */
};

int throttle_init(struct throttle *t);
void throttle_done(struct throttle *t);

/* The digest of a rule's id, the session (for quotas of a session) and the key's text. */
void throttle_key(const char *rule_id, struct str session, struct str by,
		  uint8_t ret_key[THROTTLE_KEY]);

/*
 * Take one token. false: there is none; *ret_wait_ms until there is one (0: no place in the table).
 */
bool throttle_take(struct throttle *t, const uint8_t key[THROTTLE_KEY],
		   const struct rule_throttle *rule, uint64_t mono_ms, uint64_t *ret_wait_ms);

/* Would @amount more be within the quota? */
bool throttle_within(struct throttle *t, const uint8_t key[THROTTLE_KEY],
		     const struct rule_throttle *rule, uint64_t amount, int64_t unix_ms,
		     uint64_t *ret_wait_ms);
/* Book it. Sums stay at their largest instead of wrapping. */
void throttle_charge(struct throttle *t, const uint8_t key[THROTTLE_KEY],
		     const struct rule_throttle *rule, uint64_t amount, int64_t unix_ms);

/*
 * The accounts as a text file, written beside @path and renamed over it:
 *
 *	capsule-accounts 1
 *	KEY PER WINDOW USED		32 hex digits, session|hour|day, two decimal numbers
 *	end N DIGEST			number of lines; BLAKE3 of all before, 64 hex digits
 *
 * Loading is strict: -EBADMSG for whatever is not exactly that, and nothing is loaded; a file that is
 * not there is an empty one.
 */
int throttle_save(struct throttle *t, const char *path, struct err *err);
int throttle_load(struct throttle *t, const char *path, struct err *err);
/* The text alone, for fuzzing. */
int throttle_read(struct throttle *t, struct str text, struct err *err);
