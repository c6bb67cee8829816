/*
 * The standard library's table (langdef.md, "List of Standard Definitions"). && || ?: and
 * @not_strictly_false are in it for their types alone: they are no functions, because an error in
 * an argument need not be one of the result.
 */
#include "cel/lib_standard.h"
#include "cel/ast.h"
#include "cel/pattern.h"

#define F(n, a, c)                              \
	{                                       \
		.name = n, .args = a, .call = c \
	}
#define M(n, a, c)                                                       \
	{                                                                \
		.name = n, .args = a, .call = c, .flags = CEL_FN_MEMBER, \
	}
#define ZONED(n, c)                                                                            \
	M(n, "t:i", c),                                                                        \
	{                                                                                      \
		.name = n, .args = "ts:i", .call = c, .flags = CEL_FN_MEMBER | CEL_FN_PATTERN, \
		.prepare = cel_zone_prepare, .release = cel_zone_release,                      \
	}
#define MATCHES(form)                                                         \
	{                                                                     \
		.name = "matches", .args = "ss:b", .call = cel_fn_matches,    \
		.flags = (form) | CEL_FN_PATTERN, .prepare = pattern_prepare, \
		.release = pattern_release,                                   \
	}
#define ORDERED(op, c)                                                                            \
	F(op, "bb:b", c), F(op, "ii:b", c), F(op, "uu:b", c), F(op, "dd:b", c), F(op, "ss:b", c), \
		F(op, "yy:b", c), F(op, "tt:b", c), F(op, "DD:b", c), F(op, "iu:b", c),           \
		F(op, "id:b", c), F(op, "ui:b", c), F(op, "ud:b", c), F(op, "di:b", c),           \
		F(op, "du:b", c)

