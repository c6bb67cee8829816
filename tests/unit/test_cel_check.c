/* Unit tests of cel/check: deduced types, what names and calls become, messages. */
#include "base/own.h"
#include "cel/check.h"
#include "cel/parse.h"
#include "cel_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define F(n, a)                      \
	{                            \
		.name = n, .args = a \
	}
#define M(n, a)                                              \
	{                                                    \
		.name = n, .args = a, .flags = CEL_FN_MEMBER \
	}

/* What the tests call: the libraries proper have tests of their own. */
static const struct cel_overload overloads[] = {
	M("header", "Rs:s"),
	M("hasHeader", "Rs:b"),
	M("host", "s:s"),
	F("math.abs", "i:i"),
	F("math.abs", "d:d"),
	F("a.b.far", "i:i"),
	F("far", "i:s"),
	F("optional.of", "A:OA"),
	F("optional.none", ":OA"),
	M("value", "OA:A"),
	M("hasValue", "OA:b"),
	M("orValue", "OAA:A"),
	F(CEL_OP_INDEX, "OMABA:OB"),
	F(CEL_OP_OPT_INDEX, "MABA:OB"),
	F("tuple", "ABC:@tuple(ABC)"),
	F("sort", "@tuple(AAA):@tuple(AAA)"),
	F("wrap", "i:Wi"),
	M("fold", "LA:A"),
};
static const struct cel_library lib = { "test", overloads, sizeof(overloads) / sizeof(*overloads) };
static const struct cel_library *const libs[] = { &cel_lib_standard, &lib };

static const struct cel_type list_string = { .kind = CEL_T_LIST, .param = { &cel_type_string } };
static const struct cel_type map_lists = { .kind = CEL_T_MAP,
					   .param = { &cel_type_string, &list_string } };
static const struct cel_type map_int = { .kind = CEL_T_MAP,
					 .param = { &cel_type_int, &cel_type_string } };

static const struct cel_decl request_fields[] = {
	{ .name = "http.request.host", .type = &cel_type_string, .slot = 0 },
	{ .name = "http.request.port", .type = &cel_type_int, .slot = 1 },
	{ .name = "http.request.query", .type = &map_lists, .slot = 2 },
};
static const struct cel_decl body_fields[] = {
	{ .name = "http.request.body.text", .type = &cel_type_string, .slot = 3 },
	{ .name = "http.request.body.size", .type = &cel_type_int, .slot = 4 },
};
static const struct cel_record request = { "http.request", request_fields, 3, 1 };
static const struct cel_record body = { "http.request.body", body_fields, 2, 2 };
static const struct cel_decl bodyguard_fields[] = {
	{ .name = "http.request.bodyguard.name", .type = &cel_type_string, .slot = 13 },
};
static const struct cel_record bodyguard = { "http.request.bodyguard", bodyguard_fields, 1, 3 };
static const struct cel_record *const records[] = { &request, &body, &bodyguard };
static const struct cel_value seven = { .kind = CEL_INT, .i = 7 };
static const struct cel_decl decls[] = {
	{ .name = "file.path", .type = &cel_type_string, .slot = 5 },
	{ .name = "x", .type = &cel_type_int, .slot = 6 },
	{ .name = "any", .type = &cel_type_dyn, .slot = 7 },
	{ .name = "names", .type = &list_string, .slot = 8 },
	{ .name = "ints", .type = &map_int, .slot = 9 },
	{ .name = "a.b.x", .type = &cel_type_string, .slot = 10 },
	{ .name = "a.b.c", .type = &map_lists, .slot = 11 },
	{ .name = "a.b.c.d", .type = &cel_type_uint, .slot = 12 },
	{ .name = "SEVEN", .type = &cel_type_int, .slot = -1, .constant = &seven },
};

#define ENV                                                                            \
	.decls = decls, .n_decls = sizeof(decls) / sizeof(*decls), .records = records, \
	.n_records = 3, .libraries = libs, .n_libraries = 2, .macros = true, .optional = true

static const struct cel_env env = { ENV };
static const struct cel_env env_in_ab = { ENV, .container = "a.b" };

