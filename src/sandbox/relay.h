/*
 * relay - carries bytes between a session and the host when they cannot go directly: a terminal,
 * a digest, an output limit.
 *
 * A relay is one direction. It reads only when what it read before is written, so a slow reader
 * slows the session down and nothing grows. It never sets O_NONBLOCK on a descriptor that was
 * given to Capsule, since that flag belongs to everyone who shares the open file: where it can it
 * opens the same file once more, where it cannot it waits for room and writes little.
 */
#pragma once

#include "base/buf.h"
#include "base/loop.h"
#include "codec/blake3.h"
#include "codec/vt.h"

#define RELAY_CHUNK 16384
#define RELAY_INPUT 65536

/* The output limit, shared by a session's streams. */
struct relay_quota {
	uint64_t left;
	bool exceeded; /* and the rest was thrown away */
};

/* Keyboard to session: from the host's terminal and from vt's answers. */
struct relay_input {
	struct loop *loop;
	struct loop_watch source; /* the host's terminal; fd -EBADF: answers only */
	struct loop_watch sink;   /* the pty's master, a descriptor of its own; non-blocking */
	bool ended;               /* the host's terminal is gone */
	/* Set: what is read goes there, and not to the session. */
	void (*divert)(void *owner, const char *p, size_t n);
	void *divert_owner;
	size_t start, end; /* of what waits in data[] */
	char data[RELAY_INPUT];
};

struct relay {
	struct loop *loop;
	struct loop_watch source; /* owned; non-blocking */
	struct loop_watch sink;   /* the host's; owned if own_sink */
	bool own_sink;            /* opened by us, non-blocking */
	bool wait_sink;           /* not ours and may block: write little, after EPOLLOUT */
	bool ended, broken;       /* source at its end; sink gone */
	bool held;                /* nothing is read */
	struct vt *vt;            /* NULL: bytes pass as they are */
	struct relay_input *answers;
	struct relay_quota *quota; /* NULL: none */
	bool with_digest;
	struct blake3 digest;
	uint64_t bytes; /* read from the session, before vt */
	/* Called when the source ended, the sink broke or the quota was exceeded. May be NULL. */
	void (*changed)(struct relay *relay);
	void *data_owner; /* for changed() */
	size_t written;   /* of pending */
	struct buf pending;
	char data[VT_OUT_MAX(RELAY_CHUNK)];
};

/* Takes @source; @sink stays the caller's. @relay is zeroed but for what the caller set. */
int relay_start(struct relay *relay, struct loop *loop, int source, int sink);
/* Read nothing more until it is let go again: something else is shown on the sink meanwhile. */
void relay_hold(struct relay *relay, bool hold);
/* What is left in the source goes to the sink as far as neither has to be waited for. */
void relay_drain(struct relay *relay);
/* Bytes were read that are not written yet; there are more to read now. */
bool relay_pending(const struct relay *relay);
bool relay_readable(const struct relay *relay);
/* Write @text (vt_end()'s, say) after everything that is pending, waiting at most @ms. */
void relay_finish(struct relay *relay, struct str text, int ms);
void relay_done(struct relay *relay); /* also one never started, if its source.fd is negative */

/* @master is dup'ed. @host: the terminal to read, borrowed, or -EBADF. */
int relay_input_start(struct relay_input *input, struct loop *loop, int master);
/* Begin and stop reading the host's terminal. */
int relay_input_listen(struct relay_input *input, int host);
void relay_input_deaf(struct relay_input *input);
void relay_input_put(struct relay_input *input, struct str bytes); /* dropped when full */
/* What was typed already goes to the session, what is typed from now on to @fn; NULL: to the session. */
void relay_input_divert(struct relay_input *input, void (*fn)(void *owner, const char *p, size_t n),
			void *owner);
void relay_input_done(struct relay_input *input);

/*
 * The same open file once more, non-blocking and ours: for terminals and pipes. -EBADF otherwise,
 * or when the host does not let us.
 */
int relay_reopen(int fd, int access_mode);
