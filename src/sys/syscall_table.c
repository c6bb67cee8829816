#include "sys/syscall_table.h"

#include <errno.h>
#include <linux/audit.h>

const struct sysc_info sysc_info[SYSC_N] = {
#define SYSC_ROW(name, x86, arm, narrow) [SYSC_##name] = { #name, { x86, arm }, narrow },
	SYSC_LIST(SYSC_ROW)
#undef SYSC_ROW
};

#define SYSC_FITS(id, x86, arm, narrow)                                            \
	_Static_assert(sizeof(#id) <= sizeof(((struct sysc_info *)0)->name), #id); \
	_Static_assert((x86) < SYSC_NR_MAX && (arm) < SYSC_NR_MAX, #id);
SYSC_LIST(SYSC_FITS)
#undef SYSC_FITS

int sysc_by_name(struct str name)
{
	size_t lo = 0, hi = SYSC_N;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = str_cmp(name, str_of(sysc_info[mid].name));

		if (c == 0)
			return (int)mid;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return -ENOENT;
}

int sysc_by_nr(enum sysc_arch arch, uint32_t nr)
{
	for (int i = 0; i < SYSC_N; i++) {
		if (sysc_info[i].nr[arch] >= 0 && (uint32_t)sysc_info[i].nr[arch] == nr)
			return i;
	}
	return -ENOENT;
}

const char *sysc_nearest(struct str name)
{
	const char *names[SYSC_N];

	for (int i = 0; i < SYSC_N; i++)
		names[i] = sysc_info[i].name;
	return str_nearest(name, names, SYSC_N);
}

uint32_t sysc_audit_arch(enum sysc_arch arch)
{
	return arch == SYSC_AARCH64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64;
}

const char *sysc_arch_name(enum sysc_arch arch)
{
	return arch == SYSC_AARCH64 ? "aarch64" : "x86-64";
}

int sysc_arch_by_name(struct str name)
{
	static const struct {
		char name[12];
		enum sysc_arch arch;
	} names[] = {
		{ "x86-64", SYSC_X86_64 },   { "x86_64", SYSC_X86_64 }, { "amd64", SYSC_X86_64 },
		{ "aarch64", SYSC_AARCH64 }, { "arm64", SYSC_AARCH64 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (str_eqz(name, names[i].name))
			return (int)names[i].arch;
	}
	return -ENOENT;
}
