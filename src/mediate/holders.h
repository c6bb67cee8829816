/*
 * holders - which of a session's processes hold open what the rules in force forbid.
 *
 * A descriptor cannot be closed in another process. So it is told; or, if the policy says so
 * (reload.revoke), the process is ended, and of a socket the connection. Files, folders, and connections over
 * IPv4 and IPv6; a Unix socket is not looked at.
 */
#pragma once

#include "audit/audit.h"
#include "mediate/mediate.h"

#include <sys/types.h>

struct holder {
	pid_t pid, inner; /* as we see it, and as the session does */
	char command[32];
	const char *path; /* as the session sees it; of a socket, what it is connected to */
	bool write, ended, socket;
	const struct policy_rule *rule;
};

typedef void holder_told(void *ctx, const struct holder *holder);

/*
 * Look through the processes of the pid namespace of @init, each of which is told and recorded ("event",
 * outcome "observed", or "done" when it was ended) once for each thing it holds. Never ends @init. -EIO: the
 * log failed.
 */
int holders_find(struct mediator *m, struct audit_log *log, pid_t init, bool end, holder_told *told,
		 void *ctx);
