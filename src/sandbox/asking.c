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
	if (opened)
		asking_listen(a);
}

int asking_start(struct asking *a, const struct asking_options *o, struct loop *loop)
{
	int r = 0;

	*a = (struct asking){ .asks = o->mediator ? mediator_asks(o->mediator) : NULL,
			      .loop = loop,
			      .log = o->log,
			      .control_options = o->control,
			      .record = { .changed = record } };
	if (!a->asks)
		return 0;
	a->control_options.asks = a->asks;
	if (!o->no_prompt)
		r = prompt_start(&a->prompt, a->asks, loop, o->terminal, o->config_dir);
	asks_attach(a->asks, &a->record); /* and so is told before it is shown */
	return r;
}

void asking_listen(struct asking *a)
{
	if (a->asks && !a->listened)
		(void)control_open(&a->control_options, a->loop, &a->control, NULL);
	a->listened = true;
}

void asking_done(struct asking *a)
{
	prompt_done(&a->prompt);
	a->control = control_close(a->control);
	if (a->asks)
		asks_detach(a->asks, &a->record);
	a->asks = NULL;
}
