/* Unit tests of codec/ed25519 and codec/note, against published vectors. */
#include "codec/base64.h"
#include "codec/ed25519.h"
#include "codec/note.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* The example that Go's sumdb/note package publishes. */
#define PETER_VKEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define PETER_SEED "gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM="
#define PETER_TEXT                                                   \
	"If you think cryptography is the answer to your problem,\n" \
	"then you don't know what your problem is.\n"
#define PETER_SIG                                                                                  \
	"x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJ" \
	"nAM="
#define PETER_LINE "\xe2\x80\x94 PeterNeumann " PETER_SIG "\n"
#define OTHER_LINE "\xe2\x80\x94 Enoch AAAAAAAAAAAAAAAA\n"

static struct ed25519_key peter;
static struct str peter_name;

static int setup(void **state)
{
	uint8_t seed[ED25519_SEED], public[ED25519_PUBLIC];
	size_t n;

	(void)state;
	assert_int_equal(ed25519_init(), 0);
	assert_int_equal(base64_decode(STR(PETER_SEED), seed, sizeof(seed), &n), 0);
	assert_int_equal(n, ED25519_SEED);
	ed25519_from_seed(seed, &peter);
	assert_int_equal(note_vkey_parse(STR(PETER_VKEY), &peter_name, public), 0);
	assert_memory_equal(public, peter.public, sizeof(public));
	return 0;
}

static void rfc8032_vectors(void **state)
{
	/* Section 7.1, TEST 2. */
	static const uint8_t seed[32] = "\x4c\xcd\x08\x9b\x28\xff\x96\xda\x9d\xb6\xc3\x46\xec\x11"
					"\x4e\x0f\x5b\x8a\x31\x9f\x35\xab\xa6\x24\xda\x8c\xf6\xed"
					"\x4f\xb8\xa6\xfb";
	static const uint8_t want[64] = "\x92\xa0\x09\xa9\xf0\xd4\xca\xb8\x72\x0e\x82\x0b\x5f\x64"
					"\x25\x40\xa2\xb2\x7b\x54\x16\x50\x3f\x8f\xb3\x76\x22\x23"
					"\xeb\xdb\x69\xda\x08\x5a\xc1\xe4\x3e\x15\x99\x6e\x45\x8f"
					"\x36\x13\xd0\xf1\x1d\x8c\x38\x7b\x2e\xae\xb4\x30\x2a\xee"
					"\xb0\x0d\x29\x16\x12\xbb\x0c\x00";
	struct ed25519_key key;
	uint8_t sig[64];

	(void)state;
	ed25519_from_seed(seed, &key);
	ed25519_sign(&key, STR("\x72"), sig);
	assert_memory_equal(sig, want, 64);
	assert_int_equal(ed25519_verify(key.public, STR("\x72"), sig), 0);
	assert_int_equal(ed25519_verify(key.public, STR("\x73"), sig), -EBADMSG);
	sig[63] |= 0x10; /* S + L: the same residue, not canonical */
	assert_int_equal(ed25519_verify(key.public, STR("\x72"), sig), -EBADMSG);
	ed25519_wipe(&key);
	for (size_t i = 0; i < sizeof(key.secret); i++)
		assert_int_equal(key.secret[i], 0);
}

static void keys_of_small_order_prove_nothing(void **state)
{
	static const uint8_t identity[32] = { 1 };
	uint8_t sig[64] = { 1 }; /* R = identity, S = 0 */

	(void)state;
	assert_int_equal(ed25519_verify(identity, STR("anything"), sig), -EBADMSG);
}

static void the_published_note(void **state)
{
	struct buf b = BUF_INIT(NOTE_MAX);
	struct str text;

	(void)state;
	assert_int_equal(note_sign(&b, STR(PETER_TEXT), STR("PeterNeumann"), &peter), 0);
	assert_string_equal(buf_cstr(&b), PETER_TEXT "\n" PETER_LINE);
	assert_int_equal(note_verify(buf_str(&b), peter_name, peter.public, &text), 0);
	assert_true(str_eqz(text, PETER_TEXT));
	buf_reset(&b);
	note_vkey_put(&b, STR("PeterNeumann"), peter.public);
	assert_string_equal(buf_cstr(&b), PETER_VKEY);
	buf_done(&b);
}

static int verify_z(const char *note)
{
	struct str text;

	return note_verify(str_of(note), peter_name, peter.public, &text);
}

