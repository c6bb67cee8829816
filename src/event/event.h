/*
 * event - one thing that a session tried: a type and the values of its fields.
 *
 * The values lie in one array by field, which an evaluation takes as it is (cel_eval_run's slots).
 * They are slices: what they point to belongs to whoever made the event and must outlive it. Making
 * an event allocates nothing; one struct event is used again and again.
 *
 *	static struct event e;
 *	event_init(&e);				once
 *	event_begin(&e, EVENT_HTTP_REQUEST);	forgets the one before
 *	event_set_str(&e, EVENT_F_HTTP_REQUEST_HOST, host);
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "cel/value.h"
#include "event/table.h"

#define EVENT_WORDS ((EVENT_FIELD_N + 63) / 64)
#define EVENT_MENDED_MAX 16384

struct event {
	enum event_type type;
	/* A value could not be kept whole: whoever decides must decide against. */
	bool damaged;
	uint64_t set[EVENT_WORDS];             /* the fields that have a value */
	struct cel_value value[EVENT_FIELD_N]; /* CEL_ERROR: unset */
	struct cel_addr addr;                  /* of ip.address */
	uint32_t n_mended;
	char mended[EVENT_MENDED_MAX]; /* text that was not UTF-8, made so */
};

void event_init(struct event *e);
/* An empty event of @type; common.event_type is set. */
void event_begin(struct event *e, enum event_type type);
/* A copy that shares what the values point to, mended text excepted. */
void event_copy(struct event *to, const struct event *from);

static inline bool event_has(const struct event *e, enum event_field f)
{
	return e->set[f / 64] >> (f % 64) & 1;
}

static inline const struct cel_value *event_slots(const struct event *e)
{
	return e->value;
}

void event_unset(struct event *e, enum event_field f);

/* Any value of the field's kind, unchecked. */
static inline void event_set(struct event *e, enum event_field f, struct cel_value v)
{
	e->value[f] = v;
	e->set[f / 64] |= UINT64_C(1) << (f % 64);
}

/* @s is known to be UTF-8. */
static inline void event_set_str(struct event *e, enum event_field f, struct str s)
{
	event_set(e, f, cel_string(s));
}

/*
 * Bytes of any kind (a path, a header): bytes that are not UTF-8 read as U+FFFD, so that text
 * cannot hide from a rule by being odd. What does not fit any more damages the event.
 */
void event_set_text(struct event *e, enum event_field f, struct str s);

static inline void event_set_int(struct event *e, enum event_field f, int64_t i)
{
	event_set(e, f, cel_int(i));
}

static inline void event_set_bool(struct event *e, enum event_field f, bool b)
{
	event_set(e, f, cel_bool(b));
}

static inline void event_set_double(struct event *e, enum event_field f, double d)
{
	event_set(e, f, cel_double(d));
}

/* Seconds since 1970 and nanoseconds. */
static inline void event_set_time(struct event *e, enum event_field f, int64_t s, uint32_t nanos)
{
	event_set(e, f, (struct cel_value){ .kind = CEL_TIMESTAMP, .i = s, .nanos = nanos });
}

/* Items that are CEL values of the field's item type (strings; maps). */
static inline void event_set_list(struct event *e, enum event_field f,
				  const struct cel_value *items, uint32_t n)
{
	event_set(e, f, (struct cel_value){ .kind = CEL_LIST, .n = n, .items = items });
}

/* Labels; or headers: each name in lower case once, its value a list of strings. */
static inline void event_set_map(struct event *e, enum event_field f,
				 const struct cel_entry *entries, uint32_t n)
{
	event_set(e, f, (struct cel_value){ .kind = CEL_MAP, .n = n, .entries = entries });
}

/* ip.address, ip.value and ip.version at once; @text is the canonical form. */
void event_set_ip(struct event *e, const struct cel_addr *addr, struct str text);

/* "" when unset. */
static inline struct str event_str(const struct event *e, enum event_field f)
{
	return e->value[f].kind == CEL_STRING ? cel_str(e->value[f]) : (struct str){ 0 };
}

/* Values of header @name, in any case, of the headers field @f: a list, or NULL. */
const struct cel_value *event_header(const struct event *e, enum event_field f, struct str name);

/* --- JSON --- */

struct json;
struct json_wr;

enum event_json_flags {
	EVENT_JSON_SENSITIVE = 1, /* sensitive fields too; else their names are under "redacted" */
};

/*
 * As one object, groups nested: {"type":"http.request","common":{...},"http":{"request":{...}}}.
 * Only what is set.
 */
void event_write_json(const struct event *e, unsigned flags, struct json_wr *w);

/*
 * Of the form above, or of a Capsem policy context ({"schema_version":1,"common":{...},...}), where
 * common.event_type names the type. Strict: unknown names, wrong kinds, and an unknown type are
 * mistakes, told with the whole name and the nearest one; null means unset. Values live in @arena
 * and in the text that was parsed. @e was event_init()ed; on failure it is empty.
 */
int event_read_json(struct event *e, const struct json *value, struct arena *arena,
		    struct err *err);
/* The same from text. */
int event_parse_json(struct event *e, struct str text, struct arena *arena, struct err *err);

/* One field's value from JSON: what `set` of a test or a rewrite gives. -EBADMSG. */
int event_read_field(struct event *e, enum event_field f, const struct json *value,
		     struct arena *arena, struct err *err);
/* One field's value as JSON. */
void event_write_value(struct cel_value v, struct json_wr *w);
