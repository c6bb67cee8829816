/*
 * Unit tests of verification: a log is made, really damaged, and the verdict must name what was done
 * and where. The attacks of the file's owner: tests/attack/test_f_log.py goes through the program.
 */
#include "audit/audit.h"
#include "audit/chain.h"
#include "audit/verify.h"
#include "base/own.h"
#include "codec/note.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define LINES_MAX 512

struct text {
	struct str line[LINES_MAX]; /* without newlines; may point anywhere */
	size_t n;
	char *p;
	struct str torn;
};

static struct {
	char dir[64], config[96], state[96], path[96];
	struct install_pub pub;
	struct text a, b, crashed; /* two whole sessions; one that was cut off */
	struct verify_report report;
} w;

static void slurp(const char *path, struct text *t)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	t->p = malloc((size_t)st.st_size + 1);
	assert_int_equal(read(fd, t->p, (size_t)st.st_size), st.st_size);
	close(fd);
	t->n = 0;
	for (char *at = t->p, *end = t->p + st.st_size, *nl; at < end; at = nl + 1) {
		nl = memchr(at, '\n', (size_t)(end - at));
		assert_non_null(nl);
		t->line[t->n++] = (struct str){ at, (size_t)(nl - at) };
	}
}

/* @records records, a checkpoint after every 10th; ended or not. */
static void make(const char *path, unsigned records, bool end, struct text *ret)
{
	struct audit_options o = { .path = path, .config_dir = w.config, .state_dir = w.state };
	struct err err = ERR_INIT;
	struct audit_log *log;
	struct json_wr *j;

	assert_int_equal(audit_open(&o, &log, &j, &err), 0);
	json_key(j, "command");
	json_strz(j, "true");
	assert_int_equal(audit_end(log, &err), 0);
	for (unsigned i = 0; i < records; i++) {
		j = audit_begin(log, "test.record");
		json_key(j, "i");
		json_u64(j, i);
		assert_int_equal(audit_end(log, &err), 0);
		if (i % 10 == 9)
			assert_int_equal(audit_checkpoint(log, &err), 0);
	}
	if (end)
		assert_int_equal(audit_close(log, &err), 0);
	else
		(void)audit_abort(log);
	slurp(path, ret);
	assert_int_equal(unlink(path), 0);
}

