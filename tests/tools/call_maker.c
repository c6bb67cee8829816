/*
 * Makes system calls that are known beforehand, for the tests of recording.
 *
 *	call_maker mix DIR	each kind once, over fork, vfork, exec and threads
 *	call_maker tree D W N	a tree of processes, W children at each of D levels, while it grows each of
 *				them makes N getppid() calls
 *	call_maker flood N T	waits for a line, then T threads make N getppid() calls each
 *	call_maker idle		getpgid(4711) until it is killed
 *	call_maker hostile	stops, storms of signals, exec by a thread, clones that share everything
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char *own;

static long number(const char *text)
{
	return strtol(text, NULL, 10);
}

static void *thread_mix(void *arg)
{
	(void)arg;
	(void)syscall(SYS_getpgid, 0);
	(void)syscall(SYS_getpriority, 0, 0);
	return NULL;
}

static void mix_files(void)
{
	char text[16];
	int fd = open("a file", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	(void)!write(fd, "twelve bytes", 12);
	(void)lseek(fd, 0, SEEK_SET);
	(void)!read(fd, text, sizeof(text));
	(void)close(fd);
	(void)rename("a file", "another file");
	(void)!symlink("another file", "a link");
	(void)!readlink("a link", text, sizeof(text));
	(void)unlink("a link");
	(void)unlink("another file");
	(void)open("not there", O_RDONLY);
	(void)mkdir("a folder", 0750);
	(void)rmdir("a folder");
	(void)access("/nowhere at all", R_OK | X_OK);
}

static void mix_sockets(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "no such socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)connect(fd, (struct sockaddr *)&to, sizeof(to));
	(void)close(fd);
}

static int mix(const char *dir)
{
	pthread_t thread;
	pid_t pid;
	int status;

	if (chdir(dir) < 0)
		return 1;
	mix_files();
	mix_sockets();
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 3; i++)
			(void)syscall(SYS_getppid);
		_exit(7);
	}
	(void)waitpid(pid, &status, 0);
	pid = vfork();
	if (pid == 0) {
		(void)execl(own, own, "leaf", NULL);
		_exit(1);
	}
	(void)waitpid(pid, &status, 0);
	if (pthread_create(&thread, NULL, thread_mix, NULL) == 0)
		(void)pthread_join(thread, NULL);
	(void)kill(getpid(), 0);
	(void)execl(own, own, "leaf", NULL);
	return 1;
}

static int tree(long depth, long width, long n)
{
	for (long i = 0; depth > 0 && i < width; i++) {
		if (fork() == 0)
			return tree(depth - 1, width, n);
	}
	for (long i = 0; i < n; i++)
		(void)syscall(SYS_getppid);
	while (wait(NULL) > 0)
		;
	return 0;
}

static void *thread_flood(void *arg)
{
	long n = *(long *)arg;

	for (long i = 0; i < n; i++)
		(void)syscall(SYS_getppid);
	return NULL;
}

static int flood(long n, long threads)
{
	pthread_t thread[16];
	char line;

	(void)!write(1, "ready\n", 6);
	(void)!read(0, &line, 1);
	for (long i = 0; i < threads && i < 16; i++) {
		if (pthread_create(&thread[i], NULL, thread_flood, &n) != 0)
			return 1;
	}
	for (long i = 0; i < threads && i < 16; i++)
		(void)pthread_join(thread[i], NULL);
	(void)!write(1, "done\n", 5);
	return 0;
}

static void ignore(int sig)
{
	(void)sig;
}

static void *thread_exec(void *arg)
{
	(void)arg;
	(void)execl(own, own, "leaf", NULL);
	return NULL;
}

static void *thread_spin(void *arg)
{
	for (;;) {
		for (int i = 0; i < 10; i++)
			(void)syscall(SYS_getppid);
		(void)usleep(50);
	}
	return arg;
}

/* A child that is stopped, continued and signalled as fast as its parent can. */
static void hostile_storm(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)signal(SIGUSR1, ignore);
		(void)thread_spin(NULL);
	}
	for (int i = 0; i < 300; i++) {
		(void)kill(pid, SIGSTOP);
		(void)kill(pid, SIGUSR1);
		(void)kill(pid, SIGCONT);
	}
	(void)kill(pid, SIGSTOP);
	(void)waitpid(pid, NULL, WUNTRACED);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* exec by another thread than the first, with more of them about. */
static void hostile_exec(void)
{
	pid_t pid = fork();
	pthread_t thread;

	if (pid == 0) {
		for (int i = 0; i < 4; i++)
			(void)pthread_create(&thread, NULL, thread_spin, NULL);
		(void)pthread_create(&thread, NULL, thread_exec, NULL);
		for (;;)
			(void)pause();
	}
	(void)waitpid(pid, NULL, 0);
}

/* Killed while it makes a process that shares its memory. */
static void hostile_vfork(void)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			for (;;) {
				pid_t inner = vfork();

				if (inner == 0)
					_exit(0);
				(void)waitpid(inner, NULL, 0);
			}
		}
		(void)usleep((unsigned)(i * 200));
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
}

/* A child that asks not to be traced. */
static void hostile_untraced(void)
{
	long pid = syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		(void)syscall(SYS_getpgid, 4713);
		_exit(0);
	}
	(void)waitpid((pid_t)pid, NULL, 0);
}

static int hostile(void)
{
	hostile_untraced();
	hostile_storm();
	hostile_exec();
	hostile_vfork();
	(void)syscall(SYS_getpgid, 4712);
	(void)!write(1, "survived\n", 9);
	return 0;
}

int main(int argc, char **argv)
{
	own = argv[0];
	if (argc == 3 && strcmp(argv[1], "mix") == 0)
		return mix(argv[2]);
	if (argc == 5 && strcmp(argv[1], "tree") == 0)
		return tree(number(argv[2]), number(argv[3]), number(argv[4]));
	if (argc == 4 && strcmp(argv[1], "flood") == 0)
		return flood(number(argv[2]), number(argv[3]));
	if (argc == 2 && strcmp(argv[1], "hostile") == 0)
		return hostile();
	while (argc == 2 && strcmp(argv[1], "idle") == 0)
		(void)syscall(SYS_getpgid, 4711);
	return argc == 2 && strcmp(argv[1], "leaf") == 0 ? 0 : 2;
}
