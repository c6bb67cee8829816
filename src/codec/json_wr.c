/*
 * The hot path is a string of plain ASCII: eight bytes at a time are tested for anything that needs
 * a second look, and whole clean runs are copied. Everything else goes one character at a time.
 */
#include "codec/json_wr.h"

#include "codec/json_rd.h"
#include "codec/utf8.h"

#include <errno.h>
#include <string.h>

/* Room for @n bytes, straight through when the buffer has it. */
static inline char *room(struct buf *out, size_t n)
{
	if (!out->error && out->p && out->cap - out->n >= n)
		return out->p + out->n;
	return buf_reserve(out, n);
}

/* A value is about to be written: is a comma due? */
static inline bool comma_due(struct json_wr *w)
{
	uint64_t bit;
	bool due;

	if (w->after_key || w->depth == 0) {
		w->after_key = false;
		return false;
	}
	bit = UINT64_C(1) << (w->depth - 1);
	due = w->has_item & bit;
	w->has_item |= bit;
	return due;
}

static void value_start(struct json_wr *w)
{
	if (comma_due(w))
		buf_putc(w->out, ',');
}

static void open_container(struct json_wr *w, char c)
{
	value_start(w);
	if (w->depth >= JSON_DEPTH_MAX) {
		if (!w->out->error)
			w->out->error = -EOVERFLOW;
		return;
	}
	buf_putc(w->out, c);
	w->has_item &= ~(UINT64_C(1) << w->depth);
	w->depth++;
}

static void close_container(struct json_wr *w, char c)
{
	if (w->depth == 0 || w->after_key) {
		if (!w->out->error)
			w->out->error = -EINVAL;
		return;
	}
	w->depth--;
	buf_putc(w->out, c);
}

void json_object(struct json_wr *w)
{
	open_container(w, '{');
}

void json_end_object(struct json_wr *w)
{
	close_container(w, '}');
}

void json_array(struct json_wr *w)
{
	open_container(w, '[');
}

void json_end_array(struct json_wr *w)
{
	close_container(w, ']');
}

static inline bool byte_is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Some byte of @x is zero. May not err towards "none". */
static inline uint64_t has_zero(uint64_t x)
{
	return (x - EACH(0x01)) & ~x & EACH(0x80);
}

/* How many bytes from @p on can be copied as they are. */
static size_t plain_run(const char *p, size_t n)
{
	size_t at = 0;

	for (; n - at >= 8; at += 8) {
		uint64_t x;

		memcpy(&x, p + at, sizeof(x));
		/* not ASCII | below 0x20 | 0x7f | quote | backslash */
		if ((x & EACH(0x80)) | ((x - EACH(0x20)) & ~x & EACH(0x80)) |
		    has_zero(x ^ EACH(0x7f)) | has_zero(x ^ EACH('"')) | has_zero(x ^ EACH('\\')))
			break;
	}
	while (at < n && byte_is_plain((uint8_t)p[at]))
		at++;
	return at;
}

static void put_u16_escape(struct buf *out, uint32_t unit)
{
	static const char digit[] = "0123456789abcdef";
	const char text[6] = { '\\',
			       'u',
			       digit[unit >> 12 & 15],
			       digit[unit >> 8 & 15],
			       digit[unit >> 4 & 15],
			       digit[unit & 15] };

	buf_put(out, text, sizeof(text));
}

