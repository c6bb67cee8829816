/* What a denial says, by the kind of rule. */
#include "engine/denial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define AT                                                   \
	{                                                    \
		.file = "capsule.yaml", .line = 12, .col = 5 \
	}

static const struct {
	const char *name;
	struct policy_rule rule;
	enum rule_action action;
	const char *fix; /* a part of it */
	bool retry;
} kinds[] = {
	{ "a line that takes away",
	  { .id = "filesystem.deny[2]",
	    .section = true,
	    .action = RULE_BLOCK,
	    .tier = RULE_ORG,
	    .where = AT },
	  RULE_BLOCK,
	  "take the entry of 'filesystem.deny' at capsule.yaml:12:5 out",
	  false },
	{ "a preset's line",
	  { .id = "filesystem.protect[2]",
	    .section = true,
	    .action = RULE_BLOCK,
	    .where = { .file = "preset:agent", .line = 12, .col = 5 } },
	  RULE_BLOCK,
	  "a line of a preset",
	  false },
	{ "no line that gives",
	  { .id = "filesystem.write", .section = true, .action = RULE_BLOCK, .where = AT },
	  RULE_BLOCK,
	  "add it to 'filesystem.write'",
	  false },
	{ "a rule of the user's",
	  { .id = "mine", .action = RULE_BLOCK, .tier = RULE_USER, .priority = 70, .where = AT },
	  RULE_BLOCK,
	  "'priority' below 70",
	  false },
	{ "a rule of the organisation's",
	  { .id = "theirs", .action = RULE_BLOCK, .tier = RULE_ORG, .where = AT },
	  RULE_BLOCK,
	  "only the organisation can change it",
	  false },
	{ "a throttle",
	  { .id = "slow", .action = RULE_THROTTLE, .tier = RULE_USER, .where = AT },
	  RULE_BLOCK,
	  "slower",
	  true },
	{ "a question",
	  { .id = "asked", .action = RULE_ASK, .tier = RULE_USER, .where = AT },
	  RULE_ASK,
	  "'capsule answer'",
	  true },
	{ "a quarantine",
	  { .id = "caught", .action = RULE_THROTTLE, .tier = RULE_USER, .where = AT },
	  RULE_QUARANTINE,
	  "quarantined",
	  false },
};

static void each_kind_says_what_would_help(void **state)
{
	static struct engine_decision d;
	static struct event e;

	(void)state;
	event_init(&e);
	event_begin(&e, EVENT_FILE_OPEN);
	event_set_text(&e, EVENT_F_FILE_ACTIVITY_PATH, STR("/w/x"));
	event_set_bool(&e, EVENT_F_FILE_ACTIVITY_WRITE, true);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct denial denial;

		d = (struct engine_decision){ .action = kinds[i].action, .rule = &kinds[i].rule };
		denial_make(&e, &d, &denial);
		print_message("%s: %s\n", kinds[i].name, denial.fix);
		assert_non_null(strstr(denial.fix, kinds[i].fix));
		assert_int_equal(denial.retry, kinds[i].retry);
		assert_string_equal(denial.tried, "open for writing");
		assert_true(str_eqz(denial.object, "/w/x"));
		assert_non_null(strstr(denial.where, ":12:5"));
	}
}

static void without_a_rule(void **state)
{
	static struct engine_decision d = { .action = RULE_BLOCK };
	static struct event e;
	struct denial denial;

	(void)state;
	event_init(&e);
	event_begin(&e, EVENT_NET_CONNECT);
	denial_make(&e, &d, &denial);
	assert_non_null(strstr(denial.fix, "no rule allows it"));
	assert_null(denial.rule);
	assert_int_equal(denial.object.n, 0);
	assert_string_equal(denial.tried, "connect to");
	d.failed = true;
	denial_make(&e, &d, &denial);
	assert_non_null(strstr(denial.fix, "a rule failed"));
	assert_false(denial.retry);
}

/* Whatever the names' lengths: cut, and whole as text. */
static void long_names_are_cut(void **state)
{
	static char file[2000], id[2000];
	static struct policy_rule rule = { .section = true, .action = RULE_BLOCK };
	static struct engine_decision d = { .action = RULE_BLOCK, .rule = &rule };
	static struct event e;
	struct denial denial;

	(void)state;
	memset(file, 'f', sizeof(file) - 1);
	memset(id, 'i', sizeof(id) - 1);
	rule.id = id;
	rule.where = (struct policy_where){ .file = file, .line = 1, .col = 1 };
	event_init(&e);
	event_begin(&e, EVENT_FILE_DELETE);
	denial_make(&e, &d, &denial);
	assert_true(strlen(denial.fix) < DENIAL_FIX_MAX);
	assert_true(strlen(denial.where) < sizeof(denial.where));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_says_what_would_help),
		cmocka_unit_test(without_a_rule),
		cmocka_unit_test(long_names_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