static int setup(void **state)
{
	struct err err = ERR_INIT;
	char pub[128];

	(void)state;
	snprintf(w.dir, sizeof(w.dir), "/tmp/capsule-test-verify-XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	snprintf(w.config, sizeof(w.config), "%s/config", w.dir);
	snprintf(w.state, sizeof(w.state), "%s/state", w.dir);
	snprintf(w.path, sizeof(w.path), "%s/x.log", w.dir);
	make(w.path, 35, true, &w.a);
	make(w.path, 35, true, &w.b);
	make(w.path, 25, false, &w.crashed);
	snprintf(pub, sizeof(pub), "%s/install.pub", w.config);
	assert_int_equal(install_pub_load(pub, &w.pub, &err), 0);
	return 0;
}

static int teardown(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		execlp("rm", "rm", "-rf", w.dir, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	free(w.a.p);
	free(w.b.p);
	free(w.crashed.p);
	return 0;
}

static int verify_text(const struct text *t, const struct verify_head *heads, size_t n_heads)
{
	struct verify_options o = { .expected = &w.pub, .heads = heads, .n_heads = n_heads };
	AUTO(fd_closep) int fd = memfd_create("log", MFD_CLOEXEC);
	struct buf b = BUF_INIT(1u << 20);
	int r;

	for (size_t i = 0; i < t->n; i++) {
		buf_puts(&b, t->line[i]);
		buf_putc(&b, '\n');
	}
	buf_puts(&b, t->torn);
	assert_int_equal(write(fd, b.p, b.n), (ssize_t)b.n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	buf_done(&b);
	r = verify_fd(fd, &o, &w.report, NULL);
	return r;
}

static void show(void)
{
	for (size_t i = 0; i < w.report.n_findings; i++) {
		const struct verify_finding *f = &w.report.finding[i];

		print_message("  %s %llu-%llu line %llu: %s\n", verify_kind_name[f->kind],
			      (unsigned long long)f->first, (unsigned long long)f->last,
			      (unsigned long long)f->line, f->text);
	}
}

/* Exactly one finding: this kind, these records. */
static void expect(const struct text *t, enum verify_kind kind, uint64_t first, uint64_t last)
{
	assert_int_equal(verify_text(t, NULL, 0), 0);
	if (w.report.n_findings != 1 || w.report.finding[0].kind != kind ||
	    w.report.finding[0].first != first || w.report.finding[0].last != last)
		show();
	assert_int_equal(w.report.n_findings, 1);
	assert_string_equal(verify_kind_name[w.report.finding[0].kind], verify_kind_name[kind]);
	assert_int_equal(w.report.finding[0].first, first);
	assert_int_equal(w.report.finding[0].last, last);
}

static void line_drop(struct text *t, size_t at, size_t count)
{
	memmove(t->line + at, t->line + at + count, (t->n - at - count) * sizeof(t->line[0]));
	t->n -= count;
}

static void line_insert(struct text *t, size_t at, struct str line)
{
	memmove(t->line + at + 1, t->line + at, (t->n - at) * sizeof(t->line[0]));
	t->line[at] = line;
	t->n++;
}

/* ---- intact ---- */

static void what_was_written_verifies(void **state)
{
	(void)state;
	assert_int_equal(verify_text(&w.a, NULL, 0), 0);
	show();
	assert_int_equal(w.report.n_findings, 0);
	assert_true(w.report.ended);
	assert_int_equal(w.report.key, VERIFY_KEY_EXPECTED);
	assert_int_equal(w.report.lines, 2 + 35 + 3 + 2);
	assert_int_equal(w.report.covered, 41);
	assert_int_equal(w.report.tail, 0);
	assert_int_equal(w.report.checkpoints, 5);
}

static void a_crash_is_no_alteration(void **state)
{
	struct text t = w.crashed;

	(void)state;
	for (size_t n = t.n; n >= 2; n--) {
		size_t covered = n >= 24 ? 23 : n >= 13 ? 12 : 1;

		t.n = n;
		for (size_t cut = 0; cut < w.crashed.line[n % w.crashed.n].n; cut += 50) {
			t.torn = str_sub(w.crashed.line[n % w.crashed.n], 0, cut);
			assert_int_equal(verify_text(&t, NULL, 0), 0);
			show();
			assert_int_equal(w.report.n_findings, 0);
			assert_false(w.report.ended);
			assert_int_equal(w.report.torn, cut);
			assert_int_equal(w.report.lines, n);
			assert_int_equal(w.report.covered, covered);
			assert_int_equal(w.report.tail, n - w.report.covered - 1);
		}
	}
}

static void zero_bytes_of_a_power_failure_are_a_torn_tail(void **state)
{
	static const char zeros[5000];
	struct text t = w.crashed;

	(void)state;
	t.torn = (struct str){ zeros, sizeof(zeros) };
	assert_int_equal(verify_text(&t, NULL, 0), 0);
	assert_int_equal(w.report.n_findings, 0);
	assert_int_equal(w.report.torn, sizeof(zeros));
	t.torn.n = 0;
	line_insert(&t, t.n, (struct str){ zeros, 300 });
	line_insert(&t, t.n, STR("half a line\"}"));
	assert_int_equal(verify_text(&t, NULL, 0), 0);
	show();
	assert_int_equal(w.report.n_findings, 0);
	assert_true(w.report.torn > 0);
	/* in the middle they are not */
	line_insert(&t, 5, (struct str){ zeros, 300 });
	expect(&t, VERIFY_INSERTED, 5, 5);
}

static void what_is_no_log_is_told_apart(void **state)
{
	struct text t = { .n = 1 };

	(void)state;
	t.line[0] = STR("hello");
	assert_int_equal(verify_text(&t, NULL, 0), -EBADMSG);
	t.n = 0;
	assert_int_equal(verify_text(&t, NULL, 0), -EBADMSG);
	t.torn = STR("torn");
	assert_int_equal(verify_text(&t, NULL, 0), -EBADMSG);
}

/* ---- altered ---- */

/* Bytes all over, two ways: exactly that record is named, nothing else. */
static void a_flipped_bit_is_found_where_it_is(void **state)
{
	static const uint8_t flips[] = { 0x01, 0x80 };
	unsigned wrong = 0;

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		for (size_t i = 0; i < w.a.n; i++) {
			for (size_t at = 0; at < w.a.line[i].n; at++) {
				char *p = (char *)(uintptr_t)w.a.line[i].p + at;
				bool named = false;

				/* all bytes of the two first and last lines, else a sieve */
				if ((*p ^ flips[f]) == '\n' || at % (f                         ? 11
								     : i < 2 || i + 2 >= w.a.n ? 1
											       : 5))
					continue;
				*p = (char)(*p ^ flips[f]);
				assert_int_equal(verify_text(&w.a, NULL, 0), 0);
				for (size_t k = 0; k < w.report.n_findings; k++)
					named |= w.report.finding[k].first <= i &&
						 w.report.finding[k].last >= i;
				if (!named || w.report.n_findings != 1) {
					if (wrong++ < 5) {
						print_message(
							"record %zu byte %zu flip %x '%.*s'\n", i,
							at, flips[f], 60, w.a.line[i].p);
						show();
					}
				}
				*p = (char)(*p ^ flips[f]);
			}
		}
	}
	assert_int_equal(wrong, 0);
}

static void a_removed_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < w.a.n - 1; i++) {
		struct text t = w.a;

		line_drop(&t, i, 1);
		if (i == t.n - 1) /* session.end: its number is then the checkpoint's */
			assert_int_equal(verify_text(&t, NULL, 0), 0);
		expect(&t, VERIFY_REMOVED, i, i);
	}
}

