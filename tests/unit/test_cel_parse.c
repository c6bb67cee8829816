/* Unit tests of cel/parse: trees, positions, messages, caps. */
#include "base/own.h"
#include "cel/parse.h"
#include "cel_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct cel_env env = { .macros = true, .optional = true };
static const struct cel_env plain_env = { 0 };

/* The text parses to the tree. */
static void good_in(const struct cel_env *e, const char *source, const char *tree)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(4 << 20);
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	struct cel_expr *x = NULL;
	int r = cel_parse(&arena, e, str_of(source), report_to_buf, &out, &x);

	if (r)
		fail_msg("%s: %d: %s", source, r, buf_cstr(&out));
	dump(x, &out);
	assert_string_equal(buf_cstr(&out), tree);
}

static void good(const char *source, const char *tree)
{
	good_in(&env, source, tree);
}

/* The text is refused with these problems. */
static void bad_in(const struct cel_env *e, const char *source, const char *problems)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(4 << 20);
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	struct cel_expr *untouched = (struct cel_expr *)&arena, *x = untouched;

	assert_int_equal(cel_parse(&arena, e, str_of(source), report_to_buf, &out, &x), -EBADMSG);
	assert_string_equal(buf_cstr(&out), problems);
	assert_ptr_equal(x, untouched);
}

static void bad(const char *source, const char *problems)
{
	bad_in(&env, source, problems);
}

static void test_numbers(void **state)
{
	(void)state;
	good("42", "42");
	good("0x2A", "42");
	good("42u", "42u");
	good("0xffU", "255u");
	good("9223372036854775807", "9223372036854775807");
	good("-9223372036854775808", "-9223372036854775808");
	good("- 9223372036854775808", "-9223372036854775808");
	good("-0x8000000000000000", "-9223372036854775808");
	good("18446744073709551615u", "18446744073709551615u");
	good("1.5e3", "1500");
	good(".5", "0.5");
	good("1e-2 ", "0.01");
	good("-.5", "-0.5");
	good("1-1", "_-_(1, 1)");
	good("-a", "-_(a)");
	good("--1", "-_(-1)");
	good("24.size()", "24.size()");
	bad("9223372036854775808",
	    "1:1+19: this number is out of range: int goes up to 9223372036854775807");
	bad("-9223372036854775809",
	    "1:2+19: this number is out of range: int goes up to 9223372036854775807");
	bad("1 + 99999999999999999999",
	    "1:5+20: this number is out of range: int goes up to 9223372036854775807");
	bad("18446744073709551616u",
	    "1:1+21: this number is out of range: uint goes up to 18446744073709551615");
	bad("1e999", "1:1+5: this number is out of range of double, about 1.8e308");
	bad("1.", "1:3+1: expected a name after '.', found the end");
	bad("12ab", "1:3+2: expected an operator or the end, found 'ab'");
}

static void test_texts(void **state)
{
	(void)state;
	good("'a\"b'", "'a\"b'");
	good("\"it's\"", "'it's'");
	good("''", "''");
	good("''''''", "''");
	good("'''a'b''c\nd'''", "'a'b''c\nd'");
	good("\"\"\"x\"\"\"", "'x'");
	good("r'\\n'", "'\\n'");
	good("R\"\"\"\\\"\"\"", "'\\'");
	good("'\\a\\b\\f\\n\\r\\t\\v\\\\\\?\\\"\\'\\`'", "'\a\b\f\n\r\t\v\\?\"'`'");
	good("'\\x41\\X42\\103\\u00e9\\U0001F431'", "'ABC\xc3\xa9\xf0\x9f\x90\xb1'");
	good("b'\\xff\\377a\xc3\xbf'", "b'ffff61c3bf'");
	good("'\\xff'", "'\xc3\xbf'");
	good("rb'\\n'", "b'5c6e'");
	good("bR'\\n'", "b'5c6e'");
	bad("'abc", "1:1+1: this string is never closed: no ' follows on its line");
	bad("'abc\n'", "1:1+1: this string is never closed: no ' follows on its line");
	bad("1 + b\"\"\"abc\"\"", "1:5+4: this bytes literal is never closed: no \"\"\" follows");
	bad("'a\\q'", "1:3+2: unknown escape; for a backslash itself write \\\\ or a raw string, "
		      "r\"...\"");
	bad("'\\ud800'", "1:2+6: no such character: code points go up to 10FFFF, without D800 to "
			 "DFFF");
	bad("'\\U00110000'", "1:2+10: no such character: code points go up to 10FFFF, without "
			     "D800 to DFFF");
	bad("'\\400'", "1:2+2: unknown escape; for a backslash itself write \\\\ or a raw string, "
		       "r\"...\"");
	bad("b'\\u0041'", "1:3+2: bytes have no \\u; write the bytes as \\x..");
	/* several at once, with columns in characters */
	bad("'\xc3\xa9\\q' + '\\x4'",
	    "1:3+2: unknown escape; for a backslash itself write \\\\ or a raw string, r\"...\"\n"
	    "1:10+3: \\x takes 2 hexadecimal digits, \\u takes 4, \\U takes 8");
}

