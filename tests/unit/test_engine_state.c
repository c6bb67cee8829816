/* Unit tests of src/engine: throttles, accounts, reload, the travelling form, sections, records. */
#include "codec/json_wr.h"
#include "engine/sealed.h"
#include "engine/throttle.h"
#include "engine_world.h"
#include "policy/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* --- throttles --- */

static struct policy_rule throttled(const struct rule_throttle *t)
{
	struct policy_rule r = USER("slow", RULE_THROTTLE, NULL);

	r.throttle = *t;
	return r;
}

static void buckets_empty_and_fill(void **state)
{
	static const struct rule_throttle t = { .rate_milli = 2000,
						.burst = 3,
						.by = "http.request.host" };
	struct policy_rule rules[1];
	struct world w;

	(void)state;
	rules[0] = throttled(&t);
	w = world(rules, 1, RULE_ALLOW);
	for (int i = 0; i < 3; i++) {
		request("x", "/");
		decide_is(&w, RULE_ALLOW, NULL);
	}
	request("x", "/");
	decide_is(&w, RULE_BLOCK, "slow");
	assert_int_equal(d.retry_after_ms, 500);
	assert_true(d.matches[0].beyond);
	engine_preview(w.engine, &event, &d); /* takes nothing, and asks for nothing */
	request("y", "/");
	decide_is(&w, RULE_ALLOW, NULL); /* a bucket of its own */
	mono_ms += 499;
	request("x", "/");
	decide_is(&w, RULE_BLOCK, "slow");
	assert_int_equal(d.retry_after_ms, 1);
	mono_ms += 1;
	decide_is(&w, RULE_ALLOW, NULL);
	decide_is(&w, RULE_BLOCK, "slow");
	mono_ms += UINT64_C(1) << 62; /* no overflow fills more than the burst */
	for (int i = 0; i < 3; i++)
		decide_is(&w, RULE_ALLOW, NULL);
	decide_is(&w, RULE_BLOCK, "slow");
	mono_ms -= 5000; /* a clock that goes back brings nothing */
	decide_is(&w, RULE_BLOCK, "slow");
	world_end(&w);
}

static void quotas_are_booked_when_it_passes(void **state)
{
	static const struct rule_throttle t = {
		.amount = 1000, .of = "http.request.bytes", .per = RULE_PER_DAY, .beyond = RULE_ASK
	};
	struct policy_rule rules[2] = { { 0 },
					USER("no", RULE_BLOCK, "http.request.path == '/no'") };
	struct world w;

	(void)state;
	rules[0] = throttled(&t);
	w = world(rules, 2, RULE_ALLOW);
	request("x", "/no");
	event_set_int(&event, EVENT_F_HTTP_REQUEST_BYTES, 900);
	decide_is(&w, RULE_BLOCK, "no"); /* what is blocked costs nothing */
	request("x", "/");
	event_set_int(&event, EVENT_F_HTTP_REQUEST_BYTES, 900);
	decide_is(&w, RULE_ALLOW, NULL);
	event_set_int(&event, EVENT_F_HTTP_REQUEST_BYTES, 101);
	decide_is(&w, RULE_ASK, "slow");
	event_set_int(&event, EVENT_F_HTTP_REQUEST_BYTES, -5); /* nobody is paid */
	decide_is(&w, RULE_ASK, "slow"); /* what was asked about counts as spent: 1001 */
	unix_ms += 86400000;
	event_set_int(&event, EVENT_F_HTTP_REQUEST_BYTES, 1000);
	decide_is(&w, RULE_ALLOW, NULL);
	unix_ms -= 86400000; /* set back: the day's account stays */
	event_set_int(&event, EVENT_F_HTTP_REQUEST_BYTES, 1);
	decide_is(&w, RULE_ASK, "slow");
	world_end(&w);
}

static void a_key_that_fails_is_beyond(void **state)
{
	static const struct rule_throttle t = { .rate_milli = 1000000,
						.burst = 1000,
						.by = "http.request.headers['none'][0]" };
	struct policy_rule rules[1];
	struct world w;

	(void)state;
	rules[0] = throttled(&t);
	w = world(rules, 1, RULE_ALLOW);
	request("x", "/");
	decide_is(&w, RULE_BLOCK, "slow");
	assert_true(d.failed);
	world_end(&w);
}

