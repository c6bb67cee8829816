/*
 * overlay - the layers of filesystem.overlay: what the session writes goes to a folder beside the
 * host's, which stays as it is.
 *
 * A layer is an overlayfs mount: below it the host's directory, above it a directory of the
 * session's folder for changes (changes/store.h), in which each layer has a numbered one:
 *
 *	N/path	the host's directory, its bytes and nothing else
 *	N/upper	what was made and changed; what was removed is a 0/0 character device
 *	N/work	the kernel's
 *
 * Flags that the host has on the mount below (nosuid, nodev, noexec, read-only) hold above as well.
 * A host's mount inside the directory would not be seen, so it is refused by name.
 *
 * An ordinary user's layer knows his own user and group alone: what belongs to another (a group he is
 * merely a member of) can be read, and changing it fails with EOVERFLOW.
 */
#pragma once

#include "base/err.h"
#include "sandbox/plan.h"

/* Layer @n over @item, detached. @changes: the session's folder for changes, O_PATH will do. */
int overlay_make(const struct plan_item *item, int changes, unsigned n, uint64_t attrs,
		 int *ret_tree, struct err *err);

/* What of a layer that is mounted below @root already is at @item, detached, with flags of its own. */
int overlay_part(const struct plan_item *item, int root, uint64_t attrs, int *ret_tree,
		 struct err *err);
