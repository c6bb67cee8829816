/*
 * raw - system calls that touch nothing of ours but registers: not errno, not the thread's own data.
 *
 * For a process that shares another's memory and has no thread data of its own, where the C
 * library's wrappers would write to the other's. The result is the kernel's: a negative errno on failure.
 */
#pragma once

#if defined(__x86_64__)
static inline long raw_call(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return r;
}
#elif defined(__aarch64__)
static inline long raw_call(long nr, long a, long b, long c)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
}
#else
#error "raw_call() is not written for this machine"
#endif
