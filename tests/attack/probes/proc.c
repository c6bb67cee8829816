/*
 * Attacks on other processes and on what the process itself is (A10, A11, A19, A22, A23, F6).
 *
 * `target` is a process outside: the supervisor, or a bystander of the same user. Its number means
 * something else inside, or nothing; both are how the wall is meant to answer. A process inside
 * that happens to have that number must not be taken for it, so ESRCH is asked for.
 */
#include "probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/securebits.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

static pid_t target(void)
{
	return (pid_t)param_num("target");
}

#define ON_TARGET(name, call, what)          \
	static void name(void)               \
	{                                    \
		pid_t pid = target();        \
                                             \
		attempt();                   \
		verdict_reached(call, what); \
	}

static char scratch[16];
static struct iovec local = { scratch, sizeof(scratch) };
static struct iovec remote = { (void *)0x400000, sizeof(scratch) };
static siginfo_t queued = { .si_code = SI_QUEUE };
static cpu_set_t cpus;

ON_TARGET(pt_attach, ptrace(PTRACE_ATTACH, pid, 0, 0), "ptrace(ATTACH)")
ON_TARGET(pt_seize, ptrace(PTRACE_SEIZE, pid, 0, 0), "ptrace(SEIZE)")
ON_TARGET(vm_read, process_vm_readv(pid, &local, 1, &remote, 1, 0), "process_vm_readv")
ON_TARGET(vm_write, process_vm_writev(pid, &local, 1, &remote, 1, 0), "process_vm_writev")
ON_TARGET(pidfd, syscall(SYS_pidfd_open, pid, 0), "pidfd_open")
ON_TARGET(do_kcmp, syscall(SYS_kcmp, pid, getpid(), KCMP_FILES, 0, 0), "kcmp")
ON_TARGET(kill_0, kill(pid, 0), "kill(0)")
ON_TARGET(kill_stop, kill(pid, SIGSTOP), "kill(SIGSTOP)")
ON_TARGET(kill_kill, kill(pid, SIGKILL), "kill(SIGKILL)")
ON_TARGET(kill_group, kill(-pid, SIGKILL), "kill(-group, SIGKILL)")
ON_TARGET(tkill_kill, syscall(SYS_tkill, pid, SIGKILL), "tkill")
ON_TARGET(tgkill_kill, syscall(SYS_tgkill, pid, pid, SIGKILL), "tgkill")
ON_TARGET(sigqueue_kill, syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &queued), "rt_sigqueueinfo")
ON_TARGET(tgsigqueue, syscall(SYS_rt_tgsigqueueinfo, pid, pid, SIGUSR1, &queued),
	  "rt_tgsigqueueinfo")
ON_TARGET(affinity, sched_setaffinity(pid, sizeof(cpus), &cpus), "sched_setaffinity")
ON_TARGET(priority, setpriority(PRIO_PROCESS, (id_t)pid, 19), "setpriority")
ON_TARGET(ioprio, syscall(SYS_ioprio_set, 1, pid, 3 << 13), "ioprio_set")
ON_TARGET(limits, syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, NULL, &(struct rlimit){ 0 }),
	  "prlimit64")
ON_TARGET(robust, syscall(SYS_get_robust_list, pid, &(void *){ NULL }, &(size_t){ 0 }),
	  "get_robust_list")
ON_TARGET(pages_migrate, syscall(SYS_migrate_pages, pid, 1, &(long){ 1 }, &(long){ 1 }),
	  "migrate_pages")
ON_TARGET(pages_move, syscall(SYS_move_pages, pid, 0, NULL, NULL, NULL, 0), "move_pages")
ON_TARGET(pgid, setpgid(0, pid), "setpgid into another group")

static void pidfd_then(bool get)
{
	pid_t pid = target();
	long fd;

	attempt();
	fd = syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		blocked(errno, "pidfd_open");
	if (get)
		verdict(syscall(SYS_pidfd_getfd, fd, 0, 0), "pidfd_getfd");
	verdict(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), "pidfd_send_signal");
}

static void pidfd_getfd(void)
{
	pidfd_then(true);
}

