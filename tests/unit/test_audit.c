/*
 * Unit tests of the writer, the keys and the ledger's appending end. What is on disk is read here
 * with plain means (line by line, hash by hash), not with the verifier.
 */
#include "audit/audit.h"
#include "audit/chain.h"
#include "audit/keys.h"
#include "audit/ledger.h"
#include "audit/line.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/note.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

struct world {
	char dir[64], config[96], state[96], log[96], key[128], pub[128], ledger[128];
	struct audit_options o;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/capsule-test-audit-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->config, sizeof(w->config), "%s/a/config", w->dir);
	snprintf(w->state, sizeof(w->state), "%s/b/state", w->dir);
	snprintf(w->log, sizeof(w->log), "%s/t.log", w->dir);
	snprintf(w->key, sizeof(w->key), "%s/install.key", w->config);
	snprintf(w->pub, sizeof(w->pub), "%s/install.pub", w->config);
	snprintf(w->ledger, sizeof(w->ledger), "%s/ledger", w->state);
	w->o = (struct audit_options){ .path = w->log,
				       .config_dir = w->config,
				       .state_dir = w->state };
	assert_int_equal(ed25519_init(), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", w->dir, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	free(w);
	return 0;
}

/* ---- a file as its lines ---- */

struct file {
	char *p;
	size_t n;
	struct str line[4096];
	size_t lines;
	bool torn;
};

static struct file *slurp(const char *path)
{
	struct file *f = calloc(1, sizeof(*f));
	struct stat st;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	f->n = (size_t)st.st_size;
	f->p = malloc(f->n + 1);
	assert_int_equal(read(fd, f->p, f->n), st.st_size);
	f->p[f->n] = '\0';
	close(fd);
	for (size_t at = 0; at < f->n;) {
		char *nl = memchr(f->p + at, '\n', f->n - at);

		f->torn = !nl;
		if (!nl)
			break;
		assert_true(f->lines < 4096);
		f->line[f->lines++] = (struct str){ f->p + at, (size_t)(nl - f->p) - at };
		at = (size_t)(nl - f->p) + 1;
	}
	return f;
}

static void file_free(struct file *f)
{
	free(f->p);
	free(f);
}

static bool has(struct str s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

/* The value of a string member, up to the next quote. */
static struct str member(struct str line, const char *key)
{
	char want[64];
	const char *at;
	size_t n = (size_t)snprintf(want, sizeof(want), "\"%s\":\"", key);

	at = memmem(line.p, line.n, want, n);
	assert_non_null(at);
	at += n;
	return (struct str){ at, (size_t)((char *)memchr(at, '"', (size_t)(line.p + line.n - at)) -
					  at) };
}

/* A note as it was before JSON: \n is the only escape in it. */
static struct str note_of(struct str line, char *room)
{
	struct str v = member(line, "note");
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\\') {
			assert_int_equal(v.p[++i], 'n');
			room[n++] = '\n';
		} else {
			room[n++] = v.p[i];
		}
	}
	return (struct str){ room, n };
}

/* Numbers, links, and every checkpoint's root and signature; returns how many checkpoints. */
static size_t check_chain(const struct file *f, struct str key_name, const uint8_t public[32])
{
	static uint8_t leaf[4096][32];
	char prev[64], room[NOTE_MAX];
	size_t checkpoints = 0;

	memset(prev, '0', sizeof(prev));
	for (size_t i = 0; i < f->lines; i++) {
		struct line_head head;

		assert_int_equal(line_head_parse(f->line[i], &head), 0);
		assert_int_equal(head.seq, i);
		assert_memory_equal(head.prev, prev, 64);
		if (str_eqz(head.type, "checkpoint")) {
			struct checkpoint cp;
			struct str text;
			uint8_t root[32];

			assert_int_equal(
				note_verify(note_of(f->line[i], room), key_name, public, &text), 0);
			assert_int_equal(checkpoint_parse(text, &cp), 0);
			assert_int_equal(cp.size, i);
			merkle_root_of(&merkle_blake3, (const uint8_t(*)[32])leaf, i, root);
			assert_memory_equal(cp.root, root, 32);
			checkpoints++;
		}
		line_leaf(f->line[i], leaf[i]);
		hex_put(prev, leaf[i], 32);
	}
	return checkpoints;
}

static size_t check_log(const struct file *f)
{
	struct str name, vkey = member(f->line[0], "session_key");
	uint8_t public[32], sig[64];
	char room[512], id[33];
	struct buf text = buf_fixed(room, sizeof(room));
	struct install_pub install;
	struct line_head head;
	size_t n;

	assert_int_equal(note_vkey_parse(vkey, &name, public), 0);
	session_id_of(public, id);
	assert_true(str_eqz(member(f->line[0], "session"), id));
	assert_int_equal(install_pub_parse(member(f->line[0], "install_key"), &install), 0);
	assert_true(str_eqz(member(f->line[0], "install"), install.id));
	assert_int_equal(line_head_parse(f->line[0], &head), 0);
	certificate_text(&text, str_of(install.id), str_of(id), public,
			 (struct str){ head.time, LINE_TIME });
	assert_int_equal(base64_decode(member(f->line[0], "certificate"), sig, 64, &n), 0);
	assert_int_equal(ed25519_verify(install.public, buf_str(&text), sig), 0);
	return check_chain(f, name, public);
}

