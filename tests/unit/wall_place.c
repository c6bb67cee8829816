#include "wall_place.h"

#include "base/buf.h"
#include "base/own.h"

#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ORDINARY 45678

struct place at;

void dir_make(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", at.dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(lchown(path, at.uid, at.uid), 0);
}

void file_make(const char *name, const char *text)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", at.dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchown(fd, at.uid, at.uid), 0);
	fd_close(fd);
}

void link_make(const char *target, const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", at.dir, name);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(lchown(path, at.uid, at.uid), 0);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

bool exists(const char *name)
{
	char path[256];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", at.dir, name);
	return lstat(path, &st) == 0;
}

static void place_make(uid_t uid)
{
	at.uid = uid;
	(void)snprintf(at.dir, sizeof(at.dir), "/tmp/capsule-test-wall-XXXXXX");
	assert_non_null(mkdtemp(at.dir));
	assert_int_equal(chmod(at.dir, 0755), 0);
	assert_int_equal(chown(at.dir, uid, uid), 0);
	dir_make("ws");
	dir_make("home");
	dir_make("home/.ssh");
	file_make("home/.ssh/id", "private key");
	file_make("home/.gitconfig", "[user]");
	file_make("secret", "the secret");
	at.result = mmap(NULL, sizeof(*at.result), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(at.result != MAP_FAILED);
}

static void place_remove(void)
{
	(void)nftw(at.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	(void)munmap(at.result, sizeof(*at.result));
}

/* ---- one run ---------------------------------------------------------------------------------- */

void become(uid_t uid)
{
	if (uid == geteuid())
		return;
	assert_int_equal(setgroups(0, NULL), 0);
	assert_int_equal(setresgid(uid, uid, uid), 0);
	assert_int_equal(setresuid(uid, uid, uid), 0);
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void output_collect(int fd, char *output)
{
	size_t n = 0;
	ssize_t got;

	while (n < OUTPUT_MAX - 1 && (got = read(fd, output + n, OUTPUT_MAX - 1 - n)) > 0)
		n += (size_t)got;
	output[n] = '\0';
}

const char *exec_more = "";
const char *stdin_file = "/dev/null";

static void policy_text(char *text, size_t size, const char *more)
{
	/* The system, the workspace, and what the test adds. */
	(void)snprintf(
		text, size,
		"version: 1\n"
		"filesystem:\n"
		"  home: private\n"
		"  tmp: private\n"
		"  exec: [/usr, {path: /bin, optional: true}, {path: /lib, optional: true}, "
		"{path: /lib64, optional: true}, {path: /etc, optional: true}, \"${tmp}\"%s]\n"
		"%s",
		exec_more, more);
}

void perform(const char *more, char *const argv[])
{
	struct result *res = at.result;
	char ws[128], home[128], file[128], text[4096], home_env[160];
	char *envp[] = { (char *)"PATH=/usr/local/bin:/usr/bin:/bin", home_env, NULL };
	struct policy_vars vars = { .workspace = ws, .home = home, .tmp = "/tmp" };
	struct wall_command command = { .argv = argv, .envp = envp, .cwd = ws };
	struct buf diag = BUF_INIT(65536);
	struct policy *policy = NULL;
	struct wall *wall = NULL;
	struct wall_exit done;
	int fds[2], fd;

	(void)snprintf(ws, sizeof(ws), "%s/ws", at.dir);
	(void)snprintf(home, sizeof(home), "%s/home", at.dir);
	(void)snprintf(home_env, sizeof(home_env), "HOME=%s", home);
	(void)snprintf(file, sizeof(file), "%s/policy.yaml", at.dir);
	policy_text(text, sizeof(text), more);
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	(void)!write(fd, text, strlen(text));
	fd_close(fd);
	if (policy_load(file, &vars, &policy, &diag, &res->err) < 0) {
		fprintf(stderr, "%s\n", buf_cstr(&diag));
		_exit(99);
	}
	(void)!pipe2(fds, O_CLOEXEC);
	command.stdio[0] = open(stdin_file, O_RDONLY | O_CLOEXEC);
	command.stdio[1] = fds[1];
	command.stdio[2] = fds[1];
	res->supervisor = getpid();
	res->r = wall_start(policy, &command, res->layers, &res->failure, &wall, &res->err);
	fd_close(fds[1]);
	if (res->r == 0) {
		struct pollfd wait = { .fd = wall_pidfd(wall), .events = POLLIN };

		output_collect(fds[0], res->output);
		(void)poll(&wait, 1, 20000);
		(void)wall_finish(wall, &done);
		res->status = WIFEXITED(done.status) ? WEXITSTATUS(done.status)
						     : 128 + WTERMSIG(done.status);
	}
	policy_free(policy);
	_exit(0);
}

void run_argv(const char *more, char *const argv[])
{
	int status;
	pid_t pid;

	memset(at.result, 0, sizeof(*at.result));
	at.result->status = -1;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		become(at.uid);
		perform(more, argv);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

void run(const char *more, const char *script)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)script, NULL };

	run_argv(more, argv);
	if (at.result->r < 0)
		print_message("%s\n", at.result->err.text);
	assert_int_equal(at.result->r, 0);
}

void expect(int status, const char *output)
{
	if (at.result->status != status || strcmp(at.result->output, output) != 0)
		print_message("status %d, output:\n%s\n", at.result->status, at.result->output);
	assert_int_equal(at.result->status, status);
	assert_string_equal(at.result->output, output);
}

void refused(const char *more, const char *with)
{
	char *argv[] = { (char *)"/bin/true", NULL };

	run_argv(more, argv);
	if (!strstr(at.result->err.text, with))
		print_message("r %d: %s\n", at.result->r, at.result->err.text);
	assert_true(at.result->r < 0);
	assert_int_equal(at.result->failure, WALL_FAIL_SETUP);
	assert_non_null(strstr(at.result->err.text, with));
}

void as_everyone(void (*body)(void))
{
	uid_t uids[2] = { geteuid(), ORDINARY };

	for (int i = 0; i < (geteuid() == 0 ? 2 : 1); i++) {
		place_make(uids[i]);
		body();
		place_remove();
	}
}

const char *with(const char *fmt, ...)
{
	static char text[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return text;
}

int state_of(enum layer layer)
{
	return (int)at.result->layers[layer].state;
}
