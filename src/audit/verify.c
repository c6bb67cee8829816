/*
 * The fast way through a log: constant memory, batches, no JSON.
 *
 * 512 lines at a time: their heads are compared with what they must be (number, session; the type
 * matters only where it is "checkpoint" or "gap"), their leaves are hashed side by side, each link is
 * compared with the leaf before it, and the leaves go into the tree. At every checkpoint line the root so far
 * must give exactly that line. The signature of the last one is checked at the end: it signs all
 * lines before it, earlier checkpoints included. (In a ledger, where several writers append to what
 * they find, every signature is checked.)
 *
 * The first thing that does not fit ends this pass; diagnose.c then finds out what was done.
 */
#include "audit/verify.h"

#include "audit/reader.h"
#include "audit/verify_impl.h"
#include "base/own.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#define BATCH 512
#define PREFIX_MAX 64

const char *const verify_kind_name[VERIFY_KINDS] = {
	[VERIFY_CHANGED] = "changed",     [VERIFY_REMOVED] = "removed",
	[VERIFY_INSERTED] = "inserted",   [VERIFY_DUPLICATED] = "duplicated",
	[VERIFY_REORDERED] = "reordered", [VERIFY_SPLICED] = "spliced",
	[VERIFY_TRUNCATED] = "truncated", [VERIFY_REWRITTEN] = "rewritten",
	[VERIFY_RESIGNED] = "re-signed",  [VERIFY_UNKNOWN] = "unknown",
};

