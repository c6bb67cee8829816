#include "codec/ed25519.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

_Static_assert(crypto_sign_ed25519_SEEDBYTES == ED25519_SEED, "seed");
_Static_assert(crypto_sign_ed25519_PUBLICKEYBYTES == ED25519_PUBLIC, "public key");
_Static_assert(crypto_sign_ed25519_BYTES == ED25519_SIG, "signature");
_Static_assert(crypto_sign_ed25519_SECRETKEYBYTES == sizeof(((struct ed25519_key *)0)->secret),
	       "secret key");

int ed25519_init(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

void ed25519_generate(struct ed25519_key *ret_key)
{
	(void)crypto_sign_ed25519_keypair(ret_key->public, ret_key->secret);
}

void ed25519_from_seed(const uint8_t seed[ED25519_SEED], struct ed25519_key *ret_key)
{
	(void)crypto_sign_ed25519_seed_keypair(ret_key->public, ret_key->secret, seed);
}

void ed25519_sign(const struct ed25519_key *key, struct str msg, uint8_t sig[ED25519_SIG])
{
	(void)crypto_sign_ed25519_detached(sig, NULL, (const uint8_t *)msg.p, msg.n, key->secret);
}

int ed25519_verify(const uint8_t public[ED25519_PUBLIC], struct str msg,
		   const uint8_t sig[ED25519_SIG])
{
	if (crypto_sign_ed25519_verify_detached(sig, (const uint8_t *)msg.p, msg.n, public) != 0)
		return -EBADMSG;
	return 0;
}

void ed25519_wipe(struct ed25519_key *key)
{
	sodium_memzero(key, sizeof(*key));
}
