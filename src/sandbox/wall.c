/*
 * The supervisor's side: choose a back end, make the child, listen to it, end it.
 *
 * Which back end. Namespaces, unless the kernel will not have them: clone3 refuses, or the child
 * finds that the namespace it got is good for nothing (no map, no mounts: what AppArmor does to
 * ordinary users on some systems). Then the second one, if the policy can be had with it, which
 * its child finds out. The manifest tells which it was.
 *
 * Two sockets per session, close-on-exec at all ends:
 *
 *	report	the command's, until it is exec'd: 'r' out (every layer stands), 'g' in; end of
 *		file: exec'd, or failed, and then the shared page says how
 *	control	init's: struct init_request in, struct init_event out; it is also the lifeline:
 *		the only other end is ours, so however we die, init reads end of file and ends
 */
#include "sandbox/wall.h"

#include "base/own.h"
#include "sandbox/child.h"
#include "sandbox/fallback.h"
#include "sandbox/filter.h"
#include "sandbox/init.h"
#include "sys/caps.h"
#include "sys/cgroup.h"
#include "sys/missing_syscall.h"
#include "sys/notify.h"
#include "sys/ns.h"
#include "sys/proc.h"

#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct wall {
	struct wall_setup setup;
	struct wall_command command; /* the caller's, see wall_launch() */
	pid_t pid;                   /* init */
	int pidfd, control, report_fd;
	int listener; /* of the calls that wait for an answer, or -EBADF */
	int root;     /* with a listener: the session's, O_PATH */
	pid_t command_pid;
	uint32_t attempt; /* of the command's to execute its program, the last that was told */
	bool listener_told;
	struct wall_report *report;
	struct cgroup cgroup;
	char *folders; /* second back end, with its lock */
	int folders_lock;
	struct err
		failed; /* launching came to nothing: wall_ready() has to tell, with the manifest */
	int status;     /* the command's, once it has exited */
	bool exited, go;
};

static const struct {
	uint64_t flag;
	enum layer layer;
} namespaces[] = {
	{ CLONE_NEWNS, LAYER_MOUNT_NS },      { CLONE_NEWPID, LAYER_PID_NS },
	{ CLONE_NEWIPC, LAYER_IPC_NS },       { CLONE_NEWUTS, LAYER_UTS_NS },
	{ CLONE_NEWCGROUP, LAYER_CGROUP_NS },
};
#define N_NAMESPACES (sizeof(namespaces) / sizeof(namespaces[0]))
/* Without these two there is no back end of namespaces. */
#define NS_CORE (CLONE_NEWNS | CLONE_NEWPID)

/* ---- setting up ------------------------------------------------------------------------------ */

static int pair_make(int type, int *ret_ours, int *ret_theirs, struct err *err)
{
	int fds[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) < 0)
		return err_set(err, errno, "cannot make a socket pair");
	*ret_ours = fds[0];
	*ret_theirs = fds[1];
	return 0;
}

static int channels_make(struct wall *wall, struct err *err)
{
	struct wall_setup *s = &wall->setup;
	int r;

	r = pair_make(SOCK_SEQPACKET, &wall->control, &s->control, err);
	if (r == 0)
		r = pair_make(SOCK_STREAM, &wall->report_fd, &s->report_fd, err);
	if (r < 0)
		return r;
	s->their_control = wall->control;
	s->their_report = wall->report_fd;
	/* so that we know the command by the pid it has here */
	if (setsockopt(wall->report_fd, SOL_SOCKET, SO_PASSCRED, &(int){ 1 }, sizeof(int)) < 0)
		return err_set(err, errno, "cannot ask for the command's pid");
	return 0;
}

static int report_make(struct wall *wall, struct err *err)
{
	void *page = mmap(NULL, sizeof(struct wall_report), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return err_set(err, errno, "cannot map the report page");
	wall->report = page;
	wall->setup.report = page;
	return 0;
}

static void unavailable(struct wall_report *report, enum layer layer, int error, const char *detail)
{
	struct layer_status *status = &report->layers[layer];

	*status = (struct layer_status){ .state = LAYER_UNAVAILABLE, .error = error };
	(void)snprintf(status->detail, sizeof(status->detail), "%s", detail);
}

static int refuse(const struct wall_setup *s, enum layer layer, int error, struct err *err)
{
	if (!(s->needs & LAYER_BIT(layer)))
		return 0;
	return err_text(err, error, "layer %s is needed and unavailable: %s (%s)",
			layer_info[layer].name, strerror(error), layer_advice(layer, error));
}

/* ---- making the child ---------------------------------------------------------------------------- */

/* clone3 or the error that a test wants it to have. */
static pid_t child_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd)
{
	if (flags & CLONE_NEWUSER && layer_fault_check(LAYER_USER_NS))
		return layer_fault_check(LAYER_USER_NS);
	for (size_t i = 0; i < N_NAMESPACES; i++) {
		int fault = layer_fault_check(namespaces[i].layer);

		if (flags & namespaces[i].flag && fault)
			return fault;
	}
	return ns_clone(flags, cgroup_fd, ret_pidfd);
}

