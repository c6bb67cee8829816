/* What a client of the control socket may say: one table of verbs, one of members. */
#include "base/own.h"
#include "codec/json_rd.h"
#include "mediate/control.h"

#include <errno.h>
#include <string.h>

#define ARENA_MAX (1 << 20)
#define BIT(member) (1u << (member))

enum member { M_DO, M_VERSION, M_KEY, M_ID, M_ALLOW, M_SCOPE, M_NARROW, MEMBER_N };

static const struct {
	const char *name;
	unsigned needs, takes; /* members beside "do" */
} verbs[CONTROL_VERB_N] = {
	[CONTROL_HELLO] = { "hello", BIT(M_VERSION) | BIT(M_KEY), 0 },
	[CONTROL_STATUS] = { "status", 0, 0 },
	[CONTROL_ASKS] = { "asks", 0, 0 },
	[CONTROL_WATCH] = { "watch", 0, 0 },
	[CONTROL_ANSWER] = { "answer", BIT(M_ID) | BIT(M_ALLOW), BIT(M_SCOPE) | BIT(M_NARROW) },
	[CONTROL_RELOAD] = { "reload", 0, 0 },
};

static bool read_do(const struct json *v, struct control_request *r)
{
	for (int i = 0; v->kind == JSON_STRING && i < CONTROL_VERB_N; i++) {
		if (str_eqz(v->text, verbs[i].name)) {
			r->verb = (enum control_verb)i;
			return true;
		}
	}
	return false;
}

static bool read_version(const struct json *v, struct control_request *r)
{
	return json_u64_of(v, &r->version);
}

static bool read_key(const struct json *v, struct control_request *r)
{
	if (v->kind != JSON_STRING || v->text.n != CONTROL_KEY_LEN)
		return false;
	memcpy(r->key_text, v->text.p, CONTROL_KEY_LEN);
	r->key = (struct str){ r->key_text, CONTROL_KEY_LEN };
	return true;
}

static bool read_id(const struct json *v, struct control_request *r)
{
	return json_u64_of(v, &r->id);
}

static bool read_allow(const struct json *v, struct control_request *r)
{
	r->allow = v->boolean;
	return v->kind == JSON_BOOL;
}

static bool read_scope(const struct json *v, struct control_request *r)
{
	for (int i = 0; v->kind == JSON_STRING && i < 3; i++) {
		if (str_eqz(v->text, rule_scope_name[i])) {
			r->scope = (enum rule_scope)i;
			return true;
		}
	}
	return false;
}

static bool read_narrow(const struct json *v, struct control_request *r)
{
	r->wider = !v->boolean;
	return v->kind == JSON_BOOL;
}

static const struct {
	const char *name, *wants;
	bool (*read)(const struct json *value, struct control_request *r);
} members[MEMBER_N] = {
	[M_DO] = { "do", "hello, status, asks, watch, answer or reload", read_do },
	[M_VERSION] = { "version", "a number", read_version },
	[M_KEY] = { "key", "64 hexadecimal digits", read_key },
	[M_ID] = { "id", "a number", read_id },
	[M_ALLOW] = { "allow", "true or false", read_allow },
	[M_SCOPE] = { "scope", "once, session or always", read_scope },
	[M_NARROW] = { "narrow", "true or false", read_narrow },
};

static int read_members(const struct json *object, struct control_request *r, unsigned *ret_have,
			struct err *err)
{
	for (const struct json *v = object->child; v; v = v->next) {
		int i = 0;

		while (i < MEMBER_N && !str_eqz(v->key, members[i].name))
			i++;
		if (i == MEMBER_N)
			return err_text(err, EBADMSG, "there is no member of that name");
		if (!members[i].read(v, r))
			return err_text(err, EBADMSG, "'%s' is %s", members[i].name,
					members[i].wants);
		*ret_have |= BIT(i);
	}
	return 0;
}

static int check(const struct control_request *r, unsigned have, struct err *err)
{
	unsigned needs = verbs[r->verb].needs | BIT(M_DO);
	unsigned too_many = have & ~(needs | verbs[r->verb].takes), missing = needs & ~have;

	for (int i = 0; i < MEMBER_N; i++) {
		if (missing & BIT(i))
			return err_text(err, EBADMSG, "'%s' is missing", members[i].name);
		if (too_many & BIT(i))
			return err_text(err, EBADMSG, "'%s' has no place in '%s'", members[i].name,
					verbs[r->verb].name);
	}
	return 0;
}

int control_request_read(struct str line, struct control_request *ret, struct err *err)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(ARENA_MAX);
	struct control_request r = { .scope = RULE_ONCE };
	const struct json *value = NULL;
	struct err why = ERR_INIT;
	unsigned have = 0;
	int error;

	if (json_parse(&arena, line, &value, &why) < 0)
		return err_text(err, EBADMSG, "not JSON: %s", why.text);
	if (value->kind != JSON_OBJECT)
		return err_text(err, EBADMSG, "a request is an object");
	error = read_members(value, &r, &have, err);
	if (error == 0)
		error = check(&r, have, err);
	if (error < 0)
		return error;
	*ret = r;
	if (r.key.n)
		ret->key.p = ret->key_text;
	return 0;
}
