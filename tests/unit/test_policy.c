/* Unit tests of src/policy: the presets, values, environment, tools, commands, show. */
#include "base/buf.h"
#include "base/own.h"
#include "policy/policy.h"
#include "policy/report.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct policy_vars vars = { .workspace = "/w/project",
					 .home = "/home/me",
					 .tmp = "/tmp",
					 .config = "/nonexistent",
					 .org_file = "/nonexistent/policy.yaml" };

static struct policy *load_text(const char *text)
{
	AUTO(buf_done) struct buf diag = BUF_INIT(65536);
	struct policy *p = NULL;
	struct err err = ERR_INIT;

	if (policy_load_text("t.yaml", str_of(text), &vars, &p, &diag, &err) < 0)
		print_error("%s\n%s", err.text, buf_cstr(&diag));
	return p;
}

static bool grants(const struct policy *p, enum policy_fs kind, const char *path)
{
	for (size_t i = 0; i < p->n_paths; i++) {
		if (p->paths[i].kind == kind && strcmp(p->paths[i].path, path) == 0)
			return true;
	}
	return false;
}

static void default_serves_an_agent(void **state)
{
	AUTO(policy_freep) struct policy *p = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(policy_load(NULL, &vars, &p, NULL, &err), 0);
	assert_string_equal(p->name, "agent");
	assert_true(grants(p, POLICY_FS_WRITE, "/w/project"));
	assert_true(grants(p, POLICY_FS_EXEC, "/usr"));
	assert_true(grants(p, POLICY_FS_READ, "/home/me/.gitconfig"));
	assert_true(grants(p, POLICY_FS_READONLY, "/w/project/.git/hooks"));
	assert_true(grants(p, POLICY_FS_DENY, "/etc/shadow"));
	assert_true(p->private_home && p->private_tmp);
	assert_int_equal(p->network, POLICY_NET_NONE);
	assert_int_equal(p->limits.pids, 4096);
	assert_int_equal(p->sysc_preset, POLICY_SYSC_DEFAULT);
	assert_string_equal(p->origin[POLICY_KEY_PIDS].file, "preset:agent");
	assert_true(p->require & LAYER_BIT(LAYER_SECCOMP));
	assert_int_equal(p->uid, -1);
}

/* The presets skip the check of contradictions at run time: it is made here. */
static void presets_hold_together(void **state)
{
	const char *name;
	size_t n = 0;

	(void)state;
	for (; (name = policy_preset_name(n)); n++) {
		AUTO(policy_freep) struct policy *p = NULL, *again = NULL;
		AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);
		struct str source = policy_preset_text(name);
		char *z = strndup(source.p, source.n);

		p = load_text(z);
		free(z);
		assert_non_null(p);
		assert_string_equal(p->name, name);
		policy_show(p, false, &text);
		again = load_text(buf_cstr(&text));
		assert_non_null(again);
		assert_memory_equal(p->effective, again->effective, BLAKE3_OUT);
	}
	assert_true(n >= 4);
}

