/*
 * Whose word binds whom: a project's own capsule.yaml may only tighten what the user's file, the
 * organisation's, or the built-in preset allows; the user's only what the organisation's does.
 * Every way to loosen is tried; each must be an error at its line.
 */
#include "base/buf.h"
#include "base/own.h"
#include "policy/policy.h"
#include "policy/report.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

static char root[64];
static char workspace[PATH_MAX / 2], home[PATH_MAX / 2], config[PATH_MAX / 2], org[PATH_MAX / 2];
static char tmp[PATH_MAX / 2];
static struct policy_vars vars;

static const char *at(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned n;

	(void)snprintf(path[++n % 4], PATH_MAX, "%s/%s", root, name);
	return path[n % 4];
}

static void put_file(const char *path, const char *text)
{
	AUTO(file_closep) FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
}

/* A home with a secret and a workspace with links that lead out of it. */
static int make_places(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/capsule-narrow-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	mkdir(at("home"), 0755);
	mkdir(at("home/.ssh"), 0755);
	mkdir(at("home/.config"), 0755);
	mkdir(at("home/.config/capsule"), 0755);
	mkdir(at("tmp"), 01777);
	mkdir(at("ws"), 0755);
	mkdir(at("ws/src"), 0755);
	mkdir(at("ws/secret"), 0755);
	put_file(at("home/.ssh/id"), "key");
	put_file(at("ws/src/a.c"), "x");
	assert_int_equal(symlink("/etc", at("ws/etc-link")), 0);
	assert_int_equal(symlink(at("home/.ssh"), at("ws/ssh-link")), 0);
	assert_int_equal(symlink("src", at("ws/src-link")), 0);
	assert_int_equal(symlink("secret", at("ws/secret-link")), 0);
	assert_int_equal(symlink("..", at("ws/up")), 0);
	(void)snprintf(workspace, sizeof(workspace), "%s", at("ws"));
	(void)snprintf(home, sizeof(home), "%s", at("home"));
	(void)snprintf(config, sizeof(config), "%s", at("home/.config"));
	(void)snprintf(tmp, sizeof(tmp), "%s", at("tmp"));
	(void)snprintf(org, sizeof(org), "%s", at("org.yaml"));
	vars = (struct policy_vars){
		.workspace = workspace, .home = home, .tmp = tmp, .config = config, .org_file = org
	};
	return 0;
}

