/*
 * Unit tests of what outlives a session: the install's key, and the appending end of the ledger.
 */
#include "log_world.h"

#include "audit/ledger.h"
#include "base/own.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- the install key ---- */

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
	r = ledger_add_start(w->state, &key, &e, false, NULL, err);
	if (r == 0 && end)
		r = ledger_add_end(w->state, &key, &e, false, NULL, err);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
