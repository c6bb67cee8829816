/* Unit tests of mediate/ask and mediate/question, on a clock of their own. */
#include "base/file.h"
#include "base/own.h"
#include "mediate/ask.h"
#include "mediate/question.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include <cmocka.h>

#define TOLD_MAX 20000

struct world {
	struct asks *asks;
	struct ask_front front;
	uint64_t now;
	unsigned n_told, opened, closed;
	struct {
		void *cookie;
		enum ask_answer answer;
	} told[TOLD_MAX];
	struct ask_outcome last;
	/* what to do from within a callback */
	bool resubmit;
	uint64_t cancel;
	char dir[64];
};

static struct policy_rule rule = { .id = "ask-me",
				   .on = EVENT_BIT(EVENT_FILE_OPEN),
				   .action = RULE_ASK,
				   .phase = RULE_ENFORCE,
				   .tier = RULE_USER,
				   .priority = 100,
				   .reason = "is that so?",
				   .ask = { .timeout_ms = 5000, .scope = RULE_ALWAYS },
				   .where = { .file = "capsule.yaml", .line = 4, .col = 5 } };

static uint64_t clock_of(void *owner)
{
	return ((struct world *)owner)->now;
}

static int submit(struct world *w, const char *object, const char *wider, void *cookie,
		  uint64_t *ret_id)
{
	char when[512], wider_when[512];
	struct ask_question q = { .type = EVENT_FILE_OPEN,
				  .what = STR("open for reading"),
				  .object = str_of(object),
				  .wider = str_of(wider),
				  .n_ancestors = 1,
				  .ancestors = { { 7, "sh" } },
				  .rule = &rule };

	(void)snprintf(when, sizeof(when), "file.activity.path == \"%s\"", object);
	(void)snprintf(wider_when, sizeof(wider_when), "file.activity.path.under(\"%s\")", wider);
	q.when = str_of(when);
	q.wider_when = str_of(wider_when);
	return asks_submit(w->asks, &q, cookie, ret_id);
}

static void answered(void *owner, void *cookie, enum ask_answer answer)
{
	struct world *w = owner;
	uint64_t id;

	assert_true(w->n_told < TOLD_MAX);
	w->told[w->n_told].cookie = cookie;
	w->told[w->n_told++].answer = answer;
	if (w->cancel)
		asks_cancel(w->asks, w->cancel);
	if (w->resubmit) {
		w->resubmit = false;
		assert_int_equal(submit(w, "/w/again", "", NULL, &id), 0);
	}
}

static void changed(struct ask_front *front, const struct ask *ask, bool opened)
{
	struct world *w = loop_owner(front, struct world, front);

	w->opened += opened;
	w->closed += !opened;
	w->last = ask->outcome;
	assert_int_equal(asks_find(w->asks, ask->id) == ask, opened);
}

static struct world *world_new(bool attends)
{
	struct world *w = calloc(1, sizeof(*w));
	struct asks_options o = {
		.otherwise = RULE_BLOCK, .answered = answered, .owner = w, .now_ms = clock_of
	};

	assert_non_null(w);
	w->now = 1000000;
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/capsule-ask-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	o.config_dir = w->dir;
	assert_int_equal(asks_new(&o, &w->asks), 0);
	w->front.changed = changed;
	asks_attach(w->asks, &w->front);
	asks_attend(w->asks, &w->front, attends);
	return w;
}

static void world_free(struct world *w)
{
	char path[128];

	asks_free(w->asks);
	(void)snprintf(path, sizeof(path), "%s/" GRANTS_FILE, w->dir);
	(void)unlink(path);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
}

static int answer(struct world *w, uint64_t id, bool allow, enum rule_scope scope, bool wider)
{
	struct ask_reply reply = {
		.allow = allow, .scope = scope, .wider = wider, .by = ASK_BY_CONTROL
	};

	return asks_answer(w->asks, id, &reply, NULL);
}

static uint64_t first(const struct world *w)
{
	const struct ask *ask = asks_next(w->asks, 0);

	return ask ? ask->id : 0;
}

/* ---- */

