/*
 * Attacks on this design that no list named (X), and on descriptors (C9).
 */
#include "probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Anything open beyond 0, 1 and 2 came from outside: this program opens nothing. */
static void fd_any(void)
{
	char link[32], to[128];

	attempt();
	for (int fd = 3; fd < 4096; fd++) {
		ssize_t n;

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, to, sizeof(to) - 1);
		to[n > 0 ? n : 0] = '\0';
		succeeded("descriptor %d is open: %s", fd, to);
	}
	blocked(EBADF, "nothing open beyond 2");
}

/* A folder of the host as one of the three that are kept. */
static void fd_folder(void)
{
	const char *name = param("name");
	char text[64];
	int fd;

	attempt();
	for (int dir = 0; dir < 3; dir++) {
		fd = openat(dir, name, O_RDONLY);
		if (fd >= 0 && slurp(fd, text, sizeof(text)) > 0)
			succeeded("openat(%d) read '%.30s'", dir, text);
	}
	for (int dir = 0; dir < 3; dir++)
		if (fchdir(dir) == 0)
			succeeded("fchdir(%d)", dir);
	blocked(errno, "openat and fchdir of 0, 1, 2");
}

static void exe_write(const char *path)
{
	attempt();
	verdict(open(path, O_WRONLY | O_CLOEXEC), path);
}

static void exe_init(void)
{
	exe_write("/proc/1/exe");
}

/* CVE-2019-5736: the runtime's own binary, by the path it has outside. */
static void exe_binary(void)
{
	exe_write(param("binary"));
}

static void watch(void)
{
	const char *path = param("outside");
	int fd = inotify_init1(IN_CLOEXEC);

	if (fd < 0) {
		attempt();
		blocked(errno, "inotify_init1");
	}
	attempt();
	verdict(inotify_add_watch(fd, path, IN_ALL_EVENTS), "inotify_add_watch outside");
}

/* A lease or lock on a file that may only be read makes its writers outside wait. */
static void lease(void)
{
	int fd = open(param("rofile"), O_RDONLY);

	if (fd < 0)
		unable("cannot read it");
	attempt();
	verdict(fcntl(fd, F_SETLEASE, F_RDLCK), "F_SETLEASE");
}

static void device_node(mode_t type, unsigned major, unsigned minor)
{
	unlink("node");
	attempt();
	if (mknod("node", type | 0600, makedev(major, minor)))
		blocked(errno, "mknod");
	verdict(open("node", O_RDONLY), "mknod and open");
}

static void node_character(void)
{
	device_node(S_IFCHR, 1, 5);
}

static void node_disk(void)
{
	struct stat st;

	if (stat("/", &st))
		unable("stat");
	device_node(S_IFBLK, major(st.st_dev), minor(st.st_dev));
}

static void node_there(void)
{
	const char *path = param("node");

	attempt();
	verdict(open(path, O_RDONLY), "a device node in the workspace");
}

/* SCM_CREDENTIALS with somebody else's numbers. */
static void credentials(void)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control = { .h = { .cmsg_len = CMSG_LEN(sizeof(struct ucred)),
			     .cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_CREDENTIALS } };
	struct ucred forged = { .pid = 1, .uid = getuid() ? 0 : 12345, .gid = getgid() };
	struct iovec iov = { (char[]){ "x" }, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		unable("socketpair");
	memcpy(CMSG_DATA(&control.h), &forged, sizeof(forged));
	attempt();
	verdict(sendmsg(fds[0], &msg, 0), "SCM_CREDENTIALS of another user");
}

/* Setuid and setgid bits on what stays behind in the workspace. */
static void setuid_left(void)
{
	int fd = open("left-setuid", O_WRONLY | O_CREAT, 0755);
	struct stat st;

	if (fd < 0)
		unable("open");
	attempt();
	if (fchmod(fd, 06755))
		blocked(errno, "fchmod(06755)");
	if (fstat(fd, &st) == 0 && !(st.st_mode & 06000))
		blocked(EPERM, "the bits were dropped");
	succeeded("a setuid file is left in the workspace");
}

static void file_caps(void)
{
	uint32_t value[5] = { 0x02000001, ~0U, 0, 0x1ff, 0 };
	int fd = open("left-caps", O_WRONLY | O_CREAT, 0755);

	if (fd < 0)
		unable("open");
	attempt();
	verdict(syscall(SYS_fsetxattr, fd, "security.capability", value, sizeof(value), 0),
		"security.capability");
}

