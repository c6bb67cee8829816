/*
 * race_probe KIND SECONDS [KEY=VALUE ...]: a thread that keeps changing what a call is about, and one that
 * makes the call. Prints one JSON line: {"kind","attempts","good","refused","won"}.
 *
 * "won" counts calls that did what the rule forbids, seen by their effect and not by their result.
 * Kinds: open, create, rename, link, unlink, component, exec, argv, connect.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
