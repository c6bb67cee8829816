/*
 * Unit tests of the wall, for real: each starts sessions, as the user who runs the tests and, where
 * that is root, as an ordinary user too, looks at what a shell inside can and cannot do with what it
 * was granted, and at what is left on the host afterwards.
 */
#include "wall_place.h"

#include "sys/landlock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
		cmocka_unit_test(process_limits_hold),
		cmocka_unit_test(pids_are_limited),
		cmocka_unit_test(ids_are_as_the_policy_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
