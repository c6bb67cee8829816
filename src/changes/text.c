/*
 * Differences of texts: Myers, "An O(ND) difference algorithm and its variations" (1986), the version
 * in linear space that halves the problem at the middle of a shortest path. A part in which the two
 * differ in more than COST_MAX lines is told as replaced: the time is bounded whatever the files are.
 */
#include "changes/impl.h"

#include "base/file.h"
#include "base/map.h"
#include "base/own.h"
#include "codec/utf8.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define COST_MAX 2048
#define CONTEXT 3

struct side {
	struct str *line;
	uint64_t *hash;
	bool *changed;
	size_t n;
	bool open_end; /* the last line has no newline */
};

struct diff {
	struct side a, b;
	long *forward, *backward; /* furthest x on each diagonal, from the middle of the array */
};

static int side_split(struct side *s, struct str text, const uint64_t key[2])
{
	size_t n = 0, i = 0;

	for (size_t at = 0; at < text.n; at++)
		n += text.p[at] == '\n';
	s->open_end = text.n && text.p[text.n - 1] != '\n';
	n += s->open_end;
	s->line = calloc(n + 1, sizeof(*s->line));
	s->hash = calloc(n + 1, sizeof(*s->hash));
	s->changed = calloc(n + 1, sizeof(*s->changed));
	if (!s->line || !s->hash || !s->changed)
		return -ENOMEM;
	for (size_t at = 0; at < text.n; i++) {
		const char *end = memchr(text.p + at, '\n', text.n - at);
		size_t len = (end ? (size_t)(end - text.p) : text.n) - at;

		s->line[i] = (struct str){ text.p + at, len };
		/* "x" at an open end is another line than "x" with its newline */
		s->hash[i] = map_hash(key, s->line[i]) ^ (end ? 0 : 1);
		at += len + 1;
	}
	s->n = n;
	return 0;
}

static void side_done(struct side *s)
{
	free(s->line);
	free(s->hash);
	free(s->changed);
}

static bool line_same(const struct diff *d, long x, long y)
{
	return d->a.hash[x] == d->b.hash[y] && str_eq(d->a.line[x], d->b.line[y]) &&
	       (d->a.open_end && (size_t)x + 1 == d->a.n) ==
		       (d->b.open_end && (size_t)y + 1 == d->b.n);
}

struct box {
	long a0, a1, b0, b1;
};

/* A point in the middle of a shortest path through @x; false: it costs too much. */
static bool middle(struct diff *d, const struct box *x, long *ret_a, long *ret_b)
{
	long n = x->a1 - x->a0, m = x->b1 - x->b0, delta = n - m, max = (n + m + 1) / 2;
	long *f = d->forward, *g = d->backward;

	f[1] = 0;
	g[1] = 0;
	for (long cost = 0; cost <= max && cost <= COST_MAX; cost++) {
		for (long k = -cost; k <= cost; k += 2) {
			long i = k == -cost || (k != cost && f[k - 1] < f[k + 1]) ? f[k + 1]
										  : f[k - 1] + 1;
			long j = i - k, back = delta - k;

			while (i < n && j < m && j >= 0 && line_same(d, x->a0 + i, x->b0 + j)) {
				i++;
				j++;
			}
			f[k] = i;
			if (delta % 2 != 0 && back >= -(cost - 1) && back <= cost - 1 &&
			    f[k] + g[back] >= n && i <= n && j >= 0 && j <= m) {
				*ret_a = x->a0 + i;
				*ret_b = x->b0 + j;
				return true;
			}
		}
		for (long k = -cost; k <= cost; k += 2) {
			long i = k == -cost || (k != cost && g[k - 1] < g[k + 1]) ? g[k + 1]
										  : g[k - 1] + 1;
			long j = i - k, ahead = delta - k;

			while (i < n && j < m && j >= 0 &&
			       line_same(d, x->a1 - 1 - i, x->b1 - 1 - j)) {
				i++;
				j++;
			}
			g[k] = i;
			if (delta % 2 == 0 && ahead >= -cost && ahead <= cost &&
			    g[k] + f[ahead] >= n && i <= n && j >= 0 && j <= m) {
				*ret_a = x->a1 - i;
				*ret_b = x->b1 - j;
				return true;
			}
		}
	}
	return false;
}

