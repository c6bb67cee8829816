/*
 * Unit tests of src/cel's compiler and evaluator: what comes out, what it takes, and that hostile
 * expressions end on their budgets. Linked with --wrap=malloc and its like, so that allocations count.
 */
#include "base/own.h"
#include "cel/cel.h"
#include "cel/eval.h"
#include "cel/program.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned long allocations;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real__Znwm(size_t n);

void *__wrap_malloc(size_t n)
{
	allocations++;
	return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	allocations++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	allocations++;
	return __real_realloc(p, n);
}

/* C++'s operator new(size_t) */
void *__wrap__Znwm(size_t n)
{
	allocations++;
	return __real__Znwm(n);
}

enum slot { HOST, METHOD, PORT, RATIO, TAGS, HEADERS, AT, BIG, BODY, SIZE, ANY, UNBOUND, SLOTS };

static const struct cel_type strings = { .kind = CEL_T_LIST, .param = { &cel_type_string } },
			     ints = { .kind = CEL_T_LIST, .param = { &cel_type_int } },
			     text_map = { .kind = CEL_T_MAP,
					  .param = { &cel_type_string, &cel_type_string } };

static const struct cel_decl decls[] = {
	{ .name = "host", .type = &cel_type_string, .slot = HOST },
	{ .name = "method", .type = &cel_type_string, .slot = METHOD },
	{ .name = "port", .type = &cel_type_int, .slot = PORT },
	{ .name = "ratio", .type = &cel_type_double, .slot = RATIO },
	{ .name = "tags", .type = &strings, .slot = TAGS },
	{ .name = "headers", .type = &text_map, .slot = HEADERS },
	{ .name = "at", .type = &cel_type_timestamp, .slot = AT },
	{ .name = "big", .type = &ints, .slot = BIG },
	{ .name = "any", .type = &cel_type_dyn, .slot = ANY },
	{ .name = "unbound", .type = &cel_type_string, .slot = UNBOUND },
};
static const struct cel_decl fields[] = {
	{ .name = "http.body", .type = &cel_type_string, .slot = BODY },
	{ .name = "http.size", .type = &cel_type_int, .slot = SIZE },
};
static const struct cel_record http = { .name = "http", .fields = fields, .n_fields = 2 };

static unsigned impure_calls;

static struct cel_value counter(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)args;
	(void)n;
	impure_calls++;
	return cel_int(*(int *)cel_eval_user(eval));
}

static const struct cel_overload own[] = {
	{ .name = "counter", .args = ":i", .call = counter, .flags = CEL_FN_IMPURE, .cost = 7 },
};
static const struct cel_library lib_own = { .name = "own", .overloads = own, .n = 1 };
static const struct cel_library *const libraries[] = {
	&cel_lib_standard, &cel_lib_strings, &cel_lib_optional, &cel_lib_lists,
	&cel_lib_sets,     &cel_lib_math,    &cel_lib_regex,    &lib_own,
};
static const struct cel_record *const records[] = { &http };
static const struct cel_env env = {
	.decls = decls,
	.n_decls = COUNT(decls),
	.records = records,
	.n_records = 1,
	.libraries = libraries,
	.n_libraries = COUNT(libraries),
	.macros = true,
	.optional = true,
};

#define S(z)                                                   \
	{                                                      \
		.kind = CEL_STRING, .n = sizeof(z) - 1, .p = z \
	}

static const struct cel_value tag_items[] = { S("a"), S("prod"), S("c") };
static const struct cel_entry header_items[] = { { S("accept"), S("*/*") }, { S("x"), S("1") } };
static const struct cel_value any_items[] = { { .kind = CEL_INT, .i = 1 }, S("one") };
static struct cel_value *big_items;

