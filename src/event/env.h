/*
 * env - what a rule may name: the event's fields, and the functions of all libraries.
 *
 * Constant data made by the compiler: asking for it costs nothing. Slots are enum event_field, so
 * that event_slots() is what cel_eval_run() takes; its @user is the struct event, for header().
 */
#pragma once

#include "cel/env.h"
#include "event/event.h"

const struct cel_env *event_env(void);

/* header(name) and hasHeader(name), on http.request and http.response. */
extern const struct cel_library event_library;

/* The headers field of a record, or EVENT_FIELD_NONE. */
enum event_field event_record_headers(uint32_t record);
