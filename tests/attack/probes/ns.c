/*
 * Attacks by namespaces, mounts and file handles (A4, A13, A14, A15, C12).
 */
#include "probe.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#ifndef SYS_statmount
#define SYS_statmount 457
#define SYS_listmount 458
#endif
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif
#ifndef MS_BIND /* <sys/mount.h> and <linux/mount.h> do not go together here */
#define MS_REMOUNT 32
#define MS_BIND 4096
#define MS_MOVE 8192
#define MS_REC 16384
#define MS_SHARED (1 << 20)
#endif
#define UMOUNT_DETACH 2

int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data);
int umount2(const char *target, int flags);

/* A4-files: two of its flags are allowed, but not together with a namespace. */
#define UNSHARE(X)                                                                   \
	X(unshare_user, "A4-user", "unshare(CLONE_NEWUSER)", "EPERM", NULL, 0,       \
	  syscall(SYS_unshare, CLONE_NEWUSER))                                       \
	X(unshare_mnt, "A4-mnt", "unshare(CLONE_NEWNS)", "EPERM", NULL, 0,           \
	  syscall(SYS_unshare, CLONE_NEWNS))                                         \
	X(unshare_pid, "A4-pid", "unshare(CLONE_NEWPID)", "EPERM", NULL, 0,          \
	  syscall(SYS_unshare, CLONE_NEWPID))                                        \
	X(unshare_net, "A4-net", "unshare(CLONE_NEWNET)", "EPERM", NULL, 0,          \
	  syscall(SYS_unshare, CLONE_NEWNET))                                        \
	X(unshare_ipc, "A4-ipc", "unshare(CLONE_NEWIPC)", "EPERM", NULL, 0,          \
	  syscall(SYS_unshare, CLONE_NEWIPC))                                        \
	X(unshare_uts, "A4-uts", "unshare(CLONE_NEWUTS)", "EPERM", NULL, 0,          \
	  syscall(SYS_unshare, CLONE_NEWUTS))                                        \
	X(unshare_cgroup, "A4-cgroup", "unshare(CLONE_NEWCGROUP)", "EPERM", NULL, 0, \
	  syscall(SYS_unshare, CLONE_NEWCGROUP))                                     \
	X(unshare_time, "A4-time", "unshare(CLONE_NEWTIME)", "EPERM", NULL, 0,       \
	  syscall(SYS_unshare, 0x80))                                                \
	X(unshare_files, "A4-files", "unshare(FILES|FS|NEWUSER)", "EPERM", NULL, 0,  \
	  syscall(SYS_unshare, CLONE_FILES | CLONE_FS | CLONE_NEWUSER))
UNSHARE(PROBE_CALL)

static void clone_of(unsigned long flags, const char *what)
{
	long pid;

	attempt();
	pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		_exit(0);
	verdict(pid, what);
}

static void clone_user(void)
{
	clone_of(CLONE_NEWUSER, "clone(CLONE_NEWUSER)");
}

static void clone_all(void)
{
	clone_of(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID, "clone(CLONE_NEW*)");
}

/* CVE-2022-0492: a namespace with a mount of cgroup v1 whose release_agent the host runs. */
static void release_agent(void)
{
	long ret;

	attempt();
	ret = syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP);
	if (ret == 0)
		succeeded("unshare(USER|NS|CGROUP), the first step of it");
	mkdir("cg", 0700);
	verdict(mount("cgroup", "cg", "cgroup", 0, "rdma"), "mount of a cgroup hierarchy");
}

static void setns_own(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		unable("open %s", path);
	attempt();
	verdict(setns(fd, 0), "setns");
}

static void setns_user(void)
{
	setns_own("/proc/self/ns/user");
}

static void setns_mnt(void)
{
	setns_own("/proc/self/ns/mnt");
}

/* A helper outside hands us one of its namespaces over a socket in the workspace. */
static void setns_received(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	int sock, fd;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", param("socket"));
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || connect(sock, (struct sockaddr *)&addr, sizeof(addr)) ||
	    recvmsg(sock, &msg, 0) < 1)
		unable("no descriptor to be had from %s", addr.sun_path);
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		unable("the message carries no descriptor");
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	attempt();
	verdict(setns(fd, 0), "setns to a namespace of the host");
}

