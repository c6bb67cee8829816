/*
 * The extension "math". Three and more arguments of greatest() and least() come as one list: the
 * parser has a macro for that.
 */
#include "cel/eval.h"
#include "cel/text.h"

#include <math.h>

/* The greatest (@want 1) or least (@want -1) of @n values; their kinds may differ. */
static struct cel_value extreme(struct cel_eval *eval, const struct cel_value *items, uint32_t n,
				int want)
{
	struct cel_value best = items[0];
	int order;

	if (!cel_charge(eval, n))
		return cel_fail_steps(eval);
	for (uint32_t i = 0; i < n; i++) {
		if (items[i].kind != CEL_INT && items[i].kind != CEL_UINT &&
		    items[i].kind != CEL_DOUBLE)
			return cel_fail_overload(eval);
		if (i == 0)
			continue;
		if (cel_compare(items[i], best, &order) < 0)
			return cel_fail(eval, CEL_E_ARGUMENT, "NaN values cannot be ordered");
		if (order == want)
			best = items[i];
	}
	return best;
}

static struct cel_value extreme_of(struct cel_eval *eval, const struct cel_value *args, unsigned n,
				   const char *name, int want)
{
	if (n != 1 || args[0].kind != CEL_LIST)
		return extreme(eval, args, n, want);
	if (args[0].n == 0)
		return cel_fail(eval, CEL_E_ARGUMENT, "%s(list) argument must not be empty", name);
	return extreme(eval, args[0].items, args[0].n, want);
}

static struct cel_value math_greatest(struct cel_eval *eval, const struct cel_value *args,
				      unsigned n)
{
	return extreme_of(eval, args, n, "math.greatest", 1);
}

static struct cel_value math_least(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	return extreme_of(eval, args, n, "math.least", -1);
}

/* double -> double */
#define ROUNDING(name, function)                                                                   \
	static struct cel_value name(struct cel_eval *eval, const struct cel_value *a, unsigned n) \
	{                                                                                          \
		(void)eval;                                                                        \
		(void)n;                                                                           \
		return cel_double(function(a[0].d));                                               \
	}
ROUNDING(math_ceil, ceil)
ROUNDING(math_floor, floor)
ROUNDING(math_round, round) /* halves away from zero */
ROUNDING(math_trunc, trunc)

/* double -> bool */
#define CLASS(name, expr)                                                                          \
	static struct cel_value name(struct cel_eval *eval, const struct cel_value *a, unsigned n) \
	{                                                                                          \
		(void)eval;                                                                        \
		(void)n;                                                                           \
		return cel_bool(expr);                                                             \
	}
CLASS(math_is_nan, __builtin_isnan(a[0].d))
CLASS(math_is_inf, __builtin_isinf(a[0].d) != 0)
CLASS(math_is_finite, __builtin_isfinite(a[0].d) != 0)

/* Of two integers of one kind; the kind of the result is theirs. */
#define BITS(name, expr)                                                                           \
	static struct cel_value name(struct cel_eval *eval, const struct cel_value *a, unsigned n) \
	{                                                                                          \
		struct cel_value v = a[0];                                                         \
                                                                                                   \
		(void)eval;                                                                        \
		(void)n;                                                                           \
		v.u = (expr);                                                                      \
		return v;                                                                          \
	}
BITS(math_bit_and, (a[0].u) & (a[1].u))
BITS(math_bit_or, a[0].u | a[1].u)
BITS(math_bit_xor, a[0].u ^ a[1].u)
BITS(math_bit_not, ~a[0].u)

/* The bits are shifted, not the number: a negative int loses its sign to the right. */
static struct cel_value shift(struct cel_eval *eval, const struct cel_value *args, bool left)
{
	struct cel_value v = args[0];
	int64_t by = args[1].i;

	if (by < 0)
		return cel_fail(eval, CEL_E_ARGUMENT, "math.bitShift%s() negative offset: %lld",
				left ? "Left" : "Right", (long long)by);
	if (by >= 64)
		v.u = 0;
	else
		v.u = left ? v.u << by : v.u >> by;
	return v;
}

static struct cel_value math_shift_left(struct cel_eval *eval, const struct cel_value *args,
					unsigned n)
{
	(void)n;
	return shift(eval, args, true);
}

static struct cel_value math_shift_right(struct cel_eval *eval, const struct cel_value *args,
					 unsigned n)
{
	(void)n;
	return shift(eval, args, false);
}

