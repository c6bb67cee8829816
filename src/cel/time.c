#include "cel/time.h"

#include <errno.h>
#include <stdio.h>

#define NANOS 1000000000LL
#define DAY 86400LL
/* 0000-03-01: years that begin in March have their leap day last */
#define MARCH_EPOCH 719468LL
#define ERA_DAYS 146097LL /* of 400 years */

int64_t cel_days_of(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - MARCH_EPOCH;
}

void cel_civil_of(int64_t seconds, struct cel_civil *ret)
{
	int64_t days = seconds / DAY, rest = seconds % DAY;
	int64_t era, of_era, year, of_year, month;

	if (rest < 0) {
		rest += DAY;
		days--;
	}
	ret->hour = (int)(rest / 3600);
	ret->minute = (int)(rest / 60 % 60);
	ret->second = (int)(rest % 60);
	/* 1970-01-01 was a Thursday */
	ret->week_day = (int)(((days + 4) % 7 + 7) % 7);

	days += MARCH_EPOCH;
	era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
	days -= era * ERA_DAYS;
	of_era = (days - days / 1460 + days / 36524 - days / 146096) / 365;
	of_year = days - (365 * of_era + of_era / 4 - of_era / 100);
	month = (5 * of_year + 2) / 153;
	ret->day = (int)(of_year - (153 * month + 2) / 5 + 1);
	ret->month = (int)(month < 10 ? month + 3 : month - 9);
	year = of_era + era * 400 + (ret->month <= 2);
	ret->year = year;
	ret->year_day = (int)(cel_days_of(year, ret->month, ret->day) - cel_days_of(year, 1, 1));
}

bool cel_timestamp_make(int64_t seconds, int64_t nanos, struct cel_value *ret)
{
	int64_t carry = nanos / NANOS;

	nanos %= NANOS;
	if (nanos < 0) {
		nanos += NANOS;
		carry--;
	}
	if (__builtin_add_overflow(seconds, carry, &seconds) || seconds < CEL_TIME_MIN ||
	    seconds > CEL_TIME_MAX)
		return false;
	*ret = (struct cel_value){ .kind = CEL_TIMESTAMP, .nanos = (uint32_t)nanos, .i = seconds };
	return true;
}

bool cel_duration_make(int64_t seconds, int64_t nanos, struct cel_value *ret)
{
	if (__builtin_add_overflow(seconds, nanos / NANOS, &seconds))
		return false;
	nanos %= NANOS;
	if (seconds > 0 && nanos < 0) {
		seconds--;
		nanos += NANOS;
	} else if (seconds < 0 && nanos > 0) {
		seconds++;
		nanos -= NANOS;
	}
	if (seconds > CEL_DURATION_MAX || seconds < -CEL_DURATION_MAX ||
	    (nanos > 0 && seconds == CEL_DURATION_MAX) ||
	    (nanos < 0 && seconds == -CEL_DURATION_MAX))
		return false;
	*ret = (struct cel_value){
		.kind = CEL_DURATION,
		.nanos = (uint32_t)(int32_t)nanos,
		.i = seconds,
	};
	return true;
}

/* Exactly @n digits off the front of *@s, as a number; -1: there are none. */
static int digits(struct str *s, size_t n)
{
	int value = 0;

	if (s->n < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return -1;
		value = value * 10 + (s->p[i] - '0');
	}
	*s = str_sub(*s, n, s->n);
	return value;
}

static bool skip(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = str_sub(*s, 1, s->n);
	return true;
}

/* After the point: one to nine digits, as nanoseconds; -1: not so. */
static int64_t fraction(struct str *s)
{
	int64_t value = 0;
	size_t n = 0;

	for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
		if (n == 9)
			return -1;
		value = value * 10 + (s->p[n] - '0');
	}
	if (n == 0)
		return -1;
	*s = str_sub(*s, n, s->n);
	for (; n < 9; n++)
		value *= 10;
	return value;
}

static int month_days(int year, int month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* "Z", "+HH:MM": all of @s, as seconds east of Greenwich. */
static int offset_parse(struct str s, int64_t *ret)
{
	bool west = s.n && s.p[0] == '-';
	int hours, minutes;

	if (str_eq(s, STR("Z"))) {
		*ret = 0;
		return 0;
	}
	if (!skip(&s, '+') && !skip(&s, '-'))
		return -EINVAL;
	hours = digits(&s, 2);
	minutes = skip(&s, ':') ? digits(&s, 2) : -1;
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || s.n)
		return -EINVAL;
	*ret = (hours * 60 + minutes) * (west ? -60 : 60);
	return 0;
}

