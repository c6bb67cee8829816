#include "sandbox/prompt.h"

#include "base/own.h"
#include "sandbox/prompt_page.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define WRITE_MS 1000 /* for a terminal that does not take it (XOFF) */

/* ---- the terminal ---- */

/* Through the session's own output where there is one: behind what is pending there. */
static void tty_write(struct prompt *p, struct str text)
{
	struct relay *output = &p->terminal->output;
	size_t at = 0;

	while (output->loop && at < text.n && !output->broken) {
		relay_finish(output, str_sub(text, at, at + 4096), WRITE_MS);
		if (relay_pending(output))
			return; /* it takes nothing: the next drawing will do */
		at += 4096;
	}
	if (output->loop)
		return;
	while (at < text.n) {
		struct pollfd pfd = { .fd = p->tty, .events = POLLOUT };
		ssize_t n;

		if (poll(&pfd, 1, WRITE_MS) <= 0)
			return;
		n = write(p->tty, text.p + at, text.n - at < 512 ? text.n - at : 512);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return;
		at += n > 0 ? (size_t)n : 0;
	}
}

static bool output_is_pipe(void)
{
	struct stat st;

	return fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode);
}

static bool here(const struct ask_front *front)
{
	const struct prompt *p = loop_owner(front, struct prompt, front);

	if (p->tty < 0 || !pty_is_foreground(p->tty))
		return false;
	if (p->terminal->master >= 0 && p->terminal->keyboard)
		return !p->terminal->output.broken && !p->terminal->input.ended;
	return !output_is_pipe() && !(p->terminal->master >= 0 && p->terminal->output.broken);
}

static bool session_has_keyboard(const struct prompt *p)
{
	return p->terminal->master >= 0 && p->terminal->keyboard;
}

/* ---- drawing ---- */

static uint64_t seconds_left(const struct prompt *p)
{
	const struct ask *ask = asks_find(p->asks, p->shown);
	uint64_t now = asks_now_ms(p->asks);

	return ask && ask->deadline_ms > now ? (ask->deadline_ms - now + 999) / 1000 : 0;
}

static void draw(struct prompt *p)
{
	static char page[PROMPT_PAGE_MAX];
	struct buf out = buf_fixed(page, sizeof(page));
	const struct ask *ask = asks_find(p->asks, p->shown);
	struct winsize ws = { 0 };
	struct prompt_view view = { .wider = p->wider, .details = p->details, .grants = p->grants };

	if (!ask)
		return;
	(void)ioctl(p->tty, TIOCGWINSZ, &ws);
	view.rows = ws.ws_row >= PROMPT_ROWS_MIN ? ws.ws_row : ws.ws_row ? PROMPT_ROWS_MIN : 24;
	view.cols = ws.ws_col >= 20 ? ws.ws_col : ws.ws_col ? 20 : 80;
	view.open = asks_counts(p->asks)->open;
	view.left_s = p->drawn_s = seconds_left(p);
	prompt_page(ask, &view, &out);
	tty_write(p, buf_str(&out));
}

/* Room for a question: the alternate screen, nothing of the session's attributes. */
static void screen_take(struct prompt *p)
{
	char room[1024];
	struct buf out = buf_fixed(room, sizeof(room));
	struct terminal *t = p->terminal;

	p->over = t->output.loop && vt_alternate(&t->vt);
	if (t->output.loop) {
		relay_hold(&t->output, true);
		vt_pause(&t->vt, &out);
	}
	buf_putz(&out, p->over ? "" : "\033[?1049h");
	buf_putz(&out, "\033[?25l\033[?6l\033[0m\033(B\017\033[2J");
	tty_write(p, buf_str(&out));
}

/* A program that draws the whole screen does so again when the size changes: for a moment it does. */
static void session_redraw(struct prompt *p)
{
	struct winsize ws;

	if (ioctl(p->tty, TIOCGWINSZ, &ws) < 0 || ws.ws_row < 2)
		return;
	ws.ws_row--;
	(void)ioctl(p->terminal->master, TIOCSWINSZ, &ws);
	p->shrunk = true;
}

