/*
 * Unit tests of the functions of our own: glob against a matcher that simply tries everything,
 * domain against the list's published cases, credentials shape by shape.
 */
#include "base/secret.h"
#include "cel/domain.h"
#include "cel/glob.h"
#include "codec/punycode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static bool glob_says(const char *pattern, const char *text)
{
	struct glob *glob;
	char reason[128];
	bool match;

	if (glob_compile(str_of(pattern), &glob, reason, sizeof(reason)) < 0)
		fail_msg("'%s': %s", pattern, reason);
	match = glob_matches(glob, str_of(text));
	glob_free(glob);
	return match;
}

static void globs(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "*", "", true },
		{ "*", "abc", true },
		{ "*", "a/b", false },
		{ "**", "a/b/", true },
		{ "*.c", "x.c", true },
		{ "*.c", "x.cc", false },
		{ "*.c", "d/x.c", false },
		{ "**/*.c", "x.c", true },
		{ "**/*.c", "a/b/x.c", true },
		{ "**/*.c", "/x.c", true },
		{ "**/.env", "/home/u/p/.env", true },
		{ "**/.env", "/home/u/p/x.env", false },
		{ "/a/**/b", "/a/b", true },
		{ "/a/**/b", "/a/x/y/b", true },
		{ "/a/**/b", "/a/xb", false },
		{ "/a/**/b", "/ab", false },
		{ "/a/**", "/a/", true },
		{ "/a/**", "/a/b/c", true },
		{ "/a/**", "/a", false },
		{ "/a/**", "/ab", false },
		{ "a**b", "a/x/b", true },
		{ "?", "/", false },
		{ "?", "\xc3\xa9", true },
		{ "??", "\xc3\xa9", false },
		{ "[!a]", "/", false },
		{ "[!a]", "b", true },
		{ "[^a-y]", "z", true },
		{ "[^a-y]", "m", false },
		{ "[]]", "]", true },
		{ "[a-]", "-", true },
		{ "[\\]]", "]", true },
		{ "[.-0]", "/", false },
		{ "[\xc3\xa0-\xc3\xaf]", "\xc3\xa9", true },
		{ "[\xc3\xa0-\xc3\xaf]", "\xc3\xb0", false },
		{ "[!\xc3\xa0-\xc3\xaf]", "\xc3\xa9", false },
		{ "[!\xc3\xa0-\xc3\xaf]", "\xc3\xb0", true },
		{ "[a-\xc3\xa9]", "\xc3\xa8", true },
		{ "[a-\xc3\xa9]", "b", true },
		{ "[a-\xc3\xa9]", "A", false },
		{ "{a,b}", "b", true },
		{ "{a,b}", "{a,b}", false },
		{ "{a,b{c,d}}e", "bde", true },
		{ "{a,b{c,d}}e", "be", false },
		{ "x{,y}z", "xz", true },
		{ "x{}z", "xz", true },
		{ "*.{js,ts}{,x}", "a.tsx", true },
		{ "*.{js,ts}{,x}", "a.jsy", false },
		{ "{**/,}a", "b/a", true },
		{ "{[,],x}", ",", true },
		{ "\\{a\\}", "{a}", true },
		{ "a}", "a}", true },
		{ "\\*", "*", true },
		{ "\\*", "x", false },
		{ "*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
		/* more than 64 states, and a text that is no UTF-8 */
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa*b",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaxyb", true },
		{ "a?b",
		  "a\xff"
		  "b",
		  true },
	};
	static const char *const bad[] = { "[",
					   "[a",
					   "[!",
					   "[]",
					   "{a",
					   "{a,{b}",
					   "\\",
					   "a[z-a]b",
					   "{{{{{{{{{{{{{{{{{a}}}}}}}}}}}}}}}}}",
					   "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}" };
	struct glob *glob = NULL;
	char reason[128], long_one[GLOB_PATTERN_MAX + 1];

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		if (glob_says(cases[i].pattern, cases[i].text) != cases[i].match)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].text);
	}
	for (size_t i = 0; i < N_OF(bad); i++) {
		reason[0] = '\0';
		if (glob_compile(str_of(bad[i]), &glob, reason, sizeof(reason)) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
		assert_true(reason[0] != '\0');
	}
	memset(long_one, 'a', sizeof(long_one));
	assert_int_equal(glob_compile((struct str){ long_one, 511 }, &glob, reason, sizeof(reason)),
			 0);
	glob = glob_free(glob);
	assert_int_equal(glob_compile((struct str){ long_one, 512 }, &glob, reason, sizeof(reason)),
			 -EINVAL);
	assert_int_equal(glob_compile((struct str){ long_one, sizeof(long_one) }, &glob, reason,
				      sizeof(reason)),
			 -EINVAL);
}