static struct cel_value slots[SLOTS] = {
	[HOST] = S("api.example.com"),
	[METHOD] = S("POST"),
	[PORT] = { .kind = CEL_INT, .i = 443 },
	[RATIO] = { .kind = CEL_DOUBLE, .d = 0.5 },
	[TAGS] = { .kind = CEL_LIST, .n = 3, .items = tag_items },
	[HEADERS] = { .kind = CEL_MAP, .n = 2, .entries = header_items },
	[AT] = { .kind = CEL_TIMESTAMP, .i = 1234567890 },
	[BODY] = { .kind = CEL_ERROR },
	[SIZE] = { .kind = CEL_INT, .i = 12 },
	[ANY] = { .kind = CEL_LIST, .n = 2, .items = any_items },
	[UNBOUND] = { .kind = CEL_ERROR },
};

static void report(void *ctx, const struct cel_problem *problem)
{
	(void)ctx;
	print_message("%u:%u: %s\n", problem->line, problem->col, problem->text);
}

static struct cel_program *compile(const char *text)
{
	struct cel_options options = { .report = report };
	struct cel_program *program = NULL;

	if (cel_compile(&env, str_of(text), &options, &program) < 0)
		fail_msg("not compiled: %s", text);
	return program;
}

/* Of the value too: it is valid until the next run. */
static struct cel_value run(struct cel_eval *eval, const char *text)
{
	AUTO(cel_program_freep) struct cel_program *program = compile(text);
	int user = 5;

	return cel_eval_run(eval, program, slots, &user);
}

static void assert_true_each(const char *const *texts, size_t n)
{
	AUTO(cel_eval_freep) struct cel_eval *eval = cel_eval_new(NULL);

	for (size_t i = 0; i < n; i++) {
		struct cel_value v = run(eval, texts[i]);

		if (!cel_is_true(v))
			fail_msg("%s: kind %d, %s", texts[i], v.kind,
				 v.kind == CEL_ERROR ? v.error->text : "not true");
	}
}

/* Every fused comparison, each way round, with both outcomes. */
static void comparisons_with_constants(void **state)
{
	static const char *const texts[] = {
		"port == 443 && 443 == port && !(port == 444) && port != 444 && !(443 != port)",
		"port == dyn(443.0) && port != dyn(443.5) && port == dyn(443u)",
		"port < 444 && !(port < 443) && port <= 443 && !(port <= 442)",
		"port > 442 && !(port > 443) && port >= 443 && !(port >= 444)",
		"444 > port && !(443 > port) && 443 >= port && !(442 >= port)",
		"442 < port && !(443 < port) && 443 <= port && !(444 <= port)",
		"port < 443.5 && 442u < port && ratio < 1 && 0.25 < ratio && ratio >= 0.5",
		"!(ratio < dyn(double('NaN'))) && !(ratio >= dyn(double('NaN')))",
		"host == 'api.example.com' && host != 'api.example.org' && !(host == '')",
		"host > 'a' && host < 'b' && 'b' > host",
		"host.startsWith('api.') && !host.startsWith('pi.') && host.startsWith('')",
		"host.endsWith('.com') && !host.endsWith('.co') && host.endsWith('')",
		"host.contains('exam') && !host.contains('exan') && host.contains('')",
		"!host.startsWith('api.example.com.and.more')",
		"!host.endsWith('xapi.example.com')",
		"at == timestamp('2009-02-13T23:31:30Z') && at < timestamp(2000000000)",
		"host.size() == 15 && size(tags) > 2 && 3 == size(tags)",
		"tags == ['a', 'prod', 'c'] && tags != ['a'] && ['a', 'prod', 'c'] == tags",
		"http.size == 12 && http.size > 11 && http.body == '' && http.body.endsWith('')",
		"!has(http.body) && has(http.size)",
	};

	(void)state;
	assert_true_each(texts, COUNT(texts));
}

