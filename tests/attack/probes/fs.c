/*
 * Attacks on files (C1, C2, C3-C8, C11, C13).
 *
 * `secret` is a file outside every grant; `protected` a file and `pdir` a folder under `protect`;
 * `denied` and `ddir` are under `deny`; `rofile` and `rodir` may only be read. All of them belong
 * to the user that runs the session: file modes would let every one of these attacks through.
 */
#include "probe.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#define PATH_LEN 1024

static const char *joined(const char *a, const char *b)
{
	static char paths[4][PATH_LEN];
	static unsigned at;
	char *path = paths[at++ % 4];

	snprintf(path, PATH_LEN, "%s/%s", a, b);
	return path;
}

/* A file of our own with @text in it. */
static const char *own_file(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, "evil\n", 5) != 5)
		unable("cannot write %s", name);
	close(fd);
	return name;
}

static _Noreturn void read_secret(int fd, const char *what)
{
	char text[64];

	if (fd < 0)
		blocked(errno, "%s", what);
	if (slurp(fd, text, sizeof(text)) <= 0)
		blocked(EACCES, "%s yields nothing", what);
	succeeded("%s read '%.30s'", what, text);
}

static void link_read(void)
{
	unlink("l-read");
	if (symlink(param("secret"), "l-read"))
		unable("symlink");
	attempt();
	read_secret(open("l-read", O_RDONLY), "a symlink");
}

static void link_host(void)
{
	const char *link = param("hostlink");

	attempt();
	read_secret(open(link, O_RDONLY), "a symlink that was there");
}

static void link_chain(void)
{
	unlink("l-1");
	unlink("l-2");
	if (symlink("l-2", "l-1") || symlink("/proc/self/cwd/l-read", "l-2"))
		unable("symlink");
	unlink("l-read");
	if (symlink(param("secret"), "l-read"))
		unable("symlink");
	attempt();
	read_secret(open("l-1", O_RDONLY), "a chain through /proc/self/cwd");
}

static void link_create(void)
{
	unlink("l-new");
	if (symlink(joined(param("outside"), "created"), "l-new"))
		unable("symlink");
	attempt();
	verdict(open("l-new", O_WRONLY | O_CREAT, 0644), "O_CREAT through a dangling symlink");
}

static void link_rename(void)
{
	unlink("l-dir");
	own_file("f-rename");
	if (symlink(param("outside"), "l-dir"))
		unable("symlink");
	attempt();
	verdict(rename("f-rename", "l-dir/renamed"), "rename into a symlinked folder");
}

static void link_hard(void)
{
	unlink("l-hard");
	attempt();
	verdict(link(param("secret"), "l-hard"), "hard link of a file outside");
}

static void link_hard_out(void)
{
	own_file("f-out");
	attempt();
	verdict(link("f-out", joined(param("outside"), "linked")), "hard link to outside");
}

static void dotdot(void)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "../../../../../../../../../..%s", param("secret"));
	attempt();
	read_secret(open(path, O_RDONLY), "../..");
}

static void dotdot_fd(void)
{
	int dir = open(".", O_PATH | O_DIRECTORY);

	for (int i = 0; i < 16; i++)
		dir = openat(dir, "..", O_PATH | O_DIRECTORY);
	attempt();
	read_secret(openat(dir, param("secret") + 1, O_RDONLY), "openat(.., ..)");
}

static void by_prefix(const char *prefix)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%s%s", prefix, param("secret"));
	attempt();
	read_secret(open(path, O_RDONLY), path);
}

static void by_root(void)
{
	by_prefix("/proc/self/root");
}

static void by_init_root(void)
{
	by_prefix("/proc/1/root");
}

static void by_init_cwd(void)
{
	by_prefix("/proc/1/cwd/../../../../../..");
}

static void direct_read(void)
{
	attempt();
	read_secret(open(param("secret"), O_RDONLY), "open");
}

