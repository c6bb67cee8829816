/*
 * session_impl - one session's state, and what of it comes over the loop (session_loop.c): private to
 * session.c and that file.
 */
#pragma once

#include "sandbox/session.h"

#include "base/loop.h"
#include "sandbox/asking.h"
#include "sandbox/live.h"
#include "sandbox/recording.h"
#include "sandbox/terminal.h"

#include <time.h>

struct session {
	const struct session_options *options;
	struct session_result *result;
	struct err *err;
	struct wall *wall;
	struct live live;
	struct recording recording;
	struct audit_log *log;
	struct loop loop;
	struct loop_watch signals, timer, audit, tree, events, regain;
	struct relay_quota quota;
	bool has_quota, ending; /* SIGTERM was sent, SIGKILL follows */
	bool awaiting;          /* the command's execve is held for an answer */
	bool ended_early;       /* init is still ending; result->end is filled */
	bool in_foreground;     /* the command's group is, on the session's terminal */
	bool is_tty[3], carried[3];
	int stdio[3]; /* for the command */
	struct terminal terminal;
	struct relay pipes[2];
	struct timespec started;
	struct made missing; /* protected names that are not there yet */
	struct asking asking;
	struct mediate_start start; /* the command's own execve */
	struct changes_folder changes;
};

/* Capsule failed at @step; @r is what the failed call returned, and is returned. */
int session_failed(struct session *s, const char *step, int status, int r);
/* @fd into the loop, as @watch; a negative @fd is its error. */
int session_watch(struct session *s, struct loop_watch *watch, int fd, loop_fn *fn);
/* SIGTERM now, SIGKILL soon. */
int session_end_soon(struct session *s);
/* Give the session the keyboard, now or as soon as it is ours to give. */
bool session_keyboard(struct session *s);

/* What comes over the loop. */
int session_timer(struct loop_watch *watch, uint32_t revents);
int session_audit(struct loop_watch *watch, uint32_t revents);
void session_relay_changed(struct relay *relay);
int session_signal(struct loop_watch *watch, uint32_t revents);
int session_wall_told(struct loop_watch *watch, uint32_t revents);
int session_tree_ended(struct loop_watch *watch, uint32_t revents);
void session_status(void *owner, struct json_wr *w);
