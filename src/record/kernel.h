/*
 * kernel - the two programs that the kernel runs where system calls enter and return, and the form
 * of what they put into the ring.
 *
 * Theory of operation is in kernel.c.
 */
#pragma once

#include "record/call.h"
#include "sys/bpf_asm.h"

#include <stddef.h>

/* Shared with the programs, in a map of one element. */
struct kernel_cell {
	uint64_t cgroup;       /* id of the session's group in cgroup v2: what is recorded */
	uint64_t dev, ino;     /* of its pid namespace; 0: it has none */
	uint64_t lost;         /* calls that found the ring full */
	uint64_t lost_entries; /* of calls whose return can still tell */
	uint32_t init;         /* its tgid: Capsule's own, not recorded; 0: not known */
	uint32_t pad;
	uint32_t plan[SYSC_NR_MAX]; /* CALL_* */
};

enum kernel_kind { KERNEL_ENTERED, KERNEL_RETURNED };

/*
 * One record, of one of three lengths: up to the first KERNEL_SHORT_ARGS arguments, which is one line of
 * the processor's cache together with the ring's own head; up to the texts; all of it.
 */
#define KERNEL_SHORT_ARGS 3
struct kernel_record {
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	uint32_t tid, tgid;
	uint32_t nr, kind;
	int64_t result;
	uint64_t args[CALL_ARGS];
	uint32_t inner_tid, inner_tgid; /* struct bpf_pidns_info */
	int32_t n_text[CALL_TEXTS];
	char text[CALL_TEXTS][CALL_TEXT_MAX];
};
#define KERNEL_SHORT (offsetof(struct kernel_record, args) + KERNEL_SHORT_ARGS * sizeof(uint64_t))
#define KERNEL_PLAIN offsetof(struct kernel_record, n_text)

/* -EOPNOTSUPP: not written for this machine. */
int kernel_program(enum kernel_kind kind, int cell_fd, int ring_fd, struct bpf_asm *ret);

/*
 * A record out of the ring. -EBADMSG: of a length or kind that no program of ours writes. Anything may be
 * in the fields, but lengths of text are within their room.
 */
int kernel_read(const void *data, size_t n, struct call *ret_call);
