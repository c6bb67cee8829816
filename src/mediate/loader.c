#include "mediate/loader.h"

#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define HEADERS_MAX (65536 / sizeof(Elf64_Phdr)) /* ELF_MIN_ALIGN, fs/binfmt_elf.c */

/* 1: all of it is there; 0: the file ends before; -errno. */
static int read_at(int fd, uint64_t at, void *to, size_t n)
{
	ssize_t got = at > INT64_MAX - n ? 0 : pread(fd, to, n, (off_t)at);

	return got < 0 ? -errno : (size_t)got == n;
}

int loader_of(int fd, char ret_path[PATH_MAX])
{
	Elf64_Ehdr head;
	Elf64_Phdr part;
	int r = read_at(fd, 0, &head, sizeof(head));

	if (r <= 0)
		return r;
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_phentsize != sizeof(part) ||
	    head.e_phnum > HEADERS_MAX)
		return 0;
	for (unsigned i = 0; i < head.e_phnum; i++) {
		if (head.e_phoff > UINT64_MAX - i * sizeof(part))
			return 0;
		r = read_at(fd, head.e_phoff + i * sizeof(part), &part, sizeof(part));
		if (r <= 0)
			return r;
		if (part.p_type != PT_INTERP)
			continue;
		if (part.p_filesz < 2 || part.p_filesz > PATH_MAX)
			return 0;
		r = read_at(fd, part.p_offset, ret_path, (size_t)part.p_filesz);
		return r == 1 ? ret_path[part.p_filesz - 1] == '\0' && ret_path[0] : r;
	}
	return 0;
}
