/*
 * Bytes as the choices of a generator of expressions, mostly well typed: the compiled program and the
 * reference evaluator agree on all of them. Every choice is one byte; when they run out, the first
 * alternative is taken, which ends the expression.
 */
#include "base/buf.h"
#include "base/cur.h"
#include "evaluators.h"

#define DEPTH_MAX 5
#define TEXT_MAX 4096

struct maker {
	struct cur in;
	struct buf out;
	unsigned depth;
	unsigned locals; /* variables x0, x1, ... of comprehensions around */
};

static uint8_t choice(struct maker *m, unsigned n)
{
	return m->in.n ? (uint8_t)(cur_u8(&m->in) % n) : 0;
}

/* Kinds of expressions: a letter each, as in type.h. */
static const char kinds[] = "biudsyLNMtDo*";

static void make(struct maker *m, char kind);

/* A pattern: a letter of @kinds in ` `, other characters as they are; ? is any kind. */
static void fill(struct maker *m, const char *pattern)
{
	for (const char *p = pattern; *p; p++) {
		if (*p != '`') {
			buf_putc(&m->out, *p);
			continue;
		}
		p++;
		make(m, *p == '?' ? kinds[choice(m, sizeof(kinds) - 1)] : *p);
		p++;
	}
}

/* A comprehension of one variable over @range: "%" stands for the variable. */
static void loop(struct maker *m, const char *range, const char *call)
{
	unsigned local = m->locals;

	fill(m, range);
	for (const char *p = call; *p; p++) {
		if (*p == '%') {
			buf_printf(&m->out, "x%u", local);
			continue;
		}
		if (*p == '(')
			m->locals = local + 1;
		if (*p == '`') {
			char one[4] = { '`', p[1], '`', 0 };

			fill(m, one);
			p += 2;
			continue;
		}
		buf_putc(&m->out, *p);
	}
	m->locals = local;
}

struct shape {
	char kind;
	const char *text;
	const char *call; /* a comprehension over .text */
};