/* Parse and check; what comes back is in @out: "TREE : TYPE", or the problems. */
static int check(const struct cel_env *e, const char *source, const struct cel_type *want,
		 struct buf *out)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(4 << 20);
	const struct cel_type *type;
	struct cel_expr *x;
	int r = cel_parse(&arena, e, str_of(source), report_to_buf, out, &x);

	if (r == 0)
		r = cel_check(&arena, e, str_of(source), x, want, report_to_buf, out, &type);
	if (r)
		return r;
	dump(x, out);
	buf_putz(out, " : ");
	cel_type_print(type, out);
	return 0;
}

static void good_in(const struct cel_env *e, const char *source, const char *expected)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	int r = check(e, source, NULL, &out);

	if (r)
		fail_msg("%s: %s", source, buf_cstr(&out));
	assert_string_equal(buf_cstr(&out), expected);
}

static void good(const char *source, const char *expected)
{
	good_in(&env, source, expected);
}

/* Only the type. */
static void typed(const char *source, const char *type)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	const char *at;

	if (check(&env, source, NULL, &out))
		fail_msg("%s: %s", source, buf_cstr(&out));
	at = strstr(buf_cstr(&out), " : ");
	for (const char *next; at && (next = strstr(at + 3, " : "));)
		at = next;
	assert_non_null(at);
	assert_string_equal(at + 3, type);
}

static void bad(const char *source, const char *problems)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);

	assert_int_equal(check(&env, source, NULL, &out), -EBADMSG);
	assert_string_equal(buf_cstr(&out), problems);
}

static void test_types(void **state)
{
	(void)state;
	typed("1", "int");
	typed("b'' ", "bytes");
	typed("null", "null");
	typed("[1, 2]", "list(int)");
	typed("[1, 'a']", "list(dyn)");
	typed("[]", "list(dyn)");
	typed("{'a': 1u}", "map(string, uint)");
	typed("{'a': 1, 2: 'b'}", "map(dyn, dyn)");
	typed("[[], [[]], [[[]]], [[[[]]]]]", "list(list(list(list(list(dyn)))))");
	typed("['foo'][0]", "string");
	typed("[1] + []", "list(int)");
	typed("1.5 + 2.5", "double");
	typed("any + 1", "int");
	typed("any + any", "dyn");
	typed("x > 1 ? names : []", "list(string)");
	typed("[optional.of(1), optional.none()]", "list(optional(int))");
	typed("[optional.of(1), optional.of(dyn(1))]", "list(optional(dyn))");
	typed("[optional.of(1), null][0]", "optional(int)");
	typed("true ? optional.of(dyn(1)) : optional.of(1)", "optional(dyn)");
	typed("[tuple(1, 2u, 3.0), tuple(dyn(1), dyn(2u), dyn(3.0))][0]", "tuple(dyn, dyn, dyn)");
	typed("sort(tuple(dyn(1), 2u, 3.0))", "tuple(dyn, dyn, dyn)");
	typed("wrap(1) + 1", "int");
	typed("[1, wrap(1)]", "list(wrapper(int))");
	typed("[wrap(1), 1]", "list(wrapper(int))");
	typed("false ? wrap(1) : null", "wrapper(int)");
	typed("true ? null : wrap(1)", "wrapper(int)");
	typed("wrap(1) == null", "bool");
	typed("[][0] + 'a'", "string");
	typed("[][0] + [][0]", "int");
	typed("type(1)", "type(int)");
	typed("type(1) == int", "bool");
}

static void test_macros(void **state)
{
	(void)state;
	typed("names.map(n, size(n))", "list(int)");
	typed("names.filter(n, n == 'a')", "list(string)");
	typed("names.all(i, n, i > 0 && n > '')", "bool");
	typed("names.transformMap(i, n, n)", "map(int, string)");
	typed("ints.transformList(k, v, k)", "list(int)");
	typed("ints.transformMapEntry(k, v, {v: k})", "map(string, int)");
	typed("names.exists_one(n, n.size() > 2)", "bool");
	typed("any.map(k, k)", "list(dyn)");
	typed("[].map(k, k)", "list(dyn)");
	typed("cel.bind(y, x, [y])", "list(int)");
	typed("cel.block([x, [cel.index(0)]], cel.index(1))", "list(int)");
	typed("optional.of(1).optMap(v, string(v)).value()", "string");
	typed("optional.of(1).optFlatMap(v, optional.of(v))", "optional(int)");
	typed("http.request.query.?a", "optional(list(string))");
	typed("{}.?a.?b", "optional(dyn)");
	typed("optional.of({'c': {'d': 1}}).c.d", "optional(int)");
	typed("[?optional.of(1)]", "list(int)");
	typed("{?'a': optional.of(1)}", "map(string, int)");
	typed("http.request.query[?'a']", "optional(list(string))");
}

