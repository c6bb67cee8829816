/*
 * by_ptrace - theory of operation.
 *
 * Where the kernel cannot be asked to record, the supervisor is the tracer of all that the session
 * starts. Each call stops twice: once with its number and arguments, once with its result, both as
 * PTRACE_GET_SYSCALL_INFO has them. New processes and threads are traced from their birth: the kernel
 * attaches them (PTRACE_O_TRACECLONE and its like). CLONE_UNTRACED would keep one out: it is taken out of
 * the register before the call goes on. When the supervisor dies, the kernel kills all of them (EXITKILL).
 *
 * PTRACE_SEIZE, and not ATTACH: a job that is stopped stays stopped, while its tracer goes on waiting
 * (PTRACE_LISTEN), and its parent sees that as it would without us.
 *
 * A stop is answered at once and nothing is waited for, so the worst that a tracee can do is to make us answer
 * a lot; others come between, since only so many are answered in a row. One that is killed
 * meanwhile makes every request fail with ESRCH, which says nothing new: its end is reported as well.
 *
 * Stops are told by SIGCHLD. The signal can stand for many stops, so all are collected, after it was
 * taken from its descriptor.
 *
 * What this costs: twenty microseconds a call and more. And a session cannot trace its own: a debugger in it fails.
 */
#include "base/own.h"
#include "record/impl.h"
#include "sys/tracee.h"

#include <elf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#define SERVE_MAX 512 /* stops in a row */
#define SYSCALL_STOP (SIGTRAP | 0x80)
#define PAGE 4096U
#define OPTIONS                                                                                   \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
	 PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

struct by_ptrace {
	struct recorder *owner;
	struct loop_watch stops; /* SIGCHLD */
	bool executed;           /* the session's memory is its own */
};

/* The C library's ptrace() takes an enum, and sets errno to tell a peeked -1 from a failure. */
static long request(unsigned what, pid_t tid, uintptr_t address, uintptr_t data)
{
	return ptrace((enum __ptrace_request)what, tid, (void *)address, (void *)data);
}

/* ---- one call ----------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Up to a NUL, or as much as there is room for, piece by piece as pages go. As the kernel's helper counts. */
static int32_t string_read(pid_t tid, uint64_t address, char to[CALL_TEXT_MAX])
{
	size_t n = 0;

	while (n < CALL_TEXT_MAX - 1) {
		size_t piece = PAGE - (size_t)((address + n) & (PAGE - 1));
		const char *end;
		int r;

		if (piece > CALL_TEXT_MAX - 1 - n)
			piece = CALL_TEXT_MAX - 1 - n;
		r = tracee_read(tid, address + n, to + n, piece);
		if (r < 0)
			return r;
		end = memchr(to + n, '\0', piece);
		if (end)
			return (int32_t)(end - to) + 1;
		n += piece;
	}
	to[n] = '\0';
	return CALL_TEXT_MAX;
}

static void texts_read(const struct recorder *r, struct call *call)
{
	uint32_t plan = call->nr < SYSC_NR_MAX ? r->table.plan[call->nr] : 0;

	for (int i = 0; i < CALL_TEXTS; i++) {
		unsigned arg = plan >> (4 * i) & 15;
		uint64_t address = arg ? call->args[arg - 1] : 0;
		uint32_t n;

		call->n_text[i] = -ENODATA;
		if (!address)
			continue;
		if (i > 0 || !(plan & CALL_ADDRESS) || arg >= CALL_ARGS) {
			call->n_text[i] = string_read(call->tid, address, call->text[i]);
			continue;
		}
		n = (uint32_t)call->args[arg];
		if (n > CALL_ADDRESS_MAX)
			n = CALL_ADDRESS_MAX;
		call->n_text[i] = tracee_read(call->tid, address, call->text[i], n);
		if (call->n_text[i] == 0)
			call->n_text[i] = (int32_t)n;
	}
}

/* The command's own exec, of which the memory is Capsule's still and closed even to its tracer. */
static void first_read(const struct recorder *r, struct call *call)
{
	const char *path;

	if (r->ptrace->executed || call->tid != r->session.command || call->n_text[0] >= 0 ||
	    call->nr != (uint32_t)sysc_info[SYSC_execve].nr[SYSC_NATIVE] || !r->session.executing)
		return;
	path = r->session.executing(r->session.executing_owner);
	call->n_text[0] = snprintf(call->text[0], CALL_TEXT_MAX, "%s", path) + 1;
	if (call->n_text[0] > CALL_TEXT_MAX)
		call->n_text[0] = CALL_TEXT_MAX;
}

/* A child that would not be traced would be one that nobody records. */
static void untraced_forbid(pid_t tid, const struct __ptrace_syscall_info *info)
{
#if defined(__x86_64__)
	struct user_regs_struct regs;
	unsigned long long *flags = &regs.rdi;
#else
	struct user_pt_regs regs;
	unsigned long long *flags = &regs.regs[0];
#endif
	struct iovec iov = { .iov_base = &regs, .iov_len = sizeof(regs) };

	if (info->entry.nr != (uint64_t)sysc_info[SYSC_clone].nr[SYSC_NATIVE] ||
	    !(info->entry.args[0] & CLONE_UNTRACED))
		return;
	if (request(PTRACE_GETREGSET, tid, NT_PRSTATUS, (uintptr_t)&iov) < 0)
		return;
	*flags &= ~(unsigned long long)CLONE_UNTRACED;
	/* It may be gone; anything else would be our mistake, and then it may not go on. */
	if (request(PTRACE_SETREGSET, tid, NT_PRSTATUS, (uintptr_t)&iov) < 0 && errno != ESRCH)
		(void)kill(tid, SIGKILL);
}