static void membership_in_constant_sets(void **state)
{
	static const char *const texts[] = {
		"host in ['b.org', 'api.example.com', 'a'] && !(host in ['x', 'api.example.co'])",
		"port in [80, 443, 8080, -1] && !(port in [80, 8080])",
		"dyn(443u) in [443, 80] && dyn(443.0) in [443, 80] && !(dyn('443') in [443])",
		"dyn(port) in [dyn(1), 'x', 443.0] && !(port in [])",
		"method in {'POST': 1} && !(method in {'GET': 1})",
		"'prod' in tags && !('dev' in tags) && 'x' in headers",
		"host.lowerAscii() in ['api.example.com']",
		"b'b' in [b'a', b'b'] && 3u in [1u, 2u, 3u] && !(4u in [1u, 2u, 3u])",
	};

	(void)state;
	assert_true_each(texts, COUNT(texts));
}

static void errors_are_absorbed_either_way(void **state)
{
	static const char *const texts[] = {
		"!(port / 0 == 1 && false) && (port / 0 == 1 || true)",
		"!(false && port / 0 == 1) && (true || port / 0 == 1)",
		"!(port / 0 == 1 && port == 443 && port == 1)",
		"(port / 0 == 1 || port == 1 || port == 443)",
		"!tags.all(t, t == 'a' || int(t) == 1 || t == 'x') || true",
		"tags.exists(t, int(t) == 1 || t == 'prod')",
		"!tags.all(t, int(t) == 1 && t == 'a')",
		"cel.bind(x, 1 / 0, true)",
		"(false ? 1 / 0 : 1) == 1",
		"!(unbound == 'x' && false)",
	};
	static const char *const failing[] = {
		"port / 0 == 1 && true",
		"true && port / 0 == 1",
		"port / 0 == 1 || false",
		"tags.exists(t, int(t) == 1)",
		"tags.all(t, int(t) == 1)",
		"1 / (port - 443) == 1 ? true : false",
		"tags.map(t, int(t)) == []",
		"tags.exists_one(t, int(t) == 1)",
		"cel.bind(x, 1 / 0, x == 1)",
		"unbound == 'x'",
		"[1, 2][port] == 1",
		"headers['none'] == ''",
		"{'a': 1, 'a': 2}.size() == 1",
		"tags.transformMap(i, t, 1 / i).size() == 1",
	};
	AUTO(cel_eval_freep) struct cel_eval *eval = cel_eval_new(NULL);

	(void)state;
	assert_true_each(texts, COUNT(texts));
	for (size_t i = 0; i < COUNT(failing); i++) {
		if (run(eval, failing[i]).kind != CEL_ERROR)
			fail_msg("no error: %s", failing[i]);
	}
}

static void comprehensions(void **state)
{
	static const char *const texts[] = {
		"tags.map(t, t + '!') == ['a!', 'prod!', 'c!']",
		"tags.filter(t, t.size() == 1) == ['a', 'c']",
		"tags.map(t, t.size() > 1, t + t) == ['prodprod']",
		"tags.exists_one(t, t == 'a') && !tags.exists_one(t, t != 'a')",
		"headers.all(k, k.size() > 0) && headers.exists(k, v, k == 'x' && v == '1')",
		"tags.transformMap(i, t, t)  == {0: 'a', 1: 'prod', 2: 'c'}",
		"headers.transformList(k, v, k + v).size() == 2",
		"headers.transformMapEntry(k, v, {v: k}) == {'*/*': 'accept', '1': 'x'}",
		/* grown in place, next to what the items themselves take */
		"[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17].map(x, string(x + port)).size() == 17",
		("[1,2,3,4,5,6,7,8,9].map(x, tags.map(t, t + string(x))).map(l, l[2])"
		 " == ['c1','c2','c3','c4','c5','c6','c7','c8','c9']"),
		"[1,2,3].map(x, [4,5].filter(y, y > x + 1)) == [[4, 5], [4, 5], [5]]",
		"[0,1,2,3,4,5,6,7,8,9].filter(x, x % 2 == 0).map(x, x * port)[4] == 8 * 443",
		"tags.all(t, tags.exists(u, u == t)) && [[1], [2, 3]].map(l, l.map(x, x))[1] == "
		"[2, 3]",
		"cel.bind(x, tags.map(t, t + 'x'), x[0] + x[1]) == 'axprodx'",
		"any.map(x, type(x)) == [int, string] && any[1] == 'one'",
		"[optional.of(port), optional.none()].map(o, o.orValue(1)) == [443, 1]",
	};

	(void)state;
	assert_true_each(texts, COUNT(texts));
}