/* The plain definition, without braces and brackets, by trying everything. */
static bool tries(const char *p, const char *t, bool first)
{
	if (!*p)
		return !*t;
	if (p[0] == '*' && p[1] == '*' && p[2] == '/' && first) {
		if (tries(p + 3, t, true))
			return true;
		for (; *t; t++) {
			if (*t == '/' && tries(p + 3, t + 1, true))
				return true;
		}
		return false;
	}
	if (p[0] == '*' && p[1] == '*') {
		const char *rest = p + strspn(p, "*");

		for (;; t++) {
			if (tries(rest, t, false))
				return true;
			if (!*t)
				return false;
		}
	}
	if (*p == '*') {
		for (;; t++) {
			if (tries(p + 1, t, false))
				return true;
			if (!*t || *t == '/')
				return false;
		}
	}
	if (!*t || (*p == '?' ? *t == '/' : *p != *t))
		return false;
	return tries(p + 1, t + 1, *p == '/');
}

static void globs_of_all_kinds(void **state)
{
	static const char letters[] = "ab/*?*/a";
	uint64_t seed = 88172645463325252U;
	unsigned matches = 0;

	(void)state;
	for (unsigned round = 0; round < 60000; round++) {
		char pattern[10] = { 0 }, text[9] = { 0 }, wide[100];
		unsigned n, m;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		n = (unsigned)(seed % 9);
		m = (unsigned)((seed >> 8) % 8);
		for (unsigned i = 0; i < n; i++)
			pattern[i] = letters[(seed >> (12 + 3 * i)) % 8];
		for (unsigned i = 0; i < m; i++)
			text[i] = letters[(seed >> (40 + 2 * i)) % 3];
		/* three stars and more are two */
		if (strstr(pattern, "***"))
			continue;
		/* the same among more than 64 states: another way through */
		(void)snprintf(wide, sizeof(wide), "{%070d,%s}", 0, pattern);
		if (glob_says(wide, text) != tries(pattern, text, true))
			fail_msg("'%s' and '%s'", wide, text);
		matches += tries(pattern, text, true);
		if (glob_says(pattern, text) != tries(pattern, text, true))
			fail_msg("'%s' and '%s'", pattern, text);
	}
	assert_true(matches > 1500);
}

