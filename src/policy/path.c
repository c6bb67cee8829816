/*
 * Paths: variables, one spelling for one place, and what contains what.
 *
 * A path is judged by its text here; where symlinks could turn the text into another place, and the
 * policy's writer is not trusted, narrow.c resolves it.
 */
#include "policy/path.h"

#include "base/own.h"
#include "cel/glob.h"
#include "policy/load.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool path_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (n == 1 && dir[0] == '/')
		return true;
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

bool path_normalise(struct str path, struct buf *out)
{
	size_t i = 0;

	while (i < path.n) {
		size_t from = i;

		while (i < path.n && path.p[i] != '/')
			i++;
		if (i == from + 2 && path.p[from] == '.' && path.p[from + 1] == '.') {
			while (out->n && out->p[--out->n] != '/')
				;
		} else if (i > from && !(i == from + 1 && path.p[from] == '.')) {
			buf_putc(out, '/');
			buf_put(out, path.p + from, i - from);
		}
		i++;
	}
	if (out->n == 0)
		buf_putc(out, '/');
	(void)buf_cstr(out);
	return buf_error(out) == 0 && out->n < PATH_MAX;
}

struct variable {
	const char *name, *value;
};

/* The value as text of a pattern: what is in it means nothing. */
static bool put_variable(struct load *l, uint32_t node, struct str name, struct buf *out)
{
	const struct variable vars[] = { { "workspace", l->vars->workspace },
					 { "home", l->vars->home },
					 { "tmp", l->vars->tmp } };
	const char *names[3], *near;

	for (size_t i = 0; i < 3; i++) {
		names[i] = vars[i].name;
		if (!str_eqz(name, vars[i].name))
			continue;
		if (vars[i].value && vars[i].value[0] == '/') {
			path_escape(str_of(vars[i].value), out);
			return true;
		}
		load_error(l, node, "${%s} has no value here", vars[i].name);
		return false;
	}
	near = str_nearest(name, names, 3);
	load_error(l, node, "unknown variable '${%.*s}'; %s%s%s", (int)(name.n < 60 ? name.n : 60),
		   name.p, near ? "did you mean '${" : "there are ${workspace}, ${home}, ${tmp}",
		   near ? near : "", near ? "}'?" : "");
	return false;
}

/* ${...} and a leading ~ replaced. */
static bool put_expanded(struct load *l, uint32_t node, struct str text, struct buf *out)
{
	size_t i = 0;

	if (text.n && text.p[0] == '~') {
		if (text.n > 1 && text.p[1] != '/') {
			load_error(l, node, "'~name' is not known; write an absolute path");
			return false;
		}
		if (!put_variable(l, node, STR("home"), out))
			return false;
		i = 1;
	}
	while (i < text.n) {
		const char *end = memchr(text.p + i, '$', text.n - i);
		size_t plain = end ? (size_t)(end - text.p) - i : text.n - i;
		struct str name;

		if (plain) {
			buf_put(out, text.p + i, plain);
			i += plain;
			continue;
		}
		end = i + 1 < text.n && text.p[i + 1] == '{' ? memchr(text.p + i, '}', text.n - i)
							     : NULL;
		if (!end) {
			load_error(l, node,
				   "'$' begins a variable: ${workspace}, ${home} or ${tmp}");
			return false;
		}
		name = (struct str){ .p = text.p + i + 2, .n = (size_t)(end - text.p) - i - 2 };
		if (!put_variable(l, node, name, out))
			return false;
		i = (size_t)(end - text.p) + 1;
	}
	return true;
}

static bool path_text_ok(struct load *l, uint32_t node, struct str text, bool patterns)
{
	if (text.n >= PATH_MAX) {
		load_error(l, node, "a path of more than %d bytes", PATH_MAX - 1);
		return false;
	}
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] < 0x20) {
			load_error(l, node, "a control character in a path");
			return false;
		}
	}
	if (text.p[0] == '/' || text.p[0] == '$' || text.p[0] == '~' ||
	    (patterns && str_starts(text, STR("**/"))))
		return true;
	load_error(l, node, "relative path '%.200s'; did you mean '%s%.200s'?", text.p,
		   patterns && path_has_pattern(text, NULL) ? "**/" : "${workspace}/",
		   str_starts(text, STR("./")) ? text.p + 2 : text.p);
	return false;
}

static bool has_parent(struct str text)
{
	for (size_t i = 0; i + 1 < text.n; i++) {
		if (text.p[i] == '.' && text.p[i + 1] == '.' && (i == 0 || text.p[i - 1] == '/') &&
		    (i + 2 == text.n || text.p[i + 2] == '/'))
			return true;
	}
	return false;
}

