/* Unit tests of src/engine/pack: what a pack may say, where its mistakes are, in TOML and in JSON. */
#include "base/buf.h"
#include "base/own.h"
#include "engine/pack.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define HEAD "id = \"a.b.c\"\nversion = \"1\"\nstatus = \"active\"\nowner = \"corp\"\n"
#define RULE                                                              \
	"[[rules]]\nid = \"r1\"\nname = \"R\"\nevent_family = \"http\"\n" \
	"event_type = \"http.request\"\ncondition = \"http.request.port == 1\"\n"

static int read_text(const char *text, struct pack **ret, struct buf *out)
{
	struct diag diag = { .out = out };
	struct err err = ERR_INIT;
	int r = pack_read("p.toml", str_of(text), &diag, ret, &err);

	assert_int_equal(r < 0, err_is_set(&err));
	if (r < 0)
		assert_int_equal(diag.n_files, 0);
	return r;
}

static void reads_a_whole_pack(void **state)
{
	AUTO(pack_freep) struct pack *pack = NULL;
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	const struct pack_rule *rule;

	(void)state;
	assert_int_equal(read_text("schema = 'capsem.enforcement-pack.v1'\n" HEAD
				   "description = 'd'\n[locks]\nallow_user_disable = false\n"
				   "[profile_scope]\nprofile_types = ['coding']\nprofile_ids = "
				   "['x', 'y']\n" RULE "decision = \"block\"\ntags = ['t', "
				   "'u']\nprovenance.confirm_id = 'c'\n" RULE
				   "decision = 'rewrite'\nid2.x = 1",
				   &pack, &out),
			 -EBADMSG); /* id twice, and id2: told below */
	buf_reset(&out);
	assert_int_equal(
		read_text(
			"schema = 'capsem.enforcement-pack.v1'\n" HEAD
			"description = 'd'\n[locks]\nallow_user_disable = false\n"
			"[profile_scope]\nprofile_types = ['coding']\nprofile_ids = ['x', "
			"'y']\n" RULE
			"decision = \"block\"\ntags = ['t', 'u']\nprovenance.confirm_id = 'c'\n"
			"[[rules]]\nid = \"r2\"\nname = \"R\"\nevent_family = \"dns\"\n"
			"event_type = \"dns.request\"\ncondition = \"true\"\ndecision = 'rewrite'\n"
			"priority = -1000\nenabled = false\nreason = 'why'\n"
			"rewrite = { target = 'dns.request.qname', value = '' }\n",
			&pack, &out),
		0);
	assert_int_equal(out.n, 0);
	assert_string_equal(pack->id, "a.b.c");
	assert_string_equal(pack->description, "d");
	assert_false(pack->locks.allow_user_disable);
	assert_true(pack->locks.editable);
	assert_int_equal(pack->scope.profile_ids.n, 2);
	assert_string_equal(pack->scope.profile_ids.items[1], "y");
	assert_string_equal(pack->scope.profile_types.items[0], "coding");
	assert_int_equal(pack->n_rules, 2);
	rule = &pack->rules[0];
	assert_string_equal(rule->id, "r1");
	assert_int_equal(rule->priority, 100);
	assert_true(rule->enabled);
	assert_int_equal(rule->type, EVENT_HTTP_REQUEST);
	assert_int_equal(rule->decision, PACK_BLOCK);
	assert_int_equal(rule->tags.n, 2);
	assert_null(rule->reason);
	assert_string_equal(rule->provenance.confirm_id, "c");
	assert_int_equal(rule->rewrite.where.line, 0);
	rule = &pack->rules[1];
	assert_int_equal(rule->type, EVENT_DNS_QUERY);
	assert_int_equal(rule->priority, -1000);
	assert_false(rule->enabled);
	assert_string_equal(rule->reason, "why");
	assert_int_equal(rule->decision, PACK_REWRITE);
	assert_string_equal(rule->rewrite.target, "dns.request.qname");
	assert_string_equal(rule->rewrite.value, "");
}

