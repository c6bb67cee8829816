#include "cel/convert.h"
#include "cel/time.h"
#include "codec/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct cel_value cannot(struct cel_eval *eval, struct cel_value v, const char *what)
{
	if (v.kind == CEL_STRING)
		return cel_fail(eval, CEL_E_ARGUMENT, "type conversion error: '%.*s' is no %s",
				v.n > 100 ? 100 : (int)v.n, v.p, what);
	return cel_fail(eval, CEL_E_NO_SUCH_OVERLOAD, "no such overload: %s(%s)", what,
			cel_kind_name(v.kind));
}

static struct cel_value out_of_range(struct cel_eval *eval, const char *what)
{
	return cel_fail(eval, CEL_E_OVERFLOW, "range error: the value does not fit %s", what);
}

/* A sign and decimal digits. 0, -EINVAL, -ERANGE. */
static int int_parse(struct str s, int64_t *ret)
{
	bool minus = s.n && s.p[0] == '-';
	uint64_t u;
	int rc;

	if (s.n && (minus || s.p[0] == '+'))
		s = str_sub(s, 1, s.n);
	while (s.n > 1 && s.p[0] == '0')
		s = str_sub(s, 1, s.n);
	rc = str_to_u64(s, &u);
	if (rc < 0)
		return rc;
	if (u > (uint64_t)INT64_MAX + minus)
		return -ERANGE;
	*ret = minus ? (int64_t)(0 - u) : (int64_t)u;
	return 0;
}

struct cel_value cel_to_int(struct cel_eval *eval, struct cel_value v)
{
	int64_t i;
	int rc;

	switch (v.kind) {
	case CEL_INT: return v;
	case CEL_UINT: return v.u <= INT64_MAX ? cel_int((int64_t)v.u) : out_of_range(eval, "int");
	case CEL_DOUBLE:
		/* both limits excluded, as the language has it */
		return v.d > -0x1p63 && v.d < 0x1p63 ? cel_int((int64_t)v.d)
						     : out_of_range(eval, "int");
	case CEL_STRING:
		rc = int_parse(cel_str(v), &i);
		if (rc == 0)
			return cel_int(i);
		return rc == -ERANGE ? out_of_range(eval, "int") : cannot(eval, v, "int");
	case CEL_TIMESTAMP: return cel_int(v.i);
	default: return cannot(eval, v, "int");
	}
}

struct cel_value cel_to_uint(struct cel_eval *eval, struct cel_value v)
{
	struct str s;
	uint64_t u;
	int rc;

	switch (v.kind) {
	case CEL_UINT: return v;
	case CEL_INT: return v.i >= 0 ? cel_uint((uint64_t)v.i) : out_of_range(eval, "uint");
	case CEL_DOUBLE:
		return v.d > -1 && v.d < 0x1p64 ? cel_uint((uint64_t)v.d)
						: out_of_range(eval, "uint");
	case CEL_STRING:
		s = cel_str(v);
		while (s.n > 1 && s.p[0] == '0')
			s = str_sub(s, 1, s.n);
		rc = str_to_u64(s, &u);
		if (rc == 0)
			return cel_uint(u);
		return rc == -ERANGE ? out_of_range(eval, "uint") : cannot(eval, v, "uint");
	default: return cannot(eval, v, "uint");
	}
}

static size_t digits_at(struct str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9')
		n++;
	return n;
}

/* [+-] digits [. digits] [e [+-] digits], or the names of infinity and of no number. */
static bool double_form(struct str s)
{
	size_t at = s.n && (s.p[0] == '-' || s.p[0] == '+'), whole, part = 0;
	struct str word = str_sub(s, at, s.n);

	if (str_eq(word, STR("NaN")) || str_eq(word, STR("Infinity")) || str_eq(word, STR("inf")) ||
	    str_eq(word, STR("Inf")))
		return true;
	whole = digits_at(s, at);
	at += whole;
	if (at < s.n && s.p[at] == '.') {
		part = digits_at(s, ++at);
		at += part;
	}
	if (whole + part == 0)
		return false;
	if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
		size_t exponent;

		at++;
		if (at < s.n && (s.p[at] == '-' || s.p[at] == '+'))
			at++;
		exponent = digits_at(s, at);
		if (exponent == 0)
			return false;
		at += exponent;
	}
	return at == s.n;
}

struct cel_value cel_to_double(struct cel_eval *eval, struct cel_value v)
{
	char text[CEL_NUMBER_TEXT + 1];
	double d;

