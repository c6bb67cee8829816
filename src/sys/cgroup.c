#include "sys/cgroup.h"

#include "base/own.h"
#include "sys/proc.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FILE_MAX 65536 /* of /proc/self/mountinfo and friends that we look at */
#define CPU_PERIOD_US 100000

static const char *const controller_name[CGROUP_N] = { "memory", "cpu", "pids" };

/* ---- small files ------------------------------------------------------------------------------ */

static ssize_t file_read(const char *path, char *text, size_t size)
{
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	while (n < size - 1 && (got = read(fd, text + n, size - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	return (ssize_t)n;
}

static int file_write(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];
	AUTO(fd_closep) int fd = -EBADF;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int number_write(const char *dir, const char *name, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return file_write(dir, name, text);
}

/* The number after @key at a line's start ("oom_kill 3"), or the file's only number for NULL. */
static int number_read(const char *dir, const char *name, const char *key, uint64_t *ret_value)
{
	char path[PATH_MAX], text[4096];
	const char *at = text;
	char *end;
	uint64_t value;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path) ||
	    file_read(path, text, sizeof(text)) < 0)
		return -ENOENT;
	while (key && *at) {
		size_t n = strlen(key);

		if (strncmp(at, key, n) == 0 && at[n] == ' ') {
			at += n + 1;
			break;
		}
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	value = strtoull(at, &end, 10);
	if (end == at)
		return -ENOENT;
	*ret_value = value;
	return 0;
}

/* Is @word one of the words of @list, which commas or spaces part? */
static bool word_in(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		size_t len = strcspn(list, ", \n");

		if (len == n && strncmp(list, word, n) == 0)
			return true;
		list += len;
		list += strspn(list, ", \n");
	}
	return false;
}

/* ---- where we are ------------------------------------------------------------------------------- */

/* This process's path in the v1 hierarchy of @controller, or in v2 for NULL. */
static int own_path(const char *controller, char *ret_path)
{
	char text[FILE_MAX];
	char *line, *save = NULL;

	if (file_read("/proc/self/cgroup", text, sizeof(text)) < 0)
		return -ENOENT;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *list = strchr(line, ':');
		char *path = list ? strchr(list + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		list++;
		if (controller ? !word_in(list, controller) : *list)
			continue;
		if (strlen(path) >= PATH_MAX)
			return -ENAMETOOLONG;
		memcpy(ret_path, path, strlen(path) + 1);
		return 0;
	}
	return -ENOENT;
}

/*
 * Where that hierarchy is mounted, and which of its directories is at the mount point. A line of
 * mountinfo: id parent dev ROOT MOUNTPOINT options ... - TYPE source SUPEROPTIONS
 */
static int mounted_at(const char *controller, char *ret_root, char *ret_point)
{
	char text[FILE_MAX];
	char *line, *save = NULL;

	if (file_read("/proc/self/mountinfo", text, sizeof(text)) < 0)
		return -ENOENT;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *tail = strstr(line, " - ");
		char type[32], super[512];

		if (!tail || sscanf(tail, " - %31s %*s %511s", type, super) != 2)
			continue;
		if (strcmp(type, controller ? "cgroup" : "cgroup2") != 0 ||
		    (controller && !word_in(super, controller)))
			continue;
		_Static_assert(PATH_MAX == 4096, "the widths below");
		if (sscanf(line, "%*s %*s %*s %4095s %4095s", ret_root, ret_point) == 2)
			return 0;
	}
	return -ENOENT;
}

