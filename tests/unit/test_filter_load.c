/*
 * The system call filter in the kernel: a forked child loads it and really makes the calls.
 * Answers are told through the exit status; death by SIGSYS is an answer too.
 */
#include "base/own.h"
#include "sandbox/filter.h"
#include "sys/missing_seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define DIED_OF_SIGSYS 1000
#define NOT_LOADED 2000

static struct filter filter;

/* Run @body under the filter; 0 or the errno it returns, or DIED_OF_SIGSYS. */
static int under_filter(const struct policy *policy, unsigned use, int (*body)(const void *arg),
			const void *arg)
{
	struct err err = ERR_INIT;
	int status;
	pid_t pid;

	if (filter_compile(policy, use, &filter, &err) < 0)
		fail_msg("%s", err.text);
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_load(&filter, 0, &err) < 0)
			_exit(255);
		_exit(body(arg));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return DIED_OF_SIGSYS;
	}
	return WEXITSTATUS(status) == 255 ? NOT_LOADED : WEXITSTATUS(status);
}

struct probe {
	const char *what;
	long nr;
	long args[6];
	int want;
};

static int make_call(const void *arg)
{
	const struct probe *p = arg;
	long r = syscall(p->nr, p->args[0], p->args[1], p->args[2], p->args[3], p->args[4],
			 p->args[5]);

	return r < 0 ? errno : 0;
}

static const struct probe probes[] = {
	{ "getpid", SYS_getpid, { 0 }, 0 },
	{ "clone3", SYS_clone3, { 0, 88 }, ENOSYS },
	{ "clone(NEWUSER)", SYS_clone, { 0x10000000 | SIGCHLD }, EPERM },
	{ "unshare(NEWUSER)", SYS_unshare, { 0x10000000 }, EPERM },
	{ "unshare(NEWNS)", SYS_unshare, { 0x00020000 }, EPERM },
	{ "unshare(FILES)", SYS_unshare, { 0x400 }, 0 },
	{ "setns", SYS_setns, { 0, 0 }, EPERM },
	{ "io_uring_setup", 425, { 8, 0 }, ENOSYS },
	{ "AF_ALG", SYS_socket, { 38, SOCK_SEQPACKET, 0 }, EPERM },
	{ "AF_VSOCK", SYS_socket, { 40, SOCK_STREAM, 0 }, EPERM },
	{ "AF_PACKET", SYS_socket, { 17, SOCK_RAW, 0 }, EPERM },
	{ "raw", SYS_socket, { AF_INET, SOCK_RAW, 1 }, EPERM },
	{ "ping", SYS_socket, { AF_INET, SOCK_DGRAM, 1 }, EPERM },
	{ "MPTCP", SYS_socket, { AF_INET, SOCK_STREAM, 262 }, EPERM },
	{ "AF_ALG, dirty", SYS_socket, { 0x7000000000 + 38, SOCK_SEQPACKET, 0 }, EPERM },
	{ "TCP", SYS_socket, { AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0 }, 0 },
	{ "UDP", SYS_socket, { AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 17 }, 0 },
	{ "Unix", SYS_socket, { AF_UNIX, SOCK_SEQPACKET, 0 }, 0 },
	{ "route", SYS_socket, { AF_NETLINK, SOCK_RAW, 0 }, 0 },
	{ "audit", SYS_socket, { AF_NETLINK, SOCK_RAW, 9 }, EPERM },
	{ "TIOCSTI", SYS_ioctl, { 0, TIOCSTI, 0 }, EPERM },
	{ "TIOCSTI, dirty", SYS_ioctl, { 0, 0x100000000 + TIOCSTI, 0 }, EPERM },
	{ "TIOCLINUX", SYS_ioctl, { 0, TIOCLINUX, 0 }, EPERM },
	{ "bad fd ioctl", SYS_ioctl, { -1, TIOCGWINSZ, 0 }, EBADF },
	{ "bpf", SYS_bpf, { 5, 0, 0 }, EPERM },
	{ "userfaultfd", SYS_userfaultfd, { 0 }, EPERM },
	{ "perf", SYS_perf_event_open, { 0 }, EPERM },
	{ "keyctl", SYS_keyctl, { 0, -3, 0 }, EPERM },
	{ "add_key", SYS_add_key, { 0 }, EPERM },
	{ "personality", SYS_personality, { 0x0400000 }, EPERM },
	{ "personality query", SYS_personality, { 0xffffffff }, 0 },
	{ "no randomize", SYS_personality, { 0x0040000 }, 0 },
	{ "handles", SYS_name_to_handle_at, { 0 }, EPERM },
	{ "mount", SYS_mount, { 0 }, EPERM },
	{ "fsopen", 430, { 0 }, EPERM },
	{ "open_tree", 428, { -100, 0, 1 }, EPERM },
	{ "statmount", 457, { 0 }, EPERM },
	{ "listmount", 458, { 0 }, EPERM },
	{ "open_tree_attr", 467, { 0 }, EPERM },
	{ "chroot", SYS_chroot, { 0 }, EPERM },
	{ "process_vm_readv", SYS_process_vm_readv, { 1 }, EPERM },
	{ "pidfd_getfd", 438, { 0 }, EPERM },
	{ "PR_SET_MM", SYS_prctl, { PR_SET_MM, 1 }, EPERM },
	{ "ambient raise", SYS_prctl, { PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21 }, EPERM },
	{ "prctl 9999", SYS_prctl, { 9999 }, EINVAL },
	{ "PR_SET_NAME", SYS_prctl, { PR_SET_NAME, (long)"probe" }, 0 },
	{ "listener", SYS_seccomp, { 1, 8, 0 }, EBUSY },
	{ "action query", SYS_seccomp, { 2, 0, 0 }, EFAULT },
	{ "device", SYS_mknodat, { -100, (long)"/tmp/x", S_IFCHR | 0600, 0x103 }, EPERM },
	{ "newer than the table", 511, { 0 }, ENOSYS },
	{ "never was", 400, { 0 }, ENOSYS },
	{ "-1", -1, { 0 }, ENOSYS },
};

