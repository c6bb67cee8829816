/*
 * question - what a person is asked about an event: in words, and as an expression that holds for
 * exactly the same again.
 */
#pragma once

#include "event/event.h"
#include "mediate/ask.h"

struct question {
	struct ask_question ask; /* its texts lie below, and in the event */
	char what[128];
	char wider[ASK_OBJECT_MAX + 64];
	char detail[ASK_OBJECT_MAX];
	char when[ASK_OBJECT_MAX * 8], wider_when[ASK_OBJECT_MAX * 8];
};

/*
 * About @e, for @rule; ancestors are the caller's to add. -EILSEQ: a name in it is not UTF-8, and others
 * would look the same: nobody can say yes to that. -E2BIG; -ENOTSUP: nothing to ask about such events.
 */
int question_make(const struct event *e, const struct policy_rule *rule, struct question *ret);

/* Hash of type, rule and .when: two questions with the same are one. */
void question_hash(const struct question *q, uint8_t ret[BLAKE3_OUT]);
