/*
 * gitconf - does a git configuration file say nothing but what is harmless?
 *
 * Git runs programs that its configuration names (core.fsmonitor, aliases, filters, ...), and there are
 * ever more such settings. So this is a list of what is known to be harmless: what git itself writes
 * when a repository is made, cloned or given a remote, and names, addresses and colours besides.
 * Everything else is a finding, and so is whatever git might read in another way than we do.
 * Grammar: git-config(1), "Syntax".
 */
#pragma once

#include "base/str.h"

#define GITCONF_MAX (64U << 10) /* bytes of a file that is looked at */

struct gitconf_finding {
	unsigned line;
	char text[120]; /* for a person: "core.fsmonitor may run a program" */
};

/* 0: harmless; -EPERM: it is not, or cannot be understood; @ret says why. */
int gitconf_check(struct str text, struct gitconf_finding *ret);
