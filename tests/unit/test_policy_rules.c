/* Unit tests of `rules:` in capsule.yaml: reading, mistakes inside expressions, showing, refusing. */
#include "base/buf.h"
#include "base/own.h"
#include "policy/policy.h"
#include "policy/report.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define HEAD "version: 1\nextends: preset:agent\n"

static struct policy *load(const char *text, bool rules, struct buf *diag)
{
	struct policy_vars vars = {
		.workspace = "/tmp", .home = "/nonexistent", .tmp = "/tmp", .rules = rules
	};
	struct policy *p = NULL;
	struct err err = ERR_INIT;

	buf_reset(diag);
	if (policy_load_text("p.yaml", str_of(text), &vars, &p, diag, &err) < 0)
		return NULL;
	return p;
}

static void check_bad(const char *text, const char *message)
{
	AUTO(buf_done) struct buf diag = BUF_INIT(65536);
	AUTO(policy_freep) struct policy *p = load(text, true, &diag);

	if (p || !strstr(buf_cstr(&diag), message))
		fail_msg("%s\n%s\ntold: %s\nwant: %s", text, p ? "was taken" : "", buf_cstr(&diag),
			 message);
}

static const char all[] = HEAD "rules_default: block\n"
			       "rules:\n"
			       "  - name: one\n"
			       "    on: http.*\n"
			       "    when: |\n"
			       "      http.request.host == \"a\\\\b\" &&\n"
			       "      http.request.port == 443\n"
			       "    action: block\n"
			       "    priority: -5\n"
			       "    reason: \"not: here\"\n"
			       "    level: high\n"
			       "    tags: [a, b c]\n"
			       "  - name: two\n"
			       "    on: [http.request, http.body]\n"
			       "    action: rewrite\n"
			       "    rewrite:\n"
			       "      - field: http.request.body.text\n"
			       "        replace_regex: sk-[a-z]+\n"
			       "        with: \"\"\n"
			       "      - field: http.request.headers\n"
			       "        strip_header: cookie\n"
			       "      - field: http.request.query\n"
			       "        remove: true\n"
			       "  - name: three\n"
			       "    on: model.call\n"
			       "    action: throttle\n"
			       "    throttle:\n"
			       "      rate: 100/m\n"
			       "      burst: 7\n"
			       "      by: common.session_id\n"
			       "      quota: { amount: 12.50, of: cost, per: day }\n"
			       "      beyond: ask\n"
			       "  - name: four\n"
			       "    on: file.open\n"
			       "    action: ask\n"
			       "    ask: { timeout: 90s, scope: session, prompt: Really? }\n"
			       "  - name: five\n"
			       "    on: \"*\"\n"
			       "    action: observe\n";

static void every_key_is_read(void **state)
{
	AUTO(buf_done) struct buf diag = BUF_INIT(65536);
	AUTO(policy_freep) struct policy *p = load(all, true, &diag);
	const struct policy_rule *r;

	(void)state;
	if (!p)
		fail_msg("%s", buf_cstr(&diag));
	assert_int_equal(p->n_rules, 5);
	assert_int_equal(p->rules_default, RULE_BLOCK);
	r = &p->rules[0];
	assert_string_equal(r->id, "one");
	assert_int_equal(r->on, event_types_find(STR("http.*")));
	assert_int_equal(r->action, RULE_BLOCK);
	assert_int_equal(r->priority, -5);
	assert_int_equal(r->tier, RULE_USER);
	assert_int_equal(r->phase, RULE_ENFORCE);
	assert_string_equal(r->level, "high");
	assert_string_equal(r->tags[1], "b c");
	assert_int_equal(r->where.line, 5);
	assert_int_equal(r->when_where.line, 8);
	assert_int_equal(r->when_where.col, 7);
	r = &p->rules[1];
	assert_int_equal(r->n_rewrites, 3);
	assert_string_equal(r->rewrites[0].pattern, "sk-[a-z]+");
	assert_string_equal(r->rewrites[0].value, "");
	assert_int_equal(r->rewrites[1].op, RULE_STRIP_HEADER);
	assert_int_equal(r->rewrites[2].op, RULE_REMOVE);
	r = &p->rules[2];
	assert_int_equal(r->throttle.rate_milli, 1666);
	assert_int_equal(r->throttle.burst, 7);
	assert_int_equal(r->throttle.amount, 12500000);
	assert_int_equal(r->throttle.per, RULE_PER_DAY);
	assert_int_equal(r->throttle.beyond, RULE_ASK);
	assert_int_equal(p->rules[3].ask.timeout_ms, 90000);
	assert_int_equal(p->rules[3].ask.scope, RULE_SESSION);
	assert_int_equal(p->rules[4].on, EVENT_TYPES_ALL);
	assert_int_equal(p->rules[4].phase, RULE_DETECT);
}