static void pidfd_signal(void)
{
	pidfd_then(false);
}

/* On a process that may be seen: the session's own init holds descriptors of the wall. */
static void init_getfd(void)
{
	long fd;

	attempt();
	fd = syscall(SYS_pidfd_open, 1, 0);
	if (fd < 0)
		blocked(errno, "pidfd_open(1)");
	for (int n = 0; n < 32; n++)
		if (syscall(SYS_pidfd_getfd, fd, n, 0) >= 0)
			succeeded("took descriptor %d of init", n);
	blocked(errno, "pidfd_getfd");
}

static void init_ptrace(void)
{
	attempt();
	verdict(ptrace(PTRACE_SEIZE, 1, 0, 0), "ptrace of init");
}

static void init_vm_read(void)
{
	attempt();
	verdict_reached(process_vm_readv(1, &local, 1, &remote, 1, 0), "process_vm_readv of init");
}

static void init_vm_write(void)
{
	attempt();
	verdict_reached(process_vm_writev(1, &local, 1, &remote, 1, 0),
			"process_vm_writev of init");
}

static void init_limits(void)
{
	attempt();
	verdict(syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, &(struct rlimit){ 0 }, NULL),
		"prlimit64 of init");
}

/* Stopping init would stop the lifeline; the kernel drops it within its own pid namespace. */
static void init_signal(int sig)
{
	char state[512], *at;
	int fd;

	attempt();
	if (kill(1, sig))
		blocked(errno, "kill(1)");
	usleep(50000);
	fd = open("/proc/1/stat", O_RDONLY);
	if (fd < 0)
		blocked(ESRCH, "init cannot be seen");
	slurp(fd, state, sizeof(state));
	at = strrchr(state, ')');
	if (at && strchr("TtZX", at[2]))
		succeeded("init is in state %c", at[2]);
	blocked(ESRCH, "init goes on");
}

static void init_stop(void)
{
	init_signal(SIGSTOP);
}

static void init_kill(void)
{
	init_signal(SIGKILL);
}

static void init_term(void)
{
	init_signal(SIGTERM);
}

/* Every process in sight, which outside is everybody; the test looks whether its own survive. */
static void kill_all(void)
{
	attempt();
	if (kill(-1, SIGUSR2))
		blocked(errno, "kill(-1)");
	blocked(ESRCH, "kill(-1) went to whom it could");
}

static void proc_open(const char *dir, const char *name, int flags)
{
	char path[64], text[256];
	long fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", dir, name);
	attempt();
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		blocked(errno, "%s", path);
	if (strcmp(name, "mem") == 0)
		verdict_reached(pread((int)fd, text, 8, 0x400000), path);
	if (flags == O_RDONLY && slurp((int)fd, text, sizeof(text)) == 0)
		blocked(EACCES, "%s is empty", path);
	succeeded("opened %s", path);
}

#define ON_PROC(name, file, flags)                       \
	static void target_##name(void)                  \
	{                                                \
		proc_open(param("target"), file, flags); \
	}                                                \
	static void init_##name(void)                    \
	{                                                \
		proc_open("1", file, flags);             \
	}
ON_PROC(mem, "mem", O_RDONLY)
ON_PROC(environ, "environ", O_RDONLY)
ON_PROC(maps, "maps", O_RDONLY)
ON_PROC(root, "root", O_PATH | O_DIRECTORY)
ON_PROC(cwd, "cwd", O_PATH | O_DIRECTORY)
ON_PROC(exe, "exe", O_RDONLY)
ON_PROC(fd, "fd/0", O_RDONLY)

static void target_task(void)
{
	proc_open(param("target"), "task", O_RDONLY | O_DIRECTORY);
}

/* Where the descriptors lead; their mere numbers tell nothing. */
static void proc_fds(const char *dir)
{
	char path[64], to[256];
	int error = ENOENT;

	attempt();
	for (int fd = 0; fd < 64; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%s/fd/%d", dir, fd);
		n = readlink(path, to, sizeof(to) - 1);
		if (n >= 0)
			succeeded("%s leads to %.*s", path, (int)n, to);
		if (errno != ENOENT)
			error = errno;
	}
	blocked(error, "no descriptor's link can be read");
}

