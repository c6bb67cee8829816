#include "base/log.h"

#include "base/buf.h"
#include "base/own.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LOG_TEXT_MAX 2048
#define LOG_LINES_MAX (256 << 10)

static enum log_level log_max = LOG_NOTICE;

static const char *const log_prefix[] = {
	[LOG_ERROR] = "capsule: error: ",
	[LOG_WARNING] = "capsule: warning: ",
	[LOG_NOTICE] = "capsule: ",
	[LOG_INFO] = "capsule: ",
};

void log_level_set(enum log_level level)
{
	log_max = level;
}

/*
 * UTF-8 passes; C0 controls, DEL and the C1 controls (U+0080-009F, two bytes in UTF-8, which some
 * terminals obey) do not. A newline only where @lines says that there are several.
 */
static void log_put_escaped(struct buf *b, struct str text, bool lines)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		unsigned char next = i + 1 < text.n ? (unsigned char)text.p[i + 1] : 0;

		if ((c < 0x20 && !(c == '\n' && lines) && c != '\t') || c == 0x7f ||
		    (c == 0xc2 && next >= 0x80 && next <= 0x9f))
			buf_printf(b, "\\x%02x", c);
		else
			buf_putc(b, (char)c);
	}
}

void log_lines(struct str text)
{
	AUTO(buf_done) struct buf b = BUF_INIT(LOG_LINES_MAX);
	ssize_t n;

	log_put_escaped(&b, text, true);
	if (b.n && b.p[b.n - 1] != '\n')
		buf_putc(&b, '\n');
	n = write(STDERR_FILENO, b.p, b.n);
	(void)n; /* nowhere left to complain */
}

void log_say(enum log_level level, const char *fmt, ...)
{
	char text[LOG_TEXT_MAX], out[4 * LOG_TEXT_MAX + 64];
	struct buf b = buf_fixed(out, sizeof(out));
	va_list ap;
	ssize_t n;

	if (level > log_max)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_putz(&b, log_prefix[level]);
	log_put_escaped(&b, str_of(text), false);
	buf_putc(&b, '\n');
	n = write(STDERR_FILENO, b.p, b.n);
	(void)n; /* nowhere left to complain */
}
