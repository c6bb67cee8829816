/*
 * rule_pack - a rule pack of our own: YAML, the rules of a policy under a head that names them.
 *
 *	schema: capsule-rules
 *	version: 1			of this form
 *	id: example.web
 *	revision: "2026.11"		of the pack; any text
 *	status: active			deprecated: a warning; revoked: an error
 *	description: What it is for
 *	rules: [...]			as in capsule.yaml
 *
 * It grants nothing and extends nothing. Its rules stand in the user's tier.
 */
#pragma once

#include "policy/diag.h"
#include "policy/rule.h"

#define RULE_PACK_SCHEMA "capsule-rules"

struct rule_pack {
	struct policy policy; /* holds the memory; .name is the id, .rules are the rules */
	const char *id, *revision, *description;
	bool deprecated;
};

/* Is this a rule pack, rather than a policy? It has a `schema:` at the start of a line. */
bool rule_pack_is(struct str text);

/*
 * Read @text, which is copied, shown as @file. Mistakes go to @diag, which quotes their lines until
 * the pack is freed. -EBADMSG after at least one error in @diag; -ENOMEM.
 */
int rule_pack_read(const char *file, struct str text, struct diag *diag,
		   struct rule_pack **ret_pack, struct err *err);
struct rule_pack *rule_pack_free(struct rule_pack *pack); /* NULL-safe, returns NULL */
void rule_pack_freep(struct rule_pack **pack);