static void pivot(void)
{
	attempt();
	verdict_reached(syscall(SYS_pivot_root, ".", "."), "pivot_root");
}

static void do_chroot(void)
{
	attempt();
	verdict(chroot("."), "chroot");
}

static void handle_of(void)
{
	struct {
		struct file_handle h;
		unsigned char bytes[128];
	} f = { .h.handle_bytes = 128 };
	int mount_id;

	attempt();
	verdict(name_to_handle_at(AT_FDCWD, "/etc/passwd", &f.h, &mount_id, 0),
		"name_to_handle_at");
}

/* With the bytes of a handle of a file outside, made there: "TYPE:HEX". */
static void handle_open(void)
{
	struct {
		struct file_handle h;
		unsigned char bytes[128];
	} f = { 0 };
	const char *text = param("handle");
	char secret[64];
	char *end;
	long fd;

	f.h.handle_type = (int)strtol(text, &end, 10);
	for (text = end + 1; *text && f.h.handle_bytes < sizeof(f.bytes); text += 2) {
		char hex[3] = { text[0], text[1], 0 };

		f.bytes[f.h.handle_bytes++] = (unsigned char)strtoul(hex, NULL, 16);
	}
	attempt();
	fd = open_by_handle_at(open(".", O_RDONLY), &f.h, O_RDONLY);
	if (fd >= 0 && slurp((int)fd, secret, sizeof(secret)) > 0)
		succeeded("read '%.20s' by handle", secret);
	verdict(fd, "open_by_handle_at");
}

#define MOUNT_API(X)                                                                              \
	X(api_fsopen, "A14-fsopen", "fsopen", "EPERM ENOSYS", NULL, 0,                            \
	  syscall(SYS_fsopen, "tmpfs", 0))                                                        \
	X(api_fsconfig, "A14-fsconfig", "fsconfig", "EPERM ENOSYS", NULL, 0,                      \
	  syscall(SYS_fsconfig, -1, 0, NULL, NULL, 0))                                            \
	X(api_fsmount, "A14-fsmount", "fsmount", "EPERM ENOSYS", NULL, 0,                         \
	  syscall(SYS_fsmount, -1, 0, 0))                                                         \
	X(api_fspick, "A14-fspick", "fspick", "EPERM ENOSYS", NULL, 0,                            \
	  syscall(SYS_fspick, AT_FDCWD, "/", 0))                                                  \
	X(api_open_tree, "A14-open-tree", "open_tree(CLONE)", "EPERM ENOSYS", NULL, 0,            \
	  syscall(SYS_open_tree, AT_FDCWD, ".", OPEN_TREE_CLONE))                                 \
	X(api_open_tree_plain, "A14-open-tree-plain", "open_tree", "EPERM ENOSYS", NULL, 0,       \
	  syscall(SYS_open_tree, AT_FDCWD, ".", 0))                                               \
	X(api_open_tree_attr, "A14-open-tree-attr", "open_tree_attr", "EPERM ENOSYS", NULL, 0,    \
	  syscall(SYS_open_tree_attr, AT_FDCWD, ".", OPEN_TREE_CLONE, NULL, 0))                   \
	X(api_move_mount, "A14-move-mount", "move_mount", "EPERM ENOSYS", NULL, PROBE_OWN_MOUNTS, \
	  syscall(SYS_move_mount, AT_FDCWD, ".", AT_FDCWD, ".", 0))
MOUNT_API(PROBE_REACH)

static void api_setattr(void)
{
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR_RDONLY };

	attempt();
	verdict_reached(syscall(SYS_mount_setattr, AT_FDCWD, "/usr", 0, &attr, sizeof(attr)),
			"mount_setattr(/usr, writable)");
}

static void api_listmount(void)
{
	uint64_t req[4] = { 24, UINT64_MAX, 0, 0 }, ids[16];

	attempt();
	verdict(syscall(SYS_listmount, req, ids, 16, 0), "listmount");
}

static void api_statmount(void)
{
	uint64_t req[4] = { 24, 1, 1, 0 };
	char out[512];

	attempt();
	verdict_reached(syscall(SYS_statmount, req, out, sizeof(out), 0), "statmount");
}

