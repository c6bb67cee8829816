#include "sys/tracee.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096U /* reads end at its borders: what lies behind one may not be there */

static ssize_t read_system(pid_t tid, uint64_t address, void *to, size_t n)
{
	struct iovec here = { .iov_base = to, .iov_len = n };
	struct iovec there = { .iov_base = (void *)(uintptr_t)address, .iov_len = n };
	ssize_t got = process_vm_readv(tid, &here, 1, &there, 1, 0);

	return got < 0 ? -errno : got;
}

static tracee_source *source = read_system;

void tracee_source_set(tracee_source *other)
{
	source = other ? other : read_system;
}

int tracee_read(pid_t tid, uint64_t address, void *to, size_t n)
{
	ssize_t got = n ? source(tid, address, to, n) : 0;

	if (got < 0)
		return (int)got;
	return (size_t)got == n ? 0 : -EFAULT;
}

int tracee_write(pid_t tid, uint64_t address, const void *from, size_t n)
{
	struct iovec here = { .iov_base = (void *)(uintptr_t)from, .iov_len = n };
	struct iovec there = { .iov_base = (void *)(uintptr_t)address, .iov_len = n };
	ssize_t put = process_vm_writev(tid, &here, 1, &there, 1, 0);

	if (put < 0)
		return -errno;
	return (size_t)put == n ? 0 : -EFAULT;
}

/* Up to @cap bytes, to the NUL or the end of what is there; 1: with the NUL, 0: none within @cap. */
static int read_text(pid_t tid, uint64_t address, char *to, size_t cap, size_t *ret_n)
{
	size_t n = 0;

	while (n < cap) {
		size_t chunk = PAGE - (size_t)((address + n) & (PAGE - 1));
		size_t most = n == 0 && cap > 256 ? 256 : cap - n; /* few paths are longer */
		const char *end;
		ssize_t got;

		if (chunk > most)
			chunk = most;
		got = source(tid, address + n, to + n, chunk);
		if (got <= 0 || (size_t)got > chunk)
			return got < 0 ? (int)got : -EFAULT;
		end = memchr(to + n, '\0', (size_t)got);
		if (end) {
			*ret_n = (size_t)(end - to);
			return 1;
		}
		if ((size_t)got < chunk)
			return -EFAULT;
		n += (size_t)got;
	}
	*ret_n = n;
	return 0;
}

int tracee_path(pid_t tid, uint64_t address, char to[TRACEE_PATH_MAX], size_t *ret_n)
{
	int r = read_text(tid, address, to, TRACEE_PATH_MAX, ret_n);

	if (r < 0)
		return r;
	return r == 1 ? 0 : -ENAMETOOLONG;
}

int tracee_address(pid_t tid, uint64_t address, uint64_t n, struct tracee_address *ret)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	if (n > sizeof(ret->storage) || n < sizeof(sa_family_t))
		return -EINVAL;
	ret->n = (socklen_t)n;
	r = tracee_read(tid, address, &ret->storage, (size_t)n);
	/* as unix(7) has it, and there is no room for more */
	return r == 0 && ret->family == AF_UNIX && n > sizeof(ret->un) ? -EINVAL : r;
}

/* struct user_msghdr (include/linux/socket.h), 64 bits. */
struct message {
	uint64_t name;
	int32_t n_name;
	uint32_t pad;
	uint64_t iov, n_iov, control, n_control;
	uint32_t flags, pad2;
};

int tracee_message(pid_t tid, uint64_t address, struct tracee_message *ret)
{
	struct message m;
	int r = tracee_read(tid, address, &m, sizeof(m));

	memset(ret, 0, sizeof(*ret));
	if (r < 0)
		return r;
	if (m.n_name < 0)
		return -EINVAL;
	ret->iov = m.iov;
	ret->n_iov = m.n_iov;
	ret->control = m.control;
	ret->n_control = m.n_control;
	if (!m.name || m.n_name == 0)
		return 0;
	/* the kernel takes as much as fits an address, and no more */
	if ((size_t)m.n_name > sizeof(ret->name.storage))
		m.n_name = (int32_t)sizeof(ret->name.storage);
	ret->named = true;
	return tracee_address(tid, m.name, (uint64_t)m.n_name, &ret->name);
}

/* One text of a list into what is left of @ret's bytes. */
static int add_text(pid_t tid, uint64_t address, bool name, struct tracee_args *ret)
{
	char *to = ret->bytes + ret->used;
	size_t room = sizeof(ret->bytes) - ret->used, n = 0;
	int r = room ? read_text(tid, address, to, room, &n) : 0;

	if (r < 0)
		return r;
	if (r == 0) {
		ret->more = true;
		return 0;
	}
	if (name) {
		const char *eq = memchr(to, '=', n);

		n = eq ? (size_t)(eq - to) : n;
		to[n] = '\0';
	}
	ret->text[ret->n++] = (struct str){ .p = to, .n = n };
	ret->used += n + 1;
	return 0;
}

int tracee_args(pid_t tid, uint64_t address, bool names, struct tracee_args *ret)
{
	uint64_t pointers[64];
	int r = 0;

	ret->n = 0;
	ret->more = false;
	ret->used = 0;
	while (address && r == 0 && !ret->more) {
		size_t in_page = (PAGE - (size_t)(address & (PAGE - 1))) / sizeof(*pointers);
		size_t n = in_page == 0 ? 1 : in_page < 64 ? in_page : 64;

		r = tracee_read(tid, address, pointers, n * sizeof(*pointers));
		for (size_t i = 0; r == 0 && i < n && !ret->more; i++) {
			if (!pointers[i])
				return 0;
			if (ret->n == TRACEE_ARGS_MAX)
				ret->more = true;
			else
				r = add_text(tid, pointers[i], names, ret);
		}
		address += n * sizeof(*pointers);
	}
	return r;
}