static int unlink_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int remove_places(void **state)
{
	(void)state;
	return nftw(root, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void set_files(const char *org_text, const char *user_text, const char *project_text)
{
	const struct {
		const char *name, *text;
	} files[] = { { "org.yaml", org_text },
		      { "home/.config/capsule/policy.yaml", user_text },
		      { "ws/capsule.yaml", project_text } };

	for (size_t i = 0; i < 3; i++) {
		(void)unlink(at(files[i].name));
		if (files[i].text)
			put_file(at(files[i].name), files[i].text);
	}
}

/* What is said about them; "" when all is well (and then *ret may be looked at). */
static const char *load(const char *path, struct policy **ret)
{
	static char said[1 << 16];
	AUTO(buf_done) struct buf diag = BUF_INIT(1 << 16);
	struct policy *policy = NULL;
	struct err err = ERR_INIT;
	int r = policy_load(path, &vars, &policy, &diag, &err);

	(void)snprintf(said, sizeof(said), "%s", r < 0 ? buf_cstr(&diag) : "");
	if (r < 0 && !said[0])
		(void)snprintf(said, sizeof(said), "%s", err.text);
	if (ret)
		*ret = policy;
	else
		policy_free(policy);
	return said;
}

struct loosening {
	const char *project; /* after "version: 1\n": line 1 */
	const char *where;   /* line:col */
	const char *say;
};

#define AGENT "version: 1\nextends: preset:agent\n" /* the keys that follow begin on line 3 */

/* Beyond preset:agent, the ceiling when nobody wrote anything. */
static const struct loosening loosenings[] = {
	{ AGENT "filesystem: { read: [/] }\n", "3:22", "read '/' is not granted there" },
	{ AGENT "filesystem: { read: [/root-x] }\n", "3:22", "read '/root-x'" },
	{ AGENT "filesystem: { write: [/usr] }\n", "3:23", "write '/usr'" },
	{ AGENT "filesystem: { write: ['${home}'] }\n", "3:23", "write '" },
	{ AGENT "filesystem: { read: ['${home}/.ssh'] }\n", "3:22", "/.ssh' is not granted" },
	{ AGENT "filesystem: { exec: [/var] }\n", "3:22", "exec '/var'" },
	{ AGENT "filesystem: { write: ['${workspace}/../home'] }\n", "3:23", "home' is not" },
	{ AGENT "filesystem: { write: ['${workspace}/etc-link/ssl'] }\n", "3:23",
	  "which leads to /etc/ssl" },
	{ AGENT "filesystem: { write: ['${workspace}/etc-link'] }\n", "3:23",
	  "which leads to /etc is not granted" },
	{ AGENT "filesystem: { read: ['${workspace}/ssh-link'] }\n", "3:22",
	  "/.ssh is not granted" },
	{ AGENT "filesystem: { read: [{path: '${workspace}/ssh-link/new', optional: true}] }\n",
	  "3:29", "/.ssh/new is not granted" },
	{ AGENT "filesystem: { read: ['${workspace}/up/home/.ssh'] }\n", "3:22",
	  "/.ssh is not granted" },
	{ AGENT "filesystem: { home: host }\n", "3:21", "home: host" },
	{ AGENT "filesystem: { tmp: host }\n", "3:20", "tmp: host" },
	{ AGENT "network: host\n", "3:10", "network: host" },
	{ AGENT "network: { mode: host }\n", "3:18", "network: host" },
	{ AGENT "limits: { pids: 4097 }\n", "3:17", "pids: more than the limit" },
	{ AGENT "syscalls: compat\n", "3:11", "a wider list of system calls" },
	{ AGENT "syscalls: { allow: [ptrace] }\n", "3:21", "system call ptrace" },
	{ AGENT "syscalls: { deny: [{name: ptrace, action: log}] }\n", "3:27",
	  "system call ptrace" },
	{ AGENT "process: { env: { pass: [GITHUB_TOKEN] } }\n", "3:26", "GITHUB_TOKEN" },
	{ AGENT "process: { env: { pass: [NODE_AUTH_TOKEN] } }\n", "3:26", "NODE_AUTH_TOKEN" },
	{ AGENT "process: { env: { pass: ['*'] } }\n", "3:26", "the variable *" },
	{ AGENT "process: { env: { pass: ['N*'] } }\n", "3:26", "the variable N*" },
	{ AGENT "process: { uid: 0 }\n", "3:17", "uid 0" },
	{ AGENT "process: { gid: 0 }\n", "3:17", "gid 0" },
	{ AGENT "require: []\n", "3:10", "require: []" },
	{ AGENT "audit: { path: '${home}/.bashrc' }\n", "3:16", "where the log goes" },
	{ AGENT "audit: { fsync: never }\n", "3:17", "less is forced to disk" },
	{ AGENT "audit: { redact: ['*'] }\n", "3:19", "redaction of *" },
	{ "version: 1\nextends: preset:online\n", "2:10", "network: host (through preset:online:" },
	{ "version: 1\nextends: [preset:agent, preset:build]\n", "2:25",
	  "is not granted there (through preset:build:" },
	{ "version: 1\nextends: /etc/passwd\n", "2:10", "only name files in its own workspace" },
	{ "version: 1\nextends: ../home/x.yaml\n", "2:10", "only name files in its own workspace" },
	{ "version: 1\nextends: up/home/x.yaml\n", "2:10", "a symlink" },
	{ AGENT "tools: { t: { argv: x, read: [/root-x] } }\n", "3:31",
	  "tool 't' may only tighten" },
	{ AGENT "tools: { t: { argv: x, read: ['${workspace}/ssh-link'] } }\n", "3:31",
	  "/.ssh is not granted" },
	{ AGENT "tools: { t: { argv: x, network: host } }\n", "3:10", "tool 't' may only tighten" },
};

static void project_cannot_loosen(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(loosenings) / sizeof(loosenings[0]); i++) {
		const struct loosening *l = &loosenings[i];
		char place[128];
		const char *said;

		set_files(NULL, NULL, l->project);
		said = load(NULL, NULL);
		(void)snprintf(place, sizeof(place), "capsule.yaml:%s: error: ", l->where);
		if (!strstr(said, place) || !strstr(said, l->say))
			print_error("%s\nwanted %s and '%s', said:\n%s\n", l->project, place,
				    l->say, said);
		assert_non_null(strstr(said, place));
		assert_non_null(strstr(said, l->say));
	}
}

/* The same words, said by the user, hold: every one of the table but what is wrong in itself. */
static void user_may_loosen(void **state)
{
	size_t held = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(loosenings) / sizeof(loosenings[0]); i++) {
		const char *said;

		set_files(NULL, NULL, loosenings[i].project);
		said = load(at("ws/capsule.yaml"), NULL);
		assert_null(strstr(said, "may only tighten what"));
		held += said[0] == '\0';
	}
	assert_true(held >= 28);
}