#define MOUNTS(X)                                                                              \
	X(mount_tmpfs, "C12-tmpfs", "mount over a mask", "EPERM", "mask", PROBE_OWN_MOUNTS,    \
	  mount("x", path, "tmpfs", 0, NULL))                                                  \
	X(mount_proc, "C12-proc", "mount a fresh /proc", "EPERM", NULL, PROBE_OWN_MOUNTS,      \
	  mount("x", "/proc", "proc", 0, NULL))                                                \
	X(mount_bind, "C12-bind", "bind above a mask", "EPERM", "mask", PROBE_OWN_MOUNTS,      \
	  mount(".", path, NULL, MS_BIND, NULL))                                               \
	X(mount_move, "C12-move", "move a mask away", "EPERM", "mask", PROBE_OWN_MOUNTS,       \
	  mount(path, ".", NULL, MS_MOVE, NULL))                                               \
	X(mount_rw, "C12-rw", "remount read-write", "EPERM", "mask", PROBE_OWN_MOUNTS,         \
	  mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL))                                 \
	X(mount_shared, "C12-shared", "make mounts shared", "EPERM", NULL, PROBE_OWN_MOUNTS,   \
	  mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL))                                    \
	X(unmount_plain, "C12-umount", "umount a mask", "EPERM", "mask", PROBE_OWN_MOUNTS,     \
	  umount2(path, 0))                                                                    \
	X(unmount_detach, "C12-detach", "umount -l a mask", "EPERM", "mask", PROBE_OWN_MOUNTS, \
	  umount2(path, UMOUNT_DETACH))                                                        \
	X(unmount_root, "C12-root", "umount -l /", "EPERM", NULL, PROBE_OWN_MOUNTS,            \
	  umount2("/", UMOUNT_DETACH))
MOUNTS(PROBE_REACH)

/* Shared mounts would carry what happens here to the host, and back. */
static void propagation(void)
{
	static char text[1 << 18];
	int fd = open("/proc/self/mountinfo", O_RDONLY);
	char *hit;

	attempt();
	if (fd < 0)
		blocked(errno, "/proc/self/mountinfo");
	slurp(fd, text, sizeof(text));
	hit = strstr(text, " shared:");
	if (hit)
		succeeded("a shared mount: %.100s", hit);
	blocked(ENOENT, "no shared mount");
}

const struct probe probes_ns[] = {
	{ "A4-clone", "clone(CLONE_NEWUSER)", "EPERM", NULL, clone_user, 0 },
	{ "A4-clone-all", "clone of four namespaces", "EPERM", NULL, clone_all, 0 },
	{ "A4-release-agent", "unshare, mount cgroup", "EPERM", NULL, release_agent,
	  PROBE_OWN_MOUNTS },
	{ "A13-name", "name_to_handle_at", "EPERM ENOSYS", NULL, handle_of, 0 },
	{ "A13-open", "open_by_handle_at of a file outside", "EPERM ENOSYS", "handle", handle_open,
	  0 },
	{ "A14-setattr", "mount_setattr", "EPERM ENOSYS", NULL, api_setattr, PROBE_OWN_MOUNTS },
	{ "A14-listmount", "listmount", "EPERM ENOSYS", NULL, api_listmount, 0 },
	{ "A14-statmount", "statmount", "EPERM ENOSYS", NULL, api_statmount, 0 },
	{ "A15-user", "setns to its own user namespace", "EPERM", NULL, setns_user,
	  PROBE_NO_CONTROL },
	{ "A15-mnt", "setns to its own mount namespace", "EPERM", NULL, setns_mnt, 0 },
	{ "A15-received", "setns with a received descriptor", "EPERM", "socket", setns_received,
	  0 },
	{ "A15-pivot", "pivot_root", "EPERM", NULL, pivot, PROBE_OWN_MOUNTS },
	{ "A15-chroot", "chroot", "EPERM", NULL, do_chroot, 0 },
	{ "C12-propagation", "shared mounts", "ENOENT", NULL, propagation, 0 },
	/* clang-format off */
	UNSHARE(PROBE_ROW)
	MOUNT_API(PROBE_ROW)
	MOUNTS(PROBE_ROW)
	/* clang-format on */
	{ NULL },
};