void verify_add(struct verify_report *report, enum verify_kind kind, uint64_t first, uint64_t last,
		uint64_t line, const char *fmt, ...)
{
	struct verify_finding *f;
	va_list ap;

	if (report->n_findings == VERIFY_FINDINGS) {
		report->more++;
		return;
	}
	f = &report->finding[report->n_findings++];
	*f = (struct verify_finding){ .kind = kind, .first = first, .last = last, .line = line };
	va_start(ap, fmt);
	(void)vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

int verify_note(const struct identity *id, struct str note, struct checkpoint *ret_cp)
{
	struct str text;

	if (note_verify(note, str_of(id->signer), id->public, &text) < 0 ||
	    checkpoint_parse(text, ret_cp) < 0 || !str_eqz(ret_cp->origin, id->origin))
		return -EBADMSG;
	return 0;
}

/* The note within a checkpoint line: "\n" is the only escape that one can hold. */
static bool note_extract(struct str line, size_t at, struct checkpoint_line *c)
{
	struct str key = STR(",\"note\":\"");
	size_t n = 0;

	if (!str_starts(str_sub(line, at, line.n), key))
		return false;
	for (at += key.n; at < line.n && line.p[at] != '"'; at++) {
		char ch = line.p[at];

		if (ch == '\\') {
			if (++at >= line.n || line.p[at] != 'n')
				return false;
			ch = '\n';
		}
		if (n >= sizeof(c->room))
			return false;
		c->room[n++] = ch;
	}
	c->note = (struct str){ c->room, n };
	return true;
}

bool checkpoint_line_check(const struct identity *id, struct str line, const struct line_head *head,
			   const struct merkle_tree *tree, struct checkpoint_line *c)
{
	char text_room[512], body_room[2 * NOTE_MAX + MERKLE_DEPTH * (MERKLE_HASH * 2 + 4)];
	struct buf text = buf_fixed(text_room, sizeof(text_room));
	struct buf body = buf_fixed(body_room, sizeof(body_room));
	uint8_t root[MERKLE_HASH];
	const char *blank;

	c->parsed = false;
	if (!note_extract(line, head->n, c))
		return false;
	blank = memmem(c->note.p, c->note.n, "\n\n", 2);
	if (blank) {
		struct str signed_text = str_sub(c->note, 0, (size_t)(blank + 1 - c->note.p));

		c->parsed = checkpoint_parse(signed_text, &c->cp) == 0;
	}
	merkle_root(tree, root);
	checkpoint_text_put(&text, str_of(id->origin), head->seq, root,
			    (struct str){ head->time, LINE_TIME });
	/* the signature line: dash, space, name, space, base64 of 68 bytes, newline; only one */
	if (!str_starts(c->note, buf_str(&text)) ||
	    c->note.n != text.n + 1 + 4 + strlen(id->signer) + 1 + 92 + 1)
		return false;
	checkpoint_body_put(&body, c->note, id->kind == LOG_LEDGER ? tree : NULL);
	buf_putc(&body, '}');
	return !buf_error(&body) && str_eq(buf_str(&body), str_sub(line, head->n, line.n));
}

struct scan {
	const struct verify_options *options;
	size_t n_heads; /* of the options, at most VERIFY_HEADS */
	struct verify_report *report;
	bool fits;               /* so far */
	uint64_t n;              /* lines accepted */
	char prefix[PREFIX_MAX]; /* {"seq":N,"sid":"S","time":" */
	size_t prefix_n, digits;
	uint8_t last[MERKLE_HASH];
	struct merkle_tree tree;
	bool end_seen;                     /* a session.end */
	struct checkpoint_line checkpoint; /* the newest */
	bool have_checkpoint, all_signatures;
	struct {
		uint8_t root[MERKLE_HASH];
		bool reached;
	} head[VERIFY_HEADS]; /* the log's own, at the sizes that others know */
};

static void prefix_make(struct scan *s)
{
	s->prefix_n = (size_t)snprintf(s->prefix, PREFIX_MAX,
				       "{\"seq\":%llu,\"sid\":\"%s\","
				       "\"time\":\"",
				       (unsigned long long)s->n, s->report->id.sid);
	s->digits = s->prefix_n - 7 - 8 - LINE_SID - 10;
}

/* The prefix for the next number: mostly one digit changes. */
static void prefix_next(struct scan *s)
{
	char *p = s->prefix + 7 + s->digits - 1;

	s->n++;
	for (size_t i = 0; i < s->digits; i++, p--) {
		if (*p != '9') {
			++*p;
			return;
		}
		*p = '0';
	}
	prefix_make(s);
}

#define PREV_AT (LINE_TIME + 10)
#define TYPE_AT (PREV_AT + LINE_HASH + 10)

static bool head_fits(const struct scan *s, struct str line)
{
	const char *p = line.p + s->prefix_n;

	return line.n > s->prefix_n + TYPE_AT + 2 && line.n < LINE_BYTES_MAX &&
	       memcmp(line.p, s->prefix, s->prefix_n) == 0 &&
	       memcmp(p + LINE_TIME, "\",\"prev\":\"", 10) == 0 &&
	       memcmp(p + PREV_AT + LINE_HASH, "\",\"type\":\"", 10) == 0 &&
	       line.p[line.n - 1] == '}';
}

static bool type_is(struct str line, size_t type_at, struct str type)
{
	return str_starts(str_sub(line, type_at, line.n), type);
}

static void note_gap(struct scan *s, struct str line)
{
	const char *at = memmem(line.p, line.n, ",\"count\":", 9);
	uint64_t count = 0;

	for (at = at ? at + 9 : ""; *at >= '0' && *at <= '9' && count < UINT64_MAX / 20; at++)
		count = count * 10 + (uint64_t)(*at - '0');
	s->report->lost += count;
}

/* Line s->n is a checkpoint, and all before it are in the tree. */
static bool checkpoint_fits(struct scan *s, struct str line)
{
	struct checkpoint cp;
	struct line_head head;

	if (line_head_parse(line, &head) < 0 ||
	    !checkpoint_line_check(&s->report->id, line, &head, &s->tree, &s->checkpoint))
		return false;
	if (s->all_signatures && verify_note(&s->report->id, s->checkpoint.note, &cp) < 0)
		return false;
	s->have_checkpoint = true;
	s->report->checkpoints++;
	s->report->covered = s->n;
	s->report->ended = s->end_seen;
	return true;
}

/* Roots that others know: taken when the tree has that size. */
static void heads_take(struct scan *s)
{
	for (size_t i = 0; i < s->n_heads && i < VERIFY_HEADS; i++) {
		if (s->options->heads[i].size != s->tree.size || s->head[i].reached)
			continue;
		merkle_root(&s->tree, s->head[i].root);
		s->head[i].reached = true;
	}
}

/* Is there a head to be taken at a size in (from, to]? The nearest. */
static uint64_t next_stop(const struct scan *s, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < s->n_heads; i++) {
		uint64_t size = s->options->heads[i].size;

		if (size > from && size < to)
			to = size;
	}
	return to;
}

static void leaves_add(struct scan *s, const uint8_t (*leaves)[MERKLE_HASH], size_t count)
{
	size_t done = 0;

	while (done < count) {
		uint64_t stop = next_stop(s, s->tree.size, s->tree.size + (count - done));
		size_t n = (size_t)(stop - s->tree.size);

		merkle_append_many(&s->tree, leaves + done, n);
		done += n;
		heads_take(s);
	}
}

struct batch {
	size_t n;
	struct str line[BATCH];
	size_t prefix_n[BATCH];
	uint8_t leaf[BATCH][MERKLE_HASH];
};

