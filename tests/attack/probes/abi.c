/*
 * Attacks on the system call filter itself: other ABIs, other ways in (A1, A2, A3, A5, A20, A21).
 *
 * Every `int 0x80` below passes pointers that fit into 32 bits; the page they point to is asked
 * for with MAP_32BIT. The i386 numbers are those of arch/x86/entry/syscalls/syscall_32.tbl.
 */
#include "probe.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#ifdef __x86_64__

enum i386_nr {
	I386_OPEN = 5,
	I386_EXECVE = 11,
	I386_GETPID = 20,
	I386_PTRACE = 26,
	I386_SOCKETCALL = 102,
	I386_CLONE = 120,
	I386_UNSHARE = 310,
	I386_SOCKET = 359,
};

static long int80(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(0L), "D"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	if (ret < 0) {
		errno = (int)-ret;
		return -1;
	}
	return ret;
}

/* A page below 4 GiB. */
static void *low_page(int prot)
{
	void *page = mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (page == MAP_FAILED)
		unable("no memory below 4 GiB");
	return page;
}

static void i386_getpid(void)
{
	attempt();
	verdict(int80(I386_GETPID, 0, 0, 0), "int 0x80 getpid");
}

static void i386_open(void)
{
	char *page = low_page(PROT_READ | PROT_WRITE);

	memcpy(page, "/etc/passwd", 12);
	attempt();
	verdict(int80(I386_OPEN, (long)page, O_RDONLY, 0), "int 0x80 open");
}

static void i386_socketcall(void)
{
	uint32_t *page = low_page(PROT_READ | PROT_WRITE);

	page[0] = AF_NETLINK;
	page[1] = SOCK_RAW;
	page[2] = 15;
	attempt();
	verdict(int80(I386_SOCKETCALL, 1, (long)page, 0), "int 0x80 socketcall");
}

static void i386_socket(void)
{
	attempt();
	verdict_reached(int80(I386_SOCKET, 38, SOCK_SEQPACKET, 0), "int 0x80 socket(AF_ALG)");
}

static void i386_execve(void)
{
	char *page = low_page(PROT_READ | PROT_WRITE);

	memcpy(page, "/nonexistent", 13);
	attempt();
	int80(I386_EXECVE, (long)page, 0, 0);
	succeeded("int 0x80 execve reached the kernel: %s", strerrorname_np(errno));
}

static void i386_unshare(void)
{
	attempt();
	verdict(int80(I386_UNSHARE, CLONE_NEWUSER, 0, 0), "int 0x80 unshare");
}

static void i386_ptrace(void)
{
	attempt();
	verdict(int80(I386_PTRACE, 0, 0, 0), "int 0x80 ptrace(TRACEME)");
}

/* exit(42) by i386 numbers, as machine code. */
static const unsigned char exit42[] = { 0xb8, 1, 0, 0, 0, 0xbb, 42, 0, 0, 0, 0xcd, 0x80 };

static _Noreturn void verdict_exit42(pid_t pid, const char *what)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		unable("waitpid");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 42)
		succeeded("%s ran", what);
	if (WIFSIGNALED(status)) {
		/* Die of the same: the driver tells killed from blocked. */
		kill(getpid(), WTERMSIG(status));
		pause();
	}
	blocked(EACCES, "%s ended with status %#x", what, (unsigned)status);
}

static void compat_segment(void)
{
	unsigned char *page = low_page(PROT_READ | PROT_WRITE);
	pid_t pid;

	memcpy(page, exit42, sizeof(exit42));
	if (mprotect(page, 4096, PROT_READ | PROT_EXEC))
		unable("mprotect");
	attempt();
	pid = fork();
	if (pid == 0) {
		/* A far return into the 32-bit code segment; the stack is not used again. */
		__asm__ volatile("pushq $0x23\n\tpushq %0\n\tlretq" ::"r"((long)page) : "memory");
		_exit(1);
	}
	verdict_exit42(pid, "a system call in 32-bit mode");
}

