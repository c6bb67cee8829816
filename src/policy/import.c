/*
 * import - the three shapes of the old Capsules, rewritten as version 1. docs/POLICY.md
 * ("Importing") states how each field is read. What has no counterpart here is never guessed:
 * grants that cannot be taken over are left out (which is tighter) and named in a comment.
 */
#include "base/own.h"
#include "codec/yaml.h"
#include "policy/policy.h"
#include "policy/report.h"
#include "policy/show.h"

#include <errno.h>
#include <stdio.h>

struct import {
	const char *name;
	struct yaml_doc doc;
	struct buf *out, *notes;
	struct err *err;
};

static void on_problem(void *ctx, const struct yaml_problem *p)
{
	struct import *im = ctx;

	if (!err_is_set(im->err))
		err_text(im->err, EBADMSG, "%s:%u:%u: %s", im->name, p->line, p->col, p->text);
}

/* Said twice: where it would have stood, and to whoever runs this. */
static void left_out(struct import *im, uint32_t node, unsigned indent, const char *what,
		     const char *why)
{
	const struct yaml_node *n = yaml_at(&im->doc, node);

	buf_printf(im->notes, "%s:%u:%u: %s: %s\n", im->name, n->line, n->col, what, why);
	buf_printf(im->out, "%*s# left out: ", (int)indent, "");
	for (const char *p = what; *p; p++)
		buf_putc(im->out, *p == '\n' ? ' ' : *p);
	buf_printf(im->out, ": %s (line %u)\n", why, n->line);
}

static bool scalar(const struct import *im, uint32_t node)
{
	return node && yaml_at(&im->doc, node)->kind == YAML_SCALAR;
}

static const char *text(const struct import *im, uint32_t node)
{
	return yaml_cstr(&im->doc, node);
}

/* The first of the NULL-terminated @names that is there. */
static uint32_t get(const struct import *im, uint32_t map, const char *const *names)
{
	for (; *names; names++) {
		uint32_t node = yaml_get(&im->doc, map, *names);

		if (node)
			return node;
	}
	return 0;
}

static bool truth(const char *word)
{
	static const char *const yes[] = { "true", "True", "yes", "on",  "1",
					   "*",    "host", "all", "full" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcmp(word, yes[i]) == 0)
			return true;
	}
	return false;
}

/* --- paths --- */

/* An old path as one of ours: a last "**" or "*" goes, relative ones lie in the workspace. */
static bool path_text(struct import *im, uint32_t node, unsigned indent, struct buf *out)
{
	struct str path = yaml_str(&im->doc, node);

	while (str_ends(path, STR("/**")) || str_ends(path, STR("/*")))
		path = str_sub(
			path, 0,
			path.n - (path.p[path.n - 1] == '*' && path.p[path.n - 2] == '*' ? 3 : 2));
	for (size_t i = 0; i < path.n; i++) {
		if (strchr("*?[", path.p[i])) {
			left_out(im, node, indent, text(im, node), "a pattern");
			return false;
		}
	}
	if (str_eqz(path, ".") || path.n == 0) {
		buf_putz(out, str_eqz(path, ".") ? "${workspace}" : "/");
		return true;
	}
	if (str_starts(path, STR("./")))
		path = str_sub(path, 2, path.n);
	if (str_starts(path, STR("$HOME")))
		buf_printf(out, "${home}%.*s", STR_ARG(str_sub(path, 5, path.n)));
	else if (strchr("/~$", path.p[0]))
		buf_puts(out, path);
	else
		buf_printf(out, "${workspace}/%.*s", STR_ARG(path));
	return true;
}

static bool put_path(struct import *im, uint32_t node, unsigned indent)
{
	AUTO(buf_done) struct buf path = BUF_INIT(8192);

	if (!scalar(im, node)) {
		left_out(im, node, indent, "an entry", "not a path");
		return false;
	}
	if (!path_text(im, node, indent, &path))
		return false;
	buf_printf(im->out, "%*s- { path: ", (int)indent, "");
	show_text(im->out, buf_str(&path));
	buf_putz(im->out, ", optional: true }\n");
	return true;
}

