/*
 * Any text as an expression of an environment like that of events: whatever is checked has only types
 * without variables, whatever is refused says why. Resolving without types fails only for memory.
 */
#include "base/own.h"
#include "cel/check.h"
#include "cel/parse.h"

#include <errno.h>
#include <stdlib.h>

static const struct cel_overload overloads[] = {
	{ .name = "header", .args = "Rs:s", .flags = CEL_FN_MEMBER },
	{ .name = "hasHeader", .args = "Rs:b", .flags = CEL_FN_MEMBER },
	{ .name = "optional.of", .args = "A:OA" },
	{ .name = "optional.none", .args = ":OA" },
	{ .name = "value", .args = "OA:A", .flags = CEL_FN_MEMBER },
	{ .name = "hasValue", .args = "OA:b", .flags = CEL_FN_MEMBER },
	{ .name = "or", .args = "OAOA:OA", .flags = CEL_FN_MEMBER },
	{ .name = CEL_OP_OPT_INDEX, .args = "MABA:OB" },
	{ .name = "t", .args = "ABC:@t(ABC)" },
	{ .name = "t", .args = "@t(ABC)@t(BCA):@t(CAB)" },
	{ .name = "w", .args = "A:WA" },
};
static const struct cel_library own = { "own", overloads, sizeof(overloads) / sizeof(*overloads) };
static const struct cel_library *const libraries[] = { &own, &cel_lib_standard, &cel_lib_strings,
						       &cel_lib_math, &cel_lib_lists };

static const struct cel_type list_string = { .kind = CEL_T_LIST, .param = { &cel_type_string } };
static const struct cel_type map_lists = { .kind = CEL_T_MAP,
					   .param = { &cel_type_string, &list_string } };
static const struct cel_decl fields[] = {
	{ .name = "h.r.s", .type = &cel_type_string, .slot = 0 },
	{ .name = "h.r.i", .type = &cel_type_int, .slot = 1 },
	{ .name = "h.r.m", .type = &map_lists, .slot = 2 },
};
static const struct cel_decl deeper[] = {
	{ .name = "h.r.b.y", .type = &cel_type_bytes, .slot = 3 },
};
static const struct cel_record record = { "h.r", fields, 3, 1 };
static const struct cel_record below = { "h.r.b", deeper, 1, 2 };
static const struct cel_record *const records[] = { &record, &below };
static const struct cel_decl decls[] = {
	{ .name = "x", .type = &cel_type_int, .slot = 4 },
	{ .name = "d", .type = &cel_type_dyn, .slot = 5 },
	{ .name = "l", .type = &list_string, .slot = 6 },
	{ .name = "h.x", .type = &cel_type_bool, .slot = 7 },
};
static const struct cel_env env = { .container = "h.r",
				    .decls = decls,
				    .n_decls = 4,
				    .records = records,
				    .n_records = 2,
				    .libraries = libraries,
				    .n_libraries = 5,
				    .macros = true,
				    .optional = true };

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
	must(x->type && !x->type->open && x->type->kind != CEL_T_ERROR);
	if (x->decl)
		return;
	switch (x->kind) {
	case CEL_X_SELECT: walk(x->select.operand); break;
	case CEL_X_CALL:
		if (x->call.target && !x->call.qualified)
			walk(x->call.target);
		walk_all(x->call.args, x->call.n_args);
		break;
	case CEL_X_LIST: walk_all(x->list.items, x->list.n); break;
	case CEL_X_MAP:
		for (uint32_t i = 0; i < x->map.n; i++) {
			walk(x->map.entries[i].key);
			walk(x->map.entries[i].value);
		}
		break;
	case CEL_X_FOLD:
		walk(x->fold.range);
		walk(x->fold.init);
		walk(x->fold.cond);
		walk(x->fold.step);
		walk(x->fold.result);
		break;
	default: break;
	}
}

static void report(void *ctx, const struct cel_problem *problem)
{
	unsigned *count = ctx;

	must(problem->line >= 1 && problem->col >= 1 && problem->width >= 1);
	must(problem->text[0]);
	++*count;
}

/* Parse again: checking changes the tree. */
static struct cel_expr *parse(struct arena *arena, struct str source)
{
	struct cel_expr *x;

	return cel_parse(arena, &env, source, NULL, NULL, &x) ? NULL : x;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(8 << 20);
	struct str source = { .p = (const char *)data, .n = size };
	const struct cel_type *type;
	struct cel_expr *x = parse(&arena, source);
	unsigned count = 0;
	int r;

	if (!x)
		return 0;
	r = cel_check(&arena, &env, source, x, size % 2 ? &cel_type_bool : NULL, report, &count,
		      &type);
	must((r == 0) == (count == 0) && count <= 10);
	if (r == 0) {
		must(type == x->type);
		walk(x);
	}
	x = parse(&arena, source);
	count = 0;
	if (x)
		must(cel_resolve(&arena, &env, source, x, report, &count) == 0 || count == 1);
	return 0;
}
