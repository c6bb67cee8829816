/*
 * capsule changes - what overlaid sessions wrote: look at it, carry it over, throw it away.
 */
#include "cli/changes.h"

#include "base/own.h"
#include "cli/evidence.h"
#include "policy/path.h"
#include "sandbox/host.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOB_ARENA_MAX (256U << 20)
#define OUT_MAX (512U << 20)
#define FAILED 2

static const char usage_text[] =
	"usage: capsule changes list|diff|apply|discard [OPTIONS] [SESSION]\n\n"
	"What a session under 'filesystem.overlay: true' wrote is not on the host until it is\n"
	"applied. SESSION is the first digits of its id; without it, the only one that waits.\n\n"
	"  list      files that were created, changed, deleted and renamed\n"
	"  diff      the same as a unified diff\n"
	"  apply     carry them over to the host: exit status 0 all, 1 some were left\n"
	"  discard   throw them away\n";

static const struct evidence_option options[] = {
	{ "only", 'o', "PATH", "diff, apply: this and what lies below it (repeatable)" },
	{ "also", 'a', "PATH", "apply: this one although it is guarded or leads out (repeatable)" },
	{ "force", 'f', NULL, "apply: over what was changed on the host meanwhile" },
	{ "keep", 'k', NULL, "apply: keep the session's folder even when nothing is left in it" },
	{ "all", 'A', NULL, "discard: of all sessions" },
	{ "json", 'j', NULL, "the result as JSON" },
};

/* ---- which session ---- */

struct ids {
	const char **list;
	size_t n;
};

static int ids_find(struct changes_job *job, struct ids *ret)
{
	return changes_list(&job->arena, job->state_dir, &ret->list, &ret->n, &job->err);
}

static int session_pick(struct changes_job *job)
{
	const char *found = NULL;
	struct ids ids = { 0 };
	size_t n = 0;
	int r = ids_find(job, &ids);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ids.n; i++) {
		if (job->id && strncmp(ids.list[i], job->id, strlen(job->id)) != 0)
			continue;
		found = ids.list[i];
		n++;
	}
	if (n == 0 && job->id)
		return err_text(&job->err, ENOENT, "no changes of a session '%s' wait", job->id);
	if (n == 0)
		return err_text(&job->err, ENOENT, "no changes wait");
	if (n > 1)
		return err_text(&job->err, EINVAL,
				"changes of %zu sessions wait: say which ('capsule changes list' "
				"shows them)",
				n);
	return changes_open(job->state_dir, found, &job->session, &job->err);
}

/* ---- list ---- */

void changes_head(struct changes_job *job, struct json_wr *w)
{
	const struct changes_session *s = job->session;

	json_key(w, "session");
	json_strz(w, s->id);
	json_key(w, "running");
	json_bool(w, s->running);
	json_key(w, "workspace");
	json_strz(w, s->workspace);
	json_key(w, "command");
	json_strz(w, s->command);
	json_key(w, "log");
	json_strz(w, s->log);
}

static void put_counts(const struct change_list *list, struct json_wr *w)
{
	for (int i = 0; i < CHANGE_N; i++) {
		json_key(w, change_kind_name[i]);
		json_u64(w, list->count[i]);
	}
	json_key(w, "held");
	json_u64(w, list->held);
}

/* A name that may hold anything, without its quotes when it needs none. */
static void name_print(const char *name)
{
	AUTO(buf_done) struct buf b = BUF_INIT(1U << 20);
	struct json_wr w = json_wr_init(&b);

	json_strz(&w, name);
	if (b.n >= 2 && strlen(name) + 2 == b.n)
		printf("%.*s", (int)b.n - 2, b.p + 1);
	else
		printf("%.*s", (int)b.n, b.p);
}

static void details_print(const struct change *c)
{
	if (c->kind == CHANGE_CHANGED && c->mode)
		printf("  mode %04o, was %04o", c->new_mode & 07777, c->old_mode & 07777);
	if (c->set_id)
		printf("  (without its set-ID bits)");
	if (c->why == CHANGE_GUARDED && c->guard)
		printf("  %s[%s: %s]%s", tint(TINT_WARN), change_why_text[c->why], c->guard->path,
		       tint(TINT_NONE));
	else if (c->why)
		printf("  %s[%s]%s", tint(TINT_WARN), change_why_text[c->why], tint(TINT_NONE));
}

void changes_line(struct changes_job *job, const struct change *c, const char *verb)
{
	const char *path = change_path(&job->list, c);
	bool folder = S_ISDIR(c->kind == CHANGE_DELETED ? c->old_mode : c->new_mode);

	printf("%-8s  ", verb);
	if (c->from) {
		struct change from = { .layer = c->layer, .path = c->from };

		name_print(change_path(&job->list, &from));
		printf(" -> ");
	}
	name_print(path ? path : c->path);
	printf("%s", folder ? "/" : "");
	details_print(c);
	putchar('\n');
}

