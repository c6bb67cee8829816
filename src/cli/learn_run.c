/*
 * learn_run - the session that is learnt from.
 *
 * Its policy is the base and besides: the workspace and the home folder, to read, write and execute, under
 * an overlay; less the places of secrets. The layers are in a folder below /tmp, because the state folder
 * is in the home folder, and go with it; log and ledger are where they always are.
 */
#include "cli/learn.h"

#include "base/file.h"
#include "base/own.h"
#include "codec/json_wr.h"
#include "policy/learn_place.h"
#include "sys/tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX (1U << 20)

static void put_item(struct buf *out, const char *path, bool optional)
{
	struct json_wr w = json_wr_init(out);

	buf_putz(out, optional ? "    - { path: " : "    - ");
	json_strz(&w, path);
	buf_putz(out, optional ? ", optional: true }\n" : "\n");
}

static void put_policy(const struct learn_job *job, struct buf *out)
{
	struct json_wr w = json_wr_init(out);

	buf_putz(out, "version: 1\nname: learn\nextends: ");
	json_strz(&w, job->base);
	buf_printf(out, "\nfilesystem:\n  overlay: true\n  home: %s\n",
		   job->home_private ? "private" : "host");
	for (int kind = 0; kind < 2; kind++) {
		buf_printf(out, "  %s:\n", kind ? "exec" : "write");
		put_item(out, "${workspace}", false);
		if (!job->home_private)
			put_item(out, "${home}", false);
		for (size_t i = 0; kind && i < job->n_reads; i++)
			put_item(out, job->reads[i], false);
	}
	buf_putz(out, "  deny:\n");
	put_item(out, job->aside, true);
	for (size_t i = 0; !job->home_private && learn_secret_places[i]; i++) {
		char path[256];

		(void)snprintf(path, sizeof(path), "~/%s", learn_secret_places[i]);
		put_item(out, path, true);
	}
	buf_putz(out, "audit:\n  record: security\n");
}

static int policy_write(struct learn_job *job)
{
	AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	AUTO(fd_closep) int fd = -EBADF;
	char path[PATH_MAX + 16];
	int r;

	put_policy(job, &text);
	(void)snprintf(path, sizeof(path), "%s/learn.yaml", job->aside);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : buf_error(&text);
	if (r == 0)
		r = fd_write_all(fd, text.p, text.n);
	if (r < 0)
		return err_set(&job->err, -r, "cannot write '%s'", path);
	job->run.policy_file = arena_strdup(&job->run.arena, str_of(path));
	job->run.changes_dir = job->aside;
	return job->run.policy_file ? 0 : err_set(&job->err, ENOMEM, "learn");
}

static int run_it(struct learn_job *job)
{
	struct run *run = &job->run;
	int r = run_prepare(run);

	if (r == 0)
		r = run_session(run);
	if (r < 0 && err_is_set(&run->err))
		return run->told ? err_text(&job->err, run->err.code, "the policy to learn under")
				 : err_text(&job->err, run->err.code, "%s", run->err.text);
	return r;
}

int learn_run(struct learn_job *job)
{
	int r;

	(void)snprintf(job->aside, sizeof(job->aside), "/tmp/capsule-learn-XXXXXX");
	if (!mkdtemp(job->aside))
		return err_set(&job->err, errno, "cannot make a folder in '/tmp'");
	r = policy_write(job);
	if (r == 0)
		r = run_it(job);
	if (tree_remove(AT_FDCWD, job->aside) < 0 && r == 0)
		r = err_text(&job->err, EIO, "cannot remove '%s'", job->aside);
	return r;
}