/* Characters that would change how the text around them is shown, or that are not shown at all. */
static bool point_is_treacherous(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {
		{ 0x7f, 0x9f },     /* DEL, C1: terminals act on them */
		{ 0x61c, 0x61c },   /* Arabic letter mark */
		{ 0x200b, 0x200f }, /* zero width; left-to-right and right-to-left marks */
		{ 0x2028, 0x202e }, /* line and paragraph separator; embeddings, overrides */
		{ 0x2060, 0x206f }, /* invisible operators; isolates */
		{ 0xfeff, 0xfeff }, { 0xe0000, 0xe007f }, /* tags: text that only machines read */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

/* One character (or one stray byte) at @p that plain_run() stopped at; returns its bytes. */
static size_t put_special(struct buf *out, const char *p, size_t n)
{
	static const char shorts[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
	};
	uint32_t c = 0;
	size_t len = utf8_next(p, n, &c);

	if (len == 0) {
		put_u16_escape(out, 0xdc00 + (uint8_t)p[0]);
		return 1;
	}
	if (c == '"' || c == '\\' || (c < 0x20 && shorts[c])) {
		const char text[2] = { '\\', c < 0x20 ? shorts[c] : (char)c };

		buf_put(out, text, 2);
	} else if (c < 0x20) {
		put_u16_escape(out, c);
	} else if (!point_is_treacherous(c)) {
		buf_put(out, p, len);
	} else if (c < 0x10000) {
		put_u16_escape(out, c);
	} else {
		put_u16_escape(out, 0xd800 + ((c - 0x10000) >> 10));
		put_u16_escape(out, 0xdc00 + ((c - 0x10000) & 0x3ff));
	}
	return len;
}

static void put_special_string(struct buf *out, struct str s)
{
	size_t at = 0;

	buf_putc(out, '"');
	while (at < s.n && !out->error) {
		size_t run = plain_run(s.p + at, s.n - at);

		buf_put(out, s.p + at, run);
		at += run;
		if (at < s.n)
			at += put_special(out, s.p + at, s.n - at);
	}
	buf_putc(out, '"');
}

/* Comma if due, the string, colon if it is a key. */
static void put_string(struct json_wr *w, struct str s, bool comma, bool colon)
{
	char *to;

	if (plain_run(s.p, s.n) != s.n) {
		if (comma)
			buf_putc(w->out, ',');
		put_special_string(w->out, s);
		if (colon)
			buf_putc(w->out, ':');
		return;
	}
	to = s.n <= SIZE_MAX - 4 ? room(w->out, s.n + 4) : NULL;
	if (!to)
		return;
	w->out->n += s.n + 2 + comma + colon;
	if (comma)
		*to++ = ',';
	*to++ = '"';
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	to += s.n;
	*to++ = '"';
	if (colon)
		*to = ':';
}

void json_key_str(struct json_wr *w, struct str key)
{
	if (w->depth == 0 || w->after_key) {
		if (!w->out->error)
			w->out->error = -EINVAL;
		return;
	}
	put_string(w, key, comma_due(w), true);
	w->after_key = true;
}

void json_key(struct json_wr *w, const char *key)
{
	json_key_str(w, str_of(key));
}

void json_str(struct json_wr *w, struct str s)
{
	put_string(w, s, comma_due(w), false);
}

void json_strz(struct json_wr *w, const char *z)
{
	if (z)
		json_str(w, str_of(z));
	else
		json_null(w);
}

void json_u64(struct json_wr *w, uint64_t value)
{
	value_start(w);
	buf_put_u64(w->out, value);
}

void json_i64(struct json_wr *w, int64_t value)
{
	value_start(w);
	if (value < 0)
		buf_putc(w->out, '-');
	buf_put_u64(w->out, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void json_bool(struct json_wr *w, bool value)
{
	value_start(w);
	buf_puts(w->out, value ? STR("true") : STR("false"));
}

void json_null(struct json_wr *w)
{
	value_start(w);
	buf_puts(w->out, STR("null"));
}

void json_hex(struct json_wr *w, const void *p, size_t n)
{
	value_start(w);
	buf_putc(w->out, '"');
	buf_put_hex(w->out, p, n);
	buf_putc(w->out, '"');
}

void json_raw(struct json_wr *w, struct str json)
{
	value_start(w);
	buf_puts(w->out, json);
}

void json_put(struct json_wr *w, const struct json *value)
{
	switch (value->kind) {
	case JSON_NULL: json_null(w); break;
	case JSON_BOOL: json_bool(w, value->boolean); break;
	case JSON_NUMBER: json_raw(w, value->text); break;
	case JSON_STRING: json_str(w, value->text); break;
	case JSON_ARRAY:
		json_array(w);
		for (const struct json *item = value->child; item; item = item->next)
			json_put(w, item);
		json_end_array(w);
		break;
	case JSON_OBJECT:
		json_object(w);
		for (const struct json *item = value->child; item; item = item->next) {
			json_key_str(w, item->key);
			json_put(w, item);
		}
		json_end_object(w);
		break;
	}
}
