/* A log file of anybody's: verification, its diagnosis, old chains, the view and the proofs. */
#include "audit/proof.h"
#include "audit/verify.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct verify_options any = { 0 };
	static struct verify_report report;
	struct buf out = BUF_INIT(PROOF_MAX);
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("log", MFD_CLOEXEC);
	if (ed25519_init() < 0 || ftruncate(fd, 0) < 0 ||
	    pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	(void)lseek(fd, 0, SEEK_SET);
	(void)verify_fd(fd, &any, &report, NULL);
	(void)lseek(fd, 0, SEEK_SET);
	(void)verify_old_chain(fd, &report, NULL);
	(void)lseek(fd, 0, SEEK_SET);
	(void)proof_inclusion(fd, size & 3, &out, NULL);
	buf_done(&out);
	return 0;
}
