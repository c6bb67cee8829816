/*
 * learn_place - which places hold secrets, and which hold everything. Internal to learn.
 */
#pragma once

#include "policy/learn.h"

/* Does the name of @path say that it is a secret? @home: the user's. */
bool learn_is_secret(const char *path, const char *home);
/* The same by content: a private key. */
bool learn_holds_key(const struct learn_host *host, const char *path);
/* A folder that is never granted as a whole. */
bool learn_is_everything(const char *path, const char *home);
/* Below the kernel's and the system's own: /proc, /run, ... A grant there is never proposed. */
bool learn_is_system(const char *path);
/* An address that gives credentials to whoever asks. */
bool learn_is_metadata(struct str address);

/*
 * Tell @found each secret below the folder @path; a nonzero return ends it and is returned. -E2BIG: too
 * much is in it to tell.
 */
int learn_find_secrets(const struct learn_host *host, const char *path, const char *home,
		       int (*found)(void *ctx, const char *path), void *ctx);

extern const struct learn_host learn_this_host;

/* Paths that nobody who learns should be shown, for the policy a command is learnt under: NULL at the end. */
extern const char *const learn_secret_places[];
