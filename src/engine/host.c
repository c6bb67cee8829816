/*
 * Theory of operation
 *
 * The set in force is one atomic pointer. An engine that is about to look at it says so in @using
 * (a hazard pointer: store, then look again whether it is still the one in force) and keeps saying so
 * until its next decision, since the decision it gave points into the set. Whoever puts another set in
 * force retires the old one; a retired set is freed once no engine says that it uses it, which is
 * looked for when sets change and when an engine lets go of one that is not in force any more.
 */
#include "engine/set.h"

#include "base/own.h"

#include <time.h>

static void system_clock(void *ctx, int64_t *ret_unix_ms, uint64_t *ret_mono_ms)
{
	struct timespec real, mono;

	(void)ctx;
	(void)clock_gettime(CLOCK_REALTIME, &real);
	(void)clock_gettime(CLOCK_BOOTTIME, &mono);
	*ret_unix_ms = (int64_t)real.tv_sec * 1000 + real.tv_nsec / 1000000;
	*ret_mono_ms = (uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000;
}

struct engine_host *engine_host_new(void)
{
	struct engine_host *host = calloc(1, sizeof(*host));

	if (!host)
		return NULL;
	if (throttle_init(&host->throttle) < 0) {
		free(host);
		return NULL;
	}
	(void)pthread_mutex_init(&host->lock, NULL);
	host->clock.now = system_clock;
	return host;
}

/* With the lock held: free what nobody uses. */
static void reclaim(struct engine_host *host)
{
	struct engine_set **at = &host->retired;

	while (*at) {
		struct engine_set *set = *at;
		bool used = false;

		for (struct engine *e = host->engines; e && !used; e = e->next)
			used = atomic_load(&e->using) == set;
		if (used) {
			at = &set->retired;
			continue;
		}
		*at = set->retired;
		(void)engine_set_free(set);
	}
}

struct engine_host *engine_host_free(struct engine_host *host)
{
	if (!host)
		return NULL;
	engine_host_load(host, NULL);
	while (host->engines)
		(void)engine_free(host->engines);
	throttle_done(&host->throttle);
	(void)pthread_mutex_destroy(&host->lock);
	free(host);
	return NULL;
}

void engine_host_freep(struct engine_host **host)
{
	*host = engine_host_free(*host);
}

const struct engine_set *engine_host_set(const struct engine_host *host)
{
	return atomic_load(&host->set);
}

void engine_host_load(struct engine_host *host, struct engine_set *set)
{
	struct engine_set *old;

	(void)pthread_mutex_lock(&host->lock);
	old = atomic_exchange(&host->set, set);
	if (old && old != set) {
		old->retired = host->retired;
		host->retired = old;
	}
	reclaim(host);
	(void)pthread_mutex_unlock(&host->lock);
}

int engine_host_reload(struct engine_host *host, const struct policy_rule *rules, size_t n,
		       const struct engine_options *options, struct err *err)
{
	struct err why = ERR_INIT;
	struct engine_set *set = NULL;
	int r = engine_set_new(rules, n, options, &set, &why);

	if (r < 0)
		return err_text(err, -r, "%s; the rules before stay in force", why.text);
	engine_host_load(host, set);
	return 0;
}

void engine_host_clock(struct engine_host *host, const struct engine_clock *clock)
{
	host->clock = clock ? *clock : (struct engine_clock){ .now = system_clock };
}

void host_clock(struct engine_host *host, int64_t *ret_unix_ms, uint64_t *ret_mono_ms)
{
	host->clock.now(host->clock.ctx, ret_unix_ms, ret_mono_ms);
}

int engine_host_save(struct engine_host *host, const char *path, struct err *err)
{
	int r = 0;

	(void)pthread_mutex_lock(&host->lock);
	if (host->throttle.changed)
		r = throttle_save(&host->throttle, path, err);
	(void)pthread_mutex_unlock(&host->lock);
	return r;
}

int engine_host_restore(struct engine_host *host, const char *path, struct err *err)
{
	int r;

	(void)pthread_mutex_lock(&host->lock);
	r = throttle_load(&host->throttle, path, err);
	(void)pthread_mutex_unlock(&host->lock);
	return r;
}

/* --- quarantine --- */

static void session_key(const struct event *e, uint8_t key[THROTTLE_KEY])
{
	throttle_key("", event_str(e, EVENT_F_COMMON_SESSION_ID), STR(""), key);
}

bool host_is_quarantined(struct engine_host *host, const struct event *e)
{
	uint8_t key[THROTTLE_KEY];
	bool found;

	if (!atomic_load_explicit(&host->any_quarantined, memory_order_acquire))
		return false;
	session_key(e, key);
	(void)pthread_mutex_lock(&host->lock);
	found = host->n_quarantined > QUARANTINE_MAX;
	for (uint32_t i = 0; i < host->n_quarantined && !found; i++)
		found = memcmp(host->quarantined[i], key, sizeof(key)) == 0;
	(void)pthread_mutex_unlock(&host->lock);
	return found;
}

void host_quarantine(struct engine_host *host, const struct event *e)
{
	uint8_t key[THROTTLE_KEY];

	if (host_is_quarantined(host, e))
		return;
	session_key(e, key);
	(void)pthread_mutex_lock(&host->lock);
	if (host->n_quarantined < QUARANTINE_MAX)
		memcpy(host->quarantined[host->n_quarantined], key, sizeof(key));
	if (host->n_quarantined <= QUARANTINE_MAX)
		host->n_quarantined++;
	atomic_store_explicit(&host->any_quarantined, true, memory_order_release);
	(void)pthread_mutex_unlock(&host->lock);
}

/* --- engines --- */

struct engine *engine_new(struct engine_host *host, const struct cel_limits *limits)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return NULL;
	engine->host = host;
	engine->eval = cel_eval_new(limits);
	engine->stamps = calloc(ENGINE_RULES_MAX, sizeof(*engine->stamps));
	engine->candidates = calloc(ENGINE_RULES_MAX, sizeof(*engine->candidates));
	engine->rewritten = calloc(1, REWRITE_MEMORY);
	if (!engine->eval || !engine->stamps || !engine->candidates || !engine->rewritten) {
		engine->host = NULL;
		return engine_free(engine);
	}
	(void)pthread_mutex_lock(&host->lock);
	engine->next = host->engines;
	host->engines = engine;
	(void)pthread_mutex_unlock(&host->lock);
	return engine;
}

