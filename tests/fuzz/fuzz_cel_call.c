/*
 * Every function of the language with every kind of argument that its signature takes, made from
 * the input: texts, numbers at the edges, lists that share parts, maps. What comes back must be
 * whole: text that is UTF-8, a kind that the signature allows, an error with a reason. The input
 * chooses the function by its first bytes.
 */
#include "base/cur.h"
#include "cel/addr.h"
#include "cel/convert.h"
#include "cel/eval.h"
#include "cel/time.h"
#include "codec/utf8.h"

#include <stdint.h>
#include <stdlib.h>

static const struct cel_library *const libraries[] = {
	&cel_lib_strings, &cel_lib_math,  &cel_lib_lists,   &cel_lib_sets,     &cel_lib_encoders,
	&cel_lib_network, &cel_lib_regex, &cel_lib_capsule, &cel_lib_standard,
};

static struct cur in;
static struct cel_addr addrs[8];
static unsigned n_addrs;
static struct cel_value items[64];
static struct cel_entry entries[16];
static unsigned n_items, n_entries;

static struct str text(void)
{
	size_t n = cur_u8(&in);
	struct str s;

	if (n > 250)
		n = cur_be16(&in);
	s = cur_str(&in, n < in.n ? n : in.n);
	/* strings are checked where they are made */
	for (size_t i = 0, len; i < s.n; i += len) {
		uint32_t point;

		len = utf8_next(s.p + i, s.n - i, &point);
		if (len == 0)
			return str_sub(s, 0, i);
	}
	return s.p ? s : STR("");
}

static int64_t number(void)
{
	static const int64_t edges[] = { 0, 1, -1, 2, INT64_MAX, INT64_MIN, INT32_MAX, 64 };
	uint8_t c = cur_u8(&in);

	return c < 128 ? edges[c % 8] : (int64_t)cur_be32(&in) << (c % 32);
}

static double real(void)
{
	static const double edges[] = {
		0, -0.0, 1, -1.5, 1e308, 5e-324, __builtin_inf(), __builtin_nan("")
	};
	uint8_t c = cur_u8(&in);

	return c < 128 ? edges[c % 8] : (double)(int32_t)cur_be32(&in) / (c - 127);
}

static struct cel_value value(char code, const char *param, unsigned depth);

static struct cel_value make_list(const char *param, unsigned depth)
{
	unsigned n = cur_u8(&in) % 8, first = n_items;

	if (depth > 4 || n_items + n > sizeof(items) / sizeof(items[0]))
		n = 0;
	n_items += n;
	for (unsigned i = 0; i < n; i++)
		items[first + i] = value(*param, param + 1, depth + 1);
	return (struct cel_value){ .kind = CEL_LIST, .n = n, .items = items + first };
}

static struct cel_value make_map(unsigned depth)
{
	unsigned n = cur_u8(&in) % 4, first = n_entries;

	if (depth > 4 || n_entries + n > sizeof(entries) / sizeof(entries[0]))
		n = 0;
	n_entries += n;
	for (unsigned i = 0; i < n; i++)
		entries[first + i] = (struct cel_entry){ cel_int(i), value('*', "", depth + 1) };
	return (struct cel_value){ .kind = CEL_MAP, .n = n, .entries = entries + first };
}

static struct cel_value make_addr(uint8_t kind)
{
	struct cel_addr *addr = &addrs[n_addrs++ % 8];

	addr->family = cur_u8(&in) % 2 ? 6 : 4;
	addr->prefix = cur_u8(&in) % (addr->family == 4 ? 33 : 129);
	for (unsigned i = 0; i < 16; i++)
		addr->bytes[i] = i < 4 || addr->family == 6 ? cur_u8(&in) : 0;
	return (struct cel_value){ .kind = kind, .addr = addr };
}

/* Of the type with this code; @param: the code behind it. */
static struct cel_value value(char code, const char *param, unsigned depth)
{
	static const char any[] = "nbiudsyLMtDpc";
	struct cel_value v = CEL_NULL_VALUE;

