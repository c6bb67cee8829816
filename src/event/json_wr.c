/*
 * Events as JSON. Fields stand in the table so that those whose names begin alike are neighbours
 * (a unit test holds it to that): one walk over what is set opens and closes the groups.
 */
#include "event/event.h"

#include "base/buf.h"
#include "codec/json_wr.h"

#include <stdio.h>
#include <time.h>

static void put_time(struct json_wr *w, struct cel_value v)
{
	char text[64];
	time_t at = (time_t)v.i;
	struct tm tm;
	int n;

	if (!gmtime_r(&at, &tm)) {
		json_null(w);
		return;
	}
	n = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
		     tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (v.nanos && n > 0)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ".%09u", v.nanos);
	(void)snprintf(text + n, sizeof(text) - (size_t)n, "Z");
	json_strz(w, text);
}

static void put_double(struct json_wr *w, double d)
{
	char text[40];

	if (d != d || d > 1.7976931348623157e308 || d < -1.7976931348623157e308) {
		json_null(w);
		return;
	}
	(void)snprintf(text, sizeof(text), "%.17g", d);
	json_raw(w, str_of(text));
}

static void put_addr(struct json_wr *w, const struct cel_addr *a)
{
	char text[64];
	size_t n = 0;

	if (a->family == 4) {
		(void)snprintf(text, sizeof(text), "%u.%u.%u.%u", a->bytes[0], a->bytes[1],
			       a->bytes[2], a->bytes[3]);
	} else {
		for (int i = 0; i < 16; i += 2)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%x", i ? ":" : "",
					      a->bytes[i] << 8 | a->bytes[i + 1]);
	}
	json_strz(w, text);
}

static void put_map(struct json_wr *w, struct cel_value v)
{
	json_object(w);
	for (uint32_t i = 0; i < v.n; i++) {
		if (v.entries[i].key.kind != CEL_STRING)
			continue;
		json_key_str(w, cel_str(v.entries[i].key));
		event_write_value(v.entries[i].value, w);
	}
	json_end_object(w);
}

void event_write_value(struct cel_value v, struct json_wr *w)
{
	switch ((enum cel_kind)v.kind) {
	case CEL_BOOL: json_bool(w, v.b); return;
	case CEL_INT: json_i64(w, v.i); return;
	case CEL_UINT: json_u64(w, v.u); return;
	case CEL_DOUBLE: put_double(w, v.d); return;
	case CEL_STRING:
	case CEL_BYTES: json_str(w, cel_str(v)); return;
	case CEL_TIMESTAMP: put_time(w, v); return;
	case CEL_IP: put_addr(w, v.addr); return;
	case CEL_MAP: put_map(w, v); return;
	case CEL_LIST:
		json_array(w);
		for (uint32_t i = 0; i < v.n; i++)
			event_write_value(v.items[i], w);
		json_end_array(w);
		return;
	default: json_null(w);
	}
}

/* Bytes of the groups that @a and @b share, their last dot included. */
static size_t shared_groups(struct str a, struct str b)
{
	size_t last = 0;

	for (size_t i = 0; i < a.n && i < b.n && a.p[i] == b.p[i]; i++) {
		if (a.p[i] == '.')
			last = i + 1;
	}
	return last;
}

/* Close what @last has open and @name does not need, open what @name needs; "" closes all. */
static void move_to(struct json_wr *w, struct str last, struct str name)
{
	size_t same = shared_groups(last, name);
	size_t from = same;

	for (size_t i = same; i < last.n; i++) {
		if (last.p[i] == '.')
			json_end_object(w);
	}
	for (size_t i = same; i < name.n; i++) {
		if (name.p[i] != '.')
			continue;
		json_key_str(w, str_sub(name, from, i));
		json_object(w);
		from = i + 1;
	}
	if (name.n)
		json_key_str(w, str_sub(name, from, name.n));
}

static void put_redacted(const struct event *e, struct json_wr *w)
{
	bool any = false;

	for (int f = 0; f < EVENT_FIELD_N; f++) {
		if (!event_has(e, (enum event_field)f) ||
		    !(event_field_info[f].flags & EVENT_SENSITIVE))
			continue;
		if (!any) {
			json_key(w, "redacted");
			json_array(w);
		}
		any = true;
		json_strz(w, event_field_info[f].name);
	}
	if (any)
		json_end_array(w);
}

void event_write_json(const struct event *e, unsigned flags, struct json_wr *w)
{
	struct str last = { 0 };

	json_object(w);
	json_key(w, "type");
	json_strz(w, e->type < EVENT_TYPE_N ? event_type_info[e->type].name : NULL);
	for (int word = 0; word < EVENT_WORDS; word++) {
		for (uint64_t left = e->set[word]; left; left &= left - 1) {
			int f = word * 64 + __builtin_ctzll(left);
			struct str name;

			if (event_field_info[f].flags & EVENT_SENSITIVE &&
			    !(flags & EVENT_JSON_SENSITIVE))
				continue;
			name = str_of(event_field_info[f].name);
			move_to(w, last, name);
			event_write_value(e->value[f], w);
			last = name;
		}
	}
	move_to(w, last, (struct str){ 0 });
	if (!(flags & EVENT_JSON_SENSITIVE))
		put_redacted(e, w);
	json_end_object(w);
}
