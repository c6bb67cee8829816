#include "audit/redact.h"

#include "base/own.h"
#include "codec/json_wr.h"

#include <errno.h>
#include <sys/mman.h>

#define REDACT_LINE_MIN 16 /* bytes from which a line of a longer secret is one of its own */

static const struct str mark = STR_C("[redacted]");

struct redact {
	size_t bytes; /* of this mapping */
	size_t n;
	struct str value[]; /* longest first; their text follows in the mapping */
};

static struct buf *escape(struct buf *b, struct str value)
{
	struct json_wr w = json_wr_init(b);

	buf_reset(b);
	json_str(&w, value);
	return b;
}

static struct str inner(const struct buf *b)
{
	return str_sub(buf_str(b), 1, b->n - 1);
}

/* The secret itself and, if it has several lines, those that are long enough. One call each. */
static void each_form(struct str value, size_t min, void (*use)(void *ctx, struct str form),
		      void *ctx)
{
	const char *nl;

	if (value.n < min)
		return;
	use(ctx, value);
	if (!memchr(value.p, '\n', value.n))
		return;
	for (struct str rest = value; rest.n > 0;) {
		nl = memchr(rest.p, '\n', rest.n);
		struct str line = str_sub(rest, 0, nl ? (size_t)(nl - rest.p) : rest.n);

		rest = str_sub(rest, line.n + 1, rest.n);
		if (line.n >= REDACT_LINE_MIN && line.n >= min)
			use(ctx, line);
	}
}

struct filling {
	struct buf *scratch;
	struct redact *r; /* NULL: count only */
	char *to;
	size_t n, bytes;
};

static void form_count(void *ctx, struct str form)
{
	struct filling *f = ctx;

	f->n++;
	f->bytes += escape(f->scratch, form)->n;
}

static void form_store(void *ctx, struct str form)
{
	struct filling *f = ctx;
	struct str text = inner(escape(f->scratch, form));

	memcpy(f->to, text.p, text.n);
	f->r->value[f->r->n++] = (struct str){ f->to, text.n };
	f->to += text.n;
}

static int longer_first(const void *a, const void *b)
{
	size_t na = ((const struct str *)a)->n, nb = ((const struct str *)b)->n;

	return na < nb ? 1 : na > nb ? -1 : 0;
}

static void scratch_wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_done(b);
}

int redact_new(const char *const *values, size_t n, size_t min, struct redact **ret)
{
	size_t longest = 0, room;
	AUTO(scratch_wipe) struct buf scratch = BUF_INIT(0);
	struct filling f = { .scratch = &scratch };

	*ret = NULL;
	for (size_t i = 0; i < n; i++)
		longest = strlen(values[i]) > longest ? strlen(values[i]) : longest;
	scratch.max = 6 * longest + 2; /* reserved at once: realloc would leave copies behind */
	if (n > 0 && !buf_reserve(&scratch, scratch.max))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		each_form(str_of(values[i]), min, form_count, &f);
	if (f.n == 0)
		return 0;
	room = sizeof(*f.r) + f.n * sizeof(struct str) + f.bytes;
	f.r = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f.r == MAP_FAILED)
		return -ENOMEM;
	(void)madvise(f.r, room, MADV_DONTDUMP);
	(void)madvise(f.r, room, MADV_WIPEONFORK);
	f.r->bytes = room;
	f.to = (char *)(f.r->value + f.n);
	for (size_t i = 0; i < n; i++)
		each_form(str_of(values[i]), min, form_store, &f);
	qsort(f.r->value, f.r->n, sizeof(f.r->value[0]), longer_first);
	*ret = f.r;
	return 0;
}

struct redact *redact_free(struct redact *r)
{
	if (r) {
		size_t bytes = r->bytes;

		explicit_bzero(r, bytes);
		(void)munmap(r, bytes);
	}
	return NULL;
}

/* Where the JSON scanner stands: it has seen everything up to @at. */
struct place {
	size_t at;
	bool in_string;
};

/*
 * Go on to @to. Is that a point within a string, between two characters of it? (Digits outside of
 * strings may look like a secret, and so may half of an escape.)
 */
static bool place_advance(struct place *p, struct str s, size_t to)
{
	while (p->at < to) {
		char c = s.p[p->at];

		if (p->in_string && c == '\\') {
			size_t n = p->at + 1 < s.n && s.p[p->at + 1] == 'u' ? 6 : 2;

			if (p->at + n > to)
				return false;
			p->at += n;
			continue;
		}
		if (c == '"')
			p->in_string = !p->in_string;
		p->at++;
	}
	return p->in_string;
}

static size_t replace_one(struct str secret, struct buf *b, size_t from)
{
	AUTO(scratch_wipe) struct buf out = BUF_INIT(b->max);
	struct str body = str_sub(buf_str(b), from, b->n);
	struct place place = { 0 };
	size_t count = 0, copied = 0, at = 0;
	const char *hit;

	while (at < body.n && (hit = memmem(body.p + at, body.n - at, secret.p, secret.n))) {
		size_t start = (size_t)(hit - body.p);

		at = start + 1;
		if (!place_advance(&place, body, start))
			continue;
		buf_put(&out, body.p + copied, start - copied);
		buf_puts(&out, mark);
		at = copied = start + secret.n;
		count++;
	}
	if (count == 0)
		return 0;
	buf_put(&out, body.p + copied, body.n - copied);
	b->n = from;
	buf_puts(b, buf_str(&out));
	if (buf_error(&out) && !b->error)
		b->error = buf_error(&out);
	return count;
}

size_t redact_apply(struct redact *r, struct buf *b, size_t from)
{
	size_t count = 0;

	for (size_t i = 0; r && i < r->n && !buf_error(b); i++) {
		/* the usual case, without any state: it is not there */
		if (memmem(b->p + from, b->n - from, r->value[i].p, r->value[i].n))
			count += replace_one(r->value[i], b, from);
	}
	return count;
}
