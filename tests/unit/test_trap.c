/* Unit tests of src/mediate/trap: which calls reach the supervisor, and why. */
#include "base/buf.h"
#include "base/own.h"
#include "codec/json_wr.h"
#include "engine/engine.h"
#include "mediate/mediate.h"
#include "mediate/trap.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/*
 * What takes no name of a file, no address and no other process that is asked of anything. A system call that
 * is new in the list must be put here, or into one of the two tables of trap.c: read what it takes first.
 */
static const uint16_t harmless[] = {
	SYSC__sysctl,
	SYSC_add_key,
	SYSC_adjtimex,
	SYSC_afs_syscall,
	SYSC_alarm,
	SYSC_arch_prctl,
	SYSC_bpf,
	SYSC_brk,
	SYSC_cachestat,
	SYSC_capget,
	SYSC_capset,
	SYSC_clock_adjtime,
	SYSC_clock_getres,
	SYSC_clock_gettime,
	SYSC_clock_nanosleep,
	SYSC_clock_settime,
	SYSC_clone,
	SYSC_clone3,
	SYSC_close,
	SYSC_close_range,
	SYSC_copy_file_range,
	SYSC_create_module,
	SYSC_delete_module,
	SYSC_dup,
	SYSC_dup2,
	SYSC_dup3,
	SYSC_epoll_create,
	SYSC_epoll_create1,
	SYSC_epoll_ctl,
	SYSC_epoll_ctl_old,
	SYSC_epoll_pwait,
	SYSC_epoll_pwait2,
	SYSC_epoll_wait,
	SYSC_epoll_wait_old,
	SYSC_eventfd,
	SYSC_eventfd2,
	SYSC_exit,
	SYSC_exit_group,
	SYSC_fadvise64,
	SYSC_fallocate,
	SYSC_fanotify_init,
	SYSC_fcntl,
	SYSC_fdatasync,
	SYSC_finit_module,
	SYSC_flock,
	SYSC_fork,
	SYSC_fsconfig,
	SYSC_fsmount,
	SYSC_fsopen,
	SYSC_fsync,
	SYSC_futex,
	SYSC_futex_requeue,
	SYSC_futex_wait,
	SYSC_futex_waitv,
	SYSC_futex_wake,
	SYSC_get_kernel_syms,
	SYSC_get_mempolicy,
	SYSC_get_robust_list,
	SYSC_get_thread_area,
	SYSC_getcpu,
	SYSC_getcwd,
	SYSC_getegid,
	SYSC_geteuid,
	SYSC_getgid,
	SYSC_getgroups,
	SYSC_getitimer,
	SYSC_getpeername,
	SYSC_getpgid,
	SYSC_getpgrp,
	SYSC_getpid,
	SYSC_getpmsg,
	SYSC_getppid,
	SYSC_getpriority,
	SYSC_getrandom,
	SYSC_getresgid,
	SYSC_getresuid,
	SYSC_getrlimit,
	SYSC_getrusage,
	SYSC_getsid,
	SYSC_getsockname,
	SYSC_getsockopt,
	SYSC_gettid,
	SYSC_gettimeofday,
	SYSC_getuid,
	SYSC_init_module,
	SYSC_inotify_init,
	SYSC_inotify_init1,
	SYSC_inotify_rm_watch,
	SYSC_io_cancel,
	SYSC_io_destroy,
	SYSC_io_getevents,
	SYSC_io_pgetevents,
	SYSC_io_setup,
	SYSC_io_submit,
	SYSC_ioctl,
	SYSC_ioperm,
	SYSC_iopl,
	SYSC_ioprio_get,
	SYSC_ioprio_set,
	SYSC_kcmp,
	SYSC_kexec_file_load,
	SYSC_keyctl,
	SYSC_landlock_add_rule,
	SYSC_landlock_create_ruleset,
	SYSC_landlock_restrict_self,
	SYSC_listmount,
	SYSC_lookup_dcookie,
	SYSC_lseek,
	SYSC_lsm_get_self_attr,
	SYSC_lsm_list_modules,
	SYSC_lsm_set_self_attr,
	SYSC_madvise,
	SYSC_map_shadow_stack,
	SYSC_mbind,
	SYSC_membarrier,
	SYSC_memfd_create,
	SYSC_memfd_secret,
	SYSC_migrate_pages,
	SYSC_mincore,
	SYSC_mlock,
	SYSC_mlock2,
	SYSC_mlockall,
	SYSC_mmap,
	SYSC_modify_ldt,
	SYSC_move_pages,
	SYSC_mprotect,
	SYSC_mq_getsetattr,
	SYSC_mq_notify,
	SYSC_mq_timedreceive,
	SYSC_mq_timedsend,
	SYSC_mremap,
	SYSC_mseal,
	SYSC_msgctl,
	SYSC_msgget,
	SYSC_msgrcv,
	SYSC_msgsnd,
	SYSC_msync,
	SYSC_munlock,
	SYSC_munlockall,
	SYSC_munmap,
	SYSC_nanosleep,
	SYSC_nfsservctl,
	SYSC_pause,
	SYSC_perf_event_open,
	SYSC_personality,
	SYSC_pidfd_getfd,
	SYSC_pidfd_open,
	SYSC_pipe,
	SYSC_pipe2,
	SYSC_pkey_alloc,
	SYSC_pkey_free,
	SYSC_pkey_mprotect,
	SYSC_poll,
	SYSC_ppoll,
	SYSC_prctl,
	SYSC_pread64,
	SYSC_preadv,
	SYSC_preadv2,
	SYSC_prlimit64,
	SYSC_process_madvise,
	SYSC_process_mrelease,
	SYSC_pselect6,
	SYSC_putpmsg,
	SYSC_pwrite64,
	SYSC_pwritev,
	SYSC_pwritev2,
	SYSC_query_module,
	SYSC_quotactl_fd,
	SYSC_read,
	SYSC_readahead,
	SYSC_readv,
	SYSC_reboot,
	SYSC_recvfrom,
	SYSC_recvmmsg,
	SYSC_recvmsg,
	SYSC_remap_file_pages,
	SYSC_request_key,
	SYSC_restart_syscall,
	SYSC_rseq,
	SYSC_rt_sigaction,
	SYSC_rt_sigpending,
	SYSC_rt_sigprocmask,
	SYSC_rt_sigreturn,
	SYSC_rt_sigsuspend,
	SYSC_rt_sigtimedwait,
	SYSC_sched_get_priority_max,
	SYSC_sched_get_priority_min,
	SYSC_sched_getaffinity,
	SYSC_sched_getattr,
	SYSC_sched_getparam,
	SYSC_sched_getscheduler,
	SYSC_sched_rr_get_interval,
	SYSC_sched_setaffinity,
	SYSC_sched_setattr,
	SYSC_sched_setparam,
	SYSC_sched_setscheduler,
	SYSC_sched_yield,
	SYSC_seccomp,
	SYSC_security,
	SYSC_select,
	SYSC_semctl,
	SYSC_semget,
	SYSC_semop,
	SYSC_semtimedop,
	SYSC_sendfile,
	SYSC_set_mempolicy,
	SYSC_set_mempolicy_home_node,
	SYSC_set_robust_list,
	SYSC_set_thread_area,
	SYSC_set_tid_address,
	SYSC_setdomainname,
	SYSC_setfsgid,
	SYSC_setfsuid,
	SYSC_setgid,
	SYSC_setgroups,
	SYSC_sethostname,
	SYSC_setitimer,
	SYSC_setns,
	SYSC_setpgid,
	SYSC_setpriority,
	SYSC_setregid,
	SYSC_setresgid,
	SYSC_setresuid,
	SYSC_setreuid,
	SYSC_setrlimit,
	SYSC_setsid,
	SYSC_setsockopt,
	SYSC_settimeofday,
	SYSC_setuid,
	SYSC_shmat,
	SYSC_shmctl,
	SYSC_shmdt,
	SYSC_shmget,
	SYSC_shutdown,
	SYSC_sigaltstack,
	SYSC_signalfd,
	SYSC_signalfd4,
	SYSC_socket,
	SYSC_socketpair,
	SYSC_splice,
	SYSC_statmount,
	SYSC_sync,
	SYSC_sync_file_range,
	SYSC_syncfs,
	SYSC_sysfs,
	SYSC_sysinfo,
	SYSC_syslog,
	SYSC_tee,
	SYSC_time,
	SYSC_timer_create,
	SYSC_timer_delete,
	SYSC_timer_getoverrun,
	SYSC_timer_gettime,
	SYSC_timer_settime,
	SYSC_timerfd_create,
	SYSC_timerfd_gettime,
	SYSC_timerfd_settime,
	SYSC_times,
	SYSC_tuxcall,
	SYSC_uname,
	SYSC_unshare,
	SYSC_uprobe,
	SYSC_uretprobe,
	SYSC_userfaultfd,
	SYSC_ustat,
	SYSC_vfork,
	SYSC_vhangup,
	SYSC_vmsplice,
	SYSC_vserver,
	SYSC_wait4,
	SYSC_waitid,
	SYSC_write,
	SYSC_writev,
};