static bool has(const struct policy *p, enum policy_fs kind, const char *path)
{
	for (size_t i = 0; i < p->n_paths; i++) {
		if (p->paths[i].kind == kind && strcmp(p->paths[i].path, path) == 0)
			return true;
	}
	return false;
}

static void project_may_tighten(void **state)
{
	AUTO(policy_freep) struct policy *p = NULL;

	(void)state;
	set_files(NULL, NULL,
		  "version: 1\nname: mine\n"
		  "filesystem:\n"
		  "  write: ['${workspace}/src-link']\n"
		  "  exec: [/usr]\n"
		  "process: { env: { pass: [PATH, LC_ALL, NODE_ENV] } }\n"
		  "limits: { pids: 10, memory: 1GiB }\n"
		  "syscalls: strict\n");
	assert_string_equal(load(NULL, &p), "");
	assert_string_equal(p->name, "mine");
	/* resolved, and not to be followed again */
	assert_true(has(p, POLICY_FS_WRITE, at("ws/src")));
	assert_true(p->paths[0].nofollow);
	assert_false(has(p, POLICY_FS_WRITE, workspace));
	/* what the ceiling takes away stays taken */
	assert_true(has(p, POLICY_FS_DENY, "/etc/shadow"));
	assert_true(has(p, POLICY_FS_READONLY, at("ws/.git/hooks")));
	assert_int_equal(p->limits.pids, 10);
	assert_int_equal(p->limits.memory, 1 << 30);
	assert_int_equal(p->sysc_preset, POLICY_SYSC_STRICT);
	assert_true(p->n_sources == 2);
	assert_string_equal(p->sources[0].name, "preset:agent");
}

static void unsaid_is_the_ceilings(void **state)
{
	AUTO(policy_freep) struct policy *p = NULL;

	(void)state;
	set_files(NULL,
		  "version: 1\nextends: preset:agent\n"
		  "filesystem: { deny: ['${workspace}/secret'] }\n"
		  "limits: { wall_time: 5s, memory: 1GiB }\n"
		  "syscalls: { preset: strict, deny: [chmod] }\n"
		  "process: { uid: 7, commands: { allow: ['git ...'], deny: [git push ...] },\n"
		  "  env: { pass: [MY_TOKEN], unset: [LC_*] } }\n"
		  "require: [seccomp, landlock-fs]\n"
		  "audit: { fsync: always, stdio: digest, redact: [SECRET*] }\n",
		  "version: 1\nfilesystem: { exec: [/usr], write: ['${workspace}'] }\n"
		  "process: { env: { pass: [MY_TOKEN, LANG] } }\n");
	assert_string_equal(load(NULL, &p), "");
	assert_int_equal(p->limits.wall_ms, 5000);
	assert_int_equal(p->limits.memory, 1 << 30);
	assert_int_equal(p->limits.pids, 4096);
	assert_int_equal(p->sysc_preset, POLICY_SYSC_STRICT);
	assert_string_equal(p->sysc[0].name, "chmod");
	assert_int_equal(p->uid, 7);
	assert_int_equal(p->n_commands_allow, 1);
	assert_int_equal(p->n_commands_deny, 1);
	assert_string_equal(p->env_unset[0], "LC_*");
	assert_true(p->require & LAYER_BIT(LAYER_LANDLOCK_FS));
	assert_int_equal(p->audit_fsync, POLICY_FSYNC_ALWAYS);
	assert_true(p->audit_stdio);
	assert_string_equal(p->redact[0], "SECRET*");
	assert_true(has(p, POLICY_FS_DENY, at("ws/secret")));
}

