/*
 * Which back ends this machine can run. The CPU's word is not enough: the kernel must also save the
 * wide registers over a context switch, and says so in XCR0 (Intel SDM vol. 1, 13.3 and 14.3).
 */
#include "codec/blake3_ops.h"

#ifdef __x86_64__
#include <cpuid.h>

#define XCR0_AVX 0x06    /* SSE, AVX */
#define XCR0_AVX512 0xe6 /* and opmask, upper halves, upper sixteen */

static uint64_t xcr0(void)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

unsigned blake3_cpu(void)
{
	const unsigned avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512VL;
	unsigned a, b, c, d, found = 0;
	uint64_t saved = 0;

	if (!__get_cpuid(1, &a, &b, &c, &d))
		return 0;
	if (c & bit_SSE4_1)
		found |= BLAKE3_CPU_SSE41;
	if (c & bit_OSXSAVE)
		saved = xcr0();
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return found;
	if ((b & bit_AVX2) && (saved & XCR0_AVX) == XCR0_AVX)
		found |= BLAKE3_CPU_AVX2;
	if ((found & BLAKE3_CPU_AVX2) && (b & avx512) == avx512 &&
	    (saved & XCR0_AVX512) == XCR0_AVX512)
		found |= BLAKE3_CPU_AVX512;
	return found;
}
#else
unsigned blake3_cpu(void)
{
	return 0;
}
#endif
