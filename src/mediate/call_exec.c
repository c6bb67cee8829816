/*
 * execve, execveat.
 *
 * Theory of operation
 *
 * A program cannot be executed on somebody's behalf: the kernel reads path and arguments again when it
 * is told to go on, and until then any other thread may change them. Three things keep that from
 * mattering:
 *
 *  - What may be executed at all is the wall's (mounts without noexec, Landlock): no swap reaches
 *    beyond.
 *  - Where a rule could say no, the caller is followed over its exec (PTRACE_SEIZE with TRACEEXEC): it
 *    stops before its first instruction, and what it has become, program and arguments, is held
 *    against what was decided. If they differ it is killed, and the record says so.
 *  - A caller that somebody else traces, or that may not be traced, is not followed: then it may not
 *    execute what a rule could have stopped.
 *
 * A script is its interpreter with the script as argument: both are decided, and both compared. A program's
 * loader is opened by the kernel, and run; so it is decided as an opening, before and by what is mapped afterwards.
 */
#include "mediate/impl.h"

#include "base/own.h"
#include "codec/blake3.h"
#include "mediate/loader.h"
#include "sys/missing_syscall.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#define SCRIPT_LINE 256 /* BINPRM_BUF_SIZE: what the kernel looks at */
#define COMMAND_MAX 4096
#define FOLLOW_MS 5000 /* an exec that takes longer is not waited for */
#define FOLLOW_LOOK_US 100
#define END_LOOKS 100
#define CLASS_N (sizeof(classes) / sizeof(classes[0]))

static const struct {
	const char *name, *kind;
} classes[] = {
	{ "sh", "shell" },
	{ "bash", "shell" },
	{ "dash", "shell" },
	{ "zsh", "shell" },
	{ "fish", "shell" },
	{ "ksh", "shell" },
	{ "busybox", "shell" },
	{ "python", "interpreter" },
	{ "perl", "interpreter" },
	{ "ruby", "interpreter" },
	{ "node", "interpreter" },
	{ "nodejs", "interpreter" },
	{ "php", "interpreter" },
	{ "lua", "interpreter" },
	{ "deno", "interpreter" },
	{ "bun", "interpreter" },
	{ "java", "interpreter" },
	{ "curl", "network" },
	{ "wget", "network" },
	{ "ssh", "network" },
	{ "scp", "network" },
	{ "sftp", "network" },
	{ "nc", "network" },
	{ "ncat", "network" },
	{ "socat", "network" },
	{ "rsync", "network" },
	{ "telnet", "network" },
	{ "ftp", "network" },
	{ "npm", "package_manager" },
	{ "npx", "package_manager" },
	{ "yarn", "package_manager" },
	{ "pnpm", "package_manager" },
	{ "pip", "package_manager" },
	{ "pip3", "package_manager" },
	{ "apt", "package_manager" },
	{ "apt-get", "package_manager" },
	{ "dpkg", "package_manager" },
	{ "cargo", "package_manager" },
	{ "gem", "package_manager" },
	{ "git", "version_control" },
	{ "hg", "version_control" },
	{ "svn", "version_control" },
	{ "gcc", "compiler" },
	{ "cc", "compiler" },
	{ "g++", "compiler" },
	{ "clang", "compiler" },
	{ "make", "compiler" },
	{ "ninja", "compiler" },
	{ "rustc", "compiler" },
	{ "go", "compiler" },
	{ "sudo", "privilege" },
	{ "su", "privilege" },
	{ "doas", "privilege" },
	{ "gdb", "debugger" },
	{ "strace", "debugger" },
};

/* "python3.11" is python: what follows the name may be a version. */
static const char *class_of(struct str path)
{
	const char *slash = memrchr(path.p, '/', path.n);
	struct str name = slash ? str_sub(path, (size_t)(slash - path.p) + 1, path.n) : path;

	for (size_t i = 0; i < CLASS_N; i++) {
		size_t n = strlen(classes[i].name);

		if (name.n < n || memcmp(name.p, classes[i].name, n) != 0)
			continue;
		if (strspn(name.p + n, "0123456789.") >= name.n - n)
			return classes[i].kind;
	}
	return "other";
}

/* ---- the event ---- */

