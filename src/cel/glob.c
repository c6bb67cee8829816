/*
 * Theory of operation. An alternative, braces written out, is a row of states; being in state i
 * means that everything before token i has matched. Three kinds of token:
 *
 *	one      a set of characters: from i to i + 1 by one of them
 *	star     stays by any character of its loop; goes on to i + 1 without one
 *	dirs     two states, for "**" as a component: the first goes on without a character to the
 *	         second and past it; the second stays by any character, goes on by '/'
 *
 * The rows of all alternatives lie one after the other in one set of bits; the end state of a row
 * has no way on. A character takes the set S to
 *
 *	((S & step[c]) << 1) | (S & loop[c])
 *
 * where step[c] holds the states that c leads on from; then the ways without a character are
 * followed: S |= (S & skip1) << 1, S |= (S & skip2) << 2, until nothing is new. A row's end state is
 * in none of the masks, so no bit crosses to the next row.
 *
 * ASCII characters that all tokens treat alike share one class, which keeps the table small. Beyond
 * ASCII the mask of a character is made from the few ranges that the pattern names.
 */
#include "cel/glob.h"
#include "codec/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define WORDS_MAX (GLOB_STATES_MAX / 64)
#define ALTERNATIVES_MAX 256
#define BRACES_MAX 16

typedef uint64_t bits[WORDS_MAX];

/* Characters beyond ASCII: within lo..hi state's token takes them, or, negated, does not. */
struct range {
	uint32_t lo, hi;
	uint16_t state;
	bool takes;
};

struct glob_build {
	bits start, accept, skip1, skip2;
	bits loop_slash, loop_other; /* stays by '/', by all else */
	bits wide;                   /* steps by every character beyond ASCII, but for ranges */
	bits step[128];
	struct range ranges[GLOB_RANGES_MAX];
	uint16_t n_ranges, n_states, n_alternatives;
	char *message;
	size_t cap;
};

struct glob {
	uint32_t words, n_ranges, n_classes;
	uint8_t class_of[128];
	/* start, accept, skip1, skip2, loop_slash, loop_other, wide; then a row for each class */
	uint64_t masks[];
	/* struct range ranges[n_ranges] */
};

enum { START, ACCEPT, SKIP1, SKIP2, LOOP_SLASH, LOOP_OTHER, WIDE, CLASSES };

static void set(uint64_t *mask, unsigned state)
{
	mask[state / 64] |= UINT64_C(1) << (state % 64);
}

static int refuse(struct glob_build *b, const char *why)
{
	(void)snprintf(b->message, b->cap, "%s", why);
	return -EINVAL;
}

/* A new state, or -EINVAL. */
static int new_state(struct glob_build *b)
{
	if (b->n_states >= GLOB_STATES_MAX)
		return refuse(b, "too large: its alternatives written out are over 512 characters");
	return b->n_states++;
}

static int add_range(struct glob_build *b, unsigned state, uint32_t lo, uint32_t hi, bool takes)
{
	if (b->n_ranges >= GLOB_RANGES_MAX)
		return refuse(b, "too many characters beyond ASCII");
	b->ranges[b->n_ranges++] = (struct range){ lo, hi, (uint16_t)state, takes };
	return 0;
}

/* The characters lo..hi lead on from @state; negated: they do not. */
static int take(struct glob_build *b, unsigned state, uint32_t lo, uint32_t hi, bool takes)
{
	for (uint32_t c = lo; c < 128 && c <= hi; c++) {
		if (takes)
			set(b->step[c], state);
		else
			b->step[c][state / 64] &= ~(UINT64_C(1) << (state % 64));
	}
	return hi < 128 ? 0 : add_range(b, state, lo < 128 ? 128 : lo, hi, takes);
}

/* All characters but '/' lead on from @state. */
static void take_any(struct glob_build *b, unsigned state)
{
	for (unsigned c = 0; c < 128; c++) {
		if (c != '/')
			set(b->step[c], state);
	}
	set(b->wide, state);
}

/*
 * The character at *@at, a backslash before it taken off. Bytes that are no UTF-8 count as
 * characters behind the last of Unicode.
 */
static bool next_char(struct str s, size_t *at, bool escapes, uint32_t *ret_c)
{
	size_t len;

	if (escapes && *at < s.n && s.p[*at] == '\\')
		(*at)++;
	if (*at >= s.n)
		return false;
	len = utf8_next(s.p + *at, s.n - *at, ret_c);
	if (len == 0)
		*ret_c = 0x110000 + (uint8_t)s.p[*at];
	*at += len ? len : 1;
	return true;
}

