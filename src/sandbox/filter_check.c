/*
 * The argument checks.
 *
 * Namespaces. clone() has its flags in a register; clone3() has not and is refused whole.
 *
 * Sockets, by family, type and protocol together: a family alone would let in SOCK_RAW and MPTCP,
 * SCTP or UDP-Lite. The kernel masks SOCK_NONBLOCK and SOCK_CLOEXEC out of the type; so do we.
 *
 * ioctl. The kernel takes the command as a 32-bit number and ignores what else the register holds;
 * so do we, or TIOCSTI with a dirty upper half would pass. default and compat refuse what is known
 * to be bad: the session's /dev holds a handful of harmless devices, and programs use a long tail
 * of commands on files and sockets. strict has a list of what terminals and files need.
 *
 * Memory files. A file from memfd_create() can be executed, and neither mounts nor Landlock see
 * that. Where a policy lets nothing run that the session could have written, such files must be
 * sealed against execution at birth (MFD_NOEXEC_SEAL, Linux 6.3); without the seal the call gets
 * ENOSYS and programs fall back to plain files. Under all other policies there is nothing to gain.
 *
 * prctl by option, an allow-list everywhere. An option not listed gets EINVAL, which is what a
 * kernel says that does not know it.
 *
 * seccomp. Programs may filter themselves further; filters add up and the harshest answer counts,
 * so none of ours can be undone. But of two filters that both ask a listener the younger is
 * asked, and there is room for one listener only: it is the supervisor's. Nobody gets another.
 */
#include "sandbox/filter_check.h"

#include "sandbox/filter.h"

#include <linux/prctl.h>
#include <linux/sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define EQ(n, v)                                       \
	{                                              \
		.arg = (n), .op = FOP_EQ, .value = (v) \
	}
#define NE(n, v)                                       \
	{                                              \
		.arg = (n), .op = FOP_NE, .value = (v) \
	}
#define MASKED(n, m, v)                                                    \
	{                                                                  \
		.arg = (n), .op = FOP_MASKED_EQ, .mask = (m), .value = (v) \
	}
#define ANY(n, m)                                      \
	{                                              \
		.arg = (n), .op = FOP_ANY, .mask = (m) \
	}
#define IN(n, s)                                                    \
	{                                                           \
		.arg = (n), .op = FOP_IN, .set = (s), .n_set = N(s) \
	}
#define IN_MASKED(n, m, s)                                                       \
	{                                                                        \
		.arg = (n), .op = FOP_IN, .mask = (m), .set = (s), .n_set = N(s) \
	}
#define CONDS(...) .conds = { __VA_ARGS__ }, .n_conds = N(((struct filter_cond[]){ __VA_ARGS__ }))
#define LIST(l, other, text)                                                    \
	{                                                                       \
		.clauses = (l), .n = N(l), .otherwise = (other), .what = (text) \
	}

#define EPERM_IT FILTER_ERRNO(EPERM)

/* ---- namespaces ---- */

#define NEW_NS                                                                         \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)
/* In clone() this bit belongs to the exit signal; unshare() takes it for a namespace. */
#define NEW_TIME_NS 0x80

/*
 * A table of descriptors that another process shares: then what a number means could change in the middle
 * of a call that is decided, in a process of one thread.
 */
static const uint32_t shared_files[] = { CLONE_FILES };

static const struct filter_clause clone_hard[] = {
	{ CONDS(ANY(0, NEW_NS)), EPERM_IT, "CLONE_NEW*: no new namespaces" },
	{ CONDS(IN_MASKED(0, CLONE_FILES | CLONE_THREAD, shared_files)), EPERM_IT,
	  "CLONE_FILES without CLONE_THREAD: descriptors are shared by threads only" },
};
static const struct filter_clause unshare_hard[] = {
	{ CONDS(ANY(0, NEW_NS | NEW_TIME_NS)), EPERM_IT, "CLONE_NEW*: no new namespaces" },
};

/* ---- sockets ---- */

#define TYPE_MASK 0xf /* the kernel's SOCK_TYPE_MASK */
#define FAMILY_UNIX 1
#define FAMILY_INET 2
#define FAMILY_INET6 10
#define FAMILY_NETLINK 16