static void domains(void **state)
{
	static const struct {
		const char *host, *domain;
	} cases[] = {
		{ "", "" },
		{ "com", "" },
		{ ".com", "" },
		{ "example..com", "" },
		{ "example.com", "example.com" },
		{ "b.example.com", "example.com" },
		{ "a.b.example.com.", "example.com" },
		{ "WwW.Example.COM", "Example.COM" },
		{ "biz", "" },
		{ "a.b.domain.biz", "domain.biz" },
		{ "uk.com", "" },
		{ "a.b.example.uk.com", "example.uk.com" },
		{ "co.uk", "" },
		{ "www.bbc.co.uk", "bbc.co.uk" },
		/* wildcards and their exceptions */
		{ "ck", "" },
		{ "test.ck", "" },
		{ "a.b.test.ck", "b.test.ck" },
		{ "www.ck", "www.ck" },
		{ "www.www.ck", "www.ck" },
		{ "c.kobe.jp", "" },
		{ "a.b.c.kobe.jp", "b.c.kobe.jp" },
		{ "www.city.kobe.jp", "city.kobe.jp" },
		{ "ide.kyoto.jp", "" },
		{ "test.k12.ak.us", "test.k12.ak.us" },
		{ "k12.ak.us", "" },
		/* the private part */
		{ "github.io", "" },
		{ "evil.github.io", "evil.github.io" },
		{ "x.evil.github.io", "evil.github.io" },
		{ "bucket.s3.amazonaws.com", "bucket.s3.amazonaws.com" },
		/* a name under no rule */
		{ "local", "" },
		{ "a.b.unlisted", "b.unlisted" },
		/* both spellings of one name */
		{ "www.\xe9\xa3\x9f\xe7\x8b\xae.com.cn", "\xe9\xa3\x9f\xe7\x8b\xae.com.cn" },
		{ "\xe5\x85\xac\xe5\x8f\xb8.cn", "" },
		{ "www.\xe9\xa3\x9f\xe7\x8b\xae.\xe5\x85\xac\xe5\x8f\xb8.cn",
		  "\xe9\xa3\x9f\xe7\x8b\xae.\xe5\x85\xac\xe5\x8f\xb8.cn" },
		{ "www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn" },
		{ "XN--55QX5D.cn", "" },
		/* addresses and nonsense */
		{ "192.168.1.1", "" },
		{ "1.1", "" },
		{ "::1", "" },
		{ "[::1]", "" },
		{ "\xff.com", "" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com", "" },
	};

	(void)state;
	if (!domain_list_present()) {
		print_message("skipped: built without the public suffix list\n");
		skip();
	}
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct str got = domain_registrable(str_of(cases[i].host));

		if (!str_eqz(got, cases[i].domain))
			fail_msg("'%s': '%.*s', not '%s'", cases[i].host, STR_ARG(got),
				 cases[i].domain);
	}
}

/* RFC 3492 section 7.1, as far as they are shorter than a label. */
static void punycode(void **state)
{
	static const struct {
		const char *label, *ascii;
	} cases[] = {
		{ "plain", "plain" },
		{ "UPPER-1", "upper-1" },
		{ "b\xc3\xbc"
		  "cher",
		  "xn--bcher-kva" },
		{ "\xe9\xa3\x9f\xe7\x8b\xae", "xn--85x722f" },
		{ "\xe4\xbb\x96\xe4\xbb\xac\xe4\xb8\xba\xe4\xbb\x80\xe4\xb9\x88\xe4\xb8\x8d\xe8\xaf"
		  "\xb4"
		  "\xe4\xb8\xad\xe6\x96\x87",
		  "xn--ihqwcrb4cv8a8dqg056pqjye" },
		{ "3\xe5\xb9\xb4"
		  "B\xe7\xb5\x84\xe9\x87\x91\xe5\x85\xab\xe5\x85\x88\xe7\x94\x9f",
		  "xn--3b-ww4c5e180e575a65lsy2b" },
		{ "", "" },
		{ "\xff", "" },
	};
	char out[PUNYCODE_LABEL_MAX], wide[PUNYCODE_LABEL_MAX * 4];

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		size_t n = punycode_label(str_of(cases[i].label), out);

		assert_int_equal(n, strlen(cases[i].ascii));
		assert_memory_equal(out, cases[i].ascii, n);
	}
	for (size_t i = 0; i < sizeof(wide); i += 4)
		memcpy(wide + i, i % 8 ? "\xf0\x90\x80\x80" : "\xf4\x8f\xbf\xbf", 4);
	assert_int_equal(punycode_label((struct str){ wide, sizeof(wide) }, out), 0);
}

