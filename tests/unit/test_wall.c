/*
 * Unit tests of the wall, for real: each starts sessions, as the user who runs the tests and, where
 * that is root, as an ordinary user (uid 45678) too, looks at what a shell inside can and cannot do,
 * and at what is left on the host afterwards.
 */
#include "base/buf.h"
#include "base/own.h"
#include "sandbox/layers.h"
#include "sandbox/wall.h"
#include "sys/landlock.h"
#include "sys/proc.h"

#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#define ORDINARY 45678
#define OUTPUT_MAX 16384

/* What a run came to; shared between the test and the process that performs it. */
struct result {
	int r; /* of wall_start() */
	enum wall_failure failure;
	struct err err;
	struct layer_status layers[LAYER_N];
	int status; /* the command's exit status, 128 + signal */
	char output[OUTPUT_MAX];
	pid_t supervisor;
};

/* One place per test: DIR/ws the workspace, DIR/home, DIR/secret outside of both. */
struct place {
	char dir[64];
	uid_t uid;
	struct result *result;
};

static struct place at;

static void dir_make(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", at.dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(lchown(path, at.uid, at.uid), 0);
}

static void file_make(const char *name, const char *text)
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

static void link_make(const char *target, const char *name)
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

static bool exists(const char *name)
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

static void become(uid_t uid)
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

/* More for the base policy's exec list: ", /x". */
static const char *exec_more = "";

/* What the command has as standard input. */
static const char *stdin_file = "/dev/null";

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

/* In a child process: load, start, collect. */
static void perform(const char *more, char *const argv[])
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

static void run_argv(const char *more, char *const argv[])
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

/* The shell @script inside, under the base policy with @more. */
static void run(const char *more, const char *script)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)script, NULL };

	run_argv(more, argv);
	if (at.result->r < 0)
		print_message("%s\n", at.result->err.text);
	assert_int_equal(at.result->r, 0);
}

static void expect(int status, const char *output)
{
	if (at.result->status != status || strcmp(at.result->output, output) != 0)
		print_message("status %d, output:\n%s\n", at.result->status, at.result->output);
	assert_int_equal(at.result->status, status);
	assert_string_equal(at.result->output, output);
}

static void refused(const char *more, const char *with)
{
	char *argv[] = { (char *)"/bin/true", NULL };

	run_argv(more, argv);
	if (!strstr(at.result->err.text, with))
		print_message("r %d: %s\n", at.result->r, at.result->err.text);
	assert_true(at.result->r < 0);
	assert_int_equal(at.result->failure, WALL_FAIL_SETUP);
	assert_non_null(strstr(at.result->err.text, with));
}

/* Run a test body as us and, if that is root, as an ordinary user. */
static void as_everyone(void (*body)(void))
{
	uid_t uids[2] = { geteuid(), ORDINARY };

	for (int i = 0; i < (geteuid() == 0 ? 2 : 1); i++) {
		place_make(uids[i]);
		body();
		place_remove();
	}
}

