/*
 * err - the error a person reads.
 *
 * Two currencies: mechanism returns a negative errno; whatever a person may read goes into a
 * `struct err`, filled once, where it happened. A function that takes a `struct err *` takes it as
 * its last argument and returns a negative errno; on success the err is untouched. NULL is allowed
 * everywhere: the caller then only wants the number.
 *
 * The first fill wins: a second err_set() on a filled err only prepends context, so that the text
 * reads from the general to the particular: "cannot start session: /opt/x: No such file".
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define ERR_TEXT_MAX 1024 /* bytes, NUL included; longer text is cut and ends in "..." */
#define ERR_FILE_MAX 512  /* likewise */

struct err {
	int code; /* positive errno; 0: no error is held */
	/* What is to blame: set by err_at(), which also puts it before the text. */
	unsigned line, col;      /* from 1; 0: the file as a whole */
	char file[ERR_FILE_MAX]; /* "": no file is */
	char text[ERR_TEXT_MAX];
};

#define ERR_INIT ((struct err){ .code = 0 })

/*
 * Fill @err with the formatted text followed by ": strerror(code)" and return -code. With code 0
 * EINVAL is returned and nothing is appended: for errors that are the user's and have no errno.
 * When @err already holds an error, the new text is put before the old and the old code stays.
 */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same without the strerror() tail. @code may be positive or 0 (EINVAL). */
int err_text(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * err_text() for what a file says: the text begins with "FILE:LINE:COL: ", and the place is kept in
 * @err for those who report it as data. Only the first fill has a place. @line 0: the file as a
 * whole; @file NULL: no place.
 */
int err_at(struct err *err, int code, const char *file, unsigned line, unsigned col,
	   const char *fmt, ...) __attribute__((format(printf, 6, 7)));

static inline bool err_is_set(const struct err *err)
{
	return err && err->code != 0;
}