/* Filling the table with keys of one's choice stops oneself, and nobody is forgotten. */
static void a_full_table_is_beyond(void **state)
{
	struct rule_throttle rule = { .rate_milli = 1, .burst = 1 };
	struct throttle t;
	unsigned refused = 0;
	uint64_t wait;

	(void)state;
	assert_int_equal(throttle_init(&t), 0);
	for (uint32_t i = 0; i < 4 * THROTTLE_PLACES; i++) {
		uint8_t key[THROTTLE_KEY];
		char text[16];

		(void)snprintf(text, sizeof(text), "%u", i);
		throttle_key("r", STR(""), str_of(text), key);
		wait = 7;
		if (!throttle_take(&t, key, &rule, 1, &wait)) {
			assert_int_equal(wait, 0);
			refused++;
		} else {
			assert_false(throttle_take(&t, key, &rule, 1, &wait));
		}
	}
	assert_int_equal(refused, 3 * THROTTLE_PLACES);
	throttle_done(&t);
}

/* --- the accounts' file --- */

static void put_file(const char *path, struct str text)
{
	AUTO(file_closep) FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
}

static void accounts_survive_a_restart(void **state)
{
	static const struct rule_throttle rule = { .amount = 100, .per = RULE_PER_DAY };
	AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);
	char dir[] = "/tmp/capsule-accounts-XXXXXX", path[64];
	uint8_t key[THROTTLE_KEY];
	struct err err = ERR_INIT;
	struct throttle t, again;
	uint64_t wait;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/accounts", dir);
	assert_int_equal(throttle_init(&t), 0);
	assert_int_equal(throttle_init(&again), 0);
	assert_int_equal(throttle_load(&t, path, &err), 0); /* not there: empty */
	for (int i = 0; i < 50; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%d", i);
		throttle_key("r", STR(""), str_of(name), key);
		throttle_charge(&t, key, &rule, 60, 86400000);
	}
	assert_true(t.changed);
	assert_int_equal(throttle_save(&t, path, &err), 0);
	assert_false(t.changed);
	assert_int_equal(throttle_load(&again, path, &err), 0);
	assert_true(throttle_within(&again, key, &rule, 40, 86400000, &wait));
	assert_false(throttle_within(&again, key, &rule, 41, 86400000, &wait));
	f = fopen(path, "re");
	assert_non_null(f);
	text.n = fread(buf_reserve(&text, 65536), 1, 65536, f);
	(void)fclose(f);
	/* every byte matters, and every beginning is too short */
	for (size_t i = 0; i < text.n; i += i < 120 || i + 120 > text.n ? 1 : 37) {
		text.p[i] ^= 1;
		assert_int_equal(throttle_read(&again, buf_str(&text), NULL), -EBADMSG);
		text.p[i] ^= 1;
		assert_int_equal(throttle_read(&again, (struct str){ text.p, i }, NULL), -EBADMSG);
	}
	assert_false(throttle_within(&again, key, &rule, 41, 86400000, &wait)); /* kept */
	buf_putc(&text, '\n');
	put_file(path, buf_str(&text));
	assert_int_equal(throttle_load(&again, path, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "cannot be trusted"));
	(void)unlink(path);
	(void)rmdir(dir);
	throttle_done(&t);
	throttle_done(&again);
}

/* --- quarantine, reload --- */

