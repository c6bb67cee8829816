#include "evaluators.h"

#include "../reference/reference.h"
#include "base/own.h"
#include "cel/check.h"
#include "cel/parse.h"
#include "cel/program.h"

#include <stdlib.h>

#define SCRATCH (256U << 10)
#define STEPS 2000

static const struct cel_type list_string = { .kind = CEL_T_LIST, .param = { &cel_type_string } },
			     list_int = { .kind = CEL_T_LIST, .param = { &cel_type_int } },
			     map_string = { .kind = CEL_T_MAP,
					    .param = { &cel_type_string, &cel_type_string } },
			     optional_int = { .kind = CEL_T_OPTIONAL, .param = { &cel_type_int } };

static const struct cel_decl decls[] = {
	{ .name = "s", .type = &cel_type_string, .slot = 0 },
	{ .name = "i", .type = &cel_type_int, .slot = 1 },
	{ .name = "u", .type = &cel_type_uint, .slot = 2 },
	{ .name = "f", .type = &cel_type_double, .slot = 3 },
	{ .name = "b", .type = &cel_type_bool, .slot = 4 },
	{ .name = "y", .type = &cel_type_bytes, .slot = 5 },
	{ .name = "l", .type = &list_string, .slot = 6 },
	{ .name = "n", .type = &list_int, .slot = 7 },
	{ .name = "m", .type = &map_string, .slot = 8 },
	{ .name = "t", .type = &cel_type_timestamp, .slot = 9 },
	{ .name = "d", .type = &cel_type_dyn, .slot = 10 },
	{ .name = "o", .type = &optional_int, .slot = 11 },
	{ .name = "none", .type = &cel_type_string, .slot = 12 },
};
static const struct cel_decl fields[] = {
	{ .name = "r.s", .type = &cel_type_string, .slot = 13 },
	{ .name = "r.i", .type = &cel_type_int, .slot = 14 },
	{ .name = "r.l", .type = &list_string, .slot = 15 },
	{ .name = "r.t", .type = &cel_type_timestamp, .slot = 16 },
};
static const struct cel_record record = { .name = "r", .fields = fields, .n_fields = 4 };
static const struct cel_record *const records[] = { &record };
static const struct cel_library *const libraries[] = {
	&cel_lib_standard, &cel_lib_optional, &cel_lib_strings, &cel_lib_math,  &cel_lib_lists,
	&cel_lib_sets,     &cel_lib_encoders, &cel_lib_network, &cel_lib_regex,
};
static const struct cel_env env = {
	.decls = decls,
	.n_decls = sizeof(decls) / sizeof(decls[0]),
	.records = records,
	.n_records = 1,
	.libraries = libraries,
	.n_libraries = sizeof(libraries) / sizeof(libraries[0]),
	.macros = true,
	.optional = true,
};

#define S(z)                                                   \
	{                                                      \
		.kind = CEL_STRING, .n = sizeof(z) - 1, .p = z \
	}
#define I(v)                            \
	{                               \
		.kind = CEL_INT, .i = v \
	}

static const struct cel_value strings[] = { S("a"), S("bc"), S(""), S("h\xc3\xa9") };
static const struct cel_value numbers[] = { I(3), I(-1), I(0), I(INT64_MAX) };
static const struct cel_entry entries[] = { { S("a"), S("b") }, { S("x"), S("") } };
static const struct cel_value mixed[] = { I(1), S("a"), { .kind = CEL_NULL } };
static const struct cel_value seven = I(7);
static const struct cel_value slots[] = {
	S("api.example.com"),
	I(443),
	{ .kind = CEL_UINT, .u = 8 },
	{ .kind = CEL_DOUBLE, .d = 1.5 },
	{ .kind = CEL_BOOL, .b = true },
	{ .kind = CEL_BYTES, .n = 2, .p = "\xff\x01" },
	{ .kind = CEL_LIST, .n = 4, .items = strings },
	{ .kind = CEL_LIST, .n = 4, .items = numbers },
	{ .kind = CEL_MAP, .n = 2, .entries = entries },
	{ .kind = CEL_TIMESTAMP, .i = 1234567890, .nanos = 500000000 },
	{ .kind = CEL_LIST, .n = 3, .items = mixed },
	{ .kind = CEL_OPTIONAL, .boxed = &seven },
	{ .kind = CEL_ERROR },
	{ .kind = CEL_ERROR },
	I(12),
	{ .kind = CEL_LIST, .n = 2, .items = strings },
	{ .kind = CEL_ERROR },
};

