/* The part of the schema table under `rules`. */
#include "policy/apply.h"
#include "policy/schema.h"

const char *const schema_rules_default[] = { "allow", "block", NULL };

/* in the order of enum rule_action */
static const char *const actions[] = { "observe", "allow", "rewrite",    "throttle",
				       "ask",     "block", "quarantine", NULL };
static const char *const phases[] = {
	"preprocess", "enforce", "detect", "postprocess", "emit", NULL
};
static const char *const levels[] = { "info", "low", "medium", "high", "critical", NULL };
static const char *const beyonds[] = { "block", "ask", NULL };
static const char *const pers[] = { "session", "hour", "day", NULL };
static const char *const scopes[] = { "once", "session", "always", NULL };

static const struct schema item_on = { .doc = "An event type, or FAMILY.*",
				       .scalar = SCALAR_TEXT,
				       .set = apply_rule_on };
static const struct schema item_tag = { .doc = "A word.",
					.scalar = SCALAR_TEXT,
					.set = apply_rule_tag };

static const struct schema rewrite_keys[] = {
	{ .name = "field",
	  .doc = "What is rewritten; docs/events.md marks what can be with W.",
	  .scalar = SCALAR_TEXT,
	  .required = true,
	  .set = apply_rewrite_field },
	{ .name = "set",
	  .doc = "The new text; of headers, 'name: value'.",
	  .scalar = SCALAR_TEXT,
	  .empty_ok = true,
	  .arg = RULE_SET,
	  .set = apply_rewrite_op },
	{ .name = "remove",
	  .doc = "true: nothing is left of it.",
	  .scalar = SCALAR_BOOL,
	  .arg = RULE_REMOVE,
	  .set = apply_rewrite_op },
	{ .name = "replace_regex",
	  .doc = "An expression (RE2), each match of which becomes 'with'.",
	  .scalar = SCALAR_TEXT,
	  .arg = RULE_REPLACE_REGEX,
	  .set = apply_rewrite_op },
	{ .name = "with",
	  .doc = "What a match becomes; \\\\1 is its first group.",
	  .scalar = SCALAR_TEXT,
	  .empty_ok = true,
	  .set = apply_rewrite_with },
	{ .name = "strip_header",
	  .doc = "The header that is taken out.",
	  .scalar = SCALAR_TEXT,
	  .arg = RULE_STRIP_HEADER,
	  .set = apply_rewrite_op },
	{ 0 }
};

static const struct schema item_rewrite = { .doc = "One change.",
					    .keys = rewrite_keys,
					    .begin = apply_rewrite_begin,
					    .end = apply_rewrite_end };

static const struct schema quota_keys[] = {
	{ .name = "amount",
	  .doc = "How much: a number, a size (bytes), or US dollars (cost).",
	  .scalar = SCALAR_TEXT,
	  .required = true,
	  .set = apply_quota_amount },
	{ .name = "of",
	  .doc = "requests, bytes, tokens, cost, or an expression that gives an int.",
	  .scalar = SCALAR_TEXT,
	  .set = apply_quota_of },
	{ .name = "per",
	  .doc = "What it is counted in; hours and days are UTC's.",
	  .scalar = SCALAR_CHOICE,
	  .choices = pers,
	  .set = apply_quota_per },
	{ 0 }
};

static const struct schema throttle_keys[] = {
	{ .name = "rate",
	  .doc = "How often: 10/s, 100/m, 5000/h, 20/d.",
	  .scalar = SCALAR_TEXT,
	  .set = apply_throttle_rate },
	{ .name = "burst",
	  .doc = "How many at once; without it, one second's worth.",
	  .scalar = SCALAR_COUNT,
	  .set = apply_throttle_burst },
	{ .name = "by",
	  .doc = "An expression that gives text: each value is counted by itself.",
	  .scalar = SCALAR_TEXT,
	  .set = apply_throttle_by },
	{ .name = "quota", .doc = "How much in all.", .keys = quota_keys },
	{ .name = "beyond",
	  .doc = "What becomes of what is too much.",
	  .scalar = SCALAR_CHOICE,
	  .choices = beyonds,
	  .set = apply_throttle_beyond },
	{ 0 }
};

static const struct schema ask_keys[] = {
	{ .name = "timeout",
	  .doc = "How long an answer is waited for; then it is no.",
	  .scalar = SCALAR_TIME,
	  .set = apply_ask_timeout },
	{ .name = "scope",
	  .doc = "The widest that an answer may hold for.",
	  .scalar = SCALAR_CHOICE,
	  .choices = scopes,
	  .set = apply_ask_scope },
	{ .name = "prompt",
	  .doc = "What the person is asked; without it, the reason.",
	  .scalar = SCALAR_TEXT,
	  .set = apply_ask_prompt },
	{ 0 }
};

static const struct schema rule_keys[] = {
	{ .name = "name",
	  .doc = "The rule's name, by which decisions name it.",
	  .scalar = SCALAR_TEXT,
	  .required = true,
	  .set = apply_rule_name },
	{ .name = "on",
	  .doc = "The event types it is for: names, or FAMILY.*",
	  .scalar = SCALAR_TEXT,
	  .item = &item_on,
	  .required = true,
	  .set = apply_rule_on },
	{ .name = "when",
	  .doc = "An expression (CEL) that must hold; without it, always.",
	  .scalar = SCALAR_TEXT,
	  .set = apply_rule_when },
	{ .name = "action",
	  .doc = "What it does.",
	  .scalar = SCALAR_CHOICE,
	  .choices = actions,
	  .required = true,
	  .set = apply_rule_action },
	{ .name = "phase",
	  .doc = "When it is asked; without it, detect for observe, else enforce.",
	  .scalar = SCALAR_CHOICE,
	  .choices = phases,
	  .set = apply_rule_phase },
	{ .name = "priority",
	  .doc = "-1000 to 1000, without it 100; the lower goes first.",
	  .scalar = SCALAR_TEXT,
	  .set = apply_rule_priority },
	{ .name = "lock",
	  .doc = "true: nobody below may tighten what it decides (the organisation's alone).",
	  .scalar = SCALAR_BOOL,
	  .set = apply_rule_lock },
	{ .name = "reason",
	  .doc = "What the one who is stopped is told.",
	  .scalar = SCALAR_TEXT,
	  .set = apply_rule_reason },
	{ .name = "level",
	  .doc = "How grave a finding is.",
	  .scalar = SCALAR_CHOICE,
	  .choices = levels,
	  .set = apply_rule_level },
	{ .name = "tags", .doc = "Words for those who read findings.", .item = &item_tag },
	{ .name = "rewrite",
	  .doc = "The changes that action rewrite makes.",
	  .item = &item_rewrite },
	{ .name = "throttle", .doc = "The measure of action throttle.", .keys = throttle_keys },
	{ .name = "ask", .doc = "How action ask asks.", .keys = ask_keys },
	{ 0 }
};

const struct schema schema_rule = {
	.doc = "One rule.", .keys = rule_keys, .begin = apply_rule_begin, .end = apply_rule_end
};
