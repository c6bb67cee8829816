/*
 * Unit tests of src/record: how calls are written down, how their halves are put together, what is counted, and
 * the programs that the kernel is given. What the kernel then does is tests/scenario/test_recording.py's.
 */
#include "log_world.h"

#include "base/own.h"
#include "codec/json_rd.h"
#include "record/impl.h"
#include "record/kernel.h"
#include "sys/bpf.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct call_table table;

static uint32_t nr_of(enum sysc call)
{
	return (uint32_t)sysc_info[call].nr[SYSC_NATIVE];
}

/* A call of process 7, with nothing read. */
static struct call call_of(enum sysc call)
{
	return (struct call){ .tid = 107,
			      .tgid = 107,
			      .inner_tid = 7,
			      .inner_tgid = 7,
			      .nr = nr_of(call),
			      .n_text = { -ENODATA, -ENODATA } };
}

static void text_set(struct call *call, int i, const char *text)
{
	call->n_text[i] = (int32_t)strlen(text) + 1;
	memcpy(call->text[i], text, strlen(text) + 1);
}

static const char *written(const struct call *call)
{
	static char text[8192];
	struct buf out = buf_fixed(text, sizeof(text));
	struct json_wr w = json_wr_init(&out);

	json_object(&w);
	call_write(&w, &table, call);
	json_end_object(&w);
	assert_int_equal(buf_error(&out), 0);
	return buf_cstr(&out);
}

/* ---- writing ---------------------------------------------------------------------------------- */

static void test_path_and_flags(void **state)
{
	struct call call = call_of(SYSC_openat);

	(void)state;
	call.args[0] = (uint32_t)AT_FDCWD;
	call.args[1] = 0x1000;
	call.args[2] = O_WRONLY | O_CREAT | O_CLOEXEC;
	call.args[3] = 0640;
	text_set(&call, 0, "/etc/x");
	call.returned = true;
	call.result = 3;
	assert_string_equal(
		written(&call),
		"{\"at_ns\":0,\"pid\":7,\"call\":\"openat\",\"args\":{\"dirfd\":\"AT_FDCWD\","
		"\"path\":\"/etc/x\",\"flags\":\"O_WRONLY|O_CREAT|O_CLOEXEC\",\"mode\":\"0640\"},"
		"\"result\":3}");
	call.result = -ENOENT;
	call.args[2] = 0;
	call.inner_tid = 9;
	assert_string_equal(
		written(&call),
		"{\"at_ns\":0,\"pid\":7,\"tid\":9,\"call\":\"openat\",\"args\":{\"dirfd\":"
		"\"AT_FDCWD\",\"path\":\"/etc/x\",\"flags\":\"O_RDONLY\",\"mode\":\"0640\"},"
		"\"result\":-2,\"errno\":\"ENOENT\"}");
}

static void test_text_that_is_not_there(void **state)
{
	struct call call = call_of(SYSC_unlink);

	(void)state;
	assert_string_equal(written(&call),
			    "{\"at_ns\":0,\"pid\":7,\"call\":\"unlink\",\"args\":{\"path\":null}}");
	call.args[0] = 0xdead;
	call.n_text[0] = -EFAULT;
	assert_string_equal(written(&call),
			    "{\"at_ns\":0,\"pid\":7,\"call\":\"unlink\",\"args\":{\"path\":"
			    "\"0xdead\"},\"unread\":[\"path\"]}");
	memset(call.text[0], 'x', CALL_TEXT_MAX - 1);
	call.text[0][CALL_TEXT_MAX - 1] = '\0';
	call.n_text[0] = CALL_TEXT_MAX;
	assert_non_null(strstr(written(&call), "xxx\"},\"cut\":[\"path\"]}"));
	/* no NUL at all, and a length beyond the room */
	memset(call.text[0], 'x', CALL_TEXT_MAX);
	call.n_text[0] = INT32_MAX;
	assert_non_null(strstr(written(&call), "\"cut\":[\"path\"]}"));
}