static void show_is_a_fixed_point(void **state)
{
	static const char text[] =
		"version: 1\n"
		"name: \"no\"\n"
		"require: [seccomp, landlock-fs]\n"
		"filesystem:\n"
		"  read: [/usr, {path: '/a b', optional: true}, '/a\\[b\\]']\n"
		"  write: ['${workspace}/x']\n"
		"  exec: [/bin]\n"
		"  deny: [/usr/lib/secret, '/**/.env', '${workspace}/\\*\\\\/[!a]{b}?']\n"
		"  hide: ['**/h', /bin/y]\n"
		"  ask: [/bin/z]\n"
		"  overlay: true\n"
		"  protect: ['${workspace}/x/.git']\n"
		"  home: host\n"
		"process:\n"
		"  uid: 1000\n"
		"  env: {pass: [PATH, LC_*], set: {A: '1', B: \"x\\ty\\\"z\"}, unset: "
		"['*_PROXY']}\n"
		"  commands: {allow: ['git ...', [make, '${t:[a-z]+}']], deny: [git push]}\n"
		"network: host\n"
		"limits: {memory: 512MiB, cpu: 150%, wall_time: 1h30m, output: 2MB, disk: 1.5GiB}\n"
		"syscalls:\n"
		"  preset: strict\n"
		"  allow: [io_uring_setup, {name: mprotect, when: 'arg2 & PROT_EXEC'}]\n"
		"  deny:\n"
		"    - {name: socket, when: ['arg0 == AF_INET6', 'arg1 & 0xf == SOCK_STREAM'], "
		"action: kill}\n"
		"    - {name: chmod, errno: EACCES}\n"
		"    - {name: ptrace, action: log}\n"
		"tools:\n"
		"  clone:\n"
		"    argv: git clone ${url:https://.*}\n"
		"    write: ['${workspace}/x']\n"
		"    network: none\n"
		"    limits: {wall_time: 90s}\n"
		"ask_default: allow\n"
		"reload: {watch: false, revoke: true, within: {read: [/r], write: [/w], exec: "
		"[/e]}}\n"
		"audit: {path: /var/log/c.log, fsync: always, stdio: digest, record: all, redact: "
		"['*TOKEN*']}\n";
	AUTO(policy_freep) struct policy *p = load_text(text), *again = NULL;
	AUTO(buf_done) struct buf shown = BUF_INIT(1 << 20);

	(void)state;
	assert_non_null(p);
	assert_int_equal(p->limits.memory, 512 << 20);
	assert_int_equal(p->limits.cpu_milli, 1500);
	assert_int_equal(p->limits.wall_ms, 5400000);
	assert_int_equal(p->limits.output, 2000000);
	assert_int_equal(p->limits.disk, 1610612736);
	assert_int_equal(p->n_sysc, 5);
	assert_int_equal(p->sysc[1].conds[0].cmp, SYSC_MASKED_EQ);
	assert_int_equal(p->sysc[1].conds[0].value, 4);
	assert_int_equal(p->sysc[2].action, POLICY_SYSC_KILL);
	assert_int_equal(p->sysc[3].error, EACCES);
	assert_string_equal(p->env_set[1].value, "x\ty\"z");
	assert_string_equal(p->paths[2].path, "/a[b]");
	assert_int_equal(p->reload.n_within, 3);
	policy_show(p, false, &shown);
	assert_non_null(strstr(buf_cstr(&shown), "- \"/a\\\\[b]\"\n"));
	assert_non_null(strstr(buf_cstr(&shown), "- \"**/.env\"\n"));
	again = load_text(buf_cstr(&shown));
	assert_non_null(again);
	assert_string_equal(again->paths[2].path, "/a[b]");
	assert_int_equal(again->reload.n_within, 3);
	assert_true(again->overlay && again->reload.revoke && !again->reload.watch);
	assert_int_equal(again->record, POLICY_RECORD_ALL);
	assert_int_equal(again->ask_default, RULE_ALLOW);
	assert_memory_equal(p->effective, again->effective, BLAKE3_OUT);
	assert_memory_not_equal(p->effective, (const uint8_t[BLAKE3_OUT]){ 0 }, BLAKE3_OUT);
}

static const char *env_get(char **env, const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++) {
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	}
	return NULL;
}

