/*
 * wellknown - the messages that are values of the language: google.protobuf.Int64Value{value: 1} is
 * 1. Wrappers, Value, ListValue, Struct, Timestamp, Duration; no others, there are no messages here.
 */
#pragma once

#include "cel/eval.h"

/* The name as a constant, or NULL: none of these. */
const char *cel_wellknown_name(struct str name);

/* What the checker makes of it, and of one of its fields: codes of type.h. NULL: no such field. */
const char *cel_wellknown_type(const char *name);
const char *cel_wellknown_field(const char *name, struct str field);

/* @fields: keys are the fields' names. An error for a field that it does not have. */
struct cel_value cel_wellknown_make(struct cel_eval *eval, const char *name,
				    const struct cel_entry *fields, uint32_t n);
