#include "sandbox/init.h"

#include "base/str.h"
#include "sandbox/filter.h"
#include "sandbox/layers.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESTRICT_MS 5    /* a command that is through before that costs init no filter */
#define SWEEPS_MAX 10000 /* of the tree, each killing whoever is there */

/* Kill the children whose pids are listed in @text; true if there were any. */
static bool children_kill(const char *text, size_t n)
{
	bool any = false;
	long pid = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] >= '0' && text[i] <= '9') {
			pid = pid * 10 + (text[i] - '0');
		} else if (pid > 1) {
			(void)kill((pid_t)pid, SIGKILL);
			any = true;
			pid = 0;
		}
	}
	return any;
}

/*
 * End the tree without a pid namespace. init is the subreaper: whoever loses his parent becomes
 * its child, so killing children until there are none leaves nobody, however fast they fork. (A
 * child that is killed hands its own children up before it can be waited for.)
 */
void init_tree_kill(int children)
{
	char text[4096];
	ssize_t n;

	for (int i = 0; i < SWEEPS_MAX; i++) {
		if (lseek(children, 0, SEEK_SET) < 0)
			break;
		n = read(children, text, sizeof(text));
		if (n <= 0 || !children_kill(text, (size_t)n)) {
			if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
				break;
			continue;
		}
		/* One at least has died: wait for that, take along whoever else has. */
		if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
			break;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

_Noreturn static void end(const struct init *init)
{
	/* In a pid namespace the exit of its pid 1 kills everybody else. */
	if (init->children >= 0)
		init_tree_kill(init->children);
	_exit(0);
}

/*
 * The command has ended: so does what it left running. Everybody is reaped here, so that what is
 * told afterwards counts all of the tree, and is true: there is nobody left.
 */
static void rest_end(const struct init *init)
{
	if (init->children >= 0) {
		init_tree_kill(init->children);
		return;
	}
	/* As pid 1 of a namespace, "everybody" is the session. Anywhere else it is the user's all. */
	if (getpid() != 1)
		return;
	(void)kill(-1, SIGKILL); /* nobody left: ESRCH */
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

static void tell(const struct init *init, bool stopped, int status)
{
	struct init_event event = { .stopped = stopped, .status = status };

	(void)getrusage(RUSAGE_CHILDREN, &event.usage);
	/* Nobody listens any more: the lifeline will say so. */
	(void)!write(init->control, &event, sizeof(event));
}

static void reap(const struct init *init)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != init->command)
			continue;
		if (!WIFSTOPPED(status))
			rest_end(init);
		tell(init, WIFSTOPPED(status), status);
		if (!WIFSTOPPED(status))
			end(init);
	}
}

static void request_do(const struct init *init, const struct init_request *request)
{
	int sig = request->sig;
	bool group;

	if (request->kind == INIT_FOREGROUND) {
		if (init->tty >= 0)
			(void)tcsetpgrp(init->tty, init->command);
		(void)kill(-init->command, SIGCONT);
		return;
	}
	if (request->kind != INIT_SIGNAL || sig <= 0 || sig > SIGRTMAX)
		return;
	group = init->own_tty || sig == SIGTSTP || sig == SIGCONT || sig == SIGWINCH;
	(void)kill(group ? -init->command : init->command, sig);
}

static void control_read(const struct init *init)
{
	struct init_request request;
	ssize_t n = read(init->control, &request, sizeof(request));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		end(init); /* the supervisor is gone */
	if (n == (ssize_t)sizeof(request))
		request_do(init, &request);
}

/* Its own filter is a bonus: it has nothing that the session has not. */
static void restrict_self(void)
{
	struct filter filter;

	if (!layer_fault_check(LAYER_SECCOMP) &&
	    filter_compile(NULL, FILTER_INIT, &filter, NULL) == 0)
		(void)filter_load(&filter, 0, NULL);
}

_Noreturn void init_run(const struct init *init)
{
	struct pollfd fds[2] = {
		{ .fd = init->control, .events = POLLIN },
		{ .fd = init->signal_fd, .events = POLLIN },
	};
	char info[128 * 8];
	bool restricted = false;

	for (;;) {
		int n = poll(fds, 2, restricted ? -1 : RESTRICT_MS);

		if (n < 0 && errno != EINTR)
			end(init);
		if (n == 0) {
			restrict_self();
			restricted = true;
			continue;
		}
		if (fds[0].revents)
			control_read(init);
		if (fds[1].revents) {
			(void)!read(init->signal_fd, info, sizeof(info));
			reap(init);
		}
	}
}
