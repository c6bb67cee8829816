/*
 * Theory of operation
 *
 * A call is trapped for a decision where some rule could stop an event that it makes and no layer of the
 * kernel holds that rule by itself; and for the record where the level wants such events. The difference
 * is what it costs: what is only recorded goes on to the kernel, what is decided is done by the supervisor.
 *
 * A filter sees registers. So an open with its flags in one can be left alone where it only reads and only
 * changes matter; a call that names a file by descriptor (ftruncate, fstat) was decided when the descriptor
 * was opened. Where reading was enough for it (fchmod) it is decided anew, if a rule of the launch wants that. Flags or addresses in memory (openat2, sendmsg) cannot be told apart:
 * such calls are trapped always or not at all.
 */
#include "mediate/trap.h"

#include "base/buf.h"
#include "codec/json_wr.h"
#include "engine/engine.h"
#include "mediate/mediate.h"

#include <fcntl.h>
#include <string.h>

enum trap_kind {
	CHANGES,      /* makes, removes, changes */
	CHANGES_OPEN, /* what is open, perhaps for reading only: for a decision only */
	CHANGES_BOTH, /* the latter where .arg, a path, is NULL */
	OPENS,        /* flags in register .arg */
	READS,        /* opens, flags unknown, or executes, connects: nothing more is known of it */
	SENDS,        /* an address in register .arg, if it is not NULL */
	TELLS,        /* of a file: only where something is hidden or denied by pattern */
	LISTS,        /* names: only where something is hidden */
	MASKS, /* no event: the supervisor makes files on the caller's behalf, and heeds its umask */
	MESSAGE, /* an address in memory, perhaps: for a decision only */
	SIGNALS  /* other processes: for the record only */
};

#define NO_ARG 0xff

struct row {
	uint16_t sysc;
	uint8_t kind;
	uint8_t arg; /* OPENS: of the flags; else a pointer that must not be NULL */
	event_types makes;
};

#define ON(type) EVENT_BIT(EVENT_##type)
#define MADE (ON(FILE_OPEN) | ON(FILE_CREATE))
#define ROW(name, kind, types)                   \
	{                                        \
		SYSC_##name, kind, NO_ARG, types \
	}
#define ROW_ARG(name, kind, arg, types)       \
	{                                     \
		SYSC_##name, kind, arg, types \
	}

