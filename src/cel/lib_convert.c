/* Conversions of the standard library: int("7"), string(1.5), type(x), dyn(x). */
#include "cel/convert.h"
#include "cel/lib_standard.h"
#include "cel/type.h"

struct cel_value cel_fn_int(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel_to_int(eval, args[0]);
}

struct cel_value cel_fn_uint(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel_to_uint(eval, args[0]);
}

struct cel_value cel_fn_double(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel_to_double(eval, args[0]);
}

struct cel_value cel_fn_string(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel_to_string(eval, args[0]);
}

struct cel_value cel_fn_bytes(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel_to_bytes(eval, args[0]);
}

struct cel_value cel_fn_bool(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel_to_bool(eval, args[0]);
}

struct cel_value cel_fn_timestamp(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel_to_timestamp(eval, args[0]);
}

struct cel_value cel_fn_duration(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel_to_duration(eval, args[0]);
}

struct cel_value cel_fn_dyn(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)eval;
	(void)n;
	return args[0];
}

/* By kind of value; a list is a list, whatever is in it. */
static const struct cel_type type_list = { .kind = CEL_T_LIST, .param = { &cel_type_dyn } },
			     type_map = { .kind = CEL_T_MAP,
					  .param = { &cel_type_dyn, &cel_type_dyn } },
			     type_type = { .kind = CEL_T_TYPE, .param = { &cel_type_dyn } },
			     type_optional = { .kind = CEL_T_OPTIONAL, .param = { &cel_type_dyn } },
			     type_record = { .kind = CEL_T_RECORD };

static const struct cel_type *const types[CEL_KIND_N] = {
	[CEL_NULL] = &cel_type_null,
	[CEL_BOOL] = &cel_type_bool,
	[CEL_INT] = &cel_type_int,
	[CEL_UINT] = &cel_type_uint,
	[CEL_DOUBLE] = &cel_type_double,
	[CEL_STRING] = &cel_type_string,
	[CEL_BYTES] = &cel_type_bytes,
	[CEL_LIST] = &type_list,
	[CEL_MAP] = &type_map,
	[CEL_TYPE] = &type_type,
	[CEL_TIMESTAMP] = &cel_type_timestamp,
	[CEL_DURATION] = &cel_type_duration,
	[CEL_OPTIONAL] = &type_optional,
	[CEL_IP] = &cel_type_ip,
	[CEL_CIDR] = &cel_type_cidr,
	[CEL_RECORD] = &type_record,
	[CEL_ERROR] = &cel_type_error,
};

struct cel_value cel_fn_type(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)eval;
	(void)n;
	return (struct cel_value){ .kind = CEL_TYPE, .type = types[args[0].kind] };
}
