/*
 * Sealed rules: bytes from another process. The digest at their end is made right here, else nothing
 * behind it would ever be tried; what is read and compiled travels again to the same bytes.
 */
#include "base/own.h"
#include "codec/blake3.h"
#include "engine/sealed.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct engine_options options = { .memory_max = 16U << 20 };
	struct engine_set *set = NULL;
	struct err err = ERR_INIT;
	char *bytes;

	if (size > 65536)
		return 0;
	bytes = malloc(size + BLAKE3_OUT);
	if (!bytes)
		return 0;
	if (size)
		memcpy(bytes, data, size);
	blake3(bytes, size, (uint8_t *)bytes + size);
	if (engine_sealed_read((struct str){ bytes, size + BLAKE3_OUT }, &options, &set, &err) <
	    0) {
		if (!err_is_set(&err) || set)
			abort();
	} else {
		if (memcmp(engine_set_digest(set), bytes + size, BLAKE3_OUT) != 0)
			abort();
		set = engine_set_free(set);
	}
	free(bytes);
	return 0;
}
