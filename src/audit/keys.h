/*
 * keys - the install's key pair: it certifies session keys and signs the ledger.
 *
 * `install.key` (0600) in the configuration folder holds the secret, `install.pub` beside it the
 * public key as a C2SP verifier key. Both are made on first use, atomically. A key that is there
 * but cannot be trusted (damaged, cut, of another owner, readable by others) is an error with
 * words to act on; it is never replaced.
 */
#pragma once

#include "audit/line.h"
#include "base/err.h"

#define INSTALL_KEY_FILE "install.key"
#define INSTALL_PUB_FILE "install.pub"
#define INSTALL_NAME_MAX (sizeof("capsule/") + INSTALL_ID)

struct install_key {
	struct ed25519_key key;
	char id[INSTALL_ID + 1];
	char name[INSTALL_NAME_MAX]; /* "capsule/<id>" */
};

/* The public half, as anybody may have it. */
struct install_pub {
	uint8_t public[ED25519_PUBLIC];
	char id[INSTALL_ID + 1];
	char name[INSTALL_NAME_MAX];
};

/*
 * The key of @config_dir. With @create a missing one is made (folders too, 0700); two first runs at
 * once end up with the same key. Without: -ENOENT. The caller wipes it with ed25519_wipe().
 */
int install_key_load(const char *config_dir, bool create, struct install_key *ret_key,
		     struct err *err);
/* A verifier key file: one line, NAME+HASH+KEY. -EBADMSG: not one, or not an install's. */
int install_pub_load(const char *path, struct install_pub *ret_pub, struct err *err);
/* From the text of a verifier key: its name must be the one that follows from the key. */
int install_pub_parse(struct str vkey, struct install_pub *ret_pub);

/* mkdir -p with 0700 for what is missing. */
int dir_make(const char *path, struct err *err);
