/*
 * Attacks on the rule of what may be executed (A16, A17, A18).
 *
 * Policy of these tests: `dir` may be written but not executed from; `xdir` may be both; `forbidden`
 * is a program under `deny`. The payload is this program itself, told to exit with 42.
 */
#include "probe.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PATH_LEN 512

static void copy_program(const char *from, int to)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		unable("cannot read %s", from);
	while ((n = sendfile(to, fd, NULL, 1 << 20)) > 0)
		;
	if (n < 0)
		unable("cannot copy %s", from);
	close(fd);
}

static const char *program_in(const char *dir, const char *name, const char *from)
{
	static char path[PATH_LEN];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (fd < 0)
		unable("cannot write %s", path);
	copy_program(from, fd);
	fchmod(fd, 0755);
	close(fd);
	return path;
}

/* Executes @path (or @fd when @path is NULL) in a child and judges by its exit status. */
static _Noreturn void run42(const char *path, int fd, char *const argv[], int ok, const char *what)
{
	char *const envp[] = { NULL };
	int pipefd[2], error = 0, status;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC))
		unable("pipe");
	attempt();
	pid = fork();
	if (pid == 0) {
		if (path)
			execve(path, argv, envp);
		else
			syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
		error = errno;
		if (write(pipefd[1], &error, sizeof(error)) < 0)
			_exit(1);
		_exit(1);
	}
	close(pipefd[1]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		unable("fork");
	if (read(pipefd[0], &error, sizeof(error)) == sizeof(error))
		blocked(error, "%s", what);
	if (WIFEXITED(status) && WEXITSTATUS(status) == ok)
		succeeded("%s ran", what);
	blocked(WIFSIGNALED(status) ? ECHILD : EACCES, "%s: status %#x", what, (unsigned)status);
}

static char *exit42[] = { (char[]){ "attack_probe" }, (char[]){ "--exit42" }, NULL };

static void exec_direct(void)
{
	run42(program_in(param("dir"), "prog", "/proc/self/exe"), -1, exit42, 42, "execve");
}

static void exec_memfd(void)
{
	int fd = (int)syscall(SYS_memfd_create, "prog", 1);

	if (fd < 0) {
		attempt();
		blocked(errno, "memfd_create");
	}
	copy_program("/proc/self/exe", fd);
	run42(NULL, fd, exit42, 42, "a program in a memfd");
}