/* On a path outside, every kind of change. */
#define OUTSIDE(X)                                                             \
	X(out_create, "C1-out-create", "create outside", OUT, "outside", 0,    \
	  open(joined(path, "made-create"), O_WRONLY | O_CREAT, 0644))         \
	X(out_mkdir, "C1-out-mkdir", "mkdir outside", OUT, "outside", 0,       \
	  mkdir(joined(path, "made-mkdir"), 0755))                             \
	X(out_symlink, "C1-out-symlink", "symlink outside", OUT, "outside", 0, \
	  symlink("x", joined(path, "made-symlink")))                          \
	X(out_fifo, "C1-out-fifo", "mkfifo outside", OUT, "outside", 0,        \
	  mkfifo(joined(path, "made-fifo"), 0644))
OUTSIDE(PROBE_CALL)

/*
 * C2: one thread swaps a folder of ours with a symlink to outside, the other opens what is in it.
 */
static atomic_bool race_over;

static void *race_swap(void *arg)
{
	(void)arg;
	while (!race_over)
		renameat2(AT_FDCWD, "race-a", AT_FDCWD, "race-b", RENAME_EXCHANGE);
	return NULL;
}

static void race_read(void)
{
	const char *name = strrchr(param("secret"), '/') + 1;
	time_t end = time(NULL) + param_num("seconds");
	unsigned long rounds = 0;
	pthread_t thread;

	mkdir("race-a", 0755);
	own_file(joined("race-a", name));
	unlink("race-b");
	if (symlink(param("outside"), "race-b") || pthread_create(&thread, NULL, race_swap, NULL))
		unable("cannot set up the race");
	attempt();
	do {
		char text[16] = "";
		int fd = open(joined("race-a", name), O_RDONLY);

		if (fd >= 0) {
			slurp(fd, text, sizeof(text));
			close(fd);
		}
		if (text[0] && strncmp(text, "evil", 4) != 0)
			succeeded("read '%s' after %lu rounds", text, rounds);
		rounds++;
	} while (time(NULL) < end);
	race_over = true;
	pthread_join(thread, NULL);
	blocked(ENOENT, "%lu rounds", rounds);
}

/* Swaps two names for a while: what the wall looks at while it is being set up. */
static void race_names(void)
{
	const char *a = param("a"), *b = param("b");
	time_t end = time(NULL) + param_num("seconds");
	unsigned long rounds = 0;

	attempt();
	while (time(NULL) < end)
		rounds += renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0;
	blocked(EAGAIN, "%lu swaps", rounds);
}

#define PROTECTED(X)                                                                              \
	X(p_write, "C6-write", "write", PROT, "protected", 0, open(path, O_WRONLY))               \
	X(p_append, "C6-append", "append", PROT, "protected", 0, open(path, O_WRONLY | O_APPEND)) \
	X(p_trunc, "C6-trunc", "open(O_TRUNC)", PROT, "protected", 0,                             \
	  open(path, O_RDONLY | O_TRUNC))                                                         \
	X(p_truncate, "C6-truncate", "truncate", PROT, "protected", 0, truncate(path, 0))         \
	X(p_unlink, "C6-unlink", "unlink", PROT, "protected", 0, unlink(path))                    \
	X(p_away, "C6-away", "rename away", PROT, "protected", 0, rename(path, "away"))           \
	X(p_over, "C6-over", "rename over it", PROT, "protected", 0,                              \
	  rename(own_file("f-over"), path))                                                       \
	X(p_exchange, "C6-exchange", "exchange", PROT, "protected", 0,                            \
	  renameat2(AT_FDCWD, own_file("f-exchange"), AT_FDCWD, path, RENAME_EXCHANGE))           \
	X(p_chmod, "C6-chmod", "chmod", PROT, "protected", 0, chmod(path, 0777))                  \
	X(p_fchmodat2, "C6-fchmodat2", "fchmodat2", PROT " ENOSYS", "protected", 0,               \
	  syscall(452, AT_FDCWD, path, 0777, AT_SYMLINK_NOFOLLOW))                                \
	X(p_utimes, "C6-utimes", "utimensat", PROT, "protected", 0,                               \
	  utimensat(AT_FDCWD, path, NULL, 0))                                                     \
	X(p_xattr, "C6-xattr", "setxattr", PROT, "protected", 0,                                  \
	  setxattr(path, "user.capsule", "x", 1, 0))                                              \
	X(p_chown, "C6-chown", "chown", PROT, "protected", 0, chown(path, getuid(), getgid()))    \
	X(p_ancestor, "C6-ancestor", "rename a folder above", PROT, "ancestor", 0,                \
	  rename(path, "ancestor-moved"))
