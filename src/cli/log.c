/* capsule log - look into a log, follow it, prove parts of it, hand it on. */
#include "audit/proof.h"
#include "audit/reader.h"
#include "base/file.h"
#include "base/own.h"
#include "cli/evidence.h"
#include "cli/log_view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define OUT_FLUSH (64u << 10)
#define FOLLOW_NS 100000000

struct log_args {
	const char *verb, *log, *argument;
	const char *type, *from, *out, *key, *checkpoint, *format;
	uint64_t lines;
	bool json, follow, wide;
};

struct log_verb {
	const char *name, *usage;
	const char *letters; /* of the options it takes */
	int arguments;       /* besides the log */
	int (*run)(struct log_args *a, struct err *err);
};

static const struct evidence_option all_options[] = {
	{ "type", 't', "TYPE", "only records of this type; TYPE may end in '*'" },
	{ "wide", 'w', NULL, "do not cut lines at the terminal's width" },
	{ "follow", 'f', NULL, "go on until the session ends" },
	{ "lines", 'n', "N", "start with the last N records (10)" },
	{ "from", 'F', "N", "prove that the log grew out of its first N records" },
	{ "out", 'o', "FILE", "write there and not to standard output" },
	{ "key", 'k', "FILE", "the install's public key (default: your install.pub; none: any)" },
	{ "checkpoint", 'c', "FILE", "the older checkpoint that the proof has to start from" },
	{ "format", 'm', "FORMAT", "ndjson (default) or json: one array" },
	{ "json", 'j', NULL, "records as they are, one JSON object a line" },
};

/* ---- show, tail ---- */

static size_t terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 40)
		return size.ws_col;
	return 0;
}

struct printer {
	struct log_args *args;
	struct log_view view;
	struct buf out;
	bool ended; /* the last record was the checkpoint of a session.end */
	bool end_seen;
};

static void print_line(struct printer *p, struct str line)
{
	struct line_head head;

	if (line_head_parse(line, &head) == 0) {
		p->ended = p->end_seen && str_eqz(head.type, "checkpoint");
		p->end_seen = str_eqz(head.type, "session.end");
	}
	if (!p->args->json) {
		(void)log_view_line(&p->view, line, &p->out);
		return;
	}
	if (p->args->type) {
		struct buf none = BUF_INIT(8u << 20);
		bool want = log_view_line(&p->view, line, &none);

		buf_done(&none);
		if (!want)
			return;
	}
	buf_puts(&p->out, line);
	buf_putc(&p->out, '\n');
}

static int print_flush(struct printer *p)
{
	int r = evidence_flush(&p->out, 0);

	buf_reset(&p->out);
	return r ? -EPIPE : 0;
}

/* All whole lines that there are now, from where the reader stands; the first @skip unseen. */
static int print_lines(struct printer *p, struct reader *reader, uint64_t skip)
{
	struct str lines;
	int r;

	while ((r = reader_lines(reader, &lines)) == 0 && lines.n > 0) {
		for (size_t at = 0; at < lines.n;) {
			const char *nl = memchr(lines.p + at, '\n', lines.n - at);
			struct str line = { lines.p + at, (size_t)(nl - lines.p) - at };
			struct line_head head;

			at += line.n + 1;
			if (skip > 0) {
				skip--;
				if (line_head_parse(line, &head) == 0 && head.seq == 0)
					(void)line_time_parse((struct str){ head.time, LINE_TIME },
							      &p->view.start_ns);
				continue;
			}
			print_line(p, line);
			if (p->out.n >= OUT_FLUSH && print_flush(p) < 0)
				return -EPIPE;
		}
		reader_take(reader, lines.n);
	}
	return r < 0 ? r : print_flush(p);
}

static int follow(struct printer *p, struct reader *reader)
{
	const struct timespec pause = { .tv_nsec = FOLLOW_NS };
	int r = 0;

	while (r == 0 && !p->ended) {
		(void)nanosleep(&pause, NULL);
		reader->eof = false;
		r = print_lines(p, reader, 0);
	}
	return r;
}

/* A word at the end, on stderr, about what the lines are worth. */
static void print_worth(const struct verify_report *report)
{
	if (!verify_intact(report))
		fprintf(stderr, "This log was ALTERED: 'capsule verify' says how.\n");
	else if (report->tail > 0)
		fprintf(stderr, "Records marked '?' (%llu) are not signed.\n",
			(unsigned long long)report->tail);
}