#define TEST(name)                        \
	static void name##_body(void);    \
	static void name(void **state)    \
	{                                 \
		(void)state;              \
		layer_fault.layers = 0;   \
		as_everyone(name##_body); \
		layer_fault.layers = 0;   \
	}                                 \
	static void name##_body(void)

/* A formatted policy fragment; one at a time. */
__attribute__((format(printf, 1, 2))) static const char *with(const char *fmt, ...)
{
	static char text[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return text;
}

#define WS "  write: [\"${workspace}\"]\n"

static int state_of(enum layer layer)
{
	return (int)at.result->layers[layer].state;
}

/* ---- what it is for ------------------------------------------------------------------------------ */

TEST(runs_and_tells_the_exit_status)
{
	char *none[] = { (char *)"no-such-program", NULL };
	char *dir[] = { (char *)"/etc", NULL };

	run(WS, "echo out; echo err >&2; exit 7");
	expect(7, "out\nerr\n");
	run(WS, "kill -TERM $$");
	assert_int_equal(at.result->status, 128 + SIGTERM);
	run_argv(WS, none);
	assert_int_equal(at.result->r, -ENOENT);
	assert_int_equal(at.result->failure, WALL_FAIL_NOT_FOUND);
	run_argv(WS, dir);
	assert_int_equal(at.result->r, -EACCES);
	assert_int_equal(at.result->failure, WALL_FAIL_NOT_EXECUTABLE);
}

TEST(every_layer_is_engaged)
{
	run(WS,
	    "grep -E '^(Cap...|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'; hostname");
	expect(0, "CapInh:0000000000000000\nCapPrm:0000000000000000\nCapEff:0000000000000000\n"
		  "CapBnd:0000000000000000\nCapAmb:0000000000000000\nNoNewPrivs:1\nSeccomp:2\n"
		  "capsule\n");
	for (int i = 0; i < LAYER_N; i++) {
		int want = i == LAYER_CGROUP || i == LAYER_LANDLOCK_NET ? LAYER_NOT_REQUESTED
									: LAYER_ENGAGED;
		int state = state_of((enum layer)i);

		/* Landlock may be missing where the tests run; nothing here needs it. */
		if (state == LAYER_UNAVAILABLE &&
		    (i == LAYER_LANDLOCK_FS || i == LAYER_LANDLOCK_SCOPE) && landlock_abi() < 6)
			continue;
		if (state != want)
			print_message("%s: %d\n", layer_info[i].name, at.result->layers[i].error);
		assert_int_equal(state, want);
	}
}

TEST(only_what_is_granted_is_there)
{
	char script[1024];

	(void)snprintf(script, sizeof(script),
		       "cat %s/secret 2>&1 | grep -o 'No such file'; ls -A %s/home; ls -A /tmp/..; "
		       "echo x > %s/ws/made; echo $?; touch /usr/x /etc/x /x 2>&1 | wc -l",
		       at.dir, at.dir, at.dir);
	run(WS, script);
	assert_non_null(strstr(at.result->output, "No such file"));
	assert_null(strstr(at.result->output, ".ssh"));
	assert_null(strstr(at.result->output, "boot"));
	assert_non_null(strstr(at.result->output, "\n0\n3\n"));
	assert_true(exists("ws/made"));
}

TEST(read_is_not_write_and_neither_is_exec)
{
	file_make("ws/prog", "#!/bin/sh\necho ran\n");
	dir_make("data");
	file_make("data/prog", "#!/bin/sh\necho ran\n");
	run(with(WS "  read: [\"%s/data\"]\n", at.dir),
	    "cp ../data/prog copy; chmod +x copy prog; ./copy; echo $?; (echo y > ../data/new) "
	    "2>/dev/null; echo $?; cp prog /tmp/p; chmod +x /tmp/p; /tmp/p");
	assert_int_equal(at.result->status, 0);
	assert_non_null(strstr(at.result->output, "126\n2\nran\n"));
	assert_null(strstr(at.result->output, "ran\n126"));
	assert_false(exists("data/new"));
	exec_more = ", \"${workspace}\"";
	run(WS, "./prog");
	exec_more = "";
	expect(0, "ran\n");
}

TEST(the_whole_host_can_be_granted_for_reading)
{
	dir_make("ws/data");
	file_make("ws/data/key", "key");
	/* /tmp is private even so, and holds only what leads to the workspace. */
	run("  write: [\"${workspace}\"]\n  read: [/]\n  deny: [\"${workspace}/data\"]\n",
	    "head -c 0 /etc/passwd && echo read; (echo x > /etc/capsule-x) 2>/dev/null; ls -A "
	    "$HOME; ls /tmp | wc -l; echo y > /tmp/y && echo z > made && ls /dev | tr '\\n' ' '; "
	    "ls "
	    "/proc | grep -c '^[0-9]'; cat data/key 2>/dev/null || echo denied");
	assert_non_null(
		strstr(at.result->output,
		       "1\nfd full null ptmx pts random shm stderr stdin stdout tty urandom "
		       "zero "));
	assert_non_null(strstr(at.result->output, "denied\n"));
	assert_int_equal(access("/etc/capsule-x", F_OK), -1);
	assert_true(exists("ws/made"));
}

TEST(private_places_leave_nothing_behind)
{
	run(WS, "echo a > /tmp/capsule-left; echo b > $HOME/left; echo c > /dev/shm/capsule-left; "
		"cat /tmp/capsule-left $HOME/left /dev/shm/capsule-left; ls -a $HOME /var/tmp");
	assert_non_null(strstr(at.result->output, "a\nb\nc\n"));
	assert_false(exists("home/left"));
	assert_int_equal(access("/tmp/capsule-left", F_OK), -1);
	assert_int_equal(access("/dev/shm/capsule-left", F_OK), -1);
}

TEST(a_grant_below_the_private_home_is_there)
{
	file_make("home/tool", "x");
	run(with(WS "  read: [\"%s/home/.gitconfig\", \"%s/home/tool\"]\n", at.dir, at.dir),
	    "cd $HOME; cat .gitconfig; (echo y >> .gitconfig) 2>/dev/null; echo $?; ls -A; mkdir "
	    ".cache; echo $?");
	expect(0, "[user]2\n.gitconfig\ntool\n0\n");
}

TEST(private_size_is_limited)
{
	run(WS "limits: {disk: 1MiB}\n",
	    "head -c 3000000 /dev/zero > /tmp/big 2>/dev/null; s=$(stat -c %s /tmp/big); "
	    "[ $s -le 1048576 ] && echo bounded");
	expect(0, "bounded\n");
}

/* ---- deny and protect ------------------------------------------------------------------------------ */

TEST(denied_is_not_readable_nor_replaceable)
{
	dir_make("ws/keys");
	file_make("ws/keys/k", "key");
	dir_make("ws/a");
	file_make("ws/a/.env", "PASSWORD=x");
	run(WS "  deny: [\"${workspace}/keys\", \"${workspace}/a/.env\"]\n",
	    "cat keys/k a/.env; ls keys; chmod 777 a/.env keys; mv a b; mv keys k2; rm -rf keys a; "
	    "rm -f a/.env; rmdir keys; true");
	assert_null(strstr(at.result->output, "key\n"));
	assert_null(strstr(at.result->output, "PASSWORD"));
	assert_true(exists("ws/keys/k"));
	assert_true(exists("ws/a/.env"));
}

TEST(protected_can_be_read_but_not_changed_or_replaced)
{
	dir_make("ws/.git");
	dir_make("ws/.git/hooks");
	file_make("ws/.git/hooks/pre-commit", "true\n");
	file_make("ws/.git/config", "[core]\n");
	run(WS "  protect: [\"${workspace}/.git/hooks\", \"${workspace}/.git/config\"]\n",
	    "cat .git/hooks/pre-commit .git/config; for c in 'echo evil > .git/hooks/pre-commit' "
	    "'echo evil > .git/hooks/post-merge' 'mv .git g' 'mv .git/hooks .git/h' 'rm -rf "
	    ".git/hooks' 'rm -f .git/config' 'mv .git/config .git/c' 'ln -f /etc/passwd "
	    ".git/config' 'mkdir -p x/hooks && mv -T x .git'; do sh -c \"$c\" 2>/dev/null && echo "
	    "\"DID $c\"; done; echo z > .git/index && echo index");
	expect(0, "true\n[core]\nindex\n");
	assert_true(exists("ws/.git/hooks/pre-commit"));
	assert_false(exists("ws/.git/hooks/post-merge"));
	assert_true(exists("ws/.git/index"));
}

TEST(a_link_on_the_way_to_something_protected_is_pinned)
{
	dir_make("ws/real.git");
	dir_make("ws/real.git/hooks");
	link_make("real.git", "ws/.git");
	run(WS "  protect: [\"${workspace}/.git/hooks\"]\n",
	    "for c in 'rm -f .git' 'mv .git g' 'ln -sfn /tmp .git' 'mv real.git r' 'echo x > "
	    ".git/hooks/h' 'echo x > real.git/hooks/h'; do sh -c \"$c\" 2>/dev/null && echo \"DID "
	    "$c\"; done; readlink .git");
	expect(0, "real.git\n");
}

TEST(a_gitfile_is_protected_itself)
{
	file_make("ws/.git", "gitdir: elsewhere\n");
	run(WS "  protect: [{path: \"${workspace}/.git/hooks\", optional: true}]\n",
	    "(echo gitdir: evil > .git) 2>/dev/null || echo kept; rm -f .git 2>/dev/null || echo "
	    "kept; cat .git");
	expect(0, "kept\nkept\ngitdir: elsewhere\n");
}

TEST(a_directory_nobody_may_search_hides_no_denial)
{
	dir_make("ws/box");
	file_make("ws/box/key", "the key");
	assert_int_equal(chmod(with("%s/ws/box", at.dir), 0), 0);
	run(WS "  deny: [{path: \"${workspace}/box/key\", optional: true}]\n",
	    "chmod 700 box 2>/dev/null; cat box/key 2>/dev/null || echo kept");
	assert_int_equal(chmod(with("%s/ws/box", at.dir), 0700), 0);
	expect(0, "kept\n");
}

TEST(a_planted_link_grants_nothing)
{
	/* An earlier session left it; this policy would mount what it leads to. */
	link_make(with("%s/home/.ssh", at.dir), "ws/tools");
	refused(with(WS "  read: [\"%s/ws/tools\"]\n", at.dir), "symbolic link");
}

TEST(no_stub_files_are_left_in_the_workspace)
{
	dir_make("ws/keys");
	run(WS "  deny: [\"${workspace}/keys\", {path: \"${workspace}/no.env\", optional: true}]\n"
	       "  protect: [{path: \"${workspace}/.git/hooks\", optional: true}]\n",
	    "ls -A");
	expect(0, "keys\n");
	assert_false(exists("ws/no.env"));
	assert_false(exists("ws/.git"));
}

TEST(a_missing_write_path_is_an_error)
{
	/* Loading says so already; a path that goes between loading and starting is wall's. */
	char *argv[] = { (char *)"/bin/true", NULL };

	dir_make("gone");
	run(with(WS "  read: [{path: \"%s/gone\", optional: true}]\n", at.dir), "true");
	assert_int_equal(rmdir(with("%s/gone", at.dir)), 0);
	run_argv(with(WS "  read: [{path: \"%s/gone\", optional: true}]\n", at.dir), argv);
	assert_int_equal(at.result->r, 0);
}

/* ---- what must be out of reach ------------------------------------------------------------------------ */

TEST(the_hosts_processes_are_out_of_reach)
{
	run(WS, "ls /proc | grep -c '^[0-9]'; kill -9 1; echo $?; cat /proc/1/environ "
		"/proc/1/maps 2>/dev/null | wc -c; ls -l /proc/1/root /proc/1/cwd /proc/1/fd "
		"2>/dev/null | grep -c -- '->'; tr '\\0' ' ' < /proc/1/cmdline");
	assert_int_equal(at.result->status, 0);
	/* kill -9 to pid 1 from inside its namespace is accepted and does nothing. */
	assert_non_null(strstr(at.result->output, "0\n0\n0\n"));
	assert_null(strstr(at.result->output, "test_wall"));
}

TEST(proc_and_the_root_are_read_only)
{
	run(WS,
	    "for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname "
	    "/proc/self/oom_score_adj /proc/sysrq-trigger /proc/self/attr/current; do (echo x > "
	    "$f) 2>/dev/null && echo \"WROTE $f\"; done; cat /proc/keys 2>/dev/null; mkdir "
	    "/new 2>/dev/null; mkdir /dev/new 2>/dev/null; echo done");
	expect(0, "done\n");
}

TEST(nothing_is_inherited)
{
	/* The test holds many; a directory of the host would be a way out. */
	int fd = open("/", O_RDONLY | O_DIRECTORY);

	assert_true(fd >= 0);
	run(WS, "ls /proc/self/fd | tr '\\n' ' '");
	fd_close(fd);
	/* 3 is ls's own, on the directory. */
	expect(0, "0 1 2 3 ");
}

TEST(the_network_is_loopback_alone)
{
	run(WS,
	    "ls /sys/class/net 2>/dev/null; cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d "
	    "' '; cat /proc/net/if_inet6 | grep -c lo$ || true");
	assert_non_null(strstr(at.result->output, "lo\n"));
	assert_null(strstr(at.result->output, "eth"));
}

TEST(with_the_hosts_network_its_abstract_sockets_stay_out_of_reach)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "capsule-test-%d", getpid());
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	if (landlock_abi() < 6) {
		refused(WS "network: host\n", "layer landlock-scope is needed");
		fd_close(fd);
		return;
	}
	run(WS "network: host\n",
	    with("python3 -c 'import socket\ns=socket.socket(socket.AF_UNIX)\ntry: "
		 "s.connect(chr(0)+\"%s\"); print(\"connected\")\nexcept PermissionError: "
		 "print(\"refused\")'",
		 name.sun_path + 1));
	fd_close(fd);
	expect(0, "refused\n");
	assert_int_equal(state_of(LAYER_NET_NS), LAYER_NOT_REQUESTED);
}

