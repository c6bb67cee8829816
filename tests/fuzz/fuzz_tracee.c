/* What is read of a session's memory, which here is the input: at any address, ending anywhere. */
#include "sys/tracee.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t *memory;
static size_t memory_size;

static ssize_t source(pid_t tid, uint64_t address, void *to, size_t n)
{
	(void)tid;
	if (address >= memory_size)
		return -EFAULT;
	if (n > memory_size - address)
		n = memory_size - (size_t)address;
	memcpy(to, memory + address, n);
	return (ssize_t)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tracee_args args;
	struct tracee_message message;
	struct tracee_address address;
	char path[TRACEE_PATH_MAX];
	uint64_t at = 0;
	size_t n;

	memory = data;
	memory_size = size;
	tracee_source_set(source);
	memcpy(&at, data, size < 2 ? size : 2);
	if (tracee_path(1, at, path, &n) == 0 && (n >= sizeof(path) || strlen(path) != n))
		abort();
	(void)tracee_address(1, at, at, &address);
	if (tracee_message(1, at, &message) == 0 && message.named &&
	    message.name.n > sizeof(message.name.storage))
		abort();
	for (int names = 0; names < 2; names++) {
		if (tracee_args(1, at, names, &args) < 0)
			continue;
		if (args.n > TRACEE_ARGS_MAX || args.used > sizeof(args.bytes))
			abort();
		for (unsigned i = 0; i < args.n; i++) {
			if (args.text[i].p < args.bytes ||
			    args.text[i].p + args.text[i].n >= args.bytes + sizeof(args.bytes))
				abort();
		}
	}
	return 0;
}
