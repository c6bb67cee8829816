#include "cel/pattern.h"
#include "cel/lib_regex.h"
#include "cel/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* What an expression outside of its escapes may not hold to be plain text. */
#define META "\\.[]{}()*+?|^$"

static bool is_punctuation(char c)
{
	return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
	       (c >= '{' && c <= '~');
}

/* The text that @s stands for, to @out of s.n bytes: its length; SIZE_MAX: more than text. */
static size_t unescape(struct str s, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n && is_punctuation(s.p[i + 1]))
			i++;
		else if (s.p[i] == '\0' || strchr(META, s.p[i]))
			return SIZE_MAX;
		out[n++] = s.p[i];
	}
	return n;
}

/* A '$' at the end that no backslash takes its meaning. */
static bool ends_with_dollar(struct str s)
{
	size_t slashes = 0;

	if (s.n == 0 || s.p[s.n - 1] != '$')
		return false;
	while (slashes + 1 < s.n && s.p[s.n - 2 - slashes] == '\\')
		slashes++;
	return slashes % 2 == 0;
}

static bool as_text(struct str s, struct pattern *pattern)
{
	size_t n;

	pattern->start = s.n && s.p[0] == '^';
	if (pattern->start)
		s = str_sub(s, 1, s.n);
	pattern->end = ends_with_dollar(s);
	if (pattern->end)
		s = str_sub(s, 0, s.n - 1);
	n = unescape(s, pattern->text);
	pattern->n = n;
	return n != SIZE_MAX;
}

/*
 * States that most texts need: of the start, of letters, digits and the marks of URLs and paths. With
 * @groups those too that telling groups needs.
 */
static int warm(const struct regex *regex, bool groups)
{
	const struct str text = STR("/az/AZ09.x-y_z:@?k=v&w#%20 \n");
	struct str found[REGEX_GROUPS_MAX];
	unsigned n = regex_groups(regex) + 1;
	int r = regex_matches(regex, STR(""));

	if (r >= 0)
		r = regex_matches(regex, text);
	if (r >= 0 && groups)
		r = regex_find(regex, text, 0, found, n < REGEX_GROUPS_MAX ? n : REGEX_GROUPS_MAX);
	return r;
}

static int prepare(struct str s, bool groups, void **ret_prepared, char *message, size_t cap)
{
	struct pattern *pattern = malloc(sizeof(*pattern) + s.n);
	char reason[128] = "";
	int r;

	if (!pattern)
		return -ENOMEM;
	*pattern = (struct pattern){ 0 };
	if (!as_text(s, pattern)) {
		r = regex_compile(s, 0, &pattern->regex, reason, sizeof(reason));
		if (r >= 0)
			r = warm(pattern->regex, groups);
		if (r == -E2BIG)
			(void)snprintf(reason, sizeof(reason), "it costs too much to match");
		if (r < 0) {
			(void)snprintf(message, cap, "invalid regular expression: %s", reason);
			pattern_release(pattern);
			return r == -ENOMEM ? r : -EINVAL;
		}
	}
	*ret_prepared = pattern;
	return 0;
}

int pattern_prepare(struct str s, void **ret_prepared, char *message, size_t cap)
{
	return prepare(s, false, ret_prepared, message, cap);
}

int pattern_prepare_groups(struct str s, void **ret_prepared, char *message, size_t cap)
{
	return prepare(s, true, ret_prepared, message, cap);
}

void pattern_release(void *prepared)
{
	struct pattern *pattern = prepared;

	if (pattern)
		regex_free(pattern->regex);
	free(pattern);
}

struct cel_value pattern_of(struct cel_eval *eval, struct cel_value v, struct pattern *room,
			    const struct pattern **ret_pattern)
{
	char reason[128];
	int r;

	if (v.kind == CEL_BYTES && v.flags & CEL_PREPARED) {
		*ret_pattern = (const void *)v.p;
		return CEL_NULL_VALUE;
	}
	if (v.kind != CEL_STRING)
		return cel_fail_overload(eval);
	if (v.n > PATTERN_DYNAMIC_MAX)
		return cel_fail(eval, CEL_E_ARGUMENT,
				"an expression that is not constant has at most %d bytes",
				PATTERN_DYNAMIC_MAX);
	if (!cel_charge(eval, PATTERN_DYNAMIC_STEPS))
		return cel_fail_steps(eval);
	*room = (struct pattern){ 0 };
	r = regex_compile(cel_str(v), PATTERN_DYNAMIC_MEMORY, &room->regex, reason, sizeof(reason));
	if (r == -ENOMEM)
		return cel_fail_memory(eval);
	if (r < 0)
		return cel_fail(eval, CEL_E_ARGUMENT, "invalid regular expression: %s", reason);
	*ret_pattern = room;
	return CEL_NULL_VALUE;
}

void pattern_done(struct pattern *room)
{
	room->regex = regex_free(room->regex);
}

/* Where the plain text of @pattern stands in @s from byte @from on; NULL: nowhere. */
static const char *text_find(const struct pattern *pattern, struct str s, size_t from)
{
	struct str what = { .p = pattern->text, .n = pattern->n };

	if (what.n > s.n - from)
		return NULL;
	if (pattern->start && from > 0)
		return NULL;
	if (pattern->start && pattern->end)
		return str_eq(s, what) ? s.p : NULL;
	if (pattern->start)
		return str_starts(s, what) ? s.p : NULL;
	if (pattern->end)
		return str_ends(s, what) ? s.p + s.n - what.n : NULL;
	return what.n ? memmem(s.p + from, s.n - from, what.p, what.n) : s.p + from;
}

int pattern_find(const struct pattern *pattern, struct str text, size_t from, struct str *groups,
		 unsigned n)
{
	const char *hit;

	/* NULL would be a group that took no part */
	if (!text.p)
		text.p = "";
	if (pattern->regex)
		return regex_find(pattern->regex, text, from, groups, n);
	hit = text_find(pattern, text, from);
	if (!hit)
		return 0;
	groups[0] = (struct str){ .p = hit, .n = pattern->n };
	return 1;
}

struct cel_value cel_fn_matches(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct pattern room = { 0 };
	const struct pattern *pattern;
	struct str text = cel_str(args[0]);
	struct cel_value error;
	int r;

	(void)n;
	/* a search takes some hundred nanoseconds before it reads a byte */
	if (!cel_charge(eval, 4) || !cel_charge_bytes(eval, text.n))
		return cel_fail_steps(eval);
	error = pattern_of(eval, args[1], &room, &pattern);
	if (error.kind == CEL_ERROR)
		return error;
	if (!text.p)
		text.p = "";
	if (pattern->regex)
		r = regex_matches(pattern->regex, text);
	else
		r = text_find(pattern, text, 0) != NULL;
	pattern_done(&room);
	if (r == -E2BIG)
		return cel_fail_steps(eval);
	return r < 0 ? cel_fail_memory(eval) : cel_bool(r);
}
