#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static int fill(struct err *err, int code, bool tail,
						      const char *fmt, va_list ap)
{
	char text[ERR_TEXT_MAX];
	int shown = code > 0 ? code : EINVAL;
	bool cut;
	int n;

	if (!err)
		return -shown;

	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n < 0)
		text[0] = '\0';
	cut = n >= (int)sizeof(text);

	if (err->code) {
		char old[ERR_TEXT_MAX];

		memcpy(old, err->text, sizeof(old));
		n = snprintf(err->text, sizeof(err->text), "%s: %s", text, old);
	} else {
		err->code = shown;
		if (tail && code > 0)
			n = snprintf(err->text, sizeof(err->text), "%s: %s", text, strerror(code));
		else
			n = snprintf(err->text, sizeof(err->text), "%s", text);
	}
	if (cut || n >= (int)sizeof(err->text))
		memcpy(err->text + sizeof(err->text) - 4, "...", 4);
	return -err->code;
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = fill(err, code, true, fmt, ap);
	va_end(ap);
	return r;
}

int err_text(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = fill(err, code, false, fmt, ap);
	va_end(ap);
	return r;
}

int err_at(struct err *err, int code, const char *file, unsigned line, unsigned col,
	   const char *fmt, ...)
{
	char text[ERR_TEXT_MAX], name[ERR_FILE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!file)
		return err_text(err, code, "%s", text);
	if (snprintf(name, sizeof(name), "%s", file) >= (int)sizeof(name))
		memcpy(name + sizeof(name) - 4, "...", 4);
	if (err && !err->code) {
		memcpy(err->file, name, sizeof(name));
		err->line = line;
		err->col = col;
	}
	if (!line)
		return err_text(err, code, "%s: %s", name, text);
	return err_text(err, code, "%s:%u:%u: %s", name, line, col, text);
}