static void default_preset_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(probes); i++) {
		int got = under_filter(NULL, 0, make_call, &probes[i]);

		if (got != probes[i].want)
			fail_msg("%s: %d, not %d", probes[i].what, got, probes[i].want);
	}
}

#ifdef __x86_64__
/* A1: i386's getpid from a 64-bit process; its numbers mean other things. */
static int call_i386(const void *arg)
{
	long r = 20;

	(void)arg;
	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
	return 0;
}

static void i386_kills(void **state)
{
	(void)state;
	assert_int_equal(under_filter(NULL, 0, call_i386, NULL), DIED_OF_SIGSYS);
}

/* A2 */
static void x32_kills(void **state)
{
	static const struct probe x32 = { "x32 getpid", 0x40000000 | SYS_getpid, { 0 }, 0 };

	(void)state;
	assert_int_equal(under_filter(NULL, 0, make_call, &x32), DIED_OF_SIGSYS);
}
#endif

static void *in_thread(void *arg)
{
	*(int *)arg = socket(38, SOCK_SEQPACKET, 0) < 0 ? errno : 0;
	return NULL;
}

/* Threads and processes inherit it; libc's pthread_create falls back from clone3 to clone. */
static int threads_and_children(const void *arg)
{
	pthread_t thread;
	int seen = 0, status;
	pid_t pid;

	(void)arg;
	if (pthread_create(&thread, NULL, in_thread, &seen) || pthread_join(thread, NULL) ||
	    seen != EPERM)
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(socket(38, SOCK_SEQPACKET, 0) < 0 && errno == EPERM ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 2;
}

static void threads_and_children_are_under_it(void **state)
{
	(void)state;
	assert_int_equal(under_filter(NULL, 0, threads_and_children, NULL), 0);
}

/* A20: a filter that the session loads itself cannot take anything back. */
static int own_filter(const void *arg)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

	(void)arg;
	if (seccomp_filter_load(&all, 1, 0) < 0)
		return 1;
	if (seccomp_filter_load(&all, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER) != -EBUSY)
		return 2;
	return socket(38, SOCK_SEQPACKET, 0) < 0 && errno == EPERM ? 0 : 3;
}

static void own_filters_take_nothing_back(void **state)
{
	(void)state;
	assert_int_equal(under_filter(NULL, 0, own_filter, NULL), 0);
}

/* A policy that wants no writable memory made executable. */
static int map_code(const void *arg)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	if (p == MAP_FAILED || mprotect(p, 4096, PROT_READ) < 0)
		return 1;
	return mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0 ? errno : 0;
}

static void rules_act(void **state)
{
	struct policy_sysc_rule rule = { .name = "mprotect",
					 .action = POLICY_SYSC_ERRNO,
					 .error = ENOTSUP,
					 .n_conds = 1,
					 .conds = { { .arg = 2,
						      .cmp = SYSC_MASKED_EQ,
						      .mask = PROT_EXEC,
						      .value = PROT_EXEC } } };
	struct policy p = { .sysc_preset = POLICY_SYSC_STRICT, .sysc = &rule, .n_sysc = 1 };

	(void)state;
	assert_int_equal(under_filter(&p, 0, map_code, NULL), ENOTSUP);
	rule.action = POLICY_SYSC_KILL;
	assert_int_equal(under_filter(&p, 0, map_code, NULL), DIED_OF_SIGSYS);
	rule.action = POLICY_SYSC_LOG;
	assert_int_equal(under_filter(&p, 0, map_code, NULL), 0);
}

/* What a session's pid 1 does, under the filter made for it. */
static int as_init(const void *arg)
{
	sigset_t none;
	int fds[2];

	(void)arg;
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0 || waitpid(-1, NULL, WNOHANG) != -1 ||
	    errno != ECHILD || kill(getpid(), 0) < 0)
		return 1;
	return pipe(fds) < 0 && errno == EPERM && fork() < 0 && errno == EPERM ? 0 : 2;
}

static void init_does_its_work(void **state)
{
	(void)state;
	assert_int_equal(under_filter(NULL, FILTER_INIT, as_init, NULL), 0);
}

static void the_kernel_knows_our_actions(void **state)
{
	(void)state;
	assert_true(seccomp_filter_has_action(SECCOMP_RET_KILL_PROCESS));
	assert_true(seccomp_filter_has_action(SECCOMP_RET_LOG));
	assert_false(seccomp_filter_has_action(0x12340000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_preset_answers),
#ifdef __x86_64__
		cmocka_unit_test(i386_kills),
		cmocka_unit_test(x32_kills),
#endif
		cmocka_unit_test(threads_and_children_are_under_it),
		cmocka_unit_test(own_filters_take_nothing_back),
		cmocka_unit_test(rules_act),
		cmocka_unit_test(init_does_its_work),
		cmocka_unit_test(the_kernel_knows_our_actions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
