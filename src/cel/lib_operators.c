/* Operators and the functions on strings and sizes, for arguments of any kinds they take. */
#include "cel/access.h"
#include "cel/ast.h"
#include "cel/eval.h"
#include "cel/lib_standard.h"
#include "cel/time.h"

#include <errno.h>
#include <math.h>

struct cel_value cel_fn_eq(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	int same = cel_equals(eval, args[0], args[1]);

	(void)n;
	return same < 0 ? cel_fail_steps(eval) : cel_bool(same);
}

struct cel_value cel_fn_ne(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	int same = cel_equals(eval, args[0], args[1]);

	(void)n;
	return same < 0 ? cel_fail_steps(eval) : cel_bool(!same);
}

static inline bool is_number(struct cel_value v)
{
	return v.kind == CEL_INT || v.kind == CEL_UINT || v.kind == CEL_DOUBLE;
}

/* -1, 0, 1; 2: not a number is in it, so that every comparison is false; -EINVAL: no order. */
static int order_of(struct cel_eval *eval, const char *name, const struct cel_value *args,
		    struct cel_value *ret_error)
{
	uint64_t n = args[0].kind == CEL_STRING || args[0].kind == CEL_BYTES ? args[0].n : 0;
	int order;

	if (!cel_charge(eval, n / 64)) {
		*ret_error = cel_fail_steps(eval);
		return -EINVAL;
	}
	if (cel_compare(args[0], args[1], &order) == 0)
		return order;
	if (is_number(args[0]) && is_number(args[1]))
		return 2;
	*ret_error = cel_no_overload(eval, name, args, 2);
	return -EINVAL;
}

#define ORDER(function, op, condition)                                                             \
	struct cel_value function(struct cel_eval *eval, const struct cel_value *args, unsigned n) \
	{                                                                                          \
		struct cel_value error;                                                            \
		int order = order_of(eval, op, args, &error);                                      \
                                                                                                   \
		(void)n;                                                                           \
		return order == -EINVAL ? error : cel_bool(condition);                             \
	}

ORDER(cel_fn_lt, CEL_OP_LT, order == -1)
ORDER(cel_fn_le, CEL_OP_LE, order <= 0)
ORDER(cel_fn_gt, CEL_OP_GT, order == 1)
ORDER(cel_fn_ge, CEL_OP_GE, order == 0 || order == 1)

struct cel_value cel_fn_not(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	return args[0].kind == CEL_BOOL ? cel_bool(!args[0].b)
					: cel_no_overload(eval, CEL_OP_NOT, args, n);
}

static struct cel_value overflow(struct cel_eval *eval)
{
	return cel_fail(eval, CEL_E_OVERFLOW, "range error: the result is out of range");
}

static struct cel_value by_zero(struct cel_eval *eval, const char *what)
{
	return cel_fail(eval, CEL_E_DIVIDE_BY_ZERO, "%s by zero", what);
}

struct cel_value cel_fn_neg(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	if (args[0].kind == CEL_DOUBLE)
		return cel_double(-args[0].d);
	if (args[0].kind != CEL_INT)
		return cel_no_overload(eval, CEL_OP_NEG, args, n);
	return args[0].i == INT64_MIN ? overflow(eval) : cel_int(-args[0].i);
}

static struct cel_value concat(struct cel_eval *eval, struct cel_value a, struct cel_value b)
{
	uint64_t size = (uint64_t)a.n + b.n;
	char *p;

	if (a.n == 0 || b.n == 0)
		return a.n ? a : b;
	if (!cel_charge(eval, size / 16))
		return cel_fail_steps(eval);
	p = size <= UINT32_MAX ? cel_scratch(eval, size) : NULL;
	if (!p)
		return cel_fail_memory(eval);
	memcpy(p, a.p, a.n);
	memcpy(p + a.n, b.p, b.n);
	return (struct cel_value){ .kind = a.kind, .n = (uint32_t)size, .p = p };
}

static struct cel_value concat_lists(struct cel_eval *eval, struct cel_value a, struct cel_value b)
{
	uint64_t count = (uint64_t)a.n + b.n;
	struct cel_value *items;

	if (a.n == 0 || b.n == 0)
		return a.n ? a : b;
	if (!cel_charge(eval, count / 4))
		return cel_fail_steps(eval);
	items = count <= UINT32_MAX ? cel_scratch(eval, count * sizeof(*items)) : NULL;
	if (!items)
		return cel_fail_memory(eval);
	memcpy(items, a.items, a.n * sizeof(*items));
	memcpy(items + a.n, b.items, b.n * sizeof(*items));
	return (struct cel_value){ .kind = CEL_LIST, .n = (uint32_t)count, .items = items };
}

