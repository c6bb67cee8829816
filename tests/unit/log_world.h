/*
 * log_world - folders, keys and files for the tests of the writer, the keys and the ledger.
 *
 * What is on disk is read here with plain means (line by line, hash by hash), not with the verifier.
 */
#pragma once

#include "audit/audit.h"
#include "audit/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

struct world {
	char dir[64], config[96], state[96], log[96], key[128], pub[128], ledger[128];
	struct audit_options o;
};

/* A world of its own in /tmp, for each test: *state is a struct world. */
int world_setup(void **state);
int world_teardown(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

/* A file as its lines. */
struct file {
	char *p;
	size_t n;
	struct str line[4096];
	size_t lines;
	bool torn;
};

struct file *slurp(const char *path);
void file_free(struct file *f);
void put_file(const char *path, const void *p, size_t n, mode_t mode);

bool has(struct str s, const char *what);

/* The value of a string member, up to the next quote. */
struct str member(struct str line, const char *key);

/*
 * Numbers, links, certificate, and every checkpoint's root and signature, of a log and of the
 * world's ledger (whose lines are in *@ret); both return how many checkpoints there are.
 */
size_t check_log(const struct file *f);
size_t check_ledger(struct world *w, struct file **ret);

/* The world's log with its genesis record written; and one record more. */
struct audit_log *open_log(struct world *w, struct err *err);
int add(struct audit_log *log, const char *text, struct err *err);