static void identical_questions_are_one(void **state)
{
	struct world *w = world_new(true);
	uint64_t id;
	int cookies[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(submit(w, "/w/a", "", &cookies[i], &id), 0);
	assert_int_equal(w->opened, 1);
	assert_int_equal(asks_counts(w->asks)->joined, 2);
	assert_int_equal(asks_counts(w->asks)->waiting, 3);
	assert_int_equal(answer(w, first(w), true, RULE_ONCE, false), 0);
	assert_int_equal(w->n_told, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(w->told[i].answer, ASK_ALLOW);
	assert_int_equal(w->closed, 1);
	/* once is once */
	assert_int_equal(submit(w, "/w/a", "", NULL, &id), 0);
	assert_int_equal(w->opened, 2);
	/* another rule of the same object is another question */
	rule.id = "other";
	assert_int_equal(submit(w, "/w/a", "", NULL, &id), 0);
	rule.id = "ask-me";
	assert_int_equal(w->opened, 3);
	world_free(w);
}

static void answers_are_remembered_for_the_session(void **state)
{
	struct world *w = world_new(true);
	uint64_t id;

	(void)state;
	assert_int_equal(submit(w, "/w/a", "/w", NULL, &id), 0);
	assert_int_equal(answer(w, first(w), true, RULE_SESSION, false), 0);
	assert_int_equal(submit(w, "/w/a", "/w", NULL, &id), 1);
	assert_int_equal(submit(w, "/w/b", "/w", NULL, &id), 0); /* narrow: that object alone */
	assert_int_equal(answer(w, first(w), false, RULE_SESSION, false), 0);
	assert_int_equal(submit(w, "/w/b", "/w", NULL, &id), -EACCES);
	assert_int_equal(submit(w, "/w/c", "/w", NULL, &id), 0);
	assert_int_equal(answer(w, first(w), true, RULE_SESSION, true), 0);
	assert_int_equal(submit(w, "/w/d", "/w", NULL, &id), 1);
	assert_int_equal(submit(w, "/w/b", "/w", NULL, &id), -EACCES); /* the narrower goes first */
	assert_int_equal(submit(w, "/v/d", "/v", NULL, &id), 0);
	assert_int_equal(asks_counts(w->asks)->remembered, 4);
	asks_forget(w->asks);
	assert_int_equal(submit(w, "/w/a", "/w", NULL, &id), 0);
	world_free(w);
}

static void scope_is_capped(void **state)
{
	struct world *w = world_new(true);
	struct ask_reply always = { .allow = true, .scope = RULE_ALWAYS, .wider = true };
	struct ask_outcome out;
	char path[128];
	uint64_t id;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/" GRANTS_FILE, w->dir);
	rule.ask.scope = RULE_ONCE;
	assert_int_equal(submit(w, "/w/a", "/w", NULL, &id), 0);
	assert_int_equal(asks_answer(w->asks, first(w), &always, &out), 0);
	assert_int_equal(out.reply.scope, RULE_ONCE);
	assert_false(out.reply.wider);
	assert_int_equal(submit(w, "/w/a", "/w", NULL, &id), 0);
	assert_int_equal(answer(w, first(w), true, RULE_ONCE, false), 0);
	/* an organisation's question is not answered for ever by its user */
	rule.ask.scope = RULE_ALWAYS;
	rule.tier = RULE_ORG;
	assert_int_equal(submit(w, "/w/a", "/w", NULL, &id), 0);
	assert_int_equal(asks_next(w->asks, 0)->widest, RULE_SESSION);
	assert_int_equal(asks_answer(w->asks, first(w), &always, &out), 0);
	assert_int_equal(out.reply.scope, RULE_SESSION);
	rule.tier = RULE_USER;
	assert_int_equal(access(path, F_OK), -1);
	/* no is never written */
	always.allow = false;
	assert_int_equal(submit(w, "/w/z", "", NULL, &id), 0);
	assert_int_equal(asks_answer(w->asks, first(w), &always, &out), 0);
	assert_int_equal(out.reply.scope, RULE_SESSION);
	assert_int_equal(access(path, F_OK), -1);
	world_free(w);
}

static void always_is_written(void **state)
{
	struct world *w = world_new(true);
	struct ask_reply always = { .allow = true, .scope = RULE_ALWAYS };
	struct ask_outcome out;
	char path[128], text[8192];
	char mem[4096];
	struct buf shown = buf_fixed(mem, sizeof(mem));
	struct stat st;
	uint64_t id;
	size_t n;
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/" GRANTS_FILE, w->dir);
	assert_int_equal(submit(w, "/w/a", "", NULL, &id), 0);
	ask_put_grant(asks_next(w->asks, 0), false, &shown);
	assert_int_equal(asks_answer(w->asks, first(w), &always, &out), 0);
	assert_int_equal(out.reply.scope, RULE_ALWAYS);
	assert_string_equal(out.note, "");
	assert_int_equal(submit(w, "/w/a", "", NULL, &id), 1); /* and for the rest of the session */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fd_read_small(fd, text, sizeof(text) - 1, &n), 0);
	close(fd);
	text[n] = '\0';
	assert_non_null(strstr(text, buf_cstr(&shown))); /* exactly what was shown, and a reason */
	assert_non_null(strstr(text, "asked by rule 'ask-me' (capsule.yaml:4:5)"));
	/* what cannot be written holds for the session, and says so */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(submit(w, "/w/b", "", NULL, &id), 0);
	assert_int_equal(asks_answer(w->asks, first(w), &always, &out), 0);
	assert_int_equal(out.reply.scope, RULE_SESSION);
	assert_non_null(strstr(out.note, GRANTS_FILE));
	assert_int_equal(submit(w, "/w/b", "", NULL, &id), 1);
	assert_int_equal(rmdir(path), 0);
	world_free(w);
}

static void expiry_is_no(void **state)
{
	struct world *w = world_new(true);
	uint64_t id;

	(void)state;
	assert_int_equal(submit(w, "/w/a", "", NULL, &id), 0);
	w->now += 4999;
	asks_expire(w->asks);
	assert_int_equal(w->n_told, 0);
	assert_int_equal(submit(w, "/w/a", "", NULL, &id), 0); /* who comes late waits no longer */
	w->now += 1;
	asks_expire(w->asks);
	assert_int_equal(w->n_told, 2);
	assert_int_equal(w->told[0].answer, ASK_EXPIRED);
	assert_int_equal(w->last.answer, ASK_EXPIRED);
	assert_int_equal(answer(w, 1, true, RULE_ONCE, false), -ENOENT);
	/* without a time of its own: a minute */
	rule.ask.timeout_ms = 0;
	assert_int_equal(submit(w, "/w/b", "", NULL, &id), 0);
	rule.ask.timeout_ms = 5000;
	assert_int_equal(asks_next(w->asks, 0)->deadline_ms, w->now + ASK_TIMEOUT_MS);
	world_free(w);
}

static void nobody_there_is_the_default(void **state)
{
	struct world *w = world_new(false);
	struct asks_options o = {
		.otherwise = RULE_ALLOW, .answered = answered, .owner = w, .now_ms = clock_of
	};
	struct asks *lax;
	struct ask_question q = {
		.type = EVENT_FILE_OPEN, .object = STR("/x"), .when = STR("x"), .rule = &rule
	};
	uint64_t id;

	(void)state;
	assert_int_equal(submit(w, "/w/a", "", NULL, &id), -EACCES);
	assert_int_equal(w->opened, 0);
	assert_int_equal(asks_counts(w->asks)->by_default, 1);
	asks_attend(w->asks, &w->front, true);
	assert_int_equal(submit(w, "/w/a", "", NULL, &id), 0);
	asks_detach(w->asks, &w->front);
	assert_int_equal(submit(w, "/w/b", "", NULL, &id), -EACCES);
	assert_int_equal(asks_new(&o, &lax), 0);
	assert_int_equal(asks_submit(lax, &q, NULL, &id), 1);
	asks_free(lax);
	world_free(w);
}

static void cancelled_calls_are_forgotten(void **state)
{
	struct world *w = world_new(true);
	uint64_t a, b, late;

	(void)state;
	assert_int_equal(submit(w, "/w/a", "", NULL, &a), 0);
	assert_int_equal(submit(w, "/w/a", "", NULL, &b), 0);
	asks_cancel(w->asks, a);
	asks_cancel(w->asks, a); /* and once more: nothing */
	assert_int_equal(w->closed, 0);
	assert_int_equal(submit(w, "/w/c", "", NULL, &late), 0);
	asks_cancel(w->asks, b);
	assert_int_equal(w->closed, 1);
	assert_int_equal(w->last.answer, ASK_GONE);
	assert_int_equal(w->n_told, 0);
	asks_cancel(w->asks, b);
	assert_int_equal(asks_counts(w->asks)->open, 1);
	assert_int_equal(asks_counts(w->asks)->waiting, 1);
	world_free(w);
}

/* From within a callback everything may be called. */
static void callbacks_may_do_anything(void **state)
{
	struct world *w = world_new(true);
	uint64_t a, b;

	(void)state;
	assert_int_equal(submit(w, "/w/a", "", &a, &a), 0);
	assert_int_equal(submit(w, "/w/a", "", &b, &b), 0);
	w->resubmit = true;
	w->cancel = b;
	assert_int_equal(answer(w, first(w), true, RULE_ONCE, false), 0);
	assert_int_equal(w->n_told, 1); /* the other one had been cancelled by then */
	assert_int_equal(asks_counts(w->asks)->open, 1);
	assert_int_equal(asks_counts(w->asks)->waiting, 1);
	assert_true(str_eqz(asks_next(w->asks, 0)->object, "/w/again"));
	world_free(w);
}

static void prompts_are_rationed(void **state)
{
	struct world *w = world_new(true);
	char name[32];
	uint64_t id;
	int r;

	(void)state;
	for (int i = 0; i < ASK_BURST + 5; i++) {
		(void)snprintf(name, sizeof(name), "/w/%d", i);
		r = submit(w, name, "", NULL, &id);
		assert_int_equal(r, i < ASK_BURST ? 0 : -EAGAIN);
	}
	assert_int_equal(asks_counts(w->asks)->refused_rate, 5);
	assert_int_equal(submit(w, "/w/0", "", NULL, &id), 0); /* joins: no prompt */
	w->now += 2 * ASK_REFILL_MS;
	assert_int_equal(submit(w, "/w/x", "", NULL, &id), 0);
	assert_int_equal(submit(w, "/w/y", "", NULL, &id), 0);
	assert_int_equal(submit(w, "/w/z", "", NULL, &id), -EAGAIN);
	world_free(w);
}

/* 10,000 at once: a bounded number waits, the rest is denied, all are accounted for. */
static void floods_are_bounded(void **state)
{
	struct world *w = world_new(true);
	unsigned held = 0, busy = 0, rate = 0;
	char name[32];
	uint64_t id;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		int r;

		(void)snprintf(name, sizeof(name), "/w/%d", i % 100);
		r = submit(w, name, "", NULL, &id);
		held += r == 0;
		busy += r == -EBUSY;
		rate += r == -EAGAIN;
		assert_true(r == 0 || r == -EBUSY || r == -EAGAIN);
	}
	assert_int_equal(held, ASKS_MAX);
	assert_int_equal(w->opened, ASK_BURST);
	assert_int_equal(held + busy + rate, 10000);
	assert_int_equal(asks_counts(w->asks)->refused_busy, busy);
	assert_int_equal(asks_counts(w->asks)->refused_rate, rate);
	w->now += 60000;
	asks_expire(w->asks);
	assert_int_equal(w->n_told, ASKS_MAX);
	assert_int_equal(w->closed, ASK_BURST);
	assert_int_equal(asks_counts(w->asks)->waiting, 0);
	/* and remembered answers are bounded likewise: the oldest goes */
	for (int i = 0; i <= ASK_REMEMBERED_MAX; i++) {
		(void)snprintf(name, sizeof(name), "/r/%d", i);
		w->now += ASK_REFILL_MS;
		assert_int_equal(submit(w, name, "", NULL, &id), 0);
		assert_int_equal(answer(w, first(w), true, RULE_SESSION, false), 0);
	}
	assert_int_equal(submit(w, "/r/1", "", NULL, &id), 1);
	assert_int_equal(submit(w, "/r/0", "", NULL, &id), 0);
	world_free(w);
}

