#include "sandbox/terminal.h"

#include "base/own.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DRAIN_MS 200   /* for what still writes to the pty when its session has ended */
#define FINISH_MS 2000 /* for a host's terminal that does not take what is left (XOFF) */

/* For the crash handler: the one terminal that this process may have made raw. */
static struct pty_saved *crash_saved;

static void crash_handler(int sig)
{
	if (crash_saved)
		pty_restore(crash_saved);
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
}

static void crash_guard(struct pty_saved *saved)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	struct sigaction sa = { .sa_handler = saved ? crash_handler : SIG_DFL,
				.sa_flags = (int)SA_RESETHAND };

	crash_saved = saved;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &sa, NULL);
}

bool terminal_wanted(bool ret_is[3])
{
	bool any = false;

	for (int fd = 0; fd < 3; fd++) {
		ret_is[fd] = isatty(fd);
		any |= ret_is[fd];
	}
	return any;
}

int terminal_open(struct terminal *terminal, const bool is_tty[3], bool eight_bit)
{
	int r;

	terminal->host = is_tty[1] ? 1 : is_tty[2] ? 2 : 0;
	terminal->interactive = is_tty[0] && is_tty[1];
	r = pty_open(&terminal->master, &terminal->slave);
	if (r < 0)
		return r;
	r = pty_save(terminal->host, &terminal->saved);
	if (r < 0)
		return r;
	vt_init(&terminal->vt, eight_bit);
	/* in the background they may be a shell's line editor's: then the kernel's own are better */
	if (terminal->saved.termios.c_lflag & ICANON)
		(void)pty_copy_modes(&terminal->saved, terminal->slave);
	terminal_resized(terminal);
	return 0;
}

bool terminal_starts_with_keyboard(const struct terminal *terminal)
{
	return terminal->interactive && pty_is_foreground(terminal->host);
}

bool terminal_take_keyboard(struct terminal *terminal)
{
	if (!pty_is_foreground(terminal->host))
		return false;
	/* what it is put back to is what it is now, not what it was in the background */
	if (!terminal->saved.raw && pty_save(terminal->host, &terminal->saved) < 0)
		return false;
	crash_guard(&terminal->saved);
	if (pty_raw(&terminal->saved) < 0)
		return false;
	terminal->keyboard = true;
	return relay_input_listen(&terminal->input, terminal->host) == 0;
}

int terminal_start(struct terminal *terminal, struct loop *loop, struct relay_quota *quota,
		   void (*changed)(struct relay *relay))
{
	int master = fcntl(terminal->master, F_DUPFD_CLOEXEC, 3);
	int r;

	if (master < 0)
		return -errno;
	terminal->loop = loop;
	r = relay_input_start(&terminal->input, loop, terminal->master);
	if (r < 0) {
		(void)close(master);
		return r;
	}
	terminal->output.vt = &terminal->vt;
	terminal->output.answers = &terminal->input;
	terminal->output.quota = quota;
	terminal->output.changed = changed;
	terminal->output.with_digest = true; /* the bytes pass by anyway */
	return relay_start(&terminal->output, loop, master, terminal->host);
}

/*
 * With the keyboard the key was pressed in raw mode and only the session got the signal: the other
 * members of our job (`a | capsule run`) have to stop as well, so it goes to our group. SIGTSTP,
 * not SIGSTOP: in an orphaned group, with nobody to continue us, the kernel ignores it.
 */
void terminal_stop_self(struct terminal *terminal, int sig)
{
	bool keyboard = terminal->keyboard;
	sigset_t set, old;

	if (terminal->loop) {
		relay_input_deaf(&terminal->input);
		pty_restore(&terminal->saved);
	}
	if (sig == SIGSTOP)
		sig = SIGTSTP;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, sig);
	(void)kill(keyboard ? 0 : getpid(), sig);
	(void)sigprocmask(SIG_UNBLOCK, &set, &old); /* here we stop */
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (!terminal->loop)
		return;
	terminal_resized(terminal);
}

void terminal_resized(struct terminal *terminal)
{
	struct winsize ws;

	if (terminal->master < 0 || pty_copy_size(terminal->host, terminal->master) < 0)
		return;
	if (ioctl(terminal->master, TIOCGWINSZ, &ws) == 0)
		terminal->vt.rows = ws.ws_row;
}

/*
 * Once no slave is open the master reads what is buffered and then EIO, with the kernel's own
 * queue flushed before; while somebody still holds one it would be EAGAIN, so that wait is bounded.
 */
static void terminal_drain(struct terminal *terminal)
{
	struct relay *output = &terminal->output;

	terminal->slave = fd_close(terminal->slave);
	while (!output->ended && !output->broken) {
		struct pollfd pfd = { .fd = output->source.fd, .events = POLLIN };

		relay_drain(output);
		relay_finish(output, STR(""), FINISH_MS);
		if (relay_pending(output))
			return; /* the host's terminal does not take it */
		if (!output->ended && poll(&pfd, 1, DRAIN_MS) <= 0)
			return;
	}
}

void terminal_done(struct terminal *terminal)
{
	char text[512];
	struct buf put_back = buf_fixed(text, sizeof(text));

	if (terminal->master < 0)
		return;
	if (terminal->loop) {
		bool reports = vt_reports(&terminal->vt);

		terminal_drain(terminal);
		vt_end(&terminal->vt, &put_back);
		relay_finish(&terminal->output, buf_str(&put_back), FINISH_MS);
		if (reports && terminal->keyboard) /* a mouse report is not the user's typing */
			(void)tcflush(terminal->host, TCIFLUSH);
	}
	relay_input_done(&terminal->input);
	relay_done(&terminal->output);
	pty_restore(&terminal->saved);
	crash_guard(NULL);
	terminal->loop = NULL;
	terminal->master = fd_close(terminal->master);
	terminal->slave = fd_close(terminal->slave);
}
