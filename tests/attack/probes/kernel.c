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

#define REACHED(name, call, what)            \
	static void name(void)               \
	{                                    \
		attempt();                   \
		verdict_reached(call, what); \
	}

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

static void key_add(void)
{
	attempt();
	verdict(syscall(SYS_add_key, "user", "capsule-attack", "x", 1, KEY_SPEC_PROCESS_KEYRING),
		"add_key");
}

static void keyctl_session(void)
{
	attempt();
	verdict(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0),
		"keyctl(session keyring)");
}

static void keyctl_user(void)
{
	char text[256];

	attempt();
	verdict(syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_USER_KEYRING, text, sizeof(text)),
		"keyctl(user keyring)");
}

static void personality_exec(void)
{
	attempt();
	verdict(syscall(SYS_personality, READ_IMPLIES_EXEC), "personality(READ_IMPLIES_EXEC)");
}

static void uffd(void)
{
	attempt();
	verdict(syscall(SYS_userfaultfd, O_CLOEXEC), "userfaultfd");
}

static void uffd_user(void)
{
	attempt();
	verdict(syscall(SYS_userfaultfd, O_CLOEXEC | 1), "userfaultfd(USER_MODE_ONLY)");
}

static void uffd_dev(void)
{
	attempt();
	verdict(open("/dev/userfaultfd", O_RDWR), "/dev/userfaultfd");
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

static void kernel_log(void)
{
	char text[256];

	attempt();
	verdict(syscall(SYS_syslog, 3, text, sizeof(text)), "syslog(READ_ALL)");
}

#define BAD ((void *)8)

REACHED(key_request, syscall(SYS_request_key, "user", BAD, NULL, 0), "request_key")
REACHED(keyctl_bad, syscall(SYS_keyctl, 9999, 0, 0), "keyctl")
REACHED(bpf_bad, syscall(SYS_bpf, 9999, BAD, 8), "bpf")
REACHED(kexec, syscall(SYS_kexec_load, 0, 17, BAD, 0), "kexec_load")
REACHED(module_init, syscall(SYS_init_module, BAD, 8, BAD), "init_module")
REACHED(module_finit, syscall(SYS_finit_module, -1, BAD, 0), "finit_module")
REACHED(module_delete, syscall(SYS_delete_module, BAD, O_NONBLOCK), "delete_module")
REACHED(quota, syscall(SYS_quotactl, 0x80000100, NULL, 0, NULL), "quotactl(Q_SYNC)")
REACHED(swap_on, syscall(SYS_swapon, BAD, 0), "swapon")
REACHED(swap_off, syscall(SYS_swapoff, BAD), "swapoff")
REACHED(do_acct, syscall(SYS_acct, BAD), "acct")
REACHED(do_reboot, syscall(SYS_reboot, 0, 0, 0, NULL), "reboot with a wrong magic")
REACHED(hostname, syscall(SYS_sethostname, BAD, 4), "sethostname")
REACHED(domainname, syscall(SYS_setdomainname, BAD, 4), "setdomainname")
REACHED(fanotify, syscall(SYS_fanotify_init, 0, O_RDONLY), "fanotify_init")
REACHED(hangup, syscall(SYS_vhangup), "vhangup")
#ifdef __x86_64__
REACHED(cookie, syscall(SYS_lookup_dcookie, 0L, BAD, 0), "lookup_dcookie")
REACHED(io_pl, syscall(SYS_iopl, 3), "iopl")
REACHED(io_perm, syscall(SYS_ioperm, 0x80, 1, 1), "ioperm")
REACHED(ldt, syscall(SYS_modify_ldt, 0, BAD, 0), "modify_ldt")
REACHED(do_uselib, syscall(SYS_uselib, BAD), "uselib")
REACHED(do_sysfs, syscall(SYS_sysfs, 3), "sysfs")
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
	{ "A12-bpf-bad", "bpf, any command", "EPERM", NULL, bpf_bad, 0 },
	{ "A12-perf", "perf_event_open", "EPERM", NULL, perf, 0 },
	{ "A12-uffd", "userfaultfd", "EPERM", NULL, uffd, 0 },
	{ "A12-uffd-user", "userfaultfd, user mode only", "EPERM", NULL, uffd_user, 0 },
	{ "A12-uffd-dev", "/dev/userfaultfd", "ENOENT EACCES", NULL, uffd_dev, 0 },
	{ "A12-add-key", "add_key", "EPERM ENOSYS", NULL, key_add, 0 },
	{ "A12-session", "the user's session keyring", "EPERM ENOSYS", NULL, keyctl_session, 0 },
	{ "A12-user", "the user keyring", "EPERM ENOSYS", NULL, keyctl_user, 0 },
	{ "A12-keyctl", "keyctl, any command", "EPERM ENOSYS", NULL, keyctl_bad, 0 },
	{ "A12-request-key", "request_key", "EPERM ENOSYS", NULL, key_request, 0 },
	{ "A12-kexec", "kexec_load", "EPERM", NULL, kexec, 0 },
	{ "A12-init-module", "init_module", "EPERM", NULL, module_init, 0 },
	{ "A12-finit-module", "finit_module", "EPERM", NULL, module_finit, 0 },
	{ "A12-delete-module", "delete_module", "EPERM", NULL, module_delete, 0 },
	{ "A12-quota", "quotactl", "EPERM", NULL, quota, 0 },
	{ "A12-swapon", "swapon", "EPERM", NULL, swap_on, 0 },
	{ "A12-swapoff", "swapoff", "EPERM", NULL, swap_off, 0 },
	{ "A12-acct", "acct", "EPERM", NULL, do_acct, 0 },
	{ "A12-reboot", "reboot", "EPERM", NULL, do_reboot, 0 },
	{ "A12-hostname", "sethostname", "EPERM", NULL, hostname, 0 },
	{ "A12-domainname", "setdomainname", "EPERM", NULL, domainname, 0 },
	{ "A12-fanotify", "fanotify_init", "EPERM", NULL, fanotify, 0 },
	{ "A12-vhangup", "vhangup", "EPERM", NULL, hangup, PROBE_NO_CONTROL },
	{ "A12-settime", "clock_settime", "EPERM", NULL, clock_back, PROBE_NO_CONTROL },
	{ "A12-adjtime", "adjtimex", "EPERM", NULL, clock_adjust, PROBE_NO_CONTROL },
	{ "A12-syslog", "the kernel's log", "EPERM", NULL, kernel_log, 0 },
	{ "A12-personality", "personality(READ_IMPLIES_EXEC)", "EPERM", NULL, personality_exec, 0 },
#ifdef __x86_64__
	{ "A12-dcookie", "lookup_dcookie", "EPERM ENOSYS", NULL, cookie, 0 },
	{ "A12-iopl", "iopl", "EPERM", NULL, io_pl, 0 },
	{ "A12-ioperm", "ioperm", "EPERM", NULL, io_perm, 0 },
	{ "A12-uselib", "uselib", "EPERM ENOSYS", NULL, do_uselib, 0 },
	{ "A12-sysfs", "sysfs(2)", "EPERM ENOSYS", NULL, do_sysfs, 0 },
	{ "A12-ldt", "modify_ldt", "EPERM ENOSYS", NULL, ldt, 0 },
#endif
	{ NULL },
};
