/* A small world for tests of the engine: rules in force, an event, a clock that is set by hand. */
#pragma once

#include "base/buf.h"
#include "base/own.h"
#include "engine/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define HTTP EVENT_BIT(EVENT_HTTP_REQUEST)
#define USER(id_, action_, when_)                                                                 \
	{                                                                                         \
		.id = (id_), .on = HTTP, .when = (when_), .action = (action_), .tier = RULE_USER, \
		.phase = RULE_ENFORCE, .priority = RULE_PRIORITY_DEFAULT, .where = {              \
			"p.yaml",                                                                 \
			__LINE__,                                                                 \
			1                                                                         \
		}                                                                                 \
	}

static struct event event;
static struct engine_decision d;
static int64_t unix_ms;
static uint64_t mono_ms;

static void fake_now(void *ctx, int64_t *ret_unix_ms, uint64_t *ret_mono_ms)
{
	(void)ctx;
	*ret_unix_ms = unix_ms;
	*ret_mono_ms = mono_ms;
}

struct world {
	struct engine_host *host;
	struct engine *engine;
};

static inline void world_end(struct world *w)
{
	w->engine = engine_free(w->engine);
	w->host = engine_host_free(w->host);
}

static inline struct world world(const struct policy_rule *rules, size_t n,
				 enum rule_action otherwise)
{
	const struct engine_clock clock = { .now = fake_now };
	struct engine_options options = { .otherwise = otherwise };
	struct engine_set *set = NULL;
	struct err err = ERR_INIT;
	struct world w;

	unix_ms = 1800000000000;
	mono_ms = 1000;
	if (engine_set_new(rules, n, &options, &set, &err) < 0)
		fail_msg("%s", err.text);
	w.host = engine_host_new();
	assert_non_null(w.host);
	engine_host_clock(w.host, &clock);
	engine_host_load(w.host, set);
	w.engine = engine_new(w.host, NULL);
	assert_non_null(w.engine);
	event_init(&event);
	return w;
}

/* A request for https://HOST/PATH. */
static inline void request(const char *host, const char *path)
{
	event_begin(&event, EVENT_HTTP_REQUEST);
	event_set_str(&event, EVENT_F_HTTP_REQUEST_HOST, str_of(host));
	event_set_str(&event, EVENT_F_HTTP_REQUEST_PATH, str_of(path));
	event_set_int(&event, EVENT_F_HTTP_REQUEST_PORT, 443);
}

static inline void decide_is(struct world *w, enum rule_action action, const char *id)
{
	engine_decide(w->engine, &event, &d);
	if (d.action != action || !!d.rule != !!id || (id && strcmp(d.rule->id, id) != 0))
		fail_msg("%s by %s (%s), not %s by %s", rule_action_name[d.action],
			 d.rule ? d.rule->id : "none", d.reason, rule_action_name[action],
			 id ? id : "none");
}

static inline void check_refused(const struct policy_rule *rules, size_t n, const char *message)
{
	struct engine_set *set = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(engine_set_new(rules, n, NULL, &set, &err), -EBADMSG);
	assert_null(set);
	if (!strstr(err.text, message))
		fail_msg("told: %s\nwant: %s", err.text, message);
}

static inline struct policy_rule rewriting(const char *id, const char *when,
					   const struct rule_rewrite *w)
{
	struct policy_rule r = USER(id, RULE_REWRITE, when);

	r.rewrites = w;
	r.n_rewrites = 1;
	return r;
}
