/*
 * docs/SYSCALLS.md is made from the filter's tables: this program compares, and with --write FILE
 * makes it. And what filter_explain() tells people is what the compiled program does.
 */
#include "base/buf.h"
#include "base/own.h"
#include "filter_ref.h"

#define DOC_MAX (512 * 1024)

static const char head[] =
	"# System calls\n"
	"\n"
	"<!-- Made from src/sandbox/filter_table.c and filter_check.c: "
	"`build/tests/unit/test_filter_doc\n"
	"     --write docs/SYSCALLS.md`. Do not edit; a test compares. -->\n"
	"\n"
	"What a session may ask of the kernel, by preset. `capsule.yaml` says `syscalls: preset:`; "
	"each\n"
	"preset has all that those before it have.\n"
	"\n"
	"| preset | meant for |\n"
	"| --- | --- |\n"
	"| `strict` | shells, coreutils, git, python |\n"
	"| `default` | compilers, node, java, databases, debuggers |\n"
	"| `compat` | Wine, setarch and other unusual programs |\n"
	"\n"
	"In the tables, **yes** means whatever the arguments; *args* means that they matter and "
	"what\n"
	"follows the table says how; *rule* means that no preset has it but a policy may, by\n"
	"name; **never** means that no policy can. A refusal is EPERM unless ENOSYS is said.\n"
	"\n"
	"The filter is an allow-list: a call that is not in these tables, because the kernel is "
	"newer than\n"
	"Linux 6.18, gets ENOSYS, as if the kernel did not have it. Another machine's calls (i386 "
	"from a\n"
	"64-bit process) and the x32 ABI kill the process: their numbers mean other things. "
	"Arguments are\n"
	"compared as the kernel reads them, 32 bits where it takes 32.\n"
	"\n"
	"A policy's own rules come on top: deny rules before everything, allow rules after what "
	"nobody\n"
	"may do, log rules last. Where a host cannot give a namespace, the filter stands in for "
	"it: without a\n"
	"network namespace and under `network: none`, Unix sockets only; without a mount "
	"namespace, no\n"
	"Unix sockets but connected pairs, and no change of a file's owner (EPERM) or extended "
	"attributes\n"
	"(EOPNOTSUPP) by its path, nor of its flags (ENOTTY); without an IPC namespace, no System "
	"V "
	"or POSIX\n"
	"queues; without a pid namespace, `prlimit64` on oneself only. And where a policy lets "
	"nothing run that\n"
	"the session could have written, `memfd_create` needs MFD_NOEXEC_SEAL, else it gets "
	"ENOSYS: "
	"a program in\n"
	"memory is under no path rule.\n";

static void put_cell(struct buf *b, enum sysc sysc, int preset)
{
	struct policy p = { .sysc_preset = (enum policy_sysc_preset)preset };
	const struct filter_row *row = &filter_table[sysc];

	if (row->level == FILTER_LVL_NEVER)
		buf_putz(b, row->error == ENOSYS ? " **never**, ENOSYS |" : " **never** |");
	else if (row->level > preset)
		buf_putz(b, row->level == FILTER_LVL_POLICY ? " rule |" : " no |");
	else
		buf_putz(b, filter_explain(&p, 0, sysc, NULL) == FILTER_CONDITIONAL ? " *args* |"
										    : " **yes** |");
}

static void put_nr(struct buf *b, int nr)
{
	if (nr < 0)
		buf_putz(b, " - |");
	else
		buf_printf(b, " %d |", nr);
}

/* What the arguments must be, once where the presets agree. */
static void put_arguments(struct buf *b, enum sysc sysc)
{
	static const char *const names[] = { "strict", "default", "compat" };
	char before[8192] = "";

	for (int preset = filter_table[sysc].level; preset < 3; preset++) {
		struct policy p = { .sysc_preset = (enum policy_sysc_preset)preset };
		char room[8192];
		struct buf text = buf_fixed(room, sizeof(room));
		char *why;

		if (filter_explain(&p, 0, sysc, &text) != FILTER_CONDITIONAL)
			continue;
		why = strstr(buf_cstr(&text), filter_why_text[filter_table[sysc].why]);
		assert_non_null(why);
		why[-2] = '\0'; /* its "; " */
		if (strcmp(before, room) == 0)
			continue;
		buf_printf(b, "- `%s`, %s: %s\n", sysc_info[sysc].name, names[preset], room);
		memcpy(before, room, sizeof(before));
	}
}

static void put_group(struct buf *b, enum filter_why why)
{
	bool args = false;

	buf_printf(b, "\n## %c%s\n\n", filter_why_text[why][0] & ~0x20, filter_why_text[why] + 1);
	buf_putz(b, "| call | x86-64 | aarch64 | strict | default | compat |\n"
		    "| --- | --- | --- | --- | --- | --- |\n");
	for (enum sysc s = 0; s < SYSC_N; s++) {
		if (filter_table[s].why != why)
			continue;
		buf_printf(b, "| `%s` |", sysc_info[s].name);
		put_nr(b, sysc_info[s].nr[SYSC_X86_64]);
		put_nr(b, sysc_info[s].nr[SYSC_AARCH64]);
		for (int preset = 0; preset < 3; preset++)
			put_cell(b, s, preset);
		buf_putc(b, '\n');
		args |= filter_table[s].check != FCHECK_NONE;
	}
	if (args)
		buf_putc(b, '\n');
	for (enum sysc s = 0; s < SYSC_N; s++) {
		if (filter_table[s].why == why && filter_table[s].check != FCHECK_NONE)
			put_arguments(b, s);
	}
}

