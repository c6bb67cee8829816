/*
 * Unit tests of the system call filter, by running its programs in an interpreter: against a plain
 * evaluation of the same tables, and against the list of attacks.
 */
#include "base/buf.h"
#include "filter_ref.h"

static void agree_on(const struct policy *p, enum sysc_arch arch, const struct seccomp_data *d)
{
	uint32_t want = say(p, arch, d), got = run(d).action;

	if (want != got)
		fail_msg("arch %x nr %d (%llx, %llx, %llx, %llx): %x, tables say %x", d->arch,
			 d->nr, d->args[0], d->args[1], d->args[2], d->args[3], got, want);
}

/* The compiled program and the tables agree on every number with telling registers. */
static void agree(const struct policy *p, enum sysc_arch arch, unsigned tries)
{
	static struct values vs[6];
	struct seccomp_data d = { .arch = sysc_audit_arch(arch) };

	compile(p, 0, arch);
	for (int nr = -3; nr < SYSC_NR_MAX + 10; nr++) {
		d.nr = nr;
		memset(d.args, 0, sizeof(d.args));
		agree_on(p, arch, &d);
	}
	for (enum sysc s = 0; s < SYSC_N; s++) {
		if (sysc_info[s].nr[arch] < 0)
			continue;
		collect(vs, p, s);
		d.nr = sysc_info[s].nr[arch];
		for (unsigned i = 0; i < 6; i++) {
			for (unsigned j = 0; j < vs[i].n; j++) {
				memset(d.args, 0, sizeof(d.args));
				d.args[i] = vs[i].v[j];
				agree_on(p, arch, &d);
			}
		}
		for (unsigned t = 0; t < tries; t++) {
			for (unsigned i = 0; i < 6; i++)
				d.args[i] = vs[i].v[dice() % vs[i].n];
			agree_on(p, arch, &d);
		}
	}
}

static void presets_agree_with_tables(void **state)
{
	(void)state;
	for (int preset = 0; preset < 3; preset++) {
		struct policy p = { .sysc_preset = (enum policy_sysc_preset)preset };

		agree(&p, SYSC_X86_64, 400);
		agree(&p, SYSC_AARCH64, 400);
	}
}

static void rules_agree_with_tables(void **state)
{
	static struct policy_sysc_rule rules[200];

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		struct policy p = { .sysc_preset = (enum policy_sysc_preset)(round % 3),
				    .sysc = rules,
				    .n_sysc = round < 50 ? 1 + dice() % 40 : N(rules) };

		for (size_t i = 0; i < p.n_sysc; i++)
			rules[i] = random_rule();
		agree(&p, round % 4 ? SYSC_X86_64 : SYSC_AARCH64, 20);
	}
}

/* ---- the shape of programs ---- */

static void plain_calls_never_load_arguments(void **state)
{
	(void)state;
	compile(NULL, 0, SYSC_X86_64);
	for (enum sysc s = 0; s < SYSC_N; s++) {
		struct seccomp_data d = { .nr = sysc_info[s].nr[SYSC_X86_64],
					  .arch = sysc_audit_arch(SYSC_X86_64) };
		struct bpf_run r;

		if (d.nr < 0 || filter_table[s].check != FCHECK_NONE)
			continue;
		r = run(&d);
		assert_false(r.looked_at_args);
		assert_in_range(r.steps, 1, 20);
	}
}

/* Programs of any length stay right: far targets, stand-ins, and the end of the room. */
static void too_many_rules_are_refused(void **state)
{
	static struct policy_sysc_rule rules[FILTER_RULES_MAX + 1];
	struct policy p = { .sysc_preset = POLICY_SYSC_DEFAULT, .sysc = rules };
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < N(rules); i++) {
		rules[i] = (struct policy_sysc_rule){
			.name = "mremap", .action = POLICY_SYSC_ERRNO, .n_conds = 3, .error = EPERM
		};
		for (size_t j = 0; j < 3; j++)
			rules[i].conds[j] = (struct policy_sysc_cond){ .arg = (uint8_t)j,
								       .cmp = SYSC_GT,
								       .value = dice() };
	}
	p.n_sysc = 250;
	agree(&p, SYSC_X86_64, 10);
	p.n_sysc = 1000;
	assert_int_equal(filter_compile(&p, 0, &filter, &err), -E2BIG);
	assert_non_null(strstr(err.text, "4096 instructions"));
	p.n_sysc = N(rules);
	assert_int_equal(filter_compile(&p, 0, &filter, NULL), -E2BIG);
}

