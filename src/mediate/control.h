/*
 * control - the session's control socket: other front ends than its own terminal come in here.
 *
 * A Unix stream socket STATE/run/SESSION.sock (folder 0700, socket 0600), JSON lines; docs/CONTROL.md
 * has the protocol. Who connects must be the same user, or root, and knows what stands in
 * SESSION.key beside it: a session that could reach the socket by some way (without a root of its own the
 * kernel may not hold that back) still cannot read there. Eight clients, each with buffers of fixed size;
 * one that does not read what it is sent is dropped.
 */
#pragma once

#include "base/err.h"
#include "base/loop.h"
#include "codec/json_wr.h"
#include "mediate/ask.h"

#define CONTROL_FOLDER "run" /* in the state folder */
#define CONTROL_VERSION 1
#define CONTROL_LINE_MAX 4096 /* bytes of a request, its newline included */
#define CONTROL_OUT_MAX (256 << 10)
#define CONTROL_CLIENTS_MAX 8
#define CONTROL_KEY_LEN 64 /* hex digits */

/* --- requests --- */

enum control_verb {
	CONTROL_HELLO,
	CONTROL_STATUS,
	CONTROL_ASKS,
	CONTROL_WATCH,
	CONTROL_ANSWER,
	CONTROL_RELOAD,
	CONTROL_VERB_N
};

struct control_request {
	enum control_verb verb;
	uint64_t version;      /* hello */
	struct str key;        /* hello; CONTROL_KEY_LEN digits */
	uint64_t id;           /* answer */
	bool allow, wider;     /* answer */
	enum rule_scope scope; /* answer; once if it is not said */
	char key_text[CONTROL_KEY_LEN];
};

/* One line without its newline, from anybody. -EBADMSG with what is wrong with it. */
int control_request_read(struct str line, struct control_request *ret, struct err *err);

/* --- the socket --- */

struct control_options {
	const char *state_dir; /* of this user's Capsule; made if it is not there */
	const char *session;   /* its id */
	struct asks *asks;
	/* Members of the reply to `status`, in an open object. May be NULL. */
	void (*status)(void *owner, struct json_wr *w);
	/* For `reload`: 0 and members of the reply's "reload", or a negative errno with @err. NULL: refused. */
	int (*reload)(void *owner, struct json_wr *w, struct err *err);
	void *owner;
};

struct control;

int control_open(const struct control_options *options, struct loop *loop, struct control **ret,
		 struct err *err);
/* Drops the clients, removes the files. NULL-safe, returns NULL. */
struct control *control_close(struct control *control);
