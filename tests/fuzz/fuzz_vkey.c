/* Verifier keys: what is accepted is written again as exactly the same text. */
#include "codec/note.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str vkey = { .p = (const char *)data, .n = size }, name;
	uint8_t public[ED25519_PUBLIC];
	struct buf b = BUF_INIT(2 * size + 256);

	if (note_vkey_parse(vkey, &name, public) < 0)
		return 0;
	note_vkey_put(&b, name, public);
	if (!str_eq(buf_str(&b), vkey))
		abort();
	buf_done(&b);
	return 0;
}
