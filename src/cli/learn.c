/*
 * capsule learn - run a command, watch it, and propose the narrowest policy under which it does the same.
 */
#include "cli/learn.h"

#include "audit/reader.h"
#include "base/file.h"
#include "base/log.h"
#include "base/own.h"
#include "changes/changes.h"
#include "cli/evidence.h"
#include "policy/path.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define JOB_ARENA_MAX (64U << 20)
#define TEXT_MAX (16U << 20)

static const char usage_text[] =
	"usage: capsule learn [OPTIONS] -- COMMAND [ARGUMENTS]\n"
	"       capsule learn [OPTIONS] --from LOG\n\n"
	"Runs COMMAND behind the wall with the workspace and the home folder, less the places of\n"
	"secrets, under an overlay: what it writes is thrown away. Then proposes the narrowest "
	"policy\n"
	"that lets it do what it was seen doing, each line with what it rests on.\n";

static const struct evidence_option options[] = {
	{ "output", 'o', "FILE", "write the proposal there; it must not exist" },
	{ "merge", 'm', "FILE", "print what to add to this policy, as a unified diff" },
	{ "from", 'f', "LOG", "learn from a log that is there, and run nothing" },
	{ "extends", 'e', "BASE", "what the proposal builds on (default: preset:readonly)" },
	{ "workspace", 'w', "DIR", "the project's folder; without it the current one" },
	{ "read", 'r', "DIR", "may be read, too, while learning (repeatable)" },
	{ "home", 'H', "host|private", "private: without the home folder (default: host)" },
	{ "network", 'n', "none|host", "while learning (default: what BASE says)" },
	{ "json", 'j', NULL, "the proposal as JSON, not as a policy" },
	{ "timeout", 't', "TIME", "end the session after TIME" },
};

/* ---- from the log to the proposal ---- */

static int log_read(struct learn_job *job, struct learn *learn, const char *path)
{
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct reader reader;
	struct str lines;
	int r = fd < 0 ? -errno : reader_init(&reader, fd);

	if (r < 0)
		return err_set(&job->err, -r, "cannot read the log '%s'", path);
	while ((r = reader_lines(&reader, &lines)) == 0 && lines.n) {
		for (size_t at = 0; r == 0 && at < lines.n;) {
			const char *nl = memchr(lines.p + at, '\n', lines.n - at);
			size_t to = nl ? (size_t)(nl - lines.p) : lines.n;

			r = learn_record(learn, str_sub(lines, at, to));
			at = to + 1;
		}
		if (r < 0)
			break;
		reader_take(&reader, lines.n);
	}
	reader_done(&reader);
	if (r == -ENOBUFS)
		return err_text(&job->err, ENOBUFS, "more than %d paths: learn from less at a time",
				LEARN_PATHS_MAX);
	return r < 0 ? err_set(&job->err, -r, "cannot read the log '%s'", path) : 0;
}

static int base_load(struct learn_job *job, const char *path, const struct policy_vars *vars,
		     struct policy **ret_policy)
{
	AUTO(buf_done) struct buf diag = BUF_INIT(TEXT_MAX);
	int r = policy_load(path, vars, ret_policy, &diag, &job->err);

	if (r < 0 && diag.n)
		log_lines(buf_str(&diag));
	return r;
}

