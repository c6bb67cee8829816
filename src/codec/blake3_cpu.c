/*
 * Which back ends this machine can run. The CPU's word is not enough: the kernel must also save the
 * wide registers over a context switch. The C library has asked both at its start ("active"), and
 * each question of our own would cost a trap in a virtual machine.
 */
#include "codec/blake3_ops.h"

#ifdef __x86_64__
#include <sys/platform/x86.h>

unsigned blake3_cpu(void)
{
	unsigned found = 0;

	if (CPU_FEATURE_ACTIVE(SSE4_1))
		found |= BLAKE3_CPU_SSE41;
	if (CPU_FEATURE_ACTIVE(AVX2))
		found |= BLAKE3_CPU_AVX2;
	if (CPU_FEATURE_ACTIVE(AVX2) && CPU_FEATURE_ACTIVE(AVX512F) &&
	    CPU_FEATURE_ACTIVE(AVX512BW) && CPU_FEATURE_ACTIVE(AVX512VL))
		found |= BLAKE3_CPU_AVX512;
	return found;
}
#else
unsigned blake3_cpu(void)
{
	return 0;
}
#endif
