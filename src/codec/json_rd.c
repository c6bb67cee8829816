/*
 * One pass, recursive descent no deeper than JSON_DEPTH_MAX. Strings are the bulk of a log, so
 * their plain ASCII is passed over eight bytes at a time, and a string without escapes is not
 * copied. Duplicate keys are found pair by pair in small objects and by sorting in larger ones: a
 * hostile object of n members costs n log n.
 */
#include "codec/json_rd.h"

#include "base/cur.h"
#include "codec/json_wr.h"
#include "codec/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FEW 16 /* members that are compared pair by pair */

struct rd {
	struct cur c;
	struct str text;
	struct arena *arena;
	struct err *err;
	unsigned depth;
};

static size_t offset(const struct rd *r)
{
	return (size_t)(r->c.p - (const uint8_t *)r->text.p);
}

/* "line:col: what" for the byte at @at. */
static int bad_at(struct rd *r, size_t at, const char *what)
{
	size_t line = 1, start = 0;

	for (size_t i = 0; i < at; i++)
		if (r->text.p[i] == '\n') {
			line++;
			start = i + 1;
		}
	return err_text(r->err, EBADMSG, "%zu:%zu: %s", line, at - start + 1, what);
}

static int bad(struct rd *r, const char *what)
{
	return bad_at(r, offset(r), r->c.n ? what : "the text ends too early");
}

static int no_memory(struct rd *r)
{
	return err_text(r->err, ENOMEM, "JSON text needs more memory than it may have");
}

/* The next byte, or -1 at the end. */
static inline int peek(const struct rd *r)
{
	return r->c.n ? *r->c.p : -1;
}

static inline void skip(struct rd *r, size_t n)
{
	r->c.p += n;
	r->c.n -= n;
}

