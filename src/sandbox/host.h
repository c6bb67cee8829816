/*
 * host - facts about this machine and this user that a session records or starts from.
 *
 * No name service is asked (the program is static): the home folder comes from HOME, else from
 * /etc/passwd itself.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "codec/blake3.h"

#include <sys/utsname.h>

struct host_facts {
	struct utsname uts;
	char boot_id[40]; /* of this boot, "" when not readable */
};

void host_facts(struct host_facts *ret_facts);
/*
 * BLAKE3 of the running program's file and its size. Hashing it takes half a millisecond, a tenth of
 * a whole start, so the digest is kept in @cache (a file; NULL: none) beside what tells this very
 * file from every other and from itself once changed: device, inode, size, mtime and ctime. Nobody
 * but the user can write there; sessions cannot even see it.
 */
int host_binary_digest(const char *cache, uint8_t ret_digest[BLAKE3_OUT], uint64_t *ret_size);

/* Absolute, without a slash at the end. -ENOENT: neither HOME nor /etc/passwd knows one. */
int host_home(struct arena *arena, const char **ret_home);
/* $XDG_CONFIG_HOME/capsule and $XDG_STATE_HOME/capsule, or their places in @home. NULL: -ENOMEM. */
const char *host_config_dir(struct arena *arena, const char *home);
const char *host_state_dir(struct arena *arena, const char *home);
