/*
 * time - timestamps and durations as text and as calendar fields, and time zones.
 *
 * Text is strict: RFC 3339 with upper-case T and Z, at most nine digits of a second's fraction, no
 * leap seconds (they have no Unix time). Calendar: proleptic Gregorian, years 1 to 9999 in UTC.
 */
#pragma once

#include "base/buf.h"
#include "cel/value.h"

#define CEL_TIME_MIN (-62135596800LL) /* 0001-01-01T00:00:00Z */
#define CEL_TIME_MAX 253402300799LL   /* 9999-12-31T23:59:59Z */
#define CEL_DURATION_MAX 315576000000LL
#define CEL_TIME_TEXT 48 /* enough for what the printers write */

struct cel_civil {
	int64_t year;
	int month; /* 1..12 */
	int day;   /* 1..31 */
	int hour, minute, second;
	int week_day; /* 0 Sunday */
	int year_day; /* 0..365 */
};

/* false: out of range. @nanos may be anything that the sum of two values can be. */
bool cel_timestamp_make(int64_t seconds, int64_t nanos, struct cel_value *ret);
bool cel_duration_make(int64_t seconds, int64_t nanos, struct cel_value *ret);

/* 0; -EINVAL: not in the form; -ERANGE: out of range. */
int cel_timestamp_parse(struct str text, struct cel_value *ret);
/* "1h30m", "-1.5s", "100ms", "0": as Go writes durations. */
int cel_duration_parse(struct str text, struct cel_value *ret);

/* "2009-02-13T23:31:30.5Z", "-1.5s": shortest form; to @out of CEL_TIME_TEXT bytes, its length. */
size_t cel_timestamp_print(struct cel_value t, char *out);
size_t cel_duration_print(struct cel_value d, char *out);

/* Fields of @seconds since 1970 as they stand. */
void cel_civil_of(int64_t seconds, struct cel_civil *ret);
/* Days since 1970-01-01. */
int64_t cel_days_of(int64_t year, int month, int day);
