/*
 * digest - BLAKE3 of programs, for rules that name process.activity.digest.
 *
 * What is on a mount that the session cannot write is hashed once, and again when its size or times have
 * changed. All else is hashed each time: who has mapped a file for writing changes it without a trace.
 */
#pragma once

#include "codec/blake3.h"

#include <stdbool.h>
#include <sys/stat.h>

#define DIGEST_FILE_MAX (256UL << 20) /* bytes; of larger programs there is no digest */
#define DIGEST_HEX (2 * BLAKE3_OUT)   /* without a NUL */
#define DIGEST_KEPT 64

struct digests {
	struct digest_kept {
		struct stat st; /* st_ino 0: unused */
		char hex[DIGEST_HEX];
	} kept[DIGEST_KEPT];
};

/* Of the regular file that @fd, perhaps O_PATH, is open on. -EFBIG; -EACCES: no such file; -errno. */
int digest_of(struct digests *digests, int fd, char ret_hex[DIGEST_HEX]);
