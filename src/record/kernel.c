/*
 * kernel - theory of operation.
 *
 * Two raw tracepoints see every system call of the machine: sys_enter behind seccomp, when the call
 * is going to happen, and sys_exit when it returns, also when seccomp or the supervisor answered it
 * and it never entered. So the return is what is recorded: it has number, arguments and result in the
 * registers that were saved at entry. Entry is recorded besides where there is more to see by then:
 * calls that do not return as they went (exit, execve, rt_sigreturn), and those with texts, which
 * the caller can change meanwhile. The reader puts both halves together by thread.
 *
 * Whom. The session's processes are those in its group of cgroup v2: a process is born into its
 * parent's group, in the kernel and before it runs, and the session has nothing with which it could
 * leave. So nobody is missed however fast they fork, nobody else is ever recorded, and nothing has to
 * be kept in step. Its init, which is Capsule's, is left out by its number.
 *
 * What is read. Registers from where the machine's struct pt_regs has them (an ABI: ptrace and perf
 * show it); no structure of the kernel's own, so no BTF and no relocation. Memory of the caller
 * only where it is present: a helper must not wait for a page. A path that was never touched before is
 * therefore unreadable on entry, and readable on return, when the kernel itself has fetched it. It is what lay
 * there, not what the kernel took: another thread may have changed it in between. What a decision
 * depended on is in the "event" records.
 *
 * The ring. Full: the call is counted instead, and the reader tells the log. The kernel wakes the reader
 * for a record that finds the ring empty, which costs more than all else here: so the reader looks
 * every few milliseconds while there is something, and takes what there is at once (recorder.c).
 *
 * Why instructions written out here, and not C for clang's BPF target: there would be two programs
 * to build, a compiler that a build may lack, an object file to take apart, and two builds to test. It is
 * about two hundred instructions, and the kernel's verifier reads them again each time.
 */
#include "record/kernel.h"

#include <errno.h>
#include <stddef.h>

/* Registers, by use. Those from 6 on survive calls. */
enum { R0, R1, R2, R3, R4, R5, ENTRY = 6, RESULT = 7, CELL = 8, RECORD = 9, FRAME = 10 };
#define REGS RECORD /* struct pt_regs *, until there is a record */

/*
 * Where struct pt_regs has what we need: one span of it is copied, arguments and number are at these
 * places in the copy.
 */
#if defined(__x86_64__)
/* r10 r9 r8 ax cx dx si di orig_ax: bytes 56 to 128 */
#define SPAN_FROM 56
#define SPAN_SIZE 72
static const uint16_t argument_at[CALL_ARGS] = { 56, 48, 40, 0, 16, 8 };
#define NUMBER_AT 64
#define HAVE_SPAN 1
#elif defined(__aarch64__)
/* x0 to x30, sp, pc, pstate, orig_x0, syscallno: bytes 0 to 288 */
#define SPAN_FROM 0
#define SPAN_SIZE 288
static const uint16_t argument_at[CALL_ARGS] = { 272, 8, 16, 24, 32, 40 };
#define NUMBER_AT 280
#define HAVE_SPAN 1
#endif

#ifdef HAVE_SPAN

/* The stack, from its end down. */
#define AT_SPAN (-SPAN_SIZE)
#define AT_WHO (AT_SPAN - 8)

#define FIELD(name) ((int)offsetof(struct kernel_record, name))
#define CELL_AT(name) ((int)offsetof(struct kernel_cell, name))

struct writer {
	struct bpf_asm *a;
	enum kernel_kind kind;
	int ring_fd;
	uint32_t out, lost;
};

