#include "policy/argv.h"

#include "base/own.h"
#include "policy/load.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

static bool name_char(char c, bool first)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (!first && c >= '0' && c <= '9');
}

size_t argv_hole(struct str s, struct str *ret_name, struct str *ret_regex, const char **ret_wrong)
{
	size_t i = 2, depth = 0, from;

	*ret_wrong = "'${' without a name; write ${name:regex}";
	while (i < s.n && name_char(s.p[i], i == 2))
		i++;
	if (i == 2 || i >= s.n || s.p[i] != ':')
		return 0;
	*ret_name = str_sub(s, 2, i);
	from = ++i;
	*ret_wrong = "'${' without its '}'";
	while (i < s.n) {
		char c = s.p[i];

		if (c == '\\') {
			i += 2;
		} else if (c == '[') {
			i = argv_bracket_end(s, i);
			if (i == 0) {
				*ret_wrong = "'[' without its ']'";
				return 0;
			}
		} else if (c == '}' && depth == 0) {
			*ret_regex = str_sub(s, from, i);
			return i + 1;
		} else {
			depth += c == '{';
			depth -= c == '}';
			i++;
		}
	}
	return 0;
}

static bool has_hole(struct str part)
{
	for (size_t i = 0; i + 1 < part.n; i++) {
		if (part.p[i] == '$' && part.p[i + 1] == '{')
			return true;
		if (part.p[i] == '$' && part.p[i + 1] == '$')
			i++;
	}
	return false;
}

/* The whole part as one anchored expression. NULL, or what is wrong with it. */
static const char *to_regex(struct str part, struct buf *out, size_t *ret_size)
{
	buf_putc(out, '^');
	for (size_t i = 0; i < part.n;) {
		struct str name, regex;
		const char *wrong;
		size_t n;

		if (part.p[i] == '$' && i + 1 < part.n && part.p[i + 1] == '{') {
			n = argv_hole(str_sub(part, i, part.n), &name, &regex, &wrong);
			if (n)
				wrong = argv_regex_check(regex, ret_size);
			if (wrong)
				return wrong;
			buf_putc(out, '(');
			buf_puts(out, regex);
			buf_putc(out, ')');
			i += n;
			continue;
		}
		if (part.p[i] == '$' && i + 1 < part.n && part.p[i + 1] == '$')
			i++;
		if (strchr("\\^$.[]()*+?{}|", part.p[i]))
			buf_putc(out, '\\');
		buf_putc(out, part.p[i++]);
	}
	buf_putc(out, '$');
	return buf_error(out) ? "too long" : NULL;
}

static int part_compile(struct str part, regex_t *ret, const char **ret_wrong, size_t *ret_size)
{
	AUTO(buf_done) struct buf text = BUF_INIT(8192);

	*ret_wrong = to_regex(part, &text, ret_size);
	if (*ret_wrong)
		return -1;
	if (regcomp(ret, buf_cstr(&text), REG_EXTENDED | REG_NOSUB) != 0) {
		*ret_wrong = "not a POSIX extended regular expression";
		return -1;
	}
	return 0;
}

const char *argv_part_check(struct str part, size_t *ret_size)
{
	const char *wrong;
	regex_t regex;

	*ret_size = 0;
	if (part.n > 4096)
		return "the word is too long";
	if (!has_hole(part))
		return NULL;
	if (part_compile(part, &regex, &wrong, ret_size) < 0)
		return wrong;
	regfree(&regex);
	return NULL;
}

static enum argv_match part_matches(const char *part_text, const char *word)
{
	struct str part = str_of(part_text);
	const char *wrong;
	regex_t regex;
	size_t size = 0;
	int r;

	if (!has_hole(part)) {
		for (; *part_text && *part_text == *word; part_text++, word++) {
			if (part_text[0] == '$' && part_text[1] == '$')
				part_text++;
		}
		return *part_text == *word ? ARGV_YES : ARGV_NO;
	}
	if (strlen(word) > ARGV_WORD_MAX)
		return ARGV_TOO_LONG;
	if (part_compile(part, &regex, &wrong, &size) < 0)
		return ARGV_TOO_LONG;
	r = regexec(&regex, word, 0, NULL, 0);
	regfree(&regex);
	return r == 0 ? ARGV_YES : r == REG_NOMATCH ? ARGV_NO : ARGV_TOO_LONG;
}

enum argv_match argv_matches(const struct policy_argv *pattern, char *const argv[], bool basename)
{
	enum argv_match worst = ARGV_YES;

	for (size_t i = 0; i < pattern->n_parts; i++) {
		const char *part = pattern->parts[i];
		enum argv_match m;

		if (i + 1 == pattern->n_parts && strcmp(part, "...") == 0)
			return worst;
		if (!argv[i])
			return ARGV_NO;
		m = part_matches(part, argv[i]);
		if (m == ARGV_NO && i == 0 && basename && strrchr(argv[0], '/'))
			m = part_matches(part, strrchr(argv[0], '/') + 1);
		if (m == ARGV_NO)
			return ARGV_NO;
		if (m == ARGV_TOO_LONG)
			worst = m;
	}
	return argv[pattern->n_parts] ? ARGV_NO : worst;
}

