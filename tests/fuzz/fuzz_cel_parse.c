/* Any text as an expression: a tree under its caps, with every place inside the text, or problems. */
#include "base/own.h"
#include "cel/parse.h"

#include <stdlib.h>

static const struct cel_env env = { .macros = true, .optional = true };

static uint32_t source_size;

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void walk(const struct cel_expr *x);

static void walk_all(struct cel_expr *const *items, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		walk(items[i]);
}

static void walk(const struct cel_expr *x)
{
	must(x->at < x->end && x->end <= source_size + 1);
	must(x->height >= 1 && x->height <= CEL_HEIGHT_MAX);
	switch (x->kind) {
	case CEL_X_LITERAL:
	case CEL_X_IDENT: break;
	case CEL_X_SELECT: walk(x->select.operand); break;
	case CEL_X_CALL:
		if (x->call.target)
			walk(x->call.target);
		walk_all(x->call.args, x->call.n_args);
		break;
	case CEL_X_LIST: walk_all(x->list.items, x->list.n); break;
	case CEL_X_MAP:
	case CEL_X_STRUCT:
		for (uint32_t i = 0; i < x->map.n; i++) {
			walk(x->map.entries[i].key);
			walk(x->map.entries[i].value);
		}
		break;
	case CEL_X_FOLD:
		must(x->fold.var.n && x->fold.accu.n);
		walk(x->fold.range);
		walk(x->fold.init);
		walk(x->fold.cond);
		walk(x->fold.step);
		walk(x->fold.result);
		break;
	default: abort();
	}
}

static void report(void *ctx, const struct cel_problem *problem)
{
	unsigned *count = ctx;

	must(problem->line >= 1 && problem->col >= 1 && problem->width >= 1);
	must(problem->text[0] && problem->at <= source_size + 1);
	++*count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(4 << 20);
	unsigned count = 0;
	struct cel_expr *x;
	int r;

	source_size = (uint32_t)size;
	r = cel_parse(&arena, &env, (struct str){ .p = (const char *)data, .n = size }, report,
		      &count, &x);
	must((r == 0) == (count == 0) && count <= 10);
	if (r == 0)
		walk(x);
	return 0;
}
