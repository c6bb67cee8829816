/*
 * ed25519 - signatures (RFC 8032, pure Ed25519), a thin cover over libsodium.
 *
 * libsodium and not OpenSSL because this is on the start-up path of every run: OpenSSL 3 needs 3 ms
 * to set itself up, libsodium 20 microseconds. Verification rejects small-order keys and
 * non-canonical S.
 */
#pragma once

#include "base/str.h"

#include <stdint.h>

#define ED25519_SEED 32
#define ED25519_PUBLIC 32
#define ED25519_SIG 64

struct ed25519_key {
	uint8_t secret[64]; /* seed ‖ public, libsodium's form; wiped by ed25519_wipe() */
	uint8_t public[ED25519_PUBLIC];
};

int ed25519_init(void); /* once per process, before the others; -EIO when the CPU's RNG fails */
void ed25519_generate(struct ed25519_key *ret_key);
void ed25519_from_seed(const uint8_t seed[ED25519_SEED], struct ed25519_key *ret_key);
void ed25519_sign(const struct ed25519_key *key, struct str msg, uint8_t sig[ED25519_SIG]);
int ed25519_verify(const uint8_t public[ED25519_PUBLIC], struct str msg,
		   const uint8_t sig[ED25519_SIG]); /* 0 or -EBADMSG */
void ed25519_wipe(struct ed25519_key *key);         /* not optimised away; AUTO() too */
