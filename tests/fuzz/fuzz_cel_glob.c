/*
 * A pattern, a line feed, a text. Small patterns without brackets, braces and backslashes are held
 * against a matcher that tries everything; "{P}" and "{P,P}" must say what P says.
 */
#include "cel/glob.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static bool tries(struct str p, struct str t, bool first)
{
	struct str rest = str_sub(p, 1, p.n);

	if (p.n == 0)
		return t.n == 0;
	if (p.p[0] == '*') {
		size_t n = 1;

		while (n < p.n && p.p[n] == '*')
			n++;
		rest = str_sub(p, n, p.n);
		if (n > 1 && first && rest.n && rest.p[0] == '/') {
			rest = str_sub(rest, 1, rest.n);
			if (tries(rest, t, true))
				return true;
			for (size_t i = 0; i < t.n; i++) {
				if (t.p[i] == '/' && tries(rest, str_sub(t, i + 1, t.n), true))
					return true;
			}
			return false;
		}
		for (size_t i = 0; i <= t.n; i++) {
			if (tries(rest, str_sub(t, i, t.n), false))
				return true;
			if (i < t.n && n == 1 && t.p[i] == '/')
				return false;
		}
		return false;
	}
	if (t.n == 0 || (p.p[0] == '?' ? t.p[0] == '/' : p.p[0] != t.p[0]))
		return false;
	return tries(rest, str_sub(t, 1, t.n), p.p[0] == '/');
}

static bool simple(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 128 || strchr("[]{}\\,", s.p[i]))
			return false;
	}
	return s.n < 14;
}

/* -1: refused. */
static int says(struct str pattern, struct str text)
{
	struct glob *glob;
	char reason[128] = "";
	int match;

	if (glob_compile(pattern, &glob, reason, sizeof(reason)) < 0) {
		if (!reason[0])
			abort();
		return -1;
	}
	match = glob_matches(glob, text);
	glob_free(glob);
	return match;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *feed = size ? memchr(data, '\n', size) : NULL;
	struct str pattern = { (const char *)data, feed ? (size_t)(feed - data) : size };
	struct str text = str_sub((struct str){ (const char *)data, size }, pattern.n + 1, size);
	char twice[64];
	int match = says(pattern, text);

	if (match < 0 || !simple(pattern) || !simple(text))
		return 0;
	if (match != tries(pattern, text, true))
		abort();
	(void)snprintf(twice, sizeof(twice), "{%.*s,%.*s}", STR_ARG(pattern), STR_ARG(pattern));
	if (says(str_of(twice), text) != match)
		abort();
	return 0;
}
