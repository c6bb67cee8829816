#include "policy/layer.h"

const struct layer_info layer_info[LAYER_N] = {
	[LAYER_USER_NS] = { "user-ns", "identities and capabilities of its own" },
	[LAYER_MOUNT_NS] = { "mount-ns", "mounts of its own" },
	[LAYER_PID_NS] = { "pid-ns", "sees and signals only its own processes" },
	[LAYER_NET_NS] = { "net-ns", "no network interface but its own loopback" },
	[LAYER_IPC_NS] = { "ipc-ns", "System V IPC and message queues of its own" },
	[LAYER_UTS_NS] = { "uts-ns", "host name of its own" },
	[LAYER_CGROUP_NS] = { "cgroup-ns", "does not see the host's cgroup tree" },
	[LAYER_ROOT] = { "root", "a root directory that holds only what the policy grants" },
	[LAYER_CGROUP] = { "cgroup", "memory, processor and process limits for the whole tree" },
	[LAYER_RLIMITS] = { "rlimits", "open files, file size and core dumps per process" },
	[LAYER_CAPABILITIES] = { "capabilities", "all five capability sets empty" },
	[LAYER_NO_NEW_PRIVS] = { "no-new-privs", "set-uid programs gain nothing" },
	[LAYER_LANDLOCK_FS] = { "landlock-fs", "file access checked once more by the kernel" },
	[LAYER_LANDLOCK_NET] = { "landlock-net", "TCP bind and connect checked by the kernel" },
	[LAYER_LANDLOCK_SCOPE] = { "landlock-scope", "no signals or abstract sockets outwards" },
	[LAYER_SECCOMP] = { "seccomp", "only listed system calls, with listed arguments" },
	[LAYER_FDS] = { "fds", "no inherited descriptors but the standard three" },
};

const char *const layer_state_name[3] = {
	[LAYER_NOT_REQUESTED] = "not-requested",
	[LAYER_ENGAGED] = "engaged",
	[LAYER_UNAVAILABLE] = "unavailable",
};

int layer_by_name(struct str name)
{
	for (int i = 0; i < LAYER_N; i++) {
		if (str_eqz(name, layer_info[i].name))
			return i;
	}
	return -1;
}
