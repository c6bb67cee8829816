/*
 * pty - pseudo-terminals and the terminal we were started on.
 *
 * pty_open() gives a pair with the slave's fd taken from the master itself (TIOCGPTPEER), so no
 * path is looked up. A pty_saved remembers how a terminal was set; pty_raw() and pty_restore() may
 * be called any number of times, in any order, also from the way out of a signal.
 */
#pragma once

#include <stdbool.h>
#include <termios.h>

/* Both close-on-exec, the master non-blocking, the slave not our controlling terminal. */
int pty_open(int *ret_master, int *ret_slave);

struct pty_saved {
	int fd; /* borrowed; -EBADF: nothing saved */
	struct termios termios;
	bool raw; /* now */
};

/* -ENOTTY: @fd is no terminal. */
int pty_save(int fd, struct pty_saved *ret_saved);
/* Every byte as it is typed, nothing echoed, no signals, output untouched. */
int pty_raw(struct pty_saved *saved);
void pty_restore(struct pty_saved *saved);

/* Give @to the window size, and for pty_copy_modes() the line settings, that @from has. */
int pty_copy_size(int from, int to);
int pty_copy_modes(const struct pty_saved *saved, int to);

/* May we read the terminal @fd: are we its foreground group, or is it not our controlling one? */
bool pty_is_foreground(int fd);
