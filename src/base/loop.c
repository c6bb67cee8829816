/*
 * loop - epoll, level-triggered, in batches.
 *
 * The one hazard of batches: an event already fetched for a watch that an earlier callback of the
 * same batch removed (and whose memory may be gone). loop_remove() therefore walks what is left of
 * the batch and strikes the watch out; batches are small, so that is cheaper than any list.
 */
#include "base/loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

int loop_init(struct loop *loop)
{
	*loop = (struct loop){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	return loop->epoll_fd < 0 ? -errno : 0;
}

void loop_done(struct loop *loop)
{
	if (loop->epoll_fd > 0)
		(void)close(loop->epoll_fd);
	loop->epoll_fd = -EBADF;
}

static int loop_ctl(struct loop *loop, int op, struct loop_watch *watch)
{
	struct epoll_event ev = { .events = watch->events, .data.ptr = watch };

	return epoll_ctl(loop->epoll_fd, op, watch->fd, &ev) < 0 ? -errno : 0;
}

int loop_add(struct loop *loop, struct loop_watch *watch)
{
	int r = loop_ctl(loop, EPOLL_CTL_ADD, watch);

	watch->added = r == 0;
	return r;
}

int loop_modify(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
	if (watch->events == events)
		return 0;
	watch->events = events;
	return watch->added ? loop_ctl(loop, EPOLL_CTL_MOD, watch) : 0;
}

/* Whoever was called last and minds, unless it is @next. */
static void leave(struct loop *loop, const struct loop_watch *next)
{
	struct loop_watch *last = loop->stays;

	if (!last || last == next)
		return;
	loop->stays = NULL;
	last->leave(last);
}

void loop_remove(struct loop *loop, struct loop_watch *watch)
{
	if (!watch->added)
		return;
	if (loop->stays == watch)
		leave(loop, NULL);
	(void)loop_ctl(loop, EPOLL_CTL_DEL, watch);
	watch->added = false;
	for (unsigned i = loop->next_pending; i < loop->n_pending; i++) {
		if (loop->pending[i].watch == watch)
			loop->pending[i].watch = NULL;
	}
}

static int loop_wait(struct loop *loop)
{
	struct epoll_event evs[LOOP_BATCH];
	int n = epoll_wait(loop->epoll_fd, evs, LOOP_BATCH, -1);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		loop->pending[i].watch = evs[i].data.ptr;
		loop->pending[i].revents = evs[i].events;
	}
	loop->next_pending = 0;
	loop->n_pending = (unsigned)n;
	return 0;
}

static int deliver(struct loop *loop, struct loop_watch *watch, uint32_t revents)
{
	leave(loop, watch);
	if (watch->leave)
		loop->stays = watch;
	return watch->fn(watch, revents);
}

static int run(struct loop *loop)
{
	int r = 0;

	loop->stopped = false;
	while (r == 0 && !loop->stopped) {
		r = loop_wait(loop);
		while (r == 0 && !loop->stopped && loop->next_pending < loop->n_pending) {
			unsigned i = loop->next_pending++;

			if (loop->pending[i].watch)
				r = deliver(loop, loop->pending[i].watch, loop->pending[i].revents);
			r = r > 0 ? 0 : r;
		}
		/* what a stop left undelivered is level-triggered: it comes again */
		if (r == 0)
			loop->n_pending = 0;
	}
	return r;
}

int loop_run(struct loop *loop)
{
	int r = run(loop);

	leave(loop, NULL);
	return r;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

static struct timespec ms_timespec(uint64_t ms)
{
	return (struct timespec){ .tv_sec = (time_t)(ms / 1000),
				  .tv_nsec = (long)(ms % 1000) * 1000000 };
}

int loop_timer_set(int fd, uint64_t ms, uint64_t every_ms)
{
	struct itimerspec its = { .it_value = ms_timespec(ms),
				  .it_interval = ms_timespec(every_ms) };

	return timerfd_settime(fd, 0, &its, NULL) < 0 ? -errno : 0;
}

int loop_timer(uint64_t ms, uint64_t every_ms)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	r = loop_timer_set(fd, ms, every_ms);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}

int loop_timer_read(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) < 0 ? -errno : 0;
}

int loop_signals(const sigset_t *set)
{
	int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int loop_signal_read(int fd, int *ret_sig, bool *ret_from_kernel)
{
	struct signalfd_siginfo si;
	ssize_t n = read(fd, &si, sizeof(si));

	if (n < 0)
		return -errno;
	if (n != (ssize_t)sizeof(si))
		return -EIO;
	*ret_sig = (int)si.ssi_signo;
	if (ret_from_kernel)
		*ret_from_kernel = si.ssi_code == SI_KERNEL;
	return 0;
}