static void secrets_stay_outside(void **state)
{
	AUTO(policy_freep)
	struct policy *p = load_text("version: 1\nprocess:\n  env:\n    pass: ['*', EXACT_TOKEN]\n"
				     "    set: {ADDED: x, PATH: /bin}\n    unset: ['GONE*']\n");
	AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
	const char *const given[] = { "PATH=/usr/bin",
				      "HOME=/home/me",
				      "GITHUB_TOKEN=x",
				      "EXACT_TOKEN=yes",
				      "AWS_REGION=eu",
				      "SSH_AUTH_SOCK=/run/x",
				      "INNOCENT=ghp_0123456789abcdefghij0123456789abcdef",
				      "KEYISH=sk-0123456789abcdefghijklmn",
				      "PEM=-----BEGIN RSA PRIVATE KEY-----",
				      "PG=postgres://me:hunter2@db/x",
				      "PLAIN=https://example.org/x",
				      "my_api_key=1",
				      "GONE_X=1",
				      "broken",
				      NULL };
	size_t stripped = 0;
	char **env;

	(void)state;
	assert_non_null(p);
	env = policy_environment(p, &arena, (char *const *)(uintptr_t)given, &stripped);
	assert_non_null(env);
	assert_string_equal(env_get(env, "PATH"), "/bin");
	assert_string_equal(env_get(env, "HOME"), "/home/me");
	assert_string_equal(env_get(env, "EXACT_TOKEN"), "yes");
	assert_string_equal(env_get(env, "ADDED"), "x");
	assert_string_equal(env_get(env, "PLAIN"), "https://example.org/x");
	assert_null(env_get(env, "GITHUB_TOKEN"));
	assert_null(env_get(env, "AWS_REGION"));
	assert_null(env_get(env, "SSH_AUTH_SOCK"));
	assert_null(env_get(env, "INNOCENT"));
	assert_null(env_get(env, "KEYISH"));
	assert_null(env_get(env, "PEM"));
	assert_null(env_get(env, "PG"));
	assert_null(env_get(env, "my_api_key"));
	assert_null(env_get(env, "GONE_X"));
	assert_int_equal(stripped, 8);
}

#define ARGV(...) ((char *const *)(uintptr_t)(const char *const[]){ __VA_ARGS__, NULL })

static void commands_are_matched_word_by_word(void **state)
{
	AUTO(policy_freep)
	struct policy *p = load_text("version: 1\nprocess:\n  commands:\n"
				     "    allow: ['git ...', \"make ${t:[a-z]+|all}\", 'say \"two "
				     "words\"', 'v=${n:[0-9]{1,3}}.$$']\n"
				     "    deny: [git push ..., rm ...]\n");
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(p);
	assert_int_equal(policy_check_command(p, ARGV("git"), NULL), 0);
	assert_int_equal(policy_check_command(p, ARGV("git", "log", "-1"), NULL), 0);
	assert_int_equal(policy_check_command(p, ARGV("git", "push"), &err), -EACCES);
	assert_non_null(strstr(err.text, "t.yaml:5:12"));
	assert_string_equal(err.file, "t.yaml");
	assert_int_equal(err.line, 5);
	assert_int_equal(err.col, 12);
	assert_int_equal(policy_check_command(p, ARGV("/usr/bin/git", "push"), NULL), -EACCES);
	assert_int_equal(policy_check_command(p, ARGV("/tmp/git", "log"), NULL), -EACCES);
	assert_int_equal(policy_check_command(p, ARGV("make", "test"), NULL), 0);
	assert_int_equal(policy_check_command(p, ARGV("make", "test;rm"), NULL), -EACCES);
	assert_int_equal(policy_check_command(p, ARGV("make", "x\ny"), NULL), -EACCES);
	assert_int_equal(policy_check_command(p, ARGV("make"), NULL), -EACCES);
	assert_int_equal(policy_check_command(p, ARGV("make", "a", "b"), NULL), -EACCES);
	assert_int_equal(policy_check_command(p, ARGV("say", "two words"), NULL), 0);
	assert_int_equal(policy_check_command(p, ARGV("v=123.$"), NULL), 0);
	assert_int_equal(policy_check_command(p, ARGV("v=123x$"), NULL), -EACCES);
	assert_int_equal(policy_check_command(p, ARGV("v=1234.$"), NULL), -EACCES);
}

