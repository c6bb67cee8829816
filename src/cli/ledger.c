/* capsule ledger - the install's list of sessions: read it, check it against the logs. */
#include "base/own.h"
#include "cli/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static const char usage_text[] =
	"usage: capsule ledger list|verify|checkpoint [OPTIONS]\n\n"
	"  list        your sessions, oldest first\n"
	"  verify      check the ledger itself, and every log that it knows: exit status 0 all\n"
	"              there and intact, 1 something altered or missing, 2 it cannot be told\n"
	"  checkpoint  print the newest signed checkpoint, to be kept elsewhere\n";

static const struct evidence_option options[] = {
	{ "ledger", 'l', "FILE", "the ledger (default: yours)" },
	{ "key", 'k', "FILE", "the install's public key (default: your install.pub; none: any)" },
	{ "checkpoint", 'c', "FILE", "verify: a checkpoint of the ledger that was kept elsewhere" },
	{ "json", 'j', NULL, "the result as JSON" },
};

struct job {
	const char *ledger, *key, *checkpoint;
	bool json;
	char own[PATH_MAX];
	struct install_pub pub;
	bool known;
	struct ledger_list list;
};

/* Which ledger, and whose. */
static int find(struct job *job, struct err *err)
{
	if (!job->ledger) {
		evidence_state_path(job->own, LEDGER_FILE);
		job->ledger = job->own;
	}
	return evidence_key(job->key, &job->pub, &job->known, err);
}

static int load(struct job *job, const struct verify_head *heads, size_t n_heads, struct err *err)
{
	int r = find(job, err);

	if (r < 0)
		return r;
	return ledger_load(job->ledger, job->known ? &job->pub : NULL, heads, n_heads, &job->list,
			   err);
}

/* ---- what became of a session's log ---- */

enum fate { FATE_INTACT, FATE_OPEN, FATE_ALTERED, FATE_MISSING, FATE_NO_LOG, FATE_UNREADABLE };

static const struct {
	const char *name, *text;
	enum tint tint;
	bool bad;
} fates[] = {
	[FATE_INTACT] = { "intact", "intact", TINT_GOOD, false },
	[FATE_OPEN] = { "no end", "intact; no end is known: it runs, or was killed", TINT_WARN,
			false },
	[FATE_ALTERED] = { "altered", "ALTERED", TINT_BAD, true },
	[FATE_MISSING] = { "missing", "MISSING: the log is not where it was written", TINT_BAD,
			   true },
	[FATE_NO_LOG] = { "altered", "ALTERED: what stands there is no log", TINT_BAD, true },
	[FATE_UNREADABLE] = { "unreadable", "cannot be read", TINT_WARN, true },
};

/* Its descriptor. A session killed between the ledger's line and the name left PATH.new: docs/LOG.md section 5. */
static int log_of(const struct ledger_session *s)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, fd = s->log ? open(s->log, flags) : -1;
	char unnamed[PATH_MAX];

	if (fd >= 0 || !s->log || s->end_time || errno != ENOENT ||
	    snprintf(unnamed, sizeof(unnamed), "%s.new", s->log) >= PATH_MAX)
		return fd;
	fd = open(unnamed, flags);
	errno = fd < 0 ? ENOENT : 0;
	return fd;
}

static enum fate fate_of(const struct job *job, const struct ledger_session *s,
			 struct verify_report *report)
{
	struct verify_head head = { s->size, { 0 }, true, "the ledger" };
	struct verify_options o = { .expected = &job->list.report.id.install };
	AUTO(fd_closep) int fd = -EBADF;
	int r;

	*report = (struct verify_report){ 0 };
	fd = log_of(s);
	if (fd < 0)
		return !s->log || errno == ENOENT || errno == ENOTDIR ? FATE_MISSING
								      : FATE_UNREADABLE;
	if (s->end_time) {
		memcpy(head.root, s->root, MERKLE_HASH);
		o.heads = &head;
		o.n_heads = 1;
	}
	r = verify_fd(fd, &o, report, NULL);
	if (r < 0)
		return r == -EBADMSG ? FATE_NO_LOG : FATE_UNREADABLE;
	if (strcmp(report->id.session, s->id) != 0)
		verify_add(report, VERIFY_RESIGNED, 0, 0, 1, "this is the log of session %s",
			   report->id.session);
	else if (verify_intact(report) && memcmp(report->genesis_leaf, s->genesis, MERKLE_HASH))
		verify_add(report, VERIFY_RESIGNED, 0, 0, 1,
			   "the ledger knows this session with another first record");
	if (!verify_intact(report))
		return FATE_ALTERED;
	return s->end_time ? FATE_INTACT : FATE_OPEN;
}

