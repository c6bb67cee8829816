/*
 * recording - the part of a session that records every system call (`audit.record: all`). Between
 * session.c and src/record. Nothing of it does anything at the other levels.
 */
#pragma once

#include "mediate/mediate.h"
#include "record/recorder.h"
#include "sandbox/wall.h"

struct recording {
	struct recorder *recorder; /* NULL: another level */
	char not_by_kernel[RECORDER_WHY_MAX];
	struct wall *wall; /* borrowed */
};

/* Before the launch: by what means, and what of it @command has to know. */
int recording_plan(struct recording *recording, const struct policy *policy,
		   struct wall_command *command, struct err *err);
/* "recording": the level; for `all` by what means, and why not in the kernel. */
void recording_describe(const struct recording *recording, struct json_wr *w,
			const struct policy *policy);
/* Before wall_go(). @notice, if not NULL, is told what a person has to know of it. */
int recording_start(struct recording *recording, struct wall *wall, struct audit_log *log,
		    struct loop *loop, void (*notice)(const char *text), struct err *err);
/* The mediator waits for processes, too. */
void recording_share(const struct recording *recording, struct mediate_options *options);
/* To be watched, and recorder_serve()d, wherever the session is waited for; or -EBADF. */
int recording_fd(const struct recording *recording);
/* Nothing of the tree is left. 0, or the log's error. */
int recording_finish(struct recording *recording, struct err *err);
void recording_done(struct recording *recording);