static bool pattern_ok(struct load *l, uint32_t node, struct str text, const char *path)
{
	char mem[PATH_MAX * 2 + 8], why[128];
	struct buf glob = buf_fixed(mem, sizeof(mem));
	struct glob *compiled;

	if (has_parent(text)) {
		load_error(l, node, "'..' in a pattern");
		return false;
	}
	if (path_splits_bracket(text)) {
		load_error(l, node, "'/' in a bracket '[': it stands between folders only");
		return false;
	}
	path_put_glob(path, false, &glob);
	buf_putz(&glob, "/**");
	if (buf_error(&glob))
		(void)snprintf(why, sizeof(why), "too long");
	else if (glob_compile(buf_str(&glob), &compiled, why, sizeof(why)) == 0) {
		(void)glob_free(compiled);
		return true;
	}
	load_error(l, node, "pattern '%.200s': %s", path, why);
	return false;
}

/* @clean is a pattern's text, normalised. */
static bool path_keep(struct load *l, struct str clean, bool glob, const char **ret_path)
{
	char mem[PATH_MAX + 8];
	struct buf literal = buf_fixed(mem, sizeof(mem));

	if (glob && str_starts(clean, STR("/**/")))
		clean = str_sub(clean, 1, clean.n); /* "anywhere" has one spelling */
	if (!glob) {
		path_unescape(clean, &literal);
		clean = buf_str(&literal);
	}
	*ret_path = arena_strdup(l->arena, clean);
	if (!*ret_path)
		l->no_memory = true;
	return *ret_path;
}

static bool expand(struct load *l, uint32_t node, struct str text, bool patterns,
		   const char **ret_path, bool *ret_glob)
{
	char raw_mem[PATH_MAX * 3], clean_mem[PATH_MAX + 8], meant;
	struct buf raw = buf_fixed(raw_mem, sizeof(raw_mem));
	struct buf clean = buf_fixed(clean_mem, sizeof(clean_mem));
	bool glob = path_has_pattern(text, &meant);

	if (glob && !patterns) {
		load_error(
			l, node,
			"a pattern ('%c') has no place here: the wall is built of names. Name the "
			"folder and take from it with 'deny'; '\\%c' is the character itself",
			meant, meant);
		return false;
	}
	if (!path_text_ok(l, node, text, patterns) || !put_expanded(l, node, text, &raw))
		return false;
	if (buf_error(&raw) || !path_normalise(buf_str(&raw), &clean)) {
		load_error(l, node, "a path of more than %d bytes", PATH_MAX - 1);
		return false;
	}
	*ret_glob = glob;
	return path_keep(l, buf_str(&clean), glob, ret_path) &&
	       (!glob || pattern_ok(l, node, text, *ret_path));
}

bool load_path_expand(struct load *l, uint32_t node, struct str text, const char **ret_path)
{
	bool glob;

	return expand(l, node, text, false, ret_path, &glob);
}

bool load_path_pattern(struct load *l, uint32_t node, struct str text, const char **ret_path,
		       bool *ret_glob)
{
	return expand(l, node, text, true, ret_path, ret_glob);
}

/* --- the whole, after the merge --- */

static const char *const kind_names[POLICY_FS_N] = {
	[POLICY_FS_READ] = "read", [POLICY_FS_WRITE] = "write",      [POLICY_FS_EXEC] = "exec",
	[POLICY_FS_DENY] = "deny", [POLICY_FS_READONLY] = "protect", [POLICY_FS_HIDE] = "hide",
	[POLICY_FS_ASK] = "ask",
};

const char *path_kind_name(enum policy_fs kind)
{
	return kind_names[kind];
}

bool path_kind_grants(enum policy_fs kind)
{
	return kind == POLICY_FS_READ || kind == POLICY_FS_WRITE || kind == POLICY_FS_EXEC;
}

bool path_listed(const struct policy_path *paths, size_t n, const struct policy_path *path)
{
	for (size_t i = 0; i < n; i++) {
		if (paths[i].kind == path->kind && strcmp(paths[i].path, path->path) == 0)
			return true;
	}
	return false;
}

/* @grant stops at the private folder @dir, and @path lies behind it. */
static bool stops_at(const char *dir, const char *grant, const char *path)
{
	return dir && path_within(path, dir) && strcmp(path, dir) != 0 && path_within(dir, grant);
}

