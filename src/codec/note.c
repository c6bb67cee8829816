/*
 * Read from the end: the signature block starts after the *last* blank line, and the text may hold
 * none. A signature by a key that nobody asked about is skipped, as the specification wants; a
 * signature that claims to be by the key in question and is wrong condemns the note.
 */
#include "codec/note.h"

#include "base/cur.h"
#include "codec/base64.h"
#include "codec/utf8.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define DASH "\xe2\x80\x94 " /* em dash, space */
#define NOTE_SIGS_MAX 64
#define ALG_ED25519 0x01
#define KEY_HASH 4

static void key_hash(struct str name, const uint8_t public[ED25519_PUBLIC], uint8_t out[KEY_HASH])
{
	static const uint8_t sep[2] = { '\n', ALG_ED25519 };
	uint8_t digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state st;

	crypto_hash_sha256_init(&st);
	crypto_hash_sha256_update(&st, (const uint8_t *)name.p, name.n);
	crypto_hash_sha256_update(&st, sep, sizeof(sep));
	crypto_hash_sha256_update(&st, public, ED25519_PUBLIC);
	crypto_hash_sha256_final(&st, digest);
	memcpy(out, digest, KEY_HASH);
}

/* Unicode's White_Space beyond ASCII. */
static bool point_is_space(uint32_t c)
{
	return c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	       c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool name_is_valid(struct str name)
{
	size_t len;
	uint32_t c;

	if (name.n == 0 || name.n > NOTE_NAME_MAX)
		return false;
	for (size_t at = 0; at < name.n; at += len) {
		len = utf8_next(name.p + at, name.n - at, &c);
		if (len == 0 || c < 0x20 || c == '+' || point_is_space(c))
			return false;
	}
	return true;
}

/* UTF-8 lines without control characters, none of them empty, the last one ended. */
static bool text_is_valid(struct str text)
{
	size_t len;
	uint32_t c, before = '\n';

	if (text.n == 0 || text.p[text.n - 1] != '\n')
		return false;
	for (size_t at = 0; at < text.n; at += len) {
		len = utf8_next(text.p + at, text.n - at, &c);
		if (len == 0 || (c < 0x20 && c != '\n') || (c == '\n' && before == '\n'))
			return false;
		before = c;
	}
	return true;
}

int note_sign(struct buf *out, struct str text, struct str name, const struct ed25519_key *key)
{
	uint8_t blob[KEY_HASH + ED25519_SIG];

	if (!text_is_valid(text) || !name_is_valid(name))
		return -EINVAL;
	key_hash(name, key->public, blob);
	ed25519_sign(key, text, blob + KEY_HASH);

	buf_puts(out, text);
	buf_puts(out, STR("\n" DASH));
	buf_puts(out, name);
	buf_putc(out, ' ');
	base64_put(out, blob, sizeof(blob));
	buf_putc(out, '\n');
	return buf_error(out);
}

/* "TEXT\n" and the signature lines after the blank line. */
static int note_split(struct str note, struct str *ret_text, struct cur *ret_sigs)
{
	size_t at;

	if (note.n < 4 || note.n > NOTE_MAX || note.p[note.n - 1] != '\n')
		return -EBADMSG;
	for (at = note.n - 2; at > 0; at--)
		if (note.p[at] == '\n' && note.p[at - 1] == '\n')
			break;
	if (at == 0 || !text_is_valid(str_sub(note, 0, at)))
		return -EBADMSG;
	*ret_text = str_sub(note, 0, at);
	*ret_sigs = cur_init(note.p + at + 1, note.n - at - 1);
	return 0;
}

/* One signature line: its name and its bytes. */
static int sig_line(struct cur *c, struct str *ret_name, uint8_t *blob, size_t cap, size_t *ret_n)
{
	struct str line, name;
	struct cur in;
	int r;

	line = cur_until(c, '\n');
	if (cur_error(c))
		return -EBADMSG;
	in = cur_init(line.p, line.n);
	cur_expect(&in, STR(DASH));
	name = cur_until(&in, ' ');
	if (cur_error(&in) || !name_is_valid(name))
		return -EBADMSG;
	r = base64_decode((struct str){ .p = (const char *)in.p, .n = in.n }, blob, cap, ret_n);
	if (r < 0 || *ret_n <= KEY_HASH)
		return -EBADMSG;
	*ret_name = name;
	return 0;
}

int note_verify(struct str note, struct str name, const uint8_t public[ED25519_PUBLIC],
		struct str *ret_text)
{
	uint8_t hash[KEY_HASH];
	struct str text;
	struct cur sigs;
	bool good = false;
	size_t count = 0;

	if (note_split(note, &text, &sigs) < 0 || sigs.n == 0)
		return -EBADMSG;
	key_hash(name, public, hash);
	while (sigs.n > 0) {
		uint8_t blob[NOTE_MAX];
		struct str who;
		size_t n;

		if (++count > NOTE_SIGS_MAX || sig_line(&sigs, &who, blob, sizeof(blob), &n) < 0)
			return -EBADMSG;
		if (!str_eq(who, name) || memcmp(blob, hash, KEY_HASH) != 0)
			continue;
		if (good || n != KEY_HASH + ED25519_SIG ||
		    ed25519_verify(public, text, blob + KEY_HASH) < 0)
			return -EBADMSG;
		good = true;
	}
	if (!good)
		return -EBADMSG;
	*ret_text = text;
	return 0;
}

void checkpoint_put(struct buf *out, struct str origin, uint64_t size,
		    const uint8_t root[MERKLE_HASH])
{
	buf_puts(out, origin);
	buf_putc(out, '\n');
	buf_put_u64(out, size);
	buf_putc(out, '\n');
	base64_put(out, root, MERKLE_HASH);
	buf_putc(out, '\n');
}

int checkpoint_parse(struct str text, struct checkpoint *ret_cp)
{
	struct cur c = cur_init(text.p, text.n);
	struct checkpoint cp = { 0 };
	struct str size, root;
	size_t n;

	cp.origin = cur_until(&c, '\n');
	size = cur_until(&c, '\n');
	root = cur_until(&c, '\n');
	if (cur_error(&c) || !text_is_valid(text))
		return -EBADMSG;
	if (size.n == 0 || (size.n > 1 && size.p[0] == '0') || str_to_u64(size, &cp.size) < 0)
		return -EBADMSG;
	if (base64_decode(root, cp.root, sizeof(cp.root), &n) < 0 || n != MERKLE_HASH)
		return -EBADMSG;
	*ret_cp = cp;
	return 0;
}

void note_vkey_put(struct buf *out, struct str name, const uint8_t public[ED25519_PUBLIC])
{
	uint8_t blob[1 + ED25519_PUBLIC], hash[KEY_HASH];

	key_hash(name, public, hash);
	blob[0] = ALG_ED25519;
	memcpy(blob + 1, public, ED25519_PUBLIC);
	buf_puts(out, name);
	buf_putc(out, '+');
	buf_put_hex(out, hash, sizeof(hash));
	buf_putc(out, '+');
	base64_put(out, blob, sizeof(blob));
}

int note_vkey_parse(struct str vkey, struct str *ret_name, uint8_t ret_public[ED25519_PUBLIC])
{
	struct cur c = cur_init(vkey.p, vkey.n);
	uint8_t blob[1 + ED25519_PUBLIC], want[KEY_HASH];
	char text[2 * KEY_HASH];
	struct buf hex = buf_fixed(text, sizeof(text));
	struct str name, hash;
	size_t n;

	name = cur_until(&c, '+');
	hash = cur_until(&c, '+');
	if (cur_error(&c) || !name_is_valid(name))
		return -EBADMSG;
	if (base64_decode((struct str){ .p = (const char *)c.p, .n = c.n }, blob, sizeof(blob),
			  &n) < 0 ||
	    n != sizeof(blob) || blob[0] != ALG_ED25519)
		return -EBADMSG;
	key_hash(name, blob + 1, want);
	buf_put_hex(&hex, want, sizeof(want));
	if (!str_eq(hash, buf_str(&hex)))
		return -EBADMSG;
	*ret_name = name;
	memcpy(ret_public, blob + 1, ED25519_PUBLIC);
	return 0;
}
