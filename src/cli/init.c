/*
 * capsule init - write a commented capsule.yaml; what is there is never overwritten.
 */
#include "base/own.h"
#include "cli/cli.h"
#include "cli/init_text.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static int usage(FILE *to, int status)
{
	fputs("usage: capsule init [OPTIONS]\n\n"
	      "Write a commented capsule.yaml into the current folder. A file that is there "
	      "already "
	      "is\nleft as it is.\n\n"
	      "  --output FILE  write there\n"
	      "  --print        write to standard output\n"
	      "  --help         this text\n",
	      to);
	return status;
}

static int write_text(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int write_file(const char *path)
{
	AUTO(fd_closep)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	int r;

	if (fd < 0 && errno == EEXIST) {
		fprintf(stderr, "capsule init: %s is there already and stays as it is\n", path);
		return 1;
	}
	r = fd < 0 ? -errno : write_text(fd, init_text, sizeof(init_text) - 1);
	if (r < 0) {
		fprintf(stderr, "capsule init: %s: %s\n", path, strerror(-r));
		if (fd >= 0)
			(void)unlink(path); /* ours, and incomplete */
		return CLI_FAILED;
	}
	printf("%s written; 'capsule policy explain' says what it means\n", path);
	return 0;
}

int cli_init(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "print", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *path = "capsule.yaml";
	bool print = false;
	int c;

	while ((c = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
		switch (c) {
		case 'o': path = optarg; break;
		case 'p': print = true; break;
		case 'h': return usage(stdout, 0);
		default: return usage(stderr, CLI_USAGE);
		}
	}
	if (optind < argc)
		return usage(stderr, CLI_USAGE);
	if (print)
		return write_text(STDOUT_FILENO, init_text, sizeof(init_text) - 1) < 0 ? CLI_FAILED
										       : 0;
	return write_file(path);
}