static void removed_lines(void **state)
{
	struct text t = w.a;

	(void)state;
	line_drop(&t, 5, 20);
	expect(&t, VERIFY_REMOVED, 5, 24);
}

static void a_duplicated_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < w.a.n; i++) {
		for (size_t to = 1; to <= w.a.n; to += 7) {
			struct text t = w.a;

			line_insert(&t, to, t.line[i]);
			expect(&t, VERIFY_DUPLICATED, i, i);
		}
	}
}

static void reordered_lines(void **state)
{
	(void)state;
	for (size_t i = 1; i + 1 < w.a.n; i++) {
		struct text t = w.a;
		struct str moved = t.line[i];

		t.line[i] = t.line[i + 1];
		t.line[i + 1] = moved;
		assert_int_equal(verify_text(&t, NULL, 0), 0);
		assert_int_equal(w.report.n_findings, 1);
		assert_int_equal(w.report.finding[0].kind, VERIFY_REORDERED);
		assert_true(w.report.finding[0].first == i || w.report.finding[0].first == i + 1);
	}
}

static void an_inserted_line(void **state)
{
	char forged[1024];
	struct buf b = buf_fixed(forged, sizeof(forged));
	struct line_head head;
	struct text t = w.a;

	(void)state;
	assert_int_equal(line_head_parse(t.line[7], &head), 0);
	b.n = line_head_put(forged, &head);
	buf_puts(&b, STR(",\"i\":\"forged\"}"));
	line_insert(&t, 7, buf_str(&b)); /* before the true number 7 */
	expect(&t, VERIFY_INSERTED, 7, 7);
	t = w.a;
	line_insert(&t, 8, buf_str(&b)); /* after it */
	expect(&t, VERIFY_INSERTED, 7, 7);
	t = w.a;
	line_insert(&t, 20, STR("no record at all"));
	expect(&t, VERIFY_INSERTED, 20, 20);
	t = w.a;
	line_insert(&t, t.n, STR("no record at all"));
	expect(&t, VERIFY_INSERTED, w.a.n, w.a.n);
	t = w.a;
	t.line[9] = STR("no record at all");
	expect(&t, VERIFY_CHANGED, 9, 9);
}

