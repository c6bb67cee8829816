/* The accounts' file: what is taken, saved, is the same bytes; the digest is made right here. */
#include "base/buf.h"
#include "codec/blake3.h"
#include "engine/throttle.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT(1 << 20);
	uint8_t digest[BLAKE3_OUT];
	struct err err = ERR_INIT;
	struct throttle t;
	size_t lines = 0;

	if (size > 65536 || throttle_init(&t) < 0)
		return 0;
	buf_put(&text, data, size);
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	buf_printf(&text, "end %zu ", lines ? lines - 1 : 0);
	blake3(text.p, text.n, digest);
	buf_put_hex(&text, digest, sizeof(digest));
	buf_putc(&text, '\n');
	if (throttle_read(&t, buf_str(&text), &err) < 0 && !err_is_set(&err))
		abort();
	throttle_done(&t);
	buf_done(&text);
	return 0;
}
