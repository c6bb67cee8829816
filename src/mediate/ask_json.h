/*
 * ask_json - a question as JSON: for the control socket's clients and for the log.
 */
#pragma once

#include "codec/json_wr.h"
#include "mediate/ask.h"

/*
 * The members of an open object: id, type, what, object, detail, rule, where, prompt, ancestors; with
 * @now_ms also what an answer needs: scopes, wider, left_ms, waiting, grant, grant_wider.
 */
void ask_put_json(const struct ask *ask, const uint64_t *now_ms, struct json_wr *w);
/* How it closed: id, answer, and by whom and for how long if somebody answered. */
void ask_put_outcome(const struct ask *ask, struct json_wr *w);
