/*
 * Unit tests of the log's writer: what it writes, when, and what it does when the disk fails.
 */
#include "log_world.h"

#include "audit/line.h"
#include "base/own.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- the writer ---- */

static void times_are_exact(void **state)
{
	struct timespec ts = { .tv_sec = 1795314006, .tv_nsec = 123456789 };
	char t[LINE_TIME];
	int64_t ns;

	(void)state;
	line_time_put(t, &ts);
	assert_memory_equal(t, "2026-11-22T02:20:06.123456789Z", LINE_TIME);
	assert_int_equal(line_time_parse((struct str){ t, LINE_TIME }, &ns), 0);
	assert_int_equal(ns, INT64_C(1795314006123456789));
	for (int64_t day = -80000; day < 80000; day++) {
		ts = (struct timespec){ .tv_sec = day * 86400 + 86399, .tv_nsec = 1 };
		line_time_put(t, &ts);
		assert_int_equal(line_time_parse((struct str){ t, LINE_TIME }, &ns), 0);
		assert_int_equal(ns, ts.tv_sec * 1000000000 + 1);
	}
	assert_int_equal(line_time_parse(STR("2026-13-22T02:20:06.123456789Z"), &ns), -EBADMSG);
	assert_int_equal(line_time_parse(STR("2026-11-22 02:20:06.123456789Z"), &ns), -EBADMSG);
	assert_int_equal(line_time_parse(STR("2026-11-22T02:20:06.12345678Z"), &ns), -EBADMSG);
}

static void heads_are_read_strictly(void **state)
{
#define HEAD(seq, type)                                                                      \
	"{\"seq\":" seq ",\"sid\":\"0123abcd\",\"time\":\"2026-11-22T02:20:06.123456789Z\"," \
	"\"prev\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","     \
	"\"type\":\"" type "\""
	static const char *const bad[] = {
		"",
		"{}",
		HEAD("1", "a"),
		HEAD("01", "a") "}",
		HEAD("-1", "a") "}",
		HEAD("18446744073709551616", "a") "}",
		HEAD("1", "") "}",
		HEAD("1", "A") "}",
		HEAD("1", "a b") "}",
		HEAD("1", "a") " }",
		HEAD("1", "a") "}}",
		" " HEAD("1", "a") "}",
	};
	struct line_head h;
	char room[LINE_HEAD_MAX];

	(void)state;
	assert_int_equal(
		line_head_parse(STR(HEAD("18446744073709551615", "a.b_c-9") ",\"x\":1}"), &h), 0);
	assert_int_equal(h.n, line_head_put(room, &h));
	assert_memory_equal(room, HEAD("18446744073709551615", "a.b_c-9"), h.n);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(line_head_parse(str_of(bad[i]), &h), -EBADMSG);
}

