/*
 * wall_place - a place on the host to start sessions in, and what a run in it came to.
 *
 * Shared by the unit tests of the wall. One place per test: DIR/ws the workspace, DIR/home with a
 * private key, DIR/secret outside of both; all of it belongs to the user who runs the session.
 */
#pragma once

#include "sandbox/layers.h"
#include "sandbox/wall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#define OUTPUT_MAX 16384

/* What a run came to; shared between the test and the process that performs it. */
struct result {
	int r; /* of wall_start() */
	enum wall_failure failure;
	struct err err;
	struct layer_status layers[LAYER_N];
	int status; /* the command's exit status, 128 + signal */
	char output[OUTPUT_MAX];
	pid_t supervisor;
};

struct place {
	char dir[64];
	uid_t uid;
	struct result *result;
};

extern struct place at;

/* For the runs that follow: more for the base policy's exec list (", /x"), standard input. */
extern const char *exec_more, *stdin_file;

/* Make and look for names below the place. */
void dir_make(const char *name);
void file_make(const char *name, const char *text);
void link_make(const char *target, const char *name);
bool exists(const char *name);

/* Become @uid for good; then load, start and collect. Both in a child process of the test. */
void become(uid_t uid);
void perform(const char *more, char *const argv[]);

/* @argv inside, under the base policy with @more; at.result says what came of it. */
void run_argv(const char *more, char *const argv[]);

/* The shell @script likewise, which has to start. */
void run(const char *more, const char *script);

/* What the run before ended with and printed. */
void expect(int status, const char *output);

/* A run under the base policy with @more does not start, for a reason that holds @with. */
void refused(const char *more, const char *with);

int state_of(enum layer layer);

/* A formatted policy fragment; one at a time. */
__attribute__((format(printf, 1, 2))) const char *with(const char *fmt, ...);

#define WS "  write: [\"${workspace}\"]\n"

/* Run a test body as us and, if that is root, as an ordinary user. */
void as_everyone(void (*body)(void));

#define TEST(name)                        \
	static void name##_body(void);    \
	static void name(void **state)    \
	{                                 \
		(void)state;              \
		layer_fault.layers = 0;   \
		as_everyone(name##_body); \
		layer_fault.layers = 0;   \
	}                                 \
	static void name##_body(void)
