/*
 * reader - a log file as runs of whole lines, in large pieces and in constant memory.
 *
 * Plain reads and not a mapping: a file that shrinks while it is read must not kill the reader.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define READER_BYTES (4u << 20)

struct reader {
	int fd; /* borrowed */
	char *p;
	size_t start, end;
	uint64_t offset; /* in the file, of p[start] */
	bool eof;
};

int reader_init(struct reader *r, int fd); /* -ENOMEM; reads from the fd's position on */
void reader_done(struct reader *r);

/*
 * The next whole lines, their newlines included; valid until the next call. Empty at the end:
 * then reader_rest() is the torn line. -EMSGSIZE: a line of more than READER_BYTES. -errno.
 */
int reader_lines(struct reader *r, struct str *ret_lines);
/* @n bytes of what reader_lines() gave are done with; @n ends behind a newline. */
void reader_take(struct reader *r, size_t n);
struct str reader_rest(const struct reader *r);
