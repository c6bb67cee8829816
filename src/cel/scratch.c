#include "cel/eval.h"
#include "cel/type.h"
#include "codec/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define STEPS_DEFAULT 100000
#define MEMORY_DEFAULT (256U * 1024)
#define TEXT_MAX 256
/* What making the text of an error costs, in steps of some nanoseconds. */
#define FAIL_STEPS 8

static const struct cel_error out_of_steps = { CEL_E_STEPS, "the budget of steps is used up" };
static const struct cel_error out_of_memory = { CEL_E_MEMORY, "the budget of memory is used up" };

void cel_eval_init(struct cel_eval *eval, void *scratch, size_t size, uint64_t steps)
{
	*eval = (struct cel_eval){
		.start = scratch,
		.at = scratch,
		.end = (char *)scratch + (size & ~(size_t)15),
		.steps = steps,
		.steps_max = steps,
	};
}

struct cel_eval *cel_eval_new(const struct cel_limits *limits)
{
	size_t memory = limits && limits->memory ? limits->memory : MEMORY_DEFAULT;
	size_t head = (sizeof(struct cel_eval) + 15) & ~(size_t)15;
	struct cel_eval *eval;

	if (memory > SIZE_MAX - head)
		return NULL;
	eval = malloc(head + memory);
	if (eval)
		cel_eval_init(eval, (char *)eval + head, memory,
			      limits && limits->steps ? limits->steps : STEPS_DEFAULT);
	return eval;
}

struct cel_eval *cel_eval_free(struct cel_eval *eval)
{
	free(eval);
	return NULL;
}

void cel_eval_freep(struct cel_eval **eval)
{
	*eval = cel_eval_free(*eval);
}

void *cel_eval_user(const struct cel_eval *eval)
{
	return eval->user;
}

uint64_t cel_eval_steps(const struct cel_eval *eval)
{
	return eval->steps_max - eval->steps;
}

void *cel_scratch(struct cel_eval *eval, size_t size)
{
	char *p = eval->at;
	size_t left = (size_t)(eval->end - p);

	/* left is a multiple of 16, so rounding up cannot pass the end */
	if (size > left)
		return NULL;
	eval->at = p + ((size + 15) & ~(size_t)15);
	return p;
}

struct cel_value cel_fail_memory(struct cel_eval *eval)
{
	if (!eval->fatal)
		eval->fatal = &out_of_memory;
	return cel_error_value(eval->fatal);
}

bool cel_charge(struct cel_eval *eval, uint64_t steps)
{
	if (steps > eval->steps) {
		eval->steps = 0;
		return false;
	}
	eval->steps -= steps;
	return true;
}

struct cel_value cel_fail_steps(struct cel_eval *eval)
{
	eval->steps = 0;
	if (!eval->fatal)
		eval->fatal = &out_of_steps;
	return cel_error_value(eval->fatal);
}

struct cel_value cel_fail(struct cel_eval *eval, enum cel_error_code code, const char *fmt, ...)
{
	struct cel_error *error;
	char text[TEXT_MAX + 1];
	va_list ap;
	int n;

	if (code == CEL_E_STEPS || !cel_charge(eval, FAIL_STEPS))
		return cel_fail_steps(eval);
	if (code == CEL_E_MEMORY)
		return cel_fail_memory(eval);
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	if (n > TEXT_MAX)
		n = TEXT_MAX;
	error = cel_scratch(eval, sizeof(*error) + (size_t)n + 1);
	if (!error)
		return cel_fail_memory(eval);
	memcpy(error + 1, text, (size_t)n);
	((char *)(error + 1))[n] = '\0';
	*error = (struct cel_error){ .code = code, .text = (char *)(error + 1) };
	return cel_error_value(error);
}

const char *cel_kind_name(enum cel_kind kind)
{
	static const char *const names[CEL_KIND_N] = {
		[CEL_NULL] = "null_type",
		[CEL_BOOL] = "bool",
		[CEL_INT] = "int",
		[CEL_UINT] = "uint",
		[CEL_DOUBLE] = "double",
		[CEL_STRING] = "string",
		[CEL_BYTES] = "bytes",
		[CEL_LIST] = "list",
		[CEL_MAP] = "map",
		[CEL_TYPE] = "type",
		[CEL_TIMESTAMP] = "google.protobuf.Timestamp",
		[CEL_DURATION] = "google.protobuf.Duration",
		[CEL_OPTIONAL] = "optional_type",
		[CEL_IP] = "net.IP",
		[CEL_CIDR] = "net.CIDR",
		[CEL_RECORD] = "record",
		[CEL_ERROR] = "error",
	};

	return names[kind];
}

struct cel_value cel_no_overload(struct cel_eval *eval, const char *name,
				 const struct cel_value *args, unsigned n)
{
	char kinds[200];
	size_t at = 0;

	kinds[0] = '\0';
	for (unsigned i = 0; i < n && at < sizeof(kinds) - 40; i++)
		at += (size_t)snprintf(kinds + at, sizeof(kinds) - at, "%s%s", i ? ", " : "",
				       cel_kind_name(args[i].kind));
	return cel_fail(eval, CEL_E_NO_SUCH_OVERLOAD, "no such overload: %.100s(%s)", name, kinds);
}

size_t cel_utf8_length(struct str s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.n; i++)
		count += ((uint8_t)s.p[i] & 0xc0) != 0x80;
	return count;
}
