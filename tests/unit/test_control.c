/* Unit tests of mediate/control: real sockets, a real loop, hostile and slow clients. */
#include "base/file.h"
#include "base/own.h"
#include "mediate/control.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#define SESSION "00112233445566778899aabbccddeeff"

struct world {
	char dir[24], sock[100], key_file[100], key[CONTROL_KEY_LEN + 1];
	struct loop loop;
	struct loop_watch idle;
	struct asks *asks;
	struct control *control;
	unsigned n_told, n_reload, rounds;
	enum ask_answer told;
	int reload;
};

static const struct policy_rule rule = { .id = "ask-me",
					 .on = EVENT_BIT(EVENT_FILE_OPEN),
					 .action = RULE_ASK,
					 .phase = RULE_ENFORCE,
					 .tier = RULE_USER,
					 .ask = { .scope = RULE_SESSION },
					 .where = { .file = "capsule.yaml", .line = 4, .col = 5 } };

static void answered(void *owner, void *cookie, enum ask_answer answer)
{
	struct world *w = owner;

	(void)cookie;
	w->n_told++;
	w->told = answer;
}

static void status(void *owner, struct json_wr *w)
{
	(void)owner;
	json_key(w, "extra");
	json_u64(w, 42);
}

static int reload(void *owner, struct json_wr *w, struct err *err)
{
	struct world *world = owner;

	world->n_reload++;
	if (world->reload < 0)
		return err_text(err, EBADMSG, "capsule.yaml:3:1: no");
	json_key(w, "digest");
	json_strz(w, "abc");
	return 0;
}

static int idle(struct loop_watch *watch, uint32_t revents)
{
	struct world *w = loop_owner(watch, struct world, idle);

	(void)revents;
	if (w->rounds++ % 2) /* it comes first in every batch: the first one is to go through */
		loop_stop(&w->loop);
	return 0;
}

/* Let the server do what there is to do. */
static void turn(struct world *w)
{
	for (int i = 0; i < 5; i++)
		assert_int_equal(loop_run(&w->loop), 0);
}

static void world_make(struct world *w)
{
	struct asks_options o = { .otherwise = RULE_BLOCK, .answered = answered, .owner = w };
	struct control_options c = {
		.session = SESSION, .status = status, .reload = reload, .owner = w
	};
	struct err err = ERR_INIT;
	size_t n;
	int fd;

	*w = (struct world){ .idle = { .events = EPOLLIN, .fn = idle } };
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/capsule-ctl-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->sock, sizeof(w->sock), "%s/run/" SESSION ".sock", w->dir);
	(void)snprintf(w->key_file, sizeof(w->key_file), "%s/run/" SESSION ".key", w->dir);
	assert_int_equal(loop_init(&w->loop), 0);
	w->idle.fd = eventfd(1, EFD_CLOEXEC);
	assert_int_equal(loop_add(&w->loop, &w->idle), 0);
	assert_int_equal(asks_new(&o, &w->asks), 0);
	c.asks = w->asks;
	c.state_dir = w->dir;
	if (control_open(&c, &w->loop, &w->control, &err) < 0)
		fail_msg("%s", err.text);
	fd = open(w->key_file, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fd_read_small(fd, w->key, CONTROL_KEY_LEN, &n), 0);
	assert_int_equal(n, CONTROL_KEY_LEN);
	close(fd);
}

static void world_done(struct world *w)
{
	char run[160];

	w->control = control_close(w->control);
	asks_free(w->asks);
	assert_int_equal(access(w->sock, F_OK), -1);
	assert_int_equal(access(w->key_file, F_OK), -1);
	(void)snprintf(run, sizeof(run), "%s/run", w->dir);
	assert_int_equal(rmdir(run), 0);
	assert_int_equal(rmdir(w->dir), 0);
	close(w->idle.fd);
	loop_done(&w->loop);
}

