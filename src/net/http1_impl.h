/*
 * http1_impl - what the files of http1 share.
 */
#pragma once

#include "net/http1.h"

/* Bytes of a token (RFC 9110 5.6.2). */
bool http1_is_token(struct str s);

/* The same but for the case of letters; @lower is in lower case. */
bool http1_is(struct str s, const char *lower);

/* Is @name among the NULL-terminated @names? */
bool http1_is_among(struct str name, const char *const *names);

/* A line of "name: value", without its end. */
enum http1_error http1_take_field(struct str line, struct http1_field *ret);

/* The next element of a list "a, b ,, c" (RFC 9110 5.6.1), which *@rest begins with; empty ones too. */
bool http1_list_next(struct str *rest, struct str *ret_element);

/*
 * Look at the bytes of @s from *@at on, which moves: 0 when a line's end is met that is empty, so
 * that the head is @s up to *@at; -EAGAIN; -EBADMSG. Everything before *@at must have passed here.
 */
int http1_scan(struct str s, size_t *at, enum http1_error *ret_error);

/* Fields that a Connection field may not name, nor a trailer be. */
extern const char *const http1_end_to_end[];
