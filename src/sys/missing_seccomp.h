/*
 * missing_seccomp - what <linux/seccomp.h> of older build machines lacks. Values are the kernel's
 * ABI (include/uapi/linux/seccomp.h, 6.18); the kernel that runs may still not know them.
 */
#pragma once

#include <linux/seccomp.h>
#include <sys/ioctl.h>

#ifndef SECCOMP_FILTER_FLAG_TSYNC_ESRCH /* 5.7 */
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH (1UL << 4)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS _IOW('!', 4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SECCOMP_ADDFD_FLAG_SEND /* 5.14 */
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif
