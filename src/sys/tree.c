#include "sys/tree.h"

#include "base/own.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int dir_open(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A stream of @fd's own position; @fd stays the caller's. */
static DIR *dir_stream(int fd)
{
	int own = dir_open(fd, ".");
	DIR *dir = own < 0 ? NULL : fdopendir(own);

	if (!dir)
		fd_close(own);
	return dir;
}

/* A directory of somebody who took all rights from it: ours all the same. */
static int dir_free(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if ((st.st_mode & 0700) != 0700)
		(void)!fchmodat(dirfd, name, 0700, 0);
	return dir_open(dirfd, name);
}

/* Empty @name of @top: files go, directories move up into @top under a name of ours. */
static int flatten(int top, const char *name, unsigned long *serial)
{
	AUTO(fd_closep) int fd = dir_free(top, name);
	AUTO(dir_closep) DIR *dir = NULL;
	struct dirent *entry;
	int first = 0;

	if (fd < 0)
		return fd;
	dir = dir_stream(fd);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		char moved[32];

		if (is_dots(entry->d_name))
			continue;
		if (unlinkat(fd, entry->d_name, 0) == 0)
			continue;
		if (unlinkat(fd, entry->d_name, AT_REMOVEDIR) == 0)
			continue;
		/* to move a directory one must be able to write it: its ".." changes */
		(void)!fchmodat(fd, entry->d_name, 0700, AT_SYMLINK_NOFOLLOW);
		for (int i = 0; i < 100; i++) {
			(void)snprintf(moved, sizeof(moved), ".moved-%lu", (*serial)++);
			if (renameat2(fd, entry->d_name, top, moved, RENAME_NOREPLACE) == 0)
				break;
			if (errno != EEXIST) {
				first = first ? first : -errno;
				break;
			}
		}
	}
	return first;
}

int tree_empty(int fd)
{
	unsigned long serial = 0;
	int r = 0;

	(void)!fchmod(fd, 0700);
	for (;;) {
		AUTO(dir_closep) DIR *dir = dir_stream(fd);
		struct dirent *entry;
		bool left = false, gone = false;

		if (!dir)
			return -errno;
		while ((entry = readdir(dir))) {
			const char *name = entry->d_name;

			if (is_dots(name))
				continue;
			left = true;
			if (unlinkat(fd, name, 0) < 0 && unlinkat(fd, name, AT_REMOVEDIR) < 0) {
				r = flatten(fd, name, &serial);
				if (unlinkat(fd, name, AT_REMOVEDIR) < 0) {
					r = r ? r : -errno;
					continue;
				}
			}
			gone = true;
		}
		if (!left)
			return 0;
		if (!gone)
			return r ? r : -ENOTEMPTY;
	}
}

int tree_remove(int dirfd, const char *name)
{
	AUTO(fd_closep) int fd = dir_free(dirfd, name);
	int r;

	if (fd < 0)
		return fd;
	r = tree_empty(fd);
	return r < 0 ? r : unlinkat(dirfd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int tree_open(int dirfd, const char *name, int *ret_fd)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat st;
	int fd, error;

	/* looked at first: to open a device is to do something to it */
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return -ENXIO;
	fd = openat(dirfd, name, flags);
	if (fd < 0 && errno == EACCES) {
		mode_t mode = st.st_mode & 07777;

		if (fchmodat(dirfd, name, mode | (S_ISDIR(st.st_mode) ? 0500 : 0400), 0) < 0)
			return -EACCES;
		fd = openat(dirfd, name, flags);
		error = errno;
		(void)!fchmodat(dirfd, name, mode, 0);
		errno = error;
	}
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}