static void test_addresses(void **state)
{
	struct call call = call_of(SYSC_connect);
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(443),
				  .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(80) };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/run/s" };

	(void)state;
	call.args[0] = 4;
	call.args[1] = 0x1000;
	call.args[2] = sizeof(in);
	call.n_text[0] = sizeof(in);
	memcpy(call.text[0], &in, sizeof(in));
	assert_non_null(strstr(written(&call), "{\"fd\":4,\"addr\":{\"family\":\"AF_INET\",\"ip\":"
					       "\"127.0.0.1\",\"port\":443},\"addrlen\":16}"));
	call.n_text[0] = 6; /* cut within: what is not there is not told */
	assert_non_null(strstr(written(&call), "\"addr\":{\"family\":\"AF_INET\",\"bytes\":\""));
	call.n_text[0] = 1;
	assert_non_null(strstr(written(&call), "\"addr\":{}"));
	memcpy(call.text[0], &in6, sizeof(in6));
	call.n_text[0] = sizeof(in6);
	assert_non_null(strstr(written(&call), "\"ip\":\"::\",\"port\":80"));
	memcpy(call.text[0], &un, sizeof(un));
	call.n_text[0] = sizeof(un);
	assert_non_null(strstr(written(&call), "{\"family\":\"AF_UNIX\",\"path\":\"/run/s\"}"));
	memcpy(call.text[0] + 2, "\0name", 5);
	call.n_text[0] = 7;
	assert_non_null(strstr(written(&call), "{\"family\":\"AF_UNIX\",\"abstract\":\"name\"}"));
	call.n_text[0] = 2;
	assert_non_null(strstr(written(&call), "\"addr\":{\"family\":\"AF_UNIX\"}"));
}

static const struct {
	char letter;
	uint64_t value;
	const char *text;
} values[] = {
	{ 'O', O_RDWR | O_APPEND, "\"O_RDWR|O_APPEND\"" },
	{ 'O', 1U << 31, "\"O_RDONLY|0x80000000\"" },
	{ 'P', 0, "\"PROT_NONE\"" },
	{ 'P', 7, "\"PROT_READ|PROT_WRITE|PROT_EXEC\"" },
	{ 'M', 0x22, "\"MAP_PRIVATE|MAP_ANONYMOUS\"" },
	{ 'R', 0, "\"F_OK\"" },
	{ 'R', 6, "\"R_OK|W_OK\"" },
	{ 'F', 999, "\"0x3e7\"" },
	{ 'U', 0x81, "\"FUTEX_PRIVATE_FLAG|FUTEX_WAKE\"" },
	{ 'U', 0, "\"FUTEX_WAIT\"" },
	{ 'S', SIGKILL, "\"SIGKILL\"" },
	{ 'S', 64, "\"64\"" },
	{ 'S', UINT64_MAX, "\"-1\"" },
	{ 'C', 0x01200011, "\"CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD\"" },
	{ 'B', 0x200, "\"AT_REMOVEDIR\"" },
	{ 'L', 0x100, "\"AT_SYMLINK_NOFOLLOW\"" },
};

static void test_names_of_bits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char text[256];
		struct buf out = buf_fixed(text, sizeof(text));
		struct json_wr w = json_wr_init(&out);

		call_flags_write(&w, values[i].letter, values[i].value);
		assert_string_equal(buf_cstr(&out), values[i].text);
	}
}

/* Every number there is, with everything set and nothing: an object that can be read again. */
static void test_every_number(void **state)
{
	(void)state;
	for (uint32_t nr = 0; nr <= SYSC_NR_MAX + 1; nr++) {
		for (int set = 0; set < 2; set++) {
			AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
			struct call call = { .nr = nr == SYSC_NR_MAX + 1 ? UINT32_MAX : nr,
					     .returned = true,
					     .result = set ? INT64_MIN : -1 };
			const struct json *value = NULL, *args;
			struct err err = ERR_INIT;

			memset(call.args, set ? 0xff : 0, sizeof(call.args));
			memset(call.text, set ? 0xff : 0, sizeof(call.text));
			for (int i = 0; i < CALL_TEXTS; i++)
				call.n_text[i] = set ? INT32_MAX : 0;
			assert_int_equal(json_parse(&arena, str_of(written(&call)), &value, &err),
					 0);
			args = json_get(value, "args");
			assert_non_null(args);
			assert_true(args->count <= CALL_ARGS);
			assert_non_null(json_get(value, "outer_tid"));
		}
	}
}

