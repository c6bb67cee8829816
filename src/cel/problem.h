/*
 * problem - mistakes of one expression on their way to whoever asked for them.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "cel/cel.h"

#define CEL_PROBLEMS_MAX 10

struct cel_problems {
	struct str source;
	cel_report *report; /* may be NULL */
	void *ctx;
	unsigned count; /* also those that nobody was told of */
	bool full;      /* a cap was reached: the end, with -E2BIG */
};

/*
 * Report bytes [at, end) of the source, which are underlined as far as their first line goes. Control
 * characters in the text become '?', a text that is too long is cut. After ten nothing is told.
 */
__attribute__((format(printf, 4, 5))) void cel_problem_add(struct cel_problems *ps, uint32_t at,
							   uint32_t end, const char *fmt, ...);

#define CEL_NO_MEMORY "the expression needs too much memory"

/* The same for a cap: only the first is told, and nothing after it matters. */
void cel_problem_full(struct cel_problems *ps, uint32_t at, uint32_t end, const char *text);

/* Line and column, from 1, of byte @at. */
void cel_source_at(struct str source, uint32_t at, unsigned *ret_line, unsigned *ret_col);

/* 0, -EBADMSG or -E2BIG by what was reported. */
int cel_problems_result(const struct cel_problems *ps);

/* The type as in cel_type_print(), cut after 80 bytes. */
void cel_problem_put_type(struct buf *out, const struct cel_type *type);