static void test_names(void **state)
{
	(void)state;
	good("x", "<x> : int");
	good(".x", "<x> : int");
	good("file.path", "<file.path> : string");
	good("a.b.c.d", "<a.b.c.d> : uint");
	good("a.b.c.e", "<a.b.c>.e : list(string)");
	good("a.b.c.d > a.b.c.e.size()", "_>_(<a.b.c.d>, <a.b.c>.e.size()) : bool");
	good("SEVEN", "<SEVEN> : int");
	good("int", "<int> : type(int)");
	good("google.protobuf.Timestamp", "<google.protobuf.Timestamp> : type(timestamp)");
	good("http.request.host", "<http.request.host> : string");
	good("http.request.body.text", "<http.request.body.text> : string");
	good("http.request.query.a", "<http.request.query>.a : list(string)");
	good_in(&env_in_ab, "x", "<a.b.x> : string");
	good_in(&env_in_ab, ".x", "<x> : int");
	good_in(&env_in_ab, "c.d", "<a.b.c.d> : uint");
	good_in(&env_in_ab, "file.path", "<file.path> : string");
	good_in(&env_in_ab, "far(1)", "a.b.far(1) : int");
	good_in(&env_in_ab, ".far(1)", "far(1) : string");
	/* a variable of a comprehension hides every name that starts like it */
	good("[{'b': 1}].map(a, a.b)", "fold(a in [{'b': 1}]; @result = []; true; @append(@result, "
				       "a.b); @result) : list(int)");
	good("[1].all(x, .x == x)", "fold(x in [1]; @result = true; @not_strictly_false(@result); "
				    "_&&_(@result, _==_(<x>, x)); @result) : bool");
}

static void test_records(void **state)
{
	(void)state;
	good("http.request.header('a')", "<http.request>.header('a') : string");
	good("http.request.header('a').exists()", "<http.request>.hasHeader('a') : bool");
	good("has(http.request.host)", "has<http.request.host> : bool");
	good("http.request.host.exists()", "has<http.request.host> : bool");
	good("x.exists()", "has<x> : bool");
	good("has(http.request.body)",
	     "_||_(has<http.request.body.text>, has<http.request.body.size>) : bool");
	good("http.request.body.exists()",
	     "_||_(has<http.request.body.text>, has<http.request.body.size>) : bool");
	good("has(http.request.query.a)", "has(<http.request.query>.a) : bool");
	good("http.request.query.a.exists()", "has(<http.request.query>.a) : bool");
	good("http.request.query['a'].exists()", "@in('a', <http.request.query>) : bool");
	good("http.request.host.host()", "<http.request.host>.host() : string");
	good("math.abs(-1)", "math.abs(-1) : int");
	good(".math.abs(-1.5)", "math.abs(-1.5) : double");
}