static void reads_json_alike(void **state)
{
	AUTO(pack_freep) struct pack *pack = NULL;
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	struct policy_where where;

	(void)state;
	assert_int_equal(
		read_text(
			"{\"id\": \"a.b.c\", \"version\": \"1\", \"status\": \"active\",\n"
			" \"owner\": \"user\", \"description\": null, \"rules\": [\n"
			"  {\"id\": \"r1\", \"name\": \"R\", \"event_family\": \"http\",\n"
			"   \"event_type\": \"http.request\", \"priority\": 7, \"rewrite\": null,\n"
			"   \"condition\": \"\\\"\\u00e9\\ud83d\\ude00é\\u0041x\", \"decision\": "
			"\"ask\"}]}",
			&pack, &out),
		0);
	assert_int_equal(out.n, 0);
	assert_int_equal(pack->rules[0].priority, 7);
	assert_string_equal(pack->rules[0].condition, "\"\xc3\xa9\xf0\x9f\x98\x80\xc3\xa9"
						      "Ax");
	where = pack_where(pack, &pack->rules[0], 0);
	assert_int_equal(where.line, 5);
	assert_int_equal(where.col, 18);
	where = pack_where(pack, &pack->rules[0], 7); /* the raw e acute */
	assert_int_equal(where.col, 38);
	where = pack_where(pack, &pack->rules[0], 10); /* the x */
	assert_int_equal(where.col, 45);
}

static void tells_mistakes(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ HEAD, "p.toml:1:1: error: the pack has no 'rules'" },
		{ HEAD "rules = []", "p.toml:5:9: error: rules is empty" },
		{ HEAD RULE, "p.toml:5:3: error: a rule has no 'decision'" },
		{ HEAD RULE "decision = 'block'\nwhen = 1",
		  "p.toml:12:1: error: unknown key 'when' in a rule" },
		{ HEAD "[lock]\n" RULE "decision = 'block'",
		  "p.toml:5:2: error: unknown key 'lock' in the pack; did you mean 'locks'?" },
		{ HEAD RULE "decision = 'blok'",
		  "p.toml:11:12: error: decision cannot be 'blok'; did you mean 'block'?" },
		{ HEAD RULE "decision = 'throttle'", "there are: allow, block, ask, rewrite" },
		{ HEAD RULE "decision = 'block'\npriority = 1001",
		  "p.toml:12:12: error: priority is -1000 to 1000" },
		{ HEAD RULE "decision = 'block'\npriority = 1.5",
		  "p.toml:12:12: error: priority is a whole number, not a number" },
		{ HEAD RULE "decision = 'block'\nreason = ''",
		  "p.toml:12:10: error: reason is empty" },
		{ HEAD RULE "decision = 'block'\nreason = 1979-05-27",
		  "error: reason is text, not a date" },
		{ HEAD RULE "decision = 'block'\nreason = \"a\\u202eb\"",
		  "p.toml:12:12: error: character that changes the direction of text in the text" },
		{ HEAD RULE "decision = 'block'\ntags = ['a', 1]",
		  "p.toml:12:14: error: tags is a list of texts, not of a whole number" },
		{ HEAD RULE "decision = 'rewrite'",
		  "p.toml:6:6: error: rule 'r1' rewrites, but says nothing of what" },
		{ HEAD RULE "decision = 'block'\nrewrite = {target = 'x', value = 'y'}",
		  "its 'rewrite' would never take place" },
		{ HEAD RULE "decision = 'rewrite'\nrewrite = {target = 'x'}",
		  "a rewrite without a value or headers to strip" },
		{ HEAD RULE "decision = 'block'\n" RULE "decision = 'ask'",
		  "p.toml:13:6: error: a second rule 'r1' (first on line 6)" },
		{ "id = 'A'\nversion = '1'\nstatus = 'active'\nowner = 'corp'\n" RULE
		  "decision = 'block'",
		  "p.toml:1:6: error: not an id: 3 to 96 of a-z 0-9 _ . -" },
		{ "id = 'a.b'\nversion = '1'\nstatus = 'revoked'\nowner = 'corp'\n" RULE
		  "decision = 'block'",
		  "p.toml:3:10: error: pack 'a.b' 1 was revoked" },
		{ "schema = 'capsem.detection-pack.v1'\n" HEAD RULE "decision = 'block'",
		  "p.toml:1:10: error: schema cannot be 'capsem.detection-pack.v1'" },
		{ "id = \"a", "p.toml:1:8: error: the text is not closed" },
		{ "{\"id\": 1,}", "p.toml:1:10: error: " },
		{ "{\"rules\": {}}", "error: rules is a list of tables, not a table" },
		{ HEAD "rules = [1]", "p.toml:5:10: error: a rule is a table, not a whole number" },
		{ HEAD
		  "[[rules]]\nid='rr'\nname='n'\nevent_family='dns'\nevent_type='http.request'\n"
		  "condition='true'\ndecision='block'",
		  "p.toml:9:12: error: rule 'rr': http.request is of family 'http', not 'dns'" },
		{ HEAD
		  "[[rules]]\nid='rr'\nname='n'\nevent_family='http'\nevent_type='http.requst'\n"
		  "condition='true'\ndecision='block'",
		  "rule 'rr': no event of type 'http.requst'; did you mean 'http.request'?" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(pack_freep) struct pack *pack = NULL;
		AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);

		assert_int_equal(read_text(cases[i].text, &pack, &out), -EBADMSG);
		assert_null(pack);
		if (!strstr(buf_cstr(&out), cases[i].says))
			print_message("%s\nis not\n%s\n", buf_cstr(&out), cases[i].says);
		assert_non_null(strstr(buf_cstr(&out), cases[i].says));
	}
}

