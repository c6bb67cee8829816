/*
 * Unit tests of the extension libraries' functions, called through their tables as the evaluator
 * does it: the overload is picked by name and by the kinds of the arguments.
 */
#include "cel/eval.h"
#include "cel/pattern.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static const struct cel_library *const libraries[] = {
	&cel_lib_strings,  &cel_lib_math,    &cel_lib_lists, &cel_lib_sets,
	&cel_lib_encoders, &cel_lib_network, &cel_lib_regex, &cel_lib_standard,
};

static _Alignas(16) char scratch[1 << 20];
static struct cel_eval eval;

/* Does the value fit the code at *@p? Moves *@p behind the code. */
static bool fits(const char **p, struct cel_value v)
{
	static const char kinds[] = "nbiudsyLM?tDOpc";
	char c = *(*p)++;
	const char *param = *p;

	if (c == '*' || (c >= 'A' && c <= 'C'))
		return true;
	if (c == 'L' || c == 'O')
		(void)fits(&param, CEL_NULL_VALUE);
	*p = param;
	return kinds[v.kind] == c;
}

static const struct cel_overload *pick(const char *name, const struct cel_value *args, unsigned n)
{
	for (size_t i = 0; i < N_OF(libraries); i++) {
		for (size_t k = 0; k < libraries[i]->n; k++) {
			const struct cel_overload *o = &libraries[i]->overloads[k];
			const char *p = o->args;
			unsigned j = 0;

			if (strcmp(o->name, name) != 0)
				continue;
			while (*p != ':' && j < n && fits(&p, args[j]))
				j++;
			if (*p == ':' && j == n)
				return o;
		}
	}
	return NULL;
}

/*
 * With its pattern compiled, as it is where it is constant, and compiled by the call, which must
 * come to the same.
 */
static struct cel_value call_pattern(const struct cel_overload *o, const struct cel_value *args,
				     unsigned n)
{
	unsigned at = o->pattern ? o->pattern : n - 1;
	struct cel_value all[4], now = o->call(&eval, args, n), then;
	char reason[128];
	void *prepared;
	int r = o->prepare(cel_str(args[at]), &prepared, reason, sizeof(reason));

	if (r < 0) {
		assert_int_equal(now.kind, CEL_ERROR);
		return now;
	}
	memcpy(all, args, n * sizeof(*args));
	all[at] = (struct cel_value){ .kind = CEL_BYTES, .flags = CEL_PREPARED, .p = prepared };
	then = o->call(&eval, all, n);
	o->release(prepared);
	assert_int_equal(now.kind, then.kind);
	assert_true(now.kind == CEL_ERROR || cel_equal(now, then));
	return then;
}

static struct cel_value call_n(const char *name, const struct cel_value *args, unsigned n)
{
	const struct cel_overload *o = pick(name, args, n);

	if (!o)
		fail_msg("no overload of %s", name);
	return o->flags & CEL_FN_PATTERN ? call_pattern(o, args, n) : o->call(&eval, args, n);
}

#define CALL(name, ...)                                         \
	call_n(name, (const struct cel_value[]){ __VA_ARGS__ }, \
	       N_OF(((const struct cel_value[]){ __VA_ARGS__ })))
#define S(text) cel_string(STR(text))
#define B(text) cel_bytes(STR(text))
#define I(i) cel_int(i)
#define U(u) cel_uint(u)
#define D(d) cel_double(d)
#define LIST(...)                                                                    \
	((struct cel_value){ .kind = CEL_LIST,                                       \
			     .n = N_OF(((const struct cel_value[]){ __VA_ARGS__ })), \
			     .items = (const struct cel_value[]){ __VA_ARGS__ } })
#define EMPTY ((struct cel_value){ .kind = CEL_LIST })

static void is(struct cel_value got, struct cel_value want)
{
	if (got.kind == CEL_ERROR)
		fail_msg("error: %s", got.error->text);
	if (got.kind == CEL_STRING && want.kind == CEL_STRING && !cel_equal(got, want))
		fail_msg("'%.*s', not '%.*s'", STR_ARG(cel_str(got)), STR_ARG(cel_str(want)));
	assert_int_equal(got.kind, want.kind);
	assert_true(cel_equal(got, want));
}