/* @sign 1 or -1: a + b or a - b, of which at least one is a duration or both are timestamps. */
static struct cel_value add_time(struct cel_eval *eval, struct cel_value a, struct cel_value b,
				 int sign)
{
	int64_t nanos = (int64_t)(int32_t)a.nanos + sign * (int64_t)(int32_t)b.nanos;
	int64_t seconds = a.i + sign * b.i; /* both are far from the limits of 64 bits */
	struct cel_value sum;
	bool ok;

	if (a.kind == CEL_TIMESTAMP && b.kind == CEL_TIMESTAMP) {
		/* the language wants this difference to fit 64 bits of nanoseconds */
		ok = seconds > INT64_MIN / 1000000000 && seconds < INT64_MAX / 1000000000 &&
		     cel_duration_make(seconds, nanos, &sum);
	} else if (a.kind == CEL_DURATION && b.kind == CEL_DURATION) {
		ok = cel_duration_make(seconds, nanos, &sum);
	} else {
		ok = cel_timestamp_make(seconds, nanos, &sum);
	}
	return ok ? sum : overflow(eval);
}

struct cel_value cel_fn_add(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct cel_value a = args[0], b = args[1], sum;

	if (a.kind == b.kind) {
		switch (a.kind) {
		case CEL_INT:
			sum = cel_int(0);
			return __builtin_add_overflow(a.i, b.i, &sum.i) ? overflow(eval) : sum;
		case CEL_UINT:
			sum = cel_uint(0);
			return __builtin_add_overflow(a.u, b.u, &sum.u) ? overflow(eval) : sum;
		case CEL_DOUBLE: return cel_double(a.d + b.d);
		case CEL_STRING:
		case CEL_BYTES: return concat(eval, a, b);
		case CEL_LIST: return concat_lists(eval, a, b);
		case CEL_DURATION: return add_time(eval, a, b, 1);
		default: break;
		}
	} else if ((a.kind == CEL_TIMESTAMP && b.kind == CEL_DURATION) ||
		   (a.kind == CEL_DURATION && b.kind == CEL_TIMESTAMP)) {
		return add_time(eval, a, b, 1);
	}
	return cel_no_overload(eval, CEL_OP_ADD, args, n);
}

struct cel_value cel_fn_sub(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct cel_value a = args[0], b = args[1], sum;

	if (a.kind == b.kind) {
		switch (a.kind) {
		case CEL_INT:
			sum = cel_int(0);
			return __builtin_sub_overflow(a.i, b.i, &sum.i) ? overflow(eval) : sum;
		case CEL_UINT:
			sum = cel_uint(0);
			return __builtin_sub_overflow(a.u, b.u, &sum.u) ? overflow(eval) : sum;
		case CEL_DOUBLE: return cel_double(a.d - b.d);
		case CEL_TIMESTAMP:
		case CEL_DURATION: return add_time(eval, a, b, -1);
		default: break;
		}
	} else if (a.kind == CEL_TIMESTAMP && b.kind == CEL_DURATION) {
		return add_time(eval, a, b, -1);
	}
	return cel_no_overload(eval, CEL_OP_SUB, args, n);
}

struct cel_value cel_fn_mul(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct cel_value a = args[0], b = args[1], product;

	if (a.kind == b.kind && a.kind == CEL_INT) {
		product = cel_int(0);
		return __builtin_mul_overflow(a.i, b.i, &product.i) ? overflow(eval) : product;
	}
	if (a.kind == b.kind && a.kind == CEL_UINT) {
		product = cel_uint(0);
		return __builtin_mul_overflow(a.u, b.u, &product.u) ? overflow(eval) : product;
	}
	if (a.kind == b.kind && a.kind == CEL_DOUBLE)
		return cel_double(a.d * b.d);
	return cel_no_overload(eval, CEL_OP_MUL, args, n);
}

struct cel_value cel_fn_div(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct cel_value a = args[0], b = args[1];

	if (a.kind == b.kind && a.kind == CEL_INT) {
		if (b.i == 0)
			return by_zero(eval, "division");
		return a.i == INT64_MIN && b.i == -1 ? overflow(eval) : cel_int(a.i / b.i);
	}
	if (a.kind == b.kind && a.kind == CEL_UINT)
		return b.u == 0 ? by_zero(eval, "division") : cel_uint(a.u / b.u);
	if (a.kind == b.kind && a.kind == CEL_DOUBLE)
		return cel_double(a.d / b.d);
	return cel_no_overload(eval, CEL_OP_DIV, args, n);
}