/* The smallest 32-bit ELF program: header, one segment, exit(42). */
static void elf32_exec(void)
{
	enum { BASE = 0x08050000 };
	struct {
		Elf32_Ehdr e;
		Elf32_Phdr p;
		unsigned char code[sizeof(exit42)];
	} image = {
		.e = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
		       .e_type = ET_EXEC,
		       .e_machine = EM_386,
		       .e_version = EV_CURRENT,
		       .e_entry = BASE + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
		       .e_phoff = sizeof(Elf32_Ehdr),
		       .e_ehsize = sizeof(Elf32_Ehdr),
		       .e_phentsize = sizeof(Elf32_Phdr),
		       .e_phnum = 1 },
		.p = { .p_type = PT_LOAD,
		       .p_vaddr = BASE,
		       .p_paddr = BASE,
		       .p_filesz = sizeof(image),
		       .p_memsz = sizeof(image),
		       .p_flags = PF_R | PF_X,
		       .p_align = 0x1000 },
	};
	char *argv[] = { (char[]){ "elf32" }, NULL };
	int fd = open("elf32", O_WRONLY | O_CREAT | O_TRUNC, 0755);
	pid_t pid;

	memcpy(image.code, exit42, sizeof(exit42));
	if (fd < 0 || write(fd, &image, sizeof(image)) != sizeof(image) || close(fd))
		unable("cannot write elf32 here");
	attempt();
	pid = fork();
	if (pid == 0) {
		execve("./elf32", argv, argv + 1);
		_exit(1);
	}
	verdict_exit42(pid, "a 32-bit program");
}

#define X32 0x40000000L

static void x32_getpid(void)
{
	attempt();
	verdict(syscall(X32 | SYS_getpid), "x32 getpid");
}

static void x32_openat(void)
{
	attempt();
	verdict(syscall(X32 | SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY), "x32 openat");
}

static void x32_execve(void)
{
	char *none[] = { NULL };

	attempt();
	verdict_reached(syscall(X32 | 520, "/", none, none), "x32 execve");
}

static void x32_unshare(void)
{
	attempt();
	verdict(syscall(X32 | SYS_unshare, CLONE_NEWUSER), "x32 unshare");
}

static long raw_unshare(void)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"((long)SYS_unshare), "D"((long)CLONE_NEWUSER)
			 : "rcx", "r11", "memory");
	errno = ret < 0 ? (int)-ret : 0;
	return ret < 0 ? -1 : ret;
}

static void raw_syscall(void)
{
	attempt();
	verdict(raw_unshare(), "a bare syscall instruction, unshare");
}

/* The upper half of the number's register is dropped by the kernel; a filter must agree. */
static void dirty_number(void)
{
	long ret;

	attempt();
	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"((long)SYS_unshare | (1L << 32)), "D"((long)CLONE_NEWUSER)
			 : "rcx", "r11", "memory");
	errno = ret < 0 ? (int)-ret : 0;
	verdict(ret, "unshare with bit 32 of the number set");
}

#endif /* __x86_64__ */

static void clone3_newuser(void)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	long ret;

	attempt();
	ret = syscall(SYS_clone3, &args, sizeof(args));
	if (ret == 0)
		_exit(0);
	verdict(ret, "clone3(CLONE_NEWUSER)");
}

static void clone3_plain(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	long ret;

	attempt();
	ret = syscall(SYS_clone3, &args, sizeof(args));
	if (ret == 0)
		_exit(0);
	verdict(ret, "clone3, whose flags a filter cannot see");
}

static void uring_setup(void)
{
	struct io_uring_params p = { 0 };

	attempt();
	verdict(syscall(SYS_io_uring_setup, 4, &p), "io_uring_setup");
}

static void uring_enter(void)
{
	attempt();
	verdict_reached(syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0), "io_uring_enter");
}

static void uring_register(void)
{
	attempt();
	verdict_reached(syscall(SYS_io_uring_register, -1, IORING_REGISTER_PROBE, NULL, 0),
			"io_uring_register");
}