TEST(mounts_do_not_reach_the_host)
{
	char before[65536] = "", after[65536] = "";
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	assert_true(read(fd, before, sizeof(before) - 1) > 0);
	run(WS, "sleep 0.1");
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_true(read(fd, after, sizeof(after) - 1) > 0);
	fd_close(fd);
	assert_string_equal(before, after);
}

/* Where the host's mounts are shared, as systemd makes them, ours are to be private all the same. */
TEST(shared_mounts_stay_apart)
{
	char before[65536] = "", after[65536] = "";
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"sleep 0.1", NULL };
	int fd, status;
	pid_t pid;

	if (geteuid() != 0) {
		print_message("skipped: only root can share mounts\n");
		return;
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
			_exit(2);
		fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
		if (read(fd, before, sizeof(before) - 1) <= 0)
			_exit(3);
		pid = fork();
		if (pid == 0) {
			become(at.uid);
			perform(WS, argv);
		}
		(void)waitpid(pid, &status, 0);
		if (lseek(fd, 0, SEEK_SET) < 0 || read(fd, after, sizeof(after) - 1) <= 0)
			_exit(4);
		_exit(strcmp(before, after) == 0 && at.result->r == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- standard input and output -------------------------------------------------------------------------- */

/*
 * A file given for reading is the host's, and by permissions the session might write to it: opened
 * again through /proc, it would be. Mounts have no say in that, Landlock does.
 */
TEST(stdin_cannot_be_opened_again_for_writing)
{
	char path[128];

	if (landlock_abi() < 1) {
		print_message("skipped: no Landlock\n");
		return;
	}
	(void)snprintf(path, sizeof(path), "%s/secret", at.dir);
	stdin_file = path;
	run(WS, "(echo x >> /proc/self/fd/0) 2>/dev/null; (echo x >> /dev/stdin) 2>/dev/null; cat "
		"/proc/self/fd/0; (: < /proc/self/fd/0/..) 2>/dev/null; (ls /proc/self/fd/0/../ws) "
		"2>/dev/null");
	stdin_file = "/dev/null";
	assert_string_equal(at.result->output, "the secret");
}

TEST(a_directory_as_stdin_is_refused)
{
	struct wall_command command = { .stdio = { -1, 1, 2 }, .cwd = "/" };
	struct policy *policy = NULL;
	struct policy_vars vars = { .workspace = "/tmp", .home = "/tmp", .tmp = "/tmp" };
	struct layer_status layers[LAYER_N];
	enum wall_failure failure;
	struct wall *wall = NULL;
	struct err err = ERR_INIT;
	char *argv[] = { (char *)"/bin/true", NULL };

	file_make("p.yaml", "version: 1\nfilesystem: {exec: [/usr]}\n");
	assert_int_equal(policy_load(with("%s/p.yaml", at.dir), &vars, &policy, NULL, &err), 0);
	command.argv = argv;
	command.envp = argv + 1;
	command.stdio[0] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(wall_start(policy, &command, layers, &failure, &wall, &err), -EISDIR);
	assert_int_equal(failure, WALL_FAIL_SETUP);
	fd_close(command.stdio[0]);
	policy_free(policy);
}

/* ---- layers ------------------------------------------------------------------------------------------------ */

/* Each layer failing: a strict run is refused in its name, or goes on because nothing needs it. */
TEST(each_layer_is_told_when_it_fails)
{
	static const struct {
		enum layer layer;
		bool refused; /* as an ordinary user; root's user namespace is a bonus */
	} rows[] = {
		{ LAYER_NET_NS, true },       { LAYER_IPC_NS, true },
		{ LAYER_UTS_NS, false },      { LAYER_CGROUP_NS, false },
		{ LAYER_CAPABILITIES, true }, { LAYER_LANDLOCK_FS, false },
		{ LAYER_SECCOMP, true },      { LAYER_FDS, true },
		{ LAYER_RLIMITS, true },      { LAYER_LANDLOCK_SCOPE, false },
	};
	char *argv[] = { (char *)"/bin/true", NULL };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		layer_fault = (struct layer_fault){ LAYER_BIT(rows[i].layer), EXFULL };
		run_argv(WS, argv);
		if ((at.result->r < 0) != rows[i].refused)
			print_message("%s: %s\n", layer_info[rows[i].layer].name,
				      at.result->err.text);
		assert_int_equal(at.result->r < 0, rows[i].refused);
		assert_int_equal(state_of(rows[i].layer), LAYER_UNAVAILABLE);
		assert_int_equal(at.result->layers[rows[i].layer].error, EXFULL);
		if (rows[i].refused)
			assert_non_null(
				strstr(at.result->err.text, layer_info[rows[i].layer].name));
		/* Best effort goes on without it, and says so. */
		run_argv(WS "require: []\n", argv);
		if (at.result->r < 0)
			print_message("%s\n", at.result->err.text);
		assert_int_equal(at.result->r, 0);
		assert_int_equal(state_of(rows[i].layer), LAYER_UNAVAILABLE);
	}
	/* Named, even what nothing needs is needed. */
	layer_fault = (struct layer_fault){ LAYER_BIT(LAYER_UTS_NS), EXFULL };
	refused(WS "require: [uts-ns]\n", "layer uts-ns is needed");
	layer_fault.layers = 0;
}

static void second_back_end(void)
{
	layer_fault = (struct layer_fault){ LAYER_BIT(LAYER_MOUNT_NS), EPERM };
}

TEST(without_namespaces_the_second_back_end_takes_over)
{
	char script[1024];

	if (landlock_abi() < 6) {
		print_message("skipped: Landlock ABI %d, needs 6\n", landlock_abi());
		return;
	}
	file_make("ws/in", "in\n");
	(void)snprintf(
		script, sizeof(script),
		"cat in; (cat %s/secret) 2>/dev/null; (cat %s/home/.ssh/id) 2>/dev/null; "
		"echo x > made; (echo x > /etc/x) 2>/dev/null; ls /etc/passwd; "
		"(ls /tmp) 2>/dev/null; echo t > $TMPDIR/t "
		"&& echo t > $HOME/t && cat $HOME/t; kill -9 $PPID 2>/dev/null || echo alive; "
		"grep -E '^(NoNewPrivs|Seccomp|CapEff):' /proc/self/status | tr -d '\\t'",
		at.dir, at.dir);
	second_back_end();
	run(WS, script);
	expect(0, "in\n/etc/passwd\nt\nalive\nCapEff:0000000000000000\nNoNewPrivs:1\nSeccomp:2\n");
	assert_int_equal(state_of(LAYER_MOUNT_NS), LAYER_UNAVAILABLE);
	assert_int_equal(state_of(LAYER_ROOT), LAYER_UNAVAILABLE);
	assert_int_equal(state_of(LAYER_LANDLOCK_FS), LAYER_ENGAGED);
	assert_int_equal(state_of(LAYER_LANDLOCK_SCOPE), LAYER_ENGAGED);
	assert_int_equal(state_of(LAYER_LANDLOCK_NET), LAYER_ENGAGED);
	assert_true(exists("ws/made"));
}

TEST(the_second_back_end_denies_in_read_only_and_refuses_the_rest)
{
	if (landlock_abi() < 6)
		return;
	dir_make("data");
	dir_make("data/sub");
	file_make("data/open", "open\n");
	file_make("data/sub/key", "key\n");
	file_make("data/sub/other", "other\n");
	dir_make("ws/keys");
	second_back_end();
	run(with(WS "  read: [\"%s/data\"]\n  deny: [\"%s/data/sub/key\"]\n", at.dir, at.dir),
	    "cat ../data/open ../data/sub/other; cat ../data/sub/key 2>/dev/null || echo denied");
	expect(0, "open\nother\ndenied\n");
	refused(WS "  deny: [\"${workspace}/keys\"]\n", "inside something writable");
	refused(WS "limits: {disk: 1MiB}\n", "limits.disk");
	refused(WS "require: [mount-ns]\n", "layer mount-ns is needed");
	layer_fault.layers |= LAYER_BIT(LAYER_LANDLOCK_FS);
	refused(WS, "layer landlock-fs is needed");
	layer_fault.layers = 0;
}

/* ---- the end of a tree ------------------------------------------------------------------------------------ */

static bool holds(const char *file)
{
	/* The session's processes hold a lock on it for as long as they live. */
	int fd = open(with("%s/%s", at.dir, file), O_RDWR | O_CLOEXEC);
	struct flock lock = { .l_type = F_WRLCK };
	bool held;

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETLK, &lock), 0);
	held = lock.l_type != F_UNLCK;
	fd_close(fd);
	return held;
}