static void fails(struct cel_value got, enum cel_error_code code, const char *text)
{
	const char *had = got.kind == CEL_ERROR && got.error->text ? got.error->text : "";

	assert_int_equal(got.kind, CEL_ERROR);
	assert_int_equal(got.error->code, code);
	if (!strstr(had, text))
		fail_msg("'%s' lacks '%s'", had, text);
}

static int fresh(void **state)
{
	(void)state;
	cel_eval_init(&eval, scratch, sizeof(scratch), 1000000);
	return 0;
}

static void positions_are_code_points(void **state)
{
	(void)state;
	is(CALL("charAt", S("©αT"), I(1)), S("α"));
	is(CALL("charAt", S("©αT"), I(3)), S(""));
	fails(CALL("charAt", S("©αT"), I(4)), CEL_E_INDEX, "index out of range: 4");
	fails(CALL("charAt", S("©αT"), I(INT64_MIN)), CEL_E_INDEX, "index out of range: -92233");
	fails(CALL("charAt", S(""), I(INT64_MAX)), CEL_E_INDEX, "index out of range");
	is(CALL("indexOf", S("ta©o©αT"), S("©α"), I(3)), I(4));
	is(CALL("indexOf", S("tacocat"), S(""), I(7)), I(7));
	is(CALL("indexOf", S("abc"), S("c"), I(3)), I(-1));
	fails(CALL("indexOf", S("abc"), S(""), I(4)), CEL_E_INDEX, "4");
	is(CALL("substring", S("ta©o©αT"), I(2), I(6)), S("©o©α"));
	is(CALL("substring", S("ta©o©αT"), I(7)), S(""));
	fails(CALL("substring", S("abc"), I(2), I(1)), CEL_E_INDEX, "start: 2, end: 1");
	is(CALL("reverse", S("a©α😀")), S("😀α©a"));
}

/* Against the plain definition, for all short texts of two letters. */
static void last_index_of_all(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 1 << 8; bits++) {
		char text[8], what[3];

		for (unsigned i = 0; i < 8; i++)
			text[i] = bits >> i & 1 ? 'b' : 'a';
		for (unsigned w = 0; w < 16; w++) {
			size_t n = w % 4 < 3 ? w % 4 + 1 : 2;
			int64_t want = -1;

			for (size_t i = 0; i < n; i++)
				what[i] = w >> i & 1 ? 'b' : 'a';
			for (int64_t i = 0; i + (int64_t)n <= 8; i++)
				want = memcmp(text + i, what, n) == 0 ? i : want;
			fresh(NULL);
			is(CALL("lastIndexOf", cel_string((struct str){ text, 8 }),
				cel_string((struct str){ what, n })),
			   I(want));
			for (int64_t last = 0; last <= 8; last++) {
				want = -1;
				for (int64_t i = 0; i <= last && i + (int64_t)n <= 8; i++)
					want = memcmp(text + i, what, n) == 0 ? i : want;
				is(CALL("lastIndexOf", cel_string((struct str){ text, 8 }),
					cel_string((struct str){ what, n }), I(last)),
				   I(want));
			}
		}
	}
	is(CALL("lastIndexOf", S("tacocat"), S("")), I(7));
	is(CALL("lastIndexOf", S("x©y"), S(""), I(2)), I(2));
	fails(CALL("lastIndexOf", S("x"), S("x"), I(-1)), CEL_E_INDEX, "-1");
}

