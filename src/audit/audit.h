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
 *
 * Any failure to write or sync is final: that call and every later one returns the error, nothing
 * more is written, and the caller has to end the session (fail closed).
 *
 * When records reach the kernel, and so survive a SIGKILL of this process: at once when the last
 * write was over 2 ms ago, else with 256 KiB of them, with the next checkpoint or audit_tick(). When
 * they reach the disk: at checkpoints (AUDIT_CHECKPOINT_RECORDS records, or
 * AUDIT_CHECKPOINT_MS after the first unsigned one), as policy_fsync says. The very first checkpoint, right
 * behind genesis, is signed but left to the next one to sync. Put audit_timeout() into the
 * event loop and call audit_tick(), or quiet sessions keep an unsigned tail.
 */
#pragma once

#include "base/err.h"
#include "codec/ed25519.h"
#include "codec/json_wr.h"
#include "policy/policy.h"

#include <sys/types.h>

struct audit_log;

struct audit_options {
	/*
	 * The log; created with 0600, must not exist. It appears under this name (PATH ".new" until
	 * then) when genesis and the first checkpoint are in it. NULL: a name of our own in
	 * STATE_DIR/sessions: <UTC yyyymmddThhmmssZ>-<first 8 digits of the session id>.log
	 */
	const char *path;
	const char *config_dir; /* the install's keys: ~/.config/capsule */
	const char *state_dir;  /* the ledger: ~/.local/state/capsule */
	enum policy_fsync fsync;
	size_t n_redact;
	/*
	 * Secret *values* that must never reach the log: wherever one (or a line of 16 bytes or
	 * more of one) stands within a JSON string of the caller's, "[redacted]" stands instead,
	 * before hashing, and the record gets "redacted":COUNT at its end. Values shorter than
	 * AUDIT_REDACT_MIN bytes are not looked for. Copied; wiped at the end.
	 */
	const char *const *redact;
	const struct audit_io *io; /* NULL: the kernel's own */
	/*
	 * Genesis' audit_end() leaves signing and naming the log to audit_publish(), which the
	 * caller calls when it has time, but soon; audit_write() before that.
	 */
	bool publish_later;
};

#define AUDIT_REDACT_MIN 6
#define AUDIT_CHECKPOINT_RECORDS 16384
#define AUDIT_CHECKPOINT_MS 1000

/* The two calls through which all bytes of a session's log go; tests inject faults here. */
struct audit_io {
	ssize_t (*write)(int fd, const void *p, size_t n);
	int (*fdatasync)(int fd);
};

/*
 * Open the log, make the session key, load (first use: create) the install key. The first record,
 * "genesis", is begun here with the key certificate in it: the caller adds its own fields
 * (policy, binary, command, host, layers) through *@ret_genesis and calls audit_end().
 */
int audit_open(const struct audit_options *options, struct audit_log **ret_log,
	       struct json_wr **ret_genesis, struct err *err);

/*
 * Begin a record of that type ([a-z0-9._-], at most 64 bytes); "seq", "sid", "time", "prev" are the
 * writer's. One record at a time. A record of over 1 MiB is replaced by one of the same type with
 * "oversize":true. Never NULL; after a failure what is written goes nowhere and audit_end() says so.
 */
struct json_wr *audit_begin(struct audit_log *log, const char *type);
int audit_end(struct audit_log *log, struct err *err);

/* A "gap" record: @count events were lost for the reason @why; never leave them out silently. */
int audit_gap(struct audit_log *log, uint64_t count, const char *why, struct err *err);

/* All records so far are in the file: not synced, not signed. */
int audit_write(struct audit_log *log, struct err *err);
/*
 * For publish_later: sign what there is, give the log its name, enter the session in the ledger.
 * Nothing to do the second time. audit_close() does it too.
 */
int audit_publish(struct audit_log *log, struct err *err);

/* Milliseconds until audit_tick() has something to do, 0: now, -1: nothing waits. */
int audit_timeout(const struct audit_log *log);
/* Write what waits; checkpoint if one is due. */
int audit_tick(struct audit_log *log, struct err *err);

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