/* What depends on nothing is gone when the program is made. */
static void constants_are_folded(void **state)
{
	static const struct {
		const char *text;
		bool folded;
	} t[] = {
		{ "1 + 2 * 3 == 7", true },
		{ "'a' + 'b'", true },
		{ "[1, 2, 3].map(x, x * 2)", true },
		{ "cel.bind(x, 2, x + x)", true },
		{ "timestamp('2009-02-13T23:31:30Z').getFullYear()", true },
		{ "false && port == 1", true },
		{ "port == 1 || true", true },
		{ "true ? 1 : port", true },
		{ "{'a': [1]}.a[0]", true },
		{ "port == 1", false },
		{ "1 / 0", false },
		{ "counter()", false },
		{ "[1, 2].map(x, x + port)", false },
	};
	int user = 5;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		AUTO(cel_program_freep) struct cel_program *program = compile(t[i].text);

		if ((program->root->run == cel_run_const) != t[i].folded)
			fail_msg("%s", t[i].text);
	}
	AUTO(cel_eval_freep) struct cel_eval *eval = cel_eval_new(NULL);
	AUTO(cel_program_freep) struct cel_program *program = compile("counter() + counter()");

	assert_int_equal(impure_calls, 0);
	assert_int_equal(cel_eval_run(eval, program, slots, &user).i, 10);
	assert_int_equal(impure_calls, 2);
}

static void zones_and_patterns_are_prepared(void **state)
{
	struct cel_program *program = NULL;

	(void)state;
	assert_int_equal(cel_compile(&env, STR("at.getHours('No/Where') == 1"), NULL, &program),
			 -EBADMSG);
	assert_int_equal(cel_compile(&env, STR("host.matches('(')"), NULL, &program), -EBADMSG);
	assert_null(program);
	assert_true_each((const char *const[]){ "at.getHours('+02:00') == 1",
						"at.getHours(host.substring(0, 0) + '+02:00') == 1",
						"host.matches('^api[.]')",
						"host.matches('^' + host)" },
			 4);
}

static void no_evaluation_allocates(void **state)
{
	static const char *const texts[] = {
		"port == 443",
		"host.endsWith('.example.com') && method == 'POST'",
		"tags.map(t, t + host).exists(t, t.size() > 3)",
		"host in ['a', 'b'] || headers.transformMap(k, v, v)['x'] == '2'",
		"host.matches('^api[.]') && method.matches('G|P')",
		"string(port) + string(ratio) + string(at)",
		"at.getHours('Europe/Berlin') == 0 || at.getHours('UTC') == 23",
		"port / 0 == 1",
		"tags.all(t, int(t) == 1)",
		"double('1.5e3') > ratio && timestamp('2009-02-13T23:31:30Z') == at",
		"big.map(x, x).size() > 0",
	};
	AUTO(cel_eval_freep) struct cel_eval *eval = cel_eval_new(NULL);
	unsigned long before;

	(void)state;
	assert_true(allocations > 0); /* they do count */
	for (size_t i = 0; i < COUNT(texts); i++) {
		AUTO(cel_program_freep) struct cel_program *program = compile(texts[i]);

		/* a pattern learns from the first texts it meets, within the memory it was given */
		(void)cel_eval_run(eval, program, slots, NULL);
		before = allocations;
		for (int k = 0; k < 10; k++)
			(void)cel_eval_run(eval, program, slots, NULL);
		if (allocations != before)
			fail_msg("%s: %lu allocations", texts[i], allocations - before);
	}
}