PROTECTED(PROBE_CALL)

/* A second name of the same file, which could then be written by that name. */
static void p_alias(void)
{
	const char *path = param("protected");

	unlink("alias");
	attempt();
	if (link(path, "alias"))
		blocked(errno, "hard link of it");
	verdict(open("alias", O_WRONLY), "write by a hard link");
}

static void p_reopen(void)
{
	char path[64];
	int fd = open(param("protected"), O_RDONLY);

	if (fd < 0)
		unable("cannot read the protected file");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	attempt();
	verdict(open(path, O_RDWR), "reopen by /proc/self/fd");
}

static void p_path_reopen(void)
{
	char path[64];
	int fd = open(param("protected"), O_PATH);

	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	attempt();
	verdict(open(path, O_WRONLY), "reopen of an O_PATH descriptor");
}

static void p_mmap(void)
{
	int fd = open(param("protected"), O_RDONLY);
	void *map;

	attempt();
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	verdict(map == MAP_FAILED ? -1 : 0, "a shared writable mapping");
}

/* O_TMPFILE here, linked over or into the protected place. */
static void tmpfile_into(const char *path, const char *what)
{
	char link[64];
	int fd = open(".", O_TMPFILE | O_WRONLY, 0644);

	if (fd < 0)
		unable("O_TMPFILE");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	attempt();
	verdict(linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW), what);
}

static void p_tmpfile(void)
{
	const char *path = param("protected");

	unlink(path);
	tmpfile_into(path, "unlink, then O_TMPFILE and linkat");
}

static void p_symlink(void)
{
	const char *path = param("protected");

	unlink(path);
	attempt();
	verdict(symlink("/tmp/evil", path), "unlink, then symlink");
}

static void p_ancestor_exchange(void)
{
	const char *path = param("ancestor");

	mkdir("ancestor-evil", 0755);
	attempt();
	verdict(renameat2(AT_FDCWD, path, AT_FDCWD, "ancestor-evil", RENAME_EXCHANGE),
		"exchange of a folder above it");
}

#define INTO(X)                                                                                  \
	X(d_create, "C6-dir-create", "create in a protected folder", PROT, "pdir", 0,            \
	  open(joined(path, "evil"), O_WRONLY | O_CREAT, 0755))                                  \
	X(d_mkdir, "C6-dir-mkdir", "mkdir in it", PROT, "pdir", 0,                               \
	  mkdir(joined(path, "evil"), 0755))                                                     \
	X(d_symlink, "C6-dir-symlink", "symlink in it", PROT, "pdir", 0,                         \
	  symlink("/tmp/evil", joined(path, "evil")))                                            \
	X(d_fifo, "C6-dir-fifo", "mkfifo in it", PROT, "pdir", 0,                                \
	  mkfifo(joined(path, "evil"), 0644))                                                    \
	X(d_rename, "C6-dir-rename", "rename into it", PROT, "pdir", 0,                          \
	  rename(own_file("f-into"), joined(path, "evil")))                                      \
	X(d_link, "C6-dir-link", "hard link into it", PROT, "pdir", 0,                           \
	  link(own_file("f-link"), joined(path, "evil")))                                        \
	X(d_tmpfile_in, "C6-dir-tmpfile-in", "O_TMPFILE in it", PROT, "pdir", 0,                 \
	  open(path, O_TMPFILE | O_WRONLY, 0644))                                                \
	X(d_away, "C6-dir-away", "rename the folder", PROT, "pdir", 0, rename(path, "dir-away")) \
	X(d_rmdir, "C6-dir-rmdir", "rmdir", PROT " ENOTEMPTY", "pdir", PROBE_NO_CONTROL,         \
	  rmdir(path))                                                                           \
	X(d_child, "C6-dir-child", "write to a file in it", PROT, "pdir", 0,                     \
	  open(joined(path, "existing"), O_WRONLY))                                              \
	X(d_child_unlink, "C6-dir-unlink", "unlink a file in it", PROT, "pdir", 0,               \
	  unlink(joined(path, "existing")))
