/*
 * reads - which fields of an event an expression looks at.
 *
 * Taken from the checked tree, so that http.request.header("x") is the header x, a name inside a
 * text is nothing, and a loop's variable is no field.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "cel/cel.h"
#include "event/event.h"

struct engine_read {
	enum event_field field;
	struct str header; /* lower case: one header of the field; .p NULL: the whole field */
	uint32_t at;       /* where it is first named, as a byte offset */
};

#define ENGINE_READS_MAX 64

/*
 * In the order of the text, each once, at most ENGINE_READS_MAX; they live in @arena, as does the
 * tree. -EBADMSG: @source is no expression over events.
 */
int engine_reads(struct arena *arena, struct str source, const struct engine_read **ret_reads,
		 size_t *ret_n);

/* "http.request.host", "http.request.headers.authorization". */
void engine_read_name(const struct engine_read *read, struct buf *out);

/*
 * What it reads in @event: the field's value; of a header its text, several joined by ", ", which
 * lives in @arena. Kind CEL_ERROR: it has none.
 */
struct cel_value engine_read_value(const struct engine_read *read, const struct event *event,
				   struct arena *arena);
