/*
 * parse - recursive descent over tokens, one function a level of the grammar.
 *
 *	Expr        = Or [ "?" Or ":" Expr ]
 *	Or          = And { "||" And }
 *	And         = Binary { "&&" Binary }
 *	Binary      = Unary { op Unary }              op by precedence, left-associative
 *	Unary       = "!" Unary | "-" Unary | Member
 *	Member      = Primary { "." ["?"] NAME [Args] | "[" ["?"] Expr "]" | "{" fields "}" }
 *	Primary     = LITERAL | ["."] NAME [Args] | "(" Expr ")" | "[" items "]" | "{" entries "}"
 *
 * A mistake of the grammar ends the parse: what follows it would be guesses. Those inside a literal
 * or in the arguments of a macro do not, so that several are told at once.
 *
 * Depth. Every recursion of the grammar goes through parse_expr() or parse_unary(), which count
 * against CEL_DEPTH_MAX; chains (a.b.c, f().g()) are loops with the same cap. Chains of binary
 * operators are loops; what they build is capped by CEL_HEIGHT_MAX, but those of && and ||, which are
 * associative, are built balanced: rules with a thousand terms are real.
 */
#include "cel/parse.h"

#include "cel/lex.h"
#include "cel/macro.h"
#include "cel/tree.h"
#include "codec/utf8.h"

#include <errno.h>
#include <stdio.h>

struct parser {
	struct arena *arena;
	const struct cel_env *env;
	struct cel_problems *problems;
	struct cel_tree tree;
	struct cel_lexer lexer;
	struct cel_token tok; /* the next one */
	unsigned depth;
};

static struct cel_expr *parse_expr(struct parser *p);
static struct cel_expr *parse_unary(struct parser *p);

static void advance(struct parser *p)
{
	p->tok = cel_lex(&p->lexer);
}

static bool accept(struct parser *p, enum cel_token_kind kind)
{
	if (p->tok.kind != kind)
		return false;
	advance(p);
	return true;
}

static struct cel_span span_of(struct cel_token tok)
{
	return (struct cel_span){ .at = tok.at, .end = tok.end };
}

static struct cel_expr *no_memory(struct parser *p)
{
	cel_problem_full(p->problems, p->tok.at, p->tok.end, CEL_NO_MEMORY);
	return NULL;
}

static struct cel_expr *too_deep(struct parser *p, const char *what)
{
	cel_problem_add(p->problems, p->tok.at, p->tok.end,
			"the expression is too deep here: over %d %s", CEL_DEPTH_MAX, what);
	p->problems->full = true;
	return NULL;
}

#define TOKEN_SHOWN_MAX 40

/* Words of other languages, where an operator would be. */
static const struct {
	const char *word, *operator;
} words[] = {
	{ "and", "&&" }, { "AND", "&&" }, { "or", "||" }, { "OR", "||" },
	{ "not", "!" },  { "is", "==" },  { "eq", "==" }, { "ne", "!=" },
};

/* "expected @what, found ...": the end of the parse. */
static struct cel_expr *unexpected(struct parser *p, const char *what)
{
	struct cel_token tok = p->tok;
	struct str text = str_sub(p->lexer.source, tok.at, tok.end);

	if (tok.kind == CEL_TOK_BAD)
		return NULL;
	if (tok.kind == CEL_TOK_END) {
		cel_problem_add(p->problems, tok.at, tok.end, "expected %s, found the end", what);
		return NULL;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (tok.kind == CEL_TOK_NAME && str_eqz(text, words[i].word)) {
			cel_problem_add(p->problems, tok.at, tok.end,
					"expected %s, found '%s'; did you mean '%s'?", what,
					words[i].word, words[i].operator);
			return NULL;
		}
	}
	if (tok.kind == CEL_TOK_STRING || tok.kind == CEL_TOK_BYTES)
		cel_problem_add(p->problems, tok.at, tok.end, "expected %s, found a %s", what,
				tok.kind == CEL_TOK_STRING ? "string" : "bytes literal");
	else if (tok.kind == CEL_TOK_RESERVED)
		cel_problem_add(p->problems, tok.at, tok.end,
				"expected %s, found '%.*s', a reserved word", what, STR_ARG(text));
	else
		cel_problem_add(p->problems, tok.at, tok.end, "expected %s, found '%.*s%s'", what,
				(int)(text.n > TOKEN_SHOWN_MAX ? TOKEN_SHOWN_MAX : text.n), text.p,
				text.n > TOKEN_SHOWN_MAX ? "..." : "");
	return NULL;
}

