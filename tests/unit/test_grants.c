/* Unit tests of policy/grants: written, read back, and what a grant does and does not answer. */
#include "base/file.h"
#include "base/own.h"
#include "engine/engine.h"
#include "policy/grants.h"
#include "policy/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

struct place {
	char dir[64], config[96], policy[96], org[96], grants[128];
};

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void place_make(struct place *p)
{
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/capsule-grants-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->config, sizeof(p->config), "%s/capsule", p->dir);
	(void)snprintf(p->policy, sizeof(p->policy), "%s/p.yaml", p->dir);
	(void)snprintf(p->org, sizeof(p->org), "%s/org.yaml", p->dir);
	(void)snprintf(p->grants, sizeof(p->grants), "%s/capsule/" GRANTS_FILE, p->dir);
	assert_int_equal(mkdir(p->config, 0700), 0);
}

static void place_remove(struct place *p)
{
	(void)unlink(p->grants);
	(void)unlink(p->policy);
	(void)unlink(p->org);
	assert_int_equal(rmdir(p->config), 0);
	assert_int_equal(rmdir(p->dir), 0);
}

static int load(struct place *p, struct policy **ret, struct err *err)
{
	struct policy_vars vars = { .workspace = p->dir,
				    .home = p->dir,
				    .tmp = "/tmp",
				    .config = p->dir,
				    .org_file = p->org };

	return policy_load(p->policy, &vars, ret, NULL, err);
}

/* What the policy makes of opening @path. */
static enum rule_action decide(struct place *place, const char *path)
{
	AUTO(policy_freep) struct policy *p = NULL;
	AUTO(engine_set_freep) struct engine_set *set = NULL;
	AUTO(engine_host_freep) struct engine_host *host = engine_host_new();
	AUTO(engine_freep) struct engine *engine = engine_new(host, NULL);
	struct engine_options options = { .otherwise = RULE_ALLOW };
	struct engine_decision *d = calloc(1, sizeof(*d));
	struct event *e = calloc(1, sizeof(*e));
	struct err err = ERR_INIT;
	enum rule_action action;

