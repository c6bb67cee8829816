#include "cel/access.h"
#include "cel/ast.h"

#include <math.h>

struct cel_value cel_no_key(struct cel_eval *eval, struct cel_value key)
{
	switch (key.kind) {
	case CEL_STRING:
		return cel_fail(eval, CEL_E_NO_SUCH_KEY, "no such key: '%.*s'",
				key.n > 100 ? 100 : (int)key.n, key.p);
	case CEL_INT:
		return cel_fail(eval, CEL_E_NO_SUCH_KEY, "no such key: %lld", (long long)key.i);
	case CEL_UINT:
		return cel_fail(eval, CEL_E_NO_SUCH_KEY, "no such key: %lluu",
				(unsigned long long)key.u);
	case CEL_BOOL:
		return cel_fail(eval, CEL_E_NO_SUCH_KEY, "no such key: %s",
				key.b ? "true" : "false");
	default:
		return cel_fail(eval, CEL_E_NO_SUCH_KEY, "no such key: a %s",
				cel_kind_name(key.kind));
	}
}

static struct cel_value no_fields(struct cel_eval *eval, struct cel_value v, struct str field)
{
	return cel_fail(eval, CEL_E_NO_SUCH_FIELD, "a %s has no field '%.*s'",
			cel_kind_name(v.kind), field.n > 100 ? 100 : (int)field.n, field.p);
}

struct cel_value cel_optional_of(struct cel_eval *eval, struct cel_value v)
{
	struct cel_value *box = cel_scratch(eval, sizeof(*box));

	if (!box)
		return cel_fail_memory(eval);
	*box = v;
	return (struct cel_value){ .kind = CEL_OPTIONAL, .boxed = box };
}

struct cel_value cel_select(struct cel_eval *eval, struct cel_value v, struct str field)
{
	const struct cel_value *found;

	if (v.kind == CEL_MAP) {
		if (!cel_charge(eval, v.n / 16))
			return cel_fail_steps(eval);
		found = cel_map_find(v, cel_string(field));
		return found ? *found : cel_no_key(eval, cel_string(field));
	}
	if (v.kind == CEL_OPTIONAL)
		return cel_optional_index(eval, v, cel_string(field));
	return no_fields(eval, v, field);
}

struct cel_value cel_has(struct cel_eval *eval, struct cel_value v, struct str field)
{
	if (v.kind == CEL_OPTIONAL) {
		if (!v.boxed)
			return cel_bool(false);
		v = *v.boxed;
	}
	if (v.kind != CEL_MAP)
		return no_fields(eval, v, field);
	if (!cel_charge(eval, v.n / 16))
		return cel_fail_steps(eval);
	return cel_bool(cel_map_find(v, cel_string(field)) != NULL);
}

static const struct cel_value *item_at(struct cel_value list, struct cel_value at)
{
	if (at.kind == CEL_DOUBLE && at.d >= 0 && at.d < 0x1p32 && at.d == trunc(at.d))
		at = cel_int((int64_t)at.d);
	if (at.kind == CEL_UINT && at.u <= INT64_MAX)
		at = cel_int((int64_t)at.u);
	return at.kind == CEL_INT && at.i >= 0 && at.i < list.n ? &list.items[at.i] : NULL;
}

struct cel_value cel_optional_index(struct cel_eval *eval, struct cel_value v, struct cel_value key)
{
	const struct cel_value *found;

	if (v.kind == CEL_OPTIONAL) {
		if (!v.boxed)
			return v;
		v = *v.boxed;
	}
	if (v.kind == CEL_LIST) {
		found = item_at(v, key);
	} else if (v.kind == CEL_MAP) {
		if (!cel_charge(eval, v.n / 16))
			return cel_fail_steps(eval);
		found = cel_map_find(v, key);
	} else if (v.kind == CEL_OPTIONAL) {
		return cel_fail(eval, CEL_E_NO_SUCH_OVERLOAD, "an optional inside an optional");
	} else {
		return cel_no_key(eval, key);
	}
	return found ? cel_optional_of(eval, *found) : cel_optional_none();
}