/* The arguments joined by spaces, cut at COMMAND_MAX. */
static size_t join(const struct tracee_args *args, char to[COMMAND_MAX])
{
	size_t n = 0;

	for (unsigned i = 0; i < args->n; i++) {
		size_t take = args->text[i].n;

		if (n + take + 1 > COMMAND_MAX)
			take = COMMAND_MAX - n - 1;
		if (i)
			to[n++] = ' ';
		if (n + take > COMMAND_MAX)
			take = COMMAND_MAX - n;
		memcpy(to + n, args->text[i].p, take);
		n += take;
		if (n + 1 >= COMMAND_MAX)
			break;
	}
	return n;
}

struct exec {
	struct object program;     /* what the path names */
	struct object interpreter; /* of a script; fd -EBADF: none */
	struct object loader;      /* of what runs; fd -EBADF: none */
	bool event_lost;           /* m->event is about something else by now */
	struct tracee_args argv, env;
	struct cel_value argv_values[TRACEE_ARGS_MAX], env_values[TRACEE_ARGS_MAX];
	char command[COMMAND_MAX];
	char cwd[PATH_MAX];
	char line[SCRIPT_LINE + 1]; /* of a script: "#!interpreter argument" */
	const char *script_argument;
	char digest[DIGEST_HEX], interpreter_digest[DIGEST_HEX]; /* m->asks_digest */
	char called[TRACEE_PATH_MAX]; /* the path as given: a script's argument */
};

static void put_list(struct mediator *m, enum event_field field, const struct tracee_args *args,
		     struct cel_value *values)
{
	for (unsigned i = 0; i < args->n; i++)
		values[i] = cel_string(args->text[i]);
	event_set_list(&m->event, field, values, args->n);
}

static void event_exec(struct mediator *m, struct call *call, struct exec *x,
		       const struct object *program)
{
	struct event *e = &m->event;
	ssize_t n;

	event_start(m, call, EVENT_PROCESS_EXEC);
	event_set_str(e, EVENT_F_PROCESS_ACTIVITY_OPERATION, STR("exec"));
	event_path(m, EVENT_F_PROCESS_ACTIVITY_EXECUTABLE, program->path, program->n);
	event_set_str(e, EVENT_F_PROCESS_ACTIVITY_COMMAND_CLASS,
		      str_of(class_of((struct str){ .p = program->path, .n = program->n })));
	event_path(m, EVENT_F_PROCESS_ACTIVITY_COMMAND, x->command, join(&x->argv, x->command));
	put_list(m, EVENT_F_PROCESS_ACTIVITY_ARGV, &x->argv, x->argv_values);
	put_list(m, EVENT_F_PROCESS_ACTIVITY_ENV_NAMES, &x->env, x->env_values);
	n = readlinkat(call->who->proc, "cwd", x->cwd, sizeof(x->cwd));
	if (n > 0)
		event_path(m, EVENT_F_PROCESS_ACTIVITY_CWD, x->cwd, (size_t)n);
	if (m->asks_digest && call->decides)
		event_set_str(e, EVENT_F_PROCESS_ACTIVITY_DIGEST,
			      (struct str){ .p = program == &x->program ? x->digest
									: x->interpreter_digest,
					    .n = DIGEST_HEX });
	/* more than was read: no rule may be deceived by what it did not see */
	if ((x->argv.more || (x->env.more && m->asks_env)) && call->decides)
		e->damaged = true;
}

/* ---- scripts ---- */

