/* Unit tests of src/engine/reads and pack_rules: what conditions read; packs as the engine's rules. */
#include "base/buf.h"
#include "base/own.h"
#include "engine/pack_rules.h"
#include "engine/reads.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void names_what_is_read(void **state)
{
	static const struct {
		const char *source, *reads;
	} cases[] = {
		{ "http.request.host.contains(\"google\") && "
		  "http.request.header(\"authorization\").exists() && "
		  "http.request.body.text.contains(\"secret\")",
		  "http.request.host http.request.headers.authorization http.request.body.text " },
		{ "http.request.header('X-A') == 'http.request.host'",
		  "http.request.headers.x-a " },
		{ "http.request.header(http.request.method) == ''",
		  "http.request.headers http.request.method " },
		{ "http.request.host.exists() || has(http.request.path)",
		  "http.request.host http.request.path " },
		{ "http.request.method == 'A' || http.request.method == http.request.host",
		  "http.request.method http.request.host " },
		{ "['a'].exists(host, host == http.request.host)", "http.request.host " },
		{ "{'a': http.request.port}['a'] == 1", "http.request.port " },
		{ "http.request.port == 1 ? http.request.host == '' : [http.request.path] == []",
		  "http.request.port http.request.host http.request.path " },
		{ "1 + 1 == 2", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(arena_done) struct arena arena = ARENA_INIT(4 << 20);
		AUTO(buf_done) struct buf out = BUF_INIT(4096);
		const struct engine_read *reads = NULL;
		size_t n = 0;

		assert_int_equal(engine_reads(&arena, str_of(cases[i].source), &reads, &n), 0);
		for (size_t k = 0; k < n; k++) {
			engine_read_name(&reads[k], &out);
			buf_putc(&out, ' ');
		}
		assert_string_equal(buf_cstr(&out), cases[i].reads);
	}
}

static void what_is_no_expression_reads_nothing(void **state)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(4 << 20);
	const struct engine_read *reads = NULL;
	size_t n = 77;

	(void)state;
	assert_true(engine_reads(&arena, STR("http.request.hosst == ''"), &reads, &n) < 0);
	assert_true(engine_reads(&arena, STR("("), &reads, &n) < 0);
	assert_int_equal(n, 77);
}

static void reads_values(void **state)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(4 << 20);
	static struct event e;
	struct err err = ERR_INIT;
	struct engine_read read = { .field = EVENT_F_HTTP_REQUEST_HEADERS, .header = STR("a") };
	struct cel_value v;

	(void)state;
	event_init(&e);
	assert_int_equal(
		event_parse_json(&e,
				 STR("{\"type\":\"http.request\",\"http\":{\"request\":{"
				     "\"host\":\"h\",\"headers\":{\"A\":[\"1\",\"2\"]}}}}"),
				 &arena, &err),
		0);
	v = engine_read_value(&read, &e, &arena);
	assert_true(v.kind == CEL_STRING && str_eqz(cel_str(v), "1, 2"));
	read.header = STR("b");
	assert_int_equal(engine_read_value(&read, &e, &arena).kind, CEL_ERROR);
	read = (struct engine_read){ .field = EVENT_F_HTTP_REQUEST_HOST };
	assert_true(str_eqz(cel_str(engine_read_value(&read, &e, &arena)), "h"));
	read = (struct engine_read){ .field = EVENT_F_HTTP_REQUEST_PATH };
	assert_int_equal(engine_read_value(&read, &e, &arena).kind, CEL_ERROR);
}

#define RULE(id, more)                                                                       \
	"[[rules]]\nid='" id "'\nname='R'\nevent_family='http'\nevent_type='http.request'\n" \
	"condition='true'\n" more "\n"

static int make(const char *text, struct pack **ret_pack, struct arena *arena, struct buf *out,
		const struct policy_rule **ret, size_t *ret_n)
{
	struct diag diag = { .out = out };

	assert_int_equal(pack_read("p.toml", str_of(text), &diag, ret_pack, NULL), 0);
	return pack_rules(*ret_pack, arena, &diag, ret, ret_n);
}

static void makes_rules(void **state)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(4 << 20);
	AUTO(pack_freep) struct pack *pack = NULL;
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	const struct policy_rule *rules = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(make("id='a.b'\nversion='1'\nstatus='active'\nowner='corp'\n"
			      "locks.allow_user_disable = false\n" RULE(
				      "r1", "decision='block'\npriority=-5")
				      RULE("r2", "decision='ask'\nenabled=false")
					      RULE("r3", "decision='rewrite'\n[rules.rewrite]\n"
							 "target='http.request.path'\nvalue='/'\n"
							 "strip_request_headers=['Cookie']\n"
							 "strip_response_headers=['Set-Cookie']"),
			      &pack, &arena, &out, &rules, &n),
			 0);
	assert_int_equal(n, 2);
	assert_string_equal(rules[0].id, "r1");
	assert_string_equal(rules[0].pack, "a.b");
	assert_int_equal(rules[0].action, RULE_BLOCK);
	assert_int_equal(rules[0].tier, RULE_ORG);
	assert_int_equal(rules[0].priority, -5);
	assert_true(rules[0].lock);
	assert_true(rules[0].lenient);
	assert_true(rules[0].on == EVENT_BIT(EVENT_HTTP_REQUEST));
	assert_int_equal(rules[0].when_where.line, 11);
	assert_int_equal(rules[0].when_where.col, 12);
	assert_string_equal(rules[1].id, "r3");
	assert_int_equal(rules[1].n_rewrites, 3);
	assert_int_equal(rules[1].rewrites[0].op, RULE_SET);
	assert_int_equal(rules[1].rewrites[0].field, EVENT_F_HTTP_REQUEST_PATH);
	assert_int_equal(rules[1].rewrites[1].op, RULE_STRIP_HEADER);
	assert_string_equal(rules[1].rewrites[1].value, "Cookie");
	assert_int_equal(rules[1].rewrites[2].field, EVENT_F_HTTP_RESPONSE_HEADERS);
}

static void refuses_rewrites_of_nothing(void **state)
{
	static const struct {
		const char *target, *says;
	} cases[] = {
		{ "http.request.pth",
		  "p.toml:14:16: error: rule 'r1': no field 'http.request.pth'; did you "
		  "mean 'http.request.path'?" },
		{ "http.response.status",
		  "rule 'r1': a rule cannot rewrite 'http.response.status'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(arena_done) struct arena arena = ARENA_INIT(4 << 20);
		AUTO(pack_freep) struct pack *pack = NULL;
		AUTO(buf_done) struct buf out = BUF_INIT(1 << 20), text = BUF_INIT(4096);
		const struct policy_rule *rules = NULL;
		size_t n = 77;

		buf_putz(&text,
			 "id='a.b'\nversion='1'\nstatus='active'\nowner='user'\n"
			 "description='d'\n" RULE("r1", "decision='rewrite'\nrewrite.value='x'"));
		buf_printf(&text, "rewrite.target='%s'\n", cases[i].target);
		assert_int_equal(make(buf_cstr(&text), &pack, &arena, &out, &rules, &n), -EBADMSG);
		if (!strstr(buf_cstr(&out), cases[i].says))
			print_message("%s", buf_cstr(&out));
		assert_non_null(strstr(buf_cstr(&out), cases[i].says));
		assert_int_equal(n, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_what_is_read),
		cmocka_unit_test(what_is_no_expression_reads_nothing),
		cmocka_unit_test(reads_values),
		cmocka_unit_test(makes_rules),
		cmocka_unit_test(refuses_rewrites_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