static void a_window_ends_within_time(void **state)
{
	static const struct throttle_account latest = { .window = INT64_MAX / 86400000 - 1,
							.per = RULE_PER_DAY + 1 };
	char dir[] = "/tmp/capsule-accounts-XXXXXX", path[64];
	struct throttle t;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/accounts", dir);
	assert_int_equal(throttle_init(&t), 0);
	t.accounts[0] = latest;
	assert_int_equal(throttle_save(&t, path, NULL), 0);
	assert_int_equal(throttle_load(&t, path, NULL), 0);
	t.accounts[0].window++;
	assert_int_equal(throttle_save(&t, path, NULL), 0);
	assert_int_equal(throttle_load(&t, path, NULL), -EBADMSG);
	throttle_done(&t);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void quarantine_lasts(void **state)
{
	static const struct policy_rule rules[] = {
		USER("trap", RULE_QUARANTINE, "http.request.path == '/trap'"),
	};
	struct world w = world(rules, 1, RULE_ALLOW);

	(void)state;
	request("x", "/");
	event_set_str(&event, EVENT_F_COMMON_SESSION_ID, STR("s1"));
	decide_is(&w, RULE_ALLOW, NULL);
	request("x", "/trap");
	event_set_str(&event, EVENT_F_COMMON_SESSION_ID, STR("s1"));
	engine_preview(w.engine, &event, &d);
	assert_int_equal(d.action, RULE_QUARANTINE);
	decide_is(&w, RULE_QUARANTINE, "trap");
	request("x", "/");
	event_set_str(&event, EVENT_F_COMMON_SESSION_ID, STR("s1"));
	decide_is(&w, RULE_BLOCK, NULL);
	event_set_str(&event, EVENT_F_COMMON_SESSION_ID, STR("s2"));
	decide_is(&w, RULE_ALLOW, NULL);
	world_end(&w);
}

static void a_failed_reload_keeps_the_old(void **state)
{
	static const struct policy_rule good[] = { USER("good", RULE_BLOCK, NULL) };
	static const struct policy_rule bad[] = { USER("bad", RULE_BLOCK, "nothing.like == this") };
	static const struct policy_rule next[] = { USER("next", RULE_ASK, NULL) };
	struct world w = world(good, 1, RULE_ALLOW);
	struct engine *second = engine_new(w.host, NULL);
	struct err err = ERR_INIT;

	(void)state;
	request("x", "/");
	decide_is(&w, RULE_BLOCK, "good");
	assert_int_equal(engine_host_reload(w.host, bad, 1, NULL, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "; the rules before stay in force"));
	decide_is(&w, RULE_BLOCK, "good");
	assert_int_equal(engine_host_reload(w.host, next, 1, NULL, NULL), 0);
	/* the decision of before still points to its rule */
	assert_string_equal(d.rule->id, "good");
	decide_is(&w, RULE_ASK, "next");
	engine_decide(second, &event, &d);
	assert_int_equal(d.action, RULE_ASK);
	second = engine_free(second);
	world_end(&w);
}

struct decider {
	struct engine_host *host;
	unsigned wrong;
};

/* Each decision is by one of the two sets, whole: its rule and what that rule says go together. */
static void *decide_often(void *arg)
{
	struct decider *t = arg;
	struct engine *engine = engine_new(t->host, NULL);
	struct event *e = calloc(1, sizeof(*e));
	struct engine_decision *mine = calloc(1, sizeof(*mine));

	if (!engine || !e || !mine)
		abort();
	event_init(e);
	for (int i = 0; i < 20000; i++) {
		event_begin(e, EVENT_HTTP_REQUEST);
		event_set_str(e, EVENT_F_HTTP_REQUEST_HOST, STR("x"));
		engine_decide(engine, e, mine);
		t->wrong += !mine->rule || strcmp(mine->rule->reason, mine->reason) != 0 ||
			    strcmp(mine->rule->id, mine->action == RULE_ASK ? "even" : "odd") != 0;
	}
	free(mine);
	free(e);
	engine = engine_free(engine);
	return NULL;
}

static void sets_change_under_those_who_decide(void **state)
{
	struct policy_rule even[] = { USER("even", RULE_ASK, "http.request.host == 'x'") };
	struct policy_rule odd[] = { USER("odd", RULE_BLOCK, "http.request.host == 'x'") };
	struct decider deciders[2] = { { 0 } };
	pthread_t threads[2];
	struct world w;

	(void)state;
	even[0].reason = "even";
	odd[0].reason = "odd";
	w = world(even, 1, RULE_ALLOW);
	for (int i = 0; i < 2; i++) {
		deciders[i].host = w.host;
		assert_int_equal(pthread_create(&threads[i], NULL, decide_often, &deciders[i]), 0);
	}
	for (int i = 0; i < 300; i++)
		assert_int_equal(engine_host_reload(w.host, i & 1 ? even : odd, 1, NULL, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(deciders[i].wrong, 0);
	}
	world_end(&w);
}

/* --- the travelling form --- */

static void sealed_rules_travel(void **state)
{
	static const struct rule_rewrite path = {
		RULE_SET, EVENT_F_HTTP_REQUEST_PATH, NULL, "/p", { "q.yaml", 4, 2 }
	};
	static const char *const tags[] = { "a", "b" };
	struct policy_rule rules[] = {
		rewriting("one", "http.request.host == 'x'", &path),
		USER("two", RULE_BLOCK, "http.request.host == 'y'"),
	};
	struct engine_options options = { .otherwise = RULE_BLOCK };
	struct engine_set *set = NULL, *other = NULL;
	AUTO(fd_closep) int fd = -EBADF;
	AUTO(fd_closep) int open_fd = -EBADF;
	struct err err = ERR_INIT;
	uint8_t wrong[32] = { 0 };

	(void)state;
	rules[1].tags = tags;
	rules[1].n_tags = 2;
	rules[1].reason = "because";
	assert_int_equal(engine_set_new(rules, 2, &options, &set, &err), 0);
	assert_int_equal(engine_sealed_make(set, &fd, &err), 0);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 3), -1);
	assert_int_equal(engine_sealed_load(fd, wrong, NULL, &other, &err), -ESTALE);
	err = ERR_INIT;
	if (engine_sealed_load(fd, engine_set_digest(set), NULL, &other, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(engine_set_count(other), 2);
	assert_int_equal(engine_set_otherwise(other), RULE_BLOCK);
	assert_string_equal(engine_set_rule(other, 1)->reason, "because");
	assert_string_equal(engine_set_rule(other, 1)->tags[1], "b");
	assert_string_equal(engine_set_rule(other, 0)->rewrites[0].where.file, "q.yaml");
	assert_memory_equal(engine_set_digest(set), engine_set_digest(other), 32);
	open_fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(engine_sealed_load(open_fd, NULL, NULL, &other, &err), -EPERM);
	set = engine_set_free(set);
	other = engine_set_free(other);
}

static void every_byte_of_it_is_checked(void **state)
{
	static const struct policy_rule rules[] = { USER("two", RULE_BLOCK, NULL) };
	struct engine_set *set = NULL, *other = NULL;
	AUTO(fd_closep) int fd = -EBADF;
	char bytes[4096];
	ssize_t n;

	(void)state;
	assert_int_equal(engine_set_new(rules, 1, NULL, &set, NULL), 0);
	assert_int_equal(engine_sealed_make(set, &fd, NULL), 0);
	n = read(fd, bytes, sizeof(bytes));
	assert_true(n > 100 && n < (ssize_t)sizeof(bytes));
	for (ssize_t i = 0; i < n; i++) {
		bytes[i] ^= 4;
		assert_int_equal(
			engine_sealed_read((struct str){ bytes, (size_t)n }, NULL, &other, NULL),
			-EBADMSG);
		bytes[i] ^= 4;
		assert_int_equal(
			engine_sealed_read((struct str){ bytes, (size_t)i }, NULL, &other, NULL),
			-EBADMSG);
	}
	assert_null(other);
	set = engine_set_free(set);
}

/* --- sections --- */

static const char sections[] = "version: 1\n"
			       "filesystem:\n"
			       "  read: [/usr, /data]\n"
			       "  write: [/project]\n"
			       "  exec: [/usr/bin]\n"
			       "  protect: [/project/.git]\n"
			       "  deny: [/project/.env, /data/secret]\n"
			       "network: none\n"
			       "process:\n"
			       "  commands:\n"
			       "    allow: [\"git ...\", [make, \"${target:[a-z]+}\"]]\n"
			       "    deny: [[git, push, \"...\"]]\n";

static void file_event(enum event_type type, const char *path, bool write)
{
	event_begin(&event, type);
	event_set_str(&event, EVENT_F_FILE_ACTIVITY_PATH, str_of(path));
	event_set_bool(&event, EVENT_F_FILE_ACTIVITY_WRITE, write);
}

static void command_is(struct world *w, enum rule_action action, const char *id, const char *words)
{
	static struct cel_value items[8];
	uint32_t n = 0;

	for (const char *p = words; *p; n++) {
		size_t len = strcspn(p, " ");

		items[n] = cel_string((struct str){ p, len });
		p += len + (p[len] == ' ');
	}
	event_begin(&event, EVENT_SESSION_START);
	event_set_list(&event, EVENT_F_SESSION_ACTIVITY_ARGV, items, n);
	decide_is(w, action, id);
}

static void sections_are_rules(void **state)
{
	struct policy_vars vars = { .workspace = "/tmp", .home = "/root", .tmp = "/tmp" };
	AUTO(arena_done) struct arena a = ARENA_INIT(1 << 22);
	AUTO(policy_freep) struct policy *p = NULL;
	AUTO(buf_done) struct buf diag = BUF_INIT(65536);
	const struct policy_rule *rules;
	struct err err = ERR_INIT;
	struct world w;
	size_t n;

	(void)state;
	if (policy_load_text("s.yaml", str_of(sections), &vars, &p, &diag, &err) < 0)
		fail_msg("%s", buf_cstr(&diag));
	assert_int_equal(engine_policy_rules(p, &a, &rules, &n, &err), 0);
	w = world(rules, n, RULE_ALLOW);
	file_event(EVENT_FILE_OPEN, "/usr/lib/x", false);
	decide_is(&w, RULE_ALLOW, "filesystem.read[0]");
	assert_int_equal(d.rule->where.line, 3);
	assert_int_equal(d.rule->where.col, 10);
	file_event(EVENT_FILE_OPEN, "/usr/lib/x", true);
	decide_is(&w, RULE_BLOCK, "filesystem.write");
	file_event(EVENT_FILE_OPEN, "/etc/passwd", false);
	decide_is(&w, RULE_BLOCK, "filesystem.read");
	file_event(EVENT_FILE_CREATE, "/project/a", false);
	decide_is(&w, RULE_ALLOW, "filesystem.write[0]");
	file_event(EVENT_FILE_OPEN, "/project/.git/config", false);
	decide_is(&w, RULE_ALLOW, "filesystem.write[0]");
	file_event(EVENT_FILE_OPEN, "/project/.git/config", true);
	decide_is(&w, RULE_BLOCK, "filesystem.protect[0]");
	file_event(EVENT_FILE_OPEN, "/data/secret", false);
	decide_is(&w, RULE_BLOCK, "filesystem.deny[1]");
	file_event(EVENT_FILE_RENAME, "/project/a", false);
	event_set_str(&event, EVENT_F_FILE_ACTIVITY_NEW_PATH, STR("/project/.env"));
	decide_is(&w, RULE_BLOCK, "filesystem.deny[0]");
	event_set_str(&event, EVENT_F_FILE_ACTIVITY_NEW_PATH, STR("/etc/a"));
	decide_is(&w, RULE_BLOCK, "filesystem.write");
	file_event(EVENT_FILE_OPEN, "/project/../etc/passwd", false);
	engine_decide(w.engine, &event, &d);
	assert_int_equal(d.action, RULE_BLOCK); /* never resolved: never open */
	event_begin(&event, EVENT_PROCESS_EXEC);
	event_set_str(&event, EVENT_F_PROCESS_ACTIVITY_EXECUTABLE, STR("/usr/bin/git"));
	decide_is(&w, RULE_ALLOW, "filesystem.exec[0]");
	event_set_str(&event, EVENT_F_PROCESS_ACTIVITY_EXECUTABLE, STR("/project/a.out"));
	decide_is(&w, RULE_BLOCK, "filesystem.exec");
	request("x", "/");
	decide_is(&w, RULE_BLOCK, "network.mode");
	assert_int_equal(d.rule->where.line, 8);
	command_is(&w, RULE_ALLOW, "process.commands.allow[0]", "git status");
	command_is(&w, RULE_ALLOW, "process.commands.allow[0]", "/usr/bin/git status");
	command_is(&w, RULE_BLOCK, "process.commands.deny[0]", "git push origin");
	command_is(&w, RULE_ALLOW, "process.commands.allow[1]", "make all");
	command_is(&w, RULE_BLOCK, "process.commands.allow", "make all clean");
	command_is(&w, RULE_BLOCK, "process.commands.allow", "make ALL");
	command_is(&w, RULE_BLOCK, "process.commands.allow", "xgit status");
	world_end(&w);
}

/* --- the same in a live session --- */

static const struct policy_rule *rule_at(const struct policy_rule *rules, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rules[i].id, id) == 0)
			return &rules[i];
	}
	fail_msg("no rule '%s'", id);
	return NULL;
}