static void exec_memfd_path(void)
{
	int fd = (int)syscall(SYS_memfd_create, "prog", 0);
	char path[64];

	if (fd < 0) {
		attempt();
		blocked(errno, "memfd_create");
	}
	copy_program("/proc/self/exe", fd);
	/* Not while it is open for writing: through a second, read-only descriptor. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	run42(path, -1, exit42, 42, "a memfd by /proc/self/fd");
}

static void exec_fd(void)
{
	const char *path = program_in(param("dir"), "prog", "/proc/self/exe");

	run42(NULL, open(path, O_RDONLY | O_CLOEXEC), exit42, 42, "fexecve");
}

static void exec_deleted(void)
{
	const char *path = program_in(param("dir"), "prog", "/proc/self/exe");
	int fd = open(path, O_RDONLY);
	char link[64];

	unlink(path);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	run42(link, -1, exit42, 42, "a deleted program");
}

static void exec_tmpfile(void)
{
	int fd = open(param("dir"), O_TMPFILE | O_RDWR, 0755), ro;
	char link[64];

	if (fd < 0)
		unable("O_TMPFILE");
	copy_program("/proc/self/exe", fd);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ro = open(link, O_RDONLY);
	close(fd);
	run42(NULL, ro, exit42, 42, "an O_TMPFILE");
}

/* The loader maps the program itself: no execve of it takes place. */
static void exec_loader(void)
{
	static const char *const loaders[] = { "/lib64/ld-linux-x86-64.so.2",
					       "/lib/ld-linux-aarch64.so.1" };
	char *path = strdup(program_in(param("dir"), "true", "/usr/bin/true"));
	char *argv[] = { (char[]){ "ld.so" }, path, NULL };

	for (size_t i = 0; i < 2; i++)
		if (access(loaders[i], X_OK) == 0)
			run42(loaders[i], -1, argv, 0, "ld.so PROGRAM");
	unable("no loader found");
}

static void exec_mmap(void)
{
	int fd = open(program_in(param("dir"), "prog", "/proc/self/exe"), O_RDONLY);
	void *map;

	attempt();
	map = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	verdict(map == MAP_FAILED ? -1 : 0, "mmap(PROT_EXEC)");
}

static void exec_mprotect(void)
{
	int fd = open(program_in(param("dir"), "prog", "/proc/self/exe"), O_RDONLY);
	void *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	if (map == MAP_FAILED)
		unable("mmap");
	attempt();
	verdict(mprotect(map, 4096, PROT_READ | PROT_EXEC), "mprotect(PROT_EXEC)");
}

static void script_in(const char *where, const char *interpreter, char path[PATH_LEN])
{
	FILE *f;

	snprintf(path, PATH_LEN, "%s/script", where);
	unlink(path);
	f = fopen(path, "we");
	if (!f || fprintf(f, "#!%s --exit42\n", interpreter) < 0 || fclose(f) || chmod(path, 0755))
		unable("cannot write %s", path);
}

static void exec_shebang(void)
{
	char path[PATH_LEN];

	script_in(param("xdir"), program_in(param("dir"), "prog", "/proc/self/exe"), path);
	run42(path, -1, exit42, 42, "a script whose interpreter may not be executed");
}

static void exec_script(void)
{
	char path[PATH_LEN];

	script_in(param("dir"), param("self"), path);
	run42(path, -1, exit42, 42, "a script that may not be executed");
}

static void exec_binfmt(void)
{
	attempt();
	verdict(open("/proc/sys/fs/binfmt_misc/register", O_WRONLY), "binfmt_misc/register");
}

static void exec_by(const char *prefix, const char *what)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%s%s", prefix,
		 program_in(param("dir"), "prog", "/proc/self/exe"));
	run42(path, -1, exit42, 42, what);
}

static void alias_root(void)
{
	exec_by("/proc/self/root", "/proc/self/root/...");
}

static void alias_task(void)
{
	exec_by("/proc/thread-self/root", "/proc/thread-self/root/...");
}

static void alias_dots(void)
{
	exec_by("/usr/../proc/self/cwd/../../../../../../../..", "a path through /proc/self/cwd");
}

static void alias_symlink(void)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%s/symlink", param("xdir"));
	unlink(path);
	if (symlink(program_in(param("dir"), "prog", "/proc/self/exe"), path))
		unable("symlink");
	run42(path, -1, exit42, 42, "a symlink to it");
}

static void alias_link(void)
{
	char path[PATH_LEN];
	const char *from = program_in(param("dir"), "prog", "/proc/self/exe");

	snprintf(path, sizeof(path), "%s/hardlink", param("xdir"));
	unlink(path);
	attempt();
	if (link(from, path))
		blocked(errno, "link into a folder to execute from");
	run42(path, -1, exit42, 42, "a hard link to it");
}

static void denied_run(void)
{
	run42(param("forbidden"), -1, exit42, 42, "a denied program");
}

static void denied_alias(void)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "/proc/self/root%s", param("forbidden"));
	run42(path, -1, exit42, 42, "a denied program by /proc/self/root");
}

static void denied_symlink(void)
{
	unlink("denied-link");
	if (symlink(param("forbidden"), "denied-link"))
		unable("symlink");
	run42("denied-link", -1, exit42, 42, "a denied program by a symlink");
}

static void denied_link(void)
{
	unlink("denied-hard");
	attempt();
	if (link(param("forbidden"), "denied-hard"))
		blocked(errno, "link of a denied program");
	run42("denied-hard", -1, exit42, 42, "a denied program by a hard link");
}