/* Well-formed, numbered and linked: behind the end there is nothing all the same. */
static void a_linked_line_behind_the_end(void **state)
{
	char forged[1024], prev[64];
	struct buf b = buf_fixed(forged, sizeof(forged));
	struct line_head head;
	struct text t = w.a;
	uint8_t leaf[32];

	(void)state;
	assert_int_equal(line_head_parse(t.line[7], &head), 0);
	line_leaf(t.line[t.n - 1], leaf);
	hex_put(prev, leaf, 32);
	head.prev = prev;
	head.seq = t.n;
	b.n = line_head_put(forged, &head);
	buf_puts(&b, STR(",\"i\":\"forged\"}"));
	line_insert(&t, t.n, buf_str(&b));
	expect(&t, VERIFY_INSERTED, w.a.n, w.a.n);
	/* behind a log that was cut off it is a part of the tail, for which nobody vouches */
	t = w.crashed;
	line_leaf(t.line[t.n - 1], leaf);
	hex_put(prev, leaf, 32);
	assert_int_equal(line_head_parse(t.line[7], &head), 0);
	head.prev = prev;
	head.seq = t.n;
	b.n = line_head_put(forged, &head);
	buf_puts(&b, STR(",\"i\":\"forged\"}"));
	line_insert(&t, t.n, buf_str(&b));
	assert_int_equal(verify_text(&t, NULL, 0), 0);
	assert_int_equal(w.report.n_findings, 0);
	assert_int_equal(w.report.tail, w.crashed.n - 24 + 1);
}

static void spliced_sessions(void **state)
{
	struct text t = w.a;

	(void)state;
	t.line[7] = w.b.line[7];
	expect(&t, VERIFY_SPLICED, 7, 7);
	t = w.a;
	line_insert(&t, 7, w.b.line[7]);
	expect(&t, VERIFY_SPLICED, 7, 7);
	t = w.a;
	memcpy(t.line + 23, w.b.line + 23, (t.n - 23) * sizeof(t.line[0]));
	expect(&t, VERIFY_SPLICED, 23, w.a.n - 1);
	t = w.a;
	t.line[0] = w.b.line[0];
	assert_int_equal(verify_text(&t, NULL, 0), 0);
	assert_true(w.report.n_findings > 0);
	assert_int_equal(w.report.finding[0].kind, VERIFY_SPLICED);
	assert_int_equal(w.report.finding[0].first, 0);
	/* another session's checkpoint line under this session's name */
	t = w.a;
	t.line[12] = w.b.line[12];
	expect(&t, VERIFY_SPLICED, 12, 12);
}

/* Somebody who can compute hashes but not sign: all links made anew from line @from on. */
static void relink(struct text *t, size_t from, char *room)
{
	uint8_t leaf[32];
	char prev[64];

	line_leaf(t->line[from - 1], leaf);
	for (size_t i = from; i < t->n; i++) {
		struct line_head head;
		char *to = room;
		size_t n;

		assert_int_equal(line_head_parse(t->line[i], &head), 0);
		hex_put(prev, leaf, 32);
		head.prev = prev;
		head.seq = i;
		n = line_head_put(to, &head);
		memcpy(to + n, t->line[i].p + head.n, t->line[i].n - head.n);
		n += t->line[i].n - head.n;
		t->line[i] = (struct str){ to, n };
		room += n;
		line_leaf(t->line[i], leaf);
	}
}

static void links_made_anew_do_not_help(void **state)
{
	char *room = malloc(1u << 20), forged[1024];
	struct text t = w.a;

	(void)state;
	/* change record 17, and fix every link behind it: the checkpoint at 23 gives it away */
	snprintf(forged, sizeof(forged), "%.*s", STR_ARG(t.line[17]));
	forged[t.line[17].n - 2]++;
	t.line[17].p = forged;
	relink(&t, 18, room);
	expect(&t, VERIFY_CHANGED, 12, 22);
	/* remove record 17 and number everything anew */
	t = w.a;
	line_drop(&t, 17, 1);
	relink(&t, 17, room);
	assert_int_equal(verify_text(&t, NULL, 0), 0);
	assert_true(w.report.n_findings > 0);
	assert_int_equal(w.report.finding[0].kind, VERIFY_REMOVED);
	/* insert one */
	t = w.a;
	line_insert(&t, 17, t.line[16]);
	relink(&t, 17, room);
	assert_int_equal(verify_text(&t, NULL, 0), 0);
	assert_true(w.report.n_findings > 0);
	assert_int_equal(w.report.finding[0].kind, VERIFY_INSERTED);
	/* a checkpoint moved to a place where its size fits but not its tree */
	free(room);
}

