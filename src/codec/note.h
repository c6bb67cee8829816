/*
 * note - C2SP signed notes (c2sp.org/signed-note) and checkpoints (c2sp.org/tlog-checkpoint).
 *
 * A note is text that ends in a newline, a blank line, and signature lines "— NAME BASE64\n"
 * (em dash U+2014, space, key name, space, base64 of 4-byte big-endian key hash ‖ signature). Key
 * hash: first 4 bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key), 0x01 being Ed25519.
 * A checkpoint's text is "ORIGIN\nSIZE\nBASE64(root)\n" and, if any, extension lines.
 */
#pragma once

#include "base/buf.h"
#include "codec/ed25519.h"
#include "codec/merkle.h"

#define NOTE_MAX 4096     /* bytes of a whole note */
#define NOTE_NAME_MAX 255 /* bytes of a key name: no white space, no '+', valid UTF-8 */

struct checkpoint {
	struct str origin; /* slice of the parsed note */
	uint64_t size;     /* leaves */
	uint8_t root[MERKLE_HASH];
};

/* Append text and one signature line. @text must end in '\n' and hold no blank line. */
int note_sign(struct buf *out, struct str text, struct str name, const struct ed25519_key *key);
/* Verify that @note carries a good signature by (name, public): its text, or -EBADMSG. */
int note_verify(struct str note, struct str name, const uint8_t public[ED25519_PUBLIC],
		struct str *ret_text);

void checkpoint_put(struct buf *out, struct str origin, uint64_t size,
		    const uint8_t root[MERKLE_HASH]);
int checkpoint_parse(struct str text, struct checkpoint *ret_cp); /* 0 or -EBADMSG */

/* "NAME+HASH+BASE64(0x01 ‖ key)", the C2SP verifier-key form, both ways. */
void note_vkey_put(struct buf *out, struct str name, const uint8_t public[ED25519_PUBLIC]);
int note_vkey_parse(struct str vkey, struct str *ret_name, uint8_t ret_public[ED25519_PUBLIC]);
