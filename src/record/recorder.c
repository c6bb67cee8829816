/*
 * Both halves of a call are put together here, by thread. A call is written when it returns, or at
 * once if it never does; so the log has them in the order of their ends, each with the time of its beginning.
 */
#include "record/impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *const recorder_how_name[RECORDER_N] = { "ebpf", "ptrace" };

int recorder_new(struct recorder **ret, char ret_why[RECORDER_WHY_MAX])
{
	struct recorder *r = calloc(1, sizeof(*r));

	*ret_why = '\0';
	if (r) {
		r->pending = calloc(PENDING_MAX, sizeof(*r->pending));
		r->known = calloc(KNOWN_MAX, sizeof(*r->known));
	}
	if (!r || !r->pending || !r->known) {
		(void)recorder_free(r);
		return -ENOMEM;
	}
	call_table_make(&r->table);
	r->how = by_kernel_new(r, ret_why) == 0 ? RECORDER_KERNEL : RECORDER_PTRACE;
	*ret = r;
	return 0;
}

struct recorder *recorder_free(struct recorder *r)
{
	if (!r)
		return NULL;
	r->kernel = by_kernel_free(r->kernel);
	r->ptrace = by_ptrace_free(r->ptrace);
	free(r->pending);
	free(r->known);
	free(r);
	return NULL;
}

int recorder_probe(char ret_why[RECORDER_WHY_MAX])
{
	struct recorder *r = calloc(1, sizeof(*r));
	int result = -ENOMEM;

	*ret_why = '\0';
	if (!r)
		return result;
	call_table_make(&r->table);
	result = by_kernel_new(r, ret_why);
	(void)recorder_free(r);
	return result;
}

enum recorder_how recorder_how(const struct recorder *r)
{
	return r->how;
}

int recorder_group_fd(const struct recorder *r)
{
	return r->kernel ? by_kernel_group_fd(r->kernel) : 0;
}

int recorder_fd(const struct recorder *r)
{
	return by_ptrace_fd(r);
}

int recorder_serve(struct recorder *r)
{
	return by_ptrace_serve(r);
}

int recorder_stopped(struct recorder *r, pid_t tid, int status)
{
	return by_ptrace_stopped(r, tid, status);
}

/* ---- writing -------------------------------------------------------------------------------- */

static int call_record(struct recorder *r, struct call *call)
{
	struct json_wr *w = audit_begin(r->session.log, "syscall");

	call->at_ns = call->at_ns > r->begin_ns ? call->at_ns - r->begin_ns : 0;
	call_write(w, &r->table, call);
	r->recorded++;
	return audit_end(r->session.log, NULL);
}

int recorder_lost(struct recorder *r, uint64_t total)
{
	/* Of those that were written without their return it was the return that was lost. */
	uint64_t lost = total > r->unreturned ? total - r->unreturned : 0;
	uint64_t more = lost > r->lost ? lost - r->lost : 0;

	if (!more)
		return 0;
	r->lost = lost;
	return audit_gap(r->session.log, more,
			 "system calls came faster than they could be written", NULL);
}

int recorder_missed(struct recorder *r, uint64_t count)
{
	if (!count)
		return 0;
	r->lost += count;
	return audit_gap(r->session.log, count,
			 "the kernel left its recorder out, for this session or for another", NULL);
}

/* ---- halves ------------------------------------------------------------------------------------ */

static uint32_t plan_of(const struct recorder *r, uint32_t nr)
{
	return nr < SYSC_NR_MAX ? r->table.plan[nr] : 0;
}

/* The slot of thread @tid, or a free one, or one to be cleared. */
static struct call *pending_slot(struct recorder *r, pid_t tid)
{
	struct call *free_slot = NULL;
	uint32_t at = (uint32_t)tid * 2654435761U >> 16;

	for (uint32_t i = 0; i < PENDING_REACH; i++) {
		struct call *c = &r->pending[(at + i) & (PENDING_MAX - 1)];

		if (c->tid == tid)
			return c;
		if (!c->tid && !free_slot)
			free_slot = c;
	}
	return free_slot ? free_slot : &r->pending[at & (PENDING_MAX - 1)];
}