	if (code == '*' || (code >= 'A' && code <= 'C') || code == 'O') {
		code = any[cur_u8(&in) % (sizeof(any) - 1)];
		param = "*";
	}
	switch (code) {
	case 'b': return cel_bool(cur_u8(&in) & 1);
	case 'i': return cel_int(number());
	case 'u': return cel_uint((uint64_t)number());
	case 'd': return cel_double(real());
	case 's': return cel_string(text());
	case 'y': return cel_bytes(cur_str(&in, cur_u8(&in) % (in.n + 1)));
	case 'L': return make_list(param, depth);
	case 'M': return make_map(depth);
	case 't': (void)cel_timestamp_make(number() % CEL_TIME_MAX, 5, &v); return v;
	case 'D': (void)cel_duration_make(number() % CEL_DURATION_MAX, 0, &v); return v;
	case 'p': return make_addr(CEL_IP);
	case 'c': return make_addr(CEL_CIDR);
	default: return v;
	}
}

/* Behind the type at @p. */
static const char *behind(const char *p)
{
	unsigned more = *p == 'M' ? 2 : strchr("LOTW", *p) ? 1 : 0;

	for (p++; more > 0; more--)
		p = behind(p);
	return p;
}

static void whole(struct cel_value v, unsigned depth)
{
	if (depth > 300)
		abort();
	switch (v.kind) {
	case CEL_ERROR:
		if (!v.error || !v.error->code || !v.error->text || strlen(v.error->text) > 256)
			abort();
		break;
	case CEL_STRING:
		if (!cel_utf8_valid(cel_str(v)))
			abort();
		break;
	case CEL_LIST:
		for (uint32_t i = 0; i < v.n && depth < 6; i++)
			whole(v.items[i], depth + 1);
		break;
	case CEL_OPTIONAL:
		if (v.boxed)
			whole(*v.boxed, depth + 1);
		break;
	case CEL_IP:
	case CEL_CIDR:
		if (v.addr->prefix > (v.addr->family == 4 ? 32 : 128))
			abort();
		break;
	}
}

/* The call with its pattern compiled must say the same. */
static void prepared(const struct cel_overload *o, struct cel_value *args, unsigned n,
		     struct cel_value v)
{
	static _Alignas(16) char scratch[1 << 16];
	unsigned at = o->pattern ? o->pattern : n - 1;
	struct cel_eval eval;
	struct cel_value other;
	char reason[128];
	void *p;

	if (o->prepare(cel_str(args[at]), &p, reason, sizeof(reason)) < 0)
		return;
	args[at] = (struct cel_value){ .kind = CEL_BYTES, .flags = CEL_PREPARED, .p = p };
	cel_eval_init(&eval, scratch, sizeof(scratch), 200000);
	other = o->call(&eval, args, n);
	whole(other, 0);
	if (v.kind != CEL_ERROR && other.kind != CEL_ERROR && !cel_equal(v, other))
		abort();
	o->release(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(16) char scratch[1 << 16];
	const struct cel_library *library;
	const struct cel_overload *o;
	struct cel_value args[5], v;
	struct cel_eval eval;
	unsigned n = 0;

	in = cur_init(data, size);
	n_addrs = n_items = n_entries = 0;
	library = libraries[cur_u8(&in) % (sizeof(libraries) / sizeof(libraries[0]))];
	o = &library->overloads[cur_u8(&in) % library->n];
	for (const char *p = o->args; *p != ':'; p = behind(p))
		args[n++] = value(*p, p + 1, 0);
	/* what the evaluator does itself has no function */
	if (!o->call)
		return 0;
	cel_eval_init(&eval, scratch, sizeof(scratch), 200000);
	v = o->call(&eval, args, n);
	whole(v, 0);
	if (o->flags & CEL_FN_PATTERN)
		prepared(o, args, n, v);
	return 0;
}
