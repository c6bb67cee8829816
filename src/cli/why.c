/*
 * capsule why - why something was denied, or done: from the log alone.
 *
 * One pass: every execution is remembered by its process, so that the record in question can be told with those
 * that led to it. The log is anybody's: what is shown is made inert, what is kept is bounded.
 */
#include "audit/reader.h"
#include "base/own.h"
#include "cli/evidence.h"
#include "codec/inert.h"
#include "codec/json_rd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage_text[] = "usage: capsule why [OPTIONS] [LOG] SEQ\n"
				 "       capsule why [OPTIONS] --last-denied [LOG]\n\n"
				 "Says what was tried, by whom, which rule decided, and what would "
				 "have to change. LOG is a file or\n"
				 "the first digits of a session; without it, the newest session. "
				 "SEQ is a record's number, as\n"
				 "'capsule log show' prints it.\n";

static const struct evidence_option options[] = {
	{ "last-denied", 'l', NULL, "the last call that was denied" },
	{ "json", 'j', NULL, "as JSON" },
};

#define PROCESSES 4096 /* remembered: by number, later ones in the place of earlier ones */
#define PROGRAM_MAX 160
#define ANCESTORS_MAX 12
#define LINE_ARENA_MAX (64u << 20)

struct process {
	int64_t pid, ppid;
	char program[PROGRAM_MAX];
};

struct why {
	const char *log;
	uint64_t seq;
	bool last_denied, json;
	struct process *processes;
	struct arena arena; /* of one line */
	/* what was found */
	bool found;
	struct buf line;
	struct process chain[ANCESTORS_MAX];
	size_t n_chain;
};

static struct process *process_at(struct why *y, int64_t pid)
{
	return &y->processes[(uint64_t)pid % PROCESSES];
}

static void remember(struct why *y, const struct json *event)
{
	const struct json *common = json_get(json_get(event, "common"), "process");
	const struct json *activity = json_get(json_get(event, "process"), "activity");
	struct str program;
	struct process *p;
	int64_t pid;

	if (!json_get_i64(common, "pid", &pid) || !json_get_str(activity, "executable", &program))
		return;
	p = process_at(y, pid);
	*p = (struct process){ .pid = pid };
	(void)json_get_i64(common, "ppid", &p->ppid);
	(void)snprintf(p->program, sizeof(p->program), "%.*s", STR_ARG(program));
}

/* The caller and those that started it, nearest first. A number that comes twice ends it. */
static void note_chain(struct why *y, const struct json *event)
{
	const struct json *common = json_get(json_get(event, "common"), "process");
	int64_t pid = 0, ppid = 0;
	struct str program;

	y->n_chain = 0;
	if (!json_get_i64(common, "pid", &pid))
		return;
	(void)json_get_i64(common, "ppid", &ppid);
	while (pid > 1 && y->n_chain < ANCESTORS_MAX) {
		struct process *p = process_at(y, pid), *to = &y->chain[y->n_chain];

		for (size_t i = 0; i < y->n_chain; i++) {
			if (y->chain[i].pid == pid)
				return;
		}
		*to = (struct process){ .pid = pid, .ppid = y->n_chain ? 0 : ppid };
		if (p->pid == pid)
			*to = *p;
		if (y->n_chain == 0 && json_get_str(common, "executable", &program))
			(void)snprintf(to->program, sizeof(to->program), "%.*s", STR_ARG(program));
		y->n_chain++;
		pid = to->ppid;
	}
}

static int look_at(struct why *y, struct str line)
{
	struct line_head head;
	const struct json *record, *event;
	struct str result;
	bool wanted;

	if (line_head_parse(line, &head) < 0 || !str_eqz(head.type, "event")) {
		if (line_head_parse(line, &head) == 0 && head.seq == y->seq && !y->last_denied)
			return -ENOMSG;
		return 0;
	}
	arena_done(&y->arena);
	y->arena = ARENA_INIT(LINE_ARENA_MAX);
	if (json_parse(&y->arena, line, &record, NULL) < 0)
		return 0; /* 'capsule verify' says what is wrong with it */
	event = json_get(record, "event");
	wanted = y->last_denied ? json_get_str(json_get(record, "outcome"), "result", &result) &&
					  str_eqz(result, "denied")
				: head.seq == y->seq;
	if (wanted) {
		note_chain(y, event);
		buf_reset(&y->line);
		buf_puts(&y->line, line);
		y->found = true;
	}
	if (str_eqz(head.type, "event") && json_get_str(event, "type", &result) &&
	    str_eqz(result, "process.exec"))
		remember(y, event);
	return 0;
}

static int search(struct why *y, int fd, struct err *err)
{
	AUTO(reader_done) struct reader reader = { .fd = -EBADF };
	struct str lines;
	int r = reader_init(&reader, fd);

	while (r == 0 && (r = reader_lines(&reader, &lines)) == 0 && lines.n > 0) {
		for (size_t at = 0; r == 0 && at < lines.n;) {
			const char *nl = memchr(lines.p + at, '\n', lines.n - at);
			size_t n = (size_t)(nl - lines.p) - at;

			r = look_at(y, (struct str){ lines.p + at, n });
			at += n + 1;
		}
		reader_take(&reader, lines.n);
	}
	if (r == -ENOMSG)
		return err_text(err, ENOMSG, "record %llu is no event: 'capsule log show' shows it",
				(unsigned long long)y->seq);
	if (r < 0)
		return err_set(err, -r, "cannot read '%s'", y->log);
	if (!y->found && y->last_denied)
		return err_text(err, ENOENT,
				"no denial is recorded in %s; what the wall's mounts and Landlock "
				"refuse by themselves may not be seen there",
				y->log);
	if (!y->found)
		return err_text(err, ENOENT, "there is no record %llu in %s",
				(unsigned long long)y->seq, y->log);
	return 0;
}