/* The whole session written again with a key of one's own. */
static void signed_anew(void **state)
{
	char config[128], state_dir[128];
	struct text t;
	char keep_config[96], keep_state[96];

	(void)state;
	memcpy(keep_config, w.config, sizeof(keep_config));
	memcpy(keep_state, w.state, sizeof(keep_state));
	snprintf(config, sizeof(config), "%s/evil", w.dir);
	snprintf(state_dir, sizeof(state_dir), "%s/evil-state", w.dir);
	memcpy(w.config, config, sizeof(w.config));
	memcpy(w.state, state_dir, sizeof(w.state));
	make(w.path, 5, true, &t);
	memcpy(w.config, keep_config, sizeof(keep_config));
	memcpy(w.state, keep_state, sizeof(keep_state));
	expect(&t, VERIFY_RESIGNED, 0, 0);
	assert_int_equal(w.report.key, VERIFY_KEY_OTHER);
	free(t.p);
}

/* Our own session key under the true install's name: the certificate cannot be had. */
static void a_session_key_nobody_certified(void **state)
{
	struct ed25519_key key;
	char id[33], origin[ORIGIN_MAX], vkey[VKEY_MAX], room[8192];
	struct buf b = BUF_INIT(1u << 20), v = buf_fixed(vkey, sizeof(vkey));
	struct timespec now = { .tv_sec = 1795314006 };
	struct chain *c = calloc(1, sizeof(*c));
	struct text t = { 0 };
	const char *cert;

	(void)state;
	ed25519_generate(&key);
	session_id_of(key.public, id);
	snprintf(origin, sizeof(origin), "%s/%s", w.pub.name, id);
	chain_init(c, id, origin);
	chain_begin(c, &b, STR("genesis"), &now);
	note_vkey_put(&v, str_of(origin), key.public);
	cert = memmem(w.a.line[0].p, w.a.line[0].n, ",\"install\":", 11);
	snprintf(room, sizeof(room),
		 ",\"format\":1,\"session\":\"%s\",\"session_key\":\"%.*s\"%.*s", id,
		 STR_ARG(buf_str(&v)), (int)(w.a.line[0].p + w.a.line[0].n - 1 - cert), cert);
	buf_putz(&b, room);
	assert_int_equal(chain_end(c, &b), 0);
	assert_int_equal(chain_checkpoint(c, &b, str_of(origin), &key, false), 0);
	for (char *at = b.p, *nl; at < b.p + b.n; at = nl + 1) {
		nl = memchr(at, '\n', b.n);
		t.line[t.n++] = (struct str){ at, (size_t)(nl - at) };
	}
	expect(&t, VERIFY_RESIGNED, 0, 0);
	assert_int_equal(w.report.key, VERIFY_KEY_EXPECTED);
	buf_done(&b);
	free(c);
}

/* Every signature by another key, all else consistent. */
static void checkpoints_signed_by_somebody_else(void **state)
{
	struct ed25519_key key;
	char note[NOTE_MAX], line[NOTE_MAX * 2];
	struct buf n = buf_fixed(note, sizeof(note)), l = buf_fixed(line, sizeof(line));
	struct line_head head;
	struct text t = w.crashed;
	struct merkle_tree tree;
	uint8_t leaf[32], root[32];
	char text[512], origin[ORIGIN_MAX];
	struct buf tx = buf_fixed(text, sizeof(text));
	size_t i = 23;

	(void)state;
	assert_int_equal(verify_text(&t, NULL, 0), 0);
	memcpy(origin, w.report.id.origin, sizeof(origin));
	ed25519_generate(&key);
	t.n = i + 1;
	assert_int_equal(line_head_parse(t.line[i], &head), 0);
	assert_true(str_eqz(head.type, "checkpoint"));
	merkle_init(&tree, &merkle_blake3);
	for (size_t k = 0; k < i; k++) {
		line_leaf(t.line[k], leaf);
		merkle_append(&tree, leaf);
	}
	merkle_root(&tree, root);
	checkpoint_text_put(&tx, str_of(origin), i, root, (struct str){ head.time, LINE_TIME });
	assert_int_equal(note_sign(&n, buf_str(&tx), str_of(origin), &key), 0);
	l.n = line_head_put(line, &head);
	checkpoint_body_put(&l, buf_str(&n), NULL);
	buf_putc(&l, '}');
	t.line[i] = buf_str(&l);
	expect(&t, VERIFY_RESIGNED, i, i);
}

