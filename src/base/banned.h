/*
 * banned - functions that have no place here; included by force in every file (-include).
 *
 * Each has a bounded or checked counterpart: snprintf, buf_*, str_*, strtol with a check,
 * mkostemp, posix_spawn or fork+exec with an argument vector.
 */
#pragma once

#ifndef __cplusplus
#include <stdio.h> /* before the poison, so that the headers' own mentions pass */
#include <stdlib.h>
#include <string.h>
/* some are macros under _FORTIFY_SOURCE, which a poison does not accept */
#undef strcpy
#undef strcat
#undef sprintf
#undef vsprintf
#undef strncat
#undef strncpy
#pragma GCC poison strcpy strcat sprintf vsprintf gets strncat strncpy
#pragma GCC poison atoi atol atof mktemp tmpnam tempnam system popen
#endif
