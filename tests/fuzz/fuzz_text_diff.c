/* Two texts, split at the first NUL: the difference is empty exactly when they are equal. */
#include "base/own.h"
#include "changes/changes.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t n = nul ? (size_t)(nul - data) : size;
	struct str old = { (const char *)data, n };
	struct str new = { (const char *)data + n + (nul != NULL), size - n - (nul != NULL) };
	AUTO(buf_done) struct buf out = BUF_INIT(64U << 20);

	if (text_diff(old, new, "a", "b", &out) < 0)
		abort();
	if (str_eq(old, new) != (out.n == 0))
		abort();
	return 0;
}