static void strings_are_made(void **state)
{
	(void)state;
	is(CALL("join", LIST(S("a"), S("b"), S("")), S("--")), S("a--b--"));
	is(CALL("join", EMPTY), S(""));
	fails(CALL("join", LIST(S("a"), I(1))), CEL_E_NO_SUCH_OVERLOAD, "no such overload");
	is(CALL("lowerAscii", S("TacoCÆt@[`{")), S("tacocÆt@[`{"));
	is(CALL("upperAscii", S("tacoCαt@[`{")), S("TACOCαT@[`{"));
	is(CALL("replace", S("{0} days {0}"), S("{0}"), S("2")), S("2 days 2"));
	is(CALL("replace", S("aaa"), S("a"), S("bb"), I(2)), S("bbbba"));
	is(CALL("replace", S("aaa"), S("a"), S(""), I(-1)), S(""));
	is(CALL("replace", S("aaa"), S("a"), S("b"), I(0)), S("aaa"));
	is(CALL("replace", S("a©"), S(""), S("-")), S("-a-©-"));
	is(CALL("replace", S("a©"), S(""), S("-"), I(2)), S("-a-©"));
	is(CALL("replace", S(""), S(""), S("-")), S("-"));
	is(CALL("split", S("a,b,,c"), S(",")), LIST(S("a"), S("b"), S(""), S("c")));
	is(CALL("split", S("a,b,,c"), S(","), I(2)), LIST(S("a"), S("b,,c")));
	is(CALL("split", S("a,b"), S(","), I(1)), LIST(S("a,b")));
	is(CALL("split", S("a,b"), S(","), I(0)), EMPTY);
	is(CALL("split", S("a©b"), S("")), LIST(S("a"), S("©"), S("b")));
	is(CALL("split", S("a©b"), S(""), I(2)), LIST(S("a"), S("©b")));
	is(CALL("split", S(""), S(",")), LIST(S("")));
	is(CALL("split", S(""), S("")), EMPTY);
	is(CALL("trim", S(" \t\xc2\x85x\xe2\x80\xa8y\xe3\x80\x80")), S("x\xe2\x80\xa8y"));
	is(CALL("trim", S("  ")), S(""));
	is(CALL("trim", S("\xe2\x80\x8bx")), S("\xe2\x80\x8bx"));
	is(CALL("strings.quote", S("a\"\\\n\a😀")), S("\"a\\\"\\\\\\n\\a😀\""));
}

static void format_verbs(void **state)
{
	const struct cel_entry entries[] = { { S("b"), D(2.5) }, { S("a"), CEL_NULL_VALUE } };
	struct cel_value map = { .kind = CEL_MAP, .n = 2, .entries = entries };

	(void)state;
	is(CALL("format", S("%s%% %d|%s"), LIST(S("x"), I(INT64_MIN), LIST(I(1), map))),
	   S("x% -9223372036854775808|[1, {a: null, b: 2.5}]"));
	is(CALL("format", S("%.3f %e %.0f"), LIST(D(1.2345), I(2), D(2.5))),
	   S("1.234 2.000000e+00 2"));
	is(CALL("format", S("%b %b %o %x %X"),
		LIST(I(-5), cel_bool(true), U(65535), S("Az"), B("\xff"))),
	   S("-101 1 177777 417a FF"));
	is(CALL("format", S("%x %b"), LIST(I(INT64_MIN), U(UINT64_MAX))),
	   S("-8000000000000000 "
	     "1111111111111111111111111111111111111111111111111111111111111111"));
	is(CALL("format", S("%d %f"), LIST(D(INFINITY), D(NAN))), S("Infinity NaN"));
	is(CALL("format", S("%.1000f"), LIST(D(0))).kind == CEL_STRING ? I(1) : I(0), I(1));
	fails(CALL("format", S("%.1001f"), LIST(D(0))), CEL_E_ARGUMENT, "precision");
	fails(CALL("format", S("%.99999999999999999999f"), LIST(D(0))), CEL_E_ARGUMENT,
	      "precision");
	fails(CALL("format", S("%d %d %d"), LIST(I(0), I(1))), CEL_E_ARGUMENT,
	      "index 2 out of range");
	fails(CALL("format", S("%d"), LIST(D(0.5))), CEL_E_ARGUMENT, "was given double");
	fails(CALL("format", S("%E"), LIST(D(0.5))), CEL_E_ARGUMENT,
	      "could not parse formatting clause: unrecognized formatting clause \"E\"");
	fails(CALL("format", S("%\0"), LIST(D(0.5))), CEL_E_ARGUMENT, "unrecognized");
	fails(CALL("format", S("%©"), LIST(D(0.5))), CEL_E_ARGUMENT, "clause \"©\"");
	fails(CALL("format", S("x%.2"), LIST(D(0.5))), CEL_E_ARGUMENT, "unexpected end");
	fails(CALL("format", S("x%"), LIST(D(0.5))), CEL_E_ARGUMENT, "unexpected end");
	fails(CALL("format", S("%s"), LIST(B("\xff"))), CEL_E_ARGUMENT, "UTF-8");
	fails(CALL("format", S("%x"), LIST(CEL_NULL_VALUE)), CEL_E_ARGUMENT,
	      "only integers, byte buffers, and strings can be formatted as hex, was given "
	      "null_type");
}

