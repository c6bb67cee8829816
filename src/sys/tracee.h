/*
 * tracee - memory of a process that waits for us: copied in once, with a cap, never looked at again.
 *
 * Everything here is hostile: another thread may change it while it is read, so a value that was
 * checked is the copy and not what lies there. After reading, notify_valid() tells whether the number
 * still means the process that called.
 *
 * Errors: -EFAULT: not readable there; -ENAMETOOLONG, -E2BIG: longer than may be; -ESRCH: gone;
 * -EINVAL: of a length that cannot be; -EBADMSG: contradicts itself.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#define TRACEE_PATH_MAX 4096 /* with the NUL: PATH_MAX, as the kernel has it */
#define TRACEE_ARGS_MAX 512  /* arguments that are kept */
#define TRACEE_ARGS_BYTES (64 << 10)

/* Exactly @n bytes. */
int tracee_read(pid_t tid, uint64_t address, void *to, size_t n);
int tracee_write(pid_t tid, uint64_t address, const void *from, size_t n);
/* A text with its NUL, at most TRACEE_PATH_MAX. *@ret_n: its length without. */
int tracee_path(pid_t tid, uint64_t address, char to[TRACEE_PATH_MAX], size_t *ret_n);

/* A socket address of @n bytes, as connect(2) takes it. */
struct tracee_address {
	socklen_t n;
	union {
		struct sockaddr_storage storage;
		struct sockaddr_un un;
		sa_family_t family;
	};
};
int tracee_address(pid_t tid, uint64_t address, uint64_t n, struct tracee_address *ret);

/* struct msghdr: its msg_name, the iovec's place and length, the flags of control data. */
struct tracee_message {
	bool named;
	struct tracee_address name;
	uint64_t iov, n_iov, control, n_control;
};
int tracee_message(pid_t tid, uint64_t address, struct tracee_message *ret);

/* A list of texts as execve(2) takes it: argv, or the environment's names. */
struct tracee_args {
	unsigned n;  /* kept */
	bool more;   /* there are more, or one did not fit */
	size_t used; /* of @bytes */
	struct str text[TRACEE_ARGS_MAX];
	char bytes[TRACEE_ARGS_BYTES];
};
/* @names: only what stands before '=' of each. A NULL list is empty, as Linux has it. */
int tracee_args(pid_t tid, uint64_t address, bool names, struct tracee_args *ret);

/*
 * The source of the bytes, for tests and fuzzing: process_vm_readv(2) unless replaced. Returns bytes
 * read (fewer where it ends), or a negative errno.
 */
typedef ssize_t tracee_source(pid_t tid, uint64_t address, void *to, size_t n);
void tracee_source_set(tracee_source *source); /* NULL: the system's */