/* Texts are the first two there are, and where the table says so an address. */
static void test_plans(void **state)
{
	(void)state;
	assert_int_equal(table.plan[nr_of(SYSC_openat)], 2 | CALL_MANY_ARGS);
	assert_int_equal(table.plan[nr_of(SYSC_renameat2)], 2 | 4 << 4 | CALL_MANY_ARGS);
	assert_int_equal(table.plan[nr_of(SYSC_connect)], 2 | CALL_ADDRESS);
	assert_int_equal(table.plan[nr_of(SYSC_sendto)], 5 | CALL_ADDRESS | CALL_MANY_ARGS);
	assert_int_equal(table.plan[nr_of(SYSC_execve)], 1 | CALL_AT_ENTRY);
	assert_int_equal(table.plan[nr_of(SYSC_exit_group)], CALL_AT_ENTRY | CALL_NO_RETURN);
	assert_int_equal(table.plan[nr_of(SYSC_read)], 0);
	assert_int_equal(table.plan[SYSC_NR_MAX - 1], CALL_MANY_ARGS);
}

/* ---- records of the ring ------------------------------------------------------------------------- */

static void test_ring_records(void **state)
{
	struct kernel_record from = {
		.tid = 5, .kind = KERNEL_RETURNED, .nr = 1, .n_text = { INT32_MAX, -EFAULT }
	};
	struct call call;

	(void)state;
	for (size_t n = 0; n <= sizeof(from); n++)
		assert_int_equal(
			kernel_read(&from, n, &call),
			n == KERNEL_SHORT || n == KERNEL_PLAIN || n == sizeof(from) ? 0 : -EBADMSG);
	assert_int_equal(call.n_text[0], CALL_TEXT_MAX);
	assert_int_equal(call.n_text[1], -EFAULT);
	assert_true(call.returned);
	from.inner_tid = 9;
	for (int i = 0; i < CALL_ARGS; i++)
		from.args[i] = 10;
	assert_int_equal(kernel_read(&from, KERNEL_PLAIN, &call), 0);
	assert_int_equal(call.n_text[0], -ENODATA);
	assert_int_equal(call.inner_tid, 9);
	assert_int_equal(call.args[CALL_ARGS - 1], 10);
	/* what is not in it is nothing, and not what lay there before */
	assert_int_equal(kernel_read(&from, KERNEL_SHORT, &call), 0);
	assert_int_equal(KERNEL_SHORT + BPF_RINGBUF_HDR_SZ, 64);
	assert_int_equal(call.inner_tid, 0);
	assert_int_equal(call.args[KERNEL_SHORT_ARGS - 1], 10);
	assert_int_equal(call.args[KERNEL_SHORT_ARGS], 0);
	assert_int_equal(call.n_text[0], -ENODATA);
	from.kind = 2;
	assert_int_equal(kernel_read(&from, KERNEL_PLAIN, &call), -EBADMSG);
}

/* ---- halves ----------------------------------------------------------------------------------------- */

struct pair {
	struct recorder r;
	struct audit_log *log;
	struct file *file;
};

static void pair_open(struct pair *p, struct world *w)
{
	struct err err = ERR_INIT;

	memset(p, 0, sizeof(*p));
	call_table_make(&p->r.table);
	p->r.pending = calloc(PENDING_MAX, sizeof(*p->r.pending));
	p->r.known = calloc(KNOWN_MAX, sizeof(*p->r.known));
	p->log = open_log(w, &err);
	p->r.session.log = p->log;
	p->r.begun = true;
}

/* The members of the log's records of @type, from "pid" on, one per line. */
static const char *pair_close(struct pair *p, struct world *w)
{
	static char text[16384];
	struct buf out = buf_fixed(text, sizeof(text));
	struct err err = ERR_INIT;

	assert_int_equal(audit_close(p->log, &err), 0);
	p->file = slurp(w->log);
	for (size_t i = 0; i < p->file->lines; i++) {
		struct str line = p->file->line[i];
		const char *from = memmem(line.p, line.n, "\"pid\":", 6);

		if (has(line, "\"type\":\"gap\""))
			from = memmem(line.p, line.n, "\"count\":", 8);
		else if (!has(line, "\"type\":\"syscall\""))
			continue;
		assert_non_null(from);
		buf_put(&out, from, (size_t)(line.p + line.n - from) - 1);
		buf_putc(&out, '\n');
	}
	file_free(p->file);
	free(p->r.pending);
	free(p->r.known);
	return buf_cstr(&out);
}