static const uint32_t families[] = { FAMILY_UNIX, FAMILY_INET, FAMILY_INET6, FAMILY_NETLINK };
static const uint32_t unix_only[] = { FAMILY_UNIX };
static const uint32_t no_unix[] = { FAMILY_INET, FAMILY_INET6, FAMILY_NETLINK };

static const struct filter_clause socket_hard[] = {
	{ CONDS(IN(0, families)), FILTER_ALLOW, "Unix, Internet, netlink" },
};
static const struct filter_clause socket_hard_unix[] = {
	{ CONDS(IN(0, unix_only)), FILTER_ALLOW, "Unix" },
};
static const struct filter_clause socket_hard_no_unix[] = {
	{ CONDS(IN(0, no_unix)), FILTER_ALLOW, "Internet, netlink" },
};

static const uint32_t inet_families[] = { FAMILY_INET, FAMILY_INET6 };
static const uint32_t tcp[] = { 0, 6 };  /* the default, IPPROTO_TCP; not MPTCP, not SCTP */
static const uint32_t udp[] = { 0, 17 }; /* the default, IPPROTO_UDP; not ICMP, not UDP-Lite */
static const uint32_t unix_types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
static const uint32_t netlink_types[] = { SOCK_DGRAM, SOCK_RAW }; /* the same thing there */

#define UNIX                                                                                  \
	{                                                                                     \
		CONDS(EQ(0, FAMILY_UNIX), IN_MASKED(1, TYPE_MASK, unix_types)), FILTER_ALLOW, \
			"Unix streams, datagrams, packets"                                    \
	}

static const struct filter_clause socket_list[] = {
	UNIX,
	{ CONDS(IN(0, inet_families), MASKED(1, TYPE_MASK, SOCK_STREAM), IN(2, tcp)), FILTER_ALLOW,
	  "TCP" },
	{ CONDS(IN(0, inet_families), MASKED(1, TYPE_MASK, SOCK_DGRAM), IN(2, udp)), FILTER_ALLOW,
	  "UDP" },
	{ CONDS(EQ(0, FAMILY_NETLINK), IN_MASKED(1, TYPE_MASK, netlink_types), EQ(2, 0)),
	  FILTER_ALLOW, "NETLINK_ROUTE" },
};
static const struct filter_clause socketpair_list[] = { UNIX };

/* ---- ioctl: numbers from asm-generic/ioctls.h, the same on both machines ---- */

static const uint32_t ioctl_never[] = {
	0x5412, /* TIOCSTI: types into the terminal, CVE-2017-5226 */
	0x541c, /* TIOCLINUX: pastes into the console, CVE-2023-28100 */
	0x541d, /* TIOCCONS: redirects the console's output */
	0x5423, /* TIOCSETD: line disciplines load modules */
	0x5437, /* TIOCVHANGUP */
	0x5457, /* TIOCSLCKTRMIOS */
};
static const uint32_t ioctl_attributes[] = {
	0x401c5820, /* FS_IOC_FSSETXATTR */
	0x40086602, /* FS_IOC_SETFLAGS */
};
#define IOCTL_NEVER                                                                      \
	{ CONDS(IN(1, ioctl_never)), EPERM_IT,                                           \
	  "TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD, TIOCVHANGUP, TIOCSLCKTRMIOS" },       \
		{ CONDS(MASKED(1, 0xffffff00, 0x4b00)), EPERM_IT,                        \
		  "KD*: the console's keyboard and font" },                              \
	{                                                                                \
		CONDS(MASKED(1, 0xffffff00, 0x5600)), EPERM_IT, "VT_*: virtual consoles" \
	}