static void too_long_is_refused(void **state)
{
	struct world *w = world_new(true);
	char name[ASK_OBJECT_MAX + 2];
	struct ask_question q = { .type = EVENT_FILE_OPEN, .when = STR("x"), .rule = &rule };
	uint64_t id;

	(void)state;
	memset(name, 'x', sizeof(name));
	q.object = (struct str){ name, ASK_OBJECT_MAX + 1 };
	assert_int_equal(asks_submit(w->asks, &q, NULL, &id), -E2BIG);
	q.object.n--;
	assert_int_equal(asks_submit(w->asks, &q, NULL, &id), 0);
	world_free(w);
}

static int stop(struct loop_watch *watch, uint32_t revents)
{
	(void)revents;
	(void)watch;
	return -ETIME;
}

/* With the real clock and the loop's timer: that it fires, not when. */
static void deadlines_come_from_the_loop(void **state)
{
	struct world *w = world_new(true);
	struct asks_options o = { .otherwise = RULE_BLOCK, .answered = answered, .owner = w };
	struct ask_question q = {
		.type = EVENT_FILE_OPEN, .object = STR("/x"), .when = STR("x"), .rule = &rule
	};
	AUTO(loop_done) struct loop loop;
	struct loop_watch limit = { .events = EPOLLIN, .fn = stop };
	struct loop_watch poll = { .events = EPOLLIN, .fn = stop };
	uint64_t id;

	(void)state;
	asks_detach(w->asks, &w->front);
	asks_free(w->asks);
	assert_int_equal(asks_new(&o, &w->asks), 0);
	asks_attach(w->asks, &w->front);
	assert_int_equal(loop_init(&loop), 0);
	limit.fd = loop_timer(30000, 0);
	assert_int_equal(loop_add(&loop, &limit), 0);
	assert_int_equal(asks_start(w->asks, &loop), 0);
	rule.ask.timeout_ms = 20;
	assert_int_equal(asks_submit(w->asks, &q, NULL, &id), 0);
	rule.ask.timeout_ms = 5000;
	poll.fd = loop_timer(400, 0);
	while (!w->n_told) { /* the poll ends the loop now and then to look */
		(void)loop_timer_set(poll.fd, 50, 0);
		if (!poll.added)
			assert_int_equal(loop_add(&loop, &poll), 0);
		(void)loop_run(&loop);
	}
	assert_int_equal(w->told[0].answer, ASK_EXPIRED);
	loop_remove(&loop, &poll);
	loop_remove(&loop, &limit);
	close(poll.fd);
	close(limit.fd);
	world_free(w);
}

