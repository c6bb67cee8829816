/*
 * bench_cpu - a fixed amount of work that is nothing but computing: about two seconds of integer
 * arithmetic and memory traffic within the cache. Run inside and outside the wall.
 */
#include <stdint.h>
#include <stdio.h>

#define WORDS 8192

int main(void)
{
	static uint64_t words[WORDS];
	uint64_t x = 88172645463325252u, sum = 0;

	for (unsigned round = 0; round < 100000; round++) {
		for (unsigned i = 0; i < WORDS; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			words[i] += x;
			sum += words[(i * 7) % WORDS];
		}
	}
	printf("%016llx\n", (unsigned long long)sum);
	return 0;
}
