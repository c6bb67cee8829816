/*
 * bpf - as much of bpf(2) as a recorder needs: maps, programs, raw tracepoints, and the reading
 * end of a ring buffer (Documentation/bpf/ringbuf.rst).
 *
 * All of it wants CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, in the first user namespace: -EPERM otherwise.
 */
#pragma once

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

/* All return a descriptor (close-on-exec) or a negative errno. */

/* A ring buffer of @size bytes: a power of two, and whole pages. */
int bpf_ring_create(uint32_t size);
/* An array of one value of @size bytes, which programs address and mmap() shares. */
int bpf_cell_create(uint32_t size);
/*
 * A program for raw tracepoints. @ret_log, if not NULL, gets what the verifier says against it:
 * "" when it had nothing to say.
 */
int bpf_program_load(const struct bpf_insn *insns, uint32_t n, char *ret_log, size_t log_size);
/* It runs at the tracepoint @name until the descriptor is closed. */
int bpf_attach_raw(int program, const char *name);

/*
 * How often the kernel left the program out, because it was at work on that processor already: for
 * whomever it would have been. 0 where the kernel does not count that (before Linux 5.12).
 */
uint64_t bpf_program_misses(int program);

/* The reading end, mapped. */
struct bpf_ring {
	uint32_t size, mask;
	uint64_t at, end;         /* where we are; how far the round goes */
	uint64_t *consumer;       /* its page: ours to write */
	const uint64_t *producer; /* its page, and then the data, twice in a row */
	const uint8_t *data;
	size_t page;
};

int bpf_ring_map(int fd, uint32_t size, struct bpf_ring *ret_ring);
void bpf_ring_unmap(struct bpf_ring *ring);
/*
 * A round: what is in the ring now, one record after the other, NULL at the end. A record stays valid,
 * and its room in use, until bpf_ring_release() gives back all that was taken so far. Records that
 * their program gave up are passed over.
 */
void bpf_ring_round(struct bpf_ring *ring);
const void *bpf_ring_next(struct bpf_ring *ring, size_t *ret_n);
void bpf_ring_release(struct bpf_ring *ring);