static void must(bool condition)
{
	if (!condition)
		abort();
}

/* Is a value of kind @kind what was deduced? */
static bool type_says(const struct cel_type *type, struct cel_value v)
{
	static const uint8_t kinds[] = {
		[CEL_T_NULL] = CEL_NULL,         [CEL_T_BOOL] = CEL_BOOL,
		[CEL_T_INT] = CEL_INT,           [CEL_T_UINT] = CEL_UINT,
		[CEL_T_DOUBLE] = CEL_DOUBLE,     [CEL_T_STRING] = CEL_STRING,
		[CEL_T_BYTES] = CEL_BYTES,       [CEL_T_TIMESTAMP] = CEL_TIMESTAMP,
		[CEL_T_DURATION] = CEL_DURATION, [CEL_T_IP] = CEL_IP,
		[CEL_T_CIDR] = CEL_CIDR,         [CEL_T_TYPE] = CEL_TYPE,
		[CEL_T_LIST] = CEL_LIST,         [CEL_T_MAP] = CEL_MAP,
		[CEL_T_OPTIONAL] = CEL_OPTIONAL,
	};

	/* null may stand for what is not a primitive */
	if (type->kind == CEL_T_DYN || type->kind >= sizeof(kinds) ||
	    (v.kind == CEL_NULL && type->kind >= CEL_T_TIMESTAMP))
		return true;
	return kinds[type->kind] == v.kind;
}

static void compare(struct cel_value a, struct cel_value b)
{
	if (cel_is_fatal(a) || cel_is_fatal(b))
		return;
	must((a.kind == CEL_ERROR) == (b.kind == CEL_ERROR));
	must(a.kind == CEL_ERROR || reference_same(a, b));
}

/* The tree as cel_compile() makes it. NULL: it is refused. */
static struct cel_expr *tree_of(struct arena *arena, struct str text, bool unchecked,
				const struct cel_type **ret_type)
{
	struct cel_expr *tree;

	if (cel_parse(arena, &env, text, NULL, NULL, &tree) < 0)
		return NULL;
	*ret_type = &cel_type_dyn;
	if (unchecked ? cel_resolve(arena, &env, text, tree, NULL, NULL) < 0
		      : cel_check(arena, &env, text, tree, NULL, NULL, NULL, ret_type) < 0)
		return NULL;
	return tree;
}

static void agree(struct str text, bool unchecked)
{
	static char scratch[2][SCRATCH] __attribute__((aligned(16)));
	AUTO(arena_done) struct arena arena = ARENA_INIT(16U << 20);
	AUTO(cel_program_freep) struct cel_program *program = NULL;
	struct cel_options options = { .unchecked = unchecked };
	const struct cel_type *type;
	struct cel_eval eval, walker;
	struct cel_expr *tree;
	struct cel_value v;

	if (cel_compile(&env, text, &options, &program) < 0)
		return;
	tree = tree_of(&arena, text, unchecked, &type);
	must(tree);
	cel_eval_init(&eval, scratch[0], SCRATCH, STEPS);
	v = cel_eval_run(&eval, program, slots, NULL);
	must(cel_eval_steps(&eval) <= STEPS && eval.at <= eval.end);
	must(v.kind == CEL_ERROR || type_says(cel_program_type(program), v));
	cel_eval_init(&walker, scratch[1], SCRATCH, STEPS * 10);
	compare(v, reference_eval(&walker, &env, tree, slots, NULL));
	/* an evaluation leaves nothing behind for the next one */
	compare(v, cel_eval_run(&eval, program, slots, NULL));
}

void evaluators_agree(struct str text)
{
	agree(text, false);
	agree(text, true);
}
