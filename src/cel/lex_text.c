#include "cel/lex_text.h"

/* What a literal looks like from outside. */
struct shape {
	bool raw, bytes, triple;
	char quote;
	uint32_t open; /* where the text starts */
};

static char char_at(const struct cel_lexer *lex, uint32_t at)
{
	return at < lex->source.n ? lex->source.p[at] : '\0';
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

/* r, b, br, rb in any case, then a quote. */
static bool shape_read(const struct cel_lexer *lex, struct shape *ret_shape)
{
	struct shape s = { 0 };
	uint32_t at = lex->at;

	for (; at < lex->at + 2; at++) {
		char c = (char)(char_at(lex, at) | 0x20);

		if (c == 'r' && !s.raw)
			s.raw = true;
		else if (c == 'b' && !s.bytes)
			s.bytes = true;
		else
			break;
	}
	s.quote = char_at(lex, at);
	if (!is_quote(s.quote))
		return false;
	s.triple = char_at(lex, at + 1) == s.quote && char_at(lex, at + 2) == s.quote;
	s.open = at + (s.triple ? 3 : 1);
	*ret_shape = s;
	return true;
}

bool cel_lex_is_text(const struct cel_lexer *lex)
{
	struct shape s;

	return shape_read(lex, &s);
}

/* Offset of the closing quotes, or 0: there are none. */
static uint32_t find_close(const struct cel_lexer *lex, const struct shape *s, bool *ret_escapes)
{
	bool escapes = false;

	for (uint32_t at = s->open; at < lex->source.n; at++) {
		char c = lex->source.p[at];

		if (c == s->quote &&
		    (!s->triple || (char_at(lex, at + 1) == c && char_at(lex, at + 2) == c))) {
			*ret_escapes = escapes;
			return at;
		}
		if (!s->triple && (c == '\n' || c == '\r'))
			return 0;
		if (c == '\\' && !s->raw) {
			escapes = true;
			at++;
			if (!s->triple && (char_at(lex, at) == '\n' || char_at(lex, at) == '\r'))
				return 0;
		}
	}
	return 0;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* @n digits of @base from *@p, which is moved past those that are digits; false: some are not. */
static bool take_digits(const char **p, const char *end, unsigned n, int base, uint32_t *ret_value)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < n; i++) {
		if (*p == end || digit_value(**p) >= base)
			return false;
		value = value * (uint32_t)base + (uint32_t)digit_value(*(*p)++);
	}
	*ret_value = value;
	return true;
}

static size_t put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Escapes that stand for one character, and for what. */
static const char simple_from[] = "abfnrtv\\?\"'`";
static const char simple_to[] = "\a\b\f\n\r\t\v\\?\"'`";

/* Escapes with digits: how many, in which base, and whether they name a code point in bytes too. */
static const struct {
	char letter;
	uint8_t digits, base;
	bool strings_only;
} numbered[] = {
	{ 'x', 2, 16, false },
	{ 'X', 2, 16, false },
	{ 'u', 4, 16, true },
	{ 'U', 8, 16, true },
};

/*
 * The escape at *@p, just after its backslash, to a code point or byte. NULL, or what is wrong with
 * it; *@p is past it in any case.
 */
static const char *read_escape(const char **p, const char *end, bool bytes, uint32_t *ret_value)
{
	char letter = **p;
	const char *simple = letter ? strchr(simple_from, letter) : NULL;
	uint32_t value = 0;

	if (simple) {
		(*p)++;
		*ret_value = (unsigned char)simple_to[simple - simple_from];
		return NULL;
	}
	if (letter >= '0' && letter <= '3') {
		if (!take_digits(p, end, 3, 8, ret_value))
			return "an octal escape has three digits, \\000 to \\377";
		return NULL;
	}
	for (size_t i = 0; i < sizeof(numbered) / sizeof(numbered[0]); i++) {
		if (numbered[i].letter != letter)
			continue;
		(*p)++;
		if (bytes && numbered[i].strings_only)
			return "bytes have no \\u; write the bytes as \\x..";
		if (!take_digits(p, end, numbered[i].digits, numbered[i].base, &value))
			return "\\x takes 2 hexadecimal digits, \\u takes 4, \\U takes 8";
		if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
			return "no such character: code points go up to 10FFFF, without D800 to "
			       "DFFF";
		*ret_value = value;
		return NULL;
	}
	if (*p < end)
		(*p)++;
	return "unknown escape; for a backslash itself write \\\\ or a raw string, r\"...\"";
}

/* @body without its escapes, none of which is shorter than what it stands for. */
static bool unescape(struct cel_lexer *lex, const struct shape *s, struct str body,
		     struct str *ret_text)
{
	char *out = arena_alloc(lex->arena, body.n ? body.n : 1);
	const char *p = body.p, *end = body.p + body.n;
	size_t n = 0;

	if (!out)
		return false;
	while (p < end) {
		const char *from = p, *wrong;
		uint32_t value = 0;

		if (*p != '\\') {
			out[n++] = *p++;
			continue;
		}
		p++;
		wrong = read_escape(&p, end, s->bytes, &value);
		if (wrong)
			cel_problem_add(lex->problems, (uint32_t)(from - lex->source.p),
					(uint32_t)(p - lex->source.p), "%s", wrong);
		else if (s->bytes)
			out[n++] = (char)value;
		else
			n += put_utf8(out + n, value);
	}
	*ret_text = (struct str){ .p = out, .n = n };
	return true;
}

struct cel_token cel_lex_text(struct cel_lexer *lex)
{
	struct cel_token tok = { .at = lex->at };
	bool escapes = false;
	struct shape s = { 0 };
	uint32_t close;

	(void)shape_read(lex, &s);
	tok.kind = s.bytes ? CEL_TOK_BYTES : CEL_TOK_STRING;
	close = find_close(lex, &s, &escapes);
	if (!close) {
		cel_problem_add(lex->problems, tok.at, s.open,
				"this %s is never closed: no %.*s follows%s",
				s.bytes ? "bytes literal" : "string", s.triple ? 3 : 1,
				s.quote == '"' ? "\"\"\"" : "'''", s.triple ? "" : " on its line");
		tok.kind = CEL_TOK_BAD;
		lex->at = (uint32_t)lex->source.n;
		tok.end = lex->at;
		return tok;
	}
	tok.text = str_sub(lex->source, s.open, close);
	tok.end = lex->at = close + (s.triple ? 3 : 1);
	if (escapes && !unescape(lex, &s, tok.text, &tok.text)) {
		tok.kind = CEL_TOK_BAD;
		cel_problem_full(lex->problems, tok.at, tok.end, CEL_NO_MEMORY);
	}
	return tok;
}
