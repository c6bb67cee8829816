/* Base64: every value has one text, so what is accepted encodes to itself. */
#include "codec/base64.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { .p = (const char *)data, .n = size };
	uint8_t *out = malloc(size / 4 * 3 + 1);
	struct buf b = BUF_INIT(2 * size + 8);
	size_t n;

	if (out && base64_decode(text, out, size / 4 * 3, &n) == 0) {
		base64_put(&b, out, n);
		if (!str_eq(buf_str(&b), text))
			abort();
	}
	free(out);
	buf_done(&b);
	return 0;
}
