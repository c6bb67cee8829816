/*
 * bench_cel - what compiling an expression and evaluating it costs: medians over batches.
 *
 *	bench_cel EXPR		compile and evaluation of one expression over the same variables
 */
#include "cel/cel.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCHES 101

/* Linked with --wrap=malloc and its like. */
static unsigned long allocations, in_evaluations;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real__Znwm(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap__Znwm(size_t n);

void *__wrap_malloc(size_t n)
{
	allocations++;
	return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	allocations++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	allocations++;
	return __real_realloc(p, n);
}

/* C++'s operator new(size_t) */
void *__wrap__Znwm(size_t n)
{
	allocations++;
	return __real__Znwm(n);
}

static const struct cel_type strings = { .kind = CEL_T_LIST, .param = { &cel_type_string } };
static const struct cel_decl decls[] = {
	{ .name = "host", .type = &cel_type_string, .slot = 0 },
	{ .name = "method", .type = &cel_type_string, .slot = 1 },
	{ .name = "port", .type = &cel_type_int, .slot = 2 },
	{ .name = "path", .type = &cel_type_string, .slot = 3 },
	{ .name = "tags", .type = &strings, .slot = 4 },
};
static const struct cel_library *const libraries[] = { &cel_lib_standard, &cel_lib_strings,
						       &cel_lib_regex };
static const struct cel_env env = {
	.decls = decls,
	.n_decls = sizeof(decls) / sizeof(decls[0]),
	.libraries = libraries,
	.n_libraries = sizeof(libraries) / sizeof(libraries[0]),
	.macros = true,
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *figures)
{
	qsort(figures, BATCHES, sizeof(*figures), by_size);
	return figures[BATCHES / 2];
}

static void report(void *ctx, const struct cel_problem *problem)
{
	(void)ctx;
	fprintf(stderr, "%u:%u: %s\n", problem->line, problem->col, problem->text);
}

static int measure(const char *name, const char *text)
{
	struct cel_options options = { .report = report };
	struct cel_value items[] = { cel_string(STR("a")), cel_string(STR("b")),
				     cel_string(STR("prod")) };
	struct cel_value slots[] = {
		cel_string(STR("api.example.com")),
		cel_string(STR("POST")),
		cel_int(443),
		cel_string(STR("/v1/messages/batches?limit=20")),
		{ .kind = CEL_LIST, .n = 3, .items = items },
	};
	struct cel_program *program = NULL;
	struct cel_eval *eval = cel_eval_new(NULL);
	double figures[BATCHES];
	unsigned long before;
	unsigned hits = 0;

	for (int b = 0; b < BATCHES; b++) {
		double start = now_ns();

		for (int i = 0; i < 20; i++) {
			program = cel_program_free(program);
			if (cel_compile(&env, str_of(text), &options, &program) < 0)
				return 1;
		}
		figures[b] = (now_ns() - start) / 20;
	}
	printf("cel.compile.%s %.2f us\n", name, median(figures) / 1e3);
	/* a regular expression learns from the first text it meets */
	(void)cel_eval_run(eval, program, slots, NULL);
	before = allocations;
	for (int b = 0; b < BATCHES; b++) {
		double start = now_ns();

		for (int i = 0; i < 2000; i++) {
			/* the variables change from event to event */
			slots[2].i = 443 + (i & 1);
			hits += cel_is_true(cel_eval_run(eval, program, slots, NULL));
		}
		figures[b] = (now_ns() - start) / 2000;
	}
	in_evaluations += allocations - before;
	printf("cel.eval.%s %.2f ns\n", name, median(figures));
	cel_eval_free(eval);
	cel_program_free(program);
	return hits > BATCHES * 2000;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name, *text;
	} rules[] = {
		{ "int", "port == 443" },
		{ "string", "host == \"api.example.com\"" },
		{ "rule", "host.endsWith(\".example.com\") && method == \"POST\"" },
		{ "in", "host in [\"a.org\", \"b.org\", \"c.org\", \"api.example.com\"]" },
		{ "exists", "tags.exists(t, t == \"prod\")" },
		{ "matches", "path.matches(\"^/v[0-9]+/messages\")" },
		{ "mixed",
		  "port > 400 && (path.startsWith(\"/v1/\") || path.contains(\"batch\")) && "
		  "!(method in [\"GET\", \"HEAD\"])" },
	};

	if (argc == 2)
		return measure("given", argv[1]);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (measure(rules[i].name, rules[i].text))
			return 1;
	printf("cel.allocations.all %lu allocations\n", in_evaluations);
	return 0;
}
