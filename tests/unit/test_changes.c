/* Differences of texts, and trees that somebody hostile made. */
#include "base/own.h"
#include "changes/changes.h"
#include "sys/tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static uint32_t state = 1;

static uint32_t next(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

/* One line of @text from *@at on, with its newline if it has one. */
static struct str line_take(struct str text, size_t *at)
{
	const char *end = memchr(text.p + *at, '\n', text.n - *at);
	size_t to = end ? (size_t)(end - text.p) + 1 : text.n;
	struct str line = { text.p + *at, to - *at };

	*at = to;
	return line;
}

/* A patch program in small: @diff put to @old. Each hunk must fit exactly where it says. */
static void patch(struct str old, struct str diff, struct buf *out)
{
	size_t at = 0, d = 0, line = 1;

	(void)line_take(diff, &d);
	(void)line_take(diff, &d);
	while (d < diff.n) {
		struct str head = line_take(diff, &d);
		unsigned long from;
		size_t n;
		char *end;

		assert_true(str_starts(head, STR("@@ -")));
		from = strtoul(head.p + 4, &end, 10);
		if (strncmp(end, ",0 ", 3) == 0)
			from++; /* an empty range names the line before */
		while (line < from) {
			struct str same = line_take(old, &at);

			assert_true(same.n > 0);
			buf_puts(out, same);
			line++;
		}
		while (d < diff.n && diff.p[d] != '@') {
			struct str row = line_take(diff, &d), bare;
			bool open = d < diff.n && diff.p[d] == '\\';

			if (open)
				(void)line_take(diff, &d);
			n = row.n - (open ? 2 : 1);
			bare = (struct str){ row.p + 1, n };
			if (row.p[0] != '+') {
				struct str was = line_take(old, &at);

				line++;
				assert_true(str_eq(was, bare));
			}
			if (row.p[0] != '-')
				buf_puts(out, bare);
		}
	}
	while (at < old.n)
		buf_puts(out, line_take(old, &at));
}

static void check(struct str old, struct str new)
{
	AUTO(buf_done) struct buf diff = BUF_INIT(64U << 20);
	AUTO(buf_done) struct buf made = BUF_INIT(64U << 20);

	assert_int_equal(text_diff(old, new, "a", "b", &diff), 0);
	if (str_eq(old, new)) {
		assert_int_equal(diff.n, 0);
		return;
	}
	assert_true(str_starts(buf_str(&diff), STR("--- a\n+++ b\n@@ -")));
	patch(old, buf_str(&diff), &made);
	assert_int_equal(made.n, new.n);
	assert_true(str_eq(buf_str(&made), new));
}

static void text_make(struct buf *b, unsigned lines, unsigned words)
{
	buf_reset(b);
	for (unsigned i = 0; i < lines; i++)
		buf_printf(b, "%c%s", 'a' + (char)next(words),
			   i + 1 < lines || next(2) ? "\n" : "");
}

static void diff_random(void **unused)
{
	AUTO(buf_done) struct buf a = BUF_INIT(1U << 20);
	AUTO(buf_done) struct buf b = BUF_INIT(1U << 20);

	(void)unused;
	for (int i = 0; i < 20000; i++) {
		text_make(&a, next(30), 1 + next(6));
		text_make(&b, next(30), 1 + next(6));
		check(buf_str(&a), buf_str(&b));
	}
}

/* Few changes in much: told in few lines, not as a whole replaced. */
static void diff_small(void **unused)
{
	AUTO(buf_done) struct buf a = BUF_INIT(1U << 20);
	AUTO(buf_done) struct buf b = BUF_INIT(1U << 20);
	AUTO(buf_done) struct buf diff = BUF_INIT(1U << 20);

	(void)unused;
	for (int i = 0; i < 5000; i++) {
		buf_printf(&a, "line %d\n", i);
		if (i != 7)
			buf_printf(&b, "line %d\n", i);
		if (i == 2500)
			buf_putz(&b, "inserted\n");
	}
	assert_int_equal(text_diff(buf_str(&a), buf_str(&b), "a", "b", &diff), 0);
	assert_true(diff.n < 300);
	check(buf_str(&a), buf_str(&b));
}

/* Nothing alike, beyond what is searched: still right. */
static void diff_costly(void **unused)
{
	AUTO(buf_done) struct buf a = BUF_INIT(4U << 20);
	AUTO(buf_done) struct buf b = BUF_INIT(4U << 20);

	(void)unused;
	for (int i = 0; i < 20000; i++) {
		buf_printf(&a, "a%d\n", i % 3 ? i : 0);
		buf_printf(&b, "b%d\n", i % 5 ? i : 0);
	}
	check(buf_str(&a), buf_str(&b));
	buf_putz(&b, "open");
	check(buf_str(&b), buf_str(&a));
}

/* ---- trees ---- */

static void tree_deep(void **unused)
{
	char top[] = "/tmp/capsule-tree-XXXXXX";
	AUTO(fd_closep) int fd = -EBADF;
	int at;

	(void)unused;
	assert_non_null(mkdtemp(top));
	fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	at = dup(fd);
	for (int i = 0; i < 3000; i++) {
		int below;

		assert_int_equal(mkdirat(at, ".moved-0", 0700), 0); /* a name of ours, too */
		assert_int_equal(mkdirat(at, "d", 0700), 0);
		assert_int_equal(symlinkat("/etc", at, "link"), 0);
		below = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(below >= 0);
		assert_int_equal(fchmod(at, 0), 0);
		close(at);
		at = below;
	}
	close(at);
	assert_int_equal(tree_empty(fd), 0);
	assert_int_equal(rmdir(top), 0);
	assert_int_equal(access("/etc", F_OK), 0);
	assert_int_equal(tree_remove(AT_FDCWD, top), -ENOENT);
}

static void tree_opens_files_alone(void **unused)
{
	char top[] = "/tmp/capsule-tree-XXXXXX";
	AUTO(fd_closep) int dir = -EBADF;
	AUTO(fd_closep) int fd = -EBADF;
	struct stat st;

	(void)unused;
	assert_non_null(mkdtemp(top));
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
	assert_int_equal(symlinkat("shut", dir, "link"), 0);
	assert_int_equal(mknodat(dir, "shut", S_IFREG, 0), 0);
	assert_int_equal(tree_open(dir, "fifo", &fd), -ENXIO);
	assert_int_equal(tree_open(dir, "link", &fd), -ENXIO);
	assert_int_equal(tree_open(dir, "none", &fd), -ENOENT);
	assert_int_equal(tree_open(dir, "shut", &fd), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0);
	assert_int_equal(tree_remove(AT_FDCWD, top), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(diff_random),
		cmocka_unit_test(diff_small),
		cmocka_unit_test(diff_costly),
		cmocka_unit_test(tree_deep),
		cmocka_unit_test(tree_opens_files_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