static int dial(const struct world *w)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", w->sock);
	assert_int_equal(connect(fd, (const struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* One line, the server working for it meanwhile; NULL: it hung up. */
static const char *hear(struct world *w, int fd)
{
	static char line[CONTROL_OUT_MAX];
	size_t n = 0;

	for (int tries = 0; tries < 1000 && n < sizeof(line) - 1;) {
		ssize_t r = recv(fd, line + n, 1, MSG_DONTWAIT);

		if (r == 0 || (r < 0 && errno == ECONNRESET))
			return NULL;
		if (r < 0) {
			turn(w);
			tries++;
			continue;
		}
		if (line[n++] == '\n') {
			line[n - 1] = '\0';
			return line;
		}
	}
	fail_msg("no line");
	return NULL;
}

static int greet(struct world *w)
{
	int fd = dial(w);
	char text[256];

	(void)snprintf(text, sizeof(text), "{\"do\":\"hello\",\"version\":1,\"key\":\"%s\"}\n",
		       w->key);
	say(fd, text);
	assert_non_null(
		strstr(hear(w, fd), "\"ok\":true,\"version\":1,\"session\":\"" SESSION "\""));
	return fd;
}

static int submit(struct world *w, const char *object)
{
	struct ask_question q = { .type = EVENT_FILE_OPEN,
				  .what = STR("open for reading"),
				  .object = str_of(object),
				  .when = str_of(object),
				  .rule = &rule };
	uint64_t id;

	return asks_submit(w->asks, &q, NULL, &id);
}

#define EXPECT(w, fd, text)                                                   \
	do {                                                                  \
		const char *got_ = hear(w, fd);                               \
		if (!got_ || !strstr(got_, text))                             \
			fail_msg("%s, not %s", got_ ? got_ : "(gone)", text); \
	} while (0)

/* ---- */

static void requests(void **state)
{
	struct world w;
	int fd;

	(void)state;
	world_make(&w);
	fd = greet(&w);
	say(fd, "{\"do\":\"status\"}\n{\"do\":\"asks\"}\n");
	EXPECT(&w, fd, "\"session\":\"" SESSION "\",\"asks\":{\"open\":0,");
	EXPECT(&w, fd, "{\"ok\":true,\"open\":0}");
	assert_int_equal(submit(&w, "/w/a"), -EACCES); /* nobody watches: nobody can be asked */
	say(fd, "{\"do\":\"watch\"}\n");
	EXPECT(&w, fd, "{\"ok\":true,\"open\":0}");
	assert_int_equal(submit(&w, "/w/a"), 0);
	EXPECT(&w, fd,
	       "{\"opened\":{\"id\":1,\"type\":\"file.open\",\"what\":\"open for reading\","
	       "\"object\":\"/w/a\",\"rule\":\"ask-me\",\"where\":\"capsule.yaml:4:5\"");
	say(fd, "{\"do\":\"asks\"}\n");
	EXPECT(&w, fd, "{\"ask\":{\"id\":1,");
	EXPECT(&w, fd, "{\"ok\":true,\"open\":1}");
	say(fd, "{\"do\":\"answer\",\"id\":2,\"allow\":true}\n");
	EXPECT(&w, fd, "{\"ok\":false,\"error\":\"no question of that number is open\"}");
	say(fd, "{\"do\":\"answer\",\"id\":1,\"allow\":true,\"scope\":\"always\"}\n");
	EXPECT(&w, fd,
	       "{\"closed\":{\"id\":1,\"answer\":\"allow\",\"scope\":\"session\",\"narrow\":true,"
	       "\"by\":\"control\"");
	EXPECT(&w, fd, "{\"ok\":true,\"scope\":\"session\",\"narrow\":true}");
	assert_int_equal(w.n_told, 1);
	assert_int_equal(w.told, ASK_ALLOW);
	assert_int_equal(submit(&w, "/w/a"), 1);
	say(fd, "{\"do\":\"reload\"}\n");
	EXPECT(&w, fd, "{\"ok\":true,\"reload\":{\"digest\":\"abc\"}}");
	w.reload = -1;
	say(fd, "{\"do\":\"reload\"}\n");
	EXPECT(&w, fd, "{\"ok\":false,\"error\":\"capsule.yaml:3:1: no\"}");
	assert_int_equal(w.n_reload, 2);
	close(fd);
	turn(&w);
	assert_int_equal(submit(&w, "/w/b"), -EACCES); /* gone again */
	world_done(&w);
}

static void strangers_do_nothing(void **state)
{
	static const char *const first[] = {
		"{\"do\":\"status\"}\n",
		"{\"do\":\"answer\",\"id\":1,\"allow\":true}\n",
		"{\"do\":\"hello\",\"version\":1,\"key\":\"" SESSION SESSION "\"}\n",
		"GET / HTTP/1.1\n",
		"\n",
	};
	struct world w;
	int fd, watcher;

	(void)state;
	world_make(&w);
	watcher = greet(&w);
	say(watcher, "{\"do\":\"watch\"}\n");
	EXPECT(&w, watcher, "\"ok\":true");
	assert_int_equal(submit(&w, "/w/a"), 0);
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		fd = dial(&w);
		say(fd, first[i]);
		say(fd, "{\"do\":\"answer\",\"id\":1,\"allow\":true}\n");
		EXPECT(&w, fd, "{\"ok\":false,");
		assert_null(hear(&w, fd));
		close(fd);
	}
	assert_int_equal(w.n_told, 0);
	close(watcher);
	world_done(&w);
}

static void only_the_owner_can_reach_it(void **state)
{
	struct world w;
	struct stat st;
	char run[160];

	(void)state;
	world_make(&w);
	assert_int_equal(stat(w.sock, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(w.key_file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	(void)snprintf(run, sizeof(run), "%s/run", w.dir);
	assert_int_equal(stat(run, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	if (geteuid() == 0) {
		int status;
		pid_t pid;

		/* let in by the files, kept out by who it is */
		assert_int_equal(chmod(w.dir, 0755), 0);
		assert_int_equal(chmod(run, 0755), 0);
		assert_int_equal(chmod(w.sock, 0666), 0);
		pid = fork();
		if (pid == 0) {
			char c;
			int fd;

			if (setgid(65534) < 0 || setuid(65534) < 0)
				_exit(3);
			fd = dial(&w);
			/* it may be closed already, which is no reason to die */
			(void)!send(fd, "{\"do\":\"status\"}\n", 16, MSG_NOSIGNAL);
			_exit(read(fd, &c, 1) > 0 ? 1 : 0);
		}
		while (waitpid(pid, &status, WNOHANG) == 0)
			turn(&w);
		assert_int_equal(status, 0);
	}
	world_done(&w);
}

static void long_lines_end_it(void **state)
{
	char line[CONTROL_LINE_MAX + 1];
	struct world w;
	int fd;

	(void)state;
	world_make(&w);
	fd = greet(&w);
	memset(line, ' ', sizeof(line));
	line[CONTROL_LINE_MAX - 2] = '\0'; /* this one just fits */
	memcpy(line, "{\"do\":\"status\"}", 15);
	say(fd, line);
	say(fd, "\n");
	EXPECT(&w, fd, "\"extra\":42");
	memset(line, ' ', sizeof(line));
	line[CONTROL_LINE_MAX] = '\0';
	say(fd, line);
	EXPECT(&w, fd, "a line of more than 4096 bytes");
	assert_null(hear(&w, fd));
	close(fd);
	world_done(&w);
}

/* Eight; strangers make room, greeted ones do not. */
static void clients_are_bounded(void **state)
{
	int fds[CONTROL_CLIENTS_MAX], more;
	struct world w;

	(void)state;
	world_make(&w);
	for (int i = 0; i < 3 * CONTROL_CLIENTS_MAX; i++) {
		more = dial(&w); /* and says nothing */
		turn(&w);
		if (i % 2)
			close(more);
	}
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = greet(&w);
	more = dial(&w);
	say(more, "{\"do\":\"status\"}\n");
	assert_null(hear(&w, more));
	close(more);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		say(fds[i], "{\"do\":\"status\"}\n");
		EXPECT(&w, fds[i], "\"ok\":true");
		close(fds[i]);
	}
	turn(&w);
	close(greet(&w));
	world_done(&w);
}

/* One that asks and asks and never reads holds up nobody, and what it is owed stays bounded. */
static void slow_clients(void **state)
{
	struct timeval wait = { .tv_usec = 1000 };
	struct world w;
	int slow, quick, small = 4096;
	char object[3000], name[3010];
	unsigned n = 0;

	(void)state;
	world_make(&w);
	slow = greet(&w);
	quick = greet(&w);
	(void)setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	(void)setsockopt(slow, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	say(slow, "{\"do\":\"watch\"}\n");
	say(quick, "{\"do\":\"watch\"}\n");
	EXPECT(&w, quick, "\"ok\":true");
	memset(object, 'x', sizeof(object));
	object[sizeof(object) - 1] = '\0';
	for (int i = 0; i < ASK_BURST; i++) {
		(void)snprintf(name, sizeof(name), "/%d%s", i, object);
		assert_int_equal(submit(&w, name), 0);
	}
	while (send(slow, "{\"do\":\"asks\"}\n", 14, MSG_DONTWAIT | MSG_NOSIGNAL) == 14 &&
	       n++ < 20000)
		turn(&w);
	assert_true(n < 20000); /* it was pushed back */
	for (int i = 0; i < ASK_BURST; i++)
		EXPECT(&w, quick, "\"opened\"");
	say(quick, "{\"do\":\"asks\"}\n");
	for (int i = 0; i < ASK_BURST; i++)
		EXPECT(&w, quick, "{\"ask\":{\"id\":");
	EXPECT(&w, quick, "{\"ok\":true,\"open\":32}");
	say(quick, "{\"do\":\"answer\",\"id\":1,\"allow\":false}\n");
	EXPECT(&w, quick, "\"closed\"");
	EXPECT(&w, quick, "\"ok\":true");
	close(slow);
	close(quick);
	turn(&w);
	world_done(&w);
}

static void bytes_may_come_in_any_pieces(void **state)
{
	static const char text[] = "{\"do\":\"status\"}\n{\"do\":\"asks\"}\n";
	struct world w;
	int fd;

	(void)state;
	world_make(&w);
	fd = greet(&w);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		assert_int_equal(send(fd, text + i, 1, MSG_NOSIGNAL), 1);
		turn(&w);
	}
	EXPECT(&w, fd, "\"extra\":42");
	EXPECT(&w, fd, "\"open\":0");
	close(fd);
	world_done(&w);
}

static void request_mistakes(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "{\"do\":\"stop\"}", "'do' is hello, status" },
		{ "{\"id\":1}", "'do' is missing" },
		{ "{\"do\":\"answer\",\"id\":1}", "'allow' is missing" },
		{ "{\"do\":\"answer\",\"id\":1,\"allow\":1}", "'allow' is true or false" },
		{ "{\"do\":\"answer\",\"id\":-1,\"allow\":true}", "'id' is a number" },
		{ "{\"do\":\"answer\",\"id\":1,\"allow\":true,\"scope\":\"ever\"}",
		  "'scope' is once" },
		{ "{\"do\":\"status\",\"id\":1}", "'id' has no place in 'status'" },
		{ "{\"do\":\"status\",\"x\":1}", "no member of that name" },
		{ "{\"do\":\"status\"}{}", "not JSON" },
		{ "[]", "a request is an object" },
		{ "{\"do\":\"hello\",\"version\":1,\"key\":\"1\"}", "'key' is 64" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct control_request r;
		struct err err = ERR_INIT;

		assert_int_equal(control_request_read(str_of(cases[i].line), &r, &err), -EBADMSG);
		if (!strstr(err.text, cases[i].says))
			fail_msg("%s: %s", cases[i].line, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(strangers_do_nothing),
		cmocka_unit_test(only_the_owner_can_reach_it),
		cmocka_unit_test(long_lines_end_it),
		cmocka_unit_test(clients_are_bounded),
		cmocka_unit_test(slow_clients),
		cmocka_unit_test(bytes_may_come_in_any_pieces),
		cmocka_unit_test(request_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
