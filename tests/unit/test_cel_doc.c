/*
 * docs/CEL.md against the tables of functions: every overload has its line, and no line is without
 * an overload; every example is true. Operators, whose names are no words, are told in prose.
 */
#include "base/buf.h"
#include "base/map.h"
#include "base/own.h"
#include "cel/cel.h"
#include "event/env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct cel_library *const libraries[] = {
	&cel_lib_standard, &cel_lib_strings, &cel_lib_math,  &cel_lib_lists,    &cel_lib_sets,
	&cel_lib_encoders, &cel_lib_network, &cel_lib_regex, &cel_lib_optional, &cel_lib_capsule,
};

/* One type of the signature at *@p as the language writes it. */
static void type_put(struct buf *out, const char **p)
{
	static const struct {
		char code;
		const char *name;
		unsigned params;
	} types[] = {
		{ 'b', "bool", 0 },
		{ 'i', "int", 0 },
		{ 'u', "uint", 0 },
		{ 'd', "double", 0 },
		{ 's', "string", 0 },
		{ 'y', "bytes", 0 },
		{ 'n', "null", 0 },
		{ 't', "timestamp", 0 },
		{ 'D', "duration", 0 },
		{ 'p', "ip", 0 },
		{ 'c', "cidr", 0 },
		{ '*', "dyn", 0 },
		{ 'A', "A", 0 },
		{ 'B', "B", 0 },
		{ 'L', "list", 1 },
		{ 'M', "map", 2 },
		{ 'O', "optional_type", 1 },
		{ 'T', "type", 1 },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].code != **p)
			continue;
		(*p)++;
		buf_putz(out, types[i].name);
		for (unsigned k = 0; k < types[i].params; k++) {
			buf_putz(out, k ? ", " : "(");
			type_put(out, p);
		}
		buf_putz(out, types[i].params ? ")" : "");
		return;
	}
	fail_msg("no type '%c'", **p);
}

static void overload_put(struct buf *out, const struct cel_overload *o)
{
	const char *p = o->args, *between = "";

	if (o->flags & CEL_FN_MEMBER) {
		type_put(out, &p);
		buf_putc(out, '.');
	}
	buf_printf(out, "%s(", o->name);
	while (*p != ':') {
		buf_putz(out, between);
		type_put(out, &p);
		between = ", ";
	}
	p++;
	buf_putz(out, ") -> ");
	type_put(out, &p);
}

/* Is it called by its name? Operators and what macros expand to are not. */
static bool is_word(const char *name)
{
	return (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z');
}

static bool told;

/* The first column of the page's tables: signatures in backticks. */
static void page_read(struct map *page)
{
	AUTO(file_closep) FILE *in = fopen(CEL_PAGE, "re");
	char line[4096];

	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		char *cell = strncmp(line, "| `", 3) == 0 ? line + 2 : NULL, *end, *at;

		end = cell ? strstr(cell, " | ") : NULL;
		while (cell && end && (at = memchr(cell, '`', (size_t)(end - cell)))) {
			char *close = strchr(at + 1, '`');
			struct str text = { at + 1, (size_t)(close - at - 1) };

			assert_non_null(close);
			cell = close + 1;
			if (!memmem(text.p, text.n, " -> ", 4))
				continue;
			if (map_get(page, text))
				fail_msg("docs/CEL.md has '%.*s' twice", STR_ARG(text));
			assert_int_equal(map_put(page, text, &told), 0);
		}
	}
}

static void page_and_tables(void **state)
{
	AUTO(map_done) struct map page = MAP_INIT(1 << 20);
	AUTO(map_done) struct map seen = MAP_INIT(1 << 20);
	unsigned missing = 0, overloads = 0;

	(void)state;
	page_read(&page);
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
		for (size_t k = 0; k < libraries[i]->n; k++) {
			const struct cel_overload *o = &libraries[i]->overloads[k];
			struct buf text = BUF_INIT(1024);

			if (is_word(o->name)) {
				overload_put(&text, o);
				overloads++;
				if (map_get(&seen, buf_str(&text)))
					fail_msg("%s: '%s' twice", libraries[i]->name,
						 buf_cstr(&text));
				assert_int_equal(map_put(&seen, buf_str(&text), &told), 0);
				if (!map_get(&page, buf_str(&text))) {
					print_message("docs/CEL.md lacks %s `%s`\n",
						      libraries[i]->name, buf_cstr(&text));
					missing++;
				}
			}
			buf_done(&text);
		}
	}
	assert_int_equal(missing, 0);
	/* none lacks, and none is on the page twice: as many lines as overloads are the same */
	assert_int_equal(page.count, overloads);
}

static const struct cel_env env = {
	.libraries = libraries,
	.n_libraries = sizeof(libraries) / sizeof(libraries[0]),
	.macros = true,
	.optional = true,
};

static void report(void *ctx, const struct cel_problem *problem)
{
	print_message("%s: %s\n", (const char *)ctx, problem->text);
}

static void example_check(struct cel_eval *eval, char *text)
{
	struct cel_options options = { .report = report, .ctx = text };
	struct cel_program *program;
	struct cel_value v;

	if (cel_compile(&env, str_of(text), &options, &program) < 0)
		fail_msg("'%s' does not compile", text);
	v = cel_eval_run(eval, program, NULL, NULL);
	if (!cel_is_true(v))
		fail_msg("'%s' is %s", text, v.kind == CEL_ERROR ? v.error->text : "not true");
	cel_program_free(program);
}

/* The third column of the functions' tables. */
static void examples(void **state)
{
	AUTO(file_closep) FILE *in = fopen(CEL_PAGE, "re");
	AUTO(cel_eval_freep) struct cel_eval *eval = cel_eval_new(NULL);
	unsigned checked = 0, rows = 0;
	char line[4096], *at, *end;

	(void)state;
	assert_non_null(in);
	assert_non_null(eval);
	while (fgets(line, sizeof(line), in)) {
		at = strncmp(line, "| `", 3) == 0 && strstr(line, " -> ") ? strstr(line, " | ")
									  : NULL;
		at = at ? strstr(at + 3, " | ") : NULL;
		rows += at != NULL;
		while (at && (at = strchr(at, '`')) && (end = strchr(at + 1, '`'))) {
			*end = '\0';
			example_check(eval, at + 1);
			checked++;
			at = end + 1;
		}
	}
	assert_true(rows > 90);
	assert_true(checked >= rows);
}

/* The rules at the head of the page, line by line, against the table of events. */
static void rules(void **state)
{
	AUTO(file_closep) FILE *in = fopen(CEL_PAGE, "re");
	char line[4096];
	unsigned checked = 0;
	bool inside = false;

	(void)state;
	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		struct cel_options options = { .result = &cel_type_bool,
					       .report = report,
					       .ctx = line };
		struct cel_program *program;

		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "```", 3) == 0) {
			inside = !inside;
			continue;
		}
		if (!inside)
			continue;
		if (cel_compile(event_env(), str_of(line), &options, &program) < 0)
			fail_msg("'%s' does not compile", line);
		cel_program_free(program);
		checked++;
	}
	assert_true(checked >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(page_and_tables),
					    cmocka_unit_test(examples), cmocka_unit_test(rules) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
