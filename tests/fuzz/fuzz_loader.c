/* The loader that a program names, in a file that a session wrote. */
#include "mediate/loader.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	char path[PATH_MAX];

	if (fd < 0)
		fd = memfd_create("elf", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (loader_of(fd, path) == 1 && (memchr(path, '\0', sizeof(path)) == NULL || !path[0]))
		abort();
	return 0;
}