static bool is_harmless(unsigned sysc)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		if (harmless[i] == sysc)
			return true;
	}
	return false;
}

static void every_call_is_known(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SYSC_N; i++) {
		enum sysc sysc = (enum sysc)i;
		int places = trap_knows(sysc) + (trap_exempt(sysc) != NULL) + is_harmless(i);

		if (places != 1)
			print_error("%s is in %d tables\n", sysc_info[i].name, places);
		assert_int_equal(places, 1);
	}
}

/* ---- plans ---- */

struct world {
	struct policy *policy;
	struct arena arena;
	const struct policy_rule *rules;
	size_t n;
	struct trap_plan plan;
};

static struct world world(const char *text)
{
	struct policy_vars vars = { .workspace = "/w", .home = "/home/me", .tmp = "/tmp" };
	AUTO(buf_done) struct buf diag = BUF_INIT(65536);
	struct world w = { .arena = ARENA_INIT(1 << 24) };
	struct err err = ERR_INIT;

	if (policy_load_text("t.yaml", str_of(text), &vars, &w.policy, &diag, &err) < 0)
		fail_msg("%s", buf_cstr(&diag));
	assert_int_equal(
		engine_session_rules(w.policy, w.policy, true, &w.arena, &w.rules, &w.n, &err), 0);
	trap_plan(w.policy, w.rules, w.n, &w.plan);
	return w;
}

