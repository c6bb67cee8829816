/*
 * How fast the hash is, beside b3sum in the same run; one thread, best of several rounds, in time
 * of the processor, so that what else runs on the machine counts for little.
 *
 * Prints "name value unit" lines. b3sum is a program, so its own start must not be counted against
 * it: it gets the same file many times over, and its time for one file is taken off. What remains
 * per file is open, read or mmap, and hash; blake3.read.* and blake3.mmap.* do the same from our
 * side, and blake3.BACKEND.* is the hash alone, from memory.
 */
#include "base/own.h"
#include "codec/blake3.h"
#include "codec/merkle.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS 15
#define MIB (1024 * 1024)
#define RECORDS 4096
#define RECORD_MAX 256

static uint8_t data[MIB];
static uint8_t digests[RECORDS][BLAKE3_OUT];

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Best of ROUNDS: seconds for one call, each round @times calls. */
static double best(void (*work)(const void *), const void *arg, int times)
{
	double least = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double start = now(), took;

		for (int i = 0; i < times; i++)
			work(arg);
		took = (now() - start) / times;
		if (took < least)
			least = took;
	}
	return least;
}

static void hash_bytes(const void *arg)
{
	uint8_t out[BLAKE3_OUT];

	blake3(data, *(const size_t *)arg, out);
}

static void in_memory(const char *backend)
{
	static const struct {
		const char *name;
		size_t n;
	} sizes[] = { { "1KiB", 1024 }, { "64KiB", 65536 }, { "1MiB", MIB } };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i].n;

		printf("blake3.%s.%s %.3f GB/s\n", backend, sizes[i].name,
		       (double)n / best(hash_bytes, &n, (int)(8 * MIB / n)) / 1e9);
	}
}

struct batch {
	struct str in[RECORDS];
	int prefix;
};

static void hash_batch(const void *arg)
{
	const struct batch *b = arg;

	blake3_many(b->in, RECORDS, b->prefix, digests);
}

static void hash_singly(const void *arg)
{
	const struct batch *b = arg;

	for (size_t i = 0; i < RECORDS; i++)
		blake3(b->in[i].p, b->in[i].n, digests[i]);
}

static void batch_of(struct batch *b, size_t least, size_t most, int prefix)
{
	uint32_t seed = 1;

	b->prefix = prefix;
	for (size_t i = 0; i < RECORDS; i++) {
		seed = seed * 1664525 + 1013904223;
		b->in[i].n = least + (seed >> 8) % (most - least + 1);
		b->in[i].p = (const char *)data + i * RECORD_MAX % (MIB - RECORD_MAX);
	}
}

static void hash_tree(const void *arg)
{
	uint8_t root[MERKLE_HASH];

	(void)arg;
	merkle_root_of(&merkle_blake3, (const uint8_t(*)[MERKLE_HASH])digests, RECORDS, root);
}

static void records(const char *backend)
{
	static struct batch b;

	batch_of(&b, 256, 256, -1);
	printf("blake3.%s.256B.batch %.0f records/s\n", backend, RECORDS / best(hash_batch, &b, 8));
	printf("blake3.%s.256B.single %.0f records/s\n", backend,
	       RECORDS / best(hash_singly, &b, 8));
	batch_of(&b, 250, 250, 0);
	printf("blake3.%s.250B.leaf %.1f ns\n", backend, best(hash_batch, &b, 8) / RECORDS * 1e9);
	batch_of(&b, 150, 256, 0);
	printf("blake3.%s.150-256B.leaf %.1f ns\n", backend,
	       best(hash_batch, &b, 8) / RECORDS * 1e9);
	printf("merkle.%s.node %.1f ns\n", backend, best(hash_tree, NULL, 8) / RECORDS * 1e9);
}

/* Our side of what b3sum does per file: open, read in 64 KiB pieces or map, hash. */
static void hash_by_read(const char *path)
{
	static uint8_t piece[65536];
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t out[BLAKE3_OUT];
	struct blake3 b;
	ssize_t n;

	blake3_init(&b);
	while (fd >= 0 && (n = read(fd, piece, sizeof(piece))) > 0)
		blake3_update(&b, piece, (size_t)n);
	blake3_final(&b, out);
}

static void hash_by_mmap(const char *path)
{
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t out[BLAKE3_OUT];
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return;
	blake3(p, (size_t)st.st_size, out);
	(void)munmap(p, (size_t)st.st_size);
}

#define FILES 200

/* Run b3sum over @path @files times: seconds of the processor, or -1. */
static double b3sum(const char *path, bool mapped, int files)
{
	const char *argv[FILES + 8] = { "b3sum", "--num-threads", "1", "--no-names" };
	posix_spawn_file_actions_t to;
	struct rusage used;
	int at = 4, status;
	pid_t pid;

	if (!mapped)
		argv[at++] = "--no-mmap";
	for (int i = 0; i < files; i++)
		argv[at++] = path;
	(void)posix_spawn_file_actions_init(&to);
	(void)posix_spawn_file_actions_addopen(&to, 1, "/dev/null", O_WRONLY, 0);
	status = posix_spawnp(&pid, "b3sum", &to, NULL, (char *const *)argv,
			      (char *const[]){ NULL, NULL });
	(void)posix_spawn_file_actions_destroy(&to);
	if (status != 0 || wait4(pid, &status, 0, &used) != pid || status != 0)
		return -1;
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

/*
 * Both sides, turn by turn, so that a machine whose clock wanders is the same for both. b3sum's
 * time per file is that beyond the first, which pays for the program's start.
 */
static bool beside_b3sum(const char *path, const char *name, bool mapped, double scale,
			 const char *unit)
{
	double ours = 1e9, one = 1e9, all = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double took = now();

		for (int i = 0; i < FILES; i++)
			(mapped ? hash_by_mmap : hash_by_read)(path);
		took = (now() - took) / FILES;
		ours = took < ours ? took : ours;
		took = b3sum(path, mapped, 1);
		if (took < 0)
			return false;
		one = took < one ? took : one;
		took = b3sum(path, mapped, FILES);
		all = took < all ? took : all;
	}
	printf("blake3.%s.%s %.3f %s\n", mapped ? "mmap" : "read", name, scale / ours, unit);
	printf("b3sum.%s.%s %.3f %s\n", mapped ? "mmap" : "read", name,
	       scale * (FILES - 1) / (all - one), unit);
	return true;
}

static void files(const char *name, size_t n, double scale, const char *unit)
{
	char path[] = "/tmp/capsule-bench-XXXXXX";
	AUTO(fd_closep) int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, data, n) == (ssize_t)n && !(beside_b3sum(path, name, false, scale, unit) &&
						  beside_b3sum(path, name, true, scale, unit)))
		fprintf(stderr, "b3sum is not installed: nothing to stand beside\n");
	(void)unlink(path);
}

int main(void)
{
	static const char *const backends[] = { "portable", "sse41", "avx2", "avx512" };

	for (size_t i = 0; i < MIB; i++)
		data[i] = (uint8_t)(i * 2654435761U >> 13);
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		if (blake3_backend_set(backends[i]) < 0)
			continue;
		in_memory(backends[i]);
		records(backends[i]);
	}
	files("1MiB", MIB, MIB / 1e9, "GB/s");
	files("256B", 256, 1, "files/s");
	return 0;
}
