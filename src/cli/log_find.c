/* Which log is meant: a file, a session, the newest. */
#include "base/own.h"
#include "cli/evidence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

#define STAMP (sizeof("20261122T022006Z-") - 1) /* what a session's file name starts with */

/* Is @name a session whose id starts with @prefix? */
static bool is_session(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return str_ends(str_of(name), STR(".log")) && strlen(name) > STAMP &&
	       name[STAMP - 1] == '-' && strncmp(name + STAMP, prefix, n < 8 ? n : 8) == 0;
}

/* The newest session, or the newest whose id starts with @prefix; of one second, by the file's time. */
static int newest(const char *prefix, char path[PATH_MAX])
{
	struct dirent **entry;
	char dir[PATH_MAX], candidate[PATH_MAX], stamp[STAMP];
	struct timespec best = { .tv_sec = -1 };
	struct stat st;
	int n, found = -ENOENT;

	evidence_state_path(dir, "sessions");
	n = dir[0] ? scandir(dir, &entry, NULL, by_name) : -1;
	if (n < 0)
		return -ENOENT;
	while (n-- > 0) {
		const char *name = entry[n]->d_name;

		if (is_session(name, prefix) && (found < 0 || memcmp(name, stamp, STAMP) == 0) &&
		    snprintf(candidate, PATH_MAX, "%s/%s", dir, name) < PATH_MAX &&
		    stat(candidate, &st) == 0 &&
		    (st.st_mtim.tv_sec > best.tv_sec ||
		     (st.st_mtim.tv_sec == best.tv_sec && st.st_mtim.tv_nsec > best.tv_nsec))) {
			memcpy(path, candidate, PATH_MAX);
			memcpy(stamp, name, STAMP);
			best = st.st_mtim;
			found = 0;
		}
		free(entry[n]);
	}
	free(entry);
	return found;
}

int evidence_log_open(const char **log, int *ret_fd, struct err *err)
{
	static char path[PATH_MAX];
	const char *name = *log;
	size_t n = name ? strlen(name) : 0;
	int fd = name ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;

	if (fd < 0 &&
	    (!name || (errno == ENOENT && n >= 4 && n <= SESSION_ID && hex_is(str_of(name), n)))) {
		if (newest(name ? name : "", path) < 0)
			return err_text(err, ENOENT,
					name ? "there is neither a file nor a session '%s'"
					     : "there is no session yet%s",
					name ? name : "");
		*log = path;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	if (fd < 0)
		return err_set(err, errno, "cannot open '%s'", *log);
	*ret_fd = fd;
	return 0;
}
