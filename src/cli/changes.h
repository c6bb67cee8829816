/*
 * changes - what the files of `capsule changes` share: changes.c (which session, list, diff, discard),
 * changes_apply.c.
 */
#pragma once

#include "changes/changes.h"
#include "cli/cli.h"

#define CHANGES_NAMES_MAX 256

struct changes_job {
	struct arena arena;
	const char *state_dir, *config_dir;
	const char *id; /* as given, or NULL */
	bool json, force, all, keep;
	const char *only[CHANGES_NAMES_MAX], *also[CHANGES_NAMES_MAX];
	size_t n_only, n_also;
	struct changes_session *session;
	struct change_list list;
	struct err err;
};

/* "created   path", with what holds it. */
void changes_line(struct changes_job *job, const struct change *change, const char *verb);
/* The members that tell of the session, of an open object. */
void changes_head(struct changes_job *job, struct json_wr *w);

/* The list is made. The exit status, or a negative errno with job->err. */
int changes_apply_run(struct changes_job *job);
/* A record of what became of a session's changes in the install's ledger. */
int changes_record(struct changes_job *job, const char *what, size_t done, size_t left,
		   const uint8_t hash[BLAKE3_OUT]);