/* A link in the workspace to what the user denied, and a grant inside it. */
static void denials_hold_through_links(void **state)
{
	static const char user[] = "version: 1\nextends: preset:agent\n"
				   "filesystem: { deny: ['${workspace}/secret'] }\n";

	(void)state;
	set_files(NULL, user, AGENT "filesystem: { read: ['${workspace}/secret/x'] }\n");
	assert_non_null(strstr(load(NULL, NULL), "is denied at"));
	set_files(NULL, user, AGENT "filesystem: { read: ['${workspace}/secret-link'] }\n");
	assert_non_null(strstr(load(NULL, NULL), "is denied at"));
}

/* A secret's exact name lets it through only where the ceiling names it exactly too. */
static void exact_names_are_the_ceilings(void **state)
{
	AUTO(policy_freep) struct policy *p = NULL;
	AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
	const char *const given[] = { "FOO_A=ghp_0123456789abcdefghij0123456789abcdef",
				      "FOO_B=ghp_0123456789abcdefghij0123456789abcdef",
				      "FOO_C=plain", NULL };
	size_t stripped = 0, n = 0;
	char **env;

	(void)state;
	set_files(NULL,
		  "version: 1\nextends: preset:agent\n"
		  "process: { env: { pass: ['FOO_*', FOO_A] } }\n",
		  AGENT "process: { env: { pass: [FOO_A, FOO_B, FOO_C] } }\n");
	assert_string_equal(load(NULL, &p), "");
	env = policy_environment(p, &arena, (char *const *)(uintptr_t)given, &stripped);
	assert_non_null(env);
	while (env[n])
		n++;
	assert_int_equal(n, 2);
	assert_string_equal(env[0], given[0]);
	assert_string_equal(env[1], given[2]);
	assert_int_equal(stripped, 1);
}

static void organisation_binds_the_user(void **state)
{
	static const char org_text[] = "version: 1\nextends: preset:agent\n"
				       "limits: { memory: 1GiB }\n";
	AUTO(policy_freep) struct policy *p = NULL;
	const char *said;

	(void)state;
	set_files(org_text, AGENT "network: host\n", NULL);
	if (geteuid() != 0) { /* the file must be root's */
		assert_non_null(strstr(load(NULL, NULL), "belong to root"));
		skip();
	}
	said = load(NULL, NULL);
	assert_non_null(strstr(said, "policy.yaml:3:10: error: the organisation's policy"));
	assert_non_null(strstr(said, "network: host"));
	/* --policy is the user's word, and bound just so; so is a preset */
	put_file(at("mine.yaml"), AGENT "limits: { memory: 2GiB }\n");
	assert_non_null(strstr(load(at("mine.yaml"), NULL), "memory: more than the limit"));
	assert_non_null(strstr(load("preset:online", NULL), "network: host"));
	/* the user's file is bound before it binds the project's */
	set_files(org_text, AGENT "limits: { pids: 5 }\n", AGENT);
	assert_string_equal(load(NULL, &p), "");
	assert_int_equal(p->limits.memory, 1 << 30);
	assert_int_equal(p->limits.pids, 5);
	assert_int_equal(p->n_sources, 4);
}

static void files_are_judged_before_they_are_read(void **state)
{
	(void)state;
	set_files(NULL, AGENT, NULL);
	assert_int_equal(chmod(at("home/.config/capsule/policy.yaml"), 0666), 0);
	assert_non_null(strstr(load(NULL, NULL), "anybody may write it"));
	set_files(NULL, NULL, NULL);
	assert_int_equal(mkfifo(at("ws/capsule.yaml"), 0644), 0); /* would block */
	assert_non_null(strstr(load(NULL, NULL), "not a regular file"));
	assert_int_equal(unlink(at("ws/capsule.yaml")), 0);
	assert_int_equal(symlink("/etc/passwd", at("ws/capsule.yaml")), 0);
	assert_non_null(strstr(load(NULL, NULL), "a symlink"));
	assert_int_equal(unlink(at("ws/capsule.yaml")), 0);
	assert_int_equal(symlink("/nonexistent", at("ws/capsule.yaml")), 0);
	assert_non_null(strstr(load(NULL, NULL), "a symlink"));
	assert_int_equal(unlink(at("ws/capsule.yaml")), 0);
	assert_int_equal(mkdir(at("ws/capsule.yaml"), 0755), 0);
	assert_non_null(strstr(load(NULL, NULL), "not a regular file"));
	assert_int_equal(rmdir(at("ws/capsule.yaml")), 0);
	assert_non_null(strstr(load("/dev/zero", NULL), "not a regular file"));
	assert_non_null(strstr(load("/nonexistent.yaml", NULL), "No such file"));
	assert_non_null(strstr(load("preset:agnet", NULL), "did you mean 'agent'"));
}