/* Expressions that people write pass; those that would cost do not. */
static void expressions_have_a_size(void **state)
{
	static const struct {
		const char *regex;
		bool good;
	} rows[] = {
		{ "[A-Za-z0-9_./-]{1,255}", true },
		{ "[a-z]{1,63}([.][a-z]{1,63}){0,8}", true },
		{ "(https?|ssh)://[^ ]+", true },
		{ "[]x]|[^]y]|[[:alpha:]]+", true },
		{ "a\\.b", true },
		{ "a{2049}", false },
		{ "(a{50}){50}", false },
		{ "(a|b", false },
		{ "a)|(b", false },
		{ "(a)\\1", false },
		{ "\\`a", false },
		{ "[a", false },
		{ "[[:alpha:]", false },
		{ "a{1", false },
		{ "a{1,x}", false },
		{ "((((((((((((((((((a))))))))))))))))))", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy *p = NULL;
		char text[512];
		int r;

		(void)snprintf(text, sizeof(text), "version: 1\ntools: {t: {argv: ['${n:%s}']}}\n",
			       rows[i].regex);
		r = policy_load_text("t.yaml", str_of(text), &vars, &p, NULL, NULL);
		if ((r == 0) != rows[i].good)
			print_error("%s: %d\n", rows[i].regex, r);
		assert_int_equal(r == 0, rows[i].good);
		policy_free(p);
	}
}

static const char tool_text[] = "version: 1\n"
				"filesystem:\n"
				"  read: [/data]\n"
				"  write: ['${workspace}']\n"
				"  exec: [/usr, '${workspace}']\n"
				"  deny: [{path: /usr/secret, optional: true}, /data/x]\n"
				"  protect: ['${workspace}/.git', '${workspace}/out/keep']\n"
				"network: host\n"
				"limits: {pids: 100, wall_time: 10s}\n"
				"tools:\n"
				"  fetch:\n"
				"    argv: [curl, '${u:https://[a-z.]+/}']\n"
				"    write: ['${workspace}/out']\n"
				"    network: none\n"
				"    limits: {pids: 200, wall_time: 5s}\n"
				"  any:\n"
				"    argv: [[ls, ...], [cat, '${f:[a-z]+}']]\n";

static void tool_narrows(void **state)
{
	AUTO(policy_freep) struct policy *p = load_text(tool_text);
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(p);
	assert_int_equal(policy_select_tool(p, "fetsh", ARGV("curl"), &err), -ENOENT);
	assert_non_null(strstr(err.text, "did you mean 'fetch'"));
	err = ERR_INIT;
	assert_int_equal(policy_select_tool(p, "fetch", ARGV("curl", "http://a/"), &err), -EACCES);
	assert_non_null(strstr(err.text, "t.yaml:11:3"));
	assert_int_equal(policy_select_tool(p, "fetch", ARGV("curl", "https://a.b/"), NULL), 0);
	assert_true(grants(p, POLICY_FS_WRITE, "/w/project/out"));
	assert_false(grants(p, POLICY_FS_WRITE, "/w/project"));
	assert_false(grants(p, POLICY_FS_READ, "/data"));
	assert_true(grants(p, POLICY_FS_EXEC, "/usr"));
	assert_false(grants(p, POLICY_FS_EXEC, "/w/project")); /* it is writable */
	assert_true(grants(p, POLICY_FS_DENY, "/usr/secret"));
	assert_false(grants(p, POLICY_FS_DENY, "/data/x"));
	assert_true(grants(p, POLICY_FS_READONLY, "/w/project/out/keep"));
	assert_int_equal(p->network, POLICY_NET_NONE);
	assert_int_equal(p->limits.pids, 100);
	assert_int_equal(p->limits.wall_ms, 5000);
}

static void tool_without_paths_keeps_the_policys(void **state)
{
	AUTO(policy_freep) struct policy *p = load_text(tool_text);

	(void)state;
	assert_non_null(p);
	assert_int_equal(policy_select_tool(p, "any", ARGV("ls", "a", "b"), NULL), 0);
	assert_true(grants(p, POLICY_FS_WRITE, "/w/project"));
	assert_int_equal(p->network, POLICY_NET_HOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_serves_an_agent),
		cmocka_unit_test(presets_hold_together),
		cmocka_unit_test(show_is_a_fixed_point),
		cmocka_unit_test(secrets_stay_outside),
		cmocka_unit_test(commands_are_matched_word_by_word),
		cmocka_unit_test(expressions_have_a_size),
		cmocka_unit_test(tool_narrows),
		cmocka_unit_test(tool_without_paths_keeps_the_policys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
