#include "engine/denial.h"

#include <stdarg.h>
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

static __attribute__((format(printf, 2, 3))) void fix_put(struct denial *d, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(d->fix, sizeof(d->fix), format, args);
	va_end(args);
}

/* "filesystem.deny[2]": the line itself; "filesystem.write": that there is none. */
static void fix_section(struct denial *d, const struct policy_rule *rule)
{
	const char *bracket = strchr(rule->id, '[');
	int n = bracket ? (int)(bracket - rule->id) : (int)strlen(rule->id);

	if (!bracket)
		fix_put(d, "add it to '%.*s' in capsule.yaml", n, rule->id);
	else if (strncmp(d->where, "preset:", 7) == 0)
		fix_put(d,
			"it is a line of a preset, %s: a policy of your own can extend another, or "
			"none, and have its own '%.*s'",
			d->where, n, rule->id);
	else
		fix_put(d, "take the entry of '%.*s' at %s out, or make it narrower", n, rule->id,
			d->where);
}

static void fix(const struct engine_decision *d, struct denial *ret)
{
	const struct policy_rule *rule = d->rule;

	if (!rule && d->failed)
		fix_put(ret, "a rule failed, and so it was denied: see the reason");
	else if (!rule)
		fix_put(ret, "no rule allows it: add one with 'action: allow' to 'rules' in "
			     "capsule.yaml");
	else if (d->action == RULE_QUARANTINE)
		fix_put(ret,
			"the session is quarantined for what it did before: end it, and look at "
			"the rule at %s",
			ret->where);
	else if (rule->action == RULE_ASK)
		fix_put(ret,
			"a person has to allow it: at the run's terminal, or with 'capsule asks' "
			"and 'capsule answer' from another; or change the line at %s",
			ret->where);
	else if (rule->action == RULE_THROTTLE)
		fix_put(ret, "nothing, but slower: the rate is set at %s", ret->where);
	else if (rule->section)
		fix_section(ret, rule);
	else if (rule->tier == RULE_ORG)
		fix_put(ret, "only the organisation can change it: the rule stands at %s",
			ret->where);
	else
		fix_put(ret,
			"narrow 'when' of the rule at %s, or add a rule with 'action: allow' and a "
			"'priority' below %d",
			ret->where, rule->priority);
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
