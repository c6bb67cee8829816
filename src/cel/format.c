/*
 * string.format(). The messages of its errors are those of the language's conformance tests: people
 * look them up.
 *
 * Hostile arguments: a list may hold itself many times over by reference, so that its text grows
 * exponentially; every value that is written is charged, and the text lives in the scratch.
 */
#include "cel/format.h"
#include "cel/addr.h"
#include "cel/convert.h"
#include "cel/eval.h"
#include "cel/order.h"
#include "cel/time.h"
#include "cel/type.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define NEST_MAX 256
#define PRECISION_MAX 1000
#define PRECISION_DEFAULT 6

/* What is being made, and the error that ended it: kind CEL_ERROR. */
struct format {
	struct text text;
	struct cel_value error;
	unsigned nest;
};

static bool failed(const struct format *f)
{
	return f->text.error || f->error.kind == CEL_ERROR;
}

__attribute__((format(printf, 2, 3))) static void fail(struct format *f, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	if (failed(f))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	f->error = cel_fail(f->text.eval, CEL_E_ARGUMENT, "%s", line);
}

static void fail_kind(struct format *f, const char *what, struct cel_value v)
{
	fail(f, "error during formatting: %s, was given %s", what, cel_kind_name(v.kind));
}

/* NaN and the infinities, which most verbs write by name. */
static bool put_special(struct format *f, double d)
{
	if (isfinite(d))
		return false;
	text_puts(&f->text, isnan(d) ? STR("NaN") : d > 0 ? STR("Infinity") : STR("-Infinity"));
	return true;
}

static void put_value(struct format *f, struct cel_value v);

static void put_list(struct format *f, struct cel_value v)
{
	text_putc(&f->text, '[');
	for (uint32_t i = 0; i < v.n && !failed(f); i++) {
		if (i)
			text_puts(&f->text, STR(", "));
		put_value(f, v.items[i]);
	}
	text_putc(&f->text, ']');
}

/* Entries by the text of their keys: written one after the other, sorted, then put in order. */
struct keys {
	const struct str *text;
};

static int key_order(void *ctx, uint32_t a, uint32_t b)
{
	const struct keys *keys = ctx;

	return str_cmp(keys->text[a], keys->text[b]);
}

/* The keys' texts and their order, in the scratch; false: failed. */
static bool sort_keys(struct format *f, struct cel_value v, struct str **ret_text,
		      uint32_t **ret_order)
{
	struct cel_eval *eval = f->text.eval;
	struct str *text = cel_scratch(eval, v.n * sizeof(*text));
	uint32_t *order = cel_scratch(eval, 2 * (size_t)v.n * sizeof(*order));
	struct keys keys = { .text = text };

	if (!text || !order) {
		f->text.error = CEL_E_MEMORY;
		return false;
	}
	for (uint32_t i = 0; i < v.n; i++) {
		struct format one = { .text = text_init(eval, 0), .nest = f->nest };

		put_value(&one, v.entries[i].key);
		if (failed(&one)) {
			f->error = one.error;
			f->text.error = one.text.error;
			return false;
		}
		text[i] = (struct str){ .p = one.text.p ? one.text.p : "", .n = one.text.n };
		order[i] = i;
	}
	if (!cel_charge(eval, 16 * (uint64_t)v.n)) {
		f->text.error = CEL_E_STEPS;
		return false;
	}
	order_sort(order, order + v.n, v.n, key_order, &keys);
	*ret_text = text;
	*ret_order = order;
	return true;
}

static void put_map(struct format *f, struct cel_value v)
{
	struct str *text;
	uint32_t *order;

	if (!sort_keys(f, v, &text, &order))
		return;
	text_putc(&f->text, '{');
	for (uint32_t i = 0; i < v.n && !failed(f); i++) {
		if (i)
			text_puts(&f->text, STR(", "));
		text_puts(&f->text, text[order[i]]);
		text_puts(&f->text, STR(": "));
		put_value(f, v.entries[order[i]].value);
	}
	text_putc(&f->text, '}');
}

static void put_type(struct format *f, const struct cel_type *type)
{
	char room[512];
	struct buf out = buf_fixed(room, sizeof(room));

	cel_type_print(type, &out);
	if (buf_error(&out))
		fail(f, "error during formatting: the name of the type is too long");
	text_puts(&f->text, buf_str(&out));
}

