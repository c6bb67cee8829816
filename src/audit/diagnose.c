/*
 * What was done to a log that does not fit.
 *
 * All lines are read into memory as (number, leaf, link). A log is damaged in few places, so each
 * record is judged by its *successor*, which carries its true leaf hash: going down from the
 * newest record, whoever is vouched for vouches for the one before it. For every number there are then
 * candidates (the lines that bear it) and at most one hash that is right:
 *
 *	a candidate has that hash	it is the record
 *	candidates, none has it		changed (its own link is then only believed if it fits)
 *	no candidate			removed, unless a line that makes no sense stands there
 *	candidates left over		duplicated (same hash as the record), or inserted
 *	lines of another session	spliced
 *
 * Records that stand in another order than their numbers are reordered. Last the tree is built from the
 * *true* hashes, the vouched-for ones where a record was changed or is gone: where it gives the
 * roots that the checkpoints sign, all else is proved to be in order. Where it does not although all
 * links fit, somebody made the links anew, and the signed root is what gives it away.
 */
#include "audit/verify_impl.h"

#include "audit/reader.h"
#include "base/own.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define LINES_MAX (8u << 20)
#define NOTES_MAX (256u << 20) /* bytes of checkpoint lines kept */

/* Bounds on what hostile numbers can make us compare; beyond them it is altered all the same. */
#define CANDIDATES_MAX 32
#define LONE_MAX 16

#define NONE SIZE_MAX

struct rec {
	uint64_t seq;
	size_t same; /* next line with this number, or NONE */
	uint8_t leaf[MERKLE_HASH], prev[MERKLE_HASH];
	char sid[LINE_SID];
	bool parsed, own, used, is_end, zeros;
	bool signed_ok; /* a checkpoint that the session key signed, as it stands here */
	struct note_copy *note;
};

/* A checkpoint line, kept as text. */
struct note_copy {
	struct checkpoint_line taken;
	bool signature;
	bool fits; /* number, time and bytes agree with what is signed */
	bool origin;
};

enum slot_state { SLOT_MISSING, SLOT_FITS, SLOT_CHANGED, SLOT_REPLACED };

/* One number that the log should have. */
struct slot {
	size_t rec;                /* the record, or NONE */
	size_t first;              /* first candidate */
	uint8_t candidates;        /* at most CANDIDATES_MAX: more are not looked at */
	uint8_t leaf[MERKLE_HASH]; /* the true one, if @known */
	bool known;
	uint8_t state;
};

struct diag {
	const struct verify_options *options;
	struct verify_report *report;
	bool have_id;
	bool cut;   /* more lines than are looked at */
	bool zeros; /* zero bytes at the end were left out */
	char sid[LINE_SID];
	struct rec *rec;
	size_t n, cap, notes;
	struct slot *slot;
	size_t n_slots;
};

static void diag_done(struct diag *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->rec[i].note);
	free(d->rec);
	free(d->slot);
}

/* ---- reading ---- */

static void checkpoint_judge(struct diag *d, struct rec *r, struct str line,
			     const struct line_head *head)
{
	const struct identity *id = &d->report->id;
	char room[2 * NOTE_MAX], text_room[512];
	struct buf body = buf_fixed(room, sizeof(room)), text = buf_fixed(text_room, 512);
	struct note_copy *c;
	struct checkpoint cp;

	d->notes += sizeof(*c);
	c = d->notes <= NOTES_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return;
	r->note = c;
	{
		struct merkle_tree none;

		merkle_init(&none, &merkle_blake3);
		(void)checkpoint_line_check(id, line, head, &none, &c->taken);
	}
	if (!c->taken.parsed)
		return;
	c->origin = str_eqz(c->taken.cp.origin, id->origin);
	c->signature = d->have_id && verify_note(id, c->taken.note, &cp) == 0;
	checkpoint_text_put(&text, c->taken.cp.origin, head->seq, c->taken.cp.root,
			    (struct str){ head->time, LINE_TIME });
	checkpoint_body_put(&body, c->taken.note, NULL);
	c->fits = str_starts(c->taken.note, buf_str(&text)) &&
		  str_starts(str_sub(line, head->n, line.n), buf_str(&body)) &&
		  (id->kind == LOG_LEDGER || line.n == head->n + body.n + 1);
	r->signed_ok = c->signature && c->fits;
}

