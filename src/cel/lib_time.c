/*
 * getHours() and its like, of timestamps (in UTC or in a named zone) and of durations.
 *
 * A zone named by a constant is read when the program is compiled; one named by a value is read
 * at each call, to the scratch.
 */
#include "cel/eval.h"
#include "cel/lib_standard.h"
#include "cel/time.h"
#include "cel/zone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Opening and reading a file, in steps. */
#define FILE_STEPS 100
/* Walking a zone's table. */
#define LOOKUP_STEPS 8

struct zone_prepared {
	struct cel_zone zone;
	char data[];
};

static int zone_load(struct str name, struct zone_prepared *p, size_t cap)
{
	int64_t n;

	if (cel_zone_fixed(name, &p->zone) == 0)
		return 0;
	n = cel_zone_read(name, p->data, cap);
	if (n < 0)
		return (int)n;
	return cel_zone_parse((struct str){ .p = p->data, .n = (size_t)n }, &p->zone);
}

int cel_zone_prepare(struct str name, void **ret_prepared, char *message, size_t cap)
{
	struct zone_prepared *p = malloc(sizeof(*p) + CEL_ZONE_MAX), *small;
	int rc;

	if (!p)
		return -ENOMEM;
	rc = zone_load(name, p, CEL_ZONE_MAX);
	if (rc < 0) {
		(void)snprintf(message, cap, "there is no time zone '%.*s'",
			       name.n > 64 ? 64 : (int)name.n, name.p);
		free(p);
		return -EINVAL;
	}
	small = realloc(p, sizeof(*p) + p->zone.data.n);
	if (small) {
		small->zone.data.p = small->data;
		p = small;
	}
	*ret_prepared = p;
	return 0;
}

void cel_zone_release(void *prepared)
{
	free(prepared);
}

/* The fields of args[0] in the zone of args[1], or an error. */
static struct cel_value civil_of(struct cel_eval *eval, const struct cel_value *args, unsigned n,
				 struct cel_civil *ret)
{
	const struct zone_prepared *zone = NULL;
	int64_t at = args[0].i;

	if (n > 1 && !cel_charge(eval, LOOKUP_STEPS))
		return cel_fail_steps(eval);
	if (n > 1 && args[1].kind == CEL_BYTES && args[1].flags == CEL_PREPARED) {
		zone = (const void *)args[1].p;
	} else if (n > 1) {
		struct zone_prepared *p;
		char *mark = eval->at;

		if (!cel_charge(eval, FILE_STEPS))
			return cel_fail_steps(eval);
		p = cel_scratch(eval, sizeof(*p) + CEL_ZONE_MAX);
		if (!p)
			return cel_fail_memory(eval);
		if (zone_load(cel_str(args[1]), p, CEL_ZONE_MAX) < 0) {
			eval->at = mark;
			return cel_fail(eval, CEL_E_ARGUMENT, "there is no time zone '%.*s'",
					args[1].n > 64 ? 64 : (int)args[1].n, args[1].p);
		}
		at += cel_zone_offset(&p->zone, at);
		/* nothing of it is needed any more */
		eval->at = mark;
	}
	if (zone)
		at += cel_zone_offset(&zone->zone, at);
	cel_civil_of(at, ret);
	return CEL_NULL_VALUE;
}

#define GETTER(function, expression)                                                               \
	struct cel_value function(struct cel_eval *eval, const struct cel_value *args, unsigned n) \
	{                                                                                          \
		struct cel_civil civil;                                                            \
		struct cel_value error = civil_of(eval, args, n, &civil);                          \
                                                                                                   \
		return error.kind == CEL_ERROR ? error : cel_int(expression);                      \
	}

GETTER(cel_fn_year, civil.year)
GETTER(cel_fn_month, civil.month - 1)
GETTER(cel_fn_date, civil.day)
GETTER(cel_fn_day_of_month, civil.day - 1)
GETTER(cel_fn_day_of_week, civil.week_day)
GETTER(cel_fn_day_of_year, civil.year_day)

/* Of a duration: the whole of it in this unit, not what is left over a larger one. */
#define GETTER_OR_WHOLE(function, expression, whole)                                               \
	struct cel_value function(struct cel_eval *eval, const struct cel_value *args, unsigned n) \
	{                                                                                          \
		struct cel_civil civil;                                                            \
		struct cel_value error;                                                            \
                                                                                                   \
		if (args[0].kind == CEL_DURATION)                                                  \
			return cel_int(whole);                                                     \
		error = civil_of(eval, args, n, &civil);                                           \
		return error.kind == CEL_ERROR ? error : cel_int(expression);                      \
	}

GETTER_OR_WHOLE(cel_fn_hours, civil.hour, args[0].i / 3600)
GETTER_OR_WHOLE(cel_fn_minutes, civil.minute, args[0].i / 60)
GETTER_OR_WHOLE(cel_fn_seconds, civil.second, args[0].i)
/* milliseconds are those of the second, of a duration too */
GETTER_OR_WHOLE(cel_fn_milliseconds, args[0].nanos / 1000000, (int32_t)args[0].nanos / 1000000)
