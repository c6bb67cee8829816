#include "sandbox/fallback.h"

#include "base/own.h"
#include "sys/missing_syscall.h"
#include "sys/proc.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define DEPTH_MAX 128 /* of directories, on our stack and in descriptors */

static bool private_in_grant(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_items; i++) {
		if (plan->items[i].kind != PLAN_PRIVATE)
			continue;
		for (size_t j = 0; j < i; j++) {
			if (plan->items[j].kind == PLAN_GRANT && plan->items[j].rights &&
			    plan_within(plan->items[i].path, plan->items[j].path))
				return true;
		}
	}
	return false;
}

static const struct plan_cover *cover_impossible(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_covers; i++) {
		const struct plan_cover *cover = &plan->covers[i];

		if (cover->kind != PLAN_PIN && (cover->writable || cover->kind == PLAN_PROTECT))
			return cover;
	}
	return NULL;
}

int fallback_check(const struct plan *plan, const struct wall_setup *setup, struct err *err)
{
	static const char why[] = "cannot be enforced without a mount namespace, which this host "
				  "refuses";
	const struct plan_cover *cover = cover_impossible(plan);

	/* Best effort or not: without it changes would reach the host, and nobody would know. */
	if (setup->policy->overlay)
		return err_text(err, EOPNOTSUPP, "filesystem.overlay: %s", why);
	if (setup->policy->best_effort)
		return 0;
	if (setup->uid != setup->outer_uid || setup->gid != setup->outer_gid ||
	    setup->outer_uid != geteuid())
		return err_text(err, EOPNOTSUPP, "process.uid and process.gid: %s", why);
	if (cover)
		return err_at(err, EOPNOTSUPP, cover->where.file, cover->where.line,
			      cover->where.col, "'%s' inside something writable: %s",
			      cover->named ? cover->named : cover->path, why);
	if (private_in_grant(plan))
		return err_text(err, EOPNOTSUPP, "a private home or tmp inside a grant: %s", why);
	if (setup->policy->limits.disk)
		return err_text(err, EOPNOTSUPP, "limits.disk: %s", why);
	return 0;
}

/* ---- rules ---------------------------------------------------------------------------------- */

struct rules {
	const struct plan *plan;
	const struct landlock *set;
	unsigned rights;
};

static bool denied(const struct plan *plan, const char *path, bool *ret_below)
{
	*ret_below = false;
	for (size_t i = 0; i < plan->n_covers; i++) {
		const struct plan_cover *cover = &plan->covers[i];

		if (cover->kind != PLAN_DENY)
			continue;
		if (plan_within(path, cover->path))
			return true;
		if (plan_within(cover->path, path))
			*ret_below = true;
	}
	return false;
}

/*
 * Allow @fd at @path, but nothing denied: Landlock's rules hold for everything below, so a
 * directory with something denied in it gets no rule, and its other entries one each.
 */