static int rec_add(struct diag *d, struct str line)
{
	struct line_head head;
	struct rec *r;

	if (d->n == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 1024;
		struct rec *bigger = reallocarray(d->rec, cap, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		d->rec = bigger;
		d->cap = cap;
	}
	r = &d->rec[d->n++];
	*r = (struct rec){ .same = NONE };
	line_leaf(line, r->leaf);
	r->zeros = memchr(line.p, '\0', line.n) != NULL;
	if (line_head_parse(line, &head) < 0)
		return 0;
	r->parsed = true;
	r->seq = head.seq;
	memcpy(r->sid, head.sid, LINE_SID);
	(void)hex_parse((struct str){ head.prev, LINE_HASH }, r->prev, MERKLE_HASH);
	r->is_end = str_eqz(head.type, "session.end") && d->report->id.kind == LOG_SESSION;
	if (str_eqz(head.type, "checkpoint"))
		checkpoint_judge(d, r, line, &head);
	memcpy(d->report->last_time, head.time, LINE_TIME);
	return 0;
}

static int load(struct diag *d, int fd, struct err *err)
{
	AUTO(reader_done) struct reader reader = { .fd = -EBADF };
	struct str lines;
	int r = 0;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(err, errno, "cannot read the log again");
	if (reader_init(&reader, fd) < 0)
		return err_set(err, ENOMEM, "cannot verify");
	while (r == 0) {
		r = reader_lines(&reader, &lines);
		if (r < 0 || lines.n == 0)
			break;
		for (size_t at = 0; at < lines.n && r == 0;) {
			const char *nl = memchr(lines.p + at, '\n', lines.n - at);
			struct str line = { lines.p + at, (size_t)(nl - lines.p) - at };

			if (d->n >= LINES_MAX)
				d->cut = true;
			else
				r = rec_add(d, line);
			d->report->lines++;
			at += line.n + 1;
		}
		reader_take(&reader, lines.n);
	}
	if (r == -EMSGSIZE) {
		verify_add(d->report, VERIFY_CHANGED, d->n, d->n, d->n + 1,
			   "a line longer than any record; nothing behind it was looked at");
		r = 0;
	}
	d->report->torn = reader_rest(&reader).n;
	return r < 0 ? err_set(err, -r, "cannot verify") : 0;
}

/* Zero bytes at the end are what a power failure leaves of unsynced data, not somebody's work. */
static void zeros_drop(struct diag *d)
{
	size_t end = d->n;

	while (end > 0 && !d->rec[end - 1].parsed)
		end--;
	for (size_t i = end; i < d->n; i++) {
		if (!d->rec[i].zeros)
			continue;
		d->zeros = true;
		d->report->torn += d->n - i; /* at least */
		d->report->lines -= d->n - i;
		d->n = i;
	}
}

/* ---- who is who ---- */

/* The session that the log is of: that of its two first lines, if they agree, else of most lines. */
static void sid_choose(struct diag *d)
{
	const struct identity *id = &d->report->id;
	const char *named = id->kind == LOG_LEDGER ? id->install.id : id->session;
	bool agree = d->n > 1 && d->have_id && d->rec[0].parsed && d->rec[1].parsed &&
		     memcmp(d->rec[0].sid, named, LINE_SID) == 0 &&
		     memcmp(d->rec[1].sid, named, LINE_SID) == 0;
	size_t votes = 0;

	for (size_t i = 0; i < d->n && !agree; i++) {
		struct rec *r = &d->rec[i];

		if (!r->parsed)
			continue;
		if (votes == 0)
			memcpy(d->sid, r->sid, LINE_SID);
		votes += memcmp(d->sid, r->sid, LINE_SID) == 0 ? 1 : (size_t)-1;
	}
	if (agree)
		memcpy(d->sid, named, LINE_SID);
	if (memcmp(d->sid, named, LINE_SID) != 0)
		d->have_id = false;
	for (size_t i = 0; i < d->n; i++)
		d->rec[i].own = d->rec[i].parsed && memcmp(d->sid, d->rec[i].sid, LINE_SID) == 0;
}

/* Numbers up to the highest that can be meant; candidates by number, in file order. */
static int slots_make(struct diag *d)
{
	uint64_t top = 0, limit = 2 * (uint64_t)d->n + 1024;

	for (size_t i = 0; i < d->n; i++)
		if (d->rec[i].own && d->rec[i].seq > top && d->rec[i].seq < limit)
			top = d->rec[i].seq;
	/* a lone high number would make everything below it "removed" */
	for (int lone = 0; top > d->n && lone < LONE_MAX; lone++) {
		size_t above = 0;
		uint64_t next = 0;

		for (size_t i = 0; i < d->n; i++) {
			const struct rec *r = &d->rec[i];

			if (!r->own || r->seq >= limit)
				continue;
			above += r->seq == top;
			if (r->seq < top && r->seq > next)
				next = r->seq;
		}
		if (above > 1 || next + 1 == top || next < d->n / 2)
			break;
		limit = top;
		top = next;
	}
	d->n_slots = (size_t)top + 1;
	d->slot = calloc(d->n_slots, sizeof(*d->slot));
	if (!d->slot)
		return -ENOMEM;
	for (size_t s = 0; s < d->n_slots; s++)
		d->slot[s].first = d->slot[s].rec = NONE;
	for (size_t i = d->n; i-- > 0;) {
		struct rec *r = &d->rec[i];

		if (!r->own || r->seq >= d->n_slots || d->slot[r->seq].candidates == CANDIDATES_MAX)
			continue;
		d->slot[r->seq].candidates++;
		r->same = d->slot[r->seq].first;
		d->slot[r->seq].first = i;
	}
	return 0;
}

static bool has_leaf(const struct diag *d, uint64_t seq, const uint8_t leaf[MERKLE_HASH])
{
	for (size_t i = d->slot[seq].first; i != NONE; i = d->rec[i].same)
		if (memcmp(d->rec[i].leaf, leaf, MERKLE_HASH) == 0)
			return true;
	return false;
}

/* How likely it is that line @i is record @s, when nobody vouches for either. */
static size_t odds(const struct diag *d, size_t i, size_t s)
{
	const struct rec *r = &d->rec[i];
	size_t far = i > s ? i - s : s - i;

	return far + (r->signed_ok ? 0 : 2 * LINES_MAX) +
	       (s > 0 && has_leaf(d, s - 1, r->prev) ? 0 : LINES_MAX);
}

static size_t guess(const struct diag *d, size_t s)
{
	size_t best = d->slot[s].first;

	for (size_t i = best; i != NONE; i = d->rec[i].same)
		if (odds(d, i, s) < odds(d, best, s))
			best = i;
	return best;
}

/* The line with that hash; of several the last one before @below, where its successor stands. */
static size_t find(const struct diag *d, size_t s, const uint8_t leaf[MERKLE_HASH], size_t below)
{
	size_t best = NONE;

	for (size_t i = d->slot[s].first; i != NONE; i = d->rec[i].same)
		if (memcmp(d->rec[i].leaf, leaf, MERKLE_HASH) == 0 && (best == NONE || i < below))
			best = i;
	return best;
}

/*
 * A link that differs from a hash in a few bytes was touched itself; when the hashed record was touched,
 * all bytes differ.
 */
static bool link_was_touched(const uint8_t link[MERKLE_HASH], const uint8_t leaf[MERKLE_HASH])
{
	int differ = 0;

	for (size_t i = 0; i < MERKLE_HASH; i++)
		differ += link[i] != leaf[i];
	return differ <= MERKLE_HASH / 2;
}

/*
 * From the newest record down: the true leaf of each, and who has it. A record whose successor is not
 * proved itself (@sure) is only "changed" if the successor's link was not what was touched.
 */
static void slots_resolve(struct diag *d)
{
	const uint8_t *link = NULL; /* in the record above */
	size_t above = NONE;
	bool sure = false;

	for (size_t s = d->n_slots; s-- > 0;) {
		struct slot *slot = &d->slot[s];
		size_t i = link ? find(d, s, link, above) : NONE;
		bool vouched = i != NONE;

		slot->state = SLOT_FITS;
		if (i == NONE && slot->first == NONE) {
			slot->state = SLOT_MISSING;
		} else if (i == NONE) {
			i = guess(d, s);
			if (link && (sure || !link_was_touched(link, d->rec[i].leaf))) {
				slot->state = SLOT_CHANGED;
			} else if (link) {
				d->slot[s + 1].state = SLOT_CHANGED;
				link = NULL;
			}
		}
		slot->rec = i;
		slot->known = link || i != NONE;
		if (slot->known)
			memcpy(slot->leaf, link ? link : d->rec[i].leaf, MERKLE_HASH);
		sure = vouched;
		link = i == NONE ? NULL : d->rec[i].prev;
		above = i == NONE ? above : i;
		if (i != NONE)
			d->rec[i].used = true;
	}
}

/* ---- findings ---- */

/* Findings of one kind that follow on one another become one. */
struct run {
	struct verify_report *report;
	enum verify_kind kind;
	uint64_t first, last, line;
	const char *text;
	bool open;
};

static void run_end(struct run *run)
{
	if (run->open)
		verify_add(run->report, run->kind, run->first, run->last, run->line, "%s",
			   run->text);
	run->open = false;
}

static void run_add(struct run *run, enum verify_kind kind, uint64_t seq, uint64_t line,
		    const char *text)
{
	if (run->open && run->kind == kind && run->last + 1 == seq && run->text == text) {
		run->last = seq;
		return;
	}
	run_end(run);
	*run = (struct run){ run->report, kind, seq, seq, line, text, true };
}

/* The record that @r says it is stands elsewhere, byte for byte the same. */
static bool is_copy(const struct diag *d, const struct rec *r)
{
	return r->seq < d->n_slots && d->slot[r->seq].known &&
	       memcmp(r->leaf, d->slot[r->seq].leaf, MERKLE_HASH) == 0;
}

/* A line that is unlike record @s in its number or session only: that was changed, then. */
static bool is_disguised(const struct diag *d, size_t i, size_t s)
{
	const struct rec *r = &d->rec[i];
	const struct identity *id = &d->report->id;

	if (!r->parsed)
		return false;
	if (s == d->n_slots) /* behind all that are known, and linked to them */
		return s > 0 && memcmp(r->prev, d->slot[s - 1].leaf, MERKLE_HASH) == 0;
	if (s == 0) /* a true genesis of another session has that session's key */
		return r->own || memcmp(r->sid, id->session, LINE_SID) != 0;
	return r->own || (r->seq == s && memcmp(r->prev, d->slot[s - 1].leaf, MERKLE_HASH) == 0);
}

static const char *stranger_is(const struct diag *d, size_t i, size_t s, bool instead,
			       enum verify_kind *ret_kind)
{
	*ret_kind = VERIFY_CHANGED;
	if ((instead || s == d->n_slots) && is_disguised(d, i, s))
		return "its number or its session is not its own";
	if (!d->rec[i].parsed) {
		*ret_kind = instead ? VERIFY_CHANGED : VERIFY_INSERTED;
		return instead ? "what stands in its place is no record"
			       : "a line that is no record stands before it";
	}
	*ret_kind = VERIFY_SPLICED;
	return instead || s >= d->n_slots ? "a record of another session stands in its place"
					  : "a record of another session stands before it";
}

/* Lines that make no sense, or are another session's: what number do they stand for? */
static void report_strangers(struct diag *d)
{
	struct run run = { .report = d->report };
	size_t next = 0; /* the number that is due here */

	for (size_t i = 0; i < d->n; i++) {
		struct rec *r = &d->rec[i];
		bool instead = next < d->n_slots && d->slot[next].state == SLOT_MISSING;
		enum verify_kind kind;
		const char *text;

		if (r->own && r->used) {
			next = (size_t)r->seq + 1;
			continue;
		}
		if (r->own && ((!instead && !(next == d->n_slots && is_disguised(d, i, next))) ||
			       is_copy(d, r)))
			continue; /* report_extras() has it */
		text = stranger_is(d, i, next, instead, &kind);
		run_add(&run, kind, next, i + 1, text);
		if (instead)
			d->slot[next].state = SLOT_REPLACED;
		r->used = true;
		if (instead || next >= d->n_slots)
			next++;
	}
	run_end(&run);
}

static void report_slots(struct diag *d)
{
	struct run run = { .report = d->report };

	for (size_t s = 0; s < d->n_slots; s++) {
		const struct slot *slot = &d->slot[s];

		if (slot->state == SLOT_CHANGED)
			run_add(&run, VERIFY_CHANGED, s, slot->rec + 1,
				s + 1 < d->n_slots
					? "its bytes are not those that the next record vouches for"
					: "its link is not the hash of the record before");
		else if (slot->state == SLOT_MISSING)
			run_add(&run, VERIFY_REMOVED, s, 0, "it is not there");
	}
	run_end(&run);
}

static void report_extras(struct diag *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct rec *r = &d->rec[i];

		if (!r->own || r->used)
			continue;
		if (is_copy(d, r))
			verify_add(d->report, VERIFY_DUPLICATED, r->seq, r->seq, i + 1,
				   "it stands here once more");
		else
			verify_add(d->report, VERIFY_INSERTED, r->seq, r->seq, i + 1,
				   "another record bears this number");
	}
}

