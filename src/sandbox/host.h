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
/* BLAKE3 of the running program's file and its size. Costs its reading: half a millisecond. */
int host_binary_digest(uint8_t ret_digest[BLAKE3_OUT], uint64_t *ret_size);

/* Absolute, without a slash at the end. -ENOENT: neither HOME nor /etc/passwd knows one. */
int host_home(struct arena *arena, const char **ret_home);
/* $XDG_CONFIG_HOME/capsule and $XDG_STATE_HOME/capsule, or their places in @home. NULL: -ENOMEM. */
const char *host_config_dir(struct arena *arena, const char *home);
const char *host_state_dir(struct arena *arena, const char *home);