static const struct row rows[] = {
	ROW(access, TELLS, ON(FILE_OPEN)),
	ROW(bind, READS, ON(NET_BIND)),
	ROW(chdir, TELLS, ON(FILE_OPEN)),
	ROW(chmod, CHANGES, ON(FILE_CHMOD)),
	ROW(chown, CHANGES, ON(FILE_CHMOD)),
	ROW(connect, READS, ON(NET_CONNECT)),
	ROW(creat, CHANGES, MADE),
	ROW(execve, READS, ON(PROCESS_EXEC)),
	ROW(execveat, READS, ON(PROCESS_EXEC)),
	ROW(faccessat, TELLS, ON(FILE_OPEN)),
	ROW(faccessat2, TELLS, ON(FILE_OPEN)),
	ROW(fchmod, CHANGES_OPEN, ON(FILE_CHMOD)),
	ROW(fchmodat, CHANGES, ON(FILE_CHMOD)),
	ROW(fchmodat2, CHANGES, ON(FILE_CHMOD)),
	ROW(fchown, CHANGES_OPEN, ON(FILE_CHMOD)),
	ROW(fchownat, CHANGES, ON(FILE_CHMOD)),
	ROW(file_getattr, TELLS, ON(FILE_OPEN)),
	ROW(file_setattr, CHANGES, ON(FILE_CHMOD)),
	ROW(fremovexattr, CHANGES_OPEN, ON(FILE_CHMOD)),
	ROW(fsetxattr, CHANGES_OPEN, ON(FILE_CHMOD)),
	ROW_ARG(futimesat, CHANGES_BOTH, 1, ON(FILE_CHMOD)),
	ROW(getdents, LISTS, ON(FILE_OPEN)),
	ROW(getdents64, LISTS, ON(FILE_OPEN)),
	ROW(getxattr, TELLS, ON(FILE_OPEN)),
	ROW(getxattrat, TELLS, ON(FILE_OPEN)),
	ROW(inotify_add_watch, TELLS, ON(FILE_OPEN)),
	ROW(kill, SIGNALS, ON(PROCESS_SIGNAL)),
	ROW(lchown, CHANGES, ON(FILE_CHMOD)),
	ROW(lgetxattr, TELLS, ON(FILE_OPEN)),
	ROW(link, CHANGES, ON(FILE_LINK) | ON(FILE_CREATE)),
	ROW(linkat, CHANGES, ON(FILE_LINK) | ON(FILE_CREATE)),
	ROW(listen, READS, ON(NET_BIND)),
	ROW(listxattr, TELLS, ON(FILE_OPEN)),
	ROW(listxattrat, TELLS, ON(FILE_OPEN)),
	ROW(llistxattr, TELLS, ON(FILE_OPEN)),
	ROW(lremovexattr, CHANGES, ON(FILE_CHMOD)),
	ROW(lsetxattr, CHANGES, ON(FILE_CHMOD)),
	ROW(lstat, TELLS, ON(FILE_OPEN)),
	ROW(mkdir, CHANGES, ON(FILE_CREATE)),
	ROW(mkdirat, CHANGES, ON(FILE_CREATE)),
	ROW(mknod, CHANGES, ON(FILE_CREATE)),
	ROW(mknodat, CHANGES, ON(FILE_CREATE)),
	ROW(newfstatat, TELLS, ON(FILE_OPEN)),
	ROW_ARG(open, OPENS, 1, MADE),
	ROW_ARG(openat, OPENS, 2, MADE),
	ROW(openat2, READS, MADE),
	ROW(pidfd_send_signal, SIGNALS, ON(PROCESS_SIGNAL)),
	ROW(ptrace, SIGNALS, ON(PROCESS_PTRACE)),
	ROW(readlink, TELLS, ON(FILE_OPEN)),
	ROW(readlinkat, TELLS, ON(FILE_OPEN)),
	ROW(removexattr, CHANGES, ON(FILE_CHMOD)),
	ROW(removexattrat, CHANGES, ON(FILE_CHMOD)),
	ROW(rename, CHANGES, ON(FILE_RENAME) | ON(FILE_CREATE) | ON(FILE_DELETE)),
	ROW(renameat, CHANGES, ON(FILE_RENAME) | ON(FILE_CREATE) | ON(FILE_DELETE)),
	ROW(renameat2, CHANGES, ON(FILE_RENAME) | ON(FILE_CREATE) | ON(FILE_DELETE)),
	ROW(rmdir, CHANGES, ON(FILE_DELETE)),
	ROW(rt_sigqueueinfo, SIGNALS, ON(PROCESS_SIGNAL)),
	ROW(rt_tgsigqueueinfo, SIGNALS, ON(PROCESS_SIGNAL)),
	ROW(sendmmsg, MESSAGE, ON(NET_CONNECT)),
	ROW(sendmsg, MESSAGE, ON(NET_CONNECT)),
	ROW_ARG(sendto, SENDS, 4, ON(NET_CONNECT)),
	ROW(setxattr, CHANGES, ON(FILE_CHMOD)),
	ROW(setxattrat, CHANGES, ON(FILE_CHMOD)),
	ROW(stat, TELLS, ON(FILE_OPEN)),
	ROW(statx, TELLS, ON(FILE_OPEN)),
	ROW(symlink, CHANGES, ON(FILE_LINK) | ON(FILE_CREATE)),
	ROW(symlinkat, CHANGES, ON(FILE_LINK) | ON(FILE_CREATE)),
	ROW(tgkill, SIGNALS, ON(PROCESS_SIGNAL)),
	ROW(tkill, SIGNALS, ON(PROCESS_SIGNAL)),
	ROW(truncate, CHANGES, ON(FILE_OPEN)),
	ROW(umask, MASKS, ON(FILE_CREATE)),
	ROW(unlink, CHANGES, ON(FILE_DELETE)),
	ROW(unlinkat, CHANGES, ON(FILE_DELETE)),
	ROW(utime, CHANGES, ON(FILE_CHMOD)),
	ROW_ARG(utimensat, CHANGES_BOTH, 1, ON(FILE_CHMOD)),
	ROW(utimes, CHANGES, ON(FILE_CHMOD)),
};

