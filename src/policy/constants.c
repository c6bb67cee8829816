#include "policy/constants.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

struct constant {
	const char *name;
	uint64_t value;
};

#define C(name)                         \
	{                               \
#name, (uint64_t)(name) \
	}

static const struct constant values[] = {
	C(PROT_READ),
	C(PROT_WRITE),
	C(PROT_EXEC),
	C(MAP_SHARED),
	C(MAP_PRIVATE),
	C(MAP_ANONYMOUS),
	C(MAP_FIXED),
	C(MAP_LOCKED),
	C(MAP_HUGETLB),
	C(O_RDONLY),
	C(O_WRONLY),
	C(O_RDWR),
	C(O_CREAT),
	C(O_TRUNC),
	C(O_APPEND),
	C(O_PATH),
	C(O_TMPFILE),
	C(O_DIRECT),
	C(O_NOFOLLOW),
	C(CLONE_VM),
	C(CLONE_FS),
	C(CLONE_FILES),
	C(CLONE_VFORK),
	C(CLONE_THREAD),
	C(CLONE_NEWNS),
	C(CLONE_NEWUTS),
	C(CLONE_NEWIPC),
	C(CLONE_NEWUSER),
	C(CLONE_NEWPID),
	C(CLONE_NEWNET),
	C(CLONE_NEWCGROUP),
	C(AF_UNIX),
	C(AF_INET),
	C(AF_INET6),
	C(AF_NETLINK),
	C(AF_PACKET),
	C(AF_ALG),
	C(AF_VSOCK),
	C(SOCK_STREAM),
	C(SOCK_DGRAM),
	C(SOCK_RAW),
	C(SOCK_SEQPACKET),
	C(SOCK_NONBLOCK),
	C(SOCK_CLOEXEC),
	C(MSG_FASTOPEN),
	C(S_ISUID),
	C(S_ISGID),
	C(S_IFCHR),
	C(S_IFBLK),
	C(S_IFIFO),
	C(TIOCSTI),
	C(TIOCLINUX),
	C(TIOCGWINSZ),
	C(TIOCSWINSZ),
	C(TCGETS),
	C(FIONREAD),
	C(FIONBIO),
	C(PR_SET_NAME),
	C(PR_SET_DUMPABLE),
	C(PR_SET_PDEATHSIG),
	C(PR_SET_NO_NEW_PRIVS),
	C(PR_SET_SECCOMP),
	C(PR_SET_PTRACER),
	C(MS_BIND),
	C(MS_REC),
};

static const struct constant errnos[] = {
	C(EPERM),       C(ENOENT),          C(ESRCH),        C(EINTR),         C(EIO),
	C(ENXIO),       C(EBADF),           C(ECHILD),       C(EAGAIN),        C(ENOMEM),
	C(EACCES),      C(EFAULT),          C(EBUSY),        C(EEXIST),        C(EXDEV),
	C(ENODEV),      C(ENOTDIR),         C(EISDIR),       C(EINVAL),        C(ENFILE),
	C(EMFILE),      C(ENOTTY),          C(EFBIG),        C(ENOSPC),        C(EROFS),
	C(EPIPE),       C(ERANGE),          C(ENOSYS),       C(ELOOP),         C(EOVERFLOW),
	C(ENOTSUP),     C(EPROTONOSUPPORT), C(EAFNOSUPPORT), C(EADDRNOTAVAIL), C(ENETDOWN),
	C(ENETUNREACH), C(ENOBUFS),         C(ETIMEDOUT),    C(ECONNREFUSED),  C(EHOSTUNREACH),
	C(EDQUOT),
};

static bool find(const struct constant *table, size_t n, struct str text, uint64_t *ret,
		 const char **ret_near)
{
	const char *names[N_OF(values) > N_OF(errnos) ? N_OF(values) : N_OF(errnos)];

	for (size_t i = 0; i < n; i++) {
		names[i] = table[i].name;
		if (str_eqz(text, table[i].name)) {
			*ret = table[i].value;
			return true;
		}
	}
	*ret_near = str_nearest(text, names, n);
	return false;
}

static bool hex(struct str text, uint64_t *ret)
{
	uint64_t value = 0;

	if (text.n < 3 || text.n > 18 || text.p[0] != '0' || text.p[1] != 'x')
		return false;
	for (size_t i = 2; i < text.n; i++) {
		char c = text.p[i];
		int d = c >= '0' && c <= '9'   ? c - '0'
			: c >= 'a' && c <= 'f' ? c - 'a' + 10
			: c >= 'A' && c <= 'F' ? c - 'A' + 10
					       : -1;

		if (d < 0)
			return false;
		value = value << 4 | (uint64_t)d;
	}
	*ret = value;
	return true;
}

bool constant_value(struct str text, uint64_t *ret_value, const char **ret_near)
{
	*ret_near = NULL;
	if (hex(text, ret_value))
		return true;
	/* 010 is octal to some and ten to others */
	if (text.n && text.p[0] >= '0' && text.p[0] <= '9')
		return (text.n == 1 || text.p[0] != '0') && str_to_u64(text, ret_value) == 0;
	return find(values, N_OF(values), text, ret_value, ret_near);
}

bool constant_errno(struct str text, uint64_t *ret_value, const char **ret_near)
{
	*ret_near = NULL;
	return find(errnos, N_OF(errnos), text, ret_value, ret_near);
}

const char *constant_errno_name(int error)
{
	for (size_t i = 0; i < N_OF(errnos); i++) {
		if (errnos[i].value == (uint64_t)error)
			return errnos[i].name;
	}
	return NULL;
}
