/*
 * grants - what a person has answered with "always": rules in a file of the user's own.
 *
 * CONFIG/capsule/grants.yaml (0600, written whole and renamed into place) is read with every policy
 * that is loaded, as the user's word. Its rules are no ordinary ones: a grant only answers an `ask`
 * of the user's tier or below before it is asked; it lifts no block, whoever wrote that, and does
 * not answer for an organisation or a profile. No session sees the folder, and no project's
 * file can lead to it. Taking a grant back is deleting its lines.
 *
 *	version: 1
 *	rules:
 *	  - name: always-5f0c2a91d3b7e846
 *	    on: file.open
 *	    when: "file.activity.path == \"/w/a.txt\" && ..."
 *	    action: allow
 *	    reason: "2026-12-01, asked by rule 'x' (capsule.yaml:4:5)"
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "event/table.h"

#define GRANTS_FILE "grants.yaml"
#define GRANT_WHEN_MAX 8192 /* bytes of an expression; a longer one cannot be kept */

struct grant {
	enum event_type type;
	struct str when;   /* CEL, valid UTF-8; not empty */
	struct str reason; /* printable ASCII; may be empty */
};

/* Append a CEL string literal for @text, which is valid UTF-8, in printable ASCII. */
void grant_put_literal(struct buf *out, struct str text);

/* The lines that stand for it in the file: exactly what grants_append() adds. */
void grant_put(struct buf *out, const struct grant *grant);

/*
 * Add it to the file in @config_dir (CONFIG/capsule, which exists). One that is there already, for
 * whatever reason, is not added again. -EFBIG: the file is full; -EBADMSG: somebody has edited it so
 * that no rule can follow; -EAGAIN: another session is at it; else the errno. Nothing is changed then.
 */
int grants_append(const char *config_dir, const struct grant *grant, struct err *err);
