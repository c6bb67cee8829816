/*
 * loop - a small event loop: file descriptors, timers, signals, one thread, no allocation.
 *
 * A watch is a member of the caller's own structure and stays where it is while it is added. The
 * loop never owns what it watches: whoever added a watch removes it before the fd is closed. A
 * callback may add and remove any watch, its own and those of events not yet delivered included.
 * A callback's negative return ends loop_run() with that value.
 *
 * A watch may have a second callback, `leave`: after its first one it is told before any other watch's callback
 * runs, and before loop_run() returns. What it set up for itself can so stand from one event to the next.
 *
 * Level-triggered. Regular files and directories cannot be watched (-EPERM, from epoll): they are
 * always ready.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#define LOOP_BATCH 16 /* events taken from the kernel at once */

struct loop_watch;
typedef int loop_fn(struct loop_watch *watch, uint32_t revents);
typedef void loop_leave_fn(struct loop_watch *watch);

struct loop_watch {
	int fd;          /* borrowed */
	uint32_t events; /* EPOLLIN | EPOLLOUT; 0 while not interested (errors still arrive) */
	loop_fn *fn;
	loop_leave_fn *leave; /* or NULL */
	bool added; /* the loop's business */
};

struct loop {
	int epoll_fd;
	struct loop_watch *stays; /* called last, has not been told to leave */
	bool stopped;
	unsigned n_pending, next_pending; /* of the batch being delivered */
	struct {
		struct loop_watch *watch; /* NULL: removed since */
		uint32_t revents;
	} pending[LOOP_BATCH];
};

/* The structure of type @type whose member @member is the watch @w. */
#define loop_owner(w, type, member) \
	((type *)(void *)((char *)(w) - __builtin_offsetof(type, member)))

int loop_init(struct loop *loop);
void loop_done(struct loop *loop); /* NULL-safe fds: a zeroed or failed loop is fine; AUTO() too */

int loop_add(struct loop *loop, struct loop_watch *watch);
/* Change what is waited for; a watch that is not added is only noted. */
int loop_modify(struct loop *loop, struct loop_watch *watch, uint32_t events);
void loop_remove(struct loop *loop, struct loop_watch *watch); /* not added: nothing happens */

/* Deliver events until loop_stop() (0) or a callback or the kernel fails (negative errno). */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/*
 * Fds to watch. loop_timer(): readable once @ms milliseconds from now (monotonic clock), and again
 * every @every_ms if that is not 0; loop_timer_read() empties it. loop_signals(): readable when one
 * of @set, which the caller has blocked, is pending; loop_signal_read() gives one, -EAGAIN when
 * there is none left. All close-on-exec and non-blocking.
 */
int loop_timer(uint64_t ms, uint64_t every_ms);
int loop_timer_read(int fd);
int loop_timer_set(int fd, uint64_t ms, uint64_t every_ms); /* both 0: disarm */
int loop_signals(const sigset_t *set);
/* @ret_from_kernel: a terminal's or the kernel's own, not some process's kill(). May be NULL. */
int loop_signal_read(int fd, int *ret_sig, bool *ret_from_kernel);