INTO(PROBE_CALL)

static void d_tmpfile(void)
{
	tmpfile_into(joined(param("pdir"), "evil"), "O_TMPFILE and linkat into it");
}

/* C7: calls that Landlock does not see. */
#define DENIED(X)                                                                           \
	X(m_open, "C7-open", "open a denied file", PROT, "denied", 0, open(path, O_RDONLY)) \
	X(m_write, "C7-write", "open for writing", PROT, "denied", 0, open(path, O_WRONLY)) \
	X(m_chmod, "C7-chmod", "chmod", PROT, "denied", 0, chmod(path, 0777))               \
	X(m_chown, "C7-chown", "chown", PROT, "denied", 0, chown(path, getuid(), getgid())) \
	X(m_utimes, "C7-utimes", "utimensat", PROT, "denied", 0,                            \
	  utimensat(AT_FDCWD, path, NULL, 0))                                               \
	X(m_setxattr, "C7-setxattr", "setxattr", PROT, "denied", 0,                         \
	  setxattr(path, "user.capsule", "x", 1, 0))                                        \
	X(m_getxattr, "C7-getxattr", "getxattr", PROT " ENODATA EOPNOTSUPP", "denied", 0,   \
	  getxattr(path, "user.secret", (char[16]){ 0 }, 16))                               \
	X(m_access, "C7-access", "access(R_OK)", PROT, "denied", 0, access(path, R_OK))     \
	X(m_access_w, "C7-access-w", "access(W_OK)", PROT, "denied", 0, access(path, W_OK)) \
	X(m_truncate, "C7-truncate", "truncate", PROT, "denied", 0, truncate(path, 0))      \
	X(m_unlink, "C7-unlink", "unlink", PROT, "denied", 0, unlink(path))                 \
	X(m_rename, "C7-rename", "rename", PROT, "denied", 0, rename(path, "denied-moved")) \
	X(m_over, "C7-over", "rename over it", PROT, "denied", 0,                           \
	  rename(own_file("f-denied"), path))
DENIED(PROBE_CALL)
#define DENIED_FOLDER(X)                                                                          \
	X(m_chdir, "C7-chdir", "chdir", PROT, "ddir", 0, chdir(path))                             \
	X(m_list, "C7-list", "list a denied folder", PROT, "ddir", 0,                             \
	  open(path, O_RDONLY | O_DIRECTORY))                                                     \
	X(m_inside, "C7-inside", "a file in it", PROT " ENOENT", "ddir", 0,                       \
	  open(joined(path, "inner"), O_RDONLY))                                                  \
	X(m_inside_stat, "C7-inside-stat", "is there a file in it", PROT " ENOENT", "ddir", 0,    \
	  access(joined(path, "inner"), F_OK))                                                    \
	X(m_inside_new, "C7-inside-new", "create in it", PROT, "ddir", 0,                         \
	  open(joined(path, "new"), O_WRONLY | O_CREAT, 0644))                                    \
	X(m_dir_chmod, "C7-dir-chmod", "chmod of the folder", PROT, "ddir", 0, chmod(path, 0777)) \
	X(m_dir_rename, "C7-dir-rename", "rename of the folder", PROT, "ddir", 0,                 \
	  rename(path, "ddir-moved"))
DENIED_FOLDER(PROBE_CALL)

/* Seeing that something is there is one thing; seeing what it is, another. */
static void m_stat(void)
{
	const char *path = param("denied");
	ino_t real = (ino_t)param_num("ino");
	struct stat st;

	attempt();
	if (stat(path, &st))
		blocked(errno, "stat");
	if (st.st_ino == real || st.st_size > 0)
		succeeded("stat shows inode %lu, %ld bytes", (unsigned long)st.st_ino,
			  (long)st.st_size);
	blocked(EACCES, "stat shows an empty cover");
}

