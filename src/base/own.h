/*
 * own - ownership in the declaration.
 *
 *	AUTO(fd_closep) int fd = -EBADF;	closed when the scope ends
 *	return take_fd(&fd);			handed to the caller, no longer ours
 *
 * A destructor named X_freep/X_closep takes a pointer to the variable and tolerates the empty
 * value (NULL, or a negative fd). Destructors named X_free return NULL, so that
 * `p = foo_free(p)` leaves no dangling pointer behind.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO(destructor) __attribute__((cleanup(destructor)))

/* Close @fd if it is one, keep errno, return -EBADF: `fd = fd_close(fd)`. */
static inline int fd_close(int fd)
{
	if (fd >= 0) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
	}
	return -EBADF;
}

static inline void fd_closep(int *fd)
{
	*fd = fd_close(*fd);
}

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -EBADF;
	return taken;
}

/* For malloc'ed memory of any type. */
static inline void freep(void *pp)
{
	void *p = *(void **)pp;

	free(p);
}

#define take_ptr(pp)                              \
	({                                        \
		__typeof__(*(pp)) taken_ = *(pp); \
		*(pp) = NULL;                     \
		taken_;                           \
	})

static inline void file_closep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

static inline void dir_closep(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}
