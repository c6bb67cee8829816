/*
 * probe - attacks on the wall, one function each, performed for real.
 *
 * `attack_probe ID [KEY=VALUE ...]` runs one attack in a child process and prints one JSON line:
 *   {"id","attempted","result","errno","signal","detail"}
 * result is "succeeded", "blocked" (a call answered with errno), "killed" (by signal), "hung", or
 * "unable": the probe could not get as far as the attack. `attack_probe --list` prints the table; `--several 'ID KEY=VALUE ...' ...`
 * performs many, each in a child of its own, and prints a line for each.
 * The program is static: it needs nothing of the session but permission to be executed.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum probe_flags {
	/* Not run outside: it would harm the host, or means nothing there. */
	PROBE_NO_CONTROL = 1,
	/* Outside it runs in a mount namespace of its own. */
	PROBE_OWN_MOUNTS = 2,
	/* Also tried under the policy that shares the host's network. */
	PROBE_HOST_NET = 4,
};

struct probe {
	const char *id;     /* "A6-alg": the entry of the attack list, a dash, which variant */
	const char *what;   /* the attack in a few words */
	const char *want;   /* the answers that the wall gives: errno names, "killed" */
	const char *params; /* the KEYs it needs, space separated; NULL: none */
	void (*run)(void);
	unsigned flags;
};

/* One table per area; each ends with an id of NULL. */
extern const struct probe probes_abi[], probes_ns[], probes_net[], probes_proc[], probes_kernel[],
	probes_exec[], probes_fs[], probes_limit[], probes_more[];

/* To be called when all is prepared and the next call is the attack. */
void attempt(void);

/* How an attack ended. None of them returns. */
_Noreturn void succeeded(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void blocked(int error, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void unable(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Success or failure by a system call's result: @ret < 0 means blocked with errno. */
_Noreturn void verdict(long ret, const char *what);
/*
 * For calls made with arguments that cannot do harm: an errno other than a refusal (EPERM, EACCES,
 * ENOSYS, and those a session that cannot see the object gets: ENOENT, ESRCH) shows that the kernel
 * went to work on the request. That counts as success.
 */
_Noreturn void verdict_reached(long ret, const char *what);

/* Parameters given as KEY=VALUE; a value "-" is read as one line from stdin. A key of NULL: NULL. */
const char *param(const char *key);
long param_num(const char *key);

/* Reads at most @size - 1 bytes of what @fd yields into @to and terminates it; -1 on error. */
ssize_t slurp(int fd, char *to, size_t size);

/*
 * Attacks that are one call. A list of them is a macro that takes a macro X and says for each
 *	X(function, id, what, want, key, flags, call)
 * in which `path` is the value of the parameter @key (NULL if there is none). Given to the list,
 * PROBE_CALL makes the functions, judged by verdict(), PROBE_REACH those judged by
 * verdict_reached(), and PROBE_ROW the rows of the table.
 */
#define PROBE_ONE(judge, function, what, key, call)                    \
	static void function(void)                                     \
	{                                                              \
		__attribute__((unused)) const char *path = param(key); \
                                                                       \
		attempt();                                             \
		judge(call, what);                                     \
	}
#define PROBE_CALL(function, id, what, want, key, flags, call) \
	PROBE_ONE(verdict, function, what, key, call)
#define PROBE_REACH(function, id, what, want, key, flags, call) \
	PROBE_ONE(verdict_reached, function, what, key, call)
#define PROBE_ROW(function, id, what, want, key, flags, call) \
	{ id, what, want, key, function, flags },