/* The closing @mark of what @open began. */
static bool close(struct parser *p, enum cel_token_kind kind, const char *mark,
		  struct cel_token open)
{
	unsigned line, col;
	char what[80];

	if (accept(p, kind))
		return true;
	cel_source_at(p->lexer.source, open.at, &line, &col);
	(void)snprintf(what, sizeof(what), "%s to close the '%c' of %u:%u", mark,
		       p->lexer.source.p[open.at], line, col);
	(void)unexpected(p, what);
	return false;
}

/* Expressions of a list or of a call, up to the closing mark. */
struct items {
	struct cel_expr **at;
	bool *optional;
	size_t n, cap, optional_cap;
	bool any_optional;
};

static bool items_add(struct parser *p, struct items *items, struct cel_expr *x, bool optional)
{
	struct cel_expr **at = arena_grow(p->arena, items->at, items->n, &items->cap, sizeof(*at));
	bool *flags = arena_grow(p->arena, items->optional, items->n, &items->optional_cap, 1);

	if (!at || !flags) {
		(void)no_memory(p);
		return false;
	}
	at[items->n] = x;
	flags[items->n++] = optional;
	items->at = at;
	items->optional = flags;
	items->any_optional |= optional;
	return true;
}

/* A '?' before an item, key or field, where the environment has optionals. */
static bool parse_question(struct parser *p, bool *ret_optional)
{
	struct cel_token tok = p->tok;

	*ret_optional = accept(p, CEL_TOK_QUESTION);
	if (*ret_optional && !p->env->optional) {
		cel_problem_add(p->problems, tok.at, tok.end,
				"optional values are not known here: '?' has no place");
		return false;
	}
	return true;
}

/* The opening '(' is next. */
static bool parse_args(struct parser *p, struct items *items)
{
	struct cel_token open = p->tok;

	advance(p);
	if (accept(p, CEL_TOK_RPAREN))
		return true;
	do {
		struct cel_expr *x = parse_expr(p);

		if (!x || !items_add(p, items, x, false))
			return false;
	} while (accept(p, CEL_TOK_COMMA));
	return close(p, CEL_TOK_RPAREN, "',' or ')'", open);
}

static struct cel_expr *parse_list(struct parser *p)
{
	struct cel_token open = p->tok;
	struct items items = { 0 };
	struct cel_span span = span_of(open);
	bool optional;

	advance(p);
	while (p->tok.kind != CEL_TOK_RBRACKET) {
		struct cel_expr *x;

		if (!parse_question(p, &optional))
			return NULL;
		x = parse_expr(p);
		if (!x || !items_add(p, &items, x, optional))
			return NULL;
		if (!accept(p, CEL_TOK_COMMA))
			break;
	}
	span.end = p->tok.end;
	if (!close(p, CEL_TOK_RBRACKET, "',' or ']'", open))
		return NULL;
	return cel_tree_list(&p->tree, span, items.at, items.any_optional ? items.optional : NULL,
			     (uint32_t)items.n);
}

/* A field's name as a string literal. */
static struct cel_expr *parse_field_name(struct parser *p)
{
	struct cel_token tok = p->tok;

	if (tok.kind != CEL_TOK_NAME && tok.kind != CEL_TOK_RESERVED && tok.kind != CEL_TOK_QUOTED)
		return unexpected(p, "the name of a field");
	advance(p);
	return cel_tree_literal(&p->tree, span_of(tok), cel_string(tok.text));
}

/* Map or, with @name, struct; the opening '{' is next. */
static struct cel_expr *parse_map(struct parser *p, struct str name, struct cel_span span)
{
	struct cel_token open = p->tok;
	struct cel_entry_expr *entries = NULL;
	size_t n = 0, cap = 0;

	advance(p);
	while (p->tok.kind != CEL_TOK_RBRACE) {
		struct cel_entry_expr entry = { 0 };

		if (!parse_question(p, &entry.optional))
			return NULL;
		entry.key = name.n ? parse_field_name(p) : parse_expr(p);
		if (!entry.key)
			return NULL;
		if (!accept(p, CEL_TOK_COLON))
			return unexpected(p, "':' and a value");
		entry.value = parse_expr(p);
		if (!entry.value)
			return NULL;
		entries = arena_grow(p->arena, entries, n, &cap, sizeof(*entries));
		if (!entries)
			return no_memory(p);
		entries[n++] = entry;
		if (!accept(p, CEL_TOK_COMMA))
			break;
	}
	if (!name.n)
		span.end = p->tok.end;
	if (!close(p, CEL_TOK_RBRACE, "',' or '}'", open))
		return NULL;
	return cel_tree_map(&p->tree, span, name, entries, (uint32_t)n);
}

