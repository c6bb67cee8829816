#include "cel_case.h"

#include "base/own.h"

#include "cel/convert.h"
#include "cel/time.h"
#include "codec/base64.h"

#include <math.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char *text_of(struct arena *arena, struct str s)
{
	return arena_strdup(arena, s);
}

static bool number(struct arena *arena, const struct json *json, double *ret)
{
	if (json->kind == JSON_STRING && str_eqz(json->text, "NaN"))
		*ret = (double)NAN;
	else if (json->kind == JSON_STRING && str_eqz(json->text, "Infinity"))
		*ret = (double)INFINITY;
	else if (json->kind == JSON_STRING && str_eqz(json->text, "-Infinity"))
		*ret = -(double)INFINITY;
	else
		*ret = strtod(text_of(arena, json->text), NULL);
	return true;
}

static bool bytes(struct arena *arena, const struct json *json, struct cel_value *ret)
{
	uint8_t *p = arena_alloc(arena, json->text.n + 1);
	size_t n;

	if (!p || base64_decode(json->text, p, json->text.n + 1, &n) < 0)
		return false;
	*ret = cel_bytes((struct str){ (char *)p, n });
	return true;
}

static bool list(struct arena *arena, const struct json *values, struct cel_value *ret)
{
	size_t n = values ? values->count : 0, i = 0;
	struct cel_value *items = arena_array(arena, n + 1, struct cel_value);

	for (const struct json *v = values ? values->child : NULL; v; v = v->next)
		if (!cel_case_value(arena, v, &items[i++]))
			return false;
	*ret = (struct cel_value){ .kind = CEL_LIST, .n = (uint32_t)n, .items = items };
	return true;
}

static bool map(struct arena *arena, const struct json *pairs, struct cel_value *ret)
{
	size_t n = pairs ? pairs->count : 0, i = 0;
	struct cel_entry *entries = arena_array(arena, n + 1, struct cel_entry);

	for (const struct json *v = pairs ? pairs->child : NULL; v; v = v->next, i++)
		if (!cel_case_value(arena, json_get(v, "key"), &entries[i].key) ||
		    !cel_case_value(arena, json_get(v, "value"), &entries[i].value))
			return false;
	*ret = (struct cel_value){ .kind = CEL_MAP, .n = (uint32_t)n, .entries = entries };
	return true;
}

/* google.protobuf.Value and its like: JSON as it stands. */
static bool plain(struct arena *arena, const struct json *json, struct cel_value *ret)
{
	struct cel_value v = CEL_NULL_VALUE;
	size_t i = 0;

	switch (json->kind) {
	case JSON_NULL: break;
	case JSON_BOOL: v = cel_bool(json->boolean); break;
	case JSON_NUMBER: v = cel_double(strtod(text_of(arena, json->text), NULL)); break;
	case JSON_STRING: v = cel_string(json->text); break;
	case JSON_ARRAY: {
		struct cel_value *items = arena_array(arena, json->count + 1, struct cel_value);

		for (const struct json *x = json->child; x; x = x->next)
			if (!plain(arena, x, &items[i++]))
				return false;
		v = (struct cel_value){ .kind = CEL_LIST, .n = (uint32_t)i, .items = items };
		break;
	}
	case JSON_OBJECT: {
		struct cel_entry *e = arena_array(arena, json->count + 1, struct cel_entry);

		for (const struct json *x = json->child; x; x = x->next, i++) {
			e[i].key = cel_string(x->key);
			if (!plain(arena, x, &e[i].value))
				return false;
		}
		v = (struct cel_value){ .kind = CEL_MAP, .n = (uint32_t)i, .entries = e };
		break;
	}
	}
	*ret = v;
	return true;
}

