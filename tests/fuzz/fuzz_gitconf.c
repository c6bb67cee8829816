/* Git configuration of a session's: nothing that names a program is ever called harmless. */
#include "mediate/gitconf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { .p = (const char *)data, .n = size };
	struct gitconf_finding finding;

	if (gitconf_check(text, &finding) < 0)
		return 0;
	/* without a backslash there is no other way to write these, but in comments and values */
	if (memchr(text.p ? text.p : "", '\\', text.n) && !memchr(text.p, '#', text.n) &&
	    !memchr(text.p, ';', text.n) && !memchr(text.p, '"', text.n))
		abort();
	return 0;
}
