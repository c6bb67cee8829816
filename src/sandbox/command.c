/*
 * The command's side of the start: what is its own and not init's, then execve.
 */
#include "sandbox/build.h"
#include "sandbox/child.h"

#include "base/own.h"
#include "sandbox/fallback.h"
#include "sandbox/filter.h"
#include "sys/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* ---- the command -------------------------------------------------------------------------- */

static int stdio_place(const int stdio[3])
{
	int from[3];

	/* Out of the way first: what becomes 1 may be what 0 is now. */
	for (int i = 0; i < 3; i++) {
		from[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 3);
		if (from[i] < 0)
			return -errno;
	}
	for (int i = 0; i < 3; i++) {
		if (dup2(from[i], i) < 0)
			return -errno;
	}
	return 0;
}

static void signals_reset(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &dfl, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static unsigned filter_use_now(const struct wall_setup *s)
{
	const struct layer_status *layers = s->report->layers;
	unsigned use = FILTER_SESSION;

	/* By what is engaged, not by back end: best effort may lack a single namespace. */
	if (layers[LAYER_NET_NS].state != LAYER_ENGAGED)
		use |= FILTER_NO_NETNS;
	if (layers[LAYER_ROOT].state != LAYER_ENGAGED)
		use |= FILTER_NO_MOUNTNS;
	if (layers[LAYER_IPC_NS].state != LAYER_ENGAGED)
		use |= FILTER_NO_IPCNS;
	if (layers[LAYER_PID_NS].state != LAYER_ENGAGED)
		use |= FILTER_NO_PIDNS;
	return use;
}

/* The command's; made by init, whose memory it shares. 32 KiB are too much for a stack. */
static struct filter filter;

/* The supervisor's, if it is whole by now and every namespace is there, as it supposed. */
static bool filter_offered(const struct wall_setup *s, unsigned use)
{
	uint16_t n = __atomic_load_n(&s->report->n_filter, __ATOMIC_ACQUIRE);

	if (use != FILTER_SESSION || n == 0 || n > WALL_FILTER_MAX)
		return false;
	filter.insns = s->report->filter;
	filter.n = n;
	return true;
}

/* The filter, and what the manifest says of it; an unavailable one is none (n == 0). */
static void filter_prepare(struct wall_setup *s)
{
	struct err err = ERR_INIT;
	char detail[32];
	int r = layer_fault_check(LAYER_SECCOMP);

	filter.n = 0;
	if (r == 0 && !filter_offered(s, filter_use_now(s)) &&
	    filter_compile_traps(s->policy, filter_use_now(s), s->command->traps, &filter, &err) <
		    0)
		child_fail(s, WALL_FAIL_SETUP, &err); /* the policy's mistake, no layer's */
	(void)snprintf(detail, sizeof(detail), "%u instructions", filter.n);
	layer_done(s, LAYER_SECCOMP, r, &err, r < 0 ? NULL : detail);
}

static bool has_traps(const struct wall_setup *s)
{
	return s->command->traps && s->command->traps->n && filter.n;
}

/*
 * The supervisor takes the listener out of our hands as a debugger would, which needs us dumpable:
 * that is put back before anything of the session's runs. Nobody else can use the moment.
 */
static void listener_offer(struct wall_setup *s, int listener)
{
	char byte = WALL_BYTE_LISTENER;

	s->report->listener = listener;
	if (write(s->report_fd, &byte, 1) != 1)
		_exit(WALL_FAIL_SETUP);
}

/* Last, and told before: afterwards there may be no telling. */
static void step_seccomp(struct wall_setup *s)
{
	unsigned flags = has_traps(s) ? notify_filter_flags() : 0;
	struct err err = ERR_INIT;
	int r = 0;

	if (flags)
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (filter.n)
		r = filter_load(&filter, flags, &err);
	if (r < 0)
		layer_done(s, LAYER_SECCOMP, r, &err, NULL);
	else if (flags)
		listener_offer(s, r);
}

static void step_fds(struct wall_setup *s)
{
	int r = layer_fault_check(LAYER_FDS);

	if (r == 0)
		r = close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
	layer_done(s, LAYER_FDS, r, NULL, NULL);
}

static void ready_tell(const struct wall_setup *s)
{
	char byte = WALL_BYTE_READY;

	if (write(s->report_fd, &byte, 1) != 1)
		_exit(WALL_FAIL_SETUP);
}

/*
 * init's end of the preparations. With the filter compiled and every other layer engaged, the
 * supervisor can already write what it must before the command runs, while that goes through its
 * last steps: the manifest is true, or the start is over. Not so if the start would go on without a
 * filter, and not in the second back end, where the command has layers of its own to engage.
 */
void command_prepare(struct wall_setup *s)
{
	if (s->backend == WALL_LANDLOCK)
		return;
	step_fds(s);
	filter_prepare(s);
	s->told_ready = s->needs & LAYER_BIT(LAYER_SECCOMP);
	if (s->told_ready)
		ready_tell(s);
}

/* Supervisor's leave to go on. End of file: it is gone, or wants no command after all. */
static void wait_for_go(const struct wall_setup *s)
{
	char byte;
	ssize_t n;

	do {
		n = read(s->report_fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1 || byte != WALL_BYTE_GO)
		_exit(WALL_FAIL_SETUP);
}

static const char *path_variable(char *const *envp)
{
	for (; envp && *envp; envp++) {
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	}
	return "/usr/local/bin:/usr/bin:/bin";
}

/* The supervisor decides about this one as well, and cannot read it here. */
static void exec_tell(const struct wall_setup *s, const char *path)
{
	(void)snprintf(s->report->executing, sizeof(s->report->executing), "%s", path);
	(void)__atomic_add_fetch(&s->report->attempt, 1, __ATOMIC_RELEASE);
}

/* A text file without #! goes to the shell, as every shell and execvp() do it. */
static int exec_one(const struct wall_setup *s, const char *path,
		    const struct wall_command *command)
{
	char *const *argv = command->argv;
	char *script[64] = { (char *)"/bin/sh", (char *)path };
	size_t n = 1;

	exec_tell(s, path);
	(void)execve(path, argv, command->envp);
	if (errno != ENOEXEC)
		return -errno;
	while (argv[n] && n < sizeof(script) / sizeof(script[0]) - 2) {
		script[n + 1] = argv[n];
		n++;
	}
	exec_tell(s, script[0]);
	if (!argv[n])
		(void)execve(script[0], script, command->envp);
	return -ENOEXEC;
}

/*
 * Look argv[0] up in PATH, here, where only what is inside can be found. EACCES somewhere on the
 * way is remembered: "permission denied" says more than "not found".
 */
static int exec_lookup(const struct wall_setup *s, const struct wall_command *command)
{
	const char *name = command->argv[0];
	const char *at = path_variable(command->envp);
	int best = -ENOENT;

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/'))
		return exec_one(s, name, command);
	for (;;) {
		size_t n = strcspn(at, ":");
		char path[PATH_MAX];
		int r = -ENOENT;

		/* where there is nothing the supervisor need not be asked */
		if ((size_t)snprintf(path, sizeof(path), "%.*s%s%s", (int)n, at, n ? "/" : "",
				     name) < sizeof(path))
			r = access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR)
				    ? -errno
				    : exec_one(s, path, command);
		if (r != -ENOENT && r != -ENOTDIR && best == -ENOENT)
			best = r;
		if (r == -ENOEXEC || r == -E2BIG || !at[n])
			return best;
		at += n + 1;
	}
}

_Noreturn void command_run(struct build *c)
{
	struct wall_setup *s = c->setup;
	struct wall_command local = *s->command;
	struct wall_command *command = &local;
	struct err err = ERR_INIT;
	int r;

	if (s->backend == WALL_LANDLOCK)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)setpgid(0, 0);
	/* While all signals are blocked: else SIGTTOU would stop us for it. */
	if (c->tty >= 0 && !command->start_background)
		(void)tcsetpgrp(c->tty, getpid());
	signals_reset();
	r = stdio_place(command->stdio);
	if (r < 0) {
		(void)err_set(&err, -r, "cannot set up standard input and output");
		child_fail(s, WALL_FAIL_SETUP, &err);
	}
	if (s->backend == WALL_LANDLOCK) {
		step_fds(s);
		step_landlock(c);
		filter_prepare(s);
		command->envp = fallback_environment(s);
	}
	if (chdir(command->cwd) < 0) {
		(void)err_set(&err, errno, "cannot enter the directory '%s' inside the session",
			      command->cwd);
		child_fail(s, WALL_FAIL_SETUP, &err);
	}
	step_seccomp(s);
	if (!s->told_ready)
		ready_tell(s);
	wait_for_go(s);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	r = exec_lookup(s, command);
	(void)err_set(&err, -r, "cannot execute '%s'", command->argv[0]);
	child_fail(s,
		   r == -ENOENT || r == -ENOTDIR ? WALL_FAIL_NOT_FOUND : WALL_FAIL_NOT_EXECUTABLE,
		   &err);
}

/*
 * A directory as stdin would be a way out of any root: openat(0, "..") goes by where the directory
 * is on the host. Landlock alone would stand against it; no layer has to if it is never given.
 */
int command_stdio_check(const struct wall_command *command, struct err *err)
{
	static const char *const name[3] = { "input", "output", "error" };

	for (int i = 0; i < 3; i++) {
		int flags = fcntl(command->stdio[i], F_GETFL);
		struct stat st;

		if (flags < 0 || fstat(command->stdio[i], &st) < 0)
			return err_set(err, errno, "standard %s", name[i]);
		if (S_ISDIR(st.st_mode) || flags & O_PATH)
			return err_text(
				err, EISDIR,
				"standard %s is a directory: refusing to hand the session a "
				"way out of its root",
				name[i]);
	}
	return 0;
}
