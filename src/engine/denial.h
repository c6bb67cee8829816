/*
 * denial - why something was not done, in words that a person or an agent can act on.
 *
 * Made from the event and the decision, so that the log, `capsule why` and the run's last line say the
 * same. Nothing in it but what the session asked for itself and where the rule stands.
 */
#pragma once

#include "codec/json_wr.h"
#include "engine/engine.h"

#define DENIAL_FIX_MAX 512

struct denial {
	const char *tried; /* "open for writing", "connect to" */
	struct str object; /* a path, a program, an address; the event's own bytes; may be empty */
	const char
		*layer;   /* who said no: "supervisor", or "kernel" where the wall holds the rule */
	const char *rule; /* its id, or NULL */
	const char *reason;       /* or NULL */
	bool retry;               /* the same call may work later, with nothing changed */
	uint64_t retry_after_ms;  /* 0: not known */
	char where[256];          /* "capsule.yaml:12:5", or "" */
	char fix[DENIAL_FIX_MAX]; /* what would have to change, and where */
};

/* @d is not to allow. What @ret points to is the event's and the rules'. */
void denial_make(const struct event *event, const struct engine_decision *d, struct denial *ret);

/* As one object: tried, object, rule, where, layer, reason, fix, retry, retry_after_ms. */
void denial_write_json(const struct denial *denial, struct json_wr *w);
