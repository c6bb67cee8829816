/*
 * From clone3 to execve.
 *
 * Two processes come out of this: init, which clone3 made, and the command, which init forks when
 * everything that both have in common stands. In this order, with what each step should leave
 * possible and what not:
 *
 *	identity	the user namespace's maps; from here on uid and gid are the session's
 *	net, name	network namespace with its loopback, on the side; host name set
 *	root		built
 *	net		entered
 *	root		pivoted into; the host's is gone
 *	user namespace	(privileged start only) see below
 *	capabilities	all five sets empty, securebits locked, no_new_privs, not dumpable
 *	rlimits		core 0, processes
 *	Landlock	files once more, signals, abstract sockets
 *	arguments	wiped out of what will be init's memory
 *	filter		compiled; "ready"
 *	vfork ----------------------------------------------------------------------------
 *	command: own group, stdio, no other descriptor, cwd, seccomp, wait for "go", execve
 *	init, when that is through: no descriptors, init_run(), where it loads a filter of its own
 *
 * vfork, because init has nothing to do until the command runs, and copying its memory, page by page
 * as either of them writes, would take longer than all that the command does with it.
 *
 * Each step is a layer of the manifest: engaged, or unavailable with its errno; the latter ends
 * the start if the layer is needed, else the next step goes on without it.
 *
 * The privileged start. When Capsule itself runs with CAP_SYS_ADMIN (root, mostly), mount, network
 * and pid namespaces are made without a user namespace, so they belong to the host's. The user
 * namespace is entered last, once everything stands. Two things are won: sources below
 * directories that only real root may search can be mounted; and even someone who regained every
 * capability in the session's user namespace could not undo one mount, because the mount
 * namespace is not owned by it. An ordinary user has no choice: the user namespace comes first,
 * it is what gives the right to make the others.
 *
 * The second back end has no namespaces: init is the subreaper, stays outside Landlock (whose
 * signal scope then keeps the session from killing it), and the command applies it.
 */
#include "sandbox/child.h"

#include "base/own.h"
#include "sandbox/build.h"
#include "sandbox/fallback.h"
#include "sandbox/init.h"
#include "sandbox/root.h"
#include "sys/caps.h"
#include "sys/landlock.h"
#include "sys/missing_syscall.h"
#include "sys/mnt.h"
#include "sys/ns.h"
#include "sys/proc.h"

#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>

#define HOST_NAME "capsule"
/* The kernel takes no more than this for arguments and environment together. */
#define ARGUMENTS_MAX (6 << 20)

/* ---- steps of init ------------------------------------------------------------------------ */

static const struct {
	uint64_t flag;
	enum layer layer;
} ns_layers[] = {
	{ CLONE_NEWUSER, LAYER_USER_NS }, { CLONE_NEWNS, LAYER_MOUNT_NS },
	{ CLONE_NEWPID, LAYER_PID_NS },   { CLONE_NEWIPC, LAYER_IPC_NS },
	{ CLONE_NEWUTS, LAYER_UTS_NS },   { CLONE_NEWCGROUP, LAYER_CGROUP_NS },
};

/* Those that clone3 made are engaged; of the others the supervisor has told in the report. */
static void step_namespaces(struct wall_setup *s)
{
	for (size_t i = 0; i < sizeof(ns_layers) / sizeof(ns_layers[0]); i++) {
		if (s->namespaces & ns_layers[i].flag && ns_layers[i].flag != CLONE_NEWUSER)
			layer_done(s, ns_layers[i].layer, 0, NULL, NULL);
	}
}