	switch (v.kind) {
	case CEL_DOUBLE: return v;
	case CEL_INT: return cel_double((double)v.i);
	case CEL_UINT: return cel_double((double)v.u);
	case CEL_STRING:
		if (v.n > CEL_NUMBER_TEXT || !double_form(cel_str(v)))
			return cannot(eval, v, "double");
		if (!cel_charge(eval, 1 + v.n / 8))
			return cel_fail_steps(eval);
		memcpy(text, v.p, v.n);
		text[v.n] = '\0';
		d = strtod(text, NULL);
		if (isinf(d) && !memchr(text, 'n', v.n))
			return out_of_range(eval, "double");
		return cel_double(d);
	default: return cannot(eval, v, "double");
	}
}

size_t cel_double_print(double d, char *out)
{
	int n = 0;

	if (isnan(d))
		return (size_t)snprintf(out, 32, "NaN");
	if (isinf(d))
		return (size_t)snprintf(out, 32, d < 0 ? "-Infinity" : "Infinity");
	for (int digits = 15; digits <= 17; digits++) {
		n = snprintf(out, 32, "%.*g", digits, d);
		if (strtod(out, NULL) == d)
			break;
	}
	return (size_t)n;
}

bool cel_utf8_valid(struct str s)
{
	uint32_t point;

	for (size_t at = 0; at < s.n;) {
		size_t n = utf8_next(s.p + at, s.n - at, &point);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

struct cel_value cel_string_copy(struct cel_eval *eval, struct str s)
{
	char *p;

	if (!cel_charge(eval, s.n / 16))
		return cel_fail_steps(eval);
	p = cel_scratch(eval, s.n);
	if (!p || s.n > UINT32_MAX)
		return cel_fail_memory(eval);
	if (s.n)
		memcpy(p, s.p, s.n);
	return cel_string((struct str){ .p = p, .n = s.n });
}

struct cel_value cel_to_string(struct cel_eval *eval, struct cel_value v)
{
	char text[CEL_TIME_TEXT];
	size_t n;

	switch (v.kind) {
	case CEL_STRING: return v;
	case CEL_BOOL: return cel_string(v.b ? STR("true") : STR("false"));
	case CEL_INT: n = (size_t)snprintf(text, sizeof(text), "%lld", (long long)v.i); break;
	case CEL_UINT:
		n = (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)v.u);
		break;
	case CEL_DOUBLE:
		if (!cel_charge(eval, 16))
			return cel_fail_steps(eval);
		n = cel_double_print(v.d, text);
		break;
	case CEL_BYTES:
		if (!cel_charge(eval, v.n / 16))
			return cel_fail_steps(eval);
		if (!cel_utf8_valid(cel_str(v)))
			return cel_fail(eval, CEL_E_ARGUMENT,
					"invalid UTF-8 in bytes, cannot convert to string");
		return cel_string(cel_str(v));
	case CEL_TIMESTAMP: n = cel_timestamp_print(v, text); break;
	case CEL_DURATION: n = cel_duration_print(v, text); break;
	default: return cannot(eval, v, "string");
	}
	return cel_string_copy(eval, (struct str){ .p = text, .n = n });
}

struct cel_value cel_to_bytes(struct cel_eval *eval, struct cel_value v)
{
	if (v.kind == CEL_BYTES)
		return v;
	return v.kind == CEL_STRING ? cel_bytes(cel_str(v)) : cannot(eval, v, "bytes");
}

struct cel_value cel_to_bool(struct cel_eval *eval, struct cel_value v)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

	if (v.kind == CEL_BOOL)
		return v;
	for (size_t i = 0; v.kind == CEL_STRING && i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (str_eqz(cel_str(v), yes[i]))
			return cel_bool(true);
		if (str_eqz(cel_str(v), no[i]))
			return cel_bool(false);
	}
	return cannot(eval, v, "bool");
}

struct cel_value cel_to_timestamp(struct cel_eval *eval, struct cel_value v)
{
	struct cel_value t;
	int rc = -ERANGE;

	switch (v.kind) {
	case CEL_TIMESTAMP: return v;
	case CEL_INT:
		if (cel_timestamp_make(v.i, 0, &t))
			return t;
		break;
	case CEL_STRING:
		rc = cel_timestamp_parse(cel_str(v), &t);
		if (rc == 0)
			return t;
		break;
	default: return cannot(eval, v, "timestamp");
	}
	return rc == -ERANGE ? out_of_range(eval, "timestamp") : cannot(eval, v, "timestamp");
}

struct cel_value cel_to_duration(struct cel_eval *eval, struct cel_value v)
{
	struct cel_value d;
	int rc;

	if (v.kind == CEL_DURATION)
		return v;
	if (v.kind != CEL_STRING)
		return cannot(eval, v, "duration");
	if (!cel_charge(eval, v.n / 16))
		return cel_fail_steps(eval);
	rc = cel_duration_parse(cel_str(v), &d);
	if (rc == 0)
		return d;
	return rc == -ERANGE ? out_of_range(eval, "duration") : cannot(eval, v, "duration");
}
