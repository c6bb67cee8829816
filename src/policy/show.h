/*
 * show - pieces of YAML that more than one printer needs: private to src/policy.
 */
#pragma once

#include "base/buf.h"
#include "policy/rules.h"

/* @text as a YAML scalar: plain where every reader agrees, else quoted. */
void show_text(struct buf *out, struct str text);
void show_quoted(struct buf *out, struct str text);
/* "arg2 & 0x4 == 0x4" */
void show_cond(struct buf *out, const struct policy_sysc_cond *c);

/* {"file":...,"line":...,"column":...} or null */
struct json_wr;
void show_json_where(struct json_wr *w, struct policy_where where);
