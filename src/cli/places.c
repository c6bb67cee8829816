/*
 * What several verbs take from where they are run: files named on the command line, and the places
 * that a policy's variables stand for.
 */
#include "base/file.h"
#include "base/own.h"
#include "cli/cli.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

int cli_file_read(const char *path, struct buf *to, struct err *err)
{
	AUTO(fd_closep)
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
					: open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 ? -errno : fd_read_all(fd, to);

	(void)buf_cstr(to);
	if (r == -EFBIG)
		return err_text(err, EFBIG, "%s: too large", path);
	return r < 0 ? err_set(err, -r, "%s", path) : 0;
}

int cli_policy_vars(const char *verb, const char *workspace, char real[PATH_MAX],
		    struct policy_vars *ret_vars)
{
	static const char *const names[] = { "HOME", "TMPDIR", "XDG_CONFIG_HOME" };
	const char *found[3];

	for (size_t i = 0; i < 3; i++) {
		found[i] = getenv(names[i]);
		if (found[i] && found[i][0] != '/')
			found[i] = NULL;
	}
	if (!realpath(workspace ? workspace : ".", real)) {
		fprintf(stderr, "capsule %s: workspace '%s': %s\n", verb,
			workspace ? workspace : ".", strerror(errno));
		return CLI_FAILED;
	}
	*ret_vars = (struct policy_vars){ .workspace = real,
					  .home = found[0],
					  .tmp = found[1] ? found[1] : "/tmp",
					  .config = found[2] };
	return 0;
}