/* Only the session's, and not its init. */
static void emit_filter(struct writer *w)
{
	struct bpf_asm *a = w->a;

	bpf_call(a, BPF_FUNC_get_current_cgroup_id);
	bpf_load(a, BPF_8, R1, CELL, CELL_AT(cgroup));
	bpf_if_reg(a, BPF_JNE, R0, R1, w->out);
	bpf_call(a, BPF_FUNC_get_current_pid_tgid);
	bpf_store(a, BPF_8, FRAME, AT_WHO, R0);
	bpf_alu(a, BPF_RSH, R0, 32);
	bpf_load(a, BPF_4, R1, CELL, CELL_AT(init));
	bpf_if_reg(a, BPF_JEQ, R0, R1, w->out);
}

/* The registers onto the stack. */
static void emit_registers(struct writer *w)
{
	struct bpf_asm *a = w->a;

	bpf_mov(a, R1, FRAME);
	bpf_alu(a, BPF_ADD, R1, AT_SPAN);
	bpf_set(a, R2, SPAN_SIZE);
	bpf_mov(a, R3, REGS);
	bpf_alu(a, BPF_ADD, R3, SPAN_FROM);
	bpf_call(a, BPF_FUNC_probe_read_kernel);
	bpf_if(a, BPF_JNE, R0, 0, w->lost);
}

/* The plan of the call, whose number is in R1, into ENTRY. */
static void emit_plan(struct writer *w)
{
	struct bpf_asm *a = w->a;
	uint32_t unknown = bpf_label(a);

	bpf_set(a, ENTRY, CALL_MANY_ARGS);
	bpf_if(a, BPF_JGE, R1, SYSC_NR_MAX, unknown);
	bpf_alu(a, BPF_LSH, R1, 2);
	bpf_alu_reg(a, BPF_ADD, R1, CELL);
	bpf_load(a, BPF_4, ENTRY, R1, CELL_AT(plan));
	bpf_place(a, unknown);
}

/* The number as it was when the call was made: the return tells the result only. */
static void emit_number(struct writer *w)
{
	struct bpf_asm *a = w->a;

	bpf_load(a, BPF_4, R1, FRAME, AT_SPAN + NUMBER_AT);
	bpf_alu(a, BPF_LSH, R1, 32);
	bpf_alu(a, BPF_ARSH, R1, 32);
	bpf_if(a, BPF_JEQ, R1, -1, w->out); /* of rt_sigreturn: the registers are others' */
}

/* Most calls have nothing to tell before they return. */
static void emit_entered(struct writer *w)
{
	struct bpf_asm *a = w->a;
	uint32_t go = bpf_label(a);

	bpf_mov(a, R1, RESULT); /* of this tracepoint: the number */
	emit_plan(w);
	bpf_if(a, BPF_JSET, ENTRY, CALL_ANY_TEXT | CALL_AT_ENTRY, go);
	bpf_goto(a, w->out);
	bpf_place(a, go);
	emit_filter(w);
	emit_registers(w);
}

static void emit_returned(struct writer *w)
{
	struct bpf_asm *a = w->a;

	emit_filter(w);
	emit_registers(w);
	emit_number(w);
	emit_plan(w);
	bpf_if(a, BPF_JSET, ENTRY, CALL_NO_RETURN, w->out);
}

static void emit_who(struct writer *w)
{
	struct bpf_asm *a = w->a;

	bpf_load(a, BPF_8, R0, FRAME, AT_WHO);
	bpf_store(a, BPF_4, RECORD, FIELD(tid), R0);
	bpf_alu(a, BPF_RSH, R0, 32);
	bpf_store(a, BPF_4, RECORD, FIELD(tgid), R0);
}

/*
 * The numbers in the session, 0 if it has no namespace for them. To find those out takes as long as a
 * quarter of all this: so it is done where a thread begins and where there is text, and the reader keeps
 * them in mind.
 */