static void what_is_shown_is_the_same(void **state)
{
	AUTO(buf_done) struct buf diag = BUF_INIT(65536);
	AUTO(buf_done) struct buf first = BUF_INIT(1 << 20), second = BUF_INIT(1 << 20);
	AUTO(policy_freep) struct policy *p = load(all, true, &diag);
	AUTO(policy_freep) struct policy *q = NULL;

	(void)state;
	assert_non_null(p);
	policy_show(p, false, &first);
	q = load(buf_cstr(&first), true, &diag);
	if (!q)
		fail_msg("%s\n%s", buf_cstr(&first), buf_cstr(&diag));
	policy_show(q, false, &second);
	assert_string_equal(buf_cstr(&first), buf_cstr(&second));
	assert_non_null(strstr(buf_cstr(&first), "amount: 12.500000"));
}

/* The line, and the caret below the very character. */
static void mistakes_are_shown_where_they_stand(void **state)
{
	(void)state;
	check_bad(HEAD "rules:\n  - name: x\n    on: http.request\n    action: block\n"
		       "    when: http.request.hosst == \"x\"\n",
		  "p.yaml:7:24: error:");
	check_bad(HEAD "rules:\n  - name: x\n    on: http.request\n    action: block\n"
		       "    when: \"\\\"\\u00e4\\\" == http.request.hosst\"\n",
		  "p.yaml:7:39: error:");
	check_bad(HEAD "rules:\n  - name: x\n    on: http.request\n    action: block\n"
		       "    when: 'http.request.path == ''x'' || http.request.hosst == \"\"'\n",
		  "p.yaml:7:55: error:");
	check_bad(HEAD "rules:\n  - name: x\n    on: http.request\n    action: block\n"
		       "    when: |\n"
		       "        http.request.host == \"x\" ||\n"
		       "\n"
		       "          http.request.hosst == \"y\"\n",
		  "p.yaml:10:24: error:");
	check_bad(HEAD "rules:\n  - name: x\n    on: http.request\n    action: block\n"
		       "    when: >-\n"
		       "      http.request.host == \"x\" ||\n"
		       "      http.request.hosst == \"y\"\n",
		  "p.yaml:9:20: error:");
	check_bad(HEAD "rules:\n  - name: x\n    on: http.request\n    action: block\n"
		       "    when: http.request.host == \"x\" ||\n"
		       "        http.request.hosst == \"y\"\n",
		  "p.yaml:8:22: error:");
	check_bad(HEAD "rules:\n  - name: x\n    on: http.request\n    action: block\n"
		       "    when: http.request.hosst == \"x\"\n",
		  "    7 |     when: http.request.hosst == \"x\"\n"
		  "      |                        ^~~~~\n");
	check_bad(HEAD "rules:\n  - name: x\n    on: http.request\n    action: block\n"
		       "    when: http.request.hosst == \"x\"\n",
		  "did you mean");
}

#define RULE(more) HEAD "rules:\n  - name: x\n    on: http.request\n" more

static void mistakes_are_told(void **state)
{
	(void)state;
	check_bad(HEAD "rules:\n  - name: x\n    on: http.requst\n    action: block\n",
		  "no event type 'http.requst'; did you mean 'http.request'?");
	check_bad(HEAD "rules:\n  - on: http.request\n    action: block\n", "'name' is missing");
	check_bad(RULE(""), "'action' is missing");
	check_bad(RULE("    action: deny\n"), "unknown value 'deny'");
	check_bad(RULE("    action: block\n    wen: \"true\"\n"), "did you mean 'when'?");
	check_bad(RULE("    action: block\n    when: http.request.port\n"), "bool");
	check_bad(RULE("    action: block\n    when: event.x == 1\n"), "event");
	check_bad(RULE("    action: block\n    priority: 1001\n"), "from -1000 to 1000");
	check_bad(RULE("    action: block\n    priority: high\n"), "the lower goes first");
	check_bad(RULE("    action: block\n    lock: true\n"), "only the organisation's");
	check_bad(RULE("    action: block\n    phase: detect\n"), "no place in phase detect");
	check_bad(RULE("    action: rewrite\n"), "needs a 'rewrite'");
	check_bad(RULE("    action: block\n    rewrite:\n      - field: http.request.query\n"
		       "        remove: true\n"),
		  "'rewrite' belongs to action rewrite");
	check_bad(RULE("    action: rewrite\n    rewrite:\n      - field: http.request.host\n"
		       "        set: x\n"),
		  "http.request.host cannot be rewritten");
	check_bad(RULE("    action: rewrite\n    rewrite:\n      - field: http.request.qery\n"
		       "        set: x\n"),
		  "did you mean 'http.request.query'?");
	check_bad(RULE("    action: rewrite\n    rewrite:\n      - field: http.request.query\n"),
		  "one of set, remove, replace_regex and strip_header");
	check_bad(RULE("    action: rewrite\n    rewrite:\n      - field: http.request.query\n"
		       "        replace_regex: x\n"),
		  "belong together");
	check_bad(RULE("    action: throttle\n"), "needs a 'throttle'");
	check_bad(RULE("    action: throttle\n    throttle: { burst: 3 }\n"), "needs a 'throttle'");
	check_bad(RULE("    action: throttle\n    throttle: { rate: fast }\n"), "is no rate");
	check_bad(RULE("    action: throttle\n    throttle: { rate: 0/s }\n"), "is no rate");
	check_bad(
		RULE("    action: throttle\n    throttle: { rate: 1/s, by: http.request.port }\n"),
		"string");
	check_bad(RULE("    action: throttle\n    throttle: { quota: { amount: 1.2.3, of: cost } "
		       "}\n"),
		  "no sum of US dollars");
	check_bad(RULE("    action: throttle\n    throttle: { quota: { amount: 0 } }\n"),
		  "at least 1");
	check_bad(RULE("    action: block\n    ask: { timeout: 5s }\n"),
		  "'ask' belongs to action ask");
	check_bad(RULE("    action: block\n  - name: x\n    on: file.*\n    action: ask\n"),
		  "is there already");
	check_bad(HEAD "rules:\n  - name: a b\n    on: file.*\n    action: ask\n",
		  "letters, digits");
}

