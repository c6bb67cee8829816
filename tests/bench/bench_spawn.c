/*
 * bench_spawn - starts commands in turn, A B C A B C ..., and times each from spawn to reaped.
 *
 *	bench_spawn ROUNDS COMMAND [ARG ...] [, COMMAND [ARG ...]] ...
 *
 * Prints one line a command: "INDEX MIN MEDIAN MEAN FAILURES", times in microseconds. Taking turns
 * makes ratios hold on a machine whose speed drifts. Output of the commands is thrown away; a
 * command that fails is counted, and its time is not.
 */
#include "base/own.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#define COMMANDS_MAX 16

extern char **environ;

struct command {
	char **argv;
	double *times; /* microseconds */
	size_t n, failures;
};

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void run_once(struct command *c, const posix_spawn_file_actions_t *quiet)
{
	double start = now_us();
	int status = 0;
	pid_t pid;

	if (posix_spawnp(&pid, c->argv[0], quiet, NULL, c->argv, environ) != 0) {
		c->failures++;
		return;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		c->failures++;
	else
		c->times[c->n++] = now_us() - start;
}

static void report(size_t index, struct command *c)
{
	double sum = 0;

	qsort(c->times, c->n, sizeof(*c->times), by_value);
	for (size_t i = 0; i < c->n; i++)
		sum += c->times[i];
	if (c->n == 0)
		printf("%zu 0 0 0 %zu\n", index, c->failures);
	else
		printf("%zu %.1f %.1f %.1f %zu\n", index, c->times[0], c->times[c->n / 2],
		       sum / (double)c->n, c->failures);
}

int main(int argc, char **argv)
{
	struct command commands[COMMANDS_MAX] = { 0 };
	posix_spawn_file_actions_t quiet;
	size_t n_commands = 0;
	uint64_t rounds;

	if (argc < 3 || str_to_u64(str_of(argv[1]), &rounds) < 0 || rounds == 0 ||
	    rounds > 100000) {
		fputs("usage: bench_spawn ROUNDS COMMAND [ARG ...] [, COMMAND ...]\n", stderr);
		return 2;
	}
	for (int i = 2; i < argc && n_commands < COMMANDS_MAX; i++) {
		struct command *c = &commands[n_commands++];

		c->argv = argv + i;
		c->times = calloc(rounds, sizeof(*c->times));
		if (!c->times)
			return 1;
		while (i < argc && strcmp(argv[i], ",") != 0)
			i++;
		argv[i] = NULL;
	}

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	for (uint64_t warm = 0; warm < 3; warm++) {
		for (size_t i = 0; i < n_commands; i++) {
			run_once(&commands[i], &quiet);
			commands[i].n = 0;
			if (commands[i].failures && warm < 2)
				commands[i].failures = 0;
		}
	}
	for (uint64_t r = 0; r < rounds; r++) {
		for (size_t i = 0; i < n_commands; i++)
			run_once(&commands[i], &quiet);
	}
	posix_spawn_file_actions_destroy(&quiet);
	for (size_t i = 0; i < n_commands; i++) {
		report(i, &commands[i]);
		free(commands[i].times);
	}
	return 0;
}
