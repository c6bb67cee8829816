/*
 * The session while it runs: what comes in over the loop.
 */
#include "sandbox/session_impl.h"

#include "base/own.h"
#include "sandbox/record.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#define KILL_AFTER_MS 2000 /* from SIGTERM to SIGKILL when time or output is up */
#define REGAIN_MS 200      /* between looks whether we have become the foreground job */

/* Capsule failed at @step; @r is what the failed call returned. */
int session_failed(struct session *s, const char *step, int status, int r)
{
	s->result->step = step;
	s->result->error = -r;
	s->result->exit_status = status;
	return r;
}

/* SIGTERM now, SIGKILL in two seconds; a stopped command must be continued to hear it. */
int session_end_soon(struct session *s)
{
	if (s->ending)
		return 0;
	s->ending = true;
	if (s->awaiting)
		mediator_withdraw(s->live.mediator);
	(void)wall_signal(s->wall, SIGTERM);
	(void)wall_signal(s->wall, SIGCONT);
	return loop_timer_set(s->timer.fd, KILL_AFTER_MS, 0);
}

int session_timer(struct loop_watch *watch, uint32_t revents)
{
	struct session *s = loop_owner(watch, struct session, timer);

	(void)revents;
	if (loop_timer_read(watch->fd) < 0)
		return 0;
	if (s->ending) {
		loop_stop(&s->loop); /* wall_finish() kills */
		return 0;
	}
	s->result->timed_out = true;
	return session_end_soon(s);
}

/* For `status` on the control socket. */
void session_status(void *owner, struct json_wr *w)
{
	const struct session *s = owner;
	const struct mediate_counts *n = mediator_counts(s->live.mediator);

	json_key(w, "log");
	json_strz(w, s->result->log);
	json_key(w, "policy");
	json_hex(w, s->options->policy->effective, BLAKE3_OUT);
	json_key(w, "calls");
	json_u64(w, n->calls);
	json_key(w, "denied");
	json_u64(w, n->denied);
	json_key(w, "recorded");
	json_u64(w, n->recorded);
}

/* What the log still holds back goes to the file when the writer says so. */
int session_audit(struct loop_watch *watch, uint32_t revents)
{
	struct session *s = loop_owner(watch, struct session, audit);
	int ms, r = audit_publish(s->log, s->err); /* the first time; then nothing to do */

	(void)revents;
	if (r == 0)
		r = audit_tick(s->log, s->err);
	if (r < 0) /* no log, no session */
		return session_failed(s, "log", WALL_FAIL_SETUP, r);
	asking_listen(&s->asking);
	ms = audit_timeout(s->log);
	return loop_timer_set(watch->fd, ms < 0 ? 0 : (uint64_t)ms + 1, 0);
}

void session_relay_changed(struct relay *relay)
{
	struct session *s = relay->data_owner;

	if (relay->quota && relay->quota->exceeded && !s->result->output_exceeded) {
		s->result->output_exceeded = true;
		(void)session_end_soon(s);
	}
}

int session_watch(struct session *s, struct loop_watch *watch, int fd, loop_fn *fn)
{
	if (fd < 0)
		return fd;
	*watch = (struct loop_watch){ .fd = fd, .events = EPOLLIN, .fn = fn };
	return loop_add(&s->loop, watch);
}

static int regain_fired(struct loop_watch *watch, uint32_t revents);

/*
 * Give the session the keyboard, now or as soon as we are in the foreground. A shell's `fg` of a
 * running job sends no signal, so that has to be looked for. False: not now.
 */
bool session_keyboard(struct session *s)
{
	bool taken = terminal_take_keyboard(&s->terminal);

	if (s->regain.fd < 0 && !taken)
		(void)session_watch(s, &s->regain, loop_timer(REGAIN_MS, REGAIN_MS), regain_fired);
	if (s->regain.fd >= 0)
		(void)loop_timer_set(s->regain.fd, taken ? 0 : REGAIN_MS, taken ? 0 : REGAIN_MS);
	if (taken && !s->in_foreground)
		s->in_foreground = wall_foreground(s->wall) == 0;
	return taken;
}

static int regain_fired(struct loop_watch *watch, uint32_t revents)
{
	struct session *s = loop_owner(watch, struct session, regain);

	(void)revents;
	if (loop_timer_read(watch->fd) == 0 && session_keyboard(s))
		terminal_resized(&s->terminal);
	return 0;
}

static void session_continued(struct session *s)
{
	terminal_resized(&s->terminal);
	if (!s->terminal.keyboard)
		return;
	prompt_hide(&s->asking.prompt); /* it may stand on a terminal that others have used since */
	s->terminal.saved.raw = false;  /* somebody may have set the terminal meanwhile */
	(void)session_keyboard(s);
}

int session_signal(struct loop_watch *watch, uint32_t revents)
{
	struct session *s = loop_owner(watch, struct session, signals);
	int sig;

	(void)revents;
	while (loop_signal_read(watch->fd, &sig, NULL) == 0) {
		if (sig == SIGCONT)
			session_continued(s);
		if (s->awaiting &&
		    (sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT))
			mediator_withdraw(s->live.mediator);
		if (sig == SIGWINCH)
			prompt_resized(&s->asking.prompt);
		if (sig == SIGWINCH && s->terminal.master >= 0)
			terminal_resized(&s->terminal); /* the kernel tells the session */
		else
			(void)wall_signal(s->wall, sig); /* gone: its end is on its way */
	}
	return 0;
}

/* The command stopped, by Ctrl-Z or because it wants the keyboard. */
static void session_stopped(struct session *s, int sig)
{
	bool wants_keyboard = (sig == SIGTTIN || sig == SIGTTOU) && s->terminal.master >= 0;

	if (wants_keyboard) {
		s->in_foreground = false;
		prompt_hide(&s->asking.prompt); /* it reads what the session is to read */
		if (session_keyboard(s)) {
			prompt_look(&s->asking.prompt);
			return;
		}
	}
	prompt_hide(&s->asking.prompt);
	terminal_stop_self(&s->terminal, sig);
	if (wants_keyboard || s->terminal.keyboard)
		(void)session_keyboard(s);
	prompt_look(&s->asking.prompt);
	(void)wall_signal(s->wall, SIGCONT);
}

/*
 * The tree has ended, all but init. When nothing of it goes over us there is nothing to carry any
 * more either: the end can be recorded while the kernel takes the namespaces down.
 */
static void session_ended(struct session *s, const struct wall_event *event)
{
	if (s->terminal.master >= 0 || s->pipes[0].loop || s->pipes[1].loop)
		return; /* until all is closed: session_tree_ended() */
	s->result->end = (struct wall_exit){ .status = event->status, .usage = event->usage };
	wall_counters(s->wall, &s->result->end);
	s->ended_early = true;
	loop_stop(&s->loop);
}

int session_wall_told(struct loop_watch *watch, uint32_t revents)
{
	struct session *s = loop_owner(watch, struct session, events);
	struct wall_event event;

	while (wall_event(s->wall, &event) == 0) {
		if (event.kind == WALL_EVENT_STOPPED)
			session_stopped(s, WSTOPSIG(event.status));
		else
			session_ended(s, &event);
	}
	if (revents & (EPOLLHUP | EPOLLERR)) /* init is ending, which takes the kernel a while */
		loop_remove(&s->loop, watch);
	return 0;
}

int session_tree_ended(struct loop_watch *watch, uint32_t revents)
{
	(void)revents;
	loop_stop(&loop_owner(watch, struct session, tree)->loop);
	return 0;
}
