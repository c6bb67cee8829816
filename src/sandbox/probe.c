#include "sandbox/probe.h"

#include "base/own.h"
#include "sandbox/filter.h"
#include "sandbox/wall.h"
#include "sys/caps.h"
#include "sys/cgroup.h"
#include "sys/landlock.h"
#include "sys/missing_syscall.h"
#include "sys/mnt.h"
#include "sys/ns.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define SESSION_TIMEOUT_MS 10000

/* One primitive, performed in a child in namespaces @flags (and a user namespace, if that is what
 * this user needs for them). Negative errno; @result->detail says what was being tried. */
struct probe {
	uint64_t flags;
	int (*perform)(struct probe_result *result);
};

static void doing(struct probe_result *result, const char *what)
{
	(void)snprintf(result->detail, sizeof(result->detail), "%s", what);
}

static int probe_nothing(struct probe_result *result)
{
	(void)result;
	return 0;
}

static int probe_mounts(struct probe_result *result)
{
	AUTO(fd_closep) int tree = -EBADF;
	AUTO(fd_closep) int root = -EBADF;
	int r;

	doing(result, "make mounts private");
	r = mount_all_private();
	if (r < 0)
		return r;
	doing(result, "clone a mount");
	r = mount_open(AT_FDCWD, "/", &root);
	if (r == 0)
		r = mount_clone(root, true, &tree);
	if (r < 0)
		return r;
	doing(result, "make a mount read-only");
	r = mount_restrict(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, true);
	if (r == 0)
		doing(result, "");
	return r;
}

static int probe_root(struct probe_result *result)
{
	AUTO(fd_closep) int tmpfs = -EBADF;
	AUTO(fd_closep) int proc = -EBADF;
	int r = probe_mounts(result);

	if (r < 0)
		return r;
	doing(result, "mount a tmpfs");
	r = mount_new("tmpfs", NULL, 0, 0, &tmpfs);
	if (r == 0)
		r = mount_attach(tmpfs, AT_FDCWD, "/");
	if (r < 0)
		return r;
	doing(result, "mount a new /proc");
	r = mount_new("proc", NULL, 0, 0, &proc);
	if (r < 0)
		return r;
	doing(result, "pivot into it");
	r = mount_pivot(tmpfs);
	if (r == 0)
		doing(result, "");
	return r;
}

static int probe_net(struct probe_result *result)
{
	int r;

	doing(result, "bring loopback up");
	r = ns_loopback_up();
	if (r == 0)
		doing(result, "");
	return r;
}

static int probe_uts(struct probe_result *result)
{
	doing(result, "set the host name");
	if (sethostname("capsule", 7) < 0)
		return -errno;
	doing(result, "");
	return 0;
}

/* Each controller by itself: which of them, and by which version. */
static int probe_cgroup(struct probe_result *result)
{
	static const struct cgroup_limits each[CGROUP_N] = {
		[CGROUP_MEMORY] = { .memory = 64 << 20 },
		[CGROUP_CPU] = { .cpu_milli = 1000 },
		[CGROUP_PIDS] = { .pids = 64 },
	};
	size_t n = 0;
	int first = 0;

	for (int i = 0; i < CGROUP_N; i++) {
		struct cgroup group;
		int r = cgroup_make(&each[i], &group);

		if (r < 0) {
			first = first ? first : r;
			continue;
		}
		n += (size_t)snprintf(result->detail + n, sizeof(result->detail) - n, "%s",
				      n ? "; " : "");
		cgroup_describe(&group, result->detail + n, sizeof(result->detail) - n);
		n = strlen(result->detail);
		cgroup_remove(&group);
	}
	return first;
}

static int probe_rlimits(struct probe_result *result)
{
	struct rlimit none = { 0, 0 };

	doing(result, "set RLIMIT_CORE");
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	doing(result, "");
	return 0;
}

