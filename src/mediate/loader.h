/*
 * loader - the loader that a program names (PT_INTERP; elf(5)): the kernel opens it with the program.
 *
 * The file is the session's own making, so nothing in it is believed: all is bounded as the kernel bounds it.
 */
#pragma once

#include <limits.h>

/* Of what @fd can read. 1: @ret_path is its NUL-terminated path; 0: it names none, or is no program; -errno. */
int loader_of(int fd, char ret_path[PATH_MAX]);
