/*
 * A TZif file is a header with counts, then arrays of those sizes: times of transition, the index of
 * the local time type each begins, and the types. Version 1 has 32-bit times; later versions repeat
 * everything with 64-bit times behind it and end with a line, the POSIX TZ rule for times after the
 * last transition. We read the second block where there is one.
 *
 * A zone keeps nothing but the file's bytes: each look-up walks them again, which is a binary search
 * over the times. So a zone costs no memory of its own, and one rule serves both zones that were
 * read when an expression was compiled and zones named by a value.
 */
#include "cel/zone.h"
#include "base/cur.h"
#include "base/own.h"
#include "cel/time.h"

#include <fcntl.h>
#include <stdio.h>

#define ZONE_DIR "/usr/share/zoneinfo/"
#define ZONE_NAME_MAX 64
#define HEADER 44
#define DAY 86400

static bool number(struct str *s, int max, int *ret)
{
	int value = 0;
	size_t n = 0;

	for (; n < s->n && n < 3 && s->p[n] >= '0' && s->p[n] <= '9'; n++)
		value = value * 10 + (s->p[n] - '0');
	if (n == 0 || value > max)
		return false;
	*s = str_sub(*s, n, s->n);
	*ret = value;
	return true;
}

int cel_zone_fixed(struct str name, struct cel_zone *ret)
{
	bool west = name.n && name.p[0] == '-';
	int hours, minutes;

	if (str_eq(name, STR("UTC")) || str_eq(name, STR("GMT")) || str_eq(name, STR("Z")) ||
	    name.n == 0) {
		*ret = (struct cel_zone){ .fixed = true };
		return 0;
	}
	if (name.p[0] == '+' || west)
		name = str_sub(name, 1, name.n);
	if (name.n != 5 || name.p[2] != ':' || !number(&name, 23, &hours) || name.n != 3)
		return -EINVAL;
	name = str_sub(name, 1, name.n);
	if (!number(&name, 59, &minutes) || name.n)
		return -EINVAL;
	*ret = (struct cel_zone){
		.fixed = true,
		.offset = (hours * 3600 + minutes * 60) * (west ? -1 : 1),
	};
	return 0;
}