/* The directory that stands for this process's group; *@ret_point is where going up ends. */
static int own_dir(const char *controller, char *ret_dir, char *ret_point)
{
	char path[PATH_MAX], root[PATH_MAX];
	const char *rest = path;
	size_t n;
	int r = own_path(controller, path);

	if (r == 0)
		r = mounted_at(controller, root, ret_point);
	if (r < 0)
		return r;
	n = strlen(root);
	if (n > 1 && strncmp(path, root, n) == 0)
		rest = path + n; /* a container: the mount shows only its part */
	else if (n > 1)
		rest = "";
	if (strcmp(rest, "/") == 0)
		rest = "";
	if ((size_t)snprintf(ret_dir, PATH_MAX, "%s%s", ret_point, rest) >= PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

/* ---- names and sweeping ----------------------------------------------------------------------------- */

static void sweep(const char *base)
{
	AUTO(dir_closep) DIR *dir = opendir(base);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (!proc_name_is_stale(entry->d_name))
			continue;
		/* Fails, and rightly, if anything is still alive in there. */
		(void)unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
}

static int group_mkdir(const char *base, char **ret_dir)
{
	static unsigned serial;
	char path[PATH_MAX], name[PROC_NAME_MAX];

	sweep(base);
	proc_name_make(name);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s%u", base, name, serial++) >= sizeof(path))
		return -ENAMETOOLONG;
	if (mkdir(path, 0755) < 0)
		return -errno;
	*ret_dir = strdup(path);
	if (*ret_dir)
		return 0;
	(void)rmdir(path);
	return -ENOMEM;
}

/* ---- limits --------------------------------------------------------------------------------------------- */

static int limit_v2(const char *dir, enum cgroup_controller which,
		    const struct cgroup_limits *limits)
{
	char text[64];
	int r;

	switch (which) {
	case CGROUP_MEMORY:
		r = number_write(dir, "memory.max", limits->memory);
		if (r == 0)
			(void)file_write(dir, "memory.swap.max", "0");
		return r;
	case CGROUP_CPU:
		(void)snprintf(text, sizeof(text), "%llu %d",
			       (unsigned long long)limits->cpu_milli * CPU_PERIOD_US / 1000,
			       CPU_PERIOD_US);
		return file_write(dir, "cpu.max", text);
	case CGROUP_PIDS: return number_write(dir, "pids.max", limits->pids);
	case CGROUP_N: break;
	}
	return -EINVAL;
}

static int limit_v1(const char *dir, enum cgroup_controller which,
		    const struct cgroup_limits *limits)
{
	int r;

	switch (which) {
	case CGROUP_MEMORY:
		r = number_write(dir, "memory.limit_in_bytes", limits->memory);
		if (r == 0) /* only where swap is accounted */
			(void)number_write(dir, "memory.memsw.limit_in_bytes", limits->memory);
		return r;
	case CGROUP_CPU:
		r = number_write(dir, "cpu.cfs_period_us", CPU_PERIOD_US);
		return r < 0 ? r
			     : number_write(dir, "cpu.cfs_quota_us",
					    limits->cpu_milli * CPU_PERIOD_US / 1000);
	case CGROUP_PIDS: return number_write(dir, "pids.max", limits->pids);
	case CGROUP_N: break;
	}
	return -EINVAL;
}

static bool file_has_word(const char *dir, const char *name, const char *word)
{
	char path[PATH_MAX], text[1024];

	return (size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) < sizeof(path) &&
	       file_read(path, text, sizeof(text)) >= 0 && word_in(text, word);
}

/* Which of @wanted (bits) may groups below @base have? Switches them on where that is allowed. */
static unsigned v2_enable(const char *base, unsigned wanted)
{
	unsigned have = 0;

	for (int i = 0; i < CGROUP_N; i++) {
		char text[16];

		if (!(wanted & 1U << i) ||
		    !file_has_word(base, "cgroup.controllers", controller_name[i]))
			continue;
		(void)snprintf(text, sizeof(text), "+%s", controller_name[i]);
		if (file_has_word(base, "cgroup.subtree_control", controller_name[i]) ||
		    file_write(base, "cgroup.subtree_control", text) == 0)
			have |= 1U << i;
	}
	return have;
}

/*
 * A v2 group. A group with processes in it, such as our own, may not hand controllers on (but for
 * the root), so the search goes up from there.
 */
static int v2_make(const struct cgroup_limits *limits, unsigned wanted, struct cgroup *group)
{
	char base[PATH_MAX], point[PATH_MAX];
	unsigned have = 0;
	int r = own_dir(NULL, base, point);

	while (r == 0) {
		char *slash = strrchr(base, '/');

		have = v2_enable(base, wanted);
		if (have && group_mkdir(base, &group->v2) == 0)
			break;
		have = 0;
		if (strcmp(base, point) == 0 || !slash || slash == base)
			break;
		*slash = '\0';
	}
	if (!have)
		return 0;
	for (int i = 0; r == 0 && i < CGROUP_N; i++) {
		if (have & 1U << i)
			r = limit_v2(group->v2, (enum cgroup_controller)i, limits);
	}
	if (r == 0) {
		group->v2_fd = open(group->v2, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = group->v2_fd < 0 ? -errno : 0;
	}
	group->by_v2 = have;
	return r;
}

static int v1_make(const struct cgroup_limits *limits, enum cgroup_controller which,
		   struct cgroup *group)
{
	char base[PATH_MAX], point[PATH_MAX];
	int r = own_dir(controller_name[which], base, point);

	if (r == 0)
		r = group_mkdir(base, &group->v1[which]);
	return r < 0 ? r : limit_v1(group->v1[which], which, limits);
}

void cgroup_init(struct cgroup *group)
{
	*group = (struct cgroup){ .v2_fd = -EBADF };
}

int cgroup_make(const struct cgroup_limits *limits, struct cgroup *ret_group)
{
	unsigned wanted = (limits->memory ? 1U << CGROUP_MEMORY : 0) |
			  (limits->cpu_milli ? 1U << CGROUP_CPU : 0) |
			  (limits->pids ? 1U << CGROUP_PIDS : 0);
	struct cgroup group;
	int r;

	cgroup_init(&group);
	r = v2_make(limits, wanted, &group);
	for (int i = 0; r == 0 && i < CGROUP_N; i++) {
		if (wanted & ~group.by_v2 & 1U << i)
			r = v1_make(limits, (enum cgroup_controller)i, &group);
	}
	if (r < 0) {
		cgroup_remove(&group);
		return r;
	}
	*ret_group = group;
	return 0;
}

int cgroup_make_plain(struct cgroup *ret_group)
{
	char base[PATH_MAX], point[PATH_MAX];
	struct cgroup group;
	int r = own_dir(NULL, base, point);

	cgroup_init(&group);
	if (r == 0)
		r = group_mkdir(base, &group.v2);
	if (r < 0)
		return r;
	group.v2_fd = open(group.v2, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (group.v2_fd < 0) {
		r = -errno;
		cgroup_remove(&group);
		return r;
	}
	*ret_group = group;
	return 0;
}

int cgroup_clone_fd(const struct cgroup *group)
{
	return group->v2_fd >= 0 ? group->v2_fd : -1;
}

bool cgroup_attaches(const struct cgroup *group)
{
	for (int i = 0; i < CGROUP_N; i++) {
		if (group->v1[i])
			return true;
	}
	return false;
}

int cgroup_attach(const struct cgroup *group, pid_t pid)
{
	int r = 0;

	for (int i = 0; r == 0 && i < CGROUP_N; i++) {
		if (group->v1[i])
			r = number_write(group->v1[i], "cgroup.procs", (uint64_t)pid);
	}
	return r;
}

void cgroup_describe(const struct cgroup *group, char *text, size_t size)
{
	size_t n = 0;

	*text = '\0';
	for (int v = 2; v >= 1; v--) {
		bool first = true;

		for (int i = 0; i < CGROUP_N; i++) {
			bool here = v == 2 ? group->by_v2 & 1U << i : group->v1[i] != NULL;

			if (!here || n >= size)
				continue;
			if (first)
				n += (size_t)snprintf(text + n, size - n, "%sv%d:", n ? "; " : "",
						      v);
			first = false;
			if (n < size)
				n += (size_t)snprintf(text + n, size - n, " %s",
						      controller_name[i]);
		}
	}
}

void cgroup_usage(const struct cgroup *group, uint64_t *oom_kills, uint64_t *pids_hits,
		  uint64_t *memory_peak)
{
	if (group->v2 && group->by_v2 & 1U << CGROUP_MEMORY) {
		(void)number_read(group->v2, "memory.events", "oom_kill", oom_kills);
		(void)number_read(group->v2, "memory.peak", NULL, memory_peak);
	} else if (group->v1[CGROUP_MEMORY]) {
		(void)number_read(group->v1[CGROUP_MEMORY], "memory.oom_control", "oom_kill",
				  oom_kills);
		(void)number_read(group->v1[CGROUP_MEMORY], "memory.max_usage_in_bytes", NULL,
				  memory_peak);
	}
	if (group->v2 && group->by_v2 & 1U << CGROUP_PIDS)
		(void)number_read(group->v2, "pids.events", "max", pids_hits);
	else if (group->v1[CGROUP_PIDS])
		(void)number_read(group->v1[CGROUP_PIDS], "pids.events", "max", pids_hits);
}

/* A process is out of its group a moment after it was waited for. */
static void group_rmdir(char **dir)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; *dir && i < 100; i++) {
		if (rmdir(*dir) == 0 || errno != EBUSY)
			break;
		(void)nanosleep(&pause, NULL);
	}
	free(*dir);
	*dir = NULL;
}

void cgroup_remove(struct cgroup *group)
{
	group->v2_fd = fd_close(group->v2_fd);
	if (group->v2)
		(void)file_write(group->v2, "cgroup.kill", "1");
	group_rmdir(&group->v2);
	for (int i = 0; i < CGROUP_N; i++)
		group_rmdir(&group->v1[i]);
	cgroup_init(group);
}
