/*
 * show - pieces of YAML that more than one printer needs: private to src/policy.
 */
#pragma once

#include "base/buf.h"
#include "policy/policy.h"
#include "policy/rules.h"

/* @text as a YAML scalar: plain where every reader agrees, else quoted. */
void show_text(struct buf *out, struct str text);
void show_quoted(struct buf *out, struct str text);
/* A path's own spelling in a policy, as a scalar. */
void show_path(struct buf *out, const struct policy_path *path);
/* "arg2 & 0x4 == 0x4" */
void show_cond(struct buf *out, const struct policy_sysc_cond *c);

/* {"file":...,"line":...,"column":...} or null */
struct json_wr;
void show_json_where(struct json_wr *w, struct policy_where where);

/* show_rules.c: `rules` and `rules_default` */
void show_rules(const struct policy *p, bool origins, struct buf *out);
void show_rules_json(const struct policy *p, struct json_wr *w);
/* @loosens: 1 looser, -1 stricter, 0 for a person to say; @what: "new", "changed", "gone" */
typedef void show_rule_told(void *ctx, int loosens, const struct policy_rule *rule,
			    const char *what);
void show_rules_diff(const struct policy *a, const struct policy *b, show_rule_told *told,
		     void *ctx);
