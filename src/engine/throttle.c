#include "engine/throttle.h"

#include "base/own.h"
#include "codec/blake3.h"

#include <string.h>

#define SESSION_DAYS 30 /* after its last use, a session's account is forgotten */
#define MICRO UINT64_C(1000000)
#define SETS (THROTTLE_PLACES / THROTTLE_WAYS)

int throttle_init(struct throttle *t)
{
	*t = (struct throttle){ 0 };
	t->buckets = calloc(THROTTLE_PLACES, sizeof(*t->buckets));
	t->accounts = calloc(THROTTLE_PLACES, sizeof(*t->accounts));
	if (t->buckets && t->accounts)
		return 0;
	throttle_done(t);
	return -ENOMEM;
}

void throttle_done(struct throttle *t)
{
	free(t->buckets);
	free(t->accounts);
	*t = (struct throttle){ 0 };
}

void throttle_key(const char *rule_id, struct str session, struct str by,
		  uint8_t ret_key[THROTTLE_KEY])
{
	uint8_t digest[BLAKE3_OUT], lengths[8];
	struct blake3 h;

	for (int i = 0; i < 8; i++)
		lengths[i] = (uint8_t)(session.n >> (8 * i));
	blake3_init(&h);
	blake3_update(&h, rule_id, strlen(rule_id) + 1);
	blake3_update(&h, lengths, sizeof(lengths));
	blake3_update(&h, session.p, session.n);
	blake3_update(&h, by.p, by.n);
	blake3_final(&h, digest);
	memcpy(ret_key, digest, THROTTLE_KEY);
}

static size_t set_of(const uint8_t key[THROTTLE_KEY])
{
	uint64_t x;

	memcpy(&x, key, sizeof(x));
	return (size_t)(x % SETS) * THROTTLE_WAYS;
}

/* --- buckets --- */

/* What flowed in meanwhile; a clock that went back brings nothing. */
static void bucket_flow(struct throttle_bucket *b, uint64_t mono_ms)
{
	uint64_t ms = mono_ms > b->at_ms ? mono_ms - b->at_ms : 0, in;

	b->at_ms = mono_ms;
	/* thousandths a second are millionths a millisecond */
	if (__builtin_mul_overflow(ms, b->rate_milli, &in) ||
	    __builtin_add_overflow(b->micro, in, &b->micro) || b->micro > b->full)
		b->micro = b->full;
}

static struct throttle_bucket *bucket_find(struct throttle *t, const uint8_t key[THROTTLE_KEY],
					   uint64_t mono_ms)
{
	struct throttle_bucket *set = t->buckets + set_of(key), *spare = NULL;

	for (int i = 0; i < THROTTLE_WAYS; i++) {
		if (set[i].full && memcmp(set[i].key, key, THROTTLE_KEY) == 0)
			return &set[i];
		if (!spare && !set[i].full)
			spare = &set[i];
	}
	for (int i = 0; i < THROTTLE_WAYS && !spare; i++) {
		bucket_flow(&set[i], mono_ms);
		if (set[i].micro == set[i].full)
			spare = &set[i];
	}
	if (spare)
		*spare = (struct throttle_bucket){ 0 };
	return spare;
}

bool throttle_take(struct throttle *t, const uint8_t key[THROTTLE_KEY],
		   const struct rule_throttle *rule, uint64_t mono_ms, uint64_t *ret_wait_ms)
{
	struct throttle_bucket *b = bucket_find(t, key, mono_ms);
	uint64_t full = rule->burst > UINT64_MAX / MICRO ? UINT64_MAX : rule->burst * MICRO;

	if (!b) {
		*ret_wait_ms = 0;
		return false;
	}
	if (!b->full) {
		memcpy(b->key, key, THROTTLE_KEY);
		b->micro = full;
		b->at_ms = mono_ms;
	}
	b->full = full;
	b->rate_milli = rule->rate_milli;
	bucket_flow(b, mono_ms);
	if (b->micro >= MICRO) {
		b->micro -= MICRO;
		return true;
	}
	*ret_wait_ms = (MICRO - b->micro + rule->rate_milli - 1) / rule->rate_milli;
	return false;
}

/* --- accounts --- */

static int64_t window_ms(enum rule_per per)
{
	return per == RULE_PER_HOUR ? 3600000 : 86400000;
}

/* Of a session: the day of its last use. */
static int64_t window_of(enum rule_per per, int64_t unix_ms)
{
	return unix_ms < 0 ? 0 : unix_ms / window_ms(per);
}

static bool account_over(const struct throttle_account *a, int64_t unix_ms)
{
	enum rule_per per = (enum rule_per)(a->per - 1);

	return window_of(per, unix_ms) > a->window + (per == RULE_PER_SESSION ? SESSION_DAYS : 0);
}

/* NULL: no place. A free place is returned as such. */
static struct throttle_account *account_find(struct throttle *t, const uint8_t key[THROTTLE_KEY],
					     int64_t unix_ms)
{
	struct throttle_account *set = t->accounts + set_of(key), *spare = NULL;

	for (int i = 0; i < THROTTLE_WAYS; i++) {
		if (set[i].per && memcmp(set[i].key, key, THROTTLE_KEY) == 0)
			return &set[i];
		if (!spare && (!set[i].per || account_over(&set[i], unix_ms)))
			spare = &set[i];
	}
	if (spare)
		*spare = (struct throttle_account){ 0 };
	return spare;
}

/* The account as it stands now; a clock that went back does not empty it. */
static struct throttle_account *account_now(struct throttle *t, const uint8_t key[THROTTLE_KEY],
					    const struct rule_throttle *rule, int64_t unix_ms)
{
	struct throttle_account *a = account_find(t, key, unix_ms);

	if (!a)
		return NULL;
	if (!a->per || a->per != (uint8_t)(rule->per + 1) || account_over(a, unix_ms)) {
		memcpy(a->key, key, THROTTLE_KEY);
		a->per = (uint8_t)(rule->per + 1);
		a->window = window_of(rule->per, unix_ms);
		a->used = 0;
	}
	return a;
}

bool throttle_within(struct throttle *t, const uint8_t key[THROTTLE_KEY],
		     const struct rule_throttle *rule, uint64_t amount, int64_t unix_ms,
		     uint64_t *ret_wait_ms)
{
	const struct throttle_account *a = account_now(t, key, rule, unix_ms);

	if (a && a->used <= rule->amount && amount <= rule->amount - a->used)
		return true;
	*ret_wait_ms = 0;
	if (a && rule->per != RULE_PER_SESSION && amount <= rule->amount)
		*ret_wait_ms = (uint64_t)((a->window + 1) * window_ms(rule->per) - unix_ms);
	return false;
}

void throttle_charge(struct throttle *t, const uint8_t key[THROTTLE_KEY],
		     const struct rule_throttle *rule, uint64_t amount, int64_t unix_ms)
{
	struct throttle_account *a = account_now(t, key, rule, unix_ms);

	if (!a)
		return;
	if (__builtin_add_overflow(a->used, amount, &a->used))
		a->used = UINT64_MAX;
	if (rule->per == RULE_PER_SESSION && window_of(rule->per, unix_ms) > a->window)
		a->window = window_of(rule->per, unix_ms);
	t->changed = true;
}
