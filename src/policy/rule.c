#include "policy/rule.h"

const char *const rule_tier_name[RULE_TIER_N] = {
	[RULE_ORG] = "organisation", [RULE_PROFILE] = "profile", [RULE_USER] = "user",
	[RULE_DEFAULT] = "default",  [RULE_PROJECT] = "project",
};

const char *const rule_action_name[RULE_ACTION_N] = {
	[RULE_OBSERVE] = "observe",       [RULE_ALLOW] = "allow", [RULE_REWRITE] = "rewrite",
	[RULE_THROTTLE] = "throttle",     [RULE_ASK] = "ask",     [RULE_BLOCK] = "block",
	[RULE_QUARANTINE] = "quarantine",
};

const char *const rule_phase_name[RULE_PHASE_N] = {
	[RULE_PREPROCESS] = "preprocess",   [RULE_ENFORCE] = "enforce",
	[RULE_CONFIRM] = "confirm",         [RULE_DETECT] = "detect",
	[RULE_POSTPROCESS] = "postprocess", [RULE_EMIT] = "emit",
};

const char *const rule_op_name[4] = {
	[RULE_SET] = "set",
	[RULE_REMOVE] = "remove",
	[RULE_REPLACE_REGEX] = "replace_regex",
	[RULE_STRIP_HEADER] = "strip_header",
};

const char *const rule_per_name[3] = {
	[RULE_PER_SESSION] = "session", [RULE_PER_HOUR] = "hour", [RULE_PER_DAY] = "day"
};

const char *const rule_scope_name[3] = {
	[RULE_ONCE] = "once", [RULE_SESSION] = "session", [RULE_ALWAYS] = "always"
};

enum rule_phase rule_phase_default(enum rule_action action)
{
	return action == RULE_OBSERVE ? RULE_DETECT : RULE_ENFORCE;
}

bool rule_phase_takes(enum rule_phase phase, enum rule_action action)
{
	switch (phase) {
	case RULE_PREPROCESS: return action == RULE_REWRITE;
	case RULE_ENFORCE:
	case RULE_POSTPROCESS: return action != RULE_OBSERVE;
	case RULE_DETECT:
	case RULE_EMIT: return action == RULE_OBSERVE;
	case RULE_CONFIRM:
	case RULE_PHASE_N: break;
	}
	return false;
}
