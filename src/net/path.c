/*
 * One pass writes the path with its characters in their one form (put_byte), and takes back what a
 * dot segment undoes whenever a segment ends (end_segment). What was written is
 * then looked at again, for encoded bytes that are no UTF-8 and for encodings of encodings: only in
 * their final order is it seen what they are.
 */
#include "net/path.h"
#include "codec/utf8.h"

static const char *const texts[PATH_ERROR_N] = {
	[PATH_OK] = "no error",
	[PATH_E_FORM] = "a path that does not begin with '/', or has a query in it",
	[PATH_E_LONG] = "a path of over 8192 bytes",
	[PATH_E_PERCENT] = "a '%' in the path without two hexadecimal digits",
	[PATH_E_CONTROL] = "a control character or space in the path",
	[PATH_E_BACKSLASH] = "a backslash in the path",
	[PATH_E_SLASH] = "an encoded slash in the path",
	[PATH_E_PARAM] = "a ';' in the path",
	[PATH_E_UTF8] = "a path that is not UTF-8",
	[PATH_E_ABOVE] = "a path that leads above the root",
	[PATH_E_DOUBLE] = "a path that is encoded twice",
};

const char *path_error_text(enum path_error error)
{
	return (unsigned)error < PATH_ERROR_N ? texts[error] : "an unknown error";
}

struct writing {
	char *out;
	size_t n;
	size_t segment; /* where the present one starts, behind its slash */
	unsigned allow;
};

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* Stands bare whether it came bare or encoded. */
static bool is_plain(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z' && c < 0x80) ||
	       (c && strchr("-._~:@!$&'()*,=", c));
}

static bool put(struct writing *w, char c)
{
	if (w->n == PATH_MAX_BYTES)
		return false;
	w->out[w->n++] = c;
	return true;
}

static bool put_encoded(struct writing *w, uint8_t c)
{
	static const char digits[] = "0123456789ABCDEF";

	return put(w, '%') && put(w, digits[c >> 4]) && put(w, digits[c & 0xf]);
}

/* Without its parameters. */
static struct str name_of(struct str segment)
{
	const char *param = segment.n ? memchr(segment.p, ';', segment.n) : NULL;

	return param ? str_sub(segment, 0, (size_t)(param - segment.p)) : segment;
}

static bool is_dots(struct str s)
{
	return str_eqz(s, ".") || str_eqz(s, "..");
}

/* With PATH_SLASHES: no part between encoded slashes is empty or dots. */
static enum path_error check_parts(struct str segment)
{
	size_t start = 0;
	bool any = false;

	for (size_t i = 0; i <= segment.n; i++) {
		bool slash = i + 3 <= segment.n && memcmp(segment.p + i, "%2F", 3) == 0;
		struct str name = name_of(str_sub(segment, start, i));

		if (i < segment.n && !slash)
			continue;
		any |= slash;
		if (any && (name.n == 0 || is_dots(name)))
			return PATH_E_SLASH;
		start = i + 3;
	}
	return PATH_OK;
}

/* A slash, or the end, has come: an empty segment is none, dot segments undo (RFC 3986 5.2.4). */
static enum path_error end_segment(struct writing *w, bool last)
{
	struct str segment = { w->out + w->segment, w->n - w->segment };
	struct str name = name_of(segment);
	bool whole = name.n == segment.n;
	enum path_error error = check_parts(segment);

	if (error)
		return error;
	if (!whole && (name.n == 0 || is_dots(name)))
		return PATH_E_PARAM;
	if (whole && is_dots(name)) {
		bool up = name.n == 2;

		w->n = w->segment;
		if (up && w->n == 1)
			return PATH_E_ABOVE;
		if (up) {
			w->n--; /* the slash before */
			while (w->out[w->n - 1] != '/')
				w->n--;
			w->segment = w->n;
		}
		return PATH_OK;
	}
	if (last || w->n == w->segment)
		return PATH_OK;
	if (!put(w, '/'))
		return PATH_E_LONG;
	w->segment = w->n;
	return PATH_OK;
}