static void test_operators(void **state)
{
	(void)state;
	good("1 + 2 * 3 - 4", "_-_(_+_(1, _*_(2, 3)), 4)");
	good("a < b == c", "_==_(_<_(a, b), c)");
	good("!a && b || c", "_||_(_&&_(!_(a), b), c)");
	good("a ? b : c ? d : e", "_?_:_(a, b, _?_:_(c, d, e))");
	good("a in [1] ? -b : !c", "_?_:_(@in(a, [1]), -_(b), !_(c))");
	good("a && b && c && d", "_&&_(_&&_(a, b), _&&_(c, d))");
	good("a || b || c", "_||_(_||_(a, b), c)");
	good("(a)[0].b.c(1, 2).d", "_[_](a, 0).b.c(1, 2).d");
	good("// one\na // two\n// three", "a");
	good(".a.b(.c)", ".a.b(.c)");
	good(".f(1)", ".f(1)");
	good("[1, 2,]", "[1, 2]");
	good("{'a': 1, b: 2,}", "{'a': 1, b: 2}");
	good("a.b.C{x: 1, for: 2, `y-z`: 3}", "a.b.C{'x': 1, 'for': 2, 'y-z': 3}");
	good("a.`content-type`.for", "a.content-type.for");
	good("a.?b[?c].d", "_[?_](_?._(a, 'b'), c).d");
	good("[?a, b]", "[?a, b]");
	good("{?a: b}", "{?a: b}");
	good("true ? null : false", "_?_:_(true, null, false)");
}

static void test_syntax_errors(void **state)
{
	(void)state;
	bad("", "1:1+1: expected an expression, found the end");
	bad("a +", "1:4+1: expected an expression, found the end");
	bad("a\n  = b", "2:3+1: '=' is no operator; did you mean '=='?");
	bad("a & b", "1:3+1: '&' is no operator; did you mean '&&'?");
	bad("a and b", "1:3+3: expected an operator or the end, found 'and'; did you mean '&&'?");
	bad("(a\n + b", "2:5+1: expected ')' to close the '(' of 1:1, found the end");
	bad("f(a, [1, 2)", "1:11+1: expected ',' or ']' to close the '[' of 1:6, found ')'");
	bad("a b", "1:3+1: expected an operator or the end, found 'b'");
	bad("a 'b'", "1:3+3: expected an operator or the end, found a string");
	bad("for", "1:1+3: expected an expression, found 'for', a reserved word");
	bad("a.in", "1:3+2: 'in' cannot be selected; write [\"in\"]");
	bad("a ? b", "1:6+1: expected ':' and what to take otherwise, found the end");
	bad("{1}", "1:3+1: expected ':' and a value, found '}'");
	bad("f(a,)", "1:5+1: expected an expression, found ')'");
	bad("[a].b{}", "1:6+1: expected an operator, found '{'");
	bad("\xe2\x80\x9cx\xe2\x80\x9d", "1:1+1: this is a typographic quote; write \"");
	bad("a \xe2\x82\xac b", "1:3+1: unexpected character U+20AC");
	bad("a @ b", "1:3+1: unexpected character '@'");
	bad("`a`", "1:1+3: expected an expression, found '`a`'");
	bad("a.`b\n`", "1:3+2: a name between backticks has letters, digits and any of _ . - / or "
		       "space, and ends with a backtick");
	bad("a\xff", "1:2+1: the expression is not valid UTF-8");
	bad_in(&plain_env, "a.?b", "1:3+1: optional values are not known here: '?' has no place");
}