static void a_whole_session(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct audit_log *log = open_log(w, &err);
	struct file *f, *l;
	struct stat st;
	char session[33];

	memcpy(session, audit_session_id(log), 33);
	assert_string_equal(audit_path(log), w->log);
	assert_int_equal(audit_timeout(log), -1);
	for (int i = 0; i < 600; i++)
		assert_int_equal(add(log, "x", &err), 0);
	assert_true(audit_timeout(log) >= 0);
	assert_int_equal(audit_gap(log, 17, "queue full", &err), 0);
	assert_int_equal(audit_checkpoint(log, &err), 0);
	assert_int_equal(audit_checkpoint(log, &err), 0); /* nothing new: nothing written */
	assert_int_equal(audit_timeout(log), -1);
	assert_int_equal(audit_close(log, &err), 0);

	f = slurp(w->log);
	assert_false(f->torn);
	assert_int_equal(f->lines, 2 + 600 + 1 + 1 + 2);
	assert_int_equal(check_log(f), 3);
	assert_true(has(f->line[0], "\"command\":\"true\"}"));
	assert_true(has(f->line[602], "\"type\":\"gap\",\"count\":17,\"reason\":\"queue full\"}"));
	assert_true(has(f->line[604], "\"type\":\"session.end\",\"records\":604}"));
	assert_int_equal(stat(w->log, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	assert_int_equal(check_ledger(w, &l), 1);
	assert_int_equal(l->lines, 4);
	assert_true(has(l->line[1], "session.start") && has(l->line[2], "session.end"));
	assert_true(str_eqz(member(l->line[1], "session"), session));
	assert_true(has(l->line[2], "\"size\":605,"));
	file_free(f);
	file_free(l);
}

static void the_name_appears_with_its_first_checkpoint(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct audit_log *log, *second = NULL;
	struct json_wr *g;
	struct file *f;

	assert_int_equal(audit_open(&w->o, &log, &g, &err), 0);
	assert_int_equal(access(w->log, F_OK), -1);
	assert_int_equal(audit_end(log, &err), 0);
	f = slurp(w->log);
	assert_int_equal(f->lines, 2);
	assert_int_equal(check_log(f), 1);
	file_free(f);
	/* the name is taken now */
	assert_int_equal(audit_open(&w->o, &second, &g, &err), -EEXIST);
	assert_null(second);
	log = audit_abort(log);
	assert_null(log);
	assert_null(audit_abort(NULL));
	assert_int_equal(audit_close(NULL, NULL), 0);
}

static void a_name_is_never_taken_over(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct audit_log *log;
	struct json_wr *g;
	struct file *f;
	int fd;

	assert_int_equal(audit_open(&w->o, &log, &g, &err), 0);
	fd = open(w->log, O_CREAT | O_WRONLY, 0600); /* somebody is faster */
	assert_int_equal(write(fd, "theirs\n", 7), 7);
	close(fd);
	assert_int_equal(audit_end(log, &err), -EEXIST);
	assert_int_equal(audit_close(log, NULL), -EEXIST);
	f = slurp(w->log);
	assert_int_equal(f->n, 7);
	file_free(f);
}

static void a_session_cut_off_is_readable(void **state)
{
	struct world *w = *state;
	pid_t pid = fork();
	struct file *f;
	int status;

	if (pid == 0) {
		struct err err = ERR_INIT;
		struct audit_log *log = open_log(w, &err);

		for (int i = 0; i < 100; i++)
			(void)add(log, "x", &err);
		(void)audit_checkpoint(log, &err);
		usleep(5000);
		(void)add(log, "written at once, for the last write is long ago", &err);
		(void)add(log, "still in the buffer", &err);
		(void)raise(SIGKILL);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	f = slurp(w->log);
	assert_int_equal(f->lines, 2 + 100 + 1 + 1);
	assert_int_equal(check_log(f), 2);
	file_free(f);
}

static void strings_cannot_break_a_line(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct audit_log *log = open_log(w, &err);
	struct file *f;

	assert_int_equal(
		add(log, "a\nb\",\"type\":\"checkpoint\"}\n{\x1b[2J\xff\xe2\x80\xae", &err), 0);
	assert_int_equal(audit_close(log, &err), 0);
	f = slurp(w->log);
	assert_int_equal(f->lines, 5);
	assert_true(has(f->line[2],
			"\"text\":\"a\\nb\\\",\\\"type\\\":\\\"checkpoint\\\"}\\n{\\u001b[2J"
			"\\udcff\\u202e\"}"));
	assert_int_equal(check_log(f), 2);
	file_free(f);
}

static void secrets_are_taken_out(void **state)
{
	static const char *const secrets[] = {
		"hunter2hunter2", "123456789",
		"short",          "quo\"te\nd",
		"hunter2",        "-----BEGIN-----\nMIIEvgIBADANBgkqhkiG9w0\nAQEFAASC\n",
	};
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct audit_log *log;
	struct json_wr *j;
	struct file *f;

	w->o.redact = secrets;
	w->o.n_redact = sizeof(secrets) / sizeof(secrets[0]);
	log = open_log(w, &err);
	assert_int_equal(add(log, "a hunter2hunter2 b hunter2 c", &err), 0);
	j = audit_begin(log, "test.record");
	json_key(j, "number");
	json_u64(j, 123456789);
	json_key(j, "short");
	json_strz(j, "quo\"te\nd");
	json_key(j, "key is 123456789");
	json_strz(j, "x MIIEvgIBADANBgkqhkiG9w0 y");
	assert_int_equal(audit_end(log, &err), 0);
	assert_int_equal(add(log, "nothing", &err), 0);
	assert_int_equal(audit_close(log, &err), 0);

	f = slurp(w->log);
	assert_true(has(f->line[2], "\"text\":\"a [redacted] b [redacted] c\",\"redacted\":2}"));
	assert_true(has(f->line[3], "\"number\":123456789,\"short\":\"[redacted]\","
				    "\"key is [redacted]\":\"x [redacted] y\",\"redacted\":3}"));
	assert_true(has(f->line[4], "\"text\":\"nothing\"}"));
	assert_null(memmem(f->p, f->n, "hunter2", 7));
	assert_int_equal(check_log(f), 2);
	file_free(f);
}

static void half_an_escape_is_no_secret(void **state)
{
	static const char *const secrets[] = { "u0001bcd", "nsecret" };
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct audit_log *log;
	struct file *f;

	w->o.redact = secrets;
	w->o.n_redact = 2;
	log = open_log(w, &err);
	assert_int_equal(add(log, "\001bcd \nsecret u0001bcd \\nsecret", &err), 0);
	assert_int_equal(audit_close(log, &err), 0);
	f = slurp(w->log);
	assert_true(has(f->line[2],
			"\"\\u0001bcd \\nsecret [redacted] \\\\[redacted]\",\"redacted\":2}"));
	file_free(f);
}

static void an_oversize_record_is_named(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct audit_log *log = open_log(w, &err);
	char *big = malloc(3u << 20);
	struct file *f;

	memset(big, 'x', 3u << 20);
	big[(3u << 20) - 1] = '\0';
	assert_int_equal(add(log, big, &err), 0);
	big[(1u << 20) - 100] = '\0'; /* fits the buffer, not the line */
	assert_int_equal(add(log, big, &err), 0);
	big[(1u << 20) - 1000] = '\0';
	assert_int_equal(add(log, big, &err), 0);
	assert_int_equal(audit_close(log, &err), 0);
	f = slurp(w->log);
	assert_true(has(f->line[2], "\"type\":\"test.record\",\"oversize\":true}"));
	assert_true(has(f->line[3], "\"type\":\"test.record\",\"oversize\":true}"));
	assert_true(f->line[4].n > (1u << 20) - 1000);
	assert_int_equal(check_log(f), 2);
	file_free(f);
	free(big);
}

static void a_record_left_open_fails_closed(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct audit_log *log = open_log(w, &err);
	struct json_wr *j = audit_begin(log, "test.record");

	json_key(j, "a");
	json_array(j);
	assert_int_equal(audit_end(log, &err), -EINVAL);
	assert_int_equal(add(log, "more", NULL), -EINVAL);
	assert_int_equal(audit_close(log, NULL), -EINVAL);
}

/* ---- faults ---- */

static struct {
	int writes_left; /* until the fault; -1: never */
	int syncs_left;
	int error;
	bool short_writes;
} fault;

static ssize_t faulty_write(int fd, const void *p, size_t n)
{
	if (fault.writes_left == 0) {
		errno = fault.error;
		if (!fault.short_writes)
			return -1;
		fault.short_writes = false; /* part of it, then the error: a disk that fills up */
		return write(fd, p, n / 2);
	}
	if (fault.writes_left > 0)
		fault.writes_left--;
	return write(fd, p, fault.short_writes && n > 7 ? 7 : n);
}

static int faulty_fdatasync(int fd)
{
	if (fault.syncs_left == 0) {
		errno = fault.error;
		return -1;
	}
	if (fault.syncs_left > 0)
		fault.syncs_left--;
	return fdatasync(fd);
}

static const struct audit_io faulty = { .write = faulty_write, .fdatasync = faulty_fdatasync };

static void short_writes_are_continued(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct audit_log *log;
	struct file *f;

	fault = (typeof(fault)){ .writes_left = -1, .syncs_left = -1, .short_writes = true };
	w->o.io = &faulty;
	log = open_log(w, &err);
	for (int i = 0; i < 50; i++)
		assert_int_equal(add(log, "x", &err), 0);
	assert_int_equal(audit_close(log, &err), 0);
	f = slurp(w->log);
	assert_int_equal(f->lines, 54);
	assert_int_equal(check_log(f), 2);
	file_free(f);
}

/* Whatever write fails, and however: said at once, said again, and what is there is whole. */
static void failed_writes_fail_closed(void **state)
{
	struct world *w = *state;

	w->o.io = &faulty;
	w->o.fsync = POLICY_FSYNC_ALWAYS;
	for (int at = 1; at < 12; at++) {
		struct err err = ERR_INIT;
		struct audit_log *log;
		struct file *f;
		int good = 0, r = 0;

		(void)unlink(w->log);
		fault = (typeof(fault)){ .writes_left = at,
					 .syncs_left = -1,
					 .error = at % 2 ? ENOSPC : EIO,
					 .short_writes = at % 3 == 0 };
		if (fault.short_writes) /* let whole writes pass until then */
			fault.short_writes = false;
		log = open_log(w, &err);
		fault.short_writes = at % 3 == 0 && fault.writes_left == 0;
		while (good < 20 && (r = add(log, "x", &err)) == 0)
			good++;
		assert_int_equal(r, at % 2 ? -ENOSPC : -EIO);
		assert_true(err_is_set(&err));
		assert_int_equal(good, at - 1);
		fault.writes_left = -1; /* the disk is well again: too late */
		assert_true(add(log, "y", NULL) < 0);
		assert_true(audit_checkpoint(log, NULL) < 0);
		assert_true(audit_tick(log, NULL) < 0);
		assert_true(audit_close(log, NULL) < 0);
		f = slurp(w->log);
		assert_int_equal(f->lines, 2 + good);
		assert_int_equal(check_log(f), 1);
		assert_false(has((struct str){ f->p, f->n }, "\"text\":\"y\""));
		file_free(f);
	}
}

static void a_torn_line_is_never_continued(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct audit_log *log;
	struct file *f;

	w->o.io = &faulty;
	w->o.fsync = POLICY_FSYNC_ALWAYS;
	fault = (typeof(fault)){ .writes_left = -1, .syncs_left = -1 };
	log = open_log(w, &err);
	fault = (typeof(fault)){
		.writes_left = 0, .syncs_left = -1, .error = ENOSPC, .short_writes = true
	};
	assert_int_equal(add(log, "x", &err), -ENOSPC);
	fault.writes_left = -1;
	assert_int_equal(audit_close(log, NULL), -ENOSPC);
	f = slurp(w->log);
	assert_true(f->torn);
	assert_int_equal(f->lines, 2);
	file_free(f);
}

/* Who ran for less than a second does not wait for the disk at its end; who ran longer does. */
static void the_end_of_a_short_session_is_not_synced(void **state)
{
	struct world *w = *state;
	const struct timespec second = { .tv_sec = AUDIT_CHECKPOINT_MS / 1000, .tv_nsec = 1000000 };

	w->o.io = &faulty;
	for (int slow = 0; slow < 2; slow++) {
		struct err err = ERR_INIT;
		struct audit_log *log;

		(void)unlink(w->log);
		fault = (typeof(fault)){ .writes_left = -1, .syncs_left = 0, .error = EIO };
		log = open_log(w, &err);
		assert_int_equal(add(log, "x", &err), 0);
		if (slow)
			(void)nanosleep(&second, NULL);
		assert_int_equal(audit_close(log, &err), slow ? -EIO : 0);
	}
}

/* publish_later: nothing has the name before, and the first line stays when it is all there is. */
static void a_log_is_named_when_it_is_published(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct audit_log *log;
	struct json_wr *g;

	w->o.publish_later = true;
	for (int published = 0; published < 2; published++) {
		char unnamed[PATH_MAX];

		(void)snprintf(unnamed, sizeof(unnamed), "%s.new", w->log);
		assert_int_equal(audit_open(&w->o, &log, &g, &err), 0);
		assert_int_equal(audit_end(log, &err), 0);
		assert_int_equal(add(log, "x", &err), 0);
		assert_int_equal(audit_write(log, &err), 0);
		assert_int_equal(access(w->log, F_OK), -1);
		if (published)
			assert_int_equal(audit_publish(log, &err), 0);
		log = audit_abort(log);
		assert_int_equal(access(published ? w->log : unnamed, F_OK), 0);
		assert_int_equal(access(published ? unnamed : w->log, F_OK), -1);
		(void)unlink(unnamed);
	}
}

/* A name that another made in between is left alone; the ledger knows what became of the session. */
static void the_ledger_comes_before_the_name(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct audit_log *log;
	struct json_wr *g;
	struct file *l;
	char unnamed[PATH_MAX];
	int fd;

	(void)snprintf(unnamed, sizeof(unnamed), "%s.new", w->log);
	w->o.publish_later = true;
	assert_int_equal(audit_open(&w->o, &log, &g, &err), 0);
	assert_int_equal(audit_end(log, &err), 0);
	fd = open(w->log, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(audit_publish(log, &err), -EEXIST);
	log = audit_abort(log);
	assert_int_equal(access(unnamed, F_OK), 0);
	(void)check_ledger(w, &l);
	assert_true(has((struct str){ l->p, l->n }, "session.start"));
	file_free(l);
	(void)unlink(unnamed);
}

static void failed_syncs_fail_closed(void **state)
{
	struct world *w = *state;

	w->o.io = &faulty;
	for (int at = 0; at < 2; at++) {
		struct err err = ERR_INIT;
		struct audit_log *log;
		struct file *l;
		int r;

		(void)unlink(w->log);
		fault = (typeof(fault)){ .writes_left = -1, .syncs_left = at, .error = EIO };
		log = open_log(w, &err);
		r = add(log, "x", &err);
		for (int i = 0; i < 2 && r == 0; i++) {
			r = audit_checkpoint(log, &err);
			if (r == 0)
				r = add(log, "y", &err);
		}
		if (r == 0)
			r = audit_close(log, &err);
		else
			assert_int_equal(audit_close(log, NULL), -EIO);
		assert_int_equal(r, -EIO);
		/* and the ledger was not told that it ended */
		(void)check_ledger(w, &l);
		assert_false(has((struct str){ l->p, l->n }, "session.end"));
		file_free(l);
	}
}

static void a_genesis_that_cannot_be_written_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct audit_log *log;
	struct json_wr *g;
	char name[128];

	w->o.io = &faulty;
	fault = (typeof(fault)){ .writes_left = 0, .syncs_left = -1, .error = ENOSPC };
	assert_int_equal(audit_open(&w->o, &log, &g, &err), 0);
	assert_int_equal(audit_end(log, &err), -ENOSPC);
	assert_int_equal(audit_close(log, NULL), -ENOSPC);
	assert_int_equal(access(w->log, F_OK), -1);
	snprintf(name, sizeof(name), "%s.new", w->log);
	assert_int_equal(access(name, F_OK), -1);
	assert_int_equal(access(w->ledger, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_exact),
		cmocka_unit_test(heads_are_read_strictly),
		TEST(a_whole_session),
		TEST(the_name_appears_with_its_first_checkpoint),
		TEST(a_name_is_never_taken_over),
		TEST(a_session_cut_off_is_readable),
		TEST(strings_cannot_break_a_line),
		TEST(secrets_are_taken_out),
		TEST(half_an_escape_is_no_secret),
		TEST(an_oversize_record_is_named),
		TEST(a_record_left_open_fails_closed),
		TEST(short_writes_are_continued),
		TEST(failed_writes_fail_closed),
		TEST(a_torn_line_is_never_continued),
		TEST(failed_syncs_fail_closed),
		TEST(the_end_of_a_short_session_is_not_synced),
		TEST(a_log_is_named_when_it_is_published),
		TEST(the_ledger_comes_before_the_name),
		TEST(a_genesis_that_cannot_be_written_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