/* ---- what a policy may say ---- */

static void refuse(struct policy_sysc_rule rule, const char *text)
{
	struct policy p = { .sysc_preset = POLICY_SYSC_DEFAULT, .sysc = &rule, .n_sysc = 1 };
	struct err err = ERR_INIT;

	rule.where = (struct policy_where){ "capsule.yaml", 12, 9 };
	assert_int_equal(filter_compile(&p, 0, &filter, &err), -EINVAL);
	if (!strstr(err.text, text) || !strstr(err.text, "capsule.yaml:12:9: "))
		fail_msg("'%s' does not say '%s' and where", err.text, text);
	assert_int_equal(filter_check_policy(&p, NULL), -EINVAL);
}

static void impossible_rules_are_named(void **state)
{
	static const char *const never[] = { "clone3", "mount",       "setns",  "io_uring_setup",
					     "bpf",    "init_module", "keyctl", "open_by_handle_at",
					     "chroot", "kexec_load",  "fsopen", "pivot_root" };

	(void)state;
	for (size_t i = 0; i < N(never); i++) {
		refuse((struct policy_sysc_rule){ .name = never[i], .action = POLICY_SYSC_ALLOW },
		       "no policy may allow");
		refuse((struct policy_sysc_rule){ .name = never[i], .action = POLICY_SYSC_LOG },
		       "no policy may allow");
	}
	refuse((struct policy_sysc_rule){ .name = "mprotekt" }, "did you mean 'mprotect'?");
	refuse((struct policy_sysc_rule){ .name = "socket",
					  .n_conds = 1,
					  .conds = { { .cmp = SYSC_EQ,
						       .value = UINT64_C(0x100000002) } } },
	       "has 32 bits");
	refuse(
		(struct policy_sysc_rule){
			.name = "mmap",
			.n_conds = 1,
			.conds = { { .arg = 2, .cmp = SYSC_MASKED_EQ, .mask = 3, .value = 4 } } },
		"under mask");
	refuse((struct policy_sysc_rule){ .name = "mmap", .n_conds = 1, .conds = { { .arg = 6 } } },
	       "arguments 0 to 5");
	refuse((struct policy_sysc_rule){ .name = "mmap", .error = 5000 }, "no errno");
}

