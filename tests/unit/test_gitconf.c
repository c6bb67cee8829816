/* Which git configuration is harmless, in git's own grammar. */
#include "mediate/gitconf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *const harmless[] = {
	"",
	"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n",
	"[remote \"origin\"]\n\turl = https://example.org/a.git\n\tfetch = +refs/heads/*:x\n",
	"[remote \"v6\"]\r\n\turl = ssh://[::1]/a\r\n\turl = host:a::b\n",
	"[branch \"main\"]\n\tremote = origin\n",
	"# a comment\n; another\n[user] name = Some Body\n email=a@b\n",
	"[CORE]\nFileMode\n[color \"x]y\"]\nui = auto\n",
};

static const struct {
	const char *text;
	unsigned line;
	const char *says;
} findings[] = {
	{ "[core]\nfsmonitor = evil\n", 2, "core.fsmonitor" },
	{ "[core] FsMonitor=evil", 1, "core.fsmonitor" },
	{ "[core]\nhookspath = /x\n", 2, "core.hookspath" },
	{ "[alias]\nx = !evil\n", 2, "alias.x" },
	{ "[filter \"a\"]\nclean = evil\n", 2, "filter.clean" },
	{ "[include]\npath = evil\n", 2, "include.path" },
	{ "[includeIf \"gitdir:/\"]\npath = evil\n", 2, "includeif.path" },
	{ "[credential]\nhelper = !evil\n", 2, "credential.helper" },
	{ "[remote \"o\"]\nurl = ext::sh -c evil\n", 2, "program" },
	{ "[remote \"o\"]\nurl = \"ext::sh -c evil\"\n", 2, "program" },
	{ "[remote \"o\"]\nurl = \rext::sh -c evil\n", 2, "control" },
	{ "[remote \"o\"]\nurl = fd::7\n", 2, "program" },
	{ "[remote \"o\"]\nurl = E\"xT:\":sh -c evil\n", 2, "program" },
	{ "[remote \"o\"]\npushurl = ::x\n", 2, "program" },
	{ "[core]\nfilemode = true\\\nfsmonitor = evil\n", 2, "backslash" },
	{ "[core.x]\nfilemode = true\n", 1, "understood" },
	{ "filemode = true\n", 1, "not understood" },
	{ "[core\n", 2, "understood" },
	{ "[core \"x\n", 2, "subsection" },
	{ "[core]\nfilemode = a\x01\n", 2, "control" },
	{ "\xef\xbb\xbf[core]\n", 1, "not understood" },
	{ "[core]\nfilemode evil\n", 2, "not understood" },
};

static void what_git_writes_is_harmless(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		struct gitconf_finding f = { 0 };

		if (gitconf_check(str_of(harmless[i]), &f) < 0)
			fail_msg("%zu: line %u: %s", i, f.line, f.text);
	}
}

static void the_rest_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(findings) / sizeof(findings[0]); i++) {
		struct gitconf_finding f = { 0 };

		if (gitconf_check(str_of(findings[i].text), &f) == 0)
			fail_msg("%zu passed: %s", i, findings[i].text);
		if (f.line != findings[i].line || !strstr(f.text, findings[i].says))
			fail_msg("%zu: line %u: %s", i, f.line, f.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_git_writes_is_harmless),
		cmocka_unit_test(the_rest_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
