/*
 * record - what a session writes into its log and its report. docs/LOG.md and docs/RUN.md have
 * the fields.
 */
#pragma once

#include "codec/json_wr.h"
#include "sandbox/session.h"

/* The genesis record's fields; the layers come last, when they are known. */
void record_genesis(struct json_wr *w, const struct session_options *options);
void record_layers(struct json_wr *w, const struct layer_status layers[LAYER_N]);
/* invocation.start */
void record_start(struct json_wr *w, const struct session_options *options);
/* invocation.end; also the greater part of the report. */
void record_end(struct json_wr *w, const struct session_result *result);
/* "limits" (what was hit) and "denied" (what ended the command, as far as the wall can tell). */
void record_denied(struct json_wr *w, const struct session_result *result);

/* One sentence about the end for a person, or NULL: killed by the filter, out of memory, ... */
const char *record_notice(const struct session_result *result);