/* One line of a batch whose heads fit: link, end, checkpoint. Leaves before @i from @*added on. */
static bool line_fits(struct scan *s, struct batch *b, size_t i, uint64_t seq, size_t *added)
{
	struct str line = b->line[i];
	size_t type_at = b->prefix_n[i] + TYPE_AT;
	char link[LINE_HASH];

	hex_put(link, i ? b->leaf[i - 1] : s->last, MERKLE_HASH);
	if (seq > 0 && memcmp(line.p + b->prefix_n[i] + PREV_AT, link, LINE_HASH) != 0)
		return false;
	if (s->report->ended) /* nothing comes behind the last checkpoint */
		return false;
	if (s->end_seen && !type_is(line, type_at, STR("checkpoint\"")))
		return false;
	if (line.p[type_at] == 'g' && type_is(line, type_at, STR("gap\"")))
		note_gap(s, line);
	if (line.p[type_at] == 's' && s->report->id.kind == LOG_SESSION &&
	    type_is(line, type_at, STR("session.end\"")))
		s->end_seen = true;
	if (line.p[type_at] != 'c' || !type_is(line, type_at, STR("checkpoint\"")))
		return true;
	leaves_add(s, (const uint8_t(*)[MERKLE_HASH])b->leaf + *added, i - *added);
	*added = i;
	s->n = seq;
	return checkpoint_fits(s, line);
}

static bool batch_fits(struct scan *s, struct batch *b, uint64_t first)
{
	size_t added = 0;

	merkle_leaves(&merkle_blake3, b->line, b->n, b->leaf);
	for (size_t i = 0; i < b->n; i++)
		if (!line_fits(s, b, i, first + i, &added))
			return false;
	leaves_add(s, (const uint8_t(*)[MERKLE_HASH])b->leaf + added, b->n - added);
	memcpy(s->last, b->leaf[b->n - 1], MERKLE_HASH);
	if (first == 0)
		memcpy(s->report->genesis_leaf, b->leaf[0], MERKLE_HASH);
	s->n = first + b->n;
	return true;
}

static void each_line(const struct scan *s, const struct batch *b)
{
	struct line_head head;

	for (size_t i = 0; i < b->n; i++)
		if (line_head_parse(b->line[i], &head) == 0)
			s->options->each(s->options->ctx, &head, b->line[i]);
}

/* As many lines as fit a batch, from the front of @lines: their bytes, 0 when a head does not fit. */
static size_t batch_fill(struct scan *s, struct batch *b, struct str lines)
{
	size_t at = 0;

	b->n = 0;
	while (b->n < BATCH && at < lines.n) {
		const char *nl = memchr(lines.p + at, '\n', lines.n - at);
		struct str line = { lines.p + at, (size_t)(nl - lines.p) - at };

		if (!head_fits(s, line))
			return 0;
		b->line[b->n] = line;
		b->prefix_n[b->n++] = s->prefix_n;
		prefix_next(s);
		at += line.n + 1;
	}
	return at;
}

/* All of the file, or up to what does not fit. */
static int scan_file(struct scan *s, struct reader *reader, struct err *err)
{
	AUTO(freep) struct batch *b = malloc(sizeof(*b));
	struct str lines, line;
	int r;

	if (!b)
		return err_set(err, ENOMEM, "cannot verify");
	prefix_make(s);
	heads_take(s);
	for (;;) {
		uint64_t first = s->n;
		size_t n;

		r = reader_lines(reader, &lines);
		if (r == -EMSGSIZE) {
			s->fits = false;
			return 0;
		}
		if (r < 0)
			return err_set(err, -r, "cannot read the log");
		if (lines.n == 0)
			break;
		n = batch_fill(s, b, lines);
		s->n = first;
		if (n == 0 || !batch_fits(s, b, first)) {
			s->fits = false;
			return 0;
		}
		if (s->options->each)
			each_line(s, b);
		line = b->line[b->n - 1];
		memcpy(s->report->last_time, line.p + b->prefix_n[b->n - 1], LINE_TIME);
		prefix_make(s);
		reader_take(reader, n);
	}
	s->report->lines = s->n;
	s->report->torn = reader_rest(reader).n;
	return 0;
}

/* The file fits in itself: signature, certificate, expectations. */
static bool signed_by_key(struct scan *s)
{
	struct checkpoint cp;

	return !s->have_checkpoint || verify_note(&s->report->id, s->checkpoint.note, &cp) == 0;
}

