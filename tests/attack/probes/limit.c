/*
 * Attacks by using everything up (C14, E11).
 */
#include "probe.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MIB (1L << 20)

/* Writes up to twice the limit, @mib, below @dir. */
static void fill(bool one_file)
{
	static char block[MIB];
	const char *dir = param("dir");
	long mib = param_num("mib"), done = 0;
	char path[512];
	int fd = -1;

	memset(block, 'x', sizeof(block));
	attempt();
	signal(SIGXFSZ, SIG_IGN);
	for (; done < 2 * mib; done++) {
		if (!one_file || fd < 0) {
			if (fd >= 0)
				close(fd);
			snprintf(path, sizeof(path), "%s/fill-%ld", dir, done);
			fd = open(path, O_WRONLY | O_CREAT, 0644);
		}
		if (fd < 0 || write(fd, block, MIB) != MIB)
			break;
	}
	if (done > mib)
		succeeded("wrote %ld MiB of %ld to %s", done, mib, dir);
	if (fd < 0 && done == 0)
		unable("cannot write to %s", dir);
	/* A short write leaves errno alone; asked again it says why. */
	if (write(fd, block, MIB) == MIB)
		unable("it goes on after all");
	blocked(errno, "after %ld MiB in %s", done, dir);
}

static void fill_many(void)
{
	fill(false);
}

static void fill_one(void)
{
	fill(true);
}

static void file_sparse(void)
{
	long mib = param_num("mib");
	int fd = open("sparse", O_WRONLY | O_CREAT, 0644);

	if (fd < 0)
		unable("open");
	signal(SIGXFSZ, SIG_IGN);
	attempt();
	verdict(ftruncate(fd, 2 * mib * MIB), "ftruncate beyond the limit");
}

static void inodes(void)
{
	const char *dir = param("dir");
	long most = param_num("most"), n;
	char path[512];

	attempt();
	for (n = 0; n < most; n++) {
		snprintf(path, sizeof(path), "%s/i-%ld", dir, n);
		if (mknod(path, S_IFREG | 0600, 0))
			break;
	}
	if (n == most)
		succeeded("%ld files in %s", n, dir);
	blocked(errno, "after %ld files in %s", n, dir);
}

/* Folders that the session may write to, though nobody granted them. */
static void writable_places(void)
{
	static const char *const places[] = { "/",    "/dev", "/dev/pts", "/proc", "/run", "/var",
					      "/sys", "/etc", "/usr",     "/mnt",  "/opt", "/root",
					      "/bin", "/lib", "/srv",     "/media" };
	char path[64];

	attempt();
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/attack", places[i]);
		if (open(path, O_WRONLY | O_CREAT | O_EXCL, 0600) >= 0) {
			unlink(path);
			succeeded("made a file in %s", places[i]);
		}
		if (mkdir(path, 0700) == 0) {
			rmdir(path);
			succeeded("made a folder in %s", places[i]);
		}
	}
	blocked(EACCES, "nowhere");
}

static void fork_bomb(void)
{
	long limit = param_num("limit"), n = 0;
	pid_t *pids = calloc((size_t)limit * 2 + 16, sizeof(*pids));
	int error;

	if (!pids)
		unable("calloc");
	attempt();
	while (n < 2 * limit + 16) {
		pids[n] = fork();
		if (pids[n] == 0)
			for (;;)
				pause();
		if (pids[n] < 0)
			break;
		n++;
	}
	error = errno;
	for (long i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	if (n > limit)
		succeeded("%ld processes with a limit of %ld", n, limit);
	blocked(error, "after %ld processes", n);
}

static void memory(void)
{
	long mib = param_num("mib");

	attempt();
	for (long i = 0; i < 2 * mib + 64; i++) {
		char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (p == MAP_FAILED)
			blocked(errno, "after %ld MiB", i);
		memset(p, 1, MIB);
	}
	succeeded("used %ld MiB with a limit of %ld", 2 * mib + 64, mib);
}

static void open_files(void)
{
	long limit = param_num("limit"), n = 0;

	attempt();
	while (n <= limit && dup(0) >= 0)
		n++;
	if (n > limit)
		succeeded("%ld open files with a limit of %ld", n, limit);
	blocked(errno, "after %ld files", n);
}

/* Raising a limit again. */
static void raise_limit(int which, rlim_t to, const char *what)
{
	struct rlimit old, new = { to, to };

	if (getrlimit((__rlimit_resource_t)which, &old))
		unable("getrlimit");
	if (old.rlim_max >= to)
		new.rlim_cur = new.rlim_max = RLIM_INFINITY;
	attempt();
	verdict(setrlimit((__rlimit_resource_t)which, &new), what);
}

static void raise_core(void)
{
	raise_limit(RLIMIT_CORE, 1 << 20, "setrlimit(CORE, 1 MiB)");
}

static void raise_files(void)
{
	raise_limit(RLIMIT_NOFILE, 1 << 20, "setrlimit(NOFILE, 1 Mi)");
}

static void raise_fsize(void)
{
	raise_limit(RLIMIT_FSIZE, RLIM_INFINITY, "setrlimit(FSIZE, unlimited)");
}

static void oom_adjust(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	attempt();
	if (fd < 0)
		blocked(errno, "/proc/self/oom_score_adj");
	verdict(write(fd, "-1000", 5), "oom_score_adj -1000");
}

static void realtime(void)
{
	struct {
		int priority;
	} p = { 1 };

	attempt();
	verdict(syscall(SYS_sched_setscheduler, 0, 1, &p), "sched_setscheduler(FIFO)");
}

static void nice_up(void)
{
	attempt();
	verdict(setpriority(PRIO_PROCESS, 0, -10), "setpriority(-10)");
}

static void lock_memory(void)
{
	size_t size = 256UL * MIB;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		unable("mmap");
	attempt();
	verdict(mlock(p, size), "mlock of 256 MiB");
}

const struct probe probes_limit[] = {
	{ "C14-disk", "fill a private file system", "ENOSPC EDQUOT", "dir mib", fill_many, 0 },
	{ "C14-file", "one file beyond file_size", "EFBIG", "dir mib", fill_one, 0 },
	{ "C14-sparse", "a sparse file beyond file_size", "EFBIG", "mib", file_sparse, 0 },
	{ "C14-inodes", "use up inodes of a private file system", "ENOSPC EDQUOT", "dir most",
	  inodes, 0 },
	{ "C14-places", "write where nobody granted it", "EACCES", NULL, writable_places,
	  PROBE_NO_CONTROL },
	{ "C14-pids", "fork bomb", "EAGAIN", "limit", fork_bomb, 0 },
	{ "C14-memory", "use up memory", "ENOMEM SIGKILL", "mib", memory, 0 },
	{ "C14-files", "open files", "EMFILE", "limit", open_files, 0 },
	{ "C14-raise-core", "raise the core limit", "EPERM", NULL, raise_core, 0 },
	{ "C14-raise-files", "raise open files", "EPERM", NULL, raise_files, PROBE_NO_CONTROL },
	{ "C14-raise-fsize", "raise file_size", "EPERM", "limited", raise_fsize, 0 },
	{ "C14-oom", "oom_score_adj", "EACCES EROFS EPERM", NULL, oom_adjust, 0 },
	{ "C14-realtime", "real-time scheduling", "EPERM", NULL, realtime, PROBE_NO_CONTROL },
	{ "C14-nice", "raise the priority", "EACCES EPERM", NULL, nice_up, 0 },
	{ "C14-mlock", "lock memory", "ENOMEM EPERM", NULL, lock_memory, 0 },
	{ NULL },
};