static void report_order(struct diag *d)
{
	struct run run = { .report = d->report };
	size_t far = 0;
	bool any = false;

	for (size_t s = 0; s < d->n_slots; s++) {
		size_t i = d->slot[s].rec;

		if (i == NONE)
			continue;
		if (any && i < far)
			run_add(&run, VERIFY_REORDERED, s, i + 1,
				"it stands before records that were written earlier");
		far = i > far ? i : far;
		any = true;
	}
	run_end(&run);
}

static bool found_within(const struct verify_report *report, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < report->n_findings; i++)
		if (report->finding[i].first <= to && report->finding[i].last >= from)
			return true;
	return false;
}

/* A checkpoint that links well but does not sign what stands before it. */
static void report_checkpoint(struct diag *d, size_t s)
{
	const struct note_copy *c = d->rec[d->slot[s].rec].note;
	uint64_t line = d->slot[s].rec + 1, size;

	if (!c || !c->taken.parsed) {
		verify_add(d->report, VERIFY_CHANGED, s, s, line, "this is no checkpoint");
		return;
	}
	size = c->taken.cp.size;
	if (!c->origin)
		verify_add(d->report, VERIFY_SPLICED, s, s, line,
			   "a checkpoint of another session: %.*s", STR_ARG(c->taken.cp.origin));
	else if (!c->signature)
		verify_add(d->report, VERIFY_RESIGNED, s, s, line,
			   "this checkpoint is not signed by the session key");
	else if (size > s)
		verify_add(d->report, VERIFY_REMOVED, s, size - 1, line,
			   "%llu records before this checkpoint: it signs %llu, there are %zu",
			   (unsigned long long)(size - s), (unsigned long long)size, s);
	else if (size < s)
		verify_add(d->report, VERIFY_INSERTED, size, s - 1, line,
			   "%llu records before this checkpoint: it signs %llu, there are %zu",
			   (unsigned long long)(s - size), (unsigned long long)size, s);
	else
		verify_add(d->report, VERIFY_CHANGED, s, s, line,
			   "this checkpoint line is not as its note says");
}

