/*
 * remote - the client's side of a running session's control socket (mediate/control.h, docs/CONTROL.md).
 *
 * Of this user's sessions: the sockets are in his state folder. One whose session is no more (it was
 * killed) refuses to be connected to and is removed.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "codec/json_rd.h"
#include "mediate/control.h"

#define REMOTE_MAX 64        /* sessions looked at */
#define REMOTE_WAIT_MS 10000 /* for a reply */

struct remote {
	int fd; /* -EBADF: none */
	char session[33];
	size_t start, n; /* of in[] */
	char in[CONTROL_OUT_MAX];
};

/* The ids of sessions that have a socket, newest first; how many. */
size_t remote_sessions(char ids[REMOTE_MAX][33]);

/*
 * Connect and greet. @session: an id or its beginning; NULL: the only one there is. -ENOENT: none such, and
 * -ENOTUNIQ several, with @err.
 */
int remote_open(const char *session, struct remote *ret, struct err *err);
void remote_close(struct remote *remote); /* AUTO() too; zeroed or closed is fine */

int remote_send(struct remote *remote, struct str line, struct err *err);
/*
 * The next line, valid until the next call; waits at most @ms (negative: for ever). -EAGAIN: none yet;
 * -EPIPE: the session has ended.
 */
int remote_line(struct remote *remote, int ms, struct str *ret_line);
/* The same as a tree in @arena; an "ok":false is -EPROTO with its text in @err. */
int remote_reply(struct remote *remote, struct arena *arena, const struct json **ret,
		 struct err *err);