static void screen_give_back(struct prompt *p)
{
	char room[1024];
	struct buf out = buf_fixed(room, sizeof(room));
	struct terminal *t = p->terminal;

	buf_putz(&out, p->over ? "\033[0m\033[2J\033[H" : "\033[0m\033[2J\033[?1049l");
	if (t->output.loop)
		vt_resume(&t->vt, &out);
	else
		buf_putz(&out, "\033[?25h");
	tty_write(p, buf_str(&out));
	if (t->output.loop)
		relay_hold(&t->output, false);
	if (p->over)
		session_redraw(p);
	p->over = false;
}

/* ---- keys ---- */

/* An escape sequence is not typing, but for a plain key as the kitty protocol writes it: CSI 97 u. */
static char key_of(const char *bytes, size_t n)
{
	char *end;
	long code;

	if (n == 1)
		return bytes[0] == 3 ? 'd' : bytes[0]; /* Ctrl-C */
	if (n < 4 || n > 10 || bytes[0] != '\033' || bytes[1] != '[' || bytes[n - 1] != 'u')
		return 0;
	code = strtol(bytes + 2, &end, 10);
	if (strncmp(end, ";1", 2) == 0)
		end += 2;
	return *end == 'u' && end == bytes + n - 1 && code > ' ' && code < 127 ? (char)code : 0;
}

static void answer(struct prompt *p, const struct ask *ask, char key)
{
	struct ask_reply reply;

	if (key == '?' || (key == 'w' && ask->has_wider && ask->widest >= RULE_SESSION)) {
		p->details ^= key == '?';
		p->wider ^= key == 'w';
		draw(p);
		return;
	}
	if (!prompt_key(ask, key, &reply))
		return;
	reply.wider = p->wider;
	reply.by = ASK_BY_TERMINAL;
	reply.pid = getpid();
	reply.uid = geteuid();
	(void)asks_answer(p->asks, p->shown, &reply, NULL);
}

static void keys_arrived(void *owner, const char *bytes, size_t n)
{
	struct prompt *p = owner;
	const struct ask *ask = asks_find(p->asks, p->shown);
	uint64_t now = asks_now_ms(p->asks);
	char copy[16] = "";

	if (!ask)
		return;
	if (now < p->quiet_until_ms) { /* meant for the session, or for nobody */
		if (session_has_keyboard(p))
			relay_input_put(&p->terminal->input, (struct str){ bytes, n });
		p->quiet_until_ms = now + PROMPT_QUIET_MS;
		return;
	}
	if (n >= sizeof(copy) || (n > 1 && bytes[0] != '\033')) { /* pasted */
		p->quiet_until_ms = now + PROMPT_QUIET_MS;
		return;
	}
	memcpy(copy, bytes, n);
	answer(p, ask, key_of(copy, n));
}

