/*
 * Events from JSON: the groups of the document spell the fields' names. Everything is looked up in
 * the table, so that a misspelt name is a mistake and never a field that no rule sees.
 */
#include "event/event.h"

#include "base/buf.h"
#include "codec/json_rd.h"
#include "codec/utf8.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_MAX_ 128
#define OBJECT_DEPTH_MAX 16

struct reading {
	struct event *e;
	struct arena *arena;
	struct err *err;
};

static int wrong(struct reading *rd, struct str name, const char *want)
{
	return err_text(rd->err, EBADMSG, "%.*s: %s is needed here", STR_ARG(name), want);
}

static int no_memory(struct reading *rd)
{
	return err_set(rd->err, ENOMEM, "event");
}

/* JSON of ours may hold bytes that are not UTF-8 (\udc80-\udcff): they read as U+FFFD. */
static int text_of(struct reading *rd, struct str s, struct cel_value *ret)
{
	char *copy = NULL;
	size_t n = 0, at = 0;

	while (at < s.n) {
		uint32_t c;
		size_t len = utf8_next(s.p + at, s.n - at, &c);

		if (len == 0 && !copy) {
			copy = arena_calloc(rd->arena, s.n, 3);
			if (!copy)
				return no_memory(rd);
			memcpy(copy, s.p, at);
			n = at;
		}
		if (copy)
			memcpy(copy + n, len ? s.p + at : "\xef\xbf\xbd", len ? len : 3);
		n += len ? len : 3;
		at += len ? len : 1;
	}
	*ret = cel_string(copy ? (struct str){ copy, n } : s);
	return 0;
}

static int value_of(struct reading *rd, struct str name, const struct json *j, unsigned depth,
		    struct cel_value *ret);

static int list_of(struct reading *rd, struct str name, const struct json *j, unsigned depth,
		   struct cel_value *ret)
{
	struct cel_value *items = arena_array(rd->arena, j->count ? j->count : 1, struct cel_value);
	uint32_t n = 0;

	if (!items)
		return no_memory(rd);
	for (const struct json *i = j->child; i; i = i->next) {
		int r = value_of(rd, name, i, depth + 1, &items[n++]);

		if (r < 0)
			return r;
	}
	*ret = (struct cel_value){ .kind = CEL_LIST, .n = n, .items = items };
	return 0;
}

/* Keys in lower case when @fold; two that then are the same are a mistake. */
static int key_of(struct reading *rd, struct str name, struct str key, bool fold,
		  const struct cel_entry *before, uint32_t n, struct cel_value *ret)
{
	int r = text_of(rd, key, ret);
	char *lower;

	if (r < 0 || !fold)
		return r;
	lower = arena_strdup(rd->arena, cel_str(*ret));
	if (!lower)
		return no_memory(rd);
	for (uint32_t i = 0; i < ret->n; i++)
		lower[i] = (char)(lower[i] >= 'A' && lower[i] <= 'Z' ? lower[i] | 0x20 : lower[i]);
	ret->p = lower;
	for (uint32_t i = 0; i < n; i++) {
		if (str_eq(cel_str(before[i].key), cel_str(*ret)))
			return err_text(rd->err, EBADMSG, "%.*s: '%.*s' stands there twice",
					STR_ARG(name), (int)(ret->n < 60 ? ret->n : 60), lower);
	}
	return 0;
}

static int map_of(struct reading *rd, struct str name, const struct json *j, bool fold,
		  unsigned depth, struct cel_value *ret)
{
	struct cel_entry *entries =
		arena_array(rd->arena, j->count ? j->count : 1, struct cel_entry);
	uint32_t n = 0;

	if (!entries)
		return no_memory(rd);
	if (fold && j->count > 1024)
		return wrong(rd, name, "a map of at most 1024 headers");
	for (const struct json *i = j->child; i; i = i->next, n++) {
		int r = key_of(rd, name, i->key, fold, entries, n, &entries[n].key);

		if (r == 0)
			r = value_of(rd, name, i, depth + 1, &entries[n].value);
		if (r < 0)
			return r;
	}
	*ret = (struct cel_value){ .kind = CEL_MAP, .n = n, .entries = entries };
	return 0;
}

