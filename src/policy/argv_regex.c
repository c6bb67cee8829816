/*
 * Our own look at an expression before the C library sees it.
 *
 * glibc takes a lone ')' for itself, which would let it close the group that we put around; it
 * knows back-references, whose matching is exponential; and it writes repetitions out, so that
 * (...{9}){9} costs their product. What an expression comes to when written out is counted here:
 * for each open group the sum of what is finished in it, and the last atom, which a repetition that
 * follows multiplies.
 */
#include "policy/argv.h"

#include <string.h>

struct group {
	uint64_t sum, last;
};

struct check {
	struct str s;
	struct group stack[ARGV_GROUPS_MAX + 1];
	unsigned depth;
};

size_t argv_bracket_end(struct str s, size_t i)
{
	i++;
	if (i < s.n && s.p[i] == '^')
		i++;
	if (i < s.n && s.p[i] == ']')
		i++;
	for (; i < s.n; i++) {
		char kind = i + 1 < s.n ? s.p[i + 1] : 0;

		if (s.p[i] == ']')
			return i + 1;
		if (s.p[i] != '[' || (kind != ':' && kind != '.' && kind != '='))
			continue;
		for (i += 2;; i++) {
			if (i + 1 >= s.n)
				return 0;
			if (s.p[i] == kind && s.p[i + 1] == ']')
				break;
		}
		i++;
	}
	return 0;
}

static void atom(struct check *c, uint64_t size)
{
	struct group *g = &c->stack[c->depth];

	g->sum += g->last;
	g->last = size;
}

/* {m}, {m,}, {m,n} at @i. Index behind it, 0: malformed. */
static size_t repeat(struct check *c, size_t i)
{
	struct group *g = &c->stack[c->depth];
	uint64_t bound[2] = { 0, 0 };
	int which = 0;

	for (i++; i < c->s.n && c->s.p[i] != '}'; i++) {
		char d = c->s.p[i];

		if (d == ',' && which == 0)
			which = 1;
		else if (d >= '0' && d <= '9' && bound[which] < 10000)
			bound[which] = bound[which] * 10 + (uint64_t)(d - '0');
		else
			return 0;
	}
	if (bound[1] > bound[0])
		bound[0] = bound[1];
	if (bound[0] > 1)
		g->last *= bound[0];
	/* cut off long before it could overflow */
	return g->last <= ARGV_SIZE_MAX ? i + 1 : 0;
}

/* After a backslash only what POSIX quotes: GNU's \1, \w, \b, ... are no part of it. */
static bool escapable(char c)
{
	return c != '\0' && strchr("\\^$.[]()*+?{}|/-\"", c);
}

/* One step at @i: the next index, or 0 with *@wrong. */
static size_t step(struct check *c, size_t i, const char **wrong)
{
	struct str s = c->s;
	uint64_t size;

	switch (s.p[i]) {
	case '\\':
		*wrong = "the expression holds an escape that POSIX does not know; write a class "
			 "such as [0-9]";
		atom(c, 1);
		return i + 1 < s.n && escapable(s.p[i + 1]) ? i + 2 : 0;
	case '[':
		*wrong = "'[' without its ']'";
		atom(c, 1);
		return argv_bracket_end(s, i);
	case '{': *wrong = "a repetition that is malformed or too large"; return repeat(c, i);
	case '(':
		*wrong = "groups nested too deep";
		if (c->depth == ARGV_GROUPS_MAX)
			return 0;
		c->stack[++c->depth] = (struct group){ 0 };
		return i + 1;
	case ')':
		*wrong = "')' without its '('";
		if (c->depth == 0)
			return 0;
		size = c->stack[c->depth].sum + c->stack[c->depth].last + 1;
		c->depth--;
		atom(c, size);
		return i + 1;
	case '*':
	case '+':
	case '?':
	case '|': return i + 1;
	default: atom(c, 1); return i + 1;
	}
}

const char *argv_regex_check(struct str s, size_t *size)
{
	struct check c = { .s = s };
	const char *wrong = NULL;
	uint64_t sum;

	if (s.n == 0)
		return "the expression is empty";
	if (s.n > ARGV_REGEX_MAX)
		return "the expression is too long";
	for (size_t i = 0; i < s.n;) {
		i = step(&c, i, &wrong);
		if (i == 0)
			return wrong;
	}
	if (c.depth)
		return "'(' without its ')'";
	sum = c.stack[0].sum + c.stack[0].last;
	*size += (size_t)sum;
	return sum > ARGV_SIZE_MAX ? "a repetition that is malformed or too large" : NULL;
}
