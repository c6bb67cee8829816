/*
 * What one of the cheapest system calls costs here: bench_call CALLS. Prints nanoseconds a call, the best of
 * twenty slices, so that what else the machine did meanwhile is left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SLICES 20

static double now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	long calls = argc == 2 ? strtol(argv[1], NULL, 10) / SLICES : 0;
	double best = 1e18;

	if (calls <= 0)
		return 2;
	for (int slice = 0; slice < SLICES; slice++) {
		double begin = now_ns(), each;

		for (long i = 0; i < calls; i++)
			(void)syscall(SYS_getppid);
		each = (now_ns() - begin) / (double)calls;
		if (each < best)
			best = each;
	}
	printf("%.1f\n", best);
	return 0;
}