/* ---- questions ---- */

static struct question question;
static struct event event;

static void begin(enum event_type type)
{
	static bool done;

	if (!done)
		event_init(&event);
	done = true;
	event_begin(&event, type);
	event_set_str(&event, EVENT_F_COMMON_WORKSPACE, STR("/w"));
}

static void file_questions(void **state)
{
	uint8_t read[BLAKE3_OUT], write[BLAKE3_OUT];

	(void)state;
	begin(EVENT_FILE_OPEN);
	event_set_text(&event, EVENT_F_FILE_ACTIVITY_PATH, STR("/w/a \"b\"\n.txt"));
	event_set_bool(&event, EVENT_F_FILE_ACTIVITY_WRITE, false);
	assert_int_equal(question_make(&event, &rule, &question), 0);
	assert_true(str_eqz(question.ask.what, "open for reading"));
	assert_true(str_eqz(question.ask.object, "/w/a \"b\"\n.txt"));
	assert_true(str_eqz(question.ask.when,
			    "file.activity.path == \"/w/a \\\"b\\\"\\u000a.txt\" && "
			    "!file.activity.write && common.workspace == \"/w\""));
	assert_true(str_eqz(question.ask.wider, "every name in /w"));
	assert_true(str_eqz(question.ask.wider_when,
			    "file.activity.path == \"/w/\" + file.activity.name && "
			    "!file.activity.write && common.workspace == \"/w\""));
	question_hash(&question, read);
	event_set_bool(&event, EVENT_F_FILE_ACTIVITY_WRITE, true);
	assert_int_equal(question_make(&event, &rule, &question), 0);
	assert_true(str_eqz(question.ask.what, "open for writing"));
	question_hash(&question, write);
	assert_memory_not_equal(read, write, BLAKE3_OUT);
	/* names that are not UTF-8 read alike: nobody can say yes to one of them */
	event_set_text(&event, EVENT_F_FILE_ACTIVITY_PATH, STR("/w/\377"));
	assert_int_equal(question_make(&event, &rule, &question), -EILSEQ);
	begin(EVENT_FILE_RENAME);
	event_set_str(&event, EVENT_F_FILE_ACTIVITY_PATH, STR("/w/a"));
	event_set_str(&event, EVENT_F_FILE_ACTIVITY_NEW_PATH, STR("/w/b"));
	assert_int_equal(question_make(&event, &rule, &question), 0);
	assert_true(str_eqz(question.ask.detail, "/w/b"));
	assert_int_equal(question.ask.wider.n, 0);
	begin(EVENT_HTTP_REQUEST);
	assert_int_equal(question_make(&event, &rule, &question), -ENOTSUP);
}