bool path_covered(const struct policy *policy, const struct policy_path *paths, size_t n,
		  const char *path, enum policy_fs kind)
{
	const char *home = policy && policy->private_home ? policy->home : NULL;
	const char *tmp = policy && policy->private_tmp ? policy->tmp : NULL;

	for (size_t i = 0; i < n; i++) {
		const char *grant = paths[i].path;
		bool covers = paths[i].kind == kind ||
			      (kind == POLICY_FS_READ && path_kind_grants(paths[i].kind));

		if (covers && path_within(path, grant) && !stops_at(home, grant, path) &&
		    !stops_at(tmp, grant, path) && !stops_at(tmp ? "/tmp" : NULL, grant, path))
			return true;
	}
	return false;
}

/* Does @d take the right of @grant's kind away? */
static bool takes_right(const struct policy_path *d, enum policy_fs kind)
{
	return d->kind == POLICY_FS_DENY || d->kind == POLICY_FS_HIDE ||
	       (d->kind == POLICY_FS_READONLY && kind == POLICY_FS_WRITE);
}

/* A grant that a denial covers can never apply: one of the two is a mistake. */
static void check_contradictions(struct load *l, const struct policy_path *d)
{
	struct path_matcher m;

	if (path_kind_grants(d->kind) || d->kind == POLICY_FS_ASK)
		return;
	if (path_matcher_init(&m, d) < 0) {
		l->no_memory = true;
		return;
	}
	for (size_t i = 0; i < l->p->n_paths && !diag_full(l->diag); i++) {
		const struct policy_path *grant = &l->p->paths[i];

		if (!path_kind_grants(grant->kind) || !takes_right(d, grant->kind) ||
		    !path_matches(&m, grant->path))
			continue;
		diag_add(l->diag, DIAG_ERROR, grant->where, 1,
			 "'%.200s' is granted (%s) but %s '%.200s' at %.200s:%u:%u always wins; "
			 "take one of them out",
			 grant->path, kind_names[grant->kind], kind_names[d->kind], d->path,
			 d->where.file, d->where.line, d->where.col);
	}
	path_matcher_done(&m);
}

/* The session's own, made for it: not looked for on the host. */
static bool made_for_session(const struct policy *p, const char *path)
{
	return (p->private_home && p->home && strcmp(path, p->home) == 0) ||
	       (p->private_tmp && p->tmp &&
		(strcmp(path, p->tmp) == 0 || strcmp(path, "/tmp") == 0));
}

static void check_missing(struct load *l, struct policy_path *path)
{
	struct stat st;

	if (path->optional || l->offline || !path_kind_grants(path->kind) ||
	    made_for_session(l->p, path->path) || stat(path->path, &st) == 0)
		return;
	if (path->kind == POLICY_FS_WRITE) {
		diag_add(l->diag, DIAG_ERROR, path->where, 1,
			 "'%.300s' does not exist; create it, or say 'optional: true'", path->path);
		return;
	}
	diag_add(l->diag, DIAG_WARNING, path->where, 1, "'%.300s' does not exist; it is left out",
		 path->path);
	path->optional = true;
}

void load_paths_look(struct load *l)
{
	struct path_folder last;
	struct policy *p = l->p;
	struct stat st;

	last.path[0] = '\0';
	for (size_t i = 0; i < p->n_paths && !l->offline; i++) {
		struct policy_path *path = &p->paths[i];
		bool live = path->kind == POLICY_FS_HIDE || path->kind == POLICY_FS_ASK;

		if (path_kind_grants(path->kind) || path->glob || path->real)
			continue;
		/* a file where a protected path has a folder: the wall covers that file */
		path->absent =
			stat(path->path, &st) < 0 &&
			(errno == ENOENT || (errno == ENOTDIR && path->kind != POLICY_FS_READONLY));
		if (!path->absent && S_ISREG(st.st_mode) && st.st_nlink > 1) {
			path->live = true; /* a mount covers one name */
			path->dev = st.st_dev;
			path->ino = st.st_ino;
		}
		if (!path->absent && !live)
			continue; /* a mount is tied to the thing, whatever it is called */
		path->real = path_resolve_next(&last, l->arena, path->path);
		if (!path->real)
			l->no_memory = true;
		else if (strcmp(path->real, path->path) == 0)
			path->real = NULL;
	}
}

void load_paths_check(struct load *l)
{
	struct policy *p = l->p;

	for (size_t i = 0; i < p->n_paths && !diag_full(l->diag); i++)
		check_missing(l, &p->paths[i]);
	for (size_t i = 0; i < p->reload.n_within && !diag_full(l->diag); i++)
		check_missing(l, &p->reload.within[i]);
	for (size_t i = 0; i < p->n_paths && !diag_full(l->diag); i++)
		check_contradictions(l, &p->paths[i]);
}