/* [...] at *@at, which is behind the bracket. */
static int read_class(struct glob_build *b, struct str s, size_t *at)
{
	bool negated = *at < s.n && (s.p[*at] == '!' || s.p[*at] == '^');
	int state = new_state(b), r;
	uint32_t lo, hi;

	if (state < 0)
		return state;
	if (negated) {
		(*at)++;
		take_any(b, (unsigned)state);
	}
	for (bool first = true; first || (*at < s.n && s.p[*at] != ']'); first = false) {
		if (!next_char(s, at, true, &lo))
			return refuse(b, "a bracket '[' that is not closed");
		hi = lo;
		if (*at + 1 < s.n && s.p[*at] == '-' && s.p[*at + 1] != ']') {
			(*at)++;
			if (!next_char(s, at, true, &hi))
				return refuse(b, "a bracket '[' that is not closed");
		}
		if (lo > hi)
			return refuse(b, "a range in brackets that ends before it starts");
		r = take(b, (unsigned)state, lo, hi, !negated);
		if (r < 0)
			return r;
	}
	if (*at >= s.n)
		return refuse(b, "a bracket '[' that is not closed");
	(*at)++;
	b->step['/'][state / 64] &= ~(UINT64_C(1) << (state % 64));
	return 0;
}

/* Stars at *@at. */
static int read_stars(struct glob_build *b, struct str s, size_t *at)
{
	size_t from = *at, n;
	bool component;
	int state = new_state(b), second;

	while (*at < s.n && s.p[*at] == '*')
		(*at)++;
	n = *at - from;
	if (state < 0)
		return state;
	component = n > 1 && (from == 0 || s.p[from - 1] == '/') && *at < s.n && s.p[*at] == '/';
	if (component) {
		(*at)++;
		second = new_state(b);
		if (second < 0)
			return second;
		set(b->skip1, (unsigned)state);
		set(b->skip2, (unsigned)state);
		set(b->step['/'], (unsigned)second);
		state = second;
	} else {
		set(b->skip1, (unsigned)state);
	}
	set(b->loop_other, (unsigned)state);
	if (n > 1)
		set(b->loop_slash, (unsigned)state);
	return 0;
}

/* One alternative, without braces. */
static int read_row(struct glob_build *b, struct str s)
{
	size_t at = 0;
	uint32_t c;
	int r = 0, state;

	if (++b->n_alternatives > ALTERNATIVES_MAX)
		return refuse(b, "too many alternatives");
	set(b->start, b->n_states < GLOB_STATES_MAX ? b->n_states : 0);
	while (at < s.n && r == 0) {
		if (s.p[at] == '*') {
			r = read_stars(b, s, &at);
		} else if (s.p[at] == '[') {
			at++;
			r = read_class(b, s, &at);
		} else {
			bool any = s.p[at] == '?';

			state = new_state(b);
			if (state < 0)
				return state;
			if (!next_char(s, &at, true, &c))
				return refuse(b, "a backslash at the end");
			if (any)
				take_any(b, (unsigned)state);
			else
				r = take(b, (unsigned)state, c, c, true);
		}
	}
	state = r < 0 ? r : new_state(b);
	if (state < 0)
		return state;
	set(b->accept, (unsigned)state);
	return 0;
}

/* Behind what stands at @at: an escaped character, a bracket expression, or one byte. */
static size_t skip(struct str s, size_t at)
{
	size_t i = at + 1;

	if (s.p[at] == '\\')
		return at + 2 < s.n ? at + 2 : s.n;
	if (s.p[at] != '[')
		return at + 1;
	if (i < s.n && (s.p[i] == '!' || s.p[i] == '^'))
		i++;
	for (bool first = true; i < s.n && (first || s.p[i] != ']'); first = false)
		i += s.p[i] == '\\' ? 2 : 1;
	return i < s.n ? i + 1 : s.n;
}

/* The first brace from @at on that opens alternatives; s.n: none. */
static size_t find_brace(struct str s, size_t at)
{
	while (at < s.n && s.p[at] != '{')
		at = skip(s, at);
	return at < s.n ? at : s.n;
}