/* Hostile: what ends them, and that no more than the budget was taken. */
static void hostile_expressions_end_on_a_budget(void **state)
{
	static const struct {
		const char *text;
		enum cel_error_code code;
	} t[] = {
		{ "big.all(a, big.all(b, big.all(c, a + b + c >= 0)))", CEL_E_STEPS },
		{ "big.exists(x, x < 0)", CEL_E_STEPS },
		{ "big.map(x, x).size() == 1", CEL_E_MEMORY },
		{ "big.filter(x, x > 0).size() == 1", CEL_E_MEMORY },
		{ "big.filter(x, x < 0).size() == 1", CEL_E_STEPS },
		{ "big.map(x, x) == [] || port == 443", CEL_E_MEMORY },
		{ "big == big", CEL_E_STEPS },
		{ "big.exists(x, x < 0) || port == 443", CEL_E_STEPS },
		{ "port == 443 || big.exists(x, x < 0)", 0 },
		{ "!(big.exists(x, x < 0) && port == 1)", CEL_E_STEPS },
		{ "big.exists(x, x < 0) ? true : true", CEL_E_STEPS },
		{ "tags.exists(t, big.exists(x, x < 0) || t != '')", CEL_E_STEPS },
		{ "[big.exists(x, x < 0)].size() == 1", CEL_E_STEPS },
		{ "cel.bind(x, big.exists(x, x < 0), true)", CEL_E_STEPS },
		{ "-1 in big", CEL_E_STEPS },
		{ "big.sort() == big", CEL_E_STEPS },
		{ "big.transformMap(i, x, x).size() > 0", CEL_E_STEPS },
		{ "big.all(x, at.getHours('Europe/Berlin') < 24)", CEL_E_STEPS },
		{ "-1 in big || port == 443", CEL_E_STEPS },
		/* doubling, 2^40 bytes of it */
		{ "cel.bind(a, host + host, cel.bind(a, a+a+a+a, cel.bind(a, a+a+a+a, cel.bind(a, "
		  "a+a+a+a, cel.bind(a, a+a+a+a, cel.bind(a, a+a+a+a, cel.bind(a, a+a+a+a, "
		  "cel.bind(a, a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a, a.size() > 0 || port == "
		  "443))))))))",
		  CEL_E_MEMORY },
		{ "[0,1,2,3,4,5,6,7].map(a, [0,1,2,3,4,5,6,7].map(b, [0,1,2,3,4,5,6,7].map(c, "
		  "[0,1,2,3,4,5,6,7].map(d, [0,1,2,3,4,5,6,7].map(e, a+b+c+d+e+port))))).size() == "
		  "8",
		  CEL_E_STEPS },
		/* lists of the same list, compared part by part: 2^30 pairs */
		{ "[0].map(a, "
		  "cel.bind(a,[port,port],cel.bind(a,[a,a],cel.bind(a,[a,a],cel.bind(a,[a,"
		  "a],cel.bind(a,[a,a],cel.bind(a,[a,a],cel.bind(a,[a,a],cel.bind(a,[a,a],cel.bind("
		  "a"
		  ",[a,a],cel.bind(a,[a,a],cel.bind(a,[a,a],cel.bind(a,[a,a],cel.bind(a,[a,a],cel."
		  "bind(a,[a,a],cel.bind(a,[a,a],cel.bind(a,[a,a],cel.bind(a,[a,a],cel.bind(a,[a,a]"
		  ","
		  "a == [a[0], a[1]])))))))))))))))))))[0]",
		  CEL_E_STEPS },
	};
	AUTO(cel_eval_freep) struct cel_eval *eval = cel_eval_new(NULL);
	const char *start = eval->start;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct cel_value v = run(eval, t[i].text);

		if ((v.kind == CEL_ERROR ? v.error->code : 0) != t[i].code)
			fail_msg("%s: kind %d, %s", t[i].text, v.kind,
				 v.kind == CEL_ERROR ? v.error->text : "no error");
		assert_true(cel_eval_steps(eval) <= 100000);
		assert_true(eval->at <= eval->end && eval->end == start + 256 * 1024);
	}
}

