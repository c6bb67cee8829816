/* Unit tests of net/path: one form for every spelling of a path, or none. */
#include "net/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BOTH (PATH_SLASHES | PATH_PARAMS)

static char out[PATH_MAX_BYTES], again[PATH_MAX_BYTES];

static void becomes(const char *path, unsigned allow, const char *expected)
{
	enum path_error error;
	size_t n = 0, n_again = 0;

	error = path_canon(str_of(path), allow, out, &n);
	if (error)
		fail_msg("'%s': %s", path, path_error_text(error));
	if (!str_eqz((struct str){ out, n }, expected))
		fail_msg("'%s' becomes '%.*s'", path, (int)n, out);
	assert_int_equal(path_canon((struct str){ out, n }, allow, again, &n_again), PATH_OK);
	assert_true(str_eq((struct str){ out, n }, (struct str){ again, n_again }));
}

static void refused(const char *path, unsigned allow, enum path_error expected)
{
	size_t n = 77;
	enum path_error error = path_canon(str_of(path), allow, out, &n);

	if (error != expected)
		fail_msg("'%s': %s", path, path_error_text(error));
	assert_int_equal(n, 77);
}

static void one_form(void **state)
{
	(void)state;
	becomes("/", 0, "/");
	becomes("/a/b", 0, "/a/b");
	becomes("/a/b/", 0, "/a/b/");
	becomes("//a///b//", 0, "/a/b/");
	becomes("/a/./b", 0, "/a/b");
	becomes("/.", 0, "/");
	becomes("/a/.", 0, "/a/");
	becomes("/a/../b", 0, "/b");
	becomes("/a/b/../../c", 0, "/c");
	becomes("/a/..", 0, "/");
	becomes("/a//../b", 0, "/b"); /* an empty segment is none */
	becomes("/a/%2e%2E/b", 0, "/b");
	becomes("/a/.%2e/b", 0, "/b");
	becomes("/%61dmin", 0, "/admin");
	becomes("/%41%5A%7e%2d", 0, "/AZ~-");
	becomes("/..a/...", 0, "/..a/...");
	becomes("/a%20b%3f%23", 0, "/a%20b%3F%23");
	becomes("/%3a%40%24", 0, "/:@$");
	becomes("/a+b%2bc", 0, "/a+b%2Bc");
	becomes("/100%25", 0, "/100%25");
	becomes("/a%2520b", 0, "/a%2520b");
	becomes("/%253A", 0, "/%253A");
	becomes("/%25", 0, "/%25");
	becomes("/%252", 0, "/%252");
	becomes("/%2525", 0, "/%2525");
	becomes("/[x]{y}|^`\"<>", 0, "/%5Bx%5D%7By%7D%7C%5E%60%22%3C%3E");
	becomes("/gr%c3%bc%C3%9fe", 0, "/gr%C3%BC%C3%9Fe");
	becomes("/gr\303\274n", 0, "/gr%C3%BCn");
	becomes("/%f0%9f%98%80", 0, "/%F0%9F%98%80");
	becomes("/x%3by", 0, "/x%3By");
}

static void refusals(void **state)
{
	(void)state;
	refused("", 0, PATH_E_FORM);
	refused("a", 0, PATH_E_FORM);
	refused("*", 0, PATH_E_FORM);
	refused("/a?b", 0, PATH_E_FORM);
	refused("/a#b", 0, PATH_E_FORM);
	refused("/..", 0, PATH_E_ABOVE);
	refused("/../a", 0, PATH_E_ABOVE);
	refused("/a/../../b", 0, PATH_E_ABOVE);
	refused("/a/%2e%2e/%2e%2e/b", 0, PATH_E_ABOVE);
	refused("//../a", 0, PATH_E_ABOVE);
	refused("/a\\..\\b", 0, PATH_E_BACKSLASH);
	refused("/a%5c..", 0, PATH_E_BACKSLASH);
	refused("/a%5Cb", 0, PATH_E_BACKSLASH);
	refused("/a%2fb", 0, PATH_E_SLASH);
	refused("/a%2F..%2Fb", 0, PATH_E_SLASH);
	refused("/admin;x", 0, PATH_E_PARAM);
	refused("/..;/admin", 0, PATH_E_PARAM);
	refused("/a/..;x=y/admin", PATH_PARAMS, PATH_E_PARAM);
	refused("/a/%2e%2e;/admin", PATH_PARAMS, PATH_E_PARAM);
	refused("/;x/admin", PATH_PARAMS, PATH_E_PARAM);
	refused("/a%00.html", 0, PATH_E_CONTROL);
	refused("/a%0d%0ab", 0, PATH_E_CONTROL);
	refused("/a%7f", 0, PATH_E_CONTROL);
	refused("/a b", 0, PATH_E_CONTROL);
	refused("/a\tb", 0, PATH_E_CONTROL);
	refused("/%c2%85", 0, PATH_E_CONTROL);
	refused("/%", 0, PATH_E_PERCENT);
	refused("/%4", 0, PATH_E_PERCENT);
	refused("/%4g", 0, PATH_E_PERCENT);
	refused("/%u0041", 0, PATH_E_PERCENT);
	refused("/%c0%ae%c0%ae/", 0, PATH_E_UTF8); /* overlong ".." */
	refused("/%e0%80%af", 0, PATH_E_UTF8);
	refused("/%ed%a0%80", 0, PATH_E_UTF8);
	refused("/%80", 0, PATH_E_UTF8);
	refused("/%c3", 0, PATH_E_UTF8);
	refused("/%c3/%bc", 0, PATH_E_UTF8);
	refused("/%f8%88%80%80%80", 0, PATH_E_UTF8);
	refused("/\377", 0, PATH_E_UTF8);
	refused("/%252e%252e/", 0, PATH_E_DOUBLE);
	refused("/%252F", 0, PATH_E_DOUBLE);
	refused("/%25252e", 0, PATH_E_DOUBLE);
	refused("/%25%32%65", 0, PATH_E_DOUBLE);
	refused("/%2%355c", 0, PATH_E_PERCENT);
	refused("/%255c", 0, PATH_E_DOUBLE);
	refused("/%250a", 0, PATH_E_DOUBLE);
	refused("/%25%252e", 0, PATH_E_DOUBLE);
}

