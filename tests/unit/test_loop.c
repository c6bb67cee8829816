/* Unit tests of base/loop and sys/pty: delivery, removal inside a batch, timers, signals, pairs. */
#include "base/loop.h"
#include "base/own.h"
#include "sys/pty.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <cmocka.h>

struct pair {
	struct loop *loop;
	struct loop_watch watch;
	struct loop_watch *other; /* removed when this one fires */
	int write_fd, fired;
};

static int pair_fired(struct loop_watch *watch, uint32_t revents)
{
	struct pair *p = loop_owner(watch, struct pair, watch);

	assert_true(revents & EPOLLIN);
	p->fired++;
	if (p->other)
		loop_remove(p->loop, p->other);
	loop_remove(p->loop, watch);
	return 0;
}

static void pair_init(struct pair *p, struct loop *loop)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	*p = (struct pair){ .loop = loop,
			    .watch = { .fd = fds[0], .events = EPOLLIN, .fn = pair_fired },
			    .write_fd = fds[1] };
	assert_int_equal(loop_add(loop, &p->watch), 0);
}

struct stopper {
	struct loop *loop;
	struct loop_watch watch;
	int n;
};

static int stopper_fired(struct loop_watch *watch, uint32_t revents)
{
	struct stopper *s = loop_owner(watch, struct stopper, watch);

	(void)revents;
	assert_int_equal(loop_timer_read(watch->fd), 0);
	if (++s->n == 2)
		loop_stop(s->loop);
	return 0;
}

/* Both pipes are ready in the same batch; whichever comes first removes the other. */
static void loop_removed_watch_stays_silent(void **state)
{
	AUTO(loop_done) struct loop loop;
	struct pair a, b;
	struct stopper s = { .loop = &loop, .watch = { .events = EPOLLIN, .fn = stopper_fired } };

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	pair_init(&a, &loop);
	pair_init(&b, &loop);
	a.other = &b.watch;
	b.other = &a.watch;
	s.watch.fd = loop_timer(5, 5);
	assert_int_equal(loop_add(&loop, &s.watch), 0);
	assert_int_equal(loop_run(&loop), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(a.fired + b.fired, 1);
	close(a.watch.fd);
	close(b.watch.fd);
	close(a.write_fd);
	close(b.write_fd);
	close(s.watch.fd);
}

/* Fires every millisecond; counts how often it was told that another was called, or the loop ended. */
struct stayer {
	struct loop_watch watch;
	int fired, left;
	bool inside;
};

static int stayer_fired(struct loop_watch *watch, uint32_t revents)
{
	struct stayer *s = loop_owner(watch, struct stayer, watch);

	(void)revents;
	assert_int_equal(loop_timer_read(watch->fd), 0);
	s->fired++;
	s->inside = true;
	return 0;
}

static void stayer_left(struct loop_watch *watch)
{
	struct stayer *s = loop_owner(watch, struct stayer, watch);

	assert_true(s->inside);
	s->inside = false;
	s->left++;
}

struct checker {
	struct stopper stopper;
	struct stayer *stayer;
};

static int checker_fired(struct loop_watch *watch, uint32_t revents)
{
	assert_false(loop_owner(watch, struct checker, stopper.watch)->stayer->inside);
	return stopper_fired(watch, revents);
}

static void loop_tells_who_was_called_before(void **state)
{
	AUTO(loop_done) struct loop loop = { .epoll_fd = -EBADF };
	struct stayer s = { .watch = { .fd = loop_timer(1, 1),
				       .events = EPOLLIN,
				       .fn = stayer_fired,
				       .leave = stayer_left } };
	struct checker c = { .stopper = { .loop = &loop,
					  .watch = { .fd = loop_timer(20, 20),
						     .events = EPOLLIN,
						     .fn = checker_fired } },
			     .stayer = &s };

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(loop_add(&loop, &s.watch), 0);
	assert_int_equal(loop_add(&loop, &c.stopper.watch), 0);
	assert_int_equal(loop_run(&loop), 0);
	assert_false(s.inside);
	assert_true(s.fired > 4);
	assert_in_range(s.left, 1,
			4); /* twice for the other's calls, not once for each of its own */
	loop_remove(&loop, &s.watch);
	loop_remove(&loop, &c.stopper.watch);
	(void)close(s.watch.fd);
	(void)close(c.stopper.watch.fd);
}

static int fails(struct loop_watch *watch, uint32_t revents)
{
	(void)watch;
	(void)revents;
	return -ENOTBLK;
}

static void loop_failure_ends_it(void **state)
{
	AUTO(loop_done) struct loop loop;
	AUTO(fd_closep) int fd = loop_timer(1, 0);
	struct loop_watch w = { .fd = fd, .events = EPOLLIN, .fn = fails };

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(loop_add(&loop, &w), 0);
	assert_int_equal(loop_run(&loop), -ENOTBLK);
}

static void loop_reads_signals(void **state)
{
	AUTO(fd_closep) int fd = -EBADF;
	sigset_t set;
	int sig = 0;
	bool kernel = true;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	fd = loop_signals(&set);
	assert_true(fd >= 0);
	assert_int_equal(loop_signal_read(fd, &sig, &kernel), -EAGAIN);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(loop_signal_read(fd, &sig, &kernel), 0);
	assert_int_equal(sig, SIGUSR1);
	assert_false(kernel);
}

static void loop_refuses_files(void **state)
{
	AUTO(loop_done) struct loop loop;
	AUTO(fd_closep) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct loop_watch w = { .fd = fd, .events = EPOLLIN, .fn = fails };

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(loop_add(&loop, &w), -EPERM);
	assert_false(w.added);
}

static void pty_raw_and_back(void **state)
{
	AUTO(fd_closep) int master = -EBADF;
	AUTO(fd_closep) int slave = -EBADF;
	struct pty_saved saved;
	struct termios t;

	(void)state;
	assert_int_equal(pty_open(&master, &slave), 0);
	assert_true(isatty(slave));
	assert_int_equal(pty_save(slave, &saved), 0);
	assert_true(saved.termios.c_lflag & ECHO);
	assert_int_equal(pty_raw(&saved), 0);
	assert_int_equal(tcgetattr(slave, &t), 0);
	assert_false(t.c_lflag & (ECHO | ICANON | ISIG));
	pty_restore(&saved);
	pty_restore(&saved);
	assert_int_equal(tcgetattr(slave, &t), 0);
	assert_true((t.c_lflag & (ECHO | ICANON | ISIG)) == (ECHO | ICANON | ISIG));
	assert_int_equal(pty_save(-1, &saved), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loop_removed_watch_stays_silent),
		cmocka_unit_test(loop_failure_ends_it),
		cmocka_unit_test(loop_tells_who_was_called_before),
		cmocka_unit_test(loop_reads_signals),
		cmocka_unit_test(loop_refuses_files),
		cmocka_unit_test(pty_raw_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
