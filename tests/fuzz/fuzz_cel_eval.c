/* Any text as an expression: the compiled program and the reference evaluator agree on it. */
#include "evaluators.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	evaluators_agree((struct str){ .p = (const char *)data, .n = size });
	return 0;
}