static void denied_copy(void)
{
	attempt();
	verdict(open(param("forbidden"), O_RDONLY), "reading a denied program, to copy it");
}

static void denied_rename(void)
{
	attempt();
	if (rename(param("forbidden"), "renamed"))
		blocked(errno, "rename of a denied program");
	run42("renamed", -1, exit42, 42, "a denied program by another name");
}

/* `--privilege` exits with 42 when it has an effective uid or capability it was not born with. */
static void run_setuid(void)
{
	char *argv[] = { (char[]){ "attack_probe" }, (char[]){ "--privilege" }, NULL };

	run42(param("program"), -1, argv, 42, "a privileged program");
}

#define DIR_NOX "EACCES EPERM"

const struct probe probes_exec[] = {
	{ "A16-direct", "execve where only writing is granted", DIR_NOX, "dir", exec_direct, 0 },
	{ "A16-memfd", "memfd_create and execveat", "EACCES EPERM ENOSYS", "dir", exec_memfd, 0 },
	{ "A16-memfd-path", "memfd by /proc/self/fd", "EACCES EPERM ENOSYS", "dir", exec_memfd_path,
	  0 },
	{ "A16-fexecve", "fexecve", DIR_NOX, "dir", exec_fd, 0 },
	{ "A16-deleted", "a deleted file", DIR_NOX, "dir", exec_deleted, 0 },
	{ "A16-tmpfile", "an O_TMPFILE", DIR_NOX, "dir", exec_tmpfile, 0 },
	{ "A16-loader", "ld.so PROGRAM", DIR_NOX, "dir", exec_loader, 0 },
	{ "A16-mmap", "mmap(PROT_EXEC)", DIR_NOX, "dir", exec_mmap, 0 },
	{ "A16-mprotect", "mprotect(PROT_EXEC)", DIR_NOX, "dir", exec_mprotect, 0 },
	{ "A16-shebang", "interpreter not to be executed", DIR_NOX, "dir xdir", exec_shebang, 0 },
	{ "A16-script", "script not to be executed", DIR_NOX, "dir self", exec_script, 0 },
	{ "A16-binfmt", "binfmt_misc/register", "ENOENT EACCES EROFS EPERM", NULL, exec_binfmt, 0 },
	{ "A17-root", "/proc/self/root alias", DIR_NOX, "dir", alias_root, 0 },
	{ "A17-task", "/proc/thread-self/root alias", DIR_NOX, "dir", alias_task, 0 },
	{ "A17-dots", "/proc/self/cwd/.. alias", DIR_NOX, "dir", alias_dots, 0 },
	{ "A17-symlink", "symlink", DIR_NOX, "dir xdir", alias_symlink, 0 },
	{ "A17-hardlink", "hard link", "EXDEV EACCES EPERM", "dir xdir", alias_link, 0 },
	{ "A17-denied", "a denied program", DIR_NOX, "forbidden", denied_run, 0 },
	{ "A17-denied-root", "a denied program by /proc/self/root", DIR_NOX, "forbidden",
	  denied_alias, 0 },
	{ "A17-denied-symlink", "a denied program by symlink", DIR_NOX, "forbidden", denied_symlink,
	  0 },
	{ "A17-denied-hardlink", "a denied program by hard link", "EXDEV EACCES EPERM EROFS EBUSY",
	  "forbidden", denied_link, 0 },
	{ "A17-denied-copy", "a copy of a denied program", DIR_NOX, "forbidden", denied_copy, 0 },
	{ "A17-denied-rename", "a denied program renamed", "EXDEV EACCES EPERM EROFS EBUSY",
	  "forbidden", denied_rename, PROBE_NO_CONTROL },
	{ "A18-program", "a program with privileges of its own", "EACCES EPERM", "program",
	  run_setuid, 0 },
	{ NULL },
};
