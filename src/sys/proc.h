/*
 * proc - what /proc tells of processes, and names by which their leftovers can be told from what is
 * still in use.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* In clock ticks since boot; with the pid it names a process for good. -ESRCH: there is none. */
int proc_start_time(pid_t pid, uint64_t *ret_time);

/*
 * The start of a name for something that this process makes and has to remove: "capsule-PID-TIME-".
 * Were it killed, the next of us can see that from the name.
 */
#define PROC_NAME_MAX 64
void proc_name_make(char ret_name[PROC_NAME_MAX]);
/* Is @name such a name, and its process gone? */
bool proc_name_is_stale(const char *name);

/* The list of the calling thread's children, to be read from the start each time; or -errno. */
int proc_children_open(void);