/* The end of the alternative that starts at @at: its comma or closing brace; s.n: not closed. */
static size_t alternative_end(struct str s, size_t at)
{
	unsigned depth = 0;

	while (at < s.n) {
		if (depth == 0 && (s.p[at] == ',' || s.p[at] == '}'))
			return at;
		depth += s.p[at] == '{';
		depth -= s.p[at] == '}';
		at = skip(s, at);
	}
	return s.n;
}

/* Write the first braces out, and what follows for each alternative in turn. */
static int read_braces(struct glob_build *b, struct str s, unsigned depth)
{
	size_t open = find_brace(s, 0), close, at, end, n;
	char out[GLOB_PATTERN_MAX];
	int r;

	if (open == s.n)
		return read_row(b, s);
	if (depth >= BRACES_MAX)
		return refuse(b, "more than 16 braces");
	for (close = open + 1; (close = alternative_end(s, close)) < s.n && s.p[close] == ',';)
		close++;
	if (close >= s.n)
		return refuse(b, "a brace '{' that is not closed");
	for (at = open + 1; at <= close; at = end + 1) {
		end = alternative_end(s, at);
		n = open + (end - at) + (s.n - close - 1);
		if (n > sizeof(out))
			return refuse(b, "over 1024 bytes");
		memcpy(out, s.p, open);
		memcpy(out + open, s.p + at, end - at);
		memcpy(out + open + (end - at), s.p + close + 1, s.n - close - 1);
		r = read_braces(b, (struct str){ .p = out, .n = n }, depth + 1);
		if (r < 0)
			return r;
	}
	return 0;
}

size_t glob_build_size(void)
{
	return sizeof(struct glob_build);
}

int glob_read(struct str pattern, struct glob_build *build, char *message, size_t cap)
{
	*build = (struct glob_build){ .message = message, .cap = cap };
	if (pattern.n > GLOB_PATTERN_MAX)
		return refuse(build, "over 1024 bytes");
	return read_braces(build, pattern, 0);
}

static unsigned words_of(const struct glob_build *b)
{
	return (b->n_states + 63U) / 64;
}

/* Do two characters lead on from the same states? Loops know only '/' from the others. */
static bool alike(const struct glob_build *b, unsigned c, unsigned d)
{
	return (c == '/') == (d == '/') && memcmp(b->step[c], b->step[d], sizeof(bits)) == 0;
}

/* The class of each ASCII character; their number. */
static unsigned classes(const struct glob_build *b, uint8_t class_of[128])
{
	uint8_t member[128];
	unsigned n = 0, k;

	for (unsigned c = 0; c < 128; c++) {
		for (k = 0; k < n && !alike(b, member[k], c);)
			k++;
		if (k == n)
			member[n++] = (uint8_t)c;
		class_of[c] = (uint8_t)k;
	}
	return n;
}

size_t glob_size(const struct glob_build *build)
{
	uint8_t class_of[128];

	return sizeof(struct glob) +
	       (CLASSES + classes(build, class_of)) * words_of(build) * sizeof(uint64_t) +
	       build->n_ranges * sizeof(struct range);
}

static uint64_t *mask_at(const struct glob *g, unsigned row)
{
	return (uint64_t *)(uintptr_t)g->masks + (size_t)row * g->words;
}

void glob_make(const struct glob_build *build, struct glob *g)
{
	const uint64_t *const named[CLASSES] = {
		[START] = build->start,
		[ACCEPT] = build->accept,
		[SKIP1] = build->skip1,
		[SKIP2] = build->skip2,
		[LOOP_SLASH] = build->loop_slash,
		[LOOP_OTHER] = build->loop_other,
		[WIDE] = build->wide,
	};
	size_t row = words_of(build) * sizeof(uint64_t);

	g->words = words_of(build);
	g->n_ranges = build->n_ranges;
	g->n_classes = classes(build, g->class_of);
	for (unsigned i = 0; i < CLASSES; i++)
		memcpy(mask_at(g, i), named[i], row);
	for (unsigned c = 0; c < 128; c++)
		memcpy(mask_at(g, CLASSES + g->class_of[c]), build->step[c], row);
	/* the ranges lie behind the last class */
	memcpy(mask_at(g, CLASSES + g->n_classes), build->ranges,
	       build->n_ranges * sizeof(struct range));
}

