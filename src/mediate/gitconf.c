#include "mediate/gitconf.h"

#include "base/cur.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_ 64
#define START_MAX 250

/* "section.key", without the subsection; "section.*" for all of a section. Lower case. */
static const char *const harmless[] = {
	"core.repositoryformatversion",
	"core.filemode",
	"core.bare",
	"core.logallrefupdates",
	"core.ignorecase",
	"core.precomposeunicode",
	"core.symlinks",
	"core.autocrlf",
	"core.eol",
	"core.safecrlf",
	"core.quotepath",
	"core.abbrev",
	"core.compression",
	"core.bigfilethreshold",
	"core.preloadindex",
	"core.untrackedcache",
	"core.commitgraph",
	"core.multipackindex",
	"core.sparsecheckout",
	"core.sparsecheckoutcone",
	"remote.url",
	"remote.pushurl",
	"remote.fetch",
	"remote.push",
	"remote.tagopt",
	"remote.prune",
	"remote.mirror",
	"remote.promisor",
	"remote.partialclonefilter",
	"branch.remote",
	"branch.merge",
	"branch.rebase",
	"branch.description",
	"user.name",
	"user.email",
	"init.defaultbranch",
	"pull.rebase",
	"pull.ff",
	"push.default",
	"push.autosetupremote",
	"fetch.prune",
	"gc.auto",
	"color.*",
	"advice.*",
	"extensions.objectformat",
	"extensions.partialclone",
	"extensions.refstorage",
	"submodule.active",
	"submodule.url",
	"index.version",
	"rebase.autostash",
	"rerere.enabled",
	"status.showuntrackedfiles",
};

struct reader {
	struct cur cur;
	unsigned line;
	char section[NAME_MAX_];
	struct gitconf_finding *ret;
};

static int found(struct reader *r, const char *what, const char *why)
{
	r->ret->line = r->line;
	(void)snprintf(r->ret->text, sizeof(r->ret->text), "%.60s %s", what, why);
	return -EPERM;
}

static bool is_harmless(const char *section, const char *key)
{
	char full[2 * NAME_MAX_ + 2], all[NAME_MAX_ + 3];

	(void)snprintf(full, sizeof(full), "%s.%s", section, key);
	(void)snprintf(all, sizeof(all), "%s.*", section);
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		if (strcmp(harmless[i], full) == 0 || strcmp(harmless[i], all) == 0)
			return true;
	}
	return false;
}

static int peek(const struct reader *r)
{
	return r->cur.n ? r->cur.p[0] : -1;
}

static int next(struct reader *r)
{
	int c = peek(r);

	if (c >= 0)
		(void)cur_u8(&r->cur);
	r->line += c == '\n';
	return c;
}

static void skip_blanks(struct reader *r)
{
	while (peek(r) == ' ' || peek(r) == '\t')
		(void)next(r);
}

/* Letters, digits and '-', made lower case. */
static int read_name(struct reader *r, char name[NAME_MAX_])
{
	size_t n = 0;

	while (peek(r) >= 0 && (isalnum(peek(r)) || peek(r) == '-')) {
		if (n + 1 == NAME_MAX_)
			return -EPERM;
		name[n++] = (char)tolower(next(r));
	}
	name[n] = '\0';
	return n ? 0 : -EPERM;
}

/* [section] or [section "any text"]; the old [section.sub] is not read. */
static int read_section(struct reader *r)
{
	(void)next(r);
	if (read_name(r, r->section) < 0)
		return found(r, "a section", "has a name that is not understood");
	skip_blanks(r);
	if (peek(r) == '"') {
		int c;

		(void)next(r);
		while ((c = next(r)) != '"') {
			if (c == '\\')
				c = next(r);
			if (c < 0x20)
				return found(r, r->section,
					     "has a subsection that is not understood");
		}
	}
	if (next(r) != ']')
		return found(r, r->section, "is no section that is understood");
	return 0;
}

/* "NAME::address" has git run git-remote-NAME (gitremote-helpers(7)): scheme characters, then "::". */
static bool names_helper(const char *start)
{
	size_t n = strspn(start, "abcdefghijklmnopqrstuvwxyz0123456789+.-");

	return strncmp(start + n, "::", 2) == 0 || n + 3 > START_MAX;
}

/* The value to the end of its line. One that goes on on the next is not read. */
static int read_value(struct reader *r, const char *key)
{
	char start[START_MAX + 1] = { 0 };
	size_t n = 0;
	int c;

	while ((c = peek(r)) >= 0 && c != '\n') {
		(void)next(r);
		if (c == '\\')
			return found(r, key,
				     "has a value with a backslash, which is not understood");
		/* a return elsewhere than at the end is a blank to git, and trimmed */
		if ((c < 0x20 && c != '\t' && (c != '\r' || peek(r) != '\n')) || c == 0x7f)
			return found(r, key, "has a control character in its value");
		if (n < sizeof(start) - 1 && c != '"')
			start[n++] = (char)tolower(c);
	}
	if (names_helper(start) || start[0] == '!')
		return found(r, key, "may run a program");
	return 0;
}

static int read_key(struct reader *r)
{
	char key[NAME_MAX_];

	if (!r->section[0] || read_name(r, key) < 0)
		return found(r, "a line", "is not understood");
	if (!is_harmless(r->section, key)) {
		char full[2 * NAME_MAX_ + 2];

		(void)snprintf(full, sizeof(full), "%s.%s", r->section, key);
		return found(r, full, "is not among the settings known to be harmless");
	}
	skip_blanks(r);
	if (peek(r) == '=') {
		(void)next(r);
		skip_blanks(r);
		return read_value(r, key);
	}
	return peek(r) < 0 || peek(r) == '\n' || peek(r) == '\r' || peek(r) == '#' || peek(r) == ';'
		       ? 0
		       : found(r, key, "is not understood");
}

int gitconf_check(struct str text, struct gitconf_finding *ret)
{
	struct reader r = { .cur = cur_init(text.p, text.n), .line = 1, .ret = ret };
	int e = 0;

	if (text.n > GITCONF_MAX)
		return found(&r, "the file", "is too large");
	while (e == 0 && peek(&r) >= 0) {
		int c = peek(&r);

		if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
			(void)next(&r);
		} else if (c == '#' || c == ';') {
			while (peek(&r) >= 0 && peek(&r) != '\n')
				(void)next(&r);
		} else {
			e = c == '[' ? read_section(&r) : read_key(&r);
		}
	}
	return e;
}
