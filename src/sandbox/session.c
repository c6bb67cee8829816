/*
 * session - theory of operation.
 *
 * The order is chosen for two things: nothing runs that is not in the log, and nobody waits.
 *
 *	supervisor			child
 *	wall_launch()			namespaces, root, Landlock, filter ...
 *	open the log, make keys,	...
 *	hash our own program		...
 *	wall_ready()  <---------------	layers, then waits on its go pipe
 *	genesis, invocation.start
 *	wall_go()  ------------------>	exec (which may be trapped, and is answered)
 *	wall_running()  <-------------	runs
 *	attend: sign and name the log, answer the session's calls, carry, ...
 *
 * Signals are blocked only after the launch: the child must not inherit the mask, and until then
 * one that ends us ends the child too, over the lifeline. From then on they come through the loop.
 *
 * Standard descriptors that are neither terminals nor to be counted are given to the command as
 * they are and cost nothing. A directory is refused: with an open directory of the host's one can
 * walk out of any mount namespace.
 *
 * The end: when the command ends, init ends whoever is left and tells. With nothing to carry the end
 * is recorded then, while the kernel takes init and its namespaces down. Else what is still in pipes
 * and pty is carried to the host after that (a signal cuts it short), and then the end is recorded.
 */
#include "sandbox/session_impl.h"

#include "base/own.h"
#include "sandbox/record.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_STEP_MS 200 /* between looks at the signals while a slow reader takes the rest */
#define PUBLISH_MS 5      /* the log is signed and named when the start is through */

static const int session_signals[] = { SIGINT,  SIGTERM,  SIGHUP,  SIGQUIT, SIGUSR1,
				       SIGUSR2, SIGWINCH, SIGCONT, SIGTSTP };

static void session_freep(struct session **session)
{
	struct session *s = *session;

	if (!s)
		return;
	asking_done(&s->asking);
	terminal_done(&s->terminal);
	for (int i = 0; i < 2; i++)
		relay_done(&s->pipes[i]);
	if (s->wall)
		(void)wall_finish(s->wall, s->ended_early ? NULL : &s->result->end);
	live_done(&s->live);
	recording_done(&s->recording);
	changes_folder_done(&s->changes, !s->result->changes.kept);
	s->log = audit_abort(s->log);
	s->signals.fd = fd_close(s->signals.fd);
	s->timer.fd = fd_close(s->timer.fd);
	s->audit.fd = fd_close(s->audit.fd);
	s->regain.fd = fd_close(s->regain.fd);
	for (int i = 1; i < 3; i++) {
		if (s->carried[i])
			s->stdio[i] = fd_close(s->stdio[i]);
	}
	loop_done(&s->loop);
	free(s);
	*session = NULL;
}

static struct session *session_new(const struct session_options *options,
				   struct session_result *result)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->options = options;
	s->result = result;
	s->changes = CHANGES_FOLDER_INIT;
	if (loop_init(&s->loop) < 0) {
		free(s);
		return NULL;
	}
	s->signals.fd = s->timer.fd = -EBADF;
	s->audit.fd = s->regain.fd = -EBADF;
	s->pipes[0].source.fd = s->pipes[1].source.fd = s->terminal.output.source.fd = -EBADF;
	s->terminal.master = s->terminal.slave = -EBADF;
	s->terminal.input.source.fd = -EBADF;
	s->has_quota = options->policy->limits.output != 0;
	s->quota.left = options->policy->limits.output;
	return s;
}

/* ---- standard descriptors */

/* Do 1 and 2 lead to the same file (2>&1)? Then they stay one stream, in order. */
static bool same_file(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

static int stdio_check(int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "descriptor %d", fd);
	if (S_ISDIR(st.st_mode))
		return err_text(err, ENOTSUP,
				"descriptor %d is a directory: it would be a way out of the wall",
				fd);
	return 0;
}

/* A pipe in the place of descriptor @fd; its read end waits in pipes[] for session_carry(). */
static int stdio_pipe(struct session *s, int fd, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, errno, "cannot make a pipe");
	s->pipes[fd - 1].source.fd = ends[0];
	s->stdio[fd] = ends[1];
	s->carried[fd] = true;
	return 0;
}