static bool gone_within(const char *file, int ms)
{
	for (int i = 0; i < ms; i++) {
		if (!holds(file))
			return true;
		(void)usleep(1000);
	}
	return false;
}

static void tree_ends(void)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", NULL, NULL };
	int status;
	pid_t pid;

	file_make("ws/lock", "");
	file_make("ws/probe.py", "import fcntl,os,time\n"
				 "if os.fork(): os._exit(0)\n"
				 "os.setsid()\n"
				 "if os.fork(): os._exit(0)\n"
				 "f=open('lock','r+')\n"
				 "fcntl.lockf(f,fcntl.LOCK_EX)\n"
				 "open('up','w').close()\n"
				 "os.close(0); os.close(1); os.close(2)\n"
				 "time.sleep(60)\n");
	/* The command exits and leaves a daemon behind. */
	run(WS, "python3 probe.py; while [ ! -e up ]; do sleep 0.01; done; rm up; echo left");
	expect(0, "left\n");
	assert_true(gone_within("ws/lock", 2000));

	/* The supervisor is killed. */
	argv[2] = (char *)"python3 probe.py; exec sleep 60";
	memset(at.result, 0, sizeof(*at.result));
	pid = fork();
	if (pid == 0) {
		become(at.uid);
		perform(WS, argv);
	}
	for (int i = 0; i < 10000 && !exists("ws/up"); i++)
		(void)usleep(1000);
	assert_true(exists("ws/up"));
	assert_true(holds("ws/lock"));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(gone_within("ws/lock", 2000));
	assert_int_equal(unlink(with("%s/ws/up", at.dir)), 0);
}