static const struct filter_clause ioctl_hard[] = { IOCTL_NEVER };
/* Asked of a descriptor that may only be read: a read-only mount refuses that, Landlock does not. */
static const struct filter_clause ioctl_no_mounts[] = {
	IOCTL_NEVER,
	{ CONDS(IN(1, ioctl_attributes)), FILTER_ERRNO(ENOTTY),
	  "FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR (no mount namespace)" },
};
static const uint32_t ioctl_strict_set[] = {
	0x2,        /* FIGETBSZ */
	0x5401,     /* TCGETS */
	0x5402,     /* TCSETS */
	0x5403,     /* TCSETSW */
	0x5404,     /* TCSETSF */
	0x5405,     /* TCGETA */
	0x5409,     /* TCSBRK */
	0x540a,     /* TCXONC */
	0x540b,     /* TCFLSH */
	0x540e,     /* TIOCSCTTY */
	0x540f,     /* TIOCGPGRP */
	0x5410,     /* TIOCSPGRP */
	0x5411,     /* TIOCOUTQ */
	0x5413,     /* TIOCGWINSZ */
	0x5414,     /* TIOCSWINSZ */
	0x541b,     /* FIONREAD */
	0x5420,     /* TIOCPKT */
	0x5421,     /* FIONBIO */
	0x5422,     /* TIOCNOTTY */
	0x5424,     /* TIOCGETD */
	0x5425,     /* TCSBRKP */
	0x5429,     /* TIOCGSID */
	0x5441,     /* TIOCGPTPEER */
	0x5450,     /* FIONCLEX */
	0x5451,     /* FIOCLEX */
	0x5452,     /* FIOASYNC */
	0x5460,     /* FIOQSIZE */
	0x8905,     /* SIOCATMARK */
	0x8910,     /* SIOCGIFNAME */
	0x8912,     /* SIOCGIFCONF */
	0x8913,     /* SIOCGIFFLAGS */
	0x8915,     /* SIOCGIFADDR */
	0x8921,     /* SIOCGIFMTU */
	0x8933,     /* SIOCGIFINDEX */
	0x40045431, /* TIOCSPTLCK */
	0x40049409, /* FICLONE */
	0x4020940d, /* FICLONERANGE */
	0x402c542b, /* TCSETS2 */
	0x402c542c, /* TCSETSW2 */
	0x402c542d, /* TCSETSF2 */
	0x80045430, /* TIOCGPTN */
	0x80045438, /* TIOCGPKT */
	0x80045439, /* TIOCGPTLCK */
	0x80086601, /* FS_IOC_GETFLAGS */
	0x801c581f, /* FS_IOC_FSGETXATTR */
	0x802c542a, /* TCGETS2 */
	0xc0189436, /* FIDEDUPERANGE */
	0xc020660b, /* FS_IOC_FIEMAP */
};
static const struct filter_clause ioctl_strict[] = {
	{ CONDS(IN(1, ioctl_strict_set)), FILTER_ALLOW, "terminals, files, interface names" },
};
static const uint32_t ioctl_init_set[] = {
	0x540e, /* TIOCSCTTY */
	0x540f, /* TIOCGPGRP */
	0x5410, /* TIOCSPGRP */
	0x5422, /* TIOCNOTTY */
};
static const struct filter_clause ioctl_init[] = {
	{ CONDS(IN(1, ioctl_init_set)), FILTER_ALLOW, "the terminal's foreground group" },
};

/* ---- prctl ---- */

#define PRCTL_SET_VMA 0x53564d41     /* PR_SET_VMA: names for mappings */
#define PRCTL_GET_AUXV 0x41555856    /* PR_GET_AUXV */
#define PRCTL_SET_PTRACER 0x59616d61 /* PR_SET_PTRACER: Yama, who may trace me */
#define PRCTL_SYSCALL_USER_DISPATCH 59