static void target_fds(void)
{
	proc_fds(param("target"));
}

static void init_fds(void)
{
	proc_fds("1");
}

/* /proc/N/task/N/mem of everybody in sight but ourselves and our parent. */
static void everybody_mem(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		unable("no /proc");
	attempt();
	while ((entry = readdir(proc))) {
		char path[64];
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid <= 0 || pid == getpid() || pid == getppid())
			continue;
		snprintf(path, sizeof(path), "/proc/%ld/task/%ld/mem", pid, pid);
		if (open(path, O_RDWR) >= 0)
			succeeded("opened %s", path);
	}
	blocked(EACCES, "no memory of others in sight");
}

/* Processes whose number or parent shows that the host's are in sight. */
static void host_processes(void)
{
	pid_t pid = target();
	char path[32];

	attempt();
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	verdict(open(path, O_RDONLY), path);
}

static void caps_empty(void)
{
	static const char *const sets[] = { "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:" };
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY);

	if (fd < 0 || slurp(fd, text, sizeof(text)) < 0)
		unable("/proc/self/status");
	attempt();
	for (size_t i = 0; i < 5; i++) {
		char *at = strstr(text, sets[i]);

		if (!at)
			unable("no %s in /proc/self/status", sets[i]);
		if (strtoull(at + 7, NULL, 16))
			succeeded("%s is not empty: %.16s", sets[i], at + 8);
	}
	blocked(EPERM, "all five sets are empty");
}

static void status_line(const char *key, const char *want)
{
	char text[4096], *at;
	int fd = open("/proc/self/status", O_RDONLY);

	if (fd < 0 || slurp(fd, text, sizeof(text)) < 0)
		unable("/proc/self/status");
	attempt();
	at = strstr(text, key);
	if (at && strncmp(at + strlen(key), want, strlen(want)) == 0)
		blocked(EPERM, "%s%s", key, want);
	succeeded("%s is not %s", key, want);
}

static void nnp_set(void)
{
	status_line("NoNewPrivs:\t", "1");
}

static void seccomp_set(void)
{
	status_line("Seccomp:\t", "2");
}

static void nnp_off(void)
{
	attempt();
	verdict(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), "prctl(NO_NEW_PRIVS, 0)");
}

static void ambient_raise(void)
{
	attempt();
	verdict(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0),
		"PR_CAP_AMBIENT_RAISE");
}

static void mm_set(void)
{
	attempt();
	verdict_reached(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, 0, 0, 0), "PR_SET_MM");
}

static void securebits(void)
{
	attempt();
	verdict(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT, 0, 0, 0), "PR_SET_SECUREBITS");
}

static void capset_all(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { ~0U, ~0U, 0 }, { 0x1ff, 0x1ff, 0 } };

	attempt();
	verdict(syscall(SYS_capset, &head, data), "capset(everything)");
}

static void become_root(void)
{
	/* For root: another user, then back; both need what was taken away. */
	uid_t other = getuid() ? 0 : 12345;

	attempt();
	verdict(setresuid(other, other, other), "setresuid");
}

static void shm_attach(void)
{
	int id;

	attempt();
	id = shmget((key_t)param_num("key"), 0, 0);
	if (id < 0)
		blocked(errno, "shmget of the host's segment");
	verdict((long)shmat(id, NULL, SHM_RDONLY), "shmat");
}

static void sem_get(void)
{
	key_t key = (key_t)param_num("key");

	attempt();
	verdict(semget(key, 0, 0), "semget of the host's semaphores");
}

static void msg_get(void)
{
	key_t key = (key_t)param_num("key");

	attempt();
	verdict(msgget(key, 0), "msgget of the host's queue");
}

static void mq_take(void)
{
	const char *name = param("queue");

	attempt();
	verdict(mq_open(name, O_RDONLY), "mq_open of the host's queue");
}

