/*
 * The extension "strings". Positions are code points, as the language counts them; the text is
 * UTF-8, so a position is found by walking. Results are slices of the arguments where they can be.
 *
 * Hostile arguments: searching is linear (two-way and Knuth-Morris-Pratt), sizes of results are
 * computed before the memory is asked for, and everything that looks at data is charged.
 */
#include "cel/format.h"
#include "cel/text.h"
#include "codec/utf8.h"

static const char *find(struct str s, struct str what)
{
	return what.n <= s.n ? memmem(s.p, s.n, what.p, what.n) : NULL;
}

static struct cel_value str_char_at(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct str s = cel_str(args[0]);
	size_t at, len;
	uint32_t point;

	(void)n;
	if (!cel_charge_bytes(eval, s.n))
		return cel_fail_steps(eval);
	at = args[1].i < 0 ? s.n + 1 : text_offset(s, args[1].u);
	if (at > s.n)
		return cel_fail_index(eval, args[1].i);
	len = utf8_next(s.p + at, s.n - at, &point);
	return cel_string(str_sub(s, at, at + len));
}

static struct cel_value str_index_of(struct cel_eval *eval, const struct cel_value *args,
				     unsigned n)
{
	struct str s = cel_str(args[0]), what = cel_str(args[1]);
	int64_t first = n > 2 ? args[2].i : 0;
	size_t at;
	const char *hit;

	if (!cel_charge_bytes(eval, s.n + what.n))
		return cel_fail_steps(eval);
	at = first < 0 ? s.n + 1 : text_offset(s, (uint64_t)first);
	if (at > s.n)
		return cel_fail_index(eval, first);
	if (what.n == 0)
		return cel_int(first);
	hit = find(str_sub(s, at, s.n), what);
	return cel_int(hit ? (int64_t)cel_utf8_length(str_sub(s, 0, (size_t)(hit - s.p))) : -1);
}

/* Offset of the last @what in @s that starts at @last or before; s.n + 1: none, s.n + 2: memory. */
static size_t find_last(struct cel_eval *eval, struct str s, struct str what, size_t last)
{
	uint32_t *border = cel_scratch(eval, what.n * sizeof(*border));
	size_t hit = s.n + 1;
	uint32_t k = 0;

	if (!border)
		return s.n + 2;
	border[0] = 0;
	for (size_t i = 1; i < what.n; i++) {
		while (k && what.p[i] != what.p[k])
			k = border[k - 1];
		k += what.p[i] == what.p[k];
		border[i] = k;
	}
	k = 0;
	for (size_t i = 0; i < s.n; i++) {
		while (k && (k == what.n || s.p[i] != what.p[k]))
			k = border[k - 1];
		k += s.p[i] == what.p[k];
		if (k < what.n)
			continue;
		if (i + 1 - what.n > last)
			break;
		hit = i + 1 - what.n;
	}
	return hit;
}

static struct cel_value str_last_index_of(struct cel_eval *eval, const struct cel_value *args,
					  unsigned n)
{
	struct str s = cel_str(args[0]), what = cel_str(args[1]);
	size_t last = s.n, hit;

	if (!cel_charge_bytes(eval, 2 * ((uint64_t)s.n + what.n)))
		return cel_fail_steps(eval);
	if (n > 2)
		last = args[2].i < 0 ? s.n + 1 : text_offset(s, args[2].u);
	if (last > s.n)
		return cel_fail_index(eval, args[2].i);
	if (what.n == 0)
		return cel_int((int64_t)cel_utf8_length(str_sub(s, 0, last)));
	if (what.n > s.n)
		return cel_int(-1);
	hit = find_last(eval, s, what, last);
	if (hit == s.n + 2)
		return cel_fail_memory(eval);
	return cel_int(hit <= s.n ? (int64_t)cel_utf8_length(str_sub(s, 0, hit)) : -1);
}

static struct cel_value str_join(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct cel_value list = args[0];
	struct str between = n > 1 ? cel_str(args[1]) : STR("");
	uint64_t size = 0;
	struct text t;

	if (!cel_charge(eval, list.n))
		return cel_fail_steps(eval);
	for (uint32_t i = 0; i < list.n; i++) {
		if (list.items[i].kind != CEL_STRING)
			return cel_fail_overload(eval);
		size += list.items[i].n + (i ? between.n : 0);
	}
	t = text_init(eval, size);
	for (uint32_t i = 0; i < list.n && !t.error; i++) {
		if (i)
			text_puts(&t, between);
		text_puts(&t, cel_str(list.items[i]));
	}
	return text_value(&t);
}

