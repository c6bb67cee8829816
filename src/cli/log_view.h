/*
 * log_view - one record as one line for people. The bytes may be anybody's: every string is written
 * again through the JSON writer, so nothing in a record can act on the terminal.
 */
#pragma once

#include "audit/line.h"
#include "base/buf.h"

struct log_view {
	int64_t start_ns;       /* of the first record: times are also shown relative to it */
	size_t width;           /* columns to keep to; 0: any */
	uint64_t unsigned_from; /* records from here on are marked: nobody vouches for them */
	struct str
		type; /* only records of this type or, with a '*' at its end, this prefix; empty: all */
};

/* Append the line (with a newline) for one record; false: filtered out. */
bool log_view_line(struct log_view *view, struct str line, struct buf *out);
