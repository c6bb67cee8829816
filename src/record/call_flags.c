/*
 * Names of bits and values in arguments. A row fits when @value is what lies under @mask: then its
 * bits are told, and the next row looks at what is left. Under a mask of all bits it is the whole value that
 * has to be it. What nothing fits is shown in hex.
 */
#include "record/call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

struct flag {
	char letter;
	char name[27];
	uint32_t mask, value;
};

#define BITS(letter, name)                                        \
	{                                                         \
		letter, #name, (uint32_t)(name), (uint32_t)(name) \
	}
#define ONE(letter, mask, name)                       \
	{                                             \
		letter, #name, mask, (uint32_t)(name) \
	}
#define ALL UINT32_MAX

/* One letter's rows stand together; wider masks before their parts. */
static const struct flag flags[] = {
	/* unlinkat: AT_REMOVEDIR has the bit that is AT_EACCESS elsewhere */
	BITS('B', AT_REMOVEDIR),

	BITS('C', CLONE_VM),
	BITS('C', CLONE_FS),
	BITS('C', CLONE_FILES),
	BITS('C', CLONE_SIGHAND),
	BITS('C', CLONE_PIDFD),
	BITS('C', CLONE_PTRACE),
	BITS('C', CLONE_VFORK),
	BITS('C', CLONE_PARENT),
	BITS('C', CLONE_THREAD),
	BITS('C', CLONE_NEWNS),
	BITS('C', CLONE_SYSVSEM),
	BITS('C', CLONE_SETTLS),
	BITS('C', CLONE_PARENT_SETTID),
	BITS('C', CLONE_CHILD_CLEARTID),
	BITS('C', CLONE_UNTRACED),
	BITS('C', CLONE_CHILD_SETTID),
	BITS('C', CLONE_NEWCGROUP),
	BITS('C', CLONE_NEWUTS),
	BITS('C', CLONE_NEWIPC),
	BITS('C', CLONE_NEWUSER),
	BITS('C', CLONE_NEWPID),
	BITS('C', CLONE_NEWNET),
	BITS('C', CLONE_IO),
	ONE('C', 0xff, SIGCHLD),

	ONE('E', ALL, EPOLL_CTL_ADD),
	ONE('E', ALL, EPOLL_CTL_DEL),
	ONE('E', ALL, EPOLL_CTL_MOD),

	ONE('F', ALL, AF_UNSPEC),
	ONE('F', ALL, AF_UNIX),
	ONE('F', ALL, AF_INET),
	ONE('F', ALL, AF_INET6),
	ONE('F', ALL, AF_NETLINK),
	ONE('F', ALL, AF_PACKET),
	ONE('F', ALL, AF_ALG),
	ONE('F', ALL, AF_VSOCK),
	ONE('F', ALL, AF_BLUETOOTH),
	ONE('F', ALL, AF_KEY),
	ONE('F', ALL, AF_CAN),
	ONE('F', ALL, AF_TIPC),

	BITS('G', MSG_OOB),
	BITS('G', MSG_PEEK),
	BITS('G', MSG_DONTROUTE),
	BITS('G', MSG_CTRUNC),
	BITS('G', MSG_TRUNC),
	BITS('G', MSG_DONTWAIT),
	BITS('G', MSG_EOR),
	BITS('G', MSG_WAITALL),
	BITS('G', MSG_NOSIGNAL),
	BITS('G', MSG_MORE),
	BITS('G', MSG_WAITFORONE),
	BITS('G', MSG_FASTOPEN),
	BITS('G', MSG_CMSG_CLOEXEC),

	ONE('I', ALL, TCGETS),
	ONE('I', ALL, TCSETS),
	ONE('I', ALL, TCSETSW),
	ONE('I', ALL, TCSETSF),
	ONE('I', ALL, TIOCGWINSZ),
	ONE('I', ALL, TIOCSWINSZ),
	ONE('I', ALL, TIOCGPGRP),
	ONE('I', ALL, TIOCSPGRP),
	ONE('I', ALL, TIOCSCTTY),
	ONE('I', ALL, TIOCNOTTY),
	ONE('I', ALL, TIOCSTI),
	ONE('I', ALL, FIONREAD),
	ONE('I', ALL, FIONBIO),
	ONE('I', ALL, FIOCLEX),
	ONE('I', ALL, FIONCLEX),

	ONE('K', ALL, F_DUPFD),
	ONE('K', ALL, F_GETFD),
	ONE('K', ALL, F_SETFD),
	ONE('K', ALL, F_GETFL),
	ONE('K', ALL, F_SETFL),
	ONE('K', ALL, F_GETLK),
	ONE('K', ALL, F_SETLK),
	ONE('K', ALL, F_SETLKW),
	ONE('K', ALL, F_SETOWN),
	ONE('K', ALL, F_GETOWN),
	ONE('K', ALL, F_OFD_GETLK),
	ONE('K', ALL, F_OFD_SETLK),
	ONE('K', ALL, F_OFD_SETLKW),
	ONE('K', ALL, F_DUPFD_CLOEXEC),
	ONE('K', ALL, F_SETPIPE_SZ),
	ONE('K', ALL, F_GETPIPE_SZ),
	ONE('K', ALL, F_ADD_SEALS),
	ONE('K', ALL, F_GET_SEALS),

	BITS('L', AT_SYMLINK_NOFOLLOW),
	BITS('L', AT_EACCESS),
	BITS('L', AT_SYMLINK_FOLLOW),
	BITS('L', AT_NO_AUTOMOUNT),
	BITS('L', AT_EMPTY_PATH),
	BITS('L', AT_STATX_FORCE_SYNC),
	BITS('L', AT_STATX_DONT_SYNC),
	BITS('L', AT_RECURSIVE),

	ONE('M', 3, MAP_SHARED),
	ONE('M', 3, MAP_PRIVATE),
	ONE('M', 3, MAP_SHARED_VALIDATE),
	BITS('M', MAP_FIXED),
	BITS('M', MAP_ANONYMOUS),
	BITS('M', MAP_GROWSDOWN),
	BITS('M', MAP_DENYWRITE),
	BITS('M', MAP_LOCKED),
	BITS('M', MAP_NORESERVE),
	BITS('M', MAP_POPULATE),
	BITS('M', MAP_NONBLOCK),
	BITS('M', MAP_STACK),
	BITS('M', MAP_HUGETLB),
	BITS('M', MAP_FIXED_NOREPLACE),

	ONE('O', 3, O_RDONLY),
	ONE('O', 3, O_WRONLY),
	ONE('O', 3, O_RDWR),
	BITS('O', O_TMPFILE),
	BITS('O', O_SYNC),
	BITS('O', O_CREAT),
	BITS('O', O_EXCL),
	BITS('O', O_NOCTTY),
	BITS('O', O_TRUNC),
	BITS('O', O_APPEND),
	BITS('O', O_NONBLOCK),
	BITS('O', O_DSYNC),
	BITS('O', O_DIRECT),
	BITS('O', O_DIRECTORY),
	BITS('O', O_NOFOLLOW),
	BITS('O', O_NOATIME),
	BITS('O', O_CLOEXEC),
	BITS('O', O_PATH),
#if defined(__x86_64__)
	{ 'O', "O_LARGEFILE", 0100000, 0100000 }, /* the C library says 0 */
#endif

	BITS('P', PROT_READ),
	BITS('P', PROT_WRITE),
	BITS('P', PROT_EXEC),
	BITS('P', PROT_GROWSDOWN),
	BITS('P', PROT_GROWSUP),
	ONE('P', ALL, PROT_NONE),

	ONE('Q', ALL, PR_SET_PDEATHSIG),
	ONE('Q', ALL, PR_GET_DUMPABLE),
	ONE('Q', ALL, PR_SET_DUMPABLE),
	ONE('Q', ALL, PR_SET_KEEPCAPS),
	ONE('Q', ALL, PR_SET_NAME),
	ONE('Q', ALL, PR_GET_NAME),
	ONE('Q', ALL, PR_SET_SECCOMP),
	ONE('Q', ALL, PR_CAPBSET_READ),
	ONE('Q', ALL, PR_CAPBSET_DROP),
	ONE('Q', ALL, PR_SET_NO_NEW_PRIVS),
	ONE('Q', ALL, PR_GET_NO_NEW_PRIVS),
	ONE('Q', ALL, PR_SET_CHILD_SUBREAPER),
	ONE('Q', ALL, PR_SET_PTRACER),
	ONE('Q', ALL, PR_SET_MM),
	ONE('Q', ALL, PR_SET_VMA),

	BITS('R', R_OK),
	BITS('R', W_OK),
	BITS('R', X_OK),
	ONE('R', ALL, F_OK),

	ONE('T', 15, SOCK_STREAM),
	ONE('T', 15, SOCK_DGRAM),
	ONE('T', 15, SOCK_RAW),
	ONE('T', 15, SOCK_RDM),
	ONE('T', 15, SOCK_SEQPACKET),
	ONE('T', 15, SOCK_DCCP),
	BITS('T', SOCK_NONBLOCK),
	BITS('T', SOCK_CLOEXEC),

	BITS('U', FUTEX_PRIVATE_FLAG),
	BITS('U', FUTEX_CLOCK_REALTIME),
	ONE('U', 127, FUTEX_WAIT),
	ONE('U', 127, FUTEX_WAKE),
	ONE('U', 127, FUTEX_REQUEUE),
	ONE('U', 127, FUTEX_CMP_REQUEUE),
	ONE('U', 127, FUTEX_WAKE_OP),
	ONE('U', 127, FUTEX_LOCK_PI),
	ONE('U', 127, FUTEX_UNLOCK_PI),
	ONE('U', 127, FUTEX_TRYLOCK_PI),
	ONE('U', 127, FUTEX_WAIT_BITSET),
	ONE('U', 127, FUTEX_WAKE_BITSET),

	BITS('V', WNOHANG),
	BITS('V', WUNTRACED),
	BITS('V', WEXITED),
	BITS('V', WCONTINUED),
	BITS('V', WNOWAIT),
	BITS('V', __WALL),
	BITS('V', __WCLONE),

	ONE('W', ALL, SEEK_SET),
	ONE('W', ALL, SEEK_CUR),
	ONE('W', ALL, SEEK_END),
	ONE('W', ALL, SEEK_DATA),
	ONE('W', ALL, SEEK_HOLE),

	ONE('Y', ALL, MADV_NORMAL),
	ONE('Y', ALL, MADV_RANDOM),
	ONE('Y', ALL, MADV_SEQUENTIAL),
	ONE('Y', ALL, MADV_WILLNEED),
	ONE('Y', ALL, MADV_DONTNEED),
	ONE('Y', ALL, MADV_FREE),
	ONE('Y', ALL, MADV_DONTFORK),
	ONE('Y', ALL, MADV_HUGEPAGE),
	ONE('Y', ALL, MADV_NOHUGEPAGE),
};
#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))

