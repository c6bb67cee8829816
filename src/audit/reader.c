#include "audit/reader.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE (512u << 10) /* what is read at once stays in the cache while it is hashed */

int reader_init(struct reader *r, int fd)
{
	/* a mapping, so that only as much memory is touched as the file has */
	void *p = mmap(NULL, READER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	*r = (struct reader){ .fd = fd, .p = p == MAP_FAILED ? NULL : p };
	return r->p ? 0 : -ENOMEM;
}

void reader_done(struct reader *r)
{
	if (r->p)
		(void)munmap(r->p, READER_BYTES);
	*r = (struct reader){ .fd = -EBADF };
}

static int fill(struct reader *r)
{
	if (r->start > 0) {
		memmove(r->p, r->p + r->start, r->end - r->start);
		r->end -= r->start;
		r->start = 0;
	}
	while (!r->eof && r->end < READER_BYTES) {
		size_t room = READER_BYTES - r->end;
		ssize_t n = read(r->fd, r->p + r->end, room < PIECE ? room : PIECE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		r->eof = n == 0;
		r->end += (size_t)n;
		if (n > 0 && memrchr(r->p + r->end - n, '\n', (size_t)n))
			break;
	}
	return 0;
}

int reader_lines(struct reader *r, struct str *ret_lines)
{
	const char *nl = NULL;
	int error;

	if (r->end > r->start)
		nl = memrchr(r->p + r->start, '\n', r->end - r->start);
	if (!nl) {
		error = fill(r);
		if (error < 0)
			return error;
		nl = r->end > 0 ? memrchr(r->p, '\n', r->end) : NULL;
		if (!nl && r->end == READER_BYTES && !r->eof)
			return -EMSGSIZE;
	}
	*ret_lines = (struct str){ .p = r->p + r->start,
				   .n = nl ? (size_t)(nl + 1 - r->p) - r->start : 0 };
	return 0;
}

void reader_take(struct reader *r, size_t n)
{
	r->start += n;
	r->offset += n;
}

struct str reader_rest(const struct reader *r)
{
	return (struct str){ .p = r->p + r->start, .n = r->end - r->start };
}