/* What takes a path, an address or a process, and is not trapped all the same. */
static const struct {
	uint16_t sysc;
	const char *why;
} exempt[] = {
	{ SYSC_accept, "the other side names itself; listening was decided" },
	{ SYSC_accept4, "the other side names itself; listening was decided" },
	{ SYSC_acct, "nobody may have it" },
	{ SYSC_chroot, "nobody may have it" },
	{ SYSC_fanotify_mark, "nobody may have it" },
	{ SYSC_fchdir, "by descriptor: decided when that was opened" },
	{ SYSC_fgetxattr, "by descriptor: decided when that was opened" },
	{ SYSC_flistxattr, "by descriptor: decided when that was opened" },
	{ SYSC_fspick, "nobody may have it" },
	{ SYSC_fstat, "by descriptor: decided when that was opened" },
	{ SYSC_fstatfs, "by descriptor: decided when that was opened" },
	{ SYSC_ftruncate, "by descriptor: decided when that was opened" },
	{ SYSC_io_uring_enter, "goes past the supervisor: only for who allows it by name" },
	{ SYSC_io_uring_register, "goes past the supervisor: only for who allows it by name" },
	{ SYSC_io_uring_setup, "goes past the supervisor: only for who allows it by name" },
	{ SYSC_kexec_load, "nobody may have it" },
	{ SYSC_mount, "nobody may have it" },
	{ SYSC_mount_setattr, "nobody may have it" },
	{ SYSC_move_mount, "nobody may have it" },
	{ SYSC_mq_open, "names no file: message queues are the session's own" },
	{ SYSC_mq_unlink, "names no file: message queues are the session's own" },
	{ SYSC_name_to_handle_at, "nobody may have it" },
	{ SYSC_open_by_handle_at, "nobody may have it" },
	{ SYSC_open_tree, "nobody may have it" },
	{ SYSC_open_tree_attr, "nobody may have it" },
	{ SYSC_pivot_root, "nobody may have it" },
	{ SYSC_process_vm_readv, "asked of the kernel as ptrace is, and stays in the session" },
	{ SYSC_process_vm_writev, "asked of the kernel as ptrace is, and stays in the session" },
	{ SYSC_quotactl, "nobody may have it" },
	{ SYSC_statfs, "tells of a file system, not of a file" },
	{ SYSC_swapoff, "nobody may have it" },
	{ SYSC_swapon, "nobody may have it" },
	{ SYSC_umount2, "nobody may have it" },
	{ SYSC_uselib, "nobody may have it" },
};

bool trap_knows(enum sysc sysc)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].sysc == sysc)
			return true;
	}
	return false;
}

const char *trap_exempt(enum sysc sysc)
{
	for (size_t i = 0; i < sizeof(exempt) / sizeof(exempt[0]); i++) {
		if (exempt[i].sysc == sysc)
			return exempt[i].why;
	}
	return NULL;
}

/* ---- what could stop an event ---- */

/* Of each type: what could stop one that only reads, and one that changes. */
struct stops {
	const struct policy_rule *reading[EVENT_TYPE_N], *changing[EVENT_TYPE_N];
	const struct policy_rule *hides, *denies; /* for what is only told of files */
	bool by_default, by_reload, record;
	bool reloads; /* is the plan what a reload needs? */
};

bool trap_may_reload(const struct policy *policy)
{
	for (size_t i = 0; i < policy->n_sources && !policy->reload.off; i++) {
		if (strncmp(policy->sources[i].name, "preset:", 7) != 0)
			return true;
	}
	return false;
}

static bool section_of(const struct policy_rule *rule, const char *name)
{
	return rule->section && strncmp(rule->id, name, strlen(name)) == 0;
}

static void note_rule(struct stops *s, const struct policy_rule *rule)
{
	if (rule->kernel || rule->action <= RULE_ALLOW)
		return;
	for (int t = 0; t < EVENT_TYPE_N; t++) {
		if (!(rule->on & EVENT_BIT(t)))
			continue;
		if (!s->changing[t])
			s->changing[t] = rule;
		if (!rule->changes && !s->reading[t])
			s->reading[t] = rule;
	}
	if (section_of(rule, "filesystem.hide[") && !s->hides)
		s->hides = rule;
	if (section_of(rule, "filesystem.deny[") && !s->denies)
		s->denies = rule;
}