static void take(struct pair *p, struct call call, bool returned, int64_t result)
{
	call.returned = returned;
	call.result = result;
	assert_int_equal(recorder_take(&p->r, &call), 0);
}

static void test_halves(void **state)
{
	struct pair p;
	struct call call = call_of(SYSC_unlink), other = call_of(SYSC_getpid);

	pair_open(&p, *state);
	call.args[0] = 0x10;
	text_set(&call, 0, "as it was");
	take(&p, call, false, 0);
	other.tid = other.inner_tid = 8; /* another thread meanwhile */
	take(&p, other, true, 7);
	text_set(&call, 0, "as somebody made it");
	take(&p, call, true, 0);
	/* on entry the page was not there yet */
	call.n_text[0] = -EFAULT;
	take(&p, call, false, 0);
	text_set(&call, 0, "later");
	take(&p, call, true, -EACCES);
	/* answered by another than the kernel: there is a return only */
	text_set(&call, 0, "alone");
	take(&p, call, true, 0);
	assert_string_equal(
		pair_close(&p, *state),
		"\"pid\":7,\"tid\":8,\"call\":\"getpid\",\"args\":{},\"result\":7\n"
		"\"pid\":7,\"call\":\"unlink\",\"args\":{\"path\":\"as it was\"},\"result\":0\n"
		"\"pid\":7,\"call\":\"unlink\",\"args\":{\"path\":\"later\"},\"result\":-13,"
		"\"errno\":"
		"\"EACCES\"\n"
		"\"pid\":7,\"call\":\"unlink\",\"args\":{\"path\":\"alone\"},\"result\":0\n");
}

static void test_execs_and_ends(void **state)
{
	struct pair p;
	struct call call = call_of(SYSC_execve), end = call_of(SYSC_exit_group);

	pair_open(&p, *state);
	/* by another thread than the first, which is the first when it returns */
	call.tid = 108;
	call.inner_tid = 8;
	call.args[0] = 0x10;
	text_set(&call, 0, "/bin/x");
	take(&p, call, false, 0);
	call.tid = call.tgid;
	call.inner_tid = call.inner_tgid;
	call.args[0] = 0;
	call.n_text[0] = -ENODATA;
	take(&p, call, true, 0);
	end.args[0] = 3;
	take(&p, end, false, 0);
	assert_string_equal(
		pair_close(&p, *state),
		"\"pid\":7,\"tid\":8,\"call\":\"execve\",\"args\":{\"path\":\"/bin/x\",\"argv\":"
		"\"0x0\",\"envp\":\"0x0\"},\"result\":0\n"
		"\"pid\":7,\"call\":\"exit_group\",\"args\":{\"status\":3}\n");
}

static void test_losses_add_up(void **state)
{
	struct pair p;
	struct call call = call_of(SYSC_rmdir);

	pair_open(&p, *state);
	call.args[0] = 0x10;
	text_set(&call, 0, "a");
	take(&p, call, false, 0); /* its return is lost: the kernel counts 1 */
	assert_int_equal(recorder_lost(&p.r, 1), 0);
	text_set(&call, 0, "b");
	take(&p, call, false, 0); /* so "a" is known after all */
	take(&p, call, true, 0);
	assert_int_equal(recorder_lost(&p.r, 5), 0); /* three more than "a" that nobody has seen */
	assert_int_equal(p.r.recorded, 2);
	assert_int_equal(p.r.lost, 4);
	assert_string_equal(
		pair_close(&p, *state),
		"\"count\":1,\"reason\":\"system calls came faster than they could be written\"\n"
		"\"pid\":7,\"call\":\"rmdir\",\"args\":{\"path\":\"a\"}\n"
		"\"pid\":7,\"call\":\"rmdir\",\"args\":{\"path\":\"b\"},\"result\":0\n"
		"\"count\":3,\"reason\":\"system calls came faster than they could be written\"\n");
}