static void step_identity(struct build *c)
{
	struct wall_setup *s = c->setup;
	AUTO(fd_closep) int self = -EBADF;
	struct err err = ERR_INIT;
	int r;

	if (!(s->namespaces & CLONE_NEWUSER))
		return;
	self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = self < 0 ? -errno : ns_map_self(self, s->uid, s->outer_uid, s->gid, s->outer_gid);
	if (r < 0) {
		/* Without its maps a user namespace is good for nothing: no wall of this sort. */
		s->report->early = true;
		(void)err_set(&err, -r, "cannot map uid %u and gid %u", s->outer_uid, s->outer_gid);
		s->needs |= LAYER_BIT(LAYER_USER_NS);
	}
	layer_done(s, LAYER_USER_NS, r, &err, r < 0 ? "uid_map" : NULL);
}

/* ---- the network namespace, on the side ---- */

/*
 * It takes the kernel longer than all other namespaces together, and nothing until the fork depends
 * on it: so it is made while init builds the root, and then entered. The supervisor waits for it
 * before it goes on with its own things, or with two processors these three would take turns.
 */
static void step_net_begin(struct build *c)
{
	int r = layer_fault_check(LAYER_NET_NS);

	if (!layer_wanted(c->setup, LAYER_NET_NS))
		return;
	c->net = (struct ns_net){ .fd = -EBADF, .error = r };
	if (r == 0)
		ns_net_begin(&c->net, c->setup->report_fd);
	else
		(void)!write(c->setup->report_fd, "", 1);
}

static void step_net_enter(struct build *c)
{
	struct wall_setup *s = c->setup;
	struct err err = ERR_INIT;
	int r;

	if (!layer_wanted(s, LAYER_NET_NS))
		return;
	r = ns_net_enter(&c->net);
	layer_done(s, LAYER_NET_NS, r, NULL, NULL);
	/* A network without loopback keeps its promise, but half the programs fail. */
	if (r == 0 && c->net.loopback < 0) {
		(void)err_set(&err, -c->net.loopback, "cannot bring the loopback interface up");
		layer_done(s, LAYER_NET_NS, c->net.loopback, &err, NULL);
	}
}

static void step_name(struct build *c)
{
	if (c->setup->namespaces & CLONE_NEWUTS)
		layer_done(c->setup, LAYER_UTS_NS,
			   sethostname(HOST_NAME, strlen(HOST_NAME)) < 0 ? -errno : 0, NULL, NULL);
}

/* The path of the session's terminal, for /dev/console; NULL when there is none. */
static const char *tty_path(const struct build *c, char *path, size_t size)
{
	char link[32];
	ssize_t n;

	if (c->tty < 0)
		return NULL;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", c->tty);
	n = readlink(link, path, size - 1);
	if (n < 0 || strncmp(path, "/dev/", 5) != 0)
		return NULL;
	path[n] = '\0';
	return path;
}

/*
 * There is no going on with half a root: whatever is needed, this start is over. The supervisor may
 * try the second back end if the host, not the policy, is to blame (@early).
 */
_Noreturn static void root_failed(struct wall_setup *s, int r, bool early, const struct err *err)
{
	s->needs |= LAYER_BIT(LAYER_ROOT);
	s->report->early = early;
	if (early)
		layer_done(s, LAYER_ROOT, r, err, NULL);
	s->report->layers[LAYER_ROOT] =
		(struct layer_status){ .state = LAYER_UNAVAILABLE, .error = -r };
	child_fail(s, WALL_FAIL_SETUP, err);
}

/* Opened here, because layers are mounted from this mount namespace. */
static int changes_dir(struct build *c)
{
	struct wall_setup *s = c->setup;
	AUTO(fd_closep) int fd = -EBADF;
	struct err err = ERR_INIT;
	int r;

	if (!s->policy->overlay)
		return -EBADF;
	r = s->command->changes ? mount_open(AT_FDCWD, s->command->changes, &fd) : -ENOENT;
	if (r == 0)
		return take_fd(&fd);
	(void)err_set(&err, -r, "cannot open the folder for changes '%s'",
		      s->command->changes ? s->command->changes : "");
	child_fail(s, WALL_FAIL_SETUP, &err);
}