/* A message that is a value: "@type" ends in its name. */
static bool object(struct arena *arena, const struct json *json, struct cel_value *ret)
{
	static const struct {
		const char *name, *member;
	} wrappers[] = {
		{ "Int32Value", "int64_value" },   { "Int64Value", "int64_value" },
		{ "UInt32Value", "uint64_value" }, { "UInt64Value", "uint64_value" },
		{ "FloatValue", "double_value" },  { "DoubleValue", "double_value" },
		{ "BoolValue", "bool_value" },     { "StringValue", "string_value" },
		{ "BytesValue", "bytes_value" },
	};
	const struct json *value = json_get(json, "value");
	struct str type = { 0 }, base = STR("type.googleapis.com/google.protobuf.");

	if (!json_get_str(json, "@type", &type) || !str_starts(type, base))
		return false;
	type = str_sub(type, base.n, type.n);
	if (!value)
		return false;
	if (str_eqz(type, "Timestamp"))
		return cel_timestamp_parse(value->text, ret) == 0;
	if (str_eqz(type, "Duration"))
		return cel_duration_parse(value->text, ret) == 0;
	if (str_eqz(type, "Value") || str_eqz(type, "Struct") || str_eqz(type, "ListValue"))
		return plain(arena, value, ret);
	for (size_t i = 0; i < COUNT(wrappers); i++) {
		struct json member = *value;
		struct json of = { .kind = JSON_OBJECT, .child = &member, .count = 1 };

		if (!str_eqz(type, wrappers[i].name))
			continue;
		member.key = str_of(wrappers[i].member);
		member.next = NULL;
		return cel_case_value(arena, &of, ret);
	}
	return false;
}

static bool type_value(struct str name, struct cel_value *ret)
{
	const struct cel_decl *decl = cel_type_decl(name);

	if (!decl)
		return false;
	*ret = *decl->constant;
	return true;
}

static int64_t i64_of(const struct json *v)
{
	return strtoll(v->text.p, NULL, 10); /* ends at the quote or the comma */
}

bool cel_case_value(struct arena *arena, const struct json *json, struct cel_value *ret)
{
	const struct json *v = json && json->kind == JSON_OBJECT ? json->child : NULL;
	double d;

	if (!v)
		return false;
	if (str_eqz(v->key, "null_value"))
		*ret = CEL_NULL_VALUE;
	else if (str_eqz(v->key, "bool_value"))
		*ret = cel_bool(v->boolean);
	else if (str_eqz(v->key, "int64_value"))
		*ret = cel_int(i64_of(v));
	else if (str_eqz(v->key, "uint64_value"))
		*ret = cel_uint(strtoull(v->text.p, NULL, 10));
	else if (str_eqz(v->key, "double_value") && number(arena, v, &d))
		*ret = cel_double(d);
	else if (str_eqz(v->key, "string_value"))
		*ret = cel_string(v->text);
	else if (str_eqz(v->key, "bytes_value"))
		return bytes(arena, v, ret);
	else if (str_eqz(v->key, "list_value"))
		return list(arena, json_get(v, "values"), ret);
	else if (str_eqz(v->key, "map_value"))
		return map(arena, json_get(v, "entries"), ret);
	else if (str_eqz(v->key, "type_value"))
		return type_value(v->text, ret);
	else if (str_eqz(v->key, "object_value"))
		return object(arena, v, ret);
	else
		return false;
	return true;
}

static const struct {
	const char *json;
	const struct cel_type *type;
	char code;
} primitives[] = {
	{ "BOOL", &cel_type_bool, 'b' },     { "INT64", &cel_type_int, 'i' },
	{ "UINT64", &cel_type_uint, 'u' },   { "DOUBLE", &cel_type_double, 'd' },
	{ "STRING", &cel_type_string, 's' }, { "BYTES", &cel_type_bytes, 'y' },
};