/* ---- against what others know ---- */

static struct verify_head head_at(const struct text *t, uint64_t size)
{
	struct verify_head h = { .size = size, .whose = "the ledger" };
	struct merkle_tree tree;
	uint8_t leaf[32];

	merkle_init(&tree, &merkle_blake3);
	for (size_t i = 0; i < size; i++) {
		line_leaf(t->line[i], leaf);
		merkle_append(&tree, leaf);
	}
	merkle_root(&tree, h.root);
	return h;
}

static void truncation_and_rollback(void **state)
{
	struct verify_head whole = head_at(&w.a, w.a.n - 1), other = head_at(&w.b, 30);
	struct text t = w.a;

	(void)state;
	whole.is_end = true;
	assert_int_equal(verify_text(&t, &whole, 1), 0);
	assert_int_equal(w.report.n_findings, 0);
	for (size_t n = 2; n < w.a.n; n++) { /* cut anywhere: looks like a crash */
		t.n = n;
		assert_int_equal(verify_text(&t, NULL, 0), 0);
		assert_int_equal(w.report.n_findings, 0);
		assert_int_equal(verify_text(&t, &whole, 1), 0);
		assert_int_equal(w.report.n_findings, 1);
		assert_int_equal(w.report.finding[0].kind, VERIFY_TRUNCATED);
	}
	t = w.a;
	assert_int_equal(verify_text(&t, &other, 1), 0); /* another history */
	assert_int_equal(w.report.n_findings, 1);
	assert_int_equal(w.report.finding[0].kind, VERIFY_REWRITTEN);
	/* damaged and cut: both are said */
	t = w.a;
	line_drop(&t, 5, 1);
	t.n -= 3;
	assert_int_equal(verify_text(&t, &whole, 1), 0);
	assert_int_equal(w.report.n_findings, 2);
	assert_int_equal(w.report.finding[0].kind, VERIFY_REMOVED);
	assert_int_equal(w.report.finding[1].kind, VERIFY_TRUNCATED);
}

static void garbage_never_crashes(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct text t = w.a;
		char junk[4][700];

		for (int k = 0; k < 4; k++) {
			size_t i = (seed = seed * 1103515245 + 12345) >> 8;
			struct str from = t.line[i % t.n];

			memcpy(junk[k], from.p, from.n < 700 ? from.n : 700);
			junk[k][(seed >> 4) % 180] = (char)(seed >> 16);
			if ((junk[k][(seed >> 4) % 180]) == '\n')
				continue;
			if (seed & 64)
				line_insert(&t, (seed >> 7) % t.n,
					    (struct str){ junk[k], from.n < 700 ? from.n : 700 });
			else
				line_drop(&t, (seed >> 7) % t.n, 1);
		}
		(void)verify_text(&t, NULL, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_verifies),
		cmocka_unit_test(a_crash_is_no_alteration),
		cmocka_unit_test(zero_bytes_of_a_power_failure_are_a_torn_tail),
		cmocka_unit_test(what_is_no_log_is_told_apart),
		cmocka_unit_test(a_flipped_bit_is_found_where_it_is),
		cmocka_unit_test(a_removed_line),
		cmocka_unit_test(removed_lines),
		cmocka_unit_test(a_duplicated_line),
		cmocka_unit_test(reordered_lines),
		cmocka_unit_test(an_inserted_line),
		cmocka_unit_test(a_linked_line_behind_the_end),
		cmocka_unit_test(spliced_sessions),
		cmocka_unit_test(links_made_anew_do_not_help),
		cmocka_unit_test(signed_anew),
		cmocka_unit_test(a_session_key_nobody_certified),
		cmocka_unit_test(checkpoints_signed_by_somebody_else),
		cmocka_unit_test(truncation_and_rollback),
		cmocka_unit_test(garbage_never_crashes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