struct cel_value cel_fn_mod(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct cel_value a = args[0], b = args[1];

	if (a.kind == b.kind && a.kind == CEL_INT) {
		if (b.i == 0)
			return by_zero(eval, "modulus");
		return a.i == INT64_MIN && b.i == -1 ? overflow(eval) : cel_int(a.i % b.i);
	}
	if (a.kind == b.kind && a.kind == CEL_UINT)
		return b.u == 0 ? by_zero(eval, "modulus") : cel_uint(a.u % b.u);
	return cel_no_overload(eval, CEL_OP_MOD, args, n);
}

static struct cel_value index_list(struct cel_eval *eval, struct cel_value list,
				   struct cel_value at)
{
	if (at.kind == CEL_DOUBLE && at.d >= 0 && at.d < 0x1p32 && at.d == trunc(at.d))
		at = cel_int((int64_t)at.d);
	if (at.kind == CEL_UINT && at.u <= INT64_MAX)
		at = cel_int((int64_t)at.u);
	if (at.kind != CEL_INT)
		return cel_fail(eval, CEL_E_INDEX, "invalid index: a %s", cel_kind_name(at.kind));
	if (at.i < 0 || at.i >= list.n)
		return cel_fail(eval, CEL_E_INDEX, "index out of bounds: %lld of %u",
				(long long)at.i, list.n);
	return list.items[at.i];
}

/* An optional's index is an optional; of nothing it is nothing. */
static struct cel_value index_optional(struct cel_eval *eval, struct cel_value opt,
				       struct cel_value key)
{
	if (!opt.boxed)
		return opt;
	return cel_optional_index(eval, *opt.boxed, key);
}

struct cel_value cel_fn_index(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	const struct cel_value *found;

	switch (args[0].kind) {
	case CEL_LIST: return index_list(eval, args[0], args[1]);
	case CEL_OPTIONAL: return index_optional(eval, args[0], args[1]);
	case CEL_MAP:
		if (!cel_charge(eval, args[0].n / 16))
			return cel_fail_steps(eval);
		found = cel_map_find(args[0], args[1]);
		return found ? *found : cel_no_key(eval, args[1]);
	default: return cel_no_overload(eval, CEL_OP_INDEX, args, n);
	}
}

struct cel_value cel_fn_in(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	if (args[1].kind == CEL_MAP) {
		if (!cel_charge(eval, args[1].n / 16))
			return cel_fail_steps(eval);
		return cel_bool(cel_map_find(args[1], args[0]) != NULL);
	}
	if (args[1].kind != CEL_LIST)
		return cel_no_overload(eval, CEL_OP_IN, args, n);
	for (uint32_t i = 0; i < args[1].n; i++) {
		int same = cel_equals(eval, args[0], args[1].items[i]);

		if (same)
			return same < 0 ? cel_fail_steps(eval) : cel_bool(true);
	}
	return cel_bool(false);
}

struct cel_value cel_fn_size(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	switch (args[0].kind) {
	case CEL_STRING:
		if (!cel_charge(eval, args[0].n / 32))
			return cel_fail_steps(eval);
		return cel_int((int64_t)cel_utf8_length(cel_str(args[0])));
	case CEL_BYTES:
	case CEL_LIST:
	case CEL_MAP: return cel_int(args[0].n);
	default: return cel_no_overload(eval, "size", args, n);
	}
}

struct cel_value cel_fn_starts(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	if (!cel_charge(eval, args[1].n / 64))
		return cel_fail_steps(eval);
	return cel_bool(str_starts(cel_str(args[0]), cel_str(args[1])));
}

struct cel_value cel_fn_ends(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	if (!cel_charge(eval, args[1].n / 64))
		return cel_fail_steps(eval);
	return cel_bool(str_ends(cel_str(args[0]), cel_str(args[1])));
}

struct cel_value cel_fn_contains(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	/* memmem of glibc is linear */
	if (!cel_charge(eval, ((uint64_t)args[0].n + args[1].n) / 32))
		return cel_fail_steps(eval);
	/* an unset field is no text at all: nothing that memmem() takes */
	return cel_bool(args[1].n == 0 ||
			(args[0].n >= args[1].n &&
			 memmem(args[0].p, args[0].n, args[1].p, args[1].n) != NULL));
}