static int list_one(struct changes_job *job, struct json_wr *w)
{
	const struct changes_session *s = job->session;

	if (job->json) {
		changes_head(job, w);
		put_counts(&job->list, w);
		json_key(w, "changes");
		json_array(w);
	} else {
		printf("%s%.8s%s  %s%s\n", tint(TINT_NAME), s->id, tint(TINT_NONE),
		       s->workspace ? s->workspace : "", s->running ? "  (still running)" : "");
	}
	for (size_t i = 0; !job->json && i < s->n_layers; i++) {
		if (s->layers[i].lower < 0) {
			printf("%sgone%s      ", tint(TINT_WARN), tint(TINT_NONE));
			name_print(s->layers[i].path);
			puts("/: nothing can be carried over into it");
		}
	}
	for (size_t i = 0; i < job->list.n; i++) {
		const struct change *c = &job->list.items[i];

		if (c->moved)
			continue;
		if (!job->json) {
			changes_line(job, c, change_kind_name[c->kind]);
			continue;
		}
		json_object(w);
		change_put(&job->list, c, w);
		json_end_object(w);
	}
	if (job->json)
		json_end_array(w);
	return 0;
}

/* Several wait: how many changes each has. */
static int list_all(struct changes_job *job, const struct ids *ids, struct json_wr *w)
{
	if (job->json) {
		json_key(w, "sessions");
		json_array(w);
	}
	for (size_t i = 0; i < ids->n; i++) {
		struct err err = ERR_INIT;
		size_t all = 0;

		if (changes_open(job->state_dir, ids->list[i], &job->session, &err) < 0 ||
		    change_list_make(job->session, &job->list, &err) < 0) {
			fprintf(stderr, "capsule changes: %s\n", err.text);
		} else if (job->json) {
			json_object(w);
			changes_head(job, w);
			put_counts(&job->list, w);
			json_end_object(w);
		} else {
			for (int k = 0; k < CHANGE_N; k++)
				all += job->list.count[k];
			printf("%s%.8s%s  %6zu change%s  %s%s\n", tint(TINT_NAME), job->session->id,
			       tint(TINT_NONE), all, all == 1 ? " " : "s",
			       job->session->workspace ? job->session->workspace : "",
			       job->session->running ? "  (still running)" : "");
		}
		change_list_done(&job->list);
		job->session = changes_close(job->session);
	}
	if (job->json)
		json_end_array(w);
	return 0;
}

static int run_list(struct changes_job *job)
{
	AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);
	struct json_wr w = json_wr_init(&out);
	struct ids ids = { 0 };
	int r = ids_find(job, &ids);

	if (r < 0)
		return r;
	json_object(&w);
	if (!job->id && ids.n != 1) {
		if (ids.n == 0 && !job->json)
			puts("no changes wait");
		r = list_all(job, &ids, &w);
	} else {
		r = session_pick(job);
		if (r == 0)
			r = change_list_make(job->session, &job->list, &job->err);
		if (r == 0)
			r = list_one(job, &w);
	}
	json_end_object(&w);
	buf_putc(&out, '\n');
	if (r < 0)
		return r;
	return job->json ? evidence_flush(&out, 0) : fflush(stdout) ? FAILED : 0;
}

/* ---- diff ---- */

static bool wanted(const struct changes_job *job, const char *path)
{
	for (size_t i = 0; i < job->n_only; i++) {
		if (path_within(path, job->only[i]))
			return true;
	}
	return job->n_only == 0;
}

static int diff_put(struct changes_job *job, struct json_wr *w, struct buf *text, bool safe)
{
	for (size_t i = 0; i < job->list.n; i++) {
		const struct change *c = &job->list.items[i];
		const char *path = change_path(&job->list, c);
		int r;

		if (!path)
			return -ENOMEM;
		if (!wanted(job, path) || c->moved)
			continue;
		buf_reset(text);
		r = change_diff(&job->list, c, safe, text);
		if (r < 0)
			return r;
		if (job->json) {
			json_object(w);
			change_put(&job->list, c, w);
			json_key(w, "diff");
			json_str(w, buf_str(text));
			json_end_object(w);
		} else if (fwrite(text->p, 1, text->n, stdout) != text->n) {
			return -EIO;
		}
	}
	return 0;
}

static int run_diff(struct changes_job *job)
{
	AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);
	AUTO(buf_done) struct buf text = BUF_INIT(64U << 20);
	struct json_wr w = json_wr_init(&out);
	int r = session_pick(job);

	if (r == 0)
		r = change_list_make(job->session, &job->list, &job->err);
	if (r < 0)
		return r;
	json_object(&w);
	changes_head(job, &w);
	json_key(&w, "changes");
	json_array(&w);
	r = diff_put(job, &w, &text, isatty(STDOUT_FILENO));
	if (r < 0)
		return err_set(&job->err, -r, "cannot show the changes");
	json_end_array(&w);
	json_end_object(&w);
	buf_putc(&out, '\n');
	return job->json ? evidence_flush(&out, 0) : fflush(stdout) ? FAILED : 0;
}

/* ---- apply, discard ---- */

static int run_apply(struct changes_job *job)
{
	int r = session_pick(job);

	if (r == 0)
		r = change_list_make(job->session, &job->list, &job->err);
	return r < 0 ? r : changes_apply_run(job);
}