static void deprecated_is_a_warning(void **state)
{
	AUTO(pack_freep) struct pack *pack = NULL;
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);

	(void)state;
	assert_int_equal(
		read_text("id = 'a.b'\nversion = '1'\nstatus = 'deprecated'\nowner = 'corp'\n" RULE
			  "decision = 'block'",
			  &pack, &out),
		0);
	assert_non_null(strstr(buf_cstr(&out), "p.toml:3:10: warning: pack 'a.b' 1 is deprecated"));
}

static void conditions_keep_their_place(void **state)
{
	AUTO(pack_freep) struct pack *pack = NULL;
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	struct policy_where where;

	(void)state;
	assert_int_equal(
		read_text(HEAD "[[rules]]\nid='rr'\nname='n'\nevent_family='http'\n"
			       "event_type='http.request'\ndecision='block'\n"
			       "condition = \"\"\"\nhttp.request.host == \\\"x\\\"\n  && tru\"\"\"",
			  &pack, &out),
		0);
	assert_string_equal(pack->rules[0].condition, "http.request.host == \"x\"\n  && tru");
	where = pack_where(pack, &pack->rules[0], strlen("http.request.host == \"x\"\n  && "));
	assert_int_equal(where.line, 13);
	assert_int_equal(where.col, 6);
	where = pack_where(pack, &pack->rules[0], strlen("http.request.host == \"x"));
	assert_int_equal(where.line, 12);
	assert_int_equal(where.col, 25);
}

static void hostile_packs_end_soon(void **state)
{
	static const struct {
		const char *head, *item, *says;
		size_t times;
	} cases[] = {
		{ "", "[[rules]]\n", "10 errors; the rest is not shown", 100000 },
		{ "{\"rules\": [", "{},", "error: ", 100000 },
		{ "{\"a\":", "[", "error: ", 10000 },
		{ "rules = ", "[", "nested more than 32 deep", 10000 },
		{ "", "x", "file of more than 4194304 bytes", 4 << 20 },
		{ "{\"a\":[", "1,", "error: ", 1000000 },
		{ HEAD "tags = [", "'a',", "more than 131072 values", 200000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(pack_freep) struct pack *pack = NULL;
		AUTO(buf_done) struct buf out = BUF_INIT(1 << 20), text = BUF_INIT(16 << 20);

		buf_putz(&text, cases[i].head);
		for (size_t k = 0; k <= cases[i].times; k++)
			buf_putz(&text, cases[i].item);
		assert_int_equal(read_text(buf_cstr(&text), &pack, &out), -EBADMSG);
		if (!strstr(buf_cstr(&out), cases[i].says))
			print_message("%.400s\nis not\n%s\n", buf_cstr(&out), cases[i].says);
		assert_non_null(strstr(buf_cstr(&out), cases[i].says));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_whole_pack),
		cmocka_unit_test(reads_json_alike),
		cmocka_unit_test(tells_mistakes),
		cmocka_unit_test(deprecated_is_a_warning),
		cmocka_unit_test(conditions_keep_their_place),
		cmocka_unit_test(hostile_packs_end_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
