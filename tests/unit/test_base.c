/* Unit tests of src/base: err, str, buf, arena, cur. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "base/own.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void err_first_fill_wins(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&err, ENOENT, "%s: cannot open", "x"), -ENOENT);
	assert_string_equal(err.text, "x: cannot open: No such file or directory");
	assert_int_equal(err_set(&err, EIO, "cannot start"), -ENOENT);
	assert_string_equal(err.text, "cannot start: x: cannot open: No such file or directory");
	assert_int_equal(err_set(NULL, EIO, "nobody listens"), -EIO);
}

static void err_keeps_its_place(void **state)
{
	struct err err = ERR_INIT;
	char name[ERR_FILE_MAX * 2];

	(void)state;
	assert_int_equal(err_at(&err, EACCES, "p.yaml", 12, 9, "not %d", 7), -EACCES);
	assert_int_equal(err_set(&err, EIO, "cannot start"), -EACCES);
	assert_int_equal(err_at(&err, EIO, "other.yaml", 1, 1, "more"), -EACCES);
	assert_string_equal(err.text, "other.yaml:1:1: more: cannot start: p.yaml:12:9: not 7");
	assert_string_equal(err.file, "p.yaml");
	assert_int_equal(err.line, 12);
	assert_int_equal(err.col, 9);

	err = ERR_INIT;
	assert_int_equal(err_at(&err, 0, "p.yaml", 0, 0, "whole"), -EINVAL);
	assert_string_equal(err.text, "p.yaml: whole");
	assert_int_equal(err.line, 0);

	err = ERR_INIT;
	(void)err_at(&err, 0, NULL, 3, 4, "nowhere");
	assert_string_equal(err.text, "nowhere");
	assert_string_equal(err.file, "");

	err = ERR_INIT;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	(void)err_at(&err, 0, name, 3, 4, "still told");
	assert_int_equal(strlen(err.file), ERR_FILE_MAX - 1);
	assert_non_null(strstr(err.text, "...:3:4: still told"));
	assert_int_equal(err_at(NULL, EIO, "f", 1, 1, "nobody listens"), -EIO);
}

static void err_is_cut_not_overrun(void **state)
{
	struct err err = ERR_INIT;
	char big[ERR_TEXT_MAX * 2];

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_text(&err, 0, "%s", big);
	assert_int_equal(err.code, EINVAL);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_string_equal(err.text + ERR_TEXT_MAX - 4, "...");
}

static void str_numbers(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_int_equal(str_to_u64(STR("18446744073709551615"), &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(str_to_u64(STR("18446744073709551616"), &v), -ERANGE);
	assert_int_equal(str_to_u64(STR("+1"), &v), -EINVAL);
	assert_int_equal(str_to_u64(STR(""), &v), -EINVAL);
}

static void str_near_words(void **state)
{
	static const char *const names[] = { "filesystem", "network", "process" };

	(void)state;
	assert_string_equal(str_nearest(STR("filesytem"), names, 3), "filesystem");
	assert_string_equal(str_nearest(STR("netwrok"), names, 3), "network");
	assert_null(str_nearest(STR("zzz"), names, 3));
	assert_int_equal(str_distance(STR("ab"), STR("ba"), 5), 1);
}

static void buf_keeps_its_maximum(void **state)
{
	AUTO(buf_done) struct buf b = BUF_INIT(10);

	(void)state;
	buf_putz(&b, "12345");
	buf_put_u64(&b, 6789);
	assert_int_equal(buf_error(&b), 0);
	buf_putz(&b, "ab");
	assert_int_equal(buf_error(&b), -ENOBUFS);
	buf_putc(&b, 'x');
	assert_int_equal(b.n, 9);
}

static void arena_has_a_ceiling(void **state)
{
	struct arena a = ARENA_INIT(4096);
	int *items = NULL;
	size_t cap = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		items = arena_grow(&a, items, (size_t)i, &cap, sizeof(*items));
		assert_non_null(items);
		items[i] = i;
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(items[i], i);
	assert_null(arena_alloc(&a, 8192));
	assert_null(arena_calloc(&a, SIZE_MAX, 2));
	arena_done(&a);
}

static void cur_error_sticks(void **state)
{
	struct cur c = cur_init("\x01\x02\x03", 3);

	(void)state;
	assert_int_equal(cur_be16(&c), 0x0102);
	assert_int_equal(cur_be16(&c), 0);
	assert_int_equal(cur_error(&c), -EAGAIN);
	assert_int_equal(cur_u8(&c), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_first_fill_wins),    cmocka_unit_test(err_keeps_its_place),
		cmocka_unit_test(err_is_cut_not_overrun), cmocka_unit_test(str_numbers),
		cmocka_unit_test(str_near_words),         cmocka_unit_test(buf_keeps_its_maximum),
		cmocka_unit_test(arena_has_a_ceiling),    cmocka_unit_test(cur_error_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
