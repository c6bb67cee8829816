#include "event/table.h"

#include "base/buf.h"

/* Which types carry a field. */
#define ON(type) EVENT_BIT(EVENT_##type)
#define ON_ALL EVENT_TYPES_ALL
#define ON_FILE                                                                               \
	(ON(FILE_OPEN) | ON(FILE_READ) | ON(FILE_WRITE) | ON(FILE_CREATE) | ON(FILE_DELETE) | \
	 ON(FILE_RENAME) | ON(FILE_LINK) | ON(FILE_CHMOD) | ON(FILE_EXEC_MAP))
#define ON_FILE_TWO (ON(FILE_RENAME) | ON(FILE_LINK))
#define ON_PROCESS (ON(PROCESS_EXEC) | ON(PROCESS_EXIT) | ON(PROCESS_SIGNAL) | ON(PROCESS_PTRACE))
#define ON_NET (ON(NET_CONNECT) | ON(NET_BIND) | ON(NET_ACCEPT) | ON(NET_SEND))
#define ON_DNS (ON(DNS_QUERY) | ON(DNS_ANSWER))
#define ON_MCP_ANSWER (ON(MCP_INITIALIZE) | ON(MCP_TOOL_LIST) | ON(MCP_TOOL_RESULT))
#define ON_MCP (ON_MCP_ANSWER | ON(MCP_TOOL_CALL))
#define ON_MODEL_ANSWER (ON(MODEL_RESPONSE) | ON(MODEL_TOOL_USE))
#define ON_MODEL (ON_MODEL_ANSWER | ON(MODEL_CALL))
/* Capsem's http.request may hold the response as well. */
#define ON_HTTP_ANSWER \
	(ON(HTTP_REQUEST) | ON(HTTP_RESPONSE) | ON(HTTP_BODY) | ON_MCP_ANSWER | ON_MODEL_ANSWER)
#define ON_HTTP (ON_HTTP_ANSWER | ON_MCP | ON_MODEL | ON(WS_MESSAGE) | ON(CREDENTIAL_USE))
#define ON_TLS (ON(TLS_HANDSHAKE) | ON_HTTP)
#define ON_IP (ON_NET | ON_DNS | ON_TLS)
#define ON_SESSION (ON(SESSION_START) | ON(SESSION_END))
#define ON_SNAPSHOT \
	(ON(SNAPSHOT_CREATE) | ON(SNAPSHOT_RESTORE) | ON(SNAPSHOT_FORK) | ON(SNAPSHOT_DELETE))
#define ON_VM (ON(VM_START) | ON(VM_STOP) | ON(VM_PAUSE) | ON(VM_RESUME) | ON_SNAPSHOT)

#define SENSITIVE EVENT_SENSITIVE
#define WRITABLE EVENT_WRITABLE