/* The entries of @list, which may be a single one; how many could be taken over. */
static size_t put_entries(struct import *im, uint32_t list, unsigned indent)
{
	size_t n = 0;

	if (scalar(im, list))
		return put_path(im, list, indent);
	for (uint32_t i = yaml_at(&im->doc, list)->child; i; i = yaml_at(&im->doc, i)->next)
		n += put_path(im, i, indent);
	return n;
}

/* @key with the entries that were collected in @entries: "key: []" when none could be kept. */
static void put_list(struct import *im, unsigned indent, const char *key, struct buf *entries,
		     size_t n)
{
	if (n == 0)
		buf_puts(im->out, buf_str(entries));
	buf_printf(im->out, "%*s%s:%s\n", (int)indent, "", key, n ? "" : " []");
	if (n)
		buf_puts(im->out, buf_str(entries));
}

static void put_paths(struct import *im, uint32_t list, unsigned indent, const char *key)
{
	AUTO(buf_done) struct buf entries = BUF_INIT(YAML_SIZE_MAX);
	struct buf *out = im->out;
	size_t n;

	if (!list)
		return;
	im->out = &entries;
	n = put_entries(im, list, indent + 2);
	im->out = out;
	put_list(im, indent, key, &entries, n);
}

/* --- the rest --- */

static void put_net(struct import *im, uint32_t node, unsigned indent)
{
	if (!node)
		return;
	if (scalar(im, node)) {
		buf_printf(im->out, "%*snetwork: %s\n", (int)indent, "",
			   truth(text(im, node)) ? "host" : "none");
		return;
	}
	for (uint32_t i = yaml_at(&im->doc, node)->child; i; i = yaml_at(&im->doc, i)->next)
		left_out(im, i, indent, scalar(im, i) ? text(im, i) : "a rule",
			 "a destination, which needs the network engine");
	buf_printf(im->out, "%*snetwork: none\n", (int)indent, "");
}

/* One word of an old pattern as one part of ours. */
static void put_word(struct buf *out, struct str word, unsigned n)
{
	AUTO(buf_done) struct buf part = BUF_INIT(8192);
	bool expression = false;

	for (size_t i = 0; i < word.n && !expression; i++)
		expression = strchr("\\^$.[]()*+?|{}", word.p[i]) && word.p[i] != '.';
	if (expression)
		buf_printf(&part, "${arg%u:%.*s}", n, STR_ARG(word));
	else
		buf_puts(&part, word);
	show_text(out, buf_str(&part));
}

/* "^git clone .*$" -> [git, clone, "..."]; a list's items are words already. */
static void put_argv(struct import *im, uint32_t node)
{
	struct str s = scalar(im, node) ? yaml_str(&im->doc, node) : (struct str){ 0 };
	uint32_t item = scalar(im, node) ? 0 : yaml_at(&im->doc, node)->child;
	unsigned n = 0;

	if (s.n && s.p[0] == '^')
		s = str_sub(s, 1, s.n);
	if (s.n && s.p[s.n - 1] == '$')
		s = str_sub(s, 0, s.n - 1);
	buf_putz(im->out, "    argv: [");
	while (s.n || item) {
		struct str word;

		if (item) {
			word = scalar(im, item) ? yaml_str(&im->doc, item) : STR("");
			item = yaml_at(&im->doc, item)->next;
		} else {
			const char *space = memchr(s.p, ' ', s.n);

			word = str_sub(s, 0, space ? (size_t)(space - s.p) : s.n);
			s = str_sub(s, word.n + 1, s.n);
		}
		if (word.n == 0)
			continue;
		buf_putz(im->out, n ? ", " : "");
		if (str_eqz(word, ".*") && !item && s.n == 0)
			buf_putz(im->out, "\"...\"");
		else
			put_word(im->out, word, ++n);
		n += n == 0;
	}
	buf_putz(im->out, "]\n");
}

static void head(struct import *im, const char *shape)
{
	buf_printf(im->out, "# Taken over from %s (%s).\n", im->name, shape);
	buf_putz(im->out, "version: 1\nextends: preset:agent\n");
}

static const char *const read_names[] = { "read", "fs_read", "allow_read", NULL };
static const char *const write_names[] = { "write", "fs_write", "allow_write", NULL };
static const char *const net_names[] = { "net", "network", "allow_net", NULL };

