/*
 * log - what a program says to the person at its terminal. For programs (src/cli), never for
 * libraries: those return an err.
 *
 * One line per call to stderr, "capsule: error: text"; control characters in the text (an argument
 * of a hostile command, a file name) are written as \xNN so that they cannot steer a terminal. Each
 * line goes out in one write.
 */
#pragma once

#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO };

/* Say what is at most @level; LOG_NOTICE at the start. */
void log_level_set(enum log_level level);
void log_say(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Several lines as they are (a diagnosis with its source line and caret), equally made harmless. */
void log_lines(struct str text);