static const struct policy_rule *first_of(const struct policy_rule *const *by_type,
					  event_types types)
{
	for (int t = 0; t < EVENT_TYPE_N; t++) {
		if (types & EVENT_BIT(t) && by_type[t])
			return by_type[t];
	}
	return NULL;
}

/* ---- the plan ---- */

static void when_bit(struct trap_call *call, uint8_t arg, uint64_t bit)
{
	call->conds[call->n_conds++] = (struct policy_sysc_cond){
		.arg = arg, .cmp = SYSC_MASKED_EQ, .mask = bit, .value = bit
	};
}

static void when_changing(struct trap_call *call, uint8_t arg)
{
	when_bit(call, arg, O_WRONLY);
	when_bit(call, arg, O_RDWR);
	when_bit(call, arg, O_CREAT);
	when_bit(call, arg, O_TRUNC);
}

/* Decided, because of @rule or else in general. */
static bool decided(const struct stops *s, const struct policy_rule *rule, bool reload,
		    struct trap_call *call)
{
	if (!rule && !s->by_default && !(reload && s->by_reload))
		return false;
	call->why = TRAP_DECISION;
	call->rule = rule;
	call->cause = rule ? TRAP_BY_RULE : s->by_default ? TRAP_BY_DEFAULT : TRAP_BY_RELOAD;
	return true;
}

static bool recorded(const struct stops *s, struct trap_call *call)
{
	call->why = TRAP_RECORD;
	call->cause = TRAP_BY_LEVEL;
	return s->record;
}

static bool plan_open(const struct stops *s, const struct row *row, struct trap_call *call)
{
	if (decided(s, first_of(s->reading, row->makes & ON(FILE_OPEN)), true, call))
		return true;
	if (!decided(s, first_of(s->changing, row->makes), false, call))
		return recorded(s, call);
	call->why = TRAP_CHANGES;
	call->reads = s->record;
	if (!s->record)
		when_changing(call, row->arg);
	return true;
}

static bool plan_row(const struct stops *s, const struct row *row, struct trap_call *call)
{
	*call = (struct trap_call){ .sysc = row->sysc };
	if (row->kind != OPENS && row->arg != NO_ARG)
		call->conds[call->n_conds++] =
			(struct policy_sysc_cond){ .arg = row->arg, .cmp = SYSC_NE, .value = 0 };
	switch ((enum trap_kind)row->kind) {
	case OPENS: return plan_open(s, row, call);
	case CHANGES:
	case READS:
	case SENDS:
		return decided(s, first_of(s->changing, row->makes), true, call) ||
		       recorded(s, call);
	case TELLS:
		return (s->hides || s->denies) &&
		       decided(s, s->hides ? s->hides : s->denies, false, call);
	case LISTS: return s->hides && decided(s, s->hides, false, call);
	case CHANGES_BOTH:
		if (!s->reloads && first_of(s->changing, row->makes))
			call->n_conds = 0;
		return decided(s, first_of(s->changing, row->makes), true, call) ||
		       recorded(s, call);
	case CHANGES_OPEN:
		return !s->reloads && decided(s, first_of(s->changing, row->makes), false, call);
	case MASKS: return decided(s, first_of(s->changing, row->makes), true, call);
	case MESSAGE: return decided(s, first_of(s->changing, row->makes), false, call);
	case SIGNALS: return recorded(s, call);
	}
	return false;
}

static void stops_of(struct stops *s, const struct policy *policy, const struct policy_rule *rules,
		     size_t n)
{
	*s = (struct stops){ .by_default = policy->rules_default == RULE_BLOCK,
			     .by_reload = trap_may_reload(policy),
			     .record = policy->record != POLICY_RECORD_INVOCATIONS };
	for (size_t i = 0; i < n; i++)
		note_rule(s, &rules[i]);
}

static void plan_make(const struct stops *s, struct trap_plan *ret)
{
	_Static_assert(sizeof(rows) / sizeof(rows[0]) <= TRAP_CALLS_MAX, "room for all");

	memset(ret->bits, 0, sizeof(ret->bits));
	ret->n = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum sysc sysc = (enum sysc)rows[i].sysc;

		if (sysc_info[sysc].nr[SYSC_NATIVE] < 0 || !mediator_handles(sysc) ||
		    !plan_row(s, &rows[i], &ret->calls[ret->n]))
			continue;
		ret->bits[sysc / 64] |= UINT64_C(1) << (sysc % 64);
		ret->n++;
	}
}

