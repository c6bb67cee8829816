/*
 * Equality, order and lookup. Integers of different kinds compare exactly; against a double, an
 * integer is first rounded to double, so that order and equality agree with each other
 * (9223372036854775807 < 9223372036854775808.0 is false, and so is their inequality).
 *
 * Values share parts, so a deep comparison can take exponentially longer than the values took to
 * make ([a, a] of [b, b] of ...). Inside an evaluation every pair is therefore charged as a step.
 */
#include "cel/eval.h"

#include <errno.h>
#include <math.h>

static int order_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int order_i64(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int order_double(double a, double b, int *ret)
{
	if (isnan(a) || isnan(b))
		return -EINVAL;
	*ret = a < b ? -1 : a > b;
	return 0;
}

static inline bool is_number(struct cel_value v)
{
	return v.kind == CEL_INT || v.kind == CEL_UINT || v.kind == CEL_DOUBLE;
}

static double as_double(struct cel_value v)
{
	return v.kind == CEL_INT ? (double)v.i : v.kind == CEL_UINT ? (double)v.u : v.d;
}

static int order_numbers(struct cel_value a, struct cel_value b, int *ret)
{
	if (a.kind == CEL_DOUBLE || b.kind == CEL_DOUBLE)
		return order_double(as_double(a), as_double(b), ret);
	if (a.kind == b.kind)
		*ret = a.kind == CEL_INT ? order_i64(a.i, b.i) : order_u64(a.u, b.u);
	else if (a.kind == CEL_INT)
		*ret = a.i < 0 ? -1 : order_u64((uint64_t)a.i, b.u);
	else
		*ret = b.i < 0 ? 1 : order_u64(a.u, (uint64_t)b.i);
	return 0;
}

static int order_time(struct cel_value a, struct cel_value b)
{
	int order = order_i64(a.i, b.i);

	return order ? order : order_i64((int32_t)a.nanos, (int32_t)b.nanos);
}

int cel_compare(struct cel_value a, struct cel_value b, int *ret_order)
{
	int order;

	if (is_number(a) && is_number(b))
		return order_numbers(a, b, ret_order);
	if (a.kind != b.kind)
		return -EINVAL;
	switch (a.kind) {
	case CEL_BOOL: *ret_order = (int)a.b - (int)b.b; return 0;
	case CEL_STRING:
	case CEL_BYTES:
		order = str_cmp(cel_str(a), cel_str(b));
		*ret_order = order < 0 ? -1 : order > 0;
		return 0;
	case CEL_TIMESTAMP:
	case CEL_DURATION: *ret_order = order_time(a, b); return 0;
	default: return -EINVAL;
	}
}

static bool equal_addr(struct cel_value a, struct cel_value b)
{
	size_t n = a.addr->family == 4 ? 4 : 16;

	return a.addr->family == b.addr->family && memcmp(a.addr->bytes, b.addr->bytes, n) == 0 &&
	       (a.kind == CEL_IP || a.addr->prefix == b.addr->prefix);
}

static int equal_lists(struct cel_eval *eval, struct cel_value a, struct cel_value b)
{
	if (a.n != b.n)
		return 0;
	if (a.items == b.items && a.n == 0)
		return 1;
	for (uint32_t i = 0; i < a.n; i++) {
		int same = cel_equals(eval, a.items[i], b.items[i]);

		if (same != 1)
			return same;
	}
	return 1;
}

static int equal_maps(struct cel_eval *eval, struct cel_value a, struct cel_value b)
{
	if (a.n != b.n)
		return 0;
	for (uint32_t i = 0; i < a.n; i++) {
		const struct cel_value *other;
		int same;

		if (eval && !cel_charge(eval, b.n / 8))
			return -EDQUOT;
		other = cel_map_find(b, a.entries[i].key);
		same = other ? cel_equals(eval, a.entries[i].value, *other) : 0;
		if (same != 1)
			return same;
	}
	return 1;
}

int cel_equals(struct cel_eval *eval, struct cel_value a, struct cel_value b)
{
	int order;

	if (eval &&
	    !cel_charge(eval, a.kind == CEL_STRING || a.kind == CEL_BYTES ? 1 + a.n / 64 : 1))
		return -EDQUOT;
	if (is_number(a) && is_number(b))
		return order_numbers(a, b, &order) == 0 && order == 0;
	if (a.kind != b.kind)
		return 0;
	switch (a.kind) {
	case CEL_NULL: return 1;
	case CEL_BOOL: return a.b == b.b;
	case CEL_STRING:
	case CEL_BYTES: return str_eq(cel_str(a), cel_str(b));
	case CEL_LIST: return equal_lists(eval, a, b);
	case CEL_MAP: return equal_maps(eval, a, b);
	case CEL_TYPE: return a.type->kind == b.type->kind;
	case CEL_TIMESTAMP:
	case CEL_DURATION: return order_time(a, b) == 0;
	case CEL_OPTIONAL:
		if (!a.boxed || !b.boxed)
			return a.boxed == b.boxed;
		return cel_equals(eval, *a.boxed, *b.boxed);
	case CEL_IP:
	case CEL_CIDR: return equal_addr(a, b);
	case CEL_RECORD: return a.record == b.record;
	default: return 0;
	}
}

bool cel_equal(struct cel_value a, struct cel_value b)
{
	return cel_equals(NULL, a, b) == 1;
}

/* The integer that a double stands for exactly. */
static bool double_as_integer(double d, struct cel_value *ret)
{
	if (d >= -0x1p63 && d < 0x1p63 && d == trunc(d))
		*ret = cel_int((int64_t)d);
	else if (d >= 0 && d < 0x1p64 && d == trunc(d))
		*ret = cel_uint((uint64_t)d);
	else
		return false;
	return true;
}

static bool key_equal(struct cel_value a, struct cel_value b)
{
	struct cel_value whole;
	int order;

	if (a.kind == CEL_DOUBLE && b.kind != CEL_DOUBLE)
		return double_as_integer(a.d, &whole) && key_equal(whole, b);
	if (b.kind == CEL_DOUBLE && a.kind != CEL_DOUBLE)
		return double_as_integer(b.d, &whole) && key_equal(a, whole);
	if (is_number(a) && is_number(b))
		return order_numbers(a, b, &order) == 0 && order == 0;
	if (a.kind != b.kind)
		return false;
	if (a.kind == CEL_BOOL)
		return a.b == b.b;
	return (a.kind == CEL_STRING || a.kind == CEL_BYTES) && str_eq(cel_str(a), cel_str(b));
}

const struct cel_value *cel_map_find(struct cel_value m, struct cel_value key)
{
	if (m.kind != CEL_MAP)
		return NULL;
	if (key.kind == CEL_STRING) {
		for (uint32_t i = 0; i < m.n; i++) {
			const struct cel_value *k = &m.entries[i].key;

			if (k->kind == CEL_STRING && str_eq(cel_str(*k), cel_str(key)))
				return &m.entries[i].value;
		}
		return NULL;
	}
	for (uint32_t i = 0; i < m.n; i++)
		if (m.entries[i].key.kind == CEL_INT && key.kind == CEL_INT
			    ? m.entries[i].key.i == key.i
			    : key_equal(m.entries[i].key, key))
			return &m.entries[i].value;
	return NULL;
}
