/*
 * set - compiled rules, and the parts of an engine: private to src/engine.
 */
#pragma once

#include "engine/engine.h"
#include "engine/index.h"
#include "engine/throttle.h"

#include <stdatomic.h>

#define SET_MEMORY_MAX (256U << 20)
#define TREE_MEMORY_MAX (4U << 20) /* of one expression's tree */
#define STEPS_MAX 100000 /* of one evaluation: cel_limits.steps, unless an engine is given others */
#define REWRITE_MEMORY (1U << 20) /* of one decision's rewritten values */
#define FINDINGS_MAX 64
#define CHARGES_MAX 16
#define QUARANTINE_MAX 1024 /* sessions; one more, and all are */

struct set_rule {
	struct policy_rule rule;  /* first: the rule of a decision is one of these */
	struct cel_program *when; /* NULL: always */
	struct cel_program *by, *of;
	struct cel_program **replace; /* by rewrite: RULE_REPLACE_REGEX */
	/*
	 * Precedence, the lowest first: tier, priority, strength of the action (which a throttle that
	 * is over has from elsewhere), and a number that settles the rest, by id.
	 */
	uint64_t order;
	uint8_t level; /* of a finding */
};

#define ORDER_TIER_SHIFT 48
#define ORDER_PRIORITY_SHIFT 32
#define ORDER_ACTION_SHIFT 24
#define ORDER_ACTION(order) \
	((enum rule_action)(RULE_ACTION_N - 1 - ((order) >> ORDER_ACTION_SHIFT & 0xff)))

static inline uint64_t order_with(uint64_t order, enum rule_action action)
{
	return (order & ~(UINT64_C(0xff) << ORDER_ACTION_SHIFT)) |
	       (uint64_t)(RULE_ACTION_N - 1 - action) << ORDER_ACTION_SHIFT;
}

/* The rules of the events of one type; types with the same rules share one. */
struct set_type {
	struct index index;
	uint8_t phases; /* bit by enum rule_phase: there are rules of it */
};

struct engine_set {
	struct arena arena;
	struct set_rule *rules;
	uint32_t n;
	enum rule_action otherwise;
	const struct set_type *types[EVENT_TYPE_N];
	const struct index_terms *terms;
	const int8_t *chosen;
	uint8_t digest[BLAKE3_OUT];
	struct engine_set *retired; /* the next of those nobody may use any more */
};

/* A mistake, to whoever listens, and the first into @err. */
struct set_build {
	struct engine_set *set;
	const struct engine_options *options;
	struct err *err;
	struct arena scratch; /* trees, emptied after each rule */
	unsigned errors;
};
__attribute__((format(printf, 5, 6))) void set_problem(struct set_build *b,
						       const struct set_rule *rule,
						       const char *part, bool warning,
						       const char *fmt, ...);

/* set_check.c: what can be said of a rule without evaluating it. */
void set_check_rule(struct set_build *b, const struct set_rule *rule);
void set_check_tree(struct set_build *b, const struct set_rule *rule, const char *part,
		    const struct cel_expr *tree);
/* set_tie.c: two rules of equal rank that would do different things to one event. */
int set_check_ties(struct set_build *b);

/* set_copy.c: a deep copy of a rule. */
int set_copy_rule(struct arena *arena, const struct policy_rule *from, struct policy_rule *to);

/* section.c: @text as a literal of an expression. */
void set_put_literal(struct buf *out, const char *text);

/* sealed.c: the set's travelling form. */
int set_write(const struct engine_set *set, struct buf *out);

struct engine_host {
	_Atomic(struct engine_set *) set;
	pthread_mutex_t lock; /* what follows */
	struct engine *engines;
	struct engine_set *retired;
	struct throttle throttle;
	struct engine_clock clock;
	uint32_t n_quarantined;
	uint8_t quarantined[QUARANTINE_MAX][THROTTLE_KEY];
	_Atomic(bool) any_quarantined;
};

struct engine {
	struct engine_host *host;
	struct engine *next;
	/* The set this engine looks at; kept until its next decision, whose pointers go into it. */
	_Atomic(struct engine_set *) using;
	struct cel_eval *eval;
	uint32_t stamp;
	uint32_t *stamps;     /* by rule */
	uint32_t *candidates; /* as many */
	char *rewritten;
	size_t n_rewritten;
	struct cel_value findings[FINDINGS_MAX];
};

/* The set in force, which stays until set_release() or the next. */
struct engine_set *host_acquire(struct engine *engine);
void host_clock(struct engine_host *host, int64_t *ret_unix_ms, uint64_t *ret_mono_ms);
bool host_is_quarantined(struct engine_host *host, const struct event *e);
void host_quarantine(struct engine_host *host, const struct event *e);

/* rewrite.c: do one. 1: it changed something; 0; -ENOBUFS; -EINVAL: it could not be evaluated. */
int rewrite_one(struct engine *engine, const struct set_rule *rule, size_t i, struct event *e,
		struct engine_rewrite *ret);
/* Do two rewrites change the same thing, and differently? */
bool rewrite_conflict(const struct rule_rewrite *a, const struct rule_rewrite *b);
/* ... the same thing at all? */
bool rewrite_same_target(const struct rule_rewrite *a, const struct rule_rewrite *b);
/* "Name: value" of a header's text; false: not of that form. */
bool rewrite_header(struct str text, struct str *ret_name, struct str *ret_value);
/* The expression that does a RULE_REPLACE_REGEX. */
int rewrite_expression(const struct rule_rewrite *r, struct buf *out);