static void put_addr(struct format *f, struct cel_value v)
{
	char room[CEL_ADDR_TEXT];

	text_put(&f->text, room, cel_addr_print(v.addr, v.kind == CEL_CIDR, room));
}

/* Bytes are text only if they are UTF-8; strings were checked where they were made. */
static void put_bytes(struct format *f, struct str s)
{
	if (cel_utf8_valid(s))
		text_puts(&f->text, s);
	else
		fail(f, "error during formatting: bytes are not valid UTF-8");
}

/* Numbers and times, whose texts are short. */
static void put_short(struct format *f, struct cel_value v)
{
	char room[CEL_TIME_TEXT];

	switch (v.kind) {
	case CEL_INT: text_printf(&f->text, "%lld", (long long)v.i); break;
	case CEL_UINT: text_printf(&f->text, "%llu", (unsigned long long)v.u); break;
	case CEL_DOUBLE: text_put(&f->text, room, cel_double_print(v.d, room)); break;
	case CEL_TIMESTAMP: text_put(&f->text, room, cel_timestamp_print(v, room)); break;
	case CEL_DURATION: text_put(&f->text, room, cel_duration_print(v, room)); break;
	}
}

static void put_value(struct format *f, struct cel_value v)
{
	if (!f->text.error && !cel_charge(f->text.eval, 1))
		f->text.error = CEL_E_STEPS;
	if (failed(f))
		return;
	if (f->nest >= NEST_MAX) {
		fail(f, "error during formatting: nested too deeply");
		return;
	}
	f->nest++;
	switch (v.kind) {
	case CEL_NULL: text_puts(&f->text, STR("null")); break;
	case CEL_BOOL: text_puts(&f->text, v.b ? STR("true") : STR("false")); break;
	case CEL_INT:
	case CEL_UINT:
	case CEL_DOUBLE:
	case CEL_TIMESTAMP:
	case CEL_DURATION: put_short(f, v); break;
	case CEL_STRING: text_puts(&f->text, cel_str(v)); break;
	case CEL_BYTES: put_bytes(f, cel_str(v)); break;
	case CEL_LIST: put_list(f, v); break;
	case CEL_MAP: put_map(f, v); break;
	case CEL_TYPE: put_type(f, v.type); break;
	case CEL_IP:
	case CEL_CIDR: put_addr(f, v); break;
	default:
		fail_kind(f,
			  "string clause can only be used on strings, bools, bytes, ints, "
			  "doubles, maps, lists, types, durations, and timestamps",
			  v);
	}
	f->nest--;
}

/* Digits of @u in base 2, 8 or 16, with the sign of the number that it came from. */
static void put_based(struct format *f, uint64_t u, bool minus, unsigned bits, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char room[65];
	size_t at = sizeof(room);

	do {
		room[--at] = digits[u & ((1U << bits) - 1)];
		u >>= bits;
	} while (u);
	if (minus)
		room[--at] = '-';
	text_put(&f->text, room + at, sizeof(room) - at);
}

static bool put_integer(struct format *f, struct cel_value v, unsigned bits, bool upper)
{
	if (v.kind != CEL_INT && v.kind != CEL_UINT)
		return false;
	if (v.kind == CEL_INT && v.i < 0)
		put_based(f, 0 - v.u, true, bits, upper);
	else
		put_based(f, v.u, false, bits, upper);
	return true;
}

static void verb_decimal(struct format *f, struct cel_value v)
{
	if (v.kind == CEL_INT || v.kind == CEL_UINT)
		put_short(f, v);
	else if (v.kind != CEL_DOUBLE || !put_special(f, v.d))
		fail_kind(f, "decimal clause can only be used on integers", v);
}

static void verb_number(struct format *f, struct cel_value v, char verb, unsigned precision)
{
	/* the longest: a sign, 309 digits, a point, the precision */
	char room[PRECISION_MAX + 320];
	double d = v.d;
	int n;

	if (v.kind == CEL_INT) {
		d = (double)v.i;
	} else if (v.kind == CEL_UINT) {
		d = (double)v.u;
	} else if (v.kind != CEL_DOUBLE) {
		fail_kind(f,
			  verb == 'f' ? "fixed-point clause can only be used on doubles"
				      : "scientific clause can only be used on doubles",
			  v);
		return;
	}
	if (put_special(f, d))
		return;
	n = verb == 'f' ? snprintf(room, sizeof(room), "%.*f", (int)precision, d)
			: snprintf(room, sizeof(room), "%.*e", (int)precision, d);
	if (n > 0)
		text_put(&f->text, room, (size_t)n);
}