static struct policy *load_live(const char *text)
{
	struct policy_vars vars = { .workspace = "/w", .home = "/root", .tmp = "/tmp" };
	AUTO(buf_done) struct buf diag = BUF_INIT(65536);
	struct policy *p = NULL;
	struct err err = ERR_INIT;

	if (policy_load_text("s.yaml", str_of(text), &vars, &p, &diag, &err) < 0)
		fail_msg("%s", buf_cstr(&diag));
	return p;
}

static void name_event(enum event_type type, const char *path, const char *new_path)
{
	file_event(type, path, true);
	event_set_str(&event, EVENT_F_FILE_ACTIVITY_NEW_PATH, str_of(new_path));
}

static void patterns_are_rules(void **state)
{
	AUTO(arena_done) struct arena a = ARENA_INIT(1 << 22);
	AUTO(policy_freep)
	struct policy *p = load_live("version: 1\nfilesystem:\n"
				     "  write: [/w]\n"
				     "  deny: ['**/.env', /w/secret]\n"
				     "  protect: ['**/.git/hooks', /w/later/x]\n"
				     "  hide: ['/w/**/hidden']\n"
				     "  ask: ['/w/ask*']\n"
				     "rules:\n"
				     "  - { name: big, on: file.open, action: block, when: "
				     "\"file.activity.write && file.activity.name == 'big'\" }\n"
				     "  - { name: any, on: file.open, action: block, when: "
				     "\"file.activity.write || file.activity.name == 'any'\" }\n");
	const struct policy_rule *rules, *rule;
	struct err err = ERR_INIT;
	struct world w;
	size_t n;

	(void)state;
	p->paths[4].absent = true; /* as if it had been looked for */
	assert_string_equal(p->paths[4].path, "/w/later/x");
	assert_int_equal(engine_session_rules(p, p, true, &a, &rules, &n, &err), 0);
	w = world(rules, n, RULE_ALLOW);
	file_event(EVENT_FILE_OPEN, "/w/a/.env", false);
	decide_is(&w, RULE_BLOCK, "filesystem.deny[0]");
	file_event(EVENT_FILE_OPEN, "/w/a/.env/below", false);
	decide_is(&w, RULE_BLOCK, "filesystem.deny[0]");
	file_event(EVENT_FILE_OPEN, "/w/a.env", true);
	decide_is(&w, RULE_BLOCK, "any");
	name_event(EVENT_FILE_RENAME, "/w/a", "/w/.env");
	decide_is(&w, RULE_BLOCK, "filesystem.deny[0]");
	name_event(EVENT_FILE_LINK, "/w/.env", "/w/b");
	decide_is(&w, RULE_BLOCK, "filesystem.deny[0]");
	/* reading what is protected, and names beside it */
	file_event(EVENT_FILE_OPEN, "/w/r/.git/hooks/a", false);
	decide_is(&w, RULE_ALLOW, "filesystem.write[0]");
	file_event(EVENT_FILE_CREATE, "/w/r/.git/hooks/a", true);
	decide_is(&w, RULE_BLOCK, "filesystem.protect[0]");
	/* something else in its place, or it out of its place, by a name above it */
	name_event(EVENT_FILE_RENAME, "/w/r/git", "/w/r/.git");
	decide_is(&w, RULE_BLOCK, "filesystem.protect[0]");
	name_event(EVENT_FILE_RENAME, "/w/r/.git", "/w/r/git");
	decide_is(&w, RULE_BLOCK, "filesystem.protect[0]");
	name_event(EVENT_FILE_LINK, "/w/r/git", "/w/r/.git");
	decide_is(&w, RULE_BLOCK, "filesystem.protect[0]");
	name_event(EVENT_FILE_LINK, "/w/r/.git", "/w/r/git");
	decide_is(&w, RULE_ALLOW, "filesystem.write[0]");
	name_event(EVENT_FILE_RENAME, "/w/r", "/w/s");
	decide_is(&w, RULE_ALLOW, "filesystem.write[0]");
	name_event(EVENT_FILE_RENAME, "/w/soon", "/w/later");
	decide_is(&w, RULE_BLOCK, "filesystem.protect[1]");
	file_event(EVENT_FILE_CREATE, "/w/later", true);
	decide_is(&w, RULE_BLOCK, "filesystem.protect[1]");
	event_set_str(&event, EVENT_F_FILE_ACTIVITY_KIND, STR("folder"));
	decide_is(&w, RULE_ALLOW, "filesystem.write[0]");
	file_event(EVENT_FILE_OPEN, "/w/b/hidden", false);
	decide_is(&w, RULE_BLOCK, "filesystem.hide[0]");
	assert_non_null(strstr(d.reason, "not there"));
	file_event(EVENT_FILE_OPEN, "/w/asked/x", false);
	decide_is(&w, RULE_ASK, "filesystem.ask[0]");
	assert_int_equal(d.rule->ask.scope, RULE_SESSION);
	event_begin(&event, EVENT_PROCESS_EXEC);
	event_set_str(&event, EVENT_F_PROCESS_ACTIVITY_EXECUTABLE, STR("/w/ask"));
	decide_is(&w, RULE_ASK, "filesystem.ask[0]");
	/* what no line grants is not there: no rule says so */
	file_event(EVENT_FILE_OPEN, "/etc/passwd", false);
	engine_decide(w.engine, &event, &d);
	assert_int_equal(d.action, RULE_ALLOW);
	world_end(&w);
	assert_false(rule_at(rules, n, "filesystem.deny[0]")->kernel);
	assert_true(rule_at(rules, n, "filesystem.deny[1]")->kernel);
	assert_false(rule_at(rules, n, "filesystem.deny[1]")->changes);
	rule = rule_at(rules, n, "filesystem.protect[1]");
	assert_true(rule->changes && !rule->kernel);
	assert_true(rule_at(rules, n, "filesystem.write[0]")->kernel);
	assert_true(rule_at(rules, n, "network.mode")->kernel);
	assert_true(rule_at(rules, n, "big")->changes);
	assert_false(rule_at(rules, n, "any")->changes);
	/* without a root of its own */
	assert_int_equal(engine_session_rules(p, p, false, &a, &rules, &n, &err), 0);
	assert_false(rule_at(rules, n, "filesystem.deny[1]")->kernel);
	assert_false(rule_at(rules, n, "filesystem.read")->kernel);
	assert_true(rule_at(rules, n, "filesystem.write")->changes);
}