/* Letters, digits, _ + - and single slashes between words: never a path that leads out. */
static bool name_ok(struct str name)
{
	char last = '/';

	if (name.n == 0 || name.n >= ZONE_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c == '/' ? last == '/'
			     : !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				 (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-'))
			return false;
		last = c;
	}
	return last != '/';
}

int64_t cel_zone_read(struct str name, void *buf, size_t cap)
{
	char path[sizeof(ZONE_DIR) + ZONE_NAME_MAX];
	AUTO(fd_closep) int fd = -EBADF;
	size_t n = 0;

	if (!name_ok(name))
		return -ENOENT;
	(void)snprintf(path, sizeof(path), ZONE_DIR "%.*s", STR_ARG(name));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -ENOENT;
	while (n < cap) {
		ssize_t got = read(fd, (char *)buf + n, cap - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -ENOENT;
		if (got == 0)
			return (int64_t)n;
		n += (size_t)got;
	}
	return -EMSGSIZE;
}

/* The arrays of one block. */
struct block {
	uint32_t n_times, n_types;
	const uint8_t *times, *index, *types;
	unsigned width; /* of a time: 4 or 8 bytes */
	struct str rule;
};

static int64_t time_at(const struct block *b, uint32_t i)
{
	const uint8_t *p = b->times + (size_t)i * b->width;
	uint64_t value = 0;

	for (unsigned k = 0; k < b->width; k++)
		value = value << 8 | p[k];
	return b->width == 4 ? (int32_t)(uint32_t)value : (int64_t)value;
}

static int32_t type_offset(const struct block *b, uint32_t type)
{
	const uint8_t *p = b->types + (size_t)type * 6;

	return (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
}

/* @check: also that every index is one, which is so once a file was accepted. */
static int block_take(struct cur *c, unsigned width, bool check, unsigned *ret_version,
		      struct block *ret)
{
	uint32_t counts[6];

	if (!cur_expect(c, STR("TZif")))
		return -EBADMSG;
	*ret_version = cur_u8(c);
	(void)cur_take(c, 15);
	for (int i = 0; i < 6; i++) {
		counts[i] = cur_be32(c);
		if (counts[i] > CEL_ZONE_MAX)
			return -EBADMSG;
	}
	*ret = (struct block){ .width = width, .n_times = counts[3], .n_types = counts[4] };
	ret->times = cur_take(c, (size_t)counts[3] * width);
	ret->index = cur_take(c, counts[3]);
	ret->types = cur_take(c, (size_t)counts[4] * 6);
	(void)cur_take(c, counts[5]);
	(void)cur_take(c, (size_t)counts[2] * (width + 4));
	(void)cur_take(c, (size_t)counts[1] + counts[0]);
	if (cur_error(c))
		return -EBADMSG;
	for (uint32_t i = 0; check && i < ret->n_times; i++)
		if (ret->index[i] >= ret->n_types)
			return -EBADMSG;
	return 0;
}

static int blocks_take(struct str data, bool check, struct block *ret)
{
	struct cur c = cur_init(data.p, data.n);
	unsigned version, again;
	int rc = block_take(&c, 4, check, &version, ret);

	if (rc == 0 && version > 0) {
		rc = block_take(&c, 8, check, &again, ret);
		if (rc < 0 || !cur_expect(&c, STR("\n")))
			return -EBADMSG;
		ret->rule = cur_until(&c, '\n');
	}
	return rc < 0 || cur_error(&c) || ret->n_types == 0 ? -EBADMSG : 0;
}

int cel_zone_parse(struct str data, struct cel_zone *ret)
{
	struct block b;
	int rc = blocks_take(data, true, &b);

	if (rc == 0)
		*ret = (struct cel_zone){ .data = data };
	return rc;
}

/*
 * POSIX rules, "CET-1CEST,M3.5.0,M10.5.0/3": names that do not matter, how far UTC is *ahead*, and
 * when daylight time begins and ends.
 */
static bool rule_name(struct str *s)
{
	size_t n = 0;

	if (s->n && s->p[0] == '<') {
		while (n < s->n && s->p[n] != '>')
			n++;
		if (n == s->n)
			return false;
		*s = str_sub(*s, n + 1, s->n);
		return true;
	}
	while (n < s->n &&
	       ((s->p[n] >= 'a' && s->p[n] <= 'z') || (s->p[n] >= 'A' && s->p[n] <= 'Z')))
		n++;
	*s = str_sub(*s, n, s->n);
	return n >= 3;
}

static bool rule_char(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = str_sub(*s, 1, s->n);
	return true;
}

/* "[+-]h[:m[:s]]" in seconds. */
static bool rule_time(struct str *s, int32_t *ret)
{
	bool minus = rule_char(s, '-');
	int h, m = 0, sec = 0;

	if (!minus)
		(void)rule_char(s, '+');
	if (!number(s, 167, &h) || (rule_char(s, ':') && !number(s, 59, &m)) ||
	    (rule_char(s, ':') && !number(s, 59, &sec)))
		return false;
	*ret = (h * 3600 + m * 60 + sec) * (minus ? -1 : 1);
	return true;
}

/* A date with its time, in seconds from the start of @year. */
static bool rule_date(struct str *s, int64_t year, int64_t *ret)
{
	int64_t first = cel_days_of(year, 1, 1), day;
	bool leap = cel_days_of(year + 1, 1, 1) - first == 366;
	int month, week, weekday, n;
	int32_t at = 7200;

	if (rule_char(s, 'M')) {
		int64_t start, length;

		if (!number(s, 12, &month) || month < 1 || !rule_char(s, '.') ||
		    !number(s, 5, &week) || week < 1 || !rule_char(s, '.') ||
		    !number(s, 6, &weekday))
			return false;
		start = cel_days_of(year, month, 1);
		length = cel_days_of(month == 12 ? year + 1 : year, month % 12 + 1, 1) - start;
		/* day 0 was a Thursday */
		day = (weekday - (start + 4) % 7 + 14) % 7 + (week - 1) * 7;
		while (day >= length)
			day -= 7;
		day += start - first;
	} else if (rule_char(s, 'J')) {
		if (!number(s, 365, &n) || n < 1)
			return false;
		day = n - 1 + (leap && n >= 60);
	} else {
		if (!number(s, 365, &n))
			return false;
		day = n;
	}
	if (rule_char(s, '/') && !rule_time(s, &at))
		return false;
	*ret = day * DAY + at;
	return true;
}

static bool rule_offset(struct str s, int64_t at, int32_t *ret)
{
	int32_t standard, daylight;
	struct cel_civil civil;
	int64_t begins, ends, year_start;

	if (!rule_name(&s) || !rule_time(&s, &standard))
		return false;
	standard = -standard;
	*ret = standard;
	if (s.n == 0)
		return true;
	daylight = standard + 3600;
	if (!rule_name(&s))
		return false;
	if (s.n && s.p[0] != ',') {
		if (!rule_time(&s, &daylight))
			return false;
		daylight = -daylight;
	}
	cel_civil_of(at + standard, &civil);
	if (!rule_char(&s, ',') || !rule_date(&s, civil.year, &begins) || !rule_char(&s, ',') ||
	    !rule_date(&s, civil.year, &ends))
		return false;
	year_start = cel_days_of(civil.year, 1, 1) * DAY;
	begins += year_start - standard;
	ends += year_start - daylight;
	/* south of the equator daylight time spans the new year */
	if (begins < ends ? at >= begins && at < ends : at >= begins || at < ends)
		*ret = daylight;
	return true;
}

int32_t cel_zone_offset(const struct cel_zone *zone, int64_t at)
{
	uint32_t low = 0, high;
	struct block b;
	int32_t offset;

	if (zone->fixed || blocks_take(zone->data, false, &b) < 0)
		return zone->offset;
	high = b.n_times;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (time_at(&b, middle) <= at)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == b.n_times && b.rule.n && rule_offset(b.rule, at, &offset))
		return offset;
	/* before the first transition: the first type */
	offset = type_offset(&b, low ? b.index[low - 1] : 0);
	/* a hostile file must not push a time out of what the calendar can count */
	return offset > -DAY * 7 && offset < DAY * 7 ? offset : 0;
}