/* In order of number; those that Debian 12's headers may lack by number. */
static const uint32_t prctl_set[] = {
	PR_SET_PDEATHSIG,
	PR_GET_PDEATHSIG,
	PR_GET_DUMPABLE,
	PR_SET_DUMPABLE,
	PR_GET_KEEPCAPS,
	PR_SET_KEEPCAPS,
	PR_GET_TIMING,
	PR_SET_TIMING,
	PR_SET_NAME,
	PR_GET_NAME,
	PR_GET_SECCOMP,
	PR_SET_SECCOMP,
	PR_CAPBSET_READ,
	PR_CAPBSET_DROP,
	PR_GET_TSC,
	PR_GET_SECUREBITS,
	PR_SET_TIMERSLACK,
	PR_GET_TIMERSLACK,
	PR_MCE_KILL_GET,
	PR_SET_CHILD_SUBREAPER,
	PR_GET_CHILD_SUBREAPER,
	PR_SET_NO_NEW_PRIVS,
	PR_GET_NO_NEW_PRIVS,
	PR_GET_TID_ADDRESS,
	PR_SET_THP_DISABLE,
	PR_GET_THP_DISABLE,
	50, /* PR_SVE_SET_VL */
	51, /* PR_SVE_GET_VL */
	PR_GET_SPECULATION_CTRL,
	PR_SET_SPECULATION_CTRL,
	54, /* PR_PAC_RESET_KEYS */
	55, /* PR_SET_TAGGED_ADDR_CTRL */
	56, /* PR_GET_TAGGED_ADDR_CTRL */
	60, /* PR_PAC_SET_ENABLED_KEYS */
	61, /* PR_PAC_GET_ENABLED_KEYS */
	63, /* PR_SME_SET_VL */
	64, /* PR_SME_GET_VL */
	65, /* PR_SET_MDWE */
	66, /* PR_GET_MDWE */
	67, /* PR_SET_MEMORY_MERGE */
	68, /* PR_GET_MEMORY_MERGE */
	74, /* PR_GET_SHADOW_STACK_STATUS */
	75, /* PR_SET_SHADOW_STACK_STATUS */
	76, /* PR_LOCK_SHADOW_STACK_STATUS */
	78, /* PR_FUTEX_HASH */
	PRCTL_GET_AUXV,
	PRCTL_SET_VMA,
};
static const uint32_t prctl_never[] = {
	PR_SET_SECUREBITS, PR_SET_MM, 57, /* PR_SET_IO_FLUSHER */
	62,                               /* PR_SCHED_CORE */
};
static const struct filter_clause prctl_hard[] = {
	{ CONDS(IN(0, prctl_never)), EPERM_IT,
	  "PR_SET_MM, PR_SET_SECUREBITS, PR_SET_IO_FLUSHER, PR_SCHED_CORE" },
};

#define PRCTL_COMMON                                                                              \
	{ CONDS(IN(0, prctl_set)), FILTER_ALLOW, "a process's own settings" },                    \
		{ CONDS(EQ(0, PR_CAP_AMBIENT), EQ(1, PR_CAP_AMBIENT_IS_SET)), FILTER_ALLOW,       \
		  "PR_CAP_AMBIENT_IS_SET" },                                                      \
	{                                                                                         \
		CONDS(EQ(0, PR_CAP_AMBIENT)), EPERM_IT, "PR_CAP_AMBIENT: no ambient capabilities" \
	}
static const struct filter_clause prctl_strict[] = { PRCTL_COMMON };
static const struct filter_clause prctl_default[] = {
	PRCTL_COMMON,
	{ CONDS(EQ(0, PRCTL_SET_PTRACER)), FILTER_ALLOW, "PR_SET_PTRACER" },
};
static const struct filter_clause prctl_compat[] = {
	PRCTL_COMMON,
	{ CONDS(EQ(0, PRCTL_SET_PTRACER)), FILTER_ALLOW, "PR_SET_PTRACER" },
	{ CONDS(EQ(0, PRCTL_SYSCALL_USER_DISPATCH)), FILTER_ALLOW, "PR_SET_SYSCALL_USER_DISPATCH" },
};

/* ---- personality ---- */

#define PERSONALITY_QUERY 0xffffffff
#define NO_RANDOMIZE 0x0040000 /* ADDR_NO_RANDOMIZE: gdb sets it for its child */
/* UNAME26, ADDR_COMPAT_LAYOUT, STICKY_TIMEOUTS, WHOLE_SECONDS, SHORT_INODE, ADDR_LIMIT_*,
 * PER_LINUX32; all others, above all READ_IMPLIES_EXEC and MMAP_PAGE_ZERO, stay refused. */
#define PERSONALITY_COMPAT 0x0fa60008

static const uint32_t personality_strict_set[] = { 0, PERSONALITY_QUERY };
static const uint32_t personality_default_set[] = { 0, NO_RANDOMIZE, PERSONALITY_QUERY };
static const struct filter_clause personality_strict[] = {
	{ CONDS(IN(0, personality_strict_set)), FILTER_ALLOW, "PER_LINUX, and the question" },
};
static const struct filter_clause personality_default[] = {
	{ CONDS(IN(0, personality_default_set)), FILTER_ALLOW,
	  "PER_LINUX, ADDR_NO_RANDOMIZE, and the question" },
};
static const struct filter_clause personality_compat[] = {
	{ CONDS(EQ(0, PERSONALITY_QUERY)), FILTER_ALLOW, "the question which it is" },
	{ CONDS(MASKED(0, (uint32_t)~PERSONALITY_COMPAT, 0)), FILTER_ALLOW,
	  "PER_LINUX, PER_LINUX32 and harmless flags" },
};

