/*
 * What evaluations take from the heap: nothing, but for the cases that regex.h and pattern.h name.
 * Every allocation of the process is counted, those of RE2 included.
 */
#include "cel/cel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static unsigned long allocations;

#ifndef SANITIZED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *realloc(void *p, size_t size)
{
	allocations++;
	return __libc_realloc(p, size);
}
#endif

static const struct cel_library *const libraries[] = {
	&cel_lib_standard, &cel_lib_strings, &cel_lib_math,  &cel_lib_lists,    &cel_lib_sets,
	&cel_lib_encoders, &cel_lib_network, &cel_lib_regex, &cel_lib_optional, &cel_lib_capsule,
};
static const struct cel_decl decls[] = {
	{ "host", &cel_type_string, 0, NULL, NULL },
	{ "path", &cel_type_string, 1, NULL, NULL },
	{ "pattern", &cel_type_string, 2, NULL, NULL },
};
static const struct cel_env env = {
	.decls = decls,
	.n_decls = sizeof(decls) / sizeof(decls[0]),
	.libraries = libraries,
	.n_libraries = sizeof(libraries) / sizeof(libraries[0]),
	.macros = true,
	.optional = true,
};

static struct cel_value slots[3];

/* Allocations of the first and of the second evaluation. */
static void count(const char *source, unsigned long *ret_first, unsigned long *ret_second)
{
	struct cel_options options = { .result = &cel_type_bool };
	struct cel_program *program;
	struct cel_eval *eval = cel_eval_new(NULL);
	unsigned long before;

	assert_non_null(eval);
	assert_int_equal(cel_compile(&env, str_of(source), &options, &program), 0);
	before = allocations;
	assert_int_equal(cel_eval_run(eval, program, slots, NULL).kind, CEL_BOOL);
	*ret_first = allocations - before;
	before = allocations;
	assert_int_equal(cel_eval_run(eval, program, slots, NULL).kind, CEL_BOOL);
	*ret_second = allocations - before;
	cel_program_free(program);
	cel_eval_free(eval);
}

static void evaluations(void **state)
{
	static const char *const none[] = {
		"host.endsWith('.example.com') && path.startsWith('/v1/')",
		"host.matches('^api[.]') || host.matches(r'\\.example\\.com$')",
		"path.matches(r'^/v\\d+/[a-z]+$')",
		"path.glob('/v1/**/*.{js,ts}') || path.under('/v1')",
		"path.glob(pattern)",
		"host.domain() == 'example.com' && !path.secret() && path.entropy() < 5.0",
		"'%s:%s %.2f'.format([host, path, 1.5]).size() > 3",
		"host.split('.').sortBy(x, x.size()).distinct().join('-') != ''",
		"cidr('10.0.0.0/8').containsIP('10.1.2.3') && string(ip('2001:DB8::1')) != host",
		"base64.decode(base64.encode(bytes(path))) == bytes(path)",
		"host.replace('a', 'b').upperAscii().reverse().trim().indexOf('M') >= 0",
	};

	(void)state;
#ifdef SANITIZED
	print_message("skipped: the sanitizer has the heap\n");
	skip();
#endif
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		unsigned long first, second;

		count(none[i], &first, &second);
		if (second != 0)
			fail_msg("'%s' allocates %lu times", none[i], second);
		/* the first may meet states of an automaton that the load did not */
		if (first != 0 && !strstr(none[i], "matches"))
			fail_msg("'%s' allocates %lu times at first", none[i], first);
	}
}

/* Where the manuals say that something is allocated, it is: else they, or this count, are wrong. */
static void exceptions(void **state)
{
	unsigned long first, second;

	(void)state;
#ifdef SANITIZED
	print_message("skipped: the sanitizer has the heap\n");
	skip();
#endif
	count("path.matches(pattern)", &first, &second);
	assert_true(second > 0);
	count("regex.extract(path, '/(v[0-9]+)/[a-z]*').hasValue()", &first, &second);
	assert_int_equal(second, 0);
	count("path.matches('[^a]{3}u[a-z]e+r(.|x){2}$')", &first, &second);
	assert_true(first > 0);
	assert_int_equal(second, 0);
}

static int set_up(void **state)
{
	(void)state;
	slots[0] = cel_string(STR("api.example.com"));
	slots[1] = cel_string(STR("/v1/users"));
	slots[2] = cel_string(STR("/v?/*[a-z]"));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(evaluations),
					    cmocka_unit_test(exceptions) };

	return cmocka_run_group_tests(tests, set_up, NULL);
}
