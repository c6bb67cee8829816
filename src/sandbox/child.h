/*
 * child - from clone3 to execve: the inside of wall_launch(). Internal to the wall.
 */
#pragma once

#include "sandbox/setup.h"

/* In the new child. Becomes the session's init; never returns. */
_Noreturn void child_run(struct wall_setup *setup);
/* Before that: may the session be given these? */
int command_stdio_check(const struct wall_command *command, struct err *err);
