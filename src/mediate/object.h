/*
 * object - what a path of a session's process names: looked up once, pinned, and called by its real name.
 *
 * The supervisor stands outside the session's root. It looks names up from descriptors inside: an
 * absolute path from the session's root, a relative one from the caller's own folder or
 * descriptor; a symbolic link never leads out of that root. /proc/self and the links in /proc/PID/fd
 * mean the caller's, not ours. What comes out is an O_PATH descriptor: whatever happens to the name
 * afterwards, decision and deed are about this object.
 */
#pragma once

#include "mediate/who.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* From where a caller's paths are looked up. */
struct object_view {
	int root;       /* O_PATH, the session's root; borrowed */
	dev_t proc_dev; /* of the session's /proc; 0: it has none */
	bool host_root; /* the session's root is the host's: second back end */
};

/* Who asks, and where it stands. */
struct object_caller {
	const struct object_view *view;
	const struct who *who;
};

#define OBJECT_NOFOLLOW 1  /* the last component is not followed if it is a symbolic link */
#define OBJECT_EMPTY 2     /* AT_EMPTY_PATH: "" is @dirfd itself */
#define OBJECT_DIRECTORY 4 /* -ENOTDIR for anything else */

struct object {
	int fd;     /* O_PATH, owned */
	bool magic; /* reached over a link in /proc that the kernel alone can follow */
	struct stat st;
	size_t n;
	char path[PATH_MAX]; /* as the session sees it; "pipe:[1]" and the like have no name */
};

/* A name in a folder: of something to be made, removed or replaced. */
struct object_place {
	int parent;       /* O_PATH of the folder, owned */
	const char *name; /* the last component, in @path; "" never */
	bool slash;       /* a slash stood behind it: only a folder will do */
	size_t n;
	char path[PATH_MAX]; /* of the name: the folder's real path and the name */
};

/* The view of a session with that root (O_PATH, borrowed); -errno. */
int object_view_open(int root, struct object_view *ret);

/* Negative errno as the system call itself would give it. @dirfd as in the caller's arguments. */
int object_open(struct object_caller *caller, int dirfd, const char *path, unsigned flags,
		struct object *ret);
/* The object once more, as open(2) has it, whatever its name leads to by now: a descriptor or -errno. */
int object_reopen(const struct object *o, int flags, mode_t mode);
/* With RESOLVE_* of openat2(2), which the kernel keeps; magic links are not followed. */
int object_open_resolve(struct object_caller *caller, int dirfd, const char *path, unsigned flags,
			uint64_t resolve, struct object *ret);
int object_place(struct object_caller *caller, int dirfd, const char *path,
		 struct object_place *ret);
/*
 * Where O_CREAT makes a file: as object_place(), but a last component that is a symbolic link is
 * followed to the name it stands for.
 */
int object_create_place(struct object_caller *caller, int dirfd, const char *path,
			struct object_place *ret);
/* The object at a place, its last component not followed. */
int object_at(const struct object_place *place, struct object *ret);

/*
 * Is it what is mounted there? The kernel keeps a mount point's name from being moved or removed for those
 * in its own mount namespace alone: the supervisor, outside, must keep it itself.
 */
bool object_is_mount(const struct object *object);

/* Is it on one of the session's own mounts, or nowhere? Only with @magic can it not be. */
bool object_is_inside(const struct object *o, const struct who *who);
void object_done(struct object *object);
void object_place_done(struct object_place *place);

/* The real name of what @fd is open on. */
int object_name(int fd, char path[PATH_MAX], size_t *ret_n);
