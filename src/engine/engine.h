/*
 * engine - the one place that decides: an event in, a decision out.
 *
 *	struct engine_set	rules, checked, compiled and indexed: immutable
 *	struct engine_host	what engines share: the set in force, buckets and accounts
 *	struct engine		one thread's: scratch memory
 *
 *	engine_set_new(rules, n, &options, &set, &err);
 *	host = engine_host_new();
 *	engine_host_load(host, set);		atomic; the old one is freed once nobody uses it
 *	engine = engine_new(host, NULL);
 *	engine_decide(engine, &event, &decision);
 *
 * A host without a set, a damaged event and a failed evaluation of a block, ask, throttle or
 * quarantine all decide against: block, and the decision says why.
 */
#pragma once

#include "base/err.h"
#include "cel/cel.h"
#include "event/event.h"
#include "policy/rule.h"

#define ENGINE_MATCHES_MAX 64
#define ENGINE_ERRORS_MAX 8
#define ENGINE_REWRITES_MAX 32
#define ENGINE_RULES_MAX 65536

struct engine;
struct engine_host;
struct engine_set;

/* --- compiling --- */

/* A mistake in a rule. */
struct engine_problem {
	const struct policy_rule *rule;
	const struct policy_rule *other; /* a tie's other rule; or NULL */
	const char *part;                /* "when", "throttle.by", "rewrite"; NULL: the whole */
	const char *source;              /* of @part, when that is an expression */
	const struct cel_problem *cel;   /* the place in it; or NULL */
	bool warning;
	const char *text;
};
typedef void engine_report(void *ctx, const struct engine_problem *problem);

struct engine_options {
	enum rule_action otherwise; /* when no rule matches: RULE_ALLOW or RULE_BLOCK */
	engine_report *report;      /* every mistake; may be NULL */
	void *ctx;
	size_t memory_max; /* bytes for everything; 0: 256 MiB */
};

/*
 * Check, compile and index @n rules; they are copied. -EBADMSG after reports, the first of which is
 * in @err as "FILE:LINE:COL: rule 'ID': what"; -ENOMEM.
 */
int engine_set_new(const struct policy_rule *rules, size_t n, const struct engine_options *options,
		   struct engine_set **ret_set, struct err *err);
struct engine_set *engine_set_free(struct engine_set *set); /* NULL-safe, returns NULL */
void engine_set_freep(struct engine_set **set);

/*
 * The rules of @policy: one for each line of filesystem, network and process (id "filesystem.deny[2]"),
 * and those under `rules:`. Strings are the policy's or @arena's.
 */
struct policy;
int engine_policy_rules(const struct policy *policy, struct arena *arena,
			const struct policy_rule **ret_rules, size_t *ret_n, struct err *err);
/*
 * The same for a live session behind a wall that was built from @launch, which is @policy itself until a
 * reload. @mounts: the session has a root of its own, so that what no line grants is not there, and needs
 * no rule; the session's own places then are nobody's to decide about. .kernel and .changes of each are
 * set: what the supervisor need not be asked about.
 */
int engine_session_rules(const struct policy *policy, const struct policy *launch, bool mounts,
			 struct arena *arena, const struct policy_rule **ret_rules, size_t *ret_n,
			 struct err *err);

size_t engine_set_count(const struct engine_set *set);
const struct policy_rule *engine_set_rule(const struct engine_set *set, size_t i);
enum rule_action engine_set_otherwise(const struct engine_set *set);
/* BLAKE3 of the set in its travelling form: the same rules have the same. */
const uint8_t *engine_set_digest(const struct engine_set *set);
/* How a rule is found: "every http.request", "http.request.host == 'a.b' (3 values)". */
void engine_set_explain_index(const struct engine_set *set, size_t i, struct buf *out);

/* --- deciding --- */

struct engine_match {
	const struct policy_rule *rule;
	bool failed;  /* it could not be evaluated and counts as matched */
	bool beyond;  /* a throttle over its rate or quota */
	bool applied; /* a rewrite that is part of the decision */
};

struct engine_error {
	const struct policy_rule *rule;
	enum cel_error_code code;
	char text[120];
};

/* One thing that is to be done to the event. */
struct engine_rewrite {
	const struct policy_rule *rule;
	const struct rule_rewrite *rewrite;
	bool applied;                  /* in preprocess, or by engine_rewrite_apply() */
	bool changed;                  /* it made a difference */
	uint8_t before[32], after[32]; /* BLAKE3 of the text; zeros: unset */
};

