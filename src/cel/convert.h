/*
 * convert - between kinds of values as the conversion functions of the language do.
 *
 * Each gives a value of its kind or an error value. Text goes to the evaluation's scratch.
 */
#pragma once

#include "cel/eval.h"

#define CEL_NUMBER_TEXT 512 /* longest text that is read as a number */

struct cel_value cel_to_int(struct cel_eval *eval, struct cel_value v);
struct cel_value cel_to_uint(struct cel_eval *eval, struct cel_value v);
struct cel_value cel_to_double(struct cel_eval *eval, struct cel_value v);
struct cel_value cel_to_string(struct cel_eval *eval, struct cel_value v);
struct cel_value cel_to_bytes(struct cel_eval *eval, struct cel_value v);
struct cel_value cel_to_bool(struct cel_eval *eval, struct cel_value v);
struct cel_value cel_to_timestamp(struct cel_eval *eval, struct cel_value v);
struct cel_value cel_to_duration(struct cel_eval *eval, struct cel_value v);

/* Decimal, of 15 digits at most where that reads back as @d, else of what it takes (17). To @out of 32
 * bytes; its length. */
size_t cel_double_print(double d, char *out);

/* A copy of @s in the scratch as a string. */
struct cel_value cel_string_copy(struct cel_eval *eval, struct str s);

bool cel_utf8_valid(struct str s);
