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
#define OUTSIDE(name, call, what)                                           \
	static void name(void)                                              \
	{                                                                   \
		const char *path = joined(param("outside"), "made-" #name); \
                                                                            \
		attempt();                                                  \
		verdict(call, what);                                        \
	}
OUTSIDE(out_create, open(path, O_WRONLY | O_CREAT, 0644), "open(O_CREAT)")
OUTSIDE(out_mkdir, mkdir(path, 0755), "mkdir")
OUTSIDE(out_symlink, symlink("x", path), "symlink")
OUTSIDE(out_fifo, mkfifo(path, 0644), "mkfifo")

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

#define ON_FILE(name, key, call, what)         \
	static void name(void)                 \
	{                                      \
		const char *path = param(key); \
                                               \
		attempt();                     \
		verdict(call, what);           \
	}
#define PROTECTED(name, call, what) ON_FILE(p_##name, "protected", call, what)
PROTECTED(write, open(path, O_WRONLY), "open(O_WRONLY)")
PROTECTED(append, open(path, O_WRONLY | O_APPEND), "open(O_APPEND)")
PROTECTED(trunc, open(path, O_RDONLY | O_TRUNC), "open(O_TRUNC)")
PROTECTED(truncate, truncate(path, 0), "truncate")
PROTECTED(unlink, unlink(path), "unlink")
PROTECTED(away, rename(path, "away"), "rename away")
PROTECTED(over, rename(own_file("f-over"), path), "rename over it")
PROTECTED(exchange, renameat2(AT_FDCWD, own_file("f-exchange"), AT_FDCWD, path, RENAME_EXCHANGE),
	  "renameat2(EXCHANGE)")
PROTECTED(chmod, chmod(path, 0777), "chmod")
PROTECTED(fchmodat2, syscall(452, AT_FDCWD, path, 0777, AT_SYMLINK_NOFOLLOW), "fchmodat2")
PROTECTED(utimes, utimensat(AT_FDCWD, path, NULL, 0), "utimensat")
PROTECTED(xattr, setxattr(path, "user.capsule", "x", 1, 0), "setxattr")
PROTECTED(chown, chown(path, getuid(), getgid()), "chown")

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

static void p_ancestor(void)
{
	const char *path = param("ancestor");

	attempt();
	verdict(rename(path, "ancestor-moved"), "rename of a folder above it");
}

static void p_ancestor_exchange(void)
{
	const char *path = param("ancestor");

	mkdir("ancestor-evil", 0755);
	attempt();
	verdict(renameat2(AT_FDCWD, path, AT_FDCWD, "ancestor-evil", RENAME_EXCHANGE),
		"exchange of a folder above it");
}

#define INTO(name, call, what)                                    \
	static void d_##name(void)                                \
	{                                                         \
		const char *path = joined(param("pdir"), "evil"); \
                                                                  \
		attempt();                                        \
		verdict(call, what);                              \
	}
INTO(create, open(path, O_WRONLY | O_CREAT, 0755), "create in it")
INTO(mkdir, mkdir(path, 0755), "mkdir in it")
INTO(symlink, symlink("/tmp/evil", path), "symlink in it")
INTO(fifo, mkfifo(path, 0644), "mkfifo in it")
INTO(rename, rename(own_file("f-into"), path), "rename into it")
INTO(link, link(own_file("f-link"), path), "hard link into it")

static void d_tmpfile(void)
{
	tmpfile_into(joined(param("pdir"), "evil"), "O_TMPFILE and linkat into it");
}

static void d_tmpfile_in(void)
{
	const char *path = param("pdir");

	attempt();
	verdict(open(path, O_TMPFILE | O_WRONLY, 0644), "O_TMPFILE in it");
}

static void d_away(void)
{
	const char *path = param("pdir");

	attempt();
	verdict(rename(path, "dir-away"), "rename of the folder");
}

static void d_rmdir(void)
{
	const char *path = param("pdir");

	attempt();
	verdict(rmdir(path), "rmdir");
}

static void d_child(void)
{
	const char *path = joined(param("pdir"), "existing");

	attempt();
	verdict(open(path, O_WRONLY), "write to a file in it");
}

static void d_child_unlink(void)
{
	const char *path = joined(param("pdir"), "existing");

	attempt();
	verdict(unlink(path), "unlink of a file in it");
}

/* C7: calls that Landlock does not see. */
#define DENIED(name, call, what) ON_FILE(m_##name, "denied", call, what)
DENIED(open, open(path, O_RDONLY), "open")
DENIED(write, open(path, O_WRONLY), "open(O_WRONLY)")
DENIED(chmod, chmod(path, 0777), "chmod")
DENIED(chown, chown(path, getuid(), getgid()), "chown")
DENIED(utimes, utimensat(AT_FDCWD, path, NULL, 0), "utimensat")
DENIED(setxattr, setxattr(path, "user.capsule", "x", 1, 0), "setxattr")
DENIED(getxattr, getxattr(path, "user.secret", (char[16]){ 0 }, 16), "getxattr")
DENIED(access, access(path, R_OK), "access(R_OK)")
DENIED(access_w, access(path, W_OK), "access(W_OK)")
DENIED(truncate, truncate(path, 0), "truncate")
DENIED(unlink, unlink(path), "unlink")
DENIED(rename, rename(path, "denied-moved"), "rename")
DENIED(over, rename(own_file("f-denied"), path), "rename over it")
#define DDIR(name, call, what) ON_FILE(m_##name, "ddir", call, what)
DDIR(chdir, chdir(path), "chdir")
DDIR(list, open(path, O_RDONLY | O_DIRECTORY), "open of the folder")
DDIR(inside, open(joined(path, "inner"), O_RDONLY), "open of a file in it")
DDIR(inside_stat, access(joined(path, "inner"), F_OK), "access of a file in it")
DDIR(inside_new, open(joined(path, "new"), O_WRONLY | O_CREAT, 0644), "create in it")
DDIR(dir_chmod, chmod(path, 0777), "chmod of the folder")
DDIR(dir_rename, rename(path, "ddir-moved"), "rename of the folder")

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
#define RO(name, call, what) ON_FILE(r_##name, "rofile", call, what)
RO(write, open(path, O_WRONLY), "open(O_WRONLY)")
RO(truncate, truncate(path, 0), "truncate")
RO(trunc, open(path, O_RDONLY | O_TRUNC), "open(O_TRUNC)")
RO(creat, creat(path, 0644), "creat")
RO(chmod, chmod(path, 0777), "chmod")
RO(utimes, utimensat(AT_FDCWD, path, NULL, 0), "utimensat")
RO(chown, chown(path, getuid(), getgid()), "chown")
RO(xattr, setxattr(path, "user.capsule", "x", 1, 0), "setxattr")
RO(unlink, unlink(path), "unlink")
RO(rename, rename(path, "ro-moved"), "rename into the workspace")
RO(over, rename(own_file("f-ro"), path), "rename over it")

/* The same on what is not granted at all: it has to be reached first. */
#define UNGRANTED(name, call, what) ON_FILE(u_##name, "secret", call, what)
UNGRANTED(chmod, chmod(path, 0777), "chmod")
UNGRANTED(utimes, utimensat(AT_FDCWD, path, NULL, 0), "utimensat")
UNGRANTED(chown, lchown(path, getuid(), getgid()), "lchown")
UNGRANTED(xattr, lsetxattr(path, "user.capsule", "x", 1, 0), "lsetxattr")

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

static void r_create(void)
{
	const char *path = joined(param("rodir"), "new");

	attempt();
	verdict(open(path, O_WRONLY | O_CREAT, 0644), "create beside it");
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
	{ "C1-out-create", "create outside", OUT, "outside", out_create, 0 },
	{ "C1-out-mkdir", "mkdir outside", OUT, "outside", out_mkdir, 0 },
	{ "C1-out-symlink", "symlink outside", OUT, "outside", out_symlink, 0 },
	{ "C1-out-fifo", "mkfifo outside", OUT, "outside", out_fifo, 0 },
	{ "C2-race", "a component swapped for a symlink", "ENOENT", "secret outside seconds",
	  race_read, 0 },
	{ "C2-swap", "swap two names", "EAGAIN", "a b seconds", race_names, PROBE_NO_CONTROL },
	{ "C6-write", "write", PROT, "protected", p_write, 0 },
	{ "C6-append", "append", PROT, "protected", p_append, 0 },
	{ "C6-trunc", "open(O_TRUNC)", PROT, "protected", p_trunc, 0 },
	{ "C6-truncate", "truncate", PROT, "protected", p_truncate, 0 },
	{ "C6-unlink", "unlink", PROT, "protected", p_unlink, 0 },
	{ "C6-away", "rename away", PROT, "protected", p_away, 0 },
	{ "C6-over", "rename over it", PROT, "protected", p_over, 0 },
	{ "C6-exchange", "exchange", PROT, "protected", p_exchange, 0 },
	{ "C6-chmod", "chmod", PROT, "protected", p_chmod, 0 },
	{ "C6-fchmodat2", "fchmodat2", PROT " ENOSYS", "protected", p_fchmodat2, 0 },
	{ "C6-chown", "chown", PROT, "protected", p_chown, 0 },
	{ "C6-utimes", "utimensat", PROT, "protected", p_utimes, 0 },
	{ "C6-xattr", "setxattr", PROT, "protected", p_xattr, 0 },
	{ "C6-alias", "write by a hard link", PROT, "protected", p_alias, 0 },
	{ "C6-reopen", "reopen by /proc/self/fd", PROT, "protected", p_reopen, 0 },
	{ "C6-opath", "reopen of O_PATH", PROT, "protected", p_path_reopen, 0 },
	{ "C6-mmap", "shared writable mapping", PROT, "protected", p_mmap, PROBE_NO_CONTROL },
	{ "C6-tmpfile", "O_TMPFILE and linkat", PROT " EEXIST", "protected", p_tmpfile, 0 },
	{ "C6-symlink", "a symlink in its place", PROT " EEXIST", "protected", p_symlink, 0 },
	{ "C6-ancestor", "rename a folder above", PROT, "ancestor", p_ancestor, 0 },
	{ "C6-ancestor-exchange", "exchange a folder above", PROT, "ancestor", p_ancestor_exchange,
	  0 },
	{ "C6-dir-create", "create in a protected folder", PROT, "pdir", d_create, 0 },
	{ "C6-dir-mkdir", "mkdir in it", PROT, "pdir", d_mkdir, 0 },
	{ "C6-dir-symlink", "symlink in it", PROT, "pdir", d_symlink, 0 },
	{ "C6-dir-fifo", "mkfifo in it", PROT, "pdir", d_fifo, 0 },
	{ "C6-dir-rename", "rename into it", PROT, "pdir", d_rename, 0 },
	{ "C6-dir-link", "hard link into it", PROT, "pdir", d_link, 0 },
	{ "C6-dir-tmpfile", "O_TMPFILE linked into it", PROT, "pdir", d_tmpfile, 0 },
	{ "C6-dir-tmpfile-in", "O_TMPFILE in it", PROT, "pdir", d_tmpfile_in, 0 },
	{ "C6-dir-away", "rename the folder", PROT, "pdir", d_away, 0 },
	{ "C6-dir-rmdir", "rmdir", PROT " ENOTEMPTY", "pdir", d_rmdir, PROBE_NO_CONTROL },
	{ "C6-dir-child", "write to a file in it", PROT, "pdir", d_child, 0 },
	{ "C6-dir-unlink", "unlink a file in it", PROT, "pdir", d_child_unlink, 0 },
	{ "C7-open", "open a denied file", PROT, "denied", m_open, 0 },
	{ "C7-write", "open for writing", PROT, "denied", m_write, 0 },
	{ "C7-chmod", "chmod", PROT, "denied", m_chmod, 0 },
	{ "C7-chown", "chown", PROT, "denied", m_chown, 0 },
	{ "C7-utimes", "utimensat", PROT, "denied", m_utimes, 0 },
	{ "C7-setxattr", "setxattr", PROT, "denied", m_setxattr, 0 },
	{ "C7-getxattr", "getxattr", PROT " ENODATA EOPNOTSUPP", "denied", m_getxattr, 0 },
	{ "C7-access", "access(R_OK)", PROT, "denied", m_access, 0 },
	{ "C7-access-w", "access(W_OK)", PROT, "denied", m_access_w, 0 },
	{ "C7-truncate", "truncate", PROT, "denied", m_truncate, 0 },
	{ "C7-unlink", "unlink", PROT, "denied", m_unlink, 0 },
	{ "C7-rename", "rename", PROT, "denied", m_rename, 0 },
	{ "C7-over", "rename over it", PROT, "denied", m_over, 0 },
	{ "C7-stat", "stat", PROT, "denied ino", m_stat, 0 },
	{ "C7-opath", "O_PATH", PROT, "denied ino", m_opath, 0 },
	{ "C7-chdir", "chdir", PROT, "ddir", m_chdir, 0 },
	{ "C7-list", "list a denied folder", PROT, "ddir", m_list, 0 },
	{ "C7-inside", "a file in it", PROT " ENOENT", "ddir", m_inside, 0 },
	{ "C7-inside-stat", "is there a file in it", PROT " ENOENT", "ddir", m_inside_stat, 0 },
	{ "C7-inside-new", "create in it", PROT, "ddir", m_inside_new, 0 },
	{ "C7-dir-chmod", "chmod of the folder", PROT, "ddir", m_dir_chmod, 0 },
	{ "C7-dir-rename", "rename of the folder", PROT, "ddir", m_dir_rename, 0 },
	{ "C8-write", "write to a read-only grant", PROT, "rofile", r_write, 0 },
	{ "C8-truncate", "truncate", PROT, "rofile", r_truncate, 0 },
	{ "C8-trunc", "open(O_TRUNC)", PROT, "rofile", r_trunc, 0 },
	{ "C8-creat", "creat", PROT, "rofile", r_creat, 0 },
	{ "C8-chmod", "chmod", PROT, "rofile", r_chmod, 0 },
	{ "C8-utimes", "utimensat", PROT, "rofile", r_utimes, 0 },
	{ "C8-chown", "chown", PROT, "rofile", r_chown, 0 },
	{ "C8-xattr", "setxattr", PROT " EOPNOTSUPP", "rofile", r_xattr, 0 },
	{ "C8-unlink", "unlink", PROT, "rofile", r_unlink, 0 },
	{ "C8-rename", "rename away", PROT, "rofile", r_rename, 0 },
	{ "C8-over", "rename over it", PROT, "rofile", r_over, 0 },
	{ "C8-flags", "FS_IOC_SETFLAGS", PROT " ENOTTY", "rofile", r_flags, 0 },
	{ "C8-link", "write by a hard link", PROT, "rofile", r_link, 0 },
	{ "C8-create", "create beside it", PROT, "rodir", r_create, 0 },
	{ "C8-out-chmod", "chmod of a file outside", GONE, "secret", u_chmod, 0 },
	{ "C8-out-utimes", "utimensat of a file outside", GONE, "secret", u_utimes, 0 },
	{ "C8-out-chown", "lchown of a file outside", GONE " EPERM", "secret", u_chown, 0 },
	{ "C8-out-xattr", "lsetxattr of a file outside", GONE " EOPNOTSUPP", "secret", u_xattr, 0 },
	{ "C13-read", "read a file of the kernel", GONE " EPERM", "path", open_read, 0 },
	{ "C13-write", "write a file of the kernel", "ENOENT EACCES EROFS EPERM ENOTDIR", "path",
	  open_write, 0 },
	{ NULL },
};