static int stdio_plan(struct session *s, struct err *err)
{
	bool carry = s->has_quota || s->options->policy->audit_stdio;
	int r;

	if (terminal_wanted(s->is_tty)) {
		r = terminal_open(&s->terminal, s->is_tty, s->options->eight_bit);
		if (r < 0)
			return err_set(err, -r, "cannot make a terminal");
	}
	for (int fd = 0; fd < 3; fd++) {
		r = stdio_check(fd, err);
		if (r < 0)
			return r;
		s->stdio[fd] = s->is_tty[fd] ? s->terminal.slave : fd;
		if (fd == 0 || !carry || s->is_tty[fd])
			continue;
		if (fd == 2 && s->carried[1] && same_file(1, 2)) {
			s->stdio[2] = s->stdio[1];
			s->result->same_output = true;
			continue;
		}
		r = stdio_pipe(s, fd, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The command has its own now: ours would keep the pipes open. */
static void stdio_handed_over(struct session *s)
{
	for (int fd = 1; fd < 3; fd++) {
		if (s->carried[fd])
			s->stdio[fd] = fd_close(s->stdio[fd]);
		s->carried[fd] = false;
	}
}

/* ---- the sequence */

/* One that is ignored (nohup) stays so; blocked, it would be queued all the same. */
static void signals_block(sigset_t *ret_set)
{
	struct sigaction now;
	sigset_t block;

	(void)sigemptyset(ret_set);
	for (size_t i = 0; i < sizeof(session_signals) / sizeof(session_signals[0]); i++) {
		if (sigaction(session_signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			(void)sigaddset(ret_set, session_signals[i]);
	}
	block = *ret_set;
	(void)sigaddset(&block, SIGTTOU); /* output in the background is not our end */
	(void)sigprocmask(SIG_BLOCK, &block, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

static int session_launch(struct session *s, sigset_t *ret_signals, struct err *err)
{
	const struct session_options *o = s->options;
	struct wall_command command = { .argv = o->argv, .envp = o->envp, .cwd = o->cwd };
	int r = stdio_plan(s, err);

	if (r < 0)
		return session_failed(s, "stdio", WALL_FAIL_SETUP, r);
	r = recording_plan(&s->recording, o->policy, &command, err);
	if (r < 0)
		return session_failed(s, "recorder", WALL_FAIL_SETUP, r);
	r = live_plan(&s->live, o->policy, err);
	if (r < 0)
		return session_failed(s, "rules", WALL_FAIL_SETUP, r);
	command.traps = &s->live.traps;
	for (int fd = 0; fd < 3; fd++)
		command.stdio[fd] = s->stdio[fd];
	command.own_tty = s->terminal.master >= 0;
	command.start_background = command.own_tty && !terminal_starts_with_keyboard(&s->terminal);
	if (o->policy->overlay) {
		r = changes_folder_new(o->changes_dir, &s->changes, err);
		if (r < 0)
			return session_failed(s, "changes", WALL_FAIL_SETUP, r);
		command.changes = s->changes.path;
	}
	r = wall_launch(o->policy, &command, &s->wall, err);
	if (r < 0)
		return session_failed(s, "wall", WALL_FAIL_SETUP, r);
	if (!o->policy->overlay) /* else nothing is made where it could be tripped over */
		made_before(o->policy, &s->missing);
	signals_block(ret_signals);
	return 0;
}

/* The log's last words when the command did not run; a failure here changes nothing any more. */
static void session_log_failure(struct session *s, const struct err *err)
{
	struct json_wr *w;

	if (recording_finish(&s->recording, NULL) < 0)
		return;
	w = audit_begin(s->log, "session.failed");
	json_key(w, "step");
	json_strz(w, s->result->step);
	json_key(w, "errno");
	json_u64(w, (uint64_t)s->result->error);
	json_key(w, "message");
	json_strz(w, err ? err->text : "");
	json_key(w, "exit");
	json_u64(w, (uint64_t)s->result->exit_status);
	if (audit_end(s->log, NULL) == 0)
		(void)audit_close(take_ptr(&s->log), NULL);
}

/* From here on what the session writes is kept. */
static int session_name_changes(struct session *s, struct err *err)
{
	struct changes_about about = { .session = s->result->id,
				       .log = s->result->log,
				       .policy = s->options->policy,
				       .argv = s->options->argv };
	int r = s->options->policy->overlay ? changes_folder_name(&s->changes, &about, err) : 0;

	if (r < 0)
		return session_failed(s, "changes", WALL_FAIL_SETUP, r);
	s->result->changes.kept = s->options->policy->overlay;
	return 0;
}

/* What waits; nothing: then there is nothing to keep. */
static void session_count_changes(struct session *s)
{
	AUTO(changes_closep) struct changes_session *session = NULL;
	struct session_changes *c = &s->result->changes;
	struct change_list list = { 0 };

	if (!c->kept || changes_open(s->options->changes_dir, s->result->id, &session, NULL) < 0)
		return;
	c->counted = change_list_make(session, &list, NULL) == 0;
	memcpy(c->count, list.count, sizeof(c->count));
	c->held = list.held;
	c->kept = !c->counted || list.n > 0;
	change_list_done(&list);
}

static int session_open_log(struct session *s, struct err *err)
{
	enum wall_failure failure = WALL_FAIL_SETUP;
	struct json_wr *w;
	int r, ready;

	r = audit_open(&s->options->audit, &s->log, &w, err);
	if (r < 0)
		return session_failed(s, "log", WALL_FAIL_SETUP, r);
	(void)snprintf(s->result->id, sizeof(s->result->id), "%s", audit_session_id(s->log));
	(void)snprintf(s->result->log, sizeof(s->result->log), "%s", audit_path(s->log));
	record_genesis(w, s->options);
	recording_describe(&s->recording, w, s->options->policy);
	ready = wall_ready(s->wall, s->result->layers, &failure, err);
	record_layers(w, s->result->layers);
	r = audit_end(s->log, ready < 0 ? NULL : err);
	if (ready < 0) {
		(void)session_failed(s, "wall", (int)failure, ready);
		session_log_failure(s, err);
		return ready;
	}
	if (r < 0)
		return session_failed(s, "log", WALL_FAIL_SETUP, r);
	r = session_name_changes(s, err);
	if (r < 0)
		return r;
	record_start(audit_begin(s->log, "invocation.start"), s->options);
	r = audit_end(s->log, err);
	if (r == 0)
		r = audit_write(s->log, err);
	return r < 0 ? session_failed(s, "log", WALL_FAIL_SETUP, r) : 0;
}

static int session_loop_start(struct session *s, const sigset_t *signals)
{
	uint64_t wall_ms = s->options->policy->limits.wall_ms;
	int r = session_watch(s, &s->signals, loop_signals(signals), session_signal);

	if (r == 0)
		r = session_watch(s, &s->tree, wall_pidfd(s->wall), session_tree_ended);
	if (r == 0)
		r = session_watch(s, &s->events, wall_event_fd(s->wall), session_wall_told);
	if (r == 0)
		r = session_watch(s, &s->audit, loop_timer(PUBLISH_MS, 0), session_audit);
	if (r == 0 && (wall_ms || s->has_quota))
		r = session_watch(s, &s->timer, loop_timer(wall_ms, 0), session_timer);
	return r;
}

static int session_carry(struct session *s)
{
	struct relay_quota *quota = s->has_quota ? &s->quota : NULL;
	int r = 0;

	if (s->terminal.master >= 0) {
		terminal_resized(&s->terminal); /* since it was made nobody heard of a change */
		s->terminal.output.data_owner = s;
		s->in_foreground = terminal_starts_with_keyboard(&s->terminal);
		r = terminal_start(&s->terminal, &s->loop, quota, session_relay_changed);
		if (r == 0 && s->terminal.interactive)
			(void)session_keyboard(s);
	}
	for (int i = 0; r == 0 && i < 2; i++) {
		struct relay *pipe = &s->pipes[i];

		if (!s->carried[i + 1])
			continue;
		pipe->quota = quota;
		pipe->data_owner = s;
		pipe->changed = session_relay_changed;
		pipe->with_digest = s->options->policy->audit_stdio;
		r = relay_start(pipe, &s->loop, pipe->source.fd, i + 1);
	}
	stdio_handed_over(s);
	return r;
}

/* A signal that asks for an end arrived while only output was left to carry. */
static bool session_interrupted(struct session *s)
{
	int sig;

	while (loop_signal_read(s->signals.fd, &sig, NULL) == 0) {
		if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT)
			return true;
	}
	return false;
}

static void stream_result(struct session_stream *stream, const struct relay *relay)
{
	stream->carried = true;
	stream->digested = relay->with_digest;
	stream->bytes = relay->bytes;
	if (relay->with_digest)
		blake3_final(&relay->digest, stream->digest);
}

static void session_drain(struct session *s)
{
	for (int i = 0; i < 2; i++) {
		struct relay *pipe = &s->pipes[i];

		if (!pipe->loop)
			continue;
		do {
			relay_drain(pipe);
			relay_finish(pipe, STR(""), DRAIN_STEP_MS);
		} while (!pipe->broken && !session_interrupted(s) &&
			 (relay_pending(pipe) || relay_readable(pipe)));
		stream_result(&s->result->streams[i], pipe);
	}
	if (!s->terminal.loop)
		return;
	terminal_done(&s->terminal);
	stream_result(&s->result->terminal, &s->terminal.output);
	s->result->terminal_dropped = s->terminal.vt.dropped;
}

static uint64_t us_since(const struct timespec *from)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)((now.tv_sec - from->tv_sec) * 1000000 +
			  (now.tv_nsec - from->tv_nsec) / 1000);
}

static int session_record_end(struct session *s, struct err *err)
{
	int r = recording_finish(&s->recording, err);

	record_end(audit_begin(s->log, "invocation.end"), s->result);
	if (r == 0)
		r = audit_end(s->log, err);
	if (r == 0)
		r = audit_close(take_ptr(&s->log), err);
	return r < 0 ? session_failed(s, "log", WALL_FAIL_SETUP, r) : 0;
}

/* Who is asked, from now on. */
/* Over the control socket. The log's failure is the session's end, which the loop finds out. */
static int session_reload(void *owner, struct json_wr *w, struct err *err)
{
	struct session *s = owner;
	uint8_t before[BLAKE3_OUT];
	int r;

	memcpy(before, reload_policy(s->live.reload)->effective, sizeof(before));
	r = reload_now(s->live.reload, err);
	if (r < 0)
		return r;
	json_key(w, "changed");
	json_bool(w, memcmp(before, reload_policy(s->live.reload)->effective, sizeof(before)) != 0);
	json_key(w, "policy");
	json_hex(w, reload_policy(s->live.reload)->effective, BLAKE3_OUT);
	return 0;
}

static int session_ask(struct session *s)
{
	struct asking_options options = { .mediator = s->live.mediator,
					  .log = s->log,
					  .terminal = &s->terminal,
					  .config_dir = s->options->audit.config_dir,
					  .no_prompt = s->options->no_prompt,
					  .control = { .state_dir = s->options->audit.state_dir,
						       .session = s->result->id,
						       .status = session_status,
						       .reload = s->live.reload ? session_reload
										: NULL,
						       .owner = s } };

	return asking_start(&s->asking, &options, &s->loop);
}

static int session_cannot_attend(struct session *s, int r, struct err *err)
{
	return session_failed(s, "loop", WALL_FAIL_SETUP,
			      err_set(err, -r, "cannot attend to the session"));
}

/* What attends to the session, while its command is still being made. */
static int session_settle(struct session *s, const sigset_t *signals, struct err *err)
{
	int r = session_loop_start(s, signals);

	if (r == 0)
		r = session_carry(s);
	return r < 0 ? session_cannot_attend(s, r, err) : 0;
}

/* And who answers its calls. */
static int session_listen(struct session *s, struct err *err)
{
	int r = s->live.mediator ? mediator_start(s->live.mediator, &s->loop) : 0;

	if (r == 0 && s->live.reload)
		r = reload_watch(s->live.reload, &s->loop);
	if (r == 0)
		r = session_ask(s);
	return r < 0 ? session_cannot_attend(s, r, err) : 0;
}

/* The execve is held for a person: all that answers, ends or times out comes through the loop. */
static int session_await_answer(struct session *s)
{
	int r;

	s->awaiting = true;
	mediator_start_held(s->live.mediator, true);
	r = loop_run(&s->loop);
	mediator_start_held(s->live.mediator, false);
	s->awaiting = false;
	return r;
}

/* Until the command runs, or has failed: its execve may be waiting for us. */
static void session_await(struct session *s)
{
	struct pollfd fds[3] = {
		{ .fd = wall_running_fd(s->wall), .events = POLLIN },
		{ .fd = s->live.mediator ? wall_listener(s->wall) : -1, .events = POLLIN },
		{ .fd = recording_fd(&s->recording), .events = POLLIN },
	};
	struct mediate_start *start = &s->start;
	int r = 0;

	*start = (struct mediate_start){ .argv = s->options->argv,
					 .envp = s->options->envp,
					 .cwd = s->options->cwd };
	while (r == 0 && (fds[1].fd >= 0 || fds[2].fd >= 0)) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents)
			break; /* what waits may be the command's own by now */
		if (fds[2].revents)
			r = recorder_serve(s->recording.recorder);
		if (r < 0)
			return;
		if (fds[1].revents & POLLIN) {
			start->path = wall_executing(s->wall);
			r = start->path ? mediator_serve_start(s->live.mediator, start)
					: mediator_serve(s->live.mediator);
			/* a call of the command's own may be held by now: that waits for the loop */
			if (r == 0 && start->path && mediator_held(s->live.mediator))
				r = session_await_answer(s);
		} else if (fds[1].revents & (POLLHUP | POLLNVAL)) { /* POLLERR alone passes */
			fds[1].fd = -1;
		}
	}
}

/* Who answers what the session is stopped at. */
static int session_mediate(struct session *s, struct err *err)
{
	const struct session_options *o = s->options;
	struct mediate_options options = { .policy = o->policy,
					   .log = s->log,
					   .session = s->result->id,
					   .tool = o->tool,
					   .listener = wall_listener(s->wall),
					   .root = wall_root(s->wall),
					   .tty_master = s->terminal.master,
					   .tty_slave = s->terminal.slave,
					   .ask_default = o->policy->ask_default,
					   .config_dir = o->audit.config_dir,
					   .record_denials_only = o->policy->record ==
								  POLICY_RECORD_INVOCATIONS };
	struct reload_options reload = {
		.load = o->load_again, .told = o->told, .ctx = o->ctx, .init = wall_init(s->wall)
	};

	recording_share(&s->recording, &options);
	wall_ids(s->wall, &options.uid, &options.outer_uid, &options.gid, &options.outer_gid);
	return live_start(&s->live, &options, &reload, err);
}

static int session_go(struct session *s, const sigset_t *signals, struct err *err)
{
	enum wall_failure failure = WALL_FAIL_SETUP;
	int r, attends = session_settle(s, signals, err);

	if (attends < 0)
		return attends;
	(void)clock_gettime(CLOCK_MONOTONIC, &s->started);
	r = recording_start(&s->recording, s->wall, s->log, &s->loop, s->options->notice, err);
	if (r == 0)
		r = wall_listen(s->wall, err);
	if (r == 0)
		r = session_mediate(s, err);
	if (r == 0) {
		attends = session_listen(s, err);
		if (attends < 0)
			return attends;
		r = wall_go(s->wall, err); /* last: who is woken by us runs when we sleep */
	}
	if (r == 0) {
		session_await(s);
		r = wall_running(s->wall, &failure, err);
	}
	if (r < 0) {
		(void)session_failed(s, failure == WALL_FAIL_SETUP ? "wall" : "exec", (int)failure,
				     r);
		asking_done(&s->asking);
		terminal_done(&s->terminal);
		session_log_failure(s, err);
		return r;
	}
	s->result->ran = true;
	return 0;
}

/* From the exec to the last record. */
static int session_attend(struct session *s, struct err *err)
{
	int r = loop_run(&s->loop);
	int status;

	asking_done(&s->asking);

	if (r < 0 && !s->result->step)
		return session_failed(s, "loop", WALL_FAIL_SETUP,
				      err_set(err, -r, "the event loop failed"));
	if (r < 0)
		return r;
	if (!s->ended_early)
		(void)wall_finish(take_ptr(&s->wall), &s->result->end);
	s->result->duration_us = us_since(&s->started);
	if (s->live.mediator)
		s->result->denials = mediator_counts(s->live.mediator)->denied;
	made_after(&s->missing, &s->result->made);
	session_drain(s);
	session_count_changes(s);
	status = s->result->end.status;
	s->result->exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return session_record_end(s, err);
}

int session_run(const struct session_options *options, struct session_result *ret_result,
		struct err *err)
{
	AUTO(session_freep) struct session *s = NULL;
	sigset_t signals;
	int r;

	*ret_result = (struct session_result){ .exit_status = WALL_FAIL_SETUP };
	s = session_new(options, ret_result);
	if (!s)
		return err_set(err, ENOMEM, "cannot start a session");
	s->err = err;
	r = session_launch(s, &signals, err);
	if (r == 0)
		r = session_open_log(s, err);
	if (r < 0)
		return r;
	r = session_go(s, &signals, err);
	return r < 0 ? r : session_attend(s, err);
}
