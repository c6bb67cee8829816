/* capsule verify - is this log what its writer wrote? */
#include "base/file.h"
#include "base/own.h"
#include "cli/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const char usage[] =
	"usage: capsule verify [OPTIONS] LOG\n\n"
	"Check every record, link, checkpoint and signature of a log (or of a ledger, or of an "
	"old\n"
	"Capsule chain). Exit status: 0 intact, 1 altered, 2 it cannot be told.\n";

static const struct evidence_option options[] = {
	{ "checkpoint", 'c', "FILE", "a checkpoint of this log that was kept elsewhere" },
	{ "key", 'k', "FILE", "the install's public key (default: your install.pub; none: any)" },
	{ "ledger", 'l', "FILE", "the ledger to hold it against (default: yours)" },
	{ "no-ledger", 'n', NULL, "look at the log alone" },
	{ "json", 'j', NULL, "the verdict as one JSON object" },
	{ "quiet", 'q', NULL, "say nothing, only the exit status" },
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

/* genesis, invocation.start, checkpoint: what is signed before the ledger is told */
#define UNLISTED_MAX 3

/* What the ledger has to say about the log. */
enum ledger_word {
	LEDGER_NOT_ASKED,
	LEDGER_NONE,
	LEDGER_OTHER_INSTALL,
	LEDGER_ALTERED,
	LEDGER_UNLISTED, /* killed before it was entered */
	LEDGER_START_ONLY,
	LEDGER_AGREES,
	LEDGER_DISAGREES,
};

static const struct {
	const char *name, *text;
	enum tint tint;
} ledger_words[] = {
	[LEDGER_NOT_ASKED] = { "not asked", "not asked", TINT_DIM },
	[LEDGER_NONE] = { "none",
			  "there is none here: whether the log is all there was, it alone "
			  "cannot tell",
			  TINT_WARN },
	[LEDGER_OTHER_INSTALL] = { "other install",
				   "the one here is of another install, and was "
				   "not asked",
				   TINT_WARN },
	[LEDGER_ALTERED] = { "altered", "does not verify itself: see 'capsule ledger verify'",
			     TINT_BAD },
	[LEDGER_UNLISTED] = { "unlisted", "does not know it: killed before it began", TINT_WARN },
	[LEDGER_START_ONLY] = { "start only",
				"knows its start, and no end: it runs still, or was "
				"killed",
				TINT_WARN },
	[LEDGER_AGREES] = { "agrees", "agrees on start and end", TINT_GOOD },
	[LEDGER_DISAGREES] = { "disagrees", "disagrees", TINT_BAD },
};

struct job {
	const char *log, *checkpoint, *key, *ledger;
	bool no_ledger, json, quiet;

	int fd;
	char real[PATH_MAX];
	struct install_pub pub;
	bool pub_known;
	struct identity id;
	bool id_known;
	bool old_chain;
	struct ledger_list list;
	const struct ledger_session *entry;    /* of this session, else of this name */
	const struct ledger_session *namesake; /* what the ledger knows under this name */
	enum ledger_word word;
	struct verify_head head[2];
	size_t n_heads;
	struct buf note;
	bool foreign_checkpoint;
	struct verify_report report;
};

/* Who the log says it is, before all of it is read: the heads to compare with depend on it. */
static int look_at_first_line(struct job *job, struct err *err)
{
	AUTO(freep) char *p = malloc(LINE_BYTES_MAX);
	size_t n = 0;
	const char *nl;
	int r;

	job->fd = open(job->log, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (job->fd < 0)
		return err_set(err, errno, "cannot open '%s'", job->log);
	if (!realpath(job->log, job->real))
		job->real[0] = '\0';
	if (!p)
		return err_set(err, ENOMEM, "cannot verify");
	r = fd_read_small(job->fd, p, LINE_BYTES_MAX, &n);
	if (r < 0 && r != -EFBIG)
		return err_set(err, -r, "cannot read '%s'", job->log);
	if (r == -EFBIG)
		n = LINE_BYTES_MAX;
	if (lseek(job->fd, 0, SEEK_SET) != 0)
		return err_set(err, errno, "'%s' is not a regular file", job->log);
	nl = memchr(p, '\n', n);
	if (!nl)
		return 0;
	r = identity_read((struct str){ p, (size_t)(nl - p) }, &job->id);
	job->id_known = r != -EBADMSG;
	job->old_chain = !job->id_known && verify_is_old_chain((struct str){ p, (size_t)(nl - p) });
	return 0;
}

static int ask_ledger(struct job *job, struct err *err)
{
	char own[PATH_MAX];
	const char *path = job->ledger;
	int r;

	if (job->no_ledger || job->old_chain || (job->id_known && job->id.kind == LOG_LEDGER))
		return 0;
	if (!path) {
		evidence_state_path(own, LEDGER_FILE);
		job->word = LEDGER_NONE;
		if (!own[0] || access(own, F_OK) < 0)
			return 0;
		path = own;
	}
	r = ledger_load(path, job->pub_known ? &job->pub : NULL, NULL, 0, &job->list, err);
	if (r < 0)
		return r;
	if (job->id_known && job->list.report.id.install.id[0] &&
	    strcmp(job->list.report.id.install.id, job->id.install.id) != 0) {
		job->word = LEDGER_OTHER_INSTALL;
		return 0;
	}
	job->word = verify_intact(&job->list.report) ? LEDGER_UNLISTED : LEDGER_ALTERED;
	job->namesake = ledger_find(&job->list, NULL, job->real);
	job->entry = job->id_known ? ledger_find(&job->list, job->id.session, NULL) : NULL;
	if (!job->entry)
		job->entry = job->namesake;
	if (!job->entry || job->word == LEDGER_ALTERED)
		return 0;
	job->word = job->entry->end_time ? LEDGER_AGREES : LEDGER_START_ONLY;
	if (job->entry->end_time) {
		struct verify_head *h = &job->head[job->n_heads++];

		*h = (struct verify_head){ job->entry->size, { 0 }, true, "the ledger" };
		memcpy(h->root, job->entry->root, MERKLE_HASH);
	}
	return 0;
}

static int read_checkpoint(struct job *job, struct err *err)
{
	struct verify_head *h = &job->head[job->n_heads];
	struct checkpoint cp;
	int r;

	if (!job->checkpoint)
		return 0;
	r = evidence_read(job->checkpoint, NOTE_MAX, &job->note, err);
	if (r < 0)
		return r;
	if (!job->id_known || verify_note(&job->id, buf_str(&job->note), &cp) < 0) {
		job->foreign_checkpoint = true;
		return 0;
	}
	*h = (struct verify_head){ cp.size, { 0 }, false, "the given checkpoint" };
	memcpy(h->root, cp.root, MERKLE_HASH);
	job->n_heads++;
	return 0;
}

/* What the scan could not know. */
static void judge_beside_others(struct job *job)
{
	struct verify_report *report = &job->report;

	if (job->foreign_checkpoint)
		verify_add(report, VERIFY_RESIGNED, 0, 0, 0,
			   "the given checkpoint is not signed by this log's session key: it is "
			   "damaged, or the log is another one");
	if (job->word == LEDGER_ALTERED)
		verify_add(report, VERIFY_UNKNOWN, 0, 0, 0,
			   "the ledger does not verify, so nobody can say whether this is all");
	if (job->word == LEDGER_UNLISTED && report->lines > UNLISTED_MAX)
		verify_add(report, VERIFY_UNKNOWN, 0, report->lines - 1, 0,
			   "the ledger of its install does not know this session: the ledger was "
			   "put back, or the log is forged");
	if (job->namesake && (!job->id_known || strcmp(job->namesake->id, job->id.session) != 0))
		verify_add(report, VERIFY_RESIGNED, 0, 0, 1,
			   "under this name the ledger knows session %s", job->namesake->id);
	else if (job->entry && job->entry->log && verify_intact(report) &&
		 memcmp(job->entry->genesis, report->genesis_leaf, MERKLE_HASH) != 0)
		verify_add(report, VERIFY_RESIGNED, 0, 0, 1,
			   "the ledger knows this session with another first record");
	if (job->entry && !verify_intact(report) && job->word != LEDGER_ALTERED)
		job->word = LEDGER_DISAGREES;
}

/* A file that is no log any more, though the ledger knows one under its name. */
static bool was_a_log(struct job *job)
{
	const struct ledger_session *e = job->entry;

	if (!e || job->word == LEDGER_ALTERED)
		return false;
	job->report = (struct verify_report){ 0 };
	verify_add(&job->report, VERIFY_TRUNCATED, 0, e->end_time ? e->size - 1 : 0, 0,
		   "this is no log any more: the ledger knows session %s under this name", e->id);
	job->word = LEDGER_DISAGREES;
	return true;
}

static int examine(struct job *job, struct err *err)
{
	struct verify_options o = { .heads = job->head };
	int r;

	r = evidence_key(job->key, &job->pub, &job->pub_known, err);
	if (r == 0)
		r = look_at_first_line(job, err);
	if (r == 0)
		r = ask_ledger(job, err);
	if (r == 0)
		r = read_checkpoint(job, err);
	if (r < 0)
		return r;
	if (job->old_chain)
		return verify_old_chain(job->fd, &job->report, err);
	o.n_heads = job->n_heads;
	o.expected = job->pub_known ? &job->pub : NULL;
	r = verify_fd(job->fd, &o, &job->report, err);
	if (r == -EBADMSG && was_a_log(job))
		return 0;
	if (r < 0)
		return err_text(err, -r, "%s", job->log);
	judge_beside_others(job);
	return 0;
}

/* ---- telling ---- */

static const char *const format_names[] = {
	[VERIFY_LOG] = "session", [VERIFY_LEDGER] = "ledger", [VERIFY_OLD_CHAIN] = "old chain"
};
static const char *const key_names[] = { [VERIFY_KEY_EXPECTED] = "expected",
					 [VERIFY_KEY_UNKNOWN] = "unknown",
					 [VERIFY_KEY_OTHER] = "other" };

static int tell_json(const struct job *job)
{
	const struct verify_report *r = &job->report;
	AUTO(buf_done) struct buf out = BUF_INIT(1u << 20);
	struct json_wr w = json_wr_init(&out);
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = {
		{ "records", r->lines },    { "covered", r->covered },
		{ "tail", r->tail },        { "torn_bytes", r->torn },
		{ "lost_events", r->lost }, { "checkpoints", r->checkpoints },
	};

	json_object(&w);
	json_key(&w, "log");
	json_strz(&w, job->log);
	json_key(&w, "verdict");
	json_strz(&w, verify_intact(r) ? "intact" : "altered");
	json_key(&w, "format");
	json_strz(&w, format_names[r->format]);
	json_key(&w, "session");
	json_strz(&w, r->id.session[0] ? r->id.session : NULL);
	json_key(&w, "install");
	json_strz(&w, r->id.install.id[0] ? r->id.install.id : NULL);
	json_key(&w, "key");
	json_strz(&w, key_names[r->key]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		json_key(&w, numbers[i].key);
		json_u64(&w, numbers[i].value);
	}
	json_key(&w, "ended");
	json_bool(&w, r->ended);
	json_key(&w, "first_time");
	json_strz(&w, r->id.time[0] ? r->id.time : NULL);
	json_key(&w, "last_time");
	json_strz(&w, r->last_time[0] ? r->last_time : NULL);
	json_key(&w, "ledger");
	json_strz(&w, ledger_words[job->word].name);
	json_key(&w, "checkpoint");
	json_strz(&w, !job->checkpoint ? NULL : job->foreign_checkpoint ? "foreign" : "compared");
	evidence_findings_put(&w, r);
	json_end_object(&w);
	buf_putc(&out, '\n');
	return evidence_flush(&out, verify_intact(r) ? 0 : 1);
}

static void row(const char *name)
{
	printf("  %s%-10s%s ", tint(TINT_DIM), name, tint(TINT_NONE));
}

static void tell_who(const struct job *job)
{
	const struct verify_report *r = &job->report;
	int64_t from, to;

	if (r->format == VERIFY_LOG && r->id.session[0]) {
		row("session");
		printf("%s\n", r->id.session);
	}
	if (r->id.install.id[0]) {
		row("install");
		printf("%s, %s%s%s\n", r->id.install.id,
		       tint(r->key == VERIFY_KEY_EXPECTED ? TINT_GOOD : TINT_WARN),
		       r->key == VERIFY_KEY_EXPECTED ? "the expected key"
		       : r->key == VERIFY_KEY_OTHER  ? "not the expected key"
						     : "a key nobody vouched for (--key)",
		       tint(TINT_NONE));
	}
	if (r->id.time[0] && r->last_time[0]) {
		row("time");
		printf("%.10s %.8s to %.10s %.8s UTC", r->id.time, r->id.time + 11, r->last_time,
		       r->last_time + 11);
		if (line_time_parse((struct str){ r->id.time, LINE_TIME }, &from) == 0 &&
		    line_time_parse((struct str){ r->last_time, LINE_TIME }, &to) == 0 &&
		    to >= from)
			printf(" (%.3f s)", (double)(to - from) / 1e9);
		putchar('\n');
	}
}

static void tell_extent(const struct verify_report *r)
{
	row("records");
	printf("%llu", (unsigned long long)r->lines);
	if (r->format != VERIFY_OLD_CHAIN && r->checkpoints > 0)
		printf(", the first %llu signed (%llu checkpoint%s)",
		       (unsigned long long)r->covered + 1, (unsigned long long)r->checkpoints,
		       r->checkpoints == 1 ? "" : "s");
	putchar('\n');
	if (r->format == VERIFY_OLD_CHAIN) {
		row("");
		printf("%san old chain: linked, but neither signed nor counted%s\n",
		       tint(TINT_WARN), tint(TINT_NONE));
	} else if (r->format == VERIFY_LOG) {
		row("end");
		if (r->ended)
			printf("session.end, signed\n");
		else
			printf("%sended without session.end: %llu unsigned record%s in the "
			       "tail%s\n",
			       tint(TINT_WARN), (unsigned long long)r->tail,
			       r->tail == 1 ? "" : "s", tint(TINT_NONE));
	}
	if (r->torn > 0) {
		row("");
		printf("%sa torn line: %llu bytes behind the last whole record%s\n",
		       tint(TINT_WARN), (unsigned long long)r->torn, tint(TINT_NONE));
	}
	if (r->lost > 0) {
		row("gaps");
		printf("%s%llu events were lost, and the log says so%s\n", tint(TINT_WARN),
		       (unsigned long long)r->lost, tint(TINT_NONE));
	}
}

static int tell(const struct job *job)
{
	const struct verify_report *r = &job->report;
	bool intact = verify_intact(r);

	printf("%s%s%s  %s\n", tint(intact ? TINT_GOOD : TINT_BAD), intact ? "intact" : "ALTERED",
	       tint(TINT_NONE), job->log);
	evidence_findings_print(r);
	tell_who(job);
	tell_extent(r);
	if (r->format == VERIFY_LOG) {
		row("ledger");
		printf("%s%s%s\n", tint(ledger_words[job->word].tint), ledger_words[job->word].text,
		       tint(TINT_NONE));
	}
	if (job->checkpoint && intact) {
		row("checkpoint");
		printf("%sthe given one fits%s\n", tint(TINT_GOOD), tint(TINT_NONE));
	}
	return fflush(stdout) == 0 ? !intact : CLI_USAGE;
}

static void job_done(struct job *job)
{
	job->fd = fd_close(job->fd);
	ledger_list_done(&job->list);
	buf_done(&job->note);
}

int cli_verify(int argc, char **argv)
{
	static struct job job = { .fd = -EBADF };
	struct err err = ERR_INIT;
	int c, r;

	while ((c = evidence_getopt(argc, argv, options, N_OPTIONS, usage)) != -1) {
		switch (c) {
		case 'c': job.checkpoint = optarg; break;
		case 'k': job.key = optarg; break;
		case 'l': job.ledger = optarg; break;
		case 'n': job.no_ledger = true; break;
		case 'j': job.json = true; break;
		case 'q': job.quiet = true; break;
		case -2: return 0;
		default: return CLI_USAGE;
		}
	}
	if (argc - optind != 1) {
		fprintf(stderr, "capsule verify: %s\nTry 'capsule verify --help'.\n",
			argc == optind ? "which log?" : "one log at a time");
		return CLI_USAGE;
	}
	job.log = argv[optind];
	r = ed25519_init() < 0 ? err_text(&err, EIO, "no source of random numbers")
			       : examine(&job, &err);
	if (r < 0) {
		fprintf(stderr, "capsule verify: %s\n", err.text);
		r = CLI_USAGE;
	} else if (job.quiet) {
		r = !verify_intact(&job.report);
	} else {
		r = job.json ? tell_json(&job) : tell(&job);
	}
	job_done(&job);
	return r;
}