static struct cel_value change_case(struct cel_eval *eval, struct str s, char first)
{
	struct text t;

	if (!cel_charge_bytes(eval, s.n))
		return cel_fail_steps(eval);
	t = text_init(eval, s.n);
	for (size_t i = 0; i < s.n && !t.error; i++) {
		bool other = s.p[i] >= first && s.p[i] < first + 26;

		t.p[t.n++] = (char)(other ? s.p[i] ^ 0x20 : s.p[i]);
	}
	return text_value(&t);
}

static struct cel_value str_lower(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return change_case(eval, cel_str(args[0]), 'A');
}

static struct cel_value str_upper(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return change_case(eval, cel_str(args[0]), 'a');
}

/*
 * The next place in @s, from byte *@at, where @old stands; an empty @old stands before every code
 * point and at the end. False: there is none.
 */
static bool next_place(struct str s, struct str old, size_t *at, bool first)
{
	uint32_t point;
	const char *hit;

	if (old.n == 0) {
		if (*at >= s.n && !first)
			return false;
		*at += first ? 0 : utf8_next(s.p + *at, s.n - *at, &point);
		return true;
	}
	hit = *at <= s.n ? find(str_sub(s, *at, s.n), old) : NULL;
	if (hit)
		*at = (size_t)(hit - s.p);
	return hit != NULL;
}

static uint64_t count_places(struct str s, struct str old, uint64_t max)
{
	uint64_t count = 0;
	size_t at = 0;

	while (count < max && next_place(s, old, &at, count == 0)) {
		at += old.n;
		count++;
	}
	return count;
}

static struct cel_value str_replace(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct str s = cel_str(args[0]), old = cel_str(args[1]), new = cel_str(args[2]);
	uint64_t max = n > 3 && args[3].i >= 0 ? args[3].u : UINT64_MAX;
	size_t at = 0, done = 0;
	uint64_t count, size;
	struct text t;

	if (!cel_charge_bytes(eval, s.n))
		return cel_fail_steps(eval);
	count = count_places(s, old, max);
	if (count == 0)
		return args[0];
	if (__builtin_mul_overflow(count, (uint64_t) new.n, &size) || size > UINT32_MAX)
		return cel_fail_memory(eval);
	if (!cel_charge(eval, count + size / 16))
		return cel_fail_steps(eval);
	t = text_init(eval, s.n - count * old.n + size);
	for (uint64_t i = 0; i < count && next_place(s, old, &at, i == 0); i++) {
		text_puts(&t, str_sub(s, done, at));
		text_puts(&t, new);
		at += old.n;
		done = at;
	}
	text_puts(&t, str_sub(s, done, s.n));
	return text_value(&t);
}

/* Into @max pieces at most, of which the last is the rest. */
static struct cel_value split(struct cel_eval *eval, struct str s, struct str by, uint64_t max)
{
	struct cel_value *items;
	uint64_t count;
	uint32_t point, k = 0;
	size_t at = 0;

	if (by.n == 0)
		count = cel_utf8_length(s);
	else
		count = count_places(s, by, max) + 1;
	if (count > max)
		count = max;
	if (!cel_charge(eval, count))
		return cel_fail_steps(eval);
	items = cel_scratch(eval, count * sizeof(*items));
	if (!items)
		return cel_fail_memory(eval);
	while (k < count) {
		const char *hit = by.n ? find(str_sub(s, at, s.n), by) : NULL;
		size_t end = hit ? (size_t)(hit - s.p) : s.n;

		if (by.n == 0)
			end = at + utf8_next(s.p + at, s.n - at, &point);
		if (k + 1 == count)
			end = s.n;
		items[k++] = cel_string(str_sub(s, at, end));
		at = end + by.n;
	}
	return (struct cel_value){ .kind = CEL_LIST, .n = (uint32_t)count, .items = items };
}

static struct cel_value str_split(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct str s = cel_str(args[0]);
	uint64_t max = n > 2 && args[2].i >= 0 ? args[2].u : UINT64_MAX;

	if (!cel_charge_bytes(eval, 2 * (uint64_t)s.n))
		return cel_fail_steps(eval);
	return split(eval, s, cel_str(args[1]), max);
}

static struct cel_value str_substring(struct cel_eval *eval, const struct cel_value *args,
				      unsigned n)
{
	struct str s = cel_str(args[0]);
	size_t from, to = s.n;

	if (!cel_charge_bytes(eval, s.n))
		return cel_fail_steps(eval);
	from = args[1].i < 0 ? s.n + 1 : text_offset(s, args[1].u);
	if (from > s.n)
		return cel_fail_index(eval, args[1].i);
	if (n > 2)
		to = args[2].i < 0 ? s.n + 1 : text_offset(s, args[2].u);
	if (to > s.n)
		return cel_fail_index(eval, args[2].i);
	if (from > to)
		return cel_fail(eval, CEL_E_INDEX,
				"invalid substring range. start: %lld, end: %lld",
				(long long)args[1].i, (long long)args[2].i);
	return cel_string(str_sub(s, from, to));
}

