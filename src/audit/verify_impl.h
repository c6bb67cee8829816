/* verify_impl - what verify.c and diagnose.c share. Private to them. */
#pragma once

#include "audit/chain.h"
#include "audit/verify.h"
#include "codec/note.h"

/* What a checkpoint line holds, taken apart; slices of it or of @room. */
struct checkpoint_line {
	char room[NOTE_MAX];
	struct str note;
	struct checkpoint cp; /* valid if @parsed */
	bool parsed;
};

/*
 * Take @line (a checkpoint by its head) apart. True when it is byte for byte what the holder of the key
 * would have written for size head->seq, @root and the head's time; the signature is not looked at.
 */
bool checkpoint_line_check(const struct identity *id, struct str line, const struct line_head *head,
			   const struct merkle_tree *tree, struct checkpoint_line *ret);

/* Read the file again and fill in the findings. @report has the identity (if there is one). */
int diagnose(int fd, const struct verify_options *options, bool have_id,
	     struct verify_report *report, struct err *err);