/* ---- telling ---- */

static void put_text(struct buf *out, const char *label, struct str text)
{
	if (!text.n)
		return;
	buf_printf(out, "  %-8s ", label);
	inert_put(out, text, 0);
	buf_putc(out, '\n');
}

static struct str text_of(const struct json *object, const char *key)
{
	struct str s = { 0 };

	(void)json_get_str(object, key, &s);
	return s;
}

static void tell_chain(const struct why *y, struct buf *out)
{
	for (size_t i = 0; i < y->n_chain; i++) {
		buf_printf(out, "  %-8s ", i ? "" : "by");
		inert_put(out, str_of(y->chain[i].program[0] ? y->chain[i].program : "?"), 0);
		buf_printf(out, " (%lld)%s\n", (long long)y->chain[i].pid,
			   i + 1 < y->n_chain ? ", started by" : "");
	}
}

static void tell_text(struct why *y, const struct json *record, struct buf *out)
{
	const struct json *denial = json_get(record, "denial");
	const struct json *decision = json_get(record, "decision");
	const struct json *outcome = json_get(record, "outcome");
	struct str object = text_of(denial, "object");
	bool retry = false;
	uint64_t ms = 0;

	if (denial) {
		buf_printf(out, "%sdenied:%s ", tint(TINT_BAD), tint(TINT_NONE));
		inert_put(out, text_of(denial, "tried"), 0);
		buf_putc(out, ' ');
		inert_put(out, object, 0);
	} else {
		inert_put(out, text_of(outcome, "result"), 0);
		buf_puts(out, STR(": "));
		inert_put(out, text_of(json_get(record, "event"), "type"), 0);
		buf_putc(out, ' ');
		inert_put(out,
			  text_of(json_get(json_get(json_get(record, "event"), "file"), "activity"),
				  "path"),
			  0);
	}
	buf_putc(out, '\n');
	tell_chain(y, out);
	put_text(out, "action", text_of(decision, "action"));
	put_text(out, "rule", text_of(decision, "rule"));
	put_text(out, "where", text_of(decision, "where"));
	put_text(out, "reason", text_of(decision, "reason"));
	put_text(out, "errno", text_of(outcome, "errno"));
	put_text(out, "fix", text_of(denial, "fix"));
	if (!denial)
		return;
	(void)json_get_bool(denial, "retry", &retry);
	(void)json_get_u64(denial, "retry_after_ms", &ms);
	buf_printf(out, "  %-8s %s", "retry",
		   retry ? "may help, with nothing changed"
			 : "does not help while nothing changes");
	if (retry && ms)
		buf_printf(out, ", in %llu ms", (unsigned long long)ms);
	buf_putc(out, '\n');
}

static void tell_json(struct why *y, const struct json *record, struct buf *out)
{
	struct json_wr w = json_wr_init(out);

	json_object(&w);
	json_key(&w, "log");
	json_strz(&w, y->log);
	json_key(&w, "record");
	json_put(&w, record);
	json_key(&w, "processes");
	json_array(&w);
	for (size_t i = 0; i < y->n_chain; i++) {
		json_object(&w);
		json_key(&w, "pid");
		json_i64(&w, y->chain[i].pid);
		json_key(&w, "executable");
		json_strz(&w, y->chain[i].program);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_end_object(&w);
	buf_putc(out, '\n');
}

static int why(struct why *y, struct err *err)
{
	AUTO(fd_closep) int fd = -EBADF;
	AUTO(buf_done) struct buf out = BUF_INIT(16u << 20);
	const struct json *record;
	int r = evidence_log_open(&y->log, &fd, err);

	if (r == 0)
		r = search(y, fd, err);
	if (r < 0)
		return r;
	arena_done(&y->arena);
	y->arena = ARENA_INIT(LINE_ARENA_MAX);
	r = json_parse(&y->arena, buf_str(&y->line), &record, err);
	if (r < 0)
		return r;
	if (y->json)
		tell_json(y, record, &out);
	else
		tell_text(y, record, &out);
	return evidence_flush(&out, 0);
}

static int read_args(struct why *y, int argc, char **argv)
{
	int c;

	while ((c = evidence_getopt(argc, argv, options, sizeof(options) / sizeof(options[0]),
				    usage_text)) != -1) {
		switch (c) {
		case 'l': y->last_denied = true; break;
		case 'j': y->json = true; break;
		case -2: return 1;
		default: return -EINVAL;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc > (y->last_denied ? 1 : 2) || (!y->last_denied && argc < 1))
		return -EINVAL;
	if (!y->last_denied && str_to_u64(str_of(argv[argc - 1]), &y->seq) < 0)
		return -EINVAL;
	y->log = argc > (y->last_denied ? 0 : 1) ? argv[0] : NULL;
	return 0;
}

int cli_why(int argc, char **argv)
{
	struct why y = { .arena = ARENA_INIT(LINE_ARENA_MAX), .line = BUF_INIT(READER_BYTES) };
	struct err err = ERR_INIT;
	int r = read_args(&y, argc, argv);

	if (r > 0)
		return 0;
	if (r < 0) {
		fputs(usage_text, stderr);
		return CLI_USAGE;
	}
	y.processes = calloc(PROCESSES, sizeof(*y.processes));
	r = y.processes ? why(&y, &err) : err_set(&err, ENOMEM, "cannot tell");
	if (r < 0)
		fprintf(stderr, "capsule why: %s\n", err.text);
	free(y.processes);
	arena_done(&y.arena);
	buf_done(&y.line);
	return r < 0 ? 1 : r;
}
