#include "cel/problem.h"

#include "codec/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define TYPE_SHOWN_MAX 80

/* Characters of @s; every byte that starts none counts as one. */
static unsigned count_chars(struct str s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n; n++) {
		uint32_t c;
		size_t len = utf8_next(s.p + i, s.n - i, &c);

		i += len ? len : 1;
	}
	return n;
}

void cel_source_at(struct str source, uint32_t at, unsigned *ret_line, unsigned *ret_col)
{
	size_t start = 0;
	unsigned line = 1;

	for (size_t i = 0; i < at && i < source.n; i++) {
		if (source.p[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	*ret_line = line;
	*ret_col = count_chars(str_sub(source, start, at)) + 1;
}

void cel_problem_add(struct cel_problems *ps, uint32_t at, uint32_t end, const char *fmt, ...)
{
	struct cel_problem problem = { .at = at };
	struct str marked = str_sub(ps->source, at, end);
	const char *line_end = marked.n ? memchr(marked.p, '\n', marked.n) : NULL;
	va_list ap;

	if (ps->count++ >= CEL_PROBLEMS_MAX || !ps->report)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(problem.text, sizeof(problem.text), fmt, ap);
	va_end(ap);
	for (char *p = problem.text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	if (line_end)
		marked.n = (size_t)(line_end - marked.p);
	problem.width = count_chars(marked);
	if (problem.width == 0)
		problem.width = 1;
	cel_source_at(ps->source, at, &problem.line, &problem.col);
	ps->report(ps->ctx, &problem);
}

void cel_problem_full(struct cel_problems *ps, uint32_t at, uint32_t end, const char *text)
{
	if (!ps->full)
		cel_problem_add(ps, at, end, "%s", text);
	ps->full = true;
}

int cel_problems_result(const struct cel_problems *ps)
{
	if (ps->full)
		return -E2BIG;
	return ps->count ? -EBADMSG : 0;
}

void cel_problem_put_type(struct buf *out, const struct cel_type *type)
{
	char text[TYPE_SHOWN_MAX];
	struct buf b = buf_fixed(text, sizeof(text));

	cel_type_print(type, &b);
	buf_puts(out, buf_str(&b));
	if (buf_error(&b))
		buf_putz(out, "...");
}