static void unknown_keys(struct import *im, uint32_t map, const char *const *known)
{
	for (uint32_t i = yaml_at(&im->doc, map)->child; i; i = yaml_at(&im->doc, i)->next) {
		uint32_t key = yaml_at(&im->doc, i)->key;
		bool found = false;

		for (const char *const *k = known; *k && !found; k++)
			found = strcmp(*k, text(im, key)) == 0;
		if (!found)
			left_out(im, key, 0, text(im, key), "not known");
	}
}

/* tools.NAME.{argv_pattern,read,write,net}: the policy grants what all tools need together. */
static void import_tools(struct import *im, uint32_t tools)
{
	static const char *const kinds[2] = { "read", "write" };
	const struct yaml_doc *doc = &im->doc;
	bool net = false, headed = false;

	head(im, "tools");
	for (int k = 0; k < 2; k++) {
		AUTO(buf_done) struct buf entries = BUF_INIT(YAML_SIZE_MAX);
		struct buf *out = im->out;
		size_t count = 0;

		im->out = &entries;
		for (uint32_t t = yaml_at(doc, tools)->child; t; t = yaml_at(doc, t)->next) {
			uint32_t list = get(im, t, k ? write_names : read_names);
			uint32_t n = get(im, t, net_names);

			net = net || (scalar(im, n) && truth(text(im, n)));
			count += list ? put_entries(im, list, 4) : 0;
		}
		im->out = out;
		if (count == 0)
			continue;
		buf_putz(im->out, headed ? "" : "filesystem:\n");
		put_list(im, 2, kinds[k], &entries, count);
		headed = true;
	}
	buf_printf(im->out, "network: %s\ntools:\n", net ? "host" : "none");
	for (uint32_t t = yaml_at(doc, tools)->child; t; t = yaml_at(doc, t)->next) {
		uint32_t argv = yaml_get(doc, t, "argv_pattern");

		buf_putz(im->out, "  ");
		show_text(im->out, yaml_str(doc, yaml_at(doc, t)->key));
		buf_putz(im->out, ":\n");
		if (argv)
			put_argv(im, argv);
		put_paths(im, get(im, t, read_names), 4, "read");
		put_paths(im, get(im, t, write_names), 4, "write");
		put_net(im, get(im, t, net_names), 4);
	}
}

static void put_env(struct import *im, uint32_t env)
{
	const struct yaml_doc *doc = &im->doc;
	bool map = yaml_at(doc, env)->kind == YAML_MAP;

	if (yaml_at(doc, env)->count == 0)
		return;
	buf_printf(im->out, "process:\n  env:\n    %s:\n", map ? "set" : "pass");
	for (uint32_t i = yaml_at(doc, env)->child; i; i = yaml_at(doc, i)->next) {
		buf_putz(im->out, map ? "      " : "      - ");
		show_text(im->out, map             ? yaml_str(doc, yaml_at(doc, i)->key)
				   : scalar(im, i) ? yaml_str(doc, i)
						   : STR("?"));
		if (map) {
			buf_putz(im->out, ": ");
			show_quoted(im->out, scalar(im, i) ? yaml_str(doc, i) : STR(""));
		}
		buf_putc(im->out, '\n');
	}
}

static void put_limits(struct import *im, uint32_t map)
{
	static const char *const time_names[] = { "timeout", "timeout_s", NULL };
	static const char *const memory_names[] = { "memory", "max_memory", NULL };
	uint32_t time = get(im, map, time_names), memory = get(im, map, memory_names);
	const char *seconds = scalar(im, time) ? text(im, time) : NULL;

	if (!seconds && !scalar(im, memory))
		return;
	buf_putz(im->out, "limits:\n");
	if (seconds) {
		bool bare = *seconds && strspn(seconds, "0123456789.") == strlen(seconds);

		buf_putz(im->out, "  wall_time: ");
		buf_printf(im->out, "%s%s\n", seconds, bare ? "s" : "");
	}
	if (scalar(im, memory)) {
		buf_putz(im->out, "  memory: ");
		show_text(im->out, yaml_str(&im->doc, memory));
		buf_putc(im->out, '\n');
	}
}

