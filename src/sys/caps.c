#include "sys/caps.h"

#include "sys/missing_syscall.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

/* Everything that gives uid 0 its power is off, and all eight bits are locked as they stand. */
#define SECUREBITS                                                                               \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |                         \
	 SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | \
	 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

#define CAP_NUMBER_MAX 63 /* the kernel's sets are 64 bits wide */

static int cap_call(long nr, struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return sys_result(syscall(nr, &head, data));
}

/* -EINVAL past the last capability that this kernel knows ends the loop. */
static int bounding_empty(void)
{
	for (unsigned long cap = 0; cap <= CAP_NUMBER_MAX; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return errno == EINVAL && cap > 0 ? 0 : -errno;
	}
	return 0;
}

int caps_drop_all(bool *ret_bounded)
{
	struct __user_cap_data_struct none[2] = { 0 };
	bool bounded = false;
	int r;

	/* Bounding set and securebits first: both need the CAP_SETPCAP that is about to go. */
	r = bounding_empty();
	if (r == 0) {
		bounded = true;
		if (prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0) < 0)
			return -errno;
	} else if (r != -EPERM) {
		return r;
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	r = cap_call(SYS_capset, none);
	if (r < 0)
		return r;
	*ret_bounded = bounded;
	return 0;
}

bool caps_have(unsigned cap)
{
	struct __user_cap_data_struct data[2] = { 0 };

	if (cap > CAP_NUMBER_MAX || cap_call(SYS_capget, data) < 0)
		return false;
	return data[cap / 32].effective & (1U << (cap % 32));
}

int caps_use(bool on)
{
	static struct __user_cap_data_struct held[2];
	static bool known;
	struct __user_cap_data_struct now[2];

	if (!known && cap_call(SYS_capget, held) < 0)
		return -errno;
	known = true;
	if (!(held[0].permitted | held[1].permitted))
		return 0;
	for (int i = 0; i < 2; i++) {
		now[i] = held[i];
		now[i].effective = on ? held[i].effective : 0;
	}
	return cap_call(SYS_capset, now);
}

int caps_no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}