/* Loops over much data whose turns leave nothing behind take little memory. */
static void turns_give_their_scratch_back(void **state)
{
	struct cel_limits limits = { .memory = 4096, .steps = 50000000 };
	AUTO(cel_eval_freep) struct cel_eval *eval = cel_eval_new(&limits);
	struct cel_value all = slots[BIG];

	(void)state;
	slots[BIG].n = 20000;
	assert_true(cel_is_true(run(eval, "!big.exists(x, string(x) + host == 'no')")));
	assert_true(cel_is_true(run(eval, "big.all(x, (string(x) + host).size() > 3)")));
	assert_true(cel_is_true(run(eval, "big.filter(x, string(x) + host == '7' + host) == [7]")));
	assert_true(cel_is_true(run(eval, "big.exists_one(x, string(x) == '77')")));
	assert_true(cel_is_true(run(eval, "!big.all(x, 1 / x < 0 && x < 19999)")));
	slots[BIG] = all;
}

static void steps_and_costs_are_told(void **state)
{
	static const struct {
		const char *text;
		bool bounded;
	} t[] = {
		{ "port == 443 && host == 'x'", true },
		{ "[1, 2, 3].exists(x, x == port)", true },
		{ "[1, 2, 3].all(x, [4, 5].exists(y, x + y == port))", true },
		{ "counter() == 1", true },
		{ "tags.exists(x, x == host)", false },
		{ "[1, 2].exists(x, tags.exists(y, true))", false },
	};
	AUTO(cel_eval_freep) struct cel_eval *eval = cel_eval_new(NULL);
	int user = 5;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		AUTO(cel_program_freep) struct cel_program *program = compile(t[i].text);

		(void)cel_eval_run(eval, program, slots, &user);
		assert_true(cel_eval_steps(eval) > 0);
		if ((cel_program_cost(program) != 0) != t[i].bounded ||
		    (t[i].bounded && cel_eval_steps(eval) > cel_program_cost(program)))
			fail_msg("%s: cost %llu, took %llu", t[i].text,
				 (unsigned long long)cel_program_cost(program),
				 (unsigned long long)cel_eval_steps(eval));
	}
	AUTO(cel_program_freep) struct cel_program *program = compile("counter() == 1");

	assert_true(cel_program_cost(program) >= 7);
}

static void results_have_types(void **state)
{
	AUTO(cel_program_freep) struct cel_program *program = compile("headers.map(k, [k])");
	struct cel_options options = { .result = &cel_type_bool };
	struct cel_program *other = NULL;

	(void)state;
	assert_int_equal(cel_program_type(program)->kind, CEL_T_LIST);
	assert_int_equal(cel_program_type(program)->param[0]->kind, CEL_T_LIST);
	assert_ptr_equal(cel_program_type(program)->param[0]->param[0], &cel_type_string);
	assert_int_equal(cel_compile(&env, STR("port"), &options, &other), -EBADMSG);
	options = (struct cel_options){ .memory_max = 700 };
	assert_int_not_equal(
		cel_compile(&env, STR("port == 1 || port == 2 || port == 3"), &options, &other), 0);
	assert_null(other);
}

