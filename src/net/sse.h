/*
 * sse - events of a text/event-stream (HTML Standard 9.2.6), looked at while they pass.
 *
 * An observer: the stream itself is forwarded as it comes, and nothing in it is an error. The one thing that can go
 * wrong is that an event is larger than the memory that was given for one; then it is told with as much
 * of it as there was room for, and marked. Lines end in CR, LF or CRLF; a byte order mark in front, comments
 * and unknown fields are nothing; data lines are joined by LF; an event without data is none; what is
 * not ended by an empty line when the stream ends was no event.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define SSE_NAME_MAX 128 /* bytes of an event's type, or its id, that are kept */

struct sse_name {
	char p[SSE_NAME_MAX];
	uint8_t n;
	bool cut;
};

struct sse {
	char *room; /* data so far, then the line that is being read */
	size_t cap, data_n, line_n;
	bool data, data_cut, line_cut;
	bool after_cr;
	uint8_t bom; /* bytes of it at the start that were seen; 4: no longer */
	struct sse_name type, id;
};

struct sse_event {
	struct str type; /* "message" where none is given */
	struct str id;   /* the last one that was given */
	struct str data;
	bool cut; /* something of it had no room */
};

/* @room of @cap bytes is for the data of one event and one line, and is the caller's. */
void sse_init(struct sse *s, char *room, size_t cap);

/*
 * Look at @in: 1: *@ret has the event that ends with its first *@ret_used bytes, until the next call;
 * 0: all of @in was looked at, there is no further event in it.
 */
int sse_next(struct sse *s, struct str in, size_t *ret_used, struct sse_event *ret);