struct engine_decision {
	enum rule_action action;            /* ALLOW, REWRITE, ASK, BLOCK or QUARANTINE */
	const struct policy_rule *rule;     /* the one that gave it; NULL: none did */
	const char *reason;                 /* NUL-terminated; valid as long as the engine's set */
	bool failed;                        /* it would have been another, had nothing failed */
	bool tightened;                     /* a lower tier made it stricter */
	uint32_t n_considered;              /* rules that were evaluated */
	uint32_t n_matches, n_matches_more; /* more: those beyond the array */
	struct engine_match matches[ENGINE_MATCHES_MAX];
	uint32_t n_errors;
	struct engine_error errors[ENGINE_ERRORS_MAX];
	uint32_t n_rewrites;
	struct engine_rewrite rewrites[ENGINE_REWRITES_MAX];
	uint64_t retry_after_ms; /* throttled: when it may work; 0: not known */
	uint64_t ns;             /* time it took */
	char text[256];          /* where a reason has to be made up */
};

struct engine_host *engine_host_new(void);
struct engine_host *engine_host_free(struct engine_host *host);
void engine_host_freep(struct engine_host **host);
/* Put @set in force, and own it. NULL: nothing is in force, everything is blocked. */
void engine_host_load(struct engine_host *host, struct engine_set *set);
/* The set in force, or NULL; valid until the next load, so only for whoever loads. */
const struct engine_set *engine_host_set(const struct engine_host *host);
/*
 * engine_set_new() and engine_host_load(); on failure the old set stays in force, and @err ends in
 * "; the rules before stay in force".
 */
int engine_host_reload(struct engine_host *host, const struct policy_rule *rules, size_t n,
		       const struct engine_options *options, struct err *err);

/*
 * Accounts of quotas, kept across restarts: call save now and then and at the end. Restoring a file
 * that is not exactly what was saved is -EBADMSG: do not run on with empty accounts.
 */
int engine_host_save(struct engine_host *host, const char *path, struct err *err);
int engine_host_restore(struct engine_host *host, const char *path, struct err *err);

/* Milliseconds since 1970 and on a clock that never jumps; NULL: the system's. For tests. */
struct engine_clock {
	void (*now)(void *ctx, int64_t *ret_unix_ms, uint64_t *ret_mono_ms);
	void *ctx;
};
void engine_host_clock(struct engine_host *host, const struct engine_clock *clock);

struct engine *engine_new(struct engine_host *host, const struct cel_limits *limits);
struct engine *engine_free(struct engine *engine);
void engine_freep(struct engine **engine);

/*
 * What becomes of @event. Preprocess rewrites are applied to it, and common.findings set; their
 * values, and the pointers of *@ret_decision, are valid until the next decision of this engine. Takes
 * no memory and makes no system call but for the clock.
 */
void engine_decide(struct engine *engine, struct event *event,
		   struct engine_decision *ret_decision);
/* The same with the throttles' buckets and accounts left alone: for tests, backtests, replay. */
void engine_preview(struct engine *engine, struct event *event,
		    struct engine_decision *ret_decision);

/* Apply the decision's rewrites to @event; notes before and after. -ENOBUFS: they do not fit, block. */
int engine_rewrite_apply(struct engine *engine, struct event *event,
			 struct engine_decision *decision, struct err *err);

/* Rule by rule, why the last engine_decide() or engine_preview() of @event gave what it gave. */
struct engine_step {
	const struct policy_rule *rule;
	bool considered; /* false: the index showed that it cannot match */
	bool matched;
	bool failed;
	bool winner;
	const char *error; /* when failed */
};
typedef void engine_told(void *ctx, const struct engine_step *step);
void engine_explain(struct engine *engine, struct event *event, engine_told *told, void *ctx);

/* "block by rule 'x' (capsule.yaml:12:5): reason". */
void engine_decision_print(const struct engine_decision *d, struct buf *out);
/*
 * The resolved event: {"event":{...},"decision":{"action":...,"rule":...},"matches":[...],
 * "findings":[...],"rewrites":[...],"errors":[...],"ns":...}. @flags: enum event_json_flags.
 */
void engine_write_json(const struct event *event, const struct engine_decision *d, unsigned flags,
		       struct json_wr *w);

/* Where a rule stands: "capsule.yaml:12:5", or its pack and id when it has no place. */
void engine_rule_where(const struct policy_rule *rule, struct buf *out);
