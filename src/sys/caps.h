/*
 * caps - capabilities(7): give all of them up.
 */
#pragma once

#include <stdbool.h>

/*
 * Empty all five sets (effective, permitted, inheritable, bounding, ambient) of the calling thread
 * and lock the securebits so that neither uid 0 nor set-uid nor file capabilities give any back.
 * The bounding set can only be emptied with CAP_SETPCAP: without it, *@ret_bounded is false, the
 * other four sets are empty all the same, and no_new_privs has to make up for it.
 */
int caps_drop_all(bool *ret_bounded);

/*
 * Set aside (@on false) or take up again (true) the effective capabilities that the calling thread had when
 * this was called first. Without any: nothing happens.
 */
int caps_use(bool on);

/* Whether the calling thread's effective set holds capability number @cap. */
bool caps_have(unsigned cap);

int caps_no_new_privs(void);