#define QUANTIFIED(init, cond, op)                                            \
	"fold(x in l; @result = " init "; @not_strictly_false(" cond "); " op \
	"(@result, p); @result)"

static void test_macros(void **state)
{
	(void)state;
	good("l.all(x, p)", QUANTIFIED("true", "@result", "_&&_"));
	good("l.exists(x, p)", QUANTIFIED("false", "!_(@result)", "_||_"));
	good("l.exists(i, x, p)", "fold(i, x in l; @result = false; "
				  "@not_strictly_false(!_(@result)); _||_(@result, p); @result)");
	good("l.exists_one(x, p)", "fold(x in l; @result = 0; true; "
				   "_?_:_(p, _+_(@result, 1), @result); _==_(@result, 1))");
	good("l.existsOne(i, x, p)", "fold(i, x in l; @result = 0; true; "
				     "_?_:_(p, _+_(@result, 1), @result); _==_(@result, 1))");
	good("l.map(x, f)", "fold(x in l; @result = []; true; @append(@result, f); @result)");
	good("l.map(x, p, f)", "fold(x in l; @result = []; true; "
			       "_?_:_(p, @append(@result, f), @result); @result)");
	good("l.filter(x, p)", "fold(x in l; @result = []; true; "
			       "_?_:_(p, @append(@result, x), @result); @result)");
	good("l.transformList(i, x, p, f)", "fold(i, x in l; @result = []; true; "
					    "_?_:_(p, @append(@result, f), @result); @result)");
	good("m.transformMap(k, v, f)",
	     "fold(k, v in m; @result = {}; true; @insert(@result, k, f); @result)");
	good("m.transformMapEntry(k, v, p, {v: k})",
	     "fold(k, v in m; @result = {}; true; "
	     "_?_:_(p, @insert_all(@result, {v: k}), @result); @result)");
	good("has(a.b.c)", "has(a.b.c)");
	good("has(a.`b-c`)", "has(a.b-c)");
	good("cel.bind(x, a, x + x)", "fold(@unused in []; x = a; false; x; _+_(x, x))");
	good("cel.block([a, cel.index(0)], cel.index(1))",
	     "fold(@unused in []; @index:0:0 = a; false; @index:0:0; "
	     "fold(@unused in []; @index:1:0 = @index:0:0; false; @index:1:0; @index:1:0))");
	good("l.map(cel.iterVar(0, 1), cel.iterVar(0, 1))",
	     "fold(@iter:0:1 in l; @result = []; true; @append(@result, @iter:0:1); @result)");
	good("o.optMap(x, f)",
	     "fold(@unused in []; @target = o; false; @target; "
	     "_?_:_(@target.hasValue(), optional.of(fold(@unused in []; x = @target.value(); "
	     "false; x; f)), optional.none()))");
	good("math.greatest(1, 2)", "math.greatest(1, 2)");
	good("math.least(1, 2, 3)", "math.least([1, 2, 3])");
	good_in(&plain_env, "l.all(x, p)", "l.all(x, p)");
	bad("l.all(x.y, p)", "1:9+1: all() names its variable here: a plain name is expected");
	bad("l.all(.x, p)", "1:7+2: all() names its variable here: a plain name is expected");
	bad("l.exists(x, x, p)", "1:13+1: the two variables have the same name");
	bad("has(a)", "1:1+3: has() asks for the presence of a field: has(a.b)");
	bad("has(a.f(1))", "1:1+3: has() asks for the presence of a field, has(a.b); of what a "
			   "function gives, a.f(x).exists() asks");
	bad("has(a.?b)", "1:1+3: has() asks for the presence of a field: has(a.b)");
	bad("math.greatest()", "1:6+8: math.greatest() takes at least one argument");
	bad("cel.index(-1)", "1:11+2: a whole number is expected here");
	bad("cel.block(a, b)", "1:11+1: cel.block() takes a list of expressions here");
}

