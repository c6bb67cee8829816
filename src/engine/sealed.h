/*
 * sealed - compiled policy on its way to another process: a memfd that nobody can change any more.
 *
 * It holds the rules' sources and the digest of the whole; the receiver checks the seals, the size and
 * the digest, reads the form strictly, and compiles for itself: nothing in it is trusted to be a
 * program. The form, all numbers little-endian:
 *
 *	"CAPRULES" u32 version=1, u32 action without a rule, u32 number of rules
 *	each rule: texts as u32 length and bytes (length 2^32-1: NULL), numbers as u32 or u64
 *	32 bytes: BLAKE3 of all before
 */
#pragma once

#include "engine/engine.h"

#define SEALED_SIZE_MAX (64U << 20)

/* A memfd, close-on-exec, sealed against everything, its offset at 0. */
int engine_sealed_make(const struct engine_set *set, int *ret_fd, struct err *err);

/*
 * Read one. @digest, unless NULL, is what engine_set_digest() must give. -EPERM: it is not sealed;
 * -EBADMSG: it is not that form, or a rule in it is wrong; -ESTALE: another digest.
 */
int engine_sealed_load(int fd, const uint8_t *digest, const struct engine_options *options,
		       struct engine_set **ret_set, struct err *err);
/* The same from bytes, for fuzzing. */
int engine_sealed_read(struct str bytes, const struct engine_options *options,
		       struct engine_set **ret_set, struct err *err);