static int number_of(struct reading *rd, struct str name, const struct json *j,
		     struct cel_value *ret)
{
	char text[64];
	int64_t i;

	if (json_i64_of(j, &i)) {
		*ret = cel_int(i);
		return 0;
	}
	if (j->text.n >= sizeof(text))
		return wrong(rd, name, "a number of less than 64 digits");
	memcpy(text, j->text.p, j->text.n);
	text[j->text.n] = '\0';
	*ret = cel_double(strtod(text, NULL));
	return 0;
}

/* Anything that JSON can say. */
static int value_of(struct reading *rd, struct str name, const struct json *j, unsigned depth,
		    struct cel_value *ret)
{
	if (depth > OBJECT_DEPTH_MAX)
		return wrong(rd, name, "something less deep");
	switch (j->kind) {
	case JSON_NULL: *ret = CEL_NULL_VALUE; return 0;
	case JSON_BOOL: *ret = cel_bool(j->boolean); return 0;
	case JSON_NUMBER: return number_of(rd, name, j, ret);
	case JSON_STRING: return text_of(rd, j->text, ret);
	case JSON_ARRAY: return list_of(rd, name, j, depth, ret);
	case JSON_OBJECT: return map_of(rd, name, j, false, depth, ret);
	}
	return -EBADMSG;
}

static bool all_are(const struct json *j, enum json_kind kind)
{
	for (const struct json *i = j->child; i; i = i->next) {
		if (i->kind != kind)
			return false;
	}
	return true;
}

/* @n digits at @p; -1: not that. */
static int digits(const char *p, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		value = value * 10 + (p[i] - '0');
	}
	return value;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar, March-based years of 400. */
