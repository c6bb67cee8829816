/*
 * syscall_table - names, numbers and argument widths of system calls, per machine.
 *
 * Covers Linux up to 6.18, whatever the headers of the build machine know. Nothing here depends
 * on the machine that runs it: a filter for aarch64 can be made and looked at on x86-64.
 */
#pragma once

#include "base/str.h"
#include "sys/syscall_list.def"

#include <stdint.h>

/* SYSC_read, SYSC_write, ...: our own index, in order of name; not the kernel's number. */
enum sysc {
#define SYSC_ENUM(name, x86, arm, narrow) SYSC_##name,
	SYSC_LIST(SYSC_ENUM)
#undef SYSC_ENUM
		SYSC_N
};

enum sysc_arch {
	SYSC_X86_64,
	SYSC_AARCH64,
	SYSC_ARCH_N,
#if defined(__x86_64__)
	SYSC_NATIVE = SYSC_X86_64
#elif defined(__aarch64__)
	SYSC_NATIVE = SYSC_AARCH64
#else
#error "system call filters know x86-64 and aarch64"
#endif
};

#define SYSC_NR_MAX 512                  /* every number of the table is below */
#define SYSC_X32_BIT (UINT32_C(1) << 30) /* x86-64: set in the numbers of the x32 ABI */

struct sysc_info {
	char name[24];           /* in place: pointers would be relocated at every start */
	int16_t nr[SYSC_ARCH_N]; /* -1: this machine does not have it */
	uint8_t narrow;          /* bit i: the kernel looks at the low 32 bits of argument i only */
};

extern const struct sysc_info sysc_info[SYSC_N];

/* The enum sysc of that name, or -ENOENT. */
int sysc_by_name(struct str name);
/* The enum sysc of number @nr, or -ENOENT. Linear: for listings and tests. */
int sysc_by_nr(enum sysc_arch arch, uint32_t nr);
/* The nearest name to a misspelt one, or NULL. */
const char *sysc_nearest(struct str name);

/* AUDIT_ARCH_*, as seccomp_data.arch has it. */
uint32_t sysc_audit_arch(enum sysc_arch arch);
/* "x86-64", "aarch64"; by name also "x86_64", "amd64", "arm64". -ENOENT: none of ours. */
const char *sysc_arch_name(enum sysc_arch arch);
int sysc_arch_by_name(struct str name);
