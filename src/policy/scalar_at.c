/*
 * Where a byte of a scalar stands in the file: expressions are checked after YAML has taken quotes,
 * escapes, folds and indentation away, and mistakes in them are shown where they were written.
 *
 * The scalar's text and its source are walked side by side. Wherever they do not go together as
 * expected, the scalar's own place is the answer.
 */
#include "codec/utf8.h"
#include "policy/load.h"

struct side {
	const char *p, *end;   /* source */
	const char *t, *t_end; /* text */
	char style;            /* '|', '>', '"', '\'', or 0: plain */
	size_t indent;         /* block: of the content */
};

static bool at_break(const struct side *s)
{
	return s->p < s->end && (*s->p == '\n' || *s->p == '\r');
}

static void skip_break(struct side *s)
{
	if (s->p < s->end && *s->p == '\r')
		s->p++;
	if (s->p < s->end && *s->p == '\n')
		s->p++;
}

static void skip_spaces(struct side *s, size_t max)
{
	while (max-- && s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
}

/* From a block's '|' or '>' to its first line with something in it. */
static void enter_block(struct side *s)
{
	const char *line;

	while (s->p < s->end && !at_break(s))
		s->p++;
	do {
		skip_break(s);
		line = s->p;
		skip_spaces(s, SIZE_MAX);
	} while (at_break(s));
	s->indent = (size_t)(s->p - line);
}

/* A line break in the source, and what became of it. */
static bool step_break(struct side *s)
{
	size_t n = 0;

	if (s->style == '|') {
		skip_break(s);
		skip_spaces(s, s->indent);
		return *s->t++ == '\n';
	}
	while (at_break(s)) {
		skip_break(s);
		skip_spaces(s, s->style == '>' ? s->indent : SIZE_MAX);
		n++;
	}
	s->t += n == 1 ? 1 : n - 1;
	return s->t <= s->t_end;
}

static bool step_escape(struct side *s)
{
	char c = s->p + 1 < s->end ? s->p[1] : 0;
	uint32_t point;
	size_t n;

	if (c == '\n' || c == '\r') {
		s->p++;
		skip_break(s);
		skip_spaces(s, SIZE_MAX);
		return true;
	}
	s->p += c == 'x' ? 4 : c == 'u' ? 6 : c == 'U' ? 10 : 2;
	n = utf8_next(s->t, (size_t)(s->t_end - s->t), &point);
	s->t += n;
	return n > 0 && s->p <= s->end;
}

/* Blanks before a line break are not part of a folded text. */
static bool blanks_to_break(const struct side *s)
{
	const char *p = s->p;

	while (p < s->end && (*p == ' ' || *p == '\t'))
		p++;
	return p > s->p && p < s->end && (*p == '\n' || *p == '\r');
}

static bool step(struct side *s)
{
	if (s->p >= s->end || s->t >= s->t_end)
		return false;
	if (at_break(s))
		return step_break(s);
	if (s->style != '|' && s->style != '>' && blanks_to_break(s)) {
		skip_spaces(s, SIZE_MAX);
		return true;
	}
	if (s->style == '"' && *s->p == '\\')
		return step_escape(s);
	if (s->style == '\'' && *s->p == '\'')
		s->p++;
	return *s->p++ == *s->t++;
}

static unsigned characters(const char *from, const char *to)
{
	unsigned n = 0;

	for (; from < to; from++)
		n += ((unsigned char)*from & 0xc0) != 0x80;
	return n;
}

struct policy_where load_where_in(const struct load *l, uint32_t node, size_t offset)
{
	const struct yaml_node *n = yaml_at(&l->src->doc, node);
	struct policy_where where = load_where(l, node);
	struct str text = yaml_str(&l->src->doc, node), line = diag_line(l->src->text, n->line);
	const char *target = text.p + offset;
	struct side s = { .end = l->src->text.p + l->src->text.n,
			  .t = text.p,
			  .t_end = text.p + text.n };

	if (!line.p || offset > text.n)
		return where;
	for (s.p = line.p; s.p < s.end && characters(line.p, s.p) + 1 < n->col; s.p++)
		;
	if (!n->plain && s.p < s.end)
		s.style = *s.p;
	if (s.style == '|' || s.style == '>')
		enter_block(&s);
	else if (s.style)
		s.p++;
	while (s.t < target) {
		if (!step(&s))
			return where;
	}
	while (line.p + line.n < s.p) {
		struct str next = diag_line(l->src->text, ++where.line);

		if (!next.p || next.p <= line.p)
			return load_where(l, node);
		line = next;
	}
	where.col = characters(line.p, s.p) + 1;
	return where;
}
