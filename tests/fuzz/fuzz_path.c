/*
 * Paths: canonical stays canonical; decoding it once more never makes a path that climbs. The first byte
 * says what is allowed.
 */
#include "net/path.h"

#include <stdint.h>
#include <stdlib.h>

static char out[PATH_MAX_BYTES], again[PATH_MAX_BYTES];

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_bytes(struct str s, unsigned allow)
{
	check(s.n > 0 && s.p[0] == '/');
	for (size_t i = 0; i < s.n; i++) {
		check(s.p[i] > ' ' && s.p[i] < 0x7f && !strchr("\\?#\"<>[]^`{|}", s.p[i]));
		check(s.p[i] != ';' || allow & PATH_PARAMS);
	}
	check(!memmem(s.p, s.n, "//", 2) && !memmem(s.p, s.n, "/./", 3));
	check(!memmem(s.p, s.n, "/../", 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned allow = size ? data[0] & (PATH_SLASHES | PATH_PARAMS) : 0;
	struct str path = { .p = (const char *)data + 1, .n = size ? size - 1 : 0 };
	size_t n, twice;
	bool any;

	if (path_canon(path, allow, out, &n) != PATH_OK)
		return 0;
	check_bytes((struct str){ out, n }, allow);
	check(path_canon((struct str){ out, n }, allow, again, &twice) == PATH_OK);
	check(str_eq((struct str){ out, n }, (struct str){ again, twice }));
	n = path_slashes(out, n, &any);
	check(!any || allow & PATH_SLASHES);
	/* with its slashes decoded it is a path that needs nothing undone */
	check(path_canon((struct str){ out, n }, allow, again, &twice) == PATH_OK);
	check(str_eq((struct str){ out, n }, (struct str){ again, twice }));
	return 0;
}
