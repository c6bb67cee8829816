/*
 * Theory of operation
 *
 * Recorded events come a line at a time and are forgotten with it. What a line is, is told by its
 * members: "context" makes it a Capsem policy context, "event" a record of ours or a resolved event,
 * "seq" and "prev" without an event a record of something else; the rest must be an event itself.
 *
 * A person writes an event as YAML. The table knows what each field is, so that YAML's scalars are
 * not guessed at: under a text field `on` and 443 are text.
 */
#include "cli/cli.h"
#include "cli/rules.h"
#include "codec/yaml.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_FILE_MAX (4U << 20)

/* --- a line --- */

static int with_place(const char *file, unsigned line, struct err *err)
{
	return err_text(err, 0, "%s:%u", file, line);
}

static const char *shown_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "(standard input)" : path;
}

/* The event in @top, or NULL: a record without one. */
static const struct json *event_in(const struct json *top, struct rules_event *e)
{
	const struct json *inner = json_get(top, "context");

	if (inner && json_get(top, "schema")) {
		e->ref = json_get(top, "event_ref");
		return inner;
	}
	inner = json_get(top, "event");
	if (inner && inner->kind == JSON_OBJECT) {
		e->decision = json_get(top, "decision");
		return inner;
	}
	return json_get(top, "seq") && json_get(top, "prev") ? NULL : top;
}

static int read_line(struct rules_event *e, struct str text, rules_event_fn *fn, void *ctx,
		     struct rules_events_count *count, struct err *err)
{
	const struct json *top = NULL, *event;
	int r = json_parse(e->arena, text, &top, err);

	e->ref = e->decision = NULL;
	if (r == 0) {
		event = event_in(top, e);
		if (!event) {
			count->skipped++;
			return 0;
		}
		r = event_read_json(e->event, event, e->arena, err);
	}
	if (r < 0) {
		(void)with_place(e->file, e->line, err);
		return r;
	}
	count->events++;
	return fn(ctx, e);
}

/* Lines of a file in one buffer of fixed size: a file without line ends costs no more. */
struct lines {
	int fd;
	char *room;
	size_t from, to; /* what was read and not handed out */
	bool end;
};

#define LINES_ROOM (RULES_LINE_MAX + 1)

/* 1: the next line, without its end, until the next call; 0: the end; -E2BIG; an errno. */
static int lines_next(struct lines *l, struct str *ret)
{
	size_t looked = 0;

	for (;;) {
		char *start = l->room + l->from;
		size_t n = l->to - l->from;
		char *nl = n > looked ? memchr(start + looked, '\n', n - looked) : NULL;
		ssize_t got;

		if (nl || (l->end && n)) {
			*ret = (struct str){ .p = start, .n = nl ? (size_t)(nl - start) : n };
			l->from += ret->n + (nl != NULL);
			return 1;
		}
		if (l->end)
			return 0;
		if (n == LINES_ROOM)
			return -E2BIG;
		looked = n;
		memmove(l->room, start, n);
		l->from = 0;
		l->to = n;
		got = read(l->fd, l->room + n, LINES_ROOM - n);
		if (got < 0 && errno != EINTR)
			return -errno;
		l->end = got == 0;
		l->to += got > 0 ? (size_t)got : 0;
	}
}

static int read_lines(struct lines *l, struct rules_event *e, rules_event_fn *fn, void *ctx,
		      struct rules_events_count *count, struct err *err)
{
	struct str line = { 0 };
	int r;

	while ((r = lines_next(l, &line)) > 0) {
		AUTO(arena_done) struct arena arena = ARENA_INIT(512U << 20);

		e->arena = &arena;
		e->line++;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n == 0)
			continue;
		r = read_line(e, line, fn, ctx, count, err);
		if (r)
			return r;
	}
	if (r == -E2BIG)
		return err_text(err, 0, "%s:%u: a line of more than %u bytes", e->file, e->line + 1,
				RULES_LINE_MAX);
	return r < 0 ? err_set(err, -r, "%s", e->file) : 0;
}

int rules_events_read(const char *path, rules_event_fn *fn, void *ctx,
		      struct rules_events_count *count, struct err *err)
{
	AUTO(fd_closep)
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	AUTO(freep) struct event *event = calloc(1, sizeof(*event));
	AUTO(freep) char *room = malloc(LINES_ROOM);
	struct rules_event e = { .event = event, .file = shown_name(path) };
	struct lines lines = { .fd = fd, .room = room };

	if (fd < 0)
		return err_set(err, errno, "%s", path);
	if (!event || !room)
		return err_set(err, ENOMEM, "%s", path);
	event_init(event);
	return read_lines(&lines, &e, fn, ctx, count, err);
}

/* --- whole files --- */

struct yaml_told {
	struct err *err;
};

static void yaml_tell(void *ctx, const struct yaml_problem *p)
{
	struct err *err = ((struct yaml_told *)ctx)->err;

	if (!err_is_set(err))
		(void)err_text(err, EBADMSG, "%u:%u: %s", p->line, p->col, p->text);
}

