/*
 * Which back ends this machine can run. The CPU's word is not enough: the kernel must also save the
 * wide registers over a context switch. The C library has asked both at its start ("active"), and
 * each question of our own would cost a trap in a virtual machine.
 */
#include "codec/blake3_ops.h"

#ifdef __x86_64__
#include <sys/platform/x86.h>

/* CPU_FEATURE_ACTIVE() by hand: the header's shifts an int into its sign. */
static bool active(unsigned feature)
{
	const unsigned bits = 8 * sizeof(unsigned);
	const struct cpuid_feature *leaf = __x86_get_cpuid_feature_leaf(feature / (4 * bits));

	return leaf->active_array[feature % (4 * bits) / bits] >> feature % bits & 1;
}

unsigned blake3_cpu(void)
{
	unsigned found = 0;

	if (active(x86_cpu_SSE4_1))
		found |= BLAKE3_CPU_SSE41;
	if (active(x86_cpu_AVX2))
		found |= BLAKE3_CPU_AVX2;
	if (active(x86_cpu_AVX2) && active(x86_cpu_AVX512F) && active(x86_cpu_AVX512BW) &&
	    active(x86_cpu_AVX512VL))
		found |= BLAKE3_CPU_AVX512;
	return found;
}
#else
unsigned blake3_cpu(void)
{
	return 0;
}
#endif
