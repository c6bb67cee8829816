#include "engine/denial.h"

#include <stdio.h>
#include <string.h>

/* ---- what was tried ---- */

static const struct {
	enum event_type type;
	const char *tried;
	enum event_field object;
} tries[] = {
	{ EVENT_FILE_OPEN, "open for reading", EVENT_F_FILE_ACTIVITY_PATH },
	{ EVENT_FILE_CREATE, "create", EVENT_F_FILE_ACTIVITY_PATH },
	{ EVENT_FILE_DELETE, "delete", EVENT_F_FILE_ACTIVITY_PATH },
	{ EVENT_FILE_RENAME, "rename", EVENT_F_FILE_ACTIVITY_PATH },
	{ EVENT_FILE_LINK, "link", EVENT_F_FILE_ACTIVITY_PATH },
	{ EVENT_FILE_CHMOD, "change the attributes of", EVENT_F_FILE_ACTIVITY_PATH },
	{ EVENT_PROCESS_EXEC, "execute", EVENT_F_PROCESS_ACTIVITY_EXECUTABLE },
	{ EVENT_NET_CONNECT, "connect to", EVENT_F_IP_VALUE },
	{ EVENT_NET_BIND, "listen at", EVENT_F_IP_VALUE },
};

static void what(const struct event *e, struct denial *ret)
{
	const struct cel_value *write = &e->value[EVENT_F_FILE_ACTIVITY_WRITE];

	ret->tried = event_type_info[e->type].name;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		if (tries[i].type != e->type)
			continue;
		ret->tried = tries[i].tried;
		ret->object = event_str(e, tries[i].object);
	}
	if (e->type == EVENT_FILE_OPEN && write->kind == CEL_BOOL && write->b)
		ret->tried = "open for writing";
	if (!ret->object.n) /* a socket of the host's file system */
		ret->object = event_str(e, EVENT_F_NET_ACTIVITY_PATH);
}

/* ---- what would have to change ---- */

static void fix_ask(const struct denial *d, const struct policy_rule *rule, char *fix)
{
	(void)rule;
	(void)snprintf(
		fix, DENIAL_FIX_MAX,
		"a person has to allow it: at the run's terminal, or with 'capsule asks' and "
		"'capsule answer' from another; or change the line at %s",
		d->where);
}

static void fix_throttle(const struct denial *d, const struct policy_rule *rule, char *fix)
{
	(void)rule;
	(void)snprintf(fix, DENIAL_FIX_MAX, "nothing, but slower: the rate is set at %s", d->where);
}

static void fix_quarantine(const struct denial *d, const struct policy_rule *rule, char *fix)
{
	(void)rule;
	(void)snprintf(fix, DENIAL_FIX_MAX,
		       "the session is quarantined for what it did before: end it, and look at the "
		       "rule at %s",
		       d->where);
}

static void fix_organisation(const struct denial *d, const struct policy_rule *rule, char *fix)
{
	(void)rule;
	(void)snprintf(fix, DENIAL_FIX_MAX,
		       "only the organisation can change it: the rule stands at %s", d->where);
}

/* "filesystem.deny[2]": the line itself; "filesystem.write": that there is none. */
static void fix_section(const struct denial *d, const struct policy_rule *rule, char *fix)
{
	const char *bracket = strchr(rule->id, '[');
	int n = bracket ? (int)(bracket - rule->id) : (int)strlen(rule->id);

	if (bracket && strncmp(d->where, "preset:", 7) == 0)
		(void)snprintf(fix, DENIAL_FIX_MAX,
			       "it is a line of a preset, %s: a policy of your own can extend "
			       "another, or none, and have its own '%.*s'",
			       d->where, n, rule->id);
	else if (bracket)
		(void)snprintf(fix, DENIAL_FIX_MAX,
			       "take the entry of '%.*s' at %s out, or make it narrower", n,
			       rule->id, d->where);
	else
		(void)snprintf(fix, DENIAL_FIX_MAX, "add it to '%.*s' in capsule.yaml", n,
			       rule->id);
}

static void fix_rule(const struct denial *d, const struct policy_rule *rule, char *fix)
{
	(void)snprintf(fix, DENIAL_FIX_MAX,
		       "narrow 'when' of the rule at %s, or add a rule with 'action: allow' and a "
		       "'priority' below %d",
		       d->where, rule->priority);
}

static void fix(const struct engine_decision *d, struct denial *ret)
{
	const struct policy_rule *rule = d->rule;

	if (!rule)
		(void)snprintf(ret->fix, DENIAL_FIX_MAX, "%s",
			       d->failed ? "a rule failed, and so it was denied: see the reason"
					 : "no rule allows it: add one with 'action: allow' to "
					   "'rules' in capsule.yaml");
	else if (d->action == RULE_QUARANTINE)
		fix_quarantine(ret, rule, ret->fix);
	else if (rule->action == RULE_ASK)
		fix_ask(ret, rule, ret->fix);
	else if (rule->action == RULE_THROTTLE)
		fix_throttle(ret, rule, ret->fix);
	else if (rule->section)
		fix_section(ret, rule, ret->fix);
	else if (rule->tier == RULE_ORG)
		fix_organisation(ret, rule, ret->fix);
	else
		fix_rule(ret, rule, ret->fix);
}

void denial_make(const struct event *event, const struct engine_decision *d, struct denial *ret)
{
	const struct policy_rule *rule = d->rule;
	struct buf where = buf_fixed(ret->where, sizeof(ret->where) - 1);

	ret->object = (struct str){ 0 };
	ret->where[0] = '\0';
	what(event, ret);
	ret->layer = rule && rule->kernel ? "kernel" : "supervisor";
	ret->rule = rule ? rule->id : NULL;
	ret->reason = d->reason && d->reason[0] ? d->reason : NULL;
	if (rule) {
		engine_rule_where(rule, &where);
		ret->where[where.n] = '\0';
	}
	ret->retry = rule && (rule->action == RULE_ASK || rule->action == RULE_THROTTLE) &&
		     d->action != RULE_QUARANTINE;
	ret->retry_after_ms = d->retry_after_ms;
	fix(d, ret);
}

static void put(struct json_wr *w, const char *key, const char *text)
{
	if (!text || !text[0])
		return;
	json_key(w, key);
	json_strz(w, text);
}

void denial_write_json(const struct denial *d, struct json_wr *w)
{
	json_object(w);
	put(w, "tried", d->tried);
	if (d->object.n) {
		json_key(w, "object");
		json_str(w, d->object);
	}
	put(w, "rule", d->rule);
	put(w, "where", d->where);
	put(w, "layer", d->layer);
	put(w, "reason", d->reason);
	put(w, "fix", d->fix);
	json_key(w, "retry");
	json_bool(w, d->retry);
	if (d->retry_after_ms) {
		json_key(w, "retry_after_ms");
		json_u64(w, d->retry_after_ms);
	}
	json_end_object(w);
}