/* "(" 10,000 times, and its like: how much CPU time, in milliseconds, until it is refused? */
static void refused(const char *head, const char *repeat, const char *tail, unsigned times,
		    const char *message)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(4 << 20);
	AUTO(buf_done) struct buf source = BUF_INIT(1 << 20), out = BUF_INIT(1 << 16);
	struct cel_expr *x;
	clock_t start;

	buf_putz(&source, head);
	for (unsigned i = 0; i < times; i++)
		buf_putz(&source, repeat);
	buf_putz(&source, tail);
	start = clock();
	assert_int_equal(cel_parse(&arena, &env, buf_str(&source), report_to_buf, &out, &x),
			 -E2BIG);
	assert_true(clock() - start < SOON);
	assert_non_null(strstr(buf_cstr(&out), message));
	assert_null(strchr(buf_cstr(&out), '\n'));
}

static void test_depth(void **state)
{
	(void)state;
	refused("", "(", "1", 10000, "1:251+1: the expression is too deep here: over 250 levels");
	refused("", "[", "", 10000, "too deep here: over 250 levels of nesting");
	refused("", "-", "a", 10000, "too deep here: over 250 levels of nesting");
	refused("", "!", "a", 10000, "too deep here: over 250 levels of nesting");
	refused("", "a ? b : ", "c", 8000, "too deep here: over 250 levels of nesting");
	refused("a", ".a", "", 10000, "too deep here: over 250 selections in a row");
	refused("a", "[0]", "", 10000, "too deep here: over 250 selections in a row");
	refused("a", ".f()", "", 10000, "too deep here: over 250 selections in a row");
	refused("a", "+a", "", 10000, "too deep: over 2000 operations");
	refused("", "f(", "", 10000, "too deep here: over 250 levels of nesting");
	refused("", "{1:", "", 10000, "too deep here: over 250 levels of nesting");
	refused("", "[1].map(x,", "", 6000, "too deep here: over 250 levels of nesting");
	refused("[0", ",0", "]", 32760, "needs too much memory");
	refused("'", "x", "'", CEL_SOURCE_MAX, "too long: over 65536 bytes");
}

/* A chain of @op with a thousand terms: its height. */
static unsigned chain_height(const char *op)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(4 << 20);
	AUTO(buf_done) struct buf source = BUF_INIT(1 << 20), out = BUF_INIT(1 << 16);
	struct cel_expr *x;

	for (unsigned i = 0; i < 1000; i++)
		buf_printf(&source, "%sa", i ? op : "");
	assert_int_equal(cel_parse(&arena, &env, buf_str(&source), report_to_buf, &out, &x), 0);
	return x->height;
}

static void test_chains(void **state)
{
	(void)state;
	assert_int_equal(chain_height("&&"), 11);
	assert_int_equal(chain_height("||"), 11);
	assert_int_equal(chain_height("+"), 1000);
}

static void test_positions(void **state)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
	struct cel_expr *x;

	(void)state;
	assert_int_equal(cel_parse(&arena, &env, STR("ab.cd( e[1] ) && true"), NULL, NULL, &x), 0);
	assert_int_equal(x->at, 14);
	assert_int_equal(x->end, 16);
	x = x->call.args[0];
	assert_int_equal(x->at, 3);
	assert_int_equal(x->end, 5);
	x = x->call.args[0];
	assert_int_equal(x->at, 8);
	assert_int_equal(x->end, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),   cmocka_unit_test(test_texts),
		cmocka_unit_test(test_operators), cmocka_unit_test(test_syntax_errors),
		cmocka_unit_test(test_macros),    cmocka_unit_test(test_depth),
		cmocka_unit_test(test_chains),    cmocka_unit_test(test_positions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
