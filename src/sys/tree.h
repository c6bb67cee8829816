/*
 * tree - directories that somebody hostile has filled: any depth, any name, no permissions.
 */
#pragma once

/*
 * Remove all that is in the directory @fd, which nobody else has access to. No link is followed; depth
 * costs neither stack nor descriptors: what lies deeper is moved up first. Best effort: 0, or the
 * first failure as a negative errno.
 */
int tree_empty(int fd);

/* The same with the directory @name in @dirfd; -ENOENT: there is none. */
int tree_remove(int dirfd, const char *name);

/*
 * Open @name in @dirfd, a directory or a regular file (never a link, a FIFO, a device: -ENXIO or
 * another error), for reading, even when its owner, who we are, has taken his own right away: the
 * mode is put back after it. Only where nobody else can change names.
 */
int tree_open(int dirfd, const char *name, int *ret_fd);
