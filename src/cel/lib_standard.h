/* lib_standard - the functions behind the standard library's table, one file per group. */
#pragma once

#include "cel/fn.h"

/* lib_convert.c */
cel_fn cel_fn_int, cel_fn_uint, cel_fn_double, cel_fn_string, cel_fn_bytes, cel_fn_bool,
	cel_fn_timestamp, cel_fn_duration, cel_fn_dyn, cel_fn_type;

/* lib_operators.c */
cel_fn cel_fn_eq, cel_fn_ne, cel_fn_lt, cel_fn_le, cel_fn_gt, cel_fn_ge, cel_fn_not, cel_fn_neg,
	cel_fn_add, cel_fn_sub, cel_fn_mul, cel_fn_div, cel_fn_mod, cel_fn_index, cel_fn_in,
	cel_fn_size, cel_fn_starts, cel_fn_ends, cel_fn_contains;

/* lib_time.c */
cel_fn cel_fn_year, cel_fn_month, cel_fn_date, cel_fn_day_of_month, cel_fn_day_of_week,
	cel_fn_day_of_year, cel_fn_hours, cel_fn_minutes, cel_fn_seconds, cel_fn_milliseconds;
int cel_zone_prepare(struct str name, void **ret_prepared, char *message, size_t cap);
void cel_zone_release(void *prepared);
