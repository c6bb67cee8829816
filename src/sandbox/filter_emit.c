#include "sandbox/filter_emit.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>

#define REACH 255

static uint16_t put(struct emit *e, struct sock_filter insn)
{
	if (e->n >= e->max)
		e->error = -E2BIG;
	if (e->error)
		return 1;
	e->n++;
	e->room[e->max - e->n] = insn;
	return e->n;
}

static const struct sock_filter *insn_at(const struct emit *e, uint16_t at)
{
	return &e->room[e->max - at];
}

/* An instruction that is written next may jump over @spare more to reach the result. */
static uint16_t bring_near(struct emit *e, uint16_t at, unsigned spare)
{
	const struct sock_filter *to;

	if (e->error || e->n + spare - at <= REACH)
		return at;
	if (e->near[at] && e->n + spare - e->near[at] <= REACH)
		return e->near[at];
	to = insn_at(e, at);
	if (BPF_CLASS(to->code) == BPF_RET)
		e->near[at] = put(e, *to);
	else
		e->near[at] = put(
			e, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(e->n - at)));
	return e->error ? 1 : e->near[at];
}

uint16_t emit_ret(struct emit *e, uint32_t action)
{
	return put(e, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

uint16_t emit_load(struct emit *e, uint32_t offset)
{
	return put(e, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

uint16_t emit_jump(struct emit *e, uint16_t op, uint32_t k, uint16_t yes, uint16_t no)
{
	/* Each of the two may put one instruction before the jump: count it as spare. */
	yes = bring_near(e, yes, 2);
	no = bring_near(e, no, 1);
	if (e->error)
		return 1;
	return put(e, (struct sock_filter)BPF_JUMP(op, k, (uint8_t)(e->n - yes),
						   (uint8_t)(e->n - no)));
}

/* If @at starts by loading what the accumulator holds already, the place behind that load. */
static uint16_t past_load(const struct emit *e, uint16_t at, uint32_t offset)
{
	const struct sock_filter *to = insn_at(e, at);

	if (!e->error && at > 1 && to->code == (BPF_LD | BPF_W | BPF_ABS) && to->k == offset)
		return (uint16_t)(at - 1);
	return at;
}

/* Both machines are little-endian: the low half comes first. */
static uint32_t half(uint8_t arg, bool high)
{
	return (uint32_t)(offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t) +
			  (high ? sizeof(uint32_t) : 0));
}

/* One comparison of one half with nothing in between, so that loads need not be repeated. */
static uint16_t test_half(struct emit *e, uint32_t offset, uint16_t op, uint32_t k, uint16_t yes,
			  uint16_t no)
{
	yes = past_load(e, yes, offset);
	no = past_load(e, no, offset);
	emit_jump(e, op, k, yes, no);
	return emit_load(e, offset);
}

static uint16_t masked_half(struct emit *e, uint32_t offset, uint32_t mask, uint32_t value,
			    uint16_t yes, uint16_t no)
{
	if (value & ~mask)
		return no;
	if (!mask)
		return yes;
	if (mask == UINT32_MAX)
		return test_half(e, offset, BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
	emit_jump(e, BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
	put(e, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
	return emit_load(e, offset);
}

static uint16_t any_half(struct emit *e, uint32_t offset, uint32_t mask, uint16_t yes, uint16_t no)
{
	return mask ? test_half(e, offset, BPF_JMP | BPF_JSET | BPF_K, mask, yes, no) : no;
}

/* @op is BPF_JGT or BPF_JGE. Decided by the high half unless that is equal. */
static uint16_t ordered(struct emit *e, const struct filter_cond *c, uint16_t op, bool narrow,
			uint16_t yes, uint16_t no)
{
	uint32_t hi = (uint32_t)(c->value >> 32), at = half(c->arg, true);
	uint16_t low;

	op = (uint16_t)(BPF_JMP | op | BPF_K);
	low = test_half(e, half(c->arg, false), op, (uint32_t)c->value, yes, no);
	if (narrow)
		return low;
	emit_jump(e, BPF_JMP | BPF_JEQ | BPF_K, hi, low, no);
	emit_jump(e, BPF_JMP | BPF_JGT | BPF_K, hi, yes, e->n);
	return emit_load(e, at);
}

/* A set as runs of consecutive numbers: most options and many commands come in a row. */
#define RUNS_MAX 64

struct run {
	uint32_t first, last;
};

static unsigned find_runs(const struct filter_cond *c, struct run runs[RUNS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_set && n < RUNS_MAX; i++) {
		if (n && c->set[i] == runs[n - 1].last + 1)
			runs[n - 1].last++;
		else
			runs[n++] = (struct run){ c->set[i], c->set[i] };
	}
	return n;
}

static bool all_single(const struct run *runs, unsigned lo, unsigned hi)
{
	for (unsigned i = lo; i < hi; i++) {
		if (runs[i].first != runs[i].last)
			return false;
	}
	return true;
}

/*
 * Binary search over runs[lo..hi), the accumulator being loaded; @above: it is known to be at
 * least runs[lo].first. A few single numbers are asked one after the other: that is shorter.
 */
static uint16_t search(struct emit *e, const struct run *runs, unsigned lo, unsigned hi, bool above,
		       uint16_t yes, uint16_t no)
{
	unsigned mid = (lo + hi) / 2;
	uint16_t right, left;

	if (hi - lo <= 4 && all_single(runs, lo, hi)) {
		for (unsigned i = hi; i-- > lo;)
			no = emit_jump(e, BPF_JMP | BPF_JEQ | BPF_K, runs[i].first, yes, no);
		return no;
	}
	if (hi - lo == 1) {
		right = emit_jump(e, BPF_JMP | BPF_JGT | BPF_K, runs[lo].last, no, yes);
		if (above)
			return right;
		return emit_jump(e, BPF_JMP | BPF_JGE | BPF_K, runs[lo].first, right, no);
	}
	right = search(e, runs, mid, hi, true, yes, no);
	left = search(e, runs, lo, mid, above, yes, no);
	return emit_jump(e, BPF_JMP | BPF_JGE | BPF_K, runs[mid].first, right, left);
}

static uint16_t member(struct emit *e, const struct filter_cond *c, uint16_t yes, uint16_t no)
{
	struct run runs[RUNS_MAX];
	unsigned n = find_runs(c, runs);
	uint32_t at = half(c->arg, false);

	if (!n)
		return no;
	if (!c->mask) {
		yes = past_load(e, yes, at);
		no = past_load(e, no, at);
	}
	search(e, runs, 0, n, false, yes, no);
	if (c->mask)
		put(e, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint32_t)c->mask));
	return emit_load(e, at);
}

static uint16_t masked(struct emit *e, const struct filter_cond *c, uint64_t mask, bool narrow,
		       uint16_t yes, uint16_t no)
{
	yes = masked_half(e, half(c->arg, false), (uint32_t)mask, (uint32_t)c->value, yes, no);
	if (narrow)
		return yes;
	return masked_half(e, half(c->arg, true), (uint32_t)(mask >> 32),
			   (uint32_t)(c->value >> 32), yes, no);
}

static uint16_t any(struct emit *e, const struct filter_cond *c, bool narrow, uint16_t yes,
		    uint16_t no)
{
	no = any_half(e, half(c->arg, false), (uint32_t)c->mask, yes, no);
	if (narrow)
		return no;
	return any_half(e, half(c->arg, true), (uint32_t)(c->mask >> 32), yes, no);
}

uint16_t emit_cond(struct emit *e, const struct filter_cond *c, bool narrow, uint16_t yes,
		   uint16_t no)
{
	switch ((enum filter_op)c->op) {
	case FOP_EQ: return masked(e, c, UINT64_MAX, narrow, yes, no);
	case FOP_NE: return masked(e, c, UINT64_MAX, narrow, no, yes);
	case FOP_LE: return ordered(e, c, BPF_JGT, narrow, no, yes);
	case FOP_LT: return ordered(e, c, BPF_JGE, narrow, no, yes);
	case FOP_GT: return ordered(e, c, BPF_JGT, narrow, yes, no);
	case FOP_GE: return ordered(e, c, BPF_JGE, narrow, yes, no);
	case FOP_MASKED_EQ: return masked(e, c, c->mask, narrow, yes, no);
	case FOP_ANY: return any(e, c, narrow, yes, no);
	case FOP_IN: return member(e, c, yes, no);
	}
	return no;
}
