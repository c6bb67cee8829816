/*
 * file - reading and writing descriptors whole: short counts and interruptions are seen to.
 *
 * All return 0 or a negative errno.
 */
#pragma once

#include "base/buf.h"

#include <stddef.h>

/* All @n bytes. -EIO: the file takes no more. */
int fd_write_all(int fd, const void *p, size_t n);

/* To the end of the file, which must come within @cap bytes (-EFBIG); *@ret_n of them. */
int fd_read_small(int fd, void *p, size_t cap, size_t *ret_n);

/* To the end of the file, appended to @to; -EFBIG when @to will not hold it. */
int fd_read_all(int fd, struct buf *to);
