/* Unit tests of src/codec/base64: RFC 4648 section 10, and everything strictness means. */
#include "codec/base64.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void rfc_vectors(void **state)
{
	static const char *const pair[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++) {
		struct buf b = BUF_INIT(64);
		uint8_t out[16];
		size_t n = 99;

		base64_put(&b, pair[i][0], strlen(pair[i][0]));
		assert_string_equal(buf_cstr(&b), pair[i][1]);
		assert_int_equal(base64_decode(str_of(pair[i][1]), out, sizeof(out), &n), 0);
		assert_int_equal(n, strlen(pair[i][0]));
		assert_memory_equal(out, pair[i][0], n);
		buf_done(&b);
	}
}

static void all_bytes_come_back(void **state)
{
	uint8_t in[256], out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 167 + 13);
	for (size_t len = 0; len <= sizeof(in); len++) {
		struct buf b = BUF_INIT(1024);
		size_t n = 0;

		base64_put(&b, in, len);
		assert_int_equal(b.n, BASE64_LEN(len));
		assert_int_equal(base64_decode(buf_str(&b), out, len, &n), 0);
		assert_int_equal(n, len);
		assert_memory_equal(out, in, n);
		if (len)
			assert_int_equal(base64_decode(buf_str(&b), out, len - 1, &n), -ENOBUFS);
		buf_done(&b);
	}
}

static void strictness(void **state)
{
	static const char *const bad[] = {
		"Z",        "Zg",    "Zg=",    "Zg===", "Zh==", "Zm9=", "=",    "====",
		"Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm-v",  "Zm_v", "Z===", "Zm=v", "\xff\xff\xff\xff",
	};
	uint8_t out[16] = { 0 };
	size_t n = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(base64_decode(str_of(bad[i]), out, sizeof(out), &n), -EBADMSG);
	assert_int_equal(n, 99); /* outputs stay untouched */
	assert_int_equal(out[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_vectors),
		cmocka_unit_test(all_bytes_come_back),
		cmocka_unit_test(strictness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
