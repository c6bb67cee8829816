/*
 * table - the event types and the fields they carry: one table, table.def.
 *
 * A session's every attempt is an event of one of these types. Rules, JSON, Sigma and the reference
 * (docs/events.md) are made from, or checked against, this table. A new source of events adds rows.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_type {
#define EVENT_TYPE(id, ...) EVENT_##id,
#include "event/table.def"
	EVENT_TYPE_N
};

/* A set of types. */
typedef uint64_t event_types;
#define EVENT_BIT(type) (UINT64_C(1) << (type))
#define EVENT_TYPES_ALL (EVENT_BIT(EVENT_TYPE_N) - 1)
_Static_assert(EVENT_TYPE_N < 64, "a set of types is one word");

enum event_field {
#define EVENT_FIELD(id, ...) EVENT_F_##id,
#include "event/table.def"
	EVENT_FIELD_N,
	EVENT_FIELD_NONE = -1
};

enum event_record {
#define EVENT_RECORD(id, ...) EVENT_R_##id,
#include "event/table.def"
	EVENT_RECORD_N
};

/* The types of fields, as CEL knows them. */
enum event_kind {
	EVENT_BOOL,
	EVENT_INT,
	EVENT_DOUBLE,
	EVENT_STRING,
	EVENT_TIMESTAMP, /* JSON: RFC 3339 text */
	EVENT_IP,        /* JSON: text */
	EVENT_STRINGS,   /* list(string) */
	EVENT_LABELS,    /* map(string, string) */
	EVENT_HEADERS,   /* map(string, list(string)), names in lower case */
	EVENT_OBJECTS,   /* list(map(string, dyn)) */
	EVENT_KIND_N
};

enum event_flags {
	EVENT_SENSITIVE = 1, /* left out of logs and exports unless they are told to keep it */
	EVENT_WRITABLE = 2,  /* a rule may rewrite it */
};

/* What can stop an event of a type, or else only tells of it. */
enum event_enforce {
	EVENT_BY_KERNEL,     /* the wall's own layers: fixed at launch, no rule takes part */
	EVENT_BY_SUPERVISOR, /* the live supervisor */
	EVENT_BY_NETWORK,    /* the network engine */
	EVENT_BY_SERVICE,    /* the service */
	EVENT_BY_START,      /* the launcher, before a session begins */
	EVENT_BY_RECORD,     /* nothing: it has happened when it is told */
	EVENT_BY_N
};

struct event_type_info {
	const char *name;   /* "http.request" */
	const char *family; /* "http" */
	enum event_enforce enforce;
	const char *since; /* version of Capsule */
	const char *doc;
};

struct event_field_info {
	const char *name; /* "http.request.host" */
	uint8_t kind;     /* enum event_kind */
	uint8_t flags;    /* enum event_flags */
	event_types on;   /* the types that carry it */
	const char *since;
	const char *sigma; /* "proxy/cs-host proxy/r-dns"; may be empty */
	const char *doc;
};

struct event_record_info {
	const char *name; /* "http.request" */
	const char *doc;
	uint16_t first, n; /* its fields are together */
};

extern const struct event_type_info event_type_info[EVENT_TYPE_N];
extern const struct event_field_info event_field_info[EVENT_FIELD_N];
extern const struct event_record_info event_record_info[EVENT_RECORD_N];
extern const char *const event_kind_name[EVENT_KIND_N]; /* "list(string)" */
extern const char *const event_by_name[EVENT_BY_N];     /* "the network engine" */

/* By name, aliases of other formats included ("dns.request"); -1: none. */
int event_type_find(struct str name);
/* The types of "http.*", "*", or of one name; 0: none. */
event_types event_types_find(struct str pattern);
const char *event_type_nearest(struct str name); /* for "did you mean"; or NULL */

enum event_field event_field_find(struct str name); /* EVENT_FIELD_NONE: no such field */
const char *event_field_nearest(struct str name);   /* or NULL */
/* A record, or the beginning of a record's name ("http")? */
bool event_group_exists(struct str name);

enum event_record event_field_record(enum event_field f);

/* The other names, in the table's order; NULL after the last. */
const char *event_alias_name(size_t i, enum event_type *ret_type);

/*
 * The field that Sigma's @field of log source @category stands for; EVENT_FIELD_NONE: not mapped. A
 * Capsule field's own name maps to itself.
 */
enum event_field event_field_by_sigma(struct str category, struct str field);

/* docs/events.md. */
struct buf;
void event_doc(struct buf *out);
