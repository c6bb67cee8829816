/*
 * Logs of the earlier Capsule: docs/LOG.md section 11.
 *
 * A line's "prev_hash" is its own hash, Hn = BLAKE3(Hn-1 ‖ C), C being the line without it, compact and
 * sorted. When the very first line carries zeros the name is taken at its word instead: line n
 * carries Hn-1, and the last line is vouched for by nobody.
 */
#include "audit/reader.h"
#include "audit/verify.h"
#include "base/own.h"
#include "codec/blake3.h"

#include <errno.h>

#define ARENA_BYTES (32u << 20)
#define OLD_LINE_MAX (1u << 20)

static void put_json_string(struct buf *out, struct str s)
{
	static const char shorts[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
	};

	buf_putc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];

		if (c == '"' || c == '\\' || (c < 0x20 && shorts[c])) {
			buf_putc(out, '\\');
			buf_putc(out, c < 0x20 ? shorts[c] : (char)c);
		} else if (c < 0x20) {
			buf_printf(out, "\\u%04x", c);
		} else {
			buf_putc(out, (char)c);
		}
	}
	buf_putc(out, '"');
}

static int by_key(const void *a, const void *b)
{
	const struct json *const *x = a, *const *y = b;

	return str_cmp((*x)->key, (*y)->key);
}

static int put_canonical(struct arena *arena, struct buf *out, const struct json *v,
			 const char *without);

static int put_members(struct arena *arena, struct buf *out, const struct json *v,
		       const char *without)
{
	const struct json **sorted = arena_array(arena, v->count + 1, const struct json *);
	size_t n = 0;
	int r = 0;

	if (!sorted)
		return -ENOMEM;
	for (const struct json *m = v->child; m; m = m->next)
		if (!without || !str_eqz(m->key, without))
			sorted[n++] = m;
	qsort(sorted, n, sizeof(*sorted), by_key);
	buf_putc(out, '{');
	for (size_t i = 0; i < n && r == 0; i++) {
		if (i > 0)
			buf_putc(out, ',');
		put_json_string(out, sorted[i]->key);
		buf_putc(out, ':');
		r = put_canonical(arena, out, sorted[i], NULL);
	}
	buf_putc(out, '}');
	return r;
}

/* Recursion is bounded: the reader refuses depths over JSON_DEPTH_MAX. */
static int put_canonical(struct arena *arena, struct buf *out, const struct json *v,
			 const char *without)
{
	int r = 0;

	switch (v->kind) {
	case JSON_NULL: buf_putz(out, "null"); break;
	case JSON_BOOL: buf_putz(out, v->boolean ? "true" : "false"); break;
	case JSON_NUMBER: buf_puts(out, v->text); break;
	case JSON_STRING: put_json_string(out, v->text); break;
	case JSON_ARRAY:
		buf_putc(out, '[');
		for (const struct json *i = v->child; i && r == 0; i = i->next) {
			if (i != v->child)
				buf_putc(out, ',');
			r = put_canonical(arena, out, i, NULL);
		}
		buf_putc(out, ']');
		break;
	case JSON_OBJECT: r = put_members(arena, out, v, without); break;
	}
	return r ? r : buf_error(out);
}

struct old_line {
	uint8_t carried[BLAKE3_OUT]; /* its "prev_hash" */
	struct str time;
	struct buf canonical;
};

static int old_line_read(struct arena *arena, struct str text, struct old_line *ret)
{
	const struct json *o;
	struct str hash;
	uint64_t pid;

	if (json_parse(arena, text, &o, NULL) < 0 || o->kind != JSON_OBJECT ||
	    !json_get_str(o, "prev_hash", &hash) || !json_get_str(o, "timestamp", &ret->time) ||
	    !json_get_u64(o, "pid", &pid) || !json_get(o, "event") ||
	    hex_parse(hash, ret->carried, BLAKE3_OUT) < 0)
		return -EBADMSG;
	buf_reset(&ret->canonical);
	return put_canonical(arena, &ret->canonical, o, "prev_hash") < 0 ? -EBADMSG : 0;
}