/* What the wall was built with and the policy does not grant, or not any more. */
static void the_wall_may_hold_more(void **state)
{
	AUTO(arena_done) struct arena a = ARENA_INIT(1 << 22);
	AUTO(policy_freep)
	struct policy *p = load_live("version: 1\nfilesystem:\n"
				     "  read: [/srv]\n  write: [/w]\n  exec: [/usr]\n"
				     "reload: { within: { write: [/srv/out] } }\n"
				     "rules_default: block\n");
	AUTO(policy_freep)
	struct policy *later = load_live("version: 1\nfilesystem:\n"
					 "  read: [/usr, /srv]\n  write: [/srv/out, /w/b]\n"
					 "rules_default: block\n");
	const struct policy_rule *rules;
	struct err err = ERR_INIT;
	struct world w;
	size_t n;

	(void)state;
	assert_int_equal(engine_session_rules(p, p, true, &a, &rules, &n, &err), 0);
	w = world(rules, n, RULE_BLOCK);
	file_event(EVENT_FILE_OPEN, "/srv/out/a", false);
	decide_is(&w, RULE_ALLOW, "filesystem.read[0]");
	file_event(EVENT_FILE_OPEN, "/srv/out/a", true);
	decide_is(&w, RULE_BLOCK, "filesystem.write[0]");
	assert_int_equal(d.rule->where.line, 6);
	file_event(EVENT_FILE_OPEN, "/tmp/own", true);
	decide_is(&w, RULE_ALLOW, "filesystem.own");
	file_event(EVENT_FILE_OPEN, "/w/a", true);
	decide_is(&w, RULE_ALLOW, "filesystem.write[0]");
	world_end(&w);

	assert_int_equal(engine_session_rules(later, p, true, &a, &rules, &n, &err), 0);
	w = world(rules, n, RULE_BLOCK);
	file_event(EVENT_FILE_OPEN, "/srv/out/a", true);
	decide_is(&w, RULE_ALLOW, "filesystem.write[0]");
	file_event(EVENT_FILE_OPEN, "/w/a", false);
	engine_decide(w.engine, &event, &d);
	assert_int_equal(d.action, RULE_BLOCK);
	assert_non_null(strstr(d.reason, "no line of the policy grants"));
	file_event(EVENT_FILE_OPEN, "/w/b/a", true);
	decide_is(&w, RULE_ALLOW, "filesystem.write[1]");
	name_event(EVENT_FILE_RENAME, "/w/b/a", "/w/a");
	engine_decide(w.engine, &event, &d);
	assert_int_equal(d.action, RULE_BLOCK);
	file_event(EVENT_FILE_OPEN, "/usr/lib/x", false);
	decide_is(&w, RULE_ALLOW, "filesystem.read[0]");
	event_begin(&event, EVENT_PROCESS_EXEC);
	event_set_str(&event, EVENT_F_PROCESS_ACTIVITY_EXECUTABLE, STR("/usr/bin/git"));
	engine_decide(w.engine, &event, &d);
	assert_int_equal(d.action, RULE_BLOCK);
	assert_non_null(strstr(d.reason, "grants executing it"));
	world_end(&w);
}