static void test_unknown_names(void **state)
{
	(void)state;
	bad("http.request.hosst == 'a'",
	    "1:14+5: found no field 'hosst' in http.request; did you mean 'host'?");
	bad("http.request.q",
	    "1:14+1: found no field 'q' in http.request; it has host, port, query, "
	    "body, bodyguard");
	bad("http.reqest.host", "1:6+6: found no field 'reqest' in http; did you mean 'request'?");
	bad("http.request.hostname == 'a'",
	    "1:14+8: found no field 'hostname' in http.request; did you mean 'host'?");
	bad("request.host == 'a'",
	    "1:1+7: found no variable 'request'; did you mean 'http.request.host'?");
	bad("http.text == 'a'",
	    "1:6+4: found no field 'text' in http; did you mean 'http.request.body.text'?");
	bad("http.query.a == []",
	    "1:6+5: found no field 'query' in http; did you mean 'http.request.query'?");
	bad("http", "1:1+4: 'http' is no value but a group of them: request");
	bad("htp.request.host", "1:1+3: found no variable 'htp'; did you mean 'http'?");
	bad("event.http", "1:1+5: there is no 'event': what happened is under file, x, any, names, "
			  "ints, a, SEVEN, http");
	bad("size", "1:1+4: found no variable 'size'; it is a function, to be called: size(...)");
	bad("qqqqqqqqq",
	    "1:1+9: found no variable 'qqqqqqqqq'; there is file, x, any, names, ints, "
	    "a, SEVEN, http");
	bad("names.exists(value, valeu == 'a')",
	    "1:21+5: found no variable 'valeu'; did you mean 'value'?");
	bad("cel.index(0)", "1:5+5: this has no meaning here: cel.block() or a macro has to define "
			    "it around here");
	/* several, each once */
	bad("http.request.hosst == 'a' &&\n  prot == 1 && x.foo",
	    "1:14+5: found no field 'hosst' in http.request; did you mean 'host'?\n"
	    "2:3+4: found no variable 'prot'; there is file, x, any, names, ints, a, SEVEN, http\n"
	    "2:18+3: found no field 'foo': int has no fields");
	bad("ints.a", "1:6+1: the keys of this map are int; '.a' looks for a string");
	bad("file.path.size", "1:11+4: found no field 'size' in string; did you mean 'size()'?");
	bad("Message{a: 1}", "1:1+7: found no type 'Message': there are no messages here; write "
			     "{\"field\": ...}");
}

static void test_mistakes(void **state)
{
	(void)state;
	bad("file.path.contains(1)", "1:11+8: found no overload of 'contains' for (string, int); "
				     "there is (string, string) -> bool");
	bad("'a' in 'abc'",
	    "1:5+2: found no overload of 'in' for (string, string); there is (A, list(A)) "
	    "-> bool, (A, map(A, B)) -> bool; text.contains(part) looks into text");
	bad("http.request['host']",
	    "1:13+8: found no overload of '[]' for (http.request, string); there is (list(A), int) "
	    "-> A, (map(A, B), A) -> B, (optional(map(A, B)), A) -> optional(B); fields are "
	    "selected: .name");
	bad("'a' + 1",
	    "1:5+1: found no overload of '+' for (string, int); there is (string, string) "
	    "-> string, (int, int) -> int, (uint, uint) -> uint, (double, double) -> "
	    "double, (bytes, bytes) -> bytes, and 4 more; string() converts");
	bad("x == 'a'", "1:3+2: '==' compares two of one type, found int and string");
	bad("x != 1u",
	    "1:3+2: '!=' compares two of one type, found int and uint; int(), uint() and double() "
	    "convert");
	bad("x == null", "1:3+2: '==' compares two of one type, found int and null; .exists() asks "
			 "whether there is a value");
	bad("x % 1.5", "1:3+1: found no overload of '%' for (int, double); there is (int, int) -> "
		       "int, (uint, uint) -> uint; int(), uint() and double() convert");
	bad("file.path.contain('a')",
	    "1:11+7: found no function 'contain'; did you mean 'contains'?");
	bad("sise('a')", "1:1+4: found no function 'sise'; did you mean 'size'?");
	bad("mat.abs(1)", "1:1+7: found no function 'mat.abs'; did you mean 'math.abs'?");
	bad("nothing.abs(1)", "1:1+7: found no variable 'nothing'; there is file, x, any, names, "
			      "ints, a, SEVEN, http");
	bad("http.request.header", "1:14+6: found no field 'header' in http.request; did you mean "
				   "'header(...)'?");
	bad("contains('a', 'b')",
	    "1:1+8: 'contains' is a function of a value; write x.contains(...)");
	bad("'a'.type()", "1:5+4: 'type' is no function of a value; write type(...)");
	bad("names.all(n)", "1:7+3: all() is called like this: list.all(x, condition), or "
			    ".all(index, x, condition)");
	bad("names.all(n, n)", "1:14+1: the condition of 'all' must be bool, found string");
	bad("names.filter(n, 1)", "1:17+1: the condition of 'filter' must be bool, found int");
	bad("x && true", "1:1+1: '&&' takes bool, found int");
	bad("x ? 1 : 2", "1:1+1: the condition before '?' must be bool, found int");
	bad("true ? 1 : 'a'", "1:6+1: both sides of ':' must be of one type, found int and string; "
			      "dyn(...) around one of them allows it");
	bad("x.map(y, y)", "1:1+1: map() goes through a list or a map, found int");
	bad("{1.5: 1}", "1:2+3: a map's keys are bool, int, uint or string, found double");
	bad("[?1]", "1:3+1: after '?' an optional value is expected, found int");
	bad("names.transformMapEntry(i, n, n)",
	    "1:31+1: 'transformMapEntry' takes a map with the new entries, found string");
	bad("cel.bind(l, [], l + [l])",
	    "1:19+1: found no overload of '+' for (list(dyn), list(list(dyn))); there is (list(A), "
	    "list(A)) -> list(A), (int, int) -> int, (uint, uint) -> uint, (double, double) -> "
	    "double, (string, string) -> string, and 4 more");
	bad("-'a'", "1:1+1: found no overload of '-' for (string); there is (int) -> int, (double) "
		    "-> double");
	bad("names[true]", "1:6+6: found no overload of '[]' for (list(string), bool); there is "
			   "(list(A), int) -> A, (map(A, B), A) -> B, (optional(map(A, B)), A) -> "
			   "optional(B)");
	bad("math.abs('a')",
	    "1:6+3: found no overload of 'math.abs' for (string); there is (int) -> "
	    "int, (double) -> double");
}

