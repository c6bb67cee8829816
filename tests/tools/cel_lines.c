/*
 * cel_lines - evaluate one expression per line of standard input, for tests that hold functions
 * against other programs.
 *
 * For each line "= TEXT" with the result as %s writes it, or "! TEXT" with what went wrong; line
 * feeds in the text as "\n".
 */
#include "cel/cel.h"
#include "cel/format.h"

#include <errno.h>
#include <stdio.h>

static const struct cel_library *const libraries[] = {
	&cel_lib_standard, &cel_lib_strings, &cel_lib_math,  &cel_lib_lists,    &cel_lib_sets,
	&cel_lib_encoders, &cel_lib_network, &cel_lib_regex, &cel_lib_optional, &cel_lib_capsule,
};

static const struct cel_env env = {
	.libraries = libraries,
	.n_libraries = sizeof(libraries) / sizeof(libraries[0]),
	.macros = true,
	.optional = true,
};

static void say(char mark, struct str text)
{
	printf("%c ", mark);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n')
			printf("\\n");
		else
			putchar(text.p[i]);
	}
	putchar('\n');
}

static void report(void *ctx, const struct cel_problem *problem)
{
	bool *said = ctx;

	if (!*said)
		say('!', str_of(problem->text));
	*said = true;
}

static void evaluate(struct cel_eval *eval, struct str source)
{
	bool said = false;
	struct cel_options options = { .report = report, .ctx = &said };
	struct cel_program *program;
	struct cel_value v;

	if (cel_compile(&env, source, &options, &program) < 0) {
		if (!said)
			say('!', STR("does not compile"));
		return;
	}
	v = cel_eval_run(eval, program, NULL, NULL);
	if (v.kind != CEL_ERROR)
		v = cel_format(eval, STR("%s"),
			       (struct cel_value){ .kind = CEL_LIST, .n = 1, .items = &v });
	if (v.kind == CEL_ERROR)
		say('!', str_of(v.error->text));
	else
		say('=', cel_str(v));
	cel_program_free(program);
}

int main(void)
{
	static char line[CEL_SOURCE_MAX + 2];
	struct cel_eval *eval = cel_eval_new(NULL);

	if (!eval)
		return 1;
	while (fgets(line, sizeof(line), stdin))
		evaluate(eval, (struct str){ line, strcspn(line, "\n") });
	cel_eval_free(eval);
	return 0;
}