bool verify_is_old_chain(struct str line)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(ARENA_BYTES);
	AUTO(freep) void *keep = NULL;
	struct old_line l = { .canonical = BUF_INIT(2 * OLD_LINE_MAX) };
	int r;

	if (line.n > OLD_LINE_MAX || !memmem(line.p, line.n, "\"prev_hash\"", 11))
		return false;
	r = old_line_read(&arena, line, &l);
	keep = l.canonical.p;
	return r == 0;
}

struct old_scan {
	struct verify_report *report;
	struct old_line line;
	uint8_t hash[BLAKE3_OUT]; /* of the line before */
	bool at_its_word;         /* "prev_hash" really is the previous hash */
};

static void next_hash(const uint8_t before[BLAKE3_OUT], const struct buf *canonical,
		      uint8_t out[BLAKE3_OUT])
{
	struct blake3 b;

	blake3_init(&b);
	blake3_update(&b, before, BLAKE3_OUT);
	blake3_update(&b, canonical->p, canonical->n);
	blake3_final(&b, out);
}

static void old_line_check(struct old_scan *s, struct str text, uint64_t n)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(ARENA_BYTES);
	static const uint8_t zeros[BLAKE3_OUT];
	uint8_t want[BLAKE3_OUT];

	if (text.n > OLD_LINE_MAX || old_line_read(&arena, text, &s->line) < 0) {
		verify_add(s->report, VERIFY_CHANGED, n, n, n + 1, "this is no record");
		return;
	}
	if (n == 0)
		s->at_its_word = memcmp(s->line.carried, zeros, BLAKE3_OUT) == 0;
	if (s->line.time.n <= LINE_TIME)
		(void)snprintf(s->report->last_time, sizeof(s->report->last_time), "%.*s",
			       STR_ARG(s->line.time));
	if (s->at_its_word) {
		if (memcmp(s->hash, s->line.carried, BLAKE3_OUT) != 0)
			verify_add(
				s->report, VERIFY_CHANGED, n - 1, n - 1, n,
				"the next line does not follow from it: it was changed, or lines "
				"were removed, inserted or moved here");
		next_hash(s->line.carried, &s->line.canonical, s->hash);
		return;
	}
	next_hash(s->hash, &s->line.canonical, want);
	if (memcmp(want, s->line.carried, BLAKE3_OUT) != 0)
		verify_add(s->report, VERIFY_CHANGED, n, n, n + 1,
			   "it does not follow from the line before: it was changed, or lines were "
			   "removed, inserted or moved here");
	memcpy(s->hash, s->line.carried, BLAKE3_OUT);
}

int verify_old_chain(int fd, struct verify_report *report, struct err *err)
{
	AUTO(reader_done) struct reader reader = { .fd = -EBADF };
	struct old_scan s = { .report = report,
			      .line = { .canonical = BUF_INIT(2 * OLD_LINE_MAX) } };
	struct str lines;
	int r;

	*report = (struct verify_report){ .format = VERIFY_OLD_CHAIN, .key = VERIFY_KEY_UNKNOWN };
	if (reader_init(&reader, fd) < 0)
		return err_set(err, ENOMEM, "cannot verify");
	while ((r = reader_lines(&reader, &lines)) == 0 && lines.n > 0) {
		for (size_t at = 0; at < lines.n;) {
			const char *nl = memchr(lines.p + at, '\n', lines.n - at);
			struct str line = { lines.p + at, (size_t)(nl - lines.p) - at };

			old_line_check(&s, line, report->lines++);
			at += line.n + 1;
		}
		reader_take(&reader, lines.n);
	}
	report->torn = reader_rest(&reader).n;
	report->tail = report->lines; /* nothing is signed */
	buf_done(&s.line.canonical);
	return r < 0 ? err_set(err, -r, "cannot read the log") : 0;
}