static void what_servers_mean_well(void **state)
{
	bool any;
	size_t n;

	(void)state;
	becomes("/@types%2fnode", PATH_SLASHES, "/@types%2Fnode");
	becomes("/%40types%2Fnode/-/x", PATH_SLASHES, "/@types%2Fnode/-/x");
	becomes("/a;v=1/b;jsessionid=2", PATH_PARAMS, "/a;v=1/b;jsessionid=2");
	becomes("/a;x%2Fy", BOTH, "/a;x%2Fy");
	refused("/a%2f..%2f..%2fb", PATH_SLASHES, PATH_E_SLASH);
	refused("/..%2fb", PATH_SLASHES, PATH_E_SLASH);
	refused("/%2fb", PATH_SLASHES, PATH_E_SLASH);
	refused("/b%2f", PATH_SLASHES, PATH_E_SLASH);
	refused("/a%2f%2fb", PATH_SLASHES, PATH_E_SLASH);
	refused("/a%2f.%2fb", PATH_SLASHES, PATH_E_SLASH);
	refused("/a;x%2f..%2fb", BOTH, PATH_E_SLASH);
	refused("/a%2f..;x%2fb", BOTH, PATH_E_SLASH);
	refused("/a%5cb", BOTH, PATH_E_BACKSLASH);
	assert_int_equal(path_canon(STR("/@a%2fb%2fc/d"), PATH_SLASHES, out, &n), PATH_OK);
	n = path_slashes(out, n, &any);
	assert_true(any && str_eqz((struct str){ out, n }, "/@a/b/c/d"));
	memcpy(out, "/a%2", 4);
	assert_int_equal(path_slashes(out, 4, &any), 4);
	assert_false(any);
}

static void long_ones(void **state)
{
	static char path[PATH_MAX_BYTES + 1];
	size_t n;

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	assert_int_equal(path_canon((struct str){ path, PATH_MAX_BYTES }, 0, out, &n), PATH_OK);
	assert_int_equal(n, PATH_MAX_BYTES);
	assert_int_equal(path_canon((struct str){ path, sizeof(path) }, 0, out, &n), PATH_E_LONG);
	path[9] = '"'; /* grows */
	assert_int_equal(path_canon((struct str){ path, PATH_MAX_BYTES }, 0, out, &n), PATH_E_LONG);
	path[PATH_MAX_BYTES - 3] = '/';
	assert_int_equal(path_canon((struct str){ path, PATH_MAX_BYTES - 2 }, 0, out, &n), PATH_OK);
	assert_int_equal(n, PATH_MAX_BYTES);
}

/* Spellings put together at random: what passes is canonical, and has none of what it may not have. */
static void any_spelling(void **state)
{
	static const char *const parts[] = {
		"/",   "//",  "/./", "/../",   "..",   ".",   "%2e", "%2E", "%252e",
		"%25", "25",  "2e",  ";",      "..;",  "\\",  "%5c", "%2f", "%2F",
		"a",   "%61", "B",   "%",      "+",    "%2b", "%c3", "%bc", "%3b",
		"%00", "~",   "%20", "admin/", "%%32", "f",   "x;y", "%7C",
	};
	unsigned passed = 0;

	(void)state;
	srandom(1);
	for (unsigned i = 0; i < 300000; i++) {
		unsigned allow = (unsigned)random() & BOTH;
		char path[64] = "/";
		size_t n = 1, got, twice;

		for (long k = random() % 8; k >= 0; k--) {
			const char *part =
				parts[(size_t)random() % (sizeof(parts) / sizeof(parts[0]))];

			memcpy(path + n, part, strlen(part) + 1);
			n += strlen(part);
		}
		if (path_canon((struct str){ path, n }, allow, out, &got) != PATH_OK)
			continue;
		passed++;
		if (path_canon((struct str){ out, got }, allow, again, &twice) != PATH_OK ||
		    !str_eq((struct str){ out, got }, (struct str){ again, twice }))
			fail_msg("'%s' becomes '%.*s', which is not canonical", path, (int)got,
				 out);
		assert_null(memmem(out, got, "//", 2));
		assert_null(memmem(out, got, "/./", 3));
		assert_null(memmem(out, got, "/../", 4));
		assert_null(memchr(out, '\\', got));
		assert_null(memmem(out, got, "%2e", 3));
		assert_null(memmem(out, got, "%2E", 3));
		assert_true(allow & PATH_SLASHES || !memmem(out, got, "%2F", 3));
		assert_true(allow & PATH_PARAMS || !memchr(out, ';', got));
	}
	assert_true(passed > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_form),
		cmocka_unit_test(refusals),
		cmocka_unit_test(what_servers_mean_well),
		cmocka_unit_test(long_ones),
		cmocka_unit_test(any_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