static void make_doc(struct buf *b)
{
	buf_putz(b, head);
	for (enum filter_why why = 0; why < WHY_N; why++)
		put_group(b, why);
	assert_int_equal(buf_error(b), 0);
}

static void docs_are_the_tables(void **state)
{
	static char have[DOC_MAX];
	AUTO(buf_done) struct buf want = BUF_INIT(DOC_MAX);
	AUTO(file_closep) FILE *f = fopen(DOC_FILE, "re");
	size_t n;

	(void)state;
	make_doc(&want);
	if (!f)
		fail_msg("no %s", DOC_FILE);
	n = fread(have, 1, sizeof(have), f);
	if (n != want.n || memcmp(have, want.p, n) != 0)
		fail_msg("docs/SYSCALLS.md is not what the tables say: "
			 "build/tests/unit/test_filter_doc --write docs/SYSCALLS.md");
}

/* Refused: no registers get through. Allowed: all of them do. Conditional: some do, some don't. */
static void verdicts_are_the_program(const struct policy *p)
{
	static struct values vs[6];

	compile(p, 0, SYSC_X86_64);
	for (enum sysc s = 0; s < SYSC_N; s++) {
		struct seccomp_data d = { .nr = sysc_info[s].nr[SYSC_X86_64],
					  .arch = sysc_audit_arch(SYSC_X86_64) };
		enum filter_verdict v = filter_explain(p, 0, s, NULL);
		unsigned passed = 0, tries = 3000;

		collect(vs, p, s);
		for (unsigned t = 0; t < tries; t++) {
			for (unsigned i = 0; i < 6; i++)
				d.args[i] = vs[i].v[dice() % vs[i].n];
			passed += run(&d).action >= SECCOMP_RET_LOG &&
				  run(&d).action <= SECCOMP_RET_ALLOW;
		}
		if ((v == FILTER_ALLOWED && passed < tries) ||
		    (v == FILTER_REFUSED && passed > 0) ||
		    (v == FILTER_CONDITIONAL && (passed == 0 || passed == tries)))
			fail_msg("%s is said to be %s; %u of %u passed", sysc_info[s].name,
				 filter_verdict_name[v], passed, tries);
	}
}

static void verdicts_are_true(void **state)
{
	struct policy_sysc_rule rules[] = {
		{ .name = "mprotect",
		  .action = POLICY_SYSC_ERRNO,
		  .error = EPERM,
		  .n_conds = 1,
		  .conds = { { .arg = 2, .cmp = SYSC_MASKED_EQ, .mask = 4, .value = 4 } } },
		{ .name = "ptrace", .action = POLICY_SYSC_ALLOW },
		{ .name = "ioctl", .action = POLICY_SYSC_ALLOW },
		{ .name = "kcmp",
		  .action = POLICY_SYSC_ALLOW,
		  .n_conds = 1,
		  .conds = { { .arg = 2, .cmp = SYSC_LT, .value = 3 } } },
		{ .name = "fork", .action = POLICY_SYSC_KILL },
		{ .name = "uname", .action = POLICY_SYSC_LOG },
	};

	(void)state;
	for (int preset = 0; preset < 3; preset++) {
		struct policy p = { .sysc_preset = (enum policy_sysc_preset)preset };

		verdicts_are_the_program(&p);
		p.sysc = rules;
		p.n_sysc = N(rules);
		verdicts_are_the_program(&p);
	}
}

static void rules_are_told(void **state)
{
	struct policy_sysc_rule rule = {
		.name = "mprotect",
		.action = POLICY_SYSC_ERRNO,
		.error = EACCES,
		.n_conds = 2,
		.conds = { { .arg = 2, .cmp = SYSC_MASKED_EQ, .mask = 4, .value = 4 },
			   { .arg = 1, .cmp = SYSC_GE, .value = 4096 } },
		.where = { "capsule.yaml", 3, 7 },
	};
	struct policy p = { .sysc_preset = POLICY_SYSC_DEFAULT, .sysc = &rule, .n_sysc = 1 };
	char room[1024];
	struct buf text = buf_fixed(room, sizeof(room));

	(void)state;
	assert_int_equal(filter_explain(&p, 0, SYSC_mprotect, &text), FILTER_CONDITIONAL);
	assert_string_equal(buf_cstr(&text), "capsule.yaml:3:7: when arg2 & 0x4 == 0x4 and arg1 >= "
					     "0x1000 EACCES; the process's own memory");
	buf_reset(&text);
	assert_int_equal(filter_explain(&p, 0, SYSC_clone3, &text), FILTER_REFUSED);
	assert_non_null(strstr(buf_cstr(&text), "ENOSYS; "));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(docs_are_the_tables),
		cmocka_unit_test(verdicts_are_true),
		cmocka_unit_test(rules_are_told),
	};

	if (argc == 3 && strcmp(argv[1], "--write") == 0) {
		AUTO(buf_done) struct buf doc = BUF_INIT(DOC_MAX);
		AUTO(file_closep) FILE *f = fopen(argv[2], "we");

		make_doc(&doc);
		return f && fwrite(doc.p, 1, doc.n, f) == doc.n ? 0 : 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