static int rule_add(const struct rules *rules, int fd, mode_t mode, const char *path, int depth)
{
	AUTO(dir_closep) DIR *dir = NULL;
	struct dirent *entry;
	bool below;
	int dirfd, r = 0;

	if (denied(rules->plan, path, &below) || S_ISLNK(mode))
		return 0;
	if (!below || !S_ISDIR(mode))
		return landlock_allow(rules->set, fd, mode, rules->rights);
	if (depth >= DEPTH_MAX)
		return -ELOOP;
	dirfd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return errno == EACCES ? 0 : -errno;
	dir = fdopendir(dirfd);
	if (!dir) {
		fd_close(dirfd);
		return -ENOMEM;
	}
	while (r == 0 && (entry = readdir(dir))) {
		AUTO(fd_closep) int child = -EBADF;
		char name[PATH_MAX];
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if ((size_t)snprintf(name, sizeof(name), "%s/%s", path[1] ? path : "",
				     entry->d_name) >= sizeof(name))
			return -ENAMETOOLONG;
		child = openat(dirfd, entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (child >= 0 && fstat(child, &st) == 0)
			r = rule_add(rules, child, st.st_mode, name, depth + 1);
	}
	return r;
}

static int rule_path(const struct landlock *set, const char *path, unsigned rights)
{
	AUTO(fd_closep) int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT || errno == EACCES ? 0 : -errno;
	return landlock_allow(set, fd, st.st_mode, rights);
}

static int basics_add(const struct wall_setup *setup, const struct landlock *set)
{
	static const char *const devices[] = { "/dev/null",   "/dev/zero",    "/dev/full",
					       "/dev/random", "/dev/urandom", "/dev/tty" };
	unsigned all = LANDLOCK_READ | LANDLOCK_WRITE;
	int r = rule_path(set, "/proc", LANDLOCK_READ);

	for (size_t i = 0; r == 0 && i < sizeof(devices) / sizeof(devices[0]); i++)
		r = rule_path(set, devices[i], all | LANDLOCK_IOCTL);
	if (r == 0 && setup->private_home)
		r = rule_path(set, setup->private_home, all);
	if (r == 0 && setup->private_tmp)
		r = rule_path(set, setup->private_tmp, all | LANDLOCK_EXEC);
	return r;
}

int fallback_landlock(const struct plan *plan, const struct wall_setup *setup,
		      const struct landlock *set)
{
	int r = basics_add(setup, set);

	for (size_t i = 0; r == 0 && i < plan->n_items; i++) {
		const struct plan_item *item = &plan->items[i];
		struct rules rules = { .plan = plan, .set = set, .rights = LANDLOCK_READ };

		if (item->kind != PLAN_GRANT || item->redundant || !item->rights)
			continue;
		if (item->rights & PLAN_WRITE)
			rules.rights |= LANDLOCK_WRITE;
		if (item->rights & PLAN_EXEC)
			rules.rights |= LANDLOCK_EXEC;
		r = rule_add(&rules, item->fd, (mode_t)item->mode, item->path, 0);
	}
	return r;
}

/* ---- environment and children ------------------------------------------------------------------ */

static char *variable(const char *name, const char *value)
{
	size_t n = strlen(name) + strlen(value) + 2;
	char *text = malloc(n);

	if (text)
		(void)snprintf(text, n, "%s=%s", name, value);
	return text;
}

char **fallback_environment(const struct wall_setup *setup)
{
	char *const *from = setup->command->envp;
	size_t n = 0, to = 0;
	char **envp;

	while (from && from[n])
		n++;
	envp = calloc(n + 3, sizeof(*envp));
	if (!envp)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if ((setup->private_home && strncmp(from[i], "HOME=", 5) == 0) ||
		    (setup->private_tmp && strncmp(from[i], "TMPDIR=", 7) == 0))
			continue;
		envp[to++] = from[i];
	}
	if (setup->private_home)
		envp[to++] = variable("HOME", setup->private_home);
	if (setup->private_tmp)
		envp[to] = variable("TMPDIR", setup->private_tmp);
	return envp;
}

/* ---- folders ----------------------------------------------------------------------------------- */

/* Empty the directory @dirfd. Whoever lives there was hostile: no link, no other file system. */
static void folder_empty(int dirfd, int depth)
{
	DIR *dir;
	struct dirent *entry;

	(void)fchmod(dirfd, 0700);
	dir = fdopendir(dirfd);
	if (!dir) {
		fd_close(dirfd);
		return;
	}
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;
		int child;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		    unlinkat(dirfd, name, 0) == 0 || unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
			continue;
		/* A directory without permissions: ours all the same. */
		(void)!fchmodat(dirfd, name, 0700, AT_SYMLINK_NOFOLLOW);
		child = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child >= 0 && depth < DEPTH_MAX)
			folder_empty(child, depth + 1);
		else
			fd_close(child);
		(void)unlinkat(dirfd, name, AT_REMOVEDIR);
	}
	(void)closedir(dir);
}

void fallback_folders_remove(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		folder_empty(fd, 0);
	(void)rmdir(dir);
}

/* What supervisors that were killed left behind, as far as it is ours. */
static void folders_sweep(const char *base)
{
	AUTO(dir_closep) DIR *dir = opendir(base);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		AUTO(fd_closep) int fd = -EBADF;
		struct stat st;
		char path[PATH_MAX];

		if (!proc_name_is_stale(entry->d_name) ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
			continue;
		/* A pid means little to other pid namespaces that see this folder: the lock tells. */
		fd = openat(dirfd(dir), entry->d_name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", base, entry->d_name) <
		    sizeof(path))
			fallback_folders_remove(path);
	}
}

int fallback_folders_make(char **ret_dir, int *ret_lock, struct err *err)
{
	const char *base = getenv("TMPDIR");
	char path[PATH_MAX], name[PROC_NAME_MAX];
	AUTO(freep) char *dir = NULL;
	AUTO(fd_closep) int lock = -EBADF;

	if (!base || *base != '/')
		base = "/tmp";
	folders_sweep(base);
	proc_name_make(name);
	if ((size_t)snprintf(path, sizeof(path), "%s/%sXXXXXX", base, name) >= sizeof(path))
		return err_set(err, ENAMETOOLONG, "TMPDIR is too long");
	dir = mkdtemp(path) ? strdup(path) : NULL;
	if (!dir)
		return err_set(err, errno, "cannot make a folder in '%s'", base);
	lock = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_SH | LOCK_NB) < 0)
		return err_set(err, errno, "cannot lock '%s'", dir);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, i ? "tmp" : "home");
		if (mkdir(path, 0700) < 0)
			return err_set(err, errno, "cannot make '%s'", path);
	}
	*ret_dir = take_ptr(&dir);
	*ret_lock = take_fd(&lock);
	return 0;
}