/* The interpreter's path in @x->line, cut in place; NULL: no script. */
static const char *script_line(struct exec *x, const struct object *program)
{
	char link[32], *p, *end;
	AUTO(fd_closep) int fd = -EBADF;
	ssize_t n;

	if (!S_ISREG(program->st.st_mode))
		return NULL;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", program->fd);
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	n = fd < 0 ? -1 : pread(fd, x->line, SCRIPT_LINE, 0);
	if (n < 3 || memcmp(x->line, "#!", 2) != 0)
		return NULL;
	x->line[n] = '\0';
	end = x->line + strcspn(x->line, "\n");
	*end = '\0';
	while (end > x->line && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	p = x->line + 2 + strspn(x->line + 2, " \t");
	if (!*p)
		return NULL;
	end = p + strcspn(p, " \t");
	x->script_argument = NULL;
	if (*end) {
		*end++ = '\0';
		end += strspn(end, " \t");
		x->script_argument = *end ? end : NULL;
	}
	return p;
}

/* ---- after the exec ---- */

static bool is_object(const struct stat *st, const struct object *o)
{
	return o->fd >= 0 && st->st_dev == o->st.st_dev && st->st_ino == o->st.st_ino;
}

/* The arguments that it must have now, in order, each with its NUL, against /proc/PID/cmdline. */
static bool cmdline_is(int proc, const struct exec *x)
{
	AUTO(fd_closep) int fd = openat(proc, "cmdline", O_RDONLY | O_CLOEXEC);
	struct str expect[TRACEE_ARGS_MAX + 3];
	char text[4096];
	size_t n = 0, i = 0, at = 0;
	unsigned first = 0;
	ssize_t got;

	if (x->interpreter.fd >= 0) {
		expect[n++] = str_of(x->line + 2 + strspn(x->line + 2, " \t"));
		if (x->script_argument)
			expect[n++] = str_of(x->script_argument);
		expect[n++] = str_of(x->called);
		first = 1;
	}
	for (unsigned a = first; a < x->argv.n; a++)
		expect[n++] = x->argv.text[a];
	if (n == 0) /* Linux gives an empty list one empty argument */
		expect[n++] = STR("");
	while (fd >= 0 && (got = read(fd, text, sizeof(text))) > 0) {
		for (ssize_t k = 0; k < got; k++) {
			bool end = i < n && at == expect[i].n;

			if (i >= n || (end ? text[k] != '\0' : text[k] != expect[i].p[at]))
				return false;
			at = end ? 0 : at + 1;
			i += end;
		}
	}
	return fd >= 0 && i == n;
}

/* The names of its environment, in order, against /proc/PID/environ: each up to its '='. */
static bool environ_is(int proc, const struct exec *x)
{
	AUTO(fd_closep) int fd = openat(proc, "environ", O_RDONLY | O_CLOEXEC);
	bool in_name = true;
	char text[4096];
	size_t i = 0, at = 0;
	ssize_t got;

	while (fd >= 0 && (got = read(fd, text, sizeof(text))) > 0) {
		for (ssize_t k = 0; k < got; k++) {
			if (in_name && (text[k] == '=' || text[k] == '\0')) {
				if (i >= x->env.n || at != x->env.text[i].n)
					return false;
				in_name = false;
				i++;
			} else if (in_name && (i >= x->env.n || at >= x->env.text[i].n ||
					       text[k] != x->env.text[i].p[at++])) {
				return false;
			}
			if (text[k] == '\0') {
				in_name = true;
				at = 0;
			}
		}
	}
	return fd >= 0 && i == x->env.n;
}

/*
 * Does what runs, from @exe, hold what was decided? The kernel lets nobody write to a program from its exec on, nor
 * executes one that is open for writing; so what is hashed now stays. A script its interpreter reads later.
 */
static bool digest_is(struct mediator *m, int exe, const struct exec *x)
{
	char now[DIGEST_HEX];
	bool script = x->interpreter.fd >= 0;

	if (digest_of(&m->digests, exe, now) < 0 ||
	    memcmp(now, script ? x->interpreter_digest : x->digest, DIGEST_HEX) != 0)
		return false;
	return !script || (digest_of(&m->digests, x->program.fd, now) == 0 &&
			   memcmp(now, x->digest, DIGEST_HEX) == 0);
}

/* What runs: the program, or a script's interpreter. */
static const struct object *runs(const struct exec *x)
{
	return x->interpreter.fd >= 0 ? &x->interpreter : &x->program;
}

/* Is a loader at @path to be opened? It is not asked about: what would be asked is no. */
static bool loader_forbidden(struct mediator *m, const struct call *call, const char *path,
			     struct engine_decision *ret)
{
	event_start(m, call, EVENT_FILE_OPEN);
	event_file(m, "open", path, strlen(path), NULL);
	event_set_bool(&m->event, EVENT_F_FILE_ACTIVITY_WRITE, false);
	if (!m->engine)
		return false;
	engine_preview(m->engine, &m->event, ret);
	return ret->rule && !ret->rule->kernel && ret->action >= RULE_ASK;
}

/* Is a file mapped that is neither what was decided nor may be opened? */
static bool maps_forbidden(struct mediator *m, const struct call *call, int proc, struct exec *x)
{
	AUTO(fd_closep) int fd = openat(proc, "maps", O_RDONLY | O_CLOEXEC);
	AUTO(file_closep) FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[PATH_MAX + 128], program[PATH_MAX], loader[PATH_MAX] = "";
	struct engine_decision d;
	size_t n;

	if (!f)
		return true;
	(void)take_fd(&fd);
	if (object_name(runs(x)->fd, program, &n) < 0 ||
	    (x->loader.fd >= 0 && object_name(x->loader.fd, loader, &n) < 0))
		return true;
	while (fgets(line, sizeof(line), f)) {
		const char *path = strchr(line, '/');

		if (!path)
			continue; /* a stack, or the kernel's own */
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(path, program) == 0 || strcmp(path, loader) == 0)
			continue;
		x->event_lost = true;
		if (hides_path(m->hides, path) || loader_forbidden(m, call, path, &d))
			return true;
	}
	return false;
}