/* A program executed by another thread than the first goes on as the first. */
static struct call *pending_exec(struct recorder *r, const struct call *call)
{
	for (uint32_t i = 0; i < PENDING_MAX; i++) {
		struct call *c = &r->pending[i];

		if (c->tid && c->tgid == call->tgid && c->nr == call->nr)
			return c;
	}
	return NULL;
}

static int entered(struct recorder *r, struct call *call)
{
	struct call *slot;
	int result = 0;

	if (plan_of(r, call->nr) & CALL_NO_RETURN)
		return call_record(r, call);
	slot = pending_slot(r, call->tid);
	if (slot->tid) { /* its return was lost */
		r->unreturned++;
		result = call_record(r, slot);
	}
	*slot = *call;
	return result;
}

static int returned(struct recorder *r, struct call *call)
{
	struct call *entry = pending_slot(r, call->tid);
	bool exec = plan_of(r, call->nr) & CALL_AT_ENTRY;
	int result;

	if ((entry->tid != call->tid || entry->nr != call->nr) && exec && call->result == 0)
		entry = pending_exec(r, call);
	if (!entry || !entry->tid || entry->nr != call->nr ||
	    (entry->tid != call->tid && !(exec && call->result == 0)))
		return call_record(r, call);
	/*
	 * What it was called with: registers, and texts that could be read then. The others could be read
	 * later, if their memory had to be fetched first.
	 */
	for (int i = 0; i < CALL_TEXTS; i++) {
		if (entry->n_text[i] >= 0 || call->n_text[i] < 0 || exec)
			continue;
		entry->n_text[i] = call->n_text[i];
		memcpy(entry->text[i], call->text[i], sizeof(entry->text[i]));
	}
	entry->returned = true;
	entry->result = call->result;
	result = call_record(r, entry);
	entry->tid = 0;
	return result;
}

const struct call *recorder_entry(struct recorder *r, pid_t tid)
{
	const struct call *slot = pending_slot(r, tid);

	return slot->tid == tid ? slot : NULL;
}

int recorder_gone(struct recorder *r, pid_t tid)
{
	struct call *slot = pending_slot(r, tid);
	int result = 0;

	if (slot->tid == tid) {
		result = call_record(r, slot);
		slot->tid = 0;
	}
	recorder_forget(r, tid);
	return result;
}

void recorder_renamed(struct recorder *r, pid_t before, pid_t tid)
{
	struct call *from = pending_slot(r, before), *to;

	recorder_forget(r, before);
	if (from->tid != before)
		return;
	to = pending_slot(r, tid);
	if (to != from)
		*to = *from;
	from->tid = 0;
	to->tid = tid;
}

int recorder_take(struct recorder *r, struct call *call)
{
	if (!r->begun &&
	    !(plan_of(r, call->nr) & CALL_AT_ENTRY && !(plan_of(r, call->nr) & CALL_NO_RETURN)))
		return 0;
	r->begun = true;
	return call->returned ? returned(r, call) : entered(r, call);
}

/* ---- a session ---------------------------------------------------------------------------------- */

int recorder_start(struct recorder *r, const struct recorder_session *session, struct err *err)
{
	struct timespec now;

	r->session = *session;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	r->begin_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	return r->how == RECORDER_KERNEL ? by_kernel_start(r, err) : by_ptrace_start(r, err);
}

static int end_record(struct recorder *r, struct err *err)
{
	struct json_wr *w = audit_begin(r->session.log, "syscall.end");

	json_key(w, "by");
	json_strz(w, recorder_how_name[r->how]);
	json_key(w, "recorded");
	json_u64(w, r->recorded);
	json_key(w, "lost");
	json_u64(w, r->lost);
	return audit_end(r->session.log, err);
}

int recorder_finish(struct recorder *r, struct err *err)
{
	int result;

	if (!r->session.log)
		return 0;
	result = r->how == RECORDER_KERNEL ? by_kernel_finish(r) : by_ptrace_finish(r);
	for (uint32_t i = 0; result == 0 && i < PENDING_MAX; i++) {
		if (r->pending[i].tid)
			result = call_record(r, &r->pending[i]);
	}
	return result < 0 ? err_set(err, -result, "cannot write the log") : end_record(r, err);
}