	if (load(place, &p, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(engine_set_new(p->rules, p->n_rules, &options, &set, &err), 0);
	engine_host_load(host, take_ptr(&set));
	event_init(e);
	event_begin(e, EVENT_FILE_OPEN);
	event_set_str(e, EVENT_F_FILE_ACTIVITY_PATH, str_of(path));
	engine_decide(engine, e, d);
	action = d->action;
	free(d);
	free(e);
	return action;
}

static struct grant grant_of(char room[256], const char *path)
{
	struct buf when = buf_fixed(room, 256);

	buf_putz(&when, "file.activity.path == ");
	grant_put_literal(&when, str_of(path));
	return (struct grant){ .type = EVENT_FILE_OPEN,
			       .when = buf_str(&when),
			       .reason = STR("2026-12-01, asked by 'x'") };
}

static void grant(struct place *p, const char *path)
{
	char room[256];
	struct grant g = grant_of(room, path);
	struct err err = ERR_INIT;

	if (grants_append(p->config, &g, &err) < 0)
		fail_msg("%s", err.text);
}

#define ASK(name, path, more)                                                                   \
	"  - name: " name "\n    on: file.open\n    when: file.activity.path == \"" path "\"\n" \
	"    action: ask\n" more
#define HEAD "version: 1\nextends: preset:agent\nrules:\n"

static void a_grant_answers_an_ask(void **state)
{
	struct place p;
	struct stat st;

	(void)state;
	place_make(&p);
	write_file(p.policy, HEAD ASK("a", "/x/a\\n", "") ASK("b", "/x/b", ""));
	assert_int_equal(decide(&p, "/x/b"), RULE_ASK);
	grant(&p, "/x/b");
	grant(&p, "/x/b"); /* once is enough */
	assert_int_equal(decide(&p, "/x/b"), RULE_ALLOW);
	assert_int_equal(decide(&p, "/x/a\n"), RULE_ASK);
	grant(&p, "/x/a\n");
	assert_int_equal(decide(&p, "/x/a\n"), RULE_ALLOW);
	grant(&p, "/x/\xe2\x80\xae\xf0\x9f\x98\x80");
	assert_int_equal(decide(&p, "/x/c"), RULE_ALLOW);
	assert_int_equal(stat(p.grants, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	place_remove(&p);
}

/* A block stays one, whoever says it, whatever its priority. */
static void a_grant_lifts_no_block(void **state)
{
	struct place p;

	(void)state;
	place_make(&p);
	write_file(p.policy, HEAD ASK("a", "/x/a",
				      "    priority: 5\n") "  - { name: later, on: file.open, "
							   "action: block, priority: 900, when: "
							   "'file.activity.path == \"/x/b\"' }\n");
	grant(&p, "/x/a");
	grant(&p, "/x/b");
	assert_int_equal(decide(&p, "/x/a"), RULE_ALLOW);
	assert_int_equal(decide(&p, "/x/b"), RULE_BLOCK);
	place_remove(&p);
}

static void a_grant_does_not_speak_for_an_organisation(void **state)
{
	struct place p;

	(void)state;
	if (geteuid() != 0)
		skip(); /* the organisation's file must be root's */
	place_make(&p);
	write_file(p.policy, HEAD ASK("a", "/x/a", ""));
	write_file(p.org, HEAD ASK("org", "/x/b", ""));
	grant(&p, "/x/a");
	grant(&p, "/x/b");
	assert_int_equal(decide(&p, "/x/a"), RULE_ALLOW);
	assert_int_equal(decide(&p, "/x/b"), RULE_ASK);
	place_remove(&p);
}

#define HEAD_OF_GRANTS "version: 1\nrules:\n  - "

static void only_grants_stand_in_it(void **state)
{
	static const char *const bad[] = {
		"version: 1\nrules:\n  - { name: a, on: file.open, action: block, when: 'true' }\n",
		"version: 1\nrules:\n  - { name: a, on: file.open, action: allow }\n",
		"version: 1\nfilesystem: { read: [/] }\nrules: []\n",
		HEAD_OF_GRANTS "{ name: a, on: file.open, action: allow, when: 'file.pat' }\n",
	};
	struct place p;

	(void)state;
	place_make(&p);
	write_file(p.policy, "version: 1\nextends: preset:agent\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO(policy_freep) struct policy *policy = NULL;
		struct err err = ERR_INIT;

		write_file(p.grants, bad[i]);
		assert_int_equal(load(&p, &policy, &err), -EBADMSG);
		assert_non_null(strstr(err.text, GRANTS_FILE ":"));
	}
	write_file(p.grants, "version: 1\nrules: []\n");
	assert_int_equal(decide(&p, "/x/a"), RULE_ALLOW);
	place_remove(&p);
}

/* A file that somebody has broken is not made worse, and not written over. */
static void an_edited_file_is_left_alone(void **state)
{
	static const char text[] = "version: 1\nrules: [\n";
	char room[256], got[256];
	struct grant g = grant_of(room, "/x/a");
	struct err err = ERR_INIT;
	struct place p;
	size_t n;
	int fd;

	(void)state;
	place_make(&p);
	write_file(p.grants, text);
	assert_int_equal(grants_append(p.config, &g, &err), -EBADMSG);
	fd = open(p.grants, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fd_read_small(fd, got, sizeof(got), &n), 0);
	close(fd);
	assert_int_equal(n, sizeof(text) - 1);
	assert_memory_equal(got, text, n);
	/* nor is what it links to */
	assert_int_equal(unlink(p.grants), 0);
	write_file(p.policy, "version: 1\nrules: []\n");
	assert_int_equal(symlink(p.policy, p.grants), 0);
	err = ERR_INIT;
	assert_int_equal(grants_append(p.config, &g, &err), -ELOOP);
	place_remove(&p);
}

/* Two sessions at once: no answer is lost. */
static void writers_do_not_lose_each_other(void **state)
{
	struct place p;

	(void)state;
	place_make(&p);
	write_file(p.policy, HEAD ASK("a", "/x/0-0", ""));
	for (int who = 0; who < 4; who++) {
		if (fork() != 0)
			continue;
		for (int i = 0; i < 5; i++) {
			char room[256], path[32];
			struct grant g;

			(void)snprintf(path, sizeof(path), "/x/%d-%d", who, i);
			g = grant_of(room, path);
			while (grants_append(p.config, &g, NULL) == -EAGAIN)
				;
		}
		_exit(0);
	}
	for (int who = 0; who < 4; who++)
		assert_true(wait(NULL) > 0);
	{
		AUTO(policy_freep) struct policy *policy = NULL;

		assert_int_equal(load(&p, &policy, NULL), 0);
		assert_int_equal(policy->n_rules, 1 + 4 * 5);
	}
	place_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_grant_answers_an_ask),
		cmocka_unit_test(a_grant_lifts_no_block),
		cmocka_unit_test(a_grant_does_not_speak_for_an_organisation),
		cmocka_unit_test(only_grants_stand_in_it),
		cmocka_unit_test(an_edited_file_is_left_alone),
		cmocka_unit_test(writers_do_not_lose_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
