/*
 * call - a system call as it was recorded, and how it is written down.
 *
 * Everything in it was chosen by the session: the decoder takes any values whatsoever, of registers,
 * numbers, lengths and bytes.
 */
#pragma once

#include "codec/json_wr.h"
#include "sys/syscall_table.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CALL_ARGS 6
#define CALL_TEXTS 2         /* arguments whose memory is recorded */
#define CALL_TEXT_MAX 256    /* of text, with its NUL: more is cut */
#define CALL_ADDRESS_MAX 128 /* of a socket address */

struct call {
	uint64_t at_ns;              /* since the recording began */
	pid_t tid, tgid;             /* as the supervisor sees them */
	pid_t inner_tid, inner_tgid; /* in the session's pid namespace; 0: not known */
	uint32_t nr;
	bool returned; /* @result holds */
	int64_t result;
	uint64_t args[CALL_ARGS];
	/*
	 * What the texts of the call's plan lay at: bytes that were read (of a path with its NUL), or
	 * a negative errno.
	 */
	int32_t n_text[CALL_TEXTS];
	char text[CALL_TEXTS][CALL_TEXT_MAX];
};

/*
 * Which memory a call's arguments lead to. Bits 0-3 and 4-7: 1 + the argument of text 0 and 1, or 0;
 * CALL_ADDRESS: text 0 is a socket address.
 */
#define CALL_ANY_TEXT 0xffU
#define CALL_ADDRESS 0x100U
#define CALL_AT_ENTRY 0x200U    /* on its return there is nothing left to see of the arguments */
#define CALL_NO_RETURN 0x400U   /* or it never returns */
#define CALL_MANY_ARGS 0x1000U  /* more than three */
#define CALL_MAKES_CHILD 0x800U /* returns once more, as 0, in a new process or thread */

/* By the kernel's number on this machine; what is not in it is told by number. */
struct call_table {
	uint32_t plan[SYSC_NR_MAX];
	uint16_t sysc[SYSC_NR_MAX]; /* SYSC_N: no such call */
	uint16_t row[SYSC_NR_MAX];  /* into the list of arguments, or UINT16_MAX */
};
void call_table_make(struct call_table *ret_table);

/*
 * The members of a record "syscall": "at_ns", "pid", "tid" (if it is another), "outer_tid" (if those
 * are not known), "call", "args", "result",
 * "errno". docs/LOG.md has them.
 */
void call_write(struct json_wr *w, const struct call_table *table, const struct call *call);

/* "O_RDONLY|O_CLOEXEC", "AF_INET", "0x7f": the value as the set of that letter names it. */
void call_flags_write(struct json_wr *w, char letter, uint64_t value);
bool call_flags_has(char letter);
/* "ENOENT", also those that only a tracer sees (ERESTARTSYS); NULL: no such error. */
const char *call_errno_name(int error);