static void extends_has_no_cycles(void **state)
{
	AUTO(policy_freep) struct policy *p = NULL;
	char text[256];

	(void)state;
	set_files(NULL, NULL, NULL);
	put_file(at("a.yaml"), "version: 1\nextends: b.yaml\n");
	put_file(at("b.yaml"), "version: 1\nextends: [preset:agent, a.yaml]\n");
	assert_non_null(
		strstr(load(at("a.yaml"), NULL), "b.yaml:2:25: error: 'extends' leads back"));
	put_file(at("self.yaml"), "version: 1\nextends: self.yaml\n");
	assert_non_null(strstr(load(at("self.yaml"), NULL), "leads back"));
	for (int i = 0; i < 20; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "c%d.yaml", i);
		(void)snprintf(text, sizeof(text), "version: 1\nextends: c%d.yaml\n", i + 1);
		put_file(at(name), text);
	}
	assert_non_null(strstr(load(at("c0.yaml"), NULL), "goes too deep"));
	/* a diamond is no cycle; bases come first, what is nearer wins, denials never go */
	put_file(at("base.yaml"), AGENT "filesystem: { deny: [{path: /opt/x, optional: true}] }\n"
					"limits: { pids: 1, memory: 1GiB }\n");
	put_file(at("left.yaml"), "version: 1\nextends: base.yaml\nlimits: { pids: 2 }\n");
	put_file(at("right.yaml"), "version: 1\nextends: ./base.yaml\nlimits: { open_files: 9 }\n");
	put_file(at("top.yaml"), "version: 1\nname: top\nextends: [left.yaml, right.yaml]\n");
	assert_string_equal(load(at("top.yaml"), &p), "");
	assert_int_equal(p->limits.pids, 2);
	assert_int_equal(p->limits.open_files, 9);
	assert_int_equal(p->limits.memory, 1 << 30);
	assert_true(has(p, POLICY_FS_DENY, "/opt/x"));
	assert_string_equal(p->name, "top");
	assert_string_equal(p->sources[p->n_sources - 1].name, at("top.yaml"));
	assert_int_equal(p->n_sources, 5);
}

static void missing_paths_by_key(void **state)
{
	AUTO(buf_done) struct buf diag = BUF_INIT(1 << 16);
	AUTO(policy_freep) struct policy *p = NULL;

	(void)state;
	put_file(at("m.yaml"), AGENT "filesystem: { write: ['${workspace}/none'] }\n");
	assert_non_null(strstr(load(at("m.yaml"), NULL), "m.yaml:3:23: error: "));
	put_file(at("m.yaml"), AGENT "reload: { within: { write: ['${workspace}/none'] } }\n");
	assert_non_null(strstr(load(at("m.yaml"), NULL), "m.yaml:3:29: error: "));
	put_file(at("m.yaml"), AGENT "filesystem:\n  read: ['${workspace}/none']\n"
				     "  write: [{path: '${workspace}/no', optional: true}]\n");
	assert_int_equal(policy_load(at("m.yaml"), &vars, &p, &diag, NULL), 0);
	assert_non_null(strstr(buf_cstr(&diag), "m.yaml:4:10: warning: "));
	assert_null(strstr(buf_cstr(&diag), "error"));
}

static const struct policy_path *entry(const struct policy *p, const char *path)
{
	for (size_t i = 0; i < p->n_paths; i++) {
		if (strcmp(p->paths[i].path, path) == 0)
			return &p->paths[i];
	}
	fail_msg("no entry '%s'", path);
	return NULL;
}

/* What takes away need not be there: the supervisor holds what is made later. */
static void denials_need_not_be_there(void **state)
{
	AUTO(policy_freep) struct policy *p = NULL;

	(void)state;
	put_file(at("m.yaml"), AGENT
		 "filesystem:\n  deny: ['${workspace}/none', '${workspace}/secret', '**/.env']\n"
		 "  protect: ['${workspace}/src-link/later', '${workspace}/src-link']\n"
		 "  hide: ['${workspace}/secret-link']\n  ask: ['${workspace}/src']\n");
	assert_string_equal(load(at("m.yaml"), &p), "");
	assert_true(entry(p, at("ws/none"))->absent);
	assert_null(entry(p, at("ws/none"))->real);
	assert_false(entry(p, at("ws/secret"))->absent);
	assert_true(entry(p, "**/.env")->glob);
	assert_false(entry(p, "**/.env")->absent);
	/* where it would come to be, once its links are followed */
	assert_string_equal(entry(p, at("ws/src-link/later"))->real, at("ws/src/later"));
	assert_null(entry(p, at("ws/src-link"))->real); /* a mount follows them by itself */
	assert_string_equal(entry(p, at("ws/secret-link"))->real, at("ws/secret"));
}

