#include "sandbox/asking.h"

#include "mediate/ask_json.h"

static void record(struct ask_front *front, const struct ask *ask, bool opened)
{
	struct asking *a = loop_owner(front, struct asking, record);
	struct json_wr *w = audit_begin(a->log, opened ? "ask.opened" : "ask.answered");

	json_key(w, "ask");
	json_object(w);
	if (opened)
		ask_put_json(ask, NULL, w);
	else
		ask_put_outcome(ask, w);
	json_end_object(w);
	(void)audit_end(a->log, NULL); /* a log that fails ends the session at its next record */
}

int asking_start(struct asking *a, const struct asking_options *o, struct loop *loop)
{
	*a = (struct asking){ .asks = o->mediator ? mediator_asks(o->mediator) : NULL,
			      .mediator = o->mediator,
			      .log = o->log,
			      .record = { .changed = record } };
	if (!a->asks)
		return 0;
	asks_attach(a->asks, &a->record);
	return o->no_prompt ? 0
			    : prompt_start(&a->prompt, a->asks, loop, o->terminal, o->config_dir);
}

int asking_listen(struct asking *a, const struct control_options *options, struct loop *loop,
		  struct err *err)
{
	struct control_options o = *options;

	if (!a->asks || a->control)
		return 0;
	o.asks = a->asks;
	return control_open(&o, loop, &a->control, err);
}

void asking_done(struct asking *a)
{
	prompt_done(&a->prompt);
	a->control = control_close(a->control);
	if (a->asks)
		asks_detach(a->asks, &a->record);
	a->asks = NULL;
}
