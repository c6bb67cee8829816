/*
 * Attacks on kernel facilities that an agent has no business with (A9, A12).
 *
 * Arguments are chosen so that a call which gets through does no harm outside: bad pointers, bad
 * descriptors, the value that is set already. See verdict_reached().
 */
#include "probe.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/timex.h>
#include <termios.h>
#include <time.h>

/* A terminal of our own, made our controlling terminal; returns its slave end. */
static int own_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	struct termios mode;
	char *name;

	if (master < 0 || unlockpt(master) || !(name = ptsname(master)))
		unable("no terminal to be had");
	setsid();
	slave = open(name, O_RDWR);
	if (slave < 0)
		unable("cannot open %s", name);
	ioctl(slave, TIOCSCTTY, 0);
	if (tcgetattr(slave, &mode))
		unable("tcgetattr");
	mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(slave, TCSANOW, &mode);
	return slave;
}

static void terminal_ioctl(unsigned long cmd, void *arg, const char *what)
{
	int fd = own_terminal();

	attempt();
	verdict(syscall(SYS_ioctl, fd, cmd, arg), what);
}

static void tiocsti(void)
{
	terminal_ioctl(TIOCSTI, (char[]){ "x" }, "TIOCSTI");
}

static void tiocsti_dirty(void)
{
	terminal_ioctl(0xffffffff00000000UL | TIOCSTI, (char[]){ "x" }, "TIOCSTI, dirty");
}

static void tiocsti_dirty1(void)
{
	terminal_ioctl(0x100000000UL | TIOCSTI, (char[]){ "x" }, "TIOCSTI, bit 32");
}

/* Not a virtual console: ENOTTY is what shows that the call went through. */
static void tioclinux_reached(unsigned long cmd)
{
	int fd = own_terminal();

	attempt();
	verdict_reached(syscall(SYS_ioctl, fd, cmd, (char[]){ 3 }), "TIOCLINUX");
}

static void tioclinux_pty(void)
{
	tioclinux_reached(TIOCLINUX);
}

static void tioclinux_dirty(void)
{
	tioclinux_reached(0xffffffff00000000UL | TIOCLINUX);
}

static void tiocsetd(void)
{
	/* Line disciplines load kernel modules (CVE-2017-2636). */
	terminal_ioctl(TIOCSETD, &(int){ 13 }, "TIOCSETD(N_HDLC)");
}

static void tioccons(void)
{
	int fd = own_terminal();

	attempt();
	verdict_reached(ioctl(fd, TIOCCONS), "TIOCCONS");
}

/* The terminal that the session was started on: inject into it, by any name it has here. */
static void host_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR);

	attempt();
	if (fd < 0)
		fd = 0;
	for (const char *p = "touch INJECTED\n"; *p; p++)
		if (ioctl(fd, TIOCSTI, p))
			blocked(errno, "TIOCSTI on the session's terminal");
	succeeded("TIOCSTI on the session's terminal");
}

static void do_bpf(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};

	attempt();
	verdict(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)), "bpf(MAP_CREATE)");
}

static void perf(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_TASK_CLOCK,
					.exclude_kernel = 1 };

	attempt();
	verdict(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0), "perf_event_open");
}

static void clock_back(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	attempt();
	verdict(clock_settime(CLOCK_REALTIME, &now), "clock_settime");
}

static void clock_adjust(void)
{
	struct timex t = { .modes = ADJ_STATUS, .status = STA_UNSYNC };

	attempt();
	verdict(adjtimex(&t), "adjtimex");
}

#define CALLS(X)                                                                                   \
	X(key_add, "A12-add-key", "add_key", "EPERM ENOSYS", NULL, 0,                              \
	  syscall(SYS_add_key, "user", "capsule-attack", "x", 1, KEY_SPEC_PROCESS_KEYRING))        \
	X(keyctl_session, "A12-session", "the user's session keyring", "EPERM ENOSYS", NULL, 0,    \
	  syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0))                 \
	X(keyctl_user, "A12-user", "the user keyring", "EPERM ENOSYS", NULL, 0,                    \
	  syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_USER_KEYRING, (char[256]){ 0 }, 256))      \
	X(personality_exec, "A12-personality", "personality(READ_IMPLIES_EXEC)", "EPERM", NULL, 0, \
	  syscall(SYS_personality, READ_IMPLIES_EXEC))                                             \
	X(uffd, "A12-uffd", "userfaultfd", "EPERM", NULL, 0, syscall(SYS_userfaultfd, O_CLOEXEC))  \
	X(uffd_user, "A12-uffd-user", "userfaultfd, user mode only", "EPERM", NULL, 0,             \
	  syscall(SYS_userfaultfd, O_CLOEXEC | 1))                                                 \
	X(uffd_dev, "A12-uffd-dev", "/dev/userfaultfd", "ENOENT EACCES", NULL, 0,                  \
	  open("/dev/userfaultfd", O_RDWR))                                                        \
	X(kernel_log, "A12-syslog", "the kernel's log", "EPERM", NULL, 0,                          \
	  syscall(SYS_syslog, 3, (char[256]){ 0 }, 256))
CALLS(PROBE_CALL)

#define BAD ((void *)8)

