/*
 * held - calls that wait for a person.
 *
 * A held call keeps nothing of what it was about but a hash. When the answer comes it is handled from the
 * start, with fresh reads: what comes up is the same question, which is answered, or another, which is
 * asked. One call may lead to several (a rename removes a name and makes one), so the answers that it had
 * are kept with it.
 */
#include "mediate/impl.h"

#include <errno.h>
#include <string.h>

static const char *const reasons[] = {
	[ASK_DENY] = "asked about, and a person said no",
	[ASK_EXPIRED] = "asked about, and nobody answered in time",
	[ASK_GONE] = "asked about, and the question was withdrawn",
};

static enum verdict stop_because(struct mediator *m, struct call *call, const char *reason)
{
	m->decision.reason = reason;
	return mediator_stop(m, call, -EACCES);
}

static const char *refusal(int r)
{
	switch (r) {
	case -EBUSY: return "it would have to be asked about: too many calls wait already";
	case -EAGAIN: return "it would have to be asked about: too many questions at once";
	case -E2BIG: return "it would have to be asked about, and is too long to be shown";
	case -EILSEQ:
		return "it would have to be asked about, and its name is not UTF-8: others look "
		       "the same";
	case -ENOTSUP: return "it would have to be asked about, and cannot be";
	default: return "asked about: it was answered no for the session, or nobody can be asked";
	}
}

static const struct held_answer *answer_of(const struct held *held,
					   const uint8_t question[BLAKE3_OUT])
{
	for (unsigned i = 0; held && i < held->n_answers; i++) {
		if (memcmp(held->answers[i].question, question, BLAKE3_OUT) == 0)
			return &held->answers[i];
	}
	return NULL;
}

static struct held *held_new(struct mediator *m)
{
	for (int i = 0; i < HELD_MAX; i++) {
		if (!m->held[i].used)
			return &m->held[i];
	}
	return NULL;
}

static void add_ancestry(const struct call *call, struct ask_question *q)
{
	struct who_ancestor found[ASK_ANCESTORS_MAX];
	unsigned n = who_ancestry(call->who, found, ASK_ANCESTORS_MAX);

	for (unsigned i = 0; i < n; i++) {
		q->ancestors[i].pid = found[i].pid;
		memcpy(q->ancestors[i].name, found[i].name, sizeof(q->ancestors[i].name));
	}
	q->n_ancestors = n;
}

enum verdict mediator_ask(struct mediator *m, struct call *call)
{
	struct held *held = held_new(m);
	const struct held_answer *answer;
	uint8_t hash[BLAKE3_OUT];
	int r = m->decision.rule ? question_make(&m->event, m->decision.rule, &m->question)
				 : -ENOTSUP;

	if (r < 0)
		return stop_because(m, call, refusal(r));
	question_hash(&m->question, hash);
	answer = answer_of(call->held, hash);
	if (answer && answer->answer == ASK_ALLOW)
		return PASS;
	if (answer)
		return stop_because(m, call, reasons[answer->answer]);
	m->counts.asked++;
	if (m->start && m->withdrawn)
		return stop_because(m, call, reasons[ASK_GONE]);
	if (!held || (call->held && call->held->n_answers == HELD_ANSWERS_MAX))
		return stop_because(m, call, refusal(-EBUSY));
	/* before it is submitted: it may be answered from there */
	*held = (struct held){ .used = true, .n = call->n, .start = m->start };
	if (call->held) {
		held->n_answers = call->held->n_answers;
		memcpy(held->answers, call->held->answers, sizeof(held->answers));
	}
	memcpy(held->question, hash, sizeof(hash));
	m->n_held++;
	add_ancestry(call, &m->question.ask);
	r = asks_submit(m->asks, &m->question.ask, held, &held->ask);
	if (r == 0)
		return HELD;
	held->used = false;
	m->n_held--;
	return r > 0 ? PASS : stop_because(m, call, refusal(r));
}

void mediator_answered(void *owner, void *cookie, enum ask_answer answer)
{
	struct mediator *m = owner;
	struct held *slot = cookie, held = *slot;

	slot->used = false;
	m->n_held--;
	if (!notify_valid(m->o.listener, held.n.id))
		return;
	held.answers[held.n_answers].answer = answer;
	memcpy(held.answers[held.n_answers++].question, held.question, BLAKE3_OUT);
	m->start = held.start;
	mediator_handle(m, &held.n, &held);
	m->start = NULL;
	if (held.start && m->n_held == 0)
		loop_stop(m->loop);
}

void mediator_start_held(struct mediator *m, bool held)
{
	if (held)
		loop_remove(m->loop, &m->watch);
	else if (!m->watch.added)
		(void)loop_add(m->loop, &m->watch);
}

void mediator_withdraw(struct mediator *m)
{
	m->withdrawn = true;
	for (int i = 0; i < HELD_MAX; i++) {
		struct held *held = &m->held[i];

		if (!held->used || !held->start)
			continue;
		asks_cancel(m->asks, held->ask);
		mediator_answered(m, held, ASK_GONE);
	}
}

void held_look(struct mediator *m)
{
	for (int i = 0; m->n_held && i < HELD_MAX; i++) {
		struct held *held = &m->held[i];

		if (!held->used || notify_valid(m->o.listener, held->n.id))
			continue;
		held->used = false;
		m->n_held--;
		asks_cancel(m->asks, held->ask);
	}
}

struct asks *mediator_asks(struct mediator *m)
{
	return m->asks;
}

unsigned mediator_held(const struct mediator *m)
{
	return m->n_held;
}