/* Unicode's White_Space. */
static bool is_space(uint32_t point)
{
	return (point >= 0x09 && point <= 0x0d) || point == 0x20 || point == 0x85 ||
	       point == 0xa0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200a) ||
	       point == 0x2028 || point == 0x2029 || point == 0x202f || point == 0x205f ||
	       point == 0x3000;
}

static struct cel_value str_trim(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct str s = cel_str(args[0]);
	size_t from = 0, to = 0;
	bool inside = false;
	uint32_t point = 0;

	(void)n;
	if (!cel_charge_bytes(eval, s.n))
		return cel_fail_steps(eval);
	for (size_t i = 0, len; i < s.n; i += len) {
		len = utf8_next(s.p + i, s.n - i, &point);
		if (len == 0)
			break;
		if (is_space(point))
			continue;
		if (!inside)
			from = i;
		inside = true;
		to = i + len;
	}
	return cel_string(str_sub(s, from, to));
}

static struct cel_value str_reverse(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	struct str s = cel_str(args[0]);
	uint32_t point;
	char *p;

	(void)n;
	if (!cel_charge_bytes(eval, s.n))
		return cel_fail_steps(eval);
	p = cel_scratch(eval, s.n);
	if (!p)
		return cel_fail_memory(eval);
	for (size_t i = 0, len; i < s.n; i += len) {
		len = utf8_next(s.p + i, s.n - i, &point);
		if (len == 0)
			len = 1;
		memcpy(p + s.n - i - len, s.p + i, len);
	}
	return cel_string((struct str){ .p = p, .n = s.n });
}

static struct cel_value str_quote(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	static const char plain[] = "\a\b\f\n\r\t\v\\\"", letter[] = "abfnrtv\\\"";
	struct str s = cel_str(args[0]);
	struct text t;

	(void)n;
	if (!cel_charge_bytes(eval, s.n))
		return cel_fail_steps(eval);
	t = text_init(eval, s.n + 2);
	text_putc(&t, '"');
	for (size_t i = 0; i < s.n && !t.error; i++) {
		const char *escape = s.p[i] ? strchr(plain, s.p[i]) : NULL;

		if (escape)
			text_putc(&t, '\\');
		text_putc(&t, escape ? letter[escape - plain] : s.p[i]);
	}
	text_putc(&t, '"');
	return text_value(&t);
}

static struct cel_value str_format(struct cel_eval *eval, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel_format(eval, cel_str(args[0]), args[1]);
}

static const struct cel_overload overloads[] = {
	{ "charAt", "si:s", str_char_at, CEL_FN_MEMBER },
	{ "indexOf", "ss:i", str_index_of, CEL_FN_MEMBER },
	{ "indexOf", "ssi:i", str_index_of, CEL_FN_MEMBER },
	{ "lastIndexOf", "ss:i", str_last_index_of, CEL_FN_MEMBER },
	{ "lastIndexOf", "ssi:i", str_last_index_of, CEL_FN_MEMBER },
	{ "join", "Ls:s", str_join, CEL_FN_MEMBER },
	{ "join", "Lss:s", str_join, CEL_FN_MEMBER },
	{ "lowerAscii", "s:s", str_lower, CEL_FN_MEMBER },
	{ "upperAscii", "s:s", str_upper, CEL_FN_MEMBER },
	{ "replace", "sss:s", str_replace, CEL_FN_MEMBER },
	{ "replace", "sssi:s", str_replace, CEL_FN_MEMBER },
	{ "split", "ss:Ls", str_split, CEL_FN_MEMBER },
	{ "split", "ssi:Ls", str_split, CEL_FN_MEMBER },
	{ "substring", "si:s", str_substring, CEL_FN_MEMBER },
	{ "substring", "sii:s", str_substring, CEL_FN_MEMBER },
	{ "trim", "s:s", str_trim, CEL_FN_MEMBER },
	{ "reverse", "s:s", str_reverse, CEL_FN_MEMBER },
	{ "strings.quote", "s:s", str_quote, 0 },
	{ "format", "sL*:s", str_format, CEL_FN_MEMBER },
};

const struct cel_library cel_lib_strings = { "strings", overloads,
					     sizeof(overloads) / sizeof(overloads[0]) };
