/* A line that a client of the control socket sends: refused with words, or a request within its bounds. */
#include "mediate/control.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_request r = { .verb = CONTROL_VERB_N };
	struct err err = ERR_INIT;

	if (size > CONTROL_LINE_MAX)
		return 0;
	if (control_request_read((struct str){ (const char *)data, size }, &r, &err) < 0) {
		if (!err_is_set(&err) || r.verb != CONTROL_VERB_N)
			abort();
		return 0;
	}
	if ((unsigned)r.verb >= CONTROL_VERB_N || (unsigned)r.scope > RULE_ALWAYS ||
	    (r.key.n && (r.key.n != CONTROL_KEY_LEN || r.key.p != r.key_text)))
		abort();
	return 0;
}
