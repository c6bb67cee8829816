/*
 * race_probe KIND SECONDS [KEY=VALUE ...]: a thread that keeps changing what a call is about, and one that
 * makes the call. Prints one JSON line: {"kind","attempts","good","refused","won"}.
 *
 * "won" counts calls that did what the rule forbids, seen by their effect and not by their result.
 * Kinds: the table at the end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Both are written, though nothing here reads them. */
#define BARRIER __asm__ volatile("" ::: "memory")

static atomic_bool over;
static unsigned long attempts, good, refused, won;

/* The bytes that the call reads, and the two texts that take turns there; of equal length. */
static char path[64];
static char good_path[64], bad_path[64];
static struct sockaddr_in address;
static uint16_t good_port, bad_port;

static void *flip_path(void *unused)
{
	while (!over) {
		memcpy(path, bad_path, sizeof(path));
		BARRIER;
		memcpy(path, good_path, sizeof(path));
		BARRIER;
	}
	return unused;
}

static void *flip_port(void *unused)
{
	while (!over) {
		*(volatile uint16_t *)&address.sin_port = bad_port;
		*(volatile uint16_t *)&address.sin_port = good_port;
	}
	return unused;
}

/* The folder "d" is a link to good and to bad in turn. */
static void *flip_link(void *unused)
{
	while (!over)
		(void)renameat2(AT_FDCWD, "d", AT_FDCWD, "e", RENAME_EXCHANGE);
	return unused;
}

/* One number means an innocent file, folder or socket, and a forbidden one, in turn. */
static int good_fd, bad_fd, shared_fd;

static void *flip_fd(void *unused)
{
	while (!over) {
		(void)dup2(bad_fd, shared_fd);
		(void)dup2(good_fd, shared_fd);
	}
	return unused;
}

/* The working folder of all threads. */
static void *flip_cwd(void *unused)
{
	while (!over) {
		(void)!fchdir(bad_fd);
		(void)!fchdir(good_fd);
	}
	return unused;
}

/* What openat2 is to do, in memory: reading, or cutting the file off. */
static struct open_how how;

static void *flip_flags(void *unused)
{
	while (!over) {
		*(volatile uint64_t *)&how.flags = O_WRONLY | O_TRUNC | O_CLOEXEC;
		*(volatile uint64_t *)&how.flags = O_RDONLY | O_CLOEXEC;
	}
	return unused;
}

static void count(bool done, bool bad)
{
	attempts++;
	won += bad;
	good += done && !bad;
	refused += !done;
}

static bool holds_secret(int fd)
{
	char text[16] = { 0 };

	return read(fd, text, sizeof(text) - 1) > 0 && strstr(text, "secret");
}

static void race_open(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	count(fd >= 0, fd >= 0 && holds_secret(fd));
	if (fd >= 0)
		(void)close(fd);
}

/* What is hidden is longer than what is not, by one byte. */
#define HIDDEN_SIZE 6

static void race_stat(void)
{
	struct stat st = { 0 };
	int r = stat(path, &st);

	count(r == 0, r == 0 && st.st_size == HIDDEN_SIZE);
}

static void race_stat_link(void)
{
	struct stat st = { 0 };
	int r = lstat("d/file", &st);

	count(r == 0, r == 0 && st.st_size == HIDDEN_SIZE);
}

static void race_path_only(void)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st = { 0 };

	(void)fstat(fd, &st);
	count(fd >= 0, fd >= 0 && st.st_size == HIDDEN_SIZE);
	if (fd >= 0)
		(void)close(fd);
}

static bool there(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

/* Whatever was made is looked for and taken away (the forbidden name by the test, which runs outside). */
static void made(int r)
{
	bool bad = there(bad_path);

	count(r >= 0, bad);
	if (bad)
		over = true;
	(void)unlink(good_path);
}

static void race_create(void)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)close(fd);
	made(fd);
}

static void race_rename(void)
{
	int fd = open("source", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)close(fd);
	made(rename("source", path));
}

static void race_link(void)
{
	made(link("kept", path));
}