static inline void skip_space(struct rd *r)
{
	while (r->c.n && (*r->c.p == ' ' || *r->c.p == '\n' || *r->c.p == '\t' || *r->c.p == '\r'))
		skip(r, 1);
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Bytes from the cursor that are printable ASCII other than quote and backslash. */
static size_t plain_run(const struct cur *c)
{
	size_t at = 0;

	for (; c->n - at >= 8; at += 8) {
		uint64_t x, quote, slash;

		memcpy(&x, c->p + at, sizeof(x));
		quote = x ^ EACH('"');
		slash = x ^ EACH('\\');
		/* a borrow may report a byte too many, never one too few */
		if ((x | (x - EACH(0x20)) | (quote - EACH(1)) | (slash - EACH(1))) & EACH(0x80))
			break;
	}
	while (at < c->n && c->p[at] >= 0x20 && c->p[at] < 0x80 && c->p[at] != '"' &&
	       c->p[at] != '\\')
		at++;
	return at;
}

/* Pass over one character that is not plain: UTF-8, or what may not be here. */
static int skip_unplain(struct rd *r)
{
	uint32_t point;
	size_t n;

	if (r->c.n && *r->c.p < 0x20)
		return bad(r, "a control character in a string must be escaped");
	n = utf8_next(r->c.p, r->c.n, &point);
	if (n == 0)
		return bad(r, "not UTF-8");
	skip(r, n);
	return 0;
}

static int read_hex4(struct rd *r, uint32_t *ret_unit)
{
	uint32_t unit = 0;

	for (int i = 0; i < 4; i++) {
		int c = peek(r);
		uint32_t digit;

		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (uint32_t)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (uint32_t)(c - 'A') + 10;
		else
			return bad(r, "\\u takes four hexadecimal digits");
		unit = unit << 4 | digit;
		skip(r, 1);
	}
	*ret_unit = unit;
	return 0;
}

static size_t put_utf8(char *to, uint32_t point)
{
	uint8_t *p = (uint8_t *)to;

	if (point < 0x80) {
		p[0] = (uint8_t)point;
		return 1;
	}
	if (point < 0x800) {
		p[0] = (uint8_t)(0xc0 | point >> 6);
		p[1] = (uint8_t)(0x80 | (point & 63));
		return 2;
	}
	if (point < 0x10000) {
		p[0] = (uint8_t)(0xe0 | point >> 12);
		p[1] = (uint8_t)(0x80 | (point >> 6 & 63));
		p[2] = (uint8_t)(0x80 | (point & 63));
		return 3;
	}
	p[0] = (uint8_t)(0xf0 | point >> 18);
	p[1] = (uint8_t)(0x80 | (point >> 12 & 63));
	p[2] = (uint8_t)(0x80 | (point >> 6 & 63));
	p[3] = (uint8_t)(0x80 | (point & 63));
	return 4;
}

/* After "\u": one character, or the raw byte that \udc80-\udcff stands for. At most 4 bytes. */
static int read_unicode(struct rd *r, char *to, size_t *ret_n)
{
	size_t start = offset(r) - 2;
	uint32_t unit = 0, low = 0;
	int rc;

	rc = read_hex4(r, &unit);
	if (rc < 0)
		return rc;
	if (unit >= 0xdc80 && unit <= 0xdcff) {
		*to = (char)(unit - 0xdc00);
		*ret_n = 1;
		return 0;
	}
	if (unit >= 0xd800 && unit <= 0xdbff) {
		if (r->c.n < 2 || r->c.p[0] != '\\' || r->c.p[1] != 'u')
			return bad_at(r, start, "half of a surrogate pair");
		skip(r, 2);
		rc = read_hex4(r, &low);
		if (rc < 0)
			return rc;
		if (low < 0xdc00 || low > 0xdfff)
			return bad_at(r, start, "half of a surrogate pair");
		unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
	} else if (unit >= 0xdc00 && unit <= 0xdfff) {
		return bad_at(r, start, "half of a surrogate pair");
	}
	*ret_n = put_utf8(to, unit);
	return 0;
}

/* At a backslash. What it stands for is never longer than what it is written as. */
static int read_escape(struct rd *r, char *to, size_t *ret_n)
{
	static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *at;
	int c;

	skip(r, 1);
	c = peek(r);
	if (c == 'u') {
		skip(r, 1);
		return read_unicode(r, to, ret_n);
	}
	at = c > 0 ? strchr(names, c) : NULL;
	if (!at)
		return bad(r, "no such escape");
	*to = bytes[at - names];
	*ret_n = 1;
	skip(r, 1);
	return 0;
}

/* The rest of a string that holds escapes; @at: where it begins. */
static int read_escaped(struct rd *r, const uint8_t *begin, struct str *ret)
{
	/* room for all of it: no further than the closing quote, which is known only by reading */
	size_t done = (size_t)(r->c.p - begin), n = done, most = done;
	struct cur ahead = r->c;
	char *to;

	while (ahead.n && *ahead.p != '"') {
		size_t step = *ahead.p == '\\' && ahead.n > 1 ? 2 : 1;

		ahead.p += step;
		ahead.n -= step;
		most += step;
	}
	to = arena_alloc(r->arena, most ? most : 1);
	if (!to)
		return no_memory(r);
	memcpy(to, begin, done);
	while (peek(r) != '"') {
		const uint8_t *from = r->c.p;
		size_t more = plain_run(&r->c);
		int rc = 0;

		if (more) {
			skip(r, more);
			memcpy(to + n, from, more);
		} else if (peek(r) == '\\') {
			rc = read_escape(r, to + n, &more);
		} else {
			rc = skip_unplain(r);
			more = (size_t)(r->c.p - from);
			if (rc == 0)
				memcpy(to + n, from, more);
		}
		if (rc < 0)
			return rc;
		n += more;
	}
	skip(r, 1);
	*ret = (struct str){ .p = to, .n = n };
	return 0;
}

/* At the opening quote. */
static int read_string(struct rd *r, struct str *ret)
{
	const uint8_t *begin;

	skip(r, 1);
	begin = r->c.p;
	for (;;) {
		int rc;

		skip(r, plain_run(&r->c));
		if (peek(r) == '"')
			break;
		if (peek(r) == '\\')
			return read_escaped(r, begin, ret);
		rc = skip_unplain(r);
		if (rc < 0)
			return rc;
	}
	*ret = (struct str){ .p = (const char *)begin, .n = (size_t)(r->c.p - begin) };
	skip(r, 1);
	return 0;
}

static size_t skip_digits(struct rd *r)
{
	size_t n = 0;

	while (n < r->c.n && r->c.p[n] >= '0' && r->c.p[n] <= '9')
		n++;
	skip(r, n);
	return n;
}

static int read_number(struct rd *r, struct str *ret)
{
	const uint8_t *begin = r->c.p;

	if (peek(r) == '-')
		skip(r, 1);
	if (peek(r) == '0') {
		skip(r, 1);
		if (peek(r) >= '0' && peek(r) <= '9')
			return bad(r, "a number must not start with 0");
	} else if (skip_digits(r) == 0) {
		return bad(r, "a digit is missing");
	}
	if (peek(r) == '.') {
		skip(r, 1);
		if (skip_digits(r) == 0)
			return bad(r, "a digit is missing after the point");
	}
	if (peek(r) == 'e' || peek(r) == 'E') {
		skip(r, 1);
		if (peek(r) == '+' || peek(r) == '-')
			skip(r, 1);
		if (skip_digits(r) == 0)
			return bad(r, "a digit is missing in the exponent");
	}
	*ret = (struct str){ .p = (const char *)begin, .n = (size_t)(r->c.p - begin) };
	return 0;
}

static int read_word(struct rd *r, struct json *v)
{
	static const struct {
		struct str word;
		enum json_kind kind;
		bool boolean;
	} words[] = {
		{ STR_C("true"), JSON_BOOL, true },
		{ STR_C("false"), JSON_BOOL, false },
		{ STR_C("null"), JSON_NULL, false },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct str w = words[i].word;

		if (r->c.n >= w.n && memcmp(r->c.p, w.p, w.n) == 0) {
			v->kind = words[i].kind;
			v->boolean = words[i].boolean;
			skip(r, w.n);
			return 0;
		}
	}
	return bad(r, "expected a value");
}

static int duplicate(struct rd *r, const struct json *member)
{
	char shown[41], what[80];
	size_t n = member->key.n < sizeof(shown) - 1 ? member->key.n : sizeof(shown) - 1;

	/* the key is whoever's wrote the text: nothing of it may reach a terminal as it is */
	for (size_t i = 0; i < n; i++) {
		char c = member->key.p[i];

		shown[i] = c >= 0x20 && c < 0x7f ? c : '?';
	}
	shown[n] = '\0';
	(void)snprintf(what, sizeof(what), "duplicate key '%s'", shown);
	return bad_at(r, member->at, what);
}

static int by_key(const void *a, const void *b)
{
	const struct json *x = *(const struct json *const *)a, *y = *(const struct json *const *)b;
	int diff = str_cmp(x->key, y->key);

	return diff ? diff : (x->at > y->at) - (x->at < y->at);
}

/* All members of an object of more than FEW are there. */
static int check_keys(struct rd *r, const struct json *object)
{
	const struct json **all = malloc(object->count * sizeof(const struct json *));
	const struct json *twice = NULL;
	size_t n = 0;

	if (!all)
		return no_memory(r);
	for (const struct json *m = object->child; m; m = m->next)
		all[n++] = m;
	qsort(all, n, sizeof(const struct json *), by_key);
	for (size_t i = 1; i < n; i++)
		if (str_eq(all[i - 1]->key, all[i]->key) && (!twice || all[i]->at < twice->at))
			twice = all[i];
	free(all);
	return twice ? duplicate(r, twice) : 0;
}

static int read_value(struct rd *r, struct json *v);

static int read_key(struct rd *r, const struct json *object, struct json *member)
{
	int rc;

	if (peek(r) != '"')
		return bad(r, "expected a key in quotes");
	rc = read_string(r, &member->key);
	if (rc < 0)
		return rc;
	if (object->count < FEW)
		for (const struct json *m = object->child; m; m = m->next)
			if (str_eq(m->key, member->key))
				return duplicate(r, member);
	skip_space(r);
	if (peek(r) != ':')
		return bad(r, "expected ':'");
	skip(r, 1);
	skip_space(r);
	return 0;
}

/* At the opening bracket. */
static int read_items(struct rd *r, struct json *v)
{
	bool object = v->kind == JSON_OBJECT;
	char close = object ? '}' : ']';
	struct json **link = &v->child;

	if (r->depth >= JSON_DEPTH_MAX)
		return bad(r, "nested too deeply");
	r->depth++;
	skip(r, 1);
	skip_space(r);
	while (peek(r) != close) {
		struct json *item = arena_new(r->arena, struct json);
		int rc;

		if (!item)
			return no_memory(r);
		if (v->count) {
			if (peek(r) != ',')
				return bad(r,
					   object ? "expected ',' or '}'" : "expected ',' or ']'");
			skip(r, 1);
			skip_space(r);
		}
		item->at = offset(r);
		rc = object ? read_key(r, v, item) : 0;
		if (rc == 0)
			rc = read_value(r, item);
		if (rc < 0)
			return rc;
		*link = item;
		link = &item->next;
		v->count++;
		skip_space(r);
	}
	skip(r, 1);
	r->depth--;
	return object && v->count > FEW ? check_keys(r, v) : 0;
}

/* At the value's first byte. */
static int read_value(struct rd *r, struct json *v)
{
	int c = peek(r);

	if (c == '"') {
		v->kind = JSON_STRING;
		return read_string(r, &v->text);
	}
	if (c == '{' || c == '[') {
		v->kind = c == '{' ? JSON_OBJECT : JSON_ARRAY;
		return read_items(r, v);
	}
	if (c == '-' || (c >= '0' && c <= '9')) {
		v->kind = JSON_NUMBER;
		return read_number(r, &v->text);
	}
	return read_word(r, v);
}

int json_parse(struct arena *arena, struct str text, const struct json **ret_value, struct err *err)
{
	struct rd r = { .c = cur_init(text.p, text.n), .text = text, .arena = arena, .err = err };
	struct json *v = arena_new(arena, struct json);
	int rc;

	if (!v)
		return no_memory(&r);
	skip_space(&r);
	v->at = offset(&r);
	rc = read_value(&r, v);
	if (rc < 0)
		return rc;
	skip_space(&r);
	if (r.c.n)
		return bad(&r, "there is more after the value");
	*ret_value = v;
	return 0;
}

const struct json *json_get(const struct json *object, const char *key)
{
	struct str name = str_of(key);

	if (!object || object->kind != JSON_OBJECT)
		return NULL;
	for (const struct json *m = object->child; m; m = m->next)
		if (str_eq(m->key, name))
			return m;
	return NULL;
}

bool json_get_str(const struct json *object, const char *key, struct str *ret)
{
	const struct json *v = json_get(object, key);

	if (!v || v->kind != JSON_STRING)
		return false;
	*ret = v->text;
	return true;
}

bool json_u64_of(const struct json *value, uint64_t *ret)
{
	return value && value->kind == JSON_NUMBER && str_to_u64(value->text, ret) == 0;
}

bool json_i64_of(const struct json *value, int64_t *ret)
{
	struct str digits;
	uint64_t size;
	bool minus;

	if (!value || value->kind != JSON_NUMBER)
		return false;
	minus = value->text.p[0] == '-';
	digits = str_sub(value->text, minus, value->text.n);
	if (str_to_u64(digits, &size) < 0 || size > (uint64_t)INT64_MAX + minus)
		return false;
	*ret = minus ? (int64_t)(0 - size) : (int64_t)size;
	return true;
}

bool json_get_u64(const struct json *object, const char *key, uint64_t *ret)
{
	return json_u64_of(json_get(object, key), ret);
}

bool json_get_i64(const struct json *object, const char *key, int64_t *ret)
{
	return json_i64_of(json_get(object, key), ret);
}

bool json_get_bool(const struct json *object, const char *key, bool *ret)
{
	const struct json *v = json_get(object, key);

	if (!v || v->kind != JSON_BOOL)
		return false;
	*ret = v->boolean;
	return true;
}