const struct event_type_info event_type_info[EVENT_TYPE_N] = {
#define EVENT_TYPE(id, name_, family_, enforce_, since_, doc_) \
	[EVENT_##id] = { name_, family_, EVENT_BY_##enforce_, since_, doc_ },
#include "event/table.def"
};

/* The record that a field stands in: markers that count with the fields, and give their number back. */
enum {
#define EVENT_RECORD(id, ...) id##_FIRST, id##_BEGIN_ = id##_FIRST - 1,
#define EVENT_RECORD_END(id) id##_PAST, id##_END_ = id##_PAST - 1,
#define EVENT_FIELD(id, ...) AT_##id,
#include "event/table.def"
};

const struct event_record_info event_record_info[EVENT_RECORD_N] = {
#define EVENT_RECORD(id, name_, doc_) \
	[EVENT_R_##id] = { name_, doc_, id##_FIRST, id##_PAST - id##_FIRST },
#include "event/table.def"
};

const struct event_field_info event_field_info[EVENT_FIELD_N] = {
#define EVENT_FIELD(id, name_, kind_, on_, flags_, since_, sigma_, doc_) \
	[EVENT_F_##id] = { .name = (name_),                              \
			   .kind = EVENT_##kind_,                        \
			   .flags = (flags_),                            \
			   .on = (on_),                                  \
			   .since = (since_),                            \
			   .sigma = (sigma_),                            \
			   .doc = (doc_) },
#include "event/table.def"
};

const char *const event_kind_name[EVENT_KIND_N] = {
	[EVENT_BOOL] = "bool",
	[EVENT_INT] = "int",
	[EVENT_DOUBLE] = "double",
	[EVENT_STRING] = "string",
	[EVENT_TIMESTAMP] = "timestamp",
	[EVENT_IP] = "ip",
	[EVENT_STRINGS] = "list(string)",
	[EVENT_LABELS] = "map(string, string)",
	[EVENT_HEADERS] = "map(string, list(string))",
	[EVENT_OBJECTS] = "list(map(string, dyn))",
};

const char *const event_by_name[EVENT_BY_N] = {
	[EVENT_BY_KERNEL] = "the kernel's layers of the wall, which are fixed at launch",
	[EVENT_BY_SUPERVISOR] = "the live supervisor",
	[EVENT_BY_NETWORK] = "the network engine",
	[EVENT_BY_SERVICE] = "the service",
	[EVENT_BY_START] = "the launcher",
	[EVENT_BY_RECORD] = "nothing, it has happened when it is told",
};

static const struct {
	const char *name;
	enum event_type type;
} aliases[] = {
#define EVENT_ALIAS(name_, id) { name_, EVENT_##id },
#include "event/table.def"
};

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

int event_type_find(struct str name)
{
	for (int t = 0; t < EVENT_TYPE_N; t++) {
		if (str_eqz(name, event_type_info[t].name))
			return t;
	}
	for (size_t i = 0; i < N_OF(aliases); i++) {
		if (str_eqz(name, aliases[i].name))
			return (int)aliases[i].type;
	}
	return -1;
}

event_types event_types_find(struct str pattern)
{
	event_types found = 0;
	int one;

	if (str_eqz(pattern, "*"))
		return EVENT_TYPES_ALL;
	if (!str_ends(pattern, STR(".*"))) {
		one = event_type_find(pattern);
		return one < 0 ? 0 : EVENT_BIT(one);
	}
	pattern.n -= 2;
	for (int t = 0; t < EVENT_TYPE_N; t++) {
		if (str_eqz(pattern, event_type_info[t].family))
			found |= EVENT_BIT(t);
	}
	return found;
}

const char *event_type_nearest(struct str name)
{
	const char *names[EVENT_TYPE_N];

	for (int t = 0; t < EVENT_TYPE_N; t++)
		names[t] = event_type_info[t].name;
	return str_nearest(name, names, EVENT_TYPE_N);
}

enum event_field event_field_find(struct str name)
{
	for (int f = 0; f < EVENT_FIELD_N; f++) {
		if (str_eqz(name, event_field_info[f].name))
			return (enum event_field)f;
	}
	return EVENT_FIELD_NONE;
}

const char *event_field_nearest(struct str name)
{
	const char *names[EVENT_FIELD_N];

	for (int f = 0; f < EVENT_FIELD_N; f++)
		names[f] = event_field_info[f].name;
	return str_nearest(name, names, EVENT_FIELD_N);
}

bool event_group_exists(struct str name)
{
	for (int r = 0; r < EVENT_RECORD_N; r++) {
		struct str record = str_of(event_record_info[r].name);

		if (str_starts(record, name) && (record.n == name.n || record.p[name.n] == '.'))
			return name.n > 0;
	}
	return false;
}

enum event_record event_field_record(enum event_field f)
{
	int r = EVENT_RECORD_N - 1;

	while (r > 0 && event_record_info[r].first > (unsigned)f)
		r--;
	return (enum event_record)r;
}

const char *event_alias_name(size_t i, enum event_type *ret_type)
{
	if (i >= N_OF(aliases))
		return NULL;
	*ret_type = aliases[i].type;
	return aliases[i].name;
}

/* Is "category/field", or with "*" for the category, a word of @list? */
static bool sigma_lists(struct str list, struct str category, struct str field)
{
	while (list.n) {
		const char *space = memchr(list.p, ' ', list.n);
		struct str word = str_sub(list, 0, space ? (size_t)(space - list.p) : list.n);
		const char *slash = memchr(word.p, '/', word.n);
		struct str left = str_sub(word, 0, (size_t)(slash - word.p));

		if (str_eq(str_sub(word, left.n + 1, word.n), field) &&
		    (str_eqz(left, "*") || str_eq(left, category)))
			return true;
		list = str_sub(list, word.n + 1, list.n);
	}
	return false;
}

enum event_field event_field_by_sigma(struct str category, struct str field)
{
	for (int f = 0; f < EVENT_FIELD_N; f++) {
		if (sigma_lists(str_of(event_field_info[f].sigma), category, field))
			return (enum event_field)f;
	}
	return event_field_find(field);
}