static int show_or_tail(struct log_args *a, bool tail, struct err *err)
{
	struct printer p = { .args = a, .out = BUF_INIT(16u << 20) };
	AUTO(reader_done) struct reader reader = { .fd = -EBADF };
	AUTO(freep) struct verify_report *report = calloc(1, sizeof(*report));
	AUTO(fd_closep) int fd = -EBADF;
	const struct verify_options any = { 0 };
	int r;

	r = evidence_log_open(&a->log, &fd, err);
	if (r < 0)
		return r;
	if (!report)
		return err_set(err, ENOMEM, "cannot show");
	r = verify_fd(fd, &any, report, err);
	if (r < 0)
		return err_text(err, -r, "%s", a->log);
	p.view = (struct log_view){ .width = a->wide ? 0 : terminal_width(),
				    .type = str_of(a->type),
				    .unsigned_from = verify_intact(report) && report->checkpoints
							     ? report->covered + 1
							     : 0 };
	if (lseek(fd, 0, SEEK_SET) < 0 || reader_init(&reader, fd) < 0)
		return err_set(err, EIO, "cannot read '%s'", a->log);
	r = print_lines(&p, &reader,
			tail && report->lines > a->lines ? report->lines - a->lines : 0);
	if (r == 0 && tail && a->follow) {
		p.view.unsigned_from = UINT64_MAX; /* too young to be told */
		r = follow(&p, &reader);
	} else if (r == 0 && !a->json) {
		print_worth(report);
	}
	buf_done(&p.out);
	return r < 0 ? err_set(err, -r, "cannot show '%s'", a->log) : 0;
}

static int log_show(struct log_args *a, struct err *err)
{
	return show_or_tail(a, false, err);
}

static int log_tail(struct log_args *a, struct err *err)
{
	return show_or_tail(a, true, err);
}

/* ---- proofs ---- */

