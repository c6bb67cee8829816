/*
 * Every file of data/policy_bad is wrong, and its .expect says exactly what is said about it. With
 * CAPSULE_EXPECT=write the .expect files are written anew: read them before they are committed.
 */
#include "base/buf.h"
#include "base/own.h"
#include "policy/policy.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#define FOLDER TEST_DATA_DIR "/policy_bad"

static const struct policy_vars vars = { .workspace = "/w/project",
					 .home = "/home/me",
					 .tmp = "/tmp" };

static size_t read_file(const char *name, const char *suffix, char *to, size_t max)
{
	char path[PATH_MAX];
	AUTO(file_closep) FILE *f = NULL;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/%s%s", FOLDER, name, suffix);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(to, 1, max - 1, f);
	to[n] = '\0';
	return n;
}

static void write_expected(const char *name, const char *text)
{
	char path[PATH_MAX];
	AUTO(file_closep) FILE *f = NULL;

	(void)snprintf(path, sizeof(path), "%s/%s.expect", FOLDER, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
}

static void check(const char *name)
{
	static char text[1 << 20], expected[1 << 20];
	AUTO(buf_done) struct buf diag = BUF_INIT(1 << 20);
	AUTO(policy_freep) struct policy *policy = NULL;
	struct err err = ERR_INIT;
	size_t n = read_file(name, ".yaml", text, sizeof(text));
	int r = policy_load_text(name, (struct str){ text, n }, &vars, &policy, &diag, &err);

	if (r != -EBADMSG)
		print_error("%s: not refused\n", name);
	assert_int_equal(r, -EBADMSG);
	assert_null(policy);
	assert_true(err.text[0] && diag.n);
	if (getenv("CAPSULE_EXPECT"))
		write_expected(name, buf_cstr(&diag));
	memset(expected, 0, sizeof(expected));
	(void)read_file(name, ".expect", expected, sizeof(expected));
	if (strcmp(expected, buf_cstr(&diag)) != 0)
		print_error("%s:\nexpected:\n%s\nsaid:\n%s\n", name, expected, buf_cstr(&diag));
	assert_string_equal(buf_cstr(&diag), expected);
}

static void bad_files_are_told(void **state)
{
	AUTO(dir_closep) DIR *dir = opendir(FOLDER);
	struct dirent *entry;
	size_t n = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char name[NAME_MAX + 1];
		char *dot;

		(void)snprintf(name, sizeof(name), "%s", entry->d_name);
		dot = strstr(name, ".yaml");
		if (!dot)
			continue;
		*dot = '\0';
		check(name);
		n++;
	}
	assert_true(n > 50);
}

/* What would be slow or large is refused before it is: 10 MB, 64 k of '[', a million aliases. */
static void bombs_are_refused(void **state)
{
	static const struct {
		const char *unit;
		size_t count;
		const char *say;
	} bombs[] = {
		{ "- aaaaaaaaaaaaaaa\n", 10 * 1000 * 1000 / 18, "at most 262144 are read" },
		{ "[", 65536, "nested more than 16 deep" },
		{ "{a: ", 65536, "nested more than 16 deep" },
		{ "- ", 65536, "nested more than 16 deep" },
		{ "? ", 65536, "a key must be text" },
		{ "x, ", 65536, "" },
		{ "- x\n", 20000, "more than 2048 items" },
		{ "\"", 65537, "" },
		{ "'", 65536, "" },
		{ "%", 65536, "" },
		{ "!", 65536, "" },
		{ "&a ", 65536, "" },
		{ "*a ", 65536, "" },
		{ "|\n", 65536, "" },
		{ "#", 262144, "nothing in it" },
		{ "\n", 262144, "nothing in it" },
		{ "---\n", 65536, "" },
		{ "[a, ", 65536, "nested more than 16 deep" },
		{ "{", 65536, "" },
		{ "[?", 65536, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		AUTO(buf_done) struct buf text = BUF_INIT(16 << 20), diag = BUF_INIT(1 << 20);
		struct policy *policy = NULL;
		struct err err = ERR_INIT;
		clock_t start = clock();
		int r;

		for (size_t k = 0; k < bombs[i].count; k++)
			buf_putz(&text, bombs[i].unit);
		assert_int_equal(buf_error(&text), 0);
		r = policy_load_text("bomb", buf_str(&text), &vars, &policy, &diag, &err);
		if (r != -EBADMSG || !strstr(err.text, bombs[i].say))
			print_error("%s x %zu: %s\n", bombs[i].unit, bombs[i].count, err.text);
		assert_int_equal(r, -EBADMSG);
		assert_non_null(strstr(err.text, bombs[i].say));
		/* 13 s each before the caps; a loaded machine gets a second */
		assert_true(clock() - start < CLOCKS_PER_SEC);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files_are_told),
		cmocka_unit_test(bombs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