static void what_is_and_is_not_a_note(void **state)
{
	static const char *const good[] = {
		PETER_TEXT "\n" OTHER_LINE PETER_LINE,
		PETER_TEXT "\n" PETER_LINE OTHER_LINE,
	};
	static const char *const bad[] = {
		"",
		"\n",
		"\n\n",
		PETER_TEXT,
		PETER_TEXT "\n",
		PETER_TEXT PETER_LINE,                         /* no blank line */
		PETER_TEXT "\n" OTHER_LINE,                    /* nobody we know */
		PETER_TEXT "\n" PETER_LINE PETER_LINE,         /* twice */
		PETER_TEXT "x\n\n" PETER_LINE,                 /* text changed */
		PETER_TEXT "\n\n" PETER_LINE,                  /* ends in a blank line */
		"a\n\n" PETER_TEXT "\n" PETER_LINE,            /* blank line within */
		PETER_TEXT "\n- PeterNeumann " PETER_SIG "\n", /* not an em dash */
		PETER_TEXT "\n" PETER_LINE "rest\n",           /* something after */
		PETER_TEXT "\n" PETER_LINE "rest",             /* no newline */
		PETER_TEXT "\n\xe2\x80\x94 PeterNeumann  " PETER_SIG "\n", /* two spaces */
		PETER_TEXT "\n\xe2\x80\x94 PeterNeumann x08go/Y=\n",       /* short */
		PETER_TEXT "\n\xe2\x80\x94  " PETER_SIG "\n",              /* no name */
	};
	char big[NOTE_MAX + 64];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(verify_z(good[i]), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(verify_z(bad[i]), -EBADMSG);
	memset(big, 'a', sizeof(big));
	memcpy(big + sizeof(big) - sizeof("\n\n" PETER_LINE), "\n\n" PETER_LINE,
	       sizeof("\n\n" PETER_LINE));
	assert_int_equal(verify_z(big), -EBADMSG);
}

static void every_flipped_byte_is_noticed(void **state)
{
	char note[] = PETER_TEXT "\n" PETER_LINE;

	(void)state;
	for (size_t i = 0; i < sizeof(note) - 1; i++) {
		note[i] ^= 1;
		assert_int_equal(verify_z(note), -EBADMSG);
		note[i] ^= 1;
	}
	assert_int_equal(verify_z(note), 0);
}

static void texts_that_are_not_signed(void **state)
{
	struct buf b = BUF_INIT(NOTE_MAX);
	struct str name = STR("n");

	(void)state;
	assert_int_equal(note_sign(&b, STR(""), name, &peter), -EINVAL);
	assert_int_equal(note_sign(&b, STR("a"), name, &peter), -EINVAL);
	assert_int_equal(note_sign(&b, STR("a\n\nb\n"), name, &peter), -EINVAL);
	assert_int_equal(note_sign(&b, STR("a\tb\n"), name, &peter), -EINVAL);
	assert_int_equal(note_sign(&b, STR("\xff\n"), name, &peter), -EINVAL);
	assert_int_equal(note_sign(&b, STR("a\n"), STR(""), &peter), -EINVAL);
	assert_int_equal(note_sign(&b, STR("a\n"), STR("a b"), &peter), -EINVAL);
	assert_int_equal(note_sign(&b, STR("a\n"), STR("a+b"), &peter), -EINVAL);
	assert_int_equal(note_sign(&b, STR("a\n"), STR("a\xe2\x80\x83"), &peter), -EINVAL);
	assert_int_equal(b.n, 0);
	buf_done(&b);
}

static void checkpoints(void **state)
{
	static const char *const bad[] = {
		"",
		"o\n",
		"o\n1\n",
		"\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"o\n01\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"o\n\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"o\n+1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"o\n18446744073709551616\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", /* 33 bytes */
		"o\n1\nAAAA\n",
		"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
	};
	struct checkpoint cp = { .size = 7 };
	struct buf b = BUF_INIT(NOTE_MAX);
	uint8_t root[32] = { 0 };

	(void)state;
	checkpoint_put(&b, STR("example.org/log"), 42, root);
	assert_string_equal(buf_cstr(&b),
			    "example.org/log\n42\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
	assert_int_equal(checkpoint_parse(buf_str(&b), &cp), 0);
	assert_true(str_eqz(cp.origin, "example.org/log"));
	assert_int_equal(cp.size, 42);
	assert_memory_equal(cp.root, root, 32);
	buf_putz(&b, "an extension\n");
	assert_int_equal(checkpoint_parse(buf_str(&b), &cp), 0);
	buf_done(&b);

	cp.size = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(checkpoint_parse(str_of(bad[i]), &cp), -EBADMSG);
	assert_int_equal(cp.size, 7);
}

static void verifier_keys(void **state)
{
	static const char *const bad[] = {
		"",
		"+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann",
		"PeterNeumann+c74f20a3",
		"PeterNeumann+c74f20a3+",
		"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
	};
	uint8_t public[32];
	struct str name;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(note_vkey_parse(str_of(bad[i]), &name, public), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc8032_vectors),
		cmocka_unit_test(keys_of_small_order_prove_nothing),
		cmocka_unit_test(the_published_note),
		cmocka_unit_test(what_is_and_is_not_a_note),
		cmocka_unit_test(every_flipped_byte_is_noticed),
		cmocka_unit_test(texts_that_are_not_signed),
		cmocka_unit_test(checkpoints),
		cmocka_unit_test(verifier_keys),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