static int probe_capabilities(struct probe_result *result)
{
	bool bounded = false;
	int r;

	doing(result, "empty the capability sets");
	r = caps_drop_all(&bounded);
	if (r < 0)
		return r;
	doing(result, bounded ? "" : "the bounding set");
	return bounded ? 0 : -EPERM;
}

static int probe_no_new_privs(struct probe_result *result)
{
	doing(result, "");
	return caps_no_new_privs();
}

/* Enter a domain that grants nothing of what is asked for. */
static int landlock_enter(struct probe_result *result, bool fs, bool net, bool scope,
			  struct landlock *set)
{
	int r;

	doing(result, "make a ruleset");
	r = landlock_open(fs, net, scope, set);
	if (r == 0 && scope && set->abi < 6)
		r = -EOPNOTSUPP;
	if (r == 0)
		r = caps_no_new_privs();
	return r < 0 ? r : landlock_enforce(set);
}

/* Does it keep us from opening what we could open before? */
static int probe_landlock_fs(struct probe_result *result)
{
	struct landlock set = LANDLOCK_INIT;
	int fd, r;

	r = landlock_enter(result, true, false, false, &set);
	if (r < 0)
		return r;
	doing(result, "deny a file");
	fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return -EBADE;
	(void)snprintf(result->detail, sizeof(result->detail), "ABI %d", set.abi);
	return 0;
}

static int probe_landlock_net(struct probe_result *result)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	struct landlock set = LANDLOCK_INIT;
	AUTO(fd_closep) int fd = -EBADF;
	int r;

	r = landlock_enter(result, false, true, false, &set);
	if (r < 0)
		return r;
	doing(result, "deny a port");
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0)
		return -EBADE;
	doing(result, "");
	return 0;
}

static int probe_landlock_scope(struct probe_result *result)
{
	struct landlock set = LANDLOCK_INIT;
	pid_t parent = getppid();
	int r;

	r = landlock_enter(result, false, false, true, &set);
	if (r < 0)
		return r;
	doing(result, "deny a signal");
	if (kill(parent, 0) == 0)
		return -EBADE;
	doing(result, "");
	return 0;
}

static int probe_seccomp(struct probe_result *result)
{
	static struct filter filter;
	struct err err = ERR_INIT;
	int r;

	doing(result, "load a filter");
	r = caps_no_new_privs();
	if (r == 0)
		r = filter_compile(NULL, FILTER_SESSION, &filter, &err);
	if (r == 0)
		r = filter_load(&filter, 0, &err);
	if (r < 0)
		return r;
	doing(result, "refuse a system call");
	if (unshare(CLONE_NEWUSER) == 0)
		return -EBADE;
	(void)snprintf(result->detail, sizeof(result->detail), "%u instructions", filter.n);
	return 0;
}