static size_t check_ledger(struct world *w, struct file **ret)
{
	struct install_pub pub;
	struct err err = ERR_INIT;
	struct file *f = slurp(w->ledger);
	size_t n;

	assert_int_equal(install_pub_load(w->pub, &pub, &err), 0);
	assert_false(f->torn);
	n = check_chain(f, str_of(pub.name), pub.public);
	*ret = f;
	return n;
}

static struct audit_log *open_log(struct world *w, struct err *err)
{
	struct audit_log *log = NULL;
	struct json_wr *g;

	assert_int_equal(audit_open(&w->o, &log, &g, err), 0);
	json_key(g, "command");
	json_strz(g, "true");
	assert_int_equal(audit_end(log, err), 0);
	return log;
}

static int add(struct audit_log *log, const char *text, struct err *err)
{
	struct json_wr *j = audit_begin(log, "test.record");

	json_key(j, "text");
	json_strz(j, text);
	return audit_end(log, err);
}

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

static void failed_syncs_fail_closed(void **state)
{
	struct world *w = *state;

	w->o.io = &faulty;
	for (int at = 0; at < 3; at++) {
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

/* ---- the install key ---- */

static void put_file(const char *path, const void *p, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void the_key_is_made_once(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct install_key a, b;
	struct install_pub pub;
	struct stat st;

	assert_int_equal(install_key_load(w->config, false, &a, &err), -ENOENT);
	err = ERR_INIT;
	assert_int_equal(install_key_load(w->config, true, &a, &err), 0);
	assert_int_equal(install_key_load(w->config, true, &b, &err), 0);
	assert_memory_equal(&a.key, &b.key, sizeof(a.key));
	assert_int_equal(stat(w->key, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(stat(w->config, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(install_pub_load(w->pub, &pub, &err), 0);
	assert_memory_equal(pub.public, a.key.public, 32);
	/* the public half is made again, the secret one never */
	assert_int_equal(unlink(w->pub), 0);
	assert_int_equal(install_key_load(w->config, true, &b, &err), 0);
	assert_int_equal(install_pub_load(w->pub, &pub, &err), 0);
}

static void two_first_runs_agree(void **state)
{
	struct world *w = *state;
	uint8_t first[32], other[32];
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	for (int i = 0; i < 8; i++) {
		if (fork() == 0) {
			struct err err = ERR_INIT;
			struct install_key key;

			if (install_key_load(w->config, true, &key, &err) < 0)
				memset(key.key.public, i, 32);
			(void)!write(fds[1], key.key.public, 32);
			_exit(0);
		}
	}
	assert_int_equal(read(fds[0], first, 32), 32);
	for (int i = 1; i < 8; i++) {
		assert_int_equal(read(fds[0], other, 32), 32);
		assert_memory_equal(first, other, 32);
	}
	for (int i = 0; i < 8; i++)
		(void)wait(NULL);
	close(fds[0]);
	close(fds[1]);
}

static void a_bad_key_is_an_error_never_replaced(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct install_key key;
	struct file *good, *now;

	assert_int_equal(install_key_load(w->config, true, &key, &err), 0);
	good = slurp(w->key);
	for (size_t n = 0; n < good->n; n++) { /* cut anywhere */
		put_file(w->key, good->p, n, 0600);
		err = ERR_INIT;
		assert_int_equal(install_key_load(w->config, true, &key, &err), -EBADMSG);
		now = slurp(w->key);
		assert_int_equal(now->n, n);
		file_free(now);
	}
	for (size_t i = 0; i < good->n; i++) { /* damaged anywhere */
		good->p[i] ^= 1;
		put_file(w->key, good->p, good->n, 0600);
		good->p[i] ^= 1;
		err = ERR_INIT;
		assert_int_equal(install_key_load(w->config, true, &key, &err), -EBADMSG);
		assert_non_null(strstr(err.text, "is damaged"));
	}
	for (mode_t mode = 0601; mode < 0700; mode++) { /* readable by anybody else */
		if (!(mode & 077))
			continue;
		put_file(w->key, good->p, good->n, mode);
		err = ERR_INIT;
		assert_int_equal(install_key_load(w->config, true, &key, &err), -EPERM);
		assert_non_null(strstr(err.text, "chmod 600"));
	}
	put_file(w->key, good->p, good->n, 0600);
	assert_int_equal(install_key_load(w->config, true, &key, &err), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(w->key, 12345, 12345), 0);
		err = ERR_INIT;
		assert_int_equal(install_key_load(w->config, true, &key, &err), -EPERM);
		assert_int_equal(chown(w->key, 0, 0), 0);
	}
	assert_int_equal(chmod(w->config, 0777), 0);
	err = ERR_INIT;
	assert_int_equal(install_key_load(w->config, true, &key, &err), -EPERM);
	assert_int_equal(chmod(w->config, 0700), 0);
	/* not through a symbolic link, not from a folder or a pipe */
	assert_int_equal(rename(w->key, w->log), 0);
	assert_int_equal(symlink(w->log, w->key), 0);
	assert_true(install_key_load(w->config, true, &key, NULL) < 0);
	assert_int_equal(unlink(w->key), 0);
	assert_int_equal(mkfifo(w->key, 0600), 0);
	assert_true(install_key_load(w->config, true, &key, NULL) < 0);
	file_free(good);
}

/* ---- the ledger ---- */

static int ledger_session(struct world *w, unsigned i, bool end, struct err *err)
{
	char id[33];
	struct ledger_entry e = { .session = id, .log = "/somewhere/x.log", .size = i };
	struct install_key key;
	int r;

	snprintf(id, sizeof(id), "%032x", i);
	memset(e.hash, (int)i, 32);
	assert_int_equal(install_key_load(w->config, true, &key, err), 0);
	r = ledger_add_start(w->state, &key, &e, false, err);
	if (r == 0 && end)
		r = ledger_add_end(w->state, &key, &e, false, err);
	return r;
}

static void the_ledger_continues_from_its_peaks(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct file *l;

	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(ledger_session(w, i, i % 3 != 0, &err), 0);
	assert_true(check_ledger(w, &l) >= 133);
	file_free(l);
}

static void starts_in_a_row_get_signed(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct file *l;

	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(ledger_session(w, i, false, &err), 0);
	assert_int_equal(check_ledger(w, &l), 3);
	file_free(l);
}

static void a_torn_end_is_cut_and_told(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct file *before, *l;

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ledger_session(w, i, true, &err), 0);
	before = slurp(w->ledger);
	for (size_t cut = 1; cut < before->line[before->lines - 1].n; cut += 37) {
		put_file(w->ledger, before->p, before->n - cut, 0600);
		assert_int_equal(ledger_session(w, 77, true, &err), 0);
		(void)check_ledger(w, &l);
		assert_true(has((struct str){ l->p, l->n }, "\"type\":\"tail.dropped\""));
		file_free(l);
	}
	put_file(w->ledger, before->p, 20, 0600); /* not even its first line */
	assert_int_equal(ledger_session(w, 77, true, &err), 0);
	(void)check_ledger(w, &l);
	assert_int_equal(l->lines, 5);
	file_free(l);
	file_free(before);
}

static void a_foreign_end_is_refused(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct file *before, *after;

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ledger_session(w, i, true, &err), 0);
	before = slurp(w->ledger);
	for (size_t i = before->n - 900; i < before->n - 1; i += 23) {
		before->p[i] ^= 1;
		put_file(w->ledger, before->p, before->n, 0600);
		before->p[i] ^= 1;
		err = ERR_INIT;
		/* flips in the signature or time of the newest checkpoint are verify's to find */
		if (ledger_session(w, 9, true, &err) == 0)
			continue;
		assert_int_equal(err.code, EBADMSG);
		after = slurp(w->ledger);
		assert_int_equal(after->n, before->n);
		file_free(after);
	}
	put_file(w->ledger, before->p, before->n, 0600);
	assert_int_equal(unlink(w->key), 0); /* another install */
	err = ERR_INIT;
	assert_int_equal(ledger_session(w, 9, true, &err), -EBADMSG);
	file_free(before);
}

static void many_at_once_take_turns(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	struct install_key key;
	struct file *l;
	size_t starts = 0;

	assert_int_equal(install_key_load(w->config, true, &key, &err), 0);
	for (unsigned i = 0; i < 8; i++) {
		if (fork() == 0) {
			for (unsigned k = 0; k < 20; k++)
				if (ledger_session(w, i * 100 + k, true, &err) < 0)
					_exit(1);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		int status;

		(void)wait(&status);
		assert_int_equal(status, 0);
	}
	(void)check_ledger(w, &l);
	for (size_t i = 0; i < l->lines; i++)
		starts += has(l->line[i], "\"type\":\"session.start\"");
	assert_int_equal(starts, 160);
	file_free(l);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		TEST(a_genesis_that_cannot_be_written_leaves_nothing),
		TEST(the_key_is_made_once),
		TEST(two_first_runs_agree),
		TEST(a_bad_key_is_an_error_never_replaced),
		TEST(the_ledger_continues_from_its_peaks),
		TEST(starts_in_a_row_get_signed),
		TEST(a_torn_end_is_cut_and_told),
		TEST(a_foreign_end_is_refused),
		TEST(many_at_once_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