static void leave(struct engine *engine)
{
	struct engine_host *host = engine->host;
	struct engine **at;

	(void)pthread_mutex_lock(&host->lock);
	for (at = &host->engines; *at != engine; at = &(*at)->next)
		;
	*at = engine->next;
	reclaim(host);
	(void)pthread_mutex_unlock(&host->lock);
}

struct engine *engine_free(struct engine *engine)
{
	if (!engine)
		return NULL;
	if (engine->host)
		leave(engine);
	engine->eval = cel_eval_free(engine->eval);
	free(engine->stamps);
	free(engine->candidates);
	free(engine->rewritten);
	free(engine);
	return NULL;
}

void engine_freep(struct engine **engine)
{
	*engine = engine_free(*engine);
}

struct engine_set *host_acquire(struct engine *engine)
{
	struct engine_host *host = engine->host;
	struct engine_set *set = atomic_load(&host->set);
	struct engine_set *before = atomic_load_explicit(&engine->using, memory_order_relaxed);

	if (set == before)
		return set;
	for (;;) {
		struct engine_set *again;

		atomic_store(&engine->using, set);
		again = atomic_load(&host->set);
		if (again == set)
			break;
		set = again;
	}
	/* other rules have other numbers */
	memset(engine->stamps, 0, ENGINE_RULES_MAX * sizeof(*engine->stamps));
	engine->stamp = 0;
	if (before) {
		(void)pthread_mutex_lock(&host->lock);
		reclaim(host);
		(void)pthread_mutex_unlock(&host->lock);
	}
	return set;
}