static void numbers(void **state)
{
	(void)state;
	is(CALL("math.greatest", I(-1), U(3)), U(3));
	is(CALL("math.greatest", LIST(D(5.4), I(10), U(3))), I(10));
	is(CALL("math.least", LIST(D(5.4), I(10), U(3), D(-5))), D(-5));
	is(CALL("math.greatest", I(INT64_MAX), U(UINT64_MAX)), U(UINT64_MAX));
	fails(CALL("math.least", EMPTY), CEL_E_ARGUMENT, "must not be empty");
	fails(CALL("math.least", LIST(I(1), S("x"))), CEL_E_NO_SUCH_OVERLOAD, "no such overload");
	fails(CALL("math.least", D(NAN), I(1)), CEL_E_ARGUMENT, "NaN");
	is(CALL("math.round", D(-2.5)), D(-3));
	is(CALL("math.ceil", D(-1.2)), D(-1));
	is(CALL("math.floor", D(-1.2)), D(-2));
	is(CALL("math.trunc", D(-1.8)), D(-1));
	is(CALL("math.abs", I(-11)), I(11));
	is(CALL("math.abs", D(-0.5)), D(0.5));
	fails(CALL("math.abs", I(INT64_MIN)), CEL_E_OVERFLOW, "overflow");
	is(CALL("math.sign", I(INT64_MIN)), I(-1));
	is(CALL("math.sign", D(-0.1)), D(-1));
	assert_true(isnan(CALL("math.sign", D(NAN)).d));
	assert_true(isnan(CALL("math.sqrt", I(-1)).d));
	is(CALL("math.sqrt", U(81)), D(9));
	is(CALL("math.isNaN", D(NAN)), cel_bool(true));
	is(CALL("math.isInf", D(-INFINITY)), cel_bool(true));
	is(CALL("math.isFinite", D(NAN)), cel_bool(false));
	is(CALL("math.bitNot", U(1)), U(UINT64_MAX - 1));
	is(CALL("math.bitXor", I(4), I(-2)), I(-6));
	is(CALL("math.bitShiftRight", I(-1024), I(3)), I(2305843009213693824));
	is(CALL("math.bitShiftLeft", I(-1), I(64)), I(0));
	is(CALL("math.bitShiftLeft", I(1), I(63)), I(INT64_MIN));
	fails(CALL("math.bitShiftLeft", U(1), I(-1)), CEL_E_ARGUMENT, "negative offset: -1");
}

