/*
 * rule - one rule, wherever it was written: `rules:` of a policy, a pack, a line of a section.
 *
 * All strings are NUL-terminated and belong to whoever made the rule, which must outlive its use.
 * Precedence: the tier; within it the priority, where the lower number goes first; then the action,
 * where the stronger goes first. docs/RULES.md is the reference.
 */
#pragma once

#include "event/table.h"
#include "policy/rules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RULE_PRIORITY_DEFAULT 100
#define RULE_PRIORITY_MIN (-1000)
#define RULE_PRIORITY_MAX 1000
#define RULE_REWRITES_MAX 16
#define RULE_TAGS_MAX 16

/* Whose word it is, the highest first. */
enum rule_tier {
	RULE_ORG,
	RULE_PROFILE,
	RULE_USER,
	RULE_DEFAULT, /* built in, and what presets say: speaks where nobody else does */
	RULE_PROJECT, /* a file that came with a workspace: it can only tighten what the others say */
	RULE_TIER_N
};

/* What it does, the weakest first. */
enum rule_action {
	RULE_OBSERVE, /* decides nothing: a finding */
	RULE_ALLOW,
	RULE_REWRITE,
	RULE_THROTTLE, /* within its rate and quota: nothing; beyond: its .beyond */
	RULE_ASK,
	RULE_BLOCK,
	RULE_QUARANTINE, /* block this, and everything that the session tries from now on */
	RULE_ACTION_N
};

enum rule_phase {
	RULE_PREPROCESS,  /* rewrites that all later phases see */
	RULE_ENFORCE,     /* the decision */
	RULE_CONFIRM,     /* where an `ask` waits: no rules of its own */
	RULE_DETECT,      /* findings; never decides */
	RULE_POSTPROCESS, /* the decision once more, with common.findings: it can only tighten */
	RULE_EMIT,        /* findings about what was decided, for exporters */
	RULE_PHASE_N
};

enum rule_rewrite_op {
	RULE_SET,           /* .value */
	RULE_REMOVE,        /* the field becomes unset */
	RULE_REPLACE_REGEX, /* every match of .pattern by .value, RE2, \1 for groups */
	RULE_STRIP_HEADER,  /* .value: the header's name */
};

struct rule_rewrite {
	enum rule_rewrite_op op;
	enum event_field field;
	const char *pattern;
	const char *value;
	struct policy_where where;
};

enum rule_per { RULE_PER_SESSION, RULE_PER_HOUR, RULE_PER_DAY };

/*
 * A token bucket: @rate_milli thousandths of a token a second flow in, at most @burst stay, an event
 * takes one. And a quota: at most @amount of what @of says, per session, hour (UTC) or day (UTC).
 * Either, or both. One bucket and one account for each value of the text that @by gives.
 */
struct rule_throttle {
	uint64_t rate_milli; /* 0: no rate */
	uint64_t burst;
	uint64_t amount; /* 0: no quota; money in millionths */
	const char *of;  /* "requests", "bytes", "tokens", "cost", or CEL that gives an int */
	enum rule_per per;
	const char *by;          /* CEL that gives text; NULL: one for all */
	enum rule_action beyond; /* RULE_BLOCK (as is 0) or RULE_ASK */
	struct policy_where by_where, of_where;
};

enum rule_scope { RULE_ONCE, RULE_SESSION, RULE_ALWAYS };

struct rule_ask {
	uint64_t timeout_ms;   /* 0: 60 s; then the answer is no */
	enum rule_scope scope; /* the widest that an answer may have */
	const char *prompt;    /* NULL: the reason */
};

struct policy_rule {
	const char *id;   /* "block-google-secret", "filesystem.deny[2]" */
	const char *name; /* for people; NULL: the id */
	const char *pack; /* the pack's id; NULL: the policy's own */
	event_types on;
	const char *when; /* CEL; NULL: always */
	enum rule_action action;
	enum rule_phase phase;
	enum rule_tier tier;
	int priority;
	bool lock;    /* organisation, profile: no lower tier may even tighten what it decides */
	bool lenient; /* may read fields that its types never carry (foreign packs) */
	bool section; /* made from a line of filesystem, network or process */
	bool kernel;  /* the wall's own layers hold it: no call has to be stopped for it */
	bool changes; /* about changes only: reading a file is never stopped by it */
	/* Made by "always" (policy/grants.h): it answers an `ask` of the user's tier or below, nothing else. */
	bool grant;
	const char *reason;
	const char *level; /* of a finding: "info" "low" "medium" "high" "critical"; NULL: info */
	size_t n_tags;
	const char *const *tags;
	size_t n_rewrites;
	const struct rule_rewrite *rewrites;
	struct rule_throttle throttle;
	struct rule_ask ask;
	struct policy_where where;      /* of the rule */
	struct policy_where when_where; /* of the expression's first character, when on one line */
};

extern const char *const rule_tier_name[RULE_TIER_N]; /* "organisation" */
extern const char *const rule_action_name[RULE_ACTION_N];
extern const char *const rule_phase_name[RULE_PHASE_N];
extern const char *const rule_op_name[4];  /* "set" ... */
extern const char *const rule_per_name[3]; /* "session" ... */
extern const char *const rule_scope_name[3];

/* Where an action stands when nothing is said: observe in detect, all others in enforce. */
enum rule_phase rule_phase_default(enum rule_action action);
/* May @action stand in @phase? */
bool rule_phase_takes(enum rule_phase phase, enum rule_action action);
