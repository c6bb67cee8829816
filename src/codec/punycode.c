#include "codec/punycode.h"
#include "codec/utf8.h"

#define BASE 36U
#define TMIN 1U
#define TMAX 26U
#define SKEW 38U
#define DAMP 700U
#define BIAS_FIRST 72U
#define N_FIRST 128U

struct out {
	char *p;
	size_t n;
	bool full;
};

static void put(struct out *o, char c)
{
	if (o->n < PUNYCODE_LABEL_MAX)
		o->p[o->n++] = c;
	else
		o->full = true;
}

static char digit(uint32_t d)
{
	return (char)(d < 26 ? 'a' + d : '0' + d - 26);
}

static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / DAMP : delta / 2;
	delta += delta / points;
	for (; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
		delta /= BASE - TMIN;
	return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

static void put_integer(struct out *o, uint32_t q, uint32_t bias)
{
	for (uint32_t k = BASE;; k += BASE) {
		uint32_t t = k <= bias ? TMIN : k >= bias + TMAX ? TMAX : k - bias;

		if (q < t)
			break;
		put(o, digit(t + (q - t) % (BASE - t)));
		q = (q - t) / (BASE - t);
	}
	put(o, digit(q));
}

/* Encode what lies beyond ASCII of the @n points, of which @basic are written already. */
static void put_wide(struct out *o, const uint32_t *points, uint32_t n, uint32_t basic)
{
	uint32_t next = N_FIRST, delta = 0, bias = BIAS_FIRST, done = basic;

	while (done < n && !o->full) {
		uint32_t least = UINT32_MAX;

		for (uint32_t i = 0; i < n; i++) {
			if (points[i] >= next && points[i] < least)
				least = points[i];
		}
		/* 63 points of at most 0x10ffff: no overflow */
		delta += (least - next) * (done + 1);
		next = least;
		for (uint32_t i = 0; i < n; i++) {
			delta += points[i] < next;
			if (points[i] != next)
				continue;
			put_integer(o, delta, bias);
			bias = adapt(delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
		delta++;
		next++;
	}
}

size_t punycode_label(struct str label, char *out)
{
	uint32_t points[PUNYCODE_LABEL_MAX], n = 0, basic = 0;
	struct out o = { .p = out };
	size_t len;

	for (size_t i = 0; i < label.n; i += len, n++) {
		if (n == PUNYCODE_LABEL_MAX)
			return 0;
		len = utf8_next(label.p + i, label.n - i, &points[n]);
		if (len == 0)
			return 0;
		if (points[n] >= 'A' && points[n] <= 'Z')
			points[n] += 'a' - 'A';
		basic += points[n] < N_FIRST;
	}
	for (size_t i = 0; basic < n && i < 4; i++)
		put(&o, "xn--"[i]);
	for (uint32_t i = 0; i < n; i++) {
		if (points[i] < N_FIRST)
			put(&o, (char)points[i]);
	}
	if (basic && basic < n)
		put(&o, '-');
	put_wide(&o, points, n, basic);
	return o.full ? 0 : o.n;
}