bool call_flags_has(char letter)
{
	if (letter == 'S')
		return true;
	for (size_t i = 0; i < N_FLAGS; i++) {
		if (flags[i].letter == letter)
			return true;
	}
	return false;
}

static void put_signal(struct buf *out, uint64_t value)
{
	const char *name = value < NSIG ? sigabbrev_np((int)value) : NULL;

	if (name)
		buf_printf(out, "SIG%s", name);
	else
		buf_printf(out, "%d", (int)value);
}

void call_flags_write(struct json_wr *w, char letter, uint64_t value)
{
	char text[512];
	struct buf out = buf_fixed(text, sizeof(text));
	uint64_t left = value;

	if (letter == 'S') {
		put_signal(&out, value);
		json_str(w, buf_str(&out));
		return;
	}
	for (size_t i = 0; i < N_FLAGS; i++) {
		const struct flag *f = &flags[i];

		if (f->letter != letter ||
		    (f->mask == ALL ? (uint32_t)value != f->value : (left & f->mask) != f->value))
			continue;
		left &= ~(uint64_t)f->mask;
		buf_printf(&out, "%s%s", out.n ? "|" : "", f->name);
	}
	left &= UINT32_MAX; /* ints, all of them: the kernel does not look at the rest */
	if (left || !out.n)
		buf_printf(&out, "%s0x%llx", out.n ? "|" : "", (unsigned long long)left);
	json_str(w, buf_error(&out) ? STR("...") : buf_str(&out));
}

const char *call_errno_name(int error)
{
	switch (error) {
	case 512: return "ERESTARTSYS";
	case 513: return "ERESTARTNOINTR";
	case 514: return "ERESTARTNOHAND";
	case 515: return "ENOIOCTLCMD";
	case 516: return "ERESTART_RESTARTBLOCK";
	default: return strerrorname_np(error);
	}
}
