/*
 * Patterns of paths: from the policy's spelling to the one of cel/glob.h, and held against paths.
 */
#include "policy/path.h"

#include "cel/glob.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Up to this length a pattern and what lies below it fit one automaton, at half the price. */
#define ONE_GLOB_MAX 200

static bool escaped(struct str text, size_t i)
{
	return text.p[i] == '\\' && i + 1 < text.n && strchr("*?[]\\", text.p[i + 1]) != NULL;
}

bool path_has_pattern(struct str text, char *ret)
{
	for (size_t i = 0; i < text.n; i++) {
		if (escaped(text, i)) {
			i++;
		} else if (text.p[i] == '*' || text.p[i] == '?' || text.p[i] == '[') {
			if (ret)
				*ret = text.p[i];
			return true;
		}
	}
	return false;
}

void path_escape(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		if (strchr("*?[", text.p[i]) || escaped(text, i))
			buf_putc(out, '\\');
		buf_putc(out, text.p[i]);
	}
}

void path_unescape(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		if (escaped(text, i))
			i++;
		buf_putc(out, text.p[i]);
	}
}

/* The bracket at @i ends where? 0: nowhere, which the compiler of globs will say. */
static size_t bracket_end(struct str text, size_t i)
{
	size_t at = i + 1;

	if (at < text.n && (text.p[at] == '!' || text.p[at] == '^'))
		at++;
	for (size_t first = at; at < text.n; at++) {
		if (text.p[at] == ']' && at > first)
			return at;
		at += escaped(text, at);
	}
	return 0;
}

bool path_splits_bracket(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		size_t end = text.p[i] == '[' ? bracket_end(text, i) : 0;

		if (end && memchr(text.p + i, '/', end - i))
			return true;
		i = end ? end : i + escaped(text, i);
	}
	return false;
}

static void put_glob(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		size_t end = text.p[i] == '[' ? bracket_end(text, i) : 0;

		if (end) {
			buf_put(out, text.p + i, end - i + 1);
			i = end;
		} else if (escaped(text, i)) {
			buf_put(out, text.p + i++, 2);
		} else {
			if (strchr("{}\\", text.p[i]))
				buf_putc(out, '\\');
			buf_putc(out, text.p[i]);
		}
	}
}

void path_put_glob(const char *path, bool below, struct buf *out)
{
	put_glob(str_of(path), out);
	if (below)
		buf_putz(out, strlen(path) <= ONE_GLOB_MAX ? "{,/**}" : "/**");
}

static int compile(const char *path, bool below, struct glob **ret)
{
	char mem[PATH_MAX * 2 + 8], why[128];
	struct buf text = buf_fixed(mem, sizeof(mem));

	path_put_glob(path, below, &text);
	if (buf_error(&text))
		return buf_error(&text);
	return glob_compile(buf_str(&text), ret, why, sizeof(why));
}

int path_matcher_init(struct path_matcher *m, const struct policy_path *entry)
{
	int r = 0;

	*m = (struct path_matcher){ .entry = entry };
	if (entry->glob)
		r = compile(entry->path, true, &m->below);
	if (r == 0 && entry->glob && strlen(entry->path) > ONE_GLOB_MAX)
		r = compile(entry->path, false, &m->at);
	if (r < 0)
		path_matcher_done(m);
	return r;
}

void path_matcher_done(struct path_matcher *m)
{
	m->at = glob_free(m->at);
	m->below = glob_free(m->below);
}

bool path_matches(const struct path_matcher *m, const char *path)
{
	const struct policy_path *e = m->entry;

	if (!e->glob)
		return path_within(path, e->path) || (e->real && path_within(path, e->real));
	return (m->below && glob_matches(m->below, str_of(path))) ||
	       (m->at && glob_matches(m->at, str_of(path)));
}

bool path_entry_matches(const struct policy_path *entry, const char *path)
{
	struct path_matcher m;
	bool matches;

	if (path_matcher_init(&m, entry) < 0)
		return true; /* what takes away is not lost for want of memory */
	matches = path_matches(&m, path);
	path_matcher_done(&m);
	return matches;
}

const char *path_resolve_next(struct path_folder *last, struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	char link[PATH_MAX], target;

	if (!n || n >= sizeof(last->path))
		return path_resolve(arena, path);
	if (strncmp(last->path, path, n) != 0 || last->path[n] != '\0') {
		memcpy(last->path, path, n);
		last->path[n] = '\0';
		if (!realpath(last->path, last->real)) {
			last->path[0] = '\0';
			return path_resolve(arena, path);
		}
	}
	if (snprintf(link, sizeof(link), "%s%s", strcmp(last->real, "/") == 0 ? "" : last->real,
		     slash) >= (int)sizeof(link) ||
	    readlink(link, &target, 1) >= 0)
		return path_resolve(arena, path);
	return arena_printf(arena, "%s", link);
}

const char *path_resolve(struct arena *arena, const char *path)
{
	char head[PATH_MAX], real[PATH_MAX];
	size_t n = strlen(path);
	const char *rest;

	if (n >= sizeof(head))
		return path;
	memcpy(head, path, n + 1);
	while (!realpath(head, real)) {
		char *slash = strrchr(head, '/');

		if (!slash || slash == head)
			return path;
		*slash = '\0';
	}
	rest = path + strlen(head);
	return arena_printf(arena, "%s%s", strcmp(real, "/") == 0 && *rest ? "" : real, rest);
}