TEST(nothing_outlives_the_run)
{
	tree_ends();
}

TEST(nothing_outlives_the_run_without_namespaces)
{
	if (landlock_abi() < 6)
		return;
	second_back_end();
	tree_ends();
}

/*
 * The supervisor killed at any moment of a start: whoever it leaves is handed to us, and has to be
 * gone soon. Left alone, it would have run for a minute.
 */
static void killed_at_any_moment(void)
{
	char *argv[] = { (char *)"/bin/sleep", (char *)"60", NULL };
	int kills = 60;

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	for (int i = 0; i < kills; i++) {
		int waited = 0;
		pid_t pid = fork();

		if (pid == 0) {
			become(at.uid);
			perform(WS, argv);
		}
		(void)usleep((useconds_t)(i * 200));
		assert_int_equal(kill(pid, SIGKILL), 0);
		while (waited < 3000) {
			pid_t got = waitpid(-1, NULL, WNOHANG);

			if (got < 0 && errno == ECHILD)
				break;
			if (got == 0) {
				(void)usleep(1000);
				waited++;
			}
		}
		if (waited >= 3000)
			print_message("alive after a kill at %d us\n", i * 200);
		assert_true(waited < 3000);
	}
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

TEST(a_kill_at_any_moment_leaves_nothing_alive)
{
	killed_at_any_moment();
}

static int stale_folders(void)
{
	DIR *dir = opendir("/tmp");
	struct dirent *entry;
	struct stat st;
	int n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (proc_name_is_stale(entry->d_name) &&
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_uid == at.uid)
			n++;
	}
	(void)closedir(dir);
	return n;
}