static void test_wanted(void **state)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16);

	(void)state;
	assert_int_equal(check(&env, "  x + 1 ", &cel_type_bool, &out), -EBADMSG);
	assert_string_equal(buf_cstr(&out),
			    "1:3+6: the expression is int, but bool is wanted here");
	buf_reset(&out);
	assert_int_equal(check(&env, "any", &cel_type_bool, &out), 0);
	buf_reset(&out);
	assert_int_equal(check(&env, "x > 1", &cel_type_bool, &out), 0);
}

/* Twelve mistakes: ten are told. */
static void test_many(void **state)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16);
	unsigned lines = 1;

	(void)state;
	assert_int_equal(check(&env, "[q,q,q,q,q,q,q,q,q,q,q,q]", NULL, &out), -EBADMSG);
	for (const char *p = buf_cstr(&out); *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 10);
}

/* One unknown type that meets thousands of others: chains of variables must not grow with them. */
static void test_many_variables(void **state)
{
	static const char *const terms[] = { "x+[]", "x==[]", "[x,[]]", "[]+x" };
	AUTO(buf_done) struct buf source = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
	clock_t start = clock();

	(void)state;
	for (size_t i = 0; i < sizeof(terms) / sizeof(*terms); i++) {
		buf_reset(&source);
		buf_reset(&out);
		buf_putz(&source, "cel.bind(x, [], [");
		for (unsigned n = 0; n < 3000; n++)
			buf_printf(&source, "%s%s", n ? "," : "", terms[i]);
		buf_putz(&source, "])");
		assert_int_equal(check(&env, buf_cstr(&source), NULL, &out), 0);
	}
	assert_true(clock() - start < SOON);
}

/* Text that costs more to check than to read. */
static void test_hostile(void **state)
{
	AUTO(buf_done) struct buf source = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
	clock_t start = clock();

	(void)state;
	/* lists in lists, doubled by name */
	for (unsigned i = 0; i < 200; i++)
		buf_printf(&source, "cel.bind(v%u, [%s%u, %s%u], ", i, i ? "v" : "", i ? i - 1 : 0,
			   i ? "v" : "", i ? i - 1 : 0);
	buf_putz(&source, "v199 == v198");
	for (unsigned i = 0; i < 200; i++)
		buf_putc(&source, ')');
	assert_int_not_equal(check(&env, buf_cstr(&source), NULL, &out), 0);
	buf_reset(&source);
	/* the same as types of three parameters */
	for (unsigned i = 0; i < 60; i++)
		buf_printf(&source, "cel.bind(v%u, tuple(%s%u, %s%u, %s%u), ", i, i ? "v" : "",
			   i ? i - 1 : 0, i ? "v" : "", i ? i - 1 : 0, i ? "v" : "", i ? i - 1 : 0);
	buf_putz(&source, "[v59, tuple(v58, v58, v58)]");
	for (unsigned i = 0; i < 60; i++)
		buf_putc(&source, ')');
	buf_reset(&out);
	(void)check(&env, buf_cstr(&source), NULL, &out);
	buf_reset(&source);
	for (unsigned i = 0; i < 1000; i++)
		buf_printf(&source, "%s'a'", i ? "+" : "");
	buf_reset(&out);
	assert_int_equal(check(&env, buf_cstr(&source), NULL, &out), 0);
	assert_true(clock() - start < SOON);
}

