#include "cel/lex.h"

#include "cel/lex_text.h"
#include "codec/utf8.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const reserved[] = {
	"as",  "break", "const",   "continue",  "else",   "for", "function", "if",    "import",
	"let", "loop",  "package", "namespace", "return", "var", "void",     "while",
};

static const struct {
	const char *word;
	enum cel_token_kind kind;
} keywords[] = {
	{ "true", CEL_TOK_TRUE },
	{ "false", CEL_TOK_FALSE },
	{ "null", CEL_TOK_NULL },
	{ "in", CEL_TOK_IN },
};

/* Longer ones first. */
static const struct {
	const char *text;
	enum cel_token_kind kind;
} marks[] = {
	{ "&&", CEL_TOK_AND },     { "||", CEL_TOK_OR },    { "==", CEL_TOK_EQ },
	{ "!=", CEL_TOK_NE },      { "<=", CEL_TOK_LE },    { ">=", CEL_TOK_GE },
	{ "(", CEL_TOK_LPAREN },   { ")", CEL_TOK_RPAREN }, { "[", CEL_TOK_LBRACKET },
	{ "]", CEL_TOK_RBRACKET }, { "{", CEL_TOK_LBRACE }, { "}", CEL_TOK_RBRACE },
	{ ".", CEL_TOK_DOT },      { ",", CEL_TOK_COMMA },  { ":", CEL_TOK_COLON },
	{ "?", CEL_TOK_QUESTION }, { "!", CEL_TOK_NOT },    { "<", CEL_TOK_LT },
	{ ">", CEL_TOK_GT },       { "+", CEL_TOK_ADD },    { "-", CEL_TOK_SUB },
	{ "*", CEL_TOK_MUL },      { "/", CEL_TOK_DIV },    { "%", CEL_TOK_MOD },
};