static void program_questions(void **state)
{
	static char big[200000];
	struct cel_value argv[3] = { cel_string(STR("git")), cel_string(STR("a b")),
				     cel_string(STR("it's")) };
	uint8_t one[BLAKE3_OUT], other[BLAKE3_OUT];

	(void)state;
	begin(EVENT_PROCESS_EXEC);
	event_set_str(&event, EVENT_F_PROCESS_ACTIVITY_EXECUTABLE, STR("/usr/bin/git"));
	event_set_list(&event, EVENT_F_PROCESS_ACTIVITY_ARGV, argv, 3);
	assert_int_equal(question_make(&event, &rule, &question), 0);
	assert_true(str_eqz(question.ask.detail, "git 'a b' 'it'\\''s'"));
	assert_true(str_eqz(question.ask.when,
			    "process.activity.executable == \"/usr/bin/git\" && "
			    "process.activity.argv == [\"git\", \"a b\", \"it's\"] && "
			    "common.workspace == \"/w\""));
	assert_false(question.ask.unkept);
	/* arguments beyond all bounds: told apart, shown in part, not for ever */
	memset(big, 'x', sizeof(big));
	argv[1] = cel_string((struct str){ big, sizeof(big) });
	assert_int_equal(question_make(&event, &rule, &question), 0);
	assert_true(question.ask.unkept);
	assert_true(str_eqz(question.ask.detail, "git and 2 more"));
	question_hash(&question, one);
	big[sizeof(big) - 1] = 'y';
	assert_int_equal(question_make(&event, &rule, &question), 0);
	question_hash(&question, other);
	assert_memory_not_equal(one, other, BLAKE3_OUT);
}

