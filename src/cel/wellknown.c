#include "cel/wellknown.h"
#include "cel/access.h"
#include "cel/time.h"

enum well {
	WELL_BOOL,
	WELL_BYTES,
	WELL_DOUBLE,
	WELL_FLOAT,
	WELL_INT32,
	WELL_INT64,
	WELL_STRING,
	WELL_UINT32,
	WELL_UINT64,
	WELL_VALUE,
	WELL_LIST,
	WELL_STRUCT,
	WELL_TIMESTAMP,
	WELL_DURATION,
};

/* @kind of a wrapper is that of its only field, "value". */
static const struct {
	const char *name;
	enum well well;
	enum cel_kind kind;
	const char *type, *value; /* codes of type.h: of the message, of a wrapper's field */
} wells[] = {
	{ "google.protobuf.BoolValue", WELL_BOOL, CEL_BOOL, "Wb", "b" },
	{ "google.protobuf.BytesValue", WELL_BYTES, CEL_BYTES, "Wy", "y" },
	{ "google.protobuf.DoubleValue", WELL_DOUBLE, CEL_DOUBLE, "Wd", "d" },
	{ "google.protobuf.FloatValue", WELL_FLOAT, CEL_DOUBLE, "Wd", "d" },
	{ "google.protobuf.Int32Value", WELL_INT32, CEL_INT, "Wi", "i" },
	{ "google.protobuf.Int64Value", WELL_INT64, CEL_INT, "Wi", "i" },
	{ "google.protobuf.StringValue", WELL_STRING, CEL_STRING, "Ws", "s" },
	{ "google.protobuf.UInt32Value", WELL_UINT32, CEL_UINT, "Wu", "u" },
	{ "google.protobuf.UInt64Value", WELL_UINT64, CEL_UINT, "Wu", "u" },
	{ "google.protobuf.Value", WELL_VALUE, CEL_NULL, "*", NULL },
	{ "google.protobuf.ListValue", WELL_LIST, CEL_LIST, "L*", NULL },
	{ "google.protobuf.Struct", WELL_STRUCT, CEL_MAP, "Ms*", NULL },
	{ "google.protobuf.Timestamp", WELL_TIMESTAMP, CEL_TIMESTAMP, "t", NULL },
	{ "google.protobuf.Duration", WELL_DURATION, CEL_DURATION, "D", NULL },
};