static struct cel_value math_abs(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	if (args[0].kind == CEL_DOUBLE)
		return cel_double(fabs(args[0].d));
	if (args[0].kind == CEL_UINT || args[0].i >= 0)
		return args[0];
	if (args[0].i == INT64_MIN)
		return cel_fail(eval, CEL_E_OVERFLOW, "integer overflow");
	return cel_int(-args[0].i);
}

static struct cel_value math_sign(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	double d = args[0].d;

	(void)eval;
	(void)n;
	if (args[0].kind == CEL_UINT)
		return cel_uint(args[0].u > 0);
	if (args[0].kind == CEL_INT)
		return cel_int((args[0].i > 0) - (args[0].i < 0));
	return cel_double(__builtin_isnan(d) ? d : (double)((d > 0) - (d < 0)));
}

static struct cel_value math_sqrt(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)eval;
	(void)n;
	if (args[0].kind == CEL_INT)
		return cel_double(sqrt((double)args[0].i));
	if (args[0].kind == CEL_UINT)
		return cel_double(sqrt((double)args[0].u));
	return cel_double(sqrt(args[0].d));
}

static const struct cel_overload overloads[] = {
	{ "math.greatest", "i:i", math_greatest },
	{ "math.greatest", "u:u", math_greatest },
	{ "math.greatest", "d:d", math_greatest },
	{ "math.greatest", "ii:i", math_greatest },
	{ "math.greatest", "uu:u", math_greatest },
	{ "math.greatest", "dd:d", math_greatest },
	{ "math.greatest", "iu:*", math_greatest },
	{ "math.greatest", "id:*", math_greatest },
	{ "math.greatest", "ui:*", math_greatest },
	{ "math.greatest", "ud:*", math_greatest },
	{ "math.greatest", "di:*", math_greatest },
	{ "math.greatest", "du:*", math_greatest },
	{ "math.greatest", "Li:i", math_greatest },
	{ "math.greatest", "Lu:u", math_greatest },
	{ "math.greatest", "Ld:d", math_greatest },
	{ "math.least", "i:i", math_least },
	{ "math.least", "u:u", math_least },
	{ "math.least", "d:d", math_least },
	{ "math.least", "ii:i", math_least },
	{ "math.least", "uu:u", math_least },
	{ "math.least", "dd:d", math_least },
	{ "math.least", "iu:*", math_least },
	{ "math.least", "id:*", math_least },
	{ "math.least", "ui:*", math_least },
	{ "math.least", "ud:*", math_least },
	{ "math.least", "di:*", math_least },
	{ "math.least", "du:*", math_least },
	{ "math.least", "Li:i", math_least },
	{ "math.least", "Lu:u", math_least },
	{ "math.least", "Ld:d", math_least },
	{ "math.ceil", "d:d", math_ceil },
	{ "math.floor", "d:d", math_floor },
	{ "math.round", "d:d", math_round },
	{ "math.trunc", "d:d", math_trunc },
	{ "math.abs", "i:i", math_abs },
	{ "math.abs", "u:u", math_abs },
	{ "math.abs", "d:d", math_abs },
	{ "math.sign", "i:i", math_sign },
	{ "math.sign", "u:u", math_sign },
	{ "math.sign", "d:d", math_sign },
	{ "math.sqrt", "i:d", math_sqrt },
	{ "math.sqrt", "u:d", math_sqrt },
	{ "math.sqrt", "d:d", math_sqrt },
	{ "math.isNaN", "d:b", math_is_nan },
	{ "math.isInf", "d:b", math_is_inf },
	{ "math.isFinite", "d:b", math_is_finite },
	{ "math.bitAnd", "ii:i", math_bit_and },
	{ "math.bitAnd", "uu:u", math_bit_and },
	{ "math.bitOr", "ii:i", math_bit_or },
	{ "math.bitOr", "uu:u", math_bit_or },
	{ "math.bitXor", "ii:i", math_bit_xor },
	{ "math.bitXor", "uu:u", math_bit_xor },
	{ "math.bitNot", "i:i", math_bit_not },
	{ "math.bitNot", "u:u", math_bit_not },
	{ "math.bitShiftLeft", "ii:i", math_shift_left },
	{ "math.bitShiftLeft", "ui:u", math_shift_left },
	{ "math.bitShiftRight", "ii:i", math_shift_right },
	{ "math.bitShiftRight", "ui:u", math_shift_right },
};

const struct cel_library cel_lib_math = { "math", overloads,
					  sizeof(overloads) / sizeof(overloads[0]) };