int glob_compile(struct str pattern, struct glob **ret_glob, char *message, size_t cap)
{
	struct glob_build *build = malloc(sizeof(*build));
	struct glob *g = NULL;
	int r = -ENOMEM;

	if (build)
		r = glob_read(pattern, build, message, cap);
	if (r == 0) {
		g = malloc(glob_size(build));
		if (g)
			glob_make(build, g);
		else
			r = -ENOMEM;
	}
	free(build);
	if (r == 0)
		*ret_glob = g;
	return r;
}

struct glob *glob_free(struct glob *glob)
{
	free(glob);
	return NULL;
}

/* @s moved up by @by states and cut by @mask before: new ones are added. Was there any? */
static bool follow(uint64_t *s, const uint64_t *mask, unsigned words, unsigned by)
{
	uint64_t carry = 0, more, changed = 0;

	for (unsigned w = 0; w < words; w++) {
		uint64_t from = s[w] & mask[w];

		more = from << by | carry;
		carry = from >> (64 - by);
		changed |= more & ~s[w];
		s[w] |= more;
	}
	return changed != 0;
}

static void close_set(const struct glob *g, uint64_t *s)
{
	bool again;

	do {
		again = follow(s, mask_at(g, SKIP1), g->words, 1);
		again |= follow(s, mask_at(g, SKIP2), g->words, 2);
	} while (again);
}

/* The states that a character beyond ASCII leads on from. */
static void wide_step(const struct glob *g, uint32_t c, uint64_t *out)
{
	const struct range *ranges = (const void *)mask_at(g, CLASSES + g->n_classes);

	memcpy(out, mask_at(g, WIDE), g->words * sizeof(*out));
	for (uint32_t i = 0; i < g->n_ranges; i++) {
		uint64_t bit = UINT64_C(1) << (ranges[i].state % 64);

		if (c < ranges[i].lo || c > ranges[i].hi)
			continue;
		if (ranges[i].takes)
			out[ranges[i].state / 64] |= bit;
		else
			out[ranges[i].state / 64] &= ~bit;
	}
}

/* One character; false: nothing can match any more. */
static bool advance(const struct glob *g, uint64_t *s, uint32_t c)
{
	const uint64_t *loop = mask_at(g, c == '/' ? LOOP_SLASH : LOOP_OTHER), *step;
	uint64_t carry = 0, any = 0;
	bits wide;

	if (c < 128) {
		step = mask_at(g, CLASSES + g->class_of[c]);
	} else {
		wide_step(g, c, wide);
		step = wide;
	}
	for (unsigned w = 0; w < g->words; w++) {
		uint64_t from = s[w] & step[w];

		s[w] = from << 1 | carry | (s[w] & loop[w]);
		carry = from >> 63;
		any |= s[w];
	}
	if (any)
		close_set(g, s);
	return any != 0;
}

/* close_set() of one word. */
static inline uint64_t close_word(const uint64_t *masks, uint64_t s)
{
	for (;;) {
		uint64_t more = (s & masks[SKIP1]) << 1 | (s & masks[SKIP2]) << 2;

		if ((more & ~s) == 0)
			return s;
		s |= more;
	}
}

/* The same for patterns of at most 64 states, which most are. */
static bool matches_word(const struct glob *g, struct str text)
{
	const uint64_t *masks = g->masks;
	uint64_t s = close_word(masks, masks[START]), step;
	uint32_t c;

	for (size_t at = 0; at < text.n && s;) {
		c = (uint8_t)text.p[at];
		if (c < 128) {
			at++;
			step = masks[CLASSES + g->class_of[c]];
		} else {
			(void)next_char(text, &at, false, &c);
			wide_step(g, c, &step);
		}
		s = (s & step) << 1 | (s & masks[c == '/' ? LOOP_SLASH : LOOP_OTHER]);
		s = close_word(masks, s);
	}
	return (s & masks[ACCEPT]) != 0;
}

bool glob_matches(const struct glob *g, struct str text)
{
	const uint64_t *accept = mask_at(g, ACCEPT);
	uint64_t hit = 0;
	uint32_t c;
	bits s;

	if (g->words == 1)
		return matches_word(g, text);
	memcpy(s, mask_at(g, START), g->words * sizeof(*s));
	close_set(g, s);
	for (size_t at = 0; next_char(text, &at, false, &c);) {
		if (!advance(g, s, c))
			return false;
	}
	for (unsigned w = 0; w < g->words; w++)
		hit |= s[w] & accept[w];
	return hit != 0;
}
