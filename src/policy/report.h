/*
 * report - what a policy says, for people, editors and other programs.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "policy/policy.h"

/*
 * The effective policy as YAML that can itself be loaded; with @origins each line says at its right
 * where it comes from. policy->effective is the BLAKE3 of the text without origins.
 */
void policy_show(const struct policy *policy, bool origins, struct buf *out);
/* The same as one JSON object. */
void policy_show_json(const struct policy *policy, struct buf *out);

/* A mistake as an object: level, file, line, column, width, text. */
struct json_wr;
void policy_problem_json(const struct policy_problem *problem, struct json_wr *w);

/* In plain words: what a session under this policy may do. */
void policy_explain(const struct policy *policy, struct buf *out);

enum policy_right { POLICY_MAY_READ = 1, POLICY_MAY_WRITE = 2, POLICY_MAY_EXEC = 4 };

enum policy_place {
	PLACE_ABSENT,  /* nothing grants it: not there */
	PLACE_GRANTED, /* the host's own, with the rights below */
	PLACE_DENIED,  /* covered: there, and not accessible */
	PLACE_PRIVATE, /* in a private home or tmp: the session's own, empty at the start */
	PLACE_BARE,    /* a bare folder that leads to what is granted below it */
	PLACE_OWN,     /* /proc, /dev: Capsule's own, minimal */
	PLACE_HIDDEN   /* not there, although something grants it */
};

struct policy_verdict {
	enum policy_place place;
	unsigned rights;                               /* POLICY_MAY_* */
	const struct policy_path *read, *write, *exec; /* the grant that gives each, or NULL */
	const struct policy_path *taken; /* the deny, hide or protect that takes away, or NULL */
	const struct policy_path *ask;   /* the ask that comes before any of the rights, or NULL */
};

/* What becomes of @path (absolute, normalised; symlinks are the caller's business). */
struct policy_verdict policy_explain_path(const struct policy *policy, const char *path);
void policy_verdict_text(const struct policy *policy, const char *path,
			 const struct policy_verdict *verdict, struct buf *out);
void policy_verdict_json(const char *path, const struct policy_verdict *verdict, struct buf *out);

/* One difference between two policies. */
struct policy_change {
	int direction; /* >0 loosened, <0 tightened, 0 neither */
	const char *key;
	const char *text;
	struct policy_where where;
};
typedef void policy_changed(void *ctx, const struct policy_change *change);
/* Tell every difference from @a to @b by what it means; returns how many. */
size_t policy_diff(const struct policy *a, const struct policy *b, policy_changed *changed,
		   void *ctx);

/*
 * Rewrite one of the old Capsule shapes (docs/POLICY.md, "Importing") as version 1. What could not
 * be taken over is a comment in @out and a line in @notes. -EBADMSG: not YAML, or none of them.
 */
int policy_import(const char *name, struct str text, struct buf *out, struct buf *notes,
		  struct err *err);

/* JSON Schema (2020-12) of the whole schema table, and the table of keys in Markdown. */
void policy_schema_json(struct buf *out);
void policy_schema_markdown(struct buf *out);
