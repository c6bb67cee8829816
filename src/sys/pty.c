#include "sys/pty.h"

#include "base/own.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

int pty_open(int *ret_master, int *ret_slave)
{
	AUTO(fd_closep)
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	int slave, unlock = 0;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	*ret_master = take_fd(&master);
	*ret_slave = slave;
	return 0;
}

int pty_save(int fd, struct pty_saved *ret_saved)
{
	struct pty_saved saved = { .fd = fd };

	if (tcgetattr(fd, &saved.termios) < 0)
		return -errno;
	*ret_saved = saved;
	return 0;
}

/*
 * TCSANOW: not TCSAFLUSH, since what was typed ahead is the command's; nor TCSADRAIN, which waits
 * for ever on a terminal that is held with Ctrl-S. Setting a terminal from the
 * background would stop us (SIGTTOU); the caller blocks or handles that signal.
 */
int pty_raw(struct pty_saved *saved)
{
	struct termios raw;

	if (saved->fd < 0 || saved->raw)
		return 0;
	raw = saved->termios;
	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(saved->fd, TCSANOW, &raw) < 0)
		return -errno;
	saved->raw = true;
	return 0;
}

void pty_restore(struct pty_saved *saved)
{
	int error = errno;

	if (saved->fd >= 0 && saved->raw)
		(void)tcsetattr(saved->fd, TCSANOW, &saved->termios);
	saved->raw = false;
	errno = error;
}

int pty_copy_size(int from, int to)
{
	struct winsize ws;

	if (ioctl(from, TIOCGWINSZ, &ws) < 0 || ioctl(to, TIOCSWINSZ, &ws) < 0)
		return -errno;
	return 0;
}

int pty_copy_modes(const struct pty_saved *saved, int to)
{
	return tcsetattr(to, TCSANOW, &saved->termios) < 0 ? -errno : 0;
}

bool pty_is_foreground(int fd)
{
	pid_t foreground = tcgetpgrp(fd);

	/* a terminal that is not our controlling one has no job control over us: reading is free */
	return foreground < 0 ? errno == ENOTTY : foreground == getpgrp();
}