static const struct {
	const char *name;
	const struct cel_type *type;
	bool wrapper;
} messages[] = {
	{ "Int32Value", &cel_type_int, true },       { "Int64Value", &cel_type_int, true },
	{ "UInt32Value", &cel_type_uint, true },     { "UInt64Value", &cel_type_uint, true },
	{ "FloatValue", &cel_type_double, true },    { "DoubleValue", &cel_type_double, true },
	{ "BoolValue", &cel_type_bool, true },       { "StringValue", &cel_type_string, true },
	{ "BytesValue", &cel_type_bytes, true },     { "Value", &cel_type_dyn, false },
	{ "Timestamp", &cel_type_timestamp, false }, { "Duration", &cel_type_duration, false },
};

static const struct cel_type *primitive(const struct json *v)
{
	for (size_t i = 0; i < COUNT(primitives); i++)
		if (str_eqz(v->text, primitives[i].json))
			return primitives[i].type;
	return NULL;
}

static const struct cel_type *message(struct arena *arena, struct str name)
{
	struct str base = STR("google.protobuf.");

	if (!str_starts(name, base))
		return NULL;
	name = str_sub(name, base.n, name.n);
	if (str_eqz(name, "ListValue"))
		return cel_type_list(arena, &cel_type_dyn);
	if (str_eqz(name, "Struct"))
		return cel_type_map(arena, &cel_type_string, &cel_type_dyn);
	for (size_t i = 0; i < COUNT(messages); i++)
		if (str_eqz(name, messages[i].name))
			return messages[i].wrapper
				       ? cel_type_of(arena, CEL_T_WRAPPER, messages[i].type)
				       : messages[i].type;
	return NULL;
}

static const struct cel_type *abstract(struct arena *arena, const struct json *v)
{
	const struct json *params = json_get(v, "parameter_types");
	struct cel_type *type = arena_new(arena, struct cel_type);
	size_t i = 0;

	type->kind = CEL_T_ABSTRACT;
	if (!json_get_str(v, "name", &type->name))
		return NULL;
	if (str_eqz(type->name, "optional_type")) {
		type->kind = CEL_T_OPTIONAL;
		type->name = (struct str){ 0 };
	}
	for (const struct json *p = params ? params->child : NULL; p; p = p->next) {
		if (i == COUNT(type->param))
			return NULL;
		type->param[i] = cel_case_type(arena, p);
		if (!type->param[i++])
			return NULL;
	}
	return type;
}

const struct cel_type *cel_case_type(struct arena *arena, const struct json *json)
{
	const struct json *v = json ? json->child : NULL;

	if (!v)
		return NULL;
	if (str_eqz(v->key, "primitive"))
		return primitive(v);
	if (str_eqz(v->key, "wrapper"))
		return cel_type_of(arena, CEL_T_WRAPPER, primitive(v));
	if (str_eqz(v->key, "dyn"))
		return &cel_type_dyn;
	if (str_eqz(v->key, "null"))
		return &cel_type_null;
	if (str_eqz(v->key, "well_known") && str_eqz(v->text, "TIMESTAMP"))
		return &cel_type_timestamp;
	if (str_eqz(v->key, "message_type"))
		return message(arena, v->text);
	if (str_eqz(v->key, "list_type"))
		return cel_type_list(arena, cel_case_type(arena, json_get(v, "elem_type")));
	if (str_eqz(v->key, "map_type"))
		return cel_type_map(arena, cel_case_type(arena, json_get(v, "key_type")),
				    cel_case_type(arena, json_get(v, "value_type")));
	if (str_eqz(v->key, "abstract_type"))
		return abstract(arena, v);
	return NULL;
}

