#include "policy/diag.h"

#include "base/own.h"
#include "codec/utf8.h"
#include "codec/yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_SHOWN_MAX 160 /* characters of a quoted line; a longer one is shown around the place */

void diag_file_add(struct diag *d, const char *name, struct str text)
{
	if (d->n_files < DIAG_FILES_MAX)
		d->files[d->n_files++] = (struct diag_file){ .name = name, .text = text };
}

void diag_file_forget(struct diag *d, const char *name)
{
	for (unsigned i = 0; i < d->n_files; i++) {
		if (d->files[i].name == name)
			d->files[i--] = d->files[--d->n_files];
	}
}

struct str diag_line(struct str text, unsigned line)
{
	const char *p = text.p, *end = text.p + text.n;
	const char *stop;

	for (unsigned i = 1; i < line; i++) {
		p = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
		if (!p)
			return (struct str){ 0 };
		p++;
	}
	stop = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
	if (!stop)
		stop = end;
	if (stop > p && stop[-1] == '\r')
		stop--;
	return (struct str){ .p = p, .n = (size_t)(stop - p) };
}

/* A file that is quoted may hold anything when the error is that it is not text. */
static size_t put_safe(struct buf *out, const char *p, size_t n)
{
	uint32_t c = 0;
	size_t len = utf8_next(p, n, &c);

	if (len == 0 || (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0x61c ||
	    (c >= 0x200b && c <= 0x200f) || c == 0xfeff || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069))
		buf_putc(out, '?');
	else
		buf_put(out, p, len);
	return len ? len : 1;
}

static void quote_line(struct buf *out, struct str line, unsigned line_no, unsigned col,
		       unsigned width)
{
	unsigned at = 1, from = col > LINE_SHOWN_MAX / 2 ? col - LINE_SHOWN_MAX / 2 : 1;
	AUTO(buf_done) struct buf caret = BUF_INIT(4096), skipped = BUF_INIT(YAML_SIZE_MAX);

	buf_printf(out, "%5u | ", line_no);
	buf_putz(&caret, "      | ");
	for (size_t i = 0; i < line.n && at < from + LINE_SHOWN_MAX; at++) {
		struct buf *to = at >= from ? out : &skipped;
		char c = line.p[i];

		i += put_safe(to, line.p + i, line.n - i);
		if (at < from)
			continue;
		if (at < col)
			buf_putc(&caret, c == '\t' ? '\t' : ' ');
		else if (at < col + width)
			buf_putc(&caret, at == col ? '^' : '~');
	}
	if (at <= col)
		buf_putc(&caret, '^');
	buf_putc(out, '\n');
	buf_puts(out, buf_str(&caret));
	buf_putc(out, '\n');
}

static void put_where(struct buf *out, struct policy_where where)
{
	for (const char *p = where.file; *p; p++)
		buf_putc(out, (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p);
	if (where.line)
		buf_printf(out, ":%u:%u", where.line, where.col);
	buf_putz(out, ": ");
}

void diag_add(struct diag *d, enum diag_level level, struct policy_where where, unsigned width,
	      const char *fmt, ...)
{
	AUTO(buf_done) struct buf head = BUF_INIT(2048);
	char text[1024];
	va_list ap;

	if (level == DIAG_ERROR ? diag_full(d) : d->warnings >= DIAG_WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	if (!where.file)
		where.file = "policy";
	put_where(&head, where);
	if (level == DIAG_WARNING) {
		d->warnings++;
	} else if (d->errors++ == 0) {
		d->first_where = where;
		memcpy(d->first, text, sizeof(text));
	}
	if (d->told)
		d->told(d->ctx, &(struct policy_problem){ .warning = level == DIAG_WARNING,
							  .where = where,
							  .width = width ? width : 1,
							  .text = text });
	if (!d->out)
		return;
	buf_puts(d->out, buf_str(&head));
	buf_printf(d->out, "%s: %s\n", level == DIAG_ERROR ? "error" : "warning", text);
	for (unsigned i = 0; i < d->n_files && where.line; i++) {
		if (d->files[i].name == where.file) {
			quote_line(d->out, diag_line(d->files[i].text, where.line), where.line,
				   where.col, width ? width : 1);
			break;
		}
	}
	if (level == DIAG_ERROR && diag_full(d))
		buf_printf(d->out, "%d errors; the rest is not shown\n", DIAG_ERRORS_MAX);
	if (level == DIAG_WARNING && d->warnings == DIAG_WARNINGS_MAX)
		buf_printf(d->out, "%d warnings; the rest is not shown\n", DIAG_WARNINGS_MAX);
}

int diag_first(const struct diag *d, int code, struct err *err)
{
	struct policy_where at = d->first_where;

	return err_at(err, code, at.file, at.line, at.col, "%s", d->first);
}

int diag_result(const struct diag *d, struct err *err)
{
	struct policy_where at = d->first_where;

	if (d->errors == 0)
		return 0;
	if (d->errors == 1)
		return diag_first(d, EBADMSG, err);
	return err_at(err, EBADMSG, at.file, at.line, at.col, "%s (and %u more)", d->first,
		      d->errors - 1);
}