static void step_root(struct build *c)
{
	struct wall_setup *s = c->setup;
	AUTO(fd_closep) int changes = changes_dir(c);
	char tty[PATH_MAX];
	struct root_options options = {
		.disk = s->policy->limits.disk,
		.pid_max = s->pids == WALL_PIDS_NS ? s->policy->limits.pids : 0,
		.uid = s->outer_uid,
		.gid = s->outer_gid,
		.chown = s->late_user_ns && s->outer_uid != geteuid(),
		.host_root = s->outer_uid == 0,
		.changes = changes,
		.tty = tty_path(c, tty, sizeof(tty)),
	};
	struct err err = ERR_INIT;
	bool early = false;
	int r;

	r = layer_fault_check(LAYER_ROOT);
	if (r < 0) {
		(void)err_set(&err, -r, "cannot build a root directory");
		root_failed(s, r, true, &err);
	}
	r = root_build(&c->plan, &options, &c->places, &early, &err);
	if (r < 0)
		root_failed(s, r, early, &err);
}

static void step_root_enter(struct build *c)
{
	struct err err = ERR_INIT;
	int r = root_enter(&c->places, &err);

	if (r < 0)
		root_failed(c->setup, r, false, &err);
	layer_done(c->setup, LAYER_ROOT, 0, NULL, NULL);
}

/*
 * A privileged start's user namespace. The session's ids are taken before, so that the kernel
 * takes the one-line map from us as from any other owner.
 */
static int late_user_ns(struct wall_setup *s, int proc_self)
{
	int r = layer_fault_check(LAYER_USER_NS);

	if (r < 0)
		return r;
	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	/* A change of ids took it, and with it the ownership of our own files in /proc. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return ns_map_self(proc_self, s->uid, s->outer_uid, s->gid, s->outer_gid);
}

static void step_late_identity(struct build *c, int proc_self)
{
	struct wall_setup *s = c->setup;
	struct err err = ERR_INIT;
	bool same;
	int r;

	if (!s->late_user_ns)
		return;
	/*
	 * Supplementary groups go, unless we are the root of a user namespace where nobody may
	 * change them: then they stay, as an ordinary user's do.
	 */
	same = s->outer_uid == geteuid() && s->outer_gid == getegid();
	if ((setgroups(0, NULL) < 0 && !(errno == EPERM && same)) ||
	    setresgid(s->outer_gid, s->outer_gid, s->outer_gid) < 0 ||
	    setresuid(s->outer_uid, s->outer_uid, s->outer_uid) < 0) {
		(void)err_set(&err, errno, "cannot become uid %u, gid %u", s->outer_uid,
			      s->outer_gid);
		child_fail(s, WALL_FAIL_SETUP, &err);
	}
	if (layer_wanted(s, LAYER_USER_NS)) {
		r = late_user_ns(s, proc_self);
		layer_done(s, LAYER_USER_NS, r, NULL, NULL);
	}
}