/* A type as a code of a signature (type.h); the tests' parameters T, U, V become A, B, C. */
static bool put_code(struct buf *out, const struct json *json)
{
	const struct json *v = json ? json->child : NULL, *params;
	struct str name;

	if (!v)
		return false;
	if (str_eqz(v->key, "type_param")) {
		buf_putc(out, (char)('A' + (v->text.p[0] - 'T')));
		return true;
	}
	for (size_t i = 0; str_eqz(v->key, "primitive") && i < COUNT(primitives); i++) {
		if (str_eqz(v->text, primitives[i].json)) {
			buf_putc(out, primitives[i].code);
			return true;
		}
	}
	if (!str_eqz(v->key, "abstract_type") || !json_get_str(v, "name", &name))
		return false;
	buf_printf(out, "@%.*s(", STR_ARG(name));
	params = json_get(v, "parameter_types");
	for (const struct json *p = params ? params->child : NULL; p; p = p->next)
		if (!put_code(out, p))
			return false;
	buf_putc(out, ')');
	return true;
}

static bool add_function(struct cel_case *c, struct str name, const struct json *function)
{
	const struct json *overloads = json_get(function, "overloads");
	struct cel_overload *all;
	size_t n = c->own.n;

	all = arena_array(c->arena, n + (overloads ? overloads->count : 0), struct cel_overload);
	if (n)
		memcpy(all, c->own.overloads, n * sizeof(*all));
	for (const struct json *o = overloads ? overloads->child : NULL; o; o = o->next) {
		AUTO(buf_done) struct buf out = BUF_INIT(256);
		const struct json *params = json_get(o, "params");

		for (const struct json *p = params ? params->child : NULL; p; p = p->next)
			if (!put_code(&out, p))
				return false;
		buf_putc(&out, ':');
		if (!put_code(&out, json_get(o, "result_type")))
			return false;
		all[n++] = (struct cel_overload){
			.name = text_of(c->arena, name),
			.args = text_of(c->arena, buf_str(&out)),
		};
	}
	c->own = (struct cel_library){ .name = "own", .overloads = all, .n = n };
	return true;
}

static struct cel_decl *decl_of(struct cel_case *c, struct str name)
{
	for (size_t i = 0; i < c->n_decls; i++)
		if (str_eqz(name, c->decls[i].name))
			return &c->decls[i];
	if (c->n_decls == CASE_DECLS_MAX)
		return NULL;
	c->slots[c->n_decls] = (struct cel_value){ .kind = CEL_ERROR };
	c->decls[c->n_decls] = (struct cel_decl){
		.name = text_of(c->arena, name),
		.type = &cel_type_dyn,
		.slot = (int32_t)c->n_decls,
	};
	return &c->decls[c->n_decls++];
}

static bool add_declaration(struct cel_case *c, const struct json *d, const char **what)
{
	const struct json *ident = json_get(d, "ident"), *function = json_get(d, "function");
	struct cel_decl *decl;
	struct str name;

	*what = "a declaration of this kind";
	if (!json_get_str(d, "name", &name))
		return false;
	if (function)
		return add_function(c, name, function);
	decl = ident ? decl_of(c, name) : NULL;
	if (!decl)
		return false;
	decl->type = cel_case_type(c->arena, json_get(ident, "type"));
	*what = "a variable of this type";
	return decl->type;
}

/* Enumerations are ints: those that some tests name, by their values. */
static void add_constants(struct cel_case *c)
{
	static const struct cel_value values[] = {
		{ .kind = CEL_INT, .i = 0 },
		{ .kind = CEL_INT, .i = 1 },
		{ .kind = CEL_INT, .i = 2 },
	};
	static const struct {
		const char *name;
		unsigned value;
	} constants[] = {
		{ "google.protobuf.NullValue.NULL_VALUE", 0 },
#define ENUMS(space)                                                                         \
	{ space ".GlobalEnum.GOO", 0 }, { space ".GlobalEnum.GAR", 1 },                      \
		{ space ".GlobalEnum.GAZ", 2 }, { space ".TestAllTypes.NestedEnum.FOO", 0 }, \
		{ space ".TestAllTypes.NestedEnum.BAR", 1 },                                 \
		{ space ".TestAllTypes.NestedEnum.BAZ", 2 }
		ENUMS("cel.expr.conformance.proto2"),
		ENUMS("cel.expr.conformance.proto3"),
	};

	for (size_t i = 0; i < COUNT(constants); i++)
		c->decls[c->n_decls++] = (struct cel_decl){
			.name = constants[i].name,
			.type = &cel_type_int,
			.slot = -1,
			.constant = &values[constants[i].value],
		};
}

