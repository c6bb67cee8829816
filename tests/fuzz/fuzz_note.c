/* Signed notes and checkpoints: anything may come from a file that somebody else wrote. */
#include "codec/note.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str note = { .p = (const char *)data, .n = size }, text;
	static const uint8_t seed[ED25519_SEED] = "a key that everybody may know";
	static struct ed25519_key key;
	struct checkpoint cp;

	if (key.public[0] == 0) {
		if (ed25519_init() < 0)
			abort();
		ed25519_from_seed(seed, &key);
	}
	(void)note_verify(note, STR("fuzz"), key.public, &text);
	if (checkpoint_parse(note, &cp) == 0) {
		struct buf b = BUF_INIT(2 * size + 256);

		/* what was read is what would be written, up to the extension lines */
		checkpoint_put(&b, cp.origin, cp.size, cp.root);
		if (!str_starts(note, buf_str(&b)))
			abort();
		buf_done(&b);
	}
	return 0;
}