static void put_syscalls(struct import *im, uint32_t calls)
{
	const struct yaml_doc *doc = &im->doc;

	if (scalar(im, calls)) {
		buf_putz(im->out, "syscalls: ");
		show_text(im->out, yaml_str(doc, calls));
		buf_putc(im->out, '\n');
		return;
	}
	if (yaml_at(doc, calls)->kind != YAML_LIST) {
		left_out(im, calls, 0, "syscalls", "neither a name nor a list");
		return;
	}
	buf_putz(im->out, "syscalls:\n  preset: default\n");
	if (yaml_at(doc, calls)->count)
		buf_putz(im->out, "  allow:\n");
	for (uint32_t i = yaml_at(doc, calls)->child; i; i = yaml_at(doc, i)->next) {
		buf_putz(im->out, "    - ");
		show_text(im->out, scalar(im, i) ? yaml_str(doc, i) : STR("?"));
		buf_putc(im->out, '\n');
	}
}

/* read/write/net (and syscalls) in one map: @map is `sandbox`, or the SDK's root. */
static void import_flat(struct import *im, uint32_t map, const char *shape)
{
	static const char *const exec_names[] = { "exec", NULL };
	static const char *const known[] = { "read",      "fs_read",     "allow_read", "write",
					     "fs_write",  "allow_write", "net",        "network",
					     "allow_net", "syscalls",    "env",        "timeout",
					     "memory",    "name",        "max_memory", "timeout_s",
					     "exec",      NULL };
	uint32_t name = yaml_get(&im->doc, map, "name"), env = yaml_get(&im->doc, map, "env");
	uint32_t calls = yaml_get(&im->doc, map, "syscalls");
	uint32_t read = get(im, map, read_names), write = get(im, map, write_names);
	uint32_t exec = get(im, map, exec_names);

	head(im, shape);
	if (scalar(im, name)) {
		buf_putz(im->out, "name: ");
		show_text(im->out, yaml_str(&im->doc, name));
		buf_putc(im->out, '\n');
	}
	if (read || write || exec)
		buf_putz(im->out, "filesystem:\n");
	put_paths(im, read, 2, "read");
	put_paths(im, write, 2, "write");
	put_paths(im, exec, 2, "exec");
	put_net(im, get(im, map, net_names), 0);
	if (env && !scalar(im, env))
		put_env(im, env);
	else if (env)
		left_out(im, env, 0, "env", "neither a list nor a map");
	put_limits(im, map);
	if (calls)
		put_syscalls(im, calls);
	unknown_keys(im, map, known);
}

int policy_import(const char *name, struct str source, struct buf *out, struct buf *notes,
		  struct err *err)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(16U << 20);
	struct err first = ERR_INIT;
	struct import im = { .name = name, .out = out, .notes = notes, .err = &first };
	uint32_t tools, sandbox;
	int r;

	r = yaml_parse(&arena, source, on_problem, &im, &im.doc);
	if (r < 0)
		return err_text(err, -r, "%s", first.code ? first.text : "out of memory");
	tools = yaml_get(&im.doc, 0, "tools");
	sandbox = yaml_get(&im.doc, 0, "sandbox");
	if (yaml_get(&im.doc, 0, "version") && !tools && !sandbox)
		return err_text(err, EBADMSG, "%s: has a 'version': this is not an old file", name);
	if (tools && yaml_at(&im.doc, tools)->kind == YAML_MAP)
		import_tools(&im, tools);
	else if (sandbox && yaml_at(&im.doc, sandbox)->kind == YAML_MAP)
		import_flat(&im, sandbox, "sandbox");
	else if (get(&im, 0, read_names) || get(&im, 0, write_names) || get(&im, 0, net_names))
		import_flat(&im, 0, "the SDK's");
	else
		return err_text(err, EBADMSG,
				"%s: none of the old shapes: tools.NAME.argv_pattern, "
				"sandbox.read, or read/write/net at the top",
				name);
	if (buf_error(out) || buf_error(notes))
		return err_set(err, buf_error(out) ? -buf_error(out) : -buf_error(notes), "%s",
			       name);
	return 0;
}