/* Is it what was decided? @x is about the last exec, of which there is one at a time. */
static bool became(struct mediator *m, const struct call *call, pid_t pid, struct exec *x)
{
	char path[32];
	AUTO(fd_closep) int proc = -EBADF, exe = -EBADF;
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	exe = proc < 0 ? -EBADF : openat(proc, "exe", O_PATH | O_CLOEXEC);
	if (exe < 0 || fstat(exe, &st) < 0)
		return false;
	if (!is_object(&st, runs(x)) || maps_forbidden(m, call, proc, x))
		return false;
	if (m->asks_digest && !digest_is(m, exe, x))
		return false;
	return cmdline_is(proc, x) && (!m->asks_env || environ_is(proc, x));
}

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * The next stop of a followed caller; -1: none within FOLLOW_MS. An exec waits until all other threads have
 * been reaped, and who traces one of them can let it wait for ever. In an exec by another thread than
 * the first the number becomes the first's, of which a wait for the old one does not hear: so that is
 * looked for now and then.
 */
static pid_t next_stop(struct mediator *m, const struct call *call, int *ret_status)
{
	pid_t tid = call->n.tid, tgid = call->who->tgid, pid;
	uint64_t until = now_ms() + FOLLOW_MS;

	if (tid == tgid && bell_on(m, FOLLOW_MS)) {
		do {
			pid = waitpid(tid, ret_status, __WALL);
		} while (pid < 0 && errno == EINTR && now_ms() < until);
		bell_off(m);
		return pid;
	}
	while (now_ms() < until) {
		pid = waitpid(tid, ret_status, __WALL | WNOHANG);
		if (pid <= 0)
			pid = waitpid(tgid, ret_status, __WALL | WNOHANG);
		if (pid > 0)
			return pid;
		(void)usleep(FOLLOW_LOOK_US);
	}
	return -1;
}

/* Its parent hears of the end only when its tracer, which is us, has: now, or when it comes. */
static void end_followed(struct mediator *m, pid_t pid)
{
	int status;
	pid_t r = 0;

	(void)kill(pid, SIGKILL);
	for (int i = 0; i < END_LOOKS && r == 0; i++) {
		r = waitpid(pid, &status, __WALL | WNOHANG);
		r = r > 0 && WIFSTOPPED(status) ? 0 : r;
		if (r == 0)
			(void)usleep(FOLLOW_LOOK_US);
	}
	if (r == 0)
		later_reap(m, pid);
}

/* Killed in its stop it is not there to be let go, but ours to be waited for: else nobody hears of its end. */
static void let_go(struct mediator *m, pid_t pid, int signal)
{
	if (ptrace(PTRACE_DETACH, pid, 0, (long)signal) < 0)
		later_reap(m, pid);
}

static void stop_heard(struct mediator *m, pid_t pid, int status)
{
	int r = m->o.stopped(m->o.stopped_owner, pid, status);

	if (r < 0 && m->log_error == 0)
		m->log_error = r;
}

/* The next of any tracee's; 0: none until then; negative: there are no tracees any more. */
static pid_t traced_stop(struct mediator *m, uint64_t until, int *ret_status)
{
	pid_t pid;

	if (!bell_on(m, FOLLOW_MS))
		return 0;
	do {
		pid = waitpid(-1, ret_status, __WALL);
	} while (pid < 0 && errno == EINTR && now_ms() < until);
	pid = pid < 0 ? (errno == EINTR ? 0 : -1) : pid;
	bell_off(m);
	return pid;
}

/*
 * The same while this process traces the session for its record: the caller is among the tracees whose stops
 * come in, and only a look is taken before it goes on as all of them do. Others' ends must be heard meanwhile:
 * an exec waits for those of its threads.
 */
