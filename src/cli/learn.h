/*
 * learn - what the files of `capsule learn` share: learn.c (command line, proposal), learn_run.c (the
 * session that is learnt from).
 */
#pragma once

#include "cli/run.h"
#include "policy/learn.h"

#define LEARN_READS_MAX 64

struct learn_job {
	struct run run;
	const char *base, *output, *merge, *from;
	bool home_private, json;
	const char *reads[LEARN_READS_MAX]; /* absolute folders that may be read besides */
	size_t n_reads;
	char aside[PATH_MAX]; /* our own folder: the policy, the layers */
	struct err err;
};

/*
 * Run the command under an overlay of everything that it may be shown. job->run.result has its end and
 * the log. What it wrote is gone afterwards.
 */
int learn_run(struct learn_job *job);
