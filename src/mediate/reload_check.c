/*
 * What a reload may not change, because it is built into the wall: told with the line that asks for it.
 */
#include "mediate/reload.h"

#include "policy/path.h"
#include "policy/report.h"

#include <errno.h>
#include <string.h>

struct check {
	const struct policy *launch, *policy;
	struct err *err;
	int r;
};

static void restart(struct check *c, struct policy_where where, const char *what, const char *name)
{
	if (c->r < 0)
		return;
	c->r = -EPERM;
	if (where.file)
		(void)err_at(c->err, EPERM, where.file, where.line, where.col,
			     "%s%s: needs a restart", what, name);
	else
		(void)err_text(c->err, EPERM, "%s%s: needs a restart", what, name);
}

/* What the session's own place is may be granted without a wall for it. */
static bool in_wall(const struct policy *launch, const struct policy_path *grant)
{
	const struct policy_reload *r = &launch->reload;

	return path_covered(launch, launch->paths, launch->n_paths, grant->path, grant->kind) ||
	       path_covered(launch, r->within, r->n_within, grant->path, grant->kind);
}

static void check_grants(struct check *c)
{
	for (size_t i = 0; i < c->policy->n_paths; i++) {
		const struct policy_path *p = &c->policy->paths[i];
		char what[64];

		if (!path_kind_grants(p->kind) || in_wall(c->launch, p))
			continue;
		(void)snprintf(what, sizeof(what), "the wall was not built with %s ",
			       path_kind_name(p->kind));
		restart(c, p->where, what, p->path);
	}
}

/* A mount that denies or protects cannot be taken away. */
static void check_mounts(struct check *c)
{
	for (size_t i = 0; i < c->launch->n_paths; i++) {
		const struct policy_path *p = &c->launch->paths[i];
		bool mounted = p->kind == POLICY_FS_DENY || p->kind == POLICY_FS_READONLY;
		bool stays = path_listed(c->policy->paths, c->policy->n_paths, p);

		for (size_t k = 0; mounted && !stays && k < c->policy->n_paths; k++) {
			const struct policy_path *other = &c->policy->paths[k];

			stays = (other->kind == p->kind || other->kind == POLICY_FS_DENY) &&
				!other->glob && path_within(p->path, other->path);
		}
		if (mounted && !stays && !p->glob && !p->absent)
			restart(c, p->where, "a mount holds what is no longer taken: ", p->path);
	}
}

/* What policy_diff() tells and the rules decide, and so changes at once. */
static bool decided_live(const char *key)
{
	static const char *const keys[] = { "filesystem", "rules", "rules_default", "ask_default",
					    "reload",     "tools", "audit.redact" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(key, keys[i]) == 0)
			return true;
	}
	return strncmp(key, "reload.", 7) == 0 || strncmp(key, "process.commands", 16) == 0;
}

static void on_change(void *ctx, const struct policy_change *change)
{
	struct check *c = ctx;
	char what[128];

	/* what tightens without the rules (a lower limit) holds from the next run on */
	if (change->direction < 0 || decided_live(change->key))
		return;
	(void)snprintf(what, sizeof(what), "%s: ", change->key);
	restart(c, change->where, what, change->text);
}

int reload_check(const struct policy *launch, const struct policy *policy, struct err *err)
{
	struct check c = { .launch = launch, .policy = policy, .err = err };

	check_grants(&c);
	check_mounts(&c);
	(void)policy_diff(launch, policy, on_change, &c);
	return c.r;
}