static void verb_hex(struct format *f, struct cel_value v, bool upper)
{
	if (v.kind == CEL_STRING || v.kind == CEL_BYTES) {
		const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
		char *to = text_reserve(&f->text, 2 * (size_t)v.n);

		for (uint32_t i = 0; to && i < v.n; i++) {
			*to++ = digits[(unsigned char)v.p[i] >> 4];
			*to++ = digits[(unsigned char)v.p[i] & 15];
		}
		f->text.n += to ? 2 * (size_t)v.n : 0;
	} else if (!put_integer(f, v, 4, upper)) {
		fail_kind(f, "only integers, byte buffers, and strings can be formatted as hex", v);
	}
}

static void verb_binary(struct format *f, struct cel_value v)
{
	if (v.kind == CEL_BOOL)
		text_putc(&f->text, v.b ? '1' : '0');
	else if (!put_integer(f, v, 1, false))
		fail_kind(f, "only integers and bools can be formatted as binary", v);
}

static void put_clause(struct format *f, char verb, unsigned precision, struct cel_value v)
{
	switch (verb) {
	case 's': put_value(f, v); break;
	case 'd': verb_decimal(f, v); break;
	case 'f':
	case 'e': verb_number(f, v, verb, precision); break;
	case 'b': verb_binary(f, v); break;
	case 'o':
		if (!put_integer(f, v, 3, false))
			fail_kind(f, "octal clause can only be used on integers", v);
		break;
	case 'x':
	case 'X': verb_hex(f, v, verb == 'X'); break;
	}
}

/* The clause behind the '%' at *@at: ".3f". Moves *@at behind it; 0: failed. */
static char clause_read(struct format *f, struct str s, size_t *at, unsigned *ret_precision)
{
	unsigned precision = PRECISION_DEFAULT;
	size_t i = *at;
	int len = 1;

	if (i < s.n && s.p[i] == '.') {
		precision = 0;
		for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
			precision = precision * 10 + (unsigned)(s.p[i] - '0');
			if (precision > PRECISION_MAX) {
				fail(f, "could not parse formatting clause: precision is over %d",
				     PRECISION_MAX);
				return 0;
			}
		}
	}
	if (i >= s.n) {
		fail(f, "could not parse formatting clause: unexpected end of string");
		return 0;
	}
	if (s.p[i] == 0 || !strchr("sdfeboxX", s.p[i])) {
		while (i + (size_t)len < s.n &&
		       ((unsigned char)s.p[i + (size_t)len] & 0xc0) == 0x80)
			len++;
		fail(f,
		     "could not parse formatting clause: unrecognized formatting clause \"%.*s\"",
		     len, s.p + i);
		return 0;
	}
	*at = i + 1;
	*ret_precision = precision;
	return s.p[i];
}

static void put_format(struct format *f, struct str s, struct cel_value list)
{
	uint32_t next = 0;
	unsigned precision = 0;
	size_t at = 0;

	while (at < s.n && !failed(f)) {
		const char *percent = memchr(s.p + at, '%', s.n - at);
		size_t end = percent ? (size_t)(percent - s.p) : s.n;
		char verb;

		text_puts(&f->text, str_sub(s, at, end));
		at = end + 1;
		if (end == s.n)
			break;
		if (at < s.n && s.p[at] == '%') {
			text_putc(&f->text, '%');
			at++;
			continue;
		}
		verb = clause_read(f, s, &at, &precision);
		if (!verb)
			break;
		if (next >= list.n) {
			fail(f, "index %u out of range", next);
			break;
		}
		if (!cel_charge(f->text.eval, 1 + precision / 16))
			f->text.error = CEL_E_STEPS;
		put_clause(f, verb, precision, list.items[next++]);
	}
}

struct cel_value cel_format(struct cel_eval *eval, struct str format, struct cel_value list)
{
	struct format f = { .text = text_init(eval, 0) };

	if (!cel_charge_bytes(eval, format.n))
		return cel_fail_steps(eval);
	put_format(&f, format, list);
	return f.error.kind == CEL_ERROR ? f.error : text_value(&f.text);
}