/* Capsule's own last steps are not the session's. */
static void test_begins_with_the_exec(void **state)
{
	struct pair p;
	struct call call = call_of(SYSC_read);

	pair_open(&p, *state);
	p.r.begun = false;
	take(&p, call, true, 1);
	take(&p, call_of(SYSC_exit_group), false, 0);
	take(&p, call_of(SYSC_execve), true, -ENOENT);
	take(&p, call, true, 2);
	assert_string_equal(
		pair_close(&p, *state),
		"\"pid\":7,\"call\":\"execve\",\"args\":{\"path\":null,\"argv\":\"0x0\",\"envp\":"
		"\"0x0\"},\"result\":-2,\"errno\":\"ENOENT\"\n"
		"\"pid\":7,\"call\":\"read\",\"args\":{\"fd\":0,\"buffer\":\"0x0\",\"size\":0},"
		"\"result\":2\n");
}

/* More at once than there are slots: those that had to go are written as they were. */
static void test_many_at_once(void **state)
{
	const int n = 3 * PENDING_MAX;
	struct pair p;

	pair_open(&p, *state);
	for (int i = 0; i < n; i++) {
		struct call call = call_of(SYSC_rmdir);

		call.tid = 1000 + i;
		take(&p, call, false, 0);
	}
	assert_true(p.r.recorded >= 2 * PENDING_MAX);
	for (int i = 0; i < n; i++)
		assert_int_equal(recorder_gone(&p.r, 1000 + i), 0);
	assert_int_equal(p.r.recorded, n);
	(void)pair_close(&p, *state);
}

/* ---- instructions ------------------------------------------------------------------------------------ */

static void test_labels(void **state)
{
	static struct bpf_asm a;
	uint32_t label;

	(void)state;
	bpf_asm_init(&a);
	label = bpf_label(&a);
	bpf_goto(&a, label);
	assert_int_equal(bpf_asm_finish(&a), -EINVAL); /* nowhere */
	bpf_asm_init(&a);
	label = bpf_label(&a);
	bpf_place(&a, label);
	bpf_goto(&a, label);
	assert_int_equal(bpf_asm_finish(&a), -EINVAL); /* back */
	bpf_asm_init(&a);
	label = bpf_label(&a);
	bpf_if(&a, BPF_JEQ, BPF_REG_1, 5, label);
	bpf_set(&a, BPF_REG_0, 1);
	bpf_place(&a, label);
	bpf_exit(&a);
	assert_int_equal(bpf_asm_finish(&a), 0);
	assert_int_equal(a.insns[0].off, 1);
	bpf_asm_init(&a);
	for (int i = 0; i <= BPF_ASM_MAX; i++)
		bpf_exit(&a);
	assert_int_equal(bpf_asm_finish(&a), -E2BIG);
}

static void test_programs_are_accepted(void **state)
{
	static struct bpf_asm a;
	static char log[1 << 16];
	AUTO(fd_closep) int ring = bpf_ring_create(1 << 20);
	AUTO(fd_closep) int cell = -EBADF;

	(void)state;
	if (ring == -EPERM) {
		print_message("BPF is root's here\n");
		skip();
	}
	assert_true(ring >= 0);
	cell = bpf_cell_create(sizeof(struct kernel_cell));
	assert_true(cell >= 0);
	for (int kind = KERNEL_ENTERED; kind <= KERNEL_RETURNED; kind++) {
		AUTO(fd_closep) int program = -EBADF;

		assert_int_equal(kernel_program((enum kernel_kind)kind, cell, ring, &a), 0);
		program = bpf_program_load(a.insns, a.n, log, sizeof(log));
		if (program < 0)
			print_message("%s\n", log);
		assert_true(program >= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_and_flags),
		cmocka_unit_test(test_text_that_is_not_there),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_names_of_bits),
		cmocka_unit_test(test_every_number),
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_ring_records),
		TEST(test_halves),
		TEST(test_execs_and_ends),
		TEST(test_losses_add_up),
		TEST(test_begins_with_the_exec),
		TEST(test_many_at_once),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_programs_are_accepted),
	};

	call_table_make(&table);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