int cel_timestamp_parse(struct str s, struct cel_value *ret)
{
	int year, month, day, hour, minute, second;
	int64_t nanos = 0, offset;

	year = digits(&s, 4);
	/* "10000-..." is a time out of range, not a mistake in the form */
	if (year >= 0 && s.n > 1 && s.p[0] >= '0' && s.p[0] <= '9')
		return -ERANGE;
	month = skip(&s, '-') ? digits(&s, 2) : -1;
	day = skip(&s, '-') ? digits(&s, 2) : -1;
	hour = skip(&s, 'T') ? digits(&s, 2) : -1;
	minute = skip(&s, ':') ? digits(&s, 2) : -1;
	second = skip(&s, ':') ? digits(&s, 2) : -1;
	if (year < 0 || month < 1 || month > 12 || day < 1 || day > month_days(year, month) ||
	    hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
		return -EINVAL;
	if (skip(&s, '.'))
		nanos = fraction(&s);
	if (nanos < 0 || offset_parse(s, &offset) < 0)
		return -EINVAL;
	if (!cel_timestamp_make(cel_days_of(year, month, day) * DAY + hour * 3600 + minute * 60 +
					second - offset,
				nanos, ret))
		return -ERANGE;
	return 0;
}

static const struct unit {
	struct str name;
	int64_t nanos;
} units[] = {
	/* longer names before those they begin with */
	{ STR_C("ns"), 1 },           { STR_C("us"), 1000 },
	{ STR_C("\xc2\xb5s"), 1000 }, /* micro sign */
	{ STR_C("\xce\xbcs"), 1000 }, /* mu */
	{ STR_C("ms"), 1000000 },     { STR_C("s"), NANOS },
	{ STR_C("m"), 60 * NANOS },   { STR_C("h"), 3600 * NANOS },
};

static const struct unit *unit_take(struct str *s)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (str_starts(*s, units[i].name)) {
			*s = str_sub(*s, units[i].name.n, s->n);
			return &units[i];
		}
	}
	return NULL;
}

/* No duration has more nanoseconds; far from overflow even times the largest unit. */
#define NANOS_CAP ((__int128)CEL_DURATION_MAX * NANOS * 4)

/* One "1.5h" off the front of *@s, added to *@total. */
static int term_take(struct str *s, __int128 *total)
{
	__int128 whole = 0, part = 0, scale = 1;
	const struct unit *unit;
	bool any = false;

	for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; any = true) {
		if (whole < NANOS_CAP)
			whole = whole * 10 + (s->p[0] - '0');
		*s = str_sub(*s, 1, s->n);
	}
	if (skip(s, '.')) {
		for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; any = true) {
			if (scale < NANOS_CAP / 1000) {
				part = part * 10 + (s->p[0] - '0');
				scale *= 10;
			}
			*s = str_sub(*s, 1, s->n);
		}
	}
	unit = any ? unit_take(s) : NULL;
	if (!unit)
		return -EINVAL;
	if (whole > NANOS_CAP / unit->nanos)
		return -ERANGE;
	*total += whole * unit->nanos + part * unit->nanos / scale;
	return *total > NANOS_CAP ? -ERANGE : 0;
}

int cel_duration_parse(struct str s, struct cel_value *ret)
{
	bool negative = s.n && s.p[0] == '-';
	__int128 total = 0;
	int error = 0;

	if (!skip(&s, '-'))
		(void)skip(&s, '+');
	if (str_eq(s, STR("0")))
		s.n = 0;
	else if (s.n == 0)
		return -EINVAL;
	while (s.n) {
		int rc = term_take(&s, &total);

		if (rc == -EINVAL)
			return rc;
		if (rc < 0) {
			/* the form of what follows still counts */
			error = rc;
			total = 0;
		}
	}
	if (error)
		return error;
	if (negative)
		total = -total;
	return cel_duration_make((int64_t)(total / NANOS), (int64_t)(total % NANOS), ret) ? 0
											  : -ERANGE;
}

/* ".5": without trailing zeros, nothing for 0. */
static size_t fraction_print(char *out, size_t cap, uint32_t nanos)
{
	int n;

	if (nanos == 0)
		return 0;
	n = snprintf(out, cap, ".%09u", nanos);
	while (out[n - 1] == '0')
		n--;
	return (size_t)n;
}

size_t cel_timestamp_print(struct cel_value t, char *out)
{
	struct cel_civil c;
	size_t n;

	cel_civil_of(t.i, &c);
	n = (size_t)snprintf(out, CEL_TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d", (int)c.year,
			     c.month, c.day, c.hour, c.minute, c.second);
	n += fraction_print(out + n, CEL_TIME_TEXT - n, t.nanos);
	out[n++] = 'Z';
	return n;
}

size_t cel_duration_print(struct cel_value d, char *out)
{
	int32_t nanos = (int32_t)d.nanos;
	bool negative = d.i < 0 || nanos < 0;
	size_t n;

	n = (size_t)snprintf(out, CEL_TIME_TEXT, "%s%llu", negative ? "-" : "",
			     d.i < 0 ? 0ULL - (unsigned long long)d.i : (unsigned long long)d.i);
	n += fraction_print(out + n, CEL_TIME_TEXT - n, (uint32_t)(nanos < 0 ? -nanos : nanos));
	out[n++] = 's';
	return n;
}
