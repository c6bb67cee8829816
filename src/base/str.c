#include "base/str.h"

#include <errno.h>

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n ? memcmp(a.p, b.p, n) : 0;

	if (r)
		return r;
	return (a.n > b.n) - (a.n < b.n);
}

int str_to_u64(struct str s, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (s.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value))
			return -ERANGE;
	}
	*ret_value = value;
	return 0;
}

#define NEAR_MAX 64

unsigned str_distance(struct str a, struct str b, unsigned max)
{
	unsigned row[3][NEAR_MAX + 1];
	unsigned *before = row[0], *prev = row[1], *cur = row[2];

	if (a.n > NEAR_MAX || b.n > NEAR_MAX)
		return max + 1;
	for (size_t j = 0; j <= b.n; j++)
		prev[j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned *spare = before;

		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned cost = a.p[i - 1] != b.p[j - 1];
			unsigned best = prev[j - 1] + cost;

			if (prev[j] + 1 < best)
				best = prev[j] + 1;
			if (cur[j - 1] + 1 < best)
				best = cur[j - 1] + 1;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			cur[j] = best;
		}
		before = prev;
		prev = cur;
		cur = spare;
	}
	return prev[b.n] > max ? max + 1 : prev[b.n];
}

const char *str_nearest(struct str word, const char *const *names, size_t n)
{
	unsigned best = (unsigned)(word.n < 3 ? 1 : word.n / 3) + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned d = str_distance(word, str_of(names[i]), best);

		if (d < best) {
			best = d;
			nearest = names[i];
		}
	}
	return nearest;
}
