#include "base/file.h"

#include <errno.h>
#include <unistd.h>

#define READ_STEP 4096

int fd_write_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t r = write(fd, at, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -EIO;
		at += r;
		n -= (size_t)r;
	}
	return 0;
}

int fd_read_small(int fd, void *p, size_t cap, size_t *ret_n)
{
	size_t n = 0;
	char more;

	while (n < cap) {
		ssize_t r = read(fd, (char *)p + n, cap - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	if (n == cap && read(fd, &more, 1) > 0)
		return -EFBIG;
	*ret_n = n;
	return 0;
}

int fd_read_all(int fd, struct buf *to)
{
	for (;;) {
		char *room = buf_reserve(to, READ_STEP);
		ssize_t n;

		if (!room)
			return -EFBIG;
		n = read(fd, room, READ_STEP);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		buf_commit(to, (size_t)n);
	}
}