/* The first of a kind is a leaf. */
static const struct shape shapes[] = {
	{ 'b', "true" },
	{ 'b', "b" },
	{ 'b', "false" },
	{ 'b', "(`b` && `b`)" },
	{ 'b', "(`b` || `b`)" },
	{ 'b', "(`b` && `b` && `b`)" },
	{ 'b', "!`b`" },
	{ 'b', "(`b` ? `b` : `b`)" },
	{ 'b', "(`i` == `i`)" },
	{ 'b', "(`?` == dyn(`?`))" },
	{ 'b', "(`s` != `s`)" },
	{ 'b', "(`i` < `i`)" },
	{ 'b', "(`d` <= `i`)" },
	{ 'b', "(`u` >= `i`)" },
	{ 'b', "(`s` > `s`)" },
	{ 'b', "(`*` < `*`)" },
	{ 'b', "(`t` < `t`)" },
	{ 'b', "(`D` >= `D`)" },
	{ 'b', "(`s` in `L`)" },
	{ 'b', "(`i` in [1, 443, 7])" },
	{ 'b', "(`s` in ['a', 'bc', ''])" },
	{ 'b', "(`?` in [1, 2u, 'a', 1.5])" },
	{ 'b', "(`s` in `M`)" },
	{ 'b', "s.startsWith('api')" },
	{ 'b', "`s`.startsWith(`s`)" },
	{ 'b', "s.endsWith('.com')" },
	{ 'b', "`s`.contains(`s`)" },
	{ 'b', "`s`.matches('^a[a-z]*')" },
	{ 'b', "has(`M`.a)" },
	{ 'b', "has(r.s)" },
	{ 'b', "has(r.i)" },
	{ 'b', "`o`.hasValue()" },
	{ 'b', "`L`", ".all(%, % != `s` && `b`)" },
	{ 'b', "`N`", ".exists(%, % == `i` || `b`)" },
	{ 'b', "`N`", ".exists_one(%, % > `i`)" },
	{ 'b', "`M`", ".all(%, % == `s`)" },
	{ 'b', "(`?` == `?`)" },
	{ 'i', "1" },
	{ 'i', "i" },
	{ 'i', "443" },
	{ 'i', "0" },
	{ 'i', "-1" },
	{ 'i', "9223372036854775807" },
	{ 'i', "r.i" },
	{ 'i', "(`i` + `i`)" },
	{ 'i', "(`i` - `i`)" },
	{ 'i', "(`i` * `i`)" },
	{ 'i', "(`i` / `i`)" },
	{ 'i', "(`i` % `i`)" },
	{ 'i', "-(`i`)" },
	{ 'i', "`L`.size()" },
	{ 'i', "size(`s`)" },
	{ 'i', "int(`s`)" },
	{ 'i', "int(`d`)" },
	{ 'i', "`N`[`i`]" },
	{ 'i', "`o`.orValue(`i`)" },
	{ 'i', "`t`.getHours()" },
	{ 'i', "`t`.getDayOfYear('Europe/Berlin')" },
	{ 'i', "(`b` ? `i` : `i`)" },
	{ 'i', "cel.bind(z, `i`, z + `i`)" },
	{ 'i', "`D`.getSeconds()" },
	{ 'u', "1u" },
	{ 'u', "u" },
	{ 'u', "(`u` - `u`)" },
	{ 'u', "uint(`i`)" },
	{ 'd', "1.5" },
	{ 'd', "f" },
	{ 'd', "double('NaN')" },
	{ 'd', "(`d` / `d`)" },
	{ 'd', "double(`i`)" },
	{ 's', "'a'" },
	{ 's', "s" },
	{ 's', "r.s" },
	{ 's', "none" },
	{ 's', "''" },
	{ 's', "(`s` + `s`)" },
	{ 's', "string(`i`)" },
	{ 's', "string(`t`)" },
	{ 's', "string(`y`)" },
	{ 's', "`L`[`i`]" },
	{ 's', "`M`.a" },
	{ 's', "`M`[`s`]" },
	{ 's', "`s`.lowerAscii()" },
	{ 's', "`L`.join('-')" },
	{ 's', "`s`.substring(`i`)" },
	{ 's', "(`b` ? `s` : `s`)" },
	{ 'y', "b'a'" },
	{ 'y', "y" },
	{ 'y', "bytes(`s`)" },
	{ 'L', "['a', 'b']" },
	{ 'L', "l" },
	{ 'L', "r.l" },
	{ 'L', "[]" },
	{ 'L', "[`s`, `s`]" },
	{ 'L', "(`L` + `L`)" },
	{ 'L', "`s`.split('.')" },
	{ 'L', "`L`", ".map(%, % + `s`)" },
	{ 'L', "`L`", ".filter(%, `b`)" },
	{ 'L', "`N`", ".map(%, % > `i`, `s`)" },
	{ 'L', "`M`", ".map(%, %)" },
	{ 'N', "[1, 2]" },
	{ 'N', "n" },
	{ 'N', "[`i`, `i`, `i`]" },
	{ 'N', "[?`o`, `i`]" },
	{ 'N', "`N`", ".map(%, % + `i`)" },
	{ 'N', "`N`", ".filter(%, % > `i`)" },
	{ 'N', "[1,2,3,4,5,6,7,8,9,10]", ".map(%, % * i)" },
	{ 'M', "{'a': 'b'}" },
	{ 'M', "m" },
	{ 'M', "{}" },
	{ 'M', "{`s`: `s`}" },
	{ 'M', "{`s`: `s`, `s`: `s`}" },
	{ 'M', "`M`.transformMap(k, v, v + `s`)" },
	{ 'M', "`M`.transformMap(k, v, v != `s`, k)" },
	{ 'M', "`M`.transformMapEntry(k, v, {v: k})" },
	{ 't', "timestamp('2009-02-13T23:31:30Z')" },
	{ 't', "t" },
	{ 't', "r.t" },
	{ 't', "(`t` + `D`)" },
	{ 't', "timestamp(`i`)" },
	{ 'D', "duration('1h')" },
	{ 'D', "(`t` - `t`)" },
	{ 'D', "(`D` + `D`)" },
	{ 'D', "duration(`s`)" },
	{ 'o', "optional.none()" },
	{ 'o', "o" },
	{ 'o', "optional.of(`i`)" },
	{ 'o', "optional.ofNonZeroValue(`i`)" },
	{ 'o', "`N`[?`i`]" },
	{ 'o', "`o`.optMap(v, v + `i`)" },
	{ 'o', "`o`.or(`o`)" },
	{ '*', "null" },
	{ '*', "d" },
	{ '*', "dyn(`?`)" },
	{ '*', "d[`i`]" },
	{ '*', "[`?`, `?`]" },
	{ '*', "{'k': `?`}.k" },
	{ '*', "type(`?`)" },
	{ '*', "`*`.a" },
};

static const struct shape *shape_of(struct maker *m, char kind)
{
	const struct shape *first = NULL;
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (shapes[i].kind == kind) {
			first = first ? first : &shapes[i];
			n++;
		}
	}
	return m->depth > DEPTH_MAX ? first : first + choice(m, n);
}

static void make(struct maker *m, char kind)
{
	const struct shape *shape;

	m->depth++;
	/* a variable of a comprehension, of whatever kind it is */
	if (m->locals && choice(m, 4) == 3) {
		buf_printf(&m->out, "x%u", choice(m, m->locals));
	} else {
		shape = shape_of(m, kind);
		if (shape->call)
			loop(m, shape->text, shape->call);
		else
			fill(m, shape->text);
	}
	m->depth--;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TEXT_MAX];
	struct maker m = { .in = cur_init(data, size), .out = buf_fixed(text, sizeof(text)) };

	make(&m, kinds[choice(&m, sizeof(kinds) - 1)]);
	if (!buf_error(&m.out))
		evaluators_agree(buf_str(&m.out));
	return 0;
}