/* What people write out of habit, and what to tell them. */
static const struct {
	uint32_t point;
	const char *advice;
} habits[] = {
	{ '=', "'=' is no operator; did you mean '=='?" },
	{ '&', "'&' is no operator; did you mean '&&'?" },
	{ '|', "'|' is no operator; did you mean '||'?" },
	{ ';', "an expression has no ';'" },
	{ '#', "'#' starts no comment; write '//'" },
	{ '~', "'~' is no operator; for patterns there is matches()" },
	{ '^', "'^' is no operator" },
	{ 0x2018, "this is a typographic quote; write '" },
	{ 0x2019, "this is a typographic quote; write '" },
	{ 0x201c, "this is a typographic quote; write \"" },
	{ 0x201d, "this is a typographic quote; write \"" },
	{ 0xa0, "this is a no-break space; write a plain one" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(char c)
{
	return is_name_start(c) || is_digit(c);
}

/* '\0' past the end. */
static char peek(const struct cel_lexer *lex, uint32_t ahead)
{
	return lex->at + ahead < lex->source.n ? lex->source.p[lex->at + ahead] : '\0';
}

static void skip_blank(struct cel_lexer *lex)
{
	for (; lex->at < lex->source.n; lex->at++) {
		char c = peek(lex, 0);

		if (c == '/' && peek(lex, 1) == '/') {
			while (lex->at < lex->source.n && peek(lex, 0) != '\n')
				lex->at++;
		} else if (c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f') {
			return;
		}
	}
}

static struct cel_token token(struct cel_lexer *lex, enum cel_token_kind kind, uint32_t length)
{
	struct cel_token tok = { .kind = kind, .at = lex->at, .end = lex->at + length };

	tok.text = str_sub(lex->source, tok.at, tok.end);
	lex->at = tok.end;
	return tok;
}

static struct cel_token lex_name(struct cel_lexer *lex)
{
	struct cel_token tok;
	uint32_t n = 1;

	while (is_name(peek(lex, n)))
		n++;
	tok = token(lex, CEL_TOK_NAME, n);
	for (size_t i = 0; i < COUNT(keywords); i++) {
		if (tok.text.p[0] == keywords[i].word[0] && str_eqz(tok.text, keywords[i].word))
			tok.kind = keywords[i].kind;
	}
	for (size_t i = 0; i < COUNT(reserved); i++) {
		if (tok.text.p[0] == reserved[i][0] && str_eqz(tok.text, reserved[i]))
			tok.kind = CEL_TOK_RESERVED;
	}
	return tok;
}

/* `content-type`: letters, digits and _ . - / space. */
static struct cel_token lex_quoted(struct cel_lexer *lex)
{
	struct cel_token tok;
	uint32_t n = 1;

	while (is_name(peek(lex, n)) || (peek(lex, n) && strchr(".-/ ", peek(lex, n))))
		n++;
	if (n == 1 || peek(lex, n) != '`') {
		tok = token(lex, CEL_TOK_BAD, n);
		cel_problem_add(lex->problems, tok.at, tok.end,
				"a name between backticks has letters, digits and any of "
				"_ . - / or space, and ends with a backtick");
		return tok;
	}
	tok = token(lex, CEL_TOK_QUOTED, n + 1);
	tok.text = str_sub(tok.text, 1, n);
	return tok;
}

/* @digits in @base; false: over 64 bits. */
static bool to_u64(struct str digits, unsigned base, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (size_t i = 0; i < digits.n; i++) {
		char c = digits.p[i];
		unsigned digit = is_digit(c) ? (unsigned)(c - '0')
					     : (unsigned)((c | 0x20) - 'a' + 10);

		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*ret_value = value;
	return true;
}

static struct cel_token lex_integer(struct cel_lexer *lex, uint32_t n, unsigned base)
{
	bool is_unsigned = (peek(lex, n) | 0x20) == 'u';
	struct cel_token tok =
		token(lex, is_unsigned ? CEL_TOK_UINT : CEL_TOK_INT, n + (is_unsigned ? 1 : 0));
	struct str digits = str_sub(tok.text, base == 16 ? 2 : 0, n);
	uint64_t value = 0;

	if (!to_u64(digits, base, &value) || (!is_unsigned && value > (uint64_t)INT64_MAX + 1)) {
		cel_problem_add(lex->problems, tok.at, tok.end, "this number is out of range: %s",
				is_unsigned ? "uint goes up to 18446744073709551615"
					    : "int goes up to 9223372036854775807");
		value = 0;
	}
	tok.magnitude = value;
	return tok;
}

#define DOUBLE_TEXT_MAX 400 /* longer ones are cut: their value is decided long before */

static struct cel_token lex_double(struct cel_lexer *lex, uint32_t n)
{
	struct cel_token tok = token(lex, CEL_TOK_DOUBLE, n);
	char text[DOUBLE_TEXT_MAX + 1], *point;

	if (tok.text.n > DOUBLE_TEXT_MAX) {
		cel_problem_add(lex->problems, tok.at, tok.end, "a number of over %d characters",
				DOUBLE_TEXT_MAX);
		tok.text.n = 1;
	}
	(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(tok.text));
	/* strtod() reads the decimal point of whatever locale our host has set. */
	point = strchr(text, '.');
	if (point)
		*point = *localeconv()->decimal_point;
	tok.number = strtod(text, NULL);
	if (isinf(tok.number)) {
		cel_problem_add(lex->problems, tok.at, tok.end,
				"this number is out of range of "
				"double, about 1.8e308");
		tok.number = 0;
	}
	return tok;
}

static uint32_t digits_from(const struct cel_lexer *lex, uint32_t n)
{
	while (is_digit(peek(lex, n)))
		n++;
	return n;
}

/* "1", "0x1f", "1u", "1.5", ".5", "1e9"; not "1.": that selects from 1. */
static struct cel_token lex_number(struct cel_lexer *lex)
{
	uint32_t n = digits_from(lex, 0), exponent;
	bool whole = true;

	if (n == 1 && peek(lex, 0) == '0' && (peek(lex, 1) | 0x20) == 'x' &&
	    isxdigit((unsigned char)peek(lex, 2))) {
		n = 2;
		while (isxdigit((unsigned char)peek(lex, n)))
			n++;
		return lex_integer(lex, n, 16);
	}
	if (peek(lex, n) == '.' && is_digit(peek(lex, n + 1))) {
		n = digits_from(lex, n + 1);
		whole = false;
	}
	if ((peek(lex, n) | 0x20) == 'e') {
		exponent = n + 1;
		if (peek(lex, exponent) == '+' || peek(lex, exponent) == '-')
			exponent++;
		if (is_digit(peek(lex, exponent))) {
			n = digits_from(lex, exponent);
			whole = false;
		}
	}
	return whole ? lex_integer(lex, n, 10) : lex_double(lex, n);
}

static struct cel_token lex_strange(struct cel_lexer *lex)
{
	uint32_t point = 0;
	size_t len = utf8_next(lex->source.p + lex->at, lex->source.n - lex->at, &point);
	struct cel_token tok = token(lex, CEL_TOK_BAD, len ? (uint32_t)len : 1);

	for (size_t i = 0; i < COUNT(habits); i++) {
		if (habits[i].point == point) {
			cel_problem_add(lex->problems, tok.at, tok.end, "%s", habits[i].advice);
			return tok;
		}
	}
	if (point > 0x20 && point < 0x7f)
		cel_problem_add(lex->problems, tok.at, tok.end, "unexpected character '%c'",
				(char)point);
	else
		cel_problem_add(lex->problems, tok.at, tok.end, "unexpected character U+%04X",
				point);
	return tok;
}

struct cel_token cel_lex(struct cel_lexer *lex)
{
	char c;

	skip_blank(lex);
	if (lex->at >= lex->source.n)
		return token(lex, CEL_TOK_END, 0);
	if (cel_lex_is_text(lex))
		return cel_lex_text(lex);
	c = peek(lex, 0);
	if (is_name_start(c))
		return lex_name(lex);
	if (is_digit(c) || (c == '.' && is_digit(peek(lex, 1))))
		return lex_number(lex);
	if (c == '`')
		return lex_quoted(lex);
	for (size_t i = 0; i < COUNT(marks); i++) {
		const char *text = marks[i].text;

		if (text[0] == c && (!text[1] || text[1] == peek(lex, 1)))
			return token(lex, marks[i].kind, text[1] ? 2 : 1);
	}
	return lex_strange(lex);
}