static int result_out(const struct log_args *a, struct buf *out, struct err *err)
{
	AUTO(fd_closep) int fd = -EBADF;
	int r;

	if (!a->out)
		return evidence_flush(out, 0) ? err_set(err, EIO, "standard output") : 0;
	fd = open(a->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : fd_write_all(fd, out->p, out->n);
	return r < 0 ? err_set(err, -r, "cannot write '%s'", a->out) : 0;
}

static int log_prove(struct log_args *a, struct err *err)
{
	AUTO(buf_done) struct buf out = BUF_INIT(PROOF_MAX);
	AUTO(fd_closep) int fd = -EBADF;
	const char *number = a->from ? a->from : a->argument;
	uint64_t n;
	int r;

	if (!number || (a->from && a->argument) || str_to_u64(str_of(number), &n) < 0)
		return err_text(err, 0, "say which: a record's number, or --from N");
	r = evidence_log_open(&a->log, &fd, err);
	if (r == 0)
		r = a->from ? proof_consistency(fd, n, &out, err)
			    : proof_inclusion(fd, n, &out, err);
	return r < 0 ? r : result_out(a, &out, err);
}

static int told_proof(const struct log_args *a, const struct proof_result *res, bool known)
{
	AUTO(buf_done) struct buf out = BUF_INIT(PROOF_MAX * 2);
	struct json_wr w = json_wr_init(&out);

	if (a->json) {
		json_object(&w);
		json_key(&w, "verdict");
		json_strz(&w, "holds");
		json_key(&w, "kind");
		json_strz(&w, res->consistency ? "consistency" : "inclusion");
		json_key(&w, "session");
		json_strz(&w, res->id.session);
		json_key(&w, "install");
		json_strz(&w, res->id.install.id);
		json_key(&w, "key");
		json_strz(&w, known ? "expected" : "unknown");
		json_key(&w, res->consistency ? "from" : "index");
		json_u64(&w, res->consistency ? res->from : res->index);
		json_key(&w, "size");
		json_u64(&w, res->size);
		if (res->record) {
			json_key(&w, "record");
			json_strz(&w, res->record);
		}
		json_end_object(&w);
		buf_putc(&out, '\n');
		return evidence_flush(&out, 0);
	}
	printf("%sholds%s  session %s, install %s (%s)\n", tint(TINT_GOOD), tint(TINT_NONE),
	       res->id.session, res->id.install.id,
	       known ? "the expected key" : "a key nobody vouched for: give --key");
	if (res->consistency)
		printf("the first %llu records stand unchanged at the start of the %llu that are "
		       "signed%s\n",
		       (unsigned long long)res->from, (unsigned long long)res->size,
		       res->from_signed ? ""
					: " (that older state is not signed: compare its root "
					  "with one that you kept)");
	else {
		struct log_view view = { .unsigned_from = UINT64_MAX };

		printf("record %llu of %llu:\n", (unsigned long long)res->index,
		       (unsigned long long)res->size);
		(void)log_view_line(&view, str_of(res->record), &out);
		return evidence_flush(&out, 0);
	}
	return 0;
}

static int log_check_proof(struct log_args *a, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_INIT(PROOF_MAX), older = BUF_INIT(NOTE_MAX);
	struct proof_result res = { 0 };
	struct install_pub pub;
	bool known;
	int r;

	if (!a->log)
		return err_text(err, 0, "which proof file?");
	r = evidence_key(a->key, &pub, &known, err);
	if (r == 0)
		r = evidence_read(a->log, PROOF_MAX, &text, err);
	if (r == 0 && a->checkpoint)
		r = evidence_read(a->checkpoint, NOTE_MAX, &older, err);
	if (r < 0)
		return r;
	r = proof_check(buf_str(&text), known ? &pub : NULL, buf_str(&older), &res, err);
	if (r == -EBADMSG) {
		if (a->json)
			puts("{\"verdict\":\"fails\"}");
		else
			printf("%sFAILS%s  %s\n", tint(TINT_BAD), tint(TINT_NONE), err->text);
		*err = ERR_INIT;
		return 1;
	}
	if (r == 0)
		r = told_proof(a, &res, known);
	free(res.record);
	return r;
}

static int log_checkpoint(struct log_args *a, struct err *err)
{
	AUTO(freep) struct verify_report *report = calloc(1, sizeof(*report));
	AUTO(freep) struct evidence_note *k = calloc(1, sizeof(*k));
	AUTO(fd_closep) int fd = -EBADF;
	struct verify_options o = { .each = evidence_note_take, .ctx = k };
	struct buf out;
	int r;

	if (!report || !k)
		return err_set(err, ENOMEM, "cannot read the log");
	r = evidence_log_open(&a->log, &fd, err);
	if (r == 0)
		r = verify_fd(fd, &o, report, err);
	if (r < 0)
		return r;
	if (!verify_intact(report) || k->n == 0)
		return err_text(err, EBADMSG,
				k->n ? "%s was altered: 'capsule verify' says how"
				     : "%s has no checkpoint yet",
				a->log);
	out = buf_fixed(k->note, sizeof(k->note));
	out.n = k->n;
	return result_out(a, &out, err);
}

static int log_export(struct log_args *a, struct err *err)
{
	AUTO(reader_done) struct reader reader = { .fd = -EBADF };
	AUTO(buf_done) struct buf out = BUF_INIT(1u << 30);
	AUTO(fd_closep) int fd = -EBADF;
	bool array = a->format && strcmp(a->format, "json") == 0, any = false;
	struct str lines;
	int r;

	if (a->format && !array && strcmp(a->format, "ndjson") != 0)
		return err_text(err, 0, "unknown format '%s': ndjson or json", a->format);
	r = evidence_log_open(&a->log, &fd, err);
	if (r < 0)
		return r;
	if (reader_init(&reader, fd) < 0)
		return err_set(err, ENOMEM, "cannot export");
	if (array)
		buf_putc(&out, '[');
	while ((r = reader_lines(&reader, &lines)) == 0 && lines.n > 0) {
		for (size_t at = 0; at < lines.n;) {
			AUTO(arena_done) struct arena arena = ARENA_INIT(64u << 20);
			const char *nl = memchr(lines.p + at, '\n', lines.n - at);
			struct str line = { lines.p + at, (size_t)(nl - lines.p) - at };
			const struct json *o;

			if (json_parse(&arena, line, &o, err) < 0)
				return err_text(err, EBADMSG, "%s was altered: cannot export",
						a->log);
			if (array && any)
				buf_putz(&out, ",\n");
			buf_puts(&out, line);
			if (!array)
				buf_putc(&out, '\n');
			any = true;
			at += line.n + 1;
		}
		reader_take(&reader, lines.n);
		if (!a->out && out.n >= OUT_FLUSH) {
			r = result_out(a, &out, err);
			if (r < 0)
				return r;
			buf_reset(&out);
		}
	}
	if (r < 0)
		return err_set(err, -r, "cannot read '%s'", a->log);
	if (array)
		buf_putz(&out, "]\n");
	return result_out(a, &out, err);
}

/* ---- the table ---- */

static const struct log_verb verbs[] = {
	{ "show",
	  "usage: capsule log show [OPTIONS] [LOG]\n\nOne line for each record: time, "
	  "seconds since the start, number, type, members.\nLOG is a file or the first "
	  "digits of a session's id; without it: your newest session.\n",
	  "twj", 0, log_show },
	{ "tail",
	  "usage: capsule log tail [OPTIONS] [LOG]\n\nThe last records; with -f also those "
	  "to come.\n",
	  "tfnwj", 0, log_tail },
	{ "prove",
	  "usage: capsule log prove [OPTIONS] LOG SEQ\n       capsule log prove [OPTIONS] "
	  "--from N LOG\n\nWrite a file that proves, without the log, that a record is in it, "
	  "or that it grew out of\nits own first N records.\n",
	  "Fo", 1, log_prove },
	{ "check-proof",
	  "usage: capsule log check-proof [OPTIONS] FILE\n\nExit status: 0 it holds, "
	  "1 it does not, 2 it cannot be told.\n",
	  "kcj", 0, log_check_proof },
	{ "checkpoint",
	  "usage: capsule log checkpoint [OPTIONS] [LOG]\n\nPrint the newest signed "
	  "checkpoint. Kept elsewhere it shows later, by 'capsule verify\n"
	  "--checkpoint', that the log was not cut or rewritten.\n",
	  "o", 0, log_checkpoint },
	{ "export", "usage: capsule log export [OPTIONS] [LOG]\n\nAll records as JSON.\n", "mo", 0,
	  log_export },
};

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int usage(FILE *to, int status)
{
	fputs("usage: capsule log VERB [ARGUMENTS]\n\n"
	      "  show         one line for each record\n"
	      "  tail         the last records, and those to come\n"
	      "  prove        write a proof of a record, or of consistency\n"
	      "  check-proof  check such a file, offline\n"
	      "  checkpoint   print the newest signed checkpoint\n"
	      "  export       all records as JSON\n\n"
	      "'capsule log VERB --help' says more about one.\n",
	      to);
	return status;
}

static int take_option(struct log_args *a, int c)
{
	switch (c) {
	case 't': a->type = optarg; break;
	case 'w': a->wide = true; break;
	case 'f': a->follow = true; break;
	case 'n':
		if (str_to_u64(str_of(optarg), &a->lines) < 0) {
			fprintf(stderr, "capsule log: '%s' is no number\n", optarg);
			return -EINVAL;
		}
		break;
	case 'F': a->from = optarg; break;
	case 'o': a->out = optarg; break;
	case 'k': a->key = optarg; break;
	case 'c': a->checkpoint = optarg; break;
	case 'm': a->format = optarg; break;
	case 'j': a->json = true; break;
	default: return -EINVAL;
	}
	return 0;
}

static int run_verb(const struct log_verb *v, int argc, char **argv)
{
	struct evidence_option options[sizeof(all_options) / sizeof(all_options[0])];
	struct log_args a = { .verb = v->name, .lines = 10 };
	struct err err = ERR_INIT;
	size_t n = 0;
	int c, r;

	for (size_t i = 0; i < sizeof(all_options) / sizeof(all_options[0]); i++)
		if (strchr(v->letters, all_options[i].letter))
			options[n++] = all_options[i];
	while ((c = evidence_getopt(argc, argv, options, n, v->usage)) != -1) {
		if (c == -2)
			return 0;
		if (take_option(&a, c) < 0)
			return CLI_USAGE;
	}
	if (optind < argc)
		a.log = argv[optind++];
	if (optind < argc && v->arguments > 0)
		a.argument = argv[optind++];
	if (optind < argc) {
		fprintf(stderr, "capsule log %s: too many arguments\n", v->name);
		return CLI_USAGE;
	}
	r = ed25519_init() < 0 ? err_text(&err, EIO, "no source of random numbers")
			       : v->run(&a, &err);
	if (r < 0)
		fprintf(stderr, "capsule log %s: %s\n", v->name, err.text);
	return r < 0 ? CLI_USAGE : r;
}

int cli_log(int argc, char **argv)
{
	const char *names[N_VERBS], *near;

	if (argc < 2)
		return usage(stderr, CLI_USAGE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(stdout, 0);
	for (size_t i = 0; i < N_VERBS; i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			return run_verb(&verbs[i], argc - 1, argv + 1);
		names[i] = verbs[i].name;
	}
	near = str_nearest(str_of(argv[1]), names, N_VERBS);
	fprintf(stderr, "capsule log: unknown verb '%s'%s%s%s\n", argv[1],
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return CLI_USAGE;
}