/* Allow opens what a preset leaves out, never what is refused to all; deny beats allow. */
static void rules_have_their_rank(void **state)
{
	struct policy_sysc_rule rules[] = {
		{ .name = "ptrace", .action = POLICY_SYSC_ALLOW },
		{ .name = "clone", .action = POLICY_SYSC_ALLOW },
		{ .name = "ioctl", .action = POLICY_SYSC_ALLOW },
		{ .name = "socket", .action = POLICY_SYSC_ALLOW },
		{ .name = "ptrace",
		  .action = POLICY_SYSC_ERRNO,
		  .error = EACCES,
		  .n_conds = 1,
		  .conds = { { .arg = 0, .cmp = SYSC_EQ, .value = 16 } } },
		{ .name = "uname", .action = POLICY_SYSC_LOG },
		{ .name = "mount", .action = POLICY_SYSC_KILL },
		{ .name = "shmget", .action = POLICY_SYSC_LOG },
	};
	struct policy p = { .sysc_preset = POLICY_SYSC_STRICT, .sysc = rules, .n_sysc = N(rules) };

	(void)state;
	compile(&p, 0, SYSC_X86_64);
	assert_int_equal(call(SYSC_ptrace, 1, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_ptrace, 16, 0, 0), FILTER_ERRNO(EACCES));
	assert_int_equal(call(SYSC_ptrace, UINT64_C(0x100000010), 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_clone, 0x10000000, 0, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_ioctl, 0, 0x1234, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_ioctl, 0, 0x5412, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_socket, 2, 3, 1), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_socket, 40, 1, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_uname, 0, 0, 0), SECCOMP_RET_LOG);
	assert_int_equal(call(SYSC_mount, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(call(SYSC_shmget, 0, 0, 0), FILTER_ERRNO(EPERM));
}

/* What the kernel does not read of a register cannot lead around a rule. */
static void dirty_registers_change_nothing(void **state)
{
	struct policy_sysc_rule rules[] = {
		{ .name = "clone",
		  .action = POLICY_SYSC_ERRNO,
		  .error = EACCES,
		  .n_conds = 1,
		  .conds = { { .arg = 0, .cmp = SYSC_EQ, .value = 17 } } },
		{ .name = "kill",
		  .action = POLICY_SYSC_ERRNO,
		  .error = EACCES,
		  .n_conds = 1,
		  .conds = { { .arg = 0, .cmp = SYSC_EQ, .value = UINT64_MAX } } },
		{ .name = "madvise",
		  .action = POLICY_SYSC_ERRNO,
		  .error = EACCES,
		  .n_conds = 1,
		  .conds = { { .arg = 2, .cmp = SYSC_GE, .value = 100 } } },
	};
	struct policy p = { .sysc_preset = POLICY_SYSC_DEFAULT, .sysc = rules, .n_sysc = N(rules) };

	(void)state;
	for (uint64_t dirt = 0; dirt < 3; dirt++) {
		uint64_t d = dirt * UINT64_C(0x7fffffff00000000);

		compile(&p, 0, SYSC_X86_64);
		assert_int_equal(call(SYSC_clone, d | 17, 0, 0), FILTER_ERRNO(EACCES));
		assert_int_equal(call(SYSC_kill, d | UINT32_MAX, 9, 0), FILTER_ERRNO(EACCES));
		assert_int_equal(call(SYSC_kill, d | 5, 9, 0), SECCOMP_RET_ALLOW);
		assert_int_equal(call(SYSC_madvise, 0, 0, d | 100), FILTER_ERRNO(EACCES));
		assert_int_equal(call(SYSC_madvise, 0, 0, d | 99), SECCOMP_RET_ALLOW);
	}
}

/* Where a layer is missing the filter stands in for it. */
static void missing_layers_are_made_up_for(void **state)
{
	struct policy host = { .sysc_preset = POLICY_SYSC_DEFAULT, .network = POLICY_NET_HOST };

	(void)state;
	compile(NULL, FILTER_NO_NETNS, SYSC_X86_64);
	assert_int_equal(call(SYSC_socket, 2, 1, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_socket, 10, 2, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_socket, 16, 3, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_socket, 1, 1, 0), SECCOMP_RET_ALLOW);
	compile(&host, FILTER_NO_NETNS, SYSC_X86_64);
	assert_int_equal(call(SYSC_socket, 2, 1, 0), SECCOMP_RET_ALLOW);
	compile(NULL, FILTER_NO_NETNS | FILTER_NO_MOUNTNS, SYSC_X86_64);
	assert_int_equal(call(SYSC_socket, 1, 1, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_socketpair, 1, 1, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_socketpair, 1, 2, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_shmget, 1, 2, 0), SECCOMP_RET_ALLOW);
	/* owner and attributes by path; modes, times and what a descriptor is of stay */
	assert_int_equal(call(SYSC_chown, 1, 2, 3), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_fchownat, 1, 2, 3), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_setxattr, 1, 2, 3), FILTER_ERRNO(EOPNOTSUPP));
	assert_int_equal(call(SYSC_removexattrat, 1, 2, 3), FILTER_ERRNO(EOPNOTSUPP));
	assert_int_equal(call(SYSC_file_setattr, 1, 2, 3), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_ioctl, 3, 0x40086602, 0), FILTER_ERRNO(ENOTTY));
	assert_int_equal(call(SYSC_ioctl, 3, 0x80086601, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_ioctl, 3, 0x5412, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_fchown, 1, 2, 3), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_fsetxattr, 1, 2, 3), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_getxattr, 1, 2, 3), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_chmod, 1, 2, 3), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_utimensat, 1, 2, 3), SECCOMP_RET_ALLOW);
	compile(NULL, FILTER_SESSION, SYSC_X86_64);
	assert_int_equal(call(SYSC_chown, 1, 2, 3), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_setxattr, 1, 2, 3), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_ioctl, 3, 0x40086602, 0), SECCOMP_RET_ALLOW);
	compile(NULL, FILTER_NO_IPCNS | FILTER_NO_PIDNS, SYSC_X86_64);
	assert_int_equal(call(SYSC_shmget, 1, 2, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_prlimit64, 0, 2, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_prlimit64, 77, 2, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_prlimit64, UINT64_C(1) << 32, 2, 0), SECCOMP_RET_ALLOW);
}