/* Memory ends after every allocation in turn: refused as too big, once, and nothing else happens. */
static void test_memory(void **state)
{
	struct str source =
		STR("http.request.header('a').exists() && names.map(n, size(n)) == [1, 2] "
		    "|| has(http.request.body) && {'a': [x], ?'b': optional.of([])}.a[0] "
		    "+ math.abs(-1) > SEVEN && cel.bind(y, '\\x41', y + string(x)) == 'z' "
		    "|| optional.of(x).optMap(v, v + 1).hasValue() || math.greatest(1, 2, 3) "
		    "== 3 || names.exists(i, n, n.startsWith('a') && i > 1) || "
		    "google.protobuf.Int64Value{value: 1} == tuple(1, 2, 3)");
	unsigned refused = 0, mistakes = 0;

	(void)state;
	for (size_t max = 0; max < 64 << 10; max += 16) {
		AUTO(arena_done) struct arena arena = ARENA_INIT(max);
		AUTO(buf_done) struct buf out = BUF_INIT(1 << 16);
		const struct cel_type *type;
		struct cel_expr *x;
		int r = cel_parse(&arena, &env, source, report_to_buf, &out, &x);

		if (r == 0)
			r = cel_check(&arena, &env, source, x, NULL, report_to_buf, &out, &type);
		refused += r == -E2BIG;
		mistakes += r == -EBADMSG;
		assert_true(r == -E2BIG || r == -EBADMSG);
		if (r == -E2BIG)
			assert_non_null(strstr(buf_cstr(&out), "too much memory"));
	}
	assert_true(refused > 500);
	assert_true(mistakes > 500); /* the text has one */
}

/* Nothing is a mistake, names and overloads are found all the same. */
static void test_resolve(void **state)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(4 << 20);
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16);
	struct str source = STR("x + 'a' == nothing.at.all || http.request.header(1).exists() || "
				"f(1) || [x].all(x, x.foo)");
	struct cel_expr *x;

	(void)state;
	assert_int_equal(cel_parse(&arena, &env, source, report_to_buf, &out, &x), 0);
	assert_int_equal(cel_resolve(&arena, &env, source, x, report_to_buf, &out), 0);
	dump(x, &out);
	assert_string_equal(buf_cstr(&out),
			    "_||_(_||_(_==_(_+_(<x>, 'a'), nothing.at.all), "
			    "<http.request>.hasHeader(1)), _||_(f(1), fold(x in [<x>]; @result = "
			    "true; @not_strictly_false(@result); _&&_(@result, x.foo); @result)))");
	x = x->call.args[0]->call.args[0]->call.args[0];
	assert_int_equal(x->call.n_overloads, 9);
	assert_ptr_equal(x->type, &cel_type_dyn);
}

static void test_signatures(void **state)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 16);
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16);
	const char *text = "LMsOiTAWdR@t(AB)", *p = text,
		   *bad_ones[] = { "", "L", "Mi", "z", "@t(A", "@t(ABCE)", "@t" };
	static const char *const shown[] = { "list(map(string, optional(int)))", "type(A)",
					     "wrapper(double)", "record", "t(A, B)" };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		const struct cel_type *type = cel_type_parse(&arena, &p);

		assert_non_null(type);
		buf_reset(&out);
		cel_type_print(type, &out);
		assert_string_equal(buf_cstr(&out), shown[i]);
	}
	assert_int_equal(*p, '\0');
	for (size_t i = 0; i < sizeof(bad_ones) / sizeof(*bad_ones); i++) {
		p = bad_ones[i];
		assert_null(cel_type_parse(&arena, &p));
		assert_ptr_equal(p, bad_ones[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),          cmocka_unit_test(test_macros),
		cmocka_unit_test(test_names),          cmocka_unit_test(test_records),
		cmocka_unit_test(test_unknown_names),  cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_wanted),         cmocka_unit_test(test_many),
		cmocka_unit_test(test_hostile),        cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_signatures),     cmocka_unit_test(test_memory),
		cmocka_unit_test(test_many_variables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
