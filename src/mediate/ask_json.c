#include "mediate/ask_json.h"

#include "base/own.h"

static void key_str(struct json_wr *w, const char *key, struct str value)
{
	if (!value.n)
		return;
	json_key(w, key);
	json_str(w, value);
}

static void put_grant(const struct ask *ask, bool wider, const char *key, struct json_wr *w)
{
	char room[2 * GRANT_WHEN_MAX + 512];
	struct buf text = buf_fixed(room, sizeof(room));

	ask_put_grant(ask, wider, &text);
	if (!buf_error(&text))
		key_str(w, key, buf_str(&text));
}

static void put_ancestors(const struct ask *ask, struct json_wr *w)
{
	json_key(w, "ancestors");
	json_array(w);
	for (unsigned i = 0; i < ask->n_ancestors; i++) {
		json_object(w);
		json_key(w, "pid");
		json_i64(w, ask->ancestors[i].pid);
		json_key(w, "name");
		json_strz(w, ask->ancestors[i].name);
		json_end_object(w);
	}
	json_end_array(w);
}

void ask_put_json(const struct ask *ask, const uint64_t *now_ms, struct json_wr *w)
{
	json_key(w, "id");
	json_u64(w, ask->id);
	json_key(w, "type");
	json_strz(w, event_type_info[ask->type].name);
	key_str(w, "what", ask->what);
	key_str(w, "object", ask->object);
	key_str(w, "detail", ask->detail);
	key_str(w, "rule", ask->rule);
	key_str(w, "where", ask->where);
	key_str(w, "prompt", ask->prompt);
	put_ancestors(ask, w);
	if (!now_ms)
		return;
	json_key(w, "scopes");
	json_array(w);
	for (int i = 0; i <= (int)ask->widest; i++)
		json_strz(w, rule_scope_name[i]);
	json_end_array(w);
	key_str(w, "wider", ask->wider);
	json_key(w, "left_ms");
	json_u64(w, ask->deadline_ms > *now_ms ? ask->deadline_ms - *now_ms : 0);
	json_key(w, "waiting");
	json_u64(w, ask->n_waiting);
	put_grant(ask, false, "grant", w);
	if (ask->has_wider)
		put_grant(ask, true, "grant_wider", w);
}

void ask_put_outcome(const struct ask *ask, struct json_wr *w)
{
	const struct ask_outcome *o = &ask->outcome;

	json_key(w, "id");
	json_u64(w, ask->id);
	json_key(w, "answer");
	json_strz(w, ask_answer_name[o->answer]);
	if (o->answer > ASK_ALLOW)
		return;
	json_key(w, "scope");
	json_strz(w, rule_scope_name[o->reply.scope]);
	json_key(w, "narrow");
	json_bool(w, !o->reply.wider);
	json_key(w, "by");
	json_strz(w, ask_by_name[o->reply.by]);
	json_key(w, "pid");
	json_i64(w, o->reply.pid);
	json_key(w, "uid");
	json_u64(w, o->reply.uid);
	key_str(w, "note", str_of(o->note));
}