/* ---- list ---- */

static void session_put(struct json_wr *w, const struct ledger_session *s)
{
	json_key(w, "session");
	json_strz(w, s->id);
	json_key(w, "start");
	json_strz(w, s->start_time);
	json_key(w, "end");
	json_strz(w, s->end_time);
	json_key(w, "records");
	if (s->end_time)
		json_u64(w, s->size);
	else
		json_null(w);
	json_key(w, "log");
	json_strz(w, s->log);
}

static void session_print(const struct ledger_session *s)
{
	AUTO(buf_done) struct buf b = BUF_INIT(1u << 20);
	struct json_wr w = json_wr_init(&b);

	if (s->log)
		json_strz(&w, s->log); /* a name may hold anything */
	printf("%.10s %.8s  %s%.8s%s  ", s->start_time ? s->start_time : "?",
	       s->start_time ? s->start_time + 11 : "", tint(TINT_NAME), s->id, tint(TINT_NONE));
	if (s->end_time)
		printf("%8llu records", (unsigned long long)s->size);
	else
		printf("%s%16s%s", tint(TINT_WARN), "no end", tint(TINT_NONE));
	printf("  %.*s\n", b.n > 2 ? (int)b.n - 2 : 0, b.n > 2 ? b.p + 1 : "");
}

static int list(struct job *job, struct err *err)
{
	AUTO(buf_done) struct buf out = BUF_INIT(1u << 30);
	struct json_wr w = json_wr_init(&out);
	int r = load(job, NULL, 0, err);

	if (r < 0)
		return r;
	json_array(&w);
	for (size_t i = 0; i < job->list.n; i++) {
		if (!job->json) {
			session_print(&job->list.session[i]);
			continue;
		}
		json_object(&w);
		session_put(&w, &job->list.session[i]);
		json_end_object(&w);
	}
	json_end_array(&w);
	buf_putc(&out, '\n');
	if (!verify_intact(&job->list.report))
		fprintf(stderr, "This ledger was ALTERED: 'capsule ledger verify' says how.\n");
	return job->json ? evidence_flush(&out, 0) : fflush(stdout) ? CLI_USAGE : 0;
}

/* ---- verify ---- */

static int given_checkpoint(struct job *job, struct verify_head *head, bool *ret_foreign,
			    struct err *err)
{
	AUTO(buf_done) struct buf note = { 0 };
	struct checkpoint cp;
	int r;

	r = evidence_read(job->checkpoint, NOTE_MAX, &note, err);
	if (r < 0)
		return r;
	*ret_foreign = verify_note(&job->list.report.id, buf_str(&note), &cp) < 0;
	if (*ret_foreign)
		return 0;
	*head = (struct verify_head){ cp.size, { 0 }, false, "the given checkpoint" };
	memcpy(head->root, cp.root, MERKLE_HASH);
	ledger_list_done(&job->list);
	return load(job, head, 1, err);
}