static void filter_install(struct sock_filter *code, unsigned short n, unsigned flags, long *ret_fd)
{
	struct sock_fprog prog = { .len = n, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		unable("no_new_privs");
	*ret_fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

static void own_filter_allows(void)
{
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	long fd;

	filter_install(all, 1, 0, &fd);
	attempt();
	verdict(syscall(SYS_unshare, CLONE_NEWUSER),
		"unshare after an allow-all filter of our own");
}

/* A listener of the session's own answers CONTINUE to the very call that the wall refuses. */
static void own_listener_continues(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	pid_t helper;
	long fd, ret;

	filter_install(code, 4, SECCOMP_FILTER_FLAG_NEW_LISTENER, &fd);
	if (fd < 0) {
		attempt();
		blocked(errno, "a listener of our own");
	}
	helper = fork();
	if (helper == 0) {
		struct seccomp_notif req = { 0 };
		struct seccomp_notif_resp resp = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

		if (ioctl((int)fd, SECCOMP_IOCTL_NOTIF_RECV, &req) == 0) {
			resp.id = req.id;
			ioctl((int)fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
		}
		_exit(0);
	}
	attempt();
	ret = syscall(SYS_unshare, CLONE_NEWUSER);
	if (ret < 0) {
		int error = errno;

		kill(helper, SIGKILL);
		errno = error;
	}
	verdict(ret, "unshare with a listener of our own that continues");
}

static void strict_off(void)
{
	attempt();
	verdict(prctl(PR_SET_SECCOMP, SECCOMP_MODE_DISABLED, 0, 0, 0),
		"prctl(PR_SET_SECCOMP, disabled)");
}

static void vfork_child(void)
{
	int status;
	pid_t pid;

	attempt();
	pid = vfork();
	if (pid == 0)
		_exit(syscall(SYS_unshare, CLONE_NEWUSER) == 0 ? 0 : errno);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		unable("vfork");
	if (!WIFEXITED(status))
		blocked(EPERM, "the vfork child was killed");
	if (WEXITSTATUS(status))
		blocked(WEXITSTATUS(status), "unshare in a vfork child");
	succeeded("unshare in a vfork child");
}

const struct probe probes_abi[] = {
#ifdef __x86_64__
	{ "A1-getpid", "i386 getpid by int 0x80", "killed", NULL, i386_getpid, 0 },
	{ "A1-open", "i386 open by int 0x80", "killed", NULL, i386_open, 0 },
	{ "A1-socketcall", "i386 socketcall multiplexer", "killed", NULL, i386_socketcall, 0 },
	{ "A1-socket", "i386 socket(AF_ALG)", "killed", NULL, i386_socket, 0 },
	{ "A1-execve", "i386 execve by int 0x80", "killed", NULL, i386_execve, 0 },
	{ "A1-unshare", "i386 unshare(CLONE_NEWUSER)", "killed", NULL, i386_unshare, 0 },
	{ "A1-ptrace", "i386 ptrace", "killed", NULL, i386_ptrace, 0 },
	{ "A1-segment", "far return into 32-bit code", "killed", NULL, compat_segment, 0 },
	{ "A1-elf32", "a 32-bit program", "killed", NULL, elf32_exec, 0 },
	{ "A2-getpid", "x32 getpid", "killed ENOSYS", NULL, x32_getpid, 0 },
	{ "A2-openat", "x32 openat", "killed ENOSYS", NULL, x32_openat, 0 },
	{ "A2-execve", "x32 execve", "killed ENOSYS", NULL, x32_execve, 0 },
	{ "A2-unshare", "x32 unshare", "killed ENOSYS", NULL, x32_unshare, 0 },
	{ "A21-raw", "a bare syscall instruction", "EPERM", NULL, raw_syscall, 0 },
	{ "A21-dirty", "dirty upper half of the number", "EPERM killed", NULL, dirty_number, 0 },
#endif
	{ "A21-vfork", "unshare in a vfork child", "EPERM", NULL, vfork_child, 0 },
	{ "A3-newuser", "clone3(CLONE_NEWUSER)", "ENOSYS", NULL, clone3_newuser, 0 },
	{ "A3-plain", "clone3 without flags", "ENOSYS", NULL, clone3_plain, 0 },
	{ "A5-setup", "io_uring_setup", "ENOSYS EPERM", NULL, uring_setup, 0 },
	{ "A5-enter", "io_uring_enter", "ENOSYS EPERM", NULL, uring_enter, 0 },
	{ "A5-register", "io_uring_register", "ENOSYS EPERM", NULL, uring_register, 0 },
	{ "A20-allow", "an allow-all filter on top", "EPERM", NULL, own_filter_allows, 0 },
	{ "A20-listener", "a listener that continues", "EPERM EBUSY", NULL, own_listener_continues,
	  0 },
	{ "A20-off", "switch seccomp off", "EINVAL EPERM", NULL, strict_off, PROBE_NO_CONTROL },
	{ NULL },
};
