/*
 * bpf_interp - a seccomp filter run by hand: what would the kernel answer to these registers?
 *
 * Only what seccomp accepts (Documentation/userspace-api/seccomp_filter.rst, kernel/seccomp.c
 * seccomp_check_filter()): 32-bit loads inside struct seccomp_data, constant ALU, forward jumps,
 * returns. Anything else, or a jump out of the program, aborts the test.
 */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bpf_run {
	uint32_t action;
	unsigned steps;      /* instructions run */
	bool looked_at_args; /* loaded anything but nr and arch */
};

#define BPF_BAD(why)                                                                   \
	do {                                                                           \
		fprintf(stderr, "bad BPF program at instruction %u: %s\n", pc, (why)); \
		abort();                                                               \
	} while (0)

static inline struct bpf_run bpf_run(const struct sock_filter *insns, unsigned n,
				     const struct seccomp_data *data)
{
	struct bpf_run r = { 0 };
	uint32_t a = 0;
	unsigned pc = 0;

	for (;;) {
		const struct sock_filter *i;

		if (pc >= n)
			BPF_BAD("runs off the end");
		i = &insns[pc++];
		r.steps++;
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k & 3 || i->k > sizeof(*data) - 4)
				BPF_BAD("load out of bounds");
			memcpy(&a, (const char *)data + i->k, 4);
			r.looked_at_args |= i->k >=
					    offsetof(struct seccomp_data, instruction_pointer);
			break;
		case BPF_ALU | BPF_AND | BPF_K: a &= i->k; break;
		case BPF_JMP | BPF_JA: pc += i->k; break;
		case BPF_JMP | BPF_JEQ | BPF_K: pc += a == i->k ? i->jt : i->jf; break;
		case BPF_JMP | BPF_JGT | BPF_K: pc += a > i->k ? i->jt : i->jf; break;
		case BPF_JMP | BPF_JGE | BPF_K: pc += a >= i->k ? i->jt : i->jf; break;
		case BPF_JMP | BPF_JSET | BPF_K: pc += a & i->k ? i->jt : i->jf; break;
		case BPF_RET | BPF_K: r.action = i->k; return r;
		default: BPF_BAD("an instruction that this filter has no use for");
		}
	}
}