static void emit_inner(struct writer *w)
{
	struct bpf_asm *a = w->a;
	uint32_t known = bpf_label(a);

	bpf_store_value(a, BPF_8, RECORD, FIELD(inner_tid), 0);
	bpf_mov(a, R1, ENTRY);
	bpf_alu(a, BPF_AND, R1, CALL_ANY_TEXT | CALL_AT_ENTRY | CALL_MAKES_CHILD);
	bpf_if(a, BPF_JEQ, R1, 0, known);
	bpf_load(a, BPF_8, R1, CELL, CELL_AT(dev));
	bpf_load(a, BPF_8, R2, CELL, CELL_AT(ino));
	bpf_mov(a, R3, RECORD);
	bpf_alu(a, BPF_ADD, R3, FIELD(inner_tid));
	bpf_set(a, R4, sizeof(struct bpf_pidns_info));
	bpf_call(a, BPF_FUNC_get_ns_current_pid_tgid);
	bpf_place(a, known);
}

static void emit_what(struct writer *w, int n_args)
{
	struct bpf_asm *a = w->a;

	for (int i = 0; i < n_args; i++) {
		bpf_load(a, BPF_8, R1, FRAME, AT_SPAN + argument_at[i]);
		bpf_store(a, BPF_8, RECORD, FIELD(args) + 8 * i, R1);
	}
	bpf_load(a, BPF_4, R1, FRAME, AT_SPAN + NUMBER_AT);
	bpf_store(a, BPF_4, RECORD, FIELD(nr), R1);
	bpf_store_value(a, BPF_4, RECORD, FIELD(kind), (int32_t)w->kind);
	if (w->kind == KERNEL_RETURNED)
		bpf_store(a, BPF_8, RECORD, FIELD(result), RESULT);
	else
		bpf_store_value(a, BPF_8, RECORD, FIELD(result), 0);
}

/*
 * Text @i: of the argument that the plan names. The slots behind the last argument are in the record, too,
 * so no plan can lead out of it.
 */
static void emit_text(struct writer *w, int i)
{
	struct bpf_asm *a = w->a;
	uint32_t none = bpf_label(a), string = bpf_label(a), fits = bpf_label(a);
	uint32_t done = bpf_label(a);

	bpf_mov(a, R1, ENTRY);
	bpf_alu(a, BPF_RSH, R1, 4 * i);
	bpf_alu(a, BPF_AND, R1, 15);
	bpf_if(a, BPF_JEQ, R1, 0, none);
	bpf_alu(a, BPF_SUB, R1, 1);
	bpf_alu(a, BPF_AND, R1, 7);
	bpf_alu(a, BPF_LSH, R1, 3);
	bpf_alu_reg(a, BPF_ADD, R1, RECORD);
	bpf_load(a, BPF_8, R3, R1, FIELD(args));
	bpf_if(a, BPF_JEQ, R3, 0, none);
	if (i == 0) {
		bpf_mov(a, R4, ENTRY);
		bpf_alu(a, BPF_AND, R4, CALL_ADDRESS);
		bpf_if(a, BPF_JEQ, R4, 0, string);
		bpf_load(a, BPF_4, R2, R1, FIELD(args) + 8);
		bpf_if(a, BPF_JLE, R2, CALL_ADDRESS_MAX, fits);
		bpf_set(a, R2, CALL_ADDRESS_MAX);
		bpf_place(a, fits);
		bpf_store(a, BPF_4, RECORD, FIELD(n_text), R2);
		bpf_mov(a, R1, RECORD);
		bpf_alu(a, BPF_ADD, R1, FIELD(text));
		bpf_call(a, BPF_FUNC_probe_read_user);
		bpf_if(a, BPF_JEQ, R0, 0, done);
		bpf_store_value(a, BPF_4, RECORD, FIELD(n_text), -EFAULT);
		bpf_goto(a, done);
	}
	bpf_place(a, string);
	bpf_mov(a, R1, RECORD);
	bpf_alu(a, BPF_ADD, R1, FIELD(text) + CALL_TEXT_MAX * i);
	bpf_set(a, R2, CALL_TEXT_MAX);
	bpf_call(a, BPF_FUNC_probe_read_user_str);
	bpf_store(a, BPF_4, RECORD, FIELD(n_text) + 4 * i, R0);
	bpf_goto(a, done);
	bpf_place(a, none);
	bpf_store_value(a, BPF_4, RECORD, FIELD(n_text) + 4 * i, -ENODATA);
	bpf_place(a, done);
}

