/*
 * proof - small files that prove one record, or that one state of a log grew out of another, offline.
 * docs/LOG.md section 10.
 */
#pragma once

#include "audit/identity.h"
#include "base/buf.h"

#define PROOF_MAX (4u << 20) /* bytes of a proof file */

/*
 * Write the proof that record @index is in the log, or that the log up to its last checkpoint contains
 * the log of @from records. -ERANGE: no such record, or no checkpoint covers it yet; -EBADMSG: the log does
 * not agree with its own checkpoint (capsule verify says more).
 */
int proof_inclusion(int fd, uint64_t index, struct buf *out, struct err *err);
int proof_consistency(int fd, uint64_t from, struct buf *out, struct err *err);

struct proof_result {
	bool consistency;
	struct identity id;
	uint64_t index;      /* inclusion */
	uint64_t from, size; /* tree sizes */
	bool from_signed;    /* consistency: the older state is signed too */
	char *record;        /* inclusion: the line, NUL-terminated; the caller frees it */
};

/*
 * 0: the proof holds. -EBADMSG: it does not, and @err says what is wrong. @expected NULL: any install. @older
 * (may be empty): a note that a consistency proof has to start from.
 */
int proof_check(struct str text, const struct install_pub *expected, struct str older,
		struct proof_result *ret_result, struct err *err);