static const struct cel_overload overloads[] = {
	F(CEL_OP_AND, "bb:b", NULL),
	F(CEL_OP_OR, "bb:b", NULL),
	F(CEL_OP_COND, "bAA:A", NULL),
	F(CEL_OP_NOT_STRICTLY_FALSE, "b:b", NULL),
	F(CEL_OP_NOT, "b:b", cel_fn_not),
	F(CEL_OP_EQ, "AA:b", cel_fn_eq),
	F(CEL_OP_NE, "AA:b", cel_fn_ne),
	ORDERED(CEL_OP_LT, cel_fn_lt),
	ORDERED(CEL_OP_LE, cel_fn_le),
	ORDERED(CEL_OP_GT, cel_fn_gt),
	ORDERED(CEL_OP_GE, cel_fn_ge),

	F(CEL_OP_ADD, "ii:i", cel_fn_add),
	F(CEL_OP_ADD, "uu:u", cel_fn_add),
	F(CEL_OP_ADD, "dd:d", cel_fn_add),
	F(CEL_OP_ADD, "ss:s", cel_fn_add),
	F(CEL_OP_ADD, "yy:y", cel_fn_add),
	F(CEL_OP_ADD, "LALA:LA", cel_fn_add),
	F(CEL_OP_ADD, "tD:t", cel_fn_add),
	F(CEL_OP_ADD, "Dt:t", cel_fn_add),
	F(CEL_OP_ADD, "DD:D", cel_fn_add),
	F(CEL_OP_SUB, "ii:i", cel_fn_sub),
	F(CEL_OP_SUB, "uu:u", cel_fn_sub),
	F(CEL_OP_SUB, "dd:d", cel_fn_sub),
	F(CEL_OP_SUB, "tt:D", cel_fn_sub),
	F(CEL_OP_SUB, "tD:t", cel_fn_sub),
	F(CEL_OP_SUB, "DD:D", cel_fn_sub),
	F(CEL_OP_MUL, "ii:i", cel_fn_mul),
	F(CEL_OP_MUL, "uu:u", cel_fn_mul),
	F(CEL_OP_MUL, "dd:d", cel_fn_mul),
	F(CEL_OP_DIV, "ii:i", cel_fn_div),
	F(CEL_OP_DIV, "uu:u", cel_fn_div),
	F(CEL_OP_DIV, "dd:d", cel_fn_div),
	F(CEL_OP_MOD, "ii:i", cel_fn_mod),
	F(CEL_OP_MOD, "uu:u", cel_fn_mod),
	F(CEL_OP_NEG, "i:i", cel_fn_neg),
	F(CEL_OP_NEG, "d:d", cel_fn_neg),

	F(CEL_OP_INDEX, "LAi:A", cel_fn_index),
	F(CEL_OP_INDEX, "MABA:B", cel_fn_index),
	F(CEL_OP_IN, "ALA:b", cel_fn_in),
	F(CEL_OP_IN, "AMAB:b", cel_fn_in),

	F("size", "s:i", cel_fn_size),
	F("size", "y:i", cel_fn_size),
	F("size", "LA:i", cel_fn_size),
	F("size", "MAB:i", cel_fn_size),
	M("size", "s:i", cel_fn_size),
	M("size", "y:i", cel_fn_size),
	M("size", "LA:i", cel_fn_size),
	M("size", "MAB:i", cel_fn_size),
	M("startsWith", "ss:b", cel_fn_starts),
	M("endsWith", "ss:b", cel_fn_ends),
	M("contains", "ss:b", cel_fn_contains),

	MATCHES(0),
	MATCHES(CEL_FN_MEMBER),

	F("type", "A:TA", cel_fn_type),
	F("dyn", "A:*", cel_fn_dyn),
	F("bool", "b:b", cel_fn_bool),
	F("bool", "s:b", cel_fn_bool),
	F("int", "i:i", cel_fn_int),
	F("int", "u:i", cel_fn_int),
	F("int", "d:i", cel_fn_int),
	F("int", "s:i", cel_fn_int),
	F("int", "t:i", cel_fn_int),
	F("uint", "u:u", cel_fn_uint),
	F("uint", "i:u", cel_fn_uint),
	F("uint", "d:u", cel_fn_uint),
	F("uint", "s:u", cel_fn_uint),
	F("double", "d:d", cel_fn_double),
	F("double", "i:d", cel_fn_double),
	F("double", "u:d", cel_fn_double),
	F("double", "s:d", cel_fn_double),
	F("string", "s:s", cel_fn_string),
	F("string", "b:s", cel_fn_string),
	F("string", "i:s", cel_fn_string),
	F("string", "u:s", cel_fn_string),
	F("string", "d:s", cel_fn_string),
	F("string", "y:s", cel_fn_string),
	F("string", "t:s", cel_fn_string),
	F("string", "D:s", cel_fn_string),
	F("bytes", "y:y", cel_fn_bytes),
	F("bytes", "s:y", cel_fn_bytes),
	F("timestamp", "t:t", cel_fn_timestamp),
	F("timestamp", "s:t", cel_fn_timestamp),
	F("timestamp", "i:t", cel_fn_timestamp),
	F("duration", "D:D", cel_fn_duration),
	F("duration", "s:D", cel_fn_duration),

	ZONED("getFullYear", cel_fn_year),
	ZONED("getMonth", cel_fn_month),
	ZONED("getDate", cel_fn_date),
	ZONED("getDayOfMonth", cel_fn_day_of_month),
	ZONED("getDayOfWeek", cel_fn_day_of_week),
	ZONED("getDayOfYear", cel_fn_day_of_year),
	ZONED("getHours", cel_fn_hours),
	ZONED("getMinutes", cel_fn_minutes),
	ZONED("getSeconds", cel_fn_seconds),
	ZONED("getMilliseconds", cel_fn_milliseconds),
	M("getHours", "D:i", cel_fn_hours),
	M("getMinutes", "D:i", cel_fn_minutes),
	M("getSeconds", "D:i", cel_fn_seconds),
	M("getMilliseconds", "D:i", cel_fn_milliseconds),
};

const struct cel_library cel_lib_standard = {
	.name = "standard",
	.overloads = overloads,
	.n = sizeof(overloads) / sizeof(overloads[0]),
};