/* ---- device nodes; S_IFMT of the mode decides, 0 means a plain file ---- */

static const uint32_t nodes[] = { 0, S_IFIFO, S_IFREG, S_IFSOCK };

static const struct filter_clause mknod_hard[] = {
	{ CONDS(IN_MASKED(1, S_IFMT, nodes)), FILTER_ALLOW, "files, FIFOs, sockets" },
};
static const struct filter_clause mknodat_hard[] = {
	{ CONDS(IN_MASKED(2, S_IFMT, nodes)), FILTER_ALLOW, "files, FIFOs, sockets" },
};

/* ---- filters of one's own ---- */

static const struct filter_clause seccomp_hard[] = {
	{ CONDS(EQ(0, SECCOMP_SET_MODE_FILTER), ANY(1, SECCOMP_FILTER_FLAG_NEW_LISTENER)),
	  FILTER_ERRNO(EBUSY), "SECCOMP_FILTER_FLAG_NEW_LISTENER: the supervisor's" },
};

/* ---- others' limits ---- */

/* Reading them is allowed. RLIMIT_CPU, say, would end init, which is the session's uid's own. */
static const struct filter_clause prlimit_hard[] = {
	{ CONDS(EQ(0, 1), NE(2, 0)), EPERM_IT, "setting pid 1's" },
};

/* ---- leases ---- */

#define FCNTL_SETLEASE 1024 /* F_SETLEASE */

/* Whoever opens a leased file waits for its holder: a grant to read must not hold up writers. */
static const struct filter_clause fcntl_hard[] = {
	{ CONDS(EQ(1, FCNTL_SETLEASE)), EPERM_IT, "F_SETLEASE" },
};

/* ---- where layers are missing ---- */

static const struct filter_clause prlimit_self[] = {
	{ CONDS(NE(0, 0)), EPERM_IT, "other processes (no pid namespace)" },
};
/*
 * A datagram socket of a pair can still be connected to, or sent to, any path; a stream cannot.
 */
static const uint32_t pair_types[] = { SOCK_STREAM, SOCK_SEQPACKET };
static const struct filter_clause pair_connected[] = {
	{ CONDS(IN_MASKED(1, TYPE_MASK, pair_types)), FILTER_ALLOW, "streams, packets" },
};

/* ---- programs that no path rule sees ---- */

#define NOEXEC_SEAL 0x8 /* MFD_NOEXEC_SEAL, 6.3 */

static const struct filter_clause memfd_sealed[] = {
	{ CONDS(MASKED(1, NOEXEC_SEAL, NOEXEC_SEAL)), FILTER_ALLOW, "MFD_NOEXEC_SEAL" },
};
static const struct filter_clauses memfd_layers =
	LIST(memfd_sealed, FILTER_ERRNO(ENOSYS), "without MFD_NOEXEC_SEAL");

/* Whether @path is @dir or below it. */
static bool is_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	while (n && dir[n - 1] == '/')
		n--;
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Whether something that is written in the session may be executed there. */
static bool runs_what_it_writes(const struct policy *p)
{
	bool runs = false;

	for (size_t i = 0; i < p->n_paths; i++) {
		const char *exec = p->paths[i].path;

		if (p->paths[i].kind != POLICY_FS_EXEC)
			continue;
		runs = true;
		if ((p->private_home && p->home && is_within(p->home, exec)) ||
		    (p->private_tmp && p->tmp && is_within(p->tmp, exec)))
			return true;
		for (size_t j = 0; j < p->n_paths; j++) {
			if (p->paths[j].kind == POLICY_FS_WRITE &&
			    (is_within(p->paths[j].path, exec) ||
			     is_within(exec, p->paths[j].path)))
				return true;
		}
	}
	return !runs; /* nothing granted: nothing runs, there is nothing to guard */
}

/* ---- pid 1 maps no code ---- */

static const struct filter_clause init_map[] = {
	{ CONDS(ANY(2, 0x4 /* PROT_EXEC */)), EPERM_IT, "PROT_EXEC" },
};