static void m_opath(void)
{
	const char *path = param("denied");
	ino_t real = (ino_t)param_num("ino");
	int fd = open(path, O_PATH);
	struct stat st;

	attempt();
	if (fd < 0)
		blocked(errno, "O_PATH");
	if (fstat(fd, &st) == 0 && st.st_ino == real)
		succeeded("O_PATH gave the file itself");
	blocked(EACCES, "O_PATH gives an empty cover");
}

/* C8 and friends, on what may only be read. */
#define READABLE(X)                                                                                \
	X(r_write, "C8-write", "write to a read-only grant", PROT, "rofile", 0,                    \
	  open(path, O_WRONLY))                                                                    \
	X(r_truncate, "C8-truncate", "truncate", PROT, "rofile", 0, truncate(path, 0))             \
	X(r_trunc, "C8-trunc", "open(O_TRUNC)", PROT, "rofile", 0, open(path, O_RDONLY | O_TRUNC)) \
	X(r_creat, "C8-creat", "creat", PROT, "rofile", 0, creat(path, 0644))                      \
	X(r_chmod, "C8-chmod", "chmod", PROT, "rofile", 0, chmod(path, 0777))                      \
	X(r_utimes, "C8-utimes", "utimensat", PROT, "rofile", 0,                                   \
	  utimensat(AT_FDCWD, path, NULL, 0))                                                      \
	X(r_chown, "C8-chown", "chown", PROT, "rofile", 0, chown(path, getuid(), getgid()))        \
	X(r_xattr, "C8-xattr", "setxattr", PROT " EOPNOTSUPP", "rofile", 0,                        \
	  setxattr(path, "user.capsule", "x", 1, 0))                                               \
	X(r_unlink, "C8-unlink", "unlink", PROT, "rofile", 0, unlink(path))                        \
	X(r_rename, "C8-rename", "rename away", PROT, "rofile", 0, rename(path, "ro-moved"))       \
	X(r_over, "C8-over", "rename over it", PROT, "rofile", 0, rename(own_file("f-ro"), path))  \
	X(r_create, "C8-create", "create beside it", PROT, "rodir", 0,                             \
	  open(joined(path, "new"), O_WRONLY | O_CREAT, 0644))
READABLE(PROBE_CALL)

/* The same on what is not granted at all: it has to be reached first. */
#define UNGRANTED(X)                                                                               \
	X(u_chmod, "C8-out-chmod", "chmod of a file outside", GONE, "secret", 0,                   \
	  chmod(path, 0777))                                                                       \
	X(u_utimes, "C8-out-utimes", "utimensat of a file outside", GONE, "secret", 0,             \
	  utimensat(AT_FDCWD, path, NULL, 0))                                                      \
	X(u_chown, "C8-out-chown", "lchown of a file outside", GONE " EPERM", "secret", 0,         \
	  lchown(path, getuid(), getgid()))                                                        \
	X(u_xattr, "C8-out-xattr", "lsetxattr of a file outside", GONE " EOPNOTSUPP", "secret", 0, \
	  lsetxattr(path, "user.capsule", "x", 1, 0))
UNGRANTED(PROBE_CALL)

static void r_flags(void)
{
	int fd = open(param("rofile"), O_RDONLY), flags = FS_NODUMP_FL;

	if (fd < 0)
		unable("cannot read it");
	attempt();
	verdict(ioctl(fd, FS_IOC_SETFLAGS, &flags), "FS_IOC_SETFLAGS");
}

static void r_link(void)
{
	const char *path = param("rofile");

	unlink("ro-linked");
	attempt();
	if (link(path, "ro-linked"))
		blocked(errno, "link");
	verdict(open("ro-linked", O_WRONLY), "write by a hard link");
}

static void open_path(int flags)
{
	const char *path = param("path");
	char byte;
	int fd;

	attempt();
	fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && flags == O_RDONLY && read(fd, &byte, 1) == 0)
		blocked(EACCES, "it is empty");
	verdict(fd, path);
}

