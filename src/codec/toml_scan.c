/*
 * Theory of operation
 *
 * Strings come as an iterator, because two readers need them: the parser, which collects the
 * characters, and toml_string_where(), which walks a string again to find where its nth byte was
 * written. What a bare value is, is settled by its shape: a date begins with four digits and '-', a
 * time with two digits and ':', everything else is a number or a word.
 */
#include "codec/toml_scan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define NUMBER_MAX 400 /* characters of one number */

static char at(struct str s, size_t i)
{
	return i < s.n ? s.p[i] : '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* --- strings --- */

struct toml_chars toml_chars_open(struct str text, size_t pos)
{
	struct toml_chars c = { .text = text, .pos = pos, .quote = at(text, pos) };

	c.multi = at(text, pos + 1) == c.quote && at(text, pos + 2) == c.quote;
	c.pos += c.multi ? 3 : 1;
	if (c.multi && at(text, c.pos) == '\r')
		c.pos++;
	if (c.multi && at(text, c.pos) == '\n')
		c.pos++; /* a line break right after the opening quotes is not part of the text */
	return c;
}

static int chars_wrong(struct toml_chars *c, const char *what)
{
	c->wrong = what;
	return -EBADMSG;
}

static int put_point(uint32_t u, char ret[4])
{
	if (u < 0x80) {
		ret[0] = (char)u;
		return 1;
	}
	if (u < 0x800) {
		ret[0] = (char)(0xc0 | u >> 6);
		ret[1] = (char)(0x80 | (u & 0x3f));
		return 2;
	}
	if (u < 0x10000) {
		ret[0] = (char)(0xe0 | u >> 12);
		ret[1] = (char)(0x80 | (u >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (u & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | u >> 18);
	ret[1] = (char)(0x80 | (u >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (u >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (u & 0x3f));
	return 4;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* \uXXXX, \UXXXXXXXX: .pos stands after the letter. */
static int chars_point(struct toml_chars *c, unsigned digits, char ret[4])
{
	uint32_t u = 0;

	for (unsigned i = 0; i < digits; i++) {
		int d = hex_digit(at(c->text, c->pos + i));

		if (d < 0)
			return chars_wrong(c, digits == 4 ? "\\u needs four hexadecimal digits"
							  : "\\U needs eight hexadecimal digits");
		u = u << 4 | (uint32_t)d;
	}
	if (u > 0x10ffff || (u >= 0xd800 && u <= 0xdfff))
		return chars_wrong(c, "no such Unicode character");
	c->pos += digits;
	return put_point(u, ret);
}

/* A backslash that ends a line: the break and all blanks and breaks after it are no text. */
static bool chars_continue(struct toml_chars *c)
{
	size_t i = c->pos + 1;

	if (!c->multi || c->quote != '"' || at(c->text, c->pos) != '\\')
		return false;
	while (at(c->text, i) == ' ' || at(c->text, i) == '\t')
		i++;
	if (at(c->text, i) == '\r')
		i++;
	if (at(c->text, i) != '\n')
		return false;
	while (i < c->text.n && memchr(" \t\r\n", c->text.p[i], 4))
		i++;
	c->pos = i;
	return true;
}

static int chars_escape(struct toml_chars *c, char ret[4])
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	char e = at(c->text, c->pos);
	const char *known = e ? strchr(from, e) : NULL;

	if (known) {
		c->pos++;
		ret[0] = to[known - from];
		return 1;
	}
	if (e == 'u' || e == 'U') {
		c->pos++;
		return chars_point(c, e == 'u' ? 4 : 8, ret);
	}
	return chars_wrong(c, "no such escape; there are \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX "
			      "\\UXXXXXXXX");
}

/* A quote inside a multi-line string: text, unless three or more stand together. */
static int chars_quote(struct toml_chars *c, char ret[4])
{
	unsigned run = 0;

	while (run < 5 && at(c->text, c->pos + run) == c->quote)
		run++;
	if (!c->closing && run >= 3) {
		c->closing = true;
		c->quotes = run - 3;
	}
	if (c->closing && c->quotes == 0) {
		c->pos += 3;
		return 0;
	}
	if (c->closing)
		c->quotes--;
	c->pos++;
	ret[0] = c->quote;
	return 1;
}

int toml_chars_next(struct toml_chars *c, char ret[4])
{
	char ch;

	while (chars_continue(c))
		;
	if (c->pos >= c->text.n)
		return chars_wrong(c, "the text is not closed");
	ch = c->text.p[c->pos];
	c->from = c->pos;
	if (ch == c->quote && c->multi)
		return chars_quote(c, ret);
	c->pos++;
	if (ch == c->quote)
		return 0;
	if (ch == '\\' && c->quote == '"')
		return chars_escape(c, ret);
	if (ch == '\r' || ch == '\n') {
		if (!c->multi) {
			c->pos--;
			return chars_wrong(c, "the text is not closed on its line");
		}
		c->pos += ch == '\r'; /* CRLF; a lone CR was refused before */
		ch = '\n';
	}
	ret[0] = ch;
	return 1; /* the bytes of a longer character follow one by one */
}

/* --- dates and times --- */

/* @n digits at @i as a number, or -1. */
static int digits_of(struct str s, size_t i, unsigned n)
{
	int value = 0;

	for (unsigned k = 0; k < n; k++) {
		if (!is_digit(at(s, i + k)))
			return -1;
		value = value * 10 + (s.p[i + k] - '0');
	}
	return value;
}

static bool date_ok(struct str s, size_t i)
{
	static const uint8_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int y = digits_of(s, i, 4), m = digits_of(s, i + 5, 2), d = digits_of(s, i + 8, 2);
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	if (y < 0 || at(s, i + 4) != '-' || m < 1 || m > 12 || at(s, i + 7) != '-' || d < 1)
		return false;
	return d <= days[m - 1] && (m != 2 || d <= 28 || leap);
}

/* HH:MM:SS with an optional fraction: its end, or 0. */
static size_t time_end(struct str s, size_t i)
{
	int h = digits_of(s, i, 2), m = digits_of(s, i + 3, 2), sec = digits_of(s, i + 6, 2);

	if (h < 0 || h > 23 || at(s, i + 2) != ':' || m < 0 || m > 59 || at(s, i + 5) != ':' ||
	    sec < 0 || sec > 60) /* 60: a leap second (RFC 3339, 5.7) */
		return 0;
	i += 8;
	if (at(s, i) != '.')
		return i;
	if (!is_digit(at(s, ++i)))
		return 0;
	while (is_digit(at(s, i)))
		i++;
	return i;
}

/* "Z" or "+HH:MM" at @i: its end; @i itself when there is none; 0 when it is wrong. */
static size_t offset_end(struct str s, size_t i)
{
	char c = at(s, i);
	int h, m;

	if (c == 'Z' || c == 'z')
		return i + 1;
	if (c != '+' && c != '-')
		return i;
	h = digits_of(s, i + 1, 2);
	m = digits_of(s, i + 4, 2);
	if (h < 0 || h > 23 || at(s, i + 3) != ':' || m < 0 || m > 59)
		return 0;
	return i + 6;
}

static bool date_follows(struct str s, size_t i)
{
	char c = at(s, i);

	return c == 'T' || c == 't' ||
	       (c == ' ' && digits_of(s, i + 1, 2) >= 0 && at(s, i + 3) == ':');
}

static int bare_date(struct str s, size_t pos, struct toml_node *ret, size_t *ret_end)
{
	size_t end = pos + 10, zone;

	if (!date_ok(s, pos))
		return -EBADMSG;
	ret->kind = TOML_LOCAL_DATE;
	if (date_follows(s, end)) {
		end = time_end(s, end + 1);
		zone = end ? offset_end(s, end) : 0;
		if (!zone)
			return -EBADMSG;
		ret->kind = zone == end ? TOML_LOCAL_DATETIME : TOML_DATETIME;
		end = zone;
	}
	*ret_end = end;
	return 0;
}

/* --- numbers --- */

struct number {
	char digits[NUMBER_MAX + 1]; /* without '_' */
	size_t n;
	const char *wrong;
};

static bool digit_in(char c, unsigned base)
{
	int d = hex_digit(c);

	return d >= 0 && (unsigned)d < base;
}

/* A run of digits with '_' between some of them: its end; at least one digit. */
static size_t number_digits(struct number *num, struct str s, size_t i, unsigned base)
{
	bool digit = false; /* was the last one? */

	for (;; i++) {
		char c = at(s, i);

		if (digit_in(c, base)) {
			if (num->n == NUMBER_MAX) {
				num->wrong = "number of too many digits";
				return i;
			}
			num->digits[num->n++] = c;
			digit = true;
		} else if (c == '_' && digit) {
			digit = false;
		} else {
			break;
		}
	}
	if (!digit && !num->wrong)
		num->wrong = at(s, i) == '_' || (i && at(s, i - 1) == '_')
				     ? "'_' must stand between two digits"
				     : "a digit is missing";
	return i;
}

static int number_whole(struct number *num, unsigned base, bool negative, struct toml_node *ret)
{
	const uint64_t limit = (uint64_t)INT64_MAX + negative;
	uint64_t value = 0;

	for (size_t i = 0; i < num->n; i++) {
		unsigned d = (unsigned)hex_digit(num->digits[i]);

		if (value > (limit - d) / base) {
			num->wrong = "whole number that does not fit in 64 bits";
			return -EBADMSG;
		}
		value = value * base + d;
	}
	ret->kind = TOML_INT;
	ret->i = negative ? (int64_t)(0 - value) : (int64_t)value;
	return 0;
}

static void number_put(struct number *num, char c)
{
	if (num->n < NUMBER_MAX)
		num->digits[num->n++] = c;
}

/* Fraction and exponent, after the digits before them: the end. */
static size_t number_rest(struct number *num, struct str s, size_t i)
{
	if (at(s, i) == '.') {
		number_put(num, '.');
		i = number_digits(num, s, i + 1, 10);
	}
	if (!num->wrong && (at(s, i) == 'e' || at(s, i) == 'E')) {
		number_put(num, 'e');
		i++;
		if (at(s, i) == '+' || at(s, i) == '-')
			number_put(num, s.p[i++]);
		i = number_digits(num, s, i, 10);
	}
	return i;
}

static bool word_at(struct str s, size_t i, struct str word)
{
	return str_starts(str_sub(s, i, s.n), word);
}

static int bare_decimal(struct number *num, struct str s, size_t pos, struct toml_node *ret,
			size_t *ret_end)
{
	bool sign = at(s, pos) == '+' || at(s, pos) == '-', negative = at(s, pos) == '-';
	size_t i = pos + sign, end;

	if (word_at(s, i, STR("inf")) || word_at(s, i, STR("nan"))) {
		ret->kind = TOML_FLOAT;
		ret->d = s.p[i] == 'i' ? (double)INFINITY : (double)NAN;
		ret->d = negative ? -ret->d : ret->d;
		*ret_end = i + 3;
		return 0;
	}
	end = number_digits(num, s, i, 10);
	if (!num->wrong && num->digits[0] == '0' && num->n > 1)
		num->wrong = "leading zeros are not allowed";
	*ret_end = num->wrong ? end : number_rest(num, s, end);
	if (num->wrong)
		return -EBADMSG;
	if (*ret_end == end)
		return number_whole(num, 10, negative, ret);
	num->digits[num->n] = '\0';
	ret->kind = TOML_FLOAT;
	ret->d = strtod(num->digits, NULL);
	ret->d = negative ? -ret->d : ret->d;
	return 0;
}

static int bare_number(struct str s, size_t pos, struct toml_node *ret, size_t *ret_end,
		       const char **ret_wrong)
{
	struct number num = { .n = 0 };
	char kind = at(s, pos) == '0' ? at(s, pos + 1) : '\0';
	unsigned base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
	int r;

	if (base) {
		*ret_end = number_digits(&num, s, pos + 2, base);
		r = num.wrong ? -EBADMSG : number_whole(&num, base, false, ret);
	} else {
		r = bare_decimal(&num, s, pos, ret, ret_end);
	}
	*ret_wrong = num.wrong;
	return r;
}

static bool ends_value(char c)
{
	return c == '\0' || strchr(" \t\r\n,]}#", c);
}

/* @pos is at a value that is none: why. */
static const char *not_a_value(struct str s, size_t pos)
{
	if (word_at(s, pos, STR("True")) || word_at(s, pos, STR("False")))
		return "truth values are written true and false";
	if (ends_value(at(s, pos)))
		return "a value is missing";
	return "not a value; text needs quotes";
}

int toml_bare(struct str s, size_t pos, struct toml_node *ret, size_t *ret_end,
	      const char **ret_wrong)
{
	char c = at(s, pos);
	int r = 0;

	if (word_at(s, pos, STR("true")) || word_at(s, pos, STR("false"))) {
		ret->kind = TOML_BOOL;
		ret->b = c == 't';
		*ret_end = pos + (c == 't' ? 4 : 5);
	} else if (digits_of(s, pos, 4) >= 0 && at(s, pos + 4) == '-') {
		r = bare_date(s, pos, ret, ret_end);
		*ret_wrong = "no such date or time";
	} else if (digits_of(s, pos, 2) >= 0 && at(s, pos + 2) == ':') {
		ret->kind = TOML_LOCAL_TIME;
		*ret_end = time_end(s, pos);
		*ret_wrong = "no such time";
		r = *ret_end ? 0 : -EBADMSG;
	} else if (is_digit(c) || ((c == '+' || c == '-') && !ends_value(at(s, pos + 1))) ||
		   word_at(s, pos, STR("inf")) || word_at(s, pos, STR("nan"))) {
		r = bare_number(s, pos, ret, ret_end, ret_wrong);
	} else {
		*ret_wrong = not_a_value(s, pos);
		return -EBADMSG;
	}
	if (r == 0 && !ends_value(at(s, *ret_end))) {
		*ret_wrong = not_a_value(s, pos);
		return -EBADMSG;
	}
	return r;
}
