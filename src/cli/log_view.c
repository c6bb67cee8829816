#include "cli/log_view.h"

#include "base/own.h"
#include "cli/evidence.h"
#include "codec/json_rd.h"
#include "codec/note.h"
#include "codec/utf8.h"

#include <stdio.h>

#define RECORD_ARENA (64u << 20)

/* What kind of news a record is. The longest prefix that fits counts. */
static const struct {
	const char *prefix;
	enum tint tint;
} kinds[] = {
	{ "genesis", TINT_BOLD },       { "checkpoint", TINT_DIM }, { "session.end", TINT_BOLD },
	{ "invocation", TINT_NAME },    { "gap", TINT_BAD },        { "denial", TINT_BAD },
	{ "session.start", TINT_NAME }, { "deny", TINT_BAD },       { "tail.dropped", TINT_WARN },
};

static enum tint tint_of(struct str type, const struct json *o)
{
	enum tint best = TINT_NONE;
	struct str decision;
	size_t n = 0;

	if (json_get_str(o, "decision", &decision) &&
	    (str_eqz(decision, "block") || str_eqz(decision, "deny")))
		return TINT_BAD;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct str prefix = str_of(kinds[i].prefix);

		if (prefix.n > n && str_starts(type, prefix)) {
			n = prefix.n;
			best = kinds[i].tint;
		}
	}
	return best;
}

static bool is_bare(struct str s)
{
	static const char also[] = "_./:=@,+-%~";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      memchr(also, c, sizeof(also) - 1)))
			return false;
	}
	return s.n > 0;
}

static void put_value(struct json_wr *w, const struct json *v)
{
	switch (v->kind) {
	case JSON_NULL: json_null(w); break;
	case JSON_BOOL: json_bool(w, v->boolean); break;
	case JSON_NUMBER: json_raw(w, v->text); break;
	case JSON_STRING: json_str(w, v->text); break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		v->kind == JSON_ARRAY ? json_array(w) : json_object(w);
		for (const struct json *c = v->child; c; c = c->next) {
			if (v->kind == JSON_OBJECT)
				json_key_str(w, c->key);
			put_value(w, c);
		}
		v->kind == JSON_ARRAY ? json_end_array(w) : json_end_object(w);
		break;
	}
}

/* For verification, not for eyes: --json shows them. */
static bool is_for_machines(struct str key)
{
	static const char *const keys[] = { "session_key", "install_key", "certificate", "peaks" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (str_eqz(key, keys[i]))
			return true;
	return false;
}

/* Of a checkpoint's note: how many records it signs. */
static bool put_note(struct buf *out, const struct json *m)
{
	const char *blank = m->kind == JSON_STRING ? memmem(m->text.p, m->text.n, "\n\n", 2) : NULL;
	struct checkpoint cp;

	if (!blank ||
	    checkpoint_parse(str_sub(m->text, 0, (size_t)(blank + 1 - m->text.p)), &cp) < 0)
		return false;
	buf_printf(out, " signs the %llu records before it", (unsigned long long)cp.size);
	return true;
}

static void put_member(struct buf *out, const struct json *m)
{
	struct json_wr w = json_wr_init(out);

	if (is_for_machines(m->key) || (str_eqz(m->key, "note") && put_note(out, m)))
		return;
	buf_putz(out, " ");
	if (is_bare(m->key))
		buf_puts(out, m->key);
	else
		json_str(&w, m->key);
	buf_putc(out, '=');
	if (m->kind == JSON_STRING && is_bare(m->text))
		buf_puts(out, m->text);
	else
		put_value(&w, m);
}

/* At most @width columns from @from on, "..." where something is missing; a character is a column. */
static void cut(struct buf *out, size_t from, size_t used, size_t width)
{
	size_t at = from, columns = used, last = from, len;
	uint32_t c;

	if (width == 0 || buf_error(out))
		return;
	while (at < out->n && columns < width) {
		if (columns + 3 < width)
			last = at;
		len = utf8_next(out->p + at, out->n - at, &c);
		at += len ? len : 1;
		columns++;
	}
	if (at >= out->n)
		return;
	out->n = last;
	buf_putz(out, "...");
}

static bool wanted(const struct log_view *view, struct str type)
{
	struct str want = view->type;

	if (want.n == 0)
		return true;
	if (want.p[want.n - 1] == '*')
		return str_starts(type, str_sub(want, 0, want.n - 1));
	return str_eq(type, want);
}

static bool view_broken(const struct log_view *view, struct str line, struct buf *out)
{
	struct json_wr w = json_wr_init(out);
	size_t from;

	if (view->type.n > 0)
		return false;
	buf_printf(out, "%s??? ", tint(TINT_BAD));
	from = out->n;
	json_str(&w, str_sub(line, 0, 4096));
	cut(out, from, 4, view->width);
	buf_printf(out, "%s\n", tint(TINT_NONE));
	return true;
}

bool log_view_line(struct log_view *view, struct str line, struct buf *out)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(RECORD_ARENA);
	const struct json *o;
	struct line_head head;
	int64_t ns = 0;
	size_t from;
	int skip = 5;

	if (line_head_parse(line, &head) < 0 || json_parse(&arena, line, &o, NULL) < 0)
		return view_broken(view, line, out);
	(void)line_time_parse((struct str){ head.time, LINE_TIME }, &ns);
	if (head.seq == 0 || view->start_ns == 0)
		view->start_ns = ns;
	if (!wanted(view, head.type))
		return false;
	buf_printf(out, "%s%.12s %+9.3f%s %5llu%s %s%-18.*s%s", tint(TINT_DIM), head.time + 11,
		   (double)(ns - view->start_ns) / 1e9, tint(TINT_NONE),
		   (unsigned long long)head.seq, head.seq >= view->unsigned_from ? "?" : " ",
		   tint(tint_of(head.type, o)), STR_ARG(head.type), tint(TINT_NONE));
	from = out->n;
	for (const struct json *m = o->child; m; m = m->next) {
		if (skip-- > 0)
			continue;
		put_member(out, m);
	}
	cut(out, from, 12 + 1 + 9 + 1 + 5 + 1 + 1 + (head.type.n > 18 ? head.type.n : 18),
	    view->width);
	buf_putc(out, '\n');
	return true;
}
