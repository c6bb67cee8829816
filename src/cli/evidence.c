#include "cli/evidence.h"

#include "audit/keys.h"
#include "base/file.h"
#include "base/own.h"
#include "codec/json_rd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_MAX 16

static void xdg_path(char path[PATH_MAX], const char *variable, const char *otherwise,
		     const char *name)
{
	const char *value = getenv(variable), *home = getenv("HOME");
	int n;

	path[0] = '\0';
	if (value && value[0] == '/')
		n = snprintf(path, PATH_MAX, "%s/capsule/%s", value, name);
	else if (home && home[0] == '/')
		n = snprintf(path, PATH_MAX, "%s/%s/capsule/%s", home, otherwise, name);
	else
		return;
	if (n >= PATH_MAX)
		path[0] = '\0';
}

void evidence_config_path(char path[PATH_MAX], const char *name)
{
	xdg_path(path, "XDG_CONFIG_HOME", ".config", name);
}

void evidence_state_path(char path[PATH_MAX], const char *name)
{
	xdg_path(path, "XDG_STATE_HOME", ".local/state", name);
}

const char *tint(enum tint t)
{
	static const char *const sequence[] = {
		[TINT_NONE] = "\033[0m",  [TINT_GOOD] = "\033[32m", [TINT_BAD] = "\033[1;31m",
		[TINT_WARN] = "\033[33m", [TINT_DIM] = "\033[2m",   [TINT_BOLD] = "\033[1m",
		[TINT_NAME] = "\033[36m",
	};
	static int colours = -1;
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (colours < 0)
		colours = isatty(STDOUT_FILENO) && !(no && no[0]) &&
			  !(term && strcmp(term, "dumb") == 0);
	return colours ? sequence[t] : "";
}

static void help(const struct evidence_option *options, size_t n, const char *usage)
{
	char left[64];

	puts(usage);
	for (size_t i = 0; i < n; i++) {
		const struct evidence_option *o = &options[i];

		(void)snprintf(left, sizeof(left), "-%c, --%s%s%s", o->letter, o->name,
			       o->argument ? " " : "", o->argument ? o->argument : "");
		printf("  %-26s %s\n", left, o->help);
	}
	printf("  %-26s %s\n", "-h, --help", "this");
}

int evidence_getopt(int argc, char **argv, const struct evidence_option *options, size_t n,
		    const char *usage)
{
	struct option longs[OPTIONS_MAX + 2] = { 0 };
	char shorts[2 * OPTIONS_MAX + 4] = "h";
	size_t s = 1;
	int c;

	for (size_t i = 0; i < n && i < OPTIONS_MAX; i++) {
		longs[i] = (struct option){ options[i].name,
					    options[i].argument ? required_argument : no_argument,
					    NULL, options[i].letter };
		shorts[s++] = (char)options[i].letter;
		if (options[i].argument)
			shorts[s++] = ':';
	}
	longs[n] = (struct option){ "help", no_argument, NULL, 'h' };
	c = getopt_long(argc, argv, shorts, longs, NULL);
	if (c != 'h')
		return c;
	help(options, n, usage);
	return -2;
}

int evidence_key(const char *path, struct install_pub *ret_pub, bool *ret_known, struct err *err)
{
	char own[PATH_MAX];
	int r;

	*ret_known = false;
	if (path && strcmp(path, "none") == 0)
		return 0;
	if (!path) {
		evidence_config_path(own, INSTALL_PUB_FILE);
		if (!own[0] || access(own, F_OK) < 0)
			return 0;
		path = own;
	}
	r = install_pub_load(path, ret_pub, err);
	*ret_known = r == 0;
	return r;
}

int evidence_read(const char *path, size_t max, struct buf *out, struct err *err)
{
	AUTO(fd_closep) int fd = -EBADF;
	size_t n;
	char *p;
	int r;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "cannot open '%s'", path);
	*out = BUF_INIT(max + 1);
	p = buf_reserve(out, max);
	r = p ? fd_read_small(fd, p, max, &n) : -ENOMEM;
	if (r < 0)
		return err_set(err, -r, "cannot read '%s'", path);
	buf_commit(out, n);
	return 0;
}

void evidence_findings_put(struct json_wr *w, const struct verify_report *report)
{
	json_key(w, "findings");
	json_array(w);
	for (size_t i = 0; i < report->n_findings; i++) {
		const struct verify_finding *f = &report->finding[i];

		json_object(w);
		json_key(w, "kind");
		json_strz(w, verify_kind_name[f->kind]);
		json_key(w, "first");
		json_u64(w, f->first);
		json_key(w, "last");
		json_u64(w, f->last);
		json_key(w, "line");
		json_u64(w, f->line);
		json_key(w, "text");
		json_strz(w, f->text);
		json_end_object(w);
	}
	json_end_array(w);
	json_key(w, "more");
	json_u64(w, report->more);
}

void evidence_finding_text(struct buf *out, const struct verify_finding *f)
{
	if (f->first == f->last)
		buf_printf(out, "record %llu", (unsigned long long)f->first);
	else
		buf_printf(out, "records %llu to %llu", (unsigned long long)f->first,
			   (unsigned long long)f->last);
	if (f->line > 0)
		buf_printf(out, " (line %llu)", (unsigned long long)f->line);
	buf_printf(out, ": %s", f->text);
}

void evidence_findings_print(const struct verify_report *report)
{
	char room[512];

	for (size_t i = 0; i < report->n_findings; i++) {
		struct buf b = buf_fixed(room, sizeof(room));

		evidence_finding_text(&b, &report->finding[i]);
		printf("  %s%-10s%s %.*s\n", tint(TINT_BAD),
		       verify_kind_name[report->finding[i].kind], tint(TINT_NONE),
		       STR_ARG(buf_str(&b)));
	}
	if (report->more > 0)
		printf("  and %llu more\n", (unsigned long long)report->more);
}

int evidence_flush(struct buf *out, int status)
{
	if (!buf_error(out) && fwrite(out->p, 1, out->n, stdout) == out->n && fflush(stdout) == 0)
		return status;
	fprintf(stderr, "capsule: cannot write the result\n");
	return CLI_USAGE;
}

void evidence_note_take(void *ctx, const struct line_head *head, struct str line)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(1u << 20);
	struct evidence_note *k = ctx;
	const struct json *o;
	struct str note;

	if (!str_eqz(head->type, "checkpoint") || json_parse(&arena, line, &o, NULL) < 0 ||
	    !json_get_str(o, "note", &note) || note.n > sizeof(k->note))
		return;
	memcpy(k->note, note.p, note.n);
	k->n = note.n;
}
