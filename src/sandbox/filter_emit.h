/*
 * filter_emit - an assembler for classic BPF that works from the last instruction to the first.
 *
 * BPF jumps only forward, so what is jumped to comes later in the program. Written backwards,
 * every target exists before the jump to it: no labels to patch, no second pass. A place in the
 * program is its distance from the end, which stays true however much is put in front.
 *
 * Conditional jumps reach 255 instructions. A target further off is brought near: a return is
 * copied (one instruction, as long as a jump would be), anything else gets a jump (BPF_JA) nearby.
 *
 * Errors are sticky: after an overflow nothing is written and emit_error() says -E2BIG.
 */
#pragma once

#include "sandbox/filter_check.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

/* A place is a uint16_t: its distance from the end; 1 is the last instruction. */

struct emit {
	struct sock_filter *room;
	uint16_t max;
	uint16_t n; /* instructions written: room[max - n] is the first */
	int error;
	uint16_t *
		near; /* [max + 1]: for a target, a stand-in for it that was written last; 0 none */
};

static inline int emit_error(const struct emit *e)
{
	return e->error;
}

/* Each returns the place of what it wrote, to be jumped to by what is written next. */
uint16_t emit_ret(struct emit *e, uint32_t action);
uint16_t emit_load(struct emit *e, uint32_t offset);
/* BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET with @k. */
uint16_t emit_jump(struct emit *e, uint16_t op, uint32_t k, uint16_t yes, uint16_t no);
/* To @yes if the condition holds on an argument (only its low half when @narrow), else to @no. */
uint16_t emit_cond(struct emit *e, const struct filter_cond *cond, bool narrow, uint16_t yes,
		   uint16_t no);