/* Names of the host's folders in mountinfo: told, but of no use. Checked: not the secret's. */
static void mount_sources(void)
{
	static char text[1 << 18];
	int fd = open("/proc/self/mountinfo", O_RDONLY);
	const char *secret = param("secret");

	attempt();
	if (fd < 0)
		blocked(errno, "/proc/self/mountinfo");
	slurp(fd, text, sizeof(text));
	if (strstr(text, secret))
		succeeded("mountinfo names %s", secret);
	blocked(ENOENT, "mountinfo does not name it");
}

static void tty_steal(void)
{
	attempt();
	setsid();
	for (int fd = 0; fd < 3; fd++)
		if (ioctl(fd, TIOCSCTTY, 1) == 0)
			succeeded("TIOCSCTTY took descriptor %d", fd);
	blocked(errno, "TIOCSCTTY");
}

/* The foreground group of the terminal: who gets Ctrl-C. */
static void tty_foreground(void)
{
	pid_t self = getpgrp();

	attempt();
	for (int fd = 0; fd < 3; fd++)
		if (ioctl(fd, TIOCSPGRP, &self) == 0)
			succeeded("TIOCSPGRP on descriptor %d", fd);
	blocked(errno, "TIOCSPGRP");
}

static void core_limit(void)
{
	struct rlimit limit;

	attempt();
	if (getrlimit(RLIMIT_CORE, &limit))
		unable("getrlimit");
	if (limit.rlim_max)
		succeeded("cores of %lu bytes", (unsigned long)limit.rlim_max);
	blocked(EPERM, "no cores");
}

/* Stays behind in its own session, deaf to every signal that can be ignored. */
static void survivor(void)
{
	long seconds = param_num("seconds");

	attempt();
	for (int i = 0; i < 2; i++) {
		if (fork())
			blocked(EAGAIN, "left a process behind");
		setsid();
	}
	for (int sig = 1; sig < 65; sig++)
		signal(sig, SIG_IGN);
	prctl(PR_SET_NAME, "survivor", 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	close(0);
	close(1);
	close(2);
	sleep((unsigned)seconds);
	_exit(0);
}

const struct probe probes_more[] = {
	{ "C9-any", "an inherited descriptor", "EBADF", NULL, fd_any, 0 },
	{ "C9-folder", "a folder as stdin", "EACCES ENOTDIR EBADF ENOENT", "name", fd_folder, 0 },
	{ "X1-exe-init", "write to /proc/1/exe", "EACCES EPERM ENOENT ETXTBSY EROFS", NULL,
	  exe_init, PROBE_NO_CONTROL },
	{ "X1-exe-binary", "write to the runtime's binary", "ENOENT EACCES EROFS ETXTBSY", "binary",
	  exe_binary, 0 },
	{ "X2-inotify", "watch a folder outside", "ENOENT EACCES", "outside", watch, 0 },
	{ "X3-lease", "a lease on a read-only file", "EACCES EAGAIN EPERM", "rofile", lease, 0 },
	{ "X4-char", "mknod of /dev/zero", "EPERM EACCES", NULL, node_character, 0 },
	{ "X4-disk", "mknod of a disk", "EPERM EACCES", NULL, node_disk, 0 },
	{ "X4-there", "a device node that was there", "EACCES EPERM ENXIO", "node", node_there, 0 },
	{ "X5-credentials", "forged SCM_CREDENTIALS", "EPERM EINVAL", NULL, credentials, 0 },
	{ "X6-setuid", "leave a setuid file behind", "EPERM EACCES", NULL, setuid_left, 0 },
	{ "X6-caps", "leave file capabilities behind", "EPERM EACCES", NULL, file_caps, 0 },
	{ "X7-mountinfo", "a secret's name in mountinfo", "ENOENT", "secret", mount_sources,
	  PROBE_NO_CONTROL },
	{ "X8-steal", "steal the controlling terminal", "EPERM ENOTTY EINVAL EACCES", NULL,
	  tty_steal, PROBE_NO_CONTROL },
	{ "X8-foreground", "take the terminal's foreground", "EPERM ENOTTY EACCES", NULL,
	  tty_foreground, PROBE_NO_CONTROL },
	{ "X9-core", "core dumps", "EPERM", NULL, core_limit, 0 },
	{ "X10-survivor", "stay behind", "EAGAIN", "seconds", survivor, PROBE_NO_CONTROL },
	{ NULL },
};