static void check_head(struct diag *d, const struct verify_head *h, const struct merkle_tree *tree)
{
	uint8_t root[MERKLE_HASH];

	merkle_root(tree, root);
	if (memcmp(root, h->root, MERKLE_HASH) != 0)
		verify_add(d->report, VERIFY_REWRITTEN, 0, h->size - 1, 0,
			   "at %llu records %s signs another root", (unsigned long long)h->size,
			   h->whose);
}

/* The tree of the true leaves beside all that is signed. */
static void check_tree(struct diag *d)
{
	struct merkle_tree tree;
	bool whole = true, end_seen = false;
	uint64_t good = 0; /* lines that a good checkpoint signs */
	uint8_t root[MERKLE_HASH];

	merkle_init(&tree, &merkle_blake3);
	for (size_t s = 0; s < d->n_slots; s++) {
		const struct slot *slot = &d->slot[s];
		const struct rec *r = slot->rec == NONE ? NULL : &d->rec[slot->rec];
		bool fits = r && slot->state == SLOT_FITS;

		for (size_t i = 0; i < d->options->n_heads && whole; i++)
			if (d->options->heads[i].size == s)
				check_head(d, &d->options->heads[i], &tree);
		if (d->report->ended)
			verify_add(d->report, VERIFY_INSERTED, s, d->n_slots - 1,
				   slot->rec == NONE ? 0 : slot->rec + 1,
				   "behind the end of the session");
		if (d->report->ended)
			return;
		if (fits && r->note)
			d->report->checkpoints++;
		if (fits && r->note && d->have_id && !r->signed_ok) {
			report_checkpoint(d, s);
		} else if (fits && r->signed_ok) {
			merkle_root(&tree, root);
			if (whole && memcmp(root, r->note->taken.cp.root, MERKLE_HASH) == 0) {
				good = d->report->covered = s;
				d->report->ended = end_seen;
			} else if (whole && !found_within(d->report, good, s)) {
				verify_add(d->report, VERIFY_CHANGED, good, s - 1, 0,
					   "links were made anew: the root signed at record %zu "
					   "is another",
					   s);
				whole = false;
			}
		}
		if (end_seen && r && !r->note)
			verify_add(d->report, VERIFY_CHANGED, s, s, slot->rec + 1,
				   "behind session.end stands something else than its checkpoint");
		end_seen = fits && r->is_end;
		if (slot->known && whole)
			merkle_append(&tree, slot->leaf);
		else
			whole = false;
	}
	for (size_t i = 0; i < d->options->n_heads; i++) {
		const struct verify_head *h = &d->options->heads[i];

		if (h->size == d->n_slots && whole)
			check_head(d, h, &tree);
		else if (h->size > d->n_slots)
			verify_add(d->report, VERIFY_TRUNCATED, d->n_slots, h->size - 1, 0,
				   "%s knows %llu records, the file has %zu", h->whose,
				   (unsigned long long)h->size, d->n_slots);
	}
}

int diagnose(int fd, const struct verify_options *options, bool have_id,
	     struct verify_report *report, struct err *err)
{
	AUTO(diag_done)
	struct diag d = { .options = options, .report = report, .have_id = have_id };
	int r;

	report->lines = report->covered = report->checkpoints = report->lost = 0;
	report->ended = false;
	r = load(&d, fd, err);
	if (r < 0)
		return r;
	zeros_drop(&d);
	sid_choose(&d);
	if (slots_make(&d) < 0)
		return err_set(err, ENOMEM, "cannot verify");
	slots_resolve(&d);
	report_strangers(&d);
	report_slots(&d);
	report_extras(&d);
	report_order(&d);
	check_tree(&d);
	report->tail = report->lines - (report->checkpoints ? report->covered + 1 : 0);
	if (report->tail > report->lines)
		report->tail = 0;
	if (report->n_findings == 0 && (d.cut || !d.have_id))
		verify_add(report, VERIFY_CHANGED, 0, report->lines - 1, 0,
			   d.cut ? "somewhere behind record %u: too many to look closer"
				 : "record 0 does not say who wrote this",
			   LINES_MAX);
	return 0;
}