/* --- what is told --- */

static void resolved_events_tell_all(void **state)
{
	static const struct policy_rule rules[] = {
		USER("no", RULE_BLOCK, "http.request.host == 'x'"),
	};
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16), text = BUF_INIT(1 << 16);
	struct json_wr jw = json_wr_init(&out);
	struct world w = world(rules, 1, RULE_ALLOW);

	(void)state;
	request("x", "/");
	decide_is(&w, RULE_BLOCK, "no");
	engine_write_json(&event, &d, 0, &jw);
	assert_non_null(strstr(buf_cstr(&out), "\"decision\":{\"action\":\"block\",\"rule\":\"no\","
					       "\"where\":\"p.yaml:"));
	assert_non_null(strstr(buf_cstr(&out), "\"host\":\"x\""));
	assert_true(d.ns > 0);
	engine_decision_print(&d, &text);
	assert_non_null(strstr(buf_cstr(&text), "block by rule 'no' (p.yaml:"));
	world_end(&w);
}

struct told {
	unsigned n, considered, matched, winners;
};

static void count_step(void *ctx, const struct engine_step *step)
{
	struct told *t = ctx;

	t->n++;
	t->considered += step->considered;
	t->matched += step->matched;
	t->winners += step->winner;
}

static void explaining_goes_rule_by_rule(void **state)
{
	static const struct policy_rule rules[] = {
		USER("a", RULE_BLOCK, "http.request.host == 'x'"),
		USER("b", RULE_ALLOW, "http.request.host == 'y'"),
		USER("c", RULE_ALLOW, "http.request.port > 1"),
	};
	struct world w = world(rules, 3, RULE_ALLOW);
	struct told t = { 0 };

	(void)state;
	request("x", "/");
	engine_explain(w.engine, &event, count_step, &t);
	assert_int_equal(t.n, 3);
	assert_int_equal(t.considered, 2);
	assert_int_equal(t.matched, 2);
	assert_int_equal(t.winners, 1);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_empty_and_fill),
		cmocka_unit_test(quotas_are_booked_when_it_passes),
		cmocka_unit_test(a_key_that_fails_is_beyond),
		cmocka_unit_test(a_full_table_is_beyond),
		cmocka_unit_test(accounts_survive_a_restart),
		cmocka_unit_test(a_window_ends_within_time),
		cmocka_unit_test(quarantine_lasts),
		cmocka_unit_test(a_failed_reload_keeps_the_old),
		cmocka_unit_test(sets_change_under_those_who_decide),
		cmocka_unit_test(sealed_rules_travel),
		cmocka_unit_test(every_byte_of_it_is_checked),
		cmocka_unit_test(sections_are_rules),
		cmocka_unit_test(patterns_are_rules),
		cmocka_unit_test(the_wall_may_hold_more),
		cmocka_unit_test(resolved_events_tell_all),
		cmocka_unit_test(explaining_goes_rule_by_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