/* A16: programs in memory, where files that were written may not run. */
static void memory_files_do_not_run(void **state)
{
	struct policy_path paths[] = {
		{ .path = "/usr", .kind = POLICY_FS_EXEC },
		{ .path = "/ws", .kind = POLICY_FS_WRITE },
		{ .path = "/tmp", .kind = POLICY_FS_WRITE },
		{ .path = "/wsx", .kind = POLICY_FS_EXEC },
	};
	struct policy p = {
		.paths = paths, .n_paths = N(paths), .tmp = "/tmp", .private_tmp = true
	};
	static const struct {
		unsigned change;
		const char *path;
		bool guarded;
	} cases[] = {
		{ 3, "/wsx", true },      { 3, "/ws", false },  { 3, "/ws/bin", false },
		{ 3, "/", false },        { 3, "/tmp", false }, { 3, "/tmp/x", false },
		{ 1, "/usr/src", false }, { 1, "/usrx", true },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct policy_path was = paths[cases[i].change];

		paths[cases[i].change].path = cases[i].path;
		compile(&p, 0, SYSC_X86_64);
		assert_int_equal(call(SYSC_memfd_create, 0, 1, 0),
				 cases[i].guarded ? FILTER_ERRNO(ENOSYS) : SECCOMP_RET_ALLOW);
		assert_int_equal(call(SYSC_memfd_create, 0, 0x10, 0),
				 cases[i].guarded ? FILTER_ERRNO(ENOSYS) : SECCOMP_RET_ALLOW);
		assert_int_equal(call(SYSC_memfd_create, 0, 8 | 1, 0), SECCOMP_RET_ALLOW);
		paths[cases[i].change] = was;
	}
}

static void init_gets_little(void **state)
{
	(void)state;
	compile(NULL, FILTER_INIT, SYSC_X86_64);
	assert_int_equal(call(SYSC_wait4, 0, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_kill, 1, 9, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_ioctl, 0, 0x5410, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_ioctl, 0, 0x5413, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_mmap, 0, 0, 3), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYSC_mmap, 0, 0, 5), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_execve, 0, 0, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_openat, 0, 0, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_socket, 1, 1, 0), FILTER_ERRNO(EPERM));
	assert_int_equal(call(SYSC_clone, 17, 0, 0), FILTER_ERRNO(EPERM));
}

/* ---- ATTACKS, section A, as far as registers tell ---- */

struct attack {
	const char *id;
	enum sysc sysc;
	uint64_t a0, a1, a2;
	uint32_t want;
};

#define P FILTER_ERRNO(EPERM)
#define DIRTY UINT64_C(0xdeadbeef00000000)

