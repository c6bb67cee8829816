/*
 * ns - namespaces(7): make them, map identities into them, bring their loopback up.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * fork() into new namespaces (CLONE_NEW* @flags; 0 for a plain child), and into the cgroup v2
 * directory @cgroup_fd unless negative. Returns the pid (0 in the child) or a negative errno; the
 * parent gets a pidfd. Nothing of the C library's fork handlers runs: the caller is
 * single-threaded.
 */
pid_t ns_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd);

/*
 * One line each into uid_map and gid_map of the caller's own user namespace: @uid inside is
 * @outer_uid outside. That one line is all the kernel lets an unprivileged process write, and
 * only after "deny" in setgroups. @proc_self_fd is a directory fd of /proc/self.
 */
int ns_map_self(int proc_self_fd, uid_t uid, uid_t outer_uid, gid_t gid, gid_t outer_gid);

/* `lo` of the caller's network namespace: up, with its usual addresses. */
int ns_loopback_up(void);

/*
 * A network namespace, made by another process while the caller does something else: the kernel
 * takes longer over it than over all others together.
 */
struct ns_net {
	pid_t pid;
	uint32_t made; /* futex: the fields below hold */
	int tell;      /* a byte goes there when it is made, or has failed; negative: to nobody */
	int fd;        /* of the namespace */
	int error;     /* negative errno: there is none */
	int loopback;  /* 0, or the negative errno of bringing it up */
};

/*
 * Begin. The other process shares the caller's memory and descriptors, which is what makes it cheap;
 * it lives until ns_net_end(). @net stays where it is until then.
 */
void ns_net_begin(struct ns_net *net, int tell);

/* Wait until it is made, and enter it: 0 or a negative errno. */
int ns_net_enter(struct ns_net *net);

/* Wait until the other process is gone: the caller is alone in its memory afterwards. */
void ns_net_end(struct ns_net *net);

/*
 * Is our uid 0 the host's, as far as can be told? The kernel exempts that one, capabilities or
 * no, from RLIMIT_NPROC; the root of a rootless container it does not.
 */
bool ns_host_root(void);

/* The kernel's version as major * 1000 + minor (6018), 0 if unreadable. */
unsigned ns_kernel_version(void);
