/*
 * later - what would make the supervisor wait: opening a FIFO until somebody opens its other end, a
 * connection that takes its time. A thread of its own does it, and the caller has its answer when
 * that is through.
 *
 * At most LATER_MAX at once; one more fails with EAGAIN. A caller that is killed meanwhile is noticed
 * by the timer, and its thread is called off by a signal that does nothing but interrupt.
 */
#include "mediate/impl.h"

#include "base/own.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#define LOOK_MS 500
#define BELL_MS 50
#define STACK_SIZE (64 << 10)

static void interrupted(int sig)
{
	(void)sig;
}

static int later_signal(void)
{
	return SIGRTMIN + 1;
}

static int do_fifo(const struct later *l)
{
	char link[32];
	int fd;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", l->fd);
	fd = open(link, (int)((l->flags & (O_ACCMODE | O_APPEND)) | O_CLOEXEC | O_NOCTTY));
	return fd < 0 ? -errno : fd;
}

static int do_connect(const struct later *l)
{
	return connect(l->fd, (const struct sockaddr *)&l->address.storage, l->address.n) < 0
		       ? -errno
		       : 0;
}

/* 0 in any case: the send itself will tell. */
static int do_wait(const struct later *l)
{
	struct pollfd wait = { .fd = l->fd, .events = POLLOUT };

	(void)poll(&wait, 1, -1);
	return 0;
}

static void *later_run(void *argument)
{
	struct later *l = argument;
	struct mediator *m = l->mediator;
	uint8_t slot = (uint8_t)(l - m->later);
	sigset_t set;

	(void)sigfillset(&set);
	(void)sigdelset(&set, later_signal());
	(void)pthread_sigmask(SIG_SETMASK, &set, NULL);
	/* made while the session's identity was on, which a new thread inherits */
	l->result = l->kind == LATER_FIFO      ? do_fifo(l)
		    : l->kind == LATER_CONNECT ? do_connect(l)
					       : do_wait(l);
	(void)!write(m->later_pipe[1], &slot, 1);
	return NULL;
}

static void later_end(struct later *l)
{
	(void)pthread_join(l->thread, NULL);
	l->fd = fd_close(l->fd);
	l->pin = fd_close(l->pin);
	l->used = false;
}

static void finish(struct mediator *m, struct later *l)
{
	struct call call = { .n = l->n, .sysc = l->sysc };
	int r = l->result, fd = -EBADF;

	if (l->kind == LATER_WRITABLE) {
		struct notify_call n = l->n;

		later_end(l);
		mediator_handle(m, &n, NULL);
		return;
	}
	if (l->kind == LATER_FIFO && r >= 0) {
		fd = r;
		(void)call_give(m, &call, fd, l->flags & O_CLOEXEC ? O_CLOEXEC : 0);
		fd_close(fd);
	} else {
		call_answer(m, &call, r);
	}
	later_end(l);
}

static int later_done(struct loop_watch *watch, uint32_t revents)
{
	struct mediator *m = loop_owner(watch, struct mediator, later_watch);
	uint8_t slots[LATER_MAX];
	ssize_t n = read(watch->fd, slots, sizeof(slots));

	(void)revents;
	for (ssize_t i = 0; i < n; i++) {
		if (slots[i] < LATER_MAX && m->later[slots[i]].used)
			finish(m, &m->later[slots[i]]);
	}
	return 0;
}

/* ---- waits that must end ---- */

static bool bell_set(struct mediator *m, unsigned after_ms, unsigned every_ms)
{
	struct itimerspec when = {
		.it_value = { .tv_sec = after_ms / 1000, .tv_nsec = after_ms % 1000 * 1000000L },
		.it_interval = { .tv_nsec = every_ms * 1000000L },
	};

	return m->has_bell && timer_settime(m->bell, 0, &when, NULL) == 0;
}

bool bell_on(struct mediator *m, unsigned after_ms)
{
	return bell_set(m, after_ms, BELL_MS);
}

void bell_off(struct mediator *m)
{
	(void)bell_set(m, 0, 0);
}

static int bell_make(struct mediator *m)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = later_signal() };

	event._sigev_un._tid = gettid();
	m->has_bell = timer_create(CLOCK_MONOTONIC, &event, &m->bell) == 0;
	return m->has_bell ? 0 : -errno;
}

bool later_has_room(const struct mediator *m)
{
	return m->n_left + 2 <= LEFT_MAX;
}

void later_reap(struct mediator *m, pid_t pid)
{
	if (m->n_left < LEFT_MAX)
		m->left[m->n_left++] = pid;
}

