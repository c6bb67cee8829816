/*
 * The extension "regex": replace, extract, extractAll.
 *
 * Each search for the next match may look at the whole rest of the text, however near the match
 * is ("a.*b|a" must), so that many matches could cost the square of the text: every search is
 * charged for the rest. A match that is empty is followed by one step of a code point.
 */
#include "cel/lib_regex.h"
#include "cel/text.h"
#include "codec/utf8.h"

#include <errno.h>

/* A walk over the matches of a pattern in a text. */
struct walk {
	struct cel_eval *eval;
	const struct pattern *pattern;
	struct str text;
	size_t at;          /* where the next search begins */
	const char *behind; /* end of the last match; NULL: none yet */
	struct str groups[REGEX_GROUPS_MAX];
	unsigned n;
	enum cel_error_code error;
};

static bool walk_search(struct walk *w)
{
	int r;

	/* an automaton looks at some 64 bytes in the time of a step */
	if (!cel_charge(w->eval, 8 + (w->text.n - w->at) / 64)) {
		w->error = CEL_E_STEPS;
		return false;
	}
	r = pattern_find(w->pattern, w->text, w->at, w->groups, w->n);
	if (r < 0)
		w->error = r == -E2BIG ? CEL_E_STEPS : CEL_E_MEMORY;
	return r == 1;
}

/* The next match, in ->groups; an empty one right behind the last match is none. */
static bool walk_next(struct walk *w)
{
	uint32_t point;
	size_t end, step;

	while (w->at <= w->text.n && walk_search(w)) {
		struct str hit = w->groups[0];
		bool fresh = hit.n > 0 || hit.p != w->behind;

		end = (size_t)(hit.p - w->text.p) + hit.n;
		step = hit.n ? 0 : utf8_next(w->text.p + end, w->text.n - end, &point);
		w->at = end + (hit.n ? 0 : step ? step : 1);
		if (!fresh)
			continue;
		w->behind = hit.p + hit.n;
		return true;
	}
	return false;
}

static struct walk walk_of(struct cel_eval *eval, const struct pattern *pattern, struct str text,
			   unsigned n)
{
	return (struct walk){
		.eval = eval,
		.pattern = pattern,
		.text = { .p = text.p ? text.p : "", .n = text.n },
		.n = n,
	};
}

static struct cel_value walk_error(const struct walk *w)
{
	return w->error == CEL_E_STEPS ? cel_fail_steps(w->eval) : cel_fail_memory(w->eval);
}

/* \0 to \9 are groups of the expression, \\ a backslash; nothing else may follow a backslash. */
static bool replacement_valid(struct str s, unsigned groups)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\\')
			continue;
		i++;
		if (i >= s.n || (s.p[i] != '\\' && (s.p[i] < '0' || s.p[i] > '9')))
			return false;
		if (s.p[i] != '\\' && (unsigned)(s.p[i] - '0') > groups)
			return false;
	}
	return true;
}

static void put_replacement(struct text *t, struct str s, const struct str *groups)
{
	for (size_t i = 0; i < s.n && !t->error; i++) {
		if (s.p[i] != '\\')
			text_putc(t, s.p[i]);
		else if (s.p[++i] == '\\')
			text_putc(t, '\\');
		else
			text_puts(t, groups[s.p[i] - '0']);
	}
}

static struct cel_value replace(struct cel_eval *eval, const struct pattern *pattern,
				struct str text, struct str with, uint64_t max)
{
	unsigned groups = pattern_groups(pattern);
	struct walk w = walk_of(eval, pattern, text, 1);
	struct text t = text_init(eval, 0);
	const char *done = w.text.p;

	if (!replacement_valid(with, groups))
		return cel_fail(eval, CEL_E_ARGUMENT, "invalid replacement string: %.*s",
				with.n > 100 ? 100 : (int)with.n, with.p);
	if (memchr(with.p ? with.p : "", '\\', with.n))
		w.n = groups + 1 < REGEX_GROUPS_MAX ? groups + 1 : REGEX_GROUPS_MAX;
	for (; max > 0 && walk_next(&w) && !t.error; max--) {
		text_put(&t, done, (size_t)(w.groups[0].p - done));
		put_replacement(&t, with, w.groups);
		done = w.behind;
	}
	if (w.error)
		return walk_error(&w);
	text_put(&t, done, (size_t)(w.text.p + w.text.n - done));
	return text_value(&t);
}

