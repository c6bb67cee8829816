/* Unit tests of what is told about policies: explain, diff, import, the schema and its page. */
#include "base/buf.h"
#include "base/own.h"
#include "codec/json_rd.h"
#include "policy/report.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct policy_vars vars = { .workspace = "/w/project",
					 .home = "/home/me",
					 .tmp = "/tmp" };

static struct policy *load_text(const char *text)
{
	AUTO(buf_done) struct buf diag = BUF_INIT(65536);
	struct policy *p = NULL;
	struct err err = ERR_INIT;

	if (policy_load_text("t.yaml", str_of(text), &vars, &p, &diag, &err) < 0)
		print_error("%s\n%s", err.text, buf_cstr(&diag));
	assert_non_null(p);
	return p;
}

static void paths_meet_their_rule(void **state)
{
	AUTO(policy_freep)
	struct policy *p = load_text("version: 1\nfilesystem:\n"
				     "  read: [/data, ~/.gitconfig, /]\n"
				     "  write: ['${workspace}', '${tmp}']\n"
				     "  exec: [/usr, '${tmp}', '${workspace}/bin']\n"
				     "  protect: ['${workspace}/.git']\n"
				     "  deny: [/data/x, '${workspace}/.git/secret', ~/.aws]\n");
	const struct {
		const char *path;
		enum policy_place place;
		unsigned rights;
		const char *rule; /* of the read, or of what takes away */
	} rows[] = {
		{ "/data/y", PLACE_GRANTED, POLICY_MAY_READ, "/data" },
		{ "/data/x/y", PLACE_DENIED, 0, "/data/x" },
		{ "/data/xy", PLACE_GRANTED, POLICY_MAY_READ, "/data" },
		{ "/home/me/.gitconfig", PLACE_GRANTED, POLICY_MAY_READ, "/home/me/.gitconfig" },
		{ "/home/me/.ssh", PLACE_PRIVATE, 3, NULL }, /* although "/" is granted */
		{ "/home/me/.aws/key", PLACE_DENIED, 0, "/home/me/.aws" },
		{ "/home/you", PLACE_GRANTED, POLICY_MAY_READ, "/" },
		{ "/w/project/a", PLACE_GRANTED, 3, "/w/project" },
		{ "/w/project/bin/a", PLACE_GRANTED, 7, "/w/project/bin" },
		{ "/w/project/.git/config", PLACE_GRANTED, 1, "/w/project/.git" },
		{ "/w/project/.git/secret", PLACE_DENIED, 0, "/w/project/.git/secret" },
		{ "/tmp/a", PLACE_PRIVATE, 7, NULL },
		{ "/usr/bin/x", PLACE_GRANTED, 5, "/usr" },
		{ "/proc/1", PLACE_OWN, 1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_verdict v = policy_explain_path(p, rows[i].path);
		const struct policy_path *rule = v.taken ? v.taken : v.read;

		if (v.place != rows[i].place || v.rights != rows[i].rights)
			print_error("%s: %d %u\n", rows[i].path, (int)v.place, v.rights);
		assert_int_equal(v.place, rows[i].place);
		assert_int_equal(v.rights, rows[i].rights);
		if (rows[i].rule)
			assert_string_equal(rule->path, rows[i].rule);
	}
}

static void bare_and_absent(void **state)
{
	AUTO(policy_freep)
	struct policy *p =
		load_text("version: 1\nfilesystem: { exec: [/usr/bin], home: host, tmp: host }\n");

	(void)state;
	assert_int_equal(policy_explain_path(p, "/usr").place, PLACE_BARE);
	assert_int_equal(policy_explain_path(p, "/usr/lib").place, PLACE_ABSENT);
	assert_int_equal(policy_explain_path(p, "/home/me/x").place, PLACE_ABSENT);
	assert_int_equal(policy_explain_path(p, "/usr/binx").place, PLACE_ABSENT);
}

static void patterns_meet_paths(void **state)
{
	AUTO(policy_freep)
	struct policy *p = load_text("version: 1\nfilesystem:\n"
				     "  write: [/srv]\n"
				     "  exec: ['/srv/app/\\[id\\]']\n"
				     "  deny: ['**/.env', '/srv/{a,b}?/*.pem']\n"
				     "  hide: ['/srv/**/secret*']\n"
				     "  protect: ['/**/.git/hooks', '/srv/\\[x\\]/[!a]']\n"
				     "  ask: ['/srv/ask*']\n");
	const struct {
		const char *path;
		enum policy_place place;
		unsigned rights;
		const char *rule; /* that takes away or asks */
	} rows[] = {
		{ "/srv/.env", PLACE_DENIED, 0, "**/.env" },
		{ "/srv/a/b/.env/below", PLACE_DENIED, 0, "**/.env" },
		{ "/srv/x.env", PLACE_GRANTED, 3, NULL },
		{ "/srv/{a,b}1/x.pem", PLACE_DENIED, 0, "/srv/{a,b}?/*.pem" },
		{ "/srv/a1/x.pem", PLACE_GRANTED, 3, NULL }, /* braces are characters */
		{ "/srv/secret", PLACE_HIDDEN, 0, "/srv/**/secret*" },
		{ "/srv/a/secrets/b", PLACE_HIDDEN, 0, "/srv/**/secret*" },
		{ "/srv/r/.git/hooks/pre-commit", PLACE_GRANTED, 1, "**/.git/hooks" },
		{ "/srv/r/.git/config", PLACE_GRANTED, 3, NULL },
		{ "/srv/[x]/b", PLACE_GRANTED, 1, "/srv/\\[x\\]/[!a]" },
		{ "/srv/[x]/a", PLACE_GRANTED, 3, NULL },
		{ "/srv/asked/x", PLACE_GRANTED, 3, "/srv/ask*" },
		{ "/srv/app/[id]/x", PLACE_GRANTED, 7, NULL },
		{ "/other/.env", PLACE_ABSENT, 0, "**/.env" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_verdict v = policy_explain_path(p, rows[i].path);
		const struct policy_path *rule = v.taken ? v.taken : v.ask;

		if (v.place != rows[i].place || v.rights != rows[i].rights ||
		    !rule != !rows[i].rule)
			print_error("%s: %d %u %s\n", rows[i].path, (int)v.place, v.rights,
				    rule ? rule->path : "");
		assert_int_equal(v.place, rows[i].place);
		assert_int_equal(v.rights, rows[i].rights);
		assert_true(!rule == !rows[i].rule);
		if (rule)
			assert_string_equal(rule->path, rows[i].rule);
	}
}

static void verdicts_are_readable(void **state)
{
	AUTO(policy_freep)
	struct policy *p = load_text("version: 1\nfilesystem:\n  write: [/srv]\n"
				     "  hide: ['**/.env']\n  ask: ['/srv/a*']\n");
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16);
	struct policy_verdict v = policy_explain_path(p, "/srv/.env");

	(void)state;
	policy_verdict_text(p, "/srv/.env", &v, &out);
	assert_string_equal(buf_cstr(&out), "/srv/.env: is not there: it is hidden\n"
					    "  hidden   by hide \"**/.env\" at t.yaml:4:10\n");
	buf_reset(&out);
	v = policy_explain_path(p, "/srv/a1");
	policy_verdict_text(p, "/srv/a1", &v, &out);
	assert_string_equal(buf_cstr(&out), "/srv/a1: may be read and changed\n"
					    "  read     by write /srv at t.yaml:3:11\n"
					    "  write    by write /srv at t.yaml:3:11\n"
					    "  asked    by ask \"/srv/a*\" at t.yaml:5:9\n");
	buf_reset(&out);
	policy_explain(p, &out);
	assert_non_null(strstr(buf_cstr(&out), "It never gets to see\n  **/.env  (t.yaml:4:10)\n"));
	assert_non_null(strstr(buf_cstr(&out), "the answer is no."));
}

struct changes {
	int looser, tighter, neither;
	char text[8192];
};

static void on_change(void *ctx, const struct policy_change *c)
{
	struct changes *all = ctx;
	size_t n = strlen(all->text);

	all->looser += c->direction > 0;
	all->tighter += c->direction < 0;
	all->neither += c->direction == 0;
	(void)snprintf(all->text + n, sizeof(all->text) - n, "%+d %s %s\n",
		       (c->direction > 0) - (c->direction < 0), c->key, c->text);
}

static void diff_knows_directions(void **state)
{
	static const struct {
		const char *a, *b;
		char say[96];
	} rows[] = {
		{ "filesystem: {read: [/a]}", "filesystem: {read: [/a, /b]}",
		  "+1 filesystem granted: read /b" },
		{ "filesystem: {write: [/a]}", "filesystem: {read: [/a]}",
		  "-1 filesystem no longer granted: write /a" },
		{ "filesystem: {read: [/a], deny: [/a/b]}", "filesystem: {read: [/a]}",
		  "+1 filesystem no longer taken: deny /a/b" },
		{ "filesystem: {write: [/a]}", "filesystem: {write: [/a], protect: [/a/b]}",
		  "-1 filesystem taken: protect /a/b" },
		{ "network: none", "network: host", "+1 network host, was none" },
		{ "limits: {pids: 5}", "limits: {pids: 4}", "-1 limits.pids 4, was 5" },
		{ "limits: {pids: 5}", "name: x", "+1 limits.pids no limit any more" },
		{ "filesystem: {home: private}", "filesystem: {home: host}",
		  "+1 filesystem.home host, was private" },
		{ "syscalls: strict", "syscalls: default",
		  "+1 syscalls.preset default, was strict" },
		{ "syscalls: {deny: [chmod]}", "name: x",
		  "+1 syscalls rule gone: errno chmod (1)" },
		{ "name: x", "syscalls: {deny: [{name: chmod, action: log}]}",
		  "+1 syscalls rule: log chmod" },
		{ "process: {env: {pass: [A]}}", "process: {env: {unset: [B]}}",
		  "-1 process.env.pass no longer passed: A" },
		{ "process: {commands: {deny: [a]}}", "name: x",
		  "+1 process.commands.deny no longer denied: a" },
		{ "process: {commands: {allow: [a]}}", "name: x",
		  "+1 process.commands.allow any command may be started" },
		{ "require: [seccomp]", "require: []", "+1 require runs with whatever" },
		{ "audit: {fsync: always}", "audit: {fsync: never}",
		  "+1 audit.fsync never, was always" },
		{ "tools: {t: {argv: a}}", "tools: {t: {argv: b}}", "+0 tools changed: t" },
		{ "filesystem: {read: [/a], deny: ['**/*.pem']}", "filesystem: {read: [/a]}",
		  "+1 filesystem no longer taken: deny **/*.pem" },
		{ "filesystem: {read: [/a], hide: [/a/b]}", "filesystem: {read: [/a]}",
		  "+1 filesystem no longer taken: hide /a/b" },
		{ "filesystem: {read: [/a]}", "filesystem: {read: [/a], ask: [/a/b]}",
		  "-1 filesystem taken: ask /a/b" },
		{ "audit: {record: all}", "name: x", "+1 audit.record security, was all" },
		{ "ask_default: allow", "name: x", "-1 ask_default deny, was allow" },
		{ "filesystem: {overlay: true}", "name: x",
		  "+1 filesystem.overlay false, was true" },
		{ "reload: {revoke: true}", "name: x", "+1 reload.revoke false, was true" },
		{ "reload: false", "name: x", "+0 reload true, was false" },
		{ "name: x", "reload: {within: {read: [/a]}}",
		  "+0 reload.within may be granted: read /a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct changes there = { 0 }, back = { 0 };
		char a_text[512], b_text[512];

		(void)snprintf(a_text, sizeof(a_text), "version: 1\n%s\n", rows[i].a);
		(void)snprintf(b_text, sizeof(b_text), "version: 1\n%s\n", rows[i].b);
		AUTO(policy_freep) struct policy *a = load_text(a_text), *b = load_text(b_text);

		assert_int_equal(policy_diff(a, a, on_change, &there), 0);
		policy_diff(a, b, on_change, &there);
		policy_diff(b, a, on_change, &back);
		if (!strstr(there.text, rows[i].say))
			print_error("wanted %s\nsaid %s\n", rows[i].say, there.text);
		assert_non_null(strstr(there.text, rows[i].say));
		/* what loosens one way tightens the other */
		assert_int_equal(there.looser, back.tighter);
		assert_int_equal(there.tighter, back.looser);
	}
}

static void old_shapes_become_policies(void **state)
{
	static const struct {
		const char *old, *holds, *note;
	} rows[] = {
		{ "tools:\n  git:\n    argv_pattern: '^git (log|diff) .*$'\n    read: ['./src/**', "
		  "'*.c']\n"
		  "    write: []\n    net: false\n",
		  "argv: [git, \"${arg2:(log|diff)}\", \"...\"]", "*.c: a pattern" },
		{ "tools:\n  get:\n    argv_pattern: [curl, 'https://[a-z.]+']\n    net: [a.org]\n",
		  "${arg2:https://[a-z.]+}", "a.org: a destination" },
		{ "sandbox:\n  read: [/usr/**]\n  write: [out]\n  net: true\n  syscalls: "
		  "[io_uring_setup]\n",
		  "network: host", "" },
		{ "sandbox:\n  read: ['/a?b']\n  wirte: [x]\n", "read: []", "wirte: not known" },
		{ "read: [., $HOME/x]\nwrite: [./out]\nnet: false\nenv: [PATH]\ntimeout: 30\n",
		  "wall_time: 30s", "" },
		{ "{\"read\": [\"/data\"], \"env\": {\"A\": \"1\"}, \"memory\": \"1GiB\"}",
		  "A: \"1\"", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO(buf_done) struct buf out = BUF_INIT(1 << 20), notes = BUF_INIT(1 << 20);
		AUTO(policy_freep) struct policy *p = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(policy_import("old", str_of(rows[i].old), &out, &notes, &err), 0);
		if (!strstr(buf_cstr(&out), rows[i].holds))
			print_error("%s\n", buf_cstr(&out));
		assert_non_null(strstr(buf_cstr(&out), rows[i].holds));
		assert_non_null(strstr(buf_cstr(&notes), rows[i].note));
		p = load_text(buf_cstr(&out));
	}
}

static void others_are_not_imported(void **state)
{
	static const char *const texts[] = { "version: 1\nname: x\n", "a: b\n", "[1]\n", "{", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		AUTO(buf_done) struct buf out = BUF_INIT(1 << 20), notes = BUF_INIT(1 << 20);
		struct err err = ERR_INIT;

		assert_int_equal(policy_import("old", str_of(texts[i]), &out, &notes, &err),
				 -EBADMSG);
		assert_true(err.text[0]);
	}
}

static void schema_is_json(void **state)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	AUTO(arena_done) struct arena arena = ARENA_INIT(16 << 20);
	const struct json *root, *keys;
	struct err err = ERR_INIT;

	(void)state;
	policy_schema_json(&out);
	assert_int_equal(json_parse(&arena, buf_str(&out), &root, &err), 0);
	keys = json_get(root, "properties");
	assert_non_null(json_get(keys, "filesystem"));
	assert_non_null(json_get(json_get(json_get(keys, "filesystem"), "properties"), "protect"));
	assert_non_null(json_get(json_get(keys, "tools"), "additionalProperties"));
}

/* docs/POLICY.md ends with the table of keys, as the code has it. */
static void page_lists_every_key(void **state)
{
	static char page[1 << 18];
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 20);
	AUTO(file_closep) FILE *f = fopen(POLICY_PAGE, "re");

	(void)state;
	assert_non_null(f);
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	policy_schema_markdown(&out);
	if (!strstr(page, buf_cstr(&out)))
		print_error("docs/POLICY.md is not what 'capsule policy schema --markdown' says\n");
	assert_non_null(strstr(page, buf_cstr(&out)));
	for (size_t i = 0; policy_preset_name(i); i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "| `%s` |", policy_preset_name(i));
		assert_non_null(strstr(page, name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_meet_their_rule),
		cmocka_unit_test(bare_and_absent),
		cmocka_unit_test(patterns_meet_paths),
		cmocka_unit_test(verdicts_are_readable),
		cmocka_unit_test(diff_knows_directions),
		cmocka_unit_test(old_shapes_become_policies),
		cmocka_unit_test(others_are_not_imported),
		cmocka_unit_test(schema_is_json),
		cmocka_unit_test(page_lists_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