static const struct attack attacks[] = {
	{ "A3", SYSC_clone3, 0, 88, 0, FILTER_ERRNO(ENOSYS) },
	{ "A4", SYSC_unshare, 0x10000000, 0, 0, P },
	{ "A4", SYSC_unshare, 0x80, 0, 0, P },
	{ "A4", SYSC_clone, 0x10000000 | 17, 0, 0, P },
	{ "A4", SYSC_clone, DIRTY | 0x20000000, 0, 0, P },
	{ "A4", SYSC_clone, 0x00020000, 0, 0, P },
	{ "A4", SYSC_clone, 0x40000000, 0, 0, P },
	{ "B2", SYSC_clone, 0x00000400 | 17, 0, 0, P },
	{ "B2", SYSC_clone, DIRTY | 0x00000500 | 17, 0, 0, P },
	{ "A4", SYSC_mount, 0, 0, 0, P },
	{ "A5", SYSC_io_uring_setup, 8, 0, 0, FILTER_ERRNO(ENOSYS) },
	{ "A5", SYSC_io_uring_enter, 3, 1, 0, FILTER_ERRNO(ENOSYS) },
	{ "A5", SYSC_io_uring_register, 3, 1, 0, FILTER_ERRNO(ENOSYS) },
	{ "A6 AF_ALG", SYSC_socket, 38, 5, 0, P },
	{ "A6 AF_ALG dirty", SYSC_socket, DIRTY | 38, 5, 0, P },
	{ "A7 AF_VSOCK", SYSC_socket, 40, 1, 0, P },
	{ "A8 netlink", SYSC_socket, 16, 3, 9, P },
	{ "A8 AF_PACKET", SYSC_socket, 17, 3, 0, P },
	{ "A8 AF_XDP", SYSC_socket, 44, 3, 0, P },
	{ "A8 AF_BLUETOOTH", SYSC_socket, 31, 1, 0, P },
	{ "A8 AF_SMC", SYSC_socket, 43, 1, 0, P },
	{ "A8 raw", SYSC_socket, 2, 3, 1, P },
	{ "A8 raw6", SYSC_socket, 10, 3, 58, P },
	{ "A8 SOCK_PACKET", SYSC_socket, 2, 10, 3, P },
	{ "A8 MPTCP", SYSC_socket, 2, 1, 262, P },
	{ "A8 SCTP", SYSC_socket, 2, 1, 132, P },
	{ "A8 SCTP packets", SYSC_socket, 2, 5, 132, P },
	{ "A8 ping", SYSC_socket, 2, 2, 1, P },
	{ "A8 UDP-Lite", SYSC_socket, 10, 2, 136, P },
	{ "A8 TIPC pair", SYSC_socketpair, 30, 1, 0, P },
	{ "A9 TIOCSTI", SYSC_ioctl, 0, 0x5412, 0, P },
	{ "A9 TIOCSTI dirty", SYSC_ioctl, 0, DIRTY | 0x5412, 0, P },
	{ "A9 TIOCLINUX", SYSC_ioctl, 0, 0x541c, 0, P },
	{ "A9 TIOCLINUX dirty", SYSC_ioctl, 0, UINT64_C(1) << 32 | 0x541c, 0, P },
	{ "A9 TIOCSETD", SYSC_ioctl, 0, 0x5423, 0, P },
	{ "A9 TIOCCONS", SYSC_ioctl, 0, 0x541d, 0, P },
	{ "A9 KDSKBSENT", SYSC_ioctl, 0, 0x4b49, 0, P },
	{ "A9 VT_ACTIVATE", SYSC_ioctl, 0, 0x5606, 0, P },
	{ "A10", SYSC_process_vm_readv, 1, 0, 0, P },
	{ "A10", SYSC_process_vm_writev, 1, 0, 0, P },
	{ "A10", SYSC_pidfd_getfd, 3, 0, 0, P },
	{ "A10", SYSC_kcmp, 1, 2, 0, P },
	{ "A12", SYSC_bpf, 5, 0, 0, P },
	{ "A12", SYSC_perf_event_open, 0, 0, 0, P },
	{ "A12", SYSC_userfaultfd, 0, 0, 0, P },
	{ "A12", SYSC_keyctl, 0, 0, 0, P },
	{ "A12", SYSC_add_key, 0, 0, 0, P },
	{ "A12", SYSC_request_key, 0, 0, 0, P },
	{ "A12", SYSC_kexec_load, 0, 0, 0, P },
	{ "A12", SYSC_kexec_file_load, 0, 0, 0, P },
	{ "A12", SYSC_init_module, 0, 0, 0, P },
	{ "A12", SYSC_finit_module, 0, 0, 0, P },
	{ "A12", SYSC_delete_module, 0, 0, 0, P },
	{ "A12", SYSC_quotactl, 0, 0, 0, P },
	{ "A12", SYSC_quotactl_fd, 0, 0, 0, P },
	{ "A12", SYSC_swapon, 0, 0, 0, P },
	{ "A12", SYSC_swapoff, 0, 0, 0, P },
	{ "A12", SYSC_acct, 0, 0, 0, P },
	{ "A12", SYSC_lookup_dcookie, 0, 0, 0, P },
	{ "A12 READ_IMPLIES_EXEC", SYSC_personality, 0x0400000, 0, 0, P },
	{ "A12 both", SYSC_personality, 0x0440000, 0, 0, P },
	{ "A13", SYSC_name_to_handle_at, 0, 0, 0, P },
	{ "A13", SYSC_open_by_handle_at, 0, 0, 0, P },
	{ "A14", SYSC_fsopen, 0, 0, 0, P },
	{ "A14", SYSC_fsconfig, 0, 0, 0, P },
	{ "A14", SYSC_fsmount, 0, 0, 0, P },
	{ "A14", SYSC_fspick, 0, 0, 0, P },
	{ "A14", SYSC_move_mount, 0, 0, 0, P },
	{ "A14", SYSC_open_tree, 0, 0, 1, P },
	{ "A14", SYSC_open_tree_attr, 0, 0, 1, P },
	{ "A14", SYSC_mount_setattr, 0, 0, 0, P },
	{ "A14", SYSC_statmount, 0, 0, 0, P },
	{ "A14", SYSC_listmount, 0, 0, 0, P },
	{ "A14", SYSC_umount2, 0, 0, 0, P },
	{ "A15", SYSC_setns, 3, 0, 0, P },
	{ "A15", SYSC_pivot_root, 0, 0, 0, P },
	{ "A15", SYSC_chroot, 0, 0, 0, P },
	{ "A19 PR_SET_MM", SYSC_prctl, 35, 1, 0, P },
	{ "A19 PR_CAP_AMBIENT_RAISE", SYSC_prctl, 47, 2, 21, P },
	{ "A19 dirty", SYSC_prctl, DIRTY | 35, 1, 0, P },
	{ "A20", SYSC_seccomp, 1, 8, 0, FILTER_ERRNO(EBUSY) },
	{ "A20 dirty", SYSC_seccomp, DIRTY | 1, DIRTY | 8 | 32, 0, FILTER_ERRNO(EBUSY) },
	{ "device", SYSC_mknod, 0, 0020666, 0x103, P },
	{ "device", SYSC_mknodat, 0, 0, 0060666, P },
};