static void race_unlink(void)
{
	int fd = open(good_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	bool bad;

	(void)close(fd);
	(void)unlink(path);
	bad = !there(bad_path);
	count(!there(good_path), bad);
	if (bad)
		over = true;
}

/* "d/file" by a component that is exchanged: by its content it is known what was opened. */
static void race_component(void)
{
	int fd = open("d/file", O_RDONLY | O_CLOEXEC);

	count(fd >= 0, fd >= 0 && holds_secret(fd));
	if (fd >= 0)
		(void)close(fd);
}

/* Of two programs one leaves a mark. The child shares our memory until it is through. */
static void race_exec(void)
{
	char *argv[] = { (char *)"program", NULL };
	int status = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		(void)syscall(SYS_execve, path, argv, NULL);
		_exit(99);
	}
	(void)waitpid(pid, &status, 0);
	count(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	      WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

/* The same program, told by its argument what to do. */
static void race_argv(void)
{
	char *argv[] = { (char *)"program", path, NULL };
	int status = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		(void)syscall(SYS_execve, "./tell", argv, NULL);
		_exit(99);
	}
	(void)waitpid(pid, &status, 0);
	count(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	      WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static int listeners[2];

static bool accepted(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static void race_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int r = connect(fd, (const struct sockaddr *)&address, sizeof(address));

	(void)close(fd);
	count(r == 0, accepted(listeners[1]));
	(void)accepted(listeners[0]);
}

static int listen_on(uint16_t *ret_port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = *ret_port };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&in, sizeof(in)) < 0 || listen(fd, 64) < 0) {
		perror("listen");
		exit(2);
	}
	return fd;
}

static void setup_connect(void)
{
	good_port = htons(4001);
	bad_port = htons(4002);
	listeners[0] = listen_on(&good_port);
	listeners[1] = listen_on(&bad_port);
	address = (struct sockaddr_in){ .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
					.sin_port = good_port };
}

/* ---- what is not memory of the caller ---- */

static void open_folders(void)
{
	good_fd = open("good", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bad_fd = open("worse", O_PATH | O_DIRECTORY | O_CLOEXEC);
	shared_fd = dup(good_fd);
	if (good_fd < 0 || bad_fd < 0 || shared_fd < 0) {
		perror("folders");
		exit(2);
	}
}

static void race_dirfd(void)
{
	int fd = openat(shared_fd, "file", O_RDONLY | O_CLOEXEC);

	count(fd >= 0, fd >= 0 && holds_secret(fd));
	if (fd >= 0)
		(void)close(fd);
}

static void race_cwd(void)
{
	int fd = open("file", O_RDONLY | O_CLOEXEC);

	count(fd >= 0, fd >= 0 && holds_secret(fd));
	if (fd >= 0)
		(void)close(fd);
}

/* The source of a link: what it leads to afterwards tells which. */
static void race_source(void)
{
	int r = link(path, "linked"), fd = r < 0 ? -1 : open("linked", O_RDONLY | O_CLOEXEC);

	count(r == 0, fd >= 0 && holds_secret(fd));
	if (fd >= 0)
		(void)close(fd);
	(void)unlink("linked");
}

/* A file that may be read and not be changed: its length tells. */
static void race_flags(void)
{
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, "kept.pem", &how, sizeof(how));
	struct stat st = { .st_size = 1 };

	(void)stat("kept.pem", &st);
	count(fd >= 0, st.st_size == 0);
	if (fd >= 0)
		(void)close(fd);
	if (st.st_size == 0)
		over = true;
}

/* ---- what a program is given ---- */

static int run_told(char *const *argv, char *const *envp)
{
	int status = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		(void)syscall(SYS_execve, "./tell", argv, envp);
		_exit(99);
	}
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void race_env(void)
{
	char *argv[] = { (char *)"program", NULL }, *envp[] = { path, NULL };
	int status = run_told(argv, envp);

	count(status == 0, status == 7);
}

/* The argument lies in memory that another process keeps writing. */
static char *peer_text;
static pid_t peer;

static void setup_peer(void)
{
	peer_text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (peer_text == MAP_FAILED || (peer = fork()) < 0) {
		perror("peer");
		exit(2);
	}
	while (peer == 0) {
		memcpy(peer_text, bad_path, sizeof(path));
		BARRIER;
		memcpy(peer_text, good_path, sizeof(path));
		BARRIER;
	}
}

static void *wait_peer(void *unused)
{
	while (!over)
		(void)usleep(10000);
	(void)kill(peer, SIGKILL);
	(void)waitpid(peer, NULL, 0);
	return unused;
}

static void race_peer(void)
{
	char *argv[] = { (char *)"program", peer_text, NULL };
	int status = run_told(argv, NULL);

	count(status == 0, status == 7);
}

