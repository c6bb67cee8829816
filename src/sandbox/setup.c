/* What the child is given, as far as it follows from the policy and from who we are. */
#include "sandbox/setup.h"

#include "sys/ns.h"

#include <unistd.h>

void wall_setup_ids(struct wall_setup *s)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	const struct policy *policy = s->policy;

	s->uid = policy->uid >= 0 ? (uid_t)policy->uid : uid;
	s->gid = policy->gid >= 0 ? (gid_t)policy->gid : gid;
	/* Root becomes whom the policy names; anyone else stays himself under another number. */
	s->outer_uid = uid == 0 ? s->uid : uid;
	s->outer_gid = uid == 0 ? s->gid : gid;
	s->host_root = policy->limits.pids && s->outer_uid == 0 && ns_host_root();
}

void wall_setup_backend(struct wall_setup *s, enum wall_backend backend)
{
	const struct policy *policy = s->policy;

	s->backend = backend;
	s->pids = wall_pids_how(policy, backend, s->outer_uid == 0 && s->host_root);
	s->wants = wall_wants(policy, backend, s->pids);
	s->needs = wall_needs(policy, backend, s->pids);
	/*
	 * A file given for reading could be opened for writing through /proc/self/fd: it is on a
	 * mount of the host's that no flag of ours reaches. Only Landlock stands against that.
	 */
	if (s->stdio_files && !policy->best_effort)
		s->needs |= LAYER_BIT(LAYER_LANDLOCK_FS);
	s->late_user_ns = false;
	s->namespaces = 0;
}