void argv_put(struct buf *out, const struct policy_argv *pattern)
{
	for (size_t i = 0; i < pattern->n_parts; i++)
		buf_printf(out, "%s%s", i ? " " : "", pattern->parts[i]);
}

/* --- reading them --- */

struct words {
	struct load *l;
	uint32_t node;
	const char *parts[ARGV_PARTS_MAX];
	size_t n;
};

static bool word_add(struct words *w, uint32_t node, struct str word)
{
	size_t size;
	const char *wrong = argv_part_check(word, &size);
	const char *copy;

	if (wrong) {
		load_error(w->l, node, "in '%.80s': %s", word.p, wrong);
		return false;
	}
	w->l->regex_size += size;
	if (w->l->regex_size > ARGV_POLICY_MAX) {
		load_error(w->l, node, "too many, or too large, expressions in one policy");
		return false;
	}
	if (w->n == ARGV_PARTS_MAX) {
		load_error(w->l, node, "a pattern of more than %d words", ARGV_PARTS_MAX);
		return false;
	}
	copy = arena_strdup(w->l->arena, word);
	if (!copy)
		w->l->no_memory = true;
	w->parts[w->n++] = copy;
	return copy;
}

static bool words_done(struct words *w, struct policy_argv *ret)
{
	const char **parts;

	if (w->n == 0) {
		load_error(w->l, w->node, "a command pattern needs at least one word");
		return false;
	}
	for (size_t i = 0; i + 1 < w->n; i++) {
		if (strcmp(w->parts[i], "...") == 0) {
			load_error(w->l, w->node, "'...' may only be the last word");
			return false;
		}
	}
	parts = arena_array(w->l->arena, w->n, const char *);
	if (!parts) {
		w->l->no_memory = true;
		return false;
	}
	memcpy(parts, w->parts, w->n * sizeof(*parts));
	*ret = (struct policy_argv){ .n_parts = w->n,
				     .parts = parts,
				     .where = load_where(w->l, w->node) };
	return true;
}

/*
 * One word off @s as a shell would: quotes and backslash, and ${...} kept whole. false: an error
 * was reported.
 */
static bool shell_word(struct words *w, struct str s, size_t *at, struct buf *out)
{
	char quote = 0;
	size_t i = *at;

	for (; i < s.n; i++) {
		char c = s.p[i];
		struct str name, regex;
		const char *wrong;

		if (c == '$' && i + 1 < s.n && s.p[i + 1] == '{' && (i == 0 || s.p[i - 1] != '$')) {
			size_t n = argv_hole(str_sub(s, i, s.n), &name, &regex, &wrong);

			if (n == 0) {
				load_error(w->l, w->node, "%s", wrong);
				return false;
			}
			buf_put(out, s.p + i, n);
			i += n - 1;
		} else if (quote) {
			if (c == quote)
				quote = 0;
			else
				buf_putc(out, c);
		} else if (c == '"' || c == '\'') {
			quote = c;
		} else if (c == '\\' && i + 1 < s.n) {
			buf_putc(out, s.p[++i]);
		} else if (c == ' ' || c == '\t' || c == '\n') {
			break;
		} else if (strchr("|&;<>()`", c)) {
			load_error(w->l, w->node,
				   "'%c' means nothing here: no shell reads this; quote it if it "
				   "is meant",
				   c);
			return false;
		} else {
			buf_putc(out, c);
		}
	}
	if (quote) {
		load_error(w->l, w->node, "%c without its other half", quote);
		return false;
	}
	*at = i;
	return true;
}

bool load_argv_text(struct load *l, uint32_t node, struct policy_argv *ret)
{
	struct words w = { .l = l, .node = node };
	struct str s = yaml_str(&l->src->doc, node);

	for (size_t i = 0; i < s.n;) {
		AUTO(buf_done) struct buf word = BUF_INIT(YAML_SIZE_MAX);

		if (strchr(" \t\n", s.p[i])) {
			i++;
			continue;
		}
		if (!shell_word(&w, s, &i, &word))
			return false;
		(void)buf_cstr(&word);
		if (buf_error(&word)) {
			l->no_memory = true;
			return false;
		}
		if (!word_add(&w, node, buf_str(&word)))
			return false;
	}
	return words_done(&w, ret);
}

bool load_argv_list(struct load *l, uint32_t node, struct policy_argv *ret)
{
	const struct yaml_doc *doc = &l->src->doc;
	struct words w = { .l = l, .node = node };

	for (uint32_t i = yaml_at(doc, node)->child; i; i = yaml_at(doc, i)->next) {
		struct str word = yaml_str(doc, i);

		if (yaml_at(doc, i)->kind != YAML_SCALAR) {
			load_error(l, i, "a word is needed here, not %s",
				   yaml_kind_name(yaml_at(doc, i)));
			return false;
		}
		if (w.n == 0 && !has_hole(word) && memchr(word.p, ' ', word.n))
			load_warning(
				l, i,
				"a command with a space in its name? A list holds the words of one "
				"pattern: [git, log]");
		if (!word_add(&w, i, word))
			return false;
	}
	return words_done(&w, ret);
}