/* Where nothing asks the rules, a rule is refused, and says by what it would be enforced. */
static void unenforceable_rules_are_refused(void **state)
{
	AUTO(buf_done) struct buf diag = BUF_INIT(65536);
	AUTO(policy_freep) struct policy *p = NULL;
	static const struct {
		const char *on, *say;
	} rows[] = {
		{ "file.open", NULL },
		{ "[file.create, file.delete, file.rename, file.link, file.chmod]", NULL },
		{ "[process.exec, net.connect, net.bind]", NULL },
		{ "file.*", NULL }, /* with what is only told of */
		{ "process.*", NULL },
		{ "process.signal", "process.signal events would be stopped by the kernel's" },
		{ "[process.exec, process.exit]",
		  "process.exit events would be stopped by nothing" },
		{ "net.*", NULL },
		{ "net.accept", "p.yaml:5:9: error: rule 'z' is not enforceable in this build: "
				"net.accept events would be stopped by the live supervisor" },
		{ "'*'", "the network engine" },
		{ "[file.open, session.start]", "5:21: error: rule 'z' is not enforceable in this "
						"build: session.start" },
	};

	(void)state;
	p = load(RULE("    action: block\n"), false, &diag);
	assert_null(p);
	assert_non_null(strstr(buf_cstr(&diag),
			       "p.yaml:5:9: error: rule 'x' is not enforceable in this build: "
			       "http.request events would be stopped by the network engine"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];

		buf_reset(&diag);
		(void)snprintf(text, sizeof(text),
			       HEAD "rules:\n  - name: z\n    on: %s\n    action: block\n",
			       rows[i].on);
		AUTO(policy_freep) struct policy *q = load(text, false, &diag);

		if (!q != (rows[i].say != NULL) ||
		    (rows[i].say && !strstr(buf_cstr(&diag), rows[i].say)))
			fail_msg("%s: %s", rows[i].on, buf_cstr(&diag));
	}
	p = load(HEAD "rules: []\n", false, &diag);
	assert_non_null(p);
}

/* What docs/RULES.md shows can be written so. */
static void the_page_is_right(void **state)
{
	AUTO(buf_done) struct buf diag = BUF_INIT(65536), text = BUF_INIT(1 << 18);
	AUTO(file_closep) FILE *f = fopen(RULES_PAGE, "re");
	AUTO(freep) char *line = NULL;
	unsigned blocks = 0;
	bool inside = false;
	size_t cap = 0;

	(void)state;
	assert_non_null(f);
	while (getline(&line, &cap, f) > 0) {
		if (strcmp(line, "```yaml\n") == 0) {
			buf_reset(&text);
			inside = true;
		} else if (inside && strcmp(line, "```\n") == 0) {
			AUTO(policy_freep) struct policy *p = load(buf_cstr(&text), true, &diag);

			if (!p)
				fail_msg("%s\n%s", buf_cstr(&text), buf_cstr(&diag));
			assert_true(p->n_rules > 0);
			inside = false;
			blocks++;
		} else if (inside) {
			if (text.n == 0 && strncmp(line, "version", 7) != 0)
				buf_putz(&text, HEAD "rules:\n");
			buf_putz(&text, line);
		}
	}
	assert_int_equal(blocks, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(what_is_shown_is_the_same),
		cmocka_unit_test(mistakes_are_shown_where_they_stand),
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(the_page_is_right),
		cmocka_unit_test(unenforceable_rules_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
