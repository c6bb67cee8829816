/* Unit tests of src/base/map. */
#include "base/map.h"
#include "base/own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define KEYS 700

static char numbers[KEYS]; /* addresses to store */

static struct str key_of(unsigned i, char text[16])
{
	return (struct str){ .p = text, .n = (size_t)snprintf(text, 16, "key%u", i) };
}

/* The paper's test vector (appendix A). */
static void hash_is_siphash(void **state)
{
	static const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	char in[15];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (char)i;
	assert_true(map_hash(key, (struct str){ .p = in, .n = 15 }) == 0xa129ca6149be45e5);
}

static void keys_are_found_and_copied(void **state)
{
	AUTO(map_done) struct map m = MAP_INIT(4096);
	char text[] = "name";

	(void)state;
	assert_null(map_get(&m, STR("name")));
	assert_null(map_del(&m, STR("name")));
	assert_int_equal(map_put(&m, str_of(text), &numbers[1]), 0);
	text[0] = 'x';
	assert_ptr_equal(map_get(&m, STR("name")), &numbers[1]);
	assert_null(map_get(&m, STR("xame")));
	assert_null(map_get(&m, STR("nam")));
	assert_int_equal(map_put(&m, STR("name"), &numbers[2]), -EEXIST);
	assert_int_equal(map_put(&m, STR("null"), NULL), -EINVAL);
	*map_at(&m, STR("name")) = &numbers[3];
	assert_ptr_equal(map_get(&m, STR("name")), &numbers[3]);
	assert_int_equal(map_put(&m, STR(""), &numbers[4]), 0);
	assert_int_equal(map_put(&m, (struct str){ .p = "a\0b", .n = 3 }, &numbers[5]), 0);
	assert_null(map_get(&m, STR("a")));
	assert_ptr_equal(map_get(&m, STR("")), &numbers[4]);
	assert_int_equal(m.count, 3);
}

/* Puts and deletions at random, with a plain array as the truth. */
static void map_is_an_array_of_truth(void **state)
{
	AUTO(map_done) struct map m = MAP_INIT(1 << 20);
	bool there[KEYS] = { false };
	uint32_t seed = 7;
	size_t count = 0;

	(void)state;
	for (unsigned step = 0; step < 50000; step++) {
		unsigned i = (seed = seed * 1664525 + 1013904223) >> 8;
		bool put = (i >> 12) % 100 < (step / 10000 % 2 ? 30 : 60);
		char text[16];
		struct str key;

		i %= KEYS;
		key = key_of(i, text);
		if (put) {
			assert_int_equal(map_put(&m, key, &numbers[i]), there[i] ? -EEXIST : 0);
			count += !there[i];
			there[i] = true;
		} else {
			assert_ptr_equal(map_del(&m, key), there[i] ? &numbers[i] : NULL);
			count -= there[i];
			there[i] = false;
		}
		assert_int_equal(m.count, count);
		if (step % 500 == 0)
			for (unsigned k = 0; k < KEYS; k++)
				assert_ptr_equal(map_get(&m, key_of(k, text)),
						 there[k] ? &numbers[k] : NULL);
	}
}

static void walk_meets_everything_once(void **state)
{
	AUTO(map_done) struct map m = MAP_INIT(1 << 20);
	unsigned met[KEYS] = { 0 };
	struct str key;
	void *value;

	(void)state;
	for (unsigned i = 0; i < KEYS; i++) {
		char text[16];

		assert_int_equal(map_put(&m, key_of(i, text), &numbers[i]), 0);
	}
	for (size_t at = 0; map_next(&m, &at, &key, &value);) {
		char text[16];
		size_t i = (size_t)((char *)value - numbers);

		assert_true(str_eq(key, key_of((unsigned)i, text)));
		met[i]++;
	}
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(met[i], 1);
}

static void map_has_a_ceiling(void **state)
{
	struct map m = MAP_INIT(10000);
	static char big[9000];
	char text[16];
	unsigned i = 0;
	int r;

	(void)state;
	while ((r = map_put(&m, key_of(i, text), &numbers[0])) == 0 && i < KEYS)
		i++;
	assert_int_equal(r, -ENOBUFS);
	assert_true(i > 50 && m.count == i && m.bytes <= m.max);
	for (unsigned k = 0; k < i; k++)
		assert_ptr_equal(map_get(&m, key_of(k, text)), &numbers[0]);
	for (unsigned k = 0; k < i; k++)
		assert_ptr_equal(map_del(&m, key_of(k, text)), &numbers[0]);
	assert_int_equal(map_put(&m, (struct str){ .p = big, .n = sizeof(big) }, text), -ENOBUFS);
	map_done(&m);
	assert_int_equal(m.bytes, 0);
	assert_int_equal(map_put(&m, STR("again"), text), 0);
	map_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_is_siphash),
		cmocka_unit_test(keys_are_found_and_copied),
		cmocka_unit_test(map_is_an_array_of_truth),
		cmocka_unit_test(walk_meets_everything_once),
		cmocka_unit_test(map_has_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