void trap_plan(const struct policy *policy, const struct policy_rule *rules, size_t n,
	       struct trap_plan *ret_plan)
{
	struct stops s;

	stops_of(&s, policy, rules, n);
	plan_make(&s, ret_plan);
}

static const struct trap_call *call_of(const struct trap_plan *plan, uint16_t sysc)
{
	for (size_t i = 0; i < plan->n; i++) {
		if (plan->calls[i].sysc == sysc)
			return &plan->calls[i];
	}
	return NULL;
}

const struct trap_call *trap_plan_lacks(const struct trap_plan *launch, const struct policy *policy,
					const struct policy_rule *rules, size_t n,
					struct trap_plan *scratch)
{
	struct stops s;

	stops_of(&s, policy, rules, n);
	s.by_reload = s.record = false;
	s.denies = NULL;  /* that a file can be looked at is no reason to refuse its being denied */
	s.reloads = true; /* nor that the mode of one that may be read can be changed */
	plan_make(&s, scratch);
	for (size_t i = 0; i < scratch->n; i++) {
		const struct trap_call *need = &scratch->calls[i];
		const struct trap_call *have = call_of(launch, need->sysc);

		/* one that is trapped for changes alone may be needed for all */
		if (!have || (have->n_conds > 1 && need->n_conds <= 1))
			return need;
	}
	return NULL;
}

/* ---- for people ---- */

static const char *const why_names[] = { "record", "decision", "decision" };
static const char *const cause_names[] = { "rule", "rules_default", "reload", "audit.record" };

static void put_cause(const struct trap_call *call, const struct policy *policy, struct buf *out)
{
	static const char *const levels[] = { "invocations", "security", "all" };

	switch ((enum trap_cause)call->cause) {
	case TRAP_BY_RULE:
		buf_printf(out, "%s (", call->rule->id);
		engine_rule_where(call->rule, out);
		buf_putz(out, ")");
		break;
	case TRAP_BY_DEFAULT: buf_putz(out, "rules_default: block"); break;
	case TRAP_BY_RELOAD:
		buf_putz(out, "a reload may bring a rule ('reload: false' rules that out)");
		break;
	case TRAP_BY_LEVEL: buf_printf(out, "audit.record: %s", levels[policy->record]); break;
	}
}

static void put_call(const struct trap_call *call, const struct policy *policy, struct buf *out)
{
	buf_printf(out, "  %-18s %-9s ", sysc_info[call->sysc].name, why_names[call->why]);
	put_cause(call, policy, out);
	if (call->why == TRAP_CHANGES)
		buf_putz(out, call->reads ? ", where it may change something; else for the record"
					  : ", only where it may change something");
	else if (call->n_conds)
		buf_printf(out, ", where argument %u is not NULL", call->conds[0].arg + 1U);
	buf_putc(out, '\n');
}

void trap_plan_print(const struct trap_plan *plan, const struct policy *policy, struct buf *out)
{
	unsigned all = 0;

	for (size_t i = 0; i < plan->n; i++)
		put_call(&plan->calls[i], policy, out);
	for (unsigned i = 0; i < SYSC_N; i++)
		all += sysc_info[i].nr[SYSC_NATIVE] >= 0;
	buf_printf(out, "%zu of %u system calls reach the supervisor.\n", plan->n, all);
}

void trap_plan_json(const struct trap_plan *plan, struct json_wr *w)
{
	json_array(w);
	for (size_t i = 0; i < plan->n; i++) {
		const struct trap_call *call = &plan->calls[i];
		char mem[512];
		struct buf where = buf_fixed(mem, sizeof(mem));

		json_object(w);
		json_key(w, "name");
		json_strz(w, sysc_info[call->sysc].name);
		json_key(w, "why");
		json_strz(w, why_names[call->why]);
		json_key(w, "cause");
		json_strz(w, cause_names[call->cause]);
		json_key(w, "changes_only");
		json_bool(w, call->why == TRAP_CHANGES);
		json_key(w, "always");
		json_bool(w, call->n_conds == 0);
		if (call->rule) {
			json_key(w, "rule");
			json_strz(w, call->rule->id);
			engine_rule_where(call->rule, &where);
			json_key(w, "where");
			json_str(w, buf_str(&where));
		}
		json_end_object(w);
	}
	json_end_array(w);
}
