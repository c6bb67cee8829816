/* Unit tests of src/codec/toml: positions, caps, the tree. What is TOML at all: toml_oracle.py. */
#include "base/buf.h"
#include "base/own.h"
#include "codec/toml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void keep(void *ctx, const struct toml_problem *p)
{
	*(struct toml_problem *)ctx = *p;
}

static struct toml_doc parse(struct arena *a, struct str text)
{
	struct toml_problem p = { 0 };
	struct toml_doc doc = { 0 };
	int r = toml_parse(a, text, keep, &p, &doc);

	if (r < 0)
		print_message("%u:%u: %s\n", p.line, p.col, p.text);
	assert_int_equal(r, 0);
	return doc;
}

static void tells_where(void **state)
{
	static const struct {
		const char *text;
		unsigned line, col, width;
		const char *says;
	} cases[] = {
		{ "a = 1\n  a = 2", 2, 3, 1, "\"a\" is defined twice (first on line 1)" },
		{ "é.\"ü\" = 1", 1, 1, 1, "expected a key, found U+00E9" },
		{ "'éé' = 1\nb = 01", 2, 5, 1, "leading zeros are not allowed" },
		{ "a = 'éé' x", 1, 10, 1, "expected the end of the line, found 'x'" },
		{ "a = \"x\n\"", 1, 7, 1, "the text is not closed on its line" },
		{ "[t]\n[t]", 2, 2, 1, "\"t\" is defined twice (first on line 1)" },
		{ "t = {}\n[t.u]", 2, 2, 1,
		  "\"t\" is an inline table, which nothing can be added to (line 1)" },
		{ "a = \"\\q\"", 1, 7, 1,
		  "no such escape; there are \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX \\UXXXXXXXX" },
		{ "a = True", 1, 5, 1, "truth values are written true and false" },
		{ "a = yes", 1, 5, 1, "not a value; text needs quotes" },
		{ "a = [1\nb", 2, 1, 1, "expected ',' or ']', found 'b'" },
		{ "\"\\u001b[31m\" = 1\n\"\\u001b[31m\" = 2", 2, 1, 12,
		  "\"\\u001b[31m\" is defined twice (first on line 1)" },
		{ "x = 1\n\ty = \x01", 2, 6, 1, "control character" },
		{ "x = 1979-02-30", 1, 5, 1, "no such date or time" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(arena_done) struct arena a = ARENA_INIT(1 << 20);
		struct toml_problem p = { 0 };
		struct toml_doc doc;

		assert_int_equal(toml_parse(&a, str_of(cases[i].text), keep, &p, &doc), -EBADMSG);
		assert_string_equal(p.text, cases[i].says);
		assert_int_equal(p.line, cases[i].line);
		assert_int_equal(p.col, cases[i].col);
		assert_int_equal(p.width, cases[i].width);
	}
}

static void nodes_know_their_place(void **state)
{
	AUTO(arena_done) struct arena a = ARENA_INIT(1 << 20);
	struct toml_doc doc =
		parse(&a, STR("# x\nid = \"é\" \n[[rules]]\nwhen = 'a'\n[[rules]]\nn = -5\n"));
	const struct toml_node *n = toml_at(&doc, toml_get(&doc, 0, "id"));
	uint32_t rules = toml_get(&doc, 0, "rules"), first = toml_at(&doc, rules)->child;
	uint32_t second = toml_at(&doc, first)->next;

	(void)state;
	assert_int_equal(n->line, 2);
	assert_int_equal(n->col, 6);
	assert_int_equal(n->width, 3);
	assert_int_equal(n->key_col, 1);
	assert_true(str_eqz(toml_str(&doc, toml_get(&doc, 0, "id")), "é"));
	assert_int_equal(toml_at(&doc, rules)->count, 2);
	assert_int_equal(toml_at(&doc, first)->line, 3);
	assert_int_equal(toml_at(&doc, second)->line, 5);
	assert_int_equal(toml_at(&doc, toml_get(&doc, second, "n"))->i, -5);
	assert_int_equal(toml_get(&doc, second, "when"), 0);
	assert_int_equal(toml_get(&doc, rules, "when"), 0);
}

static void offsets_lead_back_to_the_source(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
		unsigned line, col;
	} cases[] = {
		{ "a = 'xyz'", 0, 1, 6 },
		{ "a = 'xyz'", 2, 1, 8 },
		{ "a = 'xyz'", 3, 1, 9 }, /* the closing quote */
		{ "a = \"\\\"y\"", 1, 1, 8 },
		{ "a = \"\\u00e9y\"", 2, 1, 12 },
		{ "a = \"éy\"", 2, 1, 7 },
		{ "a = '''\nxy\nz'''", 0, 2, 1 },
		{ "a = '''\r\nxy\r\nz'''", 3, 3, 1 },
		{ "a = \"\"\"x \\\n\n   y\"\"\"", 2, 3, 4 },
		{ "a = \"\"\"\\\n \\\n  y\"\"\"", 0, 3, 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(arena_done) struct arena a = ARENA_INIT(1 << 20);
		struct toml_doc doc = parse(&a, str_of(cases[i].text));
		unsigned line = 0, col = 0;

		toml_string_where(&doc, str_of(cases[i].text), 1, cases[i].offset, &line, &col);
		assert_int_equal(line, cases[i].line);
		assert_int_equal(col, cases[i].col);
	}
}

static void refuse(const char *head, const char *item, size_t times, const char *tail,
		   const char *says)
{
	AUTO(arena_done) struct arena a = ARENA_INIT(64U << 20);
	AUTO(buf_done) struct buf text = BUF_INIT(16U << 20);
	struct toml_problem p = { 0 };
	struct toml_doc doc;

	buf_putz(&text, head);
	for (size_t i = 0; i < times; i++)
		buf_putz(&text, item);
	buf_putz(&text, tail);
	assert_int_equal(buf_error(&text), 0);
	assert_int_equal(toml_parse(&a, buf_str(&text), keep, &p, &doc), -EBADMSG);
	assert_non_null(strstr(p.text, says));
}

static void hostile_size_is_refused(void **state)
{
	(void)state;
	refuse("a = ", "[", 10000, "", "nested more than 32 deep");
	refuse("a = ", "{a=", 10000, "", "nested more than 32 deep");
	refuse("", "a.", 10000, "b = 1", "a key of more than 32 parts");
	refuse("[", "a.", 10000, "b]", "a key of more than 32 parts");
	refuse("a = {", "b.b.b.b.b.b.b.b.b={", 20, "", "nested more than 32 deep");
	refuse("a = [", "1,", TOML_NODES_MAX, "]", "more than 131072 values");
	refuse("", "a", TOML_SIZE_MAX + 1, "", "at most 4194304 are read");
	refuse("a = '''", "x", 1000, "''", "the text is not closed");
	/* as deep as this call stack would be: one backslash a line */
	refuse("a = \"\"\"", "\\\n", 2000000, "\"\"", "the text is not closed");
}

static void memory_has_a_ceiling(void **state)
{
	(void)state;
	for (size_t max = 64; max < 1 << 16; max += 1009) {
		AUTO(arena_done) struct arena a = ARENA_INIT(max);
		struct toml_problem p = { 0 };
		struct toml_doc doc = { .n_nodes = 77 };
		int r = toml_parse(&a, STR("[[r]]\na=[1,2,'x']\nb={c=1}\n[[r]]\n'é'.x = 1"), keep,
				   &p, &doc);

		assert_true(r == 0 || r == -ENOMEM);
		if (r < 0)
			assert_int_equal(doc.n_nodes, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_where),
		cmocka_unit_test(nodes_know_their_place),
		cmocka_unit_test(offsets_lead_back_to_the_source),
		cmocka_unit_test(hostile_size_is_refused),
		cmocka_unit_test(memory_has_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