static void attacks_are_answered(void **state)
{
	(void)state;
	for (int preset = 0; preset < 3; preset++) {
		struct policy p = { .sysc_preset = (enum policy_sysc_preset)preset };

		compile(&p, 0, SYSC_X86_64);
		for (size_t i = 0; i < N(attacks); i++) {
			const struct attack *a = &attacks[i];
			uint32_t got = call(a->sysc, a->a0, a->a1, a->a2);

			if (got != a->want && !(preset == 0 && a->sysc == SYSC_unshare))
				fail_msg("%s: %s in preset %d: %x", a->id, sysc_info[a->sysc].name,
					 preset, got);
		}
	}
}

/* A1, A2: another ABI means another meaning of every number. */
static void foreign_abis_die(void **state)
{
	(void)state;
	compile(NULL, 0, SYSC_X86_64);
	for (uint32_t nr = 0; nr < 1024; nr++) {
		struct seccomp_data d = { .nr = (int)nr, .arch = 0x40000003 /* i386 */ };

		assert_int_equal(run(&d).action, SECCOMP_RET_KILL_PROCESS);
		d.arch = sysc_audit_arch(SYSC_AARCH64);
		assert_int_equal(run(&d).action, SECCOMP_RET_KILL_PROCESS);
		d.arch = sysc_audit_arch(SYSC_X86_64);
		d.nr = (int)(nr | SYSC_X32_BIT);
		assert_int_equal(run(&d).action, SECCOMP_RET_KILL_PROCESS);
		d.nr = (int)(nr | SYSC_X32_BIT | 0x80000000);
		assert_int_equal(run(&d).action, SECCOMP_RET_KILL_PROCESS);
	}
}