static int exec_followed_traced(struct mediator *m, struct call *call, struct exec *x)
{
	pid_t tid = call->n.tid, tgid = call->who->tgid, pid;
	uint64_t until = now_ms() + FOLLOW_MS;
	int status;

	call_continue(m, call);
	for (;;) {
		pid = traced_stop(m, until, &status);
		if (pid == 0) { /* it makes its exec last: as in next_stop() */
			end_followed(m, tgid);
			return -EXDEV;
		}
		if (pid < 0)
			return 1;
		if (WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_EXEC && pid == tgid)
			break;
		stop_heard(m, pid, status);
		/* it has ended, or comes back from its exec */
		if (pid == tid && (!WIFSTOPPED(status) || WSTOPSIG(status) == (SIGTRAP | 0x80)))
			return 1;
		if (pid == tgid && !WIFSTOPPED(status))
			return 1;
	}
	if (!became(m, call, pid, x)) {
		end_followed(m, pid);
		stop_heard(m, pid, SIGKILL);
		return -EXDEV;
	}
	stop_heard(m, pid, status);
	return 0;
}

/*
 * Let it go on, and look at it when it has: 0, it is what was decided; 1, the exec failed; -EXDEV, it was
 * another and has been killed; -EPERM: it cannot be followed, and has not gone on.
 *
 * The interruption stops it on its way back to itself, wherever the exec ended. The wait is as long as
 * the kernel needs for that.
 */
static int exec_followed(struct mediator *m, struct call *call, struct exec *x)
{
	pid_t tid = call->n.tid, pid;
	int status;

	if (m->o.stopped)
		return exec_followed_traced(m, call, x);
	if (!later_has_room(m) ||
	    ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) < 0)
		return -EPERM;
	call_continue(m, call);
	(void)ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	pid = next_stop(m, call, &status);
	if (pid < 0) {
		end_followed(m, call->who->tgid);
		if (tid != call->who->tgid)
			end_followed(m, tid);
		return -EXDEV;
	}
	if (!WIFSTOPPED(status))
		return 1; /* it has ended, or another thread's exec has ended it */
	if (status >> 16 != PTRACE_EVENT_EXEC) {
		/* what stopped it was perhaps a signal, which it still has to get */
		let_go(m, pid, status >> 16 ? 0 : WSTOPSIG(status));
		return 1;
	}
	if (became(m, call, pid, x)) {
		let_go(m, pid, 0);
		return 0;
	}
	end_followed(m, pid);
	return -EXDEV;
}

/* ---- the call ---- */

/* Texts of our own, as if they had been read. */
static void take_list(char *const *list, bool names, struct tracee_args *ret)
{
	ret->n = 0;
	ret->used = 0;
	ret->more = false;
	for (; *list; list++) {
		struct str text = { .p = *list, .n = names ? strcspn(*list, "=") : strlen(*list) };

		if (ret->n == TRACEE_ARGS_MAX) {
			ret->more = true;
			return;
		}
		ret->text[ret->n++] = text;
	}
}

/* The command's first: what it is about was told, and its folder is known. */
static int start_read(struct mediator *m, struct call *call, struct exec *x)
{
	const struct mediate_start *start = m->start;
	int n = snprintf(x->called, sizeof(x->called), "%s%s%s",
			 start->path[0] == '/' ? "" : start->cwd, start->path[0] == '/' ? "" : "/",
			 start->path);

	if (n < 0 || (size_t)n >= sizeof(x->called))
		return -ENAMETOOLONG;
	take_list(start->argv, false, &x->argv);
	take_list(start->envp, true, &x->env);
	return object_open(&call->caller, AT_FDCWD, x->called, 0, &x->program);
}

static int read_lists(struct call *call, struct exec *x, unsigned arg)
{
	int r = tracee_args(call->n.tid, call->n.args[arg], false, &x->argv);

	return r < 0 ? r : tracee_args(call->n.tid, call->n.args[arg + 1], true, &x->env);
}

/* What both programs hold, where a rule asks. */
static int read_digests(struct mediator *m, struct exec *x)
{
	int r = m->asks_digest ? digest_of(&m->digests, x->program.fd, x->digest) : 0;

	if (r == 0 && m->asks_digest && x->interpreter.fd >= 0)
		r = digest_of(&m->digests, x->interpreter.fd, x->interpreter_digest);
	return r;
}

/* A rule asks for what cannot be told: the program is not read, and so not run. */
static void stop_unread(struct mediator *m, struct call *call, struct exec *x, int r)
{
	m->asks_digest = false; /* for this event: it has none */
	event_exec(m, call, x, &x->program);
	m->asks_digest = true;
	m->decision = (struct engine_decision){
		.action = RULE_BLOCK,
		.reason = r == -EFBIG ? "a rule asks for the digest of programs, and this one is "
					"larger than 256 MiB"
				      : "a rule asks for the digest of programs, and this one "
					"cannot be read"
	};
	(void)mediator_stop(m, call, -EACCES);
}

