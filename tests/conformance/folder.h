/*
 * folder - what every conformance program does: walk a folder, parse each *.json, count.
 *
 * The closing line is "N passed, N failed, N skipped"; the exit status is 0 only when something
 * passed and nothing failed.
 */
#pragma once

#include "base/arena.h"
#include "base/own.h"
#include "codec/json_rd.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tally {
	unsigned passed, failed, skipped;
};

static inline void tally_add(struct tally *t, bool ok, const char *file, const char *what)
{
	if (ok) {
		t->passed++;
		return;
	}
	t->failed++;
	printf("FAILED %s: %s\n", file, what);
}

typedef void folder_fn(const char *path, const struct json *document, struct tally *t);

static inline char *folder_read(const char *path, size_t *ret_n)
{
	AUTO(file_closep) FILE *f = fopen(path, "re");
	size_t cap = 1 << 24;
	char *p = f ? malloc(cap) : NULL;

	if (p)
		*ret_n = fread(p, 1, cap, f);
	return p;
}

static inline void folder_file(const char *path, folder_fn *fn, struct tally *t)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 28);
	const struct json *document = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;
	AUTO(freep) char *text = folder_read(path, &n);

	if (!text)
		tally_add(t, false, path, "cannot be read");
	else if (json_parse(&arena, (struct str){ .p = text, .n = n }, &document, &err) < 0)
		tally_add(t, false, path, err.text);
	else
		fn(path, document, t);
}

/* -errno when @path is not a folder. */
static inline int folder_walk(const char *path, folder_fn *fn, struct tally *t)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		char *below = NULL;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		    asprintf(&below, "%s/%s", path, name) > 0 && folder_walk(below, fn, t) < 0 &&
		    str_ends(str_of(name), STR(".json")))
			folder_file(below, fn, t);
		free(below);
		free(names[i]);
	}
	free(names);
	return 0;
}

static inline int folder_main(int argc, char **argv, folder_fn *fn)
{
	struct tally t = { 0 };
	int rc;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	rc = folder_walk(argv[1], fn, &t);
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-rc));
		return 2;
	}
	printf("%u passed, %u failed, %u skipped\n", t.passed, t.failed, t.skipped);
	return t.passed && !t.failed ? 0 : 1;
}