static void ordinary_calls_pass(void **state)
{
	static const struct attack calls[] = {
		{ "fork", SYSC_clone, 0x01200011, 0, 0, SECCOMP_RET_ALLOW },
		{ "thread", SYSC_clone, 0x003d0f00, 0, 0, SECCOMP_RET_ALLOW },
		{ "TCP", SYSC_socket, 2, 1 | 02000000 | 04000, 0, SECCOMP_RET_ALLOW },
		{ "TCP", SYSC_socket, 10, 1, 6, SECCOMP_RET_ALLOW },
		{ "UDP", SYSC_socket, 2, 2 | 02000000, 17, SECCOMP_RET_ALLOW },
		{ "route", SYSC_socket, 16, 3 | 02000000, 0, SECCOMP_RET_ALLOW },
		{ "Unix", SYSC_socket, 1, 5, 0, SECCOMP_RET_ALLOW },
		{ "pair", SYSC_socketpair, 1, 1 | 02000000, 0, SECCOMP_RET_ALLOW },
		{ "TCGETS", SYSC_ioctl, 0, 0x5401, 0, SECCOMP_RET_ALLOW },
		{ "TIOCGPTN, int", SYSC_ioctl, 0, UINT64_C(0xffffffff80045430), 0,
		  SECCOMP_RET_ALLOW },
		{ "query", SYSC_personality, 0xffffffff, 0, 0, SECCOMP_RET_ALLOW },
		{ "query, int", SYSC_personality, UINT64_MAX, 0, 0, SECCOMP_RET_ALLOW },
		{ "name", SYSC_prctl, 15, 0, 0, SECCOMP_RET_ALLOW },
		{ "own filter", SYSC_seccomp, 1, 1, 0, SECCOMP_RET_ALLOW },
		{ "fifo", SYSC_mknodat, 0, 0, 0010644, SECCOMP_RET_ALLOW },
	};

	(void)state;
	for (int preset = 0; preset < 3; preset++) {
		struct policy p = { .sysc_preset = (enum policy_sysc_preset)preset };

		compile(&p, 0, SYSC_X86_64);
		for (size_t i = 0; i < N(calls); i++)
			assert_int_equal(call(calls[i].sysc, calls[i].a0, calls[i].a1, calls[i].a2),
					 calls[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presets_agree_with_tables),
		cmocka_unit_test(rules_agree_with_tables),
		cmocka_unit_test(plain_calls_never_load_arguments),
		cmocka_unit_test(too_many_rules_are_refused),
		cmocka_unit_test(impossible_rules_are_named),
		cmocka_unit_test(rules_have_their_rank),
		cmocka_unit_test(dirty_registers_change_nothing),
		cmocka_unit_test(missing_layers_are_made_up_for),
		cmocka_unit_test(memory_files_do_not_run),
		cmocka_unit_test(init_gets_little),
		cmocka_unit_test(attacks_are_answered),
		cmocka_unit_test(foreign_abis_die),
		cmocka_unit_test(ordinary_calls_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
