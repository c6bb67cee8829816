#include "mediate/hide.h"

#include "policy/path.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct hides {
	size_t n;
	struct path_matcher lines[];
};

int hides_new(const struct policy *policy, struct hides **ret)
{
	struct hides *h;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < policy->n_paths; i++)
		n += policy->paths[i].kind == POLICY_FS_HIDE;
	if (n == 0) {
		*ret = NULL;
		return 0;
	}
	h = calloc(1, sizeof(*h) + n * sizeof(h->lines[0]));
	if (!h)
		return -ENOMEM;
	for (size_t i = 0; i < policy->n_paths && r == 0; i++) {
		if (policy->paths[i].kind != POLICY_FS_HIDE)
			continue;
		r = path_matcher_init(&h->lines[h->n], &policy->paths[i]);
		h->n += r == 0;
	}
	if (r < 0) {
		hides_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

struct hides *hides_free(struct hides *h)
{
	for (size_t i = 0; h && i < h->n; i++)
		path_matcher_done(&h->lines[i]);
	free(h);
	return NULL;
}

bool hides_path(const struct hides *h, const char *path)
{
	for (size_t i = 0; h && i < h->n; i++) {
		if (path_matches(&h->lines[i], path))
			return true;
	}
	return false;
}

/* The folder above @name, as far as no '*' makes it many. */
static bool may_hold(const char *name, bool glob, const char *folder)
{
	char above[PATH_MAX], first;
	size_t n = strlen(name);
	const char *slash;

	if (glob && path_has_pattern((struct str){ .p = name, .n = n }, &first))
		n = strcspn(name, "*?[\\");
	slash = memrchr(name, '/', n);
	if (!slash || slash - name >= PATH_MAX)
		return true;
	n = slash == name ? 1 : (size_t)(slash - name);
	memcpy(above, name, n);
	above[n] = '\0';
	return glob ? path_within(folder, above) : strcmp(folder, above) == 0;
}

bool hides_in(const struct hides *h, const char *folder)
{
	for (size_t i = 0; h && i < h->n; i++) {
		const struct policy_path *line = h->lines[i].entry;

		if (may_hold(line->path, line->glob, folder) ||
		    (line->real && may_hold(line->real, false, folder)))
			return true;
	}
	return hides_path(h, folder);
}
