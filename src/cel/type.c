#include "cel/type.h"

#include "cel/env.h"

#define SIMPLE(name, k) const struct cel_type cel_type_##name = { .kind = (k) }

SIMPLE(dyn, CEL_T_DYN);
SIMPLE(null, CEL_T_NULL);
SIMPLE(bool, CEL_T_BOOL);
SIMPLE(int, CEL_T_INT);
SIMPLE(uint, CEL_T_UINT);
SIMPLE(double, CEL_T_DOUBLE);
SIMPLE(string, CEL_T_STRING);
SIMPLE(bytes, CEL_T_BYTES);
SIMPLE(timestamp, CEL_T_TIMESTAMP);
SIMPLE(duration, CEL_T_DURATION);
SIMPLE(ip, CEL_T_IP);
SIMPLE(cidr, CEL_T_CIDR);
SIMPLE(error, CEL_T_ERROR);

static const struct cel_type type_list = { .kind = CEL_T_LIST, .param = { &cel_type_dyn } };
static const struct cel_type type_map = { .kind = CEL_T_MAP,
					  .param = { &cel_type_dyn, &cel_type_dyn } };
static const struct cel_type type_optional = { .kind = CEL_T_OPTIONAL, .param = { &cel_type_dyn } };
static const struct cel_type type_type = { .kind = CEL_T_TYPE, .param = { &cel_type_dyn } };
static const struct cel_type type_record = { .kind = CEL_T_RECORD };

/* Code of a signature -> its type; those with parameters are built. */
static const struct {
	char code;
	const struct cel_type *type;
} simple_codes[] = {
	{ 'b', &cel_type_bool },   { 'i', &cel_type_int },       { 'u', &cel_type_uint },
	{ 'd', &cel_type_double }, { 's', &cel_type_string },    { 'y', &cel_type_bytes },
	{ 'n', &cel_type_null },   { 't', &cel_type_timestamp }, { 'D', &cel_type_duration },
	{ 'p', &cel_type_ip },     { 'c', &cel_type_cidr },      { '*', &cel_type_dyn },
	{ 'R', &type_record },
};

/* Code -> kind of a type with parameters, and how many. */
static const struct {
	char code;
	uint8_t kind;
	uint8_t params;
} built_codes[] = {
	{ 'L', CEL_T_LIST, 1 }, { 'M', CEL_T_MAP, 2 },     { 'O', CEL_T_OPTIONAL, 1 },
	{ 'T', CEL_T_TYPE, 1 }, { 'W', CEL_T_WRAPPER, 1 },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TYPE_DEPTH_MAX 16 /* of a signature, which is written by hand */

static const struct cel_type *parse_type(struct arena *arena, const char **p, unsigned depth);

/* "@name(xyz)", at the '@'. */
static const struct cel_type *parse_abstract(struct arena *arena, const char **p, unsigned depth)
{
	const char *open = strchr(*p, '('), *at;
	struct cel_type *type;

	if (!open)
		return NULL;
	type = arena_new(arena, struct cel_type);
	if (!type)
		return NULL;
	type->kind = CEL_T_ABSTRACT;
	type->name = (struct str){ .p = *p + 1, .n = (size_t)(open - *p - 1) };
	at = open + 1;
	for (unsigned i = 0; *at != ')'; i++) {
		if (i == COUNT(type->param))
			return NULL;
		type->param[i] = parse_type(arena, &at, depth + 1);
		if (!type->param[i])
			return NULL;
		type->open |= type->param[i]->open;
	}
	*p = at + 1;
	return type;
}

static const struct cel_type *parse_built(struct arena *arena, const char **p, size_t code,
					  unsigned depth)
{
	struct cel_type *type = arena_new(arena, struct cel_type);
	const char *at = *p + 1;

	if (!type)
		return NULL;
	type->kind = built_codes[code].kind;
	for (unsigned i = 0; i < built_codes[code].params; i++) {
		type->param[i] = parse_type(arena, &at, depth + 1);
		if (!type->param[i])
			return NULL;
		type->open |= type->param[i]->open;
	}
	*p = at;
	return type;
}

static const struct cel_type *parse_type(struct arena *arena, const char **p, unsigned depth)
{
	struct cel_type *type;
	char code = **p;

	if (depth > TYPE_DEPTH_MAX)
		return NULL;
	for (size_t i = 0; i < COUNT(simple_codes); i++) {
		if (simple_codes[i].code == code) {
			*p += 1;
			return simple_codes[i].type;
		}
	}
	for (size_t i = 0; i < COUNT(built_codes); i++) {
		if (built_codes[i].code == code)
			return parse_built(arena, p, i, depth);
	}
	if (code == '@')
		return parse_abstract(arena, p, depth);
	if (code < 'A' || code > 'Z')
		return NULL;
	type = arena_new(arena, struct cel_type);
	if (!type)
		return NULL;
	type->kind = CEL_T_PARAM;
	type->open = true;
	type->var = (uint32_t)code;
	*p += 1;
	return type;
}

const struct cel_type *cel_type_parse(struct arena *arena, const char **p)
{
	return parse_type(arena, p, 0);
}

const struct cel_type *cel_type_of(struct arena *arena, enum cel_type_kind kind,
				   const struct cel_type *param)
{
	struct cel_type *type = arena_new(arena, struct cel_type);

	if (!type)
		return NULL;
	type->kind = (uint8_t)kind;
	type->open = param && param->open;
	type->param[0] = param;
	return type;
}

const struct cel_type *cel_type_list(struct arena *arena, const struct cel_type *item)
{
	return cel_type_of(arena, CEL_T_LIST, item);
}

const struct cel_type *cel_type_map(struct arena *arena, const struct cel_type *key,
				    const struct cel_type *value)
{
	struct cel_type *type = arena_new(arena, struct cel_type);

	if (!type)
		return NULL;
	type->kind = CEL_T_MAP;
	type->open = key->open || value->open;
	type->param[0] = key;
	type->param[1] = value;
	return type;
}

bool cel_type_equal(const struct cel_type *a, const struct cel_type *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->kind != b->kind || a->var != b->var || a->record != b->record ||
	    !str_eq(a->name, b->name))
		return false;
	for (size_t i = 0; i < COUNT(a->param); i++) {
		if (!cel_type_equal(a->param[i], b->param[i]))
			return false;
	}
	return true;
}