static int probe_fds(struct probe_result *result)
{
	int fd = open("/dev/null", O_RDONLY);

	doing(result, "close_range");
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return -errno;
	if (fd < 3 || !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
		return -EBADE;
	doing(result, "");
	return 0;
}

static const struct probe probes[LAYER_N] = {
	[LAYER_USER_NS] = { CLONE_NEWUSER, probe_nothing },
	[LAYER_MOUNT_NS] = { CLONE_NEWNS, probe_mounts },
	[LAYER_PID_NS] = { CLONE_NEWPID, probe_nothing },
	[LAYER_NET_NS] = { CLONE_NEWNET, probe_net },
	[LAYER_IPC_NS] = { CLONE_NEWIPC, probe_nothing },
	[LAYER_UTS_NS] = { CLONE_NEWUTS, probe_uts },
	[LAYER_CGROUP_NS] = { CLONE_NEWCGROUP, probe_nothing },
	[LAYER_ROOT] = { CLONE_NEWNS | CLONE_NEWPID, probe_root },
	[LAYER_CGROUP] = { 0, probe_cgroup },
	[LAYER_RLIMITS] = { 0, probe_rlimits },
	/* With a user namespace anybody can; without, only who may drop from the bounding set. */
	[LAYER_CAPABILITIES] = { CLONE_NEWUSER, probe_capabilities },
	[LAYER_NO_NEW_PRIVS] = { 0, probe_no_new_privs },
	[LAYER_LANDLOCK_FS] = { 0, probe_landlock_fs },
	[LAYER_LANDLOCK_NET] = { 0, probe_landlock_net },
	[LAYER_LANDLOCK_SCOPE] = { 0, probe_landlock_scope },
	[LAYER_SECCOMP] = { 0, probe_seccomp },
	[LAYER_FDS] = { 0, probe_fds },
};

/* ---- in children ---------------------------------------------------------------------------- */

static int map_ids(uid_t uid, gid_t gid)
{
	AUTO(fd_closep) int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return self < 0 ? -errno : ns_map_self(self, uid, uid, gid, gid);
}

_Noreturn static void perform(const struct probe *probe, uint64_t flags, uid_t uid, gid_t gid,
			      struct probe_result *result)
{
	int r = 0;

	if (flags & CLONE_NEWUSER) {
		doing(result, "map ids");
		r = map_ids(uid, gid);
	}
	if (r == 0) {
		doing(result, "");
		r = probe->perform(result);
	}
	result->error = -r;
	_exit(0);
}

static void probe_one(const struct probe *probe, struct probe_result *result)
{
	bool privileged = geteuid() == 0 && caps_have(CAP_SYS_ADMIN);
	AUTO(fd_closep) int pidfd = -EBADF;
	uint64_t flags = probe->flags;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t pid;

	if (flags && !privileged)
		flags |= CLONE_NEWUSER;
	/* Until it has said otherwise: it died. */
	*result = (struct probe_result){ .error = EIO };
	pid = ns_clone(flags, -1, &pidfd);
	if (pid == 0)
		perform(probe, flags, uid, gid, result);
	if (pid < 0) {
		result->error = -pid;
		doing(result, "clone");
		return;
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void probe_layers(struct probe_result ret_results[LAYER_N])
{
	size_t size = sizeof(*ret_results) * LAYER_N;
	struct probe_result *shared =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < LAYER_N; i++) {
		if (shared == MAP_FAILED)
			ret_results[i] = (struct probe_result){ .error = ENOMEM };
		else
			probe_one(&probes[i], &shared[i]);
	}
	if (shared == MAP_FAILED)
		return;
	memcpy(ret_results, shared, size);
	(void)munmap(shared, size);
}

static uint64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int probe_session(const struct policy *policy, enum wall_backend backend, uint64_t *ret_us,
		  struct layer_status ret_layers[LAYER_N], struct err *err)
{
	char *argv[] = { (char *)"true", NULL };
	char *envp[] = { (char *)"PATH=/usr/bin:/bin", NULL };
	AUTO(fd_closep) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct wall_command command = {
		.argv = argv, .envp = envp, .cwd = policy->workspace, .stdio = { null, null, null }
	};
	struct layer_fault before = layer_fault;
	struct pollfd wait = { .events = POLLIN };
	struct wall_exit done = { .status = -1 };
	enum wall_failure failure;
	struct wall *wall = NULL;
	uint64_t start = now_us();
	int r;

	if (backend == WALL_LANDLOCK)
		layer_fault = (struct layer_fault){ LAYER_BIT(LAYER_MOUNT_NS), EPERM };
	r = wall_start(policy, &command, ret_layers, &failure, &wall, err);
	layer_fault = before;
	if (r < 0)
		return r;
	wait.fd = wall_pidfd(wall);
	(void)poll(&wait, 1, SESSION_TIMEOUT_MS);
	(void)wall_finish(wall, &done);
	*ret_us = now_us() - start;
	if (done.status != 0)
		return err_text(err, EIO, "the command ended with wait status %d", done.status);
	/* The other back end may have stood in for this one. */
	if (backend == WALL_NAMESPACES && ret_layers[LAYER_ROOT].state != LAYER_ENGAGED)
		return err_set(err, ret_layers[LAYER_ROOT].error, "no namespaces");
	return 0;
}