static int keys_ready(struct loop_watch *watch, uint32_t revents)
{
	struct prompt *p = loop_owner(watch, struct prompt, keys);
	char bytes[1024];
	ssize_t n = read(watch->fd, bytes, sizeof(bytes));

	(void)revents;
	if (n > 0)
		keys_arrived(p, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		prompt_hide(p); /* it has hung up */
	return 0;
}

/* The terminal once more, to be read without waiting; where it is another's (after su), by its other name. */
static int tty_reopen(int tty)
{
	int fd = relay_reopen(tty, O_RDONLY);

	if (fd < 0 && tcgetpgrp(tty) >= 0)
		fd = open("/dev/tty", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -EBADF : fd;
}

static bool keyboard_take(struct prompt *p)
{
	if (session_has_keyboard(p)) {
		relay_input_divert(&p->terminal->input, keys_arrived, p);
		return true;
	}
	p->keys = (struct loop_watch){ .fd = tty_reopen(p->tty),
				       .events = EPOLLIN,
				       .fn = keys_ready };
	if (p->keys.fd < 0)
		return false;
	if (pty_save(p->tty, &p->saved) < 0 || pty_raw(&p->saved) < 0 ||
	    loop_add(p->loop, &p->keys) < 0) {
		pty_restore(&p->saved);
		p->keys.fd = fd_close(p->keys.fd);
		return false;
	}
	return true;
}

static void keyboard_give_back(struct prompt *p)
{
	relay_input_divert(&p->terminal->input, NULL, NULL);
	if (p->keys.fd < 0)
		return;
	loop_remove(p->loop, &p->keys);
	p->keys.fd = fd_close(p->keys.fd);
	if (pty_is_foreground(p->tty))
		pty_restore(&p->saved);
	p->saved.raw = false;
}

/* ---- one after the other ---- */

void prompt_look(struct prompt *p)
{
	const struct ask *ask = p->asks ? asks_next(p->asks, 0) : NULL;

	if (!ask || p->shown || !here(&p->front) || !keyboard_take(p))
		return;
	p->shown = ask->id;
	p->details = p->wider = false;
	screen_take(p);
	draw(p);
	p->quiet_until_ms = asks_now_ms(p->asks) + PROMPT_QUIET_MS;
	(void)loop_timer_set(p->timer.fd, PROMPT_TICK_MS, PROMPT_TICK_MS);
}

/* The screen stays for the next question, if there is one. */
static void next(struct prompt *p)
{
	const struct ask *ask = asks_next(p->asks, 0);

	if (!ask) {
		prompt_hide(p);
		return;
	}
	p->shown = ask->id;
	p->details = p->wider = false;
	p->quiet_until_ms = asks_now_ms(p->asks) + PROMPT_QUIET_MS;
	draw(p);
}

void prompt_hide(struct prompt *p)
{
	if (!p->asks || !p->shown)
		return;
	p->shown = 0;
	screen_give_back(p);
	keyboard_give_back(p);
}

void prompt_resized(struct prompt *p)
{
	if (p->asks && p->shown)
		draw(p);
}

static int tick(struct loop_watch *watch, uint32_t revents)
{
	struct prompt *p = loop_owner(watch, struct prompt, timer);

	(void)revents;
	(void)loop_timer_read(watch->fd);
	if (p->shrunk) {
		p->shrunk = false;
		terminal_resized(p->terminal);
	}
	if (p->shown && !here(&p->front))
		prompt_hide(p);
	if (!p->shown)
		prompt_look(p);
	else if (seconds_left(p) != p->drawn_s)
		draw(p);
	if (!p->shown && !asks_next(p->asks, 0))
		(void)loop_timer_set(p->timer.fd, 0, 0);
	return 0;
}

static void changed(struct ask_front *front, const struct ask *ask, bool opened)
{
	struct prompt *p = loop_owner(front, struct prompt, front);

	if (opened) {
		(void)loop_timer_set(p->timer.fd, PROMPT_TICK_MS, PROMPT_TICK_MS);
		prompt_look(p);
	} else if (ask->id == p->shown) {
		next(p);
	}
}

int prompt_start(struct prompt *p, struct asks *asks, struct loop *loop, struct terminal *terminal,
		 const char *config_dir)
{
	int tty = -EBADF, r;

	*p = (struct prompt){ .loop = loop,
			      .terminal = terminal,
			      .tty = terminal->host,
			      .keys = { .fd = -EBADF },
			      .saved = { .fd = -EBADF },
			      .timer = { .fd = -EBADF, .events = EPOLLIN, .fn = tick },
			      .front = { .changed = changed, .here = here } };
	if (terminal->master < 0) {
		tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (tty < 0)
			return 0;
		p->tty = tty;
		p->own_tty = true;
	}
	(void)snprintf(p->grants, sizeof(p->grants), "%s/" GRANTS_FILE,
		       config_dir ? config_dir : "");
	p->timer.fd = loop_timer(0, 0);
	r = p->timer.fd < 0 ? p->timer.fd : loop_add(loop, &p->timer);
	p->asks = asks;
	asks_attach(asks, &p->front);
	asks_attend(asks, &p->front, true);
	if (r < 0)
		prompt_done(p);
	return r;
}

void prompt_done(struct prompt *p)
{
	if (!p->asks)
		return;
	prompt_hide(p);
	if (p->shrunk)
		terminal_resized(p->terminal);
	asks_detach(p->asks, &p->front);
	loop_remove(p->loop, &p->timer);
	p->timer.fd = fd_close(p->timer.fd);
	if (p->own_tty)
		p->tty = fd_close(p->tty);
	p->asks = NULL;
}