TEST(a_kill_at_any_moment_leaves_nothing_alive_without_namespaces)
{
	if (landlock_abi() < 6)
		return;
	second_back_end();
	killed_at_any_moment();
	/* The private folders of those killed go with the next run's. */
	run(WS, "true");
	assert_int_equal(stale_folders(), 0);
}

/* ---- limits ------------------------------------------------------------------------------------------------- */

TEST(process_limits_hold)
{
	run(WS "limits: {open_files: 32, file_size: 4096}\n",
	    "ulimit -n; ulimit -Hn; ulimit -c; head -c 9999 /dev/zero > big; stat -c %s big");
	assert_non_null(strstr(at.result->output, "32\n32\n0\n"));
	assert_non_null(strstr(at.result->output, "4096\n"));
}

TEST(pids_are_limited)
{
	/* Root's own limit is pid_max's, from 1024 up; an ordinary user's may be any. */
	run(at.uid ? WS "limits: {pids: 20}\n" : WS "limits: {pids: 1024}\n",
	    "python3 -c '\nimport os,time\nn=0\ntry:\n  while n<3000:\n    if os.fork()==0: "
	    "time.sleep(5); os._exit(0)\n    n+=1\nexcept OSError as e: print(\"bounded\", "
	    "n<1024)\n"
	    "'");
	expect(0, "bounded True\n");
}