static int verify(struct job *job, struct err *err)
{
	AUTO(freep) struct verify_report *report = calloc(1, sizeof(*report));
	AUTO(buf_done) struct buf out = BUF_INIT(1u << 30);
	struct json_wr w = json_wr_init(&out);
	struct verify_head head;
	struct verify_report *own = &job->list.report;
	size_t bad = 0, sessions_bad = 0;
	bool foreign = false;
	int r = report ? load(job, NULL, 0, err) : err_set(err, ENOMEM, "cannot verify");

	if (r == 0 && job->checkpoint)
		r = given_checkpoint(job, &head, &foreign, err);
	if (r < 0)
		return r;
	if (foreign)
		verify_add(own, VERIFY_RESIGNED, 0, 0, 0,
			   "the given checkpoint is not signed by this ledger's install key");
	bad = !verify_intact(own);
	json_object(&w);
	json_key(&w, "ledger");
	json_strz(&w, job->ledger);
	json_key(&w, "install");
	json_strz(&w, own->id.install.id);
	json_key(&w, "records");
	json_u64(&w, own->lines);
	evidence_findings_put(&w, own);
	json_key(&w, "sessions");
	json_array(&w);
	if (!job->json) {
		printf("%s%s%s  %s: %llu records, %zu sessions\n", tint(bad ? TINT_BAD : TINT_GOOD),
		       bad ? "ALTERED" : "intact", tint(TINT_NONE), job->ledger,
		       (unsigned long long)own->lines, job->list.n);
		evidence_findings_print(own);
	}
	for (size_t i = 0; i < job->list.n; i++) {
		const struct ledger_session *s = &job->list.session[i];
		enum fate fate = fate_of(job, s, report);

		sessions_bad += fates[fate].bad;
		json_object(&w);
		session_put(&w, s);
		json_key(&w, "verdict");
		json_strz(&w, fates[fate].name);
		evidence_findings_put(&w, report);
		json_end_object(&w);
		if (job->json || fate == FATE_INTACT)
			continue;
		session_print(s);
		printf("  %s%s%s\n", tint(fates[fate].tint), fates[fate].text, tint(TINT_NONE));
		evidence_findings_print(report);
	}
	json_end_array(&w);
	json_key(&w, "verdict");
	json_strz(&w, bad || sessions_bad ? "altered" : "intact");
	json_end_object(&w);
	buf_putc(&out, '\n');
	if (job->json)
		return evidence_flush(&out, bad || sessions_bad ? 1 : 0);
	if (sessions_bad > 0)
		printf("%s%zu of %zu logs altered or missing%s\n", tint(TINT_BAD), sessions_bad,
		       job->list.n, tint(TINT_NONE));
	return fflush(stdout) ? CLI_USAGE : bad || sessions_bad;
}

/* ---- checkpoint ---- */

static int checkpoint(struct job *job, struct err *err)
{
	struct evidence_note k = { .n = 0 };
	struct verify_options o = { .each = evidence_note_take, .ctx = &k };
	AUTO(freep) struct verify_report *report = calloc(1, sizeof(*report));
	AUTO(fd_closep) int fd = -EBADF;
	struct buf out;
	int r = report ? find(job, err) : err_set(err, ENOMEM, "cannot read");

	if (r < 0)
		return r;
	o.expected = job->known ? &job->pub : NULL;
	fd = open(job->ledger, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, errno, "cannot open the ledger '%s'", job->ledger);
	r = verify_fd(fd, &o, report, err);
	if (r < 0)
		return err_text(err, -r, "ledger '%s'", job->ledger);
	if (report->format != VERIFY_LEDGER)
		return err_text(err, EBADMSG, "'%s' is not a ledger", job->ledger);
	if (!verify_intact(report))
		return err_text(err, EBADMSG, "the ledger was altered");
	if (k.n == 0)
		return err_text(err, ENOENT, "the ledger has no checkpoint yet");
	out = buf_fixed(k.note, sizeof(k.note));
	out.n = k.n;
	return evidence_flush(&out, 0);
}

int cli_ledger(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct job *job, struct err *err);
	} verbs[] = { { "list", list }, { "verify", verify }, { "checkpoint", checkpoint } };
	static struct job job;
	struct err err = ERR_INIT;
	int c, r = -ENOENT;

	while ((c = evidence_getopt(argc, argv, options, sizeof(options) / sizeof(options[0]),
				    usage_text)) != -1) {
		switch (c) {
		case 'l': job.ledger = optarg; break;
		case 'k': job.key = optarg; break;
		case 'c': job.checkpoint = optarg; break;
		case 'j': job.json = true; break;
		case -2: return 0;
		default: return CLI_USAGE;
		}
	}
	if (ed25519_init() < 0 || argc - optind != 1) {
		fputs(usage_text, stderr);
		return CLI_USAGE;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[optind], verbs[i].name) == 0)
			r = verbs[i].run(&job, &err);
	if (r < 0)
		fprintf(stderr, "capsule ledger: %s%s\n",
			err_is_set(&err) ? err.text : "unknown verb: list, verify or checkpoint",
			"");
	ledger_list_done(&job.list);
	return r < 0 ? CLI_USAGE : r;
}