/* A character that came bare. */
static enum path_error put_bare(struct writing *w, uint8_t c)
{
	if (c == '/')
		return end_segment(w, false);
	if (c <= ' ' || c == 0x7f)
		return PATH_E_CONTROL;
	if (c == '\\')
		return PATH_E_BACKSLASH;
	if (c == '?' || c == '#')
		return PATH_E_FORM;
	if (c == ';' && !(w->allow & PATH_PARAMS))
		return PATH_E_PARAM;
	if (is_plain(c) || c == ';' || c == '+')
		return put(w, (char)c) ? PATH_OK : PATH_E_LONG;
	return put_encoded(w, c) ? PATH_OK : PATH_E_LONG;
}

/* A character that came as %XX. */
static enum path_error put_byte(struct writing *w, uint8_t c)
{
	if (c < ' ' || c == 0x7f)
		return PATH_E_CONTROL;
	if (c == '\\')
		return PATH_E_BACKSLASH;
	if (c == '/' && !(w->allow & PATH_SLASHES))
		return PATH_E_SLASH;
	if (is_plain(c))
		return put(w, (char)c) ? PATH_OK : PATH_E_LONG;
	return put_encoded(w, c) ? PATH_OK : PATH_E_LONG;
}

/* Runs of %80 and above are whole characters. */
static enum path_error check_utf8(struct str s)
{
	char run[4];
	size_t n = 0;

	for (size_t i = 0; i <= s.n; i++) {
		uint32_t point;
		int high = i + 2 < s.n && s.p[i] == '%' ? hex_of(s.p[i + 1]) : -1;

		if (high >= 8) {
			run[n++] = (char)(high << 4 | hex_of(s.p[i + 2]));
			i += 2;
		}
		if (n && utf8_next(run, n, &point) == n) {
			n = 0;
			/* C1 controls, and the separators of lines */
			if (point < 0xa0 || point == 0x2028 || point == 0x2029)
				return PATH_E_CONTROL;
		} else if (n == sizeof(run) || (n && high < 8)) {
			return PATH_E_UTF8;
		}
	}
	return PATH_OK;
}

/* No "%25", or "%2525" and so on, makes what follows a character that would be refused or undone. */
static enum path_error check_double(struct str s)
{
	for (size_t i = 0; i + 5 <= s.n; i++) {
		int high, low, c; /* c: of the two digits, or -1 */

		if (memcmp(s.p + i, "%25", 3) != 0)
			continue;
		i += 3;
		while (s.n - i > 2 && memcmp(s.p + i, "25", 2) == 0)
			i += 2;
		high = hex_of(s.p[i]);
		low = i + 1 < s.n ? hex_of(s.p[i + 1]) : -1;
		c = high < 0 || low < 0 ? -1 : high << 4 | low;
		if (c >= 0 && (c < ' ' || c == 0x7f || strchr("./\\;", c)))
			return PATH_E_DOUBLE;
		i--; /* another may begin here */
	}
	return PATH_OK;
}

enum path_error path_canon(struct str path, unsigned allow, char *out, size_t *ret_n)
{
	struct writing w = { .out = out, .n = 1, .segment = 1, .allow = allow };
	enum path_error error = PATH_OK;

	if (path.n == 0 || path.p[0] != '/')
		return PATH_E_FORM;
	if (path.n > PATH_MAX_BYTES)
		return PATH_E_LONG;
	out[0] = '/';
	for (size_t i = 1; !error && i < path.n; i++) {
		int high, low;

		if (path.p[i] != '%') {
			error = put_bare(&w, (uint8_t)path.p[i]);
			continue;
		}
		high = i + 1 < path.n ? hex_of(path.p[i + 1]) : -1;
		low = i + 2 < path.n ? hex_of(path.p[i + 2]) : -1;
		if (high < 0 || low < 0)
			return PATH_E_PERCENT;
		i += 2;
		error = put_byte(&w, (uint8_t)(high << 4 | low));
	}
	if (!error)
		error = end_segment(&w, true);
	if (!error)
		error = check_utf8((struct str){ out, w.n });
	if (!error)
		error = check_double((struct str){ out, w.n });
	if (error)
		return error;
	*ret_n = w.n;
	return PATH_OK;
}

size_t path_slashes(char *path, size_t n, bool *ret_any)
{
	size_t to = 0;

	*ret_any = false;
	for (size_t from = 0; from < n; from++) {
		if (n - from >= 3 && memcmp(path + from, "%2F", 3) == 0) {
			path[to++] = '/';
			from += 2;
			*ret_any = true;
		} else {
			path[to++] = path[from];
		}
	}
	return to;
}
