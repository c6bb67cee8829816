#include "event/env.h"

#include "cel/cel.h"

/* --- types: those with parameters, constant as the others are --- */

static const struct cel_type strings = { .kind = CEL_T_LIST, .param = { &cel_type_string } };
static const struct cel_type labels = { .kind = CEL_T_MAP,
					.param = { &cel_type_string, &cel_type_string } };
static const struct cel_type headers = { .kind = CEL_T_MAP,
					 .param = { &cel_type_string, &strings } };
static const struct cel_type object = { .kind = CEL_T_MAP,
					.param = { &cel_type_string, &cel_type_dyn } };
static const struct cel_type objects = { .kind = CEL_T_LIST, .param = { &object } };

#define TYPE_BOOL &cel_type_bool
#define TYPE_INT &cel_type_int
#define TYPE_DOUBLE &cel_type_double
#define TYPE_STRING &cel_type_string
#define TYPE_TIMESTAMP &cel_type_timestamp
#define TYPE_IP &cel_type_ip
#define TYPE_STRINGS &strings
#define TYPE_LABELS &labels
#define TYPE_HEADERS &headers
#define TYPE_OBJECTS &objects

/* --- fields and records --- */

static const struct cel_decl decls[EVENT_FIELD_N] = {
#define EVENT_FIELD(id, name_, kind_, on_, flags_, since_, sigma_, doc_)                   \
	[EVENT_F_##id] = {                                                                 \
		.name = (name_), .type = TYPE_##kind_, .slot = EVENT_F_##id, .doc = (doc_) \
	},
#include "event/table.def"
};

enum {
#define EVENT_RECORD(id, ...) id##_FIRST, id##_BEGIN_ = id##_FIRST - 1,
#define EVENT_RECORD_END(id) id##_PAST, id##_END_ = id##_PAST - 1,
#define EVENT_FIELD(id, ...) AT_##id,
#include "event/table.def"
};

static const struct cel_record records[EVENT_RECORD_N] = {
#define EVENT_RECORD(rec, name_, doc_)                            \
	[EVENT_R_##rec] = { .name = (name_),                      \
			    .fields = &decls[rec##_FIRST],        \
			    .n_fields = rec##_PAST - rec##_FIRST, \
			    .id = EVENT_R_##rec },
#include "event/table.def"
};

static const struct cel_record *const record_list[EVENT_RECORD_N] = {
#define EVENT_RECORD(id, ...) [EVENT_R_##id] = &records[EVENT_R_##id],
#include "event/table.def"
};

/* --- header(name), hasHeader(name) --- */

enum event_field event_record_headers(uint32_t record)
{
	switch (record) {
	case EVENT_R_http_request: return EVENT_F_HTTP_REQUEST_HEADERS;
	case EVENT_R_http_response: return EVENT_F_HTTP_RESPONSE_HEADERS;
	default: return EVENT_FIELD_NONE;
	}
}

static const struct cel_value *header_find(struct cel_eval *eval, const struct cel_value *args)
{
	const struct event *e = cel_eval_user(eval);
	enum event_field f = event_record_headers(args[0].record->id);

	if (!e || f == EVENT_FIELD_NONE || !cel_charge(eval, e->value[f].n / 4 + 1))
		return NULL;
	return event_header(e, f, cel_str(args[1]));
}

/* Several values read as one, joined by ", " (RFC 9110, 5.3): none can hide behind the first. */
static struct cel_value call_header(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	const struct cel_value *values = header_find(eval, args);
	size_t size = 0, at = 0;
	char *text;

	(void)n;
	if (!values || values->n == 0)
		return cel_string(STR(""));
	if (values->n == 1)
		return values->items[0];
	for (uint32_t i = 0; i < values->n; i++)
		size += (size_t)values->items[i].n + 2;
	if (!cel_charge(eval, size / 16))
		return cel_fail_steps(eval);
	text = cel_scratch(eval, size);
	if (!text)
		return cel_fail_memory(eval);
	for (uint32_t i = 0; i < values->n; i++) {
		if (i) {
			text[at++] = ',';
			text[at++] = ' ';
		}
		memcpy(text + at, values->items[i].p, values->items[i].n);
		at += values->items[i].n;
	}
	return cel_string((struct str){ text, at });
}

static struct cel_value call_has_header(struct cel_eval *eval, const struct cel_value *args,
					unsigned n)
{
	(void)n;
	return cel_bool(header_find(eval, args) != NULL);
}

static const struct cel_overload overloads[] = {
	{ "header", "Rs:s", call_header, CEL_FN_MEMBER | CEL_FN_IMPURE, 4 },
	{ "hasHeader", "Rs:b", call_has_header, CEL_FN_MEMBER | CEL_FN_IMPURE, 4 },
};

const struct cel_library event_library = { .name = "event",
					   .overloads = overloads,
					   .n = sizeof(overloads) / sizeof(overloads[0]) };

static const struct cel_library *const libraries[] = {
	&cel_lib_standard, &cel_lib_strings,  &cel_lib_math,    &cel_lib_lists,
	&cel_lib_sets,     &cel_lib_encoders, &cel_lib_network, &cel_lib_regex,
	&cel_lib_optional, &cel_lib_capsule,  &event_library,
};

static const struct cel_env env = {
	.decls = NULL,
	.n_decls = 0,
	.records = record_list,
	.n_records = EVENT_RECORD_N,
	.libraries = libraries,
	.n_libraries = sizeof(libraries) / sizeof(libraries[0]),
	.macros = true,
	.optional = true,
};

const struct cel_env *event_env(void)
{
	return &env;
}