static void lists(void **state)
{
	struct cel_value abc = LIST(S("c"), S("a"), S("b"), S("a"));

	(void)state;
	is(CALL("slice", abc, I(1), I(3)), LIST(S("a"), S("b")));
	is(CALL("slice", abc, I(4), I(4)), EMPTY);
	fails(CALL("slice", abc, I(-1), I(3)), CEL_E_INDEX, "negative");
	fails(CALL("slice", abc, I(3), I(1)), CEL_E_INDEX, "less than or equal");
	fails(CALL("slice", abc, I(0), I(INT64_MAX)), CEL_E_INDEX, "list is length 4");
	is(CALL("flatten", LIST(I(1), LIST(I(2), LIST(I(3))), EMPTY)),
	   LIST(I(1), I(2), LIST(I(3))));
	is(CALL("flatten", LIST(I(1), LIST(I(2), LIST(I(3)))), I(INT64_MAX)),
	   LIST(I(1), I(2), I(3)));
	is(CALL("flatten", LIST(LIST(I(1))), I(0)), LIST(LIST(I(1))));
	fails(CALL("flatten", LIST(LIST(I(1))), I(-1)), CEL_E_ARGUMENT, "non-negative");
	is(CALL("distinct", abc), LIST(S("c"), S("a"), S("b")));
	is(CALL("distinct", LIST(I(1), D(1), U(2), I(2), D(2.5))), LIST(I(1), U(2), D(2.5)));
	is(CALL("distinct", LIST(LIST(I(1)), S("x"), LIST(D(1)), S("x"))),
	   LIST(LIST(I(1)), S("x")));
	assert_int_equal(CALL("distinct", LIST(D(NAN), D(NAN))).n, 2);
	is(CALL("sort", abc), LIST(S("a"), S("a"), S("b"), S("c")));
	is(CALL("sort", LIST(I(3), D(-1), U(2))), LIST(D(-1), U(2), I(3)));
	fails(CALL("sort", LIST(I(3), S("x"))), CEL_E_ARGUMENT, "same type");
	fails(CALL("sort", LIST(D(NAN), D(1))), CEL_E_ARGUMENT, "order");
	is(CALL("@sortByAssociatedKeys", abc, LIST(I(2), I(1), I(1), I(0))),
	   LIST(S("a"), S("a"), S("b"), S("c")));
	is(CALL("reverse", LIST(I(1), I(2))), LIST(I(2), I(1)));
	is(CALL("lists.range", I(3)), LIST(I(0), I(1), I(2)));
	is(CALL("lists.range", I(-3)), EMPTY);
	is(*CALL("first", abc).boxed, S("c"));
	is(*CALL("last", abc).boxed, S("a"));
	assert_null(CALL("last", EMPTY).boxed);
	is(CALL("sets.contains", LIST(I(1), I(2)), LIST(D(2), U(1), I(2))), cel_bool(true));
	is(CALL("sets.contains", LIST(I(1)), LIST(I(1), I(2))), cel_bool(false));
	is(CALL("sets.equivalent", LIST(I(1), I(1)), LIST(U(1))), cel_bool(true));
	is(CALL("sets.equivalent", LIST(I(1), I(2)), LIST(U(1))), cel_bool(false));
	is(CALL("sets.intersects", LIST(I(1), I(2)), LIST(S("x"), I(2))), cel_bool(true));
	is(CALL("sets.intersects", LIST(I(1)), EMPTY), cel_bool(false));
}

static void base64(void **state)
{
	(void)state;
	is(CALL("base64.encode", B("hello")), S("aGVsbG8="));
	is(CALL("base64.decode", S("aGVsbG8=")), B("hello"));
	is(CALL("base64.decode", S("aGVsbG8")), B("hello"));
	is(CALL("base64.decode", S("")), B(""));
	fails(CALL("base64.decode", S("a")), CEL_E_ARGUMENT, "base64");
	fails(CALL("base64.decode", S("aGVsbG8=aG")), CEL_E_ARGUMENT, "base64");
	fails(CALL("base64.decode", S("ab=")), CEL_E_ARGUMENT, "base64");
	fails(CALL("base64.decode", S("aG s")), CEL_E_ARGUMENT, "base64");
}

static struct cel_value text_of(struct cel_value v)
{
	return v.kind == CEL_ERROR ? v : CALL("string", v);
}