/* ---- datagrams ---- */

static int receivers[2];

static int receive_on(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = port };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&in, sizeof(in)) < 0) {
		perror("receive");
		exit(2);
	}
	return fd;
}

static bool received(int fd)
{
	char text[16];
	bool any = false;

	while (recv(fd, text, sizeof(text), 0) > 0)
		any = true;
	return any;
}

static void setup_datagrams(void)
{
	good_port = htons(4001);
	bad_port = htons(4002);
	receivers[0] = receive_on(good_port);
	receivers[1] = receive_on(bad_port);
	address = (struct sockaddr_in){ .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
					.sin_port = good_port };
	bad_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	good_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	shared_fd = dup(bad_fd);
}

static void sent(ssize_t r)
{
	bool bad = received(receivers[1]);

	count(received(receivers[0]) && r >= 0, bad);
}

static void race_sendto(void)
{
	sent(sendto(bad_fd, "x", 1, 0, (const struct sockaddr *)&address, sizeof(address)));
}

static void race_sendmsg(void)
{
	struct iovec iov = { .iov_base = path, .iov_len = 1 };
	struct msghdr msg = { .msg_name = &address,
			      .msg_namelen = sizeof(address),
			      .msg_iov = &iov,
			      .msg_iovlen = 1 };

	sent(sendmsg(bad_fd, &msg, 0));
}

static void race_sendmmsg(void)
{
	struct iovec iov = { .iov_base = path, .iov_len = 1 };
	struct mmsghdr msg = { .msg_hdr = { .msg_name = &address,
					    .msg_namelen = sizeof(address),
					    .msg_iov = &iov,
					    .msg_iovlen = 1 } };

	sent(sendmmsg(bad_fd, &msg, 1, 0));
}

/*
 * The socket itself is exchanged: a stream, whose sends need no decision, for datagrams, which do. The
 * innocent call beside it shows that datagrams are let through at all.
 */
static void setup_exchange(void)
{
	setup_datagrams();
	address.sin_port = bad_port;
}

static void innocent(void)
{
	struct sockaddr_in in = address;

	in.sin_port = good_port;
	if (attempts % 16 == 0)
		sent(sendto(bad_fd, "x", 1, 0, (const struct sockaddr *)&in, sizeof(in)));
}

static void race_exchange(void)
{
	ssize_t r = sendto(shared_fd, "x", 1, MSG_NOSIGNAL, (const struct sockaddr *)&address,
			   sizeof(address));

	count(r >= 0, received(receivers[1]));
	innocent();
}

static void race_exchange_msg(void)
{
	struct iovec iov = { .iov_base = path, .iov_len = 1 };
	struct msghdr msg = { .msg_name = &address,
			      .msg_namelen = sizeof(address),
			      .msg_iov = &iov,
			      .msg_iovlen = 1 };
	ssize_t r = sendmsg(shared_fd, &msg, MSG_NOSIGNAL);

	count(r >= 0, received(receivers[1]));
	innocent();
}

/* A socket is bound to one port of two; the other side knows which. */
static void race_bind(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	struct sockaddr_in in = { 0 };
	socklen_t n = sizeof(in);

	(void)getsockname(fd, (struct sockaddr *)&in, &n);
	(void)close(fd);
	count(r == 0, r == 0 && in.sin_port == bad_port);
}

static void setup_bind(void)
{
	good_port = htons(4003);
	bad_port = htons(4004);
	address = (struct sockaddr_in){ .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
					.sin_port = good_port };
}

/*
 * Whether a connection waits is changed all the time, and nobody accepts it: many threads try, of which
 * those that wait stay where they are.
 */
static struct sockaddr_un nobody = { .sun_family = AF_UNIX, .sun_path = "l.sock" };

static void *keep_connecting(void *unused)
{
	while (!over)
		(void)connect(shared_fd, (const struct sockaddr *)&nobody, sizeof(nobody));
	return unused;
}

static void setup_wait(void)
{
	pthread_t thread;

	shared_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < 80; i++) {
		if (pthread_create(&thread, NULL, keep_connecting, NULL))
			exit(2);
	}
}

static void *flip_wait(void *unused)
{
	int flags = fcntl(shared_fd, F_GETFL);

	while (!over) {
		(void)fcntl(shared_fd, F_SETFL, flags | O_NONBLOCK);
		(void)fcntl(shared_fd, F_SETFL, flags & ~O_NONBLOCK);
	}
	exit(0);
	return unused;
}

