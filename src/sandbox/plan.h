/*
 * plan - the policy's paths as they stand on this host, now: opened, resolved, sorted, merged.
 *
 * A plan is made by the process that builds the wall, in the mount namespace it builds in, because
 * the mount calls want descriptors from there. It holds what root.c mounts and what Landlock
 * grants; neither looks up a path of the policy again.
 *
 * Symbolic links. A path of the policy names what it names on the host, so links on the way to it
 * are followed, and each is rebuilt inside where nothing granted shows it anyway (that is how
 * /bin -> usr/bin comes into being). But no link is followed that lies inside something the
 * session may write: an earlier session could have planted it there to have this one's wall
 * mount ~/.ssh into the workspace.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <sys/stat.h>

enum plan_right { PLAN_READ = 1, PLAN_WRITE = 2, PLAN_EXEC = 4 };

enum plan_kind {
	PLAN_GRANT,   /* the host's file or directory at this path */
	PLAN_PRIVATE, /* an empty directory of the session's own */
};

/* With filesystem.overlay: how changes of an item are kept from the host. */
enum plan_aside {
	PLAN_ASIDE_NOT,   /* nothing to keep: read-only, the session's own, or no file (a device) */
	PLAN_ASIDE_LAYER, /* a layer of its own over the directory */
	PLAN_ASIDE_BELOW, /* a part of the layer over a directory above it */
};

/* One thing that appears in the session, at the same path as on the host. */
struct plan_item {
	const char *path; /* real path: no component is a symbolic link */
	enum plan_kind kind;
	unsigned rights; /* PLAN_*: its own and those of every grant above it */
	unsigned mode;   /* PLAN_PRIVATE: permission bits; PLAN_GRANT: st_mode */
	int fd;          /* PLAN_GRANT: O_PATH; owned by the plan */
	enum plan_aside aside;
	bool redundant;    /* shown already, with the same rights, by what is above it */
	const char *named; /* the path as the policy has it */
	struct policy_where where;
};

enum plan_cover_kind {
	PLAN_PIN,     /* a mount on itself, so that it cannot be renamed or removed */
	PLAN_PROTECT, /* a read-only mount on itself */
	PLAN_DENY,    /* an empty thing with no permissions over it */
};

struct plan_cover {
	const char *path; /* real path, but for the last component of a pinned link */
	enum plan_cover_kind kind;
	mode_t mode;   /* st_mode: S_IFDIR, S_IFLNK or something else */
	bool writable; /* lies inside something the session may write */
	const char *named;
	struct policy_where where;
};

struct plan_link {
	const char *path, *target;
};

struct plan {
	struct arena arena;
	const struct policy *policy;
	size_t n_items, cap_items;
	struct plan_item *items; /* parents before children */
	size_t n_covers, cap_covers;
	struct plan_cover *covers; /* parents before children; pins before the rest at one path */
	size_t n_links, cap_links;
	struct plan_link *links;
};

/* On failure @err names the policy's line and path. @plan is then empty. */
int plan_make(const struct policy *policy, struct plan *ret_plan, struct err *err);
void plan_done(struct plan *plan);

/* The nearest item at or above @path that was not denied, or NULL. */
const struct plan_item *plan_above(const struct plan *plan, const char *path);

/* Whether @path is @dir or below it. Both absolute and normal. */
bool plan_within(const char *path, const char *dir);
/* strcmp() with '/' before every other byte, so that a directory is followed by what it holds. */
int plan_order(const char *a, const char *b);
