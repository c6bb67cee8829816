/*
 * impl - what the parts of changes share.
 */
#pragma once

#include "changes/changes.h"

#include <sys/stat.h>

/* The host's, as it may not be walked: no link, no mount, nothing above. */
#define HOST_RESOLVE \
	(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

/* Open the regular file @path below @dir for reading; its own right may be missing (sys/tree.h). */
int change_open(int dir, const char *path, bool ours, int *ret_fd);
/* The folder of @path below @dir, and the last component in *@ret_name. */
int change_parent(int dir, const char *path, int *ret_fd, const char **ret_name);
/* Was the host's changed after the session began? */
bool change_is_later(const struct changes_session *session, const struct stat *host);
