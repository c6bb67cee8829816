#include "codec/inert.h"

#include "codec/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct range {
	uint32_t from, to;
};

/*
 * Unicode 15. Shown as escapes though they are valid: format characters (Cf), separators that break
 * lines, marks that are drawn over their neighbour, fillers that are drawn as nothing, variation
 * selectors, tags, private use, noncharacters; and U+2026, which is ours.
 */
static const struct range hidden[] = {
	{ 0x0000, 0x001f },   { 0x007f, 0x00a0 },   { 0x00ad, 0x00ad },    { 0x0300, 0x036f },
	{ 0x0483, 0x0489 },   { 0x0600, 0x0605 },   { 0x061c, 0x061c },    { 0x06dd, 0x06dd },
	{ 0x070f, 0x070f },   { 0x0890, 0x0891 },   { 0x08e2, 0x08e2 },    { 0x115f, 0x1160 },
	{ 0x1680, 0x1680 },   { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },    { 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff },   { 0x2000, 0x200f },   { 0x2026, 0x2026 },    { 0x2028, 0x202f },
	{ 0x205f, 0x206f },   { 0x20d0, 0x20ff },   { 0x2800, 0x2800 },    { 0x3000, 0x3000 },
	{ 0x3164, 0x3164 },   { 0xd800, 0xf8ff },   { 0xfdd0, 0xfdef },    { 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f },   { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },    { 0xfff0, 0xffff },
	{ 0x110bd, 0x110bd }, { 0x110cd, 0x110cd }, { 0x13430, 0x1345f },  { 0x1bca0, 0x1bca3 },
	{ 0x1d159, 0x1d182 }, { 0x1d185, 0x1d18b }, { 0xe0000, 0x10ffff },
};

/* Two columns (East Asian Wide and Fullwidth, emoji): rather too many than too few. */
static const struct range wide[] = {
	{ 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x2329, 0x232a },   { 0x23e9, 0x23f3 },
	{ 0x25fd, 0x25fe },   { 0x2600, 0x27bf },   { 0x2b1b, 0x2b1c },   { 0x2b50, 0x2b55 },
	{ 0x2e80, 0xa4cf },   { 0xa960, 0xa97f },   { 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f },   { 0xff01, 0xff60 },   { 0xffe0, 0xffe6 },   { 0x16fe0, 0x18cff },
	{ 0x1aff0, 0x1b2ff }, { 0x1f000, 0x1ffff }, { 0x20000, 0x3fffd },
};

static bool within(const struct range *ranges, size_t n, uint32_t point)
{
	for (size_t i = 0; i < n && ranges[i].from <= point; i++) {
		if (point <= ranges[i].to)
			return true;
	}
	return false;
}

#define WITHIN(ranges, point) within(ranges, sizeof(ranges) / sizeof((ranges)[0]), point)

#define GLYPH_MAX 12 /* bytes of the longest: \u{10ffff} */

/* What is shown for one character or stray byte. */
struct glyph {
	size_t used;    /* bytes of the input */
	size_t n, cols; /* of the text */
	char text[GLYPH_MAX];
};

static void glyph_named(struct glyph *g, char name)
{
	g->text[0] = '\\';
	g->text[1] = name;
	g->n = g->cols = 2;
}

static void glyph_byte(struct glyph *g, unsigned byte)
{
	g->n = g->cols = (size_t)snprintf(g->text, sizeof(g->text), "\\x%02x", byte);
}

static struct glyph glyph_next(struct str s)
{
	static const char named[] = "abtnvfr"; /* 7 to 13 */
	struct glyph g = { .used = 1 };
	uint32_t point = 0;
	size_t n = utf8_next(s.p, s.n, &point);

	if (n == 0) {
		glyph_byte(&g, (unsigned char)s.p[0]);
		return g;
	}
	g.used = n;
	if (point == '\\') {
		glyph_named(&g, '\\');
	} else if (point >= 7 && point <= 13) {
		glyph_named(&g, named[point - 7]);
	} else if (point < 0x20 || point == 0x7f) {
		glyph_byte(&g, point);
	} else if (WITHIN(hidden, point)) {
		g.n = g.cols = (size_t)snprintf(g.text, sizeof(g.text), "\\u{%x}", point);
	} else {
		memcpy(g.text, s.p, n);
		g.n = n;
		g.cols = WITHIN(wide, point) ? 2 : 1;
	}
	return g;
}

size_t inert_columns(struct str s)
{
	size_t cols = 0;

	for (size_t i = 0; i < s.n;) {
		struct glyph g = glyph_next(str_sub(s, i, s.n));

		cols += g.cols;
		i += g.used;
	}
	return cols;
}

/* As much of the beginning as takes at most @max columns; how many bytes that is. */
static size_t put_head(struct buf *out, struct str s, size_t max)
{
	size_t cols = 0, i = 0;

	while (i < s.n) {
		struct glyph g = glyph_next(str_sub(s, i, s.n));

		if (cols + g.cols > max)
			break;
		buf_put(out, g.text, g.n);
		cols += g.cols;
		i += g.used;
	}
	return i;
}

/* Where an end begins that takes at most @max columns. */
static size_t tail_start(struct str s, size_t total, size_t max)
{
	size_t cols = 0, i = 0;

	while (i < s.n && total - cols > max) {
		struct glyph g = glyph_next(str_sub(s, i, s.n));

		cols += g.cols;
		i += g.used;
	}
	return i;
}

void inert_put(struct buf *out, struct str s, size_t max)
{
	char room[48];
	struct buf mark = buf_fixed(room, sizeof(room));
	size_t total = inert_columns(s), left;

	if (max && max < INERT_COLUMNS_MIN)
		max = INERT_COLUMNS_MIN;
	if (!max || total <= max) {
		(void)put_head(out, s, total);
		return;
	}
	buf_printf(&mark, " \u2026(%zu bytes)\u2026 ", s.n);
	left = max - (mark.n - 4); /* two of its characters have three bytes */
	(void)put_head(out, s, left - left / 2);
	buf_puts(out, buf_str(&mark));
	s = str_sub(s, tail_start(s, total, left / 2), s.n);
	(void)put_head(out, s, left / 2);
}