static void live_keys_only_tighten(void **state)
{
	static const struct {
		const char *user, *project, *say; /* "": fine */
	} rows[] = {
		{ "", "ask_default: allow", "3:14: error: a project's file may only tighten" },
		{ "ask_default: allow\n", "ask_default: allow", "" },
		{ "ask_default: allow\n", "ask_default: deny", "" },
		{ "", "audit: { record: invocations }",
		  "record: invocations is less than security" },
		{ "audit: { record: all }\n", "audit: { record: security }",
		  "record: security is less than all" },
		{ "", "audit: { record: all }", "" },
		{ "filesystem: { overlay: true }\n", "filesystem: { overlay: false }",
		  "overlay: false" },
		{ "", "filesystem: { overlay: true }", "" },
		{ "", "reload: { within: { read: [/srv] } }", "read '/srv' is not granted there" },
		{ "", "reload: { within: { write: ['${workspace}/src'] } }", "" },
		{ "", "reload: { within: { write: ['${workspace}/etc-link'] } }",
		  "which leads to /etc is not granted" },
		{ "reload: false\n", "reload: { watch: true }", "3:9: error: " },
		{ "reload: false\n", "name: x", "" },
		{ "reload: { watch: false }\n", "reload: { watch: true }", "reload.watch: true" },
		{ "reload: { revoke: true }\n", "reload: { revoke: false }",
		  "reload.revoke: false" },
		{ "filesystem: { deny: ['**/*.pem'] }\n",
		  "filesystem: { read: [{ path: '${workspace}/x.pem', optional: true }] }",
		  "x.pem' is denied at" },
		{ "filesystem: { hide: ['${workspace}/sec*'] }\n",
		  "filesystem: { read: ['${workspace}/secret'] }", "secret' is denied at" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char user[512], project[512];
		const char *said;

		(void)snprintf(user, sizeof(user), AGENT "%s", rows[i].user);
		(void)snprintf(project, sizeof(project), AGENT "%s\n", rows[i].project);
		set_files(NULL, user, project);
		said = load(NULL, NULL);
		if (rows[i].say[0] ? !strstr(said, rows[i].say) : said[0] != '\0')
			fail_msg("%s under %s: %s", rows[i].project, rows[i].user, said);
	}
	set_files(NULL, NULL, NULL);
}

/* What the project's file does not say, the ceiling says. */
static void live_keys_are_inherited(void **state)
{
	AUTO(policy_freep) struct policy *p = NULL;

	(void)state;
	set_files(NULL,
		  AGENT "ask_default: allow\naudit: { record: all }\n"
			"reload: { watch: false, revoke: true }\n"
			"filesystem: { overlay: true, hide: ['**/.env'] }\n",
		  AGENT "name: x\n");
	assert_string_equal(load(NULL, &p), "");
	assert_int_equal(p->ask_default, RULE_ALLOW);
	assert_int_equal(p->record, POLICY_RECORD_ALL);
	assert_true(p->overlay && p->reload.revoke && !p->reload.watch);
	assert_int_equal(entry(p, "**/.env")->kind, POLICY_FS_HIDE);
	set_files(NULL, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(project_cannot_loosen),
		cmocka_unit_test(user_may_loosen),
		cmocka_unit_test(project_may_tighten),
		cmocka_unit_test(unsaid_is_the_ceilings),
		cmocka_unit_test(denials_hold_through_links),
		cmocka_unit_test(exact_names_are_the_ceilings),
		cmocka_unit_test(organisation_binds_the_user),
		cmocka_unit_test(files_are_judged_before_they_are_read),
		cmocka_unit_test(extends_has_no_cycles),
		cmocka_unit_test(missing_paths_by_key),
		cmocka_unit_test(denials_need_not_be_there),
		cmocka_unit_test(live_keys_only_tighten),
		cmocka_unit_test(live_keys_are_inherited),
	};

	return cmocka_run_group_tests(tests, make_places, remove_places);
}
