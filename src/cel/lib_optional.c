/*
 * Optional values: optional.of(x), optional.none(), x.orValue(y) ... optMap() and optFlatMap() are
 * macros, a.?b and a[?b] the language's own.
 */
#include "cel/access.h"
#include "cel/ast.h"
#include "cel/lib_standard.h"

static struct cel_value of(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel_optional_of(eval, args[0]);
}

static struct cel_value none(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)eval;
	(void)args;
	(void)n;
	return cel_optional_none();
}

/* What the zero value of its kind is, and empty, is nothing. */
static bool is_zero(struct cel_value v)
{
	switch (v.kind) {
	case CEL_NULL: return true;
	case CEL_BOOL: return !v.b;
	case CEL_INT:
	case CEL_UINT: return v.u == 0;
	case CEL_DOUBLE: return v.d == 0;
	case CEL_STRING:
	case CEL_BYTES:
	case CEL_LIST:
	case CEL_MAP: return v.n == 0;
	case CEL_TIMESTAMP:
	case CEL_DURATION: return v.i == 0 && v.nanos == 0;
	case CEL_OPTIONAL: return !v.boxed;
	default: return false;
	}
}

static struct cel_value of_non_zero(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return is_zero(args[0]) ? cel_optional_none() : cel_optional_of(eval, args[0]);
}

static struct cel_value has_value(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)eval;
	(void)n;
	return cel_bool(args[0].boxed != NULL);
}

static struct cel_value value(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return args[0].boxed ? *args[0].boxed
			     : cel_fail(eval, CEL_E_ARGUMENT, "optional.none() has no value");
}

static struct cel_value or (struct cel_eval * eval, const struct cel_value *args, unsigned n)
{
	(void)eval;
	(void)n;
	return args[0].boxed ? args[0] : args[1];
}

static struct cel_value or_value(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)eval;
	(void)n;
	return args[0].boxed ? *args[0].boxed : args[1];
}

/* The optionals of a list that have a value. */
static struct cel_value unwrap(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct cel_value *items = cel_scratch(eval, args[0].n * sizeof(*items));
	uint32_t count = 0;

	(void)n;
	if (!items)
		return cel_fail_memory(eval);
	if (!cel_charge(eval, args[0].n / 4))
		return cel_fail_steps(eval);
	for (uint32_t i = 0; i < args[0].n; i++) {
		if (args[0].items[i].kind != CEL_OPTIONAL)
			return cel_no_overload(eval, "optional.unwrap", &args[0].items[i], 1);
		if (args[0].items[i].boxed)
			items[count++] = *args[0].items[i].boxed;
	}
	return (struct cel_value){ .kind = CEL_LIST, .n = count, .items = items };
}

static struct cel_value optional_index(struct cel_eval *eval, const struct cel_value *args,
				       unsigned n)
{
	(void)n;
	return cel_optional_index(eval, args[0], args[1]);
}

static const struct cel_overload overloads[] = {
	{ .name = "optional.of", .args = "A:OA", .call = of },
	{ .name = "optional.none", .args = ":OA", .call = none },
	{ .name = "optional.ofNonZeroValue", .args = "A:OA", .call = of_non_zero },
	{ .name = "optional.unwrap", .args = "LOA:LA", .call = unwrap },
	{ .name = "unwrapOpt", .args = "LOA:LA", .call = unwrap, .flags = CEL_FN_MEMBER },
	{ .name = "hasValue", .args = "OA:b", .call = has_value, .flags = CEL_FN_MEMBER },
	{ .name = "value", .args = "OA:A", .call = value, .flags = CEL_FN_MEMBER },
	{ .name = "or", .args = "OAOA:OA", .call = or, .flags = CEL_FN_MEMBER },
	{ .name = "orValue", .args = "OAA:A", .call = or_value, .flags = CEL_FN_MEMBER },
	{ .name = CEL_OP_INDEX, .args = "OLAi:OA", .call = cel_fn_index },
	{ .name = CEL_OP_INDEX, .args = "OMABA:OB", .call = cel_fn_index },
	{ .name = CEL_OP_OPT_INDEX, .args = "LAi:OA", .call = optional_index },
	{ .name = CEL_OP_OPT_INDEX, .args = "MABA:OB", .call = optional_index },
	{ .name = CEL_OP_OPT_INDEX, .args = "OLAi:OA", .call = optional_index },
	{ .name = CEL_OP_OPT_INDEX, .args = "OMABA:OB", .call = optional_index },
};

const struct cel_library cel_lib_optional = {
	.name = "optional",
	.overloads = overloads,
	.n = sizeof(overloads) / sizeof(overloads[0]),
};