static void addresses(void **state)
{
	(void)state;
	is(text_of(CALL("ip", S("::ffff:c0a8:1"))), S("192.168.0.1"));
	is(text_of(CALL("ip", S("2001:0db8:0:0:1:0:0:1"))), S("2001:db8::1:0:0:1"));
	is(text_of(CALL("ip", S("1:0:2:3:4:5:6:7"))), S("1:0:2:3:4:5:6:7"));
	is(text_of(CALL("ip", S("::"))), S("::"));
	is(text_of(CALL("ip", S("1::"))), S("1::"));
	is(text_of(CALL("ip", S("::7"))), S("::7"));
	is(text_of(CALL("ip", S("64:ff9b::1.2.3.4"))), S("64:ff9b::102:304"));
	is(text_of(CALL("ip", S("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))),
	   S("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	fails(CALL("ip", S("1.2.3.04")), CEL_E_ARGUMENT, "parse error");
	fails(CALL("ip", S("0x7f.1")), CEL_E_ARGUMENT, "parse error");
	fails(CALL("ip", S("127.1")), CEL_E_ARGUMENT, "parse error");
	fails(CALL("ip", S("2130706433")), CEL_E_ARGUMENT, "parse error");
	fails(CALL("ip", S("1.2.3.4\0")), CEL_E_ARGUMENT, "parse error");
	fails(CALL("ip", S(" 1.2.3.4")), CEL_E_ARGUMENT, "parse error");
	fails(CALL("ip", S("fe80::1%en0")), CEL_E_ARGUMENT, "zone");
	fails(CALL("ip", S("::ffff:1.2.3.4")), CEL_E_ARGUMENT, "mapped");
	is(CALL("isIP", S("::ffff:1.2.3.4")), cel_bool(false));
	is(CALL("isCIDR", S("10.0.0.0/33")), cel_bool(false));
	is(CALL("isCIDR", S("10.0.0.0/08")), cel_bool(false));
	is(CALL("isCIDR", S("::/128")), cel_bool(true));
	is(CALL("isCIDR", S("::/129")), cel_bool(false));
	is(CALL("isCIDR", S("::/4294967296")), cel_bool(false));
	is(text_of(CALL("cidr", S("::ffff:a00:1/104"))), S("10.0.0.1/8"));
	is(text_of(CALL("masked", CALL("cidr", S("10.255.255.255/9")))), S("10.128.0.0/9"));
	is(text_of(CALL("masked", CALL("cidr", S("2001:db8:ffff::1/33")))),
	   S("2001:db8:8000::/33"));
	is(text_of(CALL("masked", CALL("cidr", S("255.255.255.255/0")))), S("0.0.0.0/0"));
	is(CALL("ip.isCanonical", S("2001:db8::1")), cel_bool(true));
	is(CALL("ip.isCanonical", S("2001:DB8::1")), cel_bool(false));
}

static void networks(void **state)
{
	static const struct {
		const char *name, *yes, *no;
	} cases[] = {
		{ "isLoopback", "127.255.0.1", "128.0.0.1" },
		{ "isLoopback", "::1", "::2" },
		{ "isUnspecified", "::", "::1" },
		{ "isPrivate", "172.31.0.1", "172.32.0.1" },
		{ "isPrivate", "fdff::1", "fe00::1" },
		{ "isLinkLocalUnicast", "febf::1", "fec0::1" },
		{ "isLinkLocalMulticast", "ff02::fb", "ff05::fb" },
		{ "isGlobalUnicast", "10.0.0.1", "255.255.255.255" },
		{ "isGlobalUnicast", "8.8.8.8", "239.1.1.1" },
		/* the mapped form is the address it stands for */
		{ "isLoopback", "::ffff:7f00:1", "::7f00:1" },
	};
	struct cel_value ten = CALL("cidr", S("10.20.0.0/14"));

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		is(CALL(cases[i].name, CALL("ip", cel_string(str_of(cases[i].yes)))),
		   cel_bool(true));
		is(CALL(cases[i].name, CALL("ip", cel_string(str_of(cases[i].no)))),
		   cel_bool(false));
	}
	is(CALL("containsIP", ten, S("10.23.255.255")), cel_bool(true));
	is(CALL("containsIP", ten, S("10.24.0.0")), cel_bool(false));
	is(CALL("containsIP", ten, S("::ffff:a14:1")), cel_bool(true));
	is(CALL("containsIP", ten, CALL("ip", S("::a14:1"))), cel_bool(false));
	fails(CALL("containsIP", ten, S("example.com")), CEL_E_ARGUMENT, "parse error");
	is(CALL("containsCIDR", ten, S("10.22.0.0/15")), cel_bool(true));
	is(CALL("containsCIDR", ten, S("10.20.0.0/13")), cel_bool(false));
	is(CALL("containsCIDR", ten, ten), cel_bool(true));
	is(text_of(CALL("ip", ten)), S("10.20.0.0"));
	is(CALL("prefixLength", ten), I(14));
}

static void expressions(void **state)
{
	static const struct {
		const char *text, *pattern;
		bool match;
	} cases[] = {
		{ "hubba", "ubb", true },
		{ "", "", true },
		{ "x", "", true },
		{ "x", "^$", false },
		{ "", "^$", true },
		{ "api.example.com", "example\\.com$", true },
		{ "api.exampleXcom", "example\\.com$", false },
		{ "api.exampleXcom", "example.com$", true },
		{ "api.example.com.evil", "example\\.com$", false },
		{ "https://x", "^https://", true },
		{ "xhttps://x", "^https://", false },
		{ "abc", "^abc$", true },
		{ "abcabc", "^abc$", false },
		{ "a$", "a\\$", true },
		{ "ab", "a\\$", false },
		{ "a\\", "a\\\\$", true },
		{ "a^b", "a\\^b", true },
		{ "abc\n", "^abc$", false },
		{ "x\nabc", "^abc", false },
		{ "ÆØ", "^.{2}$", true },
		{ "GET", "^(GET|HEAD)$", true },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "^(a+)+$", false },
		{ "a-b", "a\\-b", true },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct cel_value got = CALL("matches", cel_string(str_of(cases[i].text)),
					    cel_string(str_of(cases[i].pattern)));

		if (got.kind != CEL_BOOL || got.b != cases[i].match)
			fail_msg("'%s' matches '%s'", cases[i].text, cases[i].pattern);
	}
	fails(CALL("matches", S("x"), S("(")), CEL_E_ARGUMENT, "missing )");
	fails(CALL("matches", S("x"), S("\\y")), CEL_E_ARGUMENT, "invalid escape");
	fails(CALL("matches", S("x"), S("(?=x)")), CEL_E_ARGUMENT, "invalid");
	fails(CALL("matches", S("x"), S("((a{100}){100}){100}")), CEL_E_ARGUMENT, "");
	is(CALL("regex.replace", S("banana"), S("a"), S("x")), S("bxnxnx"));
	is(CALL("regex.replace", S("banana"), S("a."), S("x"), I(1)), S("bxana"));
	is(CALL("regex.replace", S("banana"), S("[an]"), S(""), I(0)), S("banana"));
	is(CALL("regex.replace", S("foo bar"), S("(fo)o (ba)r"), S("\\2 \\1\\\\")), S("ba fo\\"));
	is(CALL("regex.replace", S("aæb"), S("x*"), S("-")), S("-a-æ-b-"));
	is(CALL("regex.replace", S("baac"), S("a*"), S("-")), S("-b-c-"));
	is(CALL("regex.replace", S(""), S("^$"), S("-")), S("-"));
	fails(CALL("regex.replace", S("a"), S("a"), S("\\x")), CEL_E_ARGUMENT, "replacement");
	fails(CALL("regex.replace", S("a"), S("a"), S("\\")), CEL_E_ARGUMENT, "replacement");
	fails(CALL("regex.replace", S("a"), S("(a)"), S("\\2")), CEL_E_ARGUMENT, "replacement");
	is(*CALL("regex.extract", S("item-A, item-B"), S("item-(\\w+)")).boxed, S("A"));
	is(*CALL("regex.extract", S("item-A"), S("em.")).boxed, S("em-"));
	is(*CALL("regex.extract", S(""), S("")).boxed, S(""));
	assert_null(CALL("regex.extract", S("HELLO"), S("hello")).boxed);
	assert_null(CALL("regex.extract", S("b"), S("(a)|b")).boxed);
	fails(CALL("regex.extract", S("x@y"), S("(.*)@(.*)")), CEL_E_ARGUMENT, "more than one");
	is(CALL("regex.extractAll", S("id:1, id:23"), S("id:(\\d+)")), LIST(S("1"), S("23")));
	is(CALL("regex.extractAll", S("id:1, id:23"), S("\\d")), LIST(S("1"), S("2"), S("3")));
	is(CALL("regex.extractAll", S("x"), S("y")), EMPTY);
	is(CALL("regex.extractAll", S("ab"), S("(a)|b")), LIST(S("a")));
	fails(CALL("regex.extractAll", S("x@y"), S("(.*)@(.*)")), CEL_E_ARGUMENT, "more than one");
}

/* "a.*b|a" looks at the whole rest for each of its matches. */
static void square_searches_are_stopped(void **state)
{
	static char as[200000];

	(void)state;
	memset(as, 'a', sizeof(as));
	fails(call_n("regex.replace",
		     (const struct cel_value[]){ cel_string((struct str){ as, sizeof(as) }),
						 S("a.*b|a"), S("") },
		     3),
	      CEL_E_STEPS, "steps");
}

/*
 * Expressions that cost RE2 seconds, and that need not: each is refused or stopped within
 * milliseconds. The clock is the process's own, and generous: without the hooks they take 100 times
 * as long.
 */
static void costly_expressions_are_stopped(void **state)
{
	static const struct {
		const char *pattern;
		bool compiles;
	} cases[] = {
		{ "[ab]*a[ab]{15}c", true },
		{ "(a|b)*a(a|b){12}(a|b){30}c", true },
		{ "(x+x+)+y", true },
		{ "(a?){500}a{500}", false },
		{ "(.{0,50}){19}z", false },
		{ "\\pL{20}", false },
		{ "(?i)(\\pL\\pN?){60}x", false },
		{ "\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL", false },
	};
	static char ab[65536];
	uint64_t seed = 1;
	clock_t start;

	(void)state;
	for (size_t i = 0; i < sizeof(ab); i++) {
		seed = seed * 6364136223846793005U + 1442695040888963407U;
		ab[i] = seed >> 63 ? 'a' : 'b';
	}
	start = clock();
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct cel_value args[] = { cel_string((struct str){ ab, sizeof(ab) }),
					    CEL_NULL_VALUE };
		char reason[128] = "";
		void *prepared = NULL;
		int r = pattern_prepare(str_of(cases[i].pattern), &prepared, reason,
					sizeof(reason));

		if ((r == 0) != cases[i].compiles)
			fail_msg("'%s': %d %s", cases[i].pattern, r, reason);
		if (r < 0)
			continue;
		args[1] = (struct cel_value){ .kind = CEL_BYTES,
					      .flags = CEL_PREPARED,
					      .p = prepared };
		fresh(NULL);
		for (unsigned k = 0; k < 3; k++) {
			struct cel_value v = cel_fn_matches(&eval, args, 2);

			assert_true(v.kind == CEL_ERROR ? v.error->code == CEL_E_STEPS : !v.b);
		}
		pattern_release(prepared);
	}
	assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
}

/* A list that holds the one before twice, thirty times over, is small and writes 2^30 items. */
static void growth_is_stopped(void **state)
{
	struct cel_value pairs[30][2] = { { I(1), I(1) } };
	struct cel_value list = { .kind = CEL_LIST, .n = 2, .items = pairs[0] };
	static char as[3000];
	struct cel_value long_text = cel_string((struct str){ as, sizeof(as) });

	(void)state;
	memset(as, 'a', sizeof(as));
	for (size_t i = 1; i < N_OF(pairs); i++) {
		pairs[i][0] = pairs[i][1] = list;
		list.items = pairs[i];
	}
	fails(CALL("flatten", list, I(100)), CEL_E_STEPS, "steps");
	fresh(NULL);
	fails(CALL("format", S("%s"), LIST(list)), CEL_E_MEMORY, "memory");
	fresh(NULL);
	fails(CALL("lists.range", I(INT64_MAX)), CEL_E_STEPS, "steps");
	fresh(NULL);
	fails(CALL("lists.range", I(500000)), CEL_E_MEMORY, "memory");
	fresh(NULL);
	fails(CALL("replace", long_text, S("a"), long_text), CEL_E_MEMORY, "memory");
	fresh(NULL);
	fails(CALL("distinct", LIST(list, list)), CEL_E_STEPS, "steps");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(positions_are_code_points, fresh),
		cmocka_unit_test_setup(last_index_of_all, fresh),
		cmocka_unit_test_setup(strings_are_made, fresh),
		cmocka_unit_test_setup(format_verbs, fresh),
		cmocka_unit_test_setup(numbers, fresh),
		cmocka_unit_test_setup(lists, fresh),
		cmocka_unit_test_setup(base64, fresh),
		cmocka_unit_test_setup(addresses, fresh),
		cmocka_unit_test_setup(networks, fresh),
		cmocka_unit_test_setup(expressions, fresh),
		cmocka_unit_test_setup(square_searches_are_stopped, fresh),
		cmocka_unit_test_setup(costly_expressions_are_stopped, fresh),
		cmocka_unit_test_setup(growth_is_stopped, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