/* The arguments of @name are next; @target: of x.name(...). */
static struct cel_expr *parse_call(struct parser *p, struct cel_span span, struct cel_expr *target,
				   struct str name)
{
	struct items items = { 0 };
	struct cel_expr *call;

	if (!parse_args(p, &items))
		return NULL;
	if (target) {
		call = cel_tree_member(&p->tree, span, target, name, items.at, (uint32_t)items.n);
	} else {
		call = cel_tree_call(&p->tree, span, "", items.at, (uint32_t)items.n);
		if (call)
			call->call.name = name;
	}
	if (!call || !p->env->macros)
		return call;
	return cel_macro_expand(&p->tree, call, p->env->optional);
}

/* NAME or .NAME, perhaps called. */
static struct cel_expr *parse_name(struct parser *p)
{
	struct cel_span span = span_of(p->tok);
	bool root = accept(p, CEL_TOK_DOT);
	struct str name = p->tok.text;

	if (p->tok.kind != CEL_TOK_NAME)
		return unexpected(p, root ? "a name after '.'" : "an expression");
	if (root) {
		name.p = arena_printf(p->arena, ".%.*s", STR_ARG(name));
		if (!name.p)
			return no_memory(p);
		name.n++;
	}
	span.end = p->tok.end;
	advance(p);
	if (p->tok.kind == CEL_TOK_LPAREN)
		return parse_call(p, span, NULL, name);
	return cel_tree_ident(&p->tree, span, name);
}

static struct cel_value number_value(struct cel_token tok, bool negative)
{
	if (tok.kind == CEL_TOK_UINT)
		return cel_uint(tok.magnitude);
	if (tok.kind == CEL_TOK_DOUBLE)
		return cel_double(negative ? -tok.number : tok.number);
	return cel_int(negative ? (int64_t)(0 - tok.magnitude) : (int64_t)tok.magnitude);
}

/* An int, uint or double; @minus: a '-' at this offset belongs to it. */
static struct cel_expr *parse_number(struct parser *p, const struct cel_token *minus)
{
	struct cel_token tok = p->tok;
	struct cel_span span = span_of(tok);

	if (tok.kind == CEL_TOK_INT && !minus && tok.magnitude > INT64_MAX)
		cel_problem_add(p->problems, tok.at, tok.end,
				"this number is out of range: int goes up to 9223372036854775807");
	if (minus)
		span.at = minus->at;
	advance(p);
	return cel_tree_literal(&p->tree, span, number_value(tok, minus != NULL));
}

static struct cel_expr *parse_primary(struct parser *p)
{
	struct cel_token tok = p->tok;
	struct cel_expr *x;

	switch (tok.kind) {
	case CEL_TOK_LPAREN:
		advance(p);
		x = parse_expr(p);
		return x && close(p, CEL_TOK_RPAREN, "')'", tok) ? x : NULL;
	case CEL_TOK_LBRACKET: return parse_list(p);
	case CEL_TOK_LBRACE: return parse_map(p, (struct str){ 0 }, span_of(tok));
	case CEL_TOK_INT:
	case CEL_TOK_UINT:
	case CEL_TOK_DOUBLE: return parse_number(p, NULL);
	case CEL_TOK_STRING:
	case CEL_TOK_BYTES:
		advance(p);
		return cel_tree_literal(&p->tree, span_of(tok),
					tok.kind == CEL_TOK_STRING ? cel_string(tok.text)
								   : cel_bytes(tok.text));
	case CEL_TOK_TRUE:
	case CEL_TOK_FALSE:
		advance(p);
		return cel_tree_literal(&p->tree, span_of(tok), cel_bool(tok.kind == CEL_TOK_TRUE));
	case CEL_TOK_NULL:
		advance(p);
		return cel_tree_literal(&p->tree, span_of(tok), CEL_NULL_VALUE);
	default: return parse_name(p);
	}
}

/* ".name", ".?name" or ".name(...)" after @x; the dot was taken. */
static struct cel_expr *parse_select(struct parser *p, struct cel_expr *x)
{
	struct cel_token tok;
	bool optional;