int rules_event_load(const char *path, struct event *e, struct arena *arena, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_INIT(EVENT_FILE_MAX);
	struct yaml_told told = { .err = err };
	struct yaml_doc doc;
	struct str copy;
	size_t at = 0;
	int r = cli_file_read(path, &text, err);

	if (r < 0)
		return r;
	copy = (struct str){ .p = arena_strdup(arena, buf_str(&text)), .n = text.n };
	if (!copy.p)
		return err_set(err, ENOMEM, "%s", path);
	while (at < copy.n && memchr(" \t\r\n", copy.p[at], 4))
		at++;
	if (at < copy.n && copy.p[at] == '{') {
		const struct json *top = NULL, *event;
		struct rules_event unused = { 0 };

		r = json_parse(arena, copy, &top, err);
		event = r == 0 ? event_in(top, &unused) : NULL;
		if (r == 0)
			r = event_read_json(e, event ? event : top, arena, err);
	} else {
		r = yaml_parse(arena, copy, yaml_tell, &told, &doc);
		if (r == 0)
			r = rules_event_yaml(&doc, 0, e, arena, err);
	}
	if (r < 0)
		(void)err_text(err, 0, "%s", shown_name(path));
	return r;
}

/* --- YAML --- */

struct converting {
	const struct yaml_doc *doc;
	struct arena *arena;
};

static bool is_number(struct str s)
{
	size_t i = s.n && s.p[0] == '-';
	bool digits = false, dot = false;

	for (; i < s.n; i++) {
		if (s.p[i] >= '0' && s.p[i] <= '9')
			digits = true;
		else if (s.p[i] == '.' && digits && !dot && i + 1 < s.n)
			dot = true;
		else
			return false;
	}
	return digits;
}

/* A plain word of YAML 1.2's core schema. */
static void plain_kind(struct json *v)
{
	if (str_eqz(v->text, "true") || str_eqz(v->text, "false")) {
		v->kind = JSON_BOOL;
		v->boolean = v->text.p[0] == 't';
	} else if (str_eqz(v->text, "null") || str_eqz(v->text, "~") || v->text.n == 0) {
		v->kind = JSON_NULL;
	} else if (is_number(v->text)) {
		v->kind = JSON_NUMBER;
	}
}

static bool wants_text(int kind)
{
	return kind == EVENT_STRING || kind == EVENT_TIMESTAMP || kind == EVENT_IP ||
	       kind == EVENT_STRINGS || kind == EVENT_LABELS || kind == EVENT_HEADERS;
}

/* @kind: of the field that @node is in, or -1: none yet; @name: its name so far. */
static struct json *convert(struct converting *c, uint32_t node, const char *name, int kind)
{
	const struct yaml_node *n = yaml_at(c->doc, node);
	struct json *v = arena_new(c->arena, struct json), **link = v ? &v->child : NULL;

	if (!v)
		return NULL;
	if (n->kind == YAML_SCALAR) {
		v->kind = JSON_STRING;
		v->text = yaml_str(c->doc, node);
		if (n->plain && !wants_text(kind))
			plain_kind(v);
		return v;
	}
	v->kind = n->kind == YAML_LIST ? JSON_ARRAY : JSON_OBJECT;
	for (uint32_t i = n->child; i; i = yaml_at(c->doc, i)->next) {
		const char *inner = name;
		int inner_kind = kind;
		struct str key = { 0 };

		if (n->kind == YAML_MAP) {
			key = yaml_str(c->doc, yaml_at(c->doc, i)->key);
			inner = kind >= 0 ? name
					  : arena_printf(c->arena, "%s%s%.*s", name,
							 name[0] ? "." : "", STR_ARG(key));
		}
		if (!inner)
			return NULL;
		if (kind < 0 && event_field_find(str_of(inner)) != EVENT_FIELD_NONE)
			inner_kind = event_field_info[event_field_find(str_of(inner))].kind;
		*link = convert(c, i, inner, inner_kind);
		if (!*link)
			return NULL;
		(*link)->key = key;
		link = &(*link)->next;
		v->count++;
	}
	return v;
}

/* headers: {accept: text/html} means a list of one. */
static bool lists_of_headers(struct json *v, struct arena *arena)
{
	for (struct json *i = v->child; i; i = i->next) {
		struct json *item;

		if (i->kind == JSON_ARRAY)
			continue;
		item = arena_new(arena, struct json);
		if (!item)
			return false;
		*item = *i;
		item->key = (struct str){ 0 };
		item->next = NULL;
		i->kind = JSON_ARRAY;
		i->text = (struct str){ 0 };
		i->child = item;
		i->count = 1;
	}
	return true;
}

static bool mend_headers(struct json *v, const char *name, struct arena *arena)
{
	enum event_field f = event_field_find(str_of(name));

	if (f != EVENT_FIELD_NONE)
		return event_field_info[f].kind != EVENT_HEADERS || lists_of_headers(v, arena);
	for (struct json *i = v->child; v->kind == JSON_OBJECT && i; i = i->next) {
		const char *inner =
			arena_printf(arena, "%s%s%.*s", name, name[0] ? "." : "", STR_ARG(i->key));

		if (!inner || !mend_headers(i, inner, arena))
			return false;
	}
	return true;
}

struct json *rules_yaml_json(const struct yaml_doc *doc, uint32_t node, const char *name,
			     struct arena *arena)
{
	struct converting c = { .doc = doc, .arena = arena };
	enum event_field f = event_field_find(str_of(name));
	struct json *v =
		convert(&c, node, name, f == EVENT_FIELD_NONE ? -1 : (int)event_field_info[f].kind);

	return v && mend_headers(v, name, arena) ? v : NULL;
}

int rules_event_yaml(const struct yaml_doc *doc, uint32_t node, struct event *e,
		     struct arena *arena, struct err *err)
{
	struct json *v = rules_yaml_json(doc, node, "", arena);
	int r;

	if (!v)
		return err_set(err, ENOMEM, "event");
	r = event_read_json(e, v, arena, err);
	if (r < 0)
		(void)err_text(err, 0, "%u:%u", yaml_at(doc, node)->line, yaml_at(doc, node)->col);
	return r;
}
