/*
 * lex - the text of an expression as tokens (cel-spec, doc/langdef.md, "Syntax").
 */
#pragma once

#include "base/arena.h"
#include "cel/problem.h"
#include "cel/value.h"

enum cel_token_kind {
	CEL_TOK_END,
	CEL_TOK_BAD, /* was reported */
	CEL_TOK_NAME,
	CEL_TOK_RESERVED, /* a name that only may be selected: a.for */
	CEL_TOK_QUOTED,   /* `any-thing`, only to be selected */
	CEL_TOK_TRUE,
	CEL_TOK_FALSE,
	CEL_TOK_NULL,
	CEL_TOK_IN,
	CEL_TOK_INT,    /* .magnitude: up to 2^63 */
	CEL_TOK_UINT,   /* .magnitude */
	CEL_TOK_DOUBLE, /* .number */
	CEL_TOK_STRING, /* .text, escapes resolved */
	CEL_TOK_BYTES,
	CEL_TOK_LPAREN,
	CEL_TOK_RPAREN,
	CEL_TOK_LBRACKET,
	CEL_TOK_RBRACKET,
	CEL_TOK_LBRACE,
	CEL_TOK_RBRACE,
	CEL_TOK_DOT,
	CEL_TOK_COMMA,
	CEL_TOK_COLON,
	CEL_TOK_QUESTION,
	CEL_TOK_NOT,
	CEL_TOK_AND,
	CEL_TOK_OR,
	CEL_TOK_EQ, /* from here on: operators of two operands, as are && || in */
	CEL_TOK_NE,
	CEL_TOK_LT,
	CEL_TOK_LE,
	CEL_TOK_GT,
	CEL_TOK_GE,
	CEL_TOK_ADD,
	CEL_TOK_SUB,
	CEL_TOK_MUL,
	CEL_TOK_DIV,
	CEL_TOK_MOD,
};

struct cel_token {
	enum cel_token_kind kind;
	uint32_t at, end; /* bytes of the source */
	union {
		struct str text; /* names, too */
		uint64_t magnitude;
		double number;
	};
};

struct cel_lexer {
	struct arena *arena; /* for texts with escapes */
	struct cel_problems *problems;
	struct str source; /* valid UTF-8, at most CEL_SOURCE_MAX bytes */
	uint32_t at;
};

/*
 * The next token. Texts are slices of the source or of the arena. Mistakes inside a literal (an
 * escape, a number out of range) are reported and the literal still comes, with some value.
 */
struct cel_token cel_lex(struct cel_lexer *lex);