/* Which of @flags can be had? Tries each by itself; only after they could not be had together. */
static uint64_t namespaces_probe(struct wall *wall, uint64_t base, uint64_t flags)
{
	for (size_t i = 0; i < N_NAMESPACES; i++) {
		AUTO(fd_closep) int pidfd = -EBADF;
		pid_t pid;

		if (!(flags & namespaces[i].flag))
			continue;
		pid = child_clone(base | namespaces[i].flag, -1, &pidfd);
		if (pid == 0)
			_exit(0);
		if (pid > 0) {
			(void)waitpid(pid, NULL, 0);
			continue;
		}
		unavailable(wall->report, namespaces[i].layer, -pid, "clone");
		flags &= ~namespaces[i].flag;
	}
	return flags;
}

/* The group of its limits, or the one that was given. */
static int group_fd(const struct wall *wall)
{
	int own = cgroup_clone_fd(&wall->cgroup);

	return own < 0 && wall->command.group_fd > 0 ? wall->command.group_fd : own;
}

/* The child; or a negative errno, -EXDEV when this back end cannot be had at all. */
static pid_t namespaces_clone(struct wall *wall, struct err *err)
{
	struct wall_setup *s = &wall->setup;
	uint64_t flags = 0, base = CLONE_NEWUSER;
	pid_t pid;

	for (size_t i = 0; i < N_NAMESPACES; i++) {
		if (s->wants & LAYER_BIT(namespaces[i].layer))
			flags |= namespaces[i].flag;
	}
	/* Effective uid 0 in a container without CAP_SYS_ADMIN goes the ordinary way. */
	s->late_user_ns = geteuid() == 0 && caps_have(CAP_SYS_ADMIN);
	if (s->late_user_ns)
		base = 0;
	for (int attempt = 0;; attempt++) {
		s->namespaces = base | flags;
		pid = child_clone(s->namespaces, group_fd(wall), &wall->pidfd);
		if (pid == 0)
			child_run(s);
		if (pid > 0 || attempt)
			return pid;
		flags = namespaces_probe(wall, base, flags);
		if ((flags & NS_CORE) != NS_CORE) {
			if (wall->report->layers[LAYER_USER_NS].state != LAYER_UNAVAILABLE && base)
				unavailable(wall->report, LAYER_USER_NS, -pid, "clone");
			return err_text(err, EXDEV, "no namespaces: %s", strerror(-pid)), -EXDEV;
		}
		for (size_t i = 0; i < N_NAMESPACES; i++) {
			const struct layer_status *st = &wall->report->layers[namespaces[i].layer];
			int r = st->state == LAYER_UNAVAILABLE
					? refuse(s, namespaces[i].layer, st->error, err)
					: 0;

			if (r < 0)
				return r;
		}
	}
}

