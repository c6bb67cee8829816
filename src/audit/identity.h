/*
 * identity - who a log says it is: line 0, read and checked. docs/LOG.md section 4.
 */
#pragma once

#include "audit/keys.h"
#include "base/arena.h"
#include "codec/json_rd.h"

enum log_kind { LOG_SESSION, LOG_LEDGER };

struct identity {
	enum log_kind kind;
	char sid[LINE_SID + 1];
	char session[SESSION_ID + 1]; /* empty in a ledger */
	char origin[ORIGIN_MAX];
	char signer[ORIGIN_MAX]; /* name of the key that signs checkpoints */
	uint8_t public[ED25519_PUBLIC];
	struct install_pub install;
	uint8_t certificate[ED25519_SIG];
	char time[LINE_TIME + 1];
};

/*
 * 0; -EBADMSG: not line 0 of a log; -EKEYREJECTED: it is one, but the certificate is not the
 * install key's, or an id is not its key's (*@ret is filled as far as it goes).
 */
int identity_read(struct str line, struct identity *ret);

/* The certificate alone: 0 or -EKEYREJECTED. */
int identity_certified(const struct identity *id);
