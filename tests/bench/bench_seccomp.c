/*
 * What the system call filter costs: to compile, to load, and on every call afterwards.
 *
 * Prints "name value unit" lines. Each sample of compile and load is a fresh process, as each run
 * of Capsule is: cold caches and page faults are part of the price. The cost of a call is the best
 * of several rounds with the filter less the best without it.
 */
#include "base/own.h"
#include "sandbox/filter.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define SAMPLES 101
#define TURNS 5
#define ROUNDS 200
#define CALLS 1000 /* well within one turn on a busy processor */

static struct filter filter;

struct sample {
	int64_t compile, load;  /* nanoseconds */
	int64_t getppid, ioctl; /* picoseconds for one call */
	int64_t n;
};

static int64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int64_t cost(long nr, long a0, long a1)
{
	int64_t best = INT64_MAX;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t start = now(), took;

		for (int i = 0; i < CALLS; i++)
			(void)syscall(nr, a0, a1);
		took = (now() - start) * 1000 / CALLS;
		if (took < best)
			best = took;
	}
	return best;
}

/* One fresh process; @use < 0: no filter. */
static int measure(int use, bool calls, struct sample *ret)
{
	int fds[2], status;
	pid_t pid;
	ssize_t n;

	if (pipe(fds) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		struct sample s = { 0 };
		struct err err = ERR_INIT;
		int64_t start = now();

		if (use >= 0 && filter_compile(NULL, (unsigned)use, &filter, &err) < 0)
			_exit(1);
		s.compile = now() - start;
		s.n = filter.n;
		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		start = now();
		if (use >= 0 && filter_load(&filter, 0, &err) < 0)
			_exit(1);
		s.load = now() - start;
		if (calls) {
			s.getppid = cost(SYS_getppid, 0, 0);
			s.ioctl = cost(SYS_ioctl, -1, TIOCGWINSZ);
		}
		_exit(write(fds[1], &s, sizeof(s)) == (ssize_t)sizeof(s) ? 0 : 1);
	}
	close(fds[1]);
	n = read(fds[0], ret, sizeof(*ret));
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status || n != (ssize_t)sizeof(*ret))
		return -EIO;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int start_costs(const char *name, int use)
{
	int64_t compile[SAMPLES], load[SAMPLES];
	struct sample s = { 0 };

	for (int i = 0; i < SAMPLES; i++) {
		if (measure(use, false, &s) < 0)
			return -EIO;
		compile[i] = s.compile;
		load[i] = s.load;
	}
	qsort(compile, SAMPLES, sizeof(compile[0]), by_value);
	qsort(load, SAMPLES, sizeof(load[0]), by_value);
	printf("seccomp.%s.compile.median %.1f us\n", name, (double)compile[SAMPLES / 2] / 1e3);
	printf("seccomp.%s.load.median %.1f us\n", name, (double)load[SAMPLES / 2] / 1e3);
	printf("seccomp.%s.instructions %d count\n", name, (int)s.n);
	return 0;
}

/* With and without by turns, so that a busy machine is busy for both; the best of each. */
static int call_costs(struct sample *without, struct sample *with)
{
	for (int i = 0; i < TURNS; i++) {
		struct sample a, b;

		if (measure(-1, true, &a) < 0 || measure(FILTER_SESSION, true, &b) < 0)
			return -EIO;
		if (i == 0 || a.getppid < without->getppid)
			without->getppid = a.getppid;
		if (i == 0 || a.ioctl < without->ioctl)
			without->ioctl = a.ioctl;
		if (i == 0 || b.getppid < with->getppid)
			with->getppid = b.getppid;
		if (i == 0 || b.ioctl < with->ioctl)
			with->ioctl = b.ioctl;
	}
	return 0;
}

int main(void)
{
	struct sample without = { 0 }, with = { 0 };

	if (start_costs("session", FILTER_SESSION) < 0 || start_costs("init", FILTER_INIT) < 0 ||
	    call_costs(&without, &with) < 0) {
		fputs("bench_seccomp: a measured process failed\n", stderr);
		return 1;
	}
	printf("seccomp.getppid.bare %.1f ns\n", (double)without.getppid / 1e3);
	printf("seccomp.getppid.added %.1f ns\n", (double)(with.getppid - without.getppid) / 1e3);
	printf("seccomp.ioctl.bare %.1f ns\n", (double)without.ioctl / 1e3);
	printf("seccomp.ioctl.added %.1f ns\n", (double)(with.ioctl - without.ioctl) / 1e3);
	return 0;
}