static pid_t landlock_clone(struct wall *wall, struct err *err)
{
	struct wall_setup *s = &wall->setup;
	static char home[4096], tmp[4096];
	pid_t pid;
	int r;

	r = fallback_folders_make(&wall->folders, &wall->folders_lock, err);
	if (r < 0)
		return r;
	(void)snprintf(home, sizeof(home), "%s/home", wall->folders);
	(void)snprintf(tmp, sizeof(tmp), "%s/tmp", wall->folders);
	s->private_home = s->policy->private_home ? home : NULL;
	s->private_tmp = s->policy->private_tmp ? tmp : NULL;
	/* Should init be killed from outside, its tree comes to us. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = ns_clone(0, group_fd(wall), &wall->pidfd);
	if (pid == 0)
		child_run(s);
	return pid;
}

/* Limits that a cgroup has to hold. Before the child: v2 takes it in at its birth. */
static int cgroup_prepare(struct wall *wall, struct err *err)
{
	struct wall_setup *s = &wall->setup;
	const struct policy_limits *limits = &s->policy->limits;
	struct cgroup_limits wanted = {
		.memory = limits->memory,
		.cpu_milli = limits->cpu_milli,
		.pids = s->pids == WALL_PIDS_CGROUP ? limits->pids + 1 : 0, /* init counts */
	};
	struct layer_status *status = &wall->report->layers[LAYER_CGROUP];
	int r;

	if (!(s->wants & LAYER_BIT(LAYER_CGROUP)))
		return 0;
	r = layer_fault_check(LAYER_CGROUP);
	if (r == 0)
		r = cgroup_make(&wanted, &wall->cgroup);
	if (r < 0) {
		unavailable(wall->report, LAYER_CGROUP, -r, "");
		return refuse(s, LAYER_CGROUP, -r, err);
	}
	status->state = LAYER_ENGAGED;
	cgroup_describe(&wall->cgroup, status->detail, sizeof(status->detail));
	return 0;
}

/* v1: move the child in, while it builds. */
static int cgroup_enter(struct wall *wall, struct err *err)
{
	int r = cgroup_attach(&wall->cgroup, wall->pid);
	char byte = WALL_BYTE_MOVED;

	if (r < 0) {
		unavailable(wall->report, LAYER_CGROUP, -r, "attach");
		r = refuse(&wall->setup, LAYER_CGROUP, -r, err);
	}
	/* A child that has failed meanwhile does not read it: it has reported why. */
	if (r == 0 && wall->setup.moves)
		(void)!send(wall->report_fd, &byte, 1, MSG_NOSIGNAL);
	return r;
}

static void child_end(struct wall *wall)
{
	if (wall->pid <= 0)
		return;
	/* End of file is the friendlier word: in the second back end init has a tree to end. */
	wall->control = fd_close(wall->control);
	if (wall->setup.backend == WALL_NAMESPACES)
		(void)sys_pidfd_send_signal(wall->pidfd, SIGKILL);
	while (waitpid(wall->pid, NULL, 0) < 0 && errno == EINTR)
		;
	wall->pid = -1;
	wall->pidfd = fd_close(wall->pidfd);
}

/* One byte from the child, and who wrote it; 0: end of file. */
static char byte_read(int fd, pid_t *ret_from)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.room,
			      .msg_controllen = sizeof(control.room) };
	struct cmsghdr *c;
	struct ucred from;
	ssize_t n;

	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	c = n == 1 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
	    c->cmsg_len == CMSG_LEN(sizeof(from))) {
		memcpy(&from, CMSG_DATA(c), sizeof(from));
		*ret_from = from.pid;
	}
	return n == 1 ? byte : 0;
}

/* Read on until @wanted comes; false: the end came. What comes besides is noted. */
static bool byte_await(struct wall *wall, char wanted)
{
	char byte;

	do {
		pid_t from = 0;

		byte = byte_read(wall->report_fd, &from);
		if (byte == WALL_BYTE_LISTENER) {
			wall->listener_told = true;
			wall->command_pid = from;
		}
	} while (byte != wanted && byte != 0);
	return byte == wanted;
}

static int launch_with(struct wall *wall, enum wall_backend backend, struct err *err)
{
	struct wall_setup *s = &wall->setup;
	pid_t pid;
	int r;

	wall_setup_backend(s, backend);
	r = channels_make(wall, err);
	if (r == 0)
		r = cgroup_prepare(wall, err);
	if (r < 0)
		return r;
	s->moves = cgroup_attaches(&wall->cgroup);
	pid = backend == WALL_NAMESPACES ? namespaces_clone(wall, err) : landlock_clone(wall, err);
	s->control = fd_close(s->control);
	s->report_fd = fd_close(s->report_fd);
	if (pid < 0)
		return err_is_set(err) ? pid : err_set(err, -pid, "cannot make the session's init");
	wall->pid = pid;
	r = cgroup_enter(wall, err);
	if (r == 0 && backend == WALL_NAMESPACES && s->wants & LAYER_BIT(LAYER_NET_NS))
		(void)byte_read(wall->report_fd, &(pid_t){ 0 }); /* made, failed, or it is gone */
	return r;
}

/* Undo launch_with(), for another go. */
static void launch_undo(struct wall *wall)
{
	child_end(wall);
	wall->listener_told = false;
	wall->control = fd_close(wall->control);
	wall->report_fd = fd_close(wall->report_fd);
	wall->setup.control = fd_close(wall->setup.control);
	wall->setup.report_fd = fd_close(wall->setup.report_fd);
	cgroup_remove(&wall->cgroup);
}