static void check_heads(struct scan *s)
{
	struct verify_report *report = s->report;

	for (size_t i = 0; i < s->n_heads; i++) {
		const struct verify_head *h = &s->options->heads[i];

		if (!s->head[i].reached)
			verify_add(report, VERIFY_TRUNCATED, s->n, h->size - 1, 0,
				   "%s knows %llu records, the file has %llu", h->whose,
				   (unsigned long long)h->size, (unsigned long long)s->n);
		else if (memcmp(s->head[i].root, h->root, MERKLE_HASH) != 0)
			verify_add(report, VERIFY_REWRITTEN, 0, h->size - 1, 0,
				   "at %llu records %s signs another root",
				   (unsigned long long)h->size, h->whose);
		else if (h->is_end && s->n > h->size + 1)
			verify_add(report, VERIFY_INSERTED, h->size + 1, s->n - 1, h->size + 2,
				   "behind the end that %s knows", h->whose);
		else if (h->is_end && (s->n < h->size + 1 || report->covered != h->size))
			verify_add(report, VERIFY_TRUNCATED, h->size, h->size, 0,
				   "the last checkpoint, which %s knows of, is missing", h->whose);
	}
}

static void check_key(const struct verify_options *options, struct verify_report *report,
		      bool certified)
{
	const struct install_pub *expected = options->expected;

	report->key = VERIFY_KEY_UNKNOWN;
	if (!certified)
		verify_add(
			report, VERIFY_RESIGNED, 0, 0, 1,
			"the session key is not certified by the install key that the log names");
	if (!expected)
		return;
	report->key = VERIFY_KEY_EXPECTED;
	if (memcmp(expected->public, report->id.install.public, ED25519_PUBLIC) == 0)
		return;
	report->key = VERIFY_KEY_OTHER;
	verify_add(report, VERIFY_RESIGNED, 0, 0, 1,
		   "certified by install %s, not by the expected %s (is it another's log? then "
		   "give its "
		   "key)",
		   report->id.install.id, expected->id);
}

/* Could this be a log at all, and whose? The first lines decide, not only the first. */
static int first_lines(struct reader *reader, struct verify_report *report, bool *ret_have_id,
		       bool *ret_certified, struct err *err)
{
	struct str lines, line;
	struct line_head head;
	int r;

	r = reader_lines(reader, &lines);
	if (r < 0 && r != -EMSGSIZE)
		return err_set(err, -r, "cannot read the log");
	if (r == -EMSGSIZE || lines.n == 0)
		return err_text(err, EBADMSG, "not a Capsule log: %s",
				r ? "its first line is over 4 MiB" : "it has not one whole line");
	line = str_sub(lines, 0, (size_t)((char *)memchr(lines.p, '\n', lines.n) - lines.p));
	r = identity_read(line, &report->id);
	*ret_certified = r != -EKEYREJECTED;
	*ret_have_id = r != -EBADMSG;
	report->format = report->id.kind == LOG_LEDGER ? VERIFY_LEDGER : VERIFY_LOG;
	if (*ret_have_id)
		return 0;
	for (int i = 0; i < 4 && lines.n > 0; i++) {
		line = str_sub(lines, 0,
			       (size_t)((char *)memchr(lines.p, '\n', lines.n) - lines.p));
		if (line_head_parse(line, &head) == 0)
			return 0;
		lines = str_sub(lines, line.n + 1, lines.n);
	}
	return err_text(err, EBADMSG, "not a Capsule log");
}

int verify_fd(int fd, const struct verify_options *options, struct verify_report *report,
	      struct err *err)
{
	AUTO(freep) struct scan *s = calloc(1, sizeof(*s));
	AUTO(reader_done) struct reader reader = { .fd = -EBADF };
	bool have_id, certified;
	int r;

	*report = (struct verify_report){ 0 };
	if (!s || reader_init(&reader, fd) < 0)
		return err_set(err, ENOMEM, "cannot verify");
	r = first_lines(&reader, report, &have_id, &certified, err);
	if (r < 0)
		return r;
	s->options = options;
	s->n_heads = options->n_heads < VERIFY_HEADS ? options->n_heads : VERIFY_HEADS;
	s->report = report;
	s->fits = have_id;
	s->all_signatures = report->format == VERIFY_LEDGER;
	merkle_init(&s->tree, &merkle_blake3);
	if (have_id) {
		r = scan_file(s, &reader, err);
		if (r < 0)
			return r;
	}
	reader_done(&reader);
	if (s->fits && signed_by_key(s)) {
		report->tail = report->lines - (s->have_checkpoint ? report->covered + 1 : 0);
		check_key(options, report, certified);
		check_heads(s);
		return 0;
	}
	r = diagnose(fd, options, have_id, report, err);
	/* a genesis that is known to be damaged names nobody */
	if (r == 0 && have_id && !(report->n_findings > 0 && report->finding[0].first == 0))
		check_key(options, report, certified);
	return r;
}
