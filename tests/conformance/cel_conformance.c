/*
 * cel_conformance FOLDER - holds src/cel against the conformance tests of the language.
 *
 * Each test's expression is compiled and evaluated, and its tree is walked by the reference
 * evaluator: both must give what the test wants. Skipped are tests marked needs_protobuf whose text
 * names messages other than the well-known ones.
 */
#include "../reference/reference.h"
#include "cel/check.h"
#include "cel/parse.h"
#include "cel_case.h"
#include "folder.h"

#define SCRATCH (4U << 20)
#define STEPS 1000000

struct report {
	struct buf text;
};

static void report(void *ctx, const struct cel_problem *problem)
{
	struct report *r = ctx;

	buf_printf(&r->text, "%u:%u: %s; ", problem->line, problem->col, problem->text);
}

/* What one test came to. */
struct outcome {
	bool ok;
	struct buf got;
};

/* Mentions of what only a protobuf library could give. */
static bool is_beyond(const struct json *value)
{
	static const char *const words[] = { "TestAllTypes", "cel.expr.conformance", "Empty",
					     "FieldMask", "google.protobuf.Any" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (value->text.n &&
		    memmem(value->text.p, value->text.n, words[i], strlen(words[i])))
			return true;
	for (const struct json *child = value->child; child; child = child->next)
		if (is_beyond(child))
			return true;
	return false;
}

/* The names of an enumeration's values, where these are ints: no message is needed for that. */
static bool is_enum_as_int(struct str section, const struct json *test, struct str expr)
{
	return str_starts(section, STR("legacy_")) && !json_get(test, "bindings") && expr.n &&
	       !memchr(expr.p, '{', expr.n);
}

static bool type_matches(const struct json *test, struct arena *arena, const struct cel_type *type,
			 struct buf *got)
{
	const struct json *typed = json_get(test, "typed_result");
	const struct json *want = typed ? json_get(typed, "deduced_type") : NULL;
	const struct cel_type *t = want ? cel_case_type(arena, want) : NULL;

	if (!want || (t && cel_type_equal(t, type)))
		return true;
	buf_putz(got, "type ");
	cel_type_print(type, got);
	return false;
}

static void put_utf8(struct buf *out, uint32_t point)
{
	if (point < 0x80) {
		buf_putc(out, (char)point);
	} else if (point < 0x800) {
		buf_putc(out, (char)(0xc0 | point >> 6));
		buf_putc(out, (char)(0x80 | (point & 63)));
	} else {
		if (point < 0x10000) {
			buf_putc(out, (char)(0xe0 | point >> 12));
		} else {
			buf_putc(out, (char)(0xf0 | point >> 18));
			buf_putc(out, (char)(0x80 | (point >> 12 & 63)));
		}
		buf_putc(out, (char)(0x80 | (point >> 6 & 63)));
		buf_putc(out, (char)(0x80 | (point & 63)));
	}
}

/*
 * The suite's own text (protobuf's text format) writes some characters as \u0100, \U00010000 and \?;
 * the data as we have them kept those escapes in some values. @want with them resolved.
 */
static struct cel_value unescaped(struct cel_value want, struct buf *out)
{
	for (uint32_t i = 0; i < want.n; i++) {
		const char *p = want.p + i;
		unsigned digits = want.n - i < 2 || *p != '\\' ? 0
				  : p[1] == 'u'                ? 4
				  : p[1] == 'U'                ? 8
							       : 0;
		char hex[9] = "";

		if (digits && want.n - i >= 2 + digits) {
			memcpy(hex, p + 2, digits);
			put_utf8(out, (uint32_t)strtoul(hex, NULL, 16));
			i += 1 + digits;
		} else if (*p != '\\' || want.n - i < 2 || p[1] != '?') {
			buf_putc(out, *p);
		}
	}
	want.p = out->p;
	want.n = (uint32_t)out->n;
	return want;
}

static bool same(struct cel_value got, struct cel_value want)
{
	AUTO(buf_done) struct buf out = BUF_INIT(65536);

	if (reference_same(got, want))
		return true;
	return (want.kind == CEL_STRING || want.kind == CEL_BYTES) && want.n &&
	       reference_same(got, unescaped(want, &out));
}

static bool value_matches(const struct json *test, struct arena *arena, struct cel_value v,
			  struct buf *got)
{
	const struct json *want = json_get(test, "value");
	struct cel_value expected = cel_bool(true);

	if (!want && json_get(test, "typed_result"))
		want = json_get(json_get(test, "typed_result"), "result");
	cel_case_print(got, v);
	if (json_get(test, "eval_error"))
		return v.kind == CEL_ERROR;
	if (want && !cel_case_value(arena, want, &expected))
		return false;
	return same(v, expected);
}

static bool walk_reference(struct cel_case *c, struct str expr, bool unchecked, struct arena *arena,
			   struct buf *got)
{
	static char scratch[SCRATCH] __attribute__((aligned(16)));
	const struct cel_type *type;
	struct cel_expr *tree;
	struct cel_eval eval;
	int rc;

	rc = cel_parse(arena, &c->env, expr, NULL, NULL, &tree);
	if (rc == 0)
		rc = unchecked ? cel_resolve(arena, &c->env, expr, tree, NULL, NULL)
			       : cel_check(arena, &c->env, expr, tree, NULL, NULL, NULL, &type);
	if (rc < 0)
		return false;
	cel_eval_init(&eval, scratch, sizeof(scratch), STEPS);
	buf_reset(got);
	buf_putz(got, "by the reference: ");
	return value_matches(c->json, arena, reference_eval(&eval, &c->env, tree, c->slots, NULL),
			     got);
}

static bool run(struct cel_case *c, struct str expr, struct arena *arena, struct buf *got)
{
	AUTO(cel_program_freep) struct cel_program *program = NULL;
	AUTO(cel_eval_freep) struct cel_eval *eval = NULL;
	struct cel_limits limits = { .memory = SCRATCH, .steps = STEPS };
	struct report problems = { .text = BUF_INIT(65536) };
	struct cel_options options = { .report = report, .ctx = &problems };
	bool check_only = false;
	int rc;

	json_get_bool(c->json, "disable_check", &options.unchecked);
	json_get_bool(c->json, "check_only", &check_only);
	rc = cel_compile(&c->env, expr, &options, &program);
	if (rc < 0) {
		buf_printf(got, "not compiled: %s", buf_cstr(&problems.text));
		buf_done(&problems.text);
		return false;
	}
	buf_done(&problems.text);
	if (!type_matches(c->json, arena, cel_program_type(program), got))
		return false;
	if (check_only)
		return true;
	eval = cel_eval_new(&limits);
	if (!eval ||
	    !value_matches(c->json, arena, cel_eval_run(eval, program, c->slots, NULL), got))
		return false;
	return walk_reference(c, expr, options.unchecked, arena, got);
}

static void print_expected(const struct json *test, struct arena *arena)
{
	const struct json *typed = json_get(test, "typed_result");
	const struct json *want = typed ? json_get(typed, "result") : json_get(test, "value");
	const struct json *type = json_get(typed, "deduced_type");
	AUTO(buf_done) struct buf text = BUF_INIT(1U << 20);
	struct cel_value v = cel_bool(true);

	if (json_get(test, "eval_error"))
		buf_putz(&text, "an error");
	else if (!want || cel_case_value(arena, want, &v))
		cel_case_print(&text, v);
	if (type && cel_case_type(arena, type)) {
		buf_putz(&text, " of type ");
		cel_type_print(cel_case_type(arena, type), &text);
	}
	printf("  expected: %s\n", buf_cstr(&text));
}

static void one(const char *path, struct str section, const struct json *test, struct tally *t)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(16U << 20);
	AUTO(buf_done) struct buf got = BUF_INIT(1U << 20);
	struct str expr = { 0 }, name = { 0 };
	const char *what = NULL;
	bool needs_protobuf = false, ok;
	struct cel_case c;

	json_get_str(test, "expr", &expr);
	json_get_str(test, "name", &name);
	json_get_bool(test, "needs_protobuf", &needs_protobuf);
	if (needs_protobuf && is_beyond(test) && !is_enum_as_int(section, test, expr)) {
		t->skipped++;
		return;
	}
	ok = cel_case_init(&c, &arena, test, &what);
	if (!ok)
		buf_putz(&got, what);
	if (ok)
		ok = run(&c, expr, &arena, &got);
	if (ok) {
		t->passed++;
		return;
	}
	t->failed++;
	printf("FAILED %s/%.*s/%.*s\n  expr: %.*s\n  got: %s\n", path, STR_ARG(section),
	       STR_ARG(name), STR_ARG(expr), buf_cstr(&got));
	print_expected(test, &arena);
}

static void file(const char *path, const struct json *document, struct tally *t)
{
	const struct json *sections = json_get(document, "section");

	for (const struct json *s = sections ? sections->child : NULL; s; s = s->next) {
		const struct json *tests = json_get(s, "test");
		struct str name = { 0 };

		json_get_str(s, "name", &name);
		for (const struct json *test = tests ? tests->child : NULL; test; test = test->next)
			one(path, name, test, t);
	}
}

int main(int argc, char **argv)
{
	return folder_main(argc, argv, file);
}