static void secrets(void **state)
{
	static const struct {
		const char *text, *kind;
	} found[] = {
		{ "sk-"
		  "ant-a1b2c3d4e5f6g7h8",
		  "anthropic" },
		{ "key=sk-proj-abcdefgh12345678", "openai" },
		{ "Bearer sk_live_abcdefghij0123456", "stripe" },
		{ "\"ghp_abcdefghijklmnopqrst0123456789abcdef\"", "github" },
		{ "x github_pat_11ABCDEFG0abcdefghij", "github" },
		{ "glpat-abcdefghij0123456789", "gitlab" },
		{ "id AKIAIOSFODNN7EXAMPLE.", "aws" },
		{ "AIzaSyA-abcdefghijklmnopqrstuvwxyz01234", "google" },
		{ "ya29.a0AfH6SMBabcdefghijk", "google" },
		{ "xoxb-123456789012-abcdef", "slack" },
		{ "//registry/:_authToken=npm_abcdefghijklmnopqrstuvwxyz0123456789", "npm" },
		{ "pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAwLTAwMDA", "pypi" },
		{ "hf_abcdefghijklmnopqrst0123", "huggingface" },
		{ "dop_v1_0123456789abcdef0123", "digitalocean" },
		{ "SG.0123456789abcdefghijkl.0123456789abcdefghijklmn", "sendgrid" },
		{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x", "jwt" },
		{ "AGE-SECRET-KEY-1ABCDEFGHIJKLMNOP", "age" },
		{ "a\n-----BEGIN OPENSSH PRIVATE KEY-----\nb", "private-key" },
		{ "-----BEGIN PRIVATE KEY-----", "private-key" },
		{ "see postgres://user:pass@db:5432/x", "url-password" },
	};
	static const char *const none[] = {
		"",
		"sk-",
		"sk-this-is-only-a-long-english-slug",
		"task-1234567890123456789012345",
		"AKIAIOSFODNN7EXAMPL",
		"AKIAiosfodnn7example1234",
		"-----BEGIN CERTIFICATE-----\nMIIB PRIVATE KEY",
		"https://example.com/a:b@c",
		"https://example.com?x=a:b@c",
		"https://user@example.com",
		"https://user:@example.com",
		"time 12:30@noon",
		"git@github.com:owner/repo",
		"eyJhbGciOi",
	};

	(void)state;
	for (size_t i = 0; i < N_OF(found); i++) {
		struct str where = { 0 };
		const char *kind = secret_find(str_of(found[i].text), &where);

		if (!kind || strcmp(kind, found[i].kind) != 0)
			fail_msg("'%s' is %s", found[i].text, kind ? kind : "nothing");
		assert_true(where.p >= found[i].text && where.n > 0 &&
			    where.p + where.n <= found[i].text + strlen(found[i].text));
	}
	for (size_t i = 0; i < N_OF(none); i++) {
		if (secret_find(str_of(none[i]), NULL))
			fail_msg("'%s' is %s", none[i], secret_find(str_of(none[i]), NULL));
	}
	assert_string_equal(secret_value(STR("postgres://u:p w@h")), "url-password");
	assert_string_equal(secret_value(STR("-----BEGIN CERTIFICATE-----")), "private-key");
	assert_string_equal(secret_value(STR("sk-abcdefghijklmnopqrstuv")), "openai");
	assert_null(secret_value(STR("x sk-abcdefghijklmnopqrstuv")));
	assert_null(secret_value(STR("")));
}

/* Starts of credentials side by side: each looks only so far. */
static void secrets_cost_little(void **state)
{
	static char text[3 * 400000];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i += 3)
		memcpy(text + i, i % 30 ? "..." : "sk-", 3);
	assert_null(secret_find((struct str){ text, sizeof(text) }, NULL));
	for (size_t i = 0; i < sizeof(text); i += 3)
		memcpy(text + i, "://", 3);
	assert_null(secret_find((struct str){ text, sizeof(text) }, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs),   cmocka_unit_test(globs_of_all_kinds),
		cmocka_unit_test(domains), cmocka_unit_test(punycode),
		cmocka_unit_test(secrets), cmocka_unit_test(secrets_cost_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