static void shm_file(void)
{
	const char *name = param("file");

	attempt();
	verdict(open(name, O_RDWR), "open of the host's file in /dev/shm");
}

#define GONE "ESRCH EPERM"
#define NOPROC "ENOENT EACCES EPERM"
#define INIT "EPERM EACCES"

const struct probe probes_proc[] = {
	{ "A10-attach", "ptrace attach outside", GONE, "target", pt_attach, PROBE_NO_CONTROL },
	{ "A10-seize", "ptrace seize outside", GONE, "target", pt_seize, 0 },
	{ "A10-vm-read", "process_vm_readv outside", GONE, "target", vm_read, 0 },
	{ "A10-vm-write", "process_vm_writev outside", GONE, "target", vm_write, 0 },
	{ "A10-pidfd", "pidfd_open outside", "ESRCH EPERM EINVAL", "target", pidfd, 0 },
	{ "A10-getfd", "pidfd_getfd outside", "ESRCH EPERM EINVAL", "target", pidfd_getfd, 0 },
	{ "A10-pidfd-signal", "pidfd_send_signal outside", "ESRCH EPERM EINVAL", "target",
	  pidfd_signal, 0 },
	{ "A10-kcmp", "kcmp outside", "ESRCH EPERM ENOSYS", "target", do_kcmp, 0 },
	{ "A10-limits", "prlimit64 outside", GONE, "target", limits, 0 },
	{ "A10-robust", "get_robust_list outside", GONE, "target", robust, 0 },
	{ "A10-affinity", "sched_setaffinity outside", GONE, "target", affinity, 0 },
	{ "A10-priority", "setpriority outside", GONE, "target", priority, 0 },
	{ "A10-ioprio", "ioprio_set outside", GONE, "target", ioprio, 0 },
	{ "A10-migrate", "migrate_pages outside", GONE, "target", pages_migrate, 0 },
	{ "A10-move", "move_pages outside", GONE, "target", pages_move, 0 },
	{ "A10-init-getfd", "pidfd_getfd of init", INIT, NULL, init_getfd, PROBE_NO_CONTROL },
	{ "A10-init-ptrace", "ptrace of init", INIT, NULL, init_ptrace, PROBE_NO_CONTROL },
	{ "A10-init-read", "process_vm_readv of init", INIT, NULL, init_vm_read, PROBE_NO_CONTROL },
	{ "A10-init-write", "process_vm_writev of init", INIT, NULL, init_vm_write,
	  PROBE_NO_CONTROL },
	{ "A10-init-limits", "prlimit64 of init", INIT, NULL, init_limits, PROBE_NO_CONTROL },
	{ "A11-seen", "/proc of a process outside", NOPROC, "target", host_processes, 0 },
	{ "A11-mem", "/proc/N/mem outside", NOPROC, "target", target_mem, 0 },
	{ "A11-environ", "/proc/N/environ outside", NOPROC, "target", target_environ, 0 },
	{ "A11-maps", "/proc/N/maps outside", NOPROC, "target", target_maps, 0 },
	{ "A11-root", "/proc/N/root outside", NOPROC, "target", target_root, 0 },
	{ "A11-cwd", "/proc/N/cwd outside", NOPROC, "target", target_cwd, 0 },
	{ "A11-exe", "/proc/N/exe outside", NOPROC, "target", target_exe, 0 },
	{ "A11-fd", "/proc/N/fd/0 outside", NOPROC, "target", target_fd, 0 },
	{ "A11-fds", "/proc/N/fd outside", NOPROC, "target", target_fds, 0 },
	{ "A11-task", "/proc/N/task outside", NOPROC, "target", target_task, 0 },
	{ "A11-init-mem", "/proc/1/mem", NOPROC, NULL, init_mem, PROBE_NO_CONTROL },
	{ "A11-init-environ", "/proc/1/environ", NOPROC, NULL, init_environ, PROBE_NO_CONTROL },
	{ "A11-init-maps", "/proc/1/maps", NOPROC, NULL, init_maps, PROBE_NO_CONTROL },
	{ "A11-init-root", "/proc/1/root", NOPROC, NULL, init_root, PROBE_NO_CONTROL },
	{ "A11-init-cwd", "/proc/1/cwd", NOPROC, NULL, init_cwd, PROBE_NO_CONTROL },
	{ "A11-init-exe", "/proc/1/exe", NOPROC, NULL, init_exe, PROBE_NO_CONTROL },
	{ "A11-init-fd", "/proc/1/fd/0", NOPROC, NULL, init_fd, PROBE_NO_CONTROL },
	{ "A11-init-fds", "/proc/1/fd", NOPROC, NULL, init_fds, PROBE_NO_CONTROL },
	{ "A11-everybody", "/proc/*/task/*/mem", NOPROC, NULL, everybody_mem, 0 },
	{ "A19-caps", "a capability is left", "EPERM", NULL, caps_empty, 0 },
	{ "A19-nnp", "no_new_privs is missing", "EPERM", NULL, nnp_set, 0 },
	{ "A19-seccomp", "seccomp is missing", "EPERM", NULL, seccomp_set, 0 },
	{ "A19-nnp-off", "no_new_privs switched off", "EINVAL EPERM", NULL, nnp_off,
	  PROBE_NO_CONTROL },
	{ "A19-ambient", "PR_CAP_AMBIENT_RAISE", "EPERM", NULL, ambient_raise, PROBE_NO_CONTROL },
	{ "A19-mm", "PR_SET_MM", "EPERM", NULL, mm_set, 0 },
	{ "A19-securebits", "PR_SET_SECUREBITS", "EPERM", NULL, securebits, 0 },
	{ "A19-capset", "capset of everything", "EPERM", NULL, capset_all, PROBE_NO_CONTROL },
	{ "A19-uid", "setresuid to somebody else", "EPERM EINVAL", NULL, become_root, 0 },
	{ "A22-zero", "kill(0) outside", GONE, "target", kill_0, 0 },
	{ "A22-stop", "SIGSTOP outside", GONE, "target", kill_stop, PROBE_NO_CONTROL },
	{ "A22-kill", "SIGKILL outside", GONE, "target", kill_kill, PROBE_NO_CONTROL },
	{ "A22-group", "SIGKILL to a group outside", GONE, "target", kill_group, PROBE_NO_CONTROL },
	{ "A22-tkill", "tkill outside", GONE, "target", tkill_kill, PROBE_NO_CONTROL },
	{ "A22-tgkill", "tgkill outside", GONE, "target", tgkill_kill, PROBE_NO_CONTROL },
	{ "A22-queue", "rt_sigqueueinfo outside", GONE, "target", sigqueue_kill, PROBE_NO_CONTROL },
	{ "A22-tgqueue", "rt_tgsigqueueinfo outside", GONE, "target", tgsigqueue,
	  PROBE_NO_CONTROL },
	{ "A22-pgid", "join a process group outside", GONE, "target", pgid, PROBE_NO_CONTROL },
	{ "A22-all", "kill(-1)", "ESRCH EPERM", NULL, kill_all, PROBE_NO_CONTROL },
	{ "A22-init-stop", "SIGSTOP to init", "ESRCH EPERM", NULL, init_stop, PROBE_NO_CONTROL },
	{ "A22-init-kill", "SIGKILL to init", "ESRCH EPERM", NULL, init_kill, PROBE_NO_CONTROL },
	{ "A22-init-term", "SIGTERM to init", "ESRCH EPERM", NULL, init_term, PROBE_NO_CONTROL },
	{ "A23-shm", "the host's SysV memory", "ENOENT ENOSYS EPERM", "key", shm_attach, 0 },
	{ "A23-sem", "the host's SysV semaphores", "ENOENT ENOSYS EPERM", "key", sem_get, 0 },
	{ "A23-msg", "the host's SysV queue", "ENOENT ENOSYS EPERM", "key", msg_get, 0 },
	{ "A23-mq", "the host's POSIX queue", "ENOENT ENOSYS EPERM", "queue", mq_take, 0 },
	{ "A23-devshm", "the host's /dev/shm", "ENOENT EACCES", "file", shm_file, 0 },
	{ NULL },
};