#define REACHED(X)                                                                                 \
	X(key_request, "A12-request-key", "request_key", "EPERM ENOSYS", NULL, 0,                  \
	  syscall(SYS_request_key, "user", BAD, NULL, 0))                                          \
	X(keyctl_bad, "A12-keyctl", "keyctl, any command", "EPERM ENOSYS", NULL, 0,                \
	  syscall(SYS_keyctl, 9999, 0, 0))                                                         \
	X(bpf_bad, "A12-bpf-bad", "bpf, any command", "EPERM", NULL, 0,                            \
	  syscall(SYS_bpf, 9999, BAD, 8))                                                          \
	X(kexec, "A12-kexec", "kexec_load", "EPERM", NULL, 0,                                      \
	  syscall(SYS_kexec_load, 0, 17, BAD, 0))                                                  \
	X(module_init, "A12-init-module", "init_module", "EPERM", NULL, 0,                         \
	  syscall(SYS_init_module, BAD, 8, BAD))                                                   \
	X(module_finit, "A12-finit-module", "finit_module", "EPERM", NULL, 0,                      \
	  syscall(SYS_finit_module, -1, BAD, 0))                                                   \
	X(module_delete, "A12-delete-module", "delete_module", "EPERM", NULL, 0,                   \
	  syscall(SYS_delete_module, BAD, O_NONBLOCK))                                             \
	X(quota, "A12-quota", "quotactl", "EPERM", NULL, 0,                                        \
	  syscall(SYS_quotactl, 0x80000100, NULL, 0, NULL))                                        \
	X(swap_on, "A12-swapon", "swapon", "EPERM", NULL, 0, syscall(SYS_swapon, BAD, 0))          \
	X(swap_off, "A12-swapoff", "swapoff", "EPERM", NULL, 0, syscall(SYS_swapoff, BAD))         \
	X(do_acct, "A12-acct", "acct", "EPERM", NULL, 0, syscall(SYS_acct, BAD))                   \
	X(do_reboot, "A12-reboot", "reboot", "EPERM", NULL, 0, syscall(SYS_reboot, 0, 0, 0, NULL)) \
	X(hostname, "A12-hostname", "sethostname", "EPERM", NULL, 0,                               \
	  syscall(SYS_sethostname, BAD, 4))                                                        \
	X(domainname, "A12-domainname", "setdomainname", "EPERM", NULL, 0,                         \
	  syscall(SYS_setdomainname, BAD, 4))                                                      \
	X(fanotify, "A12-fanotify", "fanotify_init", "EPERM", NULL, 0,                             \
	  syscall(SYS_fanotify_init, 0, O_RDONLY))                                                 \
	X(hangup, "A12-vhangup", "vhangup", "EPERM", NULL, PROBE_NO_CONTROL, syscall(SYS_vhangup))
REACHED(PROBE_REACH)
#ifdef __x86_64__
#define REACHED_X86(X)                                                                          \
	X(cookie, "A12-dcookie", "lookup_dcookie", "EPERM ENOSYS", NULL, 0,                     \
	  syscall(SYS_lookup_dcookie, 0L, BAD, 0))                                              \
	X(io_pl, "A12-iopl", "iopl", "EPERM", NULL, 0, syscall(SYS_iopl, 3))                    \
	X(io_perm, "A12-ioperm", "ioperm", "EPERM", NULL, 0, syscall(SYS_ioperm, 0x80, 1, 1))   \
	X(ldt, "A12-ldt", "modify_ldt", "EPERM ENOSYS", NULL, 0,                                \
	  syscall(SYS_modify_ldt, 0, BAD, 0))                                                   \
	X(do_uselib, "A12-uselib", "uselib", "EPERM ENOSYS", NULL, 0, syscall(SYS_uselib, BAD)) \
	X(do_sysfs, "A12-sysfs", "sysfs(2)", "EPERM ENOSYS", NULL, 0, syscall(SYS_sysfs, 3))
REACHED_X86(PROBE_REACH)
#endif

const struct probe probes_kernel[] = {
	{ "A9-tiocsti", "TIOCSTI", "EPERM", NULL, tiocsti, 0 },
	{ "A9-dirty", "TIOCSTI, dirty upper half", "EPERM", NULL, tiocsti_dirty, 0 },
	{ "A9-dirty1", "TIOCSTI, bit 32 set", "EPERM", NULL, tiocsti_dirty1, 0 },
	{ "A9-linux", "TIOCLINUX", "EPERM", NULL, tioclinux_pty, 0 },
	{ "A9-linux-dirty", "TIOCLINUX, dirty upper half", "EPERM", NULL, tioclinux_dirty, 0 },
	{ "A9-setd", "TIOCSETD, a line discipline", "EPERM", NULL, tiocsetd, 0 },
	{ "A9-cons", "TIOCCONS", "EPERM", NULL, tioccons, PROBE_NO_CONTROL },
	{ "A9-host", "TIOCSTI on the session's terminal", "EPERM", NULL, host_terminal, 0 },
	{ "A12-bpf", "bpf(MAP_CREATE)", "EPERM", NULL, do_bpf, 0 },
	{ "A12-perf", "perf_event_open", "EPERM", NULL, perf, 0 },
	{ "A12-settime", "clock_settime", "EPERM", NULL, clock_back, PROBE_NO_CONTROL },
	{ "A12-adjtime", "adjtimex", "EPERM", NULL, clock_adjust, PROBE_NO_CONTROL },
	/* clang-format off */
	CALLS(PROBE_ROW)
	REACHED(PROBE_ROW)
#ifdef __x86_64__
	REACHED_X86(PROBE_ROW)
#endif
	/* clang-format on */
	{ NULL },
};