static int64_t days_from(int y, int m, int d)
{
	int64_t year = m <= 2 ? y - 1 : y;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "2026-01-31T10:20:30.123Z": RFC 3339 in UTC. */
static bool time_of(struct str s, struct cel_value *ret)
{
	int y, mo, d, h, mi, sec;
	uint32_t nanos = 0, unit = 100000000;
	size_t at = 19;

	if (s.n < 20 || s.p[4] != '-' || s.p[7] != '-' || s.p[10] != 'T' || s.p[13] != ':' ||
	    s.p[16] != ':' || s.p[s.n - 1] != 'Z')
		return false;
	y = digits(s.p, 4);
	mo = digits(s.p + 5, 2);
	d = digits(s.p + 8, 2);
	h = digits(s.p + 11, 2);
	mi = digits(s.p + 14, 2);
	sec = digits(s.p + 17, 2);
	if (y < 1 || mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 23 || mi < 0 || mi > 59 ||
	    sec < 0 || sec > 59)
		return false;
	if (s.p[at] == '.') {
		for (at++; at < s.n - 1 && unit; at++, unit /= 10) {
			if (s.p[at] < '0' || s.p[at] > '9')
				return false;
			nanos += (uint32_t)(s.p[at] - '0') * unit;
		}
		if (at == 20)
			return false;
	}
	if (at != s.n - 1)
		return false;
	*ret = (struct cel_value){ .kind = CEL_TIMESTAMP,
				   .nanos = nanos,
				   .i = days_from(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec };
	return true;
}

static bool addr_of(struct str s, struct cel_addr *ret)
{
	struct cel_addr a = { 0 };
	char text[64];

	if (s.n >= sizeof(text) || s.n == 0)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (strlen(text) != s.n)
		return false;
	if (inet_pton(AF_INET, text, a.bytes) == 1) {
		a.family = 4;
		a.prefix = 32;
	} else if (inet_pton(AF_INET6, text, a.bytes) == 1) {
		a.family = 6;
		a.prefix = 128;
	} else {
		return false;
	}
	*ret = a;
	return true;
}

/* A header's values may be written as one text. */
static int headers_of(struct reading *rd, struct str name, const struct json *j,
		      struct cel_value *ret)
{
	static const char want[] = "a map of header names to lists of text";

	if (j->kind != JSON_OBJECT)
		return wrong(rd, name, want);
	for (const struct json *i = j->child; i; i = i->next) {
		if (i->kind != JSON_ARRAY || !all_are(i, JSON_STRING))
			return wrong(rd, name, want);
	}
	return map_of(rd, name, j, true, 0, ret);
}

static int field_value(struct reading *rd, enum event_field f, const struct json *j,
		       struct cel_value *ret)
{
	struct str name = str_of(event_field_info[f].name);
	enum event_kind kind = (enum event_kind)event_field_info[f].kind;

	switch (kind) {
	case EVENT_BOOL:
		*ret = cel_bool(j->boolean);
		return j->kind == JSON_BOOL ? 0 : wrong(rd, name, "true or false");
	case EVENT_INT:
		*ret = cel_int(0);
		return json_i64_of(j, &ret->i) ? 0 : wrong(rd, name, "a whole number");
	case EVENT_DOUBLE:
		if (j->kind != JSON_NUMBER || number_of(rd, name, j, ret) < 0)
			return wrong(rd, name, "a number");
		if (ret->kind == CEL_INT)
			*ret = cel_double((double)ret->i);
		return 0;
	case EVENT_STRING:
		return j->kind == JSON_STRING ? text_of(rd, j->text, ret) : wrong(rd, name, "text");
	case EVENT_TIMESTAMP:
		if (j->kind == JSON_STRING && time_of(j->text, ret))
			return 0;
		return wrong(rd, name, "a time as 2026-01-31T10:20:30Z");
	case EVENT_IP:
		*ret = (struct cel_value){ .kind = CEL_IP, .addr = &rd->e->addr };
		if (j->kind == JSON_STRING && addr_of(j->text, &rd->e->addr))
			return 0;
		return wrong(rd, name, "an IP address");
	case EVENT_STRINGS:
		if (j->kind != JSON_ARRAY || !all_are(j, JSON_STRING))
			return wrong(rd, name, "a list of text");
		return list_of(rd, name, j, 0, ret);
	case EVENT_LABELS:
		if (j->kind != JSON_OBJECT || !all_are(j, JSON_STRING))
			return wrong(rd, name, "a map of text to text");
		return map_of(rd, name, j, false, 0, ret);
	case EVENT_HEADERS: return headers_of(rd, name, j, ret);
	case EVENT_OBJECTS:
		if (j->kind != JSON_ARRAY || !all_are(j, JSON_OBJECT))
			return wrong(rd, name, "a list of maps");
		return list_of(rd, name, j, 0, ret);
	case EVENT_KIND_N: break;
	}
	return -EBADMSG;
}

int event_read_field(struct event *e, enum event_field f, const struct json *value,
		     struct arena *arena, struct err *err)
{
	struct reading rd = { .e = e, .arena = arena, .err = err };
	struct cel_value v;
	int r;

	if (value->kind == JSON_NULL) {
		event_unset(e, f);
		return 0;
	}
	r = field_value(&rd, f, value, &v);
	if (r < 0)
		return r;
	event_set(e, f, v);
	return 0;
}

static int unknown(struct reading *rd, struct str name)
{
	const char *near = event_field_nearest(name);

	return err_text(rd->err, EBADMSG, "unknown field '%.*s'%s%s%s",
			(int)(name.n < 100 ? name.n : 100), name.p, near ? "; did you mean '" : "",
			near ? near : "", near ? "'?" : "");
}

/* A field's member; @name is its whole name, however the groups spelt it. */
static int read_member(struct reading *rd, enum event_field f, struct str name,
		       const struct json *j)
{
	/* set from the type; the document's other name for that type stays as it is */
	if (f == EVENT_F_COMMON_EVENT_TYPE) {
		if (j->kind != JSON_STRING || event_type_find(j->text) != (int)rd->e->type)
			return err_text(rd->err, EBADMSG, "type and common.event_type differ");
	} else if (event_has(rd->e, f)) {
		return err_text(rd->err, EBADMSG, "%.*s stands there twice", STR_ARG(name));
	}
	return event_read_field(rd->e, f, j, rd->arena, rd->err);
}

/* The members of the group @name, "" at the top; @buf holds the name and has room for more. */
static int read_group(struct reading *rd, char *mem, size_t n, const struct json *group)
{
	for (const struct json *j = group->child; j; j = j->next) {
		struct str name = { .p = mem, .n = n };
		enum event_field f;
		int r;

		if (n + 1 + j->key.n >= NAME_MAX_)
			return unknown(rd, j->key);
		if (n)
			mem[name.n++] = '.';
		memcpy(mem + name.n, j->key.p, j->key.n);
		name.n += j->key.n;
		f = event_field_find(name);
		if (f != EVENT_FIELD_NONE)
			r = read_member(rd, f, name, j);
		else if (!event_group_exists(name))
			r = unknown(rd, name);
		else if (j->kind == JSON_OBJECT)
			r = read_group(rd, mem, name.n, j);
		else
			r = j->kind == JSON_NULL ? 0 : wrong(rd, name, "a map");
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_type(struct reading *rd, const struct json *top, enum event_type *ret_type)
{
	struct str name = { 0 }, other = { 0 };
	bool has = json_get_str(top, "type", &name);
	bool in_common = json_get_str(json_get(top, "common"), "event_type", &other);
	const char *near;
	int type;

	if (!has && !in_common)
		return err_text(rd->err, EBADMSG, "an event needs a 'type' or a common.event_type");
	if (!has)
		name = other;
	type = event_type_find(name);
	if (type < 0) {
		near = event_type_nearest(name);
		return err_text(rd->err, EBADMSG, "unknown event type '%.*s'%s%s%s",
				(int)(name.n < 100 ? name.n : 100), name.p,
				near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
	if (has && in_common && event_type_find(other) != type)
		return err_text(rd->err, EBADMSG, "type and common.event_type differ");
	*ret_type = (enum event_type)type;
	return 0;
}

/* What stands at the top beside the groups. 1: something of the kind, and right. */
static int read_top(struct reading *rd, const struct json *j)
{
	uint64_t version;

	if (str_eqz(j->key, "type"))
		return j->kind == JSON_STRING ? 1 : wrong(rd, j->key, "text");
	if (str_eqz(j->key, "schema_version"))
		return json_u64_of(j, &version) && version == 1 ? 1 : wrong(rd, j->key, "1");
	if (!str_eqz(j->key, "redacted"))
		return 0;
	if (j->kind != JSON_ARRAY || !all_are(j, JSON_STRING))
		return wrong(rd, j->key, "a list of text");
	for (const struct json *i = j->child; i; i = i->next) {
		if (event_field_find(i->text) == EVENT_FIELD_NONE)
			return unknown(rd, i->text);
	}
	return 1;
}

static int read_event(struct reading *rd, const struct json *top)
{
	char mem[NAME_MAX_];
	enum event_type type = EVENT_TYPE_N;
	int r;

	if (top->kind != JSON_OBJECT)
		return err_text(rd->err, EBADMSG, "an event is a JSON object");
	r = read_type(rd, top, &type);
	if (r < 0)
		return r;
	event_begin(rd->e, type);
	for (const struct json *j = top->child; j; j = j->next) {
		struct json alone = { .kind = JSON_OBJECT, .child = &(struct json){ 0 } };

		r = read_top(rd, j);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		*alone.child = *j;
		alone.child->next = NULL;
		r = read_group(rd, mem, 0, &alone);
		if (r < 0)
			return r;
	}
	return 0;
}

int event_read_json(struct event *e, const struct json *value, struct arena *arena, struct err *err)
{
	struct reading rd = { .e = e, .arena = arena, .err = err };
	int r = read_event(&rd, value);

	if (r < 0)
		event_init(e);
	return r;
}

int event_parse_json(struct event *e, struct str text, struct arena *arena, struct err *err)
{
	const struct json *top = NULL;
	int r = json_parse(arena, text, &top, err);

	return r < 0 ? r : event_read_json(e, top, arena, err);
}
