#include "sys/bpf_asm.h"

#include <errno.h>
#include <string.h>

void bpf_asm_init(struct bpf_asm *a)
{
	memset(a, 0, sizeof(*a));
}

static void emit(struct bpf_asm *a, uint8_t code, uint8_t dst, uint8_t src, int off, int32_t imm)
{
	if (a->n >= BPF_ASM_MAX) {
		a->error = -E2BIG;
		return;
	}
	a->insns[a->n++] = (struct bpf_insn){ .code = code,
					      .dst_reg = dst & 15U,
					      .src_reg = src & 15U,
					      .off = (int16_t)off,
					      .imm = imm };
}

void bpf_mov(struct bpf_asm *a, uint8_t to, uint8_t from)
{
	emit(a, BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}

void bpf_set(struct bpf_asm *a, uint8_t to, int32_t value)
{
	emit(a, BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}

void bpf_alu(struct bpf_asm *a, uint8_t op, uint8_t to, int32_t value)
{
	emit(a, BPF_ALU64 | op | BPF_K, to, 0, 0, value);
}

void bpf_alu_reg(struct bpf_asm *a, uint8_t op, uint8_t to, uint8_t from)
{
	emit(a, BPF_ALU64 | op | BPF_X, to, from, 0, 0);
}

void bpf_load(struct bpf_asm *a, enum bpf_size size, uint8_t to, uint8_t from, int off)
{
	emit(a, (uint8_t)(BPF_LDX | BPF_MEM | (uint8_t)size), to, from, off, 0);
}

void bpf_store(struct bpf_asm *a, enum bpf_size size, uint8_t to, int off, uint8_t from)
{
	emit(a, (uint8_t)(BPF_STX | BPF_MEM | (uint8_t)size), to, from, off, 0);
}

void bpf_store_value(struct bpf_asm *a, enum bpf_size size, uint8_t to, int off, int32_t value)
{
	emit(a, (uint8_t)(BPF_ST | BPF_MEM | (uint8_t)size), to, 0, off, value);
}

void bpf_add_atomic(struct bpf_asm *a, uint8_t to, int off, uint8_t from)
{
	emit(a, BPF_STX | BPF_ATOMIC | BPF_DW, to, from, off, BPF_ADD);
}

void bpf_set_map(struct bpf_asm *a, uint8_t to, int map_fd)
{
	emit(a, BPF_LD | BPF_IMM | BPF_DW, to, BPF_PSEUDO_MAP_FD, 0, map_fd);
	emit(a, 0, 0, 0, 0, 0);
}

void bpf_set_cell(struct bpf_asm *a, uint8_t to, int map_fd)
{
	emit(a, BPF_LD | BPF_IMM | BPF_DW, to, BPF_PSEUDO_MAP_VALUE, 0, map_fd);
	emit(a, 0, 0, 0, 0, 0);
}

void bpf_call(struct bpf_asm *a, enum bpf_func_id helper)
{
	emit(a, BPF_JMP | BPF_CALL, 0, 0, 0, (int32_t)helper);
}

void bpf_exit(struct bpf_asm *a)
{
	emit(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* ---- jumps ---- */

uint32_t bpf_label(struct bpf_asm *a)
{
	if (a->n_labels >= BPF_ASM_LABELS) {
		a->error = -E2BIG;
		return 0;
	}
	a->labels[a->n_labels] = UINT32_MAX;
	return a->n_labels++;
}

void bpf_place(struct bpf_asm *a, uint32_t label)
{
	a->labels[label] = a->n;
}

static void jump_note(struct bpf_asm *a, uint32_t label)
{
	if (a->n_jumps >= BPF_ASM_JUMPS) {
		a->error = -E2BIG;
		return;
	}
	a->jumps[a->n_jumps].at = a->n;
	a->jumps[a->n_jumps++].label = label;
}

void bpf_goto(struct bpf_asm *a, uint32_t label)
{
	jump_note(a, label);
	emit(a, BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

void bpf_if(struct bpf_asm *a, uint8_t jump, uint8_t reg, int32_t value, uint32_t label)
{
	jump_note(a, label);
	emit(a, BPF_JMP | jump | BPF_K, reg, 0, 0, value);
}

void bpf_if_reg(struct bpf_asm *a, uint8_t jump, uint8_t reg, uint8_t other, uint32_t label)
{
	jump_note(a, label);
	emit(a, BPF_JMP | jump | BPF_X, reg, other, 0, 0);
}

int bpf_asm_finish(struct bpf_asm *a)
{
	for (uint32_t i = 0; i < a->n_jumps && !a->error; i++) {
		uint32_t to = a->labels[a->jumps[i].label], at = a->jumps[i].at;

		if (to == UINT32_MAX || to <= at)
			a->error = -EINVAL;
		else
			a->insns[at].off = (int16_t)(to - at - 1);
	}
	return a->error;
}
