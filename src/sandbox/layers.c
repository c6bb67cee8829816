#include "sandbox/layers.h"

#include "sys/ns.h"

#include <errno.h>

#define BIT(name) LAYER_BIT(LAYER_##name)

const char *const wall_backend_name[WALL_N_BACKENDS] = {
	[WALL_NAMESPACES] = "namespaces",
	[WALL_LANDLOCK] = "landlock",
};

struct layer_fault layer_fault;

/* Below this a pid namespace's pid_max is too coarse: the kernel sets 300 numbers aside. */
#define PID_MAX_USEFUL 1024
#define PID_MAX_KERNEL 6014 /* before Linux 6.14 it is the whole host's */

enum wall_pids wall_pids_how(const struct policy *policy, enum wall_backend backend, bool host_root)
{
	if (!policy->limits.pids)
		return WALL_PIDS_NONE;
	if (!host_root)
		return WALL_PIDS_RLIMIT;
	if (backend == WALL_NAMESPACES && policy->limits.pids >= PID_MAX_USEFUL &&
	    policy->limits.pids <= 4194304 && ns_kernel_version() >= PID_MAX_KERNEL)
		return WALL_PIDS_NS;
	return WALL_PIDS_CGROUP;
}

/* What the policy's `require:` names. Without that key, what is needed is for us to say. */
static uint32_t required(const struct policy *policy)
{
	return policy->require_default ? 0 : policy->require;
}

static bool wants_cgroup(const struct policy *policy, enum wall_pids pids)
{
	return policy->limits.memory || policy->limits.cpu_milli || pids == WALL_PIDS_CGROUP;
}

uint32_t wall_wants(const struct policy *policy, enum wall_backend backend, enum wall_pids pids)
{
	uint32_t wants = BIT(RLIMITS) | BIT(CAPABILITIES) | BIT(NO_NEW_PRIVS) | BIT(LANDLOCK_FS) |
			 BIT(LANDLOCK_SCOPE) | BIT(SECCOMP) | BIT(FDS);

	/* The second back end lacks these; asked for all the same, so that the manifest says so. */
	wants |= BIT(USER_NS) | BIT(MOUNT_NS) | BIT(PID_NS) | BIT(IPC_NS) | BIT(UTS_NS) |
		 BIT(CGROUP_NS) | BIT(ROOT);
	if (policy->network == POLICY_NET_NONE)
		wants |= BIT(NET_NS);
	/*
	 * With a network namespace of its own there is no TCP port that would not be the session's,
	 * and programs that talk to themselves over loopback are to work.
	 */
	if (policy->network == POLICY_NET_NONE && backend == WALL_LANDLOCK)
		wants |= BIT(LANDLOCK_NET);
	if (wants_cgroup(policy, pids))
		wants |= BIT(CGROUP);
	return wants | required(policy);
}

uint32_t wall_needs(const struct policy *policy, enum wall_backend backend, enum wall_pids pids)
{
	uint32_t needs = BIT(RLIMITS) | BIT(NO_NEW_PRIVS) | BIT(SECCOMP) | BIT(FDS);

	if (policy->best_effort)
		return 0;
	if (wants_cgroup(policy, pids))
		needs |= BIT(CGROUP);
	if (backend == WALL_LANDLOCK) {
		/*
		 * Files by Landlock alone. Without its scope the session could kill init, which
		 * has no pid namespace to hide behind, and outlive the run. The network is
		 * seccomp's (no sockets at all). Capabilities: an ordinary user's bounding set
		 * cannot be emptied, but with no_new_privs it can give nothing either.
		 */
		needs |= BIT(LANDLOCK_FS) | BIT(LANDLOCK_SCOPE);
		return needs | required(policy);
	}
	needs |= BIT(MOUNT_NS) | BIT(PID_NS) | BIT(IPC_NS) | BIT(ROOT) | BIT(CAPABILITIES);
	if (policy->network == POLICY_NET_NONE)
		needs |= BIT(NET_NS);
	else
		needs |= BIT(LANDLOCK_SCOPE); /* or the host's abstract sockets are in reach */
	return needs | required(policy);
}

static const char *namespace_advice(int error)
{
	switch (error) {
	case EPERM:
	case EACCES:
		return "user namespaces are restricted here: see sysctl "
		       "kernel.apparmor_restrict_unprivileged_userns (Ubuntu) or "
		       "kernel.unprivileged_userns_clone (Debian), an AppArmor profile with "
		       "'userns,' for capsule, or the container's seccomp profile";
	case ENOSPC:
	case EUSERS:
		return "raise sysctl user.max_user_namespaces and its neighbours "
		       "(user.max_mnt_namespaces, ...)";
	case EINVAL:
	case ENOSYS:
		return "this kernel is built without it or too old (Linux 5.12 is the oldest that "
		       "will do)";
	default: return "ask the kernel's log (dmesg) for more";
	}
}

static const char *landlock_advice(int error)
{
	if (error == EOPNOTSUPP)
		return "Landlock is built in but not switched on: boot with lsm=landlock,... or "
		       "add it to CONFIG_LSM; or the kernel's Landlock is too old for this part";
	if (error == ENOSYS)
		return "the kernel has no Landlock (Linux 5.13 or later, CONFIG_SECURITY_LANDLOCK)";
	return "a seccomp profile around Capsule may forbid Landlock: allow landlock_* there";
}

const char *layer_advice(enum layer layer, int error)
{
	switch (layer) {
	case LAYER_USER_NS:
	case LAYER_MOUNT_NS:
	case LAYER_PID_NS:
	case LAYER_NET_NS:
	case LAYER_IPC_NS:
	case LAYER_UTS_NS:
	case LAYER_CGROUP_NS: return namespace_advice(error);
	case LAYER_ROOT:
		return "the host may forbid mounts to user namespaces, or show a masked /proc "
		       "(as containers do: unmask it, or run Capsule outside)";
	case LAYER_CGROUP:
		return "no cgroup is writable here: run in a systemd user session "
		       "(systemd-run --user --scope), or do without limits.memory and limits.cpu; "
		       "limits.pids needs one only where Capsule runs as root without namespaces";
	case LAYER_RLIMITS: return "the limit is above this process's hard limit, see ulimit -H";
	case LAYER_CAPABILITIES: return "run as an ordinary user, or with CAP_SETPCAP";
	case LAYER_NO_NEW_PRIVS: return "the kernel is older than Linux 3.5";
	case LAYER_LANDLOCK_FS:
	case LAYER_LANDLOCK_NET:
	case LAYER_LANDLOCK_SCOPE: return landlock_advice(error);
	case LAYER_SECCOMP:
		return "the kernel needs CONFIG_SECCOMP_FILTER, and a profile around Capsule has "
		       "to allow seccomp(2)";
	case LAYER_FDS: return "the kernel needs close_range(2), Linux 5.11 or later";
	case LAYER_N: break;
	}
	return "";
}
