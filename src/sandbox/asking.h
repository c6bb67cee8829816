/*
 * asking - who a session's questions go to: its terminal, the control socket, and the log, which is told
 * of each question and its answer. Between session.c and src/mediate.
 */
#pragma once

#include "audit/audit.h"
#include "mediate/control.h"
#include "mediate/mediate.h"
#include "sandbox/prompt.h"

struct asking {
	struct asks *asks; /* NULL: nothing in this session is ever asked */
	struct audit_log *log;
	struct ask_front record;
	struct prompt prompt;
	struct loop *loop;
	struct control *control;
	bool listened; /* or it cannot be */
	struct control_options control_options;
};

struct asking_options {
	struct mediator *mediator;
	struct audit_log *log;     /* borrowed */
	struct terminal *terminal; /* borrowed */
	const char *config_dir;
	bool no_prompt; /* not at this terminal */
	struct control_options control;
};

/* Before the loop runs. */
int asking_start(struct asking *asking, const struct asking_options *options, struct loop *loop);
/*
 * Open the control socket: when the start is through, nobody waits for it; the first question does so too.
 * That it cannot be opened is no reason to end a session: then nobody else can answer.
 */
void asking_listen(struct asking *asking);
/* Before the loop, the log and the mediator go. */
void asking_done(struct asking *asking);