static void unchecked_programs(void **state)
{
	struct cel_options options = { .unchecked = true };
	AUTO(cel_eval_freep) struct cel_eval *eval = cel_eval_new(NULL);
	static const struct {
		const char *text;
		int want; /* -1: an error */
	} t[] = {
		{ "nowhere || true", 1 },
		{ "nowhere.f(1) || true", 1 },
		{ "port + 'x' == 1", -1 },
		{ "port && false", 0 },
		{ "port && true", -1 },
		{ "!port", -1 },
		{ "port ? true : false", -1 },
		{ "host.startsWith(1)", -1 },
		{ "host < 1", -1 },
		{ "port.startsWith('a') || true", 1 },
		{ "port.endsWith('a')", -1 },
		{ "port.contains('a')", -1 },
		{ "port in ['a', 'b']", 0 },
		{ "port in port", -1 },
		{ "port.all(x, true)", -1 },
		{ "{[1]: 1}.size() == 1", -1 },
		{ "host.matches('(')", -1 },
		{ "[?port].size() == 1", -1 },
		{ "any.x == 1", -1 },
		{ "tags.exists(t, t)", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		AUTO(cel_program_freep) struct cel_program *program = NULL;
		struct cel_value v;

		assert_int_equal(cel_compile(&env, str_of(t[i].text), &options, &program), 0);
		v = cel_eval_run(eval, program, slots, NULL);
		if (t[i].want < 0 ? v.kind != CEL_ERROR : v.kind != CEL_BOOL || v.b != t[i].want)
			fail_msg("%s: kind %d", t[i].text, v.kind);
	}
}

static void atoms_for_indexes(void **state)
{
	static const struct {
		const char *text;
		const char *atoms; /* kind and slot of each, number of values */
	} t[] = {
		{ "host == 'a'", "=0/1 " },
		{ "'a' == host && port in [1, 2] && method.startsWith('P')", "=0/1 =2/2 ^1/1 " },
		{ "host.endsWith('.a') && tags.exists(t, t == 'x')", "$0/1 " },
		{ "(host == 'a' || host == 'b' || host == 'c') && port > 3", "=0/3 " },
		{ "host == 'a' || port == 1", "" },
		{ "host != 'a' && !(host == 'b')", "" },
		{ "host == 'a' || host != 'b'", "" },
		{ "port == 443 ? host == 'a' : false", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		AUTO(cel_program_freep) struct cel_program *program = compile(t[i].text);
		const struct cel_atom *atoms;
		size_t n = cel_program_atoms(program, &atoms);
		char text[100] = "";
		size_t at = 0;

		for (size_t k = 0; k < n; k++)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%c%u/%u ",
					       "=^$"[atoms[k].kind], atoms[k].slot, atoms[k].n);
		assert_string_equal(text, t[i].atoms);
	}
}

static void long_sets_and_chains(void **state)
{
	AUTO(cel_eval_freep) struct cel_eval *eval = cel_eval_new(NULL);
	AUTO(buf_done) struct buf text = BUF_INIT(CEL_SOURCE_MAX);

	(void)state;
	buf_putz(&text, "host in [");
	for (int i = 0; i < 3000; i++)
		buf_printf(&text, "'h%d.example',", i);
	buf_putz(&text, "'api.example.com']");
	assert_true(cel_is_true(run(eval, buf_cstr(&text))));
	assert_true(cel_eval_steps(eval) < 10);
	buf_reset(&text);
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "port == %d || ", i + 1000);
	buf_putz(&text, "port == 443");
	assert_true(cel_is_true(run(eval, buf_cstr(&text))));
	buf_reset(&text);
	for (int i = 0; i < 1500; i++)
		buf_putz(&text, "port + ");
	buf_putz(&text, "port == 1501 * 443");
	assert_true(cel_is_true(run(eval, buf_cstr(&text))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparisons_with_constants),
		cmocka_unit_test(membership_in_constant_sets),
		cmocka_unit_test(errors_are_absorbed_either_way),
		cmocka_unit_test(comprehensions),
		cmocka_unit_test(constants_are_folded),
		cmocka_unit_test(zones_and_patterns_are_prepared),
		cmocka_unit_test(no_evaluation_allocates),
		cmocka_unit_test(hostile_expressions_end_on_a_budget),
		cmocka_unit_test(turns_give_their_scratch_back),
		cmocka_unit_test(steps_and_costs_are_told),
		cmocka_unit_test(results_have_types),
		cmocka_unit_test(unchecked_programs),
		cmocka_unit_test(atoms_for_indexes),
		cmocka_unit_test(long_sets_and_chains),
	};
	enum { BIG_N = 1000000 };

	big_items = calloc(BIG_N, sizeof(*big_items));
	if (!big_items)
		return 1;
	for (int i = 0; i < BIG_N; i++)
		big_items[i] = cel_int(i);
	slots[BIG] = (struct cel_value){ .kind = CEL_LIST, .n = BIG_N, .items = big_items };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