/* Fields of those that are no wrappers. */
static const struct {
	enum well well;
	const char *name;
	const char *code;
	enum cel_kind kind;
} well_fields[] = {
	{ WELL_VALUE, "null_value", "*", CEL_NULL },
	{ WELL_VALUE, "number_value", "d", CEL_DOUBLE },
	{ WELL_VALUE, "string_value", "s", CEL_STRING },
	{ WELL_VALUE, "bool_value", "b", CEL_BOOL },
	{ WELL_VALUE, "struct_value", "Ms*", CEL_MAP },
	{ WELL_VALUE, "list_value", "L*", CEL_LIST },
	{ WELL_LIST, "values", "L*", CEL_LIST },
	{ WELL_STRUCT, "fields", "Ms*", CEL_MAP },
	{ WELL_TIMESTAMP, "seconds", "i", CEL_INT },
	{ WELL_TIMESTAMP, "nanos", "i", CEL_INT },
	{ WELL_DURATION, "seconds", "i", CEL_INT },
	{ WELL_DURATION, "nanos", "i", CEL_INT },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *cel_wellknown_name(struct str name)
{
	for (size_t i = 0; i < COUNT(wells); i++)
		if (str_eqz(name, wells[i].name))
			return wells[i].name;
	return NULL;
}

static size_t row_of(const char *name)
{
	size_t i = 0;

	while (i < COUNT(wells) - 1 && !str_eqz(str_of(name), wells[i].name))
		i++;
	return i;
}

const char *cel_wellknown_type(const char *name)
{
	return wells[row_of(name)].type;
}

const char *cel_wellknown_field(const char *name, struct str field)
{
	size_t row = row_of(name);

	if (wells[row].value)
		return str_eqz(field, "value") ? wells[row].value : NULL;
	for (size_t i = 0; i < COUNT(well_fields); i++)
		if (well_fields[i].well == wells[row].well && str_eqz(field, well_fields[i].name))
			return well_fields[i].code;
	return NULL;
}

static struct cel_value no_field(struct cel_eval *eval, const char *name, struct cel_value field)
{
	return cel_fail(eval, CEL_E_NO_SUCH_FIELD, "%s has no field '%.*s' of this type", name,
			field.n > 100 ? 100 : (int)field.n, field.p);
}

/* Field @name of @kind, or NULL; the field counts as seen. */
static const struct cel_value *field_take(const struct cel_entry *fields, uint32_t n,
					  const char *name, enum cel_kind kind, uint32_t *seen)
{
	for (uint32_t i = 0; i < n; i++) {
		if (str_eqz(cel_str(fields[i].key), name) && fields[i].value.kind == kind) {
			*seen += 1;
			return &fields[i].value;
		}
	}
	return NULL;
}

static bool fits(enum well well, struct cel_value v)
{
	if (well == WELL_INT32)
		return v.i >= INT32_MIN && v.i <= INT32_MAX;
	return well != WELL_UINT32 || v.u <= UINT32_MAX;
}

static struct cel_value make_wrapper(struct cel_eval *eval, size_t i,
				     const struct cel_entry *fields, uint32_t n)
{
	uint32_t seen = 0;
	const struct cel_value *v = field_take(fields, n, "value", wells[i].kind, &seen);

	if (seen != n)
		return no_field(eval, wells[i].name, fields[0].key);
	if (!v)
		return (struct cel_value){ .kind = (uint8_t)wells[i].kind, .p = NULL };
	if (!fits(wells[i].well, *v))
		return cel_fail(eval, CEL_E_OVERFLOW, "range error: the value does not fit %s",
				wells[i].name);
	return wells[i].well == WELL_FLOAT ? cel_double((double)(float)v->d) : *v;
}

/* One of its fields at most; "null_value" is whatever stands for null. */
static struct cel_value make_value(struct cel_eval *eval, const struct cel_entry *fields,
				   uint32_t n)
{
	uint32_t seen = 0;

	if (n == 0)
		return CEL_NULL_VALUE;
	for (size_t i = 0; n == 1 && i < COUNT(well_fields); i++) {
		const struct cel_value *v;

		if (well_fields[i].well != WELL_VALUE)
			continue;
		v = field_take(fields, n, well_fields[i].name, well_fields[i].kind, &seen);
		if (v)
			return *v;
	}
	if (n == 1 && field_take(fields, n, "null_value", CEL_INT, &seen))
		return CEL_NULL_VALUE;
	return no_field(eval, "google.protobuf.Value", fields[0].key);
}

static struct cel_value make_collection(struct cel_eval *eval, size_t i,
					const struct cel_entry *fields, uint32_t n)
{
	uint32_t seen = 0;
	const struct cel_value *v = field_take(
		fields, n, wells[i].well == WELL_LIST ? "values" : "fields", wells[i].kind, &seen);

	if (seen != n)
		return no_field(eval, wells[i].name, fields[0].key);
	return v ? *v : (struct cel_value){ .kind = (uint8_t)wells[i].kind };
}

static struct cel_value make_time(struct cel_eval *eval, size_t i, const struct cel_entry *fields,
				  uint32_t n)
{
	uint32_t seen = 0;
	const struct cel_value *seconds = field_take(fields, n, "seconds", CEL_INT, &seen);
	const struct cel_value *nanos = field_take(fields, n, "nanos", CEL_INT, &seen);
	struct cel_value v;
	bool ok;

	if (seen != n)
		return no_field(eval, wells[i].name, fields[0].key);
	ok = wells[i].well == WELL_TIMESTAMP
		     ? cel_timestamp_make(seconds ? seconds->i : 0, nanos ? nanos->i : 0, &v)
		     : cel_duration_make(seconds ? seconds->i : 0, nanos ? nanos->i : 0, &v);
	return ok ? v
		  : cel_fail(eval, CEL_E_OVERFLOW, "range error: the value does not fit %s",
			     wells[i].name);
}

struct cel_value cel_wellknown_make(struct cel_eval *eval, const char *name,
				    const struct cel_entry *fields, uint32_t n)
{
	for (size_t i = 0; i < COUNT(wells); i++) {
		if (!str_eqz(str_of(name), wells[i].name))
			continue;
		switch (wells[i].well) {
		case WELL_VALUE: return make_value(eval, fields, n);
		case WELL_LIST:
		case WELL_STRUCT: return make_collection(eval, i, fields, n);
		case WELL_TIMESTAMP:
		case WELL_DURATION: return make_time(eval, i, fields, n);
		default: return make_wrapper(eval, i, fields, n);
		}
	}
	return cel_fail(eval, CEL_E_NO_SUCH_OVERLOAD, "unknown type '%.100s'", name);
}