static struct cel_value regex_replace(struct cel_eval *eval, const struct cel_value *args,
				      unsigned n)
{
	uint64_t max = n > 3 && args[3].i >= 0 ? args[3].u : UINT64_MAX;
	struct pattern room = { 0 };
	const struct pattern *pattern;
	struct cel_value v = pattern_of(eval, args[1], &room, &pattern);

	if (v.kind == CEL_ERROR)
		return v;
	v = replace(eval, pattern, cel_str(args[0]), cel_str(args[2]), max);
	pattern_done(&room);
	return v;
}

/* What extract() gives of a match: its group, or all of it when there is none. */
static struct str extracted(const struct walk *w)
{
	return w->groups[w->n - 1];
}

static struct cel_value too_many_groups(struct cel_eval *eval)
{
	return cel_fail(eval, CEL_E_ARGUMENT,
			"regular expression has more than one capturing group");
}

static struct cel_value extract(struct cel_eval *eval, const struct pattern *pattern,
				struct str text)
{
	unsigned groups = pattern_groups(pattern);
	struct walk w = walk_of(eval, pattern, text, groups + 1);
	struct cel_value none = { .kind = CEL_OPTIONAL }, *box;

	if (groups > 1)
		return too_many_groups(eval);
	if (!walk_next(&w))
		return w.error ? walk_error(&w) : none;
	if (!extracted(&w).p)
		return none;
	box = cel_scratch(eval, sizeof(*box));
	if (!box)
		return cel_fail_memory(eval);
	*box = cel_string(extracted(&w));
	return (struct cel_value){ .kind = CEL_OPTIONAL, .boxed = box };
}

static struct cel_value regex_extract(struct cel_eval *eval, const struct cel_value *args,
				      unsigned n)
{
	struct pattern room = { 0 };
	const struct pattern *pattern;
	struct cel_value v = pattern_of(eval, args[1], &room, &pattern);

	(void)n;
	if (v.kind == CEL_ERROR)
		return v;
	v = extract(eval, pattern, cel_str(args[0]));
	pattern_done(&room);
	return v;
}

/* The list grows in the scratch by doubling, as a text does. */
static struct cel_value extract_all(struct cel_eval *eval, const struct pattern *pattern,
				    struct str text)
{
	unsigned groups = pattern_groups(pattern);
	struct walk w = walk_of(eval, pattern, text, groups + 1);
	struct cel_value *items = NULL;
	size_t n = 0, cap = 0;

	if (groups > 1)
		return too_many_groups(eval);
	while (walk_next(&w)) {
		if (!extracted(&w).p)
			continue;
		if (n == cap) {
			struct cel_value *more;

			cap = cap ? 2 * cap : 8;
			more = cel_scratch(eval, cap * sizeof(*more));
			if (!more)
				return cel_fail_memory(eval);
			if (n)
				memcpy(more, items, n * sizeof(*more));
			items = more;
		}
		items[n++] = cel_string(extracted(&w));
	}
	if (w.error)
		return walk_error(&w);
	return (struct cel_value){ .kind = CEL_LIST, .n = (uint32_t)n, .items = items };
}

static struct cel_value regex_extract_all(struct cel_eval *eval, const struct cel_value *args,
					  unsigned n)
{
	struct pattern room = { 0 };
	const struct pattern *pattern;
	struct cel_value v = pattern_of(eval, args[1], &room, &pattern);

	(void)n;
	if (v.kind == CEL_ERROR)
		return v;
	v = extract_all(eval, pattern, cel_str(args[0]));
	pattern_done(&room);
	return v;
}

#define PATTERN_SECOND                                                                          \
	.flags = CEL_FN_PATTERN, .prepare = pattern_prepare_groups, .release = pattern_release, \
	.pattern = 1

static const struct cel_overload overloads[] = {
	{ "regex.replace", "sss:s", regex_replace, PATTERN_SECOND },
	{ "regex.replace", "sssi:s", regex_replace, PATTERN_SECOND },
	{ "regex.extract", "ss:Os", regex_extract, PATTERN_SECOND },
	{ "regex.extractAll", "ss:Ls", regex_extract_all, PATTERN_SECOND },
};

const struct cel_library cel_lib_regex = { "regex", overloads,
					   sizeof(overloads) / sizeof(overloads[0]) };
