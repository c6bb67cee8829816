/* base64 - RFC 4648 section 4, with padding, strict: no white space, no stray bits. */
#pragma once

#include "base/buf.h"

#include <stdint.h>

#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

void base64_put(struct buf *b, const void *p, size_t n);
/* Decode all of @s to @out of @cap bytes. -EBADMSG: not base64; -ENOBUFS: too long. */
int base64_decode(struct str s, uint8_t *out, size_t cap, size_t *ret_n);
