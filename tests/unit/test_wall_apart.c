/*
 * Unit tests of the wall: what has to stay out of a session's reach, what each layer and the second
 * back end say when they fail, and that nothing outlives a run.
 */
#include "wall_place.h"

#include "base/own.h"
#include "sys/landlock.h"
#include "sys/proc.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
