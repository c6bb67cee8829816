#include "sandbox/made.h"

#include <sys/stat.h>

/* A link that leads nowhere is there: git and others may follow it once it leads somewhere. */
static bool path_is_there(const struct policy_path *path)
{
	struct stat st;

	return lstat(path->path, &st) == 0;
}

static void made_add(struct made *made, const struct policy_path *path)
{
	if (made->n < MADE_MAX)
		made->paths[made->n] = path;
	made->n++;
}

void made_before(const struct policy *policy, struct made *ret_missing)
{
	*ret_missing = (struct made){ 0 };
	for (size_t i = 0; i < policy->n_paths; i++) {
		const struct policy_path *path = &policy->paths[i];

		if ((path->kind == POLICY_FS_READONLY || path->kind == POLICY_FS_DENY) &&
		    path->optional && !path_is_there(path))
			made_add(ret_missing, path);
	}
}

void made_after(const struct made *missing, struct made *ret_made)
{
	*ret_made = (struct made){ 0 };
	for (size_t i = 0; i < missing->n && i < MADE_MAX; i++) {
		if (path_is_there(missing->paths[i]))
			made_add(ret_made, missing->paths[i]);
	}
}
