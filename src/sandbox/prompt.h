/*
 * prompt - asks the person at the run's own terminal.
 *
 * One question at a time is drawn: on the terminal's alternate screen, so that what the session had drawn
 * is back when it is answered; a session that uses the alternate screen itself is told that
 * the size has changed and draws anew. Meanwhile nothing of the session's is carried, in
 * either direction, so it can neither draw over the question nor see the answer; and what it had switched
 * on that makes a terminal type by itself (mouse, focus, paste marks) is off.
 *
 * An answer is a key pressed alone, and after PROMPT_QUIET_MS without any: what was typed before the
 * question was there, or is pasted, answers nothing. What was typed early goes to the session.
 *
 * Where the session has the keyboard it is taken from there; else the terminal that we were started on is
 * read for the time of a question, if we are its foreground job and its output is not a pipe's other end
 * (`capsule run x | less`: that reader is at the keyboard).
 */
#pragma once

#include "mediate/ask.h"
#include "sandbox/terminal.h"

#define PROMPT_QUIET_MS 400
#define PROMPT_TICK_MS 250

struct prompt {
	struct asks *asks; /* NULL: not in use */
	struct loop *loop;
	struct terminal *terminal; /* the session's; .master negative: it has none */
	struct ask_front front;
	int tty;                /* what is drawn on and read */
	bool own_tty;           /* /dev/tty, opened here */
	struct loop_watch keys; /* while the terminal is ours for a question */
	struct loop_watch timer;
	struct pty_saved saved;
	char grants[512];
	uint64_t shown;          /* the question on the screen; 0: none */
	uint64_t quiet_until_ms; /* on the asks' clock */
	uint64_t drawn_s;        /* what stands there as the time that is left */
	bool over, details, wider;
	bool shrunk; /* the session was told a smaller size, the right one follows */
};

/*
 * @terminal is borrowed. @config_dir: for the name of the grants file. A host without a terminal of its own is no
 * error: nobody is asked here then.
 */
int prompt_start(struct prompt *prompt, struct asks *asks, struct loop *loop,
		 struct terminal *terminal, const char *config_dir);
/* The terminal is needed otherwise (the job stops, the session ends): take the question off it. */
void prompt_hide(struct prompt *prompt);
/* And put the next one there, if it can be. */
void prompt_look(struct prompt *prompt);
void prompt_resized(struct prompt *prompt);
void prompt_done(struct prompt *prompt); /* also one never started */