/* The verifier wants a record's size to be plain, so there is one of these per size. */
static void emit_record(struct writer *w, uint32_t size)
{
	struct bpf_asm *a = w->a;

	bpf_set_map(a, R1, w->ring_fd);
	bpf_set(a, R2, (int32_t)size);
	bpf_set(a, R3, 0);
	bpf_call(a, BPF_FUNC_ringbuf_reserve);
	bpf_if(a, BPF_JEQ, R0, 0, w->lost);
	bpf_mov(a, RECORD, R0);
	bpf_call(a, BPF_FUNC_ktime_get_ns);
	bpf_store(a, BPF_8, RECORD, FIELD(at_ns), R0);
	emit_who(w);
	emit_what(w, size == KERNEL_SHORT ? KERNEL_SHORT_ARGS : CALL_ARGS);
	if (size != KERNEL_SHORT)
		emit_inner(w);
	for (int i = 0; size > KERNEL_PLAIN && i < CALL_TEXTS; i++)
		emit_text(w, i);
	bpf_mov(a, R1, RECORD);
	bpf_set(a, R2, 0);
	bpf_call(a, BPF_FUNC_ringbuf_submit);
	bpf_goto(a, w->out);
}

static void emit_lost(struct writer *w)
{
	struct bpf_asm *a = w->a;
	uint32_t gone = bpf_label(a);

	bpf_place(a, w->lost);
	bpf_set(a, R1, 1);
	if (w->kind == KERNEL_ENTERED) {
		bpf_if(a, BPF_JSET, ENTRY, CALL_NO_RETURN, gone);
		bpf_add_atomic(a, CELL, CELL_AT(lost_entries), R1);
		bpf_goto(a, w->out);
	}
	bpf_place(a, gone);
	bpf_add_atomic(a, CELL, CELL_AT(lost), R1);
	bpf_place(a, w->out);
	bpf_set(a, R0, 0);
	bpf_exit(a);
}

int kernel_program(enum kernel_kind kind, int cell_fd, int ring_fd, struct bpf_asm *ret)
{
	struct writer w = { .a = ret, .kind = kind, .ring_fd = ring_fd };
	uint32_t plain, brief;

	bpf_asm_init(ret);
	w.out = bpf_label(ret);
	w.lost = bpf_label(ret);
	plain = bpf_label(ret);
	brief = bpf_label(ret);
	bpf_load(ret, BPF_8, REGS, R1, 0);
	bpf_load(ret, BPF_8, RESULT, R1, 8);
	bpf_set(ret, ENTRY, 0);
	bpf_set_cell(ret, CELL, cell_fd);
	if (kind == KERNEL_ENTERED)
		emit_entered(&w);
	else
		emit_returned(&w);
	bpf_mov(ret, R1, ENTRY);
	bpf_alu(ret, BPF_AND, R1, CALL_ANY_TEXT);
	bpf_if(ret, BPF_JEQ, R1, 0, plain);
	emit_record(&w, sizeof(struct kernel_record));
	bpf_place(ret, plain);
	bpf_mov(ret, R1, ENTRY);
	bpf_alu(ret, BPF_AND, R1, CALL_MANY_ARGS | CALL_AT_ENTRY | CALL_MAKES_CHILD);
	bpf_if(ret, BPF_JEQ, R1, 0, brief);
	emit_record(&w, KERNEL_PLAIN);
	bpf_place(ret, brief);
	emit_record(&w, KERNEL_SHORT);
	emit_lost(&w);
	return bpf_asm_finish(ret);
}

#else

int kernel_program(enum kernel_kind kind, int cell_fd, int ring_fd, struct bpf_asm *ret)
{
	(void)kind, (void)cell_fd, (void)ring_fd, (void)ret;
	return -EOPNOTSUPP;
}

#endif