/* The loader of what runs: negative, or STOPPED, if the call is over. */
static int decide_loader(struct mediator *m, struct call *call, struct exec *x)
{
	char path[PATH_MAX], link[32];
	AUTO(fd_closep) int fd = -EBADF;
	int r;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", runs(x)->fd);
	fd = S_ISREG(runs(x)->st.st_mode) ? open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
	r = fd < 0 ? 0 : loader_of(fd, path);
	if (fd < 0 && m->hides)
		r = -EACCES; /* it may name one that is hidden, and whether that is there would be told */
	if (r == 1)
		r = object_open(&call->caller, AT_FDCWD, path, 0, &x->loader);
	if (r < 0) {
		call_fail(m, call, r);
		return r;
	}
	if (x->loader.fd < 0 || !loader_forbidden(m, call, x->loader.path, &m->decision))
		return PASS;
	return (int)mediator_stop(m, call, -EACCES);
}

static enum verdict decide_both(struct mediator *m, struct call *call, struct exec *x)
{
	enum verdict v;

	event_exec(m, call, x, &x->program);
	v = mediator_decide(m, call);
	if (v != PASS || x->interpreter.fd < 0)
		return v;
	event_exec(m, call, x, &x->interpreter);
	v = mediator_decide(m, call);
	if (v == PASS) {
		event_exec(m, call, x, &x->program);
		v = mediator_decide(m, call);
	}
	return v;
}

static void exec_decided(struct mediator *m, struct call *call, struct exec *x)
{
	const char *interpreter = script_line(x, &x->program);
	int r;

	if (interpreter) {
		r = object_open(&call->caller, AT_FDCWD, interpreter, 0, &x->interpreter);
		if (r < 0) {
			call_cannot(m, call, r);
			return;
		}
	}
	if (mediator_compile(m, NULL) == 0 && decide_loader(m, call, x) != PASS)
		return;
	r = read_digests(m, x);
	if (r < 0) {
		stop_unread(m, call, x, r);
		return;
	}
	if (decide_both(m, call, x) != PASS)
		return;
	if (m->start) { /* nobody else can write its memory */
		mediator_record(m, call, 0, false);
		call_continue(m, call);
		return;
	}
	x->event_lost = false;
	r = exec_followed(m, call, x);
	if (x->event_lost)
		event_exec(m, call, x, &x->program);
	if (r < 0) {
		m->counts.denied++;
		m->decision.action = RULE_BLOCK;
		m->decision.rule = NULL;
		m->decision.reason =
			r == -EXDEV ? "what was executed is not what was decided: it was killed"
				    : "a rule could stop this exec, and it cannot be followed: the "
				      "process is traced by another, or the host forbids tracing";
	}
	mediator_record(m, call, r == 1 ? -ECANCELED : r < 0 ? -EACCES : 0, false);
	if (r == -EPERM)
		call_fail(m, call, -EACCES);
}

static void exec_call(struct mediator *m, struct call *call, int dirfd, unsigned arg, int flags)
{
	static struct exec x; /* a single one is handled at a time */
	int r;

	x.interpreter.fd = x.program.fd = x.loader.fd = -EBADF;
	if (m->start) {
		r = start_read(m, call, &x);
	} else {
		if (call_path(m, call, arg, x.called) < 0)
			return;
		r = read_lists(call, &x, arg + 1);
		if (r == 0)
			r = object_open(&call->caller, dirfd, x.called,
					(flags & AT_SYMLINK_NOFOLLOW ? OBJECT_NOFOLLOW : 0) |
						(flags & AT_EMPTY_PATH ? OBJECT_EMPTY : 0),
					&x.program);
	}
	if (r < 0) {
		call_cannot(m, call, r);
		return;
	}
	if (call->decides) {
		exec_decided(m, call, &x);
	} else {
		event_exec(m, call, &x, &x.program);
		mediator_observed(m, call);
		call_continue(m, call);
	}
	object_done(&x.program);
	object_done(&x.interpreter);
	object_done(&x.loader);
	who_exec(call->who);
}

void call_execve(struct mediator *m, struct call *call)
{
	exec_call(m, call, AT_FDCWD, 0, 0);
}

void call_execveat(struct mediator *m, struct call *call)
{
	exec_call(m, call, arg_fd(call, 0), 1, arg_fd(call, 4));
}