/* The second back end, after the first was found impossible with @error. */
static int launch_again(struct wall *wall, int error, struct err *err)
{
	static const enum layer lost[] = { LAYER_USER_NS,   LAYER_MOUNT_NS, LAYER_PID_NS,
					   LAYER_NET_NS,    LAYER_IPC_NS,   LAYER_UTS_NS,
					   LAYER_CGROUP_NS, LAYER_ROOT };
	struct layer_status *layers = wall->report->layers;
	struct wall_report was = *wall->report;
	int r;

	launch_undo(wall);
	memset(wall->report, 0, sizeof(*wall->report));
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		const struct layer_status *st = &was.layers[lost[i]];

		if (lost[i] == LAYER_NET_NS && wall->setup.policy->network != POLICY_NET_NONE)
			continue;
		if (st->state == LAYER_UNAVAILABLE)
			layers[lost[i]] = *st;
		else
			unavailable(wall->report, lost[i], error, "without namespaces");
	}
	wall_setup_backend(&wall->setup, WALL_LANDLOCK);
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		r = layers[lost[i]].state == LAYER_UNAVAILABLE
			    ? refuse(&wall->setup, lost[i], layers[lost[i]].error, err)
			    : 0;
		if (r < 0)
			return r;
	}
	return launch_with(wall, WALL_LANDLOCK, err);
}

static struct wall *wall_free(struct wall *wall)
{
	if (!wall)
		return NULL;
	launch_undo(wall);
	wall->listener = fd_close(wall->listener);
	wall->root = fd_close(wall->root);
	if (wall->folders)
		fallback_folders_remove(wall->folders);
	fd_close(wall->folders_lock);
	free(wall->folders);
	if (wall->report)
		(void)munmap(wall->report, sizeof(*wall->report));
	free(wall);
	return NULL;
}

static void wall_freep(struct wall **wall)
{
	*wall = wall_free(*wall);
}

/* The command's filter, while we would only wait. What does not compile is init's to report. */
static void filter_offer(struct wall *wall)
{
	struct wall_report *report = wall->report;
	static struct filter filter;

	if (wall->setup.backend != WALL_NAMESPACES ||
	    filter_compile_traps(wall->setup.policy, FILTER_SESSION, wall->command.traps, &filter,
				 NULL) < 0 ||
	    filter.n > WALL_FILTER_MAX)
		return;
	memcpy(report->filter, filter.insns, filter.n * sizeof(*filter.insns));
	__atomic_store_n(&report->n_filter, filter.n, __ATOMIC_RELEASE);
}

int wall_launch(const struct policy *policy, const struct wall_command *command,
		struct wall **ret_wall, struct err *err)
{
	AUTO(wall_freep) struct wall *wall = calloc(1, sizeof(*wall));
	int r;

	if (!wall)
		return err_set(err, ENOMEM, "cannot make a wall");
	wall->pid = -1;
	wall->status = -1;
	wall->pidfd = wall->control = wall->report_fd = wall->folders_lock = -EBADF;
	wall->listener = wall->root = -EBADF;
	wall->command = *command;
	wall->setup = (struct wall_setup){
		.policy = policy, .command = &wall->command, .control = -EBADF, .report_fd = -EBADF
	};
	cgroup_init(&wall->cgroup);
	wall_setup_ids(&wall->setup);
	r = command_stdio_check(&wall->command, err);
	if (r == 0)
		r = report_make(wall, err);
	if (r < 0)
		return r;
	r = launch_with(wall, WALL_NAMESPACES, &wall->failed);
	if (r == -EXDEV) {
		wall->failed = ERR_INIT;
		(void)launch_again(wall, wall->report->layers[LAYER_USER_NS].error ?: EPERM,
				   &wall->failed);
	}
	filter_offer(wall);
	/* A layer that cannot be had is for wall_ready() to tell: the manifest goes with it. */
	*ret_wall = take_ptr(&wall);
	return 0;
}

/* ---- waiting for it -------------------------------------------------------------------------------- */

