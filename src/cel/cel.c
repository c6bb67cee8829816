/* From text to program: parse, check, compile. */
#include "cel/cel.h"
#include "base/own.h"
#include "cel/check.h"
#include "cel/compile.h"
#include "cel/parse.h"
#include "cel/type.h"

#include <errno.h>
#include <stdlib.h>

#define MEMORY_DEFAULT (4U << 20)
#define TYPE_DEPTH_MAX 64

/* A copy of @type in the program; beyond a depth that nobody reads, dyn. */
static const struct cel_type *type_keep(struct cel_program *program, const struct cel_type *type,
					unsigned depth)
{
	struct cel_type *copy;
	char *name;

	if (depth == TYPE_DEPTH_MAX)
		return &cel_type_dyn;
	if (type->kind < CEL_T_TYPE)
		return type; /* those without parameters are constants */
	copy = cel_program_alloc(program, sizeof(*copy));
	if (!copy)
		return NULL;
	*copy = *type;
	for (size_t i = 0; i < sizeof(copy->param) / sizeof(copy->param[0]); i++) {
		if (!type->param[i])
			continue;
		copy->param[i] = type_keep(program, type->param[i], depth + 1);
		if (!copy->param[i])
			return NULL;
	}
	if (type->name.n) {
		name = cel_program_alloc(program, type->name.n);
		if (!name)
			return NULL;
		memcpy(name, type->name.p, type->name.n);
		copy->name.p = name;
	}
	return copy;
}

static int compile_tree(const struct cel_env *env, struct str source,
			const struct cel_options *options, const struct cel_expr *tree,
			const struct cel_type *type, struct cel_program *program)
{
	struct cel_problems problems = {
		.source = source,
		.report = options->report,
		.ctx = options->ctx,
	};
	struct cel_compile c = {
		.env = env,
		.program = program,
		.problems = &problems,
		.unchecked = options->unchecked,
	};
	int rc = cel_compile_tree(&c, tree);

	if (rc < 0)
		return rc;
	program->type = type_keep(program, type, 0);
	return program->type ? 0 : -ENOMEM;
}

int cel_compile(const struct cel_env *env, struct str source, const struct cel_options *options,
		struct cel_program **ret_program)
{
	static const struct cel_options defaults;
	const struct cel_options *o = options ? options : &defaults;
	size_t memory = o->memory_max ? o->memory_max : MEMORY_DEFAULT;
	AUTO(arena_done) struct arena arena = ARENA_INIT(memory);
	AUTO(cel_program_freep) struct cel_program *program = NULL;
	const struct cel_type *type = &cel_type_dyn;
	struct cel_expr *tree;
	int rc;

	rc = cel_parse(&arena, env, source, o->report, o->ctx, &tree);
	if (rc < 0)
		return rc;
	rc = o->unchecked
		     ? cel_resolve(&arena, env, source, tree, o->report, o->ctx)
		     : cel_check(&arena, env, source, tree, o->result, o->report, o->ctx, &type);
	if (rc < 0)
		return rc;
	program = calloc(1, sizeof(*program));
	if (!program)
		return -ENOMEM;
	program->bytes_max = memory;
	rc = compile_tree(env, source, o, tree, type, program);
	if (rc < 0)
		return rc;
	*ret_program = take_ptr(&program);
	return 0;
}