static int discard_one(struct changes_job *job, struct json_wr *w)
{
	uint8_t hash[BLAKE3_OUT];
	char id[CHANGES_ID + 1];
	int r;

	memcpy(id, job->session->id, sizeof(id));
	r = changes_discard(job->session, &job->err);
	if (r < 0)
		return r;
	blake3("", 0, hash);
	r = changes_record(job, "discard", 0, 0, hash);
	if (job->json)
		json_strz(w, id);
	else
		printf("discarded what session %.8s wrote\n", id);
	job->session = changes_close(job->session);
	return r;
}

static int run_discard(struct changes_job *job)
{
	AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);
	struct json_wr w = json_wr_init(&out);
	struct ids ids = { 0 };
	int r = 0;

	json_object(&w);
	json_key(&w, "discarded");
	json_array(&w);
	if (job->all && job->id)
		return err_text(&job->err, EINVAL, "either --all or a session");
	if (job->all)
		r = ids_find(job, &ids);
	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		r = changes_open(job->state_dir, ids.list[i], &job->session, &job->err);
		if (r == 0 && job->session->running)
			job->session = changes_close(job->session);
		else if (r == 0)
			r = discard_one(job, &w);
	}
	if (!job->all) {
		r = session_pick(job);
		if (r == 0)
			r = discard_one(job, &w);
	}
	if (r < 0)
		return r;
	json_end_array(&w);
	json_end_object(&w);
	buf_putc(&out, '\n');
	return job->json ? evidence_flush(&out, 0) : 0;
}

/* ---- the command line ---- */

/* As an absolute path without "." and "..", which need not exist. */
static int name_add(struct changes_job *job, const char **list, size_t *n, const char *path)
{
	char cwd[PATH_MAX], text[2 * PATH_MAX], clean_mem[PATH_MAX];
	struct buf clean = buf_fixed(clean_mem, sizeof(clean_mem));

	if (*n == CHANGES_NAMES_MAX)
		return err_text(&job->err, E2BIG, "more than %d paths", CHANGES_NAMES_MAX);
	if (path[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return err_set(&job->err, errno, "current folder");
	if ((size_t)snprintf(text, sizeof(text), "%s%s%s", path[0] == '/' ? "" : cwd,
			     path[0] == '/' ? "" : "/", path) >= sizeof(text) ||
	    !path_normalise(str_of(text), &clean))
		return err_text(&job->err, ENAMETOOLONG, "a path of more than %d bytes",
				PATH_MAX - 1);
	list[*n] = arena_strdup(&job->arena, buf_str(&clean));
	return list[(*n)++] ? 0 : err_set(&job->err, ENOMEM, "changes");
}

static int places_find(struct changes_job *job)
{
	const char *home;
	int r = host_home(&job->arena, &home);

	if (r < 0)
		return err_set(&job->err, -r, "no home folder: HOME is not set");
	job->state_dir = host_state_dir(&job->arena, home);
	job->config_dir = host_config_dir(&job->arena, home);
	return job->state_dir && job->config_dir ? 0 : err_set(&job->err, ENOMEM, "places");
}

static int parse(struct changes_job *job, int argc, char **argv)
{
	int c, r = 0;

	while (r == 0 &&
	       (c = evidence_getopt(argc, argv, options, sizeof(options) / sizeof(options[0]),
				    usage_text)) != -1) {
		switch (c) {
		case 'o': r = name_add(job, job->only, &job->n_only, optarg); break;
		case 'a': r = name_add(job, job->also, &job->n_also, optarg); break;
		case 'f': job->force = true; break;
		case 'k': job->keep = true; break;
		case 'A': job->all = true; break;
		case 'j': job->json = true; break;
		case -2: return 1;
		default: return -EINVAL;
		}
	}
	return r;
}

int cli_changes(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct changes_job *job);
	} verbs[] = {
		{ "list", run_list },
		{ "diff", run_diff },
		{ "apply", run_apply },
		{ "discard", run_discard },
	};
	static struct changes_job job;
	int r;

	job.arena = ARENA_INIT(JOB_ARENA_MAX);
	r = parse(&job, argc, argv);
	if (r > 0)
		return 0;
	if (r == -EINVAL || (r == 0 && (argc - optind < 1 || argc - optind > 2))) {
		if (r == 0)
			fputs(usage_text, stderr);
		return CLI_USAGE;
	}
	if (r == 0)
		r = places_find(&job);
	job.id = argc - optind == 2 ? argv[optind + 1] : NULL;
	for (size_t i = 0; r == 0; i++) {
		if (i == sizeof(verbs) / sizeof(verbs[0])) {
			fputs(usage_text, stderr);
			return CLI_USAGE;
		}
		if (strcmp(argv[optind], verbs[i].name) == 0) {
			r = verbs[i].run(&job);
			break;
		}
	}
	if (r < 0)
		fprintf(stderr, "capsule changes: %s\n", job.err.text);
	change_list_done(&job.list);
	job.session = changes_close(job.session);
	return r < 0 ? FAILED : r;
}