static void race_wait(void)
{
	(void)usleep(10000);
}

static void open_lists(void)
{
	good_fd = open("good", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bad_fd = open("bad", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	shared_fd = dup(good_fd);
}

/* The listing of one folder or the other; in both there is a name that is hidden. */
static void race_list(void)
{
	char room[2048];
	bool bad = false, done = false;
	long n;

	(void)lseek(shared_fd, 0, SEEK_SET);
	n = syscall(SYS_getdents64, shared_fd, room, sizeof(room));
	for (long at = 0; at < n;) {
		uint16_t length;

		memcpy(&length, room + at + 16, sizeof(length));
		bad |= strcmp(room + at + 19, "hidden") == 0;
		done |= strcmp(room + at + 19, "file") == 0;
		at += length;
	}
	count(done, bad);
}

static const struct {
	const char *name, *good, *bad;
	void (*setup)(void);
	void *(*flip)(void *);
	void (*run)(void);
} kinds[] = {
	{ "open", "./plain", "./guard", NULL, flip_path, race_open },
	{ "create", "./plaim", "./gmade", NULL, flip_path, race_create },
	{ "rename", "./plaim", "./gmade", NULL, flip_path, race_rename },
	{ "link", "./plaim", "./gmade", NULL, flip_path, race_link },
	{ "unlink", "./plaiu", "./gkept", NULL, flip_path, race_unlink },
	{ "component", "", "", NULL, flip_link, race_component },
	{ "exec", "./goodp", "./guard", NULL, flip_path, race_exec },
	{ "argv", "good", "evil", NULL, flip_path, race_argv },
	{ "connect", "", "", setup_connect, flip_port, race_connect },
	{ "dirfd", "", "", open_folders, flip_fd, race_dirfd },
	{ "cwd", "", "", open_folders, flip_cwd, race_cwd },
	{ "source", "./plain", "./guard", NULL, flip_path, race_source },
	{ "flags", "", "", NULL, flip_flags, race_flags },
	{ "env", "GOOD=1", "EVIL=1", NULL, flip_path, race_env },
	{ "peer", "good", "evil", setup_peer, wait_peer, race_peer },
	{ "sendto", "", "", setup_datagrams, flip_port, race_sendto },
	{ "sendmsg", "", "", setup_datagrams, flip_port, race_sendmsg },
	{ "sendmmsg", "", "", setup_datagrams, flip_port, race_sendmmsg },
	{ "exchange", "", "", setup_exchange, flip_fd, race_exchange },
	{ "exchange-msg", "", "", setup_exchange, flip_fd, race_exchange_msg },
	{ "wait", "", "", setup_wait, flip_wait, race_wait },
	{ "bind", "", "", setup_bind, flip_port, race_bind },
	{ "stat", "./plain", "./guard", NULL, flip_path, race_stat },
	{ "stat-link", "", "", NULL, flip_link, race_stat_link },
	{ "path-only", "./plain", "./guard", NULL, flip_path, race_path_only },
	{ "list", "", "", open_lists, flip_fd, race_list },
};

int main(int argc, char **argv)
{
	double seconds = argc > 2 ? strtod(argv[2], NULL) : 1;
	struct timespec end;
	pthread_t thread;

	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, argv[1]) != 0)
			continue;
		(void)snprintf(good_path, sizeof(good_path), "%s", kinds[i].good);
		(void)snprintf(bad_path, sizeof(bad_path), "%s", kinds[i].bad);
		memcpy(path, good_path, sizeof(path));
		if (kinds[i].setup)
			kinds[i].setup();
		(void)clock_gettime(CLOCK_MONOTONIC, &end);
		end.tv_sec += (time_t)seconds;
		if (pthread_create(&thread, NULL, kinds[i].flip, NULL))
			return 2;
		while (!over) {
			struct timespec now;

			kinds[i].run();
			(void)clock_gettime(CLOCK_MONOTONIC, &now);
			if (now.tv_sec > end.tv_sec ||
			    (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec))
				over = true;
		}
		(void)pthread_join(thread, NULL);
		printf("{\"kind\":\"%s\",\"attempts\":%lu,\"good\":%lu,\"refused\":%lu,\"won\":%lu}"
		       "\n",
		       argv[1], attempts, good, refused, won);
		return 0;
	}
	return 2;
}