static void compare(struct diff *d, struct box x)
{
	long a, b;

	while (x.a0 < x.a1 && x.b0 < x.b1 && line_same(d, x.a0, x.b0)) {
		x.a0++;
		x.b0++;
	}
	while (x.a0 < x.a1 && x.b0 < x.b1 && line_same(d, x.a1 - 1, x.b1 - 1)) {
		x.a1--;
		x.b1--;
	}
	if (x.a0 == x.a1 || x.b0 == x.b1 || !middle(d, &x, &a, &b) || (a == x.a0 && b == x.b0) ||
	    (a == x.a1 && b == x.b1)) {
		for (; x.a0 < x.a1; x.a0++)
			d->a.changed[x.a0] = true;
		for (; x.b0 < x.b1; x.b0++)
			d->b.changed[x.b0] = true;
		return;
	}
	compare(d, (struct box){ x.a0, a, x.b0, b });
	compare(d, (struct box){ a, x.a1, b, x.b1 });
}

/* ---- hunks ---- */

static void put_line(struct buf *out, char mark, const struct side *s, size_t i)
{
	buf_putc(out, mark);
	buf_puts(out, s->line[i]);
	buf_putc(out, '\n');
	if (s->open_end && i + 1 == s->n)
		buf_putz(out, "\\ No newline at end of file\n");
}

static void put_range(struct buf *out, char mark, size_t from, size_t n)
{
	/* an empty range names the line before it */
	buf_printf(out, "%c%zu", mark, n ? from + 1 : from);
	if (n != 1)
		buf_printf(out, ",%zu", n);
}

/* Lines of both from (a, b) on are alike until the next change: how many, at most @max. */
static size_t alike(const struct diff *d, size_t a, size_t b, size_t max)
{
	size_t n = 0;

	while (n < max && a + n < d->a.n && b + n < d->b.n && !d->a.changed[a + n] &&
	       !d->b.changed[b + n])
		n++;
	return n;
}

static void put_hunk(const struct diff *d, size_t a0, size_t a1, size_t b0, size_t b1,
		     struct buf *out)
{
	buf_putz(out, "@@ ");
	put_range(out, '-', a0, a1 - a0);
	buf_putc(out, ' ');
	put_range(out, '+', b0, b1 - b0);
	buf_putz(out, " @@\n");
	while (a0 < a1 || b0 < b1) {
		if (a0 < a1 && d->a.changed[a0]) {
			put_line(out, '-', &d->a, a0++);
		} else if (b0 < b1 && d->b.changed[b0]) {
			put_line(out, '+', &d->b, b0++);
		} else {
			put_line(out, ' ', &d->a, a0++);
			b0++;
		}
	}
}

static void put_hunks(const struct diff *d, struct buf *out)
{
	size_t a = 0, b = 0;

	for (;;) {
		size_t skip = alike(d, a, b, SIZE_MAX), before, a0, b0;

		a += skip;
		b += skip;
		if (a >= d->a.n && b >= d->b.n)
			return;
		before = skip < CONTEXT ? skip : CONTEXT;
		a0 = a - before;
		b0 = b - before;
		for (;;) {
			size_t same;

			while (a < d->a.n && d->a.changed[a])
				a++;
			while (b < d->b.n && d->b.changed[b])
				b++;
			same = alike(d, a, b, 2 * CONTEXT + 1);
			if (same > 2 * CONTEXT || (a + same >= d->a.n && b + same >= d->b.n)) {
				same = same < CONTEXT ? same : CONTEXT;
				put_hunk(d, a0, a + same, b0, b + same, out);
				break;
			}
			a += same;
			b += same;
		}
	}
}

int text_diff(struct str old, struct str new, const char *old_name, const char *new_name,
	      struct buf *out)
{
	static const uint64_t key[2] = { 1, 2 }; /* equal lines are compared again: no secret */
	struct diff d = { 0 };
	AUTO(freep) long *room = NULL;
	size_t half = COST_MAX + 2;
	int r;

	if (str_eq(old, new))
		return 0;
	r = side_split(&d.a, old, key);
	if (r == 0)
		r = side_split(&d.b, new, key);
	room = calloc(4 * half + 2, sizeof(*room));
	if (r == 0 && room) {
		d.forward = room + half;
		d.backward = room + 3 * half;
		compare(&d, (struct box){ 0, (long)d.a.n, 0, (long)d.b.n });
		buf_printf(out, "--- %s\n+++ %s\n", old_name, new_name);
		put_hunks(&d, out);
	}
	side_done(&d.a);
	side_done(&d.b);
	return r < 0 ? r : room ? buf_error(out) : -ENOMEM;
}

/* ---- of a change ---- */

/* As git does: in quotes with octal escapes when the name holds anything unusual. */
static void put_name(struct buf *out, const char *prefix, const char *path)
{
	bool plain = true;

	for (const char *at = path; *at; at++)
		plain &= (unsigned char)*at > 0x20 && (unsigned char)*at < 0x7f && *at != '"' &&
			 *at != '\\';
	if (plain) {
		buf_printf(out, "%s/%s", prefix, path);
		return;
	}
	buf_printf(out, "\"%s/", prefix);
	for (const char *at = path; *at; at++) {
		unsigned char c = (unsigned char)*at;

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			buf_printf(out, "\\%03o", c);
		else
			buf_putc(out, (char)c);
	}
	buf_putc(out, '"');
}

