/*
 * diag - what is wrong with a policy, as a person wants to read it.
 *
 *	capsule.yaml:12:1: error: unknown key 'filesytem'; did you mean 'filesystem'?
 *	   12 | filesytem:
 *	      | ^~~~~~~~~
 *
 * Mistakes are collected, up to DIAG_ERRORS_MAX, so that one run tells them all. Nothing printed
 * here can move a terminal's cursor: policy text was checked for control characters when it was
 * read, and names of files are escaped.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "policy/policy.h"

#define DIAG_ERRORS_MAX 10
#define DIAG_WARNINGS_MAX 20
#define DIAG_FILES_MAX 16

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag_file {
	const char *name; /* compared by address with policy_where.file */
	struct str text;
};

struct diag {
	struct buf *out;   /* NULL: nobody reads it */
	policy_told *told; /* NULL: nobody listens */
	void *ctx;
	struct diag_file files[DIAG_FILES_MAX];
	unsigned n_files;
	unsigned errors, warnings;
	/* The first error, one line; the file's name lives as long as the load. */
	struct policy_where first_where;
	char first[1024];
};

/* Remember a file's text, to quote its lines: both live as long as @d. */
void diag_file_add(struct diag *d, const char *name, struct str text);
/* The file's memory goes away: its lines are quoted no more. */
void diag_file_forget(struct diag *d, const char *name);

__attribute__((format(printf, 5, 6))) void diag_add(struct diag *d, enum diag_level level,
						    struct policy_where where, unsigned width,
						    const char *fmt, ...);

/* Ten errors: no use in going on. */
static inline bool diag_full(const struct diag *d)
{
	return d->errors >= DIAG_ERRORS_MAX;
}

/* 0 without errors; else -EBADMSG with the first one, and the number of the others, in @err. */
int diag_result(const struct diag *d, struct err *err);
/* The first one alone, with another errno. */
int diag_first(const struct diag *d, int code, struct err *err);

/* Line @line (from 1) of @text, without its end. */
struct str diag_line(struct str text, unsigned line);