	if (!parse_question(p, &optional))
		return NULL;
	tok = p->tok;
	if (tok.kind == CEL_TOK_IN || tok.kind == CEL_TOK_TRUE || tok.kind == CEL_TOK_FALSE ||
	    tok.kind == CEL_TOK_NULL) {
		cel_problem_add(p->problems, tok.at, tok.end,
				"'%.*s' cannot be selected; write [\"%.*s\"]", STR_ARG(tok.text),
				STR_ARG(tok.text));
		return NULL;
	}
	if (tok.kind != CEL_TOK_NAME && tok.kind != CEL_TOK_RESERVED && tok.kind != CEL_TOK_QUOTED)
		return unexpected(p, "a name after '.'");
	advance(p);
	if (optional)
		return cel_tree_call2(
			&p->tree, span_of(tok), CEL_OP_OPT_SELECT, x,
			cel_tree_literal(&p->tree, span_of(tok), cel_string(tok.text)));
	if (p->tok.kind == CEL_TOK_LPAREN && tok.kind != CEL_TOK_QUOTED)
		return parse_call(p, span_of(tok), x, tok.text);
	return cel_tree_select(&p->tree, span_of(tok), x, tok.text, false);
}

/* "[key]" or "[?key]" after @x. */
static struct cel_expr *parse_index(struct parser *p, struct cel_expr *x)
{
	struct cel_token open = p->tok;
	struct cel_span span = span_of(open);
	struct cel_expr *key;
	bool optional;

	advance(p);
	if (!parse_question(p, &optional))
		return NULL;
	key = parse_expr(p);
	span.end = p->tok.end;
	if (!key || !close(p, CEL_TOK_RBRACKET, "']'", open))
		return NULL;
	return cel_tree_call2(&p->tree, span, optional ? CEL_OP_OPT_INDEX : CEL_OP_INDEX, x, key);
}

/* "Type{...}" */
static struct cel_expr *parse_struct(struct parser *p, struct cel_expr *x)
{
	struct str name = cel_tree_chain(p->arena, x);

	if (!name.n)
		return unexpected(p, "an operator");
	return parse_map(p, name, (struct cel_span){ .at = x->at, .end = x->end });
}

/* What follows a primary. */
static struct cel_expr *parse_member(struct parser *p, struct cel_expr *x)
{
	for (unsigned links = 0; x; links++) {
		if (p->tok.kind != CEL_TOK_DOT && p->tok.kind != CEL_TOK_LBRACKET &&
		    p->tok.kind != CEL_TOK_LBRACE)
			break;
		if (links >= CEL_DEPTH_MAX)
			return too_deep(p, "selections in a row");
		if (p->tok.kind == CEL_TOK_LBRACKET)
			x = parse_index(p, x);
		else if (p->tok.kind == CEL_TOK_LBRACE)
			x = parse_struct(p, x);
		else if (accept(p, CEL_TOK_DOT))
			x = parse_select(p, x);
	}
	return x;
}

static struct cel_expr *parse_unary(struct parser *p)
{
	struct cel_token op = p->tok;
	struct cel_expr *x;

	if (op.kind != CEL_TOK_NOT && op.kind != CEL_TOK_SUB)
		return parse_member(p, parse_primary(p));
	advance(p);
	if (op.kind == CEL_TOK_SUB && (p->tok.kind == CEL_TOK_INT || p->tok.kind == CEL_TOK_DOUBLE))
		return parse_member(p, parse_number(p, &op));
	if (p->depth >= CEL_DEPTH_MAX)
		return too_deep(p, "levels of nesting");
	p->depth++;
	x = parse_unary(p);
	p->depth--;
	if (!x)
		return NULL;
	return cel_tree_call1(&p->tree, span_of(op),
			      op.kind == CEL_TOK_NOT ? CEL_OP_NOT : CEL_OP_NEG, x);
}

/* Left-associative operators; those of a higher precedence bind tighter. */
static const struct {
	enum cel_token_kind kind;
	unsigned precedence;
	const char *name;
} operators[] = {
	{ CEL_TOK_EQ, 1, CEL_OP_EQ },   { CEL_TOK_NE, 1, CEL_OP_NE },
	{ CEL_TOK_LT, 1, CEL_OP_LT },   { CEL_TOK_LE, 1, CEL_OP_LE },
	{ CEL_TOK_GT, 1, CEL_OP_GT },   { CEL_TOK_GE, 1, CEL_OP_GE },
	{ CEL_TOK_IN, 1, CEL_OP_IN },   { CEL_TOK_ADD, 2, CEL_OP_ADD },
	{ CEL_TOK_SUB, 2, CEL_OP_SUB }, { CEL_TOK_MUL, 3, CEL_OP_MUL },
	{ CEL_TOK_DIV, 3, CEL_OP_DIV }, { CEL_TOK_MOD, 3, CEL_OP_MOD },
};