/* Would a terminal take it for a command, or show other text out of order? */
static bool disturbs(uint32_t c)
{
	return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c <= 0x9f) || c == 0x61c ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xe0000 && c <= 0xe007f);
}

static void put_safely(struct buf *out, struct str text)
{
	for (size_t at = 0; at < text.n;) {
		uint32_t c;
		size_t n = utf8_next(text.p + at, text.n - at, &c);

		if (n == 0)
			buf_printf(out, "\\x%02x", (unsigned char)text.p[at]);
		else if (disturbs(c))
			buf_printf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
		else
			buf_put(out, text.p + at, n);
		at += n ? n : 1;
	}
}

/* What is compared of one side: a file's bytes or a link's target; -EFBIG: too many. */
static int text_of(int dir, const char *path, mode_t mode, bool ours, struct buf *to)
{
	AUTO(fd_closep) int parent = -EBADF;
	AUTO(fd_closep) int fd = -EBADF;
	const char *name;
	char *room;
	ssize_t n;
	int r;

	if (S_ISREG(mode)) {
		r = change_open(dir, path, ours, &fd);
		return r < 0 ? r : fd_read_all(fd, to);
	}
	if (!S_ISLNK(mode))
		return 0;
	r = change_parent(dir, path, &parent, &name);
	room = r < 0 ? NULL : buf_reserve(to, 4096);
	n = room ? readlinkat(parent, name, room, 4096) : -1;
	if (n < 0)
		return r < 0 ? r : -errno;
	buf_commit(to, (size_t)n);
	return 0;
}

static bool is_text(struct str s)
{
	return s.n == 0 || !memchr(s.p, '\0', s.n < 8000 ? s.n : 8000);
}

static void put_modes(const struct change *c, struct buf *out)
{
	if (c->kind == CHANGE_DELETED)
		buf_printf(out, "deleted file mode %06o\n", c->old_mode);
	else if (!c->old_mode)
		buf_printf(out, "new file mode %06o\n", c->new_mode);
	else if (c->old_mode != c->new_mode)
		buf_printf(out, "old mode %06o\nnew mode %06o\n", c->old_mode, c->new_mode);
}

int change_diff(struct change_list *list, const struct change *c, bool safe, struct buf *out)
{
	const struct changes_layer *layer = &list->session->layers[c->layer];
	AUTO(buf_done) struct buf old = BUF_INIT(CHANGE_TEXT_MAX);
	AUTO(buf_done) struct buf new = BUF_INIT(CHANGE_TEXT_MAX);
	AUTO(buf_done) struct buf a = BUF_INIT(1U << 16);
	AUTO(buf_done) struct buf b = BUF_INIT(1U << 16);
	AUTO(buf_done) struct buf body = BUF_INIT(16U << 20);
	int r = 0;

	put_name(&a, "a", c->from ? c->from : c->path);
	put_name(&b, "b", c->path);
	buf_printf(out, "diff %s %s\n", buf_cstr(&a), buf_cstr(&b));
	put_modes(c, out);
	if (c->why)
		buf_printf(out, "held: %s\n", change_why_text[c->why]);
	if (c->kind == CHANGE_RENAMED) {
		buf_printf(out, "rename from %s\nrename to %s\n", buf_cstr(&a), buf_cstr(&b));
		return buf_error(out);
	}
	if (c->kind != CHANGE_CREATED)
		r = text_of(layer->lower, c->path, c->old_mode, false, &old);
	if (r == 0 && c->kind != CHANGE_DELETED)
		r = text_of(layer->upper, c->path, c->new_mode, true, &new);
	if (r == -EFBIG || (r == 0 && !(is_text(buf_str(&old)) && is_text(buf_str(&new))))) {
		buf_printf(out, "%s: %llu bytes, were %llu\n",
			   r ? "Too large to be shown" : "Binary files differ",
			   (unsigned long long)c->new_size, (unsigned long long)c->old_size);
		return buf_error(out);
	}
	if (r < 0) {
		buf_printf(out, "It cannot be read: %s\n", strerror(-r));
		return buf_error(out);
	}
	r = text_diff(buf_str(&old), buf_str(&new), c->old_mode ? buf_cstr(&a) : "/dev/null",
		      c->kind == CHANGE_DELETED ? "/dev/null" : buf_cstr(&b), &body);
	if (r < 0)
		return r;
	if (safe)
		put_safely(out, buf_str(&body));
	else
		buf_puts(out, buf_str(&body));
	return buf_error(out);
}
