/*
 * bpf_asm - instructions for the kernel's virtual machine (RFC 9669), one function each, with labels
 * for jumps ahead.
 *
 * Errors are sticky: bpf_asm_finish() tells of a program that was too long or of a label that was never
 * placed. What is wrong with the program itself the kernel's verifier finds.
 */
#pragma once

#include <linux/bpf.h>
#include <stdint.h>

#define BPF_ASM_MAX 512  /* instructions */
#define BPF_ASM_JUMPS 64 /* to labels */
#define BPF_ASM_LABELS 32

struct bpf_asm {
	struct bpf_insn insns[BPF_ASM_MAX];
	uint32_t n;
	int error;
	uint32_t n_jumps, n_labels;
	struct {
		uint32_t at, label;
	} jumps[BPF_ASM_JUMPS];
	uint32_t labels[BPF_ASM_LABELS]; /* where; UINT32_MAX: not placed */
};

enum bpf_size { BPF_1 = BPF_B, BPF_2 = BPF_H, BPF_4 = BPF_W, BPF_8 = BPF_DW };

/* Registers are BPF_REG_0 to BPF_REG_10; @op is BPF_ADD, BPF_AND, ..., @jump BPF_JEQ, BPF_JNE, ... */
void bpf_asm_init(struct bpf_asm *a);
void bpf_mov(struct bpf_asm *a, uint8_t to, uint8_t from);
void bpf_set(struct bpf_asm *a, uint8_t to, int32_t value);
void bpf_alu(struct bpf_asm *a, uint8_t op, uint8_t to, int32_t value);
void bpf_alu_reg(struct bpf_asm *a, uint8_t op, uint8_t to, uint8_t from);
/* *(from + off), *(to + off) = from, = value */
void bpf_load(struct bpf_asm *a, enum bpf_size size, uint8_t to, uint8_t from, int off);
void bpf_store(struct bpf_asm *a, enum bpf_size size, uint8_t to, int off, uint8_t from);
void bpf_store_value(struct bpf_asm *a, enum bpf_size size, uint8_t to, int off, int32_t value);
/* Atomically: *(to + off) += from, 8 bytes. */
void bpf_add_atomic(struct bpf_asm *a, uint8_t to, int off, uint8_t from);
/* The map itself, or the address of the value of its element 0. */
void bpf_set_map(struct bpf_asm *a, uint8_t to, int map_fd);
void bpf_set_cell(struct bpf_asm *a, uint8_t to, int map_fd);
void bpf_call(struct bpf_asm *a, enum bpf_func_id helper);
void bpf_exit(struct bpf_asm *a);

uint32_t bpf_label(struct bpf_asm *a); /* a new one, to be placed */
void bpf_place(struct bpf_asm *a, uint32_t label);
void bpf_goto(struct bpf_asm *a, uint32_t label);
void bpf_if(struct bpf_asm *a, uint8_t jump, uint8_t reg, int32_t value, uint32_t label);
void bpf_if_reg(struct bpf_asm *a, uint8_t jump, uint8_t reg, uint8_t other, uint32_t label);

/* Fill the jumps in. 0, -E2BIG, or -EINVAL for a label that was not placed. */
int bpf_asm_finish(struct bpf_asm *a);