static void world_end(struct world *w)
{
	w->policy = policy_free(w->policy);
	arena_done(&w->arena);
}

static const struct trap_call *call_of(const struct trap_plan *plan, enum sysc sysc)
{
	for (size_t i = 0; i < plan->n; i++) {
		if (plan->calls[i].sysc == sysc)
			return &plan->calls[i];
	}
	return NULL;
}

#define HEAD "version: 1\nfilesystem: { write: [/w], exec: [/usr], "
#define QUIET "reload: false\naudit: { record: invocations }\n"

/* What the kernel holds alone costs nothing. */
static void nothing_is_trapped_for_nothing(void **state)
{
	struct world w = world(HEAD "deny: [/w/secret], protect: [/w/.git] }\n" QUIET);

	(void)state;
	assert_int_equal(w.plan.n, 0);
	world_end(&w);
}

static void a_record_is_no_decision(void **state)
{
	struct world w = world(HEAD "deny: [/w/secret] }\nreload: false\n");
	const struct trap_call *call;

	(void)state;
	for (size_t i = 0; i < w.plan.n; i++) {
		assert_int_equal(w.plan.calls[i].why, TRAP_RECORD);
		assert_int_equal(w.plan.calls[i].cause, TRAP_BY_LEVEL);
		assert_true(trap_plan_has(&w.plan, w.plan.calls[i].sysc));
	}
	assert_non_null(call_of(&w.plan, SYSC_openat));
	assert_non_null(call_of(&w.plan, SYSC_execve));
	assert_non_null(call_of(&w.plan, SYSC_unlinkat));
	assert_non_null(call_of(&w.plan, SYSC_connect));
	/* nothing is hidden; addresses in memory are not looked for */
	assert_null(call_of(&w.plan, SYSC_newfstatat));
	assert_null(call_of(&w.plan, SYSC_sendmsg));
	assert_false(trap_plan_has(&w.plan, SYSC_read));
	/* an address in a register is */
	call = call_of(&w.plan, SYSC_sendto);
	assert_int_equal(call->n_conds, 1);
	assert_int_equal(call->conds[0].arg, 4);
	assert_int_equal(call->conds[0].cmp, SYSC_NE);
	world_end(&w);
}