static void step_privileges(struct build *c)
{
	struct wall_setup *s = c->setup;
	bool bounded = false;
	int r;

	r = layer_fault_check(LAYER_CAPABILITIES);
	if (r == 0)
		r = caps_drop_all(&bounded);
	if (r == 0 && !bounded)
		layer_done(s, LAYER_CAPABILITIES, -EPERM, NULL, "the bounding set stays");
	else
		layer_done(s, LAYER_CAPABILITIES, r, NULL, NULL);

	r = layer_fault_check(LAYER_NO_NEW_PRIVS);
	if (r == 0)
		r = caps_no_new_privs();
	layer_done(s, LAYER_NO_NEW_PRIVS, r, NULL, NULL);

	/*
	 * The session runs under our uid: not dumpable, neither init nor the command before its
	 * exec can be traced or read by it through /proc.
	 */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/*
	 * Besides the lifeline, and only now: the kernel forgets it whenever credentials change.
	 * Not in the second back end, where init has to outlive the supervisor to end the tree.
	 */
	if (s->backend == WALL_NAMESPACES)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

/* ---- init ----------------------------------------------------------------------------------- */

/* Close every descriptor but those in @keep (negative ones are none). */
static void fds_keep(int *keep, size_t n)
{
	unsigned from = 0;

	for (size_t i = 1; i < n; i++) {
		for (size_t j = i; j > 0 && keep[j - 1] > keep[j]; j--) {
			int swap = keep[j];

			keep[j] = keep[j - 1];
			keep[j - 1] = swap;
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < 0)
			continue;
		if ((unsigned)keep[i] > from)
			(void)close_range(from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	(void)close_range(from, ~0U, 0);
}

/* A copy of @list and of what it points to, in one block. */
static char **strings_copy(char *const *list)
{
	size_t n = 0, bytes = 0;
	char **copy, *at;

	while (list[n])
		bytes += strlen(list[n++]) + 1;
	copy = malloc((n + 1) * sizeof(*copy) + bytes);
	if (!copy)
		return NULL;
	at = (char *)(copy + n + 1);
	for (size_t i = 0; i < n; i++) {
		copy[i] = at;
		at = stpcpy(at, list[i]) + 1;
	}
	copy[n] = NULL;
	return copy;
}

/*
 * init's arguments and environment are the supervisor's: paths, and secrets that the session does
 * not get. The session cannot read them out of init's memory, but its ps(1) shows the arguments.
 * They lie in one block on the stack that ends with the name the program was executed by. What
 * the command is to be given of them is copied first.
 */
static void step_arguments(struct build *c)
{
	struct wall_setup *s = c->setup;
	char *from = program_invocation_name;
	char *to = (char *)(uintptr_t)getauxval(AT_EXECFN);
	struct err err = ERR_INIT;

	c->own = *s->command;
	c->own.argv = strings_copy(s->command->argv);
	c->own.envp = strings_copy(s->command->envp);
	if (!c->own.argv || !c->own.envp) {
		(void)err_set(&err, ENOMEM, "cannot keep the command's arguments");
		child_fail(s, WALL_FAIL_SETUP, &err);
	}
	s->command = &c->own;
	if (from && to > from && to - from < ARGUMENTS_MAX)
		explicit_bzero(from, (size_t)(to - from));
	(void)prctl(PR_SET_NAME, "capsule-init", 0, 0, 0);
}

_Noreturn static void init_become(struct build *c, int signal_fd, int children)
{
	struct wall_setup *s = c->setup;
	struct init init = {
		.command = c->command,
		.control = s->control,
		.signal_fd = signal_fd,
		.tty = c->tty,
		.own_tty = s->command->own_tty,
		.children = children,
	};
	int keep[4] = { s->control, signal_fd, c->tty, children };

	(void)munmap(s->report, sizeof(*s->report));
	fds_keep(keep, 4);
	init_run(&init);
}

/* The terminal becomes the session's: init leads it, the command's group is in front. */
static void step_terminal(struct build *c)
{
	const struct wall_command *command = c->setup->command;
	struct err err = ERR_INIT;

	(void)setsid();
	if (!command->own_tty || c->tty < 0)
		return;
	if (ioctl(c->tty, TIOCSCTTY, 0) < 0) {
		(void)err_set(&err, errno, "cannot take the terminal over");
		child_fail(c->setup, WALL_FAIL_SETUP, &err);
	}
}

static void step_signals(int *ret_signal_fd)
{
	sigset_t all, chld;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	*ret_signal_fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int tty_of(const struct wall_command *command)
{
	for (int i = 0; command->own_tty && i < 3; i++) {
		if (isatty(command->stdio[i]))
			return fcntl(command->stdio[i], F_DUPFD_CLOEXEC, 3);
	}
	return -EBADF;
}

/* As many descriptors as we may have: a plan holds one per grant. */
static void nofile_raise(struct build *c)
{
	struct rlimit all;

	if (getrlimit(RLIMIT_NOFILE, &c->nofile) < 0)
		return;
	all = c->nofile;
	all.rlim_cur = all.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &all);
}

static void plan_or_fail(struct build *c)
{
	struct err err = ERR_INIT;

	if (plan_make(c->setup->policy, &c->plan, &err) < 0)
		child_fail(c->setup, WALL_FAIL_SETUP, &err);
}

static void build_namespaces(struct build *c)
{
	struct wall_setup *s = c->setup;
	AUTO(fd_closep) int proc_self = -EBADF;

	step_namespaces(s);
	step_identity(c);
	step_net_begin(c);
	step_name(c);
	plan_or_fail(c);
	/* The host's: the session's own /proc is read-only when the late maps are written. */
	if (s->late_user_ns)
		proc_self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	step_root(c);
	step_net_enter(c);
	step_root_enter(c);
	ns_net_end(&c->net);
	step_late_identity(c, proc_self);
	step_privileges(c);
	step_rlimits(c);
	step_landlock(c);
	/* They hold on to the host's mounts, and every fork and exec would carry them along. */
	root_places_close(&c->places);
	plan_done(&c->plan);
}

static void build_landlock(struct build *c)
{
	struct err err = ERR_INIT;

	plan_or_fail(c);
	if (fallback_check(&c->plan, c->setup, &err) < 0)
		child_fail(c->setup, WALL_FAIL_SETUP, &err);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	step_privileges(c);
	step_rlimits(c);
}

/* v1: the move takes longer than all the building, and what is forked before it is not limited. */
static void step_moved(const struct wall_setup *s)
{
	char byte = 0;
	ssize_t n;

	if (!s->moves)
		return;
	do {
		n = read(s->report_fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1 || byte != WALL_BYTE_MOVED)
		_exit(WALL_FAIL_SETUP);
}

/* Stay on this processor, until processors_restore(). */
static void processor_pin(struct build *c)
{
	unsigned here;
	cpu_set_t only;

	if (getcpu(&here, NULL) < 0 || here >= CPU_SETSIZE ||
	    sched_getaffinity(0, sizeof(c->processors), &c->processors) < 0)
		return;
	CPU_ZERO(&only);
	CPU_SET(here, &only);
	c->pinned = sched_setaffinity(0, sizeof(only), &only) == 0;
}

static void processors_restore(const struct build *c)
{
	if (c->pinned)
		(void)sched_setaffinity(0, sizeof(c->processors), &c->processors);
}

/*
 * Returns when the command has been exec'd, or has failed. Both stay on this processor while only one
 * of them can run: to wake another that sleeps takes longer than all that the command does there.
 */
static void command_start(struct build *c)
{
	struct err err = ERR_INIT;
	pid_t pid;

	processor_pin(c);
	pid = vfork();
	if (pid == 0) {
		processors_restore(c);
		command_run(c);
	}
	processors_restore(c);
	if (pid < 0) {
		(void)err_set(&err, errno, "cannot fork");
		child_fail(c->setup, WALL_FAIL_SETUP, &err);
	}
	c->command = pid;
}

_Noreturn void child_run(struct wall_setup *s)
{
	struct build c = { .setup = s, .places = ROOT_PLACES_INIT, .command = -1 };
	struct err err = ERR_INIT;
	int signal_fd = -EBADF;
	int children = -EBADF;

	fd_close(s->their_control);
	fd_close(s->their_report);
	c.tty = tty_of(s->command);
	nofile_raise(&c);
	step_signals(&signal_fd);
	step_terminal(&c);
	if (s->backend == WALL_NAMESPACES) {
		build_namespaces(&c);
	} else {
		build_landlock(&c);
		children = proc_children_open();
		if (children < 0) {
			(void)err_set(&err, -children,
				      "cannot list init's children in /proc: their "
				      "end could not be seen to");
			child_fail(s, WALL_FAIL_SETUP, &err);
		}
	}
	step_moved(s);
	step_arguments(&c);
	command_prepare(s);
	command_start(&c);
	init_become(&c, signal_fd, children);
}