static void open_read(void)
{
	open_path(O_RDONLY);
}

static void open_write(void)
{
	open_path(O_WRONLY);
}

#define GONE "ENOENT EACCES"
#define OUT "ENOENT EACCES EROFS EXDEV"
#define PROT "EROFS EACCES EPERM EBUSY EXDEV"

const struct probe probes_fs[] = {
	{ "C1-direct", "read a file outside", GONE, "secret", direct_read, 0 },
	{ "C1-symlink", "read through a symlink", GONE, "secret", link_read, 0 },
	{ "C1-host", "read through a symlink of before", GONE, "hostlink", link_host, 0 },
	{ "C1-chain", "a chain of symlinks and /proc/self/cwd", GONE, "secret", link_chain, 0 },
	{ "C1-create", "create through a dangling symlink", OUT, "outside", link_create, 0 },
	{ "C1-rename", "rename into a symlinked folder", OUT, "outside", link_rename, 0 },
	{ "C1-hardlink", "hard link from outside", "ENOENT EXDEV EACCES EPERM", "secret", link_hard,
	  0 },
	{ "C1-hardlink-out", "hard link to outside", "ENOENT EXDEV EACCES EPERM", "outside",
	  link_hard_out, 0 },
	{ "C1-dotdot", "../..", GONE, "secret", dotdot, 0 },
	{ "C1-dotdot-fd", "openat(fd, ..)", GONE, "secret", dotdot_fd, 0 },
	{ "C1-root", "/proc/self/root", GONE, "secret", by_root, 0 },
	{ "C1-init-root", "/proc/1/root", GONE, "secret", by_init_root, PROBE_NO_CONTROL },
	{ "C1-init-cwd", "/proc/1/cwd", GONE, "secret", by_init_cwd, PROBE_NO_CONTROL },
	{ "C2-race", "a component swapped for a symlink", "ENOENT", "secret outside seconds",
	  race_read, 0 },
	{ "C2-swap", "swap two names", "EAGAIN", "a b seconds", race_names, PROBE_NO_CONTROL },
	{ "C6-alias", "write by a hard link", PROT, "protected", p_alias, 0 },
	{ "C6-reopen", "reopen by /proc/self/fd", PROT, "protected", p_reopen, 0 },
	{ "C6-opath", "reopen of O_PATH", PROT, "protected", p_path_reopen, 0 },
	{ "C6-mmap", "shared writable mapping", PROT, "protected", p_mmap, PROBE_NO_CONTROL },
	{ "C6-tmpfile", "O_TMPFILE and linkat", PROT " EEXIST", "protected", p_tmpfile, 0 },
	{ "C6-symlink", "a symlink in its place", PROT " EEXIST", "protected", p_symlink, 0 },
	{ "C6-ancestor-exchange", "exchange a folder above", PROT, "ancestor", p_ancestor_exchange,
	  0 },
	{ "C6-dir-tmpfile", "O_TMPFILE linked into it", PROT, "pdir", d_tmpfile, 0 },
	{ "C7-stat", "stat", PROT, "denied ino", m_stat, 0 },
	{ "C7-opath", "O_PATH", PROT, "denied ino", m_opath, 0 },
	{ "C8-flags", "FS_IOC_SETFLAGS", PROT " ENOTTY", "rofile", r_flags, 0 },
	{ "C8-link", "write by a hard link", PROT, "rofile", r_link, 0 },
	{ "C13-read", "read a file of the kernel", GONE " EPERM", "path", open_read, 0 },
	{ "C13-write", "write a file of the kernel", "ENOENT EACCES EROFS EPERM ENOTDIR", "path",
	  open_write, 0 },
	/* clang-format off */
	OUTSIDE(PROBE_ROW)
	PROTECTED(PROBE_ROW)
	INTO(PROBE_ROW)
	DENIED(PROBE_ROW)
	DENIED_FOLDER(PROBE_ROW)
	READABLE(PROBE_ROW)
	UNGRANTED(PROBE_ROW)
	/* clang-format on */
	{ NULL },
};