static bool would_trap(const struct trap_call *call, uint64_t flags, unsigned arg)
{
	bool any = call->n_conds == 0;

	for (unsigned i = 0; i < call->n_conds; i++) {
		const struct policy_sysc_cond *c = &call->conds[i];

		assert_int_equal(c->arg, arg);
		assert_int_equal(c->cmp, SYSC_MASKED_EQ);
		any |= (flags & c->mask) == c->value;
	}
	return any;
}

/* Only changes matter and nothing is recorded: who only reads is left alone. */
static void readers_are_left_alone(void **state)
{
	static const int changing[] = {
		O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_TMPFILE | O_RDWR, O_CREAT | O_EXCL | O_CLOEXEC
	};
	static const int reading[] = { O_RDONLY, O_PATH, O_DIRECTORY | O_CLOEXEC, O_NOFOLLOW };
	struct world w = world(HEAD "protect: ['**/.git/hooks'] }\n" QUIET);
	const struct trap_call *call = call_of(&w.plan, SYSC_openat);

	(void)state;
	assert_non_null(call);
	assert_int_equal(call->why, TRAP_CHANGES);
	assert_string_equal(call->rule->id, "filesystem.protect[0]");
	for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++)
		assert_true(would_trap(call, (uint64_t)changing[i], 2));
	for (size_t i = 0; i < sizeof(reading) / sizeof(reading[0]); i++)
		assert_false(would_trap(call, (uint64_t)reading[i], 2));
	/* flags in memory */
	call = call_of(&w.plan, SYSC_openat2);
	assert_true(call && call->n_conds == 0 && call->why == TRAP_DECISION);
	assert_non_null(call_of(&w.plan, SYSC_renameat2));
	assert_null(call_of(&w.plan, SYSC_execve));
	assert_null(call_of(&w.plan, SYSC_connect));
	world_end(&w);

	w = world(HEAD "protect: ['**/.git/hooks'] }\nreload: false\n");
	call = call_of(&w.plan, SYSC_openat);
	assert_true(call && call->n_conds == 0 && call->why == TRAP_CHANGES && call->reads);
	world_end(&w);

	w = world(HEAD "deny: ['**/.env'] }\n" QUIET);
	call = call_of(&w.plan, SYSC_openat);
	assert_true(call && call->n_conds == 0 && call->why == TRAP_DECISION);
	assert_string_equal(call->rule->id, "filesystem.deny[0]");
	world_end(&w);
}

