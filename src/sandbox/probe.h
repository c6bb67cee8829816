/*
 * probe - does this host have what a wall is made of? Each primitive is really performed, in a
 * child process of its own, so that nothing sticks to the caller. For `capsule doctor` and tests.
 */
#pragma once

#include "sandbox/layers.h"

struct probe_result {
	int error;       /* 0: works; else a positive errno */
	char detail[96]; /* "ABI 7", "v1: memory pids", the step that failed */
};

/*
 * Perform every layer's primitive, in the way a session of this user would get it. Sequential,
 * some ten milliseconds in all.
 */
void probe_layers(struct probe_result ret_results[LAYER_N]);

/*
 * Start and end a whole session (`/bin/true` or what @argv0 names) under @policy with one back
 * end, the other barred. Returns 0, or a negative errno with the reason in @err; *@ret_us is the
 * time it took in microseconds, *@ret_layers its manifest.
 */
int probe_session(const struct policy *policy, enum wall_backend backend, uint64_t *ret_us,
		  struct layer_status ret_layers[LAYER_N], struct err *err);