/* ---- identity -------------------------------------------------------------------------------------------------- */

TEST(ids_are_as_the_policy_says)
{
	run(WS "process: {uid: 1234, gid: 1235}\n", "id -u; id -g; touch /tmp/x $HOME/x; "
						    "stat -c %u:%g /tmp/x $HOME");
	expect(0, "1234\n1235\n1234:1235\n1234:1235\n");
	if (at.uid == 0) {
		/* Really another user: root's files are not his. */
		file_make("ws/roots", "");
		run(WS "process: {uid: 1234}\n", "(echo x > roots) 2>/dev/null || echo no");
		expect(0, "no\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_and_tells_the_exit_status),
		cmocka_unit_test(every_layer_is_engaged),
		cmocka_unit_test(only_what_is_granted_is_there),
		cmocka_unit_test(read_is_not_write_and_neither_is_exec),
		cmocka_unit_test(the_whole_host_can_be_granted_for_reading),
		cmocka_unit_test(private_places_leave_nothing_behind),
		cmocka_unit_test(a_grant_below_the_private_home_is_there),
		cmocka_unit_test(private_size_is_limited),
		cmocka_unit_test(denied_is_not_readable_nor_replaceable),
		cmocka_unit_test(protected_can_be_read_but_not_changed_or_replaced),
		cmocka_unit_test(a_link_on_the_way_to_something_protected_is_pinned),
		cmocka_unit_test(a_gitfile_is_protected_itself),
		cmocka_unit_test(a_directory_nobody_may_search_hides_no_denial),
		cmocka_unit_test(a_planted_link_grants_nothing),
		cmocka_unit_test(no_stub_files_are_left_in_the_workspace),
		cmocka_unit_test(a_missing_write_path_is_an_error),
		cmocka_unit_test(the_hosts_processes_are_out_of_reach),
		cmocka_unit_test(proc_and_the_root_are_read_only),
		cmocka_unit_test(nothing_is_inherited),
		cmocka_unit_test(the_network_is_loopback_alone),
		cmocka_unit_test(with_the_hosts_network_its_abstract_sockets_stay_out_of_reach),
		cmocka_unit_test(mounts_do_not_reach_the_host),
		cmocka_unit_test(shared_mounts_stay_apart),
		cmocka_unit_test(stdin_cannot_be_opened_again_for_writing),
		cmocka_unit_test(a_directory_as_stdin_is_refused),
		cmocka_unit_test(each_layer_is_told_when_it_fails),
		cmocka_unit_test(without_namespaces_the_second_back_end_takes_over),
		cmocka_unit_test(the_second_back_end_denies_in_read_only_and_refuses_the_rest),
		cmocka_unit_test(nothing_outlives_the_run),
		cmocka_unit_test(nothing_outlives_the_run_without_namespaces),
		cmocka_unit_test(a_kill_at_any_moment_leaves_nothing_alive),
		cmocka_unit_test(a_kill_at_any_moment_leaves_nothing_alive_without_namespaces),
		cmocka_unit_test(process_limits_hold),
		cmocka_unit_test(pids_are_limited),
		cmocka_unit_test(ids_are_as_the_policy_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