/* What the child told, made safe: it is a page that another process can write. */
static int report_read(const struct wall *wall, enum wall_failure *ret_failure, struct err *err)
{
	const struct wall_report *report = wall->report;
	char text[ERR_TEXT_MAX];
	int error = report->error > 0 && report->error < 4096 ? report->error : EIO;

	memcpy(text, report->text, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	*ret_failure = report->failure == WALL_FAIL_NOT_FOUND        ? WALL_FAIL_NOT_FOUND
		       : report->failure == WALL_FAIL_NOT_EXECUTABLE ? WALL_FAIL_NOT_EXECUTABLE
								     : WALL_FAIL_SETUP;
	if (!report->failed)
		return err_text(err, EIO, "the session's init died before the command started");
	return err_text(err, error, "%s", text);
}

static void layers_copy(const struct wall *wall, struct layer_status ret_layers[LAYER_N])
{
	for (int i = 0; i < LAYER_N; i++) {
		ret_layers[i] = wall->report->layers[i];
		ret_layers[i].detail[sizeof(ret_layers[i].detail) - 1] = '\0';
		if ((unsigned)ret_layers[i].state > LAYER_UNAVAILABLE)
			ret_layers[i].state = LAYER_UNAVAILABLE;
	}
}

int wall_ready(struct wall *wall, struct layer_status ret_layers[LAYER_N],
	       enum wall_failure *ret_failure, struct err *err)
{
	bool ready;
	int r;

	*ret_failure = WALL_FAIL_SETUP;
	if (err_is_set(&wall->failed)) {
		layers_copy(wall, ret_layers);
		return err_text(err, wall->failed.code, "%s", wall->failed.text);
	}
	ready = byte_await(wall, WALL_BYTE_READY);
	if (!ready && wall->report->failed && wall->report->early &&
	    wall->setup.backend == WALL_NAMESPACES) {
		r = launch_again(wall, wall->report->error, err);
		if (r < 0) {
			layers_copy(wall, ret_layers);
			return r;
		}
		ready = byte_await(wall, WALL_BYTE_READY);
	}
	layers_copy(wall, ret_layers);
	return ready ? 0 : report_read(wall, ret_failure, err);
}

int wall_listen(struct wall *wall, struct err *err)
{
	char root[40];
	int r;

	if (wall->listener >= 0)
		return 0;
	if (!wall->command.traps || !wall->command.traps->n)
		return 0;
	if (wall->report->layers[LAYER_SECCOMP].state != LAYER_ENGAGED)
		return 0; /* best effort: there is no filter that could trap anything */
	if (!wall->listener_told && !byte_await(wall, WALL_BYTE_LISTENER))
		return err_text(err, EIO, "the session's command ended before it could run");
	r = notify_fetch(wall->command_pid, wall->report->listener, &wall->listener);
	if (r < 0)
		return err_set(err, -r, "cannot take over the session's system calls");
	notify_tune(wall->listener);
	(void)snprintf(root, sizeof(root), "/proc/%d/root", wall->command_pid);
	wall->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (wall->root < 0)
		return err_set(err, errno, "cannot open the session's root");
	return 0;
}

int wall_root(const struct wall *wall)
{
	return wall->root;
}

int wall_listener(const struct wall *wall)
{
	return wall->listener;
}

const char *wall_trying(const struct wall *wall)
{
	static char path[WALL_PATH_MAX];

	memcpy(path, wall->report->executing, sizeof(path));
	path[sizeof(path) - 1] = '\0';
	return path;
}

const char *wall_executing(struct wall *wall)
{
	uint32_t attempt = __atomic_load_n(&wall->report->attempt, __ATOMIC_ACQUIRE);

	if (attempt == wall->attempt)
		return NULL;
	wall->attempt = attempt;
	return wall_trying(wall);
}

pid_t wall_command(const struct wall *wall)
{
	return wall->command_pid;
}

uint64_t wall_group(const struct wall *wall)
{
	struct stat st;
	int fd = group_fd(wall);

	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_ino : 0;
}

int wall_running_fd(const struct wall *wall)
{
	return wall->report_fd;
}

pid_t wall_init(const struct wall *wall)
{
	return wall->pid;
}

void wall_ids(const struct wall *wall, uid_t *ret_uid, uid_t *ret_outer_uid, gid_t *ret_gid,
	      gid_t *ret_outer_gid)
{
	const struct wall_setup *s = &wall->setup;

	*ret_uid = s->uid;
	*ret_outer_uid = s->outer_uid;
	*ret_gid = s->gid;
	*ret_outer_gid = s->outer_gid;
}

int wall_go(struct wall *wall, struct err *err)
{
	char byte = WALL_BYTE_GO;
	int r = wall_listen(wall, err);

	if (r < 0)
		return r;
	if (send(wall->report_fd, &byte, 1, MSG_NOSIGNAL) != 1)
		return err_set(err, errno, "the session's command is gone");
	return 0;
}

int wall_running(struct wall *wall, enum wall_failure *ret_failure, struct err *err)
{
	*ret_failure = WALL_FAIL_SETUP;
	(void)byte_await(wall, 0); /* end of file: exec'd or failed */
	if (wall->report->failed)
		return report_read(wall, ret_failure, err);
	wall->report_fd = fd_close(wall->report_fd);
	wall->go = true;
	return 0;
}

int wall_start(const struct policy *policy, const struct wall_command *command,
	       struct layer_status ret_layers[LAYER_N], enum wall_failure *ret_failure,
	       struct wall **ret_wall, struct err *err)
{
	AUTO(wall_freep) struct wall *wall = NULL;
	int r;

	*ret_failure = WALL_FAIL_SETUP;
	r = wall_launch(policy, command, &wall, err);
	if (r == 0)
		r = wall_ready(wall, ret_layers, ret_failure, err);
	if (r == 0)
		r = wall_go(wall, err);
	if (r == 0)
		r = wall_running(wall, ret_failure, err);
	if (r == 0)
		*ret_wall = take_ptr(&wall);
	return r;
}

/* ---- while it runs ---------------------------------------------------------------------------------- */

int wall_pidfd(const struct wall *wall)
{
	return wall->pidfd;
}

int wall_event_fd(const struct wall *wall)
{
	return wall->control;
}

static int request_send(struct wall *wall, enum init_request_kind kind, int sig)
{
	struct init_request request = { .kind = (int32_t)kind, .sig = sig };

	if (send(wall->control, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == EPIPE || errno == ECONNRESET || errno == EBADF ? -ESRCH : -errno;
	return 0;
}

int wall_signal(struct wall *wall, int sig)
{
	return request_send(wall, INIT_SIGNAL, sig);
}

int wall_foreground(struct wall *wall)
{
	return request_send(wall, INIT_FOREGROUND, 0);
}

int wall_event(struct wall *wall, struct wall_event *ret_event)
{
	struct init_event event;
	ssize_t n = recv(wall->control, &event, sizeof(event), MSG_DONTWAIT);

	if (n == 0)
		return -EPIPE; /* or the caller's poll() would go on saying "readable" */
	if (n != (ssize_t)sizeof(event))
		return n < 0 ? -errno : -EAGAIN;
	if (!event.stopped) {
		wall->exited = true;
		wall->status = event.status;
	}
	*ret_event = (struct wall_event){
		.kind = event.stopped ? WALL_EVENT_STOPPED : WALL_EVENT_EXITED,
		.status = event.status,
		.usage = event.usage,
	};
	return 0;
}

/* ---- the end ------------------------------------------------------------------------------------------ */

/* Second back end, init killed from outside: its tree was handed to us. */
static void orphans_kill(void)
{
	AUTO(fd_closep) int children = proc_children_open();

	if (children >= 0)
		init_tree_kill(children);
}

void wall_counters(const struct wall *wall, struct wall_exit *ended)
{
	cgroup_usage(&wall->cgroup, &ended->oom_kills, &ended->pids_hits, &ended->memory_peak);
}

/*
 * A tracer is told before their own parents of those that die: unless it listens, init waits for them in
 * vain. So everybody who is ours to wait for is heard.
 */
static void init_await(struct wall *wall, int *ret_status, struct rusage *ret_usage)
{
	pid_t pid;

	do {
		pid = wait4(-1, ret_status, __WALL, ret_usage);
	} while (pid < 0 ? errno == EINTR : pid != wall->pid);
}

int wall_finish(struct wall *wall, struct wall_exit *ret_exit)
{
	struct wall_exit done = { .status = -1 };
	struct wall_event event;
	int status = 0;

	if (!wall)
		return 0;
	if (wall->pid > 0) {
		/* End of file for init, which ends the tree; what it has said stays readable. */
		(void)shutdown(wall->control, SHUT_WR);
		if (wall->setup.backend == WALL_NAMESPACES)
			(void)sys_pidfd_send_signal(wall->pidfd, SIGKILL);
		init_await(wall, &status, &done.usage);
		wall->pid = -1;
		if (wall->setup.backend == WALL_LANDLOCK && WIFSIGNALED(status))
			orphans_kill();
		while (wall_event(wall, &event) == 0)
			;
	}
	if (wall->go)
		done.status = wall->exited ? wall->status : SIGKILL;
	wall_counters(wall, &done);
	if (ret_exit)
		*ret_exit = done;
	wall_free(wall);
	return 0;
}