static const struct filter_clauses hard[FCHECK_N] = {
	[FCHECK_CLONE] = LIST(clone_hard, FILTER_ALLOW, NULL),
	[FCHECK_UNSHARE] = LIST(unshare_hard, FILTER_ALLOW, NULL),
	[FCHECK_IOCTL] = LIST(ioctl_hard, FILTER_ALLOW, NULL),
	[FCHECK_PRCTL] = LIST(prctl_hard, FILTER_ALLOW, NULL),
	[FCHECK_MKNOD] = LIST(mknod_hard, EPERM_IT, "device nodes"),
	[FCHECK_MKNODAT] = LIST(mknodat_hard, EPERM_IT, "device nodes"),
	[FCHECK_SECCOMP] = LIST(seccomp_hard, FILTER_ALLOW, NULL),
	[FCHECK_PRLIMIT] = LIST(prlimit_hard, FILTER_ALLOW, NULL),
	[FCHECK_FCNTL] = LIST(fcntl_hard, FILTER_ALLOW, NULL),
};
/* [network namespace missing and wanted][mount namespace missing] */
static const struct filter_clauses socket_layers[2][2] = {
	{ LIST(socket_hard, EPERM_IT, "other families"),
	  LIST(socket_hard_no_unix, EPERM_IT, "other families (no mount namespace)") },
	{ LIST(socket_hard_unix, EPERM_IT, "other families (no network namespace)"),
	  { .otherwise = EPERM_IT, .what = "every family (no mount and no network namespace)" } },
};
static const struct filter_clauses pair_layers =
	LIST(pair_connected, EPERM_IT, "datagrams (no mount namespace)");
static const struct filter_clauses ioctl_layers = LIST(ioctl_no_mounts, FILTER_ALLOW, NULL);
static const struct filter_clauses prlimit_layers = LIST(prlimit_self, FILTER_ALLOW, NULL);

static const struct filter_clauses preset[FCHECK_N][3] = {
	[FCHECK_SOCKET] = { LIST(socket_list, EPERM_IT, "other types and protocols"),
			    LIST(socket_list, EPERM_IT, "other types and protocols"),
			    LIST(socket_list, EPERM_IT, "other types and protocols") },
	[FCHECK_SOCKETPAIR] = { LIST(socketpair_list, EPERM_IT, "other families and types"),
				LIST(socketpair_list, EPERM_IT, "other families and types"),
				LIST(socketpair_list, EPERM_IT, "other families and types") },
	[FCHECK_IOCTL] = { LIST(ioctl_strict, FILTER_ERRNO(ENOTTY), "any other command") },
	[FCHECK_PRCTL] = { LIST(prctl_strict, FILTER_ERRNO(EINVAL), "any other option"),
			   LIST(prctl_default, FILTER_ERRNO(EINVAL), "any other option"),
			   LIST(prctl_compat, FILTER_ERRNO(EINVAL), "any other option") },
	[FCHECK_PERSONALITY] = { LIST(personality_strict, EPERM_IT, "any other"),
				 LIST(personality_default, EPERM_IT, "any other"),
				 LIST(personality_compat, EPERM_IT, "any other") },
};
static const struct filter_clauses init_ioctl = LIST(ioctl_init, EPERM_IT, "any other command");
static const struct filter_clauses init_maps = LIST(init_map, FILTER_ALLOW, NULL);

const struct filter_clauses *filter_check_hard(enum filter_check_id id, const struct policy *policy,
					       unsigned use)
{
	bool net_host = policy && policy->network == POLICY_NET_HOST;

	if (id == FCHECK_SOCKET)
		return &socket_layers[(use & FILTER_NO_NETNS) && !net_host]
				     [!!(use & FILTER_NO_MOUNTNS)];
	if (id == FCHECK_SOCKETPAIR && (use & FILTER_NO_MOUNTNS))
		return &pair_layers;
	if (id == FCHECK_IOCTL && (use & FILTER_NO_MOUNTNS))
		return &ioctl_layers;
	if (id == FCHECK_MEMFD && policy && !runs_what_it_writes(policy))
		return &memfd_layers;
	if (id == FCHECK_PRLIMIT && (use & FILTER_NO_PIDNS))
		return &prlimit_layers;
	return hard[id].n ? &hard[id] : NULL;
}

const struct filter_clauses *filter_check_preset(enum filter_check_id id,
						 enum policy_sysc_preset which, unsigned use)
{
	if (id == FCHECK_INIT_MAP)
		return &init_maps;
	if (id == FCHECK_IOCTL && (use & FILTER_INIT))
		return &init_ioctl;
	return preset[id][which].n ? &preset[id][which] : NULL;
}