static int call_stopped(struct recorder *r, pid_t tid)
{
	struct __ptrace_syscall_info info;
	struct call call = { .tid = tid, .at_ns = now_ns() };

	if (request(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), (uintptr_t)&info) < 0)
		return errno == ESRCH
			       ? 0
			       : -errno; /* before Linux 5.3: what is not seen cannot go on */
	recorder_who(r, &call);
	if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
		const struct call *entry = recorder_entry(r, tid);

		call.returned = true;
		call.result = info.exit.rval;
		call.n_text[0] = call.n_text[1] = -ENODATA;
		if (!entry) /* begun before us: the wait for our word */
			return 0;
		call.nr = entry->nr;
		return recorder_take(r, &call);
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return 0;
	untraced_forbid(tid, &info);
	call.nr = (uint32_t)info.entry.nr;
	memcpy(call.args, info.entry.args, sizeof(call.args));
	texts_read(r, &call);
	first_read(r, &call);
	return recorder_take(r, &call);
}

/* ---- stops ----------------------------------------------------------------------------------------- */

static bool stops_job(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

/* Let it go on; if it is gone, its end says so. */
static int answer(struct recorder *r, pid_t tid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16, result = 0;
	unsigned long before = 0;

	if (sig == SYSCALL_STOP) {
		result = call_stopped(r, tid);
		sig = 0;
	} else if (event == PTRACE_EVENT_STOP && stops_job(sig)) {
		(void)request(PTRACE_LISTEN, tid, 0, 0);
		return 0;
	} else if (event) {
		r->ptrace->executed |= event == PTRACE_EVENT_EXEC;
		/* another thread's exec made it the first: its old number is nobody's now */
		if (event == PTRACE_EVENT_EXEC &&
		    request(PTRACE_GETEVENTMSG, tid, 0, (uintptr_t)&before) == 0 &&
		    (pid_t)before != tid)
			recorder_renamed(r, (pid_t)before, tid);
		sig = 0;
	}
	(void)request(PTRACE_SYSCALL, tid, 0, (uintptr_t)sig);
	return result;
}

int by_ptrace_stopped(struct recorder *r, pid_t tid, int status)
{
	return WIFSTOPPED(status) ? answer(r, tid, status) : recorder_gone(r, tid);
}

/*
 * The next stop or end of a tracee: its number, 0 if there is none now. init is the wall's to wait for: when
 * that has ended so has everybody else, or the wall ends them.
 */
static pid_t next(const struct recorder *r, int *ret_status)
{
	siginfo_t info = { 0 };

	if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) < 0 ||
	    info.si_pid == 0 || info.si_pid == r->session.init)
		return 0;
	return waitpid(info.si_pid, ret_status, __WALL | WNOHANG);
}

int by_ptrace_serve(struct recorder *r)
{
	struct by_ptrace *p = r->ptrace;
	int status, result = 0;
	pid_t tid;

	while (loop_signal_read(p->stops.fd, &status, NULL) == 0)
		;
	for (int i = 0; result == 0; i++) {
		if (i == SERVE_MAX) { /* the rest after others had their turn */
			(void)raise(SIGCHLD);
			break;
		}
		tid = next(r, &status);
		if (tid <= 0)
			break;
		result = by_ptrace_stopped(r, tid, status);
	}
	return result;
}

static int stops_ready(struct loop_watch *watch, uint32_t revents)
{
	(void)revents;
	return by_ptrace_serve(loop_owner(watch, struct by_ptrace, stops)->owner);
}

/* ---- a session ----------------------------------------------------------------------------------------- */

int by_ptrace_fd(const struct recorder *r)
{
	return r->ptrace ? r->ptrace->stops.fd : -EBADF;
}

struct by_ptrace *by_ptrace_free(struct by_ptrace *p)
{
	if (!p)
		return NULL;
	fd_close(p->stops.fd);
	free(p);
	return NULL;
}

/* It waits for a word of ours, which the interruption does not take from it. */
static int command_seize(pid_t pid)
{
	int status;

	if (request(PTRACE_SEIZE, pid, 0, OPTIONS) < 0)
		return -errno;
	if (request(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		return -errno;
	while (waitpid(pid, &status, __WALL) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (!WIFSTOPPED(status))
		return -ESRCH;
	return request(PTRACE_SYSCALL, pid, 0, 0) < 0 ? -errno : 0;
}

int by_ptrace_start(struct recorder *r, struct err *err)
{
	struct by_ptrace *p = calloc(1, sizeof(*p));
	sigset_t set;
	int result;

	if (!p)
		return err_set(err, ENOMEM, "cannot record");
	r->ptrace = p;
	p->owner = r;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	p->stops = (struct loop_watch){ .fd = loop_signals(&set),
					.events = EPOLLIN,
					.fn = stops_ready };
	if (p->stops.fd < 0)
		return err_set(err, -p->stops.fd, "cannot hear of the session's stops");
	if (r->session.command <= 0)
		return err_text(err, ESRCH,
				"the session's command is not known: it cannot be traced");
	result = command_seize(r->session.command);
	if (result < 0)
		return err_set(err, -result, "cannot trace the session's command");
	result = loop_add(r->session.loop, &p->stops);
	return result < 0 ? err_set(err, -result, "cannot watch the session's stops") : 0;
}

int by_ptrace_finish(struct recorder *r)
{
	int result = 0;

	if (!r->ptrace || r->ptrace->stops.fd < 0)
		return 0;
	loop_remove(r->session.loop, &r->ptrace->stops);
	for (int status, tid; result == 0 && (tid = next(r, &status)) > 0;)
		result = by_ptrace_stopped(r, tid, status);
	return result;
}
