/*
 * prompt_page - a question as a page of a terminal. Text only: no descriptor, no clock.
 *
 * Every line is put at its own place and cut to the width, so nothing scrolls and nothing wraps; all that
 * comes from a session or a policy goes through codec/inert.h. Where the rows do not suffice the page is cut
 * at its end: what is asked and how to answer stand first.
 */
#pragma once

#include "base/buf.h"
#include "mediate/ask.h"

#define PROMPT_PAGE_MAX (128 << 10)
#define PROMPT_ROWS_MIN 6

struct prompt_view {
	unsigned rows, cols;
	unsigned open;      /* questions, this one included */
	uint64_t left_s;    /* until the answer is no */
	bool wider;         /* an answer for longer takes the wider choice */
	bool details;       /* nothing is shortened */
	const char *grants; /* the file that "always" writes to */
};

void prompt_page(const struct ask *ask, const struct prompt_view *view, struct buf *out);

/* The key is an answer: false: it is not one, or not one to this question. */
bool prompt_key(const struct ask *ask, char key, struct ask_reply *ret);
