/*
 * Unit tests of src/codec/blake3: the shapes that the published vectors do not have. Every back end
 * must agree with the portable one, and the portable one with b3sum where that is installed.
 */
#include "base/own.h"
#include "codec/blake3.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#define INPUT_MAX 300000

static const char *const backends[] = { "portable", "sse41", "avx2", "avx512" };
#define BACKENDS (sizeof(backends) / sizeof(backends[0]))

static uint8_t input[INPUT_MAX];
static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t rnd(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

static int fill(void **state)
{
	(void)state;
	for (size_t i = 0; i < INPUT_MAX; i++)
		input[i] = (uint8_t)rnd(256);
	return 0;
}

static void assert_hex(const uint8_t *p, size_t n, const char *hex)
{
	char text[129];

	assert_true(n * 2 < sizeof(text));
	for (size_t i = 0; i < n; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", p[i]);
	assert_string_equal(text, hex);
}

static void known_answers(void **state)
{
	uint8_t out[BLAKE3_OUT];

	(void)state;
	blake3("", 0, out);
	assert_hex(out, 32, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
	blake3("abc", 3, out);
	assert_hex(out, 32, "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
}

static void backend_is_chosen_and_forced(void **state)
{
	(void)state;
	assert_non_null(blake3_backend());
	assert_int_equal(blake3_backend_set("abacus"), -ENOTSUP);
	assert_int_equal(blake3_backend_set("portable"), 0);
	assert_string_equal(blake3_backend(), "portable");
}

/* Lengths around every power of two of chunks, and a set of others. */
static size_t length_at(size_t i)
{
	if (i < 96)
		return ((size_t)64 << i / 8) + i % 8 - 3;
	return rnd(70001);
}

static void backends_agree_on_any_length(void **state)
{
	(void)state;
	for (size_t i = 0; i < 400; i++) {
		size_t n = length_at(i), from = rnd(64);
		uint8_t want[BLAKE3_OUT], got[BLAKE3_OUT];

		assert_true(from + n <= INPUT_MAX);
		assert_int_equal(blake3_backend_set("portable"), 0);
		blake3(input + from, n, want);
		for (size_t k = 1; k < BACKENDS; k++) {
			if (blake3_backend_set(backends[k]) < 0)
				continue;
			blake3(input + from, n, got);
			assert_memory_equal(got, want, BLAKE3_OUT);
		}
	}
}

static void pieces_do_not_matter(void **state)
{
	(void)state;
	for (size_t i = 0; i < 200; i++) {
		static const size_t most[] = { 10, 100, 1500, 5000, 100000 };
		size_t n = length_at(i), at = 0, piece = most[i % 5];
		uint8_t want[BLAKE3_OUT], got[BLAKE3_OUT], early[BLAKE3_OUT];
		struct blake3 b;

		(void)blake3_backend_set(backends[i % BACKENDS]);
		blake3(input, n, want);
		blake3_init(&b);
		while (at < n) {
			size_t some = rnd(piece) + 1;

			if (some > n - at)
				some = n - at;
			blake3_update(&b, input + at, some);
			at += some;
			if (i % 7 == 0)
				blake3_final(&b, early); /* must change nothing */
		}
		blake3_final(&b, got);
		assert_memory_equal(got, want, BLAKE3_OUT);
	}
}

/* The finals in between must be right too: a run may be all there is. */
static void final_in_the_middle(void **state)
{
	struct blake3 b;

	(void)state;
	for (size_t k = 0; k < BACKENDS; k++) {
		if (blake3_backend_set(backends[k]) < 0)
			continue;
		blake3_init(&b);
		for (size_t at = 0; at < 64 * 1024; at += 2048) {
			uint8_t want[BLAKE3_OUT], got[BLAKE3_OUT];

			blake3_update(&b, input + at, 2048);
			blake3_final(&b, got);
			blake3(input, at + 2048, want);
			assert_memory_equal(got, want, BLAKE3_OUT);
		}
	}
}

static void output_can_be_sought(void **state)
{
	uint8_t whole[500], part[500];
	struct blake3 b;

	(void)state;
	blake3_init_keyed(&b, input);
	blake3_update(&b, input, 5000);
	blake3_final_at(&b, 0, whole, sizeof(whole));
	for (size_t i = 0; i < 100; i++) {
		size_t from = rnd(sizeof(whole)), n = rnd(sizeof(whole) - from + 1);

		blake3_final_at(&b, from, part, n);
		assert_memory_equal(part, whole + from, n);
	}
}

static void one_by_one(const struct str *in, size_t count, int prefix, uint8_t (*out)[BLAKE3_OUT])
{
	for (size_t i = 0; i < count; i++) {
		uint8_t byte = (uint8_t)prefix;
		struct blake3 b;

		blake3_init(&b);
		if (prefix >= 0)
			blake3_update(&b, &byte, 1);
		blake3_update(&b, in[i].p, in[i].n);
		blake3_final(&b, out[i]);
	}
}

/* How long the inputs of a batch are; @shape picks the mixture. */
static size_t many_length(unsigned shape, size_t i)
{
	switch (shape) {
	case 0: return 250;
	case 1: return 64; /* a tree's nodes */
	case 2: return i % 130;
	case 3: return rnd(1026);
	case 4: return 64 * rnd(17);
	case 5: return rnd(20) == 0 ? 1023 + rnd(5000) : rnd(400);
	default: return 0;
	}
}

static void many_is_one_by_one(void **state)
{
	static const size_t counts[] = { 0,  1,  2,  3,  4,  5,   7,   8,   9,
					 15, 16, 17, 31, 33, 100, 513, 1100 };
	static uint8_t want[1100][BLAKE3_OUT], got[1100][BLAKE3_OUT];
	static struct str in[1100];

	(void)state;
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		for (unsigned shape = 0; shape < 7; shape++) {
			int prefix = rnd(3) == 0 ? -1 : (int)rnd(256);

			for (size_t i = 0; i < counts[c]; i++) {
				in[i].n = many_length(shape, i);
				in[i].p = (const char *)input + rnd(INPUT_MAX - in[i].n);
			}
			assert_int_equal(blake3_backend_set("portable"), 0);
			one_by_one(in, counts[c], prefix, want);
			for (size_t k = 0; k < BACKENDS; k++) {
				if (blake3_backend_set(backends[k]) < 0)
					continue;
				memset(got, 0, sizeof(got));
				blake3_many(in, counts[c], prefix, got);
				assert_memory_equal(got, want, counts[c] * BLAKE3_OUT);
			}
		}
	}
}

/* Nothing outside an input may be read: each input ends where its memory ends. */
static void many_stays_within_inputs(void **state)
{
	uint8_t got[40][BLAKE3_OUT], want[40][BLAKE3_OUT];
	char *heap[40];
	struct str in[40];

	(void)state;
	for (size_t k = 0; k < BACKENDS; k++) {
		if (blake3_backend_set(backends[k]) < 0)
			continue;
		for (size_t i = 0; i < 40; i++) {
			in[i].n = rnd(300);
			heap[i] = malloc(in[i].n ? in[i].n : 1);
			assert_non_null(heap[i]);
			memcpy(heap[i], input, in[i].n);
			in[i].p = in[i].n ? heap[i] : NULL;
		}
		blake3_many(in, 40, 7, got);
		one_by_one(in, 40, 7, want);
		assert_memory_equal(got, want, sizeof(got));
		for (size_t i = 0; i < 40; i++)
			free(heap[i]);
	}
}

static void b3sum_child(int in, int out)
{
	(void)dup2(in, 0);
	(void)dup2(out, 1);
	execlp("b3sum", "b3sum", "--no-names", (char *)NULL);
	_exit(127);
}

/* Hex digest of @n bytes of input[] from b3sum, or false when it is not there. */
static bool b3sum(size_t n, char hex[65])
{
	char path[] = "/tmp/capsule-b3sum-XXXXXX";
	AUTO(fd_closep) int file = mkostemp(path, O_CLOEXEC);
	int pipes[2], status;
	pid_t pid;

	assert_true(file >= 0);
	assert_int_equal(unlink(path), 0);
	for (size_t at = 0; at < n;) {
		ssize_t done = write(file, input + at, n - at);

		assert_true(done > 0);
		at += (size_t)done;
	}
	assert_int_equal(lseek(file, 0, SEEK_SET), 0);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		b3sum_child(file, pipes[1]);
	close(pipes[1]);
	memset(hex, 0, 65);
	status = (int)read(pipes[0], hex, 64);
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void b3sum_agrees(void **state)
{
	static const size_t lengths[] = { 0, 1, 250, 1024, 1025, 7000, 65536, 299999 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char hex[65];

		if (!b3sum(lengths[i], hex)) {
			print_message("skipped: b3sum is not installed, nothing to compare with\n");
			skip();
		}
		for (size_t k = 0; k < BACKENDS; k++) {
			uint8_t out[BLAKE3_OUT];

			if (blake3_backend_set(backends[k]) < 0)
				continue;
			blake3(input, lengths[i], out);
			assert_hex(out, BLAKE3_OUT, hex);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(backend_is_chosen_and_forced),
		cmocka_unit_test(backends_agree_on_any_length),
		cmocka_unit_test(pieces_do_not_matter),
		cmocka_unit_test(final_in_the_middle),
		cmocka_unit_test(output_can_be_sought),
		cmocka_unit_test(many_is_one_by_one),
		cmocka_unit_test(many_stays_within_inputs),
		cmocka_unit_test(b3sum_agrees),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