static int output_write(struct learn_job *job, struct str text)
{
	AUTO(fd_closep) int fd = -EBADF;
	int r;

	if (!job->output)
		return fd_write_all(STDOUT_FILENO, text.p, text.n);
	fd = open(job->output, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : fd_write_all(fd, text.p, text.n);
	return r < 0 ? err_set(&job->err, -r, "cannot write '%s'", job->output) : 0;
}

static int merge_write(struct learn_job *job, const struct learn *learn,
		       const struct policy_vars *vars)
{
	AUTO(policy_freep) struct policy *policy = NULL;
	AUTO(policy_freep) struct policy *again = NULL;
	AUTO(buf_done) struct buf old = BUF_INIT(TEXT_MAX);
	AUTO(buf_done) struct buf new = BUF_INIT(TEXT_MAX);
	AUTO(buf_done) struct buf diff = BUF_INIT(TEXT_MAX);
	int r = cli_file_read(job->merge, &old, &job->err);

	if (r == 0)
		r = base_load(job, job->merge, vars, &policy);
	if (r == 0)
		r = learn_merge(learn, job->merge, buf_str(&old), policy, &new, &job->err);
	/* what is shown can be loaded, or it is not shown */
	if (r == 0)
		r = policy_load_text(job->merge, buf_str(&new), vars, &again, NULL, &job->err);
	if (r == 0)
		r = text_diff(buf_str(&old), buf_str(&new), job->merge, job->merge, &diff);
	if (r == 0 && !diff.n)
		fputs("capsule learn: it grants all of this already\n", stderr);
	return r < 0 ? r : output_write(job, buf_str(&diff));
}

static int propose(struct learn_job *job, const char *log)
{
	AUTO(policy_freep) struct policy *policy = NULL;
	AUTO(learn_freep) struct learn *learn = NULL;
	AUTO(buf_done) struct buf out = BUF_INIT(TEXT_MAX);
	const struct learn_line *lines;
	char real[PATH_MAX];
	struct policy_vars vars;
	struct learn_options o = { .base = job->base };
	size_t n;
	int r;

	if (cli_policy_vars("learn", job->run.workspace, real, &vars))
		return err_text(&job->err, EINVAL, "no workspace");
	r = base_load(job, job->base, &vars, &policy);
	if (r < 0)
		return r;
	o.workspace = vars.workspace;
	o.home = vars.home;
	o.tmp = vars.tmp;
	o.policy = policy;
	o.command = job->run.argv ? job->run.argv[0] : NULL;
	o.session = job->run.result.id[0] ? job->run.result.id : NULL;
	o.host_network = job->run.network && strcmp(job->run.network, "host") == 0;
	r = learn_new(&o, &learn, &job->err);
	if (r == 0)
		r = log_read(job, learn, log);
	if (r == 0)
		r = learn_propose(learn, &lines, &n, &job->err);
	if (r < 0)
		return r;
	if (job->merge)
		return merge_write(job, learn, &vars);
	if (job->json)
		learn_write_json(learn, &out);
	else
		learn_write(learn, &out);
	if (buf_error(&out))
		return err_set(&job->err, -buf_error(&out), "the proposal is too long");
	return output_write(job, buf_str(&out));
}

/* ---- the command line ---- */

static int read_add(struct learn_job *job, const char *path)
{
	char real[PATH_MAX];

	if (job->n_reads == LEARN_READS_MAX)
		return err_text(&job->err, E2BIG, "more than %d --read", LEARN_READS_MAX);
	if (!realpath(path, real))
		return err_set(&job->err, errno, "--read '%s'", path);
	job->reads[job->n_reads] = arena_strdup(&job->run.arena, str_of(real));
	return job->reads[job->n_reads++] ? 0 : err_set(&job->err, ENOMEM, "learn");
}

static int choice(struct learn_job *job, const char *option, const char *value, const char *a,
		  const char *b)
{
	if (strcmp(value, a) == 0 || strcmp(value, b) == 0)
		return 0;
	return err_text(&job->err, EINVAL, "--%s is '%s' or '%s', not '%s'", option, a, b, value);
}

static int parse_one(struct learn_job *job, int c)
{
	uint64_t ms;

	switch (c) {
	case 'o': job->output = optarg; return 0;
	case 'm': job->merge = optarg; return 0;
	case 'f': job->from = optarg; return 0;
	case 'e': job->base = optarg; return 0;
	case 'w': job->run.workspace = optarg; return 0;
	case 'j': job->json = true; return 0;
	case 'r': return read_add(job, optarg);
	case 'H':
		job->home_private = strcmp(optarg, "private") == 0;
		return choice(job, "home", optarg, "host", "private");
	case 'n': job->run.network = optarg; return choice(job, "network", optarg, "none", "host");
	case 't':
		job->run.timeout = optarg;
		return run_parse_time(optarg, &ms) < 0
			       ? err_text(&job->err, EINVAL, "--timeout wants a time, not '%s'",
					  optarg)
			       : 0;
	default: return -ENOENT;
	}
}

static int parse(struct learn_job *job, int argc, char **argv)
{
	int c, r = 0;

	while (r == 0 &&
	       (c = evidence_getopt(argc, argv, options, sizeof(options) / sizeof(options[0]),
				    usage_text)) != -1)
		r = c == -2 ? 1 : parse_one(job, c);
	if (r)
		return r;
	job->run.argv = optind < argc ? argv + optind : NULL;
	if (!job->run.argv == !job->from) {
		fputs(usage_text, stderr);
		return -ENOENT;
	}
	return 0;
}

int cli_learn(int argc, char **argv)
{
	static struct learn_job job;
	struct run *run = &job.run;
	int r;

	run->arena = ARENA_INIT(JOB_ARENA_MAX);
	run->report_fd = -EBADF;
	run_fds_fill();
	job.base = "preset:readonly";
	r = parse(&job, argc, argv);
	if (r > 0)
		return 0;
	if (r == 0 && !job.from) {
		const char *workspace = run->workspace;

		r = learn_run(&job);
		run->workspace = workspace ? workspace : run->workspace;
	}
	if (r == 0)
		r = propose(&job, job.from ? job.from : run->result.log);
	if (r < 0 && err_is_set(&job.err))
		log_say(LOG_ERROR, "learn: %s", job.err.text);
	if (r < 0)
		return r == -ENOENT && !err_is_set(&job.err) ? CLI_USAGE : CLI_FAILED;
	return job.from ? 0 : run->result.exit_status;
}
