/* Unit tests of src/mediate/reload_check: what a reload may change, and what needs another wall. */
#include "base/buf.h"
#include "base/own.h"
#include "mediate/reload.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct policy *load(const char *text)
{
	struct policy_vars vars = { .workspace = "/w", .home = "/home/me", .tmp = "/tmp" };
	AUTO(buf_done) struct buf diag = BUF_INIT(65536), whole = BUF_INIT(65536);
	struct policy *p = NULL;
	struct err err = ERR_INIT;

	buf_printf(&whole, "version: 1\n%s\n", text);
	if (policy_load_text("t.yaml", buf_str(&whole), &vars, &p, &diag, &err) < 0)
		fail_msg("%s", buf_cstr(&diag));
	return p;
}

static void what_needs_a_restart(void **state)
{
	static const struct {
		const char *launch, *policy, *say; /* NULL: fine */
	} rows[] = {
		{ "filesystem: { read: [/a] }", "filesystem: { read: [/a/b] }", NULL },
		{ "filesystem: { read: [/a] }", "filesystem: { read: [/a, /b] }",
		  "t.yaml:2:26: the wall was not built with read /b: needs a restart" },
		{ "filesystem: { read: [/a] }", "filesystem: { write: [/a] }",
		  "t.yaml:2:23: the wall was not built with write /a: needs a restart" },
		{ "filesystem: { write: [/a] }", "filesystem: { read: [/a] }", NULL },
		{ "reload: { within: { exec: [/b] } }", "filesystem: { exec: [/b/c] }", NULL },
		{ "reload: { within: { read: [/b] } }", "filesystem: { write: [/b] }",
		  "t.yaml:2:23: the wall was not built with write /b" },
		/* a private home is not reached by what is granted above it */
		{ "filesystem: { read: [/home] }", "filesystem: { read: [/home/me/x] }",
		  "the wall was not built with read /home/me/x" },
		{ "filesystem: { read: [/a], deny: [/a/b] }", "filesystem: { read: [/a] }",
		  "t.yaml:2:34: a mount holds what is no longer taken: /a/b: needs a restart" },
		{ "filesystem: { write: [/a], protect: [/a/b] }",
		  "filesystem: { write: [/a], deny: [/a/b] }", NULL },
		{ "filesystem: { write: [/a], deny: [/a/b] }",
		  "filesystem: { write: [/a], protect: [/a/b] }", "a mount holds" },
		{ "filesystem: { read: [/a], deny: [/a/b/c] }",
		  "filesystem: { read: [/a], deny: [/a/b] }", NULL },
		{ "filesystem: { read: [/a], deny: ['**/b'] }", "filesystem: { read: [/a] }",
		  NULL },
		{ "network: none", "network: host", "t.yaml:2:10: network: host, was none" },
		{ "network: host", "network: none", NULL },
		{ "limits: { pids: 5 }", "limits: { pids: 6 }",
		  "t.yaml:2:17: limits.pids: 6, was 5" },
		{ "limits: { pids: 5 }", "limits: { pids: 4 }", NULL },
		{ "syscalls: strict", "syscalls: default", "syscalls.preset: default, was strict" },
		{ "name: x", "syscalls: { allow: [io_uring_setup] }", "syscalls: rule:" },
		{ "name: x", "process: { uid: 5 }", "process.uid: 5, was -1" },
		{ "name: x", "process: { env: { set: { A: b } } }", "process.env.set: A=b" },
		{ "name: x", "filesystem: { home: host }", "filesystem.home: host" },
		{ "name: x", "filesystem: { tmp: host }", "filesystem.tmp: host" },
		{ "filesystem: { overlay: true }", "name: x", "filesystem.overlay: false" },
		{ "name: x", "audit: { record: invocations }", "audit.record: invocations" },
		{ "name: x", "audit: { path: /l }", "audit.path: /l" },
		{ "name: x", "ask_default: allow", NULL },
		{ "rules_default: block", "name: x", NULL },
		{ "name: x", "rules: [{ name: r, on: file.open, action: block }]", NULL },
		{ "name: x", "reload: { revoke: true, within: { read: [/z] } }", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO(policy_freep) struct policy *launch = load(rows[i].launch);
		AUTO(policy_freep) struct policy *policy = load(rows[i].policy);
		struct err err = ERR_INIT;
		int r = reload_check(launch, policy, &err);

		if (r != (rows[i].say ? -EPERM : 0) ||
		    (rows[i].say && !strstr(err.text, rows[i].say)))
			fail_msg("%s -> %s: %d %s", rows[i].launch, rows[i].policy, r, err.text);
		assert_int_equal(reload_check(launch, launch, &err), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_needs_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
