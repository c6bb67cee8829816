/*
 * getdents64, getdents: the listing of a folder, without what is hidden in it.
 *
 * Read from the session's own descriptor, fetched with pidfd_getfd(2): the position is the description's, so
 * it goes on where the kernel left off, and whoever shares it sees it move. Entries that stay are as they
 * were, positions included, so that telldir and seekdir lead where they did; those that go leave no hole. If
 * a whole piece goes, the next is read: an empty answer would say that this is the end.
 *
 * Entries that could not be written to the caller's memory have not been read: the position is put back.
 */
#include "mediate/impl.h"

#include "base/own.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOM (64U << 10)
#define PIECES_MAX 4096 /* of which nothing stays: then it is an error */

/* linux_dirent64 and linux_dirent, as getdents(2) has them: two 64-bit numbers, a length of 16 bits, then: */
#define LENGTH_AT 16
#define NAME64_AT 19
#define NAME_AT 18

/* One call is handled at a time. */
static _Alignas(8) char list_room[ROOM];

struct listing {
	const struct object_view *view;
	dev_t dev; /* of the folder */
	size_t name_at;
	size_t n_folder; /* of @path, with a slash */
	char path[PATH_MAX + NAME_MAX + 2];
};

static bool is_hidden(struct listing *l, const char *name, size_t n)
{
	if (n > NAME_MAX)
		return true; /* no file system has such */
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	memcpy(l->path + l->n_folder, name, n + 1);
	return hides_path(l->view->hides, l->path);
}

/* Take out of the @n bytes in the room what is hidden; how many are left. */
static ssize_t sift(struct listing *l, size_t n)
{
	size_t from = 0, to = 0;

	while (from < n) {
		uint16_t length;
		uint64_t ino;
		const char *name = list_room + from + l->name_at, *end;

		memcpy(&ino, list_room + from, sizeof(ino));
		memcpy(&length, list_room + from + LENGTH_AT, sizeof(length));
		if (length <= l->name_at || length > n - from)
			return -EIO;
		end = memchr(name, '\0', length - l->name_at);
		if (!end)
			return -EIO;
		if (!is_hidden(l, name, (size_t)(end - name)) &&
		    !object_is_known(l->view, l->dev, ino, POLICY_FS_HIDE)) {
			memmove(list_room + to, list_room + from, length);
			to += length;
		}
		from += length;
	}
	return (ssize_t)to;
}

/* The next piece that something is left of; 0: the end. *@ret_before: where it began. */
static ssize_t read_piece(struct listing *l, long nr, int fd, size_t size, off_t *ret_before)
{
	*ret_before = lseek(fd, 0, SEEK_CUR);
	for (int i = 0; i < PIECES_MAX; i++) {
		long n = syscall(nr, fd, list_room, size);

		if (n <= 0)
			return n < 0 ? -errno : 0;
		n = sift(l, (size_t)n);
		if (n != 0)
			return n;
	}
	return -EIO;
}

static ssize_t list(struct mediator *m, struct call *call, long nr, int fd, off_t *ret_before)
{
	static struct listing l;
	struct stat st;
	size_t size = (uint32_t)call->n.args[2] < ROOM ? (uint32_t)call->n.args[2] : ROOM;
	ssize_t n;
	int r;

	l.view = &m->view;
	if (fstat(fd, &st) < 0)
		return -errno;
	l.dev = st.st_dev;
	l.name_at = nr == SYS_getdents64 ? NAME64_AT : NAME_AT;
	r = object_name(fd, l.path, &l.n_folder);
	if (r < 0)
		return r;
	if (l.path[l.n_folder - 1] != '/')
		l.path[l.n_folder++] = '/';
	session_enter(m);
	n = read_piece(&l, nr, fd, size, ret_before);
	session_leave(m);
	return n;
}

static void list_call(struct mediator *m, struct call *call, long nr)
{
	AUTO(fd_closep) int fd = -EBADF;
	ssize_t n = call_fetch(call, arg_fd(call, 0), &fd);
	off_t before = -1;

	if (n == 0)
		n = list(m, call, nr, fd, &before);
	if (n > 0 && (!notify_valid(m->o.listener, call->n.id) ||
		      tracee_write(call->n.tid, call->n.args[1], list_room, (size_t)n) < 0)) {
		(void)lseek(fd, before, SEEK_SET);
		n = -EFAULT;
	}
	call_answer(m, call, n);
}

void call_getdents64(struct mediator *m, struct call *call)
{
	list_call(m, call, SYS_getdents64);
}

#if defined(__x86_64__)
void call_getdents(struct mediator *m, struct call *call)
{
	list_call(m, call, SYS_getdents);
}
#endif