/* The operator that is next, when it binds at least as tight as @least; -1: none. */
static int next_operator(const struct parser *p, unsigned least)
{
	if (p->tok.kind < CEL_TOK_EQ && p->tok.kind != CEL_TOK_IN)
		return -1;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (operators[i].kind == p->tok.kind)
			return operators[i].precedence >= least ? (int)i : -1;
	}
	return -1;
}

/* Recurses once a precedence, no more. */
static struct cel_expr *parse_binary(struct parser *p, unsigned least)
{
	struct cel_expr *left = parse_unary(p);
	int op;

	while (left && (op = next_operator(p, least)) >= 0) {
		struct cel_span span = span_of(p->tok);

		advance(p);
		left = cel_tree_call2(&p->tree, span, operators[op].name, left,
				      parse_binary(p, operators[op].precedence + 1));
	}
	return left;
}

/* Terms joined by && or ||. */
static struct cel_expr *parse_logic(struct parser *p, bool or)
{
	enum cel_token_kind kind = or ? CEL_TOK_OR : CEL_TOK_AND;
	struct cel_expr **terms = NULL;
	struct cel_span *ops = NULL;
	size_t n = 0, cap = 0, ops_cap = 0;

	for (;;) {
		struct cel_expr *x = or ? parse_logic(p, false) : parse_binary(p, 1);

		if (!x || (n == 0 && p->tok.kind != kind))
			return x;
		terms = arena_grow(p->arena, terms, n, &cap, sizeof(*terms));
		ops = arena_grow(p->arena, ops, n, &ops_cap, sizeof(*ops));
		if (!terms || !ops)
			return no_memory(p);
		ops[n] = span_of(p->tok);
		terms[n++] = x;
		if (!accept(p, kind))
			return cel_tree_balanced(&p->tree, or ? CEL_OP_OR : CEL_OP_AND, terms, ops,
						 (uint32_t)n);
	}
}

static struct cel_expr *parse_conditional(struct parser *p)
{
	struct cel_expr *cond = parse_logic(p, true), *yes, *no;
	struct cel_span span = span_of(p->tok);

	if (!cond || !accept(p, CEL_TOK_QUESTION))
		return cond;
	yes = parse_logic(p, true);
	if (!yes)
		return NULL;
	if (!accept(p, CEL_TOK_COLON))
		return unexpected(p, "':' and what to take otherwise");
	no = parse_expr(p);
	return no ? cel_tree_call3(&p->tree, span, CEL_OP_COND, cond, yes, no) : NULL;
}

static struct cel_expr *parse_expr(struct parser *p)
{
	struct cel_expr *x;

	if (p->depth >= CEL_DEPTH_MAX)
		return too_deep(p, "levels of nesting");
	p->depth++;
	x = parse_conditional(p);
	p->depth--;
	return x;
}

/* Size and encoding. */
static bool source_ok(struct cel_problems *problems)
{
	struct str source = problems->source;
	uint32_t point;

	if (source.n > CEL_SOURCE_MAX) {
		cel_problem_add(problems, 0, 1, "the expression is too long: over %u bytes",
				CEL_SOURCE_MAX);
		problems->full = true;
		return false;
	}
	for (size_t i = 0, len; i < source.n; i += len) {
		len = utf8_next(source.p + i, source.n - i, &point);
		if (len == 0) {
			cel_problem_add(problems, (uint32_t)i, (uint32_t)i + 1,
					"the expression is not valid UTF-8");
			return false;
		}
	}
	return true;
}

int cel_parse(struct arena *arena, const struct cel_env *env, struct str source, cel_report *report,
	      void *ctx, struct cel_expr **ret_expr)
{
	struct cel_problems problems = { .source = source, .report = report, .ctx = ctx };
	struct parser p = { .arena = arena,
			    .env = env,
			    .problems = &problems,
			    .tree = { .arena = arena, .problems = &problems },
			    .lexer = { .arena = arena, .problems = &problems } };
	struct cel_expr *x;
	char *copy;

	if (!source_ok(&problems))
		return cel_problems_result(&problems);
	copy = arena_strdup(arena, source);
	p.lexer.source = (struct str){ .p = copy, .n = copy ? source.n : 0 };
	if (!copy) {
		(void)no_memory(&p);
		return -E2BIG;
	}
	advance(&p);
	x = parse_expr(&p);
	if (x && p.tok.kind != CEL_TOK_END)
		x = unexpected(&p, "an operator or the end");
	if (!x && problems.count == 0)
		(void)no_memory(&p);
	if (problems.count)
		return cel_problems_result(&problems);
	*ret_expr = x;
	return 0;
}
