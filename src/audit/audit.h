/*
 * audit - the one writer of capsule.log.
 *
 * A log is one session's. The writer holds the file, the session's signing key and the Merkle
 * frontier; a record is begun, filled through the JSON writer, and ended; its exact bytes are
 * hashed then. docs/LOG.md specifies the format byte by byte.
 *
 *	struct json_wr *w = audit_begin(log, "invocation.start");
 *	json_key(w, "argv"); ...
 *	r = audit_end(log, err);
 */
#pragma once

#include "base/err.h"
#include "codec/ed25519.h"
#include "codec/json_wr.h"
#include "policy/policy.h"

struct audit_log;

struct audit_options {
	const char *path;       /* the log; created with 0600, must not exist */
	const char *config_dir; /* the install's keys: ~/.config/capsule */
	const char *state_dir;  /* the ledger: ~/.local/state/capsule */
	enum policy_fsync fsync;
	size_t n_redact;
	const char *const *redact; /* secret *values* that must never reach the log */
};

/*
 * Open the log, make the session key, load (first use: create) the install key. The first record,
 * "genesis", is begun here with the key certificate in it: the caller adds its own fields
 * (policy, binary, command, host, layers) through *@ret_genesis and calls audit_end().
 */
int audit_open(const struct audit_options *options, struct audit_log **ret_log,
	       struct json_wr **ret_genesis, struct err *err);

/* Begin a record of that type; "seq", "time", "prev" are the writer's. One record at a time. */
struct json_wr *audit_begin(struct audit_log *log, const char *type);
int audit_end(struct audit_log *log, struct err *err);

/* Sign the tree as it stands, append the checkpoint record, fsync as the options say. */
int audit_checkpoint(struct audit_log *log, struct err *err);

/*
 * "session.end" record, last checkpoint, session head into the ledger, key destroyed. @log is
 * freed in any case. After a failure, or with NULL-safe audit_abort(), the log ends without
 * session.end, which verification names.
 */
int audit_close(struct audit_log *log, struct err *err);
struct audit_log *audit_abort(struct audit_log *log);

/* The file's name and the session's id (32 hex digits); valid while the log is open. */
const char *audit_path(const struct audit_log *log);
const char *audit_session_id(const struct audit_log *log);