/* How types are called: in expressions, and in messages. */
static const struct {
	const char *in_language; /* NULL: no name */
	const char *in_message;
} names[] = {
	[CEL_T_DYN] = { NULL, "dyn" },
	[CEL_T_NULL] = { "null_type", "null" },
	[CEL_T_BOOL] = { "bool", "bool" },
	[CEL_T_INT] = { "int", "int" },
	[CEL_T_UINT] = { "uint", "uint" },
	[CEL_T_DOUBLE] = { "double", "double" },
	[CEL_T_STRING] = { "string", "string" },
	[CEL_T_BYTES] = { "bytes", "bytes" },
	[CEL_T_TIMESTAMP] = { "google.protobuf.Timestamp", "timestamp" },
	[CEL_T_DURATION] = { "google.protobuf.Duration", "duration" },
	[CEL_T_IP] = { "net.IP", "ip" },
	[CEL_T_CIDR] = { "net.CIDR", "cidr" },
	[CEL_T_TYPE] = { "type", "type" },
	[CEL_T_LIST] = { "list", "list" },
	[CEL_T_MAP] = { "map", "map" },
	[CEL_T_OPTIONAL] = { "optional_type", "optional" },
	[CEL_T_WRAPPER] = { NULL, "wrapper" },
	[CEL_T_RECORD] = { NULL, "record" },
	[CEL_T_ABSTRACT] = { NULL, "" },
	[CEL_T_PARAM] = { NULL, "" },
	[CEL_T_VAR] = { NULL, "dyn" },
	[CEL_T_ERROR] = { NULL, "unknown" },
};

struct str cel_type_name(const struct cel_type *type)
{
	if (type->kind == CEL_T_RECORD && type->record)
		return str_of(type->record->name);
	if (type->kind == CEL_T_ABSTRACT)
		return type->name;
	return str_of(names[type->kind].in_language ? names[type->kind].in_language
						    : names[type->kind].in_message);
}

static void print_params(const struct cel_type *type, struct buf *out)
{
	if (!type->param[0])
		return;
	buf_putc(out, '(');
	for (size_t i = 0; i < COUNT(type->param) && type->param[i]; i++) {
		if (i > 0)
			buf_putz(out, ", ");
		cel_type_print(type->param[i], out);
	}
	buf_putc(out, ')');
}

void cel_type_print(const struct cel_type *type, struct buf *out)
{
	if (type->kind == CEL_T_PARAM) {
		buf_putc(out, (char)type->var);
		return;
	}
	if (type->kind == CEL_T_RECORD || type->kind == CEL_T_ABSTRACT)
		buf_puts(out, cel_type_name(type));
	else
		buf_putz(out, names[type->kind].in_message);
	/* type(dyn) is just a type */
	if (type->kind != CEL_T_TYPE || !type->param[0] || type->param[0]->kind != CEL_T_DYN)
		print_params(type, out);
}

/* A name of the language stands for a value of kind CEL_TYPE, whose own type is type(that). */
#define NAMED(x, text, t)                                                                 \
	static const struct cel_value value_##x = { .kind = CEL_TYPE, .type = (t) };      \
	static const struct cel_type meta_##x = { .kind = CEL_T_TYPE, .param = { (t) } }; \
	static const struct cel_decl decl_##x = {                                         \
		.name = (text), .type = &meta_##x, .slot = -1, .constant = &value_##x     \
	}

NAMED(null, "null_type", &cel_type_null);
NAMED(bool, "bool", &cel_type_bool);
NAMED(int, "int", &cel_type_int);
NAMED(uint, "uint", &cel_type_uint);
NAMED(double, "double", &cel_type_double);
NAMED(string, "string", &cel_type_string);
NAMED(bytes, "bytes", &cel_type_bytes);
NAMED(timestamp, "google.protobuf.Timestamp", &cel_type_timestamp);
NAMED(duration, "google.protobuf.Duration", &cel_type_duration);
NAMED(ip, "net.IP", &cel_type_ip);
NAMED(cidr, "net.CIDR", &cel_type_cidr);
NAMED(list, "list", &type_list);
NAMED(map, "map", &type_map);
NAMED(optional, "optional_type", &type_optional);
NAMED(type, "type", &type_type);

static const struct cel_decl *const type_decls[] = {
	&decl_null,   &decl_bool,  &decl_int,       &decl_uint,     &decl_double,
	&decl_string, &decl_bytes, &decl_timestamp, &decl_duration, &decl_ip,
	&decl_cidr,   &decl_list,  &decl_map,       &decl_optional, &decl_type,
};

const struct cel_decl *cel_type_decl(struct str name)
{
	for (size_t i = 0; i < COUNT(type_decls); i++) {
		if (str_eqz(name, type_decls[i]->name))
			return type_decls[i];
	}
	return NULL;
}
