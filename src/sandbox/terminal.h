/*
 * terminal - the host's terminal and the session's own, and who has the keyboard.
 *
 * A session never gets the host's terminal. When one of its standard descriptors is a terminal it
 * gets a pty of ours in its place; what it writes goes through vt to the host's, what is typed goes
 * to it. Which of the two has the keyboard:
 *
 *  - stdin and stdout both terminals, and we in the foreground: the session, from the start. The
 *    host's terminal is raw; Ctrl-C and Ctrl-Z are the pty's, so they reach the session's
 *    foreground group as they would outside.
 *  - else (`capsule run -- git log | less`): nobody is disturbed. The session's group starts in the
 *    pty's background; should it read the terminal after all, the kernel stops it with SIGTTIN (or
 *    SIGTTOU when it sets modes), and then it gets the keyboard.
 *
 * When the command stops, the host's terminal is put back and we stop as well, so that the shell
 * sees a stopped job; when we are continued, the keyboard is taken again as soon as we are in the
 * foreground. A terminal that is not put back is a broken one: terminal_done() is called on every
 * way out, and a handler puts it back should Capsule crash.
 */
#pragma once

#include "sandbox/relay.h"
#include "sys/pty.h"

struct terminal {
	struct loop *loop;
	int host;          /* borrowed: whichever of 0, 1, 2 is a terminal */
	int master, slave; /* the session's; -EBADF: no terminal in this run */
	bool interactive;  /* stdin and stdout are both terminals */
	bool keyboard;     /* the session has it (also while stopped) */
	struct pty_saved saved;
	struct vt vt;
	struct relay_input input;
	struct relay output;
};

/* Has one of the descriptors 0, 1, 2 a terminal? @ret_is[i] says for each. */
bool terminal_wanted(bool ret_is[3]);

/* Make the pty, sized and set as the host's. No side effect on the host's terminal yet. */
int terminal_open(struct terminal *terminal, const bool is_tty[3], bool eight_bit);
/* Begin to carry its output. After the session was launched. */
int terminal_start(struct terminal *terminal, struct loop *loop, struct relay_quota *quota,
		   void (*changed)(struct relay *relay));
/* Does the session have the keyboard when it starts? Else: wall_command.start_background. */
bool terminal_starts_with_keyboard(const struct terminal *terminal);
/* Give the session the keyboard. False: we are in the background, it is not ours to give. */
bool terminal_take_keyboard(struct terminal *terminal);

/*
 * Stop ourselves as a terminal's job does, with @sig (SIGTSTP, SIGTTIN, SIGTTOU, SIGSTOP); returns
 * when continued. The keyboard has to be taken again then.
 */
void terminal_stop_self(struct terminal *terminal, int sig);
void terminal_resized(struct terminal *terminal);
/* The session has ended: carry what is left, put modes and terminal back. NULL-safe members. */
void terminal_done(struct terminal *terminal);