static void socket_questions(void **state)
{
	struct cel_addr addr = { .family = 6 };

	(void)state;
	begin(EVENT_NET_CONNECT);
	event_set_str(&event, EVENT_F_NET_ACTIVITY_PROTOCOL, STR("tcp"));
	event_set_ip(&event, &addr, STR("2001:db8::1"));
	event_set_int(&event, EVENT_F_TCP_PORT, 443);
	assert_int_equal(question_make(&event, &rule, &question), 0);
	assert_true(str_eqz(question.ask.object, "[2001:db8::1]:443"));
	assert_true(str_eqz(question.ask.when,
			    "net.activity.protocol == \"tcp\" && ip.value == \"2001:db8::1\" && "
			    "tcp.port == 443 && common.workspace == \"/w\""));
	begin(EVENT_NET_CONNECT);
	event_set_str(&event, EVENT_F_NET_ACTIVITY_PROTOCOL, STR("unix"));
	event_set_str(&event, EVENT_F_NET_ACTIVITY_PATH, STR("/run/x.sock"));
	assert_int_equal(question_make(&event, &rule, &question), 0);
	assert_true(str_eqz(question.ask.object, "/run/x.sock"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identical_questions_are_one),
		cmocka_unit_test(answers_are_remembered_for_the_session),
		cmocka_unit_test(scope_is_capped),
		cmocka_unit_test(always_is_written),
		cmocka_unit_test(expiry_is_no),
		cmocka_unit_test(nobody_there_is_the_default),
		cmocka_unit_test(cancelled_calls_are_forgotten),
		cmocka_unit_test(callbacks_may_do_anything),
		cmocka_unit_test(prompts_are_rationed),
		cmocka_unit_test(floods_are_bounded),
		cmocka_unit_test(too_long_is_refused),
		cmocka_unit_test(deadlines_come_from_the_loop),
		cmocka_unit_test(file_questions),
		cmocka_unit_test(program_questions),
		cmocka_unit_test(socket_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