bool cel_case_init(struct cel_case *c, struct arena *arena, const struct json *test,
		   const char **what)
{
	const struct json *env = json_get(test, "type_env"), *bindings = json_get(test, "bindings");
	struct str container;
	bool no_macros = false;
	size_t n = 0;

	*c = (struct cel_case){ .arena = arena, .json = test };
	add_constants(c);
	for (const struct json *d = env ? env->child : NULL; d; d = d->next)
		if (!add_declaration(c, d, what))
			return false;
	*what = "a binding of this kind";
	for (const struct json *b = bindings ? bindings->child : NULL; b; b = b->next) {
		struct cel_decl *decl = decl_of(c, b->key);

		if (!decl || !cel_case_value(arena, json_get(b, "value"), &c->slots[decl->slot]))
			return false;
	}
	json_get_bool(test, "disable_macros", &no_macros);
	c->env = (struct cel_env){
		.decls = c->decls,
		.n_decls = c->n_decls,
		.libraries = c->libraries,
		.macros = !no_macros,
		.optional = true,
	};
	if (json_get_str(test, "container", &container))
		c->env.container = text_of(arena, container);
	for (const struct cel_library *const *l =
		     (const struct cel_library *const[]){
			     &cel_lib_standard, &cel_lib_optional, &cel_lib_strings, &cel_lib_math,
			     &cel_lib_lists, &cel_lib_sets, &cel_lib_encoders, &cel_lib_network,
			     NULL };
	     *l; l++)
		c->libraries[n++] = *l;
	c->libraries[n++] = &c->own;
	c->env.n_libraries = n;
	return true;
}

void cel_case_print(struct buf *out, struct cel_value v)
{
	struct cel_eval eval;
	char scratch[4096] __attribute__((aligned(16)));
	struct cel_value text;

	switch (v.kind) {
	case CEL_ERROR: buf_printf(out, "error: %s", v.error->text); return;
	case CEL_NULL: buf_putz(out, "null"); return;
	case CEL_TYPE: buf_puts(out, cel_type_name(v.type)); return;
	case CEL_BYTES:
		buf_putz(out, "b'");
		buf_put_hex(out, v.p, v.n);
		buf_putz(out, "'");
		return;
	case CEL_LIST:
		buf_putc(out, '[');
		for (uint32_t i = 0; i < v.n; i++) {
			buf_putz(out, i ? ", " : "");
			cel_case_print(out, v.items[i]);
		}
		buf_putc(out, ']');
		return;
	case CEL_MAP:
		buf_putc(out, '{');
		for (uint32_t i = 0; i < v.n; i++) {
			buf_putz(out, i ? ", " : "");
			cel_case_print(out, v.entries[i].key);
			buf_putz(out, ": ");
			cel_case_print(out, v.entries[i].value);
		}
		buf_putc(out, '}');
		return;
	case CEL_OPTIONAL:
		buf_putz(out, v.boxed ? "optional.of(" : "optional.none(");
		if (v.boxed)
			cel_case_print(out, *v.boxed);
		buf_putc(out, ')');
		return;
	case CEL_STRING: buf_printf(out, "'%.*s'", (int)v.n, v.p); return;
	default: break;
	}
	cel_eval_init(&eval, scratch, sizeof(scratch), 1000);
	text = cel_to_string(&eval, v);
	if (text.kind == CEL_STRING)
		buf_printf(out, "%.*s%s", (int)text.n, text.p, v.kind == CEL_UINT ? "u" : "");
	else
		buf_putz(out, cel_kind_name(v.kind));
}