static void reap_left(struct mediator *m)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < m->n_left; i++) {
		int status;
		pid_t r = waitpid(m->left[i], &status, __WALL | WNOHANG);

		if (r == 0 || (r > 0 && WIFSTOPPED(status)) || (r < 0 && errno == EINTR))
			m->left[kept++] = m->left[i];
	}
	m->n_left = kept;
}

static int later_look(struct loop_watch *watch, uint32_t revents)
{
	struct mediator *m = loop_owner(watch, struct mediator, later_timer);

	(void)revents;
	(void)loop_timer_read(watch->fd);
	reap_left(m);
	for (int i = 0; i < LATER_MAX; i++) {
		if (m->later[i].used && !notify_valid(m->o.listener, m->later[i].n.id))
			(void)pthread_kill(m->later[i].thread, later_signal());
	}
	held_look(m);
	return m->log_error;
}

int later_start(struct mediator *m, struct loop *loop)
{
	struct sigaction sa = { .sa_handler = interrupted };
	int r;

	if (sigaction(later_signal(), &sa, NULL) < 0 ||
	    pipe2(m->later_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	m->later_watch =
		(struct loop_watch){ .fd = m->later_pipe[0], .events = EPOLLIN, .fn = later_done };
	r = loop_add(loop, &m->later_watch);
	if (r == 0)
		r = bell_make(m);
	if (r < 0)
		return r;
	m->later_timer = (struct loop_watch){ .fd = loop_timer(LOOK_MS, LOOK_MS),
					      .events = EPOLLIN,
					      .fn = later_look };
	return m->later_timer.fd < 0 ? m->later_timer.fd : loop_add(loop, &m->later_timer);
}

void later_stop(struct mediator *m)
{
	if (m->has_bell)
		(void)timer_delete(m->bell);
	m->has_bell = false;
	for (int i = 0; i < LATER_MAX; i++) {
		struct later *l = &m->later[i];

		if (!l->used)
			continue;
		/* it may be just about to block: until it has ended */
		while (pthread_tryjoin_np(l->thread, NULL) == EBUSY) {
			(void)pthread_kill(l->thread, later_signal());
			(void)usleep(1000);
		}
		if (l->kind == LATER_FIFO && l->result >= 0)
			(void)close(l->result);
		l->fd = fd_close(l->fd);
		l->pin = fd_close(l->pin);
		l->used = false;
	}
	m->later_timer.fd = fd_close(m->later_timer.fd);
	m->later_pipe[0] = fd_close(m->later_pipe[0]);
	m->later_pipe[1] = fd_close(m->later_pipe[1]);
}

/* An address in /proc/self/fd is our caller's for as long as it has that open: have it open ourselves. */
static int pin_again(struct tracee_address *a)
{
	static const char prefix[] = "/proc/self/fd/";
	int fd;

	if (a->family != AF_UNIX || strncmp(a->un.sun_path, prefix, sizeof(prefix) - 1) != 0)
		return -EBADF;
	fd = fcntl((int)strtol(a->un.sun_path + sizeof(prefix) - 1, NULL, 10), F_DUPFD_CLOEXEC, 3);
	(void)snprintf(a->un.sun_path, sizeof(a->un.sun_path), "%s%d", prefix, fd);
	return fd;
}

void mediator_later(struct mediator *m, const struct call *call, enum later_kind kind, int fd,
		    uint64_t flags, const struct tracee_address *address)
{
	pthread_attr_t attributes;
	struct later *l = NULL;
	int r = 0;

	for (int i = 0; i < LATER_MAX && !l; i++)
		l = m->later[i].used ? NULL : &m->later[i];
	if (!l || m->later_pipe[1] < 0) {
		if (kind != LATER_WRITABLE)
			mediator_record(m, call, -EAGAIN, false);
		call_fail(m, call, -EAGAIN);
		return;
	}
	*l = (struct later){ .mediator = m,
			     .kind = kind,
			     .n = call->n,
			     .sysc = call->sysc,
			     .flags = flags,
			     .result = -EINTR,
			     .fd = fcntl(fd, F_DUPFD_CLOEXEC, 3) };
	if (address)
		l->address = *address;
	l->pin = address ? pin_again(&l->address) : -EBADF;
	r = l->fd < 0 ? errno : pthread_attr_init(&attributes);
	if (r == 0) {
		(void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
		r = pthread_create(&l->thread, &attributes, later_run, l);
		(void)pthread_attr_destroy(&attributes);
	}
	l->used = r == 0;
	if (kind != LATER_WRITABLE)
		mediator_record(m, call, -r, false);
	if (r) {
		l->fd = fd_close(l->fd);
		l->pin = fd_close(l->pin);
		call_fail(m, call, -r);
	}
}