static void rules_say_which(void **state)
{
	struct world w = world(HEAD
			       "home: host }\n" QUIET
			       "rules:\n  - { name: no-unix, on: net.connect, action: ask }\n");

	(void)state;
	assert_int_equal(w.plan.n, 4);
	assert_string_equal(call_of(&w.plan, SYSC_connect)->rule->id, "no-unix");
	assert_non_null(call_of(&w.plan, SYSC_sendto));
	assert_non_null(call_of(&w.plan, SYSC_sendmsg));
	assert_non_null(call_of(&w.plan, SYSC_sendmmsg));
	world_end(&w);

	w = world(HEAD "home: host }\n" QUIET "rules_default: block\n");
	assert_int_equal(call_of(&w.plan, SYSC_execve)->cause, TRAP_BY_DEFAULT);
	assert_int_equal(call_of(&w.plan, SYSC_openat)->why, TRAP_DECISION);
	world_end(&w);
}

/* A policy that may be reloaded is planned for what may come; one of presets alone, or that says no, not. */
static void reloads_are_planned_for(void **state)
{
	struct world launch = world(HEAD "home: host }\naudit: { record: invocations }\n");
	struct world w = world(HEAD "deny: ['**/.env'] }\n");
	struct world net = world(HEAD "home: host }\nrules:\n  - { name: x, on: net.connect, "
				      "action: block }\n");
	struct world never = world(HEAD "home: host }\n" QUIET);
	struct world changes = world(HEAD "protect: ['**/x'] }\n" QUIET);
	struct trap_plan scratch;

	(void)state;
	assert_int_equal(call_of(&launch.plan, SYSC_openat)->cause, TRAP_BY_RELOAD);
	assert_int_equal(call_of(&launch.plan, SYSC_execve)->why, TRAP_DECISION);
	assert_null(trap_plan_lacks(&launch.plan, w.policy, w.rules, w.n, &scratch));
	/* addresses in memory were not looked for */
	assert_int_equal(
		trap_plan_lacks(&launch.plan, net.policy, net.rules, net.n, &scratch)->sysc,
		SYSC_sendmmsg);
	assert_non_null(trap_plan_lacks(&never.plan, w.policy, w.rules, w.n, &scratch));
	/* trapped for changes alone, and reading is to be stopped */
	assert_non_null(trap_plan_lacks(&changes.plan, w.policy, w.rules, w.n, &scratch));
	assert_null(trap_plan_lacks(&w.plan, changes.policy, changes.rules, changes.n, &scratch));
	world_end(&launch);
	world_end(&w);
	world_end(&net);
	world_end(&never);
	world_end(&changes);
}

static void plans_are_readable(void **state)
{
	struct world w = world(HEAD "protect: ['**/.git/hooks'] }\n" QUIET);
	AUTO(buf_done) struct buf out = BUF_INIT(1 << 16), json = BUF_INIT(1 << 16);
	struct json_wr jw = json_wr_init(&json);
	const char *sum;

	(void)state;
	trap_plan_print(&w.plan, w.policy, &out);
	assert_non_null(
		strstr(buf_cstr(&out),
		       "  openat             decision  filesystem.protect[0] (t.yaml:2:52), "
		       "only where it may change something\n"));
	sum = strstr(buf_cstr(&out), " system calls reach the supervisor.\n");
	assert_non_null(sum);
	assert_int_equal(sum[36], '\0');
	trap_plan_json(&w.plan, &jw);
	assert_non_null(strstr(buf_cstr(&json),
			       "{\"name\":\"openat2\",\"why\":\"decision\",\"cause\":\"rule\","
			       "\"changes_only\":false,\"always\":true,\"rule\":"
			       "\"filesystem.protect[0]\",\"where\":\"t.yaml:2:52\"}"));
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_is_known),
		cmocka_unit_test(nothing_is_trapped_for_nothing),
		cmocka_unit_test(a_record_is_no_decision),
		cmocka_unit_test(readers_are_left_alone),
		cmocka_unit_test(rules_say_which),
		cmocka_unit_test(reloads_are_planned_for),
		cmocka_unit_test(plans_are_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
